"""May a service invoke a function? What the function's resource policy says. Pure."""

from collections.abc import Sequence

from stackwarden.policies.s3_patterns import Glob
from stackwarden.policies.s3_state import Condition, Statement

_INVOKE = "lambda:InvokeFunction"


def may_invoke(policy: Sequence[Statement], service: str, source_arn: str, *, account: str) -> bool:
    """Whether a service principal may invoke on behalf of a source, such as a bucket, of the account.

    https://docs.aws.amazon.com/lambda/latest/dg/permissions-function-services.html

    A condition that is not about the source is taken to hold: S3 tested the invocation when the
    notification was made.
    """
    applying = [s for s in policy if _applies(s, service, source_arn, account)]
    return any(s.effect == "Allow" for s in applying) and all(s.effect == "Allow" for s in applying)


def _applies(statement: Statement, service: str, source_arn: str, account: str) -> bool:
    return (
        any(principal in (f"Service:{service}", "AWS:*", "Service:*") for principal in statement.principals)
        and any(Glob.parse(action.lower()).matches(_INVOKE.lower()) for action in statement.actions)
        and all(_holds(condition, source_arn, account) for condition in statement.conditions)
    )


def _holds(condition: Condition, source_arn: str, account: str) -> bool:
    known = {"aws:sourcearn": source_arn, "aws:sourceaccount": account}.get(condition.key.lower())
    if known is None:
        return True
    if "Equals" in condition.operator and condition.operator.startswith("String"):
        found = known in condition.values
    else:
        found = any(Glob.parse(value).matches(known) for value in condition.values)
    return found is not ("Not" in condition.operator)
