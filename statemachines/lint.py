"""Lint the state machines with cfn-lint, which knows Step Functions definitions only inside a template.

    python statemachines/lint.py

Prints cfn-lint's findings by file and state; exit status 1 if there are any.
"""

import json
import sys
from pathlib import Path

from cfnlint.api import lint_all  # type: ignore[import-untyped]  # cfn-lint ships no types

FOLDER = Path(__file__).resolve().parent


def template(definition: object, substitutions: list[str]) -> str:
    """Return a template that holds a definition, and a string for each of its substitutions."""
    machine = {
        "Type": "AWS::StepFunctions::StateMachine",
        "Properties": {
            "RoleArn": {"Fn::Sub": "arn:${AWS::Partition}:iam::${AWS::AccountId}:role/lint"},
            "Definition": definition,
            "DefinitionSubstitutions": dict.fromkeys(substitutions, "lint"),
        },
    }
    return json.dumps({"Resources": {"StateMachine": machine}})


def main() -> int:
    """Lint every definition."""
    found = 0
    for path in sorted(FOLDER.glob("*.asl.json")):
        text = path.read_text()
        names = sorted({part.split("}")[0] for part in text.split("${")[1:]})
        for match in lint_all(template(json.loads(text), names)):
            found += 1
            where = "/".join(str(part) for part in match.path or [])
            print(f"{path.name}: {where}: {match.rule.id} {match.message}")
    return 1 if found else 0


if __name__ == "__main__":
    sys.exit(main())
