"""Who runs the code that a change brought: by code, and not by the name of a version. Pure."""

from typing import NamedTuple

from stackwarden.policies.alias_changes import Change
from stackwarden.policies.alias_state import Alias, Invoker, Kind
from stackwarden.policies.missing_alias import Case


class Reach(NamedTuple):
    """Who runs the code of a change now. unknown: what names an alias or version whose code was not read.

    aliases: those that run it, whether or not anything is known to name them.
    """

    latest: tuple[Invoker, ...]
    through: tuple[Invoker, ...]
    elsewhere: tuple[Invoker, ...]
    unknown: tuple[Invoker, ...]
    aliases: tuple[Alias, ...] = ()

    @property
    def live(self) -> tuple[Invoker, ...]:
        """What invokes the code and is switched on."""
        return tuple(i for i in (*self.latest, *self.through) if i.enabled)

    @property
    def is_live(self) -> bool:
        """Whether it runs for somebody; who invokes an alias is not always known."""
        return bool(self.live or self.aliases)


def reach_of(case: Case, change: Change) -> Reach:
    """Sort what invokes the function by whether it runs the code of a change."""
    function = case.function
    services = [invoker for invoker in function.invokers if invoker.kind is not Kind.PEOPLE]
    sorted_: dict[str, list[Invoker]] = {"latest": [], "through": [], "elsewhere": [], "unknown": []}
    for invoker in services:
        if function.runs_latest(invoker):
            sorted_["latest" if is_latest_code(case, change) else "elsewhere"].append(invoker)
        elif not function.dangles(invoker):
            codes = _codes(case, invoker.qualifier or "")
            known = "elsewhere" if codes and None not in codes else "unknown"
            sorted_["through" if change.code_sha256 in codes else known].append(invoker)
    aliases = tuple(each for each in function.aliases.values() if _runs(case, each, change))
    return Reach(**{name: tuple(them) for name, them in sorted_.items()}, aliases=aliases)


def _runs(case: Case, alias: Alias, change: Change) -> bool:
    """Whether some of an alias's traffic runs the code of a change."""
    if alias.is_latest:
        return is_latest_code(case, change)
    return change.code_sha256 in _codes(case, alias.name)


def _codes(case: Case, qualifier: str) -> set[str | None]:
    """Return the CodeSha256 of each version that a qualifier may run; None: not read."""
    code, alias = case.function.code, case.function.aliases.get(qualifier)
    numbers = (alias.version, *alias.weights) if alias else (qualifier,)
    versions = [code.versions.get(number) if code else None for number in numbers]
    return {version.code_sha256 if version else None for version in versions}


def is_latest_code(case: Case, change: Change) -> bool:
    """Whether `$LATEST` runs the code of a change."""
    code = case.function.code
    return code is None or code.latest.code_sha256 == change.code_sha256
