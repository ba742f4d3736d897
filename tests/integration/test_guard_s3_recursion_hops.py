"""The function s3_recursion on real resources: aliases, loops over several functions, the bound of a walk."""

import json
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from tests.s3_account import S3Account, allow, bucket_arn, function_arn, to


def cycle(verdict: dict[str, Any]) -> list[str]:
    """Function, bucket, function, bucket, …, by name."""
    return [part.rsplit(":", 1)[-1] for part in verdict["finding"]["evidence"]["cycle"]]


def capped(verdict: dict[str, Any]) -> list[str]:
    assert verdict["next"] == "act"
    return [action["target"].split(":")[6] for action in verdict["actions"]]


def busy(s3: S3Account, function: str, peak: int) -> None:
    """Let a metric say how many executions of a function ran at once."""
    s3.local.client("cloudwatch").put_metric_data(
        Namespace="AWS/Lambda",
        MetricData=[
            {
                "MetricName": "ConcurrentExecutions",
                "Dimensions": [{"Name": "FunctionName", "Value": function}],
                "Timestamp": datetime.now(UTC) - timedelta(hours=1),
                "Value": peak,
            }
        ],
    )


class TestAliases:
    @pytest.fixture
    def resizer(self, s3: S3Account) -> str:
        """A function with an alias that a bucket's notification names; the alias's ARN."""
        s3.bucket("uploads")
        s3.function("resizer", allow("uploads/*"))
        s3.functions.publish_version(FunctionName="resizer")
        s3.functions.create_alias(FunctionName="resizer", Name="live", FunctionVersion="1")
        arn = function_arn("resizer:live")
        s3.notify("uploads", to(arn))
        return arn

    @pytest.mark.parametrize(
        "case",
        [
            "put-bucket-notification-of-an-alias.violation",
            "add-permission-to-an-alias.violation",
            "add-permission-with-a-qualifier.violation",
            "update-alias.violation",
        ],
    )
    def test_an_alias_that_the_bucket_may_invoke_closes_a_loop(
        self, s3: S3Account, resizer: str, case: str
    ) -> None:
        s3.let_in("resizer", bucket_arn("uploads"), Qualifier="live")

        [verdict] = s3.happens(case)

        assert capped(verdict) == ["resizer"]
        [hop] = verdict["finding"]["evidence"]["hops"]
        assert hop["invokes"] == resizer

    def test_the_function_is_capped_not_the_alias(self, s3: S3Account, resizer: str) -> None:
        s3.let_in("resizer", bucket_arn("uploads"), Qualifier="live")

        [verdict] = s3.notified("uploads")

        assert verdict["actions"][0]["target"] == function_arn("resizer")
        assert verdict["finding"]["resource"]["arn"] == function_arn("resizer")

    def test_it_is_found_from_the_function_without_its_alias(self, s3: S3Account, resizer: str) -> None:
        s3.let_in("resizer", bucket_arn("uploads"), Qualifier="live")

        assert [capped(verdict) for verdict in s3.updated("resizer")] == [["resizer"]]

    def test_an_alias_with_a_role_of_its_own_is_found_from_the_function(self, s3: S3Account) -> None:
        """The version behind the alias may write what the function itself may not any more."""
        s3.bucket("uploads")
        s3.function("resizer", role=s3.role("writer", allow("uploads/*")))
        s3.functions.publish_version(FunctionName="resizer")
        s3.functions.create_alias(FunctionName="resizer", Name="live", FunctionVersion="1")
        reader = s3.role("reader", allow("uploads/out/*"))
        s3.functions.update_function_configuration(FunctionName="resizer", Role=reader)
        s3.let_in("resizer", bucket_arn("uploads"), Qualifier="live")
        s3.notify("uploads", to(function_arn("resizer:live"), prefix="in/"))

        [verdict] = s3.updated("resizer")

        assert capped(verdict) == ["resizer"]
        assert verdict["finding"]["evidence"]["hops"][0]["role"].endswith("role/writer")

    def test_a_permission_of_the_function_lets_nobody_invoke_its_alias(
        self, s3: S3Account, resizer: str
    ) -> None:
        s3.let_in("resizer", bucket_arn("uploads"))

        assert s3.notified("uploads") == []

    def test_a_permission_that_was_taken_away_ends_the_loop(self, s3: S3Account) -> None:
        s3.loop()
        [statement] = json.loads(s3.functions.get_policy(FunctionName="thumbnails")["Policy"])["Statement"]
        s3.functions.remove_permission(FunctionName="thumbnails", StatementId=statement["Sid"])

        assert s3.notified() == []

    def test_a_permission_for_another_bucket_does_not_count(self, s3: S3Account) -> None:
        s3.bucket("photos", "films")
        s3.function("thumbnails", allow("photos/*"))
        s3.let_in("thumbnails", bucket_arn("films"))
        s3.notify("photos", to(function_arn("thumbnails")))

        assert s3.notified() == []


