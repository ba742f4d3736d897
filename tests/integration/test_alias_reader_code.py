"""What a function runs, what is published of it, and which stack it is of."""

import json
from collections.abc import Iterator
from typing import Any

import boto3
import pytest
from botocore.exceptions import ClientError

from stackwarden import aws
from stackwarden.policies.alias_state import Code, StackPlace
from tests import moto_server
from tests.alias_estate import Estate, answer, refuse

STACK = "aws:cloudformation:stack-id"
LOGICAL_ID = "aws:cloudformation:logical-id"


def code(estate: Estate, alias: str = "live") -> Code:
    """The function's code."""
    found = estate.completed(alias).code
    assert found is not None
    return found


class TestTheNewestVersion:
    def test_is_none_before_one_is_published(self, estate: Estate) -> None:
        found = code(estate)

        assert (found.newest, found.versions, found.latest.number) == (None, {}, "$LATEST")
        assert (found.updating, found.unpublishable) == (False, "")

    def test_that_is_a_copy_of_the_function_runs_the_same(self, estate: Estate) -> None:
        number = estate.publish()

        found = code(estate)

        assert found.newest is not None
        assert found.newest.number == number
        assert found.newest.runs_the_same_as(found.latest)

    def test_is_the_one_with_the_highest_number(self, estate: Estate) -> None:
        for change in range(10):
            estate.update(f"handler = {change}")
            estate.publish()

        found = code(estate)

        assert found.newest is not None
        assert (found.newest.number, found.newest.code_sha256) == ("10", found.latest.code_sha256)

    def test_does_not_run_the_same_after_a_change_of_code(self, estate: Estate) -> None:
        estate.publish()
        estate.update("handler = 1")

        found = code(estate)

        assert found.newest is not None
        assert not found.newest.runs_the_same_as(found.latest)

    @pytest.mark.parametrize(
        "change",
        [
            {"Timeout": 60},
            {"MemorySize": 512},
            {"Handler": "app.other"},
            {"Environment": {"Variables": {"RATE": ""}}},
        ],
    )
    def test_does_not_run_the_same_after_a_change_of_settings(
        self, estate: Estate, change: dict[str, Any]
    ) -> None:
        estate.publish()
        estate.functions.update_function_configuration(FunctionName="billing", **change)

        found = code(estate)

        assert found.newest is not None
        assert found.newest.code_sha256 == found.latest.code_sha256
        assert not found.newest.runs_the_same_as(found.latest)

    @pytest.mark.parametrize(
        "change",
        [
            {"VpcConfig": {"SubnetIds": ["subnet-1"], "SecurityGroupIds": ["sg-1"]}},
            {"Layers": [{"Arn": "arn:aws:lambda:us-east-1:123456789012:layer:fonts:2", "CodeSize": 1}]},
            {"TracingConfig": {"Mode": "Active"}},
            {"KMSKeyArn": "arn:aws:kms:us-east-1:123456789012:key/1"},
            {"DeadLetterConfig": {"TargetArn": "arn:aws:sqs:us-east-1:123456789012:dead"}},
            {"FileSystemConfigs": [{"Arn": "arn:aws:elasticfilesystem:…", "LocalMountPath": "/mnt/a"}]},
            {"LoggingConfig": {"LogFormat": "JSON", "LogGroup": "shop"}},
            {"EphemeralStorage": {"Size": 1024}},
            {"SnapStart": {"ApplyOn": "PublishedVersions"}},
        ],
    )
    def test_does_not_run_the_same_where_only_the_function_has_a_setting(
        self, estate: Estate, change: dict[str, Any]
    ) -> None:
        """Moto changes none of these."""
        estate.publish()
        calls = iter([change, {}])
        answer("lambda", "GetFunctionConfiguration", lambda parsed: parsed.update(next(calls)))

        found = code(estate)

        assert found.newest is not None
        assert not found.newest.runs_the_same_as(found.latest)

    def test_is_the_same_in_whatever_order_subnets_are_told(self, estate: Estate) -> None:
        estate.publish()
        calls = iter([["subnet-1", "subnet-2"], ["subnet-2", "subnet-1"]])
        answer(
            "lambda",
            "GetFunctionConfiguration",
            lambda parsed: parsed.update(VpcConfig={"SubnetIds": next(calls)}),
        )

        found = code(estate)

        assert found.newest is not None
        assert found.newest.runs_the_same_as(found.latest)

    def test_is_the_same_whether_an_empty_setting_is_told_or_not(self, estate: Estate) -> None:
        estate.publish()
        told = {"VpcConfig": {"SubnetIds": [], "VpcId": ""}, "Layers": [], "Environment": {}}
        calls = iter([told, {}])
        answer("lambda", "GetFunctionConfiguration", lambda parsed: parsed.update(next(calls)))

        found = code(estate)

        assert found.newest is not None
        assert found.newest.runs_the_same_as(found.latest)

    def test_keeps_nothing_of_the_environment(self, estate: Estate) -> None:
        estate.functions.update_function_configuration(
            FunctionName="billing", Environment={"Variables": {"PASSWORD": "hunter2"}}
        )
        estate.publish()

        assert "hunter2" not in repr(estate.completed())

    def test_has_the_state_that_only_a_look_at_itself_tells(self, estate: Estate) -> None:
        estate.publish()
        state = {"State": "Inactive", "StateReason": "not invoked for weeks"}
        answer("lambda", "ListVersionsByFunction", _without_states)
        answer("lambda", "GetFunctionConfiguration", lambda parsed: parsed.update(state))

        found = code(estate)

        assert found.newest is not None
        assert (found.newest.state, found.newest.reason) == ("Inactive", "not invoked for weeks")


