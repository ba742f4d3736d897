"""Who invokes a function through its aliases, through one that is gone, and its tags alone."""

from typing import Any

import pytest
from botocore.exceptions import ClientError

from stackwarden import aws
from stackwarden.alias_reader import FunctionReader
from stackwarden.policies.alias_state import Function, Kind
from stackwarden.stacks import StackReader
from tests.alias_account import AliasAccount
from tests.alias_estate import Estate, calls, function_arn, refuse
from tests.sample_account import PLACE

THEIR_TOPIC = "arn:aws:sns:us-east-1:210987654321:orders"


class TestEveryAlias:
    """Where code may have changed, what runs through aliases matters, too."""

    def test_on_a_version_is_followed_like_the_function(self, estate: Estate) -> None:
        estate.alias("live", estate.publish())
        estate.bucket("photos", "billing:live")
        estate.allow("s3", "arn:aws:s3:::photos", Qualifier="live")
        topic = estate.topic("orders", "billing:live")
        estate.allow("sns", topic, "topic", Qualifier="live")
        estate.rule("scans", "billing:live", RoleArn=estate.role)
        estate.allow("config", None, "config", Qualifier="live")

        found = estate.read(every=True)

        kinds = {Kind.BUCKET, Kind.TOPIC, Kind.RULE, Kind.PERMISSION}
        assert {(i.kind, i.qualifier) for i in found.invokers} == {(kind, "live") for kind in kinds}
        assert not any(found.runs_latest(invoker) for invoker in found.invokers)
        assert found.permissions == ()

    @pytest.mark.parametrize(("every", "expected"), [(True, [None, "live"]), (False, [None])])
    def test_on_a_version_is_asked_for_its_url(
        self, estate: Estate, every: bool, expected: list[str | None]
    ) -> None:
        """Moto has one URL for all."""
        estate.alias("live", estate.publish())
        asked: list[str | None] = []
        aws.client("lambda").meta.events.register(
            "provide-client-params.lambda.GetFunctionUrlConfig",
            lambda params, **_: asked.append(params.get("Qualifier")),
        )

        estate.read(every=every)

        assert asked == expected

    def test_on_a_version_comes_after_what_runs_the_unpublished_code(self, estate: Estate) -> None:
        """The number of sources is bounded."""
        estate.alias("archive", estate.publish())
        estate.alias("dev", "$LATEST")
        for qualifier in ("archive", "dev"):
            estate.allow("config", None, qualifier, Qualifier=qualifier)
        estate.allow("config", None, "plain")

        assert [i.id for i in estate.read(every=True).invokers] == ["plain", "dev", "archive"]

    def test_has_a_source_that_may_not_be_read(self, estate: Estate) -> None:
        estate.alias("live", estate.publish())
        estate.allow("sns", THEIR_TOPIC, Qualifier="live")

        found = estate.read(every=True)

        assert [(i.kind, i.qualifier) for i in found.invokers] == [(Kind.PERMISSION, "live")]


class TestAnAliasThatIsDeleted:
    @pytest.fixture
    def gone(self, prod: AliasAccount) -> FunctionReader:
        """Its mapping and its rule are still there; the list for the function alone has neither."""
        prod.aliased()
        prod.mapping("orders:live")
        prod.rule("scans", "orders:live", RoleArn=prod.developers)
        prod.functions.delete_alias(FunctionName="orders", Name="live")
        return FunctionReader(PLACE, StackReader(aws.client("cloudformation")))

    def test_is_named_still(self, gone: FunctionReader) -> None:
        found = read(gone, deleted="live")

        assert {i.kind for i in found.invokers} == {Kind.MAPPING, Kind.RULE}
        assert all(found.dangles(invoker) for invoker in found.invokers)

    def test_is_not_known_without_its_name(self, gone: FunctionReader) -> None:
        assert read(gone).invokers == ()

    def test_is_not_named_by_what_names_another(self, gone: FunctionReader) -> None:
        assert read(gone, deleted="liv").invokers == ()

    def test_may_be_unknown_to_lambda(self, gone: FunctionReader) -> None:
        def refuse_gone(params: dict[str, Any], **_: Any) -> None:
            if params["FunctionName"].endswith(":live"):
                raise aws.client("lambda").exceptions.ResourceNotFoundException(
                    {"Error": {"Code": "ResourceNotFoundException"}}, "ListEventSourceMappings"
                )

        events = aws.client("lambda").meta.events
        events.register("provide-client-params.lambda.ListEventSourceMappings", refuse_gone)

        assert [invoker.kind for invoker in read(gone, deleted="live").invokers] == [Kind.RULE]

    @pytest.mark.parametrize("every", [True, False])
    def test_and_made_again_names_nothing_that_is_missing(
        self, prod: AliasAccount, gone: FunctionReader, every: bool
    ) -> None:
        prod.alias("1")

        found = read(gone, deleted="live", every=every)

        assert {invoker.kind for invoker in found.invokers} == {Kind.MAPPING, Kind.RULE}
        assert not any(found.dangles(invoker) for invoker in found.invokers)


def read(reader: FunctionReader, **more: Any) -> Function:
    """Read the function `orders`."""
    found = reader.invoked(function_arn("orders"), **more)
    assert found is not None
    return found


class TestTags:
    def test_are_read_alone(self, estate: Estate) -> None:
        estate.functions.tag_resource(Resource=function_arn("billing"), Tags={"environment": "prod"})
        made = calls()

        assert estate.reader.tags(function_arn("billing")) == {"environment": "prod"}
        assert made == ["lambda:ListTags"]

    def test_may_be_none_at_all(self, estate: Estate) -> None:
        assert estate.reader.tags(function_arn("billing")) == {}

    def test_of_a_function_that_does_not_exist_are_none(self, estate: Estate) -> None:
        assert estate.reader.tags(function_arn("nobody")) is None

    def test_that_may_not_be_read_are_an_error(self, estate: Estate) -> None:
        refuse("lambda", "ListTags")

        with pytest.raises(ClientError, match="AccessDeniedException"):
            estate.reader.tags(function_arn("billing"))
