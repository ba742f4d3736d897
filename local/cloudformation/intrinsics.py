"""Intrinsic functions, evaluated as CloudFormation does.

moto's `clean_json` keeps an AWS::NoValue inside a list, logs and goes on where an attribute is unknown, and
creates resources on the way. Here evaluation never creates anything, and what cannot be resolved is an error.
https://docs.aws.amazon.com/AWSCloudFormation/latest/UserGuide/intrinsic-function-reference.html
"""

import base64
import json
from collections.abc import Callable, Mapping
from typing import Any

from moto.cloudformation.exceptions import ExportNotFound, ValidationError

from local.cloudformation.template import SUB_REFERENCE, Document, str_of

NO_VALUE = object()


class Evaluator:
    """Evaluates parts of one template.

    `parameters` holds pseudo parameters, too; `ref` and `attribute` answer for resources that stand.
    """

    def __init__(
        self,
        document: Document,
        *,
        parameters: Mapping[str, Any],
        exports: Mapping[str, str],
        ref: Callable[[str], str],
        attribute: Callable[[str, str], Any],
    ) -> None:
        self._mappings: Document = document.get("Mappings") or {}
        self._conditions: Document = document.get("Conditions") or {}
        self._parameters = parameters
        self._exports = exports
        self._ref_resource = ref
        self._attribute = attribute
        self._functions: dict[str, Callable[[Any], Any]] = {
            "Ref": self._ref,
            "Fn::GetAtt": self._get_att,
            "Fn::Sub": self._sub,
            "Fn::Join": self._join,
            "Fn::Split": self._split,
            "Fn::Select": self._select,
            "Fn::If": self._if,
            "Fn::FindInMap": self._find_in_map,
            "Fn::ImportValue": self._import_value,
            "Fn::GetAZs": self._get_azs,
            "Fn::Base64": self._base64,
            "Fn::ToJsonString": lambda argument: json.dumps(self.value(argument)),
            "Fn::Length": lambda argument: len(self.value(argument)),
            "Fn::Equals": self._equals,
            "Fn::Not": lambda argument: not self.value(argument[0]),
            "Fn::And": lambda argument: all(self.value(item) for item in argument),
            "Fn::Or": lambda argument: any(self.value(item) for item in argument),
            "Condition": self.condition,
        }

    def value(self, part: Any) -> Any:
        """The part with every intrinsic function replaced; NO_VALUE entries are gone."""
        if isinstance(part, list):
            return [item for item in map(self.value, part) if item is not NO_VALUE]
        if not isinstance(part, dict):
            return part
        if len(part) == 1:
            [(name, argument)] = part.items()
            if name in self._functions and (name != "Condition" or isinstance(argument, str)):
                return self._functions[name](argument)
            if name.startswith("Fn::"):
                raise ValidationError(message=f"Template error: {name} is not supported")
        evaluated = {key: self.value(item) for key, item in part.items()}
        return {key: item for key, item in evaluated.items() if item is not NO_VALUE}

    def condition(self, name: str) -> bool:
        if name not in self._conditions:
            raise ValidationError(message=f"Template format error: Unresolved condition {name}")
        return bool(self.value(self._conditions[name]))

    def _ref(self, name: str) -> Any:
        if name == "AWS::NoValue":
            return NO_VALUE
        return self._parameters[name] if name in self._parameters else self._ref_resource(name)

    def _get_att(self, argument: Any) -> Any:
        name, attribute = argument.split(".", 1) if isinstance(argument, str) else argument
        return self._attribute(name, self.value(attribute))

    def _sub(self, argument: Any) -> str:
        text, given = (argument, {}) if isinstance(argument, str) else argument
        local = {key: str_of(self.value(item)) for key, item in given.items()}

        def replacement(name: str) -> str:
            if name in local:
                return local[name]
            return str_of(self._get_att(name) if "." in name else self._ref(name))

        substituted = SUB_REFERENCE.sub(lambda match: replacement(match.group(1).strip()), text)
        return substituted.replace("${!", "${")

    def _join(self, argument: Any) -> str:
        separator, items = argument
        return str(separator).join(str_of(item) for item in self.value(items))

    def _split(self, argument: Any) -> list[str]:
        separator, text = argument
        return str(self.value(text)).split(separator)

    def _select(self, argument: Any) -> Any:
        index, items = self.value(argument[0]), self.value(argument[1])
        if int(index) >= len(items):
            raise ValidationError(message="Template error: Fn::Select cannot select nonexistent value")
        return items[int(index)]

    def _if(self, argument: Any) -> Any:
        name, if_true, if_false = argument
        return self.value(if_true if self.condition(name) else if_false)

    def _find_in_map(self, argument: Any) -> Any:
        name, first, second = (self.value(item) for item in argument[:3])
        try:
            return self._mappings[name][str_of(first)][str_of(second)]
        except KeyError as missing:
            if len(argument) > 3:  # AWS::LanguageExtensions
                return self.value(argument[3]["DefaultValue"])
            raise ValidationError(
                message=f"Template error: Unable to get mapping for {name}::{first}::{second}"
            ) from missing

    def _import_value(self, argument: Any) -> str:
        name = self.value(argument)
        if name not in self._exports:
            raise ExportNotFound(name)
        return self._exports[name]

    def _get_azs(self, argument: Any) -> list[str]:
        region = self.value(argument) or self._parameters["AWS::Region"]
        return [f"{region}{zone}" for zone in "abcd"]

    def _base64(self, argument: Any) -> str:
        return base64.b64encode(str_of(self.value(argument)).encode()).decode()

    def _equals(self, argument: Any) -> bool:
        left, right = self.value(argument[0]), self.value(argument[1])
        return str_of(left) == str_of(right)
