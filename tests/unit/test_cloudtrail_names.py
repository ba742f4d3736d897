"""Names and kinds of events, compared with every recorded event."""

import pytest
from botocore.exceptions import UnknownServiceError
from moto.core.model import OperationModel
from moto.core.utils import get_service_model

from local.cloudtrail.names import event_name, event_source, is_data_event, is_read_only
from tests import recorded

# botocore's service name, where it is not the first part of the event source.
SERVICES = {"monitoring": "cloudwatch", "elasticloadbalancing": "elbv2", "servicecatalog-appregistry": None}
# Events of the console, of agents and of retired operations, which the SDK does not have.
NO_OPERATION = {
    "rds": {"DescribeRecommendationGroups", "DescribeRecommendations"},
    "s3": {
        "GetAccountPublicAccessBlock",
        "GetStorageLensConfiguration",
        "GetStorageLensDashboardDataInternal",
        "ListAccessPoints",
    },
    "ssm": {"ListInstanceAssociations", "UpdateInstanceAssociationStatus", "UpdateInstanceInformation"},
}


def recorded_calls() -> list[tuple[str, str, bool]]:
    """Service, event name and readOnly of each kind of recorded API call."""
    return sorted(
        {
            (event["eventSource"].removesuffix(".amazonaws.com"), event["eventName"], event["readOnly"])
            for event in recorded.events()
            if event["eventType"] == "AwsApiCall"
        }
    )


def operations(service: str) -> dict[str, OperationModel]:
    """The service's operations by the name of their event."""
    model = get_service_model(service)
    return {event_name(service, name): model.operation_model(name) for name in model.operation_names}


def test_read_only_is_what_cloudtrail_recorded() -> None:
    wrong = [
        (source, name)
        for source, name, read_only in recorded_calls()
        if is_read_only(SERVICES.get(source) or source, name) is not read_only
    ]
    assert wrong == []


@pytest.mark.parametrize(
    "service", ["lambda", "s3", "iam", "rds", "ssm", "secretsmanager", "logs", "ec2", "sts"]
)
def test_every_recorded_event_name_is_that_of_an_operation(service: str) -> None:
    named = operations(service)
    unknown = {name for source, name, _ in recorded_calls() if source == service} - set(named)
    assert unknown == NO_OPERATION.get(service, set())


def test_every_recorded_event_source_is_that_of_the_service() -> None:
    for source in ("lambda", "s3", "iam", "rds", "ssm", "secretsmanager", "logs", "ec2", "sts", "kms"):
        operation = next(iter(operations(source).values()))
        assert event_source(operation) == f"{source}.amazonaws.com"


@pytest.mark.parametrize(
    ("service", "operation", "source"),
    [
        ("stepfunctions", "StartExecution", "states.amazonaws.com"),
        ("cloudwatch", "PutMetricAlarm", "monitoring.amazonaws.com"),
        ("resourcegroupstaggingapi", "TagResources", "tagging.amazonaws.com"),
        ("dynamodbstreams", "DescribeStream", "dynamodb.amazonaws.com"),
        ("s3control", "PutPublicAccessBlock", "s3.amazonaws.com"),
        ("opensearch", "CreateDomain", "es.amazonaws.com"),
    ],
)
def test_the_event_source_is_named_after_the_endpoint(service: str, operation: str, source: str) -> None:
    assert event_source(get_service_model(service).operation_model(operation)) == source


def test_no_recorded_event_counts_as_a_data_event() -> None:
    for source, name, _ in recorded_calls():
        try:
            operation = operations(SERVICES.get(source, source) or source).get(name)
        except (UnknownServiceError, FileNotFoundError):
            continue
        assert operation is None or not is_data_event(operation), (source, name)


@pytest.mark.parametrize(
    ("service", "operation"),
    [
        ("dynamodb", "PutItem"),
        ("dynamodb", "TransactWriteItems"),
        ("s3", "PutObject"),
        ("s3", "DeleteObjects"),
        ("s3", "ListObjectsV2"),
        ("lambda", "Invoke"),
        ("sns", "Publish"),
        ("sqs", "SendMessage"),
        ("kinesis", "PutRecords"),
        ("events", "PutEvents"),
    ],
)
def test_calls_on_items_objects_and_messages_are_data_events(service: str, operation: str) -> None:
    assert is_data_event(get_service_model(service).operation_model(operation))


@pytest.mark.parametrize(
    ("operation", "name"),
    [
        ("CreateFunction", "CreateFunction20150331"),
        ("UpdateFunctionConfiguration", "UpdateFunctionConfiguration20150331v2"),
        ("PutFunctionConcurrency", "PutFunctionConcurrency20171031"),
        ("CreateEventSourceMapping", "CreateEventSourceMapping20150331"),
        ("UpdateAlias", "UpdateAlias20150331"),
        ("PublishVersion", "PublishVersion20150331"),
        ("TagResource", "TagResource20170331v2"),
        ("CreateFunctionUrlConfig", "CreateFunctionUrlConfig"),
    ],
)
def test_lambda_adds_the_date_of_its_api(operation: str, name: str) -> None:
    assert event_name("lambda", operation) == name


def test_the_notification_of_a_bucket_keeps_its_older_name() -> None:
    assert event_name("s3", "PutBucketNotificationConfiguration") == "PutBucketNotification"
