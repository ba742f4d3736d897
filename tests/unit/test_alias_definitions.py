"""Which functions a state machine's definition invokes, in every spelling and at any depth."""

import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from stackwarden.policies.alias_definitions import of_definition
from stackwarden.policies.alias_invokers import functions, invokers
from stackwarden.policies.alias_state import Invoker, Kind
from stackwarden.settings import Place

PLACE = Place("aws", "eu-central-1", "123456789012")
MACHINE = "arn:aws:states:eu-central-1:123456789012:stateMachine:orders"
RESIZE = "arn:aws:lambda:eu-central-1:123456789012:function:resize"
INVOKE = "arn:aws:states:::lambda:invoke"
JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(max_size=8),
    lambda inner: (
        st.lists(inner, max_size=3)
        | st.dictionaries(
            st.sampled_from(["States", "Branches", "ItemProcessor", "Resource", "Parameters", "A"]),
            inner,
            max_size=4,
        )
    ),
)
WAYS = st.sampled_from(["Parallel", "Map", "Iterator"])


def machine(**states: Any) -> dict[str, Any]:
    return {"StartAt": next(iter(states)), "States": states}


def task(resource: str = INVOKE, **more: Any) -> dict[str, Any]:
    return {"Type": "Task", "Resource": resource, "End": True, **more}


def within(way: str, inner: dict[str, Any]) -> dict[str, Any]:
    """A state that holds a state machine, after a branch with something else."""
    match way:
        case "Parallel":
            other = machine(Wait={"Type": "Wait", "Seconds": 1, "End": True})
            return {"Type": "Parallel", "Branches": [other, inner], "End": True}
        case "Map":
            config = {"Mode": "INLINE"}
            return {"Type": "Map", "ItemProcessor": {"ProcessorConfig": config, **inner}, "End": True}
        case _:
            return {"Type": "Map", "Iterator": inner, "End": True}


def found(definition: Any, function: str = RESIZE) -> tuple[Invoker, ...]:
    return invokers(of_definition(MACHINE, json.dumps(definition), PLACE), function)


def qualifiers(**state: Any) -> list[str | None]:
    return [invoker.qualifier for invoker in found(machine(Resize=task(**state)))]


@pytest.mark.parametrize(("suffix", "qualifier"), [("", None), (":live", "live"), (":$LATEST", "$LATEST")])
def test_a_task_may_be_the_function_itself(suffix: str, qualifier: str | None) -> None:
    assert found(machine(Resize=task(RESIZE + suffix))) == (
        Invoker(Kind.STATE_MACHINE, MACHINE, "Resize", qualifier),
    )


@pytest.mark.parametrize(
    "resource",
    [
        INVOKE,
        f"{INVOKE}.waitForTaskToken",
        "arn:aws:states:::aws-sdk:lambda:invoke",
        "arn:aws:states:::aws-sdk:lambda:invoke.waitForTaskToken",
        "arn:aws-cn:states:::lambda:invoke",
        "arn:aws-us-gov:states:::lambda:invoke",
    ],
)
@pytest.mark.parametrize("arguments", ["Parameters", "Arguments"])
@pytest.mark.parametrize("name", ["resize", "123456789012:function:resize", RESIZE])
def test_a_task_may_call_lambda(resource: str, arguments: str, name: str) -> None:
    assert qualifiers(resource=resource, **{arguments: {"FunctionName": name}}) == [None]
    assert qualifiers(resource=resource, **{arguments: {"FunctionName": f"{name}:live"}}) == ["live"]
    with_qualifier = {"FunctionName": name, "Qualifier": "7"}
    assert qualifiers(resource=resource, **{arguments: with_qualifier}) == ["7"]


def test_another_call_of_lambda_invokes_nothing() -> None:
    other = "arn:aws:states:::aws-sdk:lambda:getFunction"

    assert qualifiers(resource=other, Parameters={"FunctionName": "resize"}) == []


@pytest.mark.parametrize(
    "arguments",
    [
        {"Parameters": {"FunctionName.$": "$.function"}},
        {"Arguments": {"FunctionName": "{% $states.input.function %}"}},
        {"Arguments": "{% $states.input %}"},
        {"Parameters": {"Payload.$": "$"}},
        {},
    ],
)
def test_a_function_that_is_chosen_at_run_time_is_left_out(arguments: dict[str, Any]) -> None:
    assert of_definition(MACHINE, json.dumps(machine(Resize=task(**arguments))), PLACE) == ()


@pytest.mark.parametrize(
    ("arguments", "qualifier"),
    [
        ({"Parameters": {"FunctionName": "resize", "Qualifier.$": "$.alias"}}, "${$.alias}"),
        ({"Arguments": {"FunctionName": "resize", "Qualifier": "{% $alias %}"}}, "${{% $alias %}}"),
    ],
)
def test_a_qualifier_that_is_chosen_at_run_time_is_none_of_the_function(
    arguments: dict[str, Any], qualifier: str
) -> None:
    assert qualifiers(**arguments) == [qualifier]


def test_a_short_name_is_looked_up_in_the_account_of_the_credentials() -> None:
    role = {"RoleArn": "arn:aws:iam::999999999999:role/invoker"}
    state = task(Parameters={"FunctionName": "resize"}, Credentials=role)

    assert found(machine(Resize=state)) == ()
    assert len(found(machine(Resize=state), RESIZE.replace("123456789012", "999999999999"))) == 1


def test_a_short_name_with_credentials_chosen_at_run_time_is_nobodys() -> None:
    credentials = {"RoleArn.$": "$.role"}
    short = task(Parameters={"FunctionName": "resize"}, Credentials=credentials)
    whole = task(Parameters={"FunctionName": RESIZE}, Credentials=credentials)

    references = of_definition(MACHINE, json.dumps(machine(Short=short, Whole=whole)), PLACE)

    assert functions(references, PLACE) == (RESIZE,)
    assert [invoker.id for invoker in invokers(references, RESIZE)] == ["Whole"]


def test_each_state_is_an_invoker() -> None:
    inner = machine(Again=task(RESIZE), Other=task(f"{RESIZE}-2"))
    definition = machine(Each=within("Map", inner), First=task(f"{RESIZE}:live"))

    assert [(invoker.id, invoker.qualifier) for invoker in found(definition)] == [
        ("First", "live"),
        ("Each/Again", None),
    ]


@pytest.mark.parametrize("text", ["", "no JSON", "[]", '{"States": []}', '{"States":' * 100_000])
def test_what_is_no_definition_invokes_nothing(text: str) -> None:
    assert of_definition(MACHINE, text, PLACE) == ()


@given(st.lists(st.tuples(st.text("abc /", min_size=1, max_size=5), WAYS), max_size=30))
def test_a_task_is_found_at_any_depth(ways: list[tuple[str, str]]) -> None:
    definition = machine(Resize=task(f"{RESIZE}:live"))
    for name, way in reversed(ways):
        definition = machine(**{name: within(way, definition)})

    (invoker,) = found(definition)

    assert invoker.id == "/".join([*(name for name, _ in ways), "Resize"])
    assert invoker.qualifier == "live"


@given(JSON, JSON)
def test_any_definition_is_read(definition: Any, state: Any) -> None:
    around = {"States": {"Odd": state, "Resize": task(RESIZE), "Nested": definition}}

    assert "Resize" in [invoker.id for invoker in found(around)]
    assert isinstance(of_definition(MACHINE, json.dumps(definition), PLACE), tuple)
