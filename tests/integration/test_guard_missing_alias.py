"""The function missing_alias on real resources: what counts as invoked through `$LATEST`, and where."""

import pytest

from tests.alias_account import HERE, AliasAccount, ended, kinds, settle
from tests.s3_account import bucket_arn, function_arn, to

OTHER_ACCOUNT = "210987654321"


class TestAMapping:
    def test_without_a_qualifier_makes_the_workflow_publish(self, prod: AliasAccount) -> None:
        arn = prod.function()
        prod.mapping()

        [verdict] = prod.mapped()

        [publish] = verdict["actions"]
        assert (publish["kind"], publish["target"]) == ("publish-version", arn)
        assert publish["parameters"] == {"code_sha256": prod.sha256()}
        assert publish["before"] == {"version": None}
        finding = verdict["finding"]
        assert (finding["hazard"], finding["resource"]["arn"]) == ("latest-invoked", arn)
        assert finding["actor"]["event_name"] == "CreateEventSourceMapping20150331"

    def test_of_latest_by_name_is_the_same(self, prod: AliasAccount) -> None:
        prod.function()
        prod.mapping("orders:$LATEST")

        [verdict] = prod.mapped("orders:$LATEST")

        assert kinds(verdict) == ["publish-version"]

    def test_of_an_alias_on_a_version_is_compliant(self, prod: AliasAccount) -> None:
        prod.aliased()
        prod.mapping("orders:live")

        assert prod.mapped("orders:live") == []

    def test_of_an_alias_with_weights_is_compliant(self, prod: AliasAccount) -> None:
        prod.function()
        first = prod.publish()
        prod.update("B")
        weights = {"AdditionalVersionWeights": {prod.publish(): 0.1}}
        prod.alias(first, RoutingConfig=weights)
        prod.mapping("orders:live")

        assert prod.mapped("orders:live") == []

    def test_of_a_version_is_compliant(self, prod: AliasAccount) -> None:
        prod.function()
        version = prod.publish()
        prod.mapping(f"orders:{version}")

        assert prod.mapped(f"orders:{version}") == []

    def test_of_an_alias_on_latest_is_not(self, prod: AliasAccount) -> None:
        prod.function()
        prod.alias("$LATEST")
        prod.mapping("orders:live")

        [verdict] = prod.mapped("orders:live")

        assert kinds(verdict) == ["publish-version"]

    def test_of_an_alias_that_is_gone_is_told(self, prod: AliasAccount) -> None:
        prod.local.lists_mappings_of_aliases = True  # else nobody can find it by the function
        prod.aliased()
        prod.mapping("orders:live")
        prod.functions.delete_alias(FunctionName="orders", Name="live")

        [verdict] = prod.happens("delete-alias.violation", functionName="orders", name="live")

        assert ended(verdict) == ("done", "observed")
        assert verdict["actions"] == []

    def test_that_is_switched_off_is_moved_too(self, prod: AliasAccount) -> None:
        prod.function()
        prod.mapping(Enabled=False)

        [verdict] = prod.mapped()

        assert kinds(verdict) == ["publish-version"]

    @pytest.mark.parametrize("reference", [f"{HERE[10:]}:function:orders", f"{HERE[10:]}:orders:$LATEST"])
    def test_is_judged_if_a_partial_arn_names_its_function(self, prod: AliasAccount, reference: str) -> None:
        prod.function()
        prod.mapping()

        [verdict] = prod.mapped(reference)

        assert verdict["finding"]["resource"]["name"] == "orders"

    def test_is_found_by_the_event_that_moved_it_to_latest(self, prod: AliasAccount) -> None:
        prod.function()
        uuid = prod.mapping()

        [verdict] = prod.happens("update-event-source-mapping.violation", uUID=uuid)

        assert kinds(verdict) == ["publish-version"]


