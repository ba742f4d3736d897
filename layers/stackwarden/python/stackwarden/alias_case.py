"""Reading what a judgement of `missing-alias` depends on besides the function: ledger and exemptions."""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime

from stackwarden import aws, exemptions, ledger
from stackwarden.alias_settings import AliasSettings
from stackwarden.alias_verdict import relapses, state, unverified
from stackwarden.exemptions import Exemptions
from stackwarden.finding import Verdict
from stackwarden.policies.alias_state import Function
from stackwarden.policies.missing_alias import Case, Hazard, names


@dataclass(frozen=True)
class CaseReader:
    """Reads for one guard. Every method raises ClientError."""

    guard: str
    settings: AliasSettings

    def told(self, function: str) -> tuple[ledger.Entry, ...]:
        """Return what was found about a function before, newest first."""
        return ledger.entries(self.settings.ledger_table, function, self.guard)

    def first(
        self, function: Function, told: Sequence[ledger.Entry], happened_at: datetime, *, deployed: bool
    ) -> Case:
        """Return the case of a function that an event points at; told: what was found about it before.

        deployed: whether the event is a deployment's, which makes the code that is there its own.
        """
        case = Case(
            function=function,
            rules=self.settings.rules,
            mode=self.settings.mode,
            exemptions=self._exemptions(function),
            unverified=not deployed and _latest(function) in unverified(told),
        )
        return replace(case, relapses=relapses(told, state(case, Hazard.LATEST), happened_at))

    def again(self, function: Function, verdict: Verdict, code: str) -> Case:
        """Return the case with what was tried; code: the CodeSha256 that was judged first."""
        return Case(
            function=function,
            rules=self.settings.rules,
            mode=self.settings.mode,
            exemptions=self._exemptions(function),
            attempts=verdict.attempts,
            round=verdict.round,
            code=code,
        )

    def _exemptions(self, function: Function) -> Exemptions:
        """Read them only where there is something to be exempted from."""
        if function.code is None and not function.invokers:
            return Exemptions()
        return exemptions.read_or_none(aws.client("ssm"), self.guard, names(function), datetime.now(UTC))


def _latest(function: Function) -> str:
    return function.code.latest.code_sha256 if function.code else ""
