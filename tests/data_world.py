"""A pure simulator of AWS and the workflow, for the policy `data-deletion`: the adversary of its properties.

Stacks go on, roll back, get stuck; resources come, get busy and go; actions fail, or succeed and are
undone again.
"""

from collections.abc import Iterator
from dataclasses import dataclass, field, replace
from datetime import timedelta
from random import Random
from typing import Any

from hypothesis import strategies as st

from stackwarden.exemptions import Exemptions
from stackwarden.finding import Action, ActionKind, Attempt, Mode
from stackwarden.policies.data_deletion import Case, Judgement, judge
from stackwarden.policies.data_resources import TYPES, Protection
from stackwarden.policies.data_state import Hazard, Presence, ResourceState, StackState
from tests.data_cases import CLUSTER, HAPPENED, STACK_ID, TABLE, backup, case, exemption, resource, tried

# What a stack's status may become; a status that is not here stays.
NEXT = {
    "CREATE_IN_PROGRESS": ("CREATE_COMPLETE", "CREATE_FAILED", "ROLLBACK_IN_PROGRESS"),
    "CREATE_FAILED": ("DELETE_IN_PROGRESS",),
    "ROLLBACK_IN_PROGRESS": ("ROLLBACK_COMPLETE", "ROLLBACK_FAILED"),
    "ROLLBACK_COMPLETE": ("DELETE_IN_PROGRESS",),
    "CREATE_COMPLETE": ("UPDATE_IN_PROGRESS", "DELETE_IN_PROGRESS"),
    "UPDATE_IN_PROGRESS": ("UPDATE_COMPLETE_CLEANUP_IN_PROGRESS", "UPDATE_ROLLBACK_IN_PROGRESS"),
    "UPDATE_COMPLETE_CLEANUP_IN_PROGRESS": ("UPDATE_COMPLETE",),
    "UPDATE_ROLLBACK_IN_PROGRESS": ("UPDATE_ROLLBACK_COMPLETE", "UPDATE_ROLLBACK_FAILED"),
    "UPDATE_COMPLETE": ("UPDATE_IN_PROGRESS", "DELETE_IN_PROGRESS"),
    "IMPORT_IN_PROGRESS": ("IMPORT_COMPLETE", "IMPORT_ROLLBACK_COMPLETE"),
    "IMPORT_COMPLETE": ("UPDATE_IN_PROGRESS", "DELETE_IN_PROGRESS"),
    "DELETE_IN_PROGRESS": ("DELETE_FAILED", "DELETE_COMPLETE"),
    "DELETE_FAILED": ("DELETE_IN_PROGRESS",),
}
STATUSES = sorted({*NEXT, *(status for following in NEXT.values() for status in following)})
SWITCHES = {
    ActionKind.PROTECT_TABLE: "deletion_protection",
    ActionKind.PROTECT_DB_INSTANCE: "deletion_protection",
    ActionKind.PROTECT_DB_CLUSTER: "deletion_protection",
    ActionKind.ENABLE_POINT_IN_TIME_RECOVERY: "point_in_time_recovery",
}

stacks = st.builds(
    StackState,
    id=st.just(STACK_ID),
    name=st.just("shop"),
    status=st.sampled_from(STATUSES),
    termination_protection=st.booleans(),
)

DELETING = stacks | stacks.map(lambda stack: stack.model_copy(update={"status": "DELETE_IN_PROGRESS"}))


@st.composite
def _resource(draw: st.DrawFn, name: str) -> ResourceState:
    type_ = draw(st.sampled_from([TABLE, CLUSTER]) | st.sampled_from(sorted(TYPES)))
    protection = TYPES[type_].protection
    table = protection is Protection.DYNAMODB_TABLE
    presence = (
        draw(st.just(Presence.STANDING) | st.sampled_from(Presence)) if protection else Presence.STANDING
    )
    read = protection is not None and presence is not Presence.GONE
    return resource(
        type_,
        name,
        presence=presence,
        stack_names=draw(
            st.sampled_from([("shop",), ("shop-Data", "shop"), ("shop-Data-More", "shop-Data", "shop")])
        ),
        deletion_protection=draw(st.booleans()) if read else None,
        point_in_time_recovery=draw(st.booleans()) if read and table else None,
        retained=draw(st.sampled_from([False, False, False, True])),
        retained_on_replace=draw(st.booleans()),
        in_cluster=type_ == "AWS::RDS::DBInstance" and draw(st.booleans()),
        created_at=draw(st.none() | st.sampled_from([HAPPENED - timedelta(1), HAPPENED + timedelta(1)])),
        backups=tuple(draw(st.lists(st.sampled_from([backup(), backup(available=False)]), max_size=2))),
    )


