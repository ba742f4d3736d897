"""The function missing_alias and what the workflow does for it: step by step, judged in between."""

import pytest

from tests.alias_account import AliasAccount, ended, kinds, settle
from tests.alias_estate import answer
from tests.s3_account import bucket_arn, function_arn, to

S3 = "s3.amazonaws.com"
MANY = 105  # more than a page of ListEventSourceMappings


class TestTheWay:
    def test_to_an_alias_is_published_named_and_moved(self, prod: AliasAccount) -> None:
        prod.function()
        prod.mapping()
        [first] = prod.mapped()

        second = prod.work(first)
        third = prod.work(second)
        last = prod.follow(third)

        assert [kinds(each) for each in (first, second, third)] == [
            ["publish-version"],
            ["create-alias"],
            ["repoint-mapping"],
        ]
        assert last["outcome"] == "remediated"
        assert prod.aliases() == {"live": "1"}
        assert prod.mappings() == [function_arn("orders:live")]

    def test_is_tagged_at_its_end(self, prod: AliasAccount) -> None:
        arn = prod.function()
        prod.mapping()
        [first] = prod.mapped()

        last = prod.follow(first)

        assert prod.functions.list_tags(Resource=arn)["Tags"] == {
            "stackwarden:finding": first["finding"]["id"],
            "stackwarden:outcome": "remediated",
            "stackwarden:alias": "live",
        }
        assert last["finding"]["id"] == first["finding"]["id"]

    def test_leaves_a_compliant_function(self, prod: AliasAccount) -> None:
        prod.function()
        prod.mapping()
        prod.follow(prod.mapped()[0])

        assert prod.mapped() == []

    def test_does_not_change_what_runs_later(self, prod: AliasAccount) -> None:
        prod.function()
        prod.mapping()
        before = prod.sha256()
        prod.follow(prod.mapped()[0])

        prod.update("B")

        assert prod.sha256(qualifier="live") == before

    def test_begins_with_the_alias_where_the_code_is_published(self, prod: AliasAccount) -> None:
        prod.function()
        prod.publish()
        prod.mapping()

        [first] = prod.mapped()
        last = prod.follow(first)

        assert kinds(first) == ["create-alias"]
        assert first["actions"][0]["parameters"] == {"name": "live", "version": "1"}
        assert (last["outcome"], prod.versions()) == ("remediated", ["1"])

    def test_publishes_where_only_the_configuration_is_another_one(self, prod: AliasAccount) -> None:
        prod.function()
        prod.publish()
        prod.functions.update_function_configuration(FunctionName="orders", MemorySize=512)
        prod.mapping()

        [first] = prod.mapped()

        assert kinds(first) == ["publish-version"]
        assert first["actions"][0]["before"] == {"version": "1"}

    def test_begins_with_the_mappings_where_the_alias_is(self, prod: AliasAccount) -> None:
        prod.aliased()
        uuid = prod.mapping()

        [first] = prod.mapped()

        [move] = first["actions"]
        assert (move["kind"], move["target"]) == ("repoint-mapping", uuid)
        assert move["parameters"] == {"function": function_arn("orders:live")}
        assert move["before"] == {"function": function_arn("orders")}

    def test_moves_an_alias_that_is_on_latest(self, prod: AliasAccount) -> None:
        prod.function()
        prod.alias("$LATEST")
        prod.mapping("orders:live")

        [first] = prod.mapped("orders:live")
        last = prod.follow(first)

        assert [a["kind"] for a in last["attempts"]] == ["publish-version", "update-alias"]
        assert (last["outcome"], prod.aliases()) == ("remediated", {"live": "1"})

    def test_is_not_taken_to_an_alias_with_other_code(self, prod: AliasAccount) -> None:
        """It would change what runs."""
        prod.aliased()
        prod.update("B")
        prod.mapping()

        [verdict] = prod.mapped()

        assert ended(verdict) == ("done", "observed")
        assert prod.mappings() == [function_arn("orders")]

    def test_is_not_taken_to_an_alias_with_weights(self, prod: AliasAccount) -> None:
        prod.function()
        first = prod.publish()
        prod.update("B")
        prod.alias(first, RoutingConfig={"AdditionalVersionWeights": {prod.publish(): 0.1}})
        prod.mapping()

        [verdict] = prod.mapped()

        assert ended(verdict) == ("done", "observed")

    def test_is_not_taken_by_a_function_whose_versions_start_in_another_way(self, prod: AliasAccount) -> None:
        prod.function()
        prod.mapping()
        snap_start = {"ApplyOn": "PublishedVersions", "OptimizationStatus": "Off"}
        answer("lambda", "GetFunctionConfiguration", lambda found: found.update(SnapStart=snap_start))

        [verdict] = prod.mapped()

        assert ended(verdict) == ("done", "observed")
        assert prod.versions() == []

    def test_has_another_name_by_the_setting(
        self, prod: AliasAccount, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        settle(monkeypatch, prod, STACKWARDEN_ALIAS_NAME="current")
        prod.function()
        prod.mapping()

        last = prod.follow(prod.mapped()[0])

        assert (last["outcome"], prod.mappings()) == ("remediated", [function_arn("orders:current")])


def test_all_mappings_are_one_finding_however_many(prod: AliasAccount) -> None:
    """More than a page of ListEventSourceMappings."""
    prod.function()
    for number in range(MANY):
        prod.mapping(queue=f"jobs-{number}", Enabled=False)

    [first] = prod.mapped()
    last = prod.follow(first)

    assert last["outcome"] == "remediated"
    assert prod.mappings() == [function_arn("orders:live")] * MANY


def test_a_mapping_that_is_switched_off_stays_so(prod: AliasAccount) -> None:
    prod.function()
    uuid = prod.mapping(Enabled=False)

    last = prod.follow(prod.mapped()[0])

    found = prod.functions.get_event_source_mapping(UUID=uuid)
    assert last["outcome"] == "remediated"
    assert (found["FunctionArn"], found["State"]) == (function_arn("orders:live"), "Disabled")


class TestAPermission:
    def test_is_granted_to_the_alias_and_the_rest_is_its_owners(self, prod: AliasAccount) -> None:
        prod.function()
        prod.bucket("photos")
        prod.trigger("photos", "orders")

        last = prod.follow(prod.allowed()[0])

        [statement] = prod.policy()
        assert statement["Principal"] == {"Service": S3}
        assert statement["Condition"] == {"ArnLike": {"AWS:SourceArn": bucket_arn("photos")}}
        assert last["outcome"] == "observed"
        told = prod.s3.get_bucket_notification_configuration(Bucket="photos")
        assert told["LambdaFunctionConfigurations"][0]["LambdaFunctionArn"] == function_arn("orders")

    def test_is_granted_beside_moving_a_mapping(self, prod: AliasAccount) -> None:
        prod.aliased()
        prod.mapping()
        prod.bucket("photos")
        prod.trigger("photos", "orders")

        [first] = prod.allowed()

        assert sorted(kinds(first)) == ["add-permission", "repoint-mapping"]

    def test_of_a_source_that_invokes_nothing_is_not(self, prod: AliasAccount) -> None:
        prod.aliased()
        prod.mapping()
        prod.bucket("photos")
        prod.let_in("orders", bucket_arn("photos"))

        [first] = prod.allowed()

        assert kinds(first) == ["repoint-mapping"]

    def test_that_the_alias_has_is_not_granted_again(self, prod: AliasAccount) -> None:
        prod.aliased()
        prod.bucket("photos")
        prod.trigger("photos", "orders")
        prod.let_in("orders", bucket_arn("photos"), Qualifier="live")

        [verdict] = prod.allowed()

        assert ended(verdict) == ("done", "observed")

    def test_lets_its_owner_switch(self, prod: AliasAccount) -> None:
        prod.function()
        prod.bucket("photos")
        prod.trigger("photos", "orders")
        prod.follow(prod.allowed()[0])

        prod.notify("photos", to(function_arn("orders:live")))

        assert prod.happens("put-bucket-notification.violation", bucketName="photos") == []
