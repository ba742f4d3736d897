"""Which resources one API call is about, as ARNs: what a policy's Resource element is compared with.

A call that is not known here is about "*", so that only a statement for every resource permits it.
https://docs.aws.amazon.com/service-authorization/latest/reference/reference_policies_actions-resources-contextkeys.html
"""

from collections.abc import Callable
from typing import Any

from moto.cloudformation.models import cloudformation_backends
from moto.iam.models import iam_backends

from local.cloudtrail.call import ApiCall

EVERYTHING = ["*"]
LAMBDA_PARTS_BEFORE_NAME = 6
LAMBDA_PARTS_WITH_QUALIFIER = 8


def resource_arns(call: ApiCall) -> list[str]:
    """The ARNs of the resources; each must be allowed."""
    find = FINDERS.get(call.service)
    return (find(call) if find else []) or EVERYTHING


def role_arn(role: str, account: str) -> str:
    """The ARN of a role that is named by ARN or by name; its path is looked up."""
    if role.startswith("arn:"):
        return role
    found = (it for it in list(iam_backends[account]["aws"].roles.values()) if it.name == role)
    path = next((it.path for it in found), "/")
    return f"arn:aws:iam::{account}:role{path}{role}"


def _arn(call: ApiCall, service: str, resource: str) -> str:
    return f"arn:aws:{service}:{call.region}:{call.account}:{resource}"


def _named(service: str, **prefixes: str) -> Callable[[ApiCall], list[str]]:
    """The first parameter of these that the call has: an ARN, or a name that follows the prefix."""

    def find(call: ApiCall) -> list[str]:
        for parameter, prefix in prefixes.items():
            if value := call.parameters.get(parameter):
                names = value if isinstance(value, list) else [value]
                return [it if it.startswith("arn:") else _arn(call, service, f"{prefix}{it}") for it in names]
        return []

    return find


_dynamodb_table = _named("dynamodb", TableName="table/", BackupArn="", ResourceArn="", StreamArn="")


def _dynamodb(call: ApiCall) -> list[str]:
    """https://docs.aws.amazon.com/service-authorization/latest/reference/list_amazondynamodb.html"""
    if call.name == "ListBackups":
        return EVERYTHING
    if call.name == "RestoreTableFromBackup":
        target = _arn(call, "dynamodb", f"table/{call.parameters['TargetTableName']}")
        return [call.parameters["BackupArn"], target]
    if call.name in ("BatchGetItem", "BatchWriteItem"):
        return [_arn(call, "dynamodb", f"table/{name}") for name in call.parameters["RequestItems"]]
    tables = _dynamodb_table(call)
    if index := call.parameters.get("IndexName"):
        return [f"{table}/index/{index}" for table in tables]
    return tables


def _cloudformation(call: ApiCall) -> list[str]:
    """Of a stack that is named, the ARN with its id; of one that does not exist yet, any id.

    https://docs.aws.amazon.com/service-authorization/latest/reference/list_awscloudformation.html
    """
    name = call.parameters.get("StackName") or call.parameters.get("StackId")
    if not name:
        return []
    if name.startswith("arn:"):
        return [name]
    stacks = list(cloudformation_backends[call.account][call.region].stacks.values())
    return [
        next(
            (it.stack_id for it in stacks if it.name == name), _arn(call, "cloudformation", f"stack/{name}/*")
        )
    ]


def _lambda(call: ApiCall) -> list[str]:
    """A function in any form (name, name:alias, partial or full ARN), with its qualifier, if one is given.

    https://docs.aws.amazon.com/lambda/latest/dg/lambda-api-permissions-ref.html
    """
    parameters: dict[str, Any] = call.parameters
    if call.name in ("CreateEventSourceMapping", "ListEventSourceMappings"):
        return EVERYTHING
    if mapping := parameters.get("UUID"):
        return [_arn(call, "lambda", f"event-source-mapping:{mapping}")]
    if resource := parameters.get("Resource"):
        return [resource]
    if layer := parameters.get("LayerName"):
        version = f":{parameters['VersionNumber']}" if "VersionNumber" in parameters else ""
        return [layer if layer.startswith("arn:") else _arn(call, "lambda", f"layer:{layer}{version}")]
    if "FunctionName" not in parameters:
        return []
    arn = function_arn(call, parameters["FunctionName"])
    is_qualified = len(arn.split(":")) == LAMBDA_PARTS_WITH_QUALIFIER
    qualifier = parameters.get("Qualifier")
    return [arn if is_qualified or not qualifier else f"{arn}:{qualifier}"]


