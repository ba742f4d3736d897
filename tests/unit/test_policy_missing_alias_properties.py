"""What holds for every finding of `missing-alias`, whatever AWS, its owner and the workflow do meanwhile."""

from collections import Counter
from collections.abc import Callable
from dataclasses import replace
from random import Random

import pytest
from hypothesis import Phase, find, given
from hypothesis import settings as hypothesis_settings
from hypothesis import strategies as st

from stackwarden.finding import ActionKind, Attempt, Mode, Outcome
from stackwarden.lambda_names import LATEST
from stackwarden.policies.alias_state import Alias, Code, Function, Invoker, Kind, Permission, Version
from stackwarden.policies.missing_alias import LONGEST, PATIENCE, TRIES, Case, Judgement, Rules
from tests.alias_cases import (
    ACCOUNT,
    ORDERS,
    STACK,
    bucket_arn,
    case,
    people,
    permission,
    qualified,
    rule_arn,
    rule_of_bucket,
    subscription,
    target,
    topic_arn,
    version,
)
from tests.alias_cases import mapping as event_source_mapping
from tests.alias_world import MEDDLE, World

FIRST_FOUND = hypothesis_settings(max_examples=4000, phases=[Phase.generate], database=None)
QUALIFIERS = (None, None, LATEST, "live", "dev", "1", "2", "missing")
URL = Invoker(Kind.FUNCTION_URL, "https://example.lambda-url.eu-central-1.on.aws/", "NONE")
SOURCES = {"s3": bucket_arn("uploads"), "sns": topic_arn("orders"), "events": rule_arn("nightly")}
CHANCES = st.sampled_from([0.0, 0.0, 0.3, 1.0])
qualifiers = st.sampled_from(QUALIFIERS)


def notifications(ours: list[str | None], theirs: int) -> list[Invoker]:
    """One bucket that tells this function and others, and a queue."""
    entries = [rule_of_bucket(qualified(each), f"ours-{n}") for n, each in enumerate(ours)]
    entries += [rule_of_bucket(qualified(None, "archive"), f"theirs-{n}") for n in range(theirs)]
    whole = {"LambdaFunctionConfigurations": entries, "QueueConfigurations": [{"Id": "queue"}]}
    return [
        Invoker(Kind.BUCKET, SOURCES["s3"], f"ours-{n}", each, config=whole) for n, each in enumerate(ours)
    ]


@st.composite
def permissions(draw: st.DrawFn) -> tuple[Permission, ...]:
    """Of each service one, two that say the same, one that cannot be said, or none."""
    found: list[Permission] = []
    for service, source in SOURCES.items():
        account = draw(st.sampled_from([None, ACCOUNT]))
        one = permission(service, source, sid=service, source_account=account)
        twice, inexact = replace(one, sid=f"{service}-2"), replace(one, exact=False)
        found += draw(st.sampled_from([[one], [one], [one, twice], [inexact], [one, inexact], []]))
    return tuple(found)


@st.composite
def codes(draw: st.DrawFn) -> Code:
    """What is live, and up to three versions."""
    state = st.sampled_from(["Active", "Active", "Active", "Active", "Inactive", "Failed"])
    kinds = [("A", "128 MB"), ("A", "256 MB"), ("B", "128 MB")]
    published = {
        str(n): version(str(n), *draw(st.sampled_from(kinds)), state=draw(state))
        for n in range(1, draw(st.integers(0, 3)) + 1)
    }
    newest = published.get(str(len(published)))
    odd = draw(st.sampled_from(["", "", "", "", "SnapStart"]))
    return Code(Version(LATEST, "A", "128 MB"), newest, published, unpublishable=odd)


