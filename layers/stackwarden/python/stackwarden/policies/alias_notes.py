"""What the owner of a function would stumble over when an alias takes the traffic. Pure."""

from collections.abc import Iterator
from typing import Final

from stackwarden.finding import ActionKind, Attempt
from stackwarden.policies.alias_changes import ALIAS_TAG, MOVED_TAG
from stackwarden.policies.alias_snippets import (
    CDK,
    CLOUDFORMATION,
    SAM,
    SERVERLESS,
    TERRAFORM,
    TOOLS,
    declared_name,
)
from stackwarden.policies.alias_state import Invoker, Kind
from stackwarden.policies.alias_steps import needed
from stackwarden.policies.alias_words import listed, plain, source
from stackwarden.policies.missing_alias import Case

MOVES: Final = (
    ActionKind.REPOINT_MAPPING,
    ActionKind.REPOINT_NOTIFICATION,
    ActionKind.REPOINT_TARGET,
    ActionKind.REPOINT_SUBSCRIPTION,
)
_WITH_ROLES: Final = (Kind.SCHEDULE, Kind.PIPE, Kind.STATE_MACHINE)
_ASYNCHRONOUS: Final = (Kind.BUCKET, Kind.TOPIC, Kind.RULE, Kind.LOG_GROUP, Kind.IOT_RULE, Kind.SCHEDULE)
_ASYNCHRONOUS_SETTINGS: Final = {
    SAM: "EventInvokeConfig follows AutoPublishAlias by itself",
    CLOUDFORMATION: "Qualifier of AWS::Lambda::EventInvokeConfig",
    SERVERLESS: "an AWS::Lambda::EventInvokeConfig with the alias as Qualifier, under resources",
    CDK: "live.configureAsyncInvoke(...)",
    TERRAFORM: "qualifier of aws_lambda_function_event_invoke_config",
}

_VERSIONS: Final = {
    SAM: "FunctionVersion; not AutoPublishAlias, which makes an alias of its own",
    CLOUDFORMATION: "FunctionVersion",
    SERVERLESS: "FunctionVersion, under resources",
    CDK: "version",
    TERRAFORM: "function_version",
}


def tool(case: Case) -> str:
    """Return the tool that deploys the function, as far as that is known."""
    stack = case.function.stack
    if stack is None:
        return TERRAFORM
    return stack.tool if stack.tool in TOOLS else CLOUDFORMATION


def made_alias(case: Case) -> bool:
    """Whether Stackwarden has made the alias, now or before: then no template has it."""
    return _is_ours(case, ActionKind.CREATE_ALIAS, ALIAS_TAG)


def moved_alias(case: Case) -> bool:
    """Whether the alias is the owner's, and Stackwarden has moved it from `$LATEST` to a version."""
    return not made_alias(case) and _is_ours(case, ActionKind.UPDATE_ALIAS, MOVED_TAG)


def alias_update(case: Case) -> Attempt | None:
    """Return the move of an alias from `$LATEST` to a version, if it is a part of this finding."""
    return next(
        (attempt for attempt in case.done if _sets_alias(case, attempt, ActionKind.UPDATE_ALIAS)), None
    )


def _is_ours(case: Case, kind: ActionKind, tag: str) -> bool:
    name = case.rules.alias
    now = any(_sets_alias(case, attempt, kind) for attempt in case.done)
    return name in case.function.aliases and (now or case.function.tags.get(tag) == name)


def _sets_alias(case: Case, attempt: Attempt, kind: ActionKind) -> bool:
    return attempt.kind is kind and attempt.parameters.get("name") == case.rules.alias


def needs_other_name(case: Case) -> bool:
    """Whether a template cannot make an alias of this name, since CloudFormation finds it there."""
    return made_alias(case) and tool(case) != TERRAFORM


def owners_version(case: Case) -> str:
    """Say what has to change where an alias on `$LATEST` is declared: a second one of its name fails."""
    what = "configuration" if tool(case) == TERRAFORM else "template"
    return (
        f"Set the version of your alias {case.rules.alias} to a published version, where it is declared "
        f"({_VERSIONS[tool(case)]}). As long as its {what} says $LATEST, the next deployment that changes it "
        "points it back."
    )


def is_published(case: Case) -> bool:
    """Whether CloudFormation would fail to publish a version, since what runs now is published already.

    https://github.com/serverless/serverless/issues/6349 shows the failure; Lambda makes no second version of
    the same: https://docs.aws.amazon.com/lambda/latest/api/API_PublishVersion.html
    """
    code = case.function.code
    if code is None or code.newest is None or tool(case) == TERRAFORM:
        return False
    return code.newest.runs_the_same_as(code.latest)


