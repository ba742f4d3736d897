"""`make demo`: a careless developer meets Stackwarden, in the local account.

Everything is real but AWS: the built template, its functions in Lambda's runtime emulator, its rules, its
workflow. The developer uses plain boto3. Each act promises something; what was not seen makes the demo fail.
"""

import json
import logging
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import Any, Final

from botocore.exceptions import ClientError
from rich.console import Console
from rich.panel import Panel
from rich.table import Table
from rich.text import Text

from local.account import LocalAccount
from local.deploy import build, deploy

PATIENCE: Final = 40.0
"""Seconds to wait for what Stackwarden promises before calling it broken."""
STEP_DELAY: Final = 1.5
"""Seconds that CloudFormation takes for each resource; on AWS it takes longer."""
RACE_STEP_DELAY: Final = 4.0
"""The same for the rescue: two cores start five cold functions at once there, AWS has a computer for each."""


@dataclass(frozen=True)
class Promise:
    """One thing that Stackwarden promises in an act, and whether it was seen."""

    act: str
    text: str
    kept: bool
    milliseconds: float | None


@dataclass
class Demo:
    """The stage: the account, the developer's clients and what the security team receives."""

    account: LocalAccount
    outputs: dict[str, str]
    console: Console
    promises: list[Promise] = field(default_factory=list)
    act: str = ""
    called_at: float = 0.0
    reports: list[dict[str, Any]] = field(default_factory=list)
    queue: str = ""
    uncapped: int = 0
    """Invocations of a loop that nobody capped."""

    def client(self, service: str) -> Any:
        """Return a client of the developer."""
        return self.account.client(service)

    def begin(self, act: str, text: str) -> None:
        """Announce an act."""
        self.act = act
        self.console.rule(f"[bold]{act}", align="left")
        self.console.print(text)

    def attempt(self, code: str, call: Callable[[], Any]) -> Any:
        """Let the developer make a call, shown as code; a refusal by AWS is shown and returned."""
        self.console.print(Text(f"  >>> {code}", style="cyan"))
        self.called_at = time.monotonic()
        try:
            return call()
        except ClientError as error:
            self.console.print(Text(f"      {error}", style="red"))
            return error

    def promise(self, text: str, seen: Callable[[], bool]) -> None:
        """Wait until a promise is seen to be kept; note how long after the last call that was."""
        with self.console.status(f"waiting: {text}"):
            kept = _wait(seen)
        elapsed = (time.monotonic() - self.called_at) * 1000 if kept else None
        self.promises.append(Promise(self.act, text, kept, elapsed))
        mark = Text("  kept  ", style="green") if kept else Text("  BROKEN  ", style="bold red")
        self.console.print(
            mark.append(text, style="default").append(f"  {elapsed:,.0f} ms" if elapsed else "")
        )

    def message(self, guard_says: str, **wanted: str) -> dict[str, Any]:
        """Wait for the report with these values in its finding (or this outcome), and show its e-mail."""
        found: dict[str, Any] = {}

        def arrived() -> bool:
            self._receive()
            found.update(next((r for r in self.reports if _matches(r, wanted)), {}))
            return bool(found)

        self.promise(guard_says, arrived)
        if found:
            self.reports.remove(found)
            self._show_mail(found["finding"]["id"])
        return found

    def no_message(self, text: str, **allowed: str) -> None:
        """Promise that nothing more is reported once all is at rest, except what has the allowed values."""
        self.account.drain(PATIENCE)
        self._receive()
        unexpected = [report for report in self.reports if not (allowed and _matches(report, allowed))]
        self.promises.append(Promise(self.act, text, not unexpected, None))
        for report in unexpected:
            self.console.print(Text(f"  BROKEN  unexpected: {json.dumps(report)}", style="bold red"))
        self.reports.clear()
        self.account.mailbox.clear()

    def _receive(self) -> None:
        sqs = self.client("sqs")
        while messages := sqs.receive_message(QueueUrl=self.queue, MaxNumberOfMessages=10).get("Messages"):
            for message in messages:
                self.reports.append(json.loads(json.loads(message["Body"])["Message"]))
                sqs.delete_message(QueueUrl=self.queue, ReceiptHandle=message["ReceiptHandle"])

    def _show_mail(self, finding: str) -> None:
        for mail in list(self.account.mailbox):
            if finding in mail.body:
                self.account.mailbox.remove(mail)
                self.console.print(
                    Panel(Text(mail.body.rstrip()), title=Text(mail.subject), title_align="left")
                )


def _matches(report: dict[str, Any], wanted: dict[str, str]) -> bool:
    finding = report["finding"]
    values = {
        "outcome": report["outcome"],
        "hazard": finding["hazard"],
        "resource": finding["resource"]["name"],
    }
    return all(values[key] == value for key, value in wanted.items())


