"""The judgement of `data-deletion`, hazard by hazard."""

from datetime import timedelta

import pytest

from stackwarden.finding import ActionKind, Mode, Outcome
from stackwarden.policies.data_deletion import (
    MOST_ACTIONS,
    PATIENCE,
    STALE_ROUNDS,
    STUCK_ROUNDS,
    TRIES,
    Judgement,
    judge,
)
from stackwarden.policies.data_resources import AT_RISK, TYPES
from stackwarden.policies.data_state import Hazard, Presence
from tests.data_cases import (
    CLUSTER,
    HAPPENED,
    INSTANCE,
    STACK_ID,
    STREAM,
    backup,
    case,
    done,
    failed,
    resource,
    stack,
    table,
)

TERMINATION, PROTECT = ActionKind.SET_TERMINATION_PROTECTION, ActionKind.PROTECT_TABLE
RECOVERY, BACK_UP = ActionKind.ENABLE_POINT_IN_TIME_RECOVERY, ActionKind.BACK_UP_TABLE
UNPROTECTED, REMOVED = Hazard.UNPROTECTED, Hazard.PROTECTION_REMOVED
DELETION, DELETED = Hazard.STACK_DELETION, Hazard.DELETED


def planned(judgement: Judgement) -> list[tuple[ActionKind, str]]:
    assert judgement.next == "act"
    return [(action.kind, action.target) for action in judgement.actions]


def names(resources: tuple[object, ...]) -> list[str]:
    return [getattr(resource, "name") for resource in resources]  # noqa: B009 - they are ResourceState


