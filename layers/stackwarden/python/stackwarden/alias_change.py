"""Which code an event says that somebody uploaded, and who that was."""

from stackwarden.events import LAMBDA, ApiCall
from stackwarden.guard import Event
from stackwarden.policies.alias_changes import Change


def change_of(event: Event) -> Change | None:
    """Return the change that a direct UpdateFunctionCode call made; None for all others, and for a dry run.

    https://docs.aws.amazon.com/lambda/latest/api/API_UpdateFunctionCode.html
    """
    if not isinstance(event, ApiCall) or event.by_cloudformation:
        return None
    if (event.source, event.undated_name) != (LAMBDA, "UpdateFunctionCode"):
        return None
    request = {key.lower(): value for key, value in (event.request or {}).items()}
    if request.get("dryrun") in (True, "true"):
        return None
    answer = {key.lower(): value for key, value in (event.response or {}).items()}
    version = str(answer.get("version") or "")
    return Change(str(answer.get("codesha256") or ""), published=version if version.isdigit() else "")


def principals(event: ApiCall) -> tuple[str, ...]:
    """Return the ARNs of who called: of the session, and of the role behind it."""
    return tuple(arn for arn in (event.identity.get("arn"), event.role_arn) if isinstance(arn, str))
