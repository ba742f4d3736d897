"""statemachines/remediation.asl.json: its vocabulary is that of the guards, nothing fails silently."""

import json
import re
from collections.abc import Iterator
from typing import Any

import pytest
import yaml

from stackwarden.finding import ActionKind
from tests import template

type State = dict[str, Any]
DEFINITION: dict[str, Any] = json.loads((template.ROOT / "statemachines/remediation.asl.json").read_text())
AFTER_ACTING = "What next?"


def machines(definition: dict[str, Any] = DEFINITION) -> Iterator[dict[str, State]]:
    """The states of the machine and of each Map in it."""
    yield definition["States"]
    for state in definition["States"].values():
        if "ItemProcessor" in state:
            yield from machines(state["ItemProcessor"])


STATES: dict[str, State] = {name: state for states in machines() for name, state in states.items()}
TASKS = {name: state for name, state in STATES.items() if state["Type"] == "Task"}


def following(state: State) -> set[str]:
    """The states that may come next."""
    branches = [state, *state.get("Choices", []), *state.get("Catch", [])]
    return {branch[key] for branch in branches for key in ("Next", "Default") if key in branch}


def choices(kinds: str) -> dict[str, str]:
    """What a choice does with each kind of action, the default aside."""
    return {choice["StringEquals"]: choice["Next"] for choice in STATES[kinds]["Choices"]}


def calls(kind: ActionKind) -> list[State]:
    """The calls that an action may lead to: that of the state of its name, or those that it chooses from."""
    state = STATES[kind]
    names = [kind] if state["Type"] == "Task" else [name for name in following(state) if name in TASKS]
    return [STATES[name] for name in names]


def test_every_action_has_a_state_of_its_name_and_no_state_is_left_over() -> None:
    actions, tags = choices("Which action?"), choices("Which resource?")

    assert {**actions, **tags} == {kind: kind for kind in [*actions, *tags]}
    named = {*actions, *tags, STATES["Which resource?"]["Default"]}
    assert named == {str(kind) for kind in ActionKind}
    assert all(calls(kind) for kind in ActionKind)


def test_an_unknown_action_is_a_failure_not_a_silence() -> None:
    unknown = STATES[STATES["Which action?"]["Default"]]

    assert unknown["Next"] == "Failed"
    assert unknown["Result"]["Error"] == "UnknownAction"


@pytest.mark.parametrize("states", list(machines()), ids=lambda states: next(iter(states)))
def test_every_state_can_be_reached_and_leads_to_one_that_exists(states: dict[str, State]) -> None:
    led_to = set[str]().union(*(following(state) for state in states.values()))

    assert led_to <= set(states)
    assert len(set(states) - led_to) == 1  # the first one


@pytest.mark.parametrize("name", sorted(TASKS))
def test_every_task_tries_again(name: str) -> None:
    for retry in TASKS[name]["Retry"]:
        assert retry["ErrorEquals"]
        assert retry["MaxAttempts"] >= 2
        assert retry["BackoffRate"] > 1


@pytest.mark.parametrize("kind", sorted(ActionKind))
def test_an_action_that_fails_does_not_stop_the_others(kind: ActionKind) -> None:
    for call in calls(kind):
        [catch] = call["Catch"]

        assert catch["ErrorEquals"] == ["States.ALL"]
        assert catch["ResultPath"] == "$.failure"


def test_after_acting_the_guard_judges_again_before_anything_is_said() -> None:
    assert STATES["Act"]["Next"] == STATES["Wait"]["Next"] == "Judge again"
    assert STATES["Judge again"]["Next"] == AFTER_ACTING


def test_values_before_are_recorded_before_acting() -> None:
    leading = [name for name, state in STATES.items() if "Act" in following(state)]

    assert leading == ["Record values before"]


def test_only_the_mode_enforce_acts() -> None:
    [acting] = [c for c in STATES[AFTER_ACTING]["Choices"] if c["Next"] == "Record values before"]

    assert {"Variable": "$.finding.mode", "StringEquals": "enforce"} in acting["And"]


def test_the_ledger_entry_is_written_by_one_execution_only() -> None:
    first = STATES[DEFINITION["StartAt"]]
    parameters = first["Parameters"]

    # The second half lets an execution repeat its own write, when the answer to the first one was lost.
    assert parameters["ConditionExpression"] == "attribute_not_exists(id) OR #execution = :execution"
    assert parameters["ExpressionAttributeNames"] == {"#execution": "execution"}
    assert parameters["ExpressionAttributeValues"] == {":execution": {"S.$": "$$.Execution.Id"}}
    assert first["Catch"][0]["ErrorEquals"] == ["DynamoDb.ConditionalCheckFailedException"]


