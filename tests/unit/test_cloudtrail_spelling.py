"""Parameters and responses, compared with every recorded write call that is spelt by its API model."""

from datetime import UTC, datetime, timedelta, timezone
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from moto.core.model import Shape
from moto.core.utils import get_service_model

from local.cloudtrail.names import event_name
from local.cloudtrail.spelling import (
    HIDDEN,
    UNWRAPPED,
    clock_time,
    iso_time,
    member_name,
    request_parameters,
    response_elements,
)
from tests import recorded

# S3 is recorded by HTTP request, EC2 in shapes of its own.
SPELT_BY_MODEL = ("iam", "lambda", "logs", "rds", "secretsmanager", "ssm", "cloudtrail", "rolesanywhere")
NOT_IN_THE_MODEL = {
    # What Lambda makes of the function's name.
    ("lambda", "UpdateFunctionCode", "fullyQualifiedArn"),
    # CloudTrail's own spelling of ARN, beside the regular aRN of DeleteSecret.
    ("secretsmanager", "CreateSecret", "arn"),
    ("secretsmanager", "PutSecretValue", "arn"),
    # Members that the SDK's model does not have.
    ("rds", "CreateDBInstance", "httpEndpointEnabled"),
    ("rds", "DeleteDBInstance", "httpEndpointEnabled"),
    ("ssm", "SendCommand", "interactive"),
    ("ssm", "SendCommand", "command.interactive"),
    ("ssm", "SendCommand", "command.clientName"),
    ("ssm", "SendCommand", "command.clientSourceId"),
}


def strange_keys(shape: Shape | None, value: Any, path: str = "") -> set[str]:
    """Keys of a recorded value that the shape's members do not explain."""
    if shape is None or value is None or value == HIDDEN:
        return set()
    match shape.type_name:
        case "structure":
            members = {member_name(name): member for name, member in shape.members.items()}  # type: ignore[attr-defined]
            found = {f"{path}{key}" for key in set(value) - set(members)}
            known = set(value) & set(members)
            return found.union(*(strange_keys(members[key], value[key], f"{path}{key}.") for key in known))
        case "list":
            return set[str]().union(*(strange_keys(shape.member, item, path) for item in value))  # type: ignore[attr-defined]
    return set()


def operation_and_event() -> list[tuple[str, str, recorded.Event]]:
    found = []
    for event in recorded.write_calls():
        service = event["eventSource"].removesuffix(".amazonaws.com")
        if service in SPELT_BY_MODEL:
            names = {event_name(service, name): name for name in get_service_model(service).operation_names}
            if (
                name := names.get(event["eventName"])
            ) is not None:  # the agents of ssm have calls of their own
                found.append((service, name, event))
    return found


def test_every_recorded_parameter_is_a_member_with_a_lower_case_initial() -> None:
    strange = {
        (service, name, key)
        for service, name, event in operation_and_event()
        for key in strange_keys(
            get_service_model(service).operation_model(name).input_shape, event["requestParameters"]
        )
    }
    assert strange - NOT_IN_THE_MODEL == set()


def test_every_recorded_response_element_is_a_member_with_a_lower_case_initial() -> None:
    strange = set()
    for service, name, event in operation_and_event():
        shape = get_service_model(service).operation_model(name).output_shape
        if service in UNWRAPPED and shape is not None and len(shape.members) == 1:
            (shape,) = shape.members.values()
        strange |= {(service, name, key) for key in strange_keys(shape, event["responseElements"])}
    assert strange - NOT_IN_THE_MODEL == set()


def request(service: str, operation: str, **parameters: Any) -> dict[str, Any] | None:
    return request_parameters(get_service_model(service).operation_model(operation), parameters)


def response(service: str, operation: str, **elements: Any) -> dict[str, Any] | None:
    return response_elements(get_service_model(service).operation_model(operation), elements)


@pytest.mark.parametrize(
    ("name", "spelt"),
    [("StackName", "stackName"), ("DBInstanceIdentifier", "dBInstanceIdentifier"), ("UUID", "uUID")],
)
def test_only_the_first_letter_becomes_small(name: str, spelt: str) -> None:
    assert member_name(name) == spelt


def test_the_code_and_the_variables_of_a_function_are_left_out() -> None:
    spelt = request(
        "lambda",
        "CreateFunction",
        FunctionName="f",
        Code={"ZipFile": b"\x00\xff"},
        Environment={"Variables": {"PASSWORD": "secret"}},
    )
    assert spelt == {"functionName": "f", "code": {}, "environment": {}}


def test_parameters_of_a_stack_are_recorded_without_values() -> None:
    spelt = request(
        "cloudformation",
        "CreateStack",
        StackName="shop",
        TemplateBody="{}",
        Parameters=[{"ParameterKey": "Password", "ParameterValue": "secret"}],
    )
    assert spelt == {"stackName": "shop", "parameters": [{"parameterKey": "Password"}]}


def test_a_password_is_hidden_also_in_what_is_pending() -> None:
    assert request("rds", "CreateDBInstance", MasterUserPassword="secret") == {"masterUserPassword": HIDDEN}
    pending = {"DBInstance": {"PendingModifiedValues": {"MasterUserPassword": "secret"}}}
    spelt = response("rds", "CreateDBInstance", **pending)
    assert spelt == {"pendingModifiedValues": {"masterUserPassword": HIDDEN}}


def test_the_keys_of_a_map_stay_as_they_are() -> None:
    assert request("lambda", "TagResource", Resource="arn", Tags={"Team": "Blue"}) == {
        "resource": "arn",
        "tags": {"Team": "Blue"},
    }


def test_a_call_that_answers_nothing_has_no_response_elements() -> None:
    assert response("cloudformation", "DeleteStack", ResponseMetadata={}) is None
    assert response("lambda", "DeleteFunction", ResponseMetadata={}) is None


def test_the_answer_of_a_stack_is_its_id() -> None:
    assert response("cloudformation", "CreateStack", StackId="arn") == {"stackId": "arn"}


def test_dates_are_written_as_recorded() -> None:
    afternoon = datetime(2023, 7, 10, 12, 19, 33, tzinfo=UTC)
    assert clock_time(afternoon) == "Jul 10, 2023 12:19:33 PM"
    assert clock_time(afternoon, comma=True) == "Jul 10, 2023, 12:19:33 PM"
    assert clock_time(datetime(2023, 7, 5, 0, 7, 1, tzinfo=UTC)) == "Jul 5, 2023 12:07:01 AM"
    assert iso_time(afternoon) == "2023-07-10T12:19:33Z"


def test_every_recorded_date_of_a_role_is_what_we_would_write() -> None:
    written = {
        event["responseElements"]["role"]["createDate"]
        for event in recorded.write_calls()
        if event["eventName"] == "CreateRole"
    }
    assert written
    assert {clock_time(datetime.strptime(text, "%b %d, %Y %I:%M:%S %p")) for text in written} == written


@given(st.datetimes(min_value=datetime(2006, 1, 1), max_value=datetime(2100, 1, 1)), st.integers(-12, 14))
def test_a_written_date_can_be_read_back_in_utc(moment: datetime, offset: int) -> None:
    local = moment.replace(tzinfo=UTC, microsecond=0).astimezone(timezone(timedelta(hours=offset)))
    read = datetime.strptime(clock_time(local), "%b %d, %Y %I:%M:%S %p").replace(tzinfo=UTC)
    assert read == local
