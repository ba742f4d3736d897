"""What state machines may rely on here: each test names one feature of Step Functions that was verified."""

import itertools
import json
import time
from typing import Any

import pytest

from local.account import LocalAccount
from local.stepfunctions.sdk import java_exception_name, java_name, member_name
from tests.integration.conftest import ALLOW_EVERYTHING, role, zipped

type State = dict[str, Any]

INPUT = {"text": "abc", "number": 5, "flag": True, "nothing": None, "list": [1, 2, 3], "object": {"a": 1}}
SDK = "arn:aws:states:::aws-sdk:"


class Machine:
    """Creates state machines and runs them."""

    def __init__(self, account: LocalAccount, role_arn: str) -> None:
        self.account = account
        self.role_arn = role_arn
        self.client = account.client("stepfunctions")

    def create(self, name: str, states: dict[str, State], **settings: Any) -> str:
        definition = {"StartAt": next(iter(states)), "States": states, **settings}
        arn: str = self.client.create_state_machine(
            name=name, definition=json.dumps(definition), roleArn=self.role_arn
        )["stateMachineArn"]
        return arn

    def run(self, states: dict[str, State], given: Any = INPUT, **settings: Any) -> dict[str, Any]:
        """Run to the end; the execution's description."""
        arn = self.create("a-machine", states, **settings)
        execution = self.client.start_execution(
            stateMachineArn=arn, name="an-execution", input=json.dumps(given)
        )["executionArn"]
        self.account.drain(20)
        description: dict[str, Any] = self.client.describe_execution(executionArn=execution)
        return description

    def output(self, states: dict[str, State], given: Any = INPUT) -> Any:
        """Run to the end, successfully; the output."""
        execution = self.run(states, given)
        assert execution["status"] == "SUCCEEDED", execution
        return json.loads(execution["output"])


@pytest.fixture
def machine(account: LocalAccount, role_arn: str) -> Machine:
    return Machine(account, role_arn)


def last(**state: Any) -> State:
    return {"Type": "Pass", "End": True, **state}


def task(resource: str, parameters: dict[str, Any], **state: Any) -> State:
    return {"Type": "Task", "Resource": resource, "Parameters": parameters, "End": True, **state}


def one_after_another(states: dict[str, State]) -> dict[str, State]:
    """The states with Next in place of End, but for the last."""
    names = list(states)
    chained = {
        name: {**{key: value for key, value in states[name].items() if key != "End"}, "Next": following}
        for name, following in itertools.pairwise(names)
    }
    return {**chained, names[-1]: states[names[-1]]}


def caught(machine: Machine, state: State, error: str) -> dict[str, Any]:
    """Run a task that fails with `error`, by that name; what Catch got."""
    catch = {"ErrorEquals": [error], "ResultPath": "$.caught", "Next": "Caught"}
    output = machine.output({"Try": {**state, "Catch": [catch]}, "Caught": last(OutputPath="$.caught")})
    assert output["Error"] == error
    return dict(output)


def test_pass_with_result_and_paths(machine: Machine) -> None:
    states: dict[str, State] = {
        "First": {"Type": "Pass", "Result": {"x": 1}, "ResultPath": "$.added", "Next": "Second"},
        "Second": last(InputPath="$.added", Parameters={"y.$": "$.x", "z": True}),
    }
    assert machine.output(states) == {"y": 1, "z": True}


def test_the_context_object(machine: Machine) -> None:
    names = {
        "id": "$$.Execution.Id",
        "name": "$$.Execution.Name",
        "machine": "$$.StateMachine.Name",
        "state": "$$.State.Name",
        "given": "$$.Execution.Input.text",
        "started": "$$.Execution.StartTime",
        "entered": "$$.State.EnteredTime",
    }
    context = machine.output({"A": last(Parameters={f"{key}.$": path for key, path in names.items()})})
    for moment in (context.pop("started"), context.pop("entered")):
        assert time.strptime(moment[:19], "%Y-%m-%dT%H:%M:%S")
        assert len(moment) == len("2026-01-02T03:04:05.678Z")
        assert moment.endswith("Z")
    assert context == {
        "id": "arn:aws:states:us-east-1:123456789012:execution:a-machine:an-execution",
        "name": "an-execution",
        "machine": "a-machine",
        "state": "A",
        "given": "abc",
    }