def test_what_is_not_fixed_fails_the_execution() -> None:
    failed = {"Variable": "$.outcome", "StringEquals": "failed", "Next": "Remediation failed"}

    assert failed in STATES["Fixed?"]["Choices"]
    assert STATES["Remediation failed"]["Type"] == "Fail"


def test_a_loss_with_something_still_in_danger_fails_the_execution() -> None:
    still_in_danger = {
        "And": [
            {"Variable": "$.outcome", "StringEquals": "lost"},
            {"Variable": "$.finding.evidence.undecided", "IsPresent": True},
        ],
        "Next": "Remediation failed",
    }

    assert still_in_danger in STATES["Fixed?"]["Choices"]


def test_the_report_carries_what_filter_policies_need() -> None:
    attributes = STATES["Report"]["Parameters"]["MessageAttributes"]

    assert set(attributes) == {"guard", "outcome", "severity", "mode", "account", "environment"}


def test_every_substitution_is_given_by_the_template() -> None:
    [machine] = template.resources("AWS::Serverless::StateMachine").values()

    used = set(re.findall(r"\$\{(\w+)\}", json.dumps(DEFINITION)))

    assert used == set(machine["Properties"]["DefinitionSubstitutions"])


def granted() -> set[str]:
    """The actions that the template's policies allow the remediation role."""
    inline = template.template()["Resources"]["RemediationRole"]["Properties"]["Policies"]
    documents = [policy["PolicyDocument"] for policy in inline]
    for policy in template.resources("AWS::IAM::Policy").values():
        assert policy["Properties"]["Roles"] == [{"Ref": "RemediationRole"}]
        documents.append(policy["Properties"]["PolicyDocument"])
    statements = [statement for document in documents for statement in document["Statement"]]
    actions = [statement["Action"] for statement in statements]
    return {action for some in actions for action in ([some] if isinstance(some, str) else some)}


# Where IAM has other names than Step Functions.
IAM_NAMES = {
    ("eventbridge", "putTargets"): "events:PutTargets",
    ("s3", "putBucketNotificationConfiguration"): "s3:PutBucketNotification",
}


def called() -> set[str]:
    """The calls that the workflow makes, as IAM spells them."""
    calls = {"lambda:InvokeFunction"}
    for task in TASKS.values():
        if ":aws-sdk:" in task["Resource"]:
            service, action = task["Resource"].split(":")[-2:]
            calls.add(IAM_NAMES.get((service, action), f"{service}:{action[0].upper()}{action[1:]}"))
    return calls


# What CreateDeliveryStream needs besides itself: a role and tags go with it.
ALONG = {"iam:PassRole", "firehose:TagDeliveryStream"}


def test_the_role_may_make_every_call_of_the_workflow_and_no_other() -> None:
    services = ("logs:", "xray:")  # what Step Functions itself needs

    assert {action for action in granted() if not action.startswith(services)} == called() | ALONG


REMOVES = re.compile(r":(Delete|Remove|Terminate|Un(?!tag)|Stop|Disable)")


def test_the_workflow_takes_away_only_what_it_made_and_a_subscription_that_it_has_replaced() -> None:
    """Ending a subscription is the one removal of something that somebody else made.

    It has an equal by then, which the workflow made and the guard saw, and RepointPushTriggers allows it.
    """
    removing = sorted(call for call in called() if REMOVES.search(call))

    assert removing == [
        "firehose:DeleteDeliveryStream",
        "lambda:DeleteFunctionConcurrency",
        "sns:Unsubscribe",
    ]


REPOINTING = {"s3:PutBucketNotification", "events:PutTargets", "sns:Subscribe", "sns:Unsubscribe"}


def test_push_triggers_are_changed_only_where_a_parameter_allows_it() -> None:
    policies = template.resources("AWS::IAM::Policy").items()
    holding = {
        (name, policy.get("Condition"))
        for name, policy in policies
        for statement in policy["Properties"]["PolicyDocument"]["Statement"]
        if REPOINTING & set(listed(statement["Action"]))
    }
    condition = template.template()["Conditions"]["MissingAliasRepoints"]

    assert holding == {("MissingAliasRepointing", "MissingAliasRepoints")}
    assert condition == {"Fn::Equals": [{"Ref": "MissingAliasRepointPushTriggers"}, "true"]}
    assert template.template()["Parameters"]["MissingAliasRepointPushTriggers"]["Default"] == "false"


def retried(kind: ActionKind) -> set[str]:
    """The errors on which an action is tried again."""
    return {error for call in calls(kind) for retry in call["Retry"] for error in retry["ErrorEquals"]}


