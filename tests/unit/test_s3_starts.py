"""From an event to functions that may be part of a loop: what starts the guard, what a stack holds."""

from collections.abc import Iterator
from contextlib import ExitStack
from datetime import UTC, datetime
from typing import Any

import boto3
import pytest
from botocore.stub import Stubber

from stackwarden import aws
from stackwarden.s3_reader import EstateReader
from stackwarden.s3_roles import RoleReader
from stackwarden.s3_starts import Starts
from stackwarden.s3_subject import Kind, Start
from stackwarden.stacks import Stack, StackReader, StackResource
from tests import sample_events
from tests.sample_account import PLACE

GUARD = "s3-recursion"
STACK_ID = "arn:aws:cloudformation:us-east-1:123456789012:stack/shop/1"
POLICY = "arn:aws:iam::123456789012:policy/writer"
THEIR_TOPIC = "arn:aws:sns:us-east-1:210987654321:central"


def function_arn(name: str) -> str:
    return f"arn:aws:lambda:us-east-1:123456789012:function:{name}"


def role_arn(name: str) -> str:
    return f"arn:aws:iam::123456789012:role/{name}"


class OneStack(StackReader):
    """A stack of these resources: (type, physical id)."""

    def __init__(self, *resources: tuple[str, str], status: str = "CREATE_COMPLETE") -> None:
        self._made = resources
        self._status = status

    def describe(self, name_or_id: str) -> Stack:
        return Stack(STACK_ID, "shop", "UPDATE_COMPLETE", STACK_ID, False)

    def resources(self, stack: Stack) -> Iterator[StackResource]:
        for type_, physical_id in self._made:
            now = datetime.now(UTC)
            yield StackResource(type_, "Any", physical_id, self._status, STACK_ID, ("shop",), now)


class OnePolicy(RoleReader):
    """A managed policy that is attached to the role `outside-role`."""

    def using_policy(self, arn: str) -> list[str]:
        assert arn == POLICY
        return ["outside-role"]


@pytest.fixture
def clients(monkeypatch: pytest.MonkeyPatch) -> Iterator[dict[str, Stubber]]:
    """Clients that answer what they are told to and refuse every other call."""
    with ExitStack() as stack:
        made = {name: stack.enter_context(Stubber(_client(name))) for name in ("lambda", "events", "sns")}
        monkeypatch.setattr(aws, "client", lambda service: made[service].client)
        yield made
        for stubber in made.values():
            stubber.assert_no_pending_responses()


def _client(service: Any) -> Any:
    return boto3.client(
        service, region_name="us-east-1", aws_access_key_id="testing", aws_secret_access_key="testing"
    )


@pytest.fixture
def listed(clients: dict[str, Stubber]) -> None:
    """Two functions, which are listed once: `inside` has a role of the stack's name, `outside` another."""
    functions = [
        {"FunctionArn": function_arn(name), "Role": role_arn(f"{name}-role")}
        for name in ("inside", "outside")
    ]
    clients["lambda"].add_response("list_functions", {"Functions": functions})


def starts(*resources: tuple[str, str], status: str = "CREATE_COMPLETE") -> Starts:
    roles = OnePolicy()
    return Starts(PLACE, OneStack(*resources, status=status), roles, EstateReader(PLACE, roles))


class TestAStack:
    START = Start(Kind.STACK, STACK_ID)
    OWN = ("AWS::Lambda::Function", "own")

    @pytest.mark.usefixtures("clients")
    def test_names_its_functions_and_its_aliases(self) -> None:
        alias = function_arn("own:live")

        found = starts(self.OWN, ("AWS::Lambda::Alias", alias)).functions(self.START)

        assert found == (function_arn("own"), alias)

    @pytest.mark.usefixtures("clients")
    def test_with_a_rule_of_another_bus_is_judged_all_the_same(self) -> None:
        """EventBridge takes no `|` in a rule's name."""
        rule = ("AWS::Events::Rule", "orders|nightly")

        assert starts(rule, self.OWN).functions(self.START) == (function_arn("own"),)

    def test_with_a_rule_of_the_default_bus_names_its_targets(self, clients: dict[str, Stubber]) -> None:
        targets = [{"Id": "1", "Arn": function_arn("ocr")}]
        clients["events"].add_response("list_targets_by_rule", {"Targets": targets}, {"Rule": "scans"})

        assert starts(("AWS::Events::Rule", "scans")).functions(self.START) == (function_arn("ocr"),)

    @pytest.mark.usefixtures("listed")
    @pytest.mark.parametrize(
        "permission", [("AWS::IAM::Role", "outside-role"), ("AWS::IAM::ManagedPolicy", POLICY)]
    )
    def test_changes_what_functions_outside_of_it_may_do(self, permission: tuple[str, str]) -> None:
        found = starts(self.OWN, permission).functions(self.START)

        assert set(found) == {function_arn("own"), function_arn("outside")}

    @pytest.mark.usefixtures("listed")
    def test_lists_functions_once_for_all_its_roles(self) -> None:
        roles = [("AWS::IAM::Role", name) for name in ("inside-role", "outside-role", "third-role")]

        assert starts(*roles).functions(self.START) == (function_arn("inside"), function_arn("outside"))

    @pytest.mark.usefixtures("clients")
    def test_does_not_name_what_was_deleted(self) -> None:
        assert starts(self.OWN, status="DELETE_COMPLETE").functions(self.START) == ()


@pytest.mark.usefixtures("clients")
def test_a_topic_of_another_account_is_not_asked() -> None:
    """Its subscriptions are its owner's to read."""
    assert starts().functions(Start(Kind.TOPIC, THEIR_TOPIC)) == ()


class TestWhatStartsTheGuard:
    @pytest.mark.parametrize(
        "principal", ["s3.amazonaws.com", "sns.amazonaws.com", "events.amazonaws.com", "*"]
    )
    def test_a_permission_for_whoever_may_tell_of_an_object(self, principal: str) -> None:
        event = sample_events.load(GUARD, "add-permission.violation")
        event["detail"]["requestParameters"]["principal"] = principal

        assert sample_events.rules_of(GUARD, event) == ["PermissionChanged"]

    def test_a_bucket_that_is_deleted(self) -> None:
        event = sample_events.load(GUARD, "put-bucket-notification.violation")
        event["detail"]["eventName"] = "DeleteBucket"

        assert sample_events.rules_of(GUARD, event) == ["TriggerChanged"]

    def test_a_role_that_cloudformation_changes(self) -> None:
        """The stack that completes does not say which role an AWS::IAM::Policy is of."""
        event = sample_events.load(GUARD, "put-role-policy.violation")
        event["detail"]["sourceIPAddress"] = "cloudformation.amazonaws.com"

        assert sample_events.rules_of(GUARD, event) == ["RoleChanged"]

    @pytest.mark.parametrize("status", ["DELETE_COMPLETE", "ROLLBACK_FAILED", "IMPORT_ROLLBACK_FAILED"])
    def test_a_stack_that_ends_in_whatever_way_it_may_have_changed_something(self, status: str) -> None:
        event = sample_events.load(GUARD, "stack-created.violation")
        event["detail"]["status-details"]["status"] = status

        assert sample_events.rules_of(GUARD, event) == ["StackCompleted"]