@pytest.mark.parametrize(
    ("expression", "value"),
    [
        ("States.Format('{}-{}', $.text, $.number)", "abc-5"),
        ("States.JsonToString($.object)", '{"a":1}'),
        ("States.StringToJson('[1, 2]')", [1, 2]),
        ("States.JsonMerge($.object, States.StringToJson('{\"b\":2}'), false)", {"a": 1, "b": 2}),
        ("States.MathAdd($.number, -2)", 3),
        ("States.Array($.text, 1, true)", ["abc", 1, True]),
        ("States.ArrayLength($.list)", 3),
        ("States.ArrayContains($.list, 2)", True),
        ("States.ArrayGetItem($.list, 0)", 1),
        ("States.StringSplit('a/b', '/')", ["a", "b"]),
        ("States.Format('{}', $$.Execution.Name)", "an-execution"),
    ],
)
def test_intrinsic_functions(machine: Machine, expression: str, value: Any) -> None:
    assert machine.output({"A": last(Parameters={"v.$": expression})}) == {"v": value}


@pytest.mark.parametrize(
    "rule",
    [
        {"Variable": "$.missing", "IsPresent": False},
        {"Variable": "$.nothing", "IsPresent": True},
        {"Variable": "$.nothing", "IsNull": True},
        {"Variable": "$.text", "IsString": True},
        {"Variable": "$.number", "IsNumeric": True},
        {"Variable": "$.flag", "IsBoolean": True},
        {"Variable": "$.text", "StringEquals": "abc"},
        {"Variable": "$.text", "StringMatches": "a*c"},
        {"Variable": "$.text", "StringLessThan": "abd"},
        {"Variable": "$.text", "StringEqualsPath": "$.text"},
        {"Variable": "$.flag", "BooleanEquals": True},
        {"Variable": "$.number", "NumericEquals": 5},
        {"Variable": "$.number", "NumericLessThan": 6},
        {"Variable": "$.number", "NumericGreaterThanEqualsPath": "$.list[2]"},
        {"Variable": "$$.Execution.Name", "StringEquals": "an-execution"},
        {"Variable": "$$.Execution.StartTime", "IsTimestamp": True},
        {"Variable": "$$.Execution.StartTime", "TimestampGreaterThan": "2020-01-01T00:00:00Z"},
        {"Variable": "$$.Execution.StartTime", "TimestampLessThanEqualsPath": "$$.State.EnteredTime"},
        {
            "And": [
                {"Variable": "$.flag", "BooleanEquals": True},
                {"Variable": "$.number", "NumericEquals": 5},
            ]
        },
        {
            "Or": [
                {"Variable": "$.flag", "BooleanEquals": False},
                {"Variable": "$.number", "NumericEquals": 5},
            ]
        },
        {"Not": {"Variable": "$.text", "StringEquals": "other"}},
    ],
    ids=lambda rule: "-".join(rule),
)
@pytest.mark.parametrize("inverted", [False, True])
def test_choice_rules(machine: Machine, rule: dict[str, Any], inverted: bool) -> None:
    asked = {"Not": rule} if inverted else rule
    states: dict[str, State] = {
        "Decide": {"Type": "Choice", "Choices": [{**asked, "Next": "Yes"}], "Default": "No"},
        "Yes": last(Result="yes"),
        "No": last(Result="no"),
    }
    assert machine.output(states) == ("no" if inverted else "yes")


