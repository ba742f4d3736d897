"""The contract with the workflow."""

import re

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import ValidationError

from stackwarden.finding import Action, ActionKind, Attempt, finding_id

ARN = "arn:aws:dynamodb:us-east-1:123456789012:table/orders"
GUARDS = ("data-deletion", "s3-recursion", "missing-alias", "unbacked-stream")


@pytest.mark.parametrize("guard", GUARDS)
def test_the_id_with_the_id_of_an_event_is_a_name_that_step_functions_takes(guard: str) -> None:
    name = f"{finding_id(guard, ARN, 'deleted', 'x')}-6f5902ac-237d-4f8a-9e5e-0a6f0c1f4b3e"

    assert re.fullmatch(r"[0-9A-Za-z_-]{1,80}", name)


def test_the_id_is_stable() -> None:
    assert finding_id("data-deletion", ARN, "deleted", "1") == "data-deletion-54bcc96bbcd33da2"


parts = st.text(st.characters(codec="utf-8", exclude_characters="\n"), max_size=20)


@given(*(st.tuples(parts, parts, parts, parts) for _ in range(2)))
def test_what_differs_in_guard_resource_or_state_differs_in_its_id(
    one: tuple[str, str, str, str], other: tuple[str, str, str, str]
) -> None:
    assert (finding_id(*one) == finding_id(*other)) == (one == other)


def test_a_misspelt_key_is_refused() -> None:
    with pytest.raises(ValidationError, match="parameter"):
        Action.model_validate({"kind": "protect-table", "target": "orders", "parameter": {}})


def test_an_action_that_the_workflow_does_not_know_is_refused() -> None:
    with pytest.raises(ValidationError, match="kind"):
        Action.model_validate({"kind": "delete-table", "target": "orders"})


def test_an_attempt_survives_the_journey_through_the_workflow() -> None:
    attempt = Attempt(kind=ActionKind.PROTECT_TABLE, target="orders", status="failed", error="X.Y: no")

    assert Attempt.model_validate_json(attempt.model_dump_json()) == attempt
