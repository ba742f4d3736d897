"""The account as a whole: one address, one lifetime, nothing left behind."""

import json
import os
import socket
import threading

import pytest

from local.account import LocalAccount
from local.background import Background
from local.server import PortInUse
from tests.integration.conftest import ALLOW_EVERYTHING, role, zipped

NOTHING = json.dumps(
    {"Version": "2012-10-17", "Statement": [{"Effect": "Deny", "Action": "*", "Resource": "*"}]}
)


def test_any_service_answers_at_the_endpoint(account: LocalAccount) -> None:
    account.client("s3").create_bucket(Bucket="a-bucket")
    account.client("sqs").create_queue(QueueName="a-queue")

    assert [bucket["Name"] for bucket in account.client("s3").list_buckets()["Buckets"]] == ["a-bucket"]
    assert account.client("sqs").list_queues()["QueueUrls"] == [f"{account.endpoint}/123456789012/a-queue"]


def test_a_stopped_account_has_forgotten_everything() -> None:
    with LocalAccount() as first:
        first.client("sqs").create_queue(QueueName="a-queue")
    with LocalAccount() as second:
        assert "QueueUrls" not in second.client("sqs").list_queues()


def test_a_stopped_account_leaves_no_folder_no_variable_and_no_thread() -> None:
    threads, variables = set(threading.enumerate()), dict(os.environ)
    with LocalAccount() as account:
        folder = account.folder
        assert folder.exists()

    assert not folder.exists()
    assert dict(os.environ) == variables
    assert {
        thread.name for thread in set(threading.enumerate()) - threads if "process_request" not in thread.name
    } == set()


def test_stopping_ends_the_processes_of_functions() -> None:
    with LocalAccount() as account:
        role_arn = role(account, "everything", ALLOW_EVERYTHING)
        functions = account.client("lambda")
        functions.create_function(
            FunctionName="who",
            Role=role_arn,
            Runtime="python3.13",
            Handler="app.handler",
            Code={"ZipFile": zipped(app="import os\ndef handler(event, context): return os.getpid()")},
        )
        pid = json.load(functions.invoke(FunctionName="who")["Payload"])
        os.kill(pid, 0)
    with pytest.raises(ProcessLookupError):
        os.kill(pid, 0)


def test_a_port_in_use_is_one_clear_error() -> None:
    with socket.create_server(("127.0.0.1", 0)) as other:
        port = other.getsockname()[1]
        with pytest.raises(PortInUse, match=f"port {port} is in use by another program"):
            LocalAccount(port=port).start()


def test_after_a_port_in_use_another_account_starts() -> None:
    with socket.create_server(("127.0.0.1", 0)) as other, pytest.raises(PortInUse):
        LocalAccount(port=other.getsockname()[1]).start()
    with LocalAccount() as account:
        assert account.client("sts").get_caller_identity()["Account"] == "123456789012"


def test_two_accounts_at_once_are_refused(account: LocalAccount) -> None:
    with pytest.raises(RuntimeError, match="another LocalAccount is running"):
        LocalAccount().start()
    assert account.client("sts").get_caller_identity()["Account"] == "123456789012"


def test_the_account_id_and_region_can_be_chosen() -> None:
    with LocalAccount(account_id="111122223333", region="eu-central-1") as account:
        queue = account.client("sqs").create_queue(QueueName="a-queue")["QueueUrl"]
        attributes = account.client("sqs").get_queue_attributes(QueueUrl=queue, AttributeNames=["QueueArn"])
    assert attributes["Attributes"]["QueueArn"] == "arn:aws:sqs:eu-central-1:111122223333:a-queue"


def test_profiles_of_the_developer_have_no_effect(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("AWS_PROFILE", "production")
    with LocalAccount() as account:
        assert account.client("sts").get_caller_identity()["Account"] == "123456789012"
    assert os.environ["AWS_PROFILE"] == "production"


def test_an_access_key_of_twelve_digits_belongs_to_that_account(account: LocalAccount) -> None:
    account.client("sqs", access_key_id="999988887777").create_queue(QueueName="theirs")

    assert "QueueUrls" not in account.client("sqs").list_queues()
    identity = account.client("sts", access_key_id="999988887777").get_caller_identity()
    assert identity["Account"] == "999988887777"


def test_a_role_session_may_do_what_its_role_may(account: LocalAccount) -> None:
    arn = role(account, "powerless", NOTHING)
    client = account.roles.client(
        "sqs", role_arn=arn, session_name="s", region="us-east-1", principal="events.amazonaws.com"
    )
    with pytest.raises(client.exceptions.ClientError, match=r"AccessDenied.*powerless/s is not authorized"):
        client.create_queue(QueueName="a-queue")


def test_draining_waits_for_work_and_names_what_is_not_done() -> None:
    background, goes_on, done = Background(), threading.Event(), []

    def work() -> None:
        goes_on.wait()
        done.append(1)

    background.spawn(work)
    with pytest.raises(TimeoutError, match=r"work"):
        background.drain(0.01)
    goes_on.set()
    background.drain(5)
    assert done == [1]


def test_what_fails_in_the_background_is_kept() -> None:
    background = Background()

    def work() -> None:
        raise ValueError("visible")

    background.spawn(work)
    background.drain(5)
    assert [str(failure) for failure in background.failures] == ["visible"]


def test_halting_wakes_what_sleeps_and_starts_nothing_more() -> None:
    background = Background()
    started: list[int] = []
    background.spawn(background.pause, 60)
    background.halt()
    background.spawn(started.append, 1)
    background.drain(5)
    assert started == []
    assert background.failures == []
