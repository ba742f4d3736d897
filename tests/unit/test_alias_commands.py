"""How what `missing-alias` did is undone."""

import json
import shlex
from dataclasses import replace

from stackwarden.finding import (
    Action,
    ActionKind,
)
from tests.alias_cases import (
    LETTING_IN,
    ORDERS,
    PUSHING,
    REGION,
    aliases,
    case,
    code,
    function,
    mapping,
    notification,
    ready,
    subscription,
    target,
    tried,
    version,
)
from tests.alias_report_cases import (
    MOVED,
    SAM,
    finished,
    steps,
    told,
)


def test_what_was_done_can_be_undone_in_the_reverse_order() -> None:
    here = f"--region {REGION}"

    assert told(MOVED).evidence["undo"] == [
        f"aws lambda update-event-source-mapping --uuid m-1 --function-name {ORDERS} {here}",
        f"aws lambda delete-alias --function-name orders --name live {here}",
        f"aws lambda delete-function --function-name orders --qualifier 1 {here}",
    ]


def test_a_version_whose_number_is_not_known_is_not_deleted() -> None:
    publish = tried(steps(function(mapping()))[0])

    prose = told(case(function(mapping(), code=code(now="B")), attempts=[publish], round=1))

    assert "undo" not in prose.evidence


def test_code_that_was_published_before_is_not_deleted() -> None:
    [publish, *_] = steps(function(mapping()))
    publish = publish.model_copy(update={"before": {"version": "1"}})

    prose = told(case(ready(mapping()), attempts=[tried(publish)], round=1))

    assert "undo" not in prose.evidence


def test_undoing_a_qualified_mapping_survives_the_shell() -> None:
    before, after = function(mapping("$LATEST")), ready(mapping("live"))

    [command, *_] = told(finished(before, after)).evidence["undo"]

    assert f"{ORDERS}:$LATEST" in shlex.split(command)
    assert "'" in command


def test_undoing_a_moved_alias_a_permission_and_pushes() -> None:
    pushed = function(
        notification(),
        target(),
        subscription(),
        permissions=LETTING_IN,
        aliases=aliases(live="$LATEST"),
        published=[version("1")],
    )
    moved = ready(
        notification("live"), target("live"), subscription("live", name="s-2"), permissions=LETTING_IN
    )
    attempts = [tried(action) for action in steps(pushed, PUSHING)]
    end = Action(
        kind=ActionKind.END_SUBSCRIPTION,
        target="s-1",
        parameters={"topic": subscription().source},
        before={"function": ORDERS, "attributes": {"FilterPolicy": "{}"}},
    )

    undo = told(case(moved, rules=PUSHING, attempts=[*attempts, tried(end)], round=20)).evidence["undo"]

    calls = [" ".join(command.split()[1:3]) for command in undo]
    assert calls[0] == "sns subscribe"
    assert calls[-1] == "lambda update-alias"
    assert shlex.split(undo[-1])[-3:-1] == ["$LATEST", "--region"]
    assert {*calls} == {
        "sns subscribe",
        "sns unsubscribe",
        "events put-targets",
        "s3api put-bucket-notification-configuration",
        "lambda remove-permission",
        "lambda update-alias",
    }
    [bucket] = [shlex.split(command) for command in undo if "s3api" in command]
    put_back = json.loads(bucket[bucket.index("--notification-configuration") + 1])
    assert put_back["LambdaFunctionConfigurations"][0]["LambdaFunctionArn"] == ORDERS


def test_a_long_configuration_is_taken_from_the_ledger() -> None:
    one = {"Id": "on-upload", "LambdaFunctionArn": ORDERS, "Filter": "x" * 2000}
    pushing = notification(whole={"LambdaFunctionConfigurations": [one]})
    state = ready(pushing, permissions=LETTING_IN, granted=LETTING_IN)
    attempts = [tried(action) for action in steps(state, PUSHING)]

    [undo] = told(case(ready(notification("live")), attempts=attempts, round=20)).evidence["undo"]

    assert "--notification-configuration file://before.json" in undo
    assert undo.endswith("# before.json: `before` of this action, from the ledger")


def test_a_deployment_of_the_stack_may_undo_the_move() -> None:
    state = replace(MOVED, function=replace(MOVED.function, stack=SAM))

    fix = told(state).fix

    assert (
        "Until the template of shop says so, a deployment that changes the trigger (SQS queue orders)" in fix
    )
    assert "CloudFormation cannot create the alias live" in fix
    assert "AutoPublishAlias: current" in fix


def test_without_a_stack_terraform_may_undo_the_move() -> None:
    assert "If Terraform manages SQS queue orders: its next apply points it back" in told(MOVED).fix
    assert "terraform import aws_lambda_alias.live orders/live" in told(MOVED).fix
