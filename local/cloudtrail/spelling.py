"""How CloudTrail spells parameters and responses: lower-case initials, dates in words, hidden secrets.

The rules are those of the recorded events: `DBInstanceIdentifier` becomes `dBInstanceIdentifier`, keys of
maps stay as they are, a member that the API model calls sensitive is hidden or, in some services, left out.
"""

from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Any

from botocore.model import Shape as BotocoreShape
from moto.core.model import OperationModel, Shape, StructureShape

HIDDEN = "HIDDEN_DUE_TO_SECURITY_REASONS"

# Left out everywhere, or by one service.
OMITTED = {
    "*": frozenset({"SecretAccessKey"}),
    "cloudformation": frozenset({"TemplateBody", "ParameterValue", "StackPolicyBody"}),
    "iam": frozenset({"Password", "OldPassword", "NewPassword"}),
    "lambda": frozenset({"ZipFile", "Variables", "Error"}),
    "secretsmanager": frozenset({"SecretString", "SecretBinary"}),
}
# Services whose runtime writes a comma behind the year: "Jul 10, 2023, 12:07:59 PM".
COMMA_AFTER_YEAR = frozenset({"secretsmanager", "sts"})
# The whole of what CloudTrail shows of these responses.
RESPONSE_MEMBERS = {
    ("secretsmanager", "CreateSecret"): {"ARN": "arn"},
    ("secretsmanager", "PutSecretValue"): {"ARN": "arn"},
}
# Reads whose response is recorded; of other reads CloudTrail records none.
RECORDED_READS = frozenset({"AssumeRole", "AssumeRoleWithSAML", "AssumeRoleWithWebIdentity"})
# RDS shows the instance, cluster or snapshot itself, without the member around it.
UNWRAPPED = frozenset({"rds"})


def request_parameters(operation: OperationModel, parameters: Mapping[str, Any]) -> dict[str, Any] | None:
    """`requestParameters` from the parameters as the API spells them."""
    spelt = _Spelling(operation).structure(operation.input_shape, parameters)
    service = operation.service_model.service_name
    if service == "lambda" and operation.name == "CreateFunction":
        spelt.setdefault("environment", {})
    if service == "lambda" and operation.name == "UpdateFunctionCode":
        spelt = {**_qualified_name(spelt["functionName"]), "publish": False, "dryRun": False, **spelt}
    return spelt or None


def _qualified_name(function: str) -> dict[str, Any]:
    """What UpdateFunctionCode's record adds when the function is named by its ARN."""
    match function.split(":"):
        case ["arn", partition, "lambda", region, account, "function", name, *qualifier]:
            return {
                "fullyQualifiedArn": {
                    "arnPrefix": {"partition": partition, "region": region, "account": account},
                    "relativeId": {"functionName": name},
                    "functionQualifier": {"qualifier": qualifier[0]} if qualifier else {},
                }
            }
    return {}


def response_elements(operation: OperationModel, response: Mapping[str, Any]) -> dict[str, Any] | None:
    """`responseElements` from the response as the API spells it; None where the API answers nothing."""
    shape = operation.output_shape
    if shape is None:
        return None
    spelling = _Spelling(operation)
    service = str(operation.service_model.service_name)
    if (members := RESPONSE_MEMBERS.get((service, str(operation.name)))) is not None:
        return {name: response[member] for member, name in members.items()}
    if service in UNWRAPPED and len(shape.members) == 1:
        ((member, inner),) = shape.members.items()
        if inner.type_name == "structure":
            return spelling.structure(inner, response.get(member, {})) or None
    spelt = spelling.structure(shape, response)
    if service == "lambda" and "codeSha256" in spelt and "functionArn" in spelt:
        spelt.setdefault("environment", {})
    return spelt or None


def member_name(name: str) -> str:
    """The key of a structure's member: `UUID` is `uUID`, `DBClusterIdentifier` is `dBClusterIdentifier`."""
    return name[:1].lower() + name[1:]


def clock_time(moment: datetime, *, comma: bool = False) -> str:
    """A date as CloudTrail writes it inside parameters and responses: `Jul 10, 2023 12:19:33 PM`, in UTC."""
    moment = _utc(moment)
    year = f"{moment.year}," if comma else f"{moment.year}"
    return f"{moment:%b} {moment.day}, {year} {moment.hour % 12 or 12}:{moment:%M:%S %p}"


def iso_time(moment: datetime) -> str:
    """A date as CloudTrail writes it around them: `2023-07-10T12:19:33Z`."""
    return f"{_utc(moment):%Y-%m-%dT%H:%M:%SZ}"


def _utc(moment: datetime) -> datetime:
    """moto's dates carry no time zone and mean UTC."""
    return moment.replace(tzinfo=UTC) if moment.tzinfo is None else moment.astimezone(UTC)


class _Spelling:
    def __init__(self, operation: OperationModel) -> None:
        self._service = str(operation.service_model.service_name)
        self._omitted = OMITTED["*"] | OMITTED.get(self._service, frozenset())

    def structure(self, shape: Shape | BotocoreShape | None, value: Mapping[str, Any]) -> dict[str, Any]:
        if not isinstance(shape, StructureShape):
            return {}
        return {
            member_name(name): self._value(member, value[name])
            for name, member in shape.members.items()
            if value.get(name) is not None and not self._is_left_out(name, member)
        }

    def _is_left_out(self, name: str, member: Shape) -> bool:
        return name in self._omitted or member.serialization.get("location") == "statusCode"

    def _value(self, shape: Shape, value: Any) -> Any:
        if shape.metadata.get("sensitive"):
            return HIDDEN
        match shape.type_name:
            case "structure":
                return self.structure(shape, value)
            case "list":
                return [self._value(shape.member, item) for item in value]  # type: ignore[attr-defined]  # ListShape
            case "map":
                return {key: self._value(shape.value, item) for key, item in value.items()}  # type: ignore[attr-defined]  # MapShape
            case "timestamp":
                return (
                    clock_time(value, comma=self._service in COMMA_AFTER_YEAR)
                    if isinstance(value, datetime)
                    else value
                )
            case "blob":
                return value.decode(errors="replace") if isinstance(value, bytes) else value
        return value
