"""A LocalAccount with Stackwarden in it, as developer and security team see it: AWS clients and reports."""

import fcntl
import json
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any, Final

from botocore.exceptions import ClientError

from local.account import LocalAccount
from local.deploy import ROOT, STACK, build, deploy
from local.eventbridge.service import publish
from local.sns import Email
from tests.e2e.stacks import table_properties

type Json = dict[str, Any]

DEADLINE: Final = 60.0
"""Seconds until a test gives up; nothing is asserted about how long things take."""
LONGEST_WORKFLOW: Final = 120.0
"""Seconds that a workflow may look again: for the backup of a deleted table, about 50."""
SECURITY: Final = "security@example.com"
LOG_GROUP: Final = f"/aws/lambda/{STACK}-data-deletion"
HEARD: Final = {
    "source": ["aws.cloudformation", "aws.dynamodb"],
    "detail-type": ["AWS API Call via CloudTrail", "CloudFormation Stack Status Change"],
}


def until[T](look: Callable[[], T | None], what: str, deadline: float = DEADLINE) -> T:
    """Look again and again until there is something; AssertionError says what never came."""
    end = time.monotonic() + deadline
    while not (seen := look()):
        assert time.monotonic() < end, f"not within {deadline:.0f} s: {what}"
        time.sleep(0.02)
    return seen