@st.composite
def functions(draw: st.DrawFn) -> Function:
    """A function with any invokers, on any code."""
    code = draw(codes())
    numbers = st.sampled_from([LATEST, *code.versions])
    names = draw(st.sets(st.sampled_from(["live", "dev"])))
    aliases = {name: Alias(name, draw(numbers)) for name in sorted(names)}
    if "live" in aliases and not aliases["live"].is_latest and draw(st.integers(0, 9)) == 0:
        aliases["live"] = replace(aliases["live"], weights={"1": 0.1})
    count = st.integers(0, 2)
    invokers = [event_source_mapping(draw(qualifiers), name=f"m-{n}") for n in range(draw(count))]
    invokers += notifications(draw(st.lists(qualifiers, max_size=2)), draw(count))
    invokers += [target(draw(qualifiers), name=f"t-{n}") for n in range(draw(count))]
    invokers += [subscription(draw(qualifiers), name=f"s-{n}") for n in range(draw(st.integers(0, 1)))]
    invokers += draw(st.sampled_from([[], [], [], [URL], [people()]]))
    allowed = draw(permissions())
    has = draw(st.sampled_from([(), (), allowed])) if "live" in aliases else ()
    return Function(
        ORDERS,
        tuple(invokers),
        aliases,
        permissions=allowed,
        granted=has,
        code=code,
        stack=draw(st.sampled_from([None, STACK, STACK, replace(STACK, settled=False)])),
        async_settings_missing=draw(st.integers(0, 5)) == 0,
    )


@st.composite
def cases(draw: st.DrawFn) -> Case:
    """A first judgement."""
    mode = draw(st.sampled_from([Mode.ENFORCE, Mode.ENFORCE, Mode.ENFORCE, Mode.OBSERVE]))
    environment = draw(st.sampled_from(["prod", "prod", "prod", "dev"]))
    rules = Rules(environment=environment, repoint_push=draw(st.booleans()))
    exempt = draw(st.sampled_from(["", "", "", "orders", "shop"]))
    return case(draw(functions()), mode=mode, rules=rules, exempt=exempt)


worlds = st.builds(
    World,
    case=cases(),
    random=st.integers(0, 2**32).map(Random),
    refuses=CHANCES,
    hides=CHANCES,
    prepares=st.sampled_from([0, 0, 1, 3, PATIENCE + 1]),
    full=st.sampled_from([False, False, False, True]),
    meddles=st.lists(st.sampled_from(sorted(MEDDLE)), max_size=3).map(tuple),
)


def travelled(world: World) -> tuple[list[tuple[Case, Judgement]], bool]:
    """Go through all judgements, as far as the workflow does: what is only observed ends at once."""
    way: list[tuple[Case, Judgement]] = []
    for judged, judgement in world.judgements():
        way.append((judged, judgement))
        if judged.mode is Mode.OBSERVE and judgement.next == "act":
            return way, False
    return way, True


def the_shape_is_what_the_workflow_expects(judged: Case, judgement: Judgement) -> None:
    assert bool(judgement.actions) or judgement.next != "act"
    assert not judgement.actions or judgement.next == "act" or judgement.outcome is Outcome.FAILED
    assert (judgement.next == "done") == (judgement.outcome is not None)
    assert judgement.next != "wait" or judgement.wait_seconds > 0


def nothing_is_asked_for_twice_at_once(judged: Case, judgement: Judgement) -> None:
    asked = Counter((a.kind, a.target, str(a.parameters)) for a in judgement.actions)
    assert max(asked.values(), default=1) == 1


def nothing_is_tried_more_often_than_allowed(judged: Case, judgement: Judgement) -> None:
    asked = Counter((a.kind, a.target, str(a.parameters)) for a in judged.attempts)
    assert max(asked.values(), default=0) <= TRIES


def nothing_is_done_where_it_must_not(judged: Case, judgement: Judgement) -> None:
    stack = judged.function.stack
    if not judged.is_prod or judged.exemption or (stack and not stack.settled):
        assert judgement.next == "done"
        assert not judgement.actions


def what_pushes_is_moved_only_where_the_owner_said_so(judged: Case, judgement: Judgement) -> None:
    pushes = (
        ActionKind.REPOINT_NOTIFICATION,
        ActionKind.REPOINT_TARGET,
        ActionKind.REPOINT_SUBSCRIPTION,
        ActionKind.END_SUBSCRIPTION,
    )
    if not judged.rules.repoint_push:
        assert not any(action.kind in pushes for action in judgement.actions)


