"""The acts of the demo about a Kinesis stream that nobody keeps a copy of."""

import gzip
import json
import os
import shlex
import subprocess
import sys
from collections.abc import Iterator, Sequence
from datetime import UTC, datetime
from typing import Any, Final

from botocore.exceptions import ClientError

from cli import tally
from cli.tally import Tally
from local.account import DEVELOPER
from local.demo import Demo
from local.deploy import ROOT

UNBACKED: Final = "unbacked"
OPT_OUT: Final = {"stackwarden:backup": "none", "stackwarden:backup-reason": "holds what a restore brings"}
"""Tags of a stream whose owner wants no copy."""
RECORDS: Final = 1200
_NAME, _AGAIN, _STACK, _IN_STACK = "clicks", "clicks-again", "traffic", "visits"
_UNPROTECTED: Final = "unprotected"
"""The hazard of `data-deletion`, which looks at each new stream, too."""
_WORKFLOW_SECONDS: Final = 0.05
"""How long a second takes that a workflow waits: nobody has to see Stackwarden wait for Firehose."""
_STEP_DELAY: Final = 0.3
_BATCH: Final = 500


def template(stream: str, **properties: Any) -> str:
    """Return the developer's template: one stream, and nothing that copies it."""
    resource = {
        "Type": "AWS::Kinesis::Stream",
        "Properties": {"Name": stream, "ShardCount": 1, **properties},
    }
    return json.dumps({"Resources": {"Stream": resource}})


def records(count: int, mark: str = "click") -> list[bytes]:
    """Return records that all differ."""
    return [json.dumps({mark: number, "page": f"/{number % 7}"}).encode() for number in range(count)]


def put(kinesis: Any, stream: str, data: Sequence[bytes]) -> Tally:
    """Put records into a stream; what they add up to."""
    entries = [{"Data": each, "PartitionKey": str(number)} for number, each in enumerate(data)]
    for begin in range(0, len(entries), _BATCH):
        kinesis.put_records(StreamName=stream, Records=entries[begin : begin + _BATCH])
    return total(data)


def total(data: Sequence[bytes]) -> Tally:
    """Return what records add up to."""
    return sum(map(tally.of, data), Tally())


def delivered(s3: Any, bucket: str, prefix: str) -> list[bytes]:
    """Return the records in the GZIP objects of a backup, one a line."""
    return [record for key in objects(s3, bucket, prefix) for record in _lines(s3, bucket, key)]


def objects(s3: Any, bucket: str, prefix: str) -> list[str]:
    """Return the keys of a backup's objects."""
    pages = s3.get_paginator("list_objects_v2").paginate(Bucket=bucket, Prefix=prefix)
    return [entry["Key"] for page in pages for entry in page.get("Contents", [])]


def _lines(s3: Any, bucket: str, key: str) -> list[bytes]:
    content: bytes = s3.get_object(Bucket=bucket, Key=key)["Body"].read()
    return gzip.decompress(content).splitlines()


def in_stream(kinesis: Any, stream: str) -> Iterator[bytes]:
    """Yield the records of a stream, shard by shard."""
    for shard in kinesis.list_shards(StreamName=stream)["Shards"]:
        iterator = kinesis.get_shard_iterator(
            StreamName=stream, ShardId=shard["ShardId"], ShardIteratorType="TRIM_HORIZON"
        )["ShardIterator"]
        while found := (answer := kinesis.get_records(ShardIterator=iterator))["Records"]:
            yield from (record["Data"] for record in found)
            iterator = answer["NextShardIterator"]


def restoring(fix: str) -> list[str]:
    """Return the arguments of the command that a report gives to restore its stream."""
    line = next((line for line in fix.splitlines() if "restore-stream" in line), "")
    return shlex.split(line)[1:]


def restore(endpoint: str, arguments: list[str], *more: str) -> str:
    """Run a report's command, its end being now; what it prints."""
    now = datetime.now(UTC).strftime("%Y-%m-%dT%H:%M:%SZ")
    inherited = {key: value for key, value in os.environ.items() if not key.startswith("AWS_")}
    credentials = {"AWS_ACCESS_KEY_ID": DEVELOPER, "AWS_SECRET_ACCESS_KEY": "local"}
    done = subprocess.run(  # noqa: S603  # our own command, with arguments of our own report
        [
            sys.executable,
            *(now if argument == "END" else argument for argument in arguments),
            *("--endpoint-url", endpoint, *more),
        ],
        cwd=ROOT,
        env={**inherited, **credentials},
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        check=False,
    )
    return done.stdout.strip()


def _told(report: dict[str, Any]) -> bool:
    """Whether a report says from when its stream is copied, what that costs, and how to restore it."""
    evidence = (report.get("finding") or {}).get("evidence", {})
    return bool(evidence.get("backup", {}).get("since") and evidence.get("cost") and _command(report))


def _command(report: dict[str, Any]) -> list[str]:
    return restoring(str((report.get("finding") or {}).get("fix")))


def _bucket(demo: Demo) -> str:
    return demo.outputs["BackupBucketArn"].split(":")[-1]


def _prefix(demo: Demo, stream: str) -> str:
    return f"kinesis/{demo.account.account_id}/{demo.account.region}/{stream}/"


