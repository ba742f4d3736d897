"""From judgements of `s3-recursion` to verdicts: which finding it is, on which function, with which tags."""

import re
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from stackwarden.episodes import TOLD, episode
from stackwarden.events import ApiCall, StackStatusChange
from stackwarden.finding import NOBODY, Action, ActionKind, Actor, Attempt, Mode, Outcome, Severity, Verdict
from stackwarden.guard import Event
from stackwarden.ledger import Entry
from stackwarden.policies.s3_recursion import (
    Cap,
    Case,
    FunctionState,
    Hazard,
    cap_concurrency,
    set_recursive_loop,
    uncap_concurrency,
)
from stackwarden.policies.s3_walk import Loop
from stackwarden.s3_starts import CAP_TAG
from stackwarden.s3_verdict import Cause, Subject, about, cap_set, first_verdict, next_verdict
from stackwarden.settings import Settings
from tests.s3_cases import (
    ACCOUNT,
    REGION,
    allow,
    fixed_case,
    function,
    function_arn,
    gone_case,
    loop_case,
    relay_loop,
    resize_loop,
    role_arn,
    tried,
)

GUARD = "s3-recursion"
NOON = datetime(2026, 1, 15, 12, tzinfo=UTC)
MINUTE = timedelta(minutes=1)
STUCK = timedelta(hours=3)
CAP = Cap(before=None, reserved=10, finding=f"{GUARD}-0123456789abcdef")
# What a tag may hold: https://docs.aws.amazon.com/lambda/latest/dg/configuration-tags.html
TAG_TEXT = re.compile(r"[\w .:/=+\-@]*")
STACK_ID = f"arn:aws:cloudformation:{REGION}:{ACCOUNT}:stack/shop/1"


def call(name: str = "PutBucketNotification", event_id: str = "e-1") -> ApiCall:
    return ApiCall.model_validate(
        {
            **envelope(),
            "detail": {
                "eventID": event_id,
                "eventSource": "s3.amazonaws.com",
                "eventName": name,
                "eventTime": NOON.isoformat(),
                "sourceIPAddress": "198.51.100.7",
                "userIdentity": {"arn": f"arn:aws:iam::{ACCOUNT}:user/developer"},
            },
        }
    )


def stack_completed() -> StackStatusChange:
    detail = {"stack-id": STACK_ID, "status-details": {"status": "CREATE_COMPLETE"}}
    return StackStatusChange.model_validate({**envelope(), "detail": detail})


def envelope() -> dict[str, Any]:
    return {"id": "1", "time": NOON.isoformat(), "account": ACCOUNT, "region": REGION}


def settings(mode: Mode = Mode.ENFORCE) -> Settings:
    place = f"{REGION}:{ACCOUNT}"
    return Settings.model_validate(
        {
            "STACKWARDEN_MODE": mode,
            "STACKWARDEN_ENVIRONMENT": "prod",
            "STACKWARDEN_STATE_MACHINE_ARN": f"arn:aws:states:{place}:stateMachine:remediation",
            "STACKWARDEN_STATE_MACHINE_ROLE_ARN": role_arn("remediation"),
            "STACKWARDEN_STACK_ID": f"arn:aws:cloudformation:{place}:stack/stackwarden/1",
            "AWS_LAMBDA_FUNCTION_NAME": "stackwarden-s3-recursion",
            "STACKWARDEN_DOCUMENTATION_URL": "https://example.com/docs",
        }
    )


def of_loop(loop: Loop) -> Subject:
    return Subject(
        hazard=Hazard.LOOP, start=loop.hops[0].function, functions=loop.functions, cycle=loop.cycle
    )


RESIZE = of_loop(resize_loop())
GONE = Subject.gone(function_arn("resize"), CAP)


def first(case: Case, *, subject: Subject = RESIZE, number: int = 0, event: Event | None = None) -> Verdict:
    found = first_verdict(GUARD, subject, case, number, Cause.of(event or call()), settings(case.mode))
    assert found is not None
    return found


def again(verdict: Verdict, case: Case | None, *, subject: Subject = RESIZE) -> Verdict:
    return next_verdict(verdict, subject, case, settings().place)


