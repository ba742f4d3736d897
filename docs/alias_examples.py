"""What docs/guards/missing-alias.md shows of the guard: a report, its snippets, its numbers."""

import textwrap
from dataclasses import replace

from stackwarden import alias_reader, episodes
from stackwarden.policies import alias_changes, missing_alias
from stackwarden.policies.alias_snippets import CDK, CLOUDFORMATION, SAM, SERVERLESS, TERRAFORM, snippets
from stackwarden.policies.alias_state import Function, Invoker, Kind, Permission, StackPlace
from tests.alias_report_cases import PARTLY, mail
from tests.alias_report_cases import SAM as SAM_STACK

_ACCOUNT, _REGION = "123456789012", "eu-central-1"
_WIDTH = 118
_LANGUAGE = {SAM: "yaml", CLOUDFORMATION: "yaml", SERVERLESS: "yaml", CDK: "ts", TERRAFORM: "hcl"}


def tools() -> str:
    """One snippet a tool: for a function that a queue and a bucket invoke."""
    function = _orders()
    made = snippets(function, function.invokers, missing_alias.Rules().alias)
    return "\n".join(f"{tool}:\n\n```{_LANGUAGE[tool]}\n{text}\n```\n" for tool, text in made.items())


def report() -> str:
    """The mail about a function of which one trigger is moved and one is left, as the tests have it."""
    whole = mail(replace(PARTLY, function=replace(PARTLY.function, stack=SAM_STACK)))
    lines = [part for line in whole.splitlines() for part in _wrapped(line)]
    return "\n".join(["```", *lines, "```", ""])


def _wrapped(line: str) -> list[str]:
    """Wrap a line as a mail program does, without an indentation of its own."""
    return textwrap.wrap(line, _WIDTH, break_long_words=False, break_on_hyphens=False) or [""]


def _orders() -> Function:
    bucket = "arn:aws:s3:::uploads"
    may_invoke = Permission(
        "Uploads", "lambda:InvokeFunction", "s3.amazonaws.com", source_arn=bucket, source_account=_ACCOUNT
    )
    return Function(
        arn=f"arn:aws:lambda:{_REGION}:{_ACCOUNT}:function:orders",
        invokers=(
            Invoker(Kind.MAPPING, f"arn:aws:sqs:{_REGION}:{_ACCOUNT}:jobs", "0d9c8b7a"),
            Invoker(Kind.BUCKET, bucket, "on-upload"),
        ),
        permissions=(may_invoke,),
        stack=StackPlace(
            f"arn:aws:cloudformation:{_REGION}:{_ACCOUNT}:stack/shop/4f0c1b60", "shop", logical_id="Orders"
        ),
    )


def numbers(timeout: int) -> list[tuple[str, str]]:
    """One row a number that bounds how long the guard goes on. timeout: seconds for one event."""
    policy = missing_alias
    return [
        (
            "times that one change is tried",
            f"{policy.TRIES}, each with its [retries](../remediation.md#states)",
        ),
        (
            "looks that it waits for a version, an update of the function or a mapping",
            f"{policy.PATIENCE}, {policy.PAUSE} seconds apart",
        ),
        ("looks in all, for one finding", f"{policy.LONGEST}; then what is left to do fails"),
        (
            "further looks after a bucket's notifications were replaced",
            f"{policy.SETTLED_ROUNDS}: somebody may write the old ones back",
        ),
        (
            "looks between a permission and the trigger that needs it; before a replaced subscription ends",
            f"{policy.SETTLED_ROUNDS}, {policy.PAUSE} seconds apart",
        ),
        (
            "looks at an alias before it counts as left behind by a call that changed the code",
            f"{alias_changes.BEHIND_ROUNDS}, {alias_changes.BEHIND_PAUSE} seconds apart;"
            " at a stack's completion none",
        ),
        ("remediations of the same within a day; then it is only told", f"{policy.MOST_RELAPSES}"),
        (
            "sources read for one function",
            f"{alias_reader.MOST_SOURCES}; beyond, the permission itself counts as what invokes",
        ),
        (
            "an unchanged hazard that is only reported is reported again after",
            f"{episodes.TOLD.total_seconds() / 3600:.0f} hours",
        ),
        (
            "a workflow that did not end counts as dead after",
            f"{episodes.STUCK.total_seconds() / 3600:.0f} hours",
        ),
        ("time for one event", f"{timeout} seconds"),
    ]
