"""The workflow's own states for actions, tried alone, under the policies that the template gives its role."""

import json
import re
from collections.abc import Iterable, Mapping
from typing import Any

from local.account import LocalAccount
from stackwarden.finding import Action, ActionKind
from tests import template
from tests.integration.conftest import role

PLACE = {"AWS::Partition": "aws", "AWS::Region": "us-east-1", "AWS::AccountId": "123456789012"}
_LONGEST = 30  # seconds

type Json = dict[str, Any]


def filled_in(node: Any, made: Mapping[str, str]) -> Any:
    """A part of the template as CloudFormation makes it. made: what it made itself, `Bucket.Arn` say.

    Of what depends on a condition, it is as if that were true.
    """
    known = {**PLACE, "AWS::URLSuffix": "amazonaws.com", **made}
    match node:
        case {"Fn::Sub": str(text)}:
            return re.sub(r"\$\{([^}]+)\}", lambda found: known[found[1]], text)
        case {"Fn::GetAtt": [name, attribute]}:
            return known[f"{name}.{attribute}"]
        case {"Fn::If": [_, then, _]}:
            return filled_in(then, made)
        case {"Ref": name}:
            return known[name]
        case dict():
            return {str(key): filled_in(value, made) for key, value in node.items()}
        case list():
            return [filled_in(item, made) for item in node]
    return str(node) if isinstance(node, str) else node


def document(documents: Iterable[Json], made: Mapping[str, str]) -> str:
    """One policy that has the statements of all of these."""
    statements = [filled_in(statement, made) for each in documents for statement in each["Statement"]]
    return json.dumps({"Version": "2012-10-17", "Statement": statements})


def definition(map_: str = "Act", *, tries: bool = False) -> str:
    """One Map of the workflow alone: each action once, whatever comes of it; or with its retries, sooner."""
    whole = json.loads((template.ROOT / "statemachines/remediation.asl.json").read_text())
    state = {**whole["States"][map_], "End": True}
    del state["Next"]
    for inner in state["ItemProcessor"]["States"].values():
        retries = inner.pop("Retry", [])
        if tries and retries:
            soon = {"IntervalSeconds": 1, "MaxDelaySeconds": 1, "JitterStrategy": "FULL"}
            inner["Retry"] = [{**retry, **soon} for retry in retries]
    return json.dumps({"StartAt": map_, "States": {map_: state}})


class Workflow:
    """Tries actions. policies: of the template, by the names of their resources."""

    def __init__(
        self, account: LocalAccount, policies: Iterable[str], made: Mapping[str, str], *, tries: bool = False
    ) -> None:
        self.account, self.tries = account, tries
        self.client = account.client("stepfunctions")
        resources = template.template()["Resources"]
        wanted = [resources[name]["Properties"]["PolicyDocument"] for name in policies]
        self._role = role(account, "workflow", document(wanted, made))

    def start(self, *actions: Action, map_: str = "Act") -> str:
        """Begin to do actions; the execution."""
        made = self.client.create_state_machine(
            name=map_, definition=definition(map_, tries=self.tries), roleArn=self._role
        )
        key = {"Act": "actions", "Annotate": "annotations"}[map_]
        given = json.dumps({key: [action.model_dump(mode="json") for action in actions]})
        execution: str = self.client.start_execution(stateMachineArn=made["stateMachineArn"], input=given)[
            "executionArn"
        ]
        return execution

    def output(self, execution: str) -> Json:
        """What an execution ends with."""
        self.account.drain(_LONGEST)
        done = self.client.describe_execution(executionArn=execution)
        assert done["status"] == "SUCCEEDED", done
        return dict(json.loads(done["output"]))

    def errors(self, execution: str) -> list[str]:
        """The errors that its tasks have met so far."""
        pages = self.client.get_paginator("get_execution_history").paginate(executionArn=execution)
        events = [event for page in pages for event in page["events"]]
        return [event["taskFailedEventDetails"]["error"] for event in events if event["type"] == "TaskFailed"]

    def do(self, action: Action) -> Json:
        """Do one action; what the workflow says came of it."""
        [result] = self.output(self.start(action))["results"]
        assert Action.model_validate({key: result[key] for key in Action.model_fields}) == action
        return dict(result)

    def attempt(self, kind: ActionKind, target: str, before: Json | None = None, **parameters: Any) -> Json:
        """Try one action; what the workflow says came of it."""
        return self.do(Action(kind=kind, target=target, parameters=parameters, before=before or {}))
