"""The contract with the workflow: what a guard found, what is to be done, how it ended.

The remediation state machine passes this as JSON and a guard answers in it, so every model here is the wire
format: unknown keys are refused, so that a misspelt key fails at once instead of being lost.
"""

import hashlib
from enum import StrEnum
from typing import Any, Literal

from pydantic import BaseModel, ConfigDict, Field


class Wire(BaseModel):
    """Strict base of everything that crosses between a guard and the workflow."""

    model_config = ConfigDict(extra="forbid", frozen=True)


class Severity(StrEnum):
    """How soon a person should look. HIGH: now."""

    LOW = "LOW"
    MEDIUM = "MEDIUM"
    HIGH = "HIGH"


class Mode(StrEnum):
    """What a guard may do. `off` also disables its rules."""

    OFF = "off"
    OBSERVE = "observe"
    ENFORCE = "enforce"


class Outcome(StrEnum):
    """How a finding ended.

    `dismissed`: looked at again, there is no hazard (any more); kept in the ledger, never reported.
    """

    OBSERVED = "observed"
    EXEMPT = "exempt"
    BLOCKED = "blocked"
    PROTECTED = "protected"
    RESCUED = "rescued"
    REMEDIATED = "remediated"
    FAILED = "failed"
    LOST = "lost"
    DISMISSED = "dismissed"


class Resource(Wire):
    """What a finding is about. `name` is what an exemption names."""

    type: str
    arn: str
    name: str
    account: str
    region: str
    stack_id: str | None = None


class Actor(Wire):
    """Who made the call, from its CloudTrail record. `event_time` is ISO 8601, UTC."""

    arn: str
    event_id: str
    event_name: str
    event_time: str
    source_ip: str


class Exemption(Wire):
    """An exemption in force (see exemptions.py)."""

    name: str
    requested_by: str
    approved_by: str
    reason: str
    until: str


class ActionKind(StrEnum):
    """The vocabulary of the workflow: one state of statemachines/remediation.asl.json each."""

    SET_TERMINATION_PROTECTION = "set-termination-protection"
    PROTECT_TABLE = "protect-table"
    ENABLE_POINT_IN_TIME_RECOVERY = "enable-point-in-time-recovery"
    BACK_UP_TABLE = "back-up-table"
    PROTECT_DB_INSTANCE = "protect-db-instance"
    PROTECT_DB_CLUSTER = "protect-db-cluster"
    TAG_TABLE = "tag-table"
    TAG_DB = "tag-db"
    CAP_CONCURRENCY = "cap-concurrency"
    RESTORE_CONCURRENCY = "restore-concurrency"
    RELEASE_CONCURRENCY = "release-concurrency"
    SET_RECURSIVE_LOOP = "set-recursive-loop"
    TAG_FUNCTION = "tag-function"
    UNTAG_FUNCTION = "untag-function"
    PUBLISH_VERSION = "publish-version"
    CREATE_ALIAS = "create-alias"
    UPDATE_ALIAS = "update-alias"
    ADD_PERMISSION = "add-permission"
    REPOINT_MAPPING = "repoint-mapping"
    REPOINT_NOTIFICATION = "repoint-notification"
    REPOINT_TARGET = "repoint-target"
    REPOINT_SUBSCRIPTION = "repoint-subscription"
    END_SUBSCRIPTION = "end-subscription"
    CREATE_DELIVERY_STREAM = "create-delivery-stream"
    DELETE_DELIVERY_STREAM = "delete-delivery-stream"
    TAG_STREAM = "tag-stream"


class Action(Wire):
    """One change for the workflow to make.

    target: what the API call names (a table's name, a stack's id, an ARN for tags). before: the values that
    the change overwrites, enough to put them back.
    """

    kind: ActionKind
    target: str
    parameters: dict[str, Any] = Field(default_factory=dict)
    before: dict[str, Any] = Field(default_factory=dict)


class Attempt(Action):
    """An action that the workflow tried in a round; error: `<name>: <cause>` as Step Functions gives it."""

    status: Literal["done", "failed"]
    error: str = ""
    round: int = 0


class Finding(Wire):
    """A hazard. `id` is the same for the same hazard however often and through whatever event it was seen."""

    id: str
    guard: str
    hazard: str
    severity: Severity
    title: str
    why: str
    fix: str
    resource: Resource
    actor: Actor | None = None
    mode: Mode
    environment: str
    exemption: Exemption | None = None
    evidence: dict[str, Any] = Field(default_factory=dict)


class Prose(Wire):
    """The words of a finding. `why`: what happened and what it endangers. `fix`: what its owner does now."""

    severity: Severity
    title: str
    why: str
    fix: str
    evidence: dict[str, Any]


NOBODY = "null"  # JSON, for an actor that is not known yet


class Verdict(Wire):
    """What is next: the state that travels through the workflow.

    next: `act` (do `actions`, then judge again), `wait` (judge again after `wait_seconds`) or `done`
    (close with `outcome`). function: the guard's own function, which judges again and writes the report.
    actor: the finding's as JSON, for the ledger. subject: tells the guard what to look at again; only the
    guard reads it. results: what the workflow made of `actions`; attempts: all results so far. round: counts
    judgements. ledger (`actor`: JSON that a second event may have left in the entry) and failure (`Error`,
    `Cause`) are left by the workflow.
    """

    finding: Finding
    function: str
    actor: str = NOBODY
    next: Literal["act", "wait", "done"]
    subject: dict[str, Any]
    actions: list[Action] = Field(default_factory=list)
    results: list[Attempt] = Field(default_factory=list)
    attempts: list[Attempt] = Field(default_factory=list)
    annotations: list[Action] = Field(default_factory=list)
    wait_seconds: int = 0
    outcome: Outcome | None = None
    round: int = 0
    ledger: dict[str, Any] = Field(default_factory=dict)
    failure: dict[str, Any] | None = None


def finding_id(guard: str, resource_arn: str, *state: str) -> str:
    """Derive the id from guard, resource and the state that was judged: `<guard>-<16 hexadecimal digits>`.

    With the id of the event (36 characters) behind it, it fits the 80 characters of an execution's name.
    """
    digest = hashlib.sha256("\n".join((guard, resource_arn, *state)).encode()).hexdigest()
    return f"{guard}-{digest[:16]}"
