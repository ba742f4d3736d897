"""Regenerates the tables and pictures in the documentation that repeat what the code says.

    python docs/generate.py            writes them
    python docs/generate.py --check    changes nothing; exits 1 and names each file that is stale

A block stands between `<!-- generated:NAME -->` and `<!-- /generated -->`; BLOCKS says which is where.
"""

import ast
import json
import re
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import yaml

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))
sys.path.insert(0, str(Path(__file__).resolve().parents[1] / "layers/stackwarden/python"))

from docs import alias_examples, stream_examples
from stackwarden import episodes, s3_loops, s3_reader
from stackwarden.policies import s3_permissions, s3_recursion, s3_requests, s3_walk
from stackwarden.policies.data_resources import TYPES, DataResourceType, Protection
from stackwarden.policies.s3_state import RAISED_BY

ROOT = Path(__file__).resolve().parents[1]
_BLOCK = re.compile(r"(<!-- generated:(?P<name>[a-z0-9-]+) -->\n).*?(<!-- /generated -->)", re.DOTALL)
_SWITCHES = {
    Protection.DYNAMODB_TABLE: "deletion protection and point-in-time recovery",
    Protection.RDS_INSTANCE: "deletion protection",
    Protection.RDS_CLUSTER: "deletion protection",
}


class _TemplateLoader(yaml.SafeLoader):
    """Reads template.yaml; intrinsic functions become text: `!Ref X` is `${X}`, `!If [C, a, b]` `a or b`."""


def _intrinsic(loader: yaml.SafeLoader, suffix: str, node: yaml.Node) -> Any:
    if isinstance(node, yaml.ScalarNode):
        text = str(loader.construct_scalar(node))
        return text if suffix == "Sub" else f"${{{text}}}"
    if isinstance(node, yaml.SequenceNode):
        parts = loader.construct_sequence(node, deep=True)
        texts = suffix == "If" and all(isinstance(part, str) for part in parts)
        return " or ".join(parts[1:]) if texts else parts
    raise TypeError(f"{node.start_mark}: no text for !{suffix}")


yaml.add_multi_constructor("!", _intrinsic, Loader=_TemplateLoader)


def _template() -> dict[str, Any]:
    text = (ROOT / "template.yaml").read_text()
    template: dict[str, Any] = yaml.load(text, Loader=_TemplateLoader)  # noqa: S506 - a SafeLoader
    return template


def _workflow() -> dict[str, Any]:
    states: dict[str, Any] = json.loads((ROOT / "statemachines/remediation.asl.json").read_text())
    return states


def _table(*rows: tuple[str, ...]) -> str:
    lines = [f"| {' | '.join(cell.replace('|', '\\|') for cell in row)} |" for row in rows]
    return "\n".join([lines[0], f"|{'---|' * len(rows[0])}", *lines[1:]]) + "\n"


def _code(values: list[str]) -> str:
    return " ".join(f"`{value}`" for value in values) or "—"


def _listed(value: Any) -> list[Any]:
    return value if isinstance(value, list) else [value]


def data_resource_types() -> str:
    """One row a data resource type."""
    return _table(
        ("type", "what protects it", "rescuable", "restored from", "replaced when one of these changes"),
        *(
            (
                f"`{row.type}`",
                _protected_by(row),
                "yes" if row.rescuable else "no" if row.at_risk else "not needed",
                _restored_from(row),
                _code(list(row.replaced_by)),
            )
            for row in TYPES.values()
        ),
    )


def _protected_by(row: DataResourceType) -> str:
    if row.protection:
        return _SWITCHES[row.protection]
    return f"not at risk: {row.safe_because}" if row.safe_because else f"nothing: {row.unprotected_because}"


def _restored_from(row: DataResourceType) -> str:
    if not row.restore:
        return "—"
    return f"backup, by `{' '.join(row.restore.split()[1:3])}`"


def s3_events() -> str:
    """One row an S3 event type that a function can raise."""
    return _table(
        ("event type", "raised by whoever has"),
        *(
            (f"`{event}`", " or ".join(f"`{action}`" for action in actions))
            for event, actions in RAISED_BY.items()
        ),
    )