def test_a_choice_without_a_match_and_default_fails(machine: Machine) -> None:
    states: dict[str, State] = {
        "Decide": {
            "Type": "Choice",
            "Choices": [{"Variable": "$.number", "NumericEquals": 1, "Next": "End"}],
        },
        "End": last(),
    }
    assert machine.run(states)["error"] == "States.NoChoiceMatched"


@pytest.mark.parametrize("wait", [{"Seconds": 1}, {"SecondsPath": "$.object.a"}])
def test_waiting(machine: Machine, wait: dict[str, Any]) -> None:
    execution = machine.run({"Wait": {"Type": "Wait", "End": True, **wait}})
    assert execution["status"] == "SUCCEEDED"
    assert (execution["stopDate"] - execution["startDate"]).total_seconds() >= 1


def test_how_long_a_workflow_really_waits_can_be_set(machine: Machine) -> None:
    machine.account.workflow_seconds = 0.00001
    retry = [{"ErrorEquals": ["States.ALL"], "IntervalSeconds": 3600, "MaxAttempts": 1}]
    task = {"Type": "Task", "Resource": f"{SDK}sns:publish", "Parameters": {"Message": "to nobody"}}
    caught = [{"ErrorEquals": ["States.ALL"], "Next": "End"}]
    states: dict[str, State] = {
        "Wait": {"Type": "Wait", "Seconds": 3600, "Next": "Try"},
        "Try": {**task, "Retry": retry, "Catch": caught, "Next": "End"},
        "End": last(),
    }
    assert machine.run(states)["status"] == "SUCCEEDED"


def test_variables_are_assigned_and_used_everywhere(machine: Machine) -> None:
    states: dict[str, State] = {
        "Assign": {
            "Type": "Pass",
            "Assign": {"count.$": "$.number", "thing": {"deep": ["x"]}, "name.$": "$$.Execution.Name"},
            "Next": "Decide",
        },
        "Decide": {"Type": "Choice", "Choices": [{"Variable": "$count", "NumericEquals": 5, "Next": "Add"}]},
        "Add": {"Type": "Pass", "Assign": {"count.$": "States.MathAdd($count, 1)"}, "Next": "Use"},
        "Use": last(
            Parameters={
                "count.$": "$count",
                "deep.$": "$thing.deep[0]",
                "text.$": "States.Format('{}/{}', $name, $count)",
            }
        ),
    }
    assert machine.output(states) == {"count": 6, "deep": "x", "text": "an-execution/6"}


def test_variables_are_seen_inside_of_map_and_parallel(machine: Machine) -> None:
    inner = {"StartAt": "In", "States": {"In": last(Parameters={"v.$": "$outer"})}}
    states: dict[str, State] = {
        "Assign": {"Type": "Pass", "Assign": {"outer.$": "$.text"}, "Next": "Map"},
        "Map": {
            "Type": "Map",
            "ItemsPath": "$.list",
            "ItemProcessor": inner,
            "ResultPath": "$.mapped",
            "Next": "Parallel",
        },
        "Parallel": {"Type": "Parallel", "Branches": [inner], "ResultPath": "$.parallel", "Next": "Both"},
        "Both": last(Parameters={"m.$": "$.mapped[2].v", "p.$": "$.parallel[0].v"}),
    }
    assert machine.output(states) == {"m": "abc", "p": "abc"}


def test_a_catcher_assigns_variables(machine: Machine) -> None:
    catch = {
        "ErrorEquals": ["States.ALL"],
        "Assign": {"why.$": "$.Error"},
        "ResultPath": None,
        "Next": "After",
    }
    states: dict[str, State] = {
        "Try": task(f"{SDK}ssm:getParameter", {"Name": "/none"}, Catch=[catch]),
        "After": last(Parameters={"why.$": "$why", "text.$": "$.text"}),
    }
    assert machine.output(states) == {"why": "Ssm.ParameterNotFoundException", "text": "abc"}