class TestAhead:
    """A data resource exists, and little keeps it from being deleted."""

    @pytest.mark.parametrize("status", ["CREATE_IN_PROGRESS", "UPDATE_IN_PROGRESS", "IMPORT_IN_PROGRESS"])
    def test_an_unsettled_stack_gets_termination_protection_at_once_and_nothing_else(
        self, status: str
    ) -> None:
        assert planned(judge(case(UNPROTECTED, table(), of=stack(status)))) == [(TERMINATION, STACK_ID)]

    def test_a_stack_left_in_create_failed_is_its_owners_to_delete(self) -> None:
        judgement = judge(case(REMOVED, table(), of=stack("CREATE_FAILED")))

        assert judgement.next == "wait"

    def test_a_stack_left_in_create_failed_is_told_after_some_minutes(self) -> None:
        judgement = judge(case(UNPROTECTED, table(), of=stack("CREATE_FAILED"), round=STUCK_ROUNDS))

        assert (judgement.next, judgement.outcome) == ("done", Outcome.FAILED)

    def test_a_change_that_does_not_show_yet_is_not_made_again(self) -> None:
        made = [done(PROTECT, "orders").model_copy(update={"round": 3})]
        off = table(deletion_protection=False, point_in_time_recovery=True)

        assert judge(case(UNPROTECTED, off, attempts=made, round=4)).next == "wait"
        later = case(UNPROTECTED, off, attempts=made, round=4 + STALE_ROUNDS)
        assert planned(judge(later)) == [(PROTECT, "orders")]

    def test_with_termination_protection_on_the_guard_waits_for_the_stack_to_settle(self) -> None:
        judgement = judge(case(UNPROTECTED, table(), of=stack("CREATE_IN_PROGRESS", protected=True)))

        assert (judgement.next, judgement.wait_seconds) == ("wait", 1)

    @pytest.mark.parametrize("status", ["CREATE_COMPLETE", "UPDATE_COMPLETE", "IMPORT_COMPLETE"])
    def test_a_settled_stack_gets_everything(self, status: str) -> None:
        judgement = judge(case(UNPROTECTED, table(), of=stack(status)))

        assert planned(judgement) == [
            (TERMINATION, STACK_ID),
            (PROTECT, "orders"),
            (RECOVERY, "orders"),
        ]

    def test_every_action_records_what_was_there_before(self) -> None:
        judgement = judge(case(UNPROTECTED, table(), of=stack()))

        assert [action.before for action in judgement.actions] == [
            {"enabled": False},
            {"deletion_protection": False},
            {"point_in_time_recovery": False},
        ]

    def test_what_is_on_already_is_left_alone(self) -> None:
        half = table(deletion_protection=True)

        assert planned(judge(case(UNPROTECTED, half, of=stack(protected=True)))) == [(RECOVERY, "orders")]

    def test_databases_get_deletion_protection(self) -> None:
        instance = resource(INSTANCE, "billing", deletion_protection=False)
        cluster = resource(CLUSTER, "accounts", deletion_protection=False)

        judgement = judge(case(UNPROTECTED, instance, cluster, of=stack(protected=True)))

        assert planned(judgement) == [
            (ActionKind.PROTECT_DB_INSTANCE, "billing"),
            (ActionKind.PROTECT_DB_CLUSTER, "accounts"),
        ]

    def test_an_instance_of_a_cluster_is_left_to_the_cluster(self) -> None:
        member = resource(INSTANCE, "member", deletion_protection=False, in_cluster=True)

        assert judge(case(UNPROTECTED, member)).outcome is Outcome.DISMISSED

    def test_a_table_of_no_stack_is_protected_itself(self) -> None:
        assert planned(judge(case(UNPROTECTED, table()))) == [(PROTECT, "orders"), (RECOVERY, "orders")]

    def test_a_table_that_is_still_being_created_is_waited_for(self) -> None:
        assert judge(case(UNPROTECTED, table(presence=Presence.BUSY))).next == "wait"

    def test_protected_is_only_said_after_looking_again(self) -> None:
        attempts = [done(TERMINATION, STACK_ID, enabled=True), done(PROTECT), done(RECOVERY)]
        standing = table(protected=True)

        judgement = judge(case(UNPROTECTED, standing, of=stack(protected=True), attempts=attempts))

        assert judgement.outcome is Outcome.PROTECTED
        assert judgement.saved == (standing,)

    def test_what_was_done_is_given_time_to_show_and_then_done_again(self) -> None:
        attempts = [done(PROTECT), done(RECOVERY)]

        at_once = judge(case(UNPROTECTED, table(), attempts=attempts, round=1))
        later = judge(case(UNPROTECTED, table(), attempts=attempts, round=STALE_ROUNDS + 1))

        assert at_once.next == "wait"
        assert planned(later) == [(PROTECT, "orders"), (RECOVERY, "orders")]

    def test_what_does_not_last_is_a_failure_in_the_end(self) -> None:
        attempts = [done(PROTECT), done(RECOVERY)] * TRIES

        judgement = judge(case(UNPROTECTED, table(), attempts=attempts, round=STALE_ROUNDS + 1))

        assert judgement.outcome is Outcome.FAILED

    def test_what_aws_refuses_is_a_failure_in_the_end(self) -> None:
        standing = table(point_in_time_recovery=True)

        some = judge(case(UNPROTECTED, standing, attempts=[failed(PROTECT)] * (TRIES - 1)))
        all_ = judge(case(UNPROTECTED, standing, attempts=[failed(PROTECT)] * TRIES))

        assert planned(some) == [(PROTECT, "orders")]
        assert all_.outcome is Outcome.FAILED

    def test_somebody_else_protected_it_meanwhile_which_is_no_finding(self) -> None:
        judgement = judge(case(UNPROTECTED, table(protected=True), of=stack(protected=True)))

        assert judgement.outcome is Outcome.DISMISSED

    def test_waiting_for_a_stack_is_bounded(self) -> None:
        unsettled = stack("UPDATE_IN_PROGRESS", protected=True)

        judgement = judge(case(UNPROTECTED, table(), of=unsettled, round=PATIENCE[UNPROTECTED]))

        assert judgement.outcome is Outcome.FAILED

    def test_pauses_grow_to_two_minutes(self) -> None:
        unsettled = stack("UPDATE_IN_PROGRESS", protected=True)
        pauses = [
            judge(case(UNPROTECTED, table(), of=unsettled, round=n)).wait_seconds for n in (0, 3, 8, 150)
        ]

        assert pauses == [1, 3, 25, 120]

    def test_many_actions_are_made_in_rounds(self) -> None:
        tables = [table(f"t{n}") for n in range(60)]

        assert len(judge(case(UNPROTECTED, *tables, of=stack())).actions) == MOST_ACTIONS


