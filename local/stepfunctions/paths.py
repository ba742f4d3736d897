"""Paths and variables in JSONPath definitions.

moto hands variables (`$name`) to a JSONata engine that it does not bring, and makes a list of the single
value behind `$.list[0].name`. Added: variables; one value for a definite path, a list for an indefinite one.
AWS: https://docs.aws.amazon.com/step-functions/latest/dg/amazon-states-language-paths.html,
https://docs.aws.amazon.com/step-functions/latest/dg/workflow-variables.html
"""

import copy
import re
from functools import cache
from typing import Any

from jsonpath_ng.ext.parser import parse
from moto.stepfunctions.parser.asl.component.common.query_language import QueryLanguageMode
from moto.stepfunctions.parser.asl.component.common.string.string_expression import StringVariableSample
from moto.stepfunctions.parser.asl.eval.environment import Environment
from moto.stepfunctions.parser.asl.utils.json_path import NoSuchJsonPathError

from local.extension import extend, extend_everywhere

INDEFINITE = re.compile(r"\.\.|\*|\[\s*\?|\[[^\]]*[:,]")
QUOTED = re.compile(r"'[^']*'|\"[^\"]*\"")
VARIABLE = re.compile(r"\$(?P<name>\w+)(?P<path>.*)", re.DOTALL)


def install() -> None:
    """Replace what moto does by what is described above."""
    extend_everywhere("moto.stepfunctions.parser", extract_json=extract_json)
    extend(StringVariableSample, _eval_body=eval_variable)


@cache
def compiled(path: str) -> Any:
    """A path ready to search with; a definition uses the same few all over."""
    return parse(path)


def extract_json(path: str, data: Any) -> Any:
    """What a path selects; NoSuchJsonPathError where a definite path selects nothing."""
    found = [match.value for match in compiled(path).find(data)]
    if INDEFINITE.search(QUOTED.sub("", path)):
        return found
    if not found:
        raise NoSuchJsonPathError(json_path=path, data=data)
    return found[0]


def eval_variable(sample: StringVariableSample, env: Environment) -> None:
    """`$name`, `$name.path[0]`."""
    if sample.query_language_mode == QueryLanguageMode.JSONata:
        raise NotImplementedError("JSONata is not executed here")
    match = VARIABLE.fullmatch(sample.expression)
    if match is None:
        raise ValueError(f"not a reference to a variable: {sample.expression}")
    value = env.variable_store.get(match["name"])
    if match["path"]:
        value = extract_json(f"${match['path']}", value)
    env.stack.append(copy.deepcopy(value))
