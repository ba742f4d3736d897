"""Templates: reading them, their parameters, and the order their resources are built in.

moto reads short forms (`!Sub`) with a global YAML constructor that knows neither mappings nor `!Condition`,
turns dates into datetime objects, leaves the default of a list unsplit, and orders by DependsOn only.
https://docs.aws.amazon.com/AWSCloudFormation/latest/UserGuide/template-anatomy.html
"""

import json
import re
from collections.abc import Iterator, Mapping
from typing import Any

import yaml
from moto.cloudformation.exceptions import ValidationError
from moto.ssm.models import ssm_backends

type Document = dict[str, Any]

SUB_REFERENCE = re.compile(r"\$\{([^!{}][^{}]*)\}")


class _TemplateLoader(yaml.SafeLoader):
    """SafeLoader with CloudFormation's short forms; dates stay text, as in `Version: 2012-10-17`."""


def _short_form(loader: yaml.SafeLoader, suffix: str, node: yaml.Node) -> dict[str, Any]:
    key = suffix if suffix in ("Ref", "Condition") else f"Fn::{suffix}"
    if isinstance(node, yaml.ScalarNode):
        text = loader.construct_scalar(node)
        return {key: str(text).split(".", 1) if suffix == "GetAtt" else text}
    if isinstance(node, yaml.SequenceNode):
        return {key: loader.construct_sequence(node, deep=True)}
    if isinstance(node, yaml.MappingNode):
        return {key: loader.construct_mapping(node, deep=True)}
    raise ValidationError(message=f"Template format error: unreadable value of !{suffix}")


def _date_as_text(loader: yaml.SafeLoader, node: yaml.ScalarNode) -> str:
    return str(loader.construct_scalar(node))


_TemplateLoader.add_multi_constructor("!", _short_form)
_TemplateLoader.add_constructor("tag:yaml.org,2002:timestamp", _date_as_text)


def parse(body: str) -> Document:
    """The template as a dict. Raises ValidationError as CloudFormation does for what is no template."""
    try:
        # _TemplateLoader is a SafeLoader
        document = yaml.load(body, Loader=_TemplateLoader)  # noqa: S506
    except yaml.YAMLError as error:
        problem = str(error).replace("\n", " ")
        raise ValidationError(message=f"Template format error: YAML not well-formed. ({problem})") from error
    if not isinstance(document, dict):
        raise ValidationError(message="Template format error: unsupported structure.")
    if not isinstance(document.get("Resources"), dict) or not document["Resources"]:
        raise ValidationError(message="Template format error: At least one Resources member must be defined.")
    return document


def resolve_parameters(
    document: Document, given: Mapping[str, str], *, account_id: str, region: str
) -> dict[str, Any]:
    """Values of all parameters, typed as the template declares them. Raises ValidationError."""
    declared: Document = document.get("Parameters") or {}
    unknown = [name for name in given if name not in declared]
    if unknown:
        raise ValidationError(message=f"Parameters: [{', '.join(unknown)}] do not exist in the template")
    missing = [name for name, slot in declared.items() if name not in given and "Default" not in slot]
    if missing:
        raise ValidationError(message=f"Parameters: [{', '.join(missing)}] must have values")
    values = {}
    for name, slot in declared.items():
        text = str_of(given.get(name, slot.get("Default")))
        _check_constraints(name, slot, text)
        values[name] = _typed(slot["Type"], text, account_id=account_id, region=region)
    return values


def _check_constraints(name: str, slot: Document, value: str) -> None:
    allowed = [str_of(item) for item in slot.get("AllowedValues", [])]
    if allowed and value not in allowed:
        raise ValidationError(
            message=f"Parameter '{name}' must be one of AllowedValues"
            if slot.get("NoEcho")
            else f"Template error: Parameter '{name}' must be one of AllowedValues [{', '.join(allowed)}]"
        )
    pattern = slot.get("AllowedPattern")
    if pattern and not re.fullmatch(pattern, value):
        reason = slot.get("ConstraintDescription") or f"must match pattern {pattern}"
        raise ValidationError(message=f"Parameter '{name}' failed to satisfy constraint: {reason}")


