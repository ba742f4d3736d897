"""The function missing_alias and the ledger: one finding for one state, another one for a relapse."""

import json
from datetime import UTC, datetime, timedelta

import pytest

from tests.alias_account import AliasAccount, ended, kinds, settle
from tests.s3_account import LEDGER, Json, bucket_arn, function_arn, to


@pytest.fixture
def exposed(prod: AliasAccount) -> AliasAccount:
    """A function that a mapping and a bucket invoke without an alias."""
    prod.function()
    prod.mapping()
    prod.bucket("photos")
    prod.trigger("photos", "orders")
    return prod


def opened(prod: AliasAccount, verdict: Json, *, hours_ago: float = 0) -> None:
    """What the ledger has while a workflow is at work."""
    finding = verdict["finding"]
    item = {
        "id": finding["id"],
        "guard": finding["guard"],
        "hazard": finding["hazard"],
        "resource_arn": finding["resource"]["arn"],
        "opened_at": (datetime.now(UTC) - timedelta(hours=hours_ago)).isoformat(),
        "finding": json.dumps(finding),
    }
    prod.dynamodb.put_item(TableName=LEDGER, Item={key: {"S": value} for key, value in item.items()})


def ids(*verdicts: Json) -> set[str]:
    return {verdict["finding"]["id"] for verdict in verdicts}