def s3_bounds() -> str:
    """One row a bound of the guard s3-recursion, from its constants."""
    rows = (
        ("things read to find the functions of one event", s3_reader.MOST_READS, "is no start; not said"),
        ("things read in one walk", s3_reader.MOST_READS, "says so, and names what was not read"),
        ("hops of a loop", s3_walk.MOST_HOPS, "says so"),
        ("hops gone in one walk, again for each way to them", s3_walk.MOST_STEPS, "says so"),
        ("pairs of a role and a trigger, in one walk", s3_walk.MOST_GRANTS, "says so"),
        ("questions to IAM for one event", s3_loops.MOST_CONFIRMATIONS, "is no loop; says so"),
        ("loops of one walk, if the next one is only possible", s3_walk.MOST_LOOPS, "says so"),
        (
            "loops through one function reported for one event, if the next one is not acted on",
            _number("functions/s3_recursion/app.py", "MOST_TOLD"),
            "not said; proven and short ones come first",
        ),
        ("values tried for one condition key", s3_requests.MOST_VALUES, "says so, if no loop was found"),
        ("requests tried for one statement", s3_permissions.MOST_REQUESTS, "the same"),
        ("searches for a key, for one role and one trigger", s3_permissions.MOST_SEARCHES, "the same"),
        ("combinations of patterns for them", s3_permissions.MOST_COMBINATIONS, "the same"),
        ("of them not decided", s3_permissions.MOST_UNDECIDED, "the same"),
        ("steps of one search", s3_permissions.MOST_STATES, "the same"),
        ("bytes of a key, as S3 has it", s3_permissions.LONGEST_KEY, "cannot be"),
    )
    return _table(("of what", "at most", "beyond"), *((what, f"{most:,}", then) for what, most, then in rows))


def _number(path: str, name: str) -> int:
    """Return a constant of a module that reads its settings when it is imported."""
    for node in ast.parse((ROOT / path).read_text()).body:
        if isinstance(node, ast.Assign) and ast.unparse(node.targets[0]) == name:
            return int(ast.literal_eval(node.value))
    raise ValueError(f"{path}: no constant {name}")


def s3_times() -> str:
    """One row a number that decides how long the guard s3-recursion goes on."""
    quiet = episodes.TOLD.total_seconds() / 3600
    timeout = _template()["Resources"]["S3RecursionFunction"]["Properties"]["Timeout"]
    return _table(
        ("what", "number"),
        (
            "times that one change is tried",
            f"{s3_recursion.TRIES}, each with its [retries](../remediation.md#states);"
            " a cap that Lambda refuses, once",
        ),
        ("looks that it waits for a change to show", f"{s3_recursion.PATIENCE}, two seconds apart"),
        ("an unchanged loop that is only reported is reported again after", f"{quiet:.0f} hours"),
        ("metrics looked at: concurrency, dropped invocations", f"of {s3_loops.RECENT.days} days"),
        ("time for one event", f"{timeout} seconds"),
    )


def alias_times() -> str:
    """One row a number of the guard missing-alias."""
    timeout = _template()["Resources"]["MissingAliasFunction"]["Properties"]["Timeout"]
    return _table(("what", "number"), *alias_examples.numbers(timeout))


def stream_times() -> str:
    """One row a number of the guard unbacked-stream."""
    timeout = _template()["Resources"]["UnbackedStreamFunction"]["Properties"]["Timeout"]
    return _table(("what", "number"), *stream_examples.numbers(timeout))


def stream_costs() -> str:
    """One row a volume of a stream: what its copy costs in a month."""
    return _table(
        ("put in a day", "in records of", "GB", "GB billed", "Firehose, USD", "S3, USD", "together, USD"),
        *stream_examples.costs(),
    )


def guards() -> str:
    """One row a guard, from its block in template.yaml."""
    template = _template()
    return _table(
        ("guard", "hazard", "mode unless told otherwise", "looks when", "may change"),
        *_guard_rows(template["Resources"], template["Parameters"]),
    )


