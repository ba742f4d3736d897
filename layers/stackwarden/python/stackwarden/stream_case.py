"""Reading what a judgement of `unbacked-stream` depends on, and no more of it than the judgement needs."""

from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from typing import Final

from botocore.exceptions import ClientError

from stackwarden import aws, exemptions
from stackwarden.exemptions import Exemptions
from stackwarden.finding import Verdict
from stackwarden.policies.stream_cost import LEAST_MEASURED, Volume
from stackwarden.policies.stream_state import Stream, backup_name
from stackwarden.policies.unbacked_stream import LONGEST_SEARCH, SETTLING, Case, Hazard, names
from stackwarden.stacks import StackReader, name_of
from stackwarden.stream_reader import StreamReader, is_throttled
from stackwarden.stream_settings import StreamSettings
from stackwarden.stream_verdict import Subject

MEASURED: Final = timedelta(days=7)  # of a stream's volume


@dataclass(frozen=True)
class CaseReader:
    """Reads for one guard. Every method raises ClientError."""

    guard: str
    settings: StreamSettings
    reader: StreamReader
    stacks: StackReader

    def read(self, subject: Subject, verdict: Verdict | None = None) -> tuple[Case, Subject]:
        """Return the case, and the subject with what is still to be looked through."""
        case = Case(
            hazard=subject.hazard,
            destination=self.settings.destination,
            arn=subject.stream,
            prices=self.settings.prices,
            ended=subject.ended,
            mode=self.settings.mode,
            stack_name=name_of(subject.stack_id) if subject.stack_id else "",
            searched=subject.searched,
            attempts=verdict.attempts if verdict else (),
            round=verdict.round if verdict else 0,
        )
        try:
            case = replace(case, stream=self.reader.stream(subject.stream))
            return self._read(case, subject)
        except ClientError as error:
            if not is_throttled(error):
                raise
            return replace(case, throttled=True), subject

    def _read(self, case: Case, subject: Subject) -> tuple[Case, Subject]:
        if subject.hazard is Hazard.ORPHANED:
            orphan = self.reader.orphan(subject.orphan)
            return replace(case, orphan=orphan if orphan and orphan.source == case.arn else None), subject
        if (stream := case.stream) is None or stream.status in {"CREATING", "DELETING"}:
            return case, subject  # nothing can copy it yet, or needs to
        case = replace(case, unsettled=self._is_unsettled(case, subject))
        case, subject = self._with_backups(case, stream, subject)
        waits = case.coming or case.unsettled or case.throttled or case.searching
        if waits or (case.working and not case.acted):
            return case, subject
        return self._with_wishes(case, stream), subject

    def _is_unsettled(self, case: Case, subject: Subject) -> bool:
        """Whether a copy may still come with the stack; while that cleans up, all that is new stands."""
        if subject.stack_id is None or case.round >= SETTLING:
            return False
        stack = self.stacks.describe(subject.stack_id)
        status = self.stacks.root(stack).status if stack else ""
        return status.endswith("_IN_PROGRESS") and "COMPLETE" not in status

    def _with_backups(self, case: Case, stream: Stream, subject: Subject) -> tuple[Case, Subject]:
        """Look for copies, those that cost one call first."""
        named = self.reader.delivery_stream(backup_name(stream))
        case = replace(case, named=named, backups=(named,) if named and named.source == stream.arn else ())
        if case.working or case.coming:
            return case, subject
        case = replace(case, backups=(*case.backups, *self.reader.channels(stream)))
        if case.working or case.unsettled or subject.after is None:
            return case, subject
        found = self.reader.by_others(stream, subject.after)
        more = min(subject.searched + (found.after != subject.after), LONGEST_SEARCH)
        case = replace(
            case,
            backups=(*case.backups, *found.backups),
            searching=found.after is not None,
            searched=more,
            throttled=found.throttled,
        )
        return case, subject.model_copy(update={"after": found.after, "searched": more})

    def _with_wishes(self, case: Case, stream: Stream) -> Case:
        """Read how much a stream carries and what its owner wants; what was looked through stays known."""
        try:
            case = replace(case, volume=self._volume(stream))
            if case.working:
                return case
            case = replace(case, stream=replace(stream, tags=self.reader.tags(stream)))
            return replace(case, exemptions=self._exemptions(case))
        except ClientError as error:
            if not is_throttled(error):
                raise
            return replace(case, throttled=True)

    def _exemptions(self, case: Case) -> Exemptions:
        ssm, now = aws.client("ssm"), datetime.now(UTC)
        return exemptions.read_or_none(ssm, self.guard, names(case.stream, case.stack_name), now)

    def _volume(self, stream: Stream) -> Volume:
        """Measure what was put into a stream lately.

        https://docs.aws.amazon.com/streams/latest/dev/monitoring-with-cloudwatch.html
        """
        now = datetime.now(UTC)
        begin = max(now - MEASURED, stream.created_at)
        if (now - begin).total_seconds() < LEAST_MEASURED:
            return Volume(0, 0, 0)
        answer = aws.client("cloudwatch").get_metric_data(
            MetricDataQueries=[
                {
                    "Id": metric.lower(),
                    "MetricStat": {
                        "Metric": {
                            "Namespace": "AWS/Kinesis",
                            "MetricName": metric,
                            "Dimensions": [{"Name": "StreamName", "Value": stream.name}],
                        },
                        "Period": 3600,
                        "Stat": "Sum",
                    },
                }
                for metric in ("IncomingRecords", "IncomingBytes")
            ],
            StartTime=begin,
            EndTime=now,
        )
        sums = {result["Id"]: sum(result["Values"]) for result in answer["MetricDataResults"]}
        seconds = (now - begin).total_seconds()
        return Volume(sums.get("incomingrecords", 0), sums.get("incomingbytes", 0), seconds)
