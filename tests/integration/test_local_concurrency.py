"""Reserved concurrency: what the account lets a function reserve, and how it holds the function."""

import json
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from botocore.exceptions import ClientError

from local.account import LocalAccount
from tests.integration.conftest import zipped

type Deploy = Callable[..., str]

BELOW = (
    "Specified ReservedConcurrentExecutions for function decreases account's "
    "UnreservedConcurrentExecution below its minimum value of [{}]."
)
# Says that it runs, then waits for leave to end.
HOLDS = """
import os, time, uuid
def handler(event, context):
    open(os.path.join(event["folder"], uuid.uuid4().hex), "w").close()
    while not os.path.exists(os.path.join(event["folder"], "leave")):
        time.sleep(0.01)
"""
RAISES = "def handler(event, context): raise ValueError('asked for')"


@pytest.fixture
def deploy(account: LocalAccount, role_arn: str) -> Deploy:
    def create(name: str, source: str = HOLDS, **settings: Any) -> str:
        arn: str = account.client("lambda").create_function(
            FunctionName=name,
            Role=role_arn,
            Runtime="python3.13",
            Handler="app.handler",
            Timeout=30,
            Code={"ZipFile": zipped(app=source)},
            **settings,
        )["FunctionArn"]
        return arn

    return create


def reserve(account: LocalAccount, name: str, reserved: int) -> None:
    account.client("lambda").put_function_concurrency(
        FunctionName=name, ReservedConcurrentExecutions=reserved
    )


def refusal(account: LocalAccount, name: str, reserved: int) -> str:
    with pytest.raises(ClientError) as refused:
        reserve(account, name, reserved)
    assert refused.value.response["Error"]["Code"] == "InvalidParameterValueException"
    return str(refused.value.response["Error"]["Message"])


def limits(account: LocalAccount) -> tuple[int, int]:
    told = account.client("lambda").get_account_settings()["AccountLimit"]
    return told["ConcurrentExecutions"], told["UnreservedConcurrentExecutions"]


def test_functions_may_reserve_all_but_a_hundred(account: LocalAccount, deploy: Deploy) -> None:
    deploy("a")
    deploy("b")
    reserve(account, "a", 600)
    assert refusal(account, "b", 301) == BELOW.format(100)
    reserve(account, "b", 300)
    reserve(account, "a", 10)
    reserve(account, "b", 890)
    assert limits(account) == (1000, 100)
    assert account.client("lambda").get_account_settings()["AccountUsage"]["FunctionCount"] == 2


def test_a_new_account_can_reserve_nothing_but_zero(account: LocalAccount, deploy: Deploy) -> None:
    account.concurrency_limit = 10
    deploy("a")
    assert refusal(account, "a", 1) == BELOW.format(10)
    reserve(account, "a", 0)
    assert limits(account) == (10, 10)


def test_the_limit_of_an_account_can_be_chosen() -> None:
    with LocalAccount(concurrency_limit=50) as account:
        assert limits(account) == (50, 50)


def test_what_is_reserved_is_told_zero_too(account: LocalAccount, deploy: Deploy) -> None:
    functions = account.client("lambda")
    deploy("a")
    assert "ReservedConcurrentExecutions" not in functions.get_function_concurrency(FunctionName="a")
    assert "Concurrency" not in functions.get_function(FunctionName="a")
    reserve(account, "a", 0)
    assert functions.get_function_concurrency(FunctionName="a")["ReservedConcurrentExecutions"] == 0
    assert functions.get_function(FunctionName="a")["Concurrency"] == {"ReservedConcurrentExecutions": 0}
    functions.delete_function_concurrency(FunctionName="a")
    assert "ReservedConcurrentExecutions" not in functions.get_function_concurrency(FunctionName="a")


def invoke(account: LocalAccount, name: str, folder: Path) -> str:
    """The error's code; empty if there is none."""
    try:
        account.client("lambda").invoke(FunctionName=name, Payload=json.dumps({"folder": str(folder)}))
    except ClientError as error:
        return str(error.response["Error"]["Code"])
    return ""


@contextmanager
def held(account: LocalAccount, name: str, folder: Path, count: int) -> Iterator[None]:
    """So many invocations of a function run meanwhile, and succeed."""
    with ThreadPoolExecutor(count) as pool:
        outcomes = [pool.submit(invoke, account, name, folder) for _ in range(count)]
        while len(list(folder.iterdir())) < count and not any(it.done() for it in outcomes):
            account.background.pause(0.01)
        yield
        (folder / "leave").touch()
    assert [it.result() for it in outcomes] == [""] * count