@contextmanager
def alone() -> Iterator[None]:
    """Nobody else builds, or deploys from, the one build folder meanwhile: not the other worker either."""
    folder = ROOT / ".local"
    folder.mkdir(exist_ok=True)
    with (folder / "e2e.lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        yield


@dataclass(frozen=True)
class Report:
    """One report in everything that it reached: the queue, the mailbox, the ledger."""

    document: Json
    attributes: dict[str, str]
    mail: Email
    ledger: Json

    @property
    def finding(self) -> Json:
        """The finding of the JSON document."""
        finding: Json = self.document["finding"]
        return finding

    @property
    def outcome(self) -> str:
        """How it ended."""
        return str(self.document["outcome"])

    @property
    def evidence(self) -> Json:
        """What was seen: the lists `saved`, `lost`, `verified` and more."""
        evidence: Json = self.finding["evidence"]
        return evidence

    @property
    def actor(self) -> str | None:
        """The ARN of who did it."""
        return self.finding["actor"]["arn"] if self.finding["actor"] else None

    def deeds(self, status: str = "done") -> set[tuple[str, str]]:
        """What Stackwarden did: kind and target of each action of this status."""
        return {
            (deed["kind"], deed["target"]) for deed in self.document["actions"] if deed["status"] == status
        }


@dataclass
class Guarded:
    """The account, and what has arrived at the security team without having been asked for yet."""

    account: LocalAccount
    outputs: dict[str, str]
    queue: str = ""
    heard_queue: str = ""
    unread: list[tuple[Json, dict[str, str]]] = field(default_factory=list)
    heard: list[Json] = field(default_factory=list)

    def client(self, service: str) -> Any:
        """Return a client of the developer."""
        return self.account.client(service)

    # ------------------------------------------------------------------------------ what was reported

    def subscribe(self) -> None:
        """Subscribe the security team, by queue and by e-mail, and record what happens on the event bus."""
        topic = self.outputs["ReportsTopicArn"]
        self.queue = self.subscribed_queue("security-team")
        self.client("sns").subscribe(TopicArn=topic, Protocol="email", Endpoint=SECURITY)
        rule = self.client("events").put_rule(Name="recorder", EventPattern=json.dumps(HEARD))["RuleArn"]
        self.heard_queue, arn = self._queue("heard", "events.amazonaws.com", rule)
        self.client("events").put_targets(Rule="recorder", Targets=[{"Id": "queue", "Arn": arn}])

    def subscribed_queue(self, name: str, **attributes: str) -> str:
        """Subscribe a new queue to the reports; its URL."""
        topic = self.outputs["ReportsTopicArn"]
        url, arn = self._queue(name, "sns.amazonaws.com", topic)
        self.client("sns").subscribe(TopicArn=topic, Protocol="sqs", Endpoint=arn, Attributes=attributes)
        return url

    def _queue(self, name: str, service: str, source: str) -> tuple[str, str]:
        sqs = self.client("sqs")
        url = sqs.create_queue(QueueName=name)["QueueUrl"]
        arn = sqs.get_queue_attributes(QueueUrl=url, AttributeNames=["QueueArn"])["Attributes"]["QueueArn"]
        statement = {
            "Effect": "Allow",
            "Principal": {"Service": service},
            "Action": "sqs:SendMessage",
            "Resource": arn,
            "Condition": {"ArnEquals": {"aws:SourceArn": source}},
        }
        policy = json.dumps({"Version": "2012-10-17", "Statement": [statement]})
        sqs.set_queue_attributes(QueueUrl=url, Attributes={"Policy": policy})
        return url, arn

    def messages(self, queue: str) -> Iterator[str]:
        """Take every message out of a queue; their bodies."""
        sqs = self.client("sqs")
        while received := sqs.receive_message(QueueUrl=queue, MaxNumberOfMessages=10).get("Messages"):
            for message in received:
                sqs.delete_message(QueueUrl=queue, ReceiptHandle=message["ReceiptHandle"])
                yield message["Body"]

    def report(self, resource: str, hazard: str) -> Report:
        """Wait for the report about a resource: queue, e-mail and ledger all say the same."""
        what = f"a report about {resource}: {hazard}"
        document, attributes = until(lambda: self._arrived(resource, hazard), what, LONGEST_WORKFLOW)
        finding, outcome = document["finding"], document["outcome"]
        mail = until(lambda: self._mail(finding["id"]), f"{what}, by e-mail")
        assert mail.to == SECURITY
        assert outcome.upper() in mail.subject
        ledger = self.ledger(finding["id"])
        assert ledger["outcome"] == outcome
        assert ledger["closed_at"]
        assert ledger["resource_arn"] == finding["resource"]["arn"]
        assert attributes == {
            "guard": "data-deletion",
            "outcome": outcome,
            "severity": finding["severity"],
            "mode": finding["mode"],
            "account": self.account.account_id,
            "environment": finding["environment"],
        }
        return Report(document, attributes, mail, ledger)

    def _arrived(self, resource: str, hazard: str) -> tuple[Json, dict[str, str]] | None:
        self._receive()
        for unread in self.unread:
            finding = unread[0]["finding"]
            if (finding["resource"]["name"], finding["hazard"]) == (resource, hazard):
                self.unread.remove(unread)
                return unread
        return None

    def _receive(self) -> None:
        for body in self.messages(self.queue):
            envelope = json.loads(body)
            attributes = {key: value["Value"] for key, value in envelope["MessageAttributes"].items()}
            self.unread.append((json.loads(envelope["Message"]), attributes))

    def _mail(self, finding: str) -> Email | None:
        found = next((mail for mail in list(self.account.mailbox) if finding in mail.body), None)
        if found:
            self.account.mailbox.remove(found)
        return found

    def ledger(self, finding: str) -> Json:
        """A ledger entry by the finding's id."""
        got = self.client("dynamodb").get_item(
            TableName=self.outputs["LedgerTableName"], Key={"id": {"S": finding}}, ConsistentRead=True
        )
        return _plain(got["Item"])

    def ledger_of(self, arn: str) -> list[Json]:
        """Every ledger entry about a resource."""
        pages = (
            self.client("dynamodb").get_paginator("scan").paginate(TableName=self.outputs["LedgerTableName"])
        )
        entries = [_plain(item) for page in pages for item in page["Items"]]
        return [entry for entry in entries if entry["resource_arn"] == arn]

    def rest(self) -> None:
        """Wait until nothing is under way. AssertionError: more was reported than what was asked for."""
        self.account.drain(LONGEST_WORKFLOW)
        self._receive()
        unread, self.unread = self.unread, []
        mails = [mail.subject for mail in self.account.mailbox]
        self.account.mailbox.clear()
        failures = list(self.account.background.failures)
        self.account.background.failures.clear()
        assert [document["finding"]["title"] for document, _ in unread] == []
        assert mails == []
        assert failures == []

    # ------------------------------------------------------------------------------ what happened

    def executions(self) -> dict[str, str]:
        """Status of every execution of the workflow, by name."""
        pages = self.client("stepfunctions").get_paginator("list_executions")
        arn = self.outputs["RemediationStateMachineArn"]
        found = [entry for page in pages.paginate(stateMachineArn=arn) for entry in page["executions"]]
        return {entry["name"]: entry["status"] for entry in found}

    def execution_status(self, report: Report) -> str:
        """How the execution that wrote a report ended."""
        self.account.drain(LONGEST_WORKFLOW)
        arn = report.ledger["execution"]
        return str(self.client("stepfunctions").describe_execution(executionArn=arn)["status"])

    def logged(self, text: str) -> list[Json]:
        """The guard's structured log entries that hold a text."""
        pages = self.client("logs").get_paginator("filter_log_events").paginate(logGroupName=LOG_GROUP)
        lines = [event["message"] for page in pages for event in page["events"]]
        return [json.loads(line) for line in lines if line.startswith("{") and text in line]

    def event(self, wanted: Callable[[Json], bool], what: str) -> Json:
        """Wait for an event on the default bus, as EventBridge delivered it."""

        def found() -> Json | None:
            self.heard.extend(json.loads(body) for body in self.messages(self.heard_queue))
            return next((event for event in self.heard if wanted(event)), None)

        event = until(found, f"the event of {what}")
        assert event is not None
        return event

    def call(self, name: str, **parameters: Any) -> Json:
        """Wait for the CloudTrail event of a call with these request parameters."""
        items = parameters.items()

        def wanted(event: Json) -> bool:
            detail = event["detail"]
            return detail.get("eventName") == name and items <= (detail["requestParameters"] or {}).items()

        return self.event(wanted, name)

    def deliver(self, event: Json, **envelope: str) -> None:
        """Let EventBridge deliver an event again, or late, with other values in its envelope if given."""
        publish({**event, **envelope}, account=self.account.account_id, region=self.account.region)

    def denied(self) -> set[str]:
        """The calls that AWS denied to anybody, from CloudTrail: `<event source> <event name>`."""
        pages = self.client("cloudtrail").get_paginator("lookup_events").paginate()
        records = [json.loads(event["CloudTrailEvent"]) for page in pages for event in page["Events"]]
        return {
            f"{record['eventSource']} {record['eventName']}"
            for record in records
            if "AccessDenied" in record.get("errorCode", "")
            or record.get("errorCode") == "UnauthorizedOperation"
        }

    @contextmanager
    def unseen(self) -> Iterator[None]:
        """What happens meanwhile does not reach Stackwarden: it is older than it, or its events come late."""
        events = self.client("events")
        names = [rule["Name"] for rule in events.list_rules(NamePrefix=STACK)["Rules"]]
        for name in names:
            events.disable_rule(Name=name)
        try:
            yield
        finally:
            for name in names:
                events.enable_rule(Name=name)

    # ------------------------------------------------------------------------------ stacks and tables

    def create_stack(self, name: str, template: str) -> str:
        """Begin to create a stack; its id."""
        created = self.client("cloudformation").create_stack(
            StackName=name, TemplateBody=template, Capabilities=["CAPABILITY_IAM"]
        )
        return str(created["StackId"])

    def update_stack(self, name: str, template: str) -> None:
        """Begin to update a stack."""
        self.client("cloudformation").update_stack(
            StackName=name, TemplateBody=template, Capabilities=["CAPABILITY_IAM"]
        )

    def old_stack(self, name: str, template: str) -> str:
        """Create a stack that is older than Stackwarden, so that nothing protects it; its id."""
        with self.unseen():
            stack = self.create_stack(name, template)
            self.settled(stack, "CREATE_COMPLETE")
        return stack

    def delete_stack(self, stack: str) -> Json:
        """Begin to delete a stack; CloudFormation's own event of it."""
        self.client("cloudformation").delete_stack(StackName=stack)

        def begins(event: Json) -> bool:
            detail = event["detail"]
            begun = detail.get("status-details", {}).get("status") == "DELETE_IN_PROGRESS"
            return bool(begun and detail.get("stack-id") == stack)

        return self.event(begins, f"the deletion of {stack}")

    def stack(self, name: str) -> Json:
        """Describe a stack by name or id."""
        described: Json = self.client("cloudformation").describe_stacks(StackName=name)["Stacks"][0]
        return described

    def settled(self, stack: str, status: str) -> None:
        """Wait until a stack has a status."""
        until(lambda: self.stack(stack)["StackStatus"] == status, f"{stack} in {status}")

    def terminable(self, stack: str) -> bool:
        """Whether a stack has no termination protection."""
        return not self.stack(stack)["EnableTerminationProtection"]

    def table(self, name: str) -> Json | None:
        """Describe a table; None if there is none (any more)."""
        dynamodb = self.client("dynamodb")
        try:
            described: Json = dynamodb.describe_table(TableName=name)["Table"]
        except dynamodb.exceptions.ResourceNotFoundException:
            return None
        return described

    def create_table(self, name: str, **properties: Any) -> None:
        """Create a table directly and wait until it can be used."""
        self.client("dynamodb").create_table(TableName=name, **table_properties(**properties))
        until(lambda: (self.table(name) or {}).get("TableStatus") == "ACTIVE", f"the table {name}")

    def old_table(self, name: str, *, recoverable: bool = False) -> None:
        """Create a table that is older than Stackwarden, perhaps with point-in-time recovery and an item."""
        with self.unseen():
            self.create_table(name)
            if recoverable:
                dynamodb = self.client("dynamodb")
                dynamodb.put_item(TableName=name, Item={"id": {"S": "1"}})
                recovery = {"PointInTimeRecoveryEnabled": True}
                dynamodb.update_continuous_backups(TableName=name, PointInTimeRecoverySpecification=recovery)

    def protection(self, table: str) -> tuple[bool, bool]:
        """Whether a table has deletion protection, and point-in-time recovery."""
        described = self.client("dynamodb").describe_continuous_backups(TableName=table)
        recovery = described["ContinuousBackupsDescription"]["PointInTimeRecoveryDescription"]
        table_description = self.table(table)
        assert table_description is not None
        protected = bool(table_description.get("DeletionProtectionEnabled"))
        return protected, recovery["PointInTimeRecoveryStatus"] == "ENABLED"

    def backups(self, table: str) -> list[str]:
        """The ARNs of a table's available backups, the system backup of a deleted one among them."""
        listed = self.client("dynamodb").list_backups(TableName=table, BackupType="ALL")["BackupSummaries"]
        return [backup["BackupArn"] for backup in listed if backup["BackupStatus"] == "AVAILABLE"]

    def exempt(self, name: str, text: str) -> None:
        """Write an exemption's parameter."""
        parameter = f"/stackwarden/exemptions/data-deletion/{name}"
        self.client("ssm").put_parameter(Name=parameter, Type="String", Value=text)


def _plain(item: Json) -> Json:
    """A ledger entry without DynamoDB's types: all of it is text, but for the list of actions."""
    return {key: value.get("S", value.get("L")) for key, value in item.items()}


def refused(call: Callable[[], Any]) -> str:
    """Make a call that AWS must refuse; the error's code."""
    try:
        call()
    except ClientError as error:
        return str(error.response["Error"]["Code"])
    raise AssertionError("AWS did not refuse the call")


@contextmanager
def deployed(*, mode: str, environment: str) -> Iterator[Guarded]:
    """Build, start an account, deploy Stackwarden into it and subscribe; end it all afterwards."""
    with LocalAccount(step_delay=0.0) as account:
        account.retry_delay = 0.05
        with alone():
            build()
            outputs = deploy(account, mode=mode, environment=environment)
        account.drain()
        guarded = Guarded(account, outputs)
        guarded.subscribe()
        # It works at all: otherwise every test would wait for what never comes. And the function is warm.
        guarded.create_table("canary")
        guarded.report("canary", "unprotected")
        yield guarded
