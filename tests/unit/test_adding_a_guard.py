"""A guard has its parts in six places, all under its one name; what is missing is named."""

import ast
from pathlib import Path

import pytest

from tests import template

ROOT = template.ROOT
POLICIES = ROOT / "layers/stackwarden/python/stackwarden/policies"
FUNCTIONS = sorted(path.parent.name for path in (ROOT / "functions").glob("*/app.py"))


def declared(module: str) -> str | None:
    """The id that functions/<module>/app.py declares as GUARD."""
    tree = ast.parse((ROOT / "functions" / module / "app.py").read_text())
    for node in tree.body:
        match node:
            case ast.Assign(targets=[ast.Name(id="GUARD")], value=ast.Constant(value=str(guard))):
                return guard
    return None


GUARDS = {module: guard for module in FUNCTIONS if (guard := declared(module))}


def missing(guard: str, root: Path = ROOT) -> list[str]:
    """What a guard lacks, one sentence each."""
    module, logical_id = guard.replace("-", "_"), guard.title().replace("-", "")
    function = template.template()["Resources"].get(f"{logical_id}Function", {})
    properties, samples = function.get("Properties", {}), len(list((root / "events" / guard).glob("*.json")))
    expected = {
        f"policies/{module}.py": (POLICIES / f"{module}.py").is_file(),
        f"functions/{module}/app.py": (root / "functions" / module / "app.py").is_file(),
        f"two sample events in events/{guard}/": samples >= 2,
        f"docs/guards/{guard}.md": (root / "docs" / "guards" / f"{guard}.md").is_file(),
        f"{logical_id}Function in template.yaml": properties.get("CodeUri") == f"functions/{module}",
        f"triggers of {logical_id}Function in template.yaml": bool(properties.get("Events")),
        f"{logical_id}Mode among the template's parameters": (
            f"{logical_id}Mode" in template.template()["Parameters"]
        ),
        f"POWERTOOLS_SERVICE_NAME {guard} in template.yaml": (
            properties.get("Environment", {}).get("Variables", {}).get("POWERTOOLS_SERVICE_NAME") == guard
        ),
    }
    return [what for what, there in expected.items() if not there]


def test_there_are_guards() -> None:
    assert "data-deletion" in GUARDS.values()


@pytest.mark.parametrize(("module", "guard"), sorted(GUARDS.items()))
def test_a_guard_is_complete(module: str, guard: str) -> None:
    assert module == guard.replace("-", "_")
    assert missing(guard) == []


def test_a_guard_with_a_policy_has_a_function() -> None:
    """A policy may be split over modules that begin with a word of the guard's name."""
    words = {word for module in GUARDS for word in module.split("_")}
    policies = sorted(path.stem for path in POLICIES.glob("*.py") if path.stem != "__init__")

    assert [policy for policy in policies if policy.split("_")[0] not in words] == []


def test_what_is_missing_is_named() -> None:
    assert missing("other-guard") == [
        "policies/other_guard.py",
        "functions/other_guard/app.py",
        "two sample events in events/other-guard/",
        "docs/guards/other-guard.md",
        "OtherGuardFunction in template.yaml",
        "triggers of OtherGuardFunction in template.yaml",
        "OtherGuardMode among the template's parameters",
        "POWERTOOLS_SERVICE_NAME other-guard in template.yaml",
    ]


@pytest.mark.parametrize("policy", sorted(POLICIES.glob("*.py")), ids=lambda path: path.stem)
def test_a_policy_is_pure(policy: Path) -> None:
    """No AWS, no environment, no clock: the same judgement before the fact, after it, and in a sweep."""
    imported = set[str]()
    for node in ast.walk(ast.parse(policy.read_text())):
        if isinstance(node, ast.Import):
            imported |= {alias.name for alias in node.names}
        elif isinstance(node, ast.ImportFrom):
            imported.add(node.module or "")
    impure = {"boto3", "botocore", "botocore.exceptions", "os", "time", "stackwarden.aws"}

    assert imported & impure == set()
    assert ".now(" not in policy.read_text()


def test_every_rule_of_a_guard_has_a_dead_letter_queue_and_obeys_its_mode() -> None:
    for function in template.resources("AWS::Serverless::Function").values():
        for name, event in function["Properties"].get("Events", {}).items():
            properties = event["Properties"]
            assert properties["DeadLetterConfig"], name
            assert properties["State"]["Fn::If"][1:] == ["DISABLED", "ENABLED"], name
