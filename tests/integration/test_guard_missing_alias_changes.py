"""The function missing_alias and changes of code: by hand, and deployed without reaching live traffic."""

import pytest

from tests.alias_account import AliasAccount, ended, kinds, settle
from tests.s3_account import ACCOUNT, Json

SAMPLE = "update-function-code.violation"
BY_PIPELINE = "update-function-code-by-the-pipeline.compliant"


def hazards(verdicts: list[Json]) -> list[str]:
    return [verdict["finding"]["hazard"] for verdict in verdicts]


@pytest.fixture
def live(prod: AliasAccount) -> AliasAccount:
    """A function whose mapping goes through an alias of its owner."""
    prod.aliased()
    prod.mapping("orders:live")
    return prod


@pytest.fixture
def moved(prod: AliasAccount) -> AliasAccount:
    """The same, but the alias is Stackwarden's; its finding is in the ledger."""
    prod.function()
    prod.mapping()
    prod.close(prod.follow(prod.mapped()[0]), hours_ago=1)
    return prod


class TestByHand:
    def test_is_told_with_its_author(self, live: AliasAccount) -> None:
        sha256 = live.update("B")

        [verdict] = live.uploaded(sha256)

        finding = verdict["finding"]
        assert (finding["hazard"], ended(verdict)) == ("unverified-change", ("done", "observed"))
        assert finding["actor"]["arn"] == f"arn:aws:iam::{ACCOUNT}:user/developer"
        assert finding["evidence"]["code_sha256"] == sha256
        assert verdict["actions"] == []

    def test_is_told_with_the_code_that_the_ledger_knows(self, moved: AliasAccount) -> None:
        before = moved.sha256()
        sha256 = moved.update("B")

        [verdict] = moved.uploaded(sha256)

        evidence = verdict["finding"]["evidence"]
        assert (evidence["code_sha256_last_seen"], evidence["code_sha256"]) == (before, sha256)
        assert evidence["rollback_version"] == "1"
        for told in (before, sha256, f"arn:aws:iam::{ACCOUNT}:user/developer"):
            assert told in verdict["finding"]["why"]
        assert "aws lambda" in verdict["finding"]["fix"]

    def test_is_told_without_what_is_not_known(self, live: AliasAccount) -> None:
        [verdict] = live.uploaded(live.update("B"))

        assert verdict["finding"]["evidence"]["code_sha256_last_seen"] is None
        assert verdict["finding"]["evidence"]["rollback_version"] == "1"

    def test_is_not_made_live_for_good(self, prod: AliasAccount) -> None:
        """An alias on a version of it would keep it live through the pipeline's next deployment."""
        prod.function()
        prod.mapping()

        [change] = prod.uploaded(prod.update("B"))
        prod.close(change)
        [latest] = prod.mapped()

        assert hazards([change, latest]) == ["unverified-change", "latest-invoked"]
        assert ended(latest) == ("done", "observed")
        assert "outside the known pipelines" in latest["finding"]["evidence"]["reason"]

    @pytest.mark.parametrize("code", ["C", "B"])
    def test_is_over_with_the_next_deployment(self, prod: AliasAccount, code: str) -> None:
        prod.function()
        prod.mapping()
        [change] = prod.uploaded(prod.update("B"))
        prod.close(change)

        [latest] = prod.uploaded(prod.update(code), case=BY_PIPELINE)

        assert kinds(latest) == ["publish-version"]

    def test_is_a_finding_each_time(self, live: AliasAccount) -> None:
        sha256 = live.update("B")
        [first] = live.uploaded(sha256)
        live.close(first, hours_ago=1)

        [again] = live.uploaded(sha256)

        assert first["finding"]["id"] != again["finding"]["id"]

    def test_is_one_finding_if_the_event_comes_twice(self, live: AliasAccount) -> None:
        event = live.event(SAMPLE, functionName="orders")

        [first], [again] = live.invoke(event), live.invoke(event | {"id": "another-delivery"})

        assert first["finding"]["id"] == again["finding"]["id"]

    def test_of_a_function_that_nobody_invokes_is_told(self, prod: AliasAccount) -> None:
        prod.function()

        assert hazards(prod.uploaded(prod.update("B"))) == ["unverified-change"]

    def test_of_a_function_that_is_gone_is_not(self, prod: AliasAccount) -> None:
        assert prod.uploaded("x", name="gone") == []

    def test_elsewhere_is_not_told(self, live: AliasAccount, monkeypatch: pytest.MonkeyPatch) -> None:
        settle(monkeypatch, live, STACKWARDEN_ENVIRONMENT="staging")

        assert live.uploaded(live.update("B")) == []

    def test_of_what_is_exempt_is_told_as_exempt(self, live: AliasAccount) -> None:
        live.exempt("orders")

        [verdict] = live.uploaded(live.update("B"))

        assert ended(verdict) == ("done", "exempt")

    def test_with_publish_names_the_version(self, live: AliasAccount) -> None:
        sha256 = live.update("B")

        [verdict] = live.uploaded(sha256, version=live.publish())

        assert "version 2" in verdict["finding"]["why"]
        assert verdict["finding"]["evidence"]["rollback_version"] == "1"