def function_arn(call: ApiCall, name: str) -> str:
    """`f`, `f:live`, `123456789012:function:f` or an ARN, as an ARN."""
    if name.startswith("arn:"):
        return name
    return _arn(call, "lambda", f"function:{name.split(':function:')[-1]}")


def _parameters(call: ApiCall) -> list[str]:
    """https://docs.aws.amazon.com/service-authorization/latest/reference/list_awssystemsmanager.html"""
    if call.name == "DescribeParameters":
        return EVERYTHING
    names = call.parameters.get("Names") or [
        call.parameters[key] for key in ("Name", "Path", "ResourceId") if key in call.parameters
    ]
    return [it if it.startswith("arn:") else _arn(call, "ssm", f"parameter/{it.lstrip('/')}") for it in names]


def _queue(call: ApiCall) -> list[str]:
    if url := call.parameters.get("QueueUrl"):
        account, name = url.split("/")[-2:]
        return [f"arn:aws:sqs:{call.region}:{account}:{name}"]
    return _named("sqs", QueueName="", SourceArn="")(call)


def _s3(call: ApiCall) -> list[str]:
    """https://docs.aws.amazon.com/service-authorization/latest/reference/list_amazons3.html"""
    bucket = call.parameters.get("Bucket")
    if not bucket:
        return []
    keys = [call.parameters["Key"]] if "Key" in call.parameters else []
    if call.name == "DeleteObjects":
        keys = [entry["Key"] for entry in call.parameters["Delete"]["Objects"]]
    return [f"arn:aws:s3:::{bucket}/{key}" for key in keys] or [f"arn:aws:s3:::{bucket}"]


def _rds(call: ApiCall) -> list[str]:
    """DescribeDBInstances without an identifier is about all of them, `db:*`, and not about "*".

    https://docs.aws.amazon.com/service-authorization/latest/reference/list_amazonrds.html
    """
    kinds = {
        "DBInstanceIdentifier": "db:",
        "DBClusterIdentifier": "cluster:",
        "DBSnapshotIdentifier": "snapshot:",
        "DBClusterSnapshotIdentifier": "cluster-snapshot:",
        "ResourceName": "",
    }
    described = {"DescribeDBInstances": "db:*", "DescribeDBClusters": "cluster:*"}
    found = _named("rds", **kinds)(call)
    return found or [_arn(call, "rds", it) for name, it in described.items() if name == call.name]


def _log_group(call: ApiCall) -> list[str]:
    """A log group is compared as `log-group:NAME:log-stream:STREAM`, which is why policies end in `:*`."""
    if arn := call.parameters.get("resourceArn"):
        return [arn]
    group = call.parameters.get("logGroupName") or call.parameters.get("logGroupIdentifier")
    if not group:
        return [_arn(call, "logs", f"log-group:{call.parameters.get('logGroupNamePrefix', '')}:log-stream:")]
    stream = call.parameters.get("logStreamName", "")
    return [_arn(call, "logs", f"log-group:{group.split(':log-group:')[-1]}:log-stream:{stream}")]


def _iam(call: ApiCall) -> list[str]:
    if role := call.parameters.get("RoleName"):
        return [role_arn(role, call.account)]
    names = {"UserName": "user", "GroupName": "group", "InstanceProfileName": "instance-profile"}
    for parameter, kind in names.items():
        if name := call.parameters.get(parameter):
            return [f"arn:aws:iam::{call.account}:{kind}/{name}"]
    if name := call.parameters.get("PolicyName"):
        return [f"arn:aws:iam::{call.account}:policy{call.parameters.get('Path', '/')}{name}"]
    return [arn for key in ("PolicyArn", "PolicySourceArn") if (arn := call.parameters.get(key))]


