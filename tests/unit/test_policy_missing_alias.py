"""The judgement of `missing-alias`: the order of the steps, what is left alone, and when it is given up."""

from dataclasses import replace
from typing import Any

import pytest

from stackwarden.finding import Action, ActionKind, Attempt, Mode, Outcome
from stackwarden.lambda_names import LATEST
from stackwarden.policies.alias_state import Alias, Function, Invoker, Kind, StackPlace
from stackwarden.policies.missing_alias import (
    LONGEST,
    MOST_ACTIONS,
    MOST_RELAPSES,
    PATIENCE,
    SETTLED_ROUNDS,
    STALE_ROUNDS,
    TRIES,
    Case,
    Rules,
    judge,
)
from tests.alias_cases import (
    LETTING_IN,
    LIVE,
    ORDERS,
    PUSHING,
    STACK,
    aliases,
    case,
    code,
    function,
    mapping,
    notification,
    people,
    permission,
    ready,
    rule_of_bucket,
    subscription,
    target,
    tried,
    version,
)

PUBLISH, CREATE, UPDATE = ActionKind.PUBLISH_VERSION, ActionKind.CREATE_ALIAS, ActionKind.UPDATE_ALIAS
PERMIT, REPOINT = ActionKind.ADD_PERMISSION, ActionKind.REPOINT_MAPPING
BUSY = "Lambda.ResourceConflictException: an update is in progress"
FULL = "Lambda.CodeStorageExceededException: Code storage limit exceeded."
OWN_URL = Invoker(Kind.FUNCTION_URL, "https://example.lambda-url.eu-central-1.on.aws/", "NONE")


def asked(judged: Case) -> list[ActionKind]:
    """What the workflow is told to do."""
    judgement = judge(judged)
    assert judgement.next == "act"
    assert judgement.outcome is None
    return [action.kind for action in judgement.actions]


def only_action(judged: Case) -> Action:
    """The one thing that the workflow is told to do."""
    [action] = judge(judged).actions
    return action


def ended(judged: Case) -> Outcome | None:
    judgement = judge(judged)
    assert judgement.next == "done"
    return judgement.outcome


def waits(judged: Case) -> bool:
    judgement = judge(judged)
    assert judgement.next != "wait" or (judgement.wait_seconds > 0 and judgement.actions == ())
    return judgement.next == "wait"


def moved(name: str = "m-1", in_round: int = 0, error: str = "") -> Attempt:
    """What the workflow made of moving a mapping to the alias."""
    action = Action(kind=REPOINT, target=name, parameters={"function": LIVE}, before={"function": ORDERS})
    return tried(action, error=error, in_round=in_round)


def repeated(state: Function, error: str, times: int = TRIES, **rest: Any) -> Case:
    """The case after its first action failed so often."""
    action = only_action(case(state, **rest))
    attempts = [tried(action, error=error, in_round=n) for n in range(times)]
    return case(state, attempts=attempts, round=times, **rest)


