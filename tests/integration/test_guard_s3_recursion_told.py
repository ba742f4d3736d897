"""The function s3_recursion and its caps: what was told before, and caps that are lifted or released."""

from typing import Any

import pytest

from tests.s3_account import S3Account, allow, function_arn, planned, to

ARN = function_arn("thumbnails")


class TestTold:
    def test_one_loop_seen_through_several_events_is_one_finding(self, s3: S3Account) -> None:
        s3.loop()

        cases = ("put-bucket-notification", "add-permission", "create-function", "put-role-policy")
        seen = [verdict for case in cases for verdict in s3.happens(f"{case}.violation")]

        assert len(seen) == len(cases)
        assert len({verdict["finding"]["id"] for verdict in seen}) == 1

    def test_a_loop_that_is_held_and_told_is_not_told_again(self, s3: S3Account) -> None:
        s3.loop()
        [verdict] = s3.notified()
        s3.remediate(verdict)

        assert s3.notified() == []
        assert s3.updated() == []

    @pytest.mark.parametrize("lifted_to", [None, 100])
    def test_a_cap_that_somebody_lifted_is_set_again(self, s3: S3Account, lifted_to: int | None) -> None:
        s3.loop()
        [first] = s3.notified()
        s3.remediate(first, hours_ago=1)
        if lifted_to is None:
            s3.functions.delete_function_concurrency(FunctionName="thumbnails")
            [again] = s3.happens("delete-function-concurrency.violation")
        else:
            s3.reserve("thumbnails", lifted_to)
            [again] = s3.happens("put-function-concurrency.violation")

        assert planned(again) == [("cap-concurrency", ARN, {"reserved": 10}, {"reserved": lifted_to})]
        assert again["finding"]["id"] != first["finding"]["id"]
        assert again["finding"]["actor"]["event_name"].endswith("FunctionConcurrency20171031")

    def test_it_is_set_again_each_time(self, s3: S3Account) -> None:
        s3.loop()
        found = list(s3.notified())
        for hours_ago in (3, 2, 1):
            s3.remediate(found[-1], hours_ago=hours_ago)
            s3.functions.delete_function_concurrency(FunctionName="thumbnails")
            found += s3.happens("delete-function-concurrency.violation")

        assert len({verdict["finding"]["id"] for verdict in found}) == 4

    def test_recursion_allowed_again_on_a_held_loop_is_told(self, s3: S3Account) -> None:
        s3.loop()
        [first] = s3.notified()
        s3.remediate(first, hours_ago=1)
        s3.functions.put_function_recursion_config(FunctionName="thumbnails", RecursiveLoop="Allow")

        [again] = s3.happens("put-function-recursion-config.violation")

        assert [action["kind"] for action in again["actions"]] == ["set-recursive-loop"]
        assert again["finding"]["id"] != first["finding"]["id"]

    @pytest.mark.parametrize(("hours_ago", "is_new"), [(1, False), (30, True)])
    def test_what_is_only_observed_is_told_once_a_day(
        self, s3: S3Account, hours_ago: int, is_new: bool
    ) -> None:
        s3.bucket("photos")
        s3.function("thumbnails", {"Effect": "Allow", "Action": "s3:*", "Resource": "*"})
        s3.trigger("photos", "thumbnails")
        [first] = s3.notified()
        s3.close(first, hours_ago=hours_ago)

        [again] = s3.updated()

        assert (again["finding"]["id"] != first["finding"]["id"]) == is_new

    def test_another_loop_of_the_same_function_is_another_finding(self, s3: S3Account) -> None:
        s3.loop()
        [first] = s3.notified()
        s3.remediate(first, hours_ago=1)
        s3.bucket("films")
        s3.permit("thumbnails-role", allow("films/*"), name="more")
        s3.trigger("films", "thumbnails")

        [other] = s3.notified("films")

        assert other["finding"]["id"] != first["finding"]["id"]
        assert (other["outcome"], other["actions"]) == ("observed", [])