class TestOneState:
    def test_is_one_finding_through_several_events(self, exposed: AliasAccount) -> None:
        [mapped], [allowed] = exposed.mapped(), exposed.allowed()
        [notified] = exposed.happens("put-bucket-notification.violation", bucketName="photos")

        assert len(ids(mapped, allowed, notified)) == 1

    def test_is_one_finding_while_a_workflow_is_at_work(self, exposed: AliasAccount) -> None:
        [first] = exposed.mapped()
        opened(exposed, first, hours_ago=1)

        [again] = exposed.allowed()

        assert ids(first) == ids(again)

    def test_is_another_finding_if_the_workflow_died(self, exposed: AliasAccount) -> None:
        [first] = exposed.mapped()
        opened(exposed, first, hours_ago=3)

        [again] = exposed.mapped()

        assert ids(first) != ids(again)

    def test_is_another_finding_with_new_code(self, exposed: AliasAccount) -> None:
        """Live traffic was changed in place."""
        [first] = exposed.mapped()
        exposed.update("B")

        [again] = exposed.mapped()

        assert ids(first) != ids(again)

    def test_is_the_same_with_new_code_elsewhere(
        self, exposed: AliasAccount, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        """Where it is not prod, code changes all the time."""
        settle(monkeypatch, exposed, STACKWARDEN_ENVIRONMENT="staging")
        [first] = exposed.mapped()
        exposed.update("B")

        [again] = exposed.mapped()

        assert ids(first) == ids(again)


class TestARelapse:
    def test_is_a_new_finding(self, prod: AliasAccount) -> None:
        prod.function()
        uuid = prod.mapping()
        [first] = prod.mapped()
        prod.close(prod.follow(first), hours_ago=1)
        prod.functions.update_event_source_mapping(UUID=uuid, FunctionName="orders")

        [again] = prod.happens("update-event-source-mapping.violation", uUID=uuid)

        assert kinds(again) == ["repoint-mapping"]
        assert ids(first) != ids(again)

    def test_is_a_new_finding_each_time(self, prod: AliasAccount) -> None:
        prod.function()
        uuid = prod.mapping()
        found = []
        for hours_ago in (3, 2, 1):
            found += prod.mapped()
            prod.close(prod.follow(found[-1]), hours_ago=hours_ago)
            prod.functions.update_event_source_mapping(UUID=uuid, FunctionName="orders")

        assert len(ids(*found)) == 3

    def test_after_it_was_dismissed_is_a_new_finding(self, exposed: AliasAccount) -> None:
        [first] = exposed.mapped()
        exposed.close(first | {"outcome": "dismissed"})

        [again] = exposed.mapped()

        assert ids(first) != ids(again)


class TestAPart:
    """What a workflow has not come to, and what it leaves to its owner, is told with the whole."""

    def test_starts_nothing_while_a_workflow_is_at_work(self, exposed: AliasAccount) -> None:
        [first] = exposed.mapped()
        opened(exposed, first)
        for _ in range(3):
            first = exposed.work(first)
        assert exposed.mappings() == [function_arn("orders:live")]

        assert exposed.allowed() == []

    def test_starts_something_if_the_workflow_died(self, exposed: AliasAccount) -> None:
        [first] = exposed.mapped()
        opened(exposed, first, hours_ago=3)
        for _ in range(3):
            first = exposed.work(first)

        [rest] = exposed.allowed()

        assert ended(rest) == ("done", "observed")

    @pytest.mark.parametrize(("hours_ago", "told"), [(1, 0), (25, 1)])
    def test_that_is_left_to_its_owner_is_told_once_a_day(
        self, exposed: AliasAccount, hours_ago: int, told: int
    ) -> None:
        """Events of the calls that made it come some minutes later than the first one."""
        last = exposed.follow(exposed.mapped()[0])
        exposed.close(last, hours_ago=hours_ago)

        rest = exposed.allowed()

        assert [ended(verdict) for verdict in rest] == [("done", "observed")] * told

    def test_that_something_can_be_done_about_is_done(
        self, exposed: AliasAccount, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        exposed.close(exposed.follow(exposed.mapped()[0]), hours_ago=1)
        settle(monkeypatch, exposed, STACKWARDEN_REPOINT_PUSH_TRIGGERS="true")

        [rest] = exposed.allowed()

        assert kinds(rest) == ["repoint-notification"]

    def test_with_something_new_is_told(self, exposed: AliasAccount) -> None:
        exposed.close(exposed.follow(exposed.mapped()[0]), hours_ago=1)
        exposed.bucket("films")
        exposed.let_in("orders", bucket_arn("films"))
        exposed.notify("films", to(function_arn("orders")))

        [more] = exposed.happens("put-bucket-notification.violation", bucketName="films")

        assert kinds(more) == ["add-permission"]


class TestWhatIsOnlyTold:
    @pytest.mark.parametrize(("hours_ago", "is_new"), [(1, False), (30, True)])
    def test_is_told_once_a_day(self, prod: AliasAccount, hours_ago: int, is_new: bool) -> None:
        prod.aliased()
        prod.url("orders")
        [first] = prod.happens("create-function-url-config.violation", functionName="orders")
        assert ended(first) == ("done", "observed")
        prod.close(first, hours_ago=hours_ago)

        [again] = prod.happens("update-function-url-config.violation", functionName="orders")

        assert (ids(first) != ids(again)) == is_new

    def test_is_told_again_with_new_code(self, prod: AliasAccount) -> None:
        prod.function()
        prod.url("orders")
        [first] = prod.happens("create-function-url-config.violation", functionName="orders")
        prod.close(first | {"outcome": "observed"}, hours_ago=1)
        prod.update("B")

        [again] = prod.happens("update-function-url-config.violation", functionName="orders")

        assert ids(first) != ids(again)

    def test_is_acted_on_when_the_mode_is_enforce(
        self, prod: AliasAccount, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        prod.function()
        prod.mapping()
        settle(monkeypatch, prod, STACKWARDEN_MODE="observe")
        [first] = prod.mapped()
        prod.close(first | {"outcome": "observed"}, hours_ago=1)
        settle(monkeypatch, prod, STACKWARDEN_MODE="enforce")

        [again] = prod.mapped()

        assert kinds(again) == ["publish-version"]
        assert ids(first) != ids(again)


def test_the_same_event_twice_is_one_execution(prod: AliasAccount) -> None:
    prod.function()
    prod.mapping()
    event = prod.event("create-event-source-mapping.violation", functionName="orders")

    assert prod.invoke(event) == prod.invoke(event)
