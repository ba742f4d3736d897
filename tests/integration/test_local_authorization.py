"""What sessions of roles may do in the local account, and how services refuse the rest."""

import json
from typing import Any

import pytest
from botocore.exceptions import ClientError

from local.account import LocalAccount
from tests.integration.conftest import role

ACCOUNT = "arn:aws:{service}:us-east-1:123456789012:{resource}"


def arn(service: str, resource: str) -> str:
    return ACCOUNT.format(service=service, resource=resource)


def allow(action: str | list[str], resource: str | list[str], **elements: Any) -> dict[str, Any]:
    return {"Effect": "Allow", "Action": action, "Resource": resource, **elements}


def document(*statements: dict[str, Any]) -> str:
    return json.dumps({"Version": "2012-10-17", "Statement": statements})


class Session:
    """A session of a role with these statements."""

    def __init__(self, account: LocalAccount, *statements: dict[str, Any]) -> None:
        self._account = account
        self.role = role(account, "guard", document(*statements))
        credentials = account.client("sts").assume_role(RoleArn=self.role, RoleSessionName="run")[
            "Credentials"
        ]
        self._access_key_id = credentials["AccessKeyId"]

    def client(self, service: str, **settings: Any) -> Any:
        return self._account.client(service, access_key_id=self._access_key_id, **settings)

    def may(self, service: str, method: str, **parameters: Any) -> bool:
        """Whether a call passes authorization; other errors of the service count as passed."""
        try:
            getattr(self.client(service), method)(**parameters)
        except ClientError as error:
            codes = (
                "AccessDenied",
                "AccessDeniedException",
                "AuthorizationError",
                "403",
                "UnauthorizedOperation",
            )
            return error.response["Error"]["Code"] not in codes
        return True

    def refusal(self, service: str, method: str, **parameters: Any) -> tuple[str, str, int]:
        """Code, message and HTTP status of a refused call."""
        with pytest.raises(ClientError) as refused:
            getattr(self.client(service), method)(**parameters)
        error, metadata = refused.value.response["Error"], refused.value.response["ResponseMetadata"]
        return error["Code"], error["Message"], metadata["HTTPStatusCode"]


def test_everybody_without_a_role_may_do_everything(account: LocalAccount) -> None:
    iam = account.client("iam")
    iam.create_user(UserName="merchant")
    key = iam.create_access_key(UserName="merchant")["AccessKey"]["AccessKeyId"]
    for access_key_id in ("developer", key):
        account.client("sqs", access_key_id=access_key_id).create_queue(QueueName=f"of-{access_key_id}")


def test_a_role_may_do_only_what_its_policy_allows(account: LocalAccount) -> None:
    session = Session(account, allow("dynamodb:DescribeTable", arn("dynamodb", "table/orders")))
    assert session.may("dynamodb", "describe_table", TableName="orders")
    assert session.may("dynamodb", "describe_table", TableName=arn("dynamodb", "table/orders"))
    assert not session.may("dynamodb", "describe_table", TableName="invoices")
    assert not session.may("dynamodb", "delete_table", TableName="orders")
    assert not session.may("dynamodb", "list_tables")


def test_a_role_that_is_gone_may_do_nothing(account: LocalAccount) -> None:
    session = Session(account, allow("*", "*"))
    assert session.may("sqs", "list_queues")
    account.client("iam").delete_role_policy(RoleName="guard", PolicyName="inline")
    account.client("iam").delete_role(RoleName="guard")
    assert not session.may("sqs", "list_queues")


def test_an_attached_policy_counts_in_its_default_version(account: LocalAccount) -> None:
    session = Session(account, allow("sts:*", "*"))
    iam = account.client("iam")
    policy = iam.create_policy(PolicyName="queues", PolicyDocument=document(allow("sqs:*", "*")))["Policy"][
        "Arn"
    ]
    iam.attach_role_policy(RoleName="guard", PolicyArn=policy)
    assert session.may("sqs", "list_queues")
    iam.create_policy_version(
        PolicyArn=policy, PolicyDocument=document(allow("sns:*", "*")), SetAsDefault=True
    )
    assert not session.may("sqs", "list_queues")
    assert session.may("sns", "list_topics")


