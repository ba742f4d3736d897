"""Cases of `missing-alias` to put into words, as they are when something has been done."""

import json
from dataclasses import replace
from typing import Any

from stackwarden.finding import (
    Action,
    ActionKind,
    Finding,
    Mode,
    Outcome,
    Prose,
    Resource,
    Verdict,
)
from stackwarden.messages import report
from stackwarden.policies.alias_reports import describe
from stackwarden.policies.alias_state import Alias, Function, Invoker, Kind
from stackwarden.policies.alias_steps import plan
from stackwarden.policies.missing_alias import Case, Rules, judge
from tests.alias_cases import (
    ACCOUNT,
    LETTING_IN,
    ORDERS,
    REGION,
    STACK,
    case,
    code,
    function,
    mapping,
    notification,
    people,
    ready,
    tried,
    version,
)

SAM = replace(STACK, tool="SAM", logical_id="Orders")
FULL = "Lambda.CodeStorageExceededException: Code storage limit exceeded."
SCHEDULE = Invoker(
    Kind.SCHEDULE, f"arn:aws:scheduler:{REGION}:{ACCOUNT}:schedule/default/nightly", "default/nightly"
)
URL = Invoker(Kind.FUNCTION_URL, "https://abc.lambda-url.eu-central-1.on.aws/", "NONE")
BEFORE = function(mapping(), notification(), permissions=LETTING_IN)


def steps(state: Function, rules: Rules | None = None) -> list[Action]:
    """All that is planned, with the version that the plan cannot know yet."""
    stages = plan(state, state.invokers, "live", bool(rules and rules.repoint_push)).stages
    actions = [action for stage in stages for action in stage]
    return [
        action.model_copy(update={"parameters": {**action.parameters, "version": "1"}})
        if action.kind is ActionKind.CREATE_ALIAS
        else action
        for action in actions
    ]


def finished(before: Function, after: Function, **rest: Any) -> Case:
    """The case when all that was planned is done, and shows."""
    return case(after, attempts=[tried(action) for action in steps(before)], round=9, **rest)


MOVED = finished(function(mapping()), ready(mapping("live")))
PARTLY = finished(BEFORE, ready(mapping("live"), notification(), permissions=LETTING_IN, granted=LETTING_IN))
PREPARED = finished(
    function(notification(), permissions=LETTING_IN),
    ready(notification(), permissions=LETTING_IN, granted=LETTING_IN),
)
ALIAS_MOVED = finished(
    function(mapping("live"), live="$LATEST", published=[version("1")], stack=SAM),
    ready(mapping("live"), stack=SAM),
)
ALIAS_MOVED_PARTLY = finished(
    function(mapping("live"), URL, live="$LATEST", published=[version("1")]), ready(mapping("live"), URL)
)
OBSERVED = case(BEFORE, mode=Mode.OBSERVE)
NO_ROOM = case(function(mapping()), attempts=[tried(steps(function(mapping()))[0], error=FULL)], round=1)
MAPPING_REFUSED = case(
    ready(mapping()),
    attempts=[
        *(tried(action) for action in steps(function(mapping()))[:2]),
        *[tried(steps(ready(mapping()))[0], error="Lambda.InvalidParameterValueException: no")] * 3,
    ],
    round=9,
)
OTHER_CODE = case(function(mapping(), live="1", published=[version("1", "B")]))
WEIGHTED = case(ready(mapping(), aliases={"live": Alias("live", "1", {"2": 0.1})}))
DANGLING = case(function(mapping("green"), published=[version("3")]))
ONLY_PEOPLE = case(function(people()))
NOT_PROD = case(function(mapping()), rules=Rules(environment="dev"))
EXEMPT = case(function(mapping()), exempt="orders")
DEPLOYING = case(function(mapping(), stack=replace(STACK, settled=False)))
UNVERIFIED = case(function(mapping()), unverified=True)
HALTED = case(function(mapping(), stack=replace(STACK, halted="UPDATE_ROLLBACK_FAILED")))
RELAPSED = case(function(mapping()), relapses=3)
CHANGED_MEANWHILE = case(
    ready(mapping(), code=code(version("1"), now="B")),
    code="A",
    attempts=[tried(action) for action in steps(function(mapping()))[:2]],
    round=4,
)
ALL = {
    "moved": MOVED,
    "partly": PARTLY,
    "prepared": PREPARED,
    "alias moved": ALIAS_MOVED,
    "alias moved, partly": ALIAS_MOVED_PARTLY,
    "observed": OBSERVED,
    "no room": NO_ROOM,
    "mapping refused": MAPPING_REFUSED,
    "other code": OTHER_CODE,
    "weighted": WEIGHTED,
    "dangling": DANGLING,
    "only people": ONLY_PEOPLE,
    "not prod": NOT_PROD,
    "exempt": EXEMPT,
    "deploying": DEPLOYING,
    "unverified": UNVERIFIED,
    "halted": HALTED,
    "relapsed": RELAPSED,
    "changed meanwhile": CHANGED_MEANWHILE,
}


def told(state: Case) -> Prose:
    return describe(state, judge(state))


def mail(state: Case) -> str:
    """The e-mail about a case as it is now."""
    judgement, prose = judge(state), told(state)
    resource = Resource(
        type="AWS::Lambda::Function", arn=ORDERS, name="orders", account=ACCOUNT, region=REGION
    )
    finding = Finding(
        id="missing-alias-0123456789abcdef",
        guard="missing-alias",
        hazard="latest-invoked",
        resource=resource,
        mode=state.mode,
        environment=state.rules.environment,
        exemption=judgement.exemption,
        **dict(prose),
    )
    verdict = Verdict(
        finding=finding,
        function="missing-alias",
        next="done",
        subject={},
        actions=list(judgement.actions),
        attempts=list(state.attempts),
        outcome=judgement.outcome or Outcome.OBSERVED,
    )
    return str(json.loads(report(verdict, "https://docs.test")["message"])["email"])
