"""There are words for whatever `missing-alias` may see and have done."""

from dataclasses import replace

from hypothesis import given
from hypothesis import strategies as st

from stackwarden.finding import (
    ActionKind,
    Attempt,
    Mode,
    Outcome,
)
from stackwarden.policies.alias_reports import describe
from stackwarden.policies.alias_state import Function, Invoker, Kind, Permission
from stackwarden.policies.missing_alias import Case, Judgement, Rules
from tests.alias_cases import (
    LIVE,
    ORDERS,
    STACK,
    aliases,
    code,
    mapping,
    notification,
    subscription,
    target,
    version,
)
from tests.alias_report_cases import FULL, SAM

QUALIFIERS = st.sampled_from([None, "$LATEST", "live", "dev", "gone", "7", "${stageVariables.alias}"])
INVOKERS = st.builds(
    Invoker,
    kind=st.sampled_from(Kind),
    source=st.text(max_size=200)
    | st.sampled_from([mapping().source, notification().source, target().source]),
    id=st.text(max_size=200),
    qualifier=QUALIFIERS,
    enabled=st.booleans(),
)
PERMISSIONS = st.builds(
    Permission,
    sid=st.text(max_size=50),
    action=st.just("lambda:InvokeFunction"),
    principal=st.sampled_from(["s3.amazonaws.com", "sns.amazonaws.com", "events.amazonaws.com"]),
    source_arn=st.none() | st.just(notification().source),
    source_account=st.none() | st.just("210987654321"),
    exact=st.booleans(),
)
FUNCTIONS = st.builds(
    Function,
    arn=st.just(ORDERS),
    invokers=st.lists(INVOKERS, max_size=5).map(tuple),
    aliases=st.sampled_from(
        [{}, aliases(live="1"), aliases(live="$LATEST", dev="$LATEST"), aliases(live="9")]
    ),
    permissions=st.lists(PERMISSIONS, max_size=3).map(tuple),
    granted=st.lists(PERMISSIONS, max_size=3).map(tuple),
    tags=st.sampled_from([{}, {"stackwarden:alias": "live"}]),
    code=st.sampled_from([None, code(), code(version("1")), code(version("1", "B")), code(updating=True)]),
    stack=st.sampled_from([None, STACK, SAM, replace(STACK, settled=False), replace(STACK, tool="CDK")]),
    async_settings_missing=st.booleans(),
)
ATTEMPTS = st.builds(
    Attempt,
    kind=st.sampled_from(ActionKind),
    target=st.sampled_from([ORDERS, "m-1", "uploads", "nightly", subscription().source]),
    parameters=st.sampled_from(
        [{}, {"name": "live", "version": "1"}, {"function": LIVE}, {"bus": "default"}]
    ),
    before=st.sampled_from([{}, {"version": None}, {"function": ORDERS}, {"targets": [{"Id": "1"}]}]),
    status=st.sampled_from(["done", "failed"]),
    error=st.sampled_from(["", FULL]),
)
JUDGEMENTS = st.builds(
    Judgement,
    next=st.sampled_from(["act", "wait", "done"]),
    outcome=st.none() | st.sampled_from(Outcome),
    reason=st.text(max_size=30),
)


@given(
    state=FUNCTIONS,
    attempts=st.lists(ATTEMPTS, max_size=6),
    judgement=JUDGEMENTS,
    mode=st.sampled_from(Mode),
    environment=st.sampled_from(["prod", "dev"]),
    push=st.booleans(),
)
def test_there_are_words_for_everything(
    state: Function, attempts: list[Attempt], judgement: Judgement, mode: Mode, environment: str, push: bool
) -> None:
    rules = Rules(environment=environment, repoint_push=push)

    prose = describe(Case(state, rules=rules, mode=mode, attempts=attempts), judgement)

    assert len(prose.title) <= 90
    deleting = [command for command in prose.evidence.get("undo", []) if "delete-function" in command]
    assert all("--qualifier 1 " in command for command in deleting)
    assert all(len(line) <= 600 for line in prose.fix.splitlines() if line.startswith("  "))