def test_a_boundary_limits_the_role(account: LocalAccount) -> None:
    session = Session(account, allow("*", "*"))
    iam = account.client("iam")
    boundary = iam.create_policy(PolicyName="boundary", PolicyDocument=document(allow("sqs:*", "*")))[
        "Policy"
    ]["Arn"]
    iam.put_role_permissions_boundary(RoleName="guard", PermissionsBoundary=boundary)
    assert session.may("sqs", "list_queues")
    assert not session.may("sns", "list_topics")


@pytest.mark.parametrize(
    ("service", "method", "parameters", "code", "status"),
    [
        ("dynamodb", "describe_table", {"TableName": "orders"}, "AccessDeniedException", 400),
        ("ssm", "get_parameter", {"Name": "/a"}, "AccessDeniedException", 400),
        ("lambda", "get_policy", {"FunctionName": "f"}, "AccessDeniedException", 403),
        ("cloudformation", "describe_stacks", {}, "AccessDenied", 403),
        ("rds", "describe_db_instances", {}, "AccessDenied", 403),
        ("iam", "get_role", {"RoleName": "guard"}, "AccessDenied", 403),
        ("s3", "list_objects_v2", {"Bucket": "bucket"}, "AccessDenied", 403),
        ("sns", "list_topics", {}, "AuthorizationError", 403),
        ("sqs", "list_queues", {}, "AccessDenied", 400),
        ("ec2", "describe_vpcs", {}, "UnauthorizedOperation", 403),
    ],
)
def test_each_service_refuses_in_its_own_words(
    account: LocalAccount, service: str, method: str, parameters: dict[str, Any], code: str, status: int
) -> None:
    session = Session(account, allow("sts:*", "*"))
    refused_code, message, refused_status = session.refusal(service, method, **parameters)
    assert (refused_code, refused_status) == (code, status)
    assert message.startswith(
        "User: arn:aws:sts::123456789012:assumed-role/guard/run is not authorized to perform: "
    )


def test_a_refusal_names_action_resource_and_reason(account: LocalAccount) -> None:
    session = Session(account, allow("sts:*", "*"))
    _, message, _ = session.refusal("dynamodb", "delete_table", TableName="orders")
    assert message == (
        "User: arn:aws:sts::123456789012:assumed-role/guard/run is not authorized to perform: "
        "dynamodb:DeleteTable on resource: arn:aws:dynamodb:us-east-1:123456789012:table/orders "
        "because no identity-based policy allows the dynamodb:DeleteTable action"
    )


def test_a_refused_call_does_nothing_and_is_recorded(account: LocalAccount) -> None:
    session = Session(account, allow("sts:*", "*"))
    session.refusal("sqs", "create_queue", QueueName="jobs")
    assert "QueueUrls" not in account.client("sqs").list_queues()
    attribute = {"AttributeKey": "EventName", "AttributeValue": "CreateQueue"}
    (event,) = account.client("cloudtrail").lookup_events(LookupAttributes=[attribute])["Events"]
    record = json.loads(event["CloudTrailEvent"])
    assert record["errorCode"] == "AccessDenied"
    assert record["requestParameters"] is None
    assert record["userIdentity"]["sessionContext"]["sessionIssuer"]["userName"] == "guard"


