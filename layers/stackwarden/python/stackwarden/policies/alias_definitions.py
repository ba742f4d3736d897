"""Which functions the definition of a Step Functions state machine invokes. Pure.

https://docs.aws.amazon.com/step-functions/latest/dg/connect-lambda.html
"""

import re
from collections import deque
from collections.abc import Iterator
from dataclasses import replace
from typing import Any

from stackwarden.lambda_names import FunctionName, from_arn
from stackwarden.policies.alias_documents import at, each_at, items_at, read_json, text_at
from stackwarden.policies.alias_invokers import Reference, called
from stackwarden.policies.alias_state import Invoker, Kind
from stackwarden.settings import Place

_INVOKE = re.compile(
    r"arn:aws[a-zA-Z-]*:states:::(?:aws-sdk:)?lambda:invoke(?:Async)?(?:\.waitForTaskToken)?"
)


def of_definition(machine_arn: str, definition: str, place: Place) -> tuple[Reference, ...]:
    """Read a state machine (`definition` of DescribeStateMachine), JSONPath or JSONata.

    id: the state's name, after those of the states that it is nested in: `outer/inner`. place: the state
    machine's own, for a short name.
    """
    return tuple(
        Reference(function, Invoker(Kind.STATE_MACHINE, machine_arn, path, function.qualifier))
        for path, state in _states(read_json(definition))
        if (function := _invoked(state, place))
    )


def _states(definition: Any) -> Iterator[tuple[str, Any]]:
    """Yield the states at any depth, the outer ones first."""
    pending = deque([("", definition)])
    while pending:
        outer, machine = pending.popleft()
        for name, state in items_at(machine, "States"):
            yield f"{outer}{name}", state
            inner = (*each_at(state, "Branches"), at(state, "ItemProcessor"), at(state, "Iterator"))
            pending.extend((f"{outer}{name}/", each) for each in inner)


def _invoked(state: Any, place: Place) -> FunctionName | None:
    resource = text_at(state, "Resource")
    if not _INVOKE.fullmatch(resource):
        return from_arn(resource)
    arguments = at(state, "Arguments") or at(state, "Parameters")
    return called(arguments, _place_of_task(state, place))


def _place_of_task(state: Any, place: Place) -> Place:
    """Return where a short name is looked up: with Credentials, in the account of that role.

    https://docs.aws.amazon.com/step-functions/latest/dg/concepts-access-cross-acct-resources.html
    """
    if at(state, "Credentials") is None:
        return place
    role = text_at(state, "Credentials", "RoleArn").split(":")
    return replace(place, account=role[4] if len(role) > 5 else "")  # "" is nobody's
