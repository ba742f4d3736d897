"""Reading what a judgement of `s3-recursion` depends on besides the loop: functions, ledger, exemptions."""

from collections.abc import Iterable
from dataclasses import dataclass, replace
from datetime import UTC, datetime

from stackwarden import aws, exemptions, ledger
from stackwarden.episodes import episode
from stackwarden.finding import Mode, Verdict
from stackwarden.policies.s3_recursion import Cap, Case, Situation, judge, names
from stackwarden.policies.s3_reports import witness
from stackwarden.policies.s3_walk import Loop, Survey
from stackwarden.s3_loops import states
from stackwarden.s3_settings import RecursionSettings
from stackwarden.s3_verdict import Subject, about, cap_set


@dataclass(frozen=True)
class CaseReader:
    """Reads for one guard. Every method raises ClientError."""

    guard: str
    settings: RecursionSettings

    def cap(self, function: str, finding: str) -> Cap | None:
        """Return the cap that Stackwarden set on a function, as the ledger knows; `finding`: by its tag."""
        pointed_at = ledger.entry(self.settings.ledger_table, finding) if finding else None
        return cap_set([*self._told([function]), *([pointed_at] if pointed_at else [])], function)

    def first(
        self, subject: Subject, loop: Loop | None, survey: Survey, happened_at: datetime
    ) -> tuple[Case, int] | None:
        """Return the case and its episode; None: the functions are gone, or it was told and is held."""
        # The ledger first: a cap that it calls verified and that does not show afterwards was lifted.
        told = self._told(subject.functions)
        case = self._case(subject, loop, survey, told)
        if case is None:
            return None
        same = about(told, subject)
        unchanged = (
            bool(same) and loop is not None and same[0].finding["evidence"].get("witness") == witness(loop)
        )
        number = episode(
            same,
            happened_at,
            held=case.held and not case.allows_recursion and unchanged,
            acts=self.settings.mode is Mode.ENFORCE and judge(case).next == "act",
        )
        return None if number is None else (case, number)

    def again(self, subject: Subject, loop: Loop | None, survey: Survey, verdict: Verdict) -> Case | None:
        """Return the case with what was tried; None: the functions are gone."""
        told = [entry for entry in self._told(subject.functions) if entry.id != verdict.finding.id]
        case = self._case(subject, loop, survey, told)
        if case is None:
            return None
        situation = replace(case.situation, other_loops=any(other is not loop for other in survey.loops))
        return replace(case, situation=situation, attempts=verdict.attempts, round=verdict.round)

    def _told(self, functions: Iterable[str]) -> list[ledger.Entry]:
        table = self.settings.ledger_table
        return [entry for arn in functions for entry in ledger.entries(table, arn, self.guard)]

    def _case(
        self, subject: Subject, loop: Loop | None, survey: Survey, told: list[ledger.Entry]
    ) -> Case | None:
        functions = tuple(replace(state, cap=cap_set(told, state.arn)) for state in states(subject.functions))
        if not functions:
            return None
        situation = Situation(subject.hazard, functions, loop, subject.cap, survey.cut)
        ssm, now = aws.client("ssm"), datetime.now(UTC)
        return Case(
            situation=situation,
            rules=self.settings.rules,
            mode=self.settings.mode,
            exemptions=exemptions.read_or_none(ssm, self.guard, names(situation), now),
        )