def entry(
    verdict: Verdict,
    *attempts: Attempt,
    outcome: Outcome | None = Outcome.REMEDIATED,
    opened: datetime = NOON,
    lasted: timedelta = MINUTE,
) -> Entry:
    """What the ledger keeps of a verdict that ended so; outcome None: that is being worked on."""
    return Entry(
        id=verdict.finding.id,
        guard=GUARD,
        hazard=verdict.finding.hazard,
        opened_at=opened,
        finding=verdict.finding.model_dump(mode="json"),
        attempts=attempts,
        outcome=outcome,
        closed_at=opened + lasted if outcome else None,
    )


class TestTheEpisode:
    """Which of several findings about the same loop an event belongs to."""

    def test_is_the_first_while_the_ledger_knows_nothing(self) -> None:
        assert episode([], NOON, held=False) == 0

    @pytest.mark.parametrize("after", [timedelta(0), MINUTE, 90 * MINUTE])
    def test_is_the_same_while_the_workflow_is_at_work(self, after: timedelta) -> None:
        told = [entry(first(loop_case(), number=4), outcome=None)]

        assert episode(told, NOON + after, held=False) == 4

    def test_is_a_new_one_when_the_workflow_died(self) -> None:
        told = [entry(first(loop_case(), number=4), outcome=None)]

        assert episode(told, NOON + STUCK, held=False) == 5

    def test_is_none_while_the_loop_is_held(self) -> None:
        assert episode([entry(first(loop_case()))], NOON + timedelta(days=40), held=True) is None

    @pytest.mark.parametrize("after", [timedelta(0), MINUTE, timedelta(days=40)])
    def test_is_a_new_one_when_a_verified_cap_was_lifted(self, after: timedelta) -> None:
        assert episode([entry(first(loop_case(), number=1))], NOON + after, held=False) == 2

    @pytest.mark.parametrize("outcome", [Outcome.OBSERVED, Outcome.EXEMPT])
    def test_is_the_same_for_a_day_where_it_is_only_told(self, outcome: Outcome) -> None:
        told = [entry(first(loop_case()), outcome=outcome)]

        assert episode(told, NOON + MINUTE + TOLD, held=False) == 0
        assert episode(told, NOON + 2 * MINUTE + TOLD, held=False) == 1

    def test_is_a_new_one_for_what_happens_after_a_failure(self) -> None:
        told = [entry(first(loop_case()), outcome=Outcome.FAILED)]

        assert episode(told, NOON + 2 * MINUTE, held=False) == 1

    def test_is_the_same_for_what_happened_before_a_failure_was_told(self) -> None:
        told = [entry(first(loop_case()), outcome=Outcome.FAILED)]

        assert episode(told, NOON, held=False) == 0

    def test_goes_by_the_newest_entry(self) -> None:
        told = [
            entry(first(loop_case(), number=0), opened=NOON),
            entry(first(loop_case(), number=1), opened=NOON + MINUTE, outcome=None),
        ]

        assert episode(about(told, RESIZE), NOON + 2 * MINUTE, held=False) == 1


class TestALoopThatWasOnlyTold:
    """Within the day for which that is quiet, it may become one to act on."""

    @pytest.mark.parametrize(
        "before",
        [
            loop_case(loop=resize_loop(allow("*"))),
            loop_case(function(reserved=3)),
            loop_case(exempt="resize"),
            loop_case(mode=Mode.OBSERVE),
        ],
        ids=["possible", "held by its owner", "exempt", "mode observe"],
    )
    def test_is_another_finding_when_it_is_acted_on(self, before: Case) -> None:
        """The workflow stops where the ledger has the finding already."""
        told = first(before)
        entries = [entry(told, outcome=told.outcome or Outcome.OBSERVED)]

        number = episode(about(entries, RESIZE), NOON + 10 * MINUTE, held=False, acts=True)

        assert number is not None
        now = first(loop_case(), number=number)
        assert now.next == "act"
        assert now.finding.id != told.finding.id