class TestRollback:
    """A stack whose creation failed takes back what it made, and Stackwarden takes back what it set."""

    @pytest.mark.parametrize("status", ["ROLLBACK_IN_PROGRESS", "ROLLBACK_COMPLETE", "ROLLBACK_FAILED"])
    def test_termination_protection_that_stackwarden_set_is_withdrawn(self, status: str) -> None:
        attempts = [done(TERMINATION, STACK_ID, enabled=True)]

        judgement = judge(case(UNPROTECTED, table(), of=stack(status, protected=True), attempts=attempts))

        assert planned(judgement) == [(TERMINATION, STACK_ID)]
        assert judgement.actions[0].parameters == {"enabled": False}
        assert judgement.actions[0].before == {"enabled": True}

    def test_termination_protection_of_the_owner_stays(self) -> None:
        judgement = judge(case(UNPROTECTED, table(), of=stack("ROLLBACK_COMPLETE", protected=True)))

        assert judgement.outcome is Outcome.DISMISSED

    def test_after_that_there_is_no_finding(self) -> None:
        attempts = [
            done(TERMINATION, STACK_ID, enabled=True),
            done(TERMINATION, STACK_ID, enabled=False),
        ]

        judgement = judge(case(UNPROTECTED, table(), of=stack("ROLLBACK_COMPLETE"), attempts=attempts))

        assert judgement.outcome is Outcome.DISMISSED

    def test_withdrawing_that_fails_is_said(self) -> None:
        attempts = [
            done(TERMINATION, STACK_ID, enabled=True),
            *[failed(TERMINATION, STACK_ID, enabled=False)] * TRIES,
        ]
        rolled_back = stack("ROLLBACK_COMPLETE", protected=True)

        assert judge(case(UNPROTECTED, of=rolled_back, attempts=attempts)).outcome is Outcome.FAILED

    def test_a_failed_try_to_protect_does_not_count_against_withdrawing(self) -> None:
        attempts = [
            *[failed(TERMINATION, STACK_ID, enabled=True)] * (TRIES - 1),
            done(TERMINATION, STACK_ID, enabled=True),
        ]
        rolled_back = stack("ROLLBACK_COMPLETE", protected=True)

        assert judge(case(UNPROTECTED, of=rolled_back, attempts=attempts)).next == "act"

    def test_a_stack_that_is_deleted_meanwhile_is_a_finding_of_its_own(self) -> None:
        judgement = judge(case(UNPROTECTED, table(), of=stack("DELETE_IN_PROGRESS")))

        assert judgement.outcome is Outcome.DISMISSED


class TestRetained:
    """DeletionPolicy Retain keeps data when the stack goes, not when an update replaces the resource."""

    def test_only_the_risk_of_replacement_is_reported(self) -> None:
        retained = table(retained=True)

        judgement = judge(case(UNPROTECTED, retained, of=stack()))

        assert (judgement.outcome, judgement.replaceable) == (Outcome.OBSERVED, (retained,))
        assert judgement.actions == ()

    def test_with_an_update_replace_policy_there_is_no_finding(self) -> None:
        retained = table(retained=True, retained_on_replace=True)

        assert judge(case(UNPROTECTED, retained, of=stack())).outcome is Outcome.DISMISSED

    def test_it_waits_for_the_whole_stack_before_it_says_so(self) -> None:
        judgement = judge(case(UNPROTECTED, table(retained=True), of=stack("CREATE_IN_PROGRESS")))

        assert judgement.next == "wait"

    def test_what_is_not_retained_beside_it_is_protected(self) -> None:
        judgement = judge(
            case(UNPROTECTED, table("kept", retained=True), table("lost"), of=stack(protected=True))
        )

        assert planned(judgement) == [(PROTECT, "lost"), (RECOVERY, "lost")]