def _guard_rows(resources: dict[str, Any], parameters: dict[str, Any]) -> Iterator[tuple[str, ...]]:
    for app in sorted((ROOT / "functions").glob("*/app.py")):
        guard = app.parent.name.replace("_", "-")
        name = "".join(word.capitalize() for word in guard.split("-"))
        function = resources[f"{name}Function"]["Properties"]
        actions = [
            action
            for policy, resource in resources.items()
            if policy.startswith(name) and resource["Type"] == "AWS::IAM::Policy"
            for statement in resource["Properties"]["PolicyDocument"]["Statement"]
            for action in _listed(statement["Action"])
        ]
        yield (
            f"[`{guard}`](docs/guards/{guard}.md)",
            function["Description"],
            f"`{parameters[f'{name}Mode']['Default']}`",
            _code(list(function["Events"])),
            _code([action for action in actions if action != "lambda:InvokeFunction"]),
        )


def parameters() -> str:
    """One row a parameter of template.yaml."""
    return _table(
        ("parameter", "default", "values", "what it does"),
        *(
            (
                f"`{name}`",
                f"`{parameter['Default']}`" if parameter["Default"] != "" else "empty",
                _values(parameter),
                parameter["Description"],
            )
            for name, parameter in _template()["Parameters"].items()
        ),
    )


def _values(parameter: dict[str, Any]) -> str:
    if "AllowedValues" in parameter:
        return _code([str(value) for value in parameter["AllowedValues"]])
    if "AllowedPattern" in parameter:
        return f"`{parameter['AllowedPattern']}`"
    if "MinValue" not in parameter:
        return "text"
    return f"{parameter['MinValue']} to {parameter['MaxValue']}" if "MaxValue" in parameter else "a number"


def permissions() -> str:
    """One row a statement of every role in template.yaml."""
    rows: list[tuple[str, ...]] = []
    for name, resource in _template()["Resources"].items():
        properties = resource["Properties"]
        if resource["Type"] == "AWS::IAM::Role":
            documents = [(f"`{name}`", policy["PolicyDocument"]) for policy in properties.get("Policies", [])]
        elif resource["Type"] == "AWS::IAM::Policy":
            roles = [re.sub(r"\W", "", role) for role in properties["Roles"]]
            only = f", only if `{resource['Condition']}`" if "Condition" in resource else ""
            documents = [(f"{_code(roles)}, by `{name}`{only}", properties["PolicyDocument"])]
        else:
            continue
        for role, document in documents:
            for statement in document["Statement"]:
                resources = [_short(arn) for arn in _listed(statement["Resource"])]
                rows.append((role, _code(_listed(statement["Action"])), _code(resources)))
    return _table(("role", "may", "on"), *rows)


def _short(arn: str) -> str:
    for variable, short in (("Partition", "aws"), ("Region", "REGION"), ("AccountId", "ACCOUNT")):
        arn = arn.replace(f"${{AWS::{variable}}}", short)
    return arn


def remediation_states() -> str:
    """The workflow as a picture."""
    workflow = _workflow()
    ids = {name: f"s{number}" for number, name in enumerate(workflow["States"], 1)}
    lines = ["```mermaid", "stateDiagram-v2"]
    lines += [f'    state "{name}" as {ids[name]}' for name in workflow["States"]]
    lines.append(f"    [*] --> {ids[workflow['StartAt']]}")
    for name, state in workflow["States"].items():
        for target, label in _ways(state):
            lines.append(f"    {ids[name]} --> {ids[target]}" + (f" : {label}" if label else ""))
        if state["Type"] in ("Succeed", "Fail"):
            lines.append(f"    {ids[name]} --> [*]")
    return "\n".join([*lines, "```"]) + "\n"


