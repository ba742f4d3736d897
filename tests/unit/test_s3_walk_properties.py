"""What holds for walks over any small estate; a brute force over short keys is the other opinion."""

from collections.abc import Iterator
from functools import cache
from itertools import permutations, product
from random import Random
from typing import Any

import pytest
from hypothesis import Phase, find, given, settings
from hypothesis import strategies as st

from local.authorization.policy import Policies, Request, decide
from stackwarden.policies.s3_state import (
    RAISED_BY,
    Function,
    Role,
    Statement,
    Trigger,
)
from stackwarden.policies.s3_walk import MOST_HOPS, Estate, Hop, survey
from tests.s3_cases import (
    Account,
    allow,
    bucket_arn,
    deny,
    explored,
    function_arn,
    notification,
    queue_arn,
    topic_arn,
)

FUNCTIONS, BUCKETS = ("f", "g", "h"), ("a", "b", "bb")
PREFIXES, SUFFIXES = ("", "in/", "x/"), ("", ".j")
ACTIONS = ("s3:PutObject", "s3:*", "s3:DeleteObject", "s3:Put*")
RESOURCES = (
    "*",
    *(f"{bucket}/{keys}" for bucket in (*BUCKETS, "b*") for keys in ("*", "in/*", "x/*", "*.j")),
)
EVENTS = ("s3:ObjectCreated:*", "s3:ObjectRemoved:*", "s3:ObjectTagging:Put")
# Whatever patterns and filters above have in common, they have in one of these.
KEYS = tuple(
    "".join((*folders, "k", suffix))
    for depth in range(4)
    for folders in product(("in/", "x/", "zz/"), repeat=depth)
    for suffix in SUFFIXES
)

some_resources = st.lists(st.sampled_from(RESOURCES), min_size=1, max_size=2, unique=True)
statements = st.builds(
    lambda is_allow, resources, action: (allow if is_allow else deny)(*resources, action=action),
    st.sampled_from([True, True, True, False]),
    some_resources,
    st.sampled_from(ACTIONS),
)
roles = st.lists(statements, max_size=3)


@st.composite
def accounts(draw: st.DrawFn) -> Account:
    """Some functions, each bucket with some notifications, straight or through a topic or a queue."""
    found = Account()
    for number in range(2):
        limits = draw(st.none() | st.none() | roles)
        found.role(f"r{number}", *draw(roles), boundary=None if limits is None else tuple(limits))
    for name in FUNCTIONS:
        found.function(name, role=draw(st.sampled_from(["r0", "r1"])))
    found.topic("news", *draw(st.lists(st.sampled_from(FUNCTIONS), max_size=2, unique=True)))
    found.queue("jobs", *draw(st.lists(st.sampled_from(FUNCTIONS), max_size=2, unique=True)))
    for name in BUCKETS:
        triggers = draw(st.lists(notifications(), max_size=3))
        policy = [deny(*draw(some_resources), principals=("AWS:*",))] if draw(st.booleans()) else []
        found.bucket(name, *triggers, policy=policy, permitted=draw(st.sampled_from([True, True, False])))
    return found


@st.composite
def notifications(draw: st.DrawFn) -> Trigger:
    targets = (*map(function_arn, FUNCTIONS), topic_arn("news"), queue_arn("jobs"))
    return notification(
        draw(st.sampled_from(targets)),
        prefix=draw(st.sampled_from(PREFIXES)),
        suffix=draw(st.sampled_from(SUFFIXES)),
        events=[draw(st.sampled_from(EVENTS))],
    )


FIRST_FOUND = settings(max_examples=1000, phases=[Phase.generate], database=None, deadline=None)

type Cycle = tuple[str, ...]


class BruteForce:
    """Every function, bucket and key one by one, and IAM's own rules for each."""

    def __init__(self, estate: Estate) -> None:
        self.estate = estate

    def cycles(self, start: str) -> set[Cycle]:
        """Every way from a function back to itself that passes no function twice."""
        others = [name for name in FUNCTIONS if name != start]
        return {
            canonical(cycle)
            for count in range(MOST_HOPS)
            for middle in permutations(others, min(count, len(others)))
            for cycle in self._ways((start, *middle, start))
        }

    def _ways(self, names: tuple[str, ...]) -> Iterator[Cycle]:
        over = [[b for b in BUCKETS if self.leads(names[i], b, names[i + 1])] for i in range(len(names) - 1)]
        for buckets in product(*over):
            yield tuple(part for pair in zip(names, buckets, strict=False) for part in pair)

    @cache  # noqa: B019 - lives as long as one example
    def leads(self, function: str, bucket: str, target: str) -> bool:
        """Whether some key that the function may write makes the bucket trigger the target."""
        known = self.estate.buckets[bucket]
        assert known is not None
        return any(self._fires(function, trigger, target) for trigger in known.triggers)

    def _fires(self, function: str, trigger: Trigger, target: str) -> bool:
        actions = {action for event in trigger.events for action in RAISED_BY[event]}
        return self._reaches(trigger, function_arn(target)) and any(
            self.allowed(function, action, trigger.bucket, key)
            for key in KEYS
            if passes(trigger, key)
            for action in actions
        )

    def _reaches(self, trigger: Trigger, target: str) -> bool:
        if trigger.target == target:  # by the building blocks, whatever has a statement names the bucket
            sources = [line.values for s in self.estate.invokers[target] for line in s.conditions]
            return (trigger.source_arn,) in sources
        between = {**self.estate.topics, **self.estate.queues}.get(trigger.target, ())
        return any(route.target == target for route in between)

    def allowed(self, function: str, action: str, bucket: str, key: str) -> bool:
        """Whether IAM allows it."""
        known = self.estate.functions[function_arn(function)]
        role = self.estate.roles[known.role_arn] if known else None
        assert role is not None
        return allows(role, self.estate.bucket_policies[bucket], action, f"{bucket_arn(bucket)}/{key}")