class TestUnprotectable:
    """A type without a protection call is reported, not ignored."""

    def test_a_stream_of_no_stack_is_reported(self) -> None:
        judgement = judge(case(UNPROTECTED, resource(STREAM, "clicks")))

        assert judgement.outcome is Outcome.OBSERVED
        assert names(judgement.at_risk) == ["clicks"]

    def test_a_stream_of_a_stack_is_kept_by_termination_protection(self) -> None:
        judgement = judge(case(UNPROTECTED, resource(STREAM, "clicks"), of=stack()))

        assert planned(judgement) == [(TERMINATION, STACK_ID)]

    @pytest.mark.parametrize("type_", sorted(AT_RISK))
    def test_no_type_that_holds_data_is_ignored(self, type_: str) -> None:
        unprotected = False if TYPES[type_].protection else None

        judgement = judge(case(UNPROTECTED, resource(type_, "data", deletion_protection=unprotected)))

        assert judgement.next == "act" or judgement.outcome is Outcome.OBSERVED

    @pytest.mark.parametrize("type_", sorted(set(TYPES) - AT_RISK))
    def test_a_type_that_cannot_lose_data_is_no_finding(self, type_: str) -> None:
        for hazard in Hazard:
            assert judge(case(hazard, resource(type_, "safe"))).outcome is Outcome.DISMISSED


class TestProtectionRemoved:
    """Somebody switched a protection off: it is set again."""

    def test_termination_protection_is_set_again(self) -> None:
        judgement = judge(case(REMOVED, table(protected=True), of=stack()))

        assert planned(judgement) == [(TERMINATION, STACK_ID)]

    def test_deletion_protection_of_a_table_is_set_again(self) -> None:
        off = table(deletion_protection=False, point_in_time_recovery=True)

        assert planned(judge(case(REMOVED, off, of=stack(protected=True)))) == [(PROTECT, "orders")]

    def test_during_an_update_only_once_the_stack_has_settled(self) -> None:
        updating = stack("UPDATE_IN_PROGRESS", protected=True)

        assert judge(case(REMOVED, table(), of=updating)).next == "wait"

    @pytest.mark.parametrize("status", ["UPDATE_ROLLBACK_COMPLETE", "DELETE_FAILED"])
    def test_also_on_a_stack_whose_last_operation_failed(self, status: str) -> None:
        judgement = judge(case(REMOVED, table(), of=stack(status, protected=True)))

        assert planned(judgement) == [(PROTECT, "orders"), (RECOVERY, "orders")]

    def test_a_stack_without_data_may_do_without(self) -> None:
        assert judge(case(REMOVED, of=stack())).outcome is Outcome.DISMISSED


class TestExemptions:
    """An exemption lets one resource, or all of a stack, out; the report says so."""

    @pytest.mark.parametrize("exempt", ["orders", "shop", "shop-Data"])
    @pytest.mark.parametrize("hazard", [UNPROTECTED, REMOVED])
    def test_a_name_of_the_table_of_its_stack_or_of_its_nested_stack(
        self, exempt: str, hazard: Hazard
    ) -> None:
        nested = table(stack_names=("shop-Data", "shop"))

        judgement = judge(case(hazard, nested, of=stack(), exempt=exempt))

        assert judgement.outcome is Outcome.EXEMPT
        assert judgement.exemption is not None
        assert judgement.exemption.name.endswith(f"/{exempt}")

    @pytest.mark.parametrize("exempt", ["orders", "shop", "shop-Data"])
    def test_a_deletion_may_go_on(self, exempt: str) -> None:
        nested = table(stack_names=("shop-Data", "shop"))

        judgement = judge(case(DELETION, nested, of=stack("DELETE_IN_PROGRESS"), exempt=exempt))

        assert (judgement.outcome, judgement.actions) == (Outcome.EXEMPT, ())

    def test_the_others_of_the_stack_are_protected(self) -> None:
        judgement = judge(
            case(DELETION, table("exempt"), table(), of=stack("DELETE_IN_PROGRESS"), exempt="exempt")
        )

        assert planned(judgement) == [(PROTECT, "orders")]

    def test_an_exempt_table_does_not_end_the_finding_before_the_others_of_its_stack_exist(self) -> None:
        judgement = judge(case(UNPROTECTED, table(), of=stack("CREATE_IN_PROGRESS"), exempt="orders"))

        assert judgement.next == "wait"

    def test_a_deleted_table_that_was_exempt_is_reported_as_exempt(self) -> None:
        judgement = judge(case(DELETED, table(presence=Presence.GONE), exempt="orders"))

        assert judgement.outcome is Outcome.EXEMPT