def _without_states(parsed: dict[str, Any]) -> None:
    """https://docs.aws.amazon.com/lambda/latest/api/API_ListFunctions.html"""
    for version in parsed["Versions"]:
        version.pop("State", None)


class TestVersions:
    def test_are_those_of_aliases_and_the_last_with_other_code(self, estate: Estate) -> None:
        for change in range(5):
            estate.update(f"handler = {change}")
            estate.publish()
        estate.alias("live", "2", RoutingConfig={"AdditionalVersionWeights": {"1": 0.5}})
        estate.alias("dev", "$LATEST")

        found = code(estate)

        assert list(found.versions) == ["1", "2", "4", "5"]
        assert found.newest is not None
        assert found.newest.number == "5"

    def test_are_those_that_invokers_name_by_number(self, estate: Estate) -> None:
        for change in range(5):
            estate.update(f"handler = {change}")
            estate.publish()
        estate.bucket("photos", "billing:2")
        estate.allow("s3", "arn:aws:s3:::photos")

        assert list(code(estate).versions) == ["2", "4", "5"]

    def test_lead_back_from_each_that_an_alias_runs(self, estate: Estate) -> None:
        """The code of the newest version is not the function's by now, and not a way back from it."""
        for change in range(3):
            estate.update(f"handler = {change}")
            estate.publish()
        estate.update("handler = None")
        estate.alias("live", "3")

        assert list(code(estate).versions) == ["2", "3"]

    def test_of_a_second_page_are_found(self, estate: Estate) -> None:
        estate.publish()
        estate.update("handler = 1")
        estate.publish()
        held: list[Any] = []

        def halve(parsed: dict[str, Any]) -> None:
            """Moto does not page."""
            if held:
                parsed["Versions"] = held
                return
            held.extend(parsed["Versions"][2:])
            parsed.update(Versions=parsed["Versions"][:2], NextMarker="more")

        answer("lambda", "ListVersionsByFunction", halve)

        found = code(estate)

        assert found.newest is not None
        assert found.newest.number == "2"


@pytest.mark.parametrize(
    ("configuration", "updating"),
    [
        ({"LastUpdateStatus": "InProgress"}, True),
        ({"LastUpdateStatus": "Successful", "State": "Active"}, False),
        ({"LastUpdateStatus": "Failed"}, False),
        ({"State": "Pending"}, True),
    ],
)
def test_an_update_under_way_is_seen(estate: Estate, configuration: dict[str, str], updating: bool) -> None:
    answer("lambda", "GetFunctionConfiguration", lambda parsed: parsed.update(configuration))

    assert code(estate).updating is updating