def what_is_called_remediated_is_true(judged: Case, judgement: Judgement) -> None:
    if judgement.outcome is Outcome.REMEDIATED:
        assert not judged.exposed
        assert not judged.dangling
        assert judged.done


def what_runs_the_unpublished_code_in_prod_is_never_called_harmless(
    judged: Case, judgement: Judgement
) -> None:
    settled = judged.function.stack is None or judged.function.stack.settled
    if judged.exposed and settled:
        assert judgement.outcome not in (Outcome.DISMISSED, Outcome.REMEDIATED)


def each_step_waits_for_the_one_before(judged: Case, judgement: Judgement) -> None:
    if judged.mode is Mode.OBSERVE:
        return
    code, alias = judged.function.code, judged.function.aliases.get("live")
    assert code is not None
    for action in judgement.actions:
        if action.kind in (ActionKind.CREATE_ALIAS, ActionKind.UPDATE_ALIAS):
            chosen = code.versions[action.parameters["version"]]
            assert chosen.state == "Active"
            assert chosen.runs_the_same_as(code.latest)
        elif action.kind is not ActionKind.PUBLISH_VERSION:
            assert alias is not None
            assert code.versions[alias.version].runs_the_same_as(code.latest)


PROPERTIES = [
    the_shape_is_what_the_workflow_expects,
    nothing_is_asked_for_twice_at_once,
    nothing_is_tried_more_often_than_allowed,
    nothing_is_done_where_it_must_not,
    what_pushes_is_moved_only_where_the_owner_said_so,
    what_is_called_remediated_is_true,
    what_runs_the_unpublished_code_in_prod_is_never_called_harmless,
    each_step_waits_for_the_one_before,
]


@pytest.mark.parametrize("holds", PROPERTIES, ids=lambda check: check.__name__)
def test_every_judgement_on_the_way_of_a_finding(holds: Callable[[Case, Judgement], None]) -> None:
    @given(worlds)
    @hypothesis_settings(max_examples=200, deadline=None)
    def check(world: World) -> None:
        for judged, judgement in travelled(world)[0]:
            holds(judged, judgement)

    check()


@given(worlds)
@hypothesis_settings(max_examples=400, deadline=None)
def test_every_finding_ends(world: World) -> None:
    way, _ = travelled(world)

    assert len(way) <= LONGEST + 1


@given(worlds)
@hypothesis_settings(max_examples=400, deadline=None)
def test_without_others_a_finding_ends_by_patience_and_tries(world: World) -> None:
    world.meddles = ()
    actions = len(("publish", "alias", "mappings and permissions", "pushes", "end"))

    way, _ = travelled(world)

    assert len(way) <= PATIENCE + TRIES * 2 * actions + 1


@given(worlds)
@hypothesis_settings(max_examples=600, deadline=None)
def test_no_step_changes_what_live_traffic_runs_or_what_is_another_functions(world: World) -> None:
    """Nor does one move it to what is not there, not Active, or does not let it in."""
    travelled(world)

    assert world.broken == []


@given(worlds)
@hypothesis_settings(max_examples=300, deadline=None)
def test_what_is_only_observed_changes_nothing(world: World) -> None:
    world.case, world.meddles = replace(world.case, mode=Mode.OBSERVE), ()

    way, _ = travelled(world)

    assert world.attempts == []
    assert world.now == way[0][0].function


@given(worlds)
@hypothesis_settings(max_examples=300, deadline=None)
def test_in_a_world_that_obeys_nothing_fails(world: World) -> None:
    world.refuses = world.hides = 0.0
    world.full, world.meddles, world.prepares = False, (), min(world.prepares, 3)

    way, _ = travelled(world)

    failed = {a.error for a in world.attempts if a.status == "failed"}
    blocked = way[-1][1].reason.startswith("version ")
    assert way[-1][1].outcome is not Outcome.FAILED or blocked
    assert not failed


