"""What a guard of buckets and functions needs to be allowed, call by call; and S3's own conditions."""

import json
from typing import Any

import pytest
from botocore.exceptions import ClientError

from local.account import LocalAccount
from tests.integration.conftest import role
from tests.integration.test_local_authorization import Session, allow, document

HERE = "us-east-1:123456789012"
FUNCTION = f"arn:aws:lambda:{HERE}:function:f"
ROLE, POLICY = "arn:aws:iam::123456789012:role/writer", "arn:aws:iam::123456789012:policy/writes"
NAME, BUCKET = "orders", "arn:aws:s3:::orders"
RULE, TOPIC = f"arn:aws:events:{HERE}:rule/r", f"arn:aws:sns:{HERE}:t"
INDEX = f"arn:aws:dynamodb:{HERE}:table/ledger/index/by-resource"
QUEUE, QUEUE_URL = f"arn:aws:sqs:{HERE}:q", "http://localhost/123456789012/q"
F, R, P = {"FunctionName": "f"}, {"RoleName": "writer"}, {"PolicyArn": POLICY}
QUERY = {
    "TableName": "ledger",
    "IndexName": "by-resource",
    "KeyConditionExpression": "a = :a",
    "ExpressionAttributeValues": {":a": {"S": "x"}},
}
RESERVED, LOOP = {**F, "ReservedConcurrentExecutions": 0}, {**F, "RecursiveLoop": "Terminate"}
METRICS = {"MetricDataQueries": [], "StartTime": 0, "EndTime": 60}
SIMULATED = {"PolicySourceArn": ROLE, "ActionNames": ["s3:PutObject"]}
# Service and method, parameters, action, resource.
CALLS: list[tuple[str, dict[str, Any], str, str]] = [
    (
        "s3.get_bucket_notification_configuration",
        {"Bucket": NAME, "ExpectedBucketOwner": "123456789012"},
        "s3:GetBucketNotification",
        BUCKET,
    ),
    ("s3.get_bucket_policy", {"Bucket": NAME}, "s3:GetBucketPolicy", BUCKET),
    ("s3.list_buckets", {}, "s3:ListAllMyBuckets", "*"),
    ("lambda.get_function_configuration", F, "lambda:GetFunctionConfiguration", FUNCTION),
    ("lambda.get_function_concurrency", F, "lambda:GetFunctionConcurrency", FUNCTION),
    ("lambda.get_function_recursion_config", F, "lambda:GetFunctionRecursionConfig", FUNCTION),
    ("lambda.get_policy", F, "lambda:GetPolicy", FUNCTION),
    ("lambda.list_functions", {}, "lambda:ListFunctions", "*"),
    ("lambda.list_event_source_mappings", F, "lambda:ListEventSourceMappings", "*"),
    ("lambda.list_tags", {"Resource": FUNCTION}, "lambda:ListTags", FUNCTION),
    ("lambda.get_account_settings", {}, "lambda:GetAccountSettings", "*"),
    ("lambda.put_function_concurrency", RESERVED, "lambda:PutFunctionConcurrency", FUNCTION),
    ("lambda.delete_function_concurrency", F, "lambda:DeleteFunctionConcurrency", FUNCTION),
    ("lambda.put_function_recursion_config", LOOP, "lambda:PutFunctionRecursionConfig", FUNCTION),
    ("lambda.tag_resource", {"Resource": FUNCTION, "Tags": {"a": "b"}}, "lambda:TagResource", FUNCTION),
    ("lambda.untag_resource", {"Resource": FUNCTION, "TagKeys": ["a"]}, "lambda:UntagResource", FUNCTION),
    ("iam.get_role", R, "iam:GetRole", ROLE),
    ("iam.list_role_policies", R, "iam:ListRolePolicies", ROLE),
    ("iam.get_role_policy", {**R, "PolicyName": "inline"}, "iam:GetRolePolicy", ROLE),
    ("iam.list_attached_role_policies", R, "iam:ListAttachedRolePolicies", ROLE),
    ("iam.get_policy", P, "iam:GetPolicy", POLICY),
    ("iam.get_policy_version", {**P, "VersionId": "v1"}, "iam:GetPolicyVersion", POLICY),
    ("iam.list_entities_for_policy", P, "iam:ListEntitiesForPolicy", POLICY),
    ("iam.simulate_principal_policy", SIMULATED, "iam:SimulatePrincipalPolicy", ROLE),
    ("events.list_rules", {}, "events:ListRules", f"arn:aws:events:{HERE}:rule/*"),
    ("events.list_targets_by_rule", {"Rule": "r"}, "events:ListTargetsByRule", RULE),
    ("sns.list_subscriptions_by_topic", {"TopicArn": TOPIC}, "sns:ListSubscriptionsByTopic", TOPIC),
    ("sns.get_topic_attributes", {"TopicArn": TOPIC}, "sns:GetTopicAttributes", TOPIC),
    ("sqs.get_queue_attributes", {"QueueUrl": QUEUE_URL}, "sqs:GetQueueAttributes", QUEUE),
    ("cloudwatch.get_metric_data", METRICS, "cloudwatch:GetMetricData", "*"),
    ("dynamodb.query", QUERY, "dynamodb:Query", INDEX),
    ("resourcegroupstaggingapi.get_resources", {}, "tag:GetResources", "*"),
]  # fmt: skip


