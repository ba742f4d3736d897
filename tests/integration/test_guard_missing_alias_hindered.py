"""The function missing_alias: steps that are refused, changes by others in between, repointed triggers."""

import pytest

from tests.alias_account import AliasAccount, ended, kinds, settle
from tests.alias_estate import answer, refuse
from tests.s3_account import bucket_arn, function_arn, to

STORAGE = "Lambda.CodeStorageExceededException: Code storage limit exceeded."


class TestRefused:
    def test_publishing_fails_at_once_and_nothing_is_half_done(self, prod: AliasAccount) -> None:
        prod.function()
        prod.mapping()
        [first] = prod.mapped()

        second = prod.work(first, publish_version=STORAGE)

        assert ended(second) == ("done", "failed")
        assert [a["kind"] for a in second["attempts"]] == ["publish-version"]
        assert (prod.versions(), prod.aliases()) == ([], {})
        assert prod.mappings() == [function_arn("orders")]

    def test_publishing_by_the_account_itself(self, prod: AliasAccount) -> None:
        """The error is the one that Lambda answers."""
        prod.function()
        prod.mapping()
        prod.local.code_storage_limit = 1
        [first] = prod.mapped()

        with pytest.raises(prod.functions.exceptions.CodeStorageExceededException):
            prod.do(first["actions"][0])

    def test_anything_else_is_tried_three_times(self, prod: AliasAccount) -> None:
        prod.aliased()
        prod.mapping()
        [first] = prod.mapped()

        last = prod.follow(first, repoint_mapping="Lambda.ResourceInUseException: in use")

        assert last["outcome"] == "failed"
        assert [a["status"] for a in last["attempts"]] == ["failed"] * 3
        assert [action["kind"] for action in last["actions"]] == ["repoint-mapping"]

    def test_one_of_two_leaves_the_other_done(self, prod: AliasAccount) -> None:
        prod.aliased()
        prod.mapping()
        prod.bucket("photos")
        prod.trigger("photos", "orders")
        [first] = prod.allowed()

        last = prod.follow(first, add_permission="Lambda.PolicyLengthExceededException: too long")

        assert last["outcome"] == "failed"
        assert prod.mappings() == [function_arn("orders:live")]


class TestMeanwhile:
    def test_a_function_that_was_deleted_dismisses_the_finding(self, prod: AliasAccount) -> None:
        prod.function()
        prod.mapping()
        [first] = prod.mapped()
        second = prod.work(first)
        prod.functions.delete_function(FunctionName="orders")

        last = prod.work(second | {"actions": []})

        assert ended(last) == ("done", "dismissed")
        assert last["actions"] == []

    def test_a_function_that_goes_between_two_reads_starts_nothing(self, prod: AliasAccount) -> None:
        prod.function()
        prod.mapping()
        refuse("lambda", "ListTags", "ResourceNotFoundException")

        assert prod.mapped() == []

    def test_an_update_under_way_is_waited_for(self, prod: AliasAccount) -> None:
        """Lambda publishes no version of a function that it is still updating."""
        prod.function()
        prod.mapping()
        status = {"LastUpdateStatus": "InProgress"}
        answer("lambda", "GetFunctionConfiguration", lambda found: found.update(status))
        [first] = prod.mapped()
        assert (first["next"], first["actions"]) == ("wait", [])

        status["LastUpdateStatus"] = "Successful"

        assert kinds(prod.work(first)) == ["publish-version"]

    def test_a_version_that_is_prepared_is_waited_for(self, prod: AliasAccount) -> None:
        prod.function()
        prod.mapping()
        [first] = prod.mapped()
        states = {"1": "Pending"}
        answer(
            "lambda",
            "GetFunctionConfiguration",
            lambda found: found.update(State=states.get(found["Version"], "Active")),
        )
        second = prod.work(first)
        assert (second["next"], prod.aliases()) == ("wait", {})

        states["1"] = "Active"

        assert kinds(prod.work(second)) == ["create-alias"]

    def test_an_owner_who_was_quicker_dismisses_the_finding(self, prod: AliasAccount) -> None:
        prod.aliased()
        uuid = prod.mapping()
        [first] = prod.mapped()
        prod.functions.update_event_source_mapping(UUID=uuid, FunctionName="orders:live")

        last = prod.work(first | {"actions": []})

        assert ended(last) == ("done", "dismissed")

    def test_new_code_is_left_to_its_own_event(self, prod: AliasAccount) -> None:
        """Lambda refuses to publish what is not the code any more; who brought it is judged then."""
        prod.function()
        prod.mapping()
        [first] = prod.mapped()
        prod.update("B")

        second = prod.work(first, publish_version="Lambda.InvalidParameterValueException: other code")

        assert ended(second) == ("done", "dismissed")

    def test_new_code_after_publishing_ends_without_moving(self, prod: AliasAccount) -> None:
        """It may be anybody's: nothing of it is published for a finding about other code."""
        prod.function()
        prod.mapping()
        [first] = prod.mapped()
        second = prod.work(first)
        prod.update("B")

        third = prod.work(second | {"actions": []})

        assert ended(third) == ("done", "observed")
        assert prod.mappings() == [function_arn("orders")]

    def test_a_mapping_that_came_is_moved_with_the_rest(self, prod: AliasAccount) -> None:
        prod.function()
        prod.mapping()
        [first] = prod.mapped()
        prod.mapping(queue="more")

        last = prod.follow(first)

        assert last["outcome"] == "remediated"
        assert prod.mappings() == [function_arn("orders:live")] * 2


