"""The function s3_recursion and the ledger: a cap is found again however its finding ended."""

import json
from collections import Counter
from typing import Any

import pytest

from tests.s3_account import CONTEXT, LEDGER, S3Account, function_arn

ARN = function_arn("thumbnails")
CAP_TAG = "stackwarden:concurrency-cap"


def released(verdict: dict[str, Any]) -> list[tuple[str, str]]:
    assert verdict["finding"]["hazard"] == "loop-gone"
    return [(action["kind"], action["target"]) for action in verdict["actions"]]


def tag(s3: S3Account, verdict: dict[str, Any]) -> None:
    """Tag as the workflow does at the end of a finding."""
    for each in verdict["annotations"]:
        s3.functions.tag_resource(Resource=each["target"], Tags=each["parameters"]["tags"])


class TestACapWhoseFindingFailed:
    @pytest.fixture
    def failed(self, s3: S3Account) -> dict[str, Any]:
        """A loop that was capped, and whose recursion Lambda refuses to end; the last verdict."""
        s3.loop()
        s3.functions.put_function_recursion_config(FunctionName="thumbnails", RecursiveLoop="Allow")
        [verdict] = s3.notified()
        s3.reserve("thumbnails", 10)
        for _ in range(20):
            if verdict["next"] == "done":
                break
            verdict = self.judge(s3, verdict)
        assert verdict["outcome"] == "failed"
        return verdict

    def judge(self, s3: S3Account, verdict: dict[str, Any]) -> dict[str, Any]:
        refused = {"status": "failed", "error": "Lambda.AccessDeniedException: a service control policy"}
        results = [
            action | ({"status": "done"} if action["kind"] == "cap-concurrency" else refused)
            for action in verdict["actions"]
        ]
        question = {"task": "judge", "verdict": verdict | {"results": results}}
        answer: dict[str, Any] = s3.app.handler(question, CONTEXT)
        return answer

    def test_is_tagged(self, failed: dict[str, Any]) -> None:
        [annotation] = failed["annotations"]

        assert (annotation["kind"], annotation["target"]) == ("tag-function", ARN)
        assert annotation["parameters"]["tags"] == {
            "stackwarden:finding": failed["finding"]["id"],
            "stackwarden:outcome": "failed",
            CAP_TAG: "10",
            "stackwarden:concurrency-before": "none",
        }

    def test_is_released_when_the_loop_is_gone(self, s3: S3Account, failed: dict[str, Any]) -> None:
        tag(s3, failed)
        s3.close(failed, hours_ago=1)
        s3.notify("photos")

        [release] = s3.notified()

        assert released(release) == [("release-concurrency", ARN)]


def test_a_cap_that_was_not_judged_is_released_when_the_loop_is_gone(s3: S3Account) -> None:
    """The workflow could not ask the guard again: it marked the cap, and keeps what was done as results."""
    s3.loop()
    [verdict] = s3.notified()
    s3.reserve("thumbnails", 10)
    s3.functions.tag_resource(Resource=ARN, Tags={CAP_TAG: "10"})
    s3.close(verdict | {"outcome": "failed"}, hours_ago=1)
    results = [action | {"status": "done"} for action in verdict["actions"]]
    s3.dynamodb.update_item(
        TableName=LEDGER,
        Key={"id": {"S": verdict["finding"]["id"]}},
        UpdateExpression="SET results = :results",
        ExpressionAttributeValues={":results": {"S": json.dumps(results)}},
    )
    s3.notify("photos")

    [release] = s3.notified()

    assert released(release) == [("release-concurrency", ARN)]


def test_a_lifted_cap_is_a_new_finding_however_many_came_between(s3: S3Account) -> None:
    """Else the workflow would stop at the ledger, which has that id already."""
    s3.loop()
    [first] = s3.notified()
    s3.remediate(first, hours_ago=100)
    for number in range(25):
        other = {"id": f"other-{number}", "evidence": {"cycle": [ARN, f"bucket-{number}"]}}
        s3.close(first | {"finding": first["finding"] | other, "outcome": "observed"}, hours_ago=50 - number)
    s3.functions.delete_function_concurrency(FunctionName="thumbnails")

    [again] = s3.happens("delete-function-concurrency.violation")

    assert again["next"] == "act"
    assert again["finding"]["id"] != first["finding"]["id"]


def test_a_function_with_a_tag_and_no_cap_costs_one_read_of_the_ledger(s3: S3Account) -> None:
    role = s3.role("shared-role")
    for number in range(5):
        s3.function(f"tagged-{number}", role=role)
        s3.tag_as_capped(f"tagged-{number}")
    s3.bucket("empty")
    assert s3.notified("empty") == []
    calls = Counter(s3.calls.made)

    assert calls["dynamodb:Query"] == 5
    assert not [call for call in calls if call.startswith(("lambda:", "iam:"))]