class TestTheSteps:
    def test_begin_with_a_version(self) -> None:
        action = only_action(case(function(mapping())))

        assert (action.kind, action.target) == (PUBLISH, ORDERS)
        assert action.parameters == {"code_sha256": "A"}
        assert action.before == {"version": None}

    def test_go_on_with_the_alias(self) -> None:
        action = only_action(case(function(mapping(), published=[version("1")])))

        assert (action.kind, action.target) == (CREATE, ORDERS)
        assert action.parameters == {"name": "live", "version": "1"}
        assert action.before == {"version": None}

    def test_go_on_with_mappings_and_permissions(self) -> None:
        state = ready(mapping(), notification(), permissions=LETTING_IN)

        assert asked(case(state)) == [REPOINT, PERMIT]

    def test_end_with_what_pushes_events_where_the_owner_said_so(self) -> None:
        state = ready(mapping("live"), target(), permissions=LETTING_IN, granted=LETTING_IN)

        assert asked(case(state, rules=PUSHING)) == [ActionKind.REPOINT_TARGET]

    def test_leave_what_pushes_events_to_its_owner(self) -> None:
        state = ready(mapping("live"), target(), permissions=LETTING_IN, granted=LETTING_IN)

        assert ended(case(state)) is Outcome.OBSERVED

    def test_are_remediated_when_nothing_runs_the_unpublished_code(self) -> None:
        assert ended(case(ready(mapping("live")), attempts=[moved()], round=1)) is Outcome.REMEDIATED

    def test_that_moved_mappings_are_not_all_where_something_is_left_to_its_owner(self) -> None:
        state = ready(mapping("live"), OWN_URL)

        assert ended(case(state, attempts=[moved()], round=1)) is Outcome.OBSERVED

    def test_are_all_told_at_once_in_mode_observe(self) -> None:
        state = function(mapping(), notification(), target(), subscription(), permissions=LETTING_IN)

        assert asked(case(state, mode=Mode.OBSERVE, rules=PUSHING)) == [
            PUBLISH,
            CREATE,
            REPOINT,
            PERMIT,
            PERMIT,
            PERMIT,
            ActionKind.REPOINT_NOTIFICATION,
            ActionKind.REPOINT_TARGET,
            ActionKind.REPOINT_SUBSCRIPTION,
        ]

    def test_are_taken_with_the_alias_of_the_accounts_owner(self) -> None:
        state = function(mapping(), published=[version("1")])

        assert only_action(case(state, rules=Rules(alias="stable"))).parameters["name"] == "stable"

    def test_move_as_many_mappings_in_a_round_as_a_workflow_can_carry(self) -> None:
        mappings = [mapping(name=f"m-{n}", queue=f"queue-{n}") for n in range(70)]

        assert asked(case(ready(*mappings))) == [REPOINT] * MOST_ACTIONS


class TestTheVersion:
    @pytest.mark.parametrize("newest", [version("4", "B"), version("4", settings="256 MB")])
    def test_is_new_where_the_newest_has_other_code_or_other_settings(self, newest: Any) -> None:
        action = only_action(case(function(mapping(), published=[version("3"), newest])))

        assert (action.kind, action.before) == (PUBLISH, {"version": "4"})

    def test_is_the_newest_where_that_runs_the_same(self) -> None:
        state = function(mapping(), published=[version("9", "B"), version("10")])

        assert only_action(case(state)).parameters["version"] == "10"

    def test_is_waited_for_while_it_is_prepared(self) -> None:
        assert waits(case(function(mapping(), published=[version("1", state="Pending")])))

    def test_that_takes_too_long_is_a_failure(self) -> None:
        state = function(mapping(), published=[version("1", state="Pending")])
        judgement = judge(case(state, round=PATIENCE))

        assert judgement.outcome is Outcome.FAILED
        assert judgement.reason == "version 1 is still being prepared"

    @pytest.mark.parametrize("state", ["Inactive", "Failed"])
    def test_that_cannot_be_invoked_is_not_used(self, state: str) -> None:
        newest = version("1", state=state, reason="The function is idle")
        judgement = judge(case(function(mapping(), published=[newest])))

        assert judgement.outcome is Outcome.OBSERVED
        assert judgement.reason == f"version 1 cannot be invoked: it is {state} The function is idle"

    def test_that_failed_after_it_was_published_is_a_failure(self) -> None:
        published = tried(only_action(case(function(mapping()))))
        state = function(mapping(), published=[version("1", state="Failed")])

        assert ended(case(state, attempts=[published], round=1)) is Outcome.FAILED

    def test_of_an_alias_that_is_there_counts_more_than_a_newer_one_that_runs_the_same(self) -> None:
        known = [version("1"), version("2", state="Pending")]

        assert asked(case(function(mapping(), live="1", published=known))) == [REPOINT]

    def test_that_is_published_and_does_not_show_yet_is_waited_for(self) -> None:
        state = function(mapping())
        published = tried(only_action(case(state)))

        assert waits(case(state, attempts=[published], round=STALE_ROUNDS))

    def test_of_code_that_changed_meanwhile_is_published_by_what_it_is_now(self) -> None:
        """CodeSha256 lets Lambda refuse the first one."""
        first = tried(only_action(case(function(mapping()))), error="Lambda.InvalidParameterValueException")
        changed = function(mapping(), code=code(now="B"))

        action = only_action(case(changed, attempts=[first], round=1))

        assert action.parameters == {"code_sha256": "B"}


