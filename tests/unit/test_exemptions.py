"""Exemptions: what is one, what is none, and that the report says which."""

import json
from datetime import UTC, datetime, timedelta, timezone
from typing import Any, cast

import pytest
from hypothesis import given
from hypothesis import strategies as st

from stackwarden.exemptions import LONGEST, Exemptions, judge, parameter_name, read
from stackwarden.finding import Exemption

NOW = datetime(2026, 1, 15, 10, tzinfo=UTC)
NAME = parameter_name("data-deletion", "orders")
GOOD = {"requested_by": "developer", "approved_by": "security", "reason": "a copy", "until": "2026-02-01"}


def judged(written_at: datetime = NOW, **changes: Any) -> Exemption | str:
    document = {key: value for key, value in (GOOD | changes).items() if value is not None}
    return judge(NAME, json.dumps(document), written_at, NOW)


def test_an_exemption_in_force() -> None:
    assert judged() == Exemption(
        name="/stackwarden/exemptions/data-deletion/orders",
        requested_by="developer",
        approved_by="security",
        reason="a copy",
        until="2026-02-01T23:59:59.999999+00:00",
    )


@pytest.mark.parametrize(
    ("changes", "said"),
    [
        ({"requested_by": None}, "requested_by"),
        ({"approved_by": None}, "approved_by"),
        ({"reason": None}, "reason"),
        ({"until": None}, "until"),
        ({"reason": "   "}, "reason"),
        ({"reason": 7}, "reason"),
        ({"until": "soon"}, "until"),
        ({"until": "2026-02-31"}, "the document"),
        ({"ticket": "X-1"}, "ticket"),
        ({"approved_by": "developer"}, "somebody else"),
        ({"approved_by": " Developer "}, "somebody else"),
    ],
)
def test_a_malformed_one_does_not_count_and_says_why(changes: dict[str, Any], said: str) -> None:
    sentence = judged(**changes)

    assert isinstance(sentence, str)
    assert f"The exemption {NAME} is malformed and does not count: " in sentence
    assert said in sentence


@pytest.mark.parametrize("text", ["", "no JSON", "[]", "null", "7", '"text"', "{", '{"until": {}}'])
def test_what_is_no_document_does_not_count(text: str) -> None:
    sentence = judge(NAME, text, NOW, NOW)

    assert isinstance(sentence, str)
    assert "malformed" in sentence


def test_a_date_means_its_end() -> None:
    assert isinstance(judged(until="2026-01-15"), Exemption)
    assert "expired" in str(judged(until="2026-01-14"))


@pytest.mark.parametrize(
    ("until", "in_force"),
    [
        ("2026-01-15T10:00:00", False),
        ("2026-01-15T10:00:01", True),
        ("2026-01-15T10:00:01Z", True),
        ("2026-01-15T12:00:00+02:00", False),
        ("2026-01-15T12:00:01+02:00", True),
        ("2026-01-15T05:00:01-05:00", True),
    ],
)
def test_a_time_means_that_moment_utc_unless_it_says_otherwise(until: str, in_force: bool) -> None:
    assert isinstance(judged(until=until), Exemption) == in_force


@pytest.mark.parametrize(("days", "in_force"), [(89, True), (90, True), (92, False), (3650, False)])
def test_ninety_days_after_it_was_written_at_most(days: int, in_force: bool) -> None:
    until = (NOW + timedelta(days=days)).date().isoformat()

    answer = judged(until=until)

    assert isinstance(answer, Exemption) == in_force
    assert in_force or "longer than 90 days" in str(answer)


def test_renewing_it_means_writing_it_again() -> None:
    written = NOW - timedelta(days=80)

    assert "longer than 90 days" in str(judged(written_at=written, until="2026-02-01"))


zones = st.none() | st.integers(-14 * 60, 14 * 60).map(lambda minutes: timezone(timedelta(minutes=minutes)))


@given(
    st.datetimes(timezones=zones),
    st.datetimes(datetime(2025, 6, 1), datetime(2026, 1, 15)).map(lambda moment: moment.replace(tzinfo=UTC)),
)
def test_any_moment_is_judged_by_two_limits(until: datetime, written_at: datetime) -> None:
    moment = until if until.tzinfo else until.replace(tzinfo=UTC)

    answer = judged(written_at=written_at, until=until.isoformat())

    if moment <= NOW:
        assert "expired" in str(answer)
    elif moment - written_at > LONGEST + timedelta(days=1):
        assert "longer than 90 days" in str(answer)
    else:
        assert isinstance(answer, Exemption)
        assert datetime.fromisoformat(answer.until) == moment


@given(st.text(max_size=60))
def test_no_text_makes_it_fail(text: str) -> None:
    assert isinstance(judge(NAME, text, NOW, NOW), str)


class Parameters:
    """SSM with the parameters that exist; remembers the calls."""

    def __init__(self, **values: str) -> None:
        self.values = {parameter_name("data-deletion", name): value for name, value in values.items()}
        self.calls: list[list[str]] = []

    def get_parameters(self, *, Names: list[str]) -> dict[str, Any]:
        self.calls.append(Names)
        return {
            "Parameters": [
                {"Name": name, "Value": self.values[name], "LastModifiedDate": NOW}
                for name in Names
                if name in self.values
            ],
            "InvalidParameters": [name for name in Names if name not in self.values],
        }


def found(ssm: Parameters, *names: str) -> Exemptions:
    return read(cast(Any, ssm), "data-deletion", names, NOW)


def test_the_granted_ones_by_name_and_what_is_wrong_with_the_others() -> None:
    exemptions = found(Parameters(orders=json.dumps(GOOD), billing="{}"), "orders", "billing", "nothing")

    assert list(exemptions.granted) == ["orders"]
    assert [problem.split(" is ")[0] for problem in exemptions.problems] == [
        "The exemption /stackwarden/exemptions/data-deletion/billing"
    ]


def test_ten_names_a_call_and_none_for_no_name() -> None:
    ssm = Parameters()

    found(ssm, *(f"t{n}" for n in range(23)))
    found(ssm)

    assert [len(names) for names in ssm.calls] == [10, 10, 3]


def test_a_name_that_no_parameter_can_have_is_not_asked_for() -> None:
    ssm = Parameters()

    found(ssm, "arn:aws:kinesis:x", "a/b", "a b", "", "orders", "orders")

    assert ssm.calls == [["/stackwarden/exemptions/data-deletion/orders"]]


def test_the_first_name_that_is_exempt_counts() -> None:
    exemptions = found(Parameters(shop=json.dumps(GOOD)), "orders", "shop")

    granted = exemptions.for_any(["orders", "shop"])

    assert granted is not None
    assert granted.name.endswith("/shop")
    assert exemptions.for_any(["orders"]) is None