class TestByThePipeline:
    def test_by_its_role_is_not_told(self, live: AliasAccount) -> None:
        assert live.uploaded(live.update("B"), case=BY_PIPELINE) == []

    @pytest.mark.parametrize(("session", "told"), [("build-417", []), ("console", ["unverified-change"])])
    def test_may_be_told_by_its_session(self, live: AliasAccount, session: str, told: list[str]) -> None:
        live.update("B")
        event = live.event(BY_PIPELINE, functionName="orders")
        identity = event["detail"]["userIdentity"]
        identity["arn"] = f"arn:aws:sts::{ACCOUNT}:assumed-role/release-shop/{session}"
        identity["sessionContext"]["sessionIssuer"]["arn"] = f"arn:aws:iam::{ACCOUNT}:role/release-shop"

        assert hazards(live.invoke(event)) == told

    def test_in_place_is_told_as_what_it_is(self, prod: AliasAccount) -> None:
        prod.function()
        prod.mapping()

        assert hazards(prod.uploaded(prod.update("B"), case=BY_PIPELINE)) == ["latest-invoked"]

    def test_that_is_unknown_is_told(self, live: AliasAccount, monkeypatch: pytest.MonkeyPatch) -> None:
        settle(monkeypatch, live, STACKWARDEN_PIPELINE_PRINCIPALS="")

        assert hazards(live.uploaded(live.update("B"), case=BY_PIPELINE)) == ["unverified-change"]


class TestNoChange:
    def test_is_what_was_only_tried_out(self, live: AliasAccount) -> None:
        assert live.happens(SAMPLE, functionName="orders", dryRun=True) == []

    def test_is_what_cloudformation_did_for_a_stack(self, live: AliasAccount) -> None:
        """The rule leaves it out; if it came nevertheless, it would not be told either."""
        event = live.event(SAMPLE, functionName="orders")
        event["detail"]["sourceIPAddress"] = "cloudformation.amazonaws.com"

        assert live.invoke(event) == []


class TestLeftBehind:
    def test_is_told_when_the_pipeline_does_not_move_the_alias(self, moved: AliasAccount) -> None:
        sha256 = moved.update("B")

        [first] = moved.uploaded(sha256, case=BY_PIPELINE)
        assert (first["next"], first["wait_seconds"]) == ("wait", 60)
        verdict = moved.follow(first)

        assert (hazards([verdict]), ended(verdict)) == (["alias-behind"], ("done", "observed"))
        assert verdict["finding"]["evidence"]["code_sha256"] == sha256
        assert verdict["finding"]["evidence"]["version"] == "1"

    def test_is_nothing_where_the_alias_is_moved_next(self, moved: AliasAccount) -> None:
        [first] = moved.uploaded(moved.update("B"), case=BY_PIPELINE)
        moved.functions.update_alias(FunctionName="orders", Name="live", FunctionVersion=moved.publish())

        assert ended(moved.follow(first)) == ("done", "dismissed")

    def test_is_told_once_for_the_same_code(self, moved: AliasAccount) -> None:
        sha256 = moved.update("B")
        [waiting] = moved.uploaded(sha256, case=BY_PIPELINE)
        first = moved.follow(waiting)
        moved.close(first, hours_ago=1)

        [again] = moved.uploaded(sha256, case=BY_PIPELINE)
        [other] = moved.uploaded(moved.update("C"), case=BY_PIPELINE)

        assert first["finding"]["id"] == again["finding"]["id"]
        assert first["finding"]["id"] != other["finding"]["id"]

    def test_is_over_when_the_alias_is_moved(self, moved: AliasAccount) -> None:
        sha256 = moved.update("B")
        moved.functions.update_alias(FunctionName="orders", Name="live", FunctionVersion=moved.publish())

        assert moved.uploaded(sha256, case=BY_PIPELINE) == []

    def test_is_not_told_of_an_alias_of_its_owner(self, live: AliasAccount) -> None:
        assert live.uploaded(live.update("B"), case=BY_PIPELINE) == []

    def test_is_told_as_what_it_is_where_it_was_by_hand(self, moved: AliasAccount) -> None:
        assert hazards(moved.uploaded(moved.update("B"))) == ["unverified-change"]