class TestRepointing:
    @pytest.fixture(autouse=True)
    def repointing(self, prod: AliasAccount, monkeypatch: pytest.MonkeyPatch) -> None:
        settle(monkeypatch, prod, STACKWARDEN_REPOINT_PUSH_TRIGGERS="true")

    def test_a_bucket_keeps_what_is_not_the_functions(self, prod: AliasAccount) -> None:
        prod.aliased()
        prod.function("other")
        prod.bucket("photos")
        prod.let_in("orders", bucket_arn("photos"))
        prod.let_in("other", bucket_arn("photos"))
        prod.notify(
            "photos",
            to(function_arn("orders"), prefix="in/"),
            to(function_arn("other"), prefix="out/", name="two"),
        )

        last = prod.follow(prod.allowed()[0])

        told = prod.s3.get_bucket_notification_configuration(Bucket="photos")["LambdaFunctionConfigurations"]
        assert last["outcome"] == "remediated"
        assert {each["Id"]: each["LambdaFunctionArn"] for each in told} == {
            "one": function_arn("orders:live"),
            "two": function_arn("other"),
        }
        assert len(prod.policy()) == 1

    def test_a_rule_of_another_bus_names_the_alias(self, prod: AliasAccount) -> None:
        prod.aliased()
        prod.events.create_event_bus(Name="shop")
        arn = prod.rule("parcels", "orders", bus="shop", Input='{"a": 1}')
        prod.let_in("orders", arn, "events.amazonaws.com")

        last = prod.follow(prod.allowed()[0])

        [target] = prod.events.list_targets_by_rule(Rule="parcels", EventBusName="shop")["Targets"]
        assert last["outcome"] == "remediated"
        assert target == {"Id": "1", "Arn": function_arn("orders:live"), "Input": '{"a": 1}'}

    def test_a_topic_has_one_subscription_with_the_filter_afterwards(self, prod: AliasAccount) -> None:
        prod.aliased()
        topic = prod.topic("albums", "orders", FilterPolicy='{"colour": ["red"]}')
        prod.let_in("orders", topic, "sns.amazonaws.com")

        last = prod.follow(prod.allowed()[0])

        [found] = prod.sns.list_subscriptions_by_topic(TopicArn=topic)["Subscriptions"]
        attributes = prod.sns.get_subscription_attributes(SubscriptionArn=found["SubscriptionArn"])
        assert last["outcome"] == "remediated"
        assert found["Endpoint"] == function_arn("orders:live")
        assert attributes["Attributes"]["FilterPolicy"] == '{"colour": ["red"]}'

    def test_a_url_stays_in_the_hands_of_its_owner(self, prod: AliasAccount) -> None:
        prod.aliased()
        prod.url("orders")
        prod.mapping()

        last = prod.follow(prod.mapped()[0])

        assert last["outcome"] == "observed"
        assert prod.mappings() == [function_arn("orders:live")]
