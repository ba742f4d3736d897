"""The function s3_recursion where there is much to look at: many functions, many loops."""

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from tests.s3_account import S3Account, allow, document

HUB = "hub"
SPOKES = [f"spoke-{number}" for number in range(6)]


def outcomes(verdicts: list[dict[str, Any]]) -> list[tuple[str, list[str]]]:
    """What comes next, and which functions are capped."""
    return sorted(
        (verdict["next"], [action["target"].split(":")[6] for action in verdict["actions"]])
        for verdict in verdicts
    )


class TestTheBoundOfAWalk:
    def test_is_each_functions_own(self, s3: S3Account, monkeypatch: pytest.MonkeyPatch) -> None:
        """Twelve functions with one managed policy: together they need more reads than one walk has."""
        reader = s3.app.EstateReader
        monkeypatch.setattr(s3.app, "EstateReader", lambda place, roles: reader(place, roles, most=8))
        policy = s3.iam.create_policy(PolicyName="shared", PolicyDocument=document(allow("nowhere/*")))
        arn = policy["Policy"]["Arn"]
        for number in range(12):
            s3.function(f"f{number:02}", role=s3.role(f"f{number:02}-role", managed=(arn,)))
        s3.bucket("photos")
        s3.permit("f11-role", allow("photos/*"))
        s3.trigger("photos", "f11")

        verdicts = s3.happens("create-policy-version.violation", policyArn=arn)

        assert outcomes(verdicts) == [("act", ["f11"])]
        assert "undecided" not in verdicts[0]["finding"]["evidence"]


class TestAHubOfManyLoops:
    @pytest.fixture(autouse=True)
    def spokes(self, s3: S3Account) -> None:
        """Six functions, each triggered by its bucket, that write what triggers the hub."""
        s3.bucket("hub-in", *(f"to-{spoke}" for spoke in SPOKES))
        for spoke in SPOKES:
            s3.function(spoke, allow("hub-in/*"))
            s3.trigger(f"to-{spoke}", spoke)

    def hub(self, s3: S3Account, *statements: dict[str, Any]) -> None:
        """The function that they have in common; it is the busiest."""
        s3.function(HUB, *statements)
        s3.trigger("hub-in", HUB)
        s3.local.client("cloudwatch").put_metric_data(
            Namespace="AWS/Lambda",
            MetricData=[
                {
                    "MetricName": "ConcurrentExecutions",
                    "Dimensions": [{"Name": "FunctionName", "Value": HUB}],
                    "Timestamp": datetime.now(UTC) - timedelta(hours=1),
                    "Value": 50,
                }
            ],
        )

    def test_caps_every_one_that_is_proven(self, s3: S3Account) -> None:
        self.hub(s3, *(allow(f"to-{spoke}/*") for spoke in SPOKES))

        assert outcomes(s3.notified("hub-in")) == [("act", [spoke]) for spoke in SPOKES]

    def test_tells_no_more_than_some_that_are_only_possible(self, s3: S3Account) -> None:
        self.hub(s3, {"Effect": "Allow", "Action": "s3:*", "Resource": "*"})

        assert outcomes(s3.notified("hub-in")) == [("done", [])] * s3.app.MOST_TOLD