class TestAnAliasThatIsThere:
    def test_is_used_where_it_runs_the_same(self) -> None:
        assert asked(case(ready(mapping()))) == [REPOINT]

    def test_is_moved_to_the_version_where_it_is_on_the_unpublished_code(self) -> None:
        state = function(mapping(), live=LATEST, published=[version("1")])

        action = only_action(case(state))

        assert action.kind is UPDATE
        assert action.parameters == {"name": "live", "version": "1"}
        assert action.before == {"version": LATEST}

    def test_does_not_count_while_it_is_on_the_unpublished_code(self) -> None:
        assert asked(case(function(mapping("live"), live=LATEST))) == [PUBLISH]

    def test_takes_along_what_goes_through_it(self) -> None:
        state = function(mapping("live"), live=LATEST, published=[version("1")])

        assert asked(case(state, mode=Mode.OBSERVE)) == [UPDATE]

    @pytest.mark.parametrize("on", [version("1", "B"), version("1", settings="256 MB")])
    def test_is_left_where_it_runs_something_else(self, on: Any) -> None:
        state = function(mapping(), live="1", published=[on, version("2")])
        judgement = judge(case(state))

        assert judgement.outcome is Outcome.OBSERVED
        assert "would change what runs" in judgement.reason

    def test_is_left_where_its_version_is_not_known(self) -> None:
        assert ended(case(function(mapping(), live="1"))) is Outcome.OBSERVED

    def test_is_left_while_it_shares_its_traffic(self) -> None:
        shared = {"live": Alias("live", "1", {"2": 0.1})}
        state = replace(ready(mapping()), aliases=shared)
        judgement = judge(case(state))

        assert judgement.outcome is Outcome.OBSERVED
        assert "shares its traffic" in judgement.reason

    def test_with_weights_is_good_for_what_goes_through_it(self) -> None:
        shared = {"live": Alias("live", "1", {"2": 0.1})}

        assert ended(case(replace(ready(mapping("live")), aliases=shared))) is Outcome.DISMISSED

    def test_of_another_name_on_the_unpublished_code_does_not_count(self) -> None:
        state = function(mapping("dev"), aliases=aliases(dev=LATEST, live="1"), code=code(version("1")))

        action = only_action(case(state))

        assert (action.kind, action.parameters) == (REPOINT, {"function": LIVE})
        assert action.before == {"function": f"{ORDERS}:dev"}


class TestWhatInvokes:
    @pytest.mark.parametrize("qualifier", [None, LATEST])
    def test_the_unpublished_code_is_moved(self, qualifier: str | None) -> None:
        assert asked(case(ready(mapping(qualifier)))) == [REPOINT]

    @pytest.mark.parametrize("qualifier", ["7", "live"])
    def test_a_version_or_an_alias_is_left_alone(self, qualifier: str) -> None:
        assert ended(case(ready(mapping(qualifier), target(qualifier)))) is Outcome.DISMISSED

    def test_and_is_switched_off_is_moved_too(self) -> None:
        assert asked(case(ready(mapping(state="Disabled")))) == [REPOINT]

    def test_an_alias_that_is_missing_is_told(self) -> None:
        judgement = judge(case(ready(mapping("stable"))))

        assert judgement.outcome is Outcome.OBSERVED
        assert judgement.reason == "an alias that is missing is its owner's to make"

    def test_an_alias_that_only_run_time_knows_is_left_alone(self) -> None:
        assert ended(case(ready(target("${stageVariables.alias}")))) is Outcome.DISMISSED

    def test_nobody_is_compliant(self) -> None:
        assert ended(case(function())) is Outcome.DISMISSED

    @pytest.mark.parametrize(("name", "outcome"), [("", Outcome.OBSERVED), ("orders", Outcome.EXEMPT)])
    def test_are_people_only(self, name: str, outcome: Outcome) -> None:
        assert ended(case(function(people()), exempt=name)) is outcome

    def test_are_people_while_a_service_uses_the_alias(self) -> None:
        assert ended(case(ready(people(), mapping("live")))) is Outcome.DISMISSED

    @pytest.mark.parametrize("invoker", [people("live"), people("1")])
    def test_are_people_through_the_alias(self, invoker: Invoker) -> None:
        assert ended(case(ready(invoker))) is Outcome.DISMISSED

    def test_are_people_elsewhere_than_in_prod(self) -> None:
        assert ended(case(function(people()), rules=Rules(environment="dev"))) is Outcome.DISMISSED

    def test_cannot_be_read_but_may_invoke(self) -> None:
        allowed = permission("events", "arn:aws:events:eu-central-1:210987654321:rule/theirs", sid="theirs")
        invoker = Invoker(Kind.PERMISSION, str(allowed.source_arn), "theirs")
        state = ready(invoker, permissions=[allowed])

        action = only_action(case(state))

        assert action.kind is PERMIT
        assert action.parameters["statement"]["SourceArn"] == allowed.source_arn
        assert ended(case(replace(state, granted=(allowed,)))) is Outcome.OBSERVED