def test_beyond_what_is_reserved_invocations_are_throttled(
    account: LocalAccount, deploy: Deploy, tmp_path: Path
) -> None:
    deploy("a")
    reserve(account, "a", 2)
    with held(account, "a", tmp_path, 2):
        assert invoke(account, "a", tmp_path) == "TooManyRequestsException"
    assert invoke(account, "a", tmp_path) == ""
    assert metric(account, "a", "Throttles", "Sum") == 1
    assert metric(account, "a", "ConcurrentExecutions", "Maximum") == 2


def test_without_a_reservation_eight_run_at_once(
    account: LocalAccount, deploy: Deploy, tmp_path: Path
) -> None:
    deploy("a")
    with held(account, "a", tmp_path, 8):
        pass
    assert metric(account, "a", "ConcurrentExecutions", "Maximum") == 8


def test_versions_and_aliases_share_what_is_reserved(
    account: LocalAccount, deploy: Deploy, tmp_path: Path
) -> None:
    deploy("a")
    functions = account.client("lambda")
    version = functions.publish_version(FunctionName="a")["Version"]
    functions.create_alias(FunctionName="a", Name="live", FunctionVersion=version)
    reserve(account, "a", 1)
    with held(account, "a:live", tmp_path, 1):
        for name in ("a", f"a:{version}", "a:live"):
            assert invoke(account, name, tmp_path) == "TooManyRequestsException"


def test_asynchronous_invocations_wait_for_their_turn(
    account: LocalAccount, deploy: Deploy, tmp_path: Path
) -> None:
    deploy("a")
    reserve(account, "a", 1)
    account.retry_delay = 0.1
    for _ in range(3):
        account.client("lambda").invoke(
            FunctionName="a", InvocationType="Event", Payload=json.dumps({"folder": str(tmp_path)})
        )
    while metric(account, "a", "Throttles", "Sum") == 0:
        account.background.pause(0.01)
    (tmp_path / "leave").touch()
    account.drain()
    assert metric(account, "a", "Invocations", "Sum") == 3
    assert metric(account, "a", "ConcurrentExecutions", "Maximum") == 1


def test_zero_stops_a_function(account: LocalAccount, deploy: Deploy, tmp_path: Path) -> None:
    deploy("a")
    reserve(account, "a", 0)
    assert invoke(account, "a", tmp_path) == "TooManyRequestsException"
    assert metric(account, "a", "Invocations", "Sum") == 0


def metric(account: LocalAccount, function: str, name: str, stat: str) -> float:
    """One number over the last minutes."""
    now = datetime.now(UTC)
    query = {
        "Id": "m",
        "MetricStat": {
            "Metric": {
                "Namespace": "AWS/Lambda",
                "MetricName": name,
                "Dimensions": [{"Name": "FunctionName", "Value": function}],
            },
            "Period": 3600,
            "Stat": stat,
        },
    }
    [result] = account.client("cloudwatch").get_metric_data(
        MetricDataQueries=[query],
        StartTime=now - timedelta(minutes=10),
        EndTime=now + timedelta(seconds=5),
    )["MetricDataResults"]
    return float(sum(result["Values"]))


def test_invocations_are_counted(account: LocalAccount, deploy: Deploy) -> None:
    deploy("raises", RAISES)
    for _ in range(2):
        account.client("lambda").invoke(FunctionName="raises")
    assert metric(account, "raises", "Invocations", "Sum") == 2
    assert metric(account, "raises", "Errors", "Sum") == 2
    assert metric(account, "raises", "Duration", "Minimum") > 0


def test_a_metric_can_be_put_where_nobody_here_can_cause_it(account: LocalAccount) -> None:
    account.client("cloudwatch").put_metric_data(
        Namespace="AWS/Lambda",
        MetricData=[
            {
                "MetricName": "RecursiveInvocationsDropped",
                "Dimensions": [{"Name": "FunctionName", "Value": "a"}],
                "Value": 3,
            }
        ],
    )
    assert metric(account, "a", "RecursiveInvocationsDropped", "Sum") == 3


def test_a_function_deleted_meanwhile_loses_its_events(account: LocalAccount, deploy: Deploy) -> None:
    deploy("a")
    reserve(account, "a", 0)
    account.retry_delay = 0.2
    account.client("lambda").invoke(FunctionName="a", InvocationType="Event", Payload=b"{}")
    account.client("lambda").delete_function(FunctionName="a")
    account.drain(5)