def test_map_inline(machine: Machine) -> None:
    states: dict[str, State] = {
        "Map": {
            "Type": "Map",
            "ItemsPath": "$.list",
            "MaxConcurrency": 2,
            "ItemSelector": {
                "item.$": "$$.Map.Item.Value",
                "index.$": "$$.Map.Item.Index",
                "text.$": "$.text",
            },
            "ItemProcessor": {
                "ProcessorConfig": {"Mode": "INLINE"},
                "StartAt": "In",
                "States": {
                    "In": last(Parameters={"t.$": "States.Format('{}{}{}', $.text, $.index, $.item)"})
                },
            },
            "ResultPath": "$.mapped",
            "End": True,
        }
    }
    assert machine.output(states)["mapped"] == [{"t": "abc01"}, {"t": "abc12"}, {"t": "abc23"}]


def test_map_over_nothing(machine: Machine) -> None:
    processor = {"StartAt": "In", "States": {"In": last()}}
    states = {"Map": {"Type": "Map", "ItemsPath": "$.empty", "ItemProcessor": processor, "End": True}}
    assert machine.output(states, {"empty": []}) == []


def test_an_item_that_fails_may_be_caught_inside_or_outside(machine: Machine) -> None:
    failing = {"StartAt": "F", "States": {"F": {"Type": "Fail", "Error": "Bad", "Cause": "it is"}}}
    state = {"Type": "Map", "ItemsPath": "$.list", "ItemProcessor": failing, "End": True}
    assert caught(machine, state, "Bad")["Cause"] == "it is"


def test_parallel(machine: Machine) -> None:
    branches = [{"StartAt": "In", "States": {"In": last(Result=number)}} for number in (1, 2)]
    assert machine.output({"P": {"Type": "Parallel", "Branches": branches, "End": True}}) == [1, 2]


def test_a_failing_branch_may_be_caught(machine: Machine) -> None:
    branches = [
        {"StartAt": "Bad", "States": {"Bad": {"Type": "Fail", "Error": "Bad", "Cause": "it is"}}},
        {"StartAt": "Good", "States": {"Good": last()}},
    ]
    assert caught(machine, {"Type": "Parallel", "Branches": branches, "End": True}, "Bad")


def test_fail_with_paths(machine: Machine) -> None:
    states: dict[str, State] = {
        "Fail": {"Type": "Fail", "ErrorPath": "$.text", "CausePath": "States.Format('number {}', $.number)"}
    }
    execution = machine.run(states)
    assert (execution["status"], execution["error"], execution["cause"]) == ("FAILED", "abc", "number 5")


def test_a_path_to_nothing_fails_the_execution(machine: Machine) -> None:
    execution = machine.run({"A": last(Parameters={"v.$": "$.missing"})})
    assert (execution["status"], execution["error"]) == ("FAILED", "States.Runtime")


def test_a_state_machine_times_out(machine: Machine) -> None:
    execution = machine.run({"Wait": {"Type": "Wait", "Seconds": 60, "End": True}}, TimeoutSeconds=1)
    assert execution["status"] == "TIMED_OUT"


def test_stopping_aborts_a_wait(machine: Machine) -> None:
    arn = machine.create("waits", {"Wait": {"Type": "Wait", "Seconds": 60, "End": True}})
    execution = machine.client.start_execution(stateMachineArn=arn)["executionArn"]
    while not machine.client.get_execution_history(executionArn=execution)["events"]:
        time.sleep(0.01)
    machine.client.stop_execution(executionArn=execution)
    machine.account.drain(5)
    assert machine.client.describe_execution(executionArn=execution)["status"] == "ABORTED"


def test_a_stopped_account_does_not_wait_for_executions(account: LocalAccount, machine: Machine) -> None:
    retry = {"ErrorEquals": ["States.ALL"], "IntervalSeconds": 600}
    waits = machine.create("waits", {"Wait": {"Type": "Wait", "Seconds": 600, "End": True}})
    retries = machine.create(
        "retries", {"Try": task(f"{SDK}ssm:getParameter", {"Name": "/none"}, Retry=[retry])}
    )
    for arn in (waits, retries):
        machine.client.start_execution(stateMachineArn=arn)
    account.stop()
    assert LocalAccount.running is None