class TestRescue:
    """A stack is being deleted with its data; a deletion cannot be cancelled, a protected table stops it."""

    def test_every_table_still_standing_is_protected_at_once(self) -> None:
        gone = table("gone", presence=Presence.GONE, deletion_protection=None)

        judgement = judge(case(DELETION, table("a"), gone, table("b"), of=stack("DELETE_IN_PROGRESS")))

        assert planned(judgement) == [(PROTECT, "a"), (PROTECT, "b")]

    def test_a_busy_table_is_waited_for_and_then_protected(self) -> None:
        deleting = stack("DELETE_IN_PROGRESS")

        busy = judge(case(DELETION, table(presence=Presence.BUSY), of=deleting))
        standing = judge(case(DELETION, table(), of=deleting, round=1))

        assert busy.next == "wait"
        assert planned(standing) == [(PROTECT, "orders")]

    def test_termination_protection_is_not_tried_for_it_would_be_refused(self) -> None:
        judgement = judge(case(DELETION, table(), of=stack("DELETE_IN_PROGRESS")))

        assert TERMINATION not in [action.kind for action in judgement.actions]

    def test_what_is_protected_is_backed_up_next(self) -> None:
        judgement = judge(
            case(
                DELETION,
                table(deletion_protection=True),
                of=stack("DELETE_IN_PROGRESS"),
                attempts=[done(PROTECT)],
            )
        )

        assert planned(judgement) == [(BACK_UP, "orders")]

    def test_a_backup_is_asked_for_once_and_waited_for(self) -> None:
        attempts = [done(PROTECT), done(BACK_UP)]
        saved = table(deletion_protection=True, backups=(backup(available=False),))

        judgement = judge(case(DELETION, saved, of=stack("DELETE_FAILED"), attempts=attempts))

        assert judgement.next == "wait"

    def test_rescued_once_the_backup_is_there(self) -> None:
        attempts = [done(PROTECT), done(BACK_UP)]
        saved = table(deletion_protection=True, backups=(backup(),))

        judgement = judge(case(DELETION, saved, of=stack("DELETE_FAILED"), attempts=attempts))

        assert (judgement.outcome, judgement.saved) == (Outcome.RESCUED, (saved,))

    def test_an_older_backup_does_not_count(self) -> None:
        old = table(deletion_protection=True, backups=(backup(after=timedelta(days=-1)),))

        judgement = judge(case(DELETION, old, of=stack("DELETE_FAILED"), attempts=[done(BACK_UP)]))

        assert judgement.next == "wait"

    def test_a_backup_in_the_second_of_the_event_counts(self) -> None:
        saved = table(deletion_protection=True, backups=(backup(after=timedelta()),))

        judgement = judge(case(DELETION, saved, of=stack("DELETE_FAILED"), attempts=[done(BACK_UP)]))

        assert judgement.outcome is Outcome.PROTECTED

    def test_what_was_protected_before_was_not_rescued_now(self) -> None:
        saved = table(protected=True, backups=(backup(),))

        judgement = judge(case(DELETION, saved, of=stack("DELETE_FAILED"), attempts=[done(BACK_UP)]))

        assert judgement.outcome is Outcome.PROTECTED

    @pytest.mark.parametrize("presence", [Presence.GONE, Presence.DELETING])
    def test_one_table_lost_is_data_lost_whatever_else_was_saved(self, presence: Presence) -> None:
        attempts = [done(PROTECT, "a"), done(BACK_UP, "a")]
        saved = table("a", deletion_protection=True, backups=(backup(),))
        lost = table("b", presence=presence)
        over = stack("DELETE_FAILED")

        judgement = judge(case(DELETION, saved, lost, of=over, attempts=attempts, round=PATIENCE[DELETION]))

        assert judgement.outcome is Outcome.LOST
        assert (names(judgement.saved), names(judgement.lost)) == (["a"], ["b"])

    def test_what_cannot_be_protected_is_watched_until_the_deletion_ends(self) -> None:
        stream = resource(STREAM, "clicks")

        during = judge(case(DELETION, stream, of=stack("DELETE_IN_PROGRESS")))
        after = judge(case(DELETION, stream, of=stack("DELETE_FAILED")))

        assert during.next == "wait"
        assert (after.outcome, names(after.undecided)) == (Outcome.FAILED, ["clicks"])

    def test_giving_up_on_the_undecided_is_a_failure(self) -> None:
        round_ = PATIENCE[DELETION]

        judgement = judge(case(DELETION, resource(STREAM, "s"), of=stack("DELETE_IN_PROGRESS"), round=round_))

        assert judgement.outcome is Outcome.FAILED

    def test_what_the_deletion_retains_needs_no_rescue(self) -> None:
        judgement = judge(case(DELETION, table(retained=True), of=stack("DELETE_IN_PROGRESS")))

        assert judgement.outcome is Outcome.DISMISSED

    @pytest.mark.parametrize("status", ["CREATE_COMPLETE", "UPDATE_IN_PROGRESS", "ROLLBACK_IN_PROGRESS"])
    def test_a_deletion_that_is_none_any_more_is_no_finding(self, status: str) -> None:
        assert judge(case(DELETION, table(), of=stack(status))).outcome is Outcome.DISMISSED