class TestRelease:
    @pytest.fixture
    def held(self, s3: S3Account) -> dict[str, Any]:
        """A loop that was capped an hour ago; the last verdict."""
        s3.loop()
        [verdict] = s3.notified()
        return s3.remediate(verdict, hours_ago=1)

    @pytest.mark.parametrize("case", ["put-bucket-notification.violation", "remove-permission.compliant"])
    def test_a_loop_whose_trigger_is_gone_is_released(
        self, s3: S3Account, held: dict[str, Any], case: str
    ) -> None:
        s3.notify("photos")
        is_function = {"functionName": "thumbnails"} if case.startswith("remove") else {}

        [verdict] = s3.happens(case, **is_function)

        assert planned(verdict) == [("release-concurrency", ARN, {}, {"reserved": 10})]
        assert verdict["finding"]["hazard"] == "loop-gone"
        assert held["finding"]["id"] in verdict["finding"]["why"]

    @pytest.mark.usefixtures("held")
    def test_a_narrower_statement_releases_it(self, s3: S3Account) -> None:
        s3.permit("thumbnails-role", allow("photos/out/*"))
        s3.notify("photos", to(ARN, prefix="in/"))

        [verdict] = s3.happens("put-role-policy.violation")

        assert [kind for kind, *_ in planned(verdict)] == ["release-concurrency"]

    def test_the_value_before_is_put_back(self, s3: S3Account) -> None:
        s3.loop()
        s3.reserve("thumbnails", 50)
        [verdict] = s3.notified()
        s3.remediate(verdict, hours_ago=1)
        s3.notify("photos")

        [release] = s3.notified()

        assert planned(release) == [("restore-concurrency", ARN, {"reserved": 50}, {"reserved": 10})]

    @pytest.mark.usefixtures("held")
    def test_a_release_that_shows_ends_with_the_tags_taken_off(self, s3: S3Account) -> None:
        s3.notify("photos")
        [verdict] = s3.notified()
        s3.functions.delete_function_concurrency(FunctionName="thumbnails")

        judged = s3.judge(verdict)

        assert (judged["next"], judged["outcome"]) == ("done", "remediated")
        [untag] = judged["annotations"]
        assert (untag["kind"], untag["target"]) == ("untag-function", ARN)
        tags = s3.functions.list_tags(Resource=ARN)["Tags"]
        assert set(tags) <= set(untag["parameters"]["keys"])

    @pytest.mark.usefixtures("held")
    def test_a_cap_that_somebody_changed_since_is_theirs(self, s3: S3Account) -> None:
        s3.notify("photos")
        s3.reserve("thumbnails", 7)

        assert s3.notified() == []

    @pytest.mark.usefixtures("held")
    def test_a_loop_that_is_still_there_is_not_released(self, s3: S3Account) -> None:
        s3.bucket("elsewhere")

        assert s3.notified("elsewhere") == []

    def test_a_tag_alone_releases_nothing(self, s3: S3Account) -> None:
        s3.function("thumbnails")
        s3.reserve("thumbnails", 10)
        s3.tag_as_capped("thumbnails")

        assert s3.updated() == []

    @pytest.mark.usefixtures("held")
    def test_a_loop_that_came_back_before_the_release_is_left_held(self, s3: S3Account) -> None:
        s3.notify("photos")
        [verdict] = s3.notified()
        s3.notify("photos", to(ARN))

        judged = s3.judge(verdict | {"actions": []})

        assert (judged["next"], judged["outcome"]) == ("done", "dismissed")

    @pytest.mark.usefixtures("held")
    def test_one_release_seen_through_two_events_is_one_finding(self, s3: S3Account) -> None:
        s3.notify("photos")

        [one], [other] = s3.notified(), s3.updated()

        assert one["finding"]["id"] == other["finding"]["id"]

    def test_a_loop_that_was_released_and_comes_back_is_capped_again(
        self, s3: S3Account, held: dict[str, Any]
    ) -> None:
        s3.notify("photos")
        [release] = s3.notified()
        s3.functions.delete_function_concurrency(FunctionName="thumbnails")
        s3.close(s3.judge(release), hours_ago=0.5)
        s3.notify("photos", to(ARN))

        [again] = s3.notified()

        assert planned(again) == [("cap-concurrency", ARN, {"reserved": 10}, {"reserved": None})]
        assert again["finding"]["id"] != held["finding"]["id"]