def _backup(demo: Demo) -> str | None:
    """The delivery stream that copies the stream, once it does; None: there is none."""
    firehose = demo.client("firehose")
    try:
        for name in firehose.list_delivery_streams(Limit=100)["DeliveryStreamNames"]:
            found = firehose.describe_delivery_stream(DeliveryStreamName=name)["DeliveryStreamDescription"]
            source = found.get("Source", {}).get("KinesisStreamSourceDescription", {})
            copies = source.get("KinesisStreamARN", "").endswith(f"/{_NAME}")
            if copies and found["DeliveryStreamStatus"] == "ACTIVE":
                return str(name)
    except ClientError:  # five calls a second, and Stackwarden makes some
        return None
    return None


def _says(demo: Demo, who: str, what: Tally) -> None:
    demo.console.print(f"  {who:<28}{what}")


def copied(demo: Demo) -> None:
    """Each new stream is copied to S3 from its first seconds on."""
    demo.begin(
        "13 copied",
        "The developer makes a Kinesis stream, another one in a stack, and never thinks of a copy.",
    )
    demo.account.workflow_seconds, demo.account.step_delay = _WORKFLOW_SECONDS, _STEP_DELAY
    kinesis, cloudformation = demo.client("kinesis"), demo.client("cloudformation")
    on_demand = {"StreamMode": "ON_DEMAND"}
    demo.attempt(
        f'kinesis.create_stream(StreamName="{_NAME}", …)',
        lambda: kinesis.create_stream(StreamName=_NAME, StreamModeDetails=on_demand),
    )
    report = demo.message("one report: it has a copy now", resource=_NAME, hazard=UNBACKED)
    demo.promise("it says from when, for how much, and how to restore", lambda: _told(report))
    demo.attempt(
        f'cloudformation.create_stack(StackName="{_STACK}", …)',
        lambda: cloudformation.create_stack(StackName=_STACK, TemplateBody=template(_IN_STACK)),
    )
    demo.message("one report about the stream in the stack", resource=_IN_STACK, hazard=UNBACKED)
    given = total(records(RECORDS))
    demo.attempt(
        f'kinesis.put_records(StreamName="{_NAME}", …)  # {RECORDS:,} records',
        lambda: put(kinesis, _NAME, records(RECORDS)),
    )

    def arrived() -> Tally:
        return total(delivered(demo.client("s3"), _bucket(demo), _prefix(demo, _NAME)))

    demo.promise("all of them are in GZIP objects in the bucket", lambda: arrived() == given)
    _says(demo, f"put into {_NAME}:", given)
    _says(demo, "in the bucket:", arrived())
    demo.no_message("not one report more, but that streams cannot be protected", hazard=_UNPROTECTED)
    _restored(demo, _command(report), given)


def _restored(demo: Demo, command: list[str], given: Tally) -> None:
    """What is in the copy comes back into a stream, with the command of the report."""
    demo.begin(
        "14 restored",
        "The records are wanted again. The developer makes a stream for them that needs no copy, says why, "
        "and runs the command of the report.",
    )
    kinesis = demo.client("kinesis")
    demo.attempt(
        f'kinesis.create_stream(StreamName="{_AGAIN}", Tags={json.dumps(OPT_OUT)}, …)',
        lambda: kinesis.create_stream(StreamName=_AGAIN, ShardCount=2, Tags=OPT_OUT),
    )
    demo.message("one report: no copy, and why", resource=_AGAIN, hazard=UNBACKED, outcome="exempt")
    arguments = [_AGAIN if argument == "STREAM" else argument for argument in command]
    state = ("--state", str(demo.account.folder / "restore.json"))
    printed = demo.attempt(
        f"$ {shlex.join(['python', *arguments])}",
        lambda: restore(demo.account.endpoint, arguments, *state),
    )
    demo.console.print(f"  {printed.splitlines()[-1]}" if printed else "  nothing was printed")

    def back() -> Tally:
        return total(list(in_stream(kinesis, _AGAIN)))

    demo.promise(f"the same records are in {_AGAIN}", lambda: back() == given)
    _says(demo, f"put into {_NAME}:", given)
    _says(demo, f"in {_AGAIN}:", back())
    demo.no_message("not one report more, but that streams cannot be protected", hazard=_UNPROTECTED)


def uncopied(demo: Demo) -> None:
    """A copy that somebody deletes comes back, and the report says who it was."""
    demo.begin("15 deleted", "The developer cleans up, and takes the Firehose for a leftover.")
    name = _backup(demo) or ""
    demo.attempt(
        f'firehose.delete_delivery_stream(DeliveryStreamName="{name}")',
        lambda: demo.client("firehose").delete_delivery_stream(DeliveryStreamName=name),
    )
    report = demo.message("one report: it has a copy again", resource=_NAME, hazard=UNBACKED)
    demo.promise("the Firehose is back", lambda: _backup(demo) == name)
    actor = str(((report.get("finding") or {}).get("actor") or {}).get("arn"))
    demo.promise("the report says who it was", lambda: actor.endswith(f"user/{DEVELOPER}"))
    demo.no_message("not one report more, but that streams cannot be protected", hazard=_UNPROTECTED)


STREAM_ACTS: Final = (copied, uncopied)