class TestWhatTheLedgerKnows:
    def test_is_about_the_same_loop_only(self) -> None:
        mine, other = entry(first(loop_case())), relay_loop("resize", "other")
        case = loop_case(function("resize"), function("other"), loop=other)
        its = entry(first(case, subject=of_loop(other)))

        assert about([its, mine], RESIZE) == [mine]
        assert about([its, mine], of_loop(other)) == [its]

    def test_is_about_the_same_cap_where_a_loop_is_gone(self) -> None:
        mine = entry(first(gone_case(function(reserved=10), CAP), subject=GONE))
        cap = Cap(before=None, reserved=10, finding="another one")
        other = Subject.gone(function_arn("resize"), cap)
        its = entry(first(gone_case(function(reserved=10), cap), subject=other))

        assert about([its, mine, entry(first(loop_case()))], GONE) == [mine]

    def test_comes_newest_first(self) -> None:
        old = entry(first(loop_case()))
        new = entry(first(loop_case(), number=1), opened=NOON + MINUTE)

        assert about([old, new], RESIZE) == about([new, old], RESIZE) == [new, old]

    @pytest.mark.parametrize("cut", [(), ("the walk reached its bound on calls",)])
    def test_is_about_the_loop_after_it_was_gone_in_between(self, cut: tuple[str, ...]) -> None:
        done = tried(cap_concurrency(function(), 10))
        case = fixed_case(function(reserved=10), attempts=[done], cut=cut, round=1)

        ended = again(first(loop_case()), case)

        assert ended.finding.evidence["cycle"] == list(RESIZE.cycle)

    def test_of_a_dismissed_finding_leads_to_another_one_when_the_loop_is_back(self) -> None:
        """The ledger has an entry of that id already, so that the workflow would stop there."""
        verdict = first(loop_case())
        dismissed = entry(again(verdict, None), outcome=Outcome.DISMISSED)

        number = episode(about([dismissed], RESIZE), NOON + timedelta(days=1), held=False)

        assert number is not None
        assert first(loop_case(), number=number).finding.id != verdict.finding.id


class TestTheCapThatWasSet:
    def test_is_what_the_workflow_did(self) -> None:
        done = tried(cap_concurrency(function(reserved=50), 10))

        found = cap_set([entry(first(loop_case()), done)], function_arn("resize"))

        assert found == Cap(
            50, 10, first(loop_case()).finding.id, cycle=RESIZE.cycle, names=(function_arn("resize"),)
        )

    def test_is_the_newest(self) -> None:
        caps = [
            tried(cap_concurrency(function(), 10)),
            tried(cap_concurrency(function(reserved=50), 5)),
            tried(cap_concurrency(function(reserved=60), 5)),
        ]
        old = entry(first(loop_case()), caps[0])
        new = entry(first(loop_case(), number=1), *caps[1:], opened=NOON + MINUTE)

        found = cap_set([old, new], function_arn("resize"))

        assert found == cap_set([new, old], function_arn("resize"))
        assert found == Cap(60, 5, new.id, cycle=RESIZE.cycle, names=(function_arn("resize"),))

    def test_is_none_where_lambda_refused_it_or_it_was_another_function(self) -> None:
        refused = tried(cap_concurrency(function(), 10), error="Lambda.X: no")
        other = tried(cap_concurrency(function("other"), 10))
        recursion = tried(set_recursive_loop(function()))

        assert cap_set([entry(first(loop_case()), refused, other, recursion)], RESIZE.functions[0]) is None
        assert cap_set([], function_arn("resize")) is None


