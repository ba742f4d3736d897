"""template.yaml as the tests read it, and its event patterns with the references in them filled in."""

from functools import cache
from pathlib import Path
from typing import Any, cast

from cfnlint.decode import decode  # type: ignore[import-untyped]  # it ships no types
from moto.events.models import EventPattern

ROOT = Path(__file__).resolve().parents[1]
REMEDIATION_ROLE = "arn:aws:iam::123456789012:role/stackwarden-RemediationRole-EXAMPLE"

type Json = dict[str, Any]


@cache
def template() -> Json:
    """The template, short intrinsic forms in their long form."""
    decoded, problems = decode(str(ROOT / "template.yaml"))
    assert not problems
    assert decoded is not None
    return cast(Json, decoded)


def resources(type_: str) -> dict[str, Json]:
    """The resources of a type, by logical id."""
    return {key: value for key, value in template()["Resources"].items() if value["Type"] == type_}


@cache
def patterns() -> dict[str, Json]:
    """The event patterns that start a function, by `<function>.<event>`."""
    return {
        f"{function}.{event}": _filled_in(definition["Properties"]["Pattern"])
        for function, resource in resources("AWS::Serverless::Function").items()
        for event, definition in resource["Properties"].get("Events", {}).items()
        if definition["Type"] == "EventBridgeRule"
    }


def rules_for(event: Json) -> list[str]:
    """The rules whose pattern an event matches."""
    message = cast(Any, event)  # moto types an event more strictly than AWS does
    return [
        name for name, pattern in patterns().items() if EventPattern(None, pattern).matches_event(message)
    ]


def _filled_in(node: Any) -> Any:
    if isinstance(node, list):
        return [_filled_in(item) for item in node]
    if not isinstance(node, dict):
        return node
    if "Fn::GetAtt" in node:
        target = node["Fn::GetAtt"]
        name = target if isinstance(target, str) else ".".join(target)
        return {"RemediationRole.Arn": REMEDIATION_ROLE}[name]
    return {str(key): _filled_in(value) for key, value in node.items()}