class TestElsewhereThanInProd:
    DEV = Rules(environment="dev")

    def test_it_is_only_observed(self) -> None:
        judgement = judge(case(ready(mapping()), rules=self.DEV))

        assert (judgement.outcome, judgement.reason) == (
            Outcome.OBSERVED,
            "the environment dev is not prod",
        )

    @pytest.mark.parametrize(
        ("tags", "rules"),
        [
            ({"environment": "prod"}, DEV),
            ({"stage": "live"}, Rules(environment="dev", prod_tag=("stage", "live"))),
            ({}, Rules(environment="production")),
            ({}, Rules(environment="dev", prod_names=("dev",))),
        ],
    )
    def test_a_tag_or_a_name_makes_it_prod(self, tags: dict[str, str], rules: Rules) -> None:
        assert asked(case(ready(mapping(), tags=tags), rules=rules)) == [REPOINT]

    @pytest.mark.parametrize("tags", [{"environment": "Prod"}, {"Environment": "prod"}, {"stage": "prod"}])
    def test_another_tag_does_not(self, tags: dict[str, str]) -> None:
        assert ended(case(ready(mapping(), tags=tags), rules=self.DEV)) is Outcome.OBSERVED


class TestAnExemption:
    @pytest.mark.parametrize("name", ["orders", "shop"])
    def test_names_the_function_or_its_stack(self, name: str) -> None:
        judgement = judge(case(ready(mapping(), stack=STACK), exempt=name))

        assert judgement.outcome is Outcome.EXEMPT
        assert judgement.exemption is not None
        assert judgement.exemption.name.endswith(f"/{name}")

    def test_of_something_else_does_not_count(self) -> None:
        assert asked(case(ready(mapping(), stack=STACK), exempt="invoices")) == [REPOINT]

    def test_of_what_is_compliant_is_none(self) -> None:
        assert ended(case(ready(mapping("live")), exempt="orders")) is Outcome.DISMISSED


class TestNothingIsDone:
    CHANGING = StackPlace(STACK.id, STACK.name, settled=False)

    def test_while_the_stack_is_changed(self) -> None:
        assert ended(case(ready(mapping(), stack=self.CHANGING))) is Outcome.DISMISSED

    def test_any_more_once_the_stack_is_changed(self) -> None:
        state = ready(mapping(), mapping("live", name="m-2"), stack=self.CHANGING)
        judgement = judge(case(state, attempts=[moved("m-2")], round=1))

        assert judgement.outcome is Outcome.OBSERVED
        assert "its stack is being changed" in judgement.reason

    def test_if_all_that_was_tried_before_the_stack_changed_failed(self) -> None:
        state = ready(mapping(), stack=self.CHANGING)

        assert ended(case(state, attempts=[moved(error=BUSY)], round=1)) is Outcome.DISMISSED

    def test_where_publishing_changes_more_than_a_version(self) -> None:
        state = function(mapping(), code=code(unpublishable="SnapStart makes a snapshot"))
        judgement = judge(case(state))

        assert (judgement.outcome, judgement.reason) == (Outcome.OBSERVED, "SnapStart makes a snapshot")

    def test_where_the_code_could_not_be_read(self) -> None:
        assert ended(case(function(mapping(), code=None))) is Outcome.OBSERVED

    def test_while_the_function_is_updated(self) -> None:
        state = function(mapping(), code=code(updating=True))

        assert waits(case(state))
        assert ended(case(state, round=PATIENCE)) is Outcome.FAILED


