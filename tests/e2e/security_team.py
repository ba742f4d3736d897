"""The security team: what arrives at it, by queue and by e-mail, and what the ledger says."""

import json
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Final

from local.sns import Email
from tests.e2e.developer import Developer, until
from tests.e2e.stacks import Json

LONGEST_WORKFLOW: Final = 120.0
"""Seconds that a workflow may look again: for the backup of a deleted table, about 50."""
SECURITY: Final = "security@example.com"


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
class SecurityTeam(Developer):
    """Subscribed to the reports; `unread` has arrived without having been asked for yet."""

    outputs: dict[str, str]
    queue: str = ""
    unread: list[tuple[Json, dict[str, str]]] = field(default_factory=list)

    def subscribe(self) -> None:
        """Subscribe by queue and by e-mail."""
        topic = self.outputs["ReportsTopicArn"]
        self.queue = self.subscribed_queue("security-team")
        self.client("sns").subscribe(TopicArn=topic, Protocol="email", Endpoint=SECURITY)

    def subscribed_queue(self, name: str, **attributes: str) -> str:
        """Subscribe a new queue to the reports; its URL."""
        topic = self.outputs["ReportsTopicArn"]
        url, arn = self.new_queue(name, "sns.amazonaws.com", topic)
        self.client("sns").subscribe(TopicArn=topic, Protocol="sqs", Endpoint=arn, Attributes=attributes)
        return url

    def new_queue(self, name: str, service: str, source: str) -> tuple[str, str]:
        """Create a queue that a topic or rule may send to; its URL and ARN."""
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
        assert ledger["guard"] == finding["guard"]
        assert ledger["outcome"] == outcome
        assert ledger["closed_at"]
        assert ledger["resource_arn"] == finding["resource"]["arn"]
        assert attributes == {
            "guard": finding["guard"],
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
        reports = [f"{doc['outcome']}: {doc['finding']['id']} {doc['finding']['title']}" for doc, _ in unread]
        assert not reports, f"reported besides: {reports}"
        assert not mails, f"mailed besides: {mails}"
        assert not failures, f"failed in the background: {failures}"


def _plain(item: Json) -> Json:
    """A ledger entry without DynamoDB's types: all of it is text, but for the list of actions."""
    return {key: value.get("S", value.get("L")) for key, value in item.items()}