MAPPING = "11111111-2222-3333-4444-555555555555"
MACHINE = arn("states", "stateMachine:m")
TOPIC = arn("sns", "t")
QUEUE = "http://localhost/123456789012/q"
S3, S3_OBJECTS = "arn:aws:s3:::b", "arn:aws:s3:::b/*"
LOG_STREAM = {"logGroupName": "/g", "logStreamName": "s"}
GUARD = "arn:aws:iam::123456789012:role/guard"
# Service and method, parameters; the permission that the call needs: action, resource; a resource that is
# not enough. Resources without "arn:" are in the account.
CALLS: list[tuple[str, dict[str, Any], str, str, str]] = [
    ("lambda.invoke", {"FunctionName": "f"}, "lambda:InvokeFunction", "function:f", "function:f:live"),
    ("lambda.invoke", {"FunctionName": "f:live"}, "lambda:InvokeFunction", "function:f:live", "function:f"),
    (
        "lambda.invoke",
        {"FunctionName": "f", "Qualifier": "2"},
        "lambda:Invoke*",
        "function:f:*",
        "function:f",
    ),
    ("lambda.get_policy", {"FunctionName": "f"}, "lambda:GetPolicy", "function:f", "function:f2"),
    (
        "lambda.get_policy",
        {"FunctionName": "123456789012:function:f"},
        "lambda:*",
        "function:f",
        "function:g",
    ),
    ("lambda.list_event_source_mappings", {"FunctionName": "f"}, "lambda:List*", "*", "function:f"),
    (
        "lambda.get_event_source_mapping",
        {"UUID": MAPPING},
        "lambda:*",
        f"event-source-mapping:{MAPPING}",
        "f",
    ),
    ("s3.get_bucket_notification_configuration", {"Bucket": "b"}, "s3:GetBucketNotification", S3, S3_OBJECTS),
    ("s3.list_objects_v2", {"Bucket": "b"}, "s3:ListBucket", S3, S3_OBJECTS),
    ("s3.head_object", {"Bucket": "b", "Key": "k/x"}, "s3:GetObject", S3_OBJECTS, S3),
    ("s3.list_buckets", {}, "s3:ListAllMyBuckets", "*", S3),
    ("ssm.get_parameters", {"Names": ["/a/b", "c"]}, "ssm:GetParameters", "parameter/*", "parameter/a/*"),
    ("ssm.get_parameters_by_path", {"Path": "/a"}, "ssm:GetParametersByPath", "parameter/a", "parameter/b"),
    ("sns.publish", {"TopicArn": TOPIC, "Message": "m"}, "sns:Publish", "t", "u"),
    ("sqs.send_message", {"QueueUrl": QUEUE, "MessageBody": "m"}, "sqs:SendMessage", "q", "r"),
    ("stepfunctions.start_execution", {"stateMachineArn": MACHINE}, "states:StartExecution", MACHINE, "m"),
    ("rds.delete_db_instance", {"DBInstanceIdentifier": "d"}, "rds:DeleteDBInstance", "db:d", "cluster:d"),
    ("rds.delete_db_cluster", {"DBClusterIdentifier": "d"}, "rds:DeleteDBCluster", "cluster:d", "db:d"),
    ("rds.describe_db_instances", {}, "rds:DescribeDBInstances", "db:*", "db:d"),
    ("kinesis.describe_stream_summary", {"StreamName": "s"}, "kinesis:Describe*", "stream/s", "stream/t"),
    ("firehose.describe_delivery_stream", {"DeliveryStreamName": "d"}, "firehose:*", "deliverystream/d", "d"),
    ("logs.create_log_stream", LOG_STREAM, "logs:CreateLogStream", "log-group:/g:*", "log-group:/g"),
    ("events.put_events", {"Entries": [{"EventBusName": "hub"}]}, "events:*", "event-bus/hub", "event-bus/b"),
    ("events.describe_rule", {"Name": "r"}, "events:DescribeRule", "rule/r", "rule/s"),
    ("cloudwatch.put_metric_data", {"Namespace": "n", "MetricData": []}, "cloudwatch:*", "*", "alarm:*"),
    (
        "cloudformation.describe_stack_events",
        {"StackName": "s"},
        "cloudformation:*",
        "stack/s/*",
        "stack/t/*",
    ),
    ("dynamodb.list_backups", {}, "dynamodb:ListBackups", "*", "table/*"),
    ("dynamodb.create_backup", {"TableName": "t", "BackupName": "abc"}, "dynamodb:*", "table/t", "table/u"),
    ("iam.get_role", {"RoleName": "guard"}, "iam:GetRole", GUARD, f"{GUARD}-of-another"),
    ("resourcegroupstaggingapi.get_resources", {}, "tag:GetResources", "*", "x"),
]


@pytest.mark.parametrize(("operation", "parameters", "action", "enough", "other"), CALLS)
def test_a_call_needs_its_action_on_its_resource(
    account: LocalAccount, operation: str, parameters: dict[str, Any], action: str, enough: str, other: str
) -> None:
    service, method = operation.split(".")
    prefix = action.split(":")[0]
    enough, other = (it if it.startswith(("arn:", "*")) else arn(prefix, it) for it in (enough, other))
    session = Session(account, allow(action, other))
    assert not session.may(service, method, **parameters)
    wider = document(allow(action, enough))
    account.client("iam").put_role_policy(RoleName="guard", PolicyName="inline", PolicyDocument=wider)
    assert session.may(service, method, **parameters)