def _ways(state: dict[str, Any]) -> Iterator[tuple[str, str]]:
    for choice in state.get("Choices", []):
        yield choice["Next"], " and ".join(_condition(part) for part in choice.get("And", [choice]))
    if "Default" in state:
        yield state["Default"], "otherwise"
    if "Next" in state:
        yield state["Next"], ""
    for catch in state.get("Catch", []):
        names = [error.removeprefix("DynamoDb.") for error in catch["ErrorEquals"]]
        yield catch["Next"], "any error" if names == ["States.ALL"] else " ".join(names)


def _condition(rule: dict[str, Any]) -> str:
    variable = rule["Variable"].rsplit(".", 1)[-1]
    if "IsNull" in rule:
        return f"{variable} is {'un' if rule['IsNull'] else ''}known"
    if "IsPresent" in rule:
        return f"{variable} is {'' if rule['IsPresent'] else 'not '}there"
    return f"{variable} is {rule['StringEquals']}"


def remediation_actions() -> str:
    """One row an action of the workflow's vocabulary."""
    states = _workflow()["States"]
    inner = {**states["Act"]["ItemProcessor"]["States"], **states["Annotate"]["ItemProcessor"]["States"]}
    rows = [
        (
            f"`{name}`",
            f"`{state['Resource'].removeprefix('arn:aws:states:::aws-sdk:')}`",
            "; ".join(f"{retry['MaxAttempts']} x {_code(retry['ErrorEquals'])}" for retry in state["Retry"]),
        )
        for name, state in inner.items()
        if state["Type"] == "Task"
    ]
    return _table(("action", "call", "retries, on which errors"), *rows)


def local_modules() -> str:
    """One row a package or module of the local account: the first paragraph of its docstring."""
    root = ROOT / "local"
    rows = []
    for path in sorted(root.rglob("*.py")):
        if path.parent == root and path.stem.startswith("_"):
            continue
        docstring = ast.get_docstring(ast.parse(path.read_text())) or ""
        name = path.relative_to(root).as_posix().removesuffix("__init__.py")
        rows.append((f"`{name}`", " ".join(docstring.split("\n\n")[0].split())))
    return _table(("module", "adds"), *rows)


BLOCKS: dict[str, dict[str, Callable[[], str]]] = {
    "CONTRIBUTING.md": {"local-modules": local_modules},
    "README.md": {"guards": guards},
    "SECURITY.md": {"permissions": permissions},
    "docs/guards/data-deletion.md": {"data-resource-types": data_resource_types},
    "docs/guards/missing-alias.md": {
        "alias-tools": alias_examples.tools,
        "alias-times": alias_times,
        "alias-report": alias_examples.report,
    },
    "docs/guards/s3-recursion.md": {"s3-events": s3_events, "s3-bounds": s3_bounds, "s3-times": s3_times},
    "docs/guards/unbacked-stream.md": {
        "stream-prices": stream_examples.prices,
        "stream-costs": stream_costs,
        "stream-times": stream_times,
    },
    "docs/operating.md": {"parameters": parameters},
    "docs/remediation.md": {
        "remediation-states": remediation_states,
        "remediation-actions": remediation_actions,
    },
}


def regenerated(text: str, blocks: dict[str, Callable[[], str]]) -> str:
    """Return the text with its blocks replaced. Raises KeyError for a block that nothing generates."""
    return _BLOCK.sub(lambda match: match[1] + blocks[match["name"]]() + match[3], text)


def main(arguments: list[str]) -> int:
    """Write, or with `--check` only compare; the exit status."""
    if arguments not in ([], ["--check"]):
        print(__doc__, file=sys.stderr)
        return 2
    stale = False
    for name, blocks in BLOCKS.items():
        path = ROOT / name
        if not path.exists():
            continue
        text = path.read_text()
        missing = [block for block in blocks if f"<!-- generated:{block} -->" not in text]
        new = regenerated(text, blocks)
        if missing:
            stale = True
            print(f"{name} has no block {' '.join(missing)}", file=sys.stderr)
        if arguments and new != text:
            stale = True
            print(f"{name} is stale: run python docs/generate.py", file=sys.stderr)
        elif not arguments and new != text:
            path.write_text(new)
            print(f"wrote {name}")
    return int(stale)


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