class TestTheFirstVerdict:
    def test_is_none_where_there_is_no_hazard(self) -> None:
        assert first_verdict(GUARD, RESIZE, fixed_case(), 0, Cause.of(call()), settings()) is None
        nothing_left = gone_case(function(), CAP)
        assert first_verdict(GUARD, GONE, nothing_left, 0, Cause.of(call()), settings()) is None

    def test_carries_what_the_workflow_needs(self) -> None:
        verdict = first(loop_case())

        assert (verdict.next, verdict.outcome, verdict.round) == ("act", None, 0)
        assert [action.kind for action in verdict.actions] == [ActionKind.CAP_CONCURRENCY]
        assert verdict.function == "stackwarden-s3-recursion"
        assert Subject.model_validate(verdict.subject) == RESIZE
        assert Actor.model_validate_json(verdict.actor) == verdict.finding.actor == call().actor
        assert verdict.finding.evidence["episode"] == 0
        assert verdict.finding.severity is Severity.HIGH

    def test_says_so_where_nobody_is_known(self) -> None:
        verdict = first(loop_case(), event=stack_completed())

        assert (verdict.actor, verdict.finding.actor) == (NOBODY, None)

    def test_names_the_stack_whose_completion_was_told(self) -> None:
        verdict = first(loop_case(), event=stack_completed())

        assert verdict.finding.resource.stack_id == STACK_ID
        assert again(verdict, loop_case(round=1)).finding.resource.stack_id == STACK_ID
        assert first(loop_case()).finding.resource.stack_id is None

    def test_names_the_function_that_is_capped(self) -> None:
        case = loop_case(function("a", peak=5), function("b", peak=1))
        verdict = first(case, subject=of_loop(relay_loop("a", "b")))

        resource = verdict.finding.resource

        assert (resource.arn, resource.name) == (function_arn("b"), "b")
        assert (resource.account, resource.region) == (ACCOUNT, REGION)

    def test_names_the_first_function_where_none_is_capped(self) -> None:
        case = loop_case(function("a", peak=5, reserved=1), function("b", peak=1))

        assert first(case, subject=of_loop(relay_loop("a", "b"))).finding.resource.name == "a"

    def test_of_a_loop_that_is_gone_keeps_what_cap_it_was(self) -> None:
        verdict = first(gone_case(function(reserved=10), CAP), subject=GONE)

        assert verdict.finding.evidence["cap_of"] == CAP.finding
        assert Subject.model_validate(verdict.subject).cap == CAP

    def test_keeps_the_exemption(self) -> None:
        verdict = first(loop_case(exempt="resize"))

        assert verdict.outcome is Outcome.EXEMPT
        assert verdict.finding.exemption is not None
        assert verdict.annotations == []


class TestTheFindingsId:
    def test_is_the_same_for_the_same_loop_by_two_events(self) -> None:
        ids = {
            first(loop_case(), event=event).finding.id
            for event in (call(), call("AddPermission20150331v2", "e-2"), stack_completed())
        }

        assert len(ids) == 1

    @pytest.mark.parametrize("changed", [{"peak": 9}, {"dropped": 3}, {"reserved": 400}])
    def test_does_not_depend_on_what_changes_by_itself(self, changed: dict[str, Any]) -> None:
        assert first(loop_case(function(**changed))).finding.id == first(loop_case()).finding.id

    def test_is_the_same_from_whichever_function_the_walk_began(self) -> None:
        names = ("b", "c", "a")
        states = [function(name) for name in ("a", "b", "c")]
        found = {
            first(loop_case(*states, loop=loop), subject=of_loop(loop)).finding.id
            for loop in (relay_loop(*names[turn:], *names[:turn]) for turn in range(3))
        }

        assert len(found) == 1

    def test_tells_episodes_loops_and_hazards_apart(self) -> None:
        two = relay_loop("resize", "other")
        verdicts = [
            first(loop_case()),
            first(loop_case(), number=1),
            first(loop_case(function("resize"), function("other"), loop=two), subject=of_loop(two)),
            first(gone_case(function(reserved=10), CAP), subject=GONE),
            first(gone_case(function(reserved=10), CAP), subject=GONE, number=1),
        ]

        assert len({verdict.finding.id for verdict in verdicts}) == len(verdicts)


