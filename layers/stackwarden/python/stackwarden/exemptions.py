"""Exemptions: SSM parameters that let one resource out of one guard for a while.

`/stackwarden/exemptions/<guard>/<resource name>` holds JSON: `requested_by`, `approved_by` (somebody else),
`reason` and `until` (ISO 8601; a date means its end, UTC), at most 90 days after the parameter was written.
Anything else is not an exemption: the guard enforces and its report says what is wrong.
"""

import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from datetime import UTC, date, datetime, time, timedelta
from typing import TYPE_CHECKING, Annotated, Any

from botocore.exceptions import ClientError
from pydantic import BaseModel, ConfigDict, StringConstraints, ValidationError, model_validator

from stackwarden import aws
from stackwarden.finding import Exemption

if TYPE_CHECKING:
    from mypy_boto3_ssm import SSMClient

LONGEST = timedelta(days=90)
_BATCH = 10  # names a GetParameters call takes
_SPELLABLE = re.compile(r"[A-Za-z0-9_.-]+")  # what a parameter's name may hold between two slashes
Text = Annotated[str, StringConstraints(strip_whitespace=True, min_length=1, max_length=512)]


class _Document(BaseModel):
    model_config = ConfigDict(extra="forbid")

    requested_by: Text
    approved_by: Text
    reason: Text
    until: datetime

    @model_validator(mode="before")
    @classmethod
    def _a_date_stays_a_date(cls, document: Any) -> Any:
        if isinstance(document, dict) and isinstance(document.get("until"), str):
            text = document["until"].strip()
            if len(text) == len("2026-01-31"):
                return {**document, "until": datetime.combine(date.fromisoformat(text), time.max, UTC)}
        return document

    @model_validator(mode="after")
    def _somebody_else_approved(self) -> "_Document":
        if self.requested_by.casefold() == self.approved_by.casefold():
            raise ValueError("approved_by must be somebody else than requested_by")
        return self


@dataclass(frozen=True)
class Exemptions:
    """Those in force by resource name, and what is wrong with the others, one sentence each."""

    granted: dict[str, Exemption] = field(default_factory=dict)
    problems: tuple[str, ...] = ()

    def for_any(self, names: Iterable[str]) -> Exemption | None:
        """Return the first exemption in force for one of the names."""
        return next((self.granted[name] for name in names if name in self.granted), None)


def judge(name: str, text: str, written_at: datetime, now: datetime) -> Exemption | str:
    """Judge one parameter's text. Returns the exemption, or a sentence that says why there is none."""
    try:
        document = _Document.model_validate_json(text)
    except ValidationError as error:
        first = error.errors()[0]
        where = ".".join(str(part) for part in first["loc"]) or "the document"
        return f"The exemption {name} is malformed and does not count: {where}: {first['msg']}."
    until = document.until if document.until.tzinfo else document.until.replace(tzinfo=UTC)
    if until <= now:
        return f"The exemption {name} expired at {until.isoformat()} and does not count."
    if until - written_at > LONGEST + timedelta(days=1):
        return (
            f"The exemption {name} runs longer than {LONGEST.days} days after it was written "
            "and does not count."
        )
    return Exemption(
        name=name,
        requested_by=document.requested_by,
        approved_by=document.approved_by,
        reason=document.reason,
        until=until.isoformat(),
    )


def parameter_name(guard: str, resource: str) -> str:
    """Return the parameter's name."""
    return f"/stackwarden/exemptions/{guard}/{resource}"


def read(ssm: "SSMClient", guard: str, resources: Sequence[str], now: datetime) -> Exemptions:
    """Read the exemptions of the named resources: one call for ten names. Raises ClientError."""
    names = {
        parameter_name(guard, resource): resource for resource in resources if _SPELLABLE.fullmatch(resource)
    }
    granted: dict[str, Exemption] = {}
    problems: list[str] = []
    ordered = list(names)
    for start in range(0, len(ordered), _BATCH):
        for parameter in ssm.get_parameters(Names=ordered[start : start + _BATCH])["Parameters"]:
            written_at = parameter["LastModifiedDate"]
            judged = judge(parameter["Name"], parameter["Value"], written_at, now)
            if isinstance(judged, Exemption):
                granted[names[parameter["Name"]]] = judged
            else:
                problems.append(judged)
    return Exemptions(granted, tuple(problems))


def read_or_none(ssm: "SSMClient", guard: str, resources: Sequence[str], now: datetime) -> Exemptions:
    """Read the exemptions; if AWS denies it, none counts, and the report says so: data is not lost over it.

    Raises ClientError for anything else: what is exempt must not be acted on because SSM was busy.
    """
    try:
        return read(ssm, guard, resources, now)
    except ClientError as error:
        if not aws.is_access_denied(error):
            raise
        problem = f"No exemption counts, since they could not be read: {error.response['Error']['Message']}"
        return Exemptions(problems=(problem,))