def on_alias(case: Case) -> tuple[Invoker, ...]:
    """Return what names Stackwarden's alias, and gets a published version through it."""
    function, name = case.function, case.rules.alias
    alias = function.aliases.get(name)
    if alias is None or alias.is_latest:
        return ()
    return tuple(i for i in function.invokers if i.qualifier == name and i.kind is not Kind.PEOPLE)


def moved(case: Case) -> tuple[Invoker, ...]:
    """Return what Stackwarden has moved and is on the alias now, as it was read."""
    done = [attempt for attempt in case.done if attempt.kind in MOVES]
    targets = {attempt.target for attempt in done}
    names = {attempt.target for attempt in done if attempt.kind is ActionKind.REPOINT_NOTIFICATION}
    rules = {attempt.target for attempt in done if attempt.kind is ActionKind.REPOINT_TARGET}

    def is_moved(invoker: Invoker) -> bool:
        match invoker.kind:
            case Kind.MAPPING:
                return invoker.id in targets
            case Kind.TOPIC:
                return invoker.source in targets
            case Kind.BUCKET:
                return invoker.source.split(":::")[-1] in names
            case Kind.RULE:
                return invoker.source.rsplit("/", 1)[-1] in rules
        return False

    return tuple(invoker for invoker in on_alias(case) if is_moved(invoker))


def holds_code_back(case: Case) -> bool:
    """Whether, by Stackwarden's doing, a deployment that only updates the code does not reach the alias."""
    alias = case.function.aliases.get(case.rules.alias)
    if alias is None or alias.is_latest:
        return False
    return made_alias(case) or moved_alias(case) or bool(case.done and on_alias(case))


def notes(case: Case) -> Iterator[str]:
    """Yield what depends on the kind of what is left to the owner."""
    function = case.function
    roles = [i for i in case.exposed if i.kind in _WITH_ROLES or "RoleArn" in i.config]
    if roles:
        yield (
            f"The role of {listed(map(source, roles))} has to allow lambda:InvokeFunction on "
            f"{function.arn}:*; the ARN without a qualifier does not include aliases."
        )
    if any(invoker.kind is Kind.FUNCTION_URL for invoker in case.exposed):
        yield "A URL cannot move: an alias has another, with permissions of its own. Clients change to it."
    name = declared_name(function, case.rules.alias, needs_other_name(case))
    for account, them in _elsewhere(case).items():
        yield (
            f"Account {account} has to switch {listed(map(source, them))}. "
            f"What its owner is to name: {function.arn}:{name}"
        )
    yield from _inexact(case)
    yield from _asynchronous(case)


def _elsewhere(case: Case) -> dict[str, list[Invoker]]:
    """Group what is left by account, if that is another one."""
    accounts: dict[str, list[Invoker]] = {}
    declared = {p.sid: p.source_account for p in case.function.permissions if p.source_account}
    for invoker in case.exposed:
        by_permission = declared.get(invoker.id) if invoker.kind is Kind.PERMISSION else None
        account = invoker.account or by_permission or ""
        if account.isdigit() and account != case.function.arn.split(":")[4]:
            accounts.setdefault(plain(account), []).append(invoker)
    return accounts


def _inexact(case: Case) -> Iterator[str]:
    """A permission that AddPermission cannot copy without allowing more."""
    granted = {permission.principal for permission in case.function.granted}
    for permission in needed(case.function, case.exposed):
        if not permission.copyable and permission.principal not in granted:
            yield (
                f"Statement {plain(permission.sid)} ({plain(permission.principal)}) cannot be copied to the "
                "alias as it is. Give the alias a permission before the switch; see aws lambda get-policy."
            )


def _asynchronous(case: Case) -> Iterator[str]:
    later = [invoker for invoker in case.exposed if invoker.kind in _ASYNCHRONOUS]
    if not (later and case.function.async_settings_missing):
        return
    with_ = tool(case)
    left = " So Stackwarden did not repoint them." if case.rules.repoint_push else ""
    yield (
        "Retries and destinations of asynchronous invocations belong to a qualifier; set them for the alias "
        f"({with_}: {_ASYNCHRONOUS_SETTINGS[with_]}) before {listed(map(source, later))} name it.{left}"
    )


def drift(case: Case) -> Iterator[str]:
    """Yield what the owner's next deployment makes of what was moved."""
    triggers = moved(case) if moved_alias(case) else on_alias(case) if case.done else ()
    if not triggers:
        return
    what, stack = listed(map(source, triggers)), case.function.stack
    if stack is None:
        yield f"If Terraform manages {what}: its next apply points it back, until it names the alias."
        return
    unknown = " It does not know the alias and its permissions, and leaves them there."
    yield (
        f"Until the template of {plain(stack.name)} says so, a deployment that changes the trigger ({what}) "
        f"points it back to $LATEST.{unknown if made_alias(case) else ''}"
    )
