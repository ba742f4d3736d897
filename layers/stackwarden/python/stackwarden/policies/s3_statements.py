"""What a statement is about: which actions, whose, and which objects of a bucket. Pure."""

import json
from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from itertools import takewhile
from typing import Any

from stackwarden.policies.s3_conditions import Expansion, Known, Lookup, arn_segments, expand, spells_arn
from stackwarden.policies.s3_patterns import ANYTHING, Glob, Token
from stackwarden.policies.s3_requests import role_facts
from stackwarden.policies.s3_state import Caller, Role, Statement


def acts(statement: Statement, action: str) -> bool:
    """Whether its Action or NotAction covers this one. Upper and lower case are the same.

    https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_policies_elements_action.html
    """

    def is_among(patterns: tuple[str, ...]) -> bool:
        return any(Glob.parse(pattern.lower()).matches(action.lower()) for pattern in patterns)

    if statement.not_actions:
        return not is_among(statement.not_actions)
    return is_among(statement.actions)


def concerns(statement: Statement, caller: Caller) -> bool | None:
    """Whether a statement of a bucket's policy is about the session of a function; None: not certain.

    The account as principal only leaves the decision to identity policies, so that its Allow grants nothing.
    https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_policies_elements_principal.html
    https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_policies_elements_notprincipal.html
    """
    role, account = caller.role, {f"AWS:{caller.account}", _iam(caller, "root")}
    name = role.arn.rpartition("/")[2]
    session = f"AWS:arn:{caller.partition}:sts::{caller.account}:assumed-role/{name}/{caller.name}"
    itself = {f"AWS:{role.arn}", session, f"AWS:{role.id}"}
    named = set(statement.principals)
    if statement.effect == "Allow":
        return bool(named & {"AWS:*", *itself})
    if statement.not_principals:
        spared = set(statement.not_principals)
        if role.boundary is not None:  # such a Deny is then without exceptions
            return True
        return (
            False if spared & account and spared & itself else None if spared & (account | itself) else True
        )
    if named & {"AWS:*", *itself, *account}:
        return True
    return None if any(principal.startswith("CanonicalUser:") for principal in named) else False


def _iam(caller: Caller, resource: str) -> str:
    return f"AWS:arn:{caller.partition}:iam::{caller.account}:{resource}"


@dataclass(frozen=True)
class Choice:
    """One way to choose an object: it matches all of these and none of those."""

    all_of: tuple[Glob, ...] = ()
    none_of: tuple[Glob, ...] = ()

    @cached_property
    def beginning(self) -> str:
        """The text before the first wildcard, the longest one."""
        return max((_literal_beginning(glob) for glob in self.all_of), key=len, default="")

    def may_go_with(self, other: "Choice") -> bool:
        """Whether both may be had at once, by what the patterns begin with: a quick look before a search."""
        first, second = self.beginning, other.beginning
        return first.startswith(second) or second.startswith(first)


@dataclass(frozen=True)
class Area:
    """Objects of a bucket: those whose ARN matches one of the globs or, if `outside`, none."""

    globs: tuple[Glob, ...]
    outside: bool = False

    def ways_in(self) -> Iterator[Choice]:
        """Yield what to ask of an object to be within."""
        if self.outside:
            yield Choice(none_of=self.globs)
        else:
            yield from (Choice((glob,)) for glob in self.globs)

    def ways_out(self) -> Iterator[Choice]:
        """Yield what to ask of an object not to be within."""
        yield from Area(self.globs, not self.outside).ways_in()

    def covers(self, arn: str) -> bool:
        """Whether the object is within."""
        return any(glob.matches(arn) for glob in self.globs) is not self.outside

    @property
    def is_empty(self) -> bool:
        """Whether no object can be within."""
        return not self.globs and not self.outside


def allowed_area(statement: Statement, lookup: Lookup, base: str) -> Area:
    """Return the objects that an Allow is surely about. base: `arn:<partition>:s3:::<bucket>/`.

    A Resource whose variables are unknown counts for nothing, nor does a NotResource.
    """
    if not statement.not_resources:
        expanded = [expand(pattern, lookup) for pattern in statement.resources]
        return Area(_all(_narrow(expansion.glob, base) for expansion in expanded if expansion.is_exact))
    expanded = [expand(pattern, lookup) for pattern in statement.not_resources]
    if any(not expansion.is_exact for expansion in expanded):
        return Area(())
    return Area(_all(_wide(expansion.glob, base) for expansion in expanded), outside=True)


def denied_areas(statement: Statement, lookup: Lookup, base: str) -> tuple[Area, Area]:
    """Return the objects that a Deny is surely about, and those that it may be about (unknown variables)."""
    if not statement.not_resources:
        expanded = [expand(pattern, lookup) for pattern in statement.resources]
        sure = [expansion for expansion in expanded if expansion.is_exact]
        unsure = [expansion for expansion in expanded if expansion.is_unknown and not expansion.is_absent]
        return _within(sure, base), _within(unsure, base)
    expanded = [expand(pattern, lookup) for pattern in statement.not_resources]
    exact = _all(_narrow(expansion.glob, base) for expansion in expanded if expansion.is_exact)
    rest = _all(_wide(expansion.glob, base) for expansion in expanded if not expansion.is_exact)
    return Area((*exact, *rest), outside=True), Area(exact, outside=True) if rest else Area(())


