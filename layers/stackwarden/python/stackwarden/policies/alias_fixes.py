"""What the owner of a function does now: the one thing first, then what to paste. Pure."""

from collections.abc import Iterable, Iterator
from typing import Final

from stackwarden.finding import Mode, Outcome
from stackwarden.policies.alias_commands import aws, publish_and_move, region
from stackwarden.policies.alias_hindrances import hindrance
from stackwarden.policies.alias_notes import (
    drift,
    holds_code_back,
    is_published,
    made_alias,
    moved_alias,
    needs_other_name,
    notes,
    on_alias,
    owners_version,
    tool,
)
from stackwarden.policies.alias_snippets import (
    CLOUDFORMATION,
    SAM,
    SERVERLESS,
    declared_name,
    hints,
    snippets,
)
from stackwarden.policies.alias_state import Function, Kind
from stackwarden.policies.alias_words import listed, plain, source
from stackwarden.policies.missing_alias import Case, Judgement

STORAGE_FULL: Final = "CodeStorageExceededException"
_MOST_COMMANDS: Final = 3
_MAKING_ALIASES: Final = (SAM, SERVERLESS)


def all_snippets(case: Case) -> dict[str, str]:
    """Return a snippet for each tool."""
    triggers = (*case.exposed, *on_alias(case))
    return snippets(case.function, triggers, case.rules.alias, made_alias(case))


def fix(case: Case, judgement: Judgement) -> str:
    """Tell the owner of a function that `$LATEST` is invoked what to do."""
    stack = case.function.stack
    if judgement.outcome is Outcome.EXEMPT:
        return "Nothing, as long as the exemption is right. It ends by itself."
    if stack and not stack.settled:
        return f"Nothing now. When stack {plain(stack.name)} is settled, the function is judged again."
    lines = [*_dangling(case), *_first(case, judgement)]
    if case.exposed or case.done:
        lines += [*declare(case), *notes(case), *drift(case), *_by_hand(case, judgement), *_other_tools(case)]
    return "\n".join(lines)


def declare(case: Case) -> Iterator[str]:
    """Yield the snippet of the function's own tool, and why the alias in it has another name."""
    stack, with_ = case.function.stack, _declaring(case)
    if moved_alias(case):
        yield owners_version(case)
    if stack is None:
        yield f"It belongs to no stack. In {with_}:"
    else:
        yield f"In the template of stack {plain(stack.name)} ({with_}):"
    yield from indented(all_snippets(case)[with_].splitlines())
    if is_published(case):
        yield (
            "Change the function in the same deployment, if only its Description: CloudFormation fails to "
            "publish what is published already (A version for this Lambda function exists)."
        )
    if not needs_other_name(case):
        return
    function, name = case.function, case.rules.alias
    other = declared_name(function, name, True)
    yield f"Another name ({other}), since CloudFormation cannot create the alias {name}: it is there already."
    yield f"When nothing names {name} any more, delete it:"
    yield from indented([aws(function, "lambda delete-alias", function_name=function.name, name=name)])


def _declaring(case: Case) -> str:
    """Return whose snippet fits: what makes an alias of its own cannot move one that is there."""
    mine = tool(case)
    return CLOUDFORMATION if moved_alias(case) and mine in _MAKING_ALIASES else mine


def _first(case: Case, judgement: Judgement) -> Iterator[str]:
    """What matters most comes first."""
    if advice := hindrance(case, judgement.reason):
        yield from advice
        yield from _stands(case)
    elif judgement.outcome is Outcome.FAILED:
        yield from _failed(case)
    elif case.exposed and not case.is_prod:
        yield "Nothing has to be done here. In prod it would be changed: say it in the template before."
    elif case.exposed and case.plan.blocked:
        yield from _blocked(case)
    elif case.exposed:
        yield f"Let {listed(map(source, case.exposed))} name {_wanted(case)} instead of $LATEST."
    if holds_code_back(case):
        yield not_live(case)
    if not case.exposed and not case.done and case.people:
        yield f"Nothing is urgent. Who invokes by hand can name a version: {case.function.arn}:VERSION"


def _wanted(case: Case) -> str:
    """Name the alias that is to be named: the one that is there, or one that a template will make."""
    if case.rules.alias not in case.function.aliases:
        return "an alias on a published version"
    if needs_other_name(case):
        return "an alias of the template"
    return f"{case.function.arn}:{case.rules.alias}"


def not_live(case: Case) -> str:
    """Say what changes for every deployment after this one, and for a switch after it."""
    switch = " A trigger that is switched to it after such a deployment runs the code from before it."
    return (
        "From now on a deployment that only updates the code is NOT live for what goes through the alias "
        f"{case.rules.alias}, until the alias moves.{switch if case.exposed else ''}"
    )


