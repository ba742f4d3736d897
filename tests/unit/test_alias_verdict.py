"""From judgements of `missing-alias` to verdicts: which finding it is, what is told already, which tags."""

import re
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from stackwarden.alias_settings import AliasSettings
from stackwarden.alias_verdict import (
    Found,
    Subject,
    code_told,
    first_verdict,
    is_part,
    next_verdict,
    state,
)
from stackwarden.episodes import STUCK, TOLD
from stackwarden.finding import NOBODY, Action, ActionKind, Actor, Mode, Outcome, Verdict
from stackwarden.ledger import Entry
from stackwarden.policies.alias_changes import ALIAS_TAG, MOVED_TAG
from stackwarden.policies.alias_reports import describe
from stackwarden.policies.alias_state import Kind
from stackwarden.policies.missing_alias import Case, Hazard, Rules, judge
from tests.alias_cases import (
    ACCOUNT,
    ORDERS,
    REGION,
    STACK,
    aliases,
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

GUARD = "missing-alias"
NOON = datetime(2026, 1, 15, 12, tzinfo=UTC)
MINUTE = timedelta(minutes=1)
# What a tag may hold: https://docs.aws.amazon.com/lambda/latest/dg/configuration-tags.html
TAG_TEXT = re.compile(r"[\w .:/=+\-@]*")
STAGING = Rules(environment="staging")
ACTOR = Actor(
    arn=f"arn:aws:iam::{ACCOUNT}:user/developer",
    event_id="e-1",
    event_name="CreateEventSourceMapping20150331",
    event_time=NOON.isoformat(),
    source_ip="198.51.100.7",
)
SUBJECT = Subject(hazard=Hazard.LATEST, function=ORDERS, seeds=((Kind.BUCKET, "uploads"),))


def settings(mode: Mode = Mode.ENFORCE) -> AliasSettings:
    place = f"{REGION}:{ACCOUNT}"
    return AliasSettings.model_validate(
        {
            "STACKWARDEN_MODE": mode,
            "STACKWARDEN_ENVIRONMENT": "prod",
            "STACKWARDEN_STATE_MACHINE_ARN": f"arn:aws:states:{place}:stateMachine:remediation",
            "STACKWARDEN_STATE_MACHINE_ROLE_ARN": f"arn:aws:iam::{ACCOUNT}:role/remediation",
            "STACKWARDEN_STACK_ID": f"arn:aws:cloudformation:{place}:stack/stackwarden/1",
            "AWS_LAMBDA_FUNCTION_NAME": "stackwarden-missing-alias",
            "STACKWARDEN_DOCUMENTATION_URL": "https://example.com/docs",
            "STACKWARDEN_ALIAS_NAME": "live",
            "STACKWARDEN_PROD_NAMES": "prod",
            "STACKWARDEN_PROD_TAG": "environment=prod",
            "STACKWARDEN_PIPELINE_PRINCIPALS": "",
            "STACKWARDEN_REPOINT_PUSH_TRIGGERS": "false",
            "STACKWARDEN_LEDGER_TABLE": "ledger",
        }
    )


def found(judged: Case) -> Found:
    judgement = judge(judged)
    return Found(SUBJECT, judged, judgement, describe(judged, judgement), state(judged, Hazard.LATEST))


def first(judged: Case, *, number: int = 0, actor: Actor | None = ACTOR) -> Verdict:
    return first_verdict(GUARD, found(judged), number, actor, settings())


def entry(
    judged: Case, *, outcome: Outcome | None = Outcome.OBSERVED, opened: datetime = NOON, **evidence: Any
) -> Entry:
    """What the ledger keeps of a finding; outcome None: that is being worked on."""
    finding = first(judged).finding.model_dump(mode="json")
    return Entry(
        id=finding["id"],
        guard=GUARD,
        hazard=finding["hazard"],
        opened_at=opened,
        finding=finding | {"evidence": finding["evidence"] | evidence},
        outcome=outcome,
        closed_at=opened + MINUTE if outcome else None,
    )


def acted(judged: Case) -> list[Action]:
    return list(judge(judged).actions)


class TestTheState:
    """What makes a hazard the same one."""

    def test_is_who_invokes_and_which_code(self) -> None:
        both = case(function(mapping(), notification()))

        assert state(both, Hazard.LATEST) == (
            f"S3 notification {notification().source} on-upload",
            f"event source mapping {mapping().source} m-1",
            "A",
        )

    def test_does_not_depend_on_the_order_of_reading(self) -> None:
        one, other = case(function(mapping(), notification())), case(function(notification(), mapping()))

        assert state(one, Hazard.LATEST) == state(other, Hazard.LATEST)

    def test_is_another_one_with_other_code_in_prod_only(self) -> None:
        old, new = function(mapping()), function(mapping(), code=code(now="B"))

        assert state(case(old), Hazard.LATEST) != state(case(new), Hazard.LATEST)
        elsewhere = {state(case(each, rules=STAGING), Hazard.LATEST) for each in (old, new)}
        assert len(elsewhere) == 1

    def test_leaves_out_what_goes_through_an_alias(self) -> None:
        assert state(case(ready(mapping(), mapping("live", name="m-2"))), Hazard.LATEST) == state(
            case(ready(mapping())), Hazard.LATEST
        )

    def test_counts_what_names_no_alias_that_exists(self) -> None:
        [key] = state(case(function(mapping("gone"))), Hazard.LATEST)

        assert key == f"event source mapping {mapping().source} m-1"

    def test_counts_people_only_where_nobody_else_is(self) -> None:
        assert state(case(function(people())), Hazard.LATEST) == (
            "permission of an account 210987654321 people",
        )
        assert state(case(function(people(), mapping())), Hazard.LATEST) == state(
            case(function(mapping())), Hazard.LATEST
        )

    def test_of_an_alias_left_behind_is_the_code_and_the_version(self) -> None:
        behind = function(
            mapping("live"),
            live="1",
            code=code(version("1"), now="B"),
            tags={ALIAS_TAG: "live"},
        )

        assert state(case(behind), Hazard.BEHIND) == ("B", "1")


class TestAPart:
    WHOLE = case(function(mapping(), notification()))
    PART = case(function(mapping()))

    @pytest.mark.parametrize(("after", "known"), [(MINUTE, True), (STUCK, False)])
    def test_of_what_a_workflow_is_at_work_on_is_known(self, after: timedelta, known: bool) -> None:
        told = [entry(self.WHOLE, outcome=None)]

        assert is_part(told, found(self.PART), NOON + after, acts=True) == known

    @pytest.mark.parametrize("outcome", [Outcome.OBSERVED, Outcome.EXEMPT])
    @pytest.mark.parametrize(("after", "known"), [(TOLD, True), (TOLD + 2 * MINUTE, False)])
    def test_of_what_was_told_is_known_for_a_day(
        self, outcome: Outcome, after: timedelta, known: bool
    ) -> None:
        told = [entry(self.WHOLE, outcome=outcome)]

        assert is_part(told, found(self.PART), NOON + after, acts=False) == known

    def test_of_what_was_told_is_acted_on_all_the_same(self) -> None:
        assert not is_part([entry(self.WHOLE)], found(self.PART), NOON, acts=True)

    @pytest.mark.parametrize("outcome", [Outcome.REMEDIATED, Outcome.FAILED, Outcome.DISMISSED])
    def test_of_what_ended_otherwise_is_a_relapse(self, outcome: Outcome) -> None:
        assert not is_part([entry(self.WHOLE, outcome=outcome)], found(self.PART), NOON, acts=False)

    def test_is_less_than_the_whole(self) -> None:
        """The same state is the same finding: the workflow stops at the ledger."""
        told = [entry(self.WHOLE, outcome=None)]

        assert not is_part(told, found(self.WHOLE), NOON + MINUTE, acts=True)

    def test_is_nothing_more_than_the_whole(self) -> None:
        told = [entry(self.PART, outcome=None)]

        assert not is_part(told, found(self.WHOLE), NOON + MINUTE, acts=True)

    def test_with_other_code_is_none(self) -> None:
        new = case(function(mapping(), code=code(now="B")))

        assert not is_part([entry(self.WHOLE, outcome=None)], found(new), NOON + MINUTE, acts=True)


class TestTheCodeThatIsKnown:
    def test_is_the_newest_other_one(self) -> None:
        told = [
            entry(case(function(mapping())), opened=NOON + hours * timedelta(hours=1), code_sha256=sha256)
            for hours, sha256 in enumerate(("oldest", "before", "now"))
        ]

        assert code_told(told, "now", NOON + timedelta(hours=9)) == "before"

    def test_is_none_of_what_came_later(self) -> None:
        told = [entry(case(function(mapping())), opened=NOON + MINUTE, code_sha256="later")]

        assert code_told(told, "now", NOON) == ""

    @pytest.mark.parametrize("evidence", [{"code_sha256": "now"}, {"code_sha256": ""}, {"code_sha256": None}])
    def test_is_none_where_the_ledger_has_no_other(self, evidence: dict[str, Any]) -> None:
        assert code_told([entry(case(function(mapping())), **evidence)], "now", NOON + MINUTE) == ""
        assert code_told([], "now", NOON) == ""


class TestTheFirstVerdict:
    def test_tells_the_workflow_what_to_do(self) -> None:
        judged = case(function(mapping(), stack=STACK))

        verdict = first(judged)

        assert (verdict.next, verdict.outcome, verdict.actions) == ("act", None, acted(judged))
        assert verdict.annotations == []
        resource = verdict.finding.resource
        assert (resource.arn, resource.name, resource.stack_id) == (ORDERS, "orders", STACK.id)

    def test_has_a_subject_to_look_at_again(self) -> None:
        verdict = first(case(function(mapping())))

        assert Subject.model_validate(verdict.model_dump(mode="json")["subject"]) == SUBJECT

    def test_names_the_actor_or_nobody(self) -> None:
        judged = case(function(mapping()))

        assert Actor.model_validate_json(first(judged).actor) == ACTOR
        assert first(judged, actor=None).actor == NOBODY

    def test_is_the_same_finding_for_the_same_state(self) -> None:
        one, other = first(case(function(mapping()))), first(case(ready(mapping())))

        assert one.finding.id == other.finding.id

    def test_is_another_finding_by_its_number(self) -> None:
        judged = case(function(mapping()))

        assert first(judged).finding.id != first(judged, number=1).finding.id
        assert first(judged, number=1).finding.evidence["episode"] == 1

    def test_of_an_exemption_is_done(self) -> None:
        verdict = first(case(function(mapping()), exempt="orders"))

        assert (verdict.next, verdict.outcome) == ("done", Outcome.EXEMPT)
        assert verdict.finding.exemption is not None


class TestTheNextVerdict:
    def test_of_a_function_that_is_gone_is_dismissed(self) -> None:
        verdict = next_verdict(first(case(function(mapping()))), None)

        assert (verdict.next, verdict.outcome, verdict.actions) == ("done", Outcome.DISMISSED, [])

    def test_stays_the_same_finding_with_fewer_invokers(self) -> None:
        whole = first(case(function(mapping(), notification())), number=2)

        rest = next_verdict(whole, case(ready(notification())))

        assert rest.finding.id == whole.finding.id
        assert rest.finding.evidence["state"] == whole.finding.evidence["state"]
        assert rest.finding.evidence["episode"] == 2

    def test_takes_the_next_step(self) -> None:
        verdict = next_verdict(
            first(case(function(mapping()))), case(function(mapping(), published=[version("1")]))
        )

        assert [action.kind for action in verdict.actions] == [ActionKind.CREATE_ALIAS]

    def test_waits_without_actions(self) -> None:
        updating = function(mapping(), code=code(updating=True))

        verdict = next_verdict(first(case(function(mapping()))), case(updating))

        assert (verdict.next, verdict.actions) == ("wait", [])
        assert verdict.wait_seconds > 0


class TestTags:
    def tags(self, judged: Case) -> dict[str, str]:
        """What the workflow tags the function with when the finding ends."""
        verdict = next_verdict(first(case(function(mapping()))), judged)
        assert verdict.next == "done"
        if not verdict.annotations:
            return {}
        [tag] = verdict.annotations
        assert (tag.kind, tag.target) == (ActionKind.TAG_FUNCTION, ORDERS)
        return dict(tag.parameters["tags"])

    def made(self, kind: ActionKind, name: str = "live") -> Action:
        return Action(kind=kind, target=ORDERS, parameters={"name": name, "version": "1"})

    @pytest.mark.parametrize(
        ("kind", "tag"), [(ActionKind.CREATE_ALIAS, ALIAS_TAG), (ActionKind.UPDATE_ALIAS, MOVED_TAG)]
    )
    def test_name_the_alias_that_was_made_or_moved(self, kind: ActionKind, tag: str) -> None:
        tags = self.tags(case(ready(mapping("live")), attempts=[tried(self.made(kind))], round=5))

        assert tags[tag] == "live"
        assert len({ALIAS_TAG, MOVED_TAG} & set(tags)) == 1
        assert tags["stackwarden:outcome"] == "remediated"
        assert all(TAG_TEXT.fullmatch(value) for value in tags.values())

    def test_do_not_name_an_alias_that_was_there(self) -> None:
        """Its owner's deployments move it."""
        [move] = acted(case(ready(mapping())))

        tags = self.tags(case(ready(mapping("live")), attempts=[tried(move)], round=5))

        assert ALIAS_TAG not in tags

    def test_do_not_name_an_alias_that_could_not_be_made(self) -> None:
        [publish] = acted(case(function(mapping())))
        attempts = [tried(publish), *[tried(self.made(ActionKind.CREATE_ALIAS), error="no")] * 3]

        tags = self.tags(case(function(mapping(), published=[version("1")]), attempts=attempts, round=5))

        assert tags["stackwarden:outcome"] == "failed"
        assert ALIAS_TAG not in tags

    def test_are_none_where_nothing_was_changed(self) -> None:
        assert self.tags(case(function(mapping(), aliases=aliases(live="7")))) == {}

    def test_are_none_while_there_is_more_to_do(self) -> None:
        judged = case(ready(mapping()), attempts=[tried(self.made(ActionKind.CREATE_ALIAS))])

        assert next_verdict(first(case(function(mapping()))), judged).annotations == []