@pytest.mark.parametrize(
    ("kind", "error"),
    [
        (ActionKind.CREATE_DELIVERY_STREAM, "Firehose.ResourceInUseException"),  # the name is taken
        (ActionKind.CREATE_DELIVERY_STREAM, "Firehose.LimitExceededException"),  # as many as the quota allows
        (ActionKind.DELETE_DELIVERY_STREAM, "Firehose.ResourceNotFoundException"),
        (ActionKind.PUBLISH_VERSION, "Lambda.CodeStorageExceededException"),
        (ActionKind.PUBLISH_VERSION, "Lambda.InvalidParameterValueException"),  # the code is another one now
        (ActionKind.CREATE_ALIAS, "Lambda.ResourceConflictException"),  # there is one
        (ActionKind.REPOINT_MAPPING, "Lambda.InvalidParameterValueException"),
    ],
)
def test_an_error_that_never_passes_is_not_tried_again(kind: ActionKind, error: str) -> None:
    assert not retried(kind) & {error, "States.ALL", "States.TaskFailed"}


@pytest.mark.parametrize(
    ("kind", "error"),
    [
        (
            ActionKind.CREATE_DELIVERY_STREAM,
            "Firehose.InvalidArgumentException",
        ),  # no role that can be assumed yet
        (ActionKind.PUBLISH_VERSION, "Lambda.ResourceConflictException"),  # an update is under way
        (ActionKind.REPOINT_MAPPING, "Lambda.ResourceInUseException"),  # the mapping is being updated
        (ActionKind.REPOINT_TARGET, "EventBridge.ConcurrentModificationException"),
    ],
)
def test_an_error_that_passes_is_tried_again(kind: ActionKind, error: str) -> None:
    assert error in retried(kind)


def test_every_restriction_that_a_permission_is_chosen_by_is_copied() -> None:
    restrictions = {"SourceArn", "SourceAccount", "EventSourceToken"}

    copied = [
        {name.removesuffix(".$") for name in call["Parameters"]} & restrictions
        for call in calls(ActionKind.ADD_PERMISSION)
    ]

    assert sorted(map(sorted, copied)) == [
        [],
        ["EventSourceToken"],
        ["SourceAccount"],
        ["SourceAccount", "SourceArn"],
        ["SourceArn"],
    ]


def test_a_target_that_eventbridge_refused_is_a_failure_although_the_call_succeeded() -> None:
    refused = STATES[STATES[ActionKind.REPOINT_TARGET]["Next"]]

    assert {choice["Next"] for choice in refused["Choices"]} == {"Target refused"}
    assert STATES["Target refused"]["Next"] == "Failed"


def trusted(role: str) -> list[str]:
    """The services that may assume a role of the template."""
    document = template.resources("AWS::IAM::Role")[role]["Properties"]["AssumeRolePolicyDocument"]
    return [statement["Principal"]["Service"] for statement in document["Statement"]]


GUARD_ROLES = sorted(
    name for name in template.resources("AWS::IAM::Role") if trusted(name) == ["lambda.amazonaws.com"]
)
# What only reads and is called neither Describe nor List nor Get.
READS = {"iam:SimulatePrincipalPolicy", "apigateway:GET", "dynamodb:Query"}


@pytest.mark.parametrize("role", GUARD_ROLES)
def test_a_guard_function_may_only_read_and_start_the_workflow(role: str) -> None:
    policies = template.resources("AWS::IAM::Role")[role]["Properties"]["Policies"]
    documents = [policy["PolicyDocument"] for policy in policies]
    actions = [action for d in documents for s in d["Statement"] for action in listed(s["Action"])]
    own = ("logs:CreateLogStream", "logs:PutLogEvents", "xray:", "sqs:SendMessage", "states:StartExecution")

    assert [
        action
        for action in actions
        if not action.startswith(own)
        and action not in READS
        and not re.match(r"[\w-]+:(Describe|List|Get)", action)
    ] == []


def test_besides_guards_and_workflow_only_firehose_has_a_role() -> None:
    others = {role: trusted(role) for role in template.resources("AWS::IAM::Role") if role not in GUARD_ROLES}

    assert others == {
        "RemediationRole": ["states.amazonaws.com"],
        "UnbackedStreamFirehoseRole": ["firehose.amazonaws.com"],
    }


def listed(value: str | list[str]) -> list[str]:
    return [value] if isinstance(value, str) else value


def test_the_definition_is_also_yaml_without_duplicate_keys() -> None:
    """json.loads takes the last of two equal keys, so a state pasted twice would vanish."""
    text = (template.ROOT / "statemachines/remediation.asl.json").read_text()
    pairs = json.loads(text, object_pairs_hook=_no_duplicates)

    assert pairs == yaml.safe_load(text)


def _no_duplicates(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    names = [name for name, _ in pairs]
    assert len(set(names)) == len(names)
    return dict(pairs)
