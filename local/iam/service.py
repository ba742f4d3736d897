"""SimulatePrincipalPolicy and SimulateCustomPolicy, which moto lacks.

Left out: service control policies, cross-account simulation, PolicyExclusionList, ResourceHandlingOption.
https://docs.aws.amazon.com/IAM/latest/APIReference/API_SimulatePrincipalPolicy.html
"""

import json
from collections.abc import Iterator
from typing import TYPE_CHECKING, Any

from moto.core.responses import ActionResult
from moto.iam.exceptions import InvalidInput, MalformedPolicyDocument, NoSuchEntity
from moto.iam.models import Group, IAMBackend, ManagedPolicy, Role, User
from moto.iam.policy_validation import IAMPolicyDocumentValidator
from moto.iam.responses import IamResponse

from local.extension import extend
from local.iam.simulation import EVERYTHING, Simulation, Source

if TYPE_CHECKING:
    from local.account import LocalAccount

DEFAULT_MAX_ITEMS = 100


def install(account: "LocalAccount") -> None:
    """Add the two operations."""
    extend(
        IamResponse,
        simulate_principal_policy=simulate_principal_policy,
        simulate_custom_policy=simulate_custom_policy,
    )


def simulate_principal_policy(request: IamResponse) -> ActionResult:
    """The policies of a user, group or role, and those given."""
    arn = request.params["PolicySourceArn"]
    entity = entity_of(request.backend, arn)
    if isinstance(entity, Role) and request.params.get("ResourcePolicy"):
        raise InvalidInput("Simulation of resource-based policies isn't supported for IAM roles.")
    attached = list(sources_of(request.backend, entity))
    boundary = given(request, "PermissionsBoundaryPolicyInputList") or boundary_of(request.backend, entity)
    return simulate(request, attached, boundary, request.params.get("CallerArn") or arn)


def simulate_custom_policy(request: IamResponse) -> ActionResult:
    """Only the policies given."""
    caller = request.params.get("CallerArn") or ""
    if request.params.get("ResourcePolicy") and not caller:
        raise InvalidInput("CallerArn is required when a resource policy is given.")
    return simulate(request, [], given(request, "PermissionsBoundaryPolicyInputList"), caller)


def simulate(
    request: IamResponse, attached: list[Source], boundary: list[Source], caller: str
) -> ActionResult:
    """Evaluate every action on every resource; pages count actions."""
    simulation = Simulation(
        identity=[*attached, *given(request, "PolicyInputList")],
        boundary=boundary[0] if boundary else None,
        resource_policy=resource_policy(request),
        caller=caller,
        context=context(request),
    )
    resources = list(request.params.get("ResourceArns") or [EVERYTHING])
    check(resources)
    actions = list(request.params["ActionNames"])
    start = int(request.params.get("Marker") or 0)
    end = start + int(request.params.get("MaxItems") or DEFAULT_MAX_ITEMS)
    answer: dict[str, Any] = {
        "EvaluationResults": [simulation.evaluate(action, resources) for action in actions[start:end]],
        "IsTruncated": end < len(actions),
    }
    return ActionResult({**answer, "Marker": str(end)} if end < len(actions) else answer)


def check(resources: list[str]) -> None:
    """A resource is an ARN or "*"."""
    for resource in resources:
        if resource != EVERYTHING and not resource.startswith("arn:"):
            raise InvalidInput(f"Invalid ARN: {resource}")


def context(request: IamResponse) -> dict[str, list[str]]:
    """ContextEntries by key, in lower case. IAM fills nothing in here: what is not given is missing."""
    return {
        entry["ContextKeyName"].lower(): list(entry.get("ContextKeyValues") or [])
        for entry in request.params.get("ContextEntries") or []
    }


def given(request: IamResponse, parameter: str) -> list[Source]:
    """The policies in a parameter, named as the simulation does: `PolicyInputList.1`."""
    texts = request.params.get(parameter) or []
    if parameter.startswith("PermissionsBoundary") and len(texts) > 1:
        raise InvalidInput("Only one permissions boundary policy can be given.")
    for text in texts:
        require_valid(text)
    return [Source(f"{parameter}.{number}", text) for number, text in enumerate(texts, start=1)]


def require_valid(text: str) -> None:
    """Raises InvalidInput, which the simulation answers where PutRolePolicy says MalformedPolicyDocument."""
    try:
        IAMPolicyDocumentValidator(text).validate()
    except MalformedPolicyDocument as malformed:
        raise InvalidInput(str(malformed.message)) from None


def resource_policy(request: IamResponse) -> Source | None:
    """The one resource policy that every resource is treated as having."""
    text = request.params.get("ResourcePolicy")
    if not text:
        return None
    try:
        json.loads(text)["Statement"]
    except (ValueError, KeyError, TypeError):
        raise InvalidInput("The resource policy is malformed.") from None
    return Source("ResourcePolicy", text, "Resource Policy")


def entity_of(backend: IAMBackend, arn: str) -> Role | User | Group:
    """Who has this ARN; raises NoSuchEntity, and InvalidInput for the ARN of anything else."""
    kind = arn.split(":")[-1].split("/")[0]
    entities: dict[str, Any] = {"role": backend.get_roles, "user": backend.users.values}
    if kind not in (*entities, "group"):
        raise InvalidInput(f"Invalid Entity Arn: {arn} does not clearly define entity type and name.")
    every = entities.get(kind, backend.groups.values)()
    found: Role | User | Group | None = next((entity for entity in list(every) if entity.arn == arn), None)
    if found is None:
        raise NoSuchEntity(f"The {kind} with name {arn.rsplit('/', 1)[-1]} cannot be found.")
    return found


def sources_of(backend: IAMBackend, entity: Role | User | Group) -> Iterator[Source]:
    """Inline and attached policies; those of a user's groups, too."""
    kind = type(entity).__name__.lower()
    for name, document in entity.policies.items():
        yield Source(f"{kind}_{entity.name}_{name}", as_text(document))
    for policy in entity.managed_policies.values():
        yield attached_source(policy)
    if isinstance(entity, User):
        for group in backend.get_groups_for_user(entity.name):
            yield from sources_of(backend, group)


def boundary_of(backend: IAMBackend, entity: Role | User | Group) -> list[Source]:
    """The boundary that is set on a role, as a list of one."""
    arn = getattr(entity, "permissions_boundary_arn", None)
    return [attached_source(backend.get_policy(arn))] if arn else []


def attached_source(policy: ManagedPolicy) -> Source:
    """The default version of a managed policy."""
    default = next(version for version in policy.versions if version.is_default)
    return Source(policy.name, as_text(default.document))


def as_text(document: Any) -> str:
    """moto keeps some documents as text and some parsed."""
    return document if isinstance(document, str) else json.dumps(document)
