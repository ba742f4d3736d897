"""From what an event points at to the functions to judge, with the sources that name them."""

import json
from collections.abc import Iterator
from datetime import UTC, datetime
from typing import Any, cast

import pytest
from botocore.exceptions import ClientError

from stackwarden import aws
from stackwarden.alias_starts import Starts
from stackwarden.alias_subject import Seed, Start, Target
from stackwarden.policies.alias_state import Kind
from stackwarden.stacks import Stack, StackReader, StackResource
from tests.alias_estate import HERE, Estate, calls, function_arn, integration_uri, refuse
from tests.sample_account import PLACE

STACK_ID = "arn:aws:cloudformation:us-east-1:123456789012:stack/shop/1"
STACK = Start(Target.STACK, STACK_ID)
BILLING, ARCHIVE = function_arn("billing"), function_arn("archive")
OWN = ("AWS::Lambda::Function", "billing")

type Found = list[tuple[str, tuple[Seed, ...]]]


class OneStack(StackReader):
    """A stack of these resources: (type, physical id)."""

    def __init__(
        self, *resources: tuple[str, str], status: str = "CREATE_COMPLETE", root: str = STACK_ID
    ) -> None:
        self._made = resources
        self._status = status
        self._root = root

    def describe(self, name_or_id: str) -> Stack | None:
        return Stack(STACK_ID, "shop", "UPDATE_COMPLETE", self._root, False)

    def resources(self, stack: Stack) -> Iterator[StackResource]:
        for type_, physical_id in self._made:
            now = datetime.now(UTC)
            yield StackResource(type_, "Any", physical_id, self._status, STACK_ID, ("shop",), now)


def of_stack(*resources: tuple[str, str], **more: str) -> Found:
    """The functions that a stack of these resources leads to."""
    return list(Starts(PLACE, OneStack(*resources, **more)).functions(STACK))


def client(service: str) -> Any:
    """The guard's client, which moto lets make things, too."""
    return aws.client(cast(Any, service))


def schedule(estate: Estate, group: str, name: str = "nightly") -> None:
    """Make a schedule of a group."""
    client("scheduler").create_schedule_group(Name=group)
    client("scheduler").create_schedule(
        Name=name,
        GroupName=group,
        ScheduleExpression="rate(1 day)",
        FlexibleTimeWindow={"Mode": "OFF"},
        Target={"Arn": BILLING, "RoleArn": estate.role},
    )


class TestACall:
    def test_about_a_function_needs_no_read(self, estate: Estate) -> None:
        made = calls()

        assert list(estate.starts.functions(Start(Target.FUNCTION, BILLING))) == [(BILLING, ())]
        assert made == []

    def test_about_an_alias_that_is_deleted_leads_to_its_function(self, estate: Estate) -> None:
        start = Start(Target.FUNCTION, BILLING, alias="live")

        assert list(estate.starts.functions(start)) == [(BILLING, ())]

    def test_about_a_bucket_leads_to_each_function_once(self, estate: Estate) -> None:
        estate.bucket("photos", "billing", "archive:live", "billing:live")
        seed = Seed(Kind.BUCKET, "photos")

        found = list(estate.starts.functions(Start(Target.BUCKET, "photos")))

        assert found == [(BILLING, (seed,)), (ARCHIVE, (seed,))]

    def test_about_a_mapping_leads_to_its_function(self, estate: Estate) -> None:
        uuid = estate.mapping("jobs")

        found = list(estate.starts.functions(Start(Target.MAPPING, uuid)))

        assert found == [(BILLING, (Seed(Kind.MAPPING, uuid),))]

    def test_about_a_mapping_that_is_gone_leads_nowhere(self, estate: Estate) -> None:
        start = Start(Target.MAPPING, "8fe62b78-a254-5101-9342-0920f9a144e6")

        assert list(estate.starts.functions(start)) == []

    def test_about_a_rule_leads_to_its_targets(self, estate: Estate) -> None:
        arn = estate.rule("scans", "billing")

        found = list(estate.starts.functions(Start(Target.RULE, arn)))

        assert found == [(BILLING, (Seed(Kind.RULE, arn),))]

    def test_about_a_topic_elsewhere_is_not_asked(self, estate: Estate) -> None:
        topic = "arn:aws:sns:us-east-1:210987654321:orders"
        made = calls()

        assert list(estate.starts.functions(Start(Target.TOPIC, topic))) == []
        assert made == []

    def test_about_functions_elsewhere_leads_nowhere(self, estate: Estate) -> None:
        theirs = BILLING.replace("123456789012", "210987654321")
        estate.rule("scans", "billing", Arn=theirs)

        arn = f"arn:aws:events:{HERE}:rule/scans"
        assert list(estate.starts.functions(Start(Target.RULE, arn))) == []

    def test_about_what_may_not_be_read_is_an_error(self, estate: Estate) -> None:
        refuse("s3", "GetBucketNotificationConfiguration", "AccessDenied")

        with pytest.raises(ClientError, match="AccessDenied"):
            list(estate.starts.functions(Start(Target.BUCKET, "photos")))


