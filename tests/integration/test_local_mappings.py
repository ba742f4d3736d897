"""Mappings of queues keep to a version or alias, can be switched off, and take a moment to change."""

import json
from typing import Any

import pytest
from botocore.exceptions import ClientError

from local.account import LocalAccount
from tests.integration.local_functions import ACCOUNT_ARN, bodies, deploy, release, reports, update

QUEUE = f"arn:aws:sqs:{ACCOUNT_ARN}:q"


@pytest.fixture
def queue(account: LocalAccount) -> str:
    url: str = account.client("sqs").create_queue(QueueName="q")["QueueUrl"]
    return url


@pytest.fixture
def function(account: LocalAccount, role_arn: str) -> str:
    return deploy(account, role_arn)


def map_queue(account: LocalAccount, function: str, **settings: Any) -> str:
    """A mapping that is created; its UUID."""
    mapping: str = account.client("lambda").create_event_source_mapping(
        EventSourceArn=QUEUE, FunctionName=function, **settings
    )["UUID"]
    account.drain()
    return mapping


def change(account: LocalAccount, mapping: str, **settings: Any) -> dict[str, Any]:
    """Update a mapping and wait for it; the answer of the call."""
    answer: dict[str, Any] = account.client("lambda").update_event_source_mapping(UUID=mapping, **settings)
    account.drain()
    return answer


def send(account: LocalAccount, queue: str, *texts: str) -> None:
    for text in texts:
        account.client("sqs").send_message(QueueUrl=queue, MessageBody=text)


def error_code(call: Any, **parameters: Any) -> str:
    with pytest.raises(ClientError) as refused:
        call(**parameters)
    return str(refused.value.response["Error"]["Code"])


def test_a_mapping_follows_the_alias_that_it_is_given_and_new_code_does_not_reach_it(
    account: LocalAccount, queue: str, function: str
) -> None:
    mapping = map_queue(account, "f")
    send(account, queue, "before")
    assert bodies(account) == [("one", "", "before")]

    alias = release(account)
    assert change(account, mapping, FunctionName=alias)["FunctionArn"] == alias
    update(account, "two")
    send(account, queue, "after")
    assert bodies(account)[1:] == [("one", "live", "after")]
    [_, report] = reports(account)
    assert (report["arn"], report["version"], report["variable"]) == (f"{function}:live", "1", "1")

    account.client("lambda").publish_version(FunctionName="f")
    account.client("lambda").update_alias(FunctionName="f", Name="live", FunctionVersion="2")
    send(account, queue, "released")
    assert bodies(account)[2:] == [("two", "live", "released")]


@pytest.mark.parametrize(
    ("name", "qualifier"),
    [
        ("f", ""),
        ("f:live", ":live"),
        ("f:1", ":1"),
        ("123456789012:function:f:live", ":live"),
        (f"arn:aws:lambda:{ACCOUNT_ARN}:function:f:live", ":live"),
        (f"arn:aws:lambda:{ACCOUNT_ARN}:function:f", ""),
        ("f:$LATEST", ":$LATEST"),
    ],
)
def test_the_function_of_a_mapping_is_told_with_the_qualifier_it_was_named_by(
    account: LocalAccount, queue: str, function: str, name: str, qualifier: str
) -> None:
    release(account)
    mapping = map_queue(account, name)
    told = account.client("lambda").get_event_source_mapping(UUID=mapping)
    assert told["FunctionArn"] == f"{function}{qualifier}"


def test_a_mapping_that_is_switched_off_leaves_the_messages_until_it_is_switched_on(
    account: LocalAccount, queue: str, function: str
) -> None:
    mapping = map_queue(account, "f", Enabled=False)
    send(account, queue, "waits")
    assert reports(account) == []
    assert change(account, mapping, Enabled=True)["State"] == "Enabling"
    assert bodies(account) == [("one", "", "waits")]
    assert change(account, mapping, Enabled=False)["State"] == "Disabling"
    send(account, queue, "waits, too")
    assert len(bodies(account)) == 1


