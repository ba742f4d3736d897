"""A record from its facts."""

from datetime import UTC, datetime
from typing import Any

import pytest
from moto.core.utils import get_service_model

from local.cloudtrail.record import PARAMETERS_LIMIT, Facts, error_code, record


def facts(service: str = "dynamodb", operation: str = "DeleteTable", **changes: Any) -> Facts:
    known: dict[str, Any] = {
        "identity": {"type": "IAMUser"},
        "account": "123456789012",
        "region": "us-east-1",
        "time": datetime(2026, 1, 2, 3, 4, 5, tzinfo=UTC),
        "source_ip": "127.0.0.1",
        "user_agent": "Boto3",
        "request_id": "request",
        "event_id": "event",
        "host": "localhost",
        "parameters": {"tableName": "orders"},
        "response": {"tableDescription": {}},
    }
    return Facts(operation=get_service_model(service).operation_model(operation), **known | changes)


@pytest.mark.parametrize(
    ("service", "operation", "code", "recorded"),
    [
        ("iam", "DeleteLoginProfile", "NoSuchEntity", "NoSuchEntityException"),
        ("rds", "DeleteDBInstance", "InvalidDBInstanceState", "InvalidDBInstanceStateFault"),
        ("rds", "DeleteDBInstance", "InvalidParameterCombination", "InvalidParameterCombinationException"),
        ("cloudformation", "DeleteStack", "ValidationError", "ValidationException"),
        ("s3", "DeleteBucket", "BucketNotEmpty", "BucketNotEmpty"),
        ("lambda", "CreateFunction", "InvalidParameterValueException", "InvalidParameterValueException"),
        ("ec2", "CreateVpc", "VpcLimitExceeded", "Client.VpcLimitExceeded"),
        ("dynamodb", "DeleteTable", "AccessDeniedException", "AccessDenied"),
        ("sns", "CreateTopic", "AuthorizationError", "AccessDenied"),
    ],
)
def test_an_error_has_the_name_of_its_shape(service: str, operation: str, code: str, recorded: str) -> None:
    assert error_code(get_service_model(service).operation_model(operation), code) == recorded


def test_a_failed_call_has_an_error_and_no_response() -> None:
    made = record(facts(error=("ResourceInUseException", "in use")))
    assert made["errorCode"] == "ResourceInUseException"
    assert made["errorMessage"] == "in use"
    assert made["responseElements"] is None
    assert made["requestParameters"] == {"tableName": "orders"}


def test_a_successful_call_has_no_error_key() -> None:
    assert not {"errorCode", "errorMessage"} & set(record(facts()))


def test_a_denied_call_is_recorded_without_its_parameters() -> None:
    assert record(facts(error=("AccessDeniedException", "no")))["requestParameters"] is None


def test_a_denied_call_to_a_bucket_is_recorded_with_its_parameters() -> None:
    made = record(facts("s3", "DeleteBucket", error=("AccessDenied", "no"), parameters={"bucketName": "b"}))
    assert made["requestParameters"] == {"bucketName": "b"}


def test_large_parameters_are_left_out() -> None:
    made = record(facts(parameters={"name": "x" * PARAMETERS_LIMIT}))
    assert made["requestParameters"]["omitted"] is True


def test_a_call_without_tls_has_no_tls_details() -> None:
    assert "tlsDetails" not in record(facts(host=None))
