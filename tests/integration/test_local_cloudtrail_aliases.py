"""CloudTrail records what changes which code runs: versions, aliases, and whatever invokes a function."""

import json
from typing import Any

import pytest

from local.account import LocalAccount
from tests.integration.local_functions import ACCOUNT_ARN, deploy, release, update

QUEUE = f"arn:aws:sqs:{ACCOUNT_ARN}:q"
FUNCTION = f"arn:aws:lambda:{ACCOUNT_ARN}:function:f"


@pytest.fixture
def function(account: LocalAccount, role_arn: str) -> str:
    return deploy(account, role_arn)


def recorded(account: LocalAccount, name: str) -> dict[str, Any]:
    """The only record with this event name."""
    named = [{"AttributeKey": "EventName", "AttributeValue": name}]
    [entry] = account.client("cloudtrail").lookup_events(LookupAttributes=named)["Events"]
    record: dict[str, Any] = json.loads(entry["CloudTrailEvent"])
    assert record["readOnly"] is False
    return record


def test_versions_and_aliases(account: LocalAccount, function: str) -> None:
    release(account)
    functions = account.client("lambda")
    functions.update_alias(FunctionName=FUNCTION, Name="live", FunctionVersion="$LATEST")
    functions.delete_alias(FunctionName="f", Name="live")

    published = recorded(account, "PublishVersion20150331")["responseElements"]
    assert (published["version"], published["functionArn"]) == ("1", f"{FUNCTION}:1")
    created = recorded(account, "CreateAlias20150331")
    assert created["requestParameters"] == {"functionName": "f", "name": "live", "functionVersion": "1"}
    assert created["responseElements"]["aliasArn"] == f"{FUNCTION}:live"
    updated = recorded(account, "UpdateAlias20150331")
    assert updated["requestParameters"]["functionName"] == FUNCTION
    assert updated["responseElements"]["functionVersion"] == "$LATEST"
    deleted = recorded(account, "DeleteAlias20150331")
    assert deleted["requestParameters"] == {"functionName": "f", "name": "live"}
    assert deleted["responseElements"] is None


def test_new_code(account: LocalAccount, function: str) -> None:
    update(account, "two")
    record = recorded(account, "UpdateFunctionCode20150331v2")
    code = account.client("lambda").get_function_configuration(FunctionName="f")["CodeSha256"]
    assert record["requestParameters"] == {"functionName": "f", "publish": False, "dryRun": False}
    assert (record["responseElements"]["codeSha256"], record["responseElements"]["version"]) == (
        code,
        "$LATEST",
    )


def test_event_source_mappings(account: LocalAccount, function: str) -> None:
    account.client("sqs").create_queue(QueueName="q")
    functions = account.client("lambda")
    uuid = functions.create_event_source_mapping(EventSourceArn=QUEUE, FunctionName="f", Enabled=True)["UUID"]
    account.drain()
    functions.update_event_source_mapping(UUID=uuid, FunctionName=release(account))

    created = recorded(account, "CreateEventSourceMapping20150331")
    assert created["requestParameters"] == {
        "eventSourceArn": QUEUE,
        "functionName": "f",
        "enabled": True,
    }
    assert (created["responseElements"]["uUID"], created["responseElements"]["functionArn"]) == (
        uuid,
        FUNCTION,
    )
    updated = recorded(account, "UpdateEventSourceMapping20150331")
    assert updated["requestParameters"] == {"uUID": uuid, "functionName": f"{FUNCTION}:live"}
    assert updated["responseElements"]["functionArn"] == f"{FUNCTION}:live"


def test_tags_urls_and_permissions(account: LocalAccount, function: str) -> None:
    functions = account.client("lambda")
    release(account)
    functions.tag_resource(Resource=function, Tags={"environment": "prod"})
    functions.create_function_url_config(FunctionName="f", Qualifier="live", AuthType="NONE")
    functions.add_permission(
        FunctionName="f",
        Qualifier="live",
        StatementId="s",
        Action="lambda:InvokeFunction",
        Principal="s3.amazonaws.com",
    )
    tagged = recorded(account, "TagResource20170331v2")["requestParameters"]
    assert tagged == {"resource": function, "tags": {"environment": "prod"}}
    url = recorded(account, "CreateFunctionUrlConfig")
    assert url["requestParameters"] == {"functionName": "f", "qualifier": "live", "authType": "NONE"}
    assert url["responseElements"]["functionArn"] == f"{function}:live"
    permission = recorded(account, "AddPermission20150331v2")
    assert permission["requestParameters"]["qualifier"] == "live"
    assert json.loads(permission["responseElements"]["statement"])["Resource"] == f"{function}:live"


def test_invokers_with_a_role_of_their_own(account: LocalAccount, role_arn: str, function: str) -> None:
    events, pipes = account.client("events"), account.client("pipes")
    account.client("sqs").create_queue(QueueName="q")
    events.put_rule(Name="r", ScheduleExpression="rate(1 day)")
    events.put_targets(Rule="r", Targets=[{"Id": "1", "Arn": function}])
    account.client("scheduler").create_schedule(
        Name="s",
        ScheduleExpression="rate(1 day)",
        FlexibleTimeWindow={"Mode": "OFF"},
        Target={"Arn": function, "RoleArn": role_arn},
    )
    pipes.create_pipe(Name="p", RoleArn=role_arn, Source=QUEUE, Target=function)
    steps = {"StartAt": "A", "States": {"A": {"Type": "Task", "Resource": function, "End": True}}}
    machine = account.client("stepfunctions").create_state_machine(
        name="m", roleArn=role_arn, definition=json.dumps(steps)
    )["stateMachineArn"]

    assert recorded(account, "PutTargets")["requestParameters"] == {
        "rule": "r",
        "targets": [{"id": "1", "arn": function}],
    }
    schedule = recorded(account, "CreateSchedule")
    assert schedule["eventSource"] == "scheduler.amazonaws.com"
    assert (schedule["requestParameters"]["name"], schedule["requestParameters"]["target"]["arn"]) == (
        "s",
        function,
    )
    pipe = recorded(account, "CreatePipe")["requestParameters"]
    assert (pipe["name"], pipe["target"]) == ("p", function)
    assert recorded(account, "CreateStateMachine")["responseElements"]["stateMachineArn"] == machine


def test_http_apis_and_target_groups(account: LocalAccount, function: str) -> None:
    apis = account.client("apigatewayv2")
    api = apis.create_api(Name="h", ProtocolType="HTTP")["ApiId"]
    apis.create_integration(ApiId=api, IntegrationType="AWS_PROXY", IntegrationUri=function)
    integration = recorded(account, "CreateIntegration")
    assert integration["eventSource"] == "apigateway.amazonaws.com"
    assert integration["requestParameters"]["integrationUri"] == function
    assert apis.get_authorizers(ApiId=api)["Items"] == []
    account.client("elbv2").create_target_group(Name="tg", TargetType="lambda")
    assert recorded(account, "CreateTargetGroup")["eventSource"] == "elasticloadbalancing.amazonaws.com"
