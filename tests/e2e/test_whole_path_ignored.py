"""What must start nothing: failed calls, events of the past, Stackwarden's own stack and its own calls."""

from datetime import UTC, datetime, timedelta

from local.deploy import STACK
from tests.e2e.developer import refused, until
from tests.e2e.guarded import Guarded
from tests.e2e.stacks import Json, body, table


def later(event: Json, **hours: float) -> str:
    """The time of an event, moved."""
    moved = datetime.fromisoformat(event["time"]) + timedelta(**hours)
    return moved.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%SZ")


def ignored(guarded: Guarded, event: Json) -> list[str]:
    """Why the guard ignored an event, from its log."""
    return [entry["reason"] for entry in guarded.logged('"ignored"') if entry["event_id"] == event["id"]]


def test_a_call_that_failed_starts_nothing(guarded: Guarded) -> None:
    guarded.create_table("notes")
    guarded.report("notes", "unprotected")
    guarded.rest()
    before = guarded.executions()

    code = refused(lambda: guarded.client("dynamodb").delete_table(TableName="notes"))
    event = guarded.call("DeleteTable", tableName="notes")
    guarded.rest()

    assert code == "ValidationException"
    assert event["detail"]["errorCode"] == "ValidationException"
    assert guarded.executions() == before


def test_replayed_and_old_events_start_nothing(guarded: Guarded) -> None:
    with guarded.unseen():
        stack = guarded.create_stack("shop", body(Orders=table("orders")))
        guarded.settled(stack, "CREATE_COMPLETE")
        deletion = guarded.delete_stack(stack)
        call = guarded.call("DeleteStack", stackName=stack)
        guarded.settled(stack, "DELETE_COMPLETE")
    before = guarded.executions()
    past = {**call["detail"], "eventTime": later(call, hours=-2)}

    guarded.deliver(deletion, **{"id": "replayed", "replay-name": "yesterday"})
    guarded.deliver(deletion, id="old", time=later(deletion, hours=-2))
    # A call is as old as its record says, whenever its event comes.
    guarded.deliver({**call, "detail": past}, id="old-call")
    guarded.rest()

    assert guarded.executions() == before
    assert guarded.ledger_of(stack) == []
    reasons = {event: ignored(guarded, {"id": event}) for event in ("replayed", "old", "old-call")}
    assert reasons == {
        "replayed": ["a replayed event"],
        "old": ["older than 1:00:00"],
        "old-call": ["older than 1:00:00"],
    }


def test_a_table_is_protected_by_stackwarden_without_an_echo(guarded: Guarded) -> None:
    guarded.create_table("memos")
    report = guarded.report("memos", "unprotected")
    guarded.rest()

    own = guarded.call("UpdateTable", tableName="memos", deletionProtectionEnabled=True)
    issuer = own["detail"]["userIdentity"]["sessionContext"]["sessionIssuer"]
    assert issuer["userName"].startswith(f"{STACK}-RemediationRole-")
    assert [name for name in guarded.executions() if name.startswith(report.finding["id"])] == [
        report.ledger["execution"].rpartition(":")[2]
    ]


def test_a_call_of_the_workflows_own_role_starts_nothing(guarded: Guarded) -> None:
    guarded.create_table("drafts")
    guarded.report("drafts", "unprotected")
    guarded.rest()
    before = guarded.executions()
    own = guarded.call("UpdateTable", tableName="drafts", deletionProtectionEnabled=True)
    parameters = {**own["detail"]["requestParameters"], "deletionProtectionEnabled": False}
    off: Json = {**own, "detail": {**own["detail"], "requestParameters": parameters}}
    until(lambda: (guarded.table("drafts") or {})["TableStatus"] == "ACTIVE", "the table can be changed")
    with guarded.unseen():
        guarded.client("dynamodb").update_table(TableName="drafts", DeletionProtectionEnabled=False)

    guarded.deliver(off, id="own-call")
    guarded.rest()
    assert guarded.executions() == before

    # The same call by somebody else is one to act on: it was the role that made the difference.
    somebody: Json = {"type": "IAMUser", "arn": "arn:aws:iam::123456789012:user/somebody"}
    guarded.deliver({**off, "detail": {**off["detail"], "userIdentity": somebody}}, id="call-of-somebody")
    assert guarded.report("drafts", "protection-removed").outcome == "protected"


def test_what_is_done_to_stackwardens_own_stack_starts_nothing(guarded: Guarded) -> None:
    before = guarded.executions()
    cloudformation = guarded.client("cloudformation")
    own = guarded.stack(STACK)

    for enabled in (True, False):
        cloudformation.update_termination_protection(StackName=STACK, EnableTerminationProtection=enabled)
    call = guarded.call("UpdateTerminationProtection", enableTerminationProtection=False)
    guarded.rest()
    assert STACK in call["detail"]["requestParameters"]["stackName"]
    assert guarded.executions() == before
    assert guarded.terminable(STACK)

    # Last of this module: Stackwarden lets itself be removed; its ledger stays.
    cloudformation.delete_stack(StackName=STACK)
    guarded.settled(own["StackId"], "DELETE_COMPLETE")
    guarded.rest()
    assert guarded.ledger_of(own["StackId"]) == []
    assert guarded.table(guarded.outputs["LedgerTableName"]) is not None