def test_a_stack_is_its_arn_also_when_it_is_named(account: LocalAccount) -> None:
    template = json.dumps({"Resources": {"Topic": {"Type": "AWS::SNS::Topic"}}})
    stack = account.client("cloudformation").create_stack(StackName="shop", TemplateBody=template)["StackId"]
    account.drain()
    session = Session(account, allow("cloudformation:DescribeStacks", stack))
    assert session.may("cloudformation", "describe_stacks", StackName="shop")
    assert session.may("cloudformation", "describe_stacks", StackName=stack)
    assert not session.may("cloudformation", "describe_stacks")


def test_handing_a_role_to_a_service_needs_permission_to_pass_it(account: LocalAccount) -> None:
    firehose = "arn:aws:iam::123456789012:role/firehose"
    create = allow("firehose:CreateDeliveryStream", "*")
    destination = {"RoleARN": firehose, "BucketARN": "arn:aws:s3:::backup"}
    stream = {"DeliveryStreamName": "backup", "ExtendedS3DestinationConfiguration": destination}
    session = Session(account, create)
    assert "iam:PassRole" in session.refusal("firehose", "create_delivery_stream", **stream)[1]
    for passed_to, expected in (("lambda.amazonaws.com", False), ("firehose.amazonaws.com", True)):
        condition = {"StringEquals": {"iam:PassedToService": passed_to}}
        policy = document(create, allow("iam:PassRole", firehose, Condition=condition))
        account.client("iam").put_role_policy(RoleName="guard", PolicyName="inline", PolicyDocument=policy)
        assert session.may("firehose", "create_delivery_stream", **stream) is expected


def test_a_condition_on_the_region_is_honoured(account: LocalAccount) -> None:
    here = {"StringEquals": {"aws:RequestedRegion": "us-east-1"}}
    session = Session(account, allow("sqs:ListQueues", "*", Condition=here))
    assert session.may("sqs", "list_queues")
    with pytest.raises(ClientError, match="not authorized"):
        session.client("sqs", region="eu-west-1").list_queues()


def test_a_condition_on_tags_is_honoured(account: LocalAccount) -> None:
    ours = {"ForAllValues:StringLike": {"aws:TagKeys": ["stackwarden:*"]}}
    session = Session(account, allow("dynamodb:TagResource", "*", Condition=ours))
    table = arn("dynamodb", "table/orders")
    foreign = [{"Key": "team", "Value": "x"}]
    tags = [{"Key": "stackwarden:protected", "Value": "x"}]
    assert session.may("dynamodb", "tag_resource", ResourceArn=table, Tags=tags)
    assert not session.may("dynamodb", "tag_resource", ResourceArn=table, Tags=[*tags, *foreign])


def test_every_table_of_a_transaction_must_be_allowed(account: LocalAccount) -> None:
    session = Session(account, allow("dynamodb:PutItem", arn("dynamodb", "table/orders")))
    put = {"TableName": "orders", "Item": {"id": {"S": "1"}}}
    other = {"TableName": "other", "Item": {"id": {"S": "1"}}}
    assert session.may("dynamodb", "transact_write_items", TransactItems=[{"Put": put}])
    assert not session.may("dynamodb", "transact_write_items", TransactItems=[{"Put": put}, {"Put": other}])


def test_tagging_through_the_tagging_api_needs_the_permission_of_the_service(account: LocalAccount) -> None:
    resource = {"ResourceARNList": [arn("dynamodb", "table/orders")], "Tags": {"a": "b"}}
    session = Session(account, allow("tag:TagResources", "*"))
    assert not session.may("resourcegroupstaggingapi", "tag_resources", **resource)


def test_asking_who_one_is_needs_no_permission(account: LocalAccount) -> None:
    session = Session(account, allow("s3:GetObject", "*"))
    caller = session.client("sts").get_caller_identity()
    assert caller["Arn"] == "arn:aws:sts::123456789012:assumed-role/guard/run"