class TestAStepThatFails:
    def test_is_tried_again(self) -> None:
        assert asked(repeated(ready(mapping()), BUSY, TRIES - 1)) == [REPOINT]

    def test_is_given_up_and_told(self) -> None:
        judgement = judge(repeated(ready(mapping()), BUSY))

        assert judgement.outcome is Outcome.FAILED
        assert [action.kind for action in judgement.actions] == [REPOINT]

    def test_for_lack_of_code_storage_is_a_failure_at_once_and_nothing_is_half_done(self) -> None:
        state = function(mapping(), target(), permissions=LETTING_IN)
        judgement = judge(repeated(state, FULL, 1, rules=PUSHING))

        assert (judgement.next, judgement.outcome) == ("done", Outcome.FAILED)
        assert [action.kind for action in judgement.actions] == [PUBLISH]

    def test_does_not_stop_the_others_of_its_round(self) -> None:
        state = ready(mapping(), mapping(name="m-2"), notification(), permissions=LETTING_IN)
        first = judge(case(state)).actions[-1]
        refused = tried(first, error="Lambda.PolicyLengthExceededException: 20480")

        assert asked(case(state, attempts=[refused], round=1)) == [REPOINT, REPOINT]

    def test_stops_the_steps_after_it(self) -> None:
        state = ready(target(), permissions=LETTING_IN)

        assert ended(repeated(state, BUSY, rules=PUSHING)) is Outcome.FAILED

    def test_when_something_was_done_is_a_failure_where_no_more_can_be(self) -> None:
        changed = function(mapping(), live="1", published=[version("1")], code=code(version("1"), now="B"))
        created = Action(kind=CREATE, target=ORDERS, parameters={"name": "live", "version": "1"})

        assert ended(case(changed, attempts=[tried(created)], round=1)) is Outcome.FAILED


class TestAMappingThatLambdaIsStillWorkingOn:
    @pytest.mark.parametrize("state", ["Creating", "Enabling", "Disabling", "Updating", "Deleting"])
    def test_is_waited_for(self, state: str) -> None:
        assert waits(case(ready(mapping(state=state))))

    def test_is_given_up_in_the_end(self) -> None:
        assert ended(case(ready(mapping(state="Creating")), round=PATIENCE)) is Outcome.FAILED

    def test_does_not_hold_up_the_others(self) -> None:
        action = only_action(case(ready(mapping(state="Creating"), mapping(name="m-2"))))

        assert action.target == "m-2"

    def test_is_told_at_once_in_mode_observe(self) -> None:
        assert asked(case(ready(mapping(state="Creating")), mode=Mode.OBSERVE)) == [REPOINT]

    def test_is_good_as_soon_as_it_names_the_alias(self) -> None:
        state = ready(mapping("live", state="Updating"))

        assert ended(case(state, attempts=[moved()], round=1)) is Outcome.REMEDIATED


class TestAChangeThatDoesNotShow:
    def test_is_waited_for(self) -> None:
        assert waits(case(ready(mapping()), attempts=[moved()], round=STALE_ROUNDS))

    def test_is_made_again(self) -> None:
        assert asked(case(ready(mapping()), attempts=[moved()], round=STALE_ROUNDS + 1)) == [REPOINT]

    def test_is_given_up(self) -> None:
        attempts = [moved(in_round=2 * n) for n in range(TRIES)]

        assert ended(case(ready(mapping()), attempts=attempts, round=2 * TRIES)) is Outcome.FAILED

    def test_that_others_change_all_the_time_is_given_up(self) -> None:
        assert ended(case(ready(mapping()), round=LONGEST)) is Outcome.FAILED


