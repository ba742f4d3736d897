"""What `s3-recursion` judges: functions and their roles, buckets and what they trigger. Pure data.

The same models are filled from a live account and from a template.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Any, Literal

from stackwarden.policies.s3_patterns import ANYTHING, Glob


@dataclass(frozen=True)
class Condition:
    """One line of a Condition element: `{"StringLike": {"s3:prefix": ["in/*"]}}`."""

    operator: str
    key: str
    values: tuple[str, ...]


@dataclass(frozen=True)
class Statement:
    """One statement of a policy, as written; what is missing is empty.

    source: the name or the ARN of the policy. principals: `<kind>:<value>`, such as `AWS:*` or
    `Service:s3.amazonaws.com`; a NotPrincipal is not modelled (`not_principals` holds it).
    """

    source: str
    effect: Literal["Allow", "Deny"]
    sid: str = ""
    actions: tuple[str, ...] = ()
    not_actions: tuple[str, ...] = ()
    resources: tuple[str, ...] = ()
    not_resources: tuple[str, ...] = ()
    conditions: tuple[Condition, ...] = ()
    principals: tuple[str, ...] = ()
    not_principals: tuple[str, ...] = ()

    def __str__(self) -> str:
        """Name it as a developer finds it."""
        return f"statement {self.sid} of {self.source}" if self.sid else f"a statement of {self.source}"


def statements(source: str, document: Mapping[str, Any]) -> tuple[Statement, ...]:
    """Read a policy document; one value may stand for a list of one, everywhere.

    https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_policies_grammar.html
    """
    return tuple(_statement(source, statement) for statement in _listed(document.get("Statement")))


def _statement(source: str, statement: Mapping[str, Any]) -> Statement:
    def element(name: str) -> tuple[str, ...]:
        return tuple(str(value) for value in _listed(statement.get(name)))

    return Statement(
        source=source,
        effect="Deny" if statement.get("Effect") == "Deny" else "Allow",
        sid=str(statement.get("Sid") or ""),
        actions=element("Action"),
        not_actions=element("NotAction"),
        resources=element("Resource"),
        not_resources=element("NotResource"),
        conditions=tuple(
            Condition(operator, key, tuple(_text(value) for value in _listed(values)))
            for operator, lines in (statement.get("Condition") or {}).items()
            for key, values in lines.items()
        ),
        principals=_principals(statement.get("Principal")),
        not_principals=_principals(statement.get("NotPrincipal")),
    )


def _principals(element: Any) -> tuple[str, ...]:
    if isinstance(element, str):
        return (f"AWS:{element}",)
    return tuple(f"{kind}:{value}" for kind, values in (element or {}).items() for value in _listed(values))


def _listed(value: Any) -> list[Any]:
    if value is None:
        return []
    return list(value) if isinstance(value, list | tuple) else [value]


def _text(value: Any) -> str:
    return str(value).lower() if isinstance(value, bool) else str(value)


@dataclass(frozen=True)
class Role:
    """A function's role. id: `AROA…`. statements: of inline and attached policies. boundary: None if none."""

    arn: str
    id: str
    statements: tuple[Statement, ...]
    boundary: tuple[Statement, ...] | None = None
    tags: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True)
class Caller:
    """A function that makes calls with its role. arn: unqualified."""

    arn: str
    role: Role
    in_vpc: bool = False

    @property
    def name(self) -> str:
        """The function's name, which is the name of its role session."""
        return self.arn.split(":")[6]

    @property
    def partition(self) -> str:
        """Of every ARN here."""
        return self.arn.split(":")[1]

    @property
    def region(self) -> str:
        """Where it runs."""
        return self.arn.split(":")[3]

    @property
    def account(self) -> str:
        """Whose it is."""
        return self.arn.split(":")[4]


@dataclass(frozen=True)
class KeyFilter:
    """Which object keys pass: those that match all of `all_of` and none of `none_of`.

    text: for people. prefix, suffix: of a notification, as its owner wrote them.
    """

    all_of: tuple[Glob, ...] = ()
    none_of: tuple[Glob, ...] = ()
    text: str = "every key"
    prefix: str = ""
    suffix: str = ""

    @classmethod
    def of(cls, prefix: str = "", suffix: str = "") -> "KeyFilter":
        """A notification's filter. Both are tested by themselves, so that they may overlap in a key."""
        globs = [Glob.literal(prefix) + ANYTHING] if prefix else []
        globs += [ANYTHING + Glob.literal(suffix)] if suffix else []
        parts = [f"{name} {value!r}" for name, value in (("prefix", prefix), ("suffix", suffix)) if value]
        return cls(tuple(globs), (), " and ".join(parts) or "every key", prefix, suffix)


