"""Building blocks for what the policy `data-deletion` judges, with the values that matter least filled in."""

from datetime import UTC, datetime, timedelta
from typing import Any

from stackwarden.exemptions import Exemptions
from stackwarden.finding import Action, ActionKind, Attempt, Exemption
from stackwarden.policies.data_deletion import Case
from stackwarden.policies.data_state import Backup, Hazard, ResourceState, Situation, StackState

HAPPENED = datetime(2026, 1, 15, 10, tzinfo=UTC)
STACK_ID = "arn:aws:cloudformation:us-east-1:123456789012:stack/shop/11111111-2222-3333-4444-555555555555"
TABLE, STREAM = "AWS::DynamoDB::Table", "AWS::Kinesis::Stream"
INSTANCE, CLUSTER = "AWS::RDS::DBInstance", "AWS::RDS::DBCluster"


def resource(type_: str, name: str, **changes: Any) -> ResourceState:
    """A data resource of the stack `shop`."""
    known: dict[str, Any] = {
        "arn": f"arn:aws:service:us-east-1:123456789012:thing/{name}",
        "logical_id": f"Logical{name.capitalize()}",
        "stack_id": STACK_ID,
        "stack_names": ("shop",),
    }
    return ResourceState(type=type_, name=name, **known | changes)


def table(name: str = "orders", *, protected: bool = False, **changes: Any) -> ResourceState:
    """A DynamoDB table with all its protection on or off."""
    known = {"deletion_protection": protected, "point_in_time_recovery": protected}
    return resource(TABLE, name, **known | changes)


def stack(status: str = "CREATE_COMPLETE", *, protected: bool = False) -> StackState:
    """The stack `shop`."""
    return StackState(id=STACK_ID, name="shop", status=status, termination_protection=protected)


def case(
    hazard: Hazard, *resources: ResourceState, of: StackState | None = None, exempt: str = "", **rest: Any
) -> Case:
    """What is judged; `exempt` names what has an exemption."""
    exemptions = Exemptions({name: exemption(name) for name in exempt.split()})
    situation = Situation(hazard=hazard, stack=of, resources=resources, happened_at=HAPPENED)
    return Case(situation=situation, exemptions=exemptions, **rest)


def exemption(name: str) -> Exemption:
    """An exemption in force."""
    return Exemption(
        name=f"/stackwarden/exemptions/data-deletion/{name}",
        requested_by="developer",
        approved_by="security",
        reason="a throw-away copy",
        until="2026-02-01T00:00:00+00:00",
    )


def backup(*, after: timedelta = timedelta(seconds=5), available: bool = True, **changes: Any) -> Backup:
    """A backup made some time after the event."""
    known: dict[str, Any] = {
        "arn": "arn:aws:dynamodb:us-east-1:123456789012:table/orders/backup/01",
        "kind": "USER",
    }
    return Backup(available=available, created_at=HAPPENED + after, **known | changes)


def tried(action: Action, *, failed: bool = False, in_round: int = 0) -> Attempt:
    """What the workflow made of an action."""
    status = {"status": "failed", "error": "X.Y: no"} if failed else {"status": "done"}
    return Attempt.model_validate({**action.model_dump(), **status, "round": in_round})


def done(kind: ActionKind, target: str = "orders", **parameters: Any) -> Attempt:
    """An action that the workflow made."""
    return tried(Action(kind=kind, target=target, parameters=parameters))


def failed(kind: ActionKind, target: str = "orders", **parameters: Any) -> Attempt:
    """An action that AWS refused."""
    return tried(Action(kind=kind, target=target, parameters=parameters), failed=True)