class TestSeveralHops:
    @pytest.fixture
    def two(self, s3: S3Account) -> None:
        """`crop` writes what triggers `scale`, which writes what triggers `crop`."""
        s3.bucket("raw", "cropped")
        s3.function("crop", allow("cropped/*"))
        s3.function("scale", allow("raw/done/*"))
        s3.trigger("raw", "crop", prefix="done/")
        s3.trigger("cropped", "scale")

    @pytest.mark.usefixtures("two")
    @pytest.mark.parametrize("bucket", ["raw", "cropped"])
    def test_two_functions_that_trigger_each_other(self, s3: S3Account, bucket: str) -> None:
        [verdict] = s3.notified(bucket)

        assert cycle(verdict) == ["crop", "cropped", "scale", "raw"]
        assert len(capped(verdict)) == 1
        assert len(verdict["finding"]["evidence"]["loop"]) == 2

    @pytest.mark.usefixtures("two")
    def test_it_is_one_finding_wherever_it_was_seen(self, s3: S3Account) -> None:
        seen = [
            *s3.notified("raw"),
            *s3.notified("cropped"),
            *s3.updated("crop"),
            *s3.updated("scale"),
        ]

        assert len(seen) == 4
        assert len({verdict["finding"]["id"] for verdict in seen}) == 1

    @pytest.mark.usefixtures("two")
    def test_the_function_that_needs_the_least_is_capped(self, s3: S3Account) -> None:
        busy(s3, "crop", 30)
        busy(s3, "scale", 2)

        [verdict] = s3.notified("raw")

        assert capped(verdict) == ["scale"]
        assert verdict["finding"]["resource"]["name"] == "scale"

    @pytest.mark.usefixtures("two")
    def test_a_prefix_that_the_second_hop_misses_ends_the_loop(self, s3: S3Account) -> None:
        s3.notify("raw", to(function_arn("crop"), prefix="in/"))

        assert s3.notified("raw") == []
        assert s3.updated("scale") == []

    def test_three_functions_that_trigger_each_other(self, s3: S3Account) -> None:
        names = ["one", "two", "three"]
        s3.bucket(*(f"bucket-{name}" for name in names))
        for name, following in zip(names, [*names[1:], names[0]], strict=True):
            s3.function(name, allow(f"bucket-{following}/*"))
            s3.trigger(f"bucket-{name}", name)

        [verdict] = s3.updated("two")

        assert set(cycle(verdict)) == {*names, "bucket-one", "bucket-two", "bucket-three"}
        assert len(verdict["finding"]["evidence"]["hops"]) == 3
        assert len(capped(verdict)) == 1

    def test_a_loop_that_the_start_only_leads_to_is_not_told_of_it(self, s3: S3Account) -> None:
        s3.loop()
        s3.bucket("inbox")
        s3.function("uploader", allow("photos/*"))
        s3.trigger("inbox", "uploader")

        assert s3.updated("uploader") == []

    def test_one_hop_by_a_wildcard_makes_the_whole_loop_possible_only(self, s3: S3Account) -> None:
        s3.bucket("raw", "cropped")
        s3.function("crop", allow("cropped/*"))
        s3.function("scale", {"Effect": "Allow", "Action": "s3:*", "Resource": "*"})
        s3.trigger("raw", "crop")
        s3.trigger("cropped", "scale")

        by_cycle = {tuple(cycle(verdict)): verdict for verdict in s3.notified("raw")}

        assert by_cycle["crop", "cropped", "scale", "raw"]["outcome"] == "observed"


class TestBound:
    """A walk reads so many things and no more: what closes a loop comes first, and it says what is left."""

    @pytest.fixture(autouse=True)
    def few_reads(self, s3: S3Account, monkeypatch: pytest.MonkeyPatch) -> None:
        """A role that names more buckets than may be read."""
        reader = s3.app.EstateReader
        monkeypatch.setattr(s3.app, "EstateReader", lambda place, roles: reader(place, roles, most=40))
        s3.bucket(*(f"bucket-{number:02}" for number in range(60)))

    def test_a_walk_that_reaches_it_says_so(self, s3: S3Account) -> None:
        s3.bucket("a-photos")
        s3.function("thumbnails", allow("a-photos/*"), *(allow(f"bucket-{n:02}/*") for n in range(60)))
        s3.trigger("a-photos", "thumbnails")

        [verdict] = s3.notified("a-photos")

        assert capped(verdict) == ["thumbnails"]
        assert "the walk reached its bound" in verdict["finding"]["evidence"]["undecided"][0]

    @pytest.mark.parametrize("case", ["put-bucket-notification.violation", "add-permission.violation"])
    def test_the_loop_of_one_hop_is_found_all_the_same(self, s3: S3Account, case: str) -> None:
        """Its bucket is known from the event, or from the function's own policy, before all others."""
        s3.bucket("photos")
        s3.function("thumbnails", {"Effect": "Allow", "Action": "s3:*", "Resource": "*"})
        s3.trigger("photos", "thumbnails")

        [verdict] = s3.happens(case)

        assert verdict["finding"]["evidence"]["cycle"][1] == "photos"
        assert "the walk reached its bound" in verdict["finding"]["evidence"]["undecided"][0]