@pytest.fixture
def session(account: LocalAccount) -> Session:
    return Session(account, allow("sts:GetCallerIdentity", "*"))


def let(account: LocalAccount, *statements: dict[str, Any]) -> None:
    account.client("iam").put_role_policy(
        RoleName="guard", PolicyName="inline", PolicyDocument=document(*statements)
    )


def test_each_call_of_the_guard_needs_exactly_its_permission(account: LocalAccount, session: Session) -> None:
    role(account, "writer", document(allow("s3:PutObject", "*")))
    account.client("s3").create_bucket(Bucket=NAME)
    every = [allow(action, resource) for *_, action, resource in CALLS]
    for operation, parameters, action, resource in CALLS:
        service, method = operation.split(".")
        let(account, *every)
        assert session.may(service, method, **parameters), operation
        let(account, *(it for it in every if it != allow(action, resource)))
        assert not session.may(service, method, **parameters), operation


def test_the_rules_of_a_bus_are_listed_by_its_name(account: LocalAccount, session: Session) -> None:
    let(account, allow("events:ListRules", f"arn:aws:events:{HERE}:rule/own/*"))
    assert session.may("events", "list_rules", EventBusName="own")
    assert not session.may("events", "list_rules")


def put(session: Session, key: str = "k", **more: Any) -> bool:
    return session.may("s3", "put_object", Bucket=NAME, Key=key, Body=b"", **more)


@pytest.fixture
def bucket(account: LocalAccount) -> None:
    account.client("s3").create_bucket(Bucket=NAME)


@pytest.mark.usefixtures("bucket")
def test_tags_and_acl_of_a_new_object_need_permissions_of_their_own(
    account: LocalAccount, session: Session
) -> None:
    write = allow("s3:PutObject", f"{BUCKET}/*")
    let(account, write)
    assert put(session)
    assert not put(session, Tagging="a=b")
    assert not put(session, ACL="private")
    let(account, write, allow(["s3:PutObjectTagging", "s3:PutObjectAcl"], f"{BUCKET}/*"))
    assert put(session, Tagging="a=b", ACL="private")


@pytest.mark.usefixtures("bucket")
def test_a_copy_needs_to_read_its_source(account: LocalAccount, session: Session) -> None:
    account.client("s3").put_object(Bucket=NAME, Key="in/k", Body=b"")
    copy = {"Bucket": NAME, "Key": "out/k", "CopySource": f"{NAME}/in/k"}
    let(account, allow("s3:PutObject", f"{BUCKET}/out/*"))
    assert not session.may("s3", "copy_object", **copy)
    let(account, allow("s3:PutObject", f"{BUCKET}/out/*"), allow("s3:GetObject", f"{BUCKET}/in/*"))
    assert session.may("s3", "copy_object", **copy)


@pytest.mark.usefixtures("bucket")
def test_a_version_of_an_object_has_actions_of_its_own(account: LocalAccount, session: Session) -> None:
    let(account, allow("s3:DeleteObject", f"{BUCKET}/*"))
    assert session.may("s3", "delete_object", Bucket=NAME, Key="k")
    assert not session.may("s3", "delete_object", Bucket=NAME, Key="k", VersionId="1")
    let(account, allow("s3:DeleteObjectVersion", f"{BUCKET}/*"))
    assert session.may("s3", "delete_object", Bucket=NAME, Key="k", VersionId="1")