@st.composite
def cases(draw: st.DrawFn) -> Case:
    """Any situation, a stack or one resource, with exemptions for some of what is in it."""
    hazard = draw(st.sampled_from(Hazard))
    stack = draw(DELETING if hazard is Hazard.STACK_DELETION else st.none() | stacks)
    count = draw(st.integers(0, 4)) if stack else 1
    resources = [draw(_resource(f"data{n}")) for n in range(count)]
    some = st.lists(st.sampled_from(["data0", "data1", "data2", "shop", "shop-Data"]), max_size=2)
    exempt = draw(st.just([]) | some)
    return replace(
        case(
            hazard,
            *resources,
            of=stack,
            mode=draw(st.sampled_from([Mode.ENFORCE, Mode.ENFORCE, Mode.OBSERVE])),
        ),
        exemptions=Exemptions({name: exemption(name) for name in exempt}),
    )


@dataclass
class World:
    """What an account does while the workflow is at work on one finding. Chances are between 0 and 1."""

    case: Case
    random: Random
    refuses: float = 0.0
    undoes: float = 0.0
    moves: float = 0.5
    attempts: list[Attempt] = field(default_factory=list)

    def judgements(self) -> Iterator[tuple[Case, Judgement]]:
        """Yield each judgement with what was judged, until one is done (or only observed)."""
        while True:
            judged = replace(self.case, attempts=tuple(self.attempts))
            judgement = judge(judged)
            yield judged, judgement
            if judgement.next == "done" or (judgement.next == "act" and judged.mode is Mode.OBSERVE):
                return
            for action in judgement.actions:
                self._try(action)
            self._go_on()

    def _chance(self, of: float) -> bool:
        return self.random.random() < of

    def _try(self, action: Action) -> None:
        refused = self._chance(self.refuses)
        self.attempts.append(tried(action, failed=refused, in_round=self.case.round))
        if refused or self._chance(self.undoes):
            return
        if action.kind is ActionKind.SET_TERMINATION_PROTECTION:
            self._set_stack(termination_protection=action.parameters["enabled"])
        elif action.kind is ActionKind.BACK_UP_TABLE:
            self._set(action.target, backups=(backup(available=self._chance(0.5)),))
        else:
            self._set(action.target, **{SWITCHES[action.kind]: True})

    def _go_on(self) -> None:
        stack = self.case.situation.stack
        if stack and self._chance(self.moves):
            following = [
                status
                for status in NEXT.get(stack.status, ())
                if not (stack.termination_protection and status == "DELETE_IN_PROGRESS")
            ]
            if following:
                self._set_stack(status=self.random.choice(following))
        for state in self.case.situation.resources:
            if state.row.protection and self._chance(self.moves):
                self._set(state.name, presence=self._next_presence(state))
        self.case = replace(self.case, round=self.case.round + 1)

    def _next_presence(self, state: ResourceState) -> Presence:
        following = {
            Presence.STANDING: (Presence.BUSY, Presence.DELETING),
            Presence.BUSY: (Presence.STANDING,),
            Presence.DELETING: (Presence.GONE,),
            Presence.GONE: (Presence.GONE,),
        }[state.presence]
        allowed = [p for p in following if not (state.deletion_protection and p is Presence.DELETING)]
        return self.random.choice(allowed)

    def _set(self, name: str, **changes: Any) -> None:
        situation = self.case.situation
        resources = tuple(
            state.model_copy(update=changes) if state.name == name else state for state in situation.resources
        )
        self.case = replace(self.case, situation=situation.model_copy(update={"resources": resources}))

    def _set_stack(self, **changes: Any) -> None:
        situation = self.case.situation
        assert situation.stack is not None
        stack = situation.stack.model_copy(update=changes)
        self.case = replace(self.case, situation=situation.model_copy(update={"stack": stack}))


worlds = st.builds(
    World,
    case=cases(),
    random=st.integers(0, 2**32).map(Random),
    refuses=st.sampled_from([0.0, 0.3, 1.0]),
    undoes=st.sampled_from([0.0, 0.3, 1.0]),
    moves=st.sampled_from([0.0, 0.1, 0.7]),
)