# Tasks: parameters, results, errors


def test_sdk_integrations_use_the_names_of_the_sdk_for_java(machine: Machine) -> None:
    parameters = {
        "DbInstanceIdentifier": "db",
        "DbInstanceClass": "db.t3.micro",
        "Engine": "postgres",
        "MasterUsername": "someone",
        "MasterUserPassword": "something1",
        "AllocatedStorage": 20,
    }
    states: dict[str, State] = {
        "Create": task(
            f"{SDK}rds:createDBInstance",
            parameters,
            ResultSelector={"arn.$": "$.DbInstance.DbInstanceArn"},
            ResultPath="$.created",
        )
    }
    assert machine.output(states)["created"] == {"arn": "arn:aws:rds:us-east-1:123456789012:db:db"}


def test_a_parameter_that_does_not_exist_fails_the_state(machine: Machine) -> None:
    states = {"Try": task(f"{SDK}rds:describeDBInstances", {"DBInstanceIdentifier": "db"})}
    execution = machine.run(states)
    assert execution["error"] == "States.Runtime"
    assert "'DBInstanceIdentifier' is not supported" in execution["cause"]


def test_timestamps_in_results_are_text(machine: Machine) -> None:
    states: dict[str, State] = {
        "Put": task(
            f"{SDK}ssm:putParameter",
            {"Name": "/p", "Value": "v", "Type": "String"},
            ResultPath=None,
        ),
        "Get": task(f"{SDK}ssm:getParameter", {"Name": "/p"}, OutputPath="$.Parameter"),
    }
    parameter = machine.output(one_after_another(states))
    assert (parameter["Value"], parameter["Arn"]) == ("v", "arn:aws:ssm:us-east-1:123456789012:parameter/p")
    assert parameter["LastModifiedDate"].endswith("Z")


TABLE = {
    "TableName": "t",
    "KeySchema": [{"AttributeName": "id", "KeyType": "HASH"}],
    "AttributeDefinitions": [{"AttributeName": "id", "AttributeType": "S"}],
    "BillingMode": "PAY_PER_REQUEST",
}
PUT_ONCE = {
    "TableName": "t",
    "Item": {"id": {"S": "x"}},
    "ConditionExpression": "attribute_not_exists(id)",
}


@pytest.fixture
def table(account: LocalAccount) -> str:
    dynamodb = account.client("dynamodb")
    dynamodb.create_table(**TABLE)
    dynamodb.get_waiter("table_exists").wait(TableName="t", WaiterConfig={"Delay": 1})
    dynamodb.put_item(TableName="t", Item={"id": {"S": "x"}, "b": {"BOOL": True}, "n": {"NULL": True}})
    return "t"


