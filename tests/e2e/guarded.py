"""A LocalAccount with Stackwarden in it, and what happens there: events, executions, logs, calls."""

import fcntl
import json
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any, Final

from local.account import LocalAccount
from local.deploy import ROOT, STACK, build, deploy
from local.eventbridge.service import publish
from tests.e2e.developer import until
from tests.e2e.security_team import LONGEST_WORKFLOW, Report, SecurityTeam
from tests.e2e.stacks import Json

HEARD: Final = {
    "source": [
        f"aws.{name}" for name in ("cloudformation", "dynamodb", "firehose", "iam", "kinesis", "lambda", "s3")
    ],
    "detail-type": ["AWS API Call via CloudTrail", "CloudFormation Stack Status Change"],
}


@contextmanager
def alone() -> Iterator[None]:
    """Nobody else builds, or deploys from, the one build folder meanwhile: not the other worker either."""
    folder = ROOT / ".local"
    folder.mkdir(exist_ok=True)
    with (folder / "e2e.lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        yield


@dataclass
class Guarded(SecurityTeam):
    """The account as a whole; `heard` are the events of its default bus, as far as they were asked for."""

    heard_queue: str = ""
    heard: list[Json] = field(default_factory=list)

    def record(self) -> None:
        """Record what happens on the default event bus."""
        events = self.client("events")
        rule = events.put_rule(Name="recorder", EventPattern=json.dumps(HEARD))["RuleArn"]
        self.heard_queue, arn = self.new_queue("heard", "events.amazonaws.com", rule)
        events.put_targets(Rule="recorder", Targets=[{"Id": "queue", "Arn": arn}])

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

    def logged(self, text: str, guard: str = "data-deletion") -> list[Json]:
        """A guard's structured log entries that hold a text."""
        group = f"/aws/lambda/{STACK}-{guard}"
        pages = self.client("logs").get_paginator("filter_log_events").paginate(logGroupName=group)
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

    def delete_stack(self, stack: str) -> Json:
        """Begin to delete a stack; CloudFormation's own event of it."""
        self.client("cloudformation").delete_stack(StackName=stack)

        def begins(event: Json) -> bool:
            detail = event["detail"]
            begun = detail.get("status-details", {}).get("status") == "DELETE_IN_PROGRESS"
            return bool(begun and detail.get("stack-id") == stack)

        return self.event(begins, f"the deletion of {stack}")


@contextmanager
def deployed(*, mode: str, environment: str, **parameters: str) -> Iterator[Guarded]:
    """Build, start an account, deploy Stackwarden into it and subscribe; end it all afterwards."""
    with LocalAccount(step_delay=0.0) as account:
        account.retry_delay = 0.05
        with alone():
            build()
            outputs = deploy(account, mode=mode, environment=environment, **parameters)
        account.drain()
        guarded = Guarded(account, outputs)
        guarded.subscribe()
        guarded.record()
        # It works at all: otherwise every test would wait for what never comes. And the function is warm.
        guarded.create_table("canary")
        guarded.report("canary", "unprotected")
        yield guarded