def _within(expanded: list[Expansion], base: str) -> Area:
    return Area(_all(_wide(expansion.glob, base) for expansion in expanded))


def _all(found: Iterator[tuple[Glob, ...]]) -> tuple[Glob, ...]:
    return tuple(dict.fromkeys(glob for globs in found for glob in globs))


def _object_pattern(glob: Glob, partition: str) -> Glob | None:
    """Return the pattern for `<bucket>/<key>` that an ARN holds; None if it names no object of S3."""
    *segments, last = arn_segments(glob)
    wanted = ("arn", partition, "s3", "", "")
    return last if all(s.matches(text) for s, text in zip(segments, wanted, strict=True)) else None


def _narrow(glob: Glob, base: str) -> tuple[Glob, ...]:
    """Read it as IAM surely does: only a `*` at the end of a segment reaches over the colon."""
    if not spells_arn(glob) or not _begins_alike(glob, base):
        return (glob,) if _reaches(glob, base) else ()
    last = _object_pattern(glob, base.split(":")[1])
    readings = [] if last is None else [Glob.literal(base[: base.rindex(":") + 1]) + last]
    *segments, _ = arn_segments(glob)
    if all(Token.ONE not in segment.tokens and Token.ANY not in segment.tokens[:-1] for segment in segments):
        readings.append(glob)
    return tuple(dict.fromkeys(reading for reading in readings if _reaches(reading, base)))


def _wide(glob: Glob, base: str) -> tuple[Glob, ...]:
    """Read it so that every wildcard may reach over colons, too."""
    return tuple(dict.fromkeys((*_narrow(glob, base), *((glob,) if _reaches(glob, base) else ()))))


def _reaches(glob: Glob, base: str) -> bool:
    """Whether it may match an object of the bucket, as far as its beginning tells."""
    return _begins_alike(glob, base) and not (glob.is_literal and len(glob.tokens) <= len(base))


def _begins_alike(glob: Glob, base: str) -> bool:
    beginning = _literal_beginning(glob)
    return beginning.startswith(base) or base.startswith(beginning)


def _literal_beginning(glob: Glob) -> str:
    pieces = takewhile(lambda piece: not isinstance(piece, Token), glob.tokens)
    return "".join(map(str, pieces))


def spells_bucket(choice: Choice, base: str) -> bool:
    """Whether it asks for this bucket in full, without a wildcard."""
    return any(glob.tokens[: len(base)] == tuple(base) for glob in choice.all_of)


def buckets_named(
    role: Role, actions: Collection[str], partition: str
) -> tuple[frozenset[str], tuple[Glob, ...]]:
    """Return the buckets that the role's Allows of any of the actions spell, and patterns for all others.

    That may be more than the role may use: conditions, denies and the boundary are not asked.
    """
    facts = {key.lower(): (value,) for key, value in role_facts(role).items()}

    def lookup(key: str) -> Known:
        return facts.get(key.lower())

    named: set[str] = set()
    patterns: dict[Glob, None] = {}
    for statement in role.statements:
        if statement.effect != "Allow" or not any(acts(statement, action) for action in actions):
            continue
        if statement.not_resources:
            patterns[ANYTHING] = None
        for resource in statement.resources:
            for bucket in _bucket_parts(expand(resource, lookup).glob, partition):
                if bucket.is_literal:
                    named.add("".join(token for token in bucket.tokens if isinstance(token, str)))
                else:
                    patterns[bucket] = None
    return frozenset(named), (ANYTHING,) if ANYTHING in patterns else tuple(patterns)


def _bucket_parts(glob: Glob, partition: str) -> Iterator[Glob]:
    """Yield what comes before the key: a wildcard may stand for the slash, too."""
    if not spells_arn(glob):
        yield ANYTHING
        return
    pattern = _object_pattern(glob, partition) or Glob(())
    for position, piece in enumerate(pattern.tokens):
        before = Glob(pattern.tokens[:position])
        if piece is Token.ANY:
            yield before + ANYTHING
            return
        if piece in ("/", Token.ONE):
            yield before
        if piece == "/":
            return


def to_identity_policy(statements: Sequence[Statement]) -> str:
    """Return a document that says the same without principals, for SimulatePrincipalPolicy's PolicyInputList.

    https://docs.aws.amazon.com/IAM/latest/APIReference/API_SimulatePrincipalPolicy.html
    """
    return json.dumps({"Version": "2012-10-17", "Statement": [_document(each) for each in statements]})


def _document(statement: Statement) -> Mapping[str, Any]:
    elements: dict[str, Any] = {
        "Action": list(statement.actions),
        "NotAction": list(statement.not_actions),
        "Resource": list(statement.resources),
        "NotResource": list(statement.not_resources),
    }
    conditions: dict[str, dict[str, list[str]]] = {}
    for line in statement.conditions:
        conditions.setdefault(line.operator, {})[line.key] = list(line.values)
    if conditions:
        elements["Condition"] = conditions
    return {"Effect": statement.effect} | {name: value for name, value in elements.items() if value}