@pytest.mark.parametrize(
    ("resource", "parameters", "error"),
    [
        (f"{SDK}dynamodb:putItem", PUT_ONCE, "DynamoDb.ConditionalCheckFailedException"),
        ("arn:aws:states:::dynamodb:putItem", PUT_ONCE, "DynamoDB.ConditionalCheckFailedException"),
        (f"{SDK}dynamodb:createTable", TABLE, "DynamoDb.ResourceInUseException"),
        (f"{SDK}dynamodb:describeTable", {"TableName": "none"}, "DynamoDb.ResourceNotFoundException"),
        (
            f"{SDK}dynamodb:putItem",
            {"TableName": "t", "Item": {"wrong": {"S": "x"}}},
            "DynamoDb.DynamoDbException",
        ),
        (
            f"{SDK}cloudformation:describeStacks",
            {"StackName": "none"},
            "CloudFormation.CloudFormationException",
        ),
        (f"{SDK}rds:describeDBInstances", {"DbInstanceIdentifier": "x"}, "Rds.DbInstanceNotFoundException"),
        (f"{SDK}rds:describeDBClusters", {"DbClusterIdentifier": "x"}, "Rds.DbClusterNotFoundException"),
        (f"{SDK}ssm:getParameter", {"Name": "/none"}, "Ssm.ParameterNotFoundException"),
        (
            f"{SDK}sns:publish",
            {"TopicArn": "arn:aws:sns:us-east-1:123456789012:none", "Message": "m"},
            "Sns.NotFoundException",
        ),
        (f"{SDK}lambda:getFunction", {"FunctionName": "none"}, "Lambda.ResourceNotFoundException"),
        (f"{SDK}eventbridge:describeRule", {"Name": "none"}, "EventBridge.ResourceNotFoundException"),
        (
            "arn:aws:states:::events:putEvents",
            {"Entries": [{"Source": "aws.x", "DetailType": "d", "Detail": {}}]},
            "EventBridge.FailedEntry",
        ),
        (
            f"{SDK}sfn:describeExecution",
            {"ExecutionArn": "arn:aws:states:us-east-1:123456789012:execution:a-machine:none"},
            "Sfn.ExecutionDoesNotExistException",
        ),
    ],
)
@pytest.mark.usefixtures("table")
def test_error_names(machine: Machine, resource: str, parameters: dict[str, Any], error: str) -> None:
    assert isinstance(caught(machine, task(resource, parameters), error)["Cause"], str)


@pytest.mark.parametrize("pattern", ["States.ALL", "States.TaskFailed"])
def test_wildcards_catch_service_errors(machine: Machine, pattern: str) -> None:
    catch = {"ErrorEquals": [pattern], "ResultPath": "$.e", "Next": "Caught"}
    states: dict[str, State] = {
        "Try": task(f"{SDK}ssm:getParameter", {"Name": "/none"}, Catch=[catch]),
        "Caught": last(OutputPath="$.e.Error"),
    }
    assert machine.output(states) == "Ssm.ParameterNotFoundException"


def test_dynamodb_values_are_spelled_as_step_functions_does(machine: Machine, table: str) -> None:
    key = {"TableName": table, "Key": {"id": {"S": "x"}}}
    states: dict[str, State] = {
        "Sdk": task(f"{SDK}dynamodb:getItem", key, ResultPath="$.sdk"),
        "Optimized": task("arn:aws:states:::dynamodb:getItem", key, ResultPath="$.optimized"),
    }
    output = machine.output(one_after_another(states))
    assert output["sdk"]["Item"] == {"id": {"S": "x"}, "b": {"Bool": True}, "n": {"Nul": True}}
    assert output["optimized"]["Item"] == {"id": {"S": "x"}, "b": {"BOOL": True}, "n": {"NULL": True}}


def test_retry_before_catch(machine: Machine) -> None:
    states: dict[str, State] = {
        "Try": task(
            f"{SDK}ssm:getParameter",
            {"Name": "/none"},
            Retry=[
                {
                    "ErrorEquals": ["Ssm.ParameterNotFoundException"],
                    "IntervalSeconds": 1,
                    "MaxAttempts": 1,
                    "BackoffRate": 1,
                }
            ],
            Catch=[{"ErrorEquals": ["States.ALL"], "ResultPath": "$.e", "Next": "Caught"}],
        ),
        "Caught": last(Parameters={"tries.$": "$.text"}),
    }
    execution = machine.run(states)
    history = machine.client.get_execution_history(executionArn=execution["executionArn"])["events"]
    assert execution["status"] == "SUCCEEDED"
    assert [event["type"] for event in history].count("TaskFailed") == 2


@pytest.fixture
def function(account: LocalAccount, role_arn: str) -> str:
    code = (
        "import time\n"
        "def handler(event, context):\n"
        "    time.sleep(event.get('seconds', 0))\n"
        "    if 'fail' in event: raise KeyError('no such thing')\n"
        "    return {'got': event}\n"
    )
    arn: str = account.client("lambda").create_function(
        FunctionName="a-function",
        Role=role_arn,
        Runtime="python3.13",
        Handler="app.handler",
        Timeout=20,
        Code={"ZipFile": zipped(app=code)},
    )["FunctionArn"]
    return arn


