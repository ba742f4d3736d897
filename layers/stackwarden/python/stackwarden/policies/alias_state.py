"""What `missing-alias` knows about a function: its code, versions, aliases and invokers. Pure."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Any

from stackwarden.lambda_names import LATEST

INVOCABLE = "Active"  # the state of a version; an Inactive one fails its first invocation


class Kind(StrEnum):
    """What invokes functions."""

    MAPPING = "event source mapping"
    BUCKET = "S3 notification"
    TOPIC = "SNS subscription"
    RULE = "EventBridge target"
    SCHEDULE = "EventBridge schedule"
    PIPE = "EventBridge pipe"
    STATE_MACHINE = "state machine"
    REST_API = "REST API integration"
    HTTP_API = "HTTP API integration"
    FUNCTION_URL = "function URL"
    TARGET_GROUP = "load balancer target"
    LOG_GROUP = "log subscription filter"
    USER_POOL = "Cognito user pool trigger"
    IOT_RULE = "IoT rule action"
    PERMISSION = "permission of a service"  # it may invoke; whether it does cannot be read
    PEOPLE = "permission of an account"  # or of a user or role in one, or of everybody


@dataclass(frozen=True)
class Invoker:
    """One reference to the function, by whatever invokes it.

    source: the ARN of what invokes (the stream or queue of a mapping, a bucket, a topic, a rule), or its id
    where it has no ARN. id: what tells the reference from others of the same source (a mapping's UUID, a
    notification's Id, a target's Id, a subscription's ARN, a statement's Sid). qualifier: as the reference
    has it. enabled: False for what is switched off and invokes nothing now. config: the whole configuration
    around it, as the call that changes it wants it back.
    """

    kind: Kind
    source: str
    id: str
    qualifier: str | None = None
    enabled: bool = True
    config: Mapping[str, Any] = field(default_factory=dict, compare=False)

    @property
    def key(self) -> str:
        """What it is, for the ledger."""
        return f"{self.kind} {self.source} {self.id}"

    @property
    def account(self) -> str:
        """The account of the source, as far as its ARN says."""
        parts = self.source.split(":")
        return parts[4] if self.source.startswith("arn:") and len(parts) > 4 else ""


@dataclass(frozen=True)
class Permission:
    """A statement of the function's resource policy, as AddPermission would make it.

    service: the principal, if it is a service's. exact: whether AddPermission can say exactly the same; a
    policy may hold conditions that the call has no parameter for.
    """

    sid: str
    action: str
    principal: str
    service: bool = True
    source_arn: str | None = None
    source_account: str | None = None
    organization: str | None = None
    event_source_token: str | None = None
    url_auth_type: str | None = None
    via_url: bool | None = None
    exact: bool = True

    @property
    def parameters(self) -> dict[str, Any]:
        """The parameters of AddPermission that make it, besides function, qualifier and statement id."""
        given = {
            "Action": self.action,
            "Principal": self.principal,
            "SourceArn": self.source_arn,
            "SourceAccount": self.source_account,
            "PrincipalOrgID": self.organization,
            "EventSourceToken": self.event_source_token,
            "FunctionUrlAuthType": self.url_auth_type,
            "InvokedViaFunctionUrl": self.via_url,
        }
        return {name: value for name, value in given.items() if value is not None}

    @property
    def copyable(self) -> bool:
        """Whether the workflow can make the same for another qualifier, no wider.

        It knows sources, their accounts, and the tokens of services that have neither.
        """
        source = self.source_arn or self.source_account
        beyond = (
            self.organization or self.url_auth_type or self.via_url or (self.event_source_token and source)
        )
        of_url = self.action.lower() == "lambda:invokefunctionurl"  # an alias has a URL of its own
        return self.exact and not beyond and not of_url

    def allows_as(self, other: "Permission") -> bool:
        """Whether another one allows the same, whatever its statement id."""
        return self.parameters == other.parameters


@dataclass(frozen=True)
class Version:
    """A version, or `$LATEST`.

    configuration: a digest of all that makes it run differently, besides its code.
    """

    number: str
    code_sha256: str
    configuration: str = ""
    state: str = INVOCABLE
    reason: str = ""  # why it is in that state, as Lambda tells it

    def runs_the_same_as(self, other: "Version") -> bool:
        """Whether code and configuration are the same."""
        return (self.code_sha256, self.configuration) == (other.code_sha256, other.configuration)


@dataclass(frozen=True)
class Alias:
    """An alias. weights: the share of the traffic that goes to other versions, by version number."""

    name: str
    version: str
    weights: Mapping[str, float] = field(default_factory=dict)

    @property
    def is_latest(self) -> bool:
        """Whether some of its traffic runs the unpublished code; Lambda allows no weights then."""
        return self.version == LATEST


@dataclass(frozen=True)
class StackPlace:
    """The stack that made the function. settled: whether neither it nor its root is in an operation.
    halted: the status of one that stopped half way, or "".

    tool: `SAM`, `CDK`, `Serverless Framework` or `CloudFormation`, by what the template says of itself.
    """

    id: str
    name: str
    settled: bool = True
    halted: str = ""
    tool: str = "CloudFormation"
    logical_id: str = ""  # of the function in the template


@dataclass(frozen=True)
class Code:
    """The function's code: what is live, and what is published.

    latest: `$LATEST`. newest: the published version with the highest number. versions: those that aliases
    point at, and those with other code than `$LATEST` that a rollback would go to. updating: an update of the
    function is under way. unpublishable: why publishing a version would change more than a version, or "".
    """

    latest: Version
    newest: Version | None = None
    versions: Mapping[str, Version] = field(default_factory=dict)
    updating: bool = False
    unpublishable: str = ""


@dataclass(frozen=True)
class Function:
    """A function with its invokers.

    permissions: of the function without a qualifier; granted: of the alias that Stackwarden uses. code: None
    where it was not needed. async_settings_missing: whether the function without a qualifier has settings for
    asynchronous invocations (retries, destinations) that the alias lacks. unread: what could not be read.
    """

    arn: str
    invokers: tuple[Invoker, ...] = ()
    aliases: Mapping[str, Alias] = field(default_factory=dict)
    permissions: tuple[Permission, ...] = ()
    granted: tuple[Permission, ...] = ()
    tags: Mapping[str, str] = field(default_factory=dict)
    code: Code | None = None
    stack: StackPlace | None = None
    async_settings_missing: bool = False
    unread: tuple[str, ...] = ()  # one sentence each

    @property
    def name(self) -> str:
        """The function's name."""
        return self.arn.split(":")[6]

    def runs_latest(self, invoker: Invoker) -> bool:
        """Whether a reference means the unpublished code: unqualified, `$LATEST`, or an alias on it."""
        if invoker.qualifier in {None, LATEST}:
            return True
        alias = self.aliases.get(invoker.qualifier or "")
        return alias is not None and alias.is_latest

    def dangles(self, invoker: Invoker) -> bool:
        """Whether a reference names an alias that does not exist: its invocations fail."""
        qualifier = invoker.qualifier
        if qualifier is None or qualifier.startswith("$") or qualifier.isdigit():
            return False
        return qualifier not in self.aliases
