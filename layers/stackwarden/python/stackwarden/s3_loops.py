"""Loops through a function: walked over what was read, and confirmed by IAM."""

from collections.abc import Iterable
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any, Final

from stackwarden import aws
from stackwarden.policies.s3_permissions import to_identity_policy
from stackwarden.policies.s3_recursion import FunctionState
from stackwarden.policies.s3_walk import Hop, Kind, Ref, Survey, survey
from stackwarden.s3_reader import EstateReader

if TYPE_CHECKING:
    from mypy_boto3_cloudwatch.type_defs import MetricDataQueryTypeDef

MOST_CONFIRMATIONS: Final = 50
RECENT: Final = timedelta(days=14)
_LISTED = 5
_AT_ONCE: Final = 20  # then walk again: what closes a loop is read before all other buckets
_METRICS = {"ConcurrentExecutions": "Maximum", "RecursiveInvocationsDropped": "Sum"}


class LoopFinder:
    """Finds loops. Every method raises ClientError."""

    def __init__(self, reader: EstateReader) -> None:
        self._reader = reader
        self._confirmed: dict[tuple[str, str, str, str], bool] = {}

    def through(self, function: str, buckets: Iterable[str] = ()) -> Survey:
        """Walk from a function until nothing is left to read, and IAM allows each hop of each loop.

        buckets: those whose own policies may let the function write, besides what its role allows.
        """
        self._reader.begin()
        self._reader.read_all(Ref(Kind.BUCKET_POLICY, bucket) for bucket in buckets)
        while True:
            found = survey(function, self._reader.estate)
            if self._reader.read_all(found.unread[:_AT_ONCE]):
                continue
            if refused := [key for loop in found.loops for hop in loop.hops if (key := self._refused(hop))]:
                self._reader.estate.refused.update(refused)
                continue
            return replace(found, cut=(*found.cut, *_left(found.unread), *self._unconfirmed()))

    def _refused(self, hop: Hop) -> tuple[str, str, str, str] | None:
        key = (hop.caller.arn, hop.caller.role.arn, hop.grant.action, hop.grant.object_arn)
        if key not in self._confirmed:
            # Nothing is a loop that was not confirmed, not even where the bound is reached.
            self._confirmed[key] = len(self._confirmed) < MOST_CONFIRMATIONS and _allowed(hop)
        return None if self._confirmed[key] else key

    def _unconfirmed(self) -> tuple[str, ...]:
        if len(self._confirmed) <= MOST_CONFIRMATIONS:
            return ()
        return (f"IAM was asked {MOST_CONFIRMATIONS} times and not about every hop",)


def _allowed(hop: Hop) -> bool:
    """Ask IAM whether the role may do exactly this; service control policies count, too.

    https://docs.aws.amazon.com/IAM/latest/APIReference/API_SimulatePrincipalPolicy.html
    """
    grant = hop.grant
    policies = [to_identity_policy(grant.resource_policy)] if grant.resource_policy else []
    given: Any = {"PolicyInputList": policies} if policies else {}
    answer = aws.client("iam").simulate_principal_policy(
        PolicySourceArn=hop.caller.role.arn,
        ActionNames=[grant.action],
        ResourceArns=[grant.object_arn],
        **given,
        ContextEntries=[
            {
                "ContextKeyName": entry.key,
                "ContextKeyType": entry.type,
                "ContextKeyValues": list(entry.values),
            }
            for entry in grant.context
        ],
    )
    results = answer["EvaluationResults"]
    return bool(results) and all(result["EvalDecision"] == "allowed" for result in results)


def _left(unread: tuple[Ref, ...]) -> tuple[str, ...]:
    if not unread:
        return ()
    listed = ", ".join(f"{ref.kind} {ref.name}".strip() for ref in unread[:_LISTED])
    more = f" and {len(unread) - _LISTED} more" if len(unread) > _LISTED else ""
    return (f"the walk reached its bound on calls; not read: {listed}{more}",)


def states(arns: Iterable[str]) -> tuple[FunctionState, ...]:
    """Read what decides which function of a loop is capped, and how. A function that is gone is left out."""
    standing = [state for arn in arns if (state := _state(arn))]
    measured = _measured([state.name for state in standing])
    return tuple(
        replace(
            state,
            peak=int(measured.get((state.name, "ConcurrentExecutions"), 0)),
            dropped=int(measured.get((state.name, "RecursiveInvocationsDropped"), 0)),
        )
        for state in standing
    )


def _state(arn: str) -> FunctionState | None:
    client = aws.client("lambda")
    try:
        reserved = client.get_function_concurrency(FunctionName=arn).get("ReservedConcurrentExecutions")
        recursion = client.get_function_recursion_config(FunctionName=arn)["RecursiveLoop"]
        tags = client.list_tags(Resource=arn)["Tags"]
    except client.exceptions.ResourceNotFoundException:
        return None
    return FunctionState(
        arn=arn,
        reserved=reserved,
        allows_recursion=recursion == "Allow",
        stack_name=tags.get("aws:cloudformation:stack-name", ""),
    )


def _measured(names: list[str]) -> dict[tuple[str, str], float]:
    """Read the metrics of two weeks: one call for all functions of a loop."""
    queries = {(name, metric): f"m{index}" for index, (name, metric) in enumerate(_pairs(names))}
    if not queries:
        return {}
    now = datetime.now(UTC)
    answer = aws.client("cloudwatch").get_metric_data(
        MetricDataQueries=[_query(id_, name, metric) for (name, metric), id_ in queries.items()],
        StartTime=now - RECENT,
        EndTime=now,
    )
    values = {result["Id"]: result["Values"] for result in answer["MetricDataResults"]}
    return {
        (name, metric): sum(values[id_]) if _METRICS[metric] == "Sum" else max(values[id_])
        for (name, metric), id_ in queries.items()
        if values.get(id_)
    }


def _pairs(names: list[str]) -> list[tuple[str, str]]:
    return [(name, metric) for name in names for metric in _METRICS]


def _query(id_: str, name: str, metric: str) -> "MetricDataQueryTypeDef":
    return {
        "Id": id_,
        "MetricStat": {
            "Metric": {
                "Namespace": "AWS/Lambda",
                "MetricName": metric,
                "Dimensions": [{"Name": "FunctionName", "Value": name}],
            },
            "Period": 3600,
            "Stat": _METRICS[metric],
        },
    }