class TestAStack:
    @pytest.mark.usefixtures("estate")
    def test_names_its_functions_once_however_they_are_named(self) -> None:
        found = of_stack(
            OWN,
            ("AWS::Lambda::Version", f"{BILLING}:1"),
            ("AWS::Lambda::Alias", f"{BILLING}:live"),
            ("AWS::Lambda::Url", BILLING),
            ("AWS::Lambda::Alias", f"{ARCHIVE}:live"),
        )

        assert found == [(BILLING, ()), (ARCHIVE, ())]

    @pytest.mark.usefixtures("estate")
    def test_that_is_nested_is_left_to_its_root(self) -> None:
        assert of_stack(OWN, root="arn:aws:cloudformation:us-east-1:123456789012:stack/mall/1") == []

    @pytest.mark.usefixtures("estate")
    def test_does_not_name_what_was_deleted(self) -> None:
        assert of_stack(OWN, status="DELETE_COMPLETE") == []

    @pytest.mark.usefixtures("estate")
    def test_of_other_things_reads_nothing(self) -> None:
        made = calls()

        assert of_stack(("AWS::Lambda::Permission", "shop-Allow-1"), ("AWS::SQS::Queue", "https://q")) == []
        assert made == []

    def test_names_functions_with_all_sources_that_concern_them(self, estate: Estate) -> None:
        estate.bucket("photos", "billing", "archive")
        topic, rule = estate.topic("orders", "billing"), estate.rule("scans", "billing")

        found = of_stack(
            ("AWS::S3::Bucket", "photos"),
            ("AWS::SNS::Topic", topic),
            ("AWS::Events::Rule", "scans"),
            ("AWS::Lambda::Function", "archive"),
        )

        bucket = Seed(Kind.BUCKET, "photos")
        assert found == [
            (ARCHIVE, (bucket,)),
            (BILLING, (bucket, Seed(Kind.TOPIC, topic), Seed(Kind.RULE, rule))),
        ]

    def test_knows_a_rule_of_another_bus(self, estate: Estate) -> None:
        estate.events.create_event_bus(Name="orders")
        arn = estate.rule("scans", "billing", bus="orders")

        assert of_stack(("AWS::Events::Rule", "orders|scans")) == [(BILLING, (Seed(Kind.RULE, arn),))]

    def test_knows_a_subscription_by_itself(self, estate: Estate) -> None:
        """Others of the same topic are no part of the stack."""
        topic = estate.topic("orders", "billing", "archive")
        own = estate.sns.list_subscriptions_by_topic(TopicArn=topic)["Subscriptions"][0]["SubscriptionArn"]

        found = of_stack(("AWS::SNS::Subscription", own))

        assert found == [(BILLING, (Seed(Kind.TOPIC, topic),))]

    @pytest.mark.parametrize(
        "subscription",
        [
            "PendingConfirmation",
            f"arn:aws:sns:{HERE}:orders:8fe62b78-a254-5101-9342-0920f9a144e6",
            "arn:aws:sns:us-east-1:210987654321:orders:8fe62b78-a254-5101-9342-0920f9a144e6",
        ],
    )
    @pytest.mark.usefixtures("estate")
    def test_with_a_subscription_that_says_nothing_is_judged_all_the_same(self, subscription: str) -> None:
        assert of_stack(("AWS::SNS::Subscription", subscription), OWN) == [(BILLING, ())]

    def test_finds_its_schedules_in_whichever_groups_they_are(self, estate: Estate) -> None:
        schedule(estate, "night")
        schedule(estate, "week")
        schedule(estate, "others", name="nightly-too")

        ((function, seeds),) = of_stack(("AWS::Scheduler::Schedule", "nightly"))

        assert (function, set(seeds)) == (
            BILLING,
            {Seed(Kind.SCHEDULE, "night/nightly"), Seed(Kind.SCHEDULE, "week/nightly")},
        )

    def test_knows_its_pipes_state_machines_mappings_and_apis(self, estate: Estate) -> None:
        pipe = {"Source": f"arn:aws:sqs:{HERE}:jobs", "Target": BILLING, "RoleArn": estate.role}
        client("pipes").create_pipe(Name="orders", **pipe)
        task = {"Type": "Task", "Resource": BILLING, "End": True}
        machine = client("stepfunctions").create_state_machine(
            name="nightly",
            definition=json.dumps({"StartAt": "Bill", "States": {"Bill": task}}),
            roleArn=estate.role,
        )["stateMachineArn"]
        uuid = estate.mapping("jobs")
        api = client("apigateway").create_rest_api(name="shop")["id"]
        client("apigateway").create_authorizer(
            restApiId=api, name="who", type="TOKEN", authorizerUri=integration_uri(BILLING)
        )

        ((function, seeds),) = of_stack(
            ("AWS::Pipes::Pipe", "orders"),
            ("AWS::StepFunctions::StateMachine", machine),
            ("AWS::Lambda::EventSourceMapping", uuid),
            ("AWS::ApiGateway::RestApi", api),
        )

        assert function == BILLING
        assert [kind for kind, _ in seeds] == [Kind.PIPE, Kind.STATE_MACHINE, Kind.MAPPING, Kind.REST_API]

    def test_names_all_it_can_before_it_says_what_it_cannot_read(self, estate: Estate) -> None:
        estate.bucket("photos", "archive")
        topic = estate.topic("orders", "billing")
        refuse("s3", "GetBucketNotificationConfiguration", "AccessDenied")

        found = Starts(
            PLACE, OneStack(("AWS::S3::Bucket", "photos"), ("AWS::SNS::Topic", topic), OWN)
        ).functions(STACK)

        assert next(found) == (BILLING, (Seed(Kind.TOPIC, topic),))
        with pytest.raises(ClientError, match="GetBucketNotificationConfiguration"):
            next(found)