class Event(StrEnum):
    """What S3 tells about an object; those that no call of a function raises are left out.

    https://docs.aws.amazon.com/AmazonS3/latest/userguide/notification-how-to-event-types-and-destinations.html
    """

    PUT = "s3:ObjectCreated:Put"
    POST = "s3:ObjectCreated:Post"
    COPY = "s3:ObjectCreated:Copy"
    COMPLETE_MULTIPART_UPLOAD = "s3:ObjectCreated:CompleteMultipartUpload"
    DELETE = "s3:ObjectRemoved:Delete"
    DELETE_MARKER_CREATED = "s3:ObjectRemoved:DeleteMarkerCreated"
    TAGGING_PUT = "s3:ObjectTagging:Put"
    TAGGING_DELETE = "s3:ObjectTagging:Delete"
    ACL_PUT = "s3:ObjectAcl:Put"
    RESTORE_POST = "s3:ObjectRestore:Post"
    RESTORE_COMPLETED = "s3:ObjectRestore:Completed"
    RESTORE_DELETE = "s3:ObjectRestore:Delete"


# The permissions, each of which suffices to raise the event.
# https://docs.aws.amazon.com/AmazonS3/latest/userguide/using-with-s3-policy-actions.html
RAISED_BY: Mapping[Event, tuple[str, ...]] = {
    Event.PUT: ("s3:PutObject",),
    Event.POST: ("s3:PutObject",),
    Event.COPY: ("s3:PutObject",),
    Event.COMPLETE_MULTIPART_UPLOAD: ("s3:PutObject",),
    Event.DELETE: ("s3:DeleteObject", "s3:DeleteObjectVersion"),
    Event.DELETE_MARKER_CREATED: ("s3:DeleteObject",),
    Event.TAGGING_PUT: ("s3:PutObjectTagging", "s3:PutObjectVersionTagging"),
    Event.TAGGING_DELETE: ("s3:DeleteObjectTagging", "s3:DeleteObjectVersionTagging"),
    Event.ACL_PUT: ("s3:PutObjectAcl", "s3:PutObjectVersionAcl"),
    Event.RESTORE_POST: ("s3:RestoreObject",),
    Event.RESTORE_COMPLETED: ("s3:RestoreObject",),
    Event.RESTORE_DELETE: ("s3:RestoreObject",),
}


def events_of(names: tuple[str, ...]) -> tuple[Event, ...]:
    """Return the events that a notification's list names: `s3:ObjectCreated:*` names four of them."""
    wanted = [name.removesuffix("*") if name.endswith(":*") else name for name in names]
    return tuple(
        event
        for event in Event
        if any(
            event.value == name or (name.endswith(":") and event.value.startswith(name)) for name in wanted
        )
    )


@dataclass(frozen=True)
class Trigger:
    """What a bucket tells to whom.

    name: the notification's id, or the rule's name. source_arn: of the bucket or the rule, which invokes.
    target: the ARN of a function (with its qualifier), a
    topic or a queue. filters: alternatives, one of which must pass. doubt: a condition that was not
    evaluated; the trigger may fire less often than it seems. by_role: it invokes with a role of its own.
    """

    bucket: str
    kind: Literal["notification", "rule"]
    name: str
    target: str
    events: tuple[Event, ...]
    source_arn: str = ""
    filters: tuple[KeyFilter, ...] = (KeyFilter(),)
    doubt: str = ""
    by_role: bool = False

    def __str__(self) -> str:
        """Name it as a developer finds it."""
        return f"{self.kind} {self.name!r} of bucket {self.bucket}"


@dataclass(frozen=True)
class Rule:
    """An EventBridge rule of the default bus. pattern: decoded. targets: ARNs, some invoked by a role."""

    name: str
    arn: str
    pattern: Mapping[str, Any]
    targets: tuple[str, ...]
    by_role: frozenset[str] = frozenset()


@dataclass(frozen=True)
class Bucket:
    """A bucket of the account and Region. to_eventbridge: it tells EventBridge everything."""

    name: str
    triggers: tuple[Trigger, ...] = ()
    to_eventbridge: bool = False


@dataclass(frozen=True)
class Route:
    """A subscription or an event source mapping that passes on what a topic or a queue gets.

    target: an ARN, as in Trigger. doubt: a filter that was not evaluated.
    """

    target: str
    name: str
    doubt: str = ""


@dataclass(frozen=True)
class Function:
    """A function as a trigger names it. arn: with its qualifier, if it is named with one."""

    arn: str
    role_arn: str
    in_vpc: bool = False

    @property
    def unqualified(self) -> str:
        """The function's own ARN."""
        return unqualified(self.arn)


def unqualified(arn: str) -> str:
    """Return a function's ARN without version or alias."""
    return ":".join(arn.split(":")[:7])
