"""The function missing_alias and its reads: how many there are, and what is told of those that are denied."""

import pytest
from botocore.exceptions import ClientError

from tests.alias_account import AliasAccount, ended, kinds
from tests.alias_estate import refuse
from tests.s3_account import bucket_arn, function_arn, to

BUDGET = 9  # the function's own tags among them: whether its alias is one that Stackwarden minds


@pytest.fixture
def compliant(prod: AliasAccount) -> str:
    """A function with one mapping, to an alias; the mapping's UUID."""
    prod.aliased()
    return prod.mapping("orders:live")


class TestTheBudget:
    def test_of_a_compliant_function_with_one_mapping_is_kept(
        self, prod: AliasAccount, compliant: str
    ) -> None:
        assert prod.mapped("orders:live") == []

        assert len(prod.calls.made) <= BUDGET, prod.calls.made

    def test_grows_by_one_for_a_source(self, prod: AliasAccount, compliant: str) -> None:
        prod.bucket("photos")
        prod.let_in("orders", bucket_arn("photos"))

        assert prod.allowed() == []

        assert len(prod.calls.made) <= BUDGET + 1, prod.calls.made

    def test_is_one_read_for_a_function_that_is_gone(self, prod: AliasAccount) -> None:
        assert prod.mapped("gone") == []

        assert prod.calls.made == ["lambda:ListAliases"]

    def test_is_no_read_for_a_function_of_another_account(self, prod: AliasAccount) -> None:
        assert prod.mapped("arn:aws:lambda:us-east-1:210987654321:function:orders") == []

        assert prod.calls.made == []

    def test_knows_no_writes(self, prod: AliasAccount) -> None:
        prod.function()
        prod.mapping()
        prod.bucket("photos")
        prod.trigger("photos", "orders")

        prod.mapped()

        reads = ("Describe", "Get", "List", "Query", "StartExecution")
        assert [call for call in prod.calls.made if not call.split(":")[1].startswith(reads)] == []


class TestADeniedSource:
    @pytest.fixture
    def sources(self, prod: AliasAccount) -> AliasAccount:
        """A function that a bucket and a topic invoke."""
        prod.function()
        prod.bucket("photos")
        prod.trigger("photos", "orders")
        prod.let_in("orders", prod.topic("albums", "orders"), "sns.amazonaws.com")
        return prod

    def test_does_not_hide_the_others(self, sources: AliasAccount) -> None:
        refuse("s3", "GetBucketNotificationConfiguration", "AccessDenied")

        [verdict] = sources.allowed()

        assert kinds(verdict) == ["publish-version"]
        kinds_told = {key.split(" arn:")[0] for key in verdict["finding"]["evidence"]["state"]}
        assert {"permission of a service", "SNS subscription"} <= kinds_told

    def test_is_prepared_like_the_others(self, sources: AliasAccount) -> None:
        """Whoever may read it can switch at once."""
        refuse("s3", "GetBucketNotificationConfiguration", "AccessDenied")

        last = sources.follow(sources.allowed()[0])

        assert last["outcome"] == "observed"
        assert len(sources.policy()) == 2

    @pytest.mark.parametrize(
        ("service", "operation"), [("pipes", "ListPipes"), ("events", "ListRuleNamesByTarget")]
    )
    def test_does_not_hide_what_is_at_the_function(
        self, prod: AliasAccount, service: str, operation: str
    ) -> None:
        prod.function()
        prod.mapping()
        refuse(service, operation)

        [verdict] = prod.mapped()

        assert kinds(verdict) == ["publish-version"]

    def test_that_an_event_points_at_blinds_the_guard(self, prod: AliasAccount) -> None:
        prod.function()
        prod.bucket("photos")
        prod.notify("photos", to(function_arn("orders")))
        refuse("s3", "GetBucketNotificationConfiguration", "AccessDenied")

        [verdict] = prod.happens("put-bucket-notification.violation", bucketName="photos")

        assert verdict["finding"]["hazard"] == "blind"
        assert ended(verdict) == ("done", "failed")


class TestADeniedFunction:
    def test_blinds_the_guard(self, prod: AliasAccount) -> None:
        prod.function()
        prod.mapping()
        refuse("lambda", "GetPolicy")

        [verdict] = prod.mapped()

        assert verdict["finding"]["hazard"] == "blind"

    def test_does_not_hide_the_others_of_an_event(self, prod: AliasAccount) -> None:
        prod.bucket("photos")
        for name in ("hidden", "orders"):
            prod.function(name)
            prod.let_in(name, bucket_arn("photos"))
        prod.notify(
            "photos",
            to(function_arn("hidden"), prefix="a/", name="a"),
            to(function_arn("orders"), prefix="b/", name="b"),
        )
        denied = {"Effect": "Deny", "Action": "lambda:GetPolicy", "Resource": function_arn("hidden")}
        prod.permit("stackwarden-guard", denied, name="deny")

        orders, blind = prod.happens("put-bucket-notification.violation", bucketName="photos")

        assert (orders["finding"]["resource"]["name"], kinds(orders)) == ("orders", ["publish-version"])
        assert blind["finding"]["hazard"] == "blind"

    def test_between_two_steps_fails_the_finding(self, prod: AliasAccount) -> None:
        prod.function()
        prod.mapping()
        [first] = prod.mapped()
        refuse("lambda", "GetPolicy")

        last = prod.work(first)

        assert ended(last) == ("done", "failed")
        assert [attempt["kind"] for attempt in last["attempts"]] == ["publish-version"]

    def test_is_no_reason_to_be_quiet_about_other_errors(self, prod: AliasAccount) -> None:
        prod.function()
        refuse("lambda", "GetPolicy", "InvalidParameterValueException")

        with pytest.raises(ClientError, match="InvalidParameterValueException"):
            prod.mapped()


def test_exemptions_that_may_not_be_read_do_not_count(prod: AliasAccount) -> None:
    prod.function()
    prod.mapping()
    prod.exempt("orders")
    refuse("ssm", "GetParameters")

    [verdict] = prod.mapped()

    assert kinds(verdict) == ["publish-version"]
    assert verdict["finding"]["evidence"]["exemption_problems"]