def test_a_deleted_mapping_invokes_nothing(account: LocalAccount, queue: str, function: str) -> None:
    mapping = map_queue(account, "f")
    functions = account.client("lambda")
    assert functions.delete_event_source_mapping(UUID=mapping)["State"] == "Deleting"
    send(account, queue, "left alone")
    assert reports(account) == []
    for call in (
        functions.get_event_source_mapping,
        functions.delete_event_source_mapping,
        functions.update_event_source_mapping,
    ):
        assert error_code(call, UUID=mapping) == "ResourceNotFoundException"


def test_a_mapping_that_is_being_changed_refuses_other_changes(
    account: LocalAccount, queue: str, function: str
) -> None:
    account.mapping_delay = 60
    functions = account.client("lambda")
    created = functions.create_event_source_mapping(EventSourceArn=QUEUE, FunctionName="f")
    assert created["State"] == "Creating"
    for call in (functions.update_event_source_mapping, functions.delete_event_source_mapping):
        assert error_code(call, UUID=created["UUID"]) == "ResourceInUseException"


def test_messages_that_came_before_the_mapping_are_handed_over(
    account: LocalAccount, queue: str, function: str
) -> None:
    send(account, queue, "a", "b", "c")
    map_queue(account, "f", BatchSize=2)
    assert sorted(body for _, _, body in bodies(account)) == ["a", "b", "c"]
    assert sorted(len(report["event"]["Records"]) for report in reports(account)) == [1, 2]


def test_a_delayed_message_arrives_when_its_time_has_come(
    account: LocalAccount, queue: str, function: str
) -> None:
    map_queue(account, "f")
    account.client("sqs").send_message(QueueUrl=queue, MessageBody="late", DelaySeconds=1)
    assert bodies(account) == [("one", "", "late")]


def test_a_record_has_the_shape_that_lambda_gives_it(
    account: LocalAccount, queue: str, function: str
) -> None:
    map_queue(account, "f")
    account.client("sqs").send_message(
        QueueUrl=queue,
        MessageBody="m",
        MessageAttributes={"kind": {"DataType": "String", "StringValue": "x"}},
    )
    [report] = reports(account)
    [record] = report["event"]["Records"]
    assert record["messageAttributes"] == {
        "kind": {"stringValue": "x", "stringListValues": [], "binaryListValues": [], "dataType": "String"}
    }
    assert (record["eventSource"], record["eventSourceARN"], record["awsRegion"]) == (
        "aws:sqs",
        QUEUE,
        "us-east-1",
    )
    assert record["attributes"]["ApproximateReceiveCount"] == "1"


def test_what_fails_is_received_again_and_ends_in_the_dead_letter_queue(
    account: LocalAccount, queue: str, function: str
) -> None:
    dead = account.client("sqs").create_queue(QueueName="dead")["QueueUrl"]
    redrive = {"deadLetterTargetArn": QUEUE.replace(":q", ":dead"), "maxReceiveCount": 2}
    account.client("sqs").set_queue_attributes(
        QueueUrl=queue, Attributes={"RedrivePolicy": json.dumps(redrive)}
    )
    map_queue(account, "f")
    send(account, queue, "poison")
    assert [body for _, _, body in bodies(account)] == ["poison", "poison"]
    [message] = account.client("sqs").receive_message(QueueUrl=dead)["Messages"]
    assert message["Body"] == "poison"


def test_without_a_dead_letter_queue_a_message_that_fails_stays_in_its_queue(
    account: LocalAccount, queue: str, function: str
) -> None:
    map_queue(account, "f")
    send(account, queue, "poison")
    assert len(bodies(account)) == 3
    [message] = account.client("sqs").receive_message(QueueUrl=queue)["Messages"]
    assert message["Body"] == "poison"


