"""Reading what a judgement of `missing-alias` depends on besides the function: ledger and exemptions."""

from dataclasses import dataclass
from datetime import UTC, datetime

from stackwarden import aws, exemptions, ledger
from stackwarden.alias_settings import AliasSettings
from stackwarden.exemptions import Exemptions
from stackwarden.finding import Verdict
from stackwarden.policies.alias_state import Function
from stackwarden.policies.missing_alias import Case, names


@dataclass(frozen=True)
class CaseReader:
    """Reads for one guard. Every method raises ClientError."""

    guard: str
    settings: AliasSettings

    def told(self, function: str) -> tuple[ledger.Entry, ...]:
        """Return what was found about a function before, newest first."""
        return ledger.entries(self.settings.ledger_table, function, self.guard)

    def case(self, function: Function, verdict: Verdict | None = None) -> Case:
        """Return the case, with what was tried."""
        return Case(
            function=function,
            rules=self.settings.rules,
            mode=self.settings.mode,
            exemptions=self._exemptions(function),
            attempts=verdict.attempts if verdict else (),
            round=verdict.round if verdict else 0,
        )

    def _exemptions(self, function: Function) -> Exemptions:
        """Read them only where there is something to be exempted from."""
        if function.code is None and not function.invokers:
            return Exemptions()
        return exemptions.read_or_none(aws.client("ssm"), self.guard, names(function), datetime.now(UTC))
