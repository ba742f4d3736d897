"""How often a hazard came before: one finding out of many events, and another one out of a relapse."""

from collections.abc import Sequence
from datetime import datetime, timedelta
from typing import Final

from stackwarden.finding import Outcome
from stackwarden.ledger import Entry

TOLD: Final = timedelta(days=1)  # an unchanged hazard that is only reported is reported once a day
STUCK: Final = timedelta(hours=2)  # a workflow that took longer died


def episode(told: Sequence[Entry], happened_at: datetime, *, held: bool, acts: bool = False) -> int | None:
    """Say how often the hazard came before, from the ledger's entries about it, newest first.

    None: it was told already and is held. The same number as the newest entry's: what happened is part of
    that, so the workflow stops at the ledger. A cap that was verified and is gone again is a new one, and so
    is a hazard that was dismissed and is there again, or was only told and is now acted on.
    """
    if not told:
        return 0
    newest = told[0]
    number = int(newest.finding["evidence"].get("episode", 0))
    if newest.outcome is Outcome.REMEDIATED:
        return None if held else number + 1
    if newest.outcome is Outcome.DISMISSED:
        return number + 1
    if newest.closed_at is None:
        return number if happened_at - newest.opened_at < STUCK else number + 1
    only_told = newest.outcome in (Outcome.OBSERVED, Outcome.EXEMPT)
    if only_told and acts:
        return number + 1
    quiet = TOLD if only_told else timedelta()
    return number if happened_at <= newest.closed_at + quiet else number + 1