def _dangling(case: Case) -> Iterator[str]:
    for name in sorted({invoker.qualifier or "" for invoker in case.dangling}):
        them = [invoker for invoker in case.dangling if invoker.qualifier == name]
        yield f"Make the alias {plain(name)}, or let {listed(map(source, them))} name one that exists:"
        yield from indented([_create(case.function, plain(name))])


def _create(function: Function, alias: str) -> str:
    newest = function.code.newest if function.code else None
    options = {"name": alias, "function_version": newest.number if newest else "VERSION"}
    return aws(function, "lambda create-alias", function_name=function.name, **options)


def _failed(case: Case) -> Iterator[str]:
    failed = [attempt for attempt in case.attempts if attempt.status == "failed"]
    if any(STORAGE_FULL in attempt.error for attempt in failed):
        yield from _full(case.function)
    elif case.plan.blocked:
        yield from _blocked(case)
    elif case.plan.waiting:
        yield f"Look at the function: {plain(case.plan.waiting)}, and that takes too long."
    elif failed:
        yield "See above what failed, and why. Stackwarden looks again at the next event about the function."
    else:
        yield "Find out what sets it back: a change that Stackwarden made does not show, or not any more."
    yield from _stands(case)


def _stands(case: Case) -> Iterator[str]:
    if case.done:
        yield "What was done before stands. The commands that undo it are above."


def _full(function: Function) -> Iterator[str]:
    """https://docs.aws.amazon.com/lambda/latest/dg/gettingstarted-limits.html: per account and Region."""
    yield f"Free code storage of Lambda in {region(function)}: it is full, so nothing can be published."
    query = "[AccountUsage.TotalCodeSize,AccountLimit.TotalCodeSize]"
    yield from indented([aws(function, "lambda get-account-settings", query=query)])
    yield "Delete versions, of any function, that no alias or trigger names; or have the quota raised."
    query = "Versions[].[Version,CodeSize,LastModified]"
    options = {"function_name": function.name, "query": query, "output": "text"}
    yield from indented([aws(function, "lambda list-versions-by-function", **options)])
    yield "(delete-function without --qualifier deletes the whole function.)"


def _blocked(case: Case) -> Iterator[str]:
    function, name = case.function, case.rules.alias
    code, alias = function.code, function.aliases.get(name)
    if code is None:
        yield "Look at the function: the state of its code could not be read."
    elif code.unpublishable:
        yield f"Publish by a deployment of your own; Stackwarden does not: {plain(code.unpublishable)}."
    elif alias and alias.weights:
        yield (
            f"Wait until the deployment behind the alias {name} is over. If its traffic is meant to stay "
            f"shared (a canary), point the triggers at it yourself: {function.arn}:{name}"
        )
    elif alias and not alias.is_latest and not _runs_latest_code(case):
        yield "Decide what is to be live: a trigger that is moved to the alias now runs something else."
        yield f"A deployment moves the alias {name}; so do these commands, to what $LATEST runs now:"
        yield from indented(publish_and_move(function, name))
    else:
        yield f"Have a version that can be invoked ({plain(case.plan.blocked)})."
        yield "An Inactive one wakes with its first invocation, which fails; after Failed, deploy anew."


def _runs_latest_code(case: Case) -> bool:
    code, alias = case.function.code, case.function.aliases[case.rules.alias]
    version = code.versions.get(alias.version) if code else None
    return code is not None and version is not None and version.runs_the_same_as(code.latest)


def _by_hand(case: Case, judgement: Judgement) -> Iterator[str]:
    """Move the alias until deployments do; without a stack, name it by a command, too."""
    function, name = case.function, case.rules.alias
    told = case.plan.blocked and not hindrance(case, judgement.reason)  # by _blocked, as far as it is right
    if holds_code_back(case) and not told and not function.aliases[name].weights:
        yield f"As long as no deployment moves the alias {name}, after each one:"
        yield from indented(publish_and_move(function, name))
    mappings = [i for i in case.exposed if i.kind is Kind.MAPPING]
    usable = name in function.aliases and not case.plan.blocked
    if function.stack is None and mappings and usable and case.mode is not Mode.OBSERVE:
        call, alias = "lambda update-event-source-mapping", f"{function.arn}:{name}"
        commands = [aws(function, call, uuid=i.id, function_name=alias) for i in mappings]
        more = len(commands) - _MOST_COMMANDS
        yield "Or by hand:" if more <= 0 else f"Or by hand, and {more} more like these:"
        yield from indented(commands[:_MOST_COMMANDS])


def _other_tools(case: Case) -> Iterator[str]:
    mine = _declaring(case)
    unfit = {mine, *(_MAKING_ALIASES if moved_alias(case) else ())}
    yield f"Not {mine}? In full in the ledger, as evidence.snippets:"
    for other, hint in hints(case.function, case.rules.alias, made_alias(case)).items():
        if other not in unfit:
            yield f"  {other}: {hint}"


def indented(lines: Iterable[str]) -> list[str]:
    """Set what is to be pasted apart from the sentences around it."""
    return [f"  {line}" for line in lines]
