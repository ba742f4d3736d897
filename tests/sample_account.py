"""The account that the sample events of `data-deletion` happen in: what a guard reads when it looks.

- `orders` is being created, with a table and a stream; nothing protects it. `shop` likewise, with the table
  in a nested stack.
- `careful` and its table are protected; what `retained` holds outlives it, on replacement, too; what
  `replaceable` holds does not outlive a replacement.
- `going` and `mall` (its table nested) are being deleted; `functions-only` too, but it holds no data.
- `stackwarden`, its own stack, is being deleted; one nested in it has a table.
- `replaced` was updated and lost a table by it; `taken-back` is rolling its creation back.
- The tables `ledger` and `protected`, the database `billing`, the cluster `accounts`, the stream `clicks`, a
  user pool and a file system are of no stack. `sessions` and `archive` are gone.
"""

from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any, cast
from uuid import NAMESPACE_URL, uuid5

from stackwarden.data_reader import DataReader
from stackwarden.policies.data_state import Presence, ResourceState
from stackwarden.settings import Place
from stackwarden.stacks import Operation, Policies, Stack, StackReader, StackResource, name_of
from tests.sample_events import HAPPENED

PLACE = Place("aws", "us-east-1", "123456789012")
TABLE, STREAM = "AWS::DynamoDB::Table", "AWS::Kinesis::Stream"


def stack_id(name: str) -> str:
    """The id of a stack of the sample account."""
    unique = uuid5(NAMESPACE_URL, f"stackwarden/stack/{name}")
    return f"arn:aws:cloudformation:us-east-1:123456789012:stack/{name}/{unique}"


OWN_STACK = stack_id("stackwarden")


@dataclass(frozen=True)
class Made:
    """A stack of the sample account, each resource by its physical id."""

    status: str
    table: str = ""
    stream: str = ""
    root: str = ""
    nested: str = ""
    protected: bool = False
    policies: Policies = field(default_factory=Policies)


_RETAINED = Policies({"OrdersTable": "Retain"}, {"OrdersTable": "Retain"})
STACKS: dict[str, Made] = {
    "orders": Made("CREATE_IN_PROGRESS", "orders-OrdersTable-1A2B3C4D5E6F7", "orders-stream"),
    "careful": Made("CREATE_COMPLETE", "careful-OrdersTable-1A2B3C4D5E6F7", protected=True),
    "retained": Made("CREATE_COMPLETE", "retained-OrdersTable-1A2B3C4D5E6F7", policies=_RETAINED),
    "replaceable": Made(
        "CREATE_COMPLETE",
        "replaceable-OrdersTable-1A2B3C4D5E6F7",
        policies=Policies({"OrdersTable": "Retain"}),
    ),
    "shop": Made("CREATE_IN_PROGRESS", nested="shop-Data-1ABCDEF"),
    "shop-Data-1ABCDEF": Made("CREATE_COMPLETE", "shop-OrdersTable-1A2B3C4D5E6F7", root="shop"),
    "replaced": Made("UPDATE_COMPLETE_CLEANUP_IN_PROGRESS", protected=True),
    "going": Made("DELETE_IN_PROGRESS", "going-OrdersTable-1A2B3C4D5E6F7"),
    "mall": Made("DELETE_IN_PROGRESS", nested="mall-Data-1ABCDEF"),
    "mall-Data-1ABCDEF": Made("DELETE_IN_PROGRESS", "mall-OrdersTable-1A2B3C4D5E6F7", root="mall"),
    "taken-back": Made("ROLLBACK_IN_PROGRESS", protected=True),
    "functions-only": Made("DELETE_IN_PROGRESS"),
    "stackwarden-More-1ABCDEF": Made(
        "CREATE_COMPLETE", "stackwarden-IndexTable-1A2B3C4D5E6F7", root="stackwarden"
    ),
    "stackwarden": Made("DELETE_IN_PROGRESS", "stackwarden-LedgerTable-1A2B3C4D5E6F7"),
}
_OFF = {"deletion_protection": False, "point_in_time_recovery": False, "identity": "1"}
_ON = {"deletion_protection": True, "point_in_time_recovery": True, "identity": "1"}
_GONE = {"presence": Presence.GONE}
_LIVE: dict[str, dict[str, Any]] = {
    "careful-OrdersTable-1A2B3C4D5E6F7": _ON,
    "protected": _ON,
    "replaced-OrdersTable-1A2B3C4D5E6F7": _GONE,
    "sessions": _GONE,
    "archive": _GONE,
    "billing": {"deletion_protection": False},
    "billing-member": {"deletion_protection": False, "in_cluster": True},
    "accounts": {"deletion_protection": False},
}


class SampleStacks(StackReader):
    """Reads the sample account's stacks."""

    def __init__(self) -> None:
        super().__init__(cast(Any, None))

    def describe(self, name_or_id: str) -> Stack | None:
        name = name_of(name_or_id) if name_or_id.startswith("arn:") else name_or_id
        made = STACKS.get(name)
        if made is None:
            return None
        root = stack_id(made.root or name)
        return Stack(stack_id(name), name, made.status, root, made.protected)

    def resources(self, stack: Stack) -> Iterator[StackResource]:
        yield from self._of(stack.name, (stack.name,))

    def _of(self, name: str, names: tuple[str, ...]) -> Iterator[StackResource]:
        made, id_ = STACKS[name], stack_id(name)
        if made.table:
            yield StackResource(TABLE, "OrdersTable", made.table, "CREATE_COMPLETE", id_, names, HAPPENED)
        if made.stream:
            yield StackResource(STREAM, "OrdersStream", made.stream, "CREATE_COMPLETE", id_, names, HAPPENED)
        if made.nested:
            yield from self._of(made.nested, (made.nested, *names))

    def policies(self, stack_id: str) -> Policies:
        return STACKS[name_of(stack_id)].policies

    def operation(self, stack_id: str) -> Operation:
        return Operation(f"operation of {stack_id}", "CREATE_COMPLETE")


class SampleData(DataReader):
    """Reads the sample account's data resources."""

    def __init__(self) -> None:
        super().__init__(PLACE)

    def read(self, resource: ResourceState, *, recovery: bool = True) -> ResourceState:
        if resource.row.protection is None:
            return resource
        return resource.model_copy(update=_LIVE.get(resource.name, _OFF))


def stack_of_table(arn: str) -> str | None:
    """The stack that a table is tagged with."""
    name = arn.rsplit("/", 1)[-1]
    return next((stack_id(stack) for stack, made in STACKS.items() if made.table == name), None)
