"""`python -m cli restore-stream` against the S3, Kinesis and Firehose of moto."""

import json
import os
import subprocess
import sys
from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import TYPE_CHECKING, Any, cast

import pytest

from cli import restore_run, tally
from cli.__main__ import main
from cli.batches import MAX_RECORDS
from cli.problems import Stopped
from cli.restore_options import Options
from cli.restore_run import Clients
from cli.tally import Tally
from tests import moto_server
from tests.restore_backup import BACKED_UP, EXPECTED, OBJECTS, content_of, fill, in_stream
from tests.restore_fakes import BUCKET, PREFIX, START, key_at

if TYPE_CHECKING:
    from mypy_boto3_kinesis import KinesisClient


@pytest.fixture(scope="module")
def endpoint() -> Iterator[str]:
    with moto_server.serve() as address:
        yield address


@pytest.fixture
def options(endpoint: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Options:
    """A restore of an hour with OBJECTS objects in it, and a stream to restore to."""
    for name, value in {"AWS_ACCESS_KEY_ID": "testing", "AWS_SECRET_ACCESS_KEY": "testing"}.items():
        monkeypatch.setenv(name, value)
    for name in ("AWS_PROFILE", "AWS_REGION", "AWS_DEFAULT_REGION"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.chdir(tmp_path)
    moto_server.reset(endpoint)
    made = Options(
        bucket=BUCKET,
        prefix=PREFIX,
        start=START,
        end=START + timedelta(hours=1),
        to_stream="again",
        region="us-east-1",
        delimiter="newline",
        compression="gzip",
        partition_key="json:customer",
        margin=900,
        state=None,
        dry_run=False,
        keep_going=False,
        yes=False,
        endpoint_url=endpoint,
    )
    fill(restore_run.connect(made))
    return made


def arguments(options: Options, *more: str) -> list[str]:
    """The command line for these options."""
    given: dict[str, str | None] = {
        "--bucket": options.bucket,
        "--prefix": options.prefix,
        "--from": options.start.isoformat(),
        "--to": options.end.isoformat(),
        "--to-stream": options.to_stream,
        "--region": options.region,
        "--partition-key": options.partition_key,
        "--endpoint-url": options.endpoint_url,
    }
    return [
        "restore-stream",
        *(part for name, value in given.items() if value for part in (name, value)),
        *more,
    ]


@dataclass(frozen=True)
class Ended:
    """How a command ended; white space of `stderr` is evened out, as the width of a terminal decides it."""

    exit_code: int
    stdout: str
    stderr: str


type Invoke = Callable[..., Ended]


@pytest.fixture
def invoke(capsys: pytest.CaptureFixture[str]) -> Invoke:
    """Runs the command in this process."""

    def invoke(options: Options, *more: str) -> Ended:
        with pytest.raises(SystemExit) as end:
            main(arguments(options, *more), prog_name="python -m cli")
        told = capsys.readouterr()
        return Ended(cast(int, end.value.code), told.out, " ".join(told.err.split()))

    return invoke


def test_what_is_restored_is_what_was_backed_up(options: Options, invoke: Invoke) -> None:
    counted = invoke(options, "--dry-run")
    assert (counted.exit_code, list(Path().iterdir())) == (0, [])
    done = invoke(options)
    kinesis = restore_run.connect(options).kinesis
    restored = in_stream(kinesis, "again")
    assert done.exit_code == 0
    assert sum((tally.of(record) for record in restored), Tally()) == EXPECTED
    assert f"Restored to again: {EXPECTED}" in done.stdout
    assert f"{OBJECTS} objects" in counted.stdout
    assert str(EXPECTED) in counted.stdout


def test_records_of_one_partition_key_are_restored_in_order(options: Options, invoke: Invoke) -> None:
    invoke(options)
    orders = [json.loads(record) for record in in_stream(restore_run.connect(options).kinesis, "again")]
    for customer in {order["customer"] for order in orders}:
        mine = [order["order"] for order in orders if order["customer"] == customer]
        assert mine == sorted(mine)


def test_the_same_command_once_more_puts_nothing(options: Options, invoke: Invoke) -> None:
    invoke(options)
    again = invoke(options)
    assert (again.exit_code, again.stdout.split(" (")[0]) == (0, "Already restored to again")
    assert len(in_stream(restore_run.connect(options).kinesis, "again")) == len(BACKED_UP)


class Unreliable:
    """A Kinesis that takes every other record of a first call, and is cut off after `calls`."""

    def __init__(self, kinesis: "KinesisClient", calls: int) -> None:
        self.kinesis = kinesis
        self.calls = calls

    def describe_stream_summary(self, **request: Any) -> Any:
        return self.kinesis.describe_stream_summary(**request)

    def put_records(self, StreamARN: str, Records: list[Any]) -> Any:
        self.calls -= 1
        if self.calls == 0:
            raise KeyboardInterrupt
        taken = Records[::2] if self.calls % 2 else Records
        results = self.kinesis.put_records(StreamARN=StreamARN, Records=taken)["Records"]
        refused = {"ErrorCode": "ProvisionedThroughputExceededException", "ErrorMessage": "slow down"}
        if len(taken) == len(Records):
            return {"Records": results}
        return {"Records": [results[n // 2] if n % 2 == 0 else refused for n in range(len(Records))]}


def test_an_interrupted_restore_with_partial_failures_is_finished_by_the_same_command(
    options: Options, invoke: Invoke
) -> None:
    def cut_off(given: Options) -> Clients:
        clients = restore_run.connect(given)
        return replace(clients, kinesis=cast("KinesisClient", Unreliable(clients.kinesis, calls=6)))

    with pytest.raises(Stopped, match="Go on with the same command:\nthe command"):
        restore_run.run(options, "the command", cut_off)
    kinesis = restore_run.connect(options).kinesis
    assert 0 < len(in_stream(kinesis, "again")) < len(BACKED_UP)
    done = invoke(options)
    restored = in_stream(kinesis, "again")
    assert done.exit_code == 0
    assert f"Restored to again: {EXPECTED}" in done.stdout
    assert set(restored) == set(BACKED_UP)
    assert 0 < len(restored) - len(BACKED_UP) <= MAX_RECORDS


def test_the_command_that_goes_on_is_printed(options: Options, invoke: Invoke) -> None:
    s3 = restore_run.connect(options).s3
    key = key_at(START + timedelta(minutes=30), 3)
    s3.put_object(Bucket=BUCKET, Key=key, Body=content_of(3)[:-20])
    failed = invoke(options)
    assert failed.exit_code == 1
    assert f"{key}: not sound GZIP" in failed.stderr
    assert "python -m cli restore-stream --bucket backup --prefix orders/ --from" in failed.stderr
    went_on = invoke(options, "--keep-going")
    assert went_on.exit_code == 1
    assert in_stream(restore_run.connect(options).kinesis, "again")


def test_the_source_of_the_backup_is_only_fed_when_told(options: Options, invoke: Invoke) -> None:
    back = replace(options, to_stream="orders")
    refused = invoke(back)
    assert (refused.exit_code, "--yes" in refused.stderr) == (2, True)
    kinesis = restore_run.connect(options).kinesis
    assert in_stream(kinesis, "orders") == []
    assert invoke(back, "--yes").exit_code == 0
    assert len(in_stream(kinesis, "orders")) == len(BACKED_UP)


@pytest.mark.parametrize(
    ("more", "option", "reason"),
    [
        (["--to", "2026-10-05T09:00:00Z"], "--to", "not after --from"),
        (["--from", "2026-10-05T10:00:00"], "--from", "no time zone"),
        (["--from", "yesterday"], "--from", "no ISO 8601 time"),
        (["--bucket", "missing"], "--bucket", "there is no bucket"),
        (["--bucket", "no bucket!"], "--bucket", "no name of a bucket"),
        (["--to-stream", "missing"], "--to-stream", "there is no stream"),
        (["--to-stream", "no stream!"], "--to-stream", "stream"),
        (["--prefix", "sales/"], "--prefix", "has no object of a Firehose"),
        (["--partition-key", "json:"], "--partition-key", "neither random nor json:FIELD"),
        (["--delimiter", "tab"], "--delimiter", "not one of"),
        (["--margin", "-1"], "--margin", "range"),
        (["--endpoint-url", "nowhere"], "--endpoint-url", "nowhere"),
        (["--state", "damaged.json"], "--state", "damaged"),
    ],
)
def test_a_wrong_option_is_named_and_nothing_is_put(
    options: Options, invoke: Invoke, more: list[str], option: str, reason: str
) -> None:
    Path("damaged.json").write_text('{"version": 1, "param')
    wrong = invoke(options, *more)
    assert wrong.exit_code == 2
    assert f"Invalid value for '{option}': " in wrong.stderr
    assert reason in wrong.stderr
    assert in_stream(restore_run.connect(options).kinesis, "again") == []


def test_without_a_region_the_option_is_named(options: Options, invoke: Invoke) -> None:
    wrong = invoke(replace(options, region=None))
    assert (wrong.exit_code, "--region" in wrong.stderr) == (2, True)


def test_a_state_file_of_other_options_is_refused(options: Options, invoke: Invoke) -> None:
    invoke(options, "--state", "mine.json")
    wrong = invoke(options, "--state", "mine.json", "--margin", "60")
    assert wrong.exit_code == 2
    assert "--margin was '900', now it is '60'" in wrong.stderr


def test_a_window_that_ends_just_now_may_not_be_complete(options: Options, invoke: Invoke) -> None:
    done = invoke(options, "--to", (datetime.now(UTC) + timedelta(minutes=1)).isoformat())
    assert done.exit_code == 0
    assert "may still hold records" in done.stderr


def test_it_runs_as_a_command(options: Options) -> None:
    command = [sys.executable, "-m", "cli", *arguments(options, "--dry-run")]
    root = Path(__file__).parents[2]
    done = subprocess.run(  # noqa: S603 - our own command
        command, cwd=root, env={**os.environ, "PYTHONPATH": str(root)}, capture_output=True, text=True
    )
    assert (done.returncode, str(EXPECTED) in done.stdout) == (0, True)
