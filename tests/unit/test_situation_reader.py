"""What is looked at, and what is left alone, when a stack is deleted: decided from its state and its past."""

from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta
from typing import cast

import pytest

from stackwarden.data_reader import DataReader
from stackwarden.data_subject import SituationReader, Subject
from stackwarden.policies.data_state import Hazard, Presence, ResourceState
from stackwarden.settings import Place
from stackwarden.stacks import Operation, Policies, Stack, StackReader, StackResource

NOW = datetime(2026, 1, 15, 10, 0, 0, tzinfo=UTC)
ROOT_ID = "arn:aws:cloudformation:us-east-1:123456789012:stack/shop/1"
CHILD_ID = "arn:aws:cloudformation:us-east-1:123456789012:stack/shop-Data/2"
ROOT = Stack(ROOT_ID, "shop", "DELETE_IN_PROGRESS", ROOT_ID, termination_protection=False)
CHILD = Stack(CHILD_ID, "shop-Data", "DELETE_IN_PROGRESS", ROOT_ID, termination_protection=False)
ORDERS = StackResource(
    type="AWS::DynamoDB::Table",
    logical_id="Orders",
    physical_id="orders",
    status="CREATE_COMPLETE",
    stack_id=ROOT_ID,
    stack_names=("shop",),
    changed_at=NOW - timedelta(days=1),
)


@dataclass
class Stacks:
    """CloudFormation as StackReader tells it."""

    stacks: list[Stack]
    held: list[StackResource] = field(default_factory=lambda: [ORDERS])
    before: str = "CREATE_COMPLETE"

    def describe(self, name_or_id: str) -> Stack | None:
        return next((s for s in self.stacks if name_or_id in (s.id, s.name)), None)

    def root(self, stack: Stack) -> Stack:
        return self.describe(stack.root_id) or stack

    def resources(self, stack: Stack) -> list[StackResource]:
        return self.held

    def policies(self, stack_id: str) -> Policies:
        return Policies()

    def operation(self, stack_id: str) -> Operation:
        return Operation("begun", self.before)


class Data(DataReader):
    """Every table stands, unless CloudFormation says otherwise."""

    def read(self, resource: ResourceState, *, recovery: bool = True) -> ResourceState:
        return resource


def reader(stacks: Stacks) -> SituationReader:
    data = Data(Place("aws", "us-east-1", "123456789012"))
    return SituationReader(cast(StackReader, stacks), data, own_stack="arn:own")


def deletion(stack: str = ROOT_ID, *, called: bool = False) -> Subject:
    return Subject(hazard=Hazard.STACK_DELETION, happened_at=NOW, stack=stack, called=called)


def test_a_stack_deletion_is_told_from_an_earlier_one_by_the_event_that_began_it() -> None:
    read = reader(Stacks([ROOT])).first(deletion())

    assert read is not None
    assert read[0].state == "begun"
    assert [resource.name for resource in read[1].resources] == ["orders"]


@pytest.mark.parametrize(
    "status",
    ["ROLLBACK_IN_PROGRESS", "UPDATE_ROLLBACK_IN_PROGRESS", "UPDATE_ROLLBACK_COMPLETE_CLEANUP_IN_PROGRESS"],
)
def test_a_nested_stack_that_its_root_takes_back_is_left_alone(status: str) -> None:
    assert reader(Stacks([replace(ROOT, status=status), CHILD])).first(deletion(CHILD_ID)) is None


def test_a_nested_stack_removed_by_an_update_of_its_root_is_judged_by_itself() -> None:
    read = reader(Stacks([replace(ROOT, status="UPDATE_COMPLETE_CLEANUP_IN_PROGRESS"), CHILD])).first(
        deletion(CHILD_ID)
    )

    assert read is not None
    assert read[0].stack == CHILD_ID


@pytest.mark.parametrize("before", ["CREATE_IN_PROGRESS", "CREATE_FAILED"])
def test_what_cloudformation_could_not_create_it_may_delete(before: str) -> None:
    stacks = Stacks([ROOT], before=before)

    assert reader(stacks).first(deletion()) is None
    assert reader(stacks).first(deletion(called=True)) is not None


def test_what_an_earlier_operation_deleted_is_not_lost_in_this_one() -> None:
    gone = replace(ORDERS, status="DELETE_COMPLETE")
    now_gone = replace(gone, physical_id="customers", changed_at=NOW + timedelta(seconds=3))
    read = reader(Stacks([ROOT], held=[gone, now_gone])).first(deletion())

    assert read is not None
    assert [(r.name, r.presence) for r in read[1].resources] == [("customers", Presence.GONE)]


def test_what_was_skipped_is_retained_and_in_no_danger() -> None:
    read = reader(Stacks([ROOT], held=[replace(ORDERS, status="DELETE_SKIPPED")])).first(deletion())

    assert read is not None
    assert read[1].resources == ()


def test_stackwardens_own_stack_is_not_judged() -> None:
    own = SituationReader(
        cast(StackReader, Stacks([ROOT])), Data(Place("aws", "us-east-1", "123456789012")), own_stack=ROOT_ID
    )

    assert own.first(deletion("shop")) is None