def invoke(function: str, payload: dict[str, Any], **state: Any) -> State:
    return task("arn:aws:states:::lambda:invoke", {"FunctionName": function, "Payload": payload}, **state)


def test_a_function_is_invoked(machine: Machine, function: str) -> None:
    state = invoke(function, {"n.$": "$.number"}, ResultSelector={"p.$": "$.Payload"}, ResultPath="$.r")
    assert machine.output({"Invoke": state})["r"] == {"p": {"got": {"n": 5}}}


def test_a_functions_exception_is_an_error_by_its_name(machine: Machine, function: str) -> None:
    cause = json.loads(caught(machine, invoke(function, {"fail": 1}), "KeyError")["Cause"])
    assert cause["errorMessage"] == "'no such thing'"


def test_a_task_times_out(machine: Machine, function: str) -> None:
    caught(machine, invoke(function, {"seconds": 3}, TimeoutSeconds=1), "States.Timeout")


def test_a_state_machine_waits_for_another(machine: Machine) -> None:
    inner = machine.create(
        "inner", {"A": last(Parameters={"doubled.$": "States.MathAdd($.number, $.number)"})}
    )
    state = task(
        "arn:aws:states:::states:startExecution.sync:2",
        {"StateMachineArn": inner, "Input.$": "$"},
        OutputPath="$.Output",
    )
    assert machine.output({"Start": state}) == {"doubled": 10}


def test_events_are_put_with_their_detail_as_object(account: LocalAccount, machine: Machine) -> None:
    events = account.client("events")
    account.client("logs").create_log_group(logGroupName="/seen")
    events.put_rule(Name="r", EventPattern='{"source": ["mine"]}')
    events.put_targets(
        Rule="r", Targets=[{"Id": "t", "Arn": "arn:aws:logs:us-east-1:123456789012:log-group:/seen"}]
    )
    entry = {"Source": "mine", "DetailType": "d", "Detail": {"n.$": "$.number"}}
    assert machine.output({"Put": task("arn:aws:states:::events:putEvents", {"Entries": [entry]})})
    account.drain()
    [seen] = account.client("logs").filter_log_events(logGroupName="/seen")["events"]
    assert json.loads(seen["message"])["detail"] == {"n": 5}


# Credentials


def test_a_task_acts_as_the_role_of_the_state_machine(account: LocalAccount, machine: Machine) -> None:
    states = {"Who": task(f"{SDK}sts:getCallerIdentity", {}, OutputPath="$.Arn")}
    assert machine.output(states).startswith("arn:aws:sts::123456789012:assumed-role/everything/")


def test_a_task_acts_as_the_role_that_it_names(account: LocalAccount, machine: Machine) -> None:
    other = role(account, "other", ALLOW_EVERYTHING)
    state = task(f"{SDK}sts:getCallerIdentity", {}, OutputPath="$.Arn", Credentials={"RoleArn": other})
    assert ":assumed-role/other/" in machine.output({"Who": state})


def test_what_the_role_may_not_do_is_refused(account: LocalAccount) -> None:
    statement = {"Effect": "Allow", "Action": "ssm:PutParameter", "Resource": "*"}
    arn = role(account, "narrow", json.dumps({"Version": "2012-10-17", "Statement": [statement]}))
    execution = Machine(account, arn).run({"Get": task(f"{SDK}ssm:getParameter", {"Name": "/p"})})
    assert (execution["status"], execution["error"]) == ("FAILED", "Ssm.AccessDeniedException")
    assert "is not authorized to perform: ssm:GetParameter" in execution["cause"]


# Executions


