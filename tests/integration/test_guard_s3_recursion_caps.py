"""The function s3_recursion and its caps: set, waited for, taken back, refused by Lambda."""

from datetime import UTC, datetime, timedelta

import pytest

from tests.s3_account import S3Account, allow, function_arn, planned, settle

ARN = function_arn("thumbnails")
UNRESERVABLE = (
    "Lambda.InvalidParameterValueException: Specified ReservedConcurrentExecutions for function decreases "
    "account's UnreservedConcurrentExecution below its minimum value of [100]."
)


class TestCapping:
    def test_the_value_before_is_kept(self, s3: S3Account) -> None:
        s3.loop()
        s3.reserve("thumbnails", 100)

        [verdict] = s3.happens("put-function-concurrency.violation")

        assert planned(verdict) == [("cap-concurrency", ARN, {"reserved": 10}, {"reserved": 100})]

    @pytest.mark.parametrize("reserved", [0, 1, 10])
    def test_a_lower_value_is_not_raised(self, s3: S3Account, reserved: int) -> None:
        s3.loop()
        s3.reserve("thumbnails", reserved)

        [verdict] = s3.notified()

        assert (verdict["next"], verdict["outcome"], verdict["actions"]) == ("done", "observed", [])
        assert f"held by a reserved concurrency of {reserved}" in verdict["finding"]["why"]

    def test_one_function_of_a_loop_that_is_held_holds_the_loop(self, s3: S3Account) -> None:
        s3.bucket("raw", "cropped")
        s3.function("crop", allow("cropped/*"))
        s3.function("scale", allow("raw/*"))
        s3.trigger("raw", "crop")
        s3.trigger("cropped", "scale")
        s3.reserve("scale", 5)

        [verdict] = s3.notified("raw")

        assert (verdict["outcome"], verdict["actions"]) == ("observed", [])

    def test_a_cap_that_shows_is_the_remedy(self, s3: S3Account) -> None:
        s3.loop()
        [verdict] = s3.notified()

        judged = s3.remediate(verdict)

        assert (judged["next"], judged["outcome"]) == ("done", "remediated")
        [tag] = judged["annotations"]
        assert (tag["kind"], tag["target"]) == ("tag-function", ARN)
        assert tag["parameters"]["tags"] == {
            "stackwarden:finding": verdict["finding"]["id"],
            "stackwarden:outcome": "remediated",
            "stackwarden:concurrency-cap": "10",
            "stackwarden:concurrency-before": "none",
        }
        [verified] = judged["finding"]["evidence"]["verified"]
        assert verified.startswith("reserved concurrency of thumbnails is 10")

    def test_a_cap_that_does_not_show_is_waited_for_and_tried_again(self, s3: S3Account) -> None:
        s3.loop()
        [verdict] = s3.notified()

        waiting = s3.judge(verdict)
        assert (waiting["next"], waiting["actions"]) == ("wait", [])

        for _ in range(20):
            if waiting["next"] == "done":
                break
            waiting = s3.judge(waiting)
        assert waiting["outcome"] == "failed"
        assert waiting["finding"]["severity"] == "HIGH"

    def test_recursion_that_is_still_allowed_is_not_remedied(self, s3: S3Account) -> None:
        s3.loop()
        s3.functions.put_function_recursion_config(FunctionName="thumbnails", RecursiveLoop="Allow")
        [verdict] = s3.notified()
        s3.reserve("thumbnails", 10)

        assert s3.judge(verdict)["next"] != "done"

        s3.functions.put_function_recursion_config(FunctionName="thumbnails", RecursiveLoop="Terminate")
        assert s3.judge(verdict)["outcome"] == "remediated"

    def test_recursion_that_was_allowed_makes_it_severe_after_it_was_set_back(self, s3: S3Account) -> None:
        s3.loop()
        s3.functions.put_function_recursion_config(FunctionName="thumbnails", RecursiveLoop="Allow")
        [verdict] = s3.notified()
        s3.reserve("thumbnails", 10)
        s3.functions.put_function_recursion_config(FunctionName="thumbnails", RecursiveLoop="Terminate")

        judged = s3.judge(verdict)

        assert (judged["outcome"], judged["finding"]["severity"]) == ("remediated", "HIGH")
        assert "thumbnails allowed recursion" in judged["finding"]["why"]
        assert "allows recursion" not in judged["finding"]["why"]

    def test_a_loop_that_its_owner_ended_meanwhile_is_no_finding(self, s3: S3Account) -> None:
        s3.loop()
        [verdict] = s3.notified()
        s3.notify("photos")

        judged = s3.judge(verdict | {"actions": []})

        assert (judged["next"], judged["outcome"]) == ("done", "dismissed")

    def test_a_cap_set_a_moment_too_late_is_taken_back(self, s3: S3Account) -> None:
        s3.loop()
        [verdict] = s3.notified()
        s3.reserve("thumbnails", 10)
        s3.notify("photos")

        judged = s3.judge(verdict)

        assert planned(judged) == [("release-concurrency", ARN, {}, {"reserved": 10})]
        s3.functions.delete_function_concurrency(FunctionName="thumbnails")
        ended = s3.judge(judged)
        assert (ended["next"], ended["outcome"]) == ("done", "dismissed")
        assert [(each["kind"], each["target"]) for each in ended["annotations"]] == [("untag-function", ARN)]

    def test_a_cap_that_another_loop_of_the_function_needs_stays(self, s3: S3Account) -> None:
        s3.bucket("photos", "films")
        s3.function("thumbnails", allow("photos/*"), allow("films/*"))
        s3.trigger("photos", "thumbnails")
        s3.trigger("films", "thumbnails")
        first, second = s3.updated()
        assert planned(first) == planned(second)
        assert s3.remediate(first)["outcome"] == "remediated"

        s3.notify(second["finding"]["evidence"]["cycle"][1])
        judged = s3.judge(second)

        assert (judged["next"], judged["outcome"], judged["annotations"]) == ("done", "dismissed", [])

    def test_a_function_that_was_deleted_meanwhile_leaves_nothing_to_hold(self, s3: S3Account) -> None:
        s3.loop()
        [verdict] = s3.notified()
        s3.functions.delete_function(FunctionName="thumbnails")

        judged = s3.judge(verdict, error="Lambda.ResourceNotFoundException: gone")

        assert (judged["next"], judged["outcome"]) == ("done", "dismissed")

    def test_dropped_invocations_are_evidence(self, s3: S3Account) -> None:
        s3.loop()
        s3.local.client("cloudwatch").put_metric_data(
            Namespace="AWS/Lambda",
            MetricData=[
                {
                    "MetricName": "RecursiveInvocationsDropped",
                    "Dimensions": [{"Name": "FunctionName", "Value": "thumbnails"}],
                    "Timestamp": datetime.now(UTC) - timedelta(hours=hours),
                    "Value": 3,
                }
                for hours in (2, 50)
            ],
        )

        [verdict] = s3.notified()

        assert "dropped 6 invocations of thumbnails" in verdict["finding"]["why"]


class TestUnreservable:
    def test_an_account_without_concurrency_left_is_told(self, s3: S3Account) -> None:
        s3.loop()
        [verdict] = s3.notified()

        judged = s3.judge(verdict, error=UNRESERVABLE)

        assert (judged["next"], judged["outcome"]) == ("done", "failed")
        assert "no concurrency left that could be reserved" in judged["finding"]["why"]

    def test_the_function_is_stopped_where_that_is_asked_for(
        self, s3: S3Account, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        settle(monkeypatch, s3, STACKWARDEN_WHEN_UNRESERVABLE="stop")
        s3.loop()
        [verdict] = s3.notified()

        judged = s3.judge(verdict, error=UNRESERVABLE)

        assert planned(judged) == [("cap-concurrency", ARN, {"reserved": 0}, {"reserved": None})]
        s3.reserve("thumbnails", 0)
        assert s3.judge(judged)["outcome"] == "remediated"

    def test_lambda_says_so_in_these_words(self, s3: S3Account) -> None:
        s3.loop()

        with pytest.raises(s3.functions.exceptions.InvalidParameterValueException) as refused:
            s3.reserve("thumbnails", 950)

        assert str(refused.value).endswith(UNRESERVABLE.split(": ", 1)[1])