def test_a_function_alias_or_version_has_one_mapping_a_queue(
    account: LocalAccount, queue: str, function: str
) -> None:
    release(account)
    map_queue(account, "f")
    other = map_queue(account, "f:live")
    functions = account.client("lambda")
    twin = {"EventSourceArn": QUEUE, "FunctionName": function}
    assert error_code(functions.create_event_source_mapping, **twin) == "ResourceConflictException"
    assert (
        error_code(functions.update_event_source_mapping, UUID=other, FunctionName="f")
        == "ResourceConflictException"
    )


@pytest.mark.parametrize("name", ["none", "f:none", "f:9"])
def test_a_mapping_needs_a_function_that_exists(
    account: LocalAccount, queue: str, function: str, name: str
) -> None:
    functions = account.client("lambda")
    new = {"EventSourceArn": QUEUE, "FunctionName": name}
    assert error_code(functions.create_event_source_mapping, **new) == "InvalidParameterValueException"
    mapping = map_queue(account, "f")
    assert (
        error_code(functions.update_event_source_mapping, UUID=mapping, FunctionName=name)
        == "InvalidParameterValueException"
    )


def test_mappings_are_listed_by_the_name_they_have_now_and_a_hundred_a_page(
    account: LocalAccount, function: str
) -> None:
    account.mapping_delay = 0
    release(account)
    functions = account.client("lambda")
    for number in range(102):
        account.client("sqs").create_queue(QueueName=f"q{number}")
        functions.create_event_source_mapping(
            EventSourceArn=f"{QUEUE}{number}", FunctionName="f:live" if number == 101 else "f"
        )
    first = functions.list_event_source_mappings(FunctionName=function, MaxItems=1000)
    second = functions.list_event_source_mappings(FunctionName=function, Marker=first["NextMarker"])
    assert [len(page["EventSourceMappings"]) for page in (first, second)] == [100, 1]
    assert "NextMarker" not in second

    [of_alias] = functions.list_event_source_mappings(FunctionName="f:live")["EventSourceMappings"]
    assert of_alias["EventSourceArn"] == f"{QUEUE}101"
    moved = first["EventSourceMappings"][0]["UUID"]
    change(account, moved, FunctionName="f:live")
    listed = functions.list_event_source_mappings(FunctionName="f:live")["EventSourceMappings"]
    assert {mapping["UUID"] for mapping in listed} == {moved, of_alias["UUID"]}


def test_an_account_may_list_the_mappings_of_aliases_with_those_of_their_function(
    account: LocalAccount, queue: str, function: str
) -> None:
    release(account)
    map_queue(account, "f:live")
    functions = account.client("lambda")
    assert functions.list_event_source_mappings(FunctionName="f")["EventSourceMappings"] == []
    account.lists_mappings_of_aliases = True
    [mapping] = functions.list_event_source_mappings(FunctionName="f")["EventSourceMappings"]
    assert mapping["FunctionArn"] == f"{function}:live"


def test_a_fifo_queue_keeps_its_order(account: LocalAccount, function: str) -> None:
    url = account.client("sqs").create_queue(QueueName="q.fifo", Attributes={"FifoQueue": "true"})["QueueUrl"]
    for number in range(5):
        account.client("sqs").send_message(
            QueueUrl=url, MessageBody=str(number), MessageGroupId="g", MessageDeduplicationId=str(number)
        )
    account.client("lambda").create_event_source_mapping(
        EventSourceArn=f"{QUEUE}.fifo", FunctionName="f", BatchSize=2
    )
    assert [body for _, _, body in bodies(account)] == ["0", "1", "2", "3", "4"]


def test_what_fails_in_a_fifo_queue_keeps_its_group_waiting(account: LocalAccount, function: str) -> None:
    url = account.client("sqs").create_queue(QueueName="q.fifo", Attributes={"FifoQueue": "true"})["QueueUrl"]
    for text in ("poison", "behind it"):
        account.client("sqs").send_message(
            QueueUrl=url, MessageBody=text, MessageGroupId="g", MessageDeduplicationId=text
        )
    account.client("lambda").create_event_source_mapping(
        EventSourceArn=f"{QUEUE}.fifo", FunctionName="f", BatchSize=1
    )
    assert [body for _, _, body in bodies(account)] == ["poison"] * 3