class TestDeleted:
    """A resource was deleted by a direct call, or by an update of its stack: too late but for a restore."""

    def test_it_is_lost(self) -> None:
        lost = table(presence=Presence.GONE, backups=(backup(kind="SYSTEM"),))

        judgement = judge(case(DELETED, lost))

        assert (judgement.outcome, judgement.lost) == (Outcome.LOST, (lost,))

    def test_the_system_backup_is_waited_for_a_while(self) -> None:
        lost = table(presence=Presence.GONE)

        assert judge(case(DELETED, lost)).next == "wait"
        assert judge(case(DELETED, lost, round=PATIENCE[DELETED])).outcome is Outcome.LOST

    def test_a_type_without_restore_is_not_waited_for(self) -> None:
        assert judge(case(DELETED, resource(STREAM, "s", presence=Presence.GONE))).outcome is Outcome.LOST

    def test_a_new_table_of_the_same_name_does_not_hide_the_loss(self) -> None:
        new = table(created_at=HAPPENED + timedelta(seconds=30), backups=(backup(),))

        assert judge(case(DELETED, new)).outcome is Outcome.LOST

    def test_a_table_that_stands_was_not_deleted(self) -> None:
        standing = table(created_at=HAPPENED - timedelta(days=30))

        assert judge(case(DELETED, standing)).outcome is Outcome.DISMISSED

    @pytest.mark.parametrize(
        "status", ["DELETE_IN_PROGRESS", "ROLLBACK_IN_PROGRESS", "UPDATE_ROLLBACK_COMPLETE"]
    )
    def test_what_goes_with_its_stack_or_is_taken_back_is_no_finding_of_its_own(self, status: str) -> None:
        judgement = judge(case(DELETED, table(presence=Presence.GONE), of=stack(status)))

        assert judgement.outcome is Outcome.DISMISSED


class TestObserving:
    """The mode observe does nothing, and says all that would be done, once it is known."""

    def test_it_waits_for_the_stack_instead_of_acting_at_once(self) -> None:
        unsettled = stack("CREATE_IN_PROGRESS")

        assert judge(case(UNPROTECTED, table(), of=unsettled, mode=Mode.OBSERVE)).next == "wait"

    def test_then_it_says_everything(self) -> None:
        judgement = judge(case(UNPROTECTED, table(), of=stack(), mode=Mode.OBSERVE))

        assert len(planned(judgement)) == 3
