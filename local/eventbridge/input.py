"""What a target receives of an event: all of it, a part, a constant, or a transformation.

AWS: https://docs.aws.amazon.com/eventbridge/latest/userguide/eb-transform-target-input.html
"""

import json
import re
from typing import Any

from jsonpath_ng.ext.parser import parse

VARIABLE_OR_STRING_MARK = re.compile(r'\\.|"|<([\w.-]+)>')


def target_input(target: dict[str, Any], event: dict[str, Any], rule_name: str, rule_arn: str) -> str:
    """The text that is delivered; JSON, unless an input template is not."""
    if "Input" in target:
        return str(target["Input"])
    if "InputPath" in target:
        return json.dumps(first_match(target["InputPath"], event))
    if "InputTransformer" in target:
        transformer = target["InputTransformer"]
        paths = transformer.get("InputPathsMap") or {}
        values = {name: first_match(path, event) for name, path in paths.items()}
        predefined = {
            "aws.events.rule-arn": rule_arn,
            "aws.events.rule-name": rule_name,
            "aws.events.event.ingestion-time": event["time"],
            "aws.events.event": {key: value for key, value in event.items() if key != "detail"},
            "aws.events.event.json": event,
        }
        return fill(transformer["InputTemplate"], {**predefined, **values})
    return json.dumps(event)


def first_match(path: str, event: dict[str, Any]) -> Any:
    """The value at a JSON path; None where there is none."""
    found = parse(path).find(event)
    return found[0].value if found else None


def fill(template: str, values: dict[str, Any]) -> str:
    """Put values into an input template: as JSON, but without quotes of their own inside a string."""
    in_string = False

    def replacement(match: re.Match[str]) -> str:
        nonlocal in_string
        if match[0] == '"':
            in_string = not in_string
        if match[1] is None or match[1] not in values:
            return match[0]
        value = values[match[1]]
        if not in_string:
            return json.dumps(value)
        text = "" if value is None else value if isinstance(value, str) else json.dumps(value)
        return json.dumps(text)[1:-1]

    return VARIABLE_OR_STRING_MARK.sub(replacement, template)