@pytest.mark.usefixtures("bucket")
def test_headers_and_tags_of_a_request_are_conditions(account: LocalAccount, session: Session) -> None:
    encrypted = {"StringEquals": {"s3:x-amz-server-side-encryption": "aws:kms"}}
    let(account, allow("s3:PutObject", "*", Condition=encrypted))
    assert not put(session)
    assert put(session, ServerSideEncryption="aws:kms")
    tagged = {"StringEquals": {"s3:RequestObjectTag/team": "blue"}}
    let(account, allow(["s3:PutObject", "s3:PutObjectTagging"], "*", Condition=tagged))
    assert not put(session, Tagging="team=red")
    assert put(session, Tagging="team=blue")


@pytest.mark.usefixtures("bucket")
def test_tags_of_the_role_are_variables(account: LocalAccount, session: Session) -> None:
    let(account, allow("s3:PutObject", BUCKET + "/${aws:PrincipalTag/team}/*"))
    assert not put(session, "blue/k")
    account.client("iam").tag_role(RoleName="guard", Tags=[{"Key": "team", "Value": "blue"}])
    assert put(session, "blue/k")
    assert not put(session, "red/k")


@pytest.mark.parametrize("method", ["get_bucket_notification_configuration", "get_bucket_policy"])
def test_a_bucket_of_another_owner_than_expected_is_refused(account: LocalAccount, method: str) -> None:
    theirs = account.client("s3", access_key_id="999988887777")
    theirs.create_bucket(Bucket=NAME)
    theirs.put_bucket_policy(Bucket=NAME, Policy=json.dumps({"Version": "2012-10-17", "Statement": []}))
    read = getattr(account.client("s3"), method)
    with pytest.raises(ClientError) as refused:
        read(Bucket=NAME, ExpectedBucketOwner="123456789012")
    assert refused.value.response["Error"]["Code"] == "AccessDenied"
    assert refused.value.response["ResponseMetadata"]["HTTPStatusCode"] == 403
    read(Bucket=NAME, ExpectedBucketOwner="999988887777")


def test_a_bucket_of_another_account_must_let_the_role_in(account: LocalAccount, session: Session) -> None:
    let(account, allow("s3:*", "*"))
    theirs = account.client("s3", access_key_id="999988887777")
    theirs.create_bucket(Bucket=NAME)
    assert not put(session)
    grant = allow("s3:PutObject", f"{BUCKET}/*", Principal={"AWS": session.role})
    theirs.put_bucket_policy(Bucket=NAME, Policy=document(grant))
    assert put(session)
    assert not session.may("s3", "get_bucket_policy", Bucket=NAME)


@pytest.mark.usefixtures("bucket")
@pytest.mark.parametrize(("secure", "stored"), [("false", True), ("true", False)])
def test_a_bucket_that_refuses_calls_without_tls_takes_those_with_it(
    account: LocalAccount, session: Session, secure: str, *, stored: bool
) -> None:
    let(account, allow("s3:PutObject", "*"))
    condition = {"Bool": {"aws:SecureTransport": secure}}
    deny = {**allow("s3:*", f"{BUCKET}/*", Principal="*", Condition=condition), "Effect": "Deny"}
    account.client("s3").put_bucket_policy(Bucket=NAME, Policy=document(deny))
    put(session)
    found = account.client("s3").list_objects_v2(Bucket=NAME).get("Contents", [])
    assert bool(found) is stored


def test_an_expected_owner_of_a_bucket_that_is_missing_changes_nothing(account: LocalAccount) -> None:
    with pytest.raises(ClientError, match="NoSuchBucket"):
        account.client("s3").get_bucket_policy(Bucket="missing", ExpectedBucketOwner="123456789012")


def test_buckets_are_listed_by_prefix_and_region(account: LocalAccount) -> None:
    s3 = account.client("s3")
    s3.create_bucket(Bucket="orders-here")
    s3.create_bucket(Bucket="other-here")
    account.client("s3", region="eu-west-1").create_bucket(
        Bucket="orders-there", CreateBucketConfiguration={"LocationConstraint": "eu-west-1"}
    )
    found = s3.list_buckets(Prefix="orders-", BucketRegion="us-east-1")["Buckets"]
    assert [(it["Name"], it["BucketRegion"]) for it in found] == [("orders-here", "us-east-1")]
    pages = s3.get_paginator("list_buckets").paginate(PaginationConfig={"PageSize": 2})
    names = [[it["Name"] for it in page["Buckets"]] for page in pages]
    assert names == [["orders-here", "orders-there"], ["other-here"]]