def _typed(kind: str, value: str, *, account_id: str, region: str) -> Any:
    if kind.startswith("AWS::SSM::Parameter::Value"):
        stored = ssm_backends[account_id][region].get_parameter(value)
        if stored is None:
            raise ValidationError(message=f"Unable to fetch parameters [{value}] from parameter store")
        value, kind = stored.value, kind.removeprefix("AWS::SSM::Parameter::Value").strip("<>")
    if kind == "Number":
        return _number(value)
    if kind == "CommaDelimitedList" or kind.startswith("List<"):
        items = [item.strip() for item in value.split(",")] if value else []
        return [_number(item) for item in items] if kind == "List<Number>" else items
    return value


def _number(value: str) -> int | float:
    try:
        return int(value)
    except ValueError:
        return float(value)


def str_of(value: Any) -> str:
    """A scalar as CloudFormation writes it: booleans in lower case, lists joined with commas."""
    if isinstance(value, bool):
        return str(value).lower()
    if isinstance(value, list):
        return ",".join(str_of(item) for item in value)
    return str(value)


def references(value: Any) -> Iterator[str]:
    """Every logical id or parameter that a part of a template names in Ref, Fn::GetAtt or Fn::Sub."""
    if isinstance(value, list):
        for item in value:
            yield from references(item)
    elif isinstance(value, dict):
        for key, item in value.items():
            yield from _referenced_by(key, item)


def _referenced_by(key: str, item: Any) -> Iterator[str]:
    if key == "Ref" and isinstance(item, str):
        yield item
    elif key == "Fn::GetAtt":
        yield item.split(".", 1)[0] if isinstance(item, str) else item[0]
    elif key == "Fn::Sub":
        text, local = (item, {}) if isinstance(item, str) else item
        names = (name.strip() for name in SUB_REFERENCE.findall(text))
        yield from (name.split(".", 1)[0] for name in names if name not in local)
        yield from references(local)
    else:
        yield from references(item)


def dependencies(resources: Mapping[str, Document]) -> dict[str, set[str]]:
    """For each resource, the resources that must stand before it."""
    needed = {}
    for logical_id, definition in resources.items():
        explicit = definition.get("DependsOn", [])
        named = {explicit} if isinstance(explicit, str) else set(explicit)
        named |= set(references(definition.get("Properties", {})))
        needed[logical_id] = {name for name in named if name in resources and name != logical_id}
    return needed


def in_dependency_order(resources: Mapping[str, Document]) -> list[str]:
    """Logical ids, each after all that it depends on, otherwise as written. A cycle is a ValidationError."""
    needed = dependencies(resources)
    ordered: list[str] = []
    path: list[str] = []

    def visit(logical_id: str) -> None:
        if logical_id in path:
            cycle = ", ".join(path[path.index(logical_id) :])
            raise ValidationError(message=f"Circular dependency between resources: [{cycle}]")
        if logical_id in ordered:
            return
        path.append(logical_id)
        for name in sorted(needed[logical_id]):
            visit(name)
        path.pop()
        ordered.append(logical_id)

    for logical_id in resources:
        visit(logical_id)
    return ordered


def check_references(document: Document) -> None:
    """Raises ValidationError for a reference to what the template does not hold."""
    known = set(document["Resources"]) | set(document.get("Parameters") or {})
    for section in ("Resources", "Outputs"):
        used = {name for name in references(document.get(section) or {}) if not name.startswith("AWS::")}
        unknown = sorted(used - known)
        if unknown:
            raise ValidationError(
                message=f"Template format error: Unresolved resource dependencies [{', '.join(unknown)}] "
                f"in the {section} block of the template"
            )
    for logical_id, definition in document["Resources"].items():
        if not isinstance(definition, dict) or "Type" not in definition:
            raise ValidationError(
                message=f"Template format error: [/Resources/{logical_id}] "
                "Every Resources object must contain a Type member."
            )


def as_text(document: Document) -> str:
    return json.dumps(document, indent=2, default=str)