def allows(role: Role, bucket_policy: tuple[Statement, ...], action: str, arn: str) -> bool:
    boundary = None if role.boundary is None else document(role.boundary)
    policies = Policies([document((*role.statements, *bucket_policy))], boundary)
    return decide(policies, Request(action, arn)).allowed


def document(written: tuple[Statement, ...]) -> dict[str, Any]:
    """Write statements as a policy; those of a bucket's policy here only deny, and for everybody."""
    return {
        "Version": "2012-10-17",
        "Statement": [
            {"Effect": each.effect, "Action": list(each.actions), "Resource": list(each.resources)}
            for each in written
        ],
    }


def passes(trigger: Trigger, key: str) -> bool:
    return any(
        all(glob.matches(key) for glob in each.all_of) and not any(glob.matches(key) for glob in each.none_of)
        for each in trigger.filters
    )


def canonical(cycle: Cycle) -> Cycle:
    """Begin with the first function by name."""
    first = min(range(0, len(cycle), 2), key=lambda index: cycle[index])
    return (*cycle[first:], *cycle[:first])


def named(cycle: Cycle) -> Cycle:
    return tuple(part.rpartition(":")[2] for part in cycle)


@given(accounts(), st.sampled_from(FUNCTIONS))
@settings(max_examples=100, deadline=None)
def test_the_loops_are_those_that_brute_force_finds(found: Account, start: str) -> None:
    walked = found.survey(start)

    assert {named(loop.cycle) for loop in walked.loops} == BruteForce(found.estate).cycles(start)
    assert walked.cut == ()


@given(accounts(), st.sampled_from(FUNCTIONS))
@settings(max_examples=100, deadline=None)
def test_each_hop_is_a_proof(found: Account, start: str) -> None:
    for loop in found.survey(start).loops:
        for hop, following in zip(loop.hops, (*loop.hops[1:], loop.hops[0]), strict=True):
            assert passes(hop.trigger, hop.grant.key)
            assert hop.grant.action in RAISED_BY[hop.event]
            assert hop.event in hop.trigger.events
            assert allowed_by(found.estate, hop)
            assert hop.target == following.function
        assert len(loop.hops) <= MOST_HOPS


def allowed_by(estate: Estate, hop: Hop) -> bool:
    policy = estate.bucket_policies[hop.trigger.bucket]
    return allows(hop.caller.role, policy, hop.grant.action, hop.grant.object_arn)


@given(accounts(), st.sampled_from(FUNCTIONS))
@settings(max_examples=50, deadline=None)
def test_reading_step_by_step_ends_with_the_same_loops(found: Account, start: str) -> None:
    """Nothing is asked for twice (`explored` sees to it), and no more than there is."""
    walked, asked = explored(start, found.estate)

    assert {loop.cycle: loop.proven for loop in walked.loops} == {
        loop.cycle: loop.proven for loop in found.survey(start).loops
    }
    assert walked.unread == ()
    assert len(asked) <= 2 * len(FUNCTIONS) + 2 * len(BUCKETS) + 2 * 2 + len(("names", "topic", "queue"))


@given(accounts(), st.sampled_from(FUNCTIONS))
@settings(max_examples=60, deadline=None)
def test_a_loop_is_told_the_same_from_each_of_its_functions(found: Account, start: str) -> None:
    for loop in found.survey(start).loops:
        for function in loop.functions:
            assert loop.cycle in [other.cycle for other in survey(function, found.estate).loops]


@given(accounts(), st.sampled_from(FUNCTIONS))
@settings(max_examples=60, deadline=None)
def test_what_iam_refuses_is_never_told_again(found: Account, start: str) -> None:
    while loops := found.survey(start).loops:
        hop = loops[0].hops[0]
        key = (hop.caller.arn, hop.caller.role.arn, hop.grant.action, hop.grant.object_arn)
        assert key not in found.estate.refused
        found.estate.refused.add(key)


@pytest.mark.parametrize("length", range(1, len(FUNCTIONS) + 1))
def test_random_accounts_have_loops_of_every_length(length: int) -> None:
    def has_one(found: Account) -> bool:
        return any(len(loop.hops) == length for loop in found.survey("f").loops)

    find(accounts(), has_one, settings=FIRST_FOUND, random=Random(1))  # noqa: S311


def test_a_function_may_be_missing() -> None:
    found = Account().function("f", allow("*")).bucket("a", notification("g"), notification("f"))

    assert isinstance(found.estate.functions[function_arn("f")], Function)
    assert {named(loop.cycle) for loop in found.survey("f").loops} == {("f", "a")}
    assert function_arn("g") in [ref.name for ref in found.survey("f").unread]
