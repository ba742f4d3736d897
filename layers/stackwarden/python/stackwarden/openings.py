"""A hazard becomes a finding, and stays the same one while it is judged again."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Any

from stackwarden.finding import NOBODY, Actor, Exemption, Finding, Prose, Resource, Verdict, finding_id
from stackwarden.ledger import Entry
from stackwarden.settings import Settings

_KEPT = ("state", "episode")


@dataclass(frozen=True)
class Opening:
    """What a finding begins with. state: what makes the hazard the same one, however often it is seen."""

    guard: str
    hazard: str
    resource: Resource
    state: tuple[str, ...]
    prose: Prose
    subject: dict[str, Any]
    exemption: Exemption | None = None

    def verdict(self, number: int, actor: Actor | None, settings: Settings) -> Verdict:
        """Return a verdict that the judgement is still to be put into. number: the episode."""
        prose = self.prose
        finding = Finding(
            id=finding_id(self.guard, self.resource.arn, self.hazard, *self.state, str(number)),
            guard=self.guard,
            hazard=self.hazard,
            severity=prose.severity,
            title=prose.title,
            why=prose.why,
            fix=prose.fix,
            resource=self.resource,
            actor=actor,
            mode=settings.mode,
            environment=settings.environment,
            exemption=self.exemption,
            evidence={**prose.evidence, "state": list(self.state), "episode": number},
        )
        return Verdict(
            finding=finding,
            function=settings.function_name,
            actor=actor.model_dump_json() if actor else NOBODY,
            next="wait",
            subject=self.subject,
        )


def reworded(verdict: Verdict, prose: Prose, exemption: Exemption | None) -> Verdict:
    """Return the verdict with the words of a later judgement; the finding stays what it is about."""
    kept = {key: verdict.finding.evidence[key] for key in _KEPT}
    update = {
        **dict(prose),
        "evidence": {**prose.evidence, **kept},
        "exemption": exemption or verdict.finding.exemption,
    }
    return verdict.model_copy(update={"finding": verdict.finding.model_copy(update=update)})


def about(entries: Iterable[Entry], hazard: str, state: Sequence[str]) -> list[Entry]:
    """Return the entries about the same hazard in the same state, newest first."""
    same = [
        entry
        for entry in entries
        if entry.hazard == hazard and entry.finding["evidence"].get("state") == list(state)
    ]
    return sorted(same, key=lambda entry: entry.opened_at, reverse=True)