class TestTheNextVerdict:
    DONE = tried(cap_concurrency(function(reserved=50), 10))

    def verified(self, state: FunctionState | None = None) -> Verdict:
        case = loop_case(state or function(reserved=10), attempts=[self.DONE], round=1)
        return again(first(loop_case(function(reserved=50))), case)

    def test_keeps_the_findings_id_actor_and_episode(self) -> None:
        before = first(loop_case(function(reserved=50)), number=3)

        after = again(before, loop_case(function(reserved=10), attempts=[self.DONE], round=1))

        assert after.finding.id == before.finding.id
        assert after.finding.actor == call().actor
        assert after.finding.evidence["episode"] == 3
        assert (after.next, after.outcome, after.actions) == ("done", Outcome.REMEDIATED, [])

    def test_tags_the_function_with_the_cap_and_the_value_before(self) -> None:
        verdict = self.verified()

        [annotation] = verdict.annotations
        assert annotation.kind is ActionKind.TAG_FUNCTION
        assert annotation.target == function_arn("resize")
        assert annotation.parameters["tags"] == {
            "stackwarden:finding": verdict.finding.id,
            "stackwarden:outcome": "remediated",
            "stackwarden:concurrency-cap": "10",
            "stackwarden:concurrency-before": "50",
        }

    def test_tags_only_with_what_lambda_takes(self) -> None:
        none_before = again(
            first(loop_case()),
            loop_case(function(reserved=10), attempts=[tried(cap_concurrency(function(), 10))], round=1),
        )
        for verdict in (self.verified(), none_before):
            [annotation] = verdict.annotations
            for key, value in annotation.parameters["tags"].items():
                assert TAG_TEXT.fullmatch(key), key
                assert TAG_TEXT.fullmatch(value), value
                assert len(key) <= 128
                assert len(value) <= 256
        assert none_before.annotations[0].parameters["tags"]["stackwarden:concurrency-before"] == "none"

    def test_does_not_tag_with_a_cap_that_was_not_set(self) -> None:
        state = function(reserved=5)
        case = loop_case(state, attempts=[tried(set_recursive_loop(state))], round=1)

        [annotation] = again(first(loop_case(function(allows_recursion=True))), case).annotations

        assert set(annotation.parameters["tags"]) == {"stackwarden:finding", "stackwarden:outcome"}

    def test_tags_nothing_while_it_is_not_over(self) -> None:
        assert self.verified(function(reserved=None)).next == "wait"
        assert self.verified(function(reserved=None)).annotations == []

    def test_moves_to_the_function_on_which_the_cap_fell(self) -> None:
        two, states = relay_loop("a", "b"), (function("a"), function("b"))
        refused = tried(cap_concurrency(states[0], 10), error="Lambda.ResourceConflictException: busy")
        before = first(loop_case(*states), subject=of_loop(two))
        assert before.finding.resource.name == "a"

        after = again(before, loop_case(*states, attempts=[refused], round=1), subject=of_loop(two))

        assert after.next == "act"
        assert after.finding.resource.name == "b"

    def test_tags_the_function_that_bears_the_cap(self) -> None:
        two, states = relay_loop("a", "b"), (function("a"), function("b", reserved=10))
        lifted = [tried(cap_concurrency(states[0], 10), in_round=2 * n) for n in range(3)]
        held = tried(cap_concurrency(states[1], 10), in_round=6)
        before = first(loop_case(function("a"), function("b")), subject=of_loop(two))

        case = loop_case(*states, attempts=[*lifted, held], round=7)
        verdict = again(before, case, subject=of_loop(two))

        assert verdict.outcome is Outcome.REMEDIATED
        assert [annotation.target for annotation in verdict.annotations] == [function_arn("b")]

    def test_of_a_released_cap_takes_the_tags_away(self) -> None:
        release = tried(uncap_concurrency(function(reserved=10), None))
        verdict = again(
            first(gone_case(function(reserved=10), CAP), subject=GONE),
            gone_case(function(), CAP, attempts=[release], round=1),
            subject=GONE,
        )

        assert verdict.outcome is Outcome.REMEDIATED
        assert verdict.annotations == [
            Action(
                kind=ActionKind.UNTAG_FUNCTION,
                target=function_arn("resize"),
                parameters={
                    "keys": [
                        "stackwarden:finding",
                        "stackwarden:outcome",
                        CAP_TAG,
                        "stackwarden:concurrency-before",
                    ]
                },
            )
        ]

    def test_ends_when_the_functions_are_gone(self) -> None:
        verdict = again(first(loop_case()), None)

        assert (verdict.next, verdict.outcome, verdict.actions) == ("done", Outcome.DISMISSED, [])

    def test_travels_as_json(self) -> None:
        verdict = self.verified()

        assert Verdict.model_validate_json(verdict.model_dump_json()) == verdict
