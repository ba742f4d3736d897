"""The function s3_recursion and loops that are held: what is told again, what ends them, who it was."""

import json
from typing import Any

import pytest

from tests import sample_events
from tests.s3_account import CONTEXT, GUARD, S3Account, allow, bucket_arn, function_arn, to

ARN = function_arn("thumbnails")
UNKNOWN = "Not known: it was seen when Stackwarden looked at what it has capped."


def reported(s3: S3Account, verdict: dict[str, Any], outcome: str) -> str:
    """The text of the report."""
    answer = s3.app.handler({"task": "report", "verdict": verdict | {"outcome": outcome}}, CONTEXT)
    return str(json.loads(answer["message"])["email"])


def kinds(verdict: dict[str, Any]) -> list[str]:
    return [action["kind"] for action in verdict["actions"]]


class TestClosedInAnotherWay:
    """It was told with one fix; when that was applied and something else closes the loop, that is news."""

    @pytest.fixture(autouse=True)
    def held(self, s3: S3Account) -> None:
        """A loop by two statements, of which the finding tells the first, that was capped an hour ago."""
        s3.bucket("photos")
        s3.function("thumbnails", allow("photos/*", Sid="Write"), allow("photos/log/*", Sid="Log"))
        s3.let_in("thumbnails", bucket_arn("photos"))
        s3.notify("photos", to(ARN))
        [verdict] = s3.notified()
        assert "statement Write of" in verdict["finding"]["evidence"]["hops"][0]["statement"]
        s3.remediate(verdict, hours_ago=1)

    def told_again(self, s3: S3Account) -> dict[str, Any]:
        [verdict] = s3.notified()
        assert (verdict["next"], verdict["outcome"], verdict["actions"]) == ("done", "observed", [])
        hop: dict[str, Any] = verdict["finding"]["evidence"]["hops"][0]
        return hop

    def test_by_another_statement_it_is_told_again(self, s3: S3Account) -> None:
        s3.permit("thumbnails-role", allow("photos/out/*", Sid="Write"), allow("photos/log/*", Sid="Log"))
        s3.notify("photos", to(ARN, prefix="log/"))

        assert "statement Log of" in self.told_again(s3)["statement"]

    def test_by_a_trigger_of_its_alias_it_is_told_again(self, s3: S3Account) -> None:
        s3.functions.publish_version(FunctionName="thumbnails")
        s3.functions.create_alias(FunctionName="thumbnails", Name="live", FunctionVersion="1")
        s3.let_in("thumbnails", bucket_arn("photos"), Qualifier="live")
        s3.notify("photos", to(f"{ARN}:live"))

        assert self.told_again(s3)["invokes"] == f"{ARN}:live"

    def test_by_the_same_notification_put_once_more_it_is_not(self, s3: S3Account) -> None:
        """S3 makes up an id where none is given, another one each time."""
        once_more = to(ARN)
        del once_more["Id"]
        s3.notify("photos", once_more)

        assert s3.notified() == []


class TestWho:
    @pytest.fixture(autouse=True)
    def held(self, s3: S3Account) -> None:
        """A loop that was capped an hour ago."""
        s3.loop()
        [verdict] = s3.notified()
        s3.remediate(verdict, hours_ago=1)
        s3.bucket("elsewhere")

    def test_lifted_a_cap_is_not_known_from_an_event_about_something_else(self, s3: S3Account) -> None:
        s3.functions.delete_function_concurrency(FunctionName="thumbnails")

        [verdict] = s3.notified("elsewhere")

        assert kinds(verdict) == ["cap-concurrency"]
        assert verdict["finding"]["actor"] is None
        assert UNKNOWN in reported(s3, s3.remediate(verdict), "remediated")

    def test_ended_a_loop_is_not_known_either(self, s3: S3Account) -> None:
        s3.notify("photos")

        [verdict] = s3.notified("elsewhere")

        assert kinds(verdict) == ["release-concurrency"]
        assert verdict["finding"]["actor"] is None
        assert UNKNOWN in reported(s3, verdict, "failed")

    def test_is_told_where_the_event_is_about_the_function(self, s3: S3Account) -> None:
        s3.functions.delete_function_concurrency(FunctionName="thumbnails")

        [verdict] = s3.happens("delete-function-concurrency.violation")

        assert verdict["finding"]["actor"]["event_name"] == "DeleteFunctionConcurrency20171031"
        assert UNKNOWN not in reported(s3, s3.remediate(verdict), "remediated")


class TestTheEndOfALoop:
    def test_by_the_function_that_was_not_capped_releases_the_other(self, s3: S3Account) -> None:
        s3.bucket("raw", "cropped")
        s3.function("crop", allow("cropped/*"))
        s3.function("scale", allow("raw/*"))
        s3.trigger("raw", "crop")
        s3.trigger("cropped", "scale")
        [verdict] = s3.notified("raw")
        capped = s3.remediate(verdict, hours_ago=1)["finding"]["resource"]["name"]
        [changed] = {"crop", "scale"} - {capped}
        harmless = s3.role("harmless", allow("elsewhere/*"))
        s3.functions.update_function_configuration(FunctionName=changed, Role=harmless)

        [release] = s3.updated(changed)

        assert kinds(release) == ["release-concurrency"]
        assert release["actions"][0]["target"] == function_arn(capped)

    def test_by_the_end_of_its_bucket_releases_the_function(self, s3: S3Account) -> None:
        s3.loop()
        [verdict] = s3.notified()
        s3.remediate(verdict, hours_ago=1)
        s3.s3.delete_bucket(Bucket="photos")
        event = sample_events.now(GUARD, "put-bucket-notification.violation")
        event["detail"]["eventName"] = "DeleteBucket"

        [release] = s3.invoke(event)

        assert kinds(release) == ["release-concurrency"]

    def test_is_not_looked_for_when_another_function_changes(self, s3: S3Account) -> None:
        s3.loop()
        [verdict] = s3.notified()
        s3.remediate(verdict, hours_ago=1)
        s3.function("gallery")
        s3.notify("photos")

        assert s3.updated("gallery") == []