def _wait(seen: Callable[[], bool]) -> bool:
    deadline = time.monotonic() + PATIENCE
    while time.monotonic() < deadline:
        if seen():
            return True
        time.sleep(0.02)
    return False


@contextmanager
def stage(console: Console) -> Iterator[Demo]:
    """Build, start the account, put into it what is older than Stackwarden, deploy, subscribe."""
    from local.demo_loop import CAP, run_away

    with console.status("sam build"):
        build()
    with LocalAccount(step_delay=STEP_DELAY) as account:
        with console.status("sam deploy into the local account"):
            _old_table(account)
            uncapped = run_away(account)
            outputs = deploy(account, mode="enforce", environment="prod", S3RecursionConcurrencyCap=str(CAP))
        console.print(f"Stackwarden is deployed at {account.endpoint} (stack stackwarden, mode enforce).")
        demo = Demo(account, outputs, console, uncapped=uncapped)
        sns, sqs = demo.client("sns"), demo.client("sqs")
        topic = outputs["ReportsTopicArn"]
        demo.queue = sqs.create_queue(QueueName="security-team")["QueueUrl"]
        arn = sqs.get_queue_attributes(QueueUrl=demo.queue, AttributeNames=["QueueArn"])["Attributes"][
            "QueueArn"
        ]
        sqs.set_queue_attributes(QueueUrl=demo.queue, Attributes={"Policy": _queue_policy(arn, topic)})
        sns.subscribe(TopicArn=topic, Protocol="sqs", Endpoint=arn)
        sns.subscribe(TopicArn=topic, Protocol="email", Endpoint="security@example.com")
        yield demo


def main() -> int:
    """Play all acts; exit status 1 when a promise was broken."""
    from local.demo_acts import ACTS
    from local.demo_alias import ALIAS_ACTS
    from local.demo_loop import LOOP_ACTS
    from local.demo_stream import STREAM_ACTS

    logging.getLogger("local").setLevel(logging.ERROR)  # a throttled loop loses invocations: that is the act
    console = Console(highlight=False, width=None if sys.stdout.isatty() else 120)
    begun = time.monotonic()
    with stage(console) as demo:
        for act in (*ACTS, *LOOP_ACTS, *ALIAS_ACTS, *STREAM_ACTS):
            act(demo)
    console.rule("[bold]What was promised", align="left")
    console.print(_table(demo.promises))
    broken = [promise for promise in demo.promises if not promise.kept]
    elapsed = time.monotonic() - begun
    console.print(
        f"{len(demo.promises) - len(broken)} of {len(demo.promises)} promises kept, in {elapsed:.0f} s."
    )
    return 1 if broken else 0


def _table(promises: list[Promise]) -> Table:
    table = Table("Act", "Promise", "Kept", "after the call")
    for promise in promises:
        elapsed = f"{promise.milliseconds:,.0f} ms" if promise.milliseconds else ""
        kept = Text("yes", style="green") if promise.kept else Text("NO", style="bold red")
        table.add_row(promise.act, promise.text, kept, Text(elapsed, justify="right"))
    return table


def _old_table(account: LocalAccount) -> None:
    """Make a table before Stackwarden exists: unprotected, though its owner keeps continuous backups."""
    dynamodb = account.client("dynamodb")
    dynamodb.create_table(TableName="legacy", **table_properties())
    _wait(lambda: dynamodb.describe_table(TableName="legacy")["Table"]["TableStatus"] == "ACTIVE")
    dynamodb.put_item(TableName="legacy", Item={"id": {"S": "1"}})
    dynamodb.update_continuous_backups(
        TableName="legacy", PointInTimeRecoverySpecification={"PointInTimeRecoveryEnabled": True}
    )


def _queue_policy(queue: str, topic: str) -> str:
    statement = {
        "Effect": "Allow",
        "Principal": {"Service": "sns.amazonaws.com"},
        "Action": "sqs:SendMessage",
        "Resource": queue,
        "Condition": {"ArnEquals": {"aws:SourceArn": topic}},
    }
    return json.dumps({"Version": "2012-10-17", "Statement": [statement]})


def table_properties() -> dict[str, Any]:
    """Return what a table of the careless developer has: no protection at all."""
    return {
        "BillingMode": "PAY_PER_REQUEST",
        "AttributeDefinitions": [{"AttributeName": "id", "AttributeType": "S"}],
        "KeySchema": [{"AttributeName": "id", "KeyType": "HASH"}],
    }


def exemption(reason: str) -> str:
    """Return an exemption's JSON for the next week."""
    return json.dumps(
        {
            "requested_by": "developer@example.com",
            "approved_by": "security@example.com",
            "reason": reason,
            "until": (datetime.now(UTC) + timedelta(days=7)).date().isoformat(),
        }
    )


if __name__ == "__main__":
    sys.exit(main())