def test_the_same_name_and_input_is_the_same_execution_while_it_runs(machine: Machine) -> None:
    arn = machine.create("waits", {"Wait": {"Type": "Wait", "Seconds": 60, "End": True}})
    start = machine.client.start_execution
    first = start(stateMachineArn=arn, name="n", input='{"a": 1}')
    again = start(stateMachineArn=arn, name="n", input='{"a": 1}')
    assert (again["executionArn"], again["startDate"]) == (first["executionArn"], first["startDate"])
    with pytest.raises(machine.client.exceptions.ExecutionAlreadyExists):
        start(stateMachineArn=arn, name="n", input='{"a": 2}')


def test_a_name_is_taken_for_good_once_the_execution_ended(machine: Machine) -> None:
    arn = machine.create("quick", {"A": last()})
    machine.client.start_execution(stateMachineArn=arn, name="n", input="{}")
    machine.account.drain()
    with pytest.raises(machine.client.exceptions.ExecutionAlreadyExists):
        machine.client.start_execution(stateMachineArn=arn, name="n", input="{}")


@pytest.mark.parametrize("name", ["a b", "a/b", "x" * 81, "ä"])
def test_an_invalid_name_is_refused(machine: Machine, name: str) -> None:
    arn = machine.create("quick", {"A": last()})
    with pytest.raises(machine.client.exceptions.InvalidName):
        machine.client.start_execution(stateMachineArn=arn, name=name)


def test_executions_without_a_name_get_one_each(machine: Machine) -> None:
    arn = machine.create("quick", {"A": last()})
    started = {machine.client.start_execution(stateMachineArn=arn)["executionArn"] for _ in range(2)}
    machine.account.drain()
    listed = machine.client.list_executions(stateMachineArn=arn, statusFilter="SUCCEEDED")["executions"]
    assert len(started) == 2
    assert {execution["executionArn"] for execution in listed} == started


def test_the_history_tells_the_states_in_order(machine: Machine) -> None:
    execution = machine.run({"A": {"Type": "Pass", "Next": "B"}, "B": {"Type": "Succeed"}})
    history = machine.client.get_execution_history(executionArn=execution["executionArn"])["events"]
    assert [event["type"] for event in history] == [
        "ExecutionStarted",
        "PassStateEntered",
        "PassStateExited",
        "SucceedStateEntered",
        "SucceedStateExited",
        "ExecutionSucceeded",
    ]
    assert history[1]["stateEnteredEventDetails"]["name"] == "A"


def test_a_wrong_definition_is_refused(machine: Machine) -> None:
    with pytest.raises(machine.client.exceptions.InvalidDefinition):
        machine.create("wrong", {"A": {"Type": "Nonsense"}})


@pytest.mark.parametrize(
    ("ours", "theirs"),
    [
        ("DBInstanceIdentifier", "DbInstanceIdentifier"),
        ("SSESpecification", "SseSpecification"),
        ("S3Bucket", "S3Bucket"),
        ("KMSMasterKeyId", "KmsMasterKeyId"),
        ("functionName", "FunctionName"),
        ("UUID", "Uuid"),
        ("KinesisStreamARN", "KinesisStreamARN"),
        ("AWSKMSKeyARN", "AwskmsKeyARN"),
        ("SizeInMBs", "SizeInMBs"),
        ("EnableTerminationProtection", "EnableTerminationProtection"),
    ],
)
def test_members_are_spelled_as_in_the_sdk_for_java(ours: str, theirs: str) -> None:
    assert member_name(ours) == theirs


@pytest.mark.parametrize(
    ("ours", "theirs"), [("CloudWatch Logs", "CloudWatchLogs"), ("DynamoDB", "DynamoDb"), ("RDS", "Rds")]
)
def test_services_are_spelled_as_in_the_sdk_for_java(ours: str, theirs: str) -> None:
    assert java_name(ours) == theirs


def test_faults_are_exceptions() -> None:
    assert java_exception_name("DBInstanceNotFoundFault") == "DbInstanceNotFoundException"
    assert java_exception_name("ResourceInUseException") == "ResourceInUseException"
    assert java_exception_name("NoSuchBucket") == "NoSuchBucketException"