class TestNotificationsThatWereReplaced:
    def after(self, rounds: int, *invokers: Invoker) -> Case:
        state = ready(notification(), permissions=LETTING_IN, granted=LETTING_IN)
        put = tried(only_action(case(state, rules=PUSHING)))
        return case(replace(state, invokers=invokers), rules=PUSHING, attempts=[put], round=rounds)

    def test_may_be_overwritten_for_a_while(self) -> None:
        assert waits(self.after(SETTLED_ROUNDS - 1, notification("live")))

    def test_stay(self) -> None:
        assert ended(self.after(SETTLED_ROUNDS, notification("live"))) is Outcome.REMEDIATED

    def test_are_waited_for_where_the_rest_is_its_owners_too(self) -> None:
        assert waits(self.after(SETTLED_ROUNDS - 1, notification("live"), OWN_URL))
        assert ended(self.after(SETTLED_ROUNDS, notification("live"), OWN_URL)) is Outcome.OBSERVED

    def test_are_replaced_again_where_somebody_wrote_the_old_ones_back(self) -> None:
        somebodys = rule_of_bucket(f"{ORDERS}-archive", "somebody's")
        whole = {"LambdaFunctionConfigurations": [rule_of_bucket(ORDERS, "on-upload"), somebodys]}

        action = only_action(self.after(2, notification(whole=whole)))

        assert action.kind is ActionKind.REPOINT_NOTIFICATION
        assert somebodys in action.parameters["configuration"]["LambdaFunctionConfigurations"]


class TestPermissions:
    STATE = ready(mapping(), notification(), subscription(), permissions=LETTING_IN)

    def test_are_added_one_after_the_other_since_lambda_may_lose_one_of_two(self) -> None:
        kinds = [action.kind for action in judge(case(self.STATE)).actions]

        assert kinds == [ActionKind.REPOINT_MAPPING, ActionKind.ADD_PERMISSION]

    def test_are_all_told_in_observe(self) -> None:
        kinds = [action.kind for action in judge(case(self.STATE, mode=Mode.OBSERVE)).actions]

        assert kinds.count(ActionKind.ADD_PERMISSION) == 2


class TestWhatIsLeftToPeople:
    EXPOSED = function(mapping(), stack=STACK)

    @pytest.mark.parametrize(
        ("hindered", "reason"),
        [
            (case(EXPOSED, unverified=True), "changed outside the known pipelines"),
            (case(EXPOSED, relapses=MOST_RELAPSES), "again and again: 3 times in a day"),
            (case(replace(EXPOSED, stack=replace(STACK, halted="UPDATE_FAILED"))), "(UPDATE_FAILED)"),
        ],
    )
    def test_is_only_told(self, hindered: Case, reason: str) -> None:
        judgement = judge(hindered)

        assert (judgement.next, judgement.outcome) == ("done", Outcome.OBSERVED)
        assert reason in judgement.reason

    def test_is_code_that_came_meanwhile(self) -> None:
        [publish] = judge(case(self.EXPOSED)).actions

        assert ended(case(self.EXPOSED, code="another")) is Outcome.DISMISSED
        assert ended(case(self.EXPOSED, code="another", attempts=[tried(publish)])) is Outcome.OBSERVED

    def test_is_not_the_code_that_was_judged(self) -> None:
        assert asked(case(self.EXPOSED, code="A", relapses=MOST_RELAPSES - 1)) == [PUBLISH]


class TestWhatAwsHasToKnowFirst:
    def test_a_push_waits_until_its_permission_is_known(self) -> None:
        state = ready(notification(), permissions=LETTING_IN)
        permit = tried(only_action(case(state, rules=PUSHING)))
        permitted = replace(state, granted=LETTING_IN)

        assert waits(case(permitted, rules=PUSHING, attempts=[permit], round=SETTLED_ROUNDS - 1))
        later = case(permitted, rules=PUSHING, attempts=[permit], round=SETTLED_ROUNDS)
        assert asked(later) == [ActionKind.REPOINT_NOTIFICATION]