@pytest.mark.parametrize(
    ("configuration", "said"),
    [
        ({"SnapStart": {"ApplyOn": "PublishedVersions", "OptimizationStatus": "Off"}}, "SnapStart"),
        (
            {"CapacityProviderConfig": {"LambdaManagedInstancesCapacityProviderConfig": {}}},
            "a capacity provider",
        ),
        (
            {"Environment": {"Error": {"ErrorCode": "AccessDeniedException", "Message": "kms"}}},
            "cannot be read (AccessDeniedException)",
        ),
        ({"SnapStart": {"ApplyOn": "None", "OptimizationStatus": "Off"}}, ""),
    ],
)
def test_what_publishing_would_change_besides_is_told(
    estate: Estate, configuration: dict[str, Any], said: str
) -> None:
    answer("lambda", "GetFunctionConfiguration", lambda parsed: parsed.update(configuration))

    unpublishable = code(estate).unpublishable

    assert said in unpublishable
    assert bool(unpublishable) is bool(said)


class TestTheAlias:
    def test_has_permissions_of_its_own(self, estate: Estate) -> None:
        estate.alias("live", estate.publish())
        estate.allow("s3", "arn:aws:s3:::photos", "plain")
        estate.allow("sns", None, "qualified", Qualifier="live")

        found = estate.completed()

        assert [permission.sid for permission in found.permissions] == ["plain"]
        assert [permission.sid for permission in found.granted] == ["qualified"]

    def test_that_there_is_not_yet_has_none(self, estate: Estate) -> None:
        estate.alias("other", estate.publish())
        estate.allow("sns", None, "qualified", Qualifier="other")

        assert estate.completed("live").granted == ()


class TestAsynchronousSettings:
    def settle(self, estate: Estate) -> None:
        estate.functions.put_function_event_invoke_config(FunctionName="billing", MaximumRetryAttempts=0)

    def test_that_the_function_does_not_have_are_not_missing(self, estate: Estate) -> None:
        assert not estate.completed().async_settings_missing

    def test_are_missing_where_the_alias_is(self, estate: Estate) -> None:
        self.settle(estate)

        assert estate.completed().async_settings_missing

    @pytest.mark.parametrize(("attempts", "missing"), [(0, False), (2, True)])
    def test_are_missing_where_the_alias_has_others(
        self, estate: Estate, attempts: int, missing: bool
    ) -> None:
        estate.alias("live", estate.publish())
        answers: Iterator[dict[str, Any]] = iter(
            [
                {"MaximumRetryAttempts": 0, "DestinationConfig": {"OnSuccess": {}, "OnFailure": {}}},
                {"MaximumRetryAttempts": attempts},
            ]
        )
        self.settle(estate)
        answer("lambda", "GetFunctionEventInvokeConfig", lambda parsed: _become(parsed, next(answers)))

        assert estate.completed().async_settings_missing is missing


def _become(parsed: dict[str, Any], other: dict[str, Any]) -> None:
    parsed.clear()
    parsed.update(other)


def test_a_function_that_is_deleted_meanwhile_is_none(estate: Estate) -> None:
    found = estate.read()
    estate.functions.delete_function(FunctionName="billing")

    assert estate.reader.complete(found, "live") is None