class TestAPermission:
    def test_of_a_bucket_that_is_told_nothing_is_compliant(self, prod: AliasAccount) -> None:
        prod.function()
        prod.bucket("photos")
        prod.let_in("orders", bucket_arn("photos"))

        assert prod.allowed() == []

    def test_of_a_bucket_that_invokes_the_alias_is_compliant(self, prod: AliasAccount) -> None:
        prod.aliased()
        prod.bucket("photos")
        prod.let_in("orders", bucket_arn("photos"))
        prod.let_in("orders", bucket_arn("photos"), Qualifier="live")
        prod.notify("photos", to(function_arn("orders:live")))

        assert prod.allowed() == []

    def test_of_a_bucket_that_is_gone_is_compliant(self, prod: AliasAccount) -> None:
        prod.function()
        prod.let_in("orders", bucket_arn("photos"))

        assert prod.allowed() == []

    def test_of_a_bucket_that_invokes_latest_is_not(self, prod: AliasAccount) -> None:
        prod.function()
        prod.bucket("photos")
        prod.trigger("photos", "orders")

        [verdict] = prod.allowed()

        assert kinds(verdict) == ["publish-version"]

    def test_whose_source_is_in_another_account_stands_for_the_source(self, prod: AliasAccount) -> None:
        prod.function()
        topic = f"arn:aws:sns:us-east-1:{OTHER_ACCOUNT}:albums"
        prod.let_in("orders", topic, "sns.amazonaws.com")

        [verdict] = prod.allowed()

        assert kinds(verdict) == ["publish-version"]
        assert topic in str(verdict["finding"]["evidence"]["state"])

    def test_for_a_bucket_of_another_account_stands_for_the_bucket(self, prod: AliasAccount) -> None:
        prod.function()
        prod.let_in("orders", bucket_arn("photos"), SourceAccount=OTHER_ACCOUNT)

        [verdict] = prod.allowed()

        assert kinds(verdict) == ["publish-version"]

    def test_of_another_account_is_only_told(self, prod: AliasAccount) -> None:
        prod.function()
        prod.functions.add_permission(
            FunctionName="orders", StatementId="them", Action="lambda:InvokeFunction", Principal=OTHER_ACCOUNT
        )

        [verdict] = prod.allowed()

        assert ended(verdict) == ("done", "observed")
        assert verdict["actions"] == []


class TestNobody:
    def test_invokes_a_function_that_is_compliant(self, prod: AliasAccount) -> None:
        prod.function()

        assert prod.allowed() == []

    def test_can_judge_a_function_that_is_gone(self, prod: AliasAccount) -> None:
        assert prod.mapped() == []


class TestElsewhere:
    """Where it is not prod, the guard only observes."""

    @pytest.fixture(autouse=True)
    def staging(self, prod: AliasAccount, monkeypatch: pytest.MonkeyPatch) -> None:
        settle(monkeypatch, prod, STACKWARDEN_ENVIRONMENT="staging")

    def test_it_is_only_told(self, prod: AliasAccount) -> None:
        prod.function()
        prod.mapping()

        [verdict] = prod.mapped()

        assert ended(verdict) == ("done", "observed")
        assert verdict["actions"] == []

    def test_a_tag_makes_the_function_prod(self, prod: AliasAccount) -> None:
        arn = prod.function()
        prod.mapping()
        prod.functions.tag_resource(Resource=arn, Tags={"environment": "prod"})

        [verdict] = prod.happens("tag-resource.violation", resource=arn)

        assert kinds(verdict) == ["publish-version"]

    def test_people_are_not_told_of(self, prod: AliasAccount) -> None:
        prod.function()
        prod.functions.add_permission(
            FunctionName="orders", StatementId="them", Action="lambda:InvokeFunction", Principal=OTHER_ACCOUNT
        )

        assert prod.allowed() == []


class TestAnExemption:
    @pytest.fixture(autouse=True)
    def exposed(self, prod: AliasAccount) -> None:
        prod.function()
        prod.mapping()

    def test_lets_a_function_be(self, prod: AliasAccount) -> None:
        prod.exempt("orders")

        [verdict] = prod.mapped()

        assert ended(verdict) == ("done", "exempt")
        assert verdict["finding"]["exemption"]["approved_by"] == "security"

    def test_that_has_expired_does_not(self, prod: AliasAccount) -> None:
        prod.exempt("orders", until="2026-01-14")

        [verdict] = prod.mapped()

        assert kinds(verdict) == ["publish-version"]

    def test_of_another_function_does_not(self, prod: AliasAccount) -> None:
        prod.exempt("billing")

        [verdict] = prod.mapped()

        assert kinds(verdict) == ["publish-version"]


class TestObserving:
    def test_tells_all_stages_at_once(self, prod: AliasAccount, monkeypatch: pytest.MonkeyPatch) -> None:
        settle(monkeypatch, prod, STACKWARDEN_MODE="observe")
        prod.function()
        prod.mapping()

        [verdict] = prod.mapped()

        assert kinds(verdict) == ["publish-version", "create-alias", "repoint-mapping"]
        assert verdict["finding"]["mode"] == "observe"
