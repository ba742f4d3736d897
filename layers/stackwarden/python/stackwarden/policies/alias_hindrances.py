"""What to do about what keeps Stackwarden from acting on a function, though it could. Pure."""

from typing import Final

from stackwarden.policies.alias_commands import aws
from stackwarden.policies.alias_state import Function, StackPlace
from stackwarden.policies.alias_words import plain
from stackwarden.policies.missing_alias import Case

_ROLLBACK_STOPPED: Final = "UPDATE_ROLLBACK_FAILED"
_HINDRANCES: Final = {  # what the reason has in it
    "outside the known pipelines": (
        "Look at the change first: the report about it (unverified-change) has who made it, and how to roll "
        "back.",
        "If it is right, deploy it through the pipeline. If it was the pipeline, name that in "
        "MissingAliasPipelinePrincipals.",
    ),
    "sets it back again and again": (
        "Find what sets it back, Terraform or ACK (AWS Controllers for Kubernetes) for example, and let it "
        "name the alias there. Or get an exemption (below).",
        "The one who made the call is in CloudTrail, and in the reports of today.",
    ),
    "its code changed meanwhile": (
        "The new code is judged by itself, since its change is an event of its own.",
    ),
}


def hindrance(case: Case, reason: str) -> tuple[str, ...]:
    """Return the lines for a reason of the judgement; none if nothing of the kind is the reason."""
    stack = case.function.stack
    if stack and stack.halted and stack.halted in reason:
        return _go_on(case.function, stack)
    return next((lines for words, lines in _HINDRANCES.items() if words in reason), ())


def _go_on(function: Function, stack: StackPlace) -> tuple[str, ...]:
    """https://docs.aws.amazon.com/AWSCloudFormation/latest/UserGuide/stack-failure-options.html"""
    what = f"Finish what stopped half way (stack {plain(stack.name)}, or the one that it is nested in)"
    if stack.halted != _ROLLBACK_STOPPED:
        return (f"{what}: update it, roll it back or delete it. Its completion is judged.",)
    command = aws(function, "cloudformation continue-update-rollback", stack_name="ROOT_STACK")
    return (f"{what}, once its cause is gone; the end of that is judged:", f"  {command}")
