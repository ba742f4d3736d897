"""Exemptions: one stack or one table is let out for a while; a wrong one is no exemption, and is told."""

import pytest

from tests.e2e.developer import exemption
from tests.e2e.guarded import Guarded
from tests.e2e.security_team import Report
from tests.e2e.stacks import body, table


def names_its_exemption(report: Report, name: str) -> bool:
    """Whether a report says which exemption let the resource out, and on whose word."""
    return (
        report.finding["exemption"]["name"] == f"/stackwarden/exemptions/data-deletion/{name}"
        and "approved by security@example.com" in report.mail.body
        and "because: a load test" in report.mail.body
    )


def test_an_exempt_stack_is_left_alone_and_may_be_deleted(guarded: Guarded) -> None:
    guarded.exempt("sandbox", exemption())
    stack = guarded.create_stack("sandbox", body(Scratch=table("scratch")))

    created = guarded.report("sandbox", "unprotected")
    assert created.outcome == "exempt"
    assert names_its_exemption(created, "sandbox")
    assert guarded.terminable(stack)
    assert guarded.protection("scratch") == (False, False)

    guarded.client("cloudformation").delete_stack(StackName="sandbox")
    guarded.settled(stack, "DELETE_COMPLETE")
    deleted = guarded.report("sandbox", "stack-deletion")
    assert deleted.outcome == "exempt"
    assert names_its_exemption(deleted, "sandbox")
    assert deleted.deeds() == created.deeds() == set()
    assert guarded.table("scratch") is None


def test_an_exempt_table_is_left_alone_with_and_without_a_stack(guarded: Guarded) -> None:
    guarded.exempt("cache", exemption())
    guarded.exempt("notes", exemption())
    stack = guarded.create_stack("shop", body(Cache=table("cache"), Orders=table("orders")))
    guarded.create_table("notes")

    shop, notes = guarded.report("shop", "unprotected"), guarded.report("notes", "unprotected")

    assert shop.outcome == "protected"
    assert not guarded.terminable(stack)
    assert guarded.protection("orders") == (True, True)
    assert guarded.protection("cache") == (False, False)
    assert "cache" in shop.mail.body
    assert notes.outcome == "exempt"
    assert names_its_exemption(notes, "notes")
    assert guarded.protection("notes") == (False, False)


def test_an_exempt_table_may_be_deleted_directly(guarded: Guarded) -> None:
    guarded.exempt("memos", exemption())
    guarded.create_table("memos")
    guarded.report("memos", "unprotected")

    guarded.client("dynamodb").delete_table(TableName="memos")
    report = guarded.report("memos", "deleted")

    assert report.outcome == "exempt"
    assert names_its_exemption(report, "memos")


@pytest.mark.parametrize(
    ("name", "text", "problem"),
    [
        ("over", exemption(days=-1), "expired at "),
        ("endless", exemption(days=400), "runs longer than 90 days"),
        ("alone", exemption(approved_by="Developer@example.com"), "approved_by must be somebody else"),
        ("prose", "please let me", "is malformed"),
    ],
    ids=["expired", "too long", "approved by oneself", "malformed"],
)
def test_a_wrong_exemption_does_not_count_and_is_told(
    guarded: Guarded, name: str, text: str, problem: str
) -> None:
    guarded.exempt(name, text)
    guarded.create_table(name)

    report = guarded.report(name, "unprotected")

    assert report.outcome == "protected"
    assert guarded.protection(name) == (True, True)
    (said,) = report.evidence["exemption_problems"]
    assert f"/stackwarden/exemptions/data-deletion/{name} " in said
    assert problem in said
    assert said in report.mail.body