def _events(call: ApiCall) -> list[str]:
    """https://docs.aws.amazon.com/service-authorization/latest/reference/list_amazoneventbridge.html"""
    if call.name == "PutEvents":
        buses = {entry.get("EventBusName", "default") for entry in call.parameters["Entries"]}
        return [
            it if it.startswith("arn:") else _arn(call, "events", f"event-bus/{it}") for it in sorted(buses)
        ]
    if "EventBus" in call.name:
        return _named("events", Name="event-bus/", EventBusName="event-bus/")(call)
    bus = call.parameters.get("EventBusName", "default").split("/")[-1]
    prefix = "rule/" if bus == "default" else f"rule/{bus}/"
    if call.name == "ListRuleNamesByTarget":
        return EVERYTHING
    if call.name == "ListRules":
        return [_arn(call, "events", f"{prefix}*")]
    return _named("events", Rule=prefix, Name=prefix, ResourceARN="")(call)


def _api(call: ApiCall) -> list[str]:
    """The path of the request, without the version that HTTP APIs have in it.

    https://docs.aws.amazon.com/apigateway/latest/developerguide/api-gateway-iam-policy-examples.html
    """
    path = str(call.environ["PATH_INFO"]).removeprefix("/v2").rstrip("/")
    return [f"arn:aws:apigateway:{call.region}::{path}"]


def _schedule(call: ApiCall) -> list[str]:
    """https://docs.aws.amazon.com/service-authorization/latest/reference/list_amazoneventbridgescheduler.html"""
    if "ScheduleGroup" in call.name or "Name" not in call.parameters:
        return _named("scheduler", Name="schedule-group/", ResourceArn="")(call)
    group = call.parameters.get("GroupName", "default")
    return [_arn(call, "scheduler", f"schedule/{group}/{call.parameters['Name']}")]


def _load_balancing(call: ApiCall) -> list[str]:
    """No Describe call is about one resource.

    https://docs.aws.amazon.com/service-authorization/latest/reference/list_awselasticloadbalancingv2.html
    """
    if call.name.startswith("Describe"):
        return EVERYTHING
    return _named("elasticloadbalancing", TargetGroupArn="", ListenerArn="", LoadBalancerArn="")(call)


FINDERS: dict[str, Callable[[ApiCall], list[str]]] = {
    "apigateway": _api,
    "apigatewayv2": _api,
    "cloudformation": _cloudformation,
    "cloudwatch": _named("cloudwatch", AlarmName="alarm:", AlarmNames="alarm:", ResourceARN=""),
    "cognito-idp": _named("cognito-idp", UserPoolId="userpool/", ResourceArn=""),
    "dynamodb": _dynamodb,
    "dynamodbstreams": _dynamodb,
    "elbv2": _load_balancing,
    "events": _events,
    "firehose": _named("firehose", DeliveryStreamName="deliverystream/"),
    "iam": _iam,
    "iot": _named("iot", ruleName="rule/", resourceArn=""),
    "kinesis": _named(
        "kinesis",
        StreamARN="",
        StreamName="stream/",
        ConsumerARN="",
        ResourceARN="",
        ChannelARN="",
        ChannelName="channel/",
    ),
    "kms": _named("kms", KeyId="key/"),
    "lambda": _lambda,
    "logs": _log_group,
    "pipes": _named("pipes", Name="pipe/", resourceArn=""),
    "rds": _rds,
    "s3": _s3,
    "scheduler": _schedule,
    "secretsmanager": _named("secretsmanager", SecretId="secret:", Name="secret:"),
    "sns": _named("sns", TopicArn="", TargetArn="", ResourceArn="", Name=""),
    "sqs": _queue,
    "ssm": _parameters,
    "stepfunctions": _named(
        "states", stateMachineArn="", executionArn="", resourceArn="", activityArn="", name="stateMachine:"
    ),
    "sts": _named("sts", RoleArn=""),
}