class TestTheStack:
    @pytest.fixture
    def facts(self, estate: Estate) -> moto_server.Stacks:
        return moto_server.Stacks(aws.client("cloudformation"))

    @pytest.fixture
    def stack(self, estate: Estate) -> str:
        """The stack that the function is tagged with."""
        template = json.dumps({"Resources": {"Topic": {"Type": "AWS::SNS::Topic"}}})
        made: str = boto3.client("cloudformation").create_stack(StackName="shop", TemplateBody=template)[
            "StackId"
        ]
        answer(
            "lambda",
            "ListTags",
            lambda parsed: parsed["Tags"].update({STACK: made, LOGICAL_ID: "Billing", "team": "shop"}),
        )
        return made

    def test_is_none_of_a_function_without_one(self, estate: Estate) -> None:
        found = estate.completed()

        assert (found.stack, found.tags) == (None, {})

    def test_is_known_by_the_functions_tags(self, estate: Estate, stack: str) -> None:
        found = estate.completed()

        assert found.stack == StackPlace(stack, "shop", logical_id="Billing")
        assert found.tags["team"] == "shop"

    def test_that_does_not_exist_is_none(self, estate: Estate) -> None:
        gone = "arn:aws:cloudformation:us-east-1:123456789012:stack/gone/1"
        answer("lambda", "ListTags", lambda parsed: parsed["Tags"].update({STACK: gone}))

        assert estate.completed().stack is None

    def test_that_was_deleted_without_the_function_is_none(
        self, estate: Estate, facts: moto_server.Stacks, stack: str
    ) -> None:
        facts.say(stack, StackStatus="DELETE_COMPLETE")

        assert estate.completed().stack is None

    @pytest.mark.parametrize(
        ("status", "settled"),
        [
            ("UPDATE_COMPLETE", True),
            ("UPDATE_ROLLBACK_COMPLETE", True),
            ("UPDATE_FAILED", True),
            ("REVIEW_IN_PROGRESS", True),
            ("UPDATE_IN_PROGRESS", False),
            ("UPDATE_COMPLETE_CLEANUP_IN_PROGRESS", False),
            ("UPDATE_ROLLBACK_IN_PROGRESS", False),
        ],
    )
    def test_is_settled_unless_it_is_in_an_operation(
        self, estate: Estate, facts: moto_server.Stacks, stack: str, status: str, settled: bool
    ) -> None:
        facts.say(stack, StackStatus=status)

        found = estate.completed().stack

        assert found is not None
        assert found.settled is settled

    def test_is_not_settled_while_its_root_is_not(
        self, estate: Estate, facts: moto_server.Stacks, stack: str
    ) -> None:
        template = json.dumps({"Resources": {"Topic": {"Type": "AWS::SNS::Topic"}}})
        root = boto3.client("cloudformation").create_stack(StackName="mall", TemplateBody=template)["StackId"]
        facts.say(stack, RootId=root)
        facts.say(root, StackStatus="UPDATE_IN_PROGRESS")

        found = estate.completed().stack

        assert found is not None
        assert (found.id, found.settled) == (stack, False)

    @pytest.mark.parametrize(
        ("summary", "tool"),
        [
            ({"DeclaredTransforms": ["AWS::Serverless-2016-10-31"]}, "SAM"),
            ({"ResourceTypes": ["AWS::Lambda::Function", "AWS::CDK::Metadata"]}, "CDK"),
            ({"Metadata": '{"aws:cdk:bundling": true}'}, "CDK"),
            (
                {"Description": "The AWS CloudFormation template for this Serverless application"},
                "Serverless Framework",
            ),
            (
                {
                    "ResourceIdentifierSummaries": [
                        {
                            "ResourceType": "AWS::S3::Bucket",
                            "LogicalResourceIds": ["ServerlessDeploymentBucket"],
                        }
                    ]
                },
                "Serverless Framework",
            ),
            ({"DeclaredTransforms": ["AWS::LanguageExtensions"]}, "CloudFormation"),
        ],
    )
    def test_says_which_tool_wrote_it(
        self, estate: Estate, stack: str, summary: dict[str, Any], tool: str
    ) -> None:
        answer("cloudformation", "GetTemplateSummary", lambda parsed: _become(parsed, summary))

        found = estate.completed().stack

        assert found is not None
        assert found.tool == tool

    @pytest.mark.parametrize(("tags", "tool"), [({}, "CloudFormation"), ({"lambda:createdBy": "SAM"}, "SAM")])
    def test_whose_template_may_not_be_read_is_told_by_the_tags(
        self, estate: Estate, stack: str, tags: dict[str, str], tool: str
    ) -> None:
        refuse("cloudformation", "GetTemplateSummary", "AccessDenied")
        answer("lambda", "ListTags", lambda parsed: parsed["Tags"].update(tags))

        found = estate.completed().stack

        assert found is not None
        assert found.tool == tool

    def test_that_may_not_be_described_is_an_error(self, estate: Estate, stack: str) -> None:
        """It may be in an operation, and then nothing must be done."""
        refuse("cloudformation", "DescribeStacks", "AccessDenied")

        with pytest.raises(ClientError, match="AccessDenied"):
            estate.completed()