@given(worlds)
@hypothesis_settings(max_examples=300, deadline=None)
def test_where_the_alias_can_be_used_no_mapping_runs_the_unpublished_code_afterwards(world: World) -> None:
    world.refuses = world.hides = 0.0
    world.full, world.meddles, world.prepares = False, (), min(world.prepares, 3)

    way, whole = travelled(world)

    judged, last = way[-1]
    if whole and world.attempts and last.outcome in (Outcome.REMEDIATED, Outcome.OBSERVED):
        assert not [i for i in judged.exposed if i.kind is Kind.MAPPING]


@given(worlds)
@hypothesis_settings(max_examples=300, deadline=None)
def test_a_topic_tells_the_function_once_in_the_end(world: World) -> None:
    world.refuses = world.hides = 0.0
    world.full, world.meddles = False, ()

    travelled(world)

    told = [i for i in world.now.invokers if i.kind is Kind.TOPIC]
    assert len(told) == len([i for i in world.case.function.invokers if i.kind is Kind.TOPIC])


def without_storage(world: World) -> list[Attempt]:
    world.full, world.refuses, world.hides, world.meddles = True, 0.0, 0.0, ()
    travelled(world)
    return world.attempts


@given(worlds)
@hypothesis_settings(max_examples=300, deadline=None)
def test_where_no_version_can_be_published_nothing_is_half_done(world: World) -> None:
    attempts = without_storage(world)

    if any(attempt.kind is ActionKind.PUBLISH_VERSION for attempt in attempts):
        assert len(attempts) == 1


@pytest.mark.parametrize("outcome", [Outcome.REMEDIATED, Outcome.FAILED, Outcome.OBSERVED, Outcome.EXEMPT])
def test_the_simulated_worlds_reach_every_end(outcome: Outcome) -> None:
    def ends_so(world: World) -> bool:
        way, _ = travelled(world)
        return way[-1][1].outcome is outcome

    find(worlds, ends_so, settings=FIRST_FOUND, random=Random(1))  # noqa: S311


@pytest.mark.parametrize(
    "kind",
    [
        kind
        for kind in ActionKind
        if kind.startswith(("publish", "create-alias", "update", "add-", "repoint"))
    ],
)
def test_the_simulated_worlds_reach_every_step(kind: ActionKind) -> None:
    def takes_it(world: World) -> bool:
        travelled(world)
        return any(attempt.kind is kind and attempt.status == "done" for attempt in world.attempts)

    find(worlds, takes_it, settings=FIRST_FOUND, random=Random(1))  # noqa: S311


def test_the_whole_way_of_a_function_that_obeys() -> None:
    """A version has to be prepared, a mapping is changed for a while, a bucket may be overwritten."""
    sources = [event_source_mapping(), *notifications([None, LATEST], theirs=1), target(), subscription()]
    allowed = [permission(service, source, sid=service) for service, source in SOURCES.items()]
    code = Code(Version(LATEST, "A", "128 MB"), version("1", "B"), {"1": version("1", "B")})
    state = Function(ORDERS, tuple(sources), permissions=tuple(allowed), code=code)
    world = World(case(state, rules=Rules(repoint_push=True)), Random(1), prepares=2)  # noqa: S311

    way, _ = travelled(world)

    assert [(attempt.kind, attempt.status) for attempt in world.attempts] == [
        (ActionKind.PUBLISH_VERSION, "done"),
        (ActionKind.CREATE_ALIAS, "done"),
        (ActionKind.REPOINT_MAPPING, "done"),
        (ActionKind.ADD_PERMISSION, "done"),
        (ActionKind.ADD_PERMISSION, "done"),
        (ActionKind.ADD_PERMISSION, "done"),
        (ActionKind.REPOINT_NOTIFICATION, "done"),
        (ActionKind.REPOINT_TARGET, "done"),
        (ActionKind.REPOINT_SUBSCRIPTION, "done"),
        (ActionKind.END_SUBSCRIPTION, "done"),
    ]
    assert world.broken == []
    assert way[-1][1].outcome is Outcome.REMEDIATED
    assert {invoker.qualifier for invoker in world.now.invokers} == {"live"}
    assert world.now.aliases == {"live": Alias("live", "2")}
