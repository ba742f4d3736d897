"""The local account's CloudTrail beside the recorded one: the same calls, key by key."""

import io
import json
import zipfile
from collections.abc import Callable
from typing import Any

import pytest
from botocore.exceptions import ClientError

from local.account import LocalAccount
from tests import recorded
from tests.integration.test_local_cloudtrail import write_records

TAGS = [{"Key": "StratusRedTeam", "Value": "true"}]
TRUST = json.dumps(
    {
        "Version": "2012-10-17",
        "Statement": [
            {"Effect": "Allow", "Principal": {"Service": "lambda.amazonaws.com"}, "Action": "sts:AssumeRole"}
        ],
    }
)
POLICY = json.dumps(
    {"Version": "2012-10-17", "Statement": [{"Effect": "Allow", "Action": "ec2:Describe*", "Resource": "*"}]}
)


def bucket_policy(bucket: str) -> str:
    statement = {
        "Sid": "Read",
        "Effect": "Allow",
        "Principal": {"Service": "cloudtrail.amazonaws.com"},
        "Action": "s3:GetBucketAcl",
        "Resource": f"arn:aws:s3:::{bucket}",
    }
    conditional = statement | {
        "Sid": "Write",
        "Condition": {"StringEquals": {"s3:x-amz-acl": "bucket-owner-full-control"}},
    }
    return json.dumps({"Version": "2012-10-17", "Statement": [statement, conditional]})


def archive() -> bytes:
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w") as zip_file:
        zip_file.writestr("index.py", "def test(event, context): ...")
    return buffer.getvalue()


def call_iam(account: LocalAccount) -> None:
    iam = account.client("iam")
    iam.create_role(
        RoleName="role", AssumeRolePolicyDocument=TRUST, Path="/", MaxSessionDuration=3600, Tags=TAGS
    )
    iam.put_role_policy(RoleName="role", PolicyName="inline", PolicyDocument=POLICY)
    policy = iam.create_policy(
        PolicyName="policy", Path="/", PolicyDocument=POLICY, Description="", Tags=TAGS
    )["Policy"]["Arn"]
    iam.attach_role_policy(RoleName="role", PolicyArn=policy)
    iam.detach_role_policy(RoleName="role", PolicyArn=policy)
    iam.update_assume_role_policy(RoleName="role", PolicyDocument=TRUST)
    iam.delete_role_policy(RoleName="role", PolicyName="inline")
    iam.create_instance_profile(InstanceProfileName="profile", Path="/", Tags=TAGS)
    iam.tag_instance_profile(InstanceProfileName="profile", Tags=TAGS)
    iam.add_role_to_instance_profile(InstanceProfileName="profile", RoleName="role")
    iam.remove_role_from_instance_profile(InstanceProfileName="profile", RoleName="role")
    iam.delete_instance_profile(InstanceProfileName="profile")
    iam.create_user(UserName="user", Path="/")
    iam.attach_user_policy(UserName="user", PolicyArn=policy)
    iam.detach_user_policy(UserName="user", PolicyArn=policy)
    iam.create_login_profile(UserName="user", Password="Secret-123", PasswordResetRequired=False)
    iam.delete_login_profile(UserName="user")
    key = iam.create_access_key(UserName="user")["AccessKey"]["AccessKeyId"]
    iam.delete_access_key(UserName="user", AccessKeyId=key)
    iam.delete_user(UserName="user")
    iam.delete_policy(PolicyArn=policy)
    iam.delete_role(RoleName="role")
    with pytest.raises(ClientError):
        iam.delete_login_profile(UserName="user")


def call_lambda(account: LocalAccount) -> None:
    role = account.client("iam").create_role(RoleName="function", AssumeRolePolicyDocument=TRUST)["Role"][
        "Arn"
    ]
    s3 = account.client("s3")
    s3.create_bucket(Bucket="code", ACL="private")
    s3.put_object(Bucket="code", Key="index.zip", Body=archive())
    functions = account.client("lambda")
    function: dict[str, Any] = {
        "FunctionName": "f",
        "Runtime": "python3.13",
        "Role": role,
        "Handler": "index.test",
        "Code": {"S3Bucket": "code", "S3Key": "index.zip"},
        "Description": "",
        "Timeout": 3,
        "MemorySize": 128,
        "Publish": False,
        "PackageType": "Zip",
        "Tags": {"StratusRedTeam": "true"},
    }
    functions.create_function(**function)
    with pytest.raises(ClientError):
        functions.create_function(**function | {"FunctionName": "g", "Role": f"{role}-that-is-not-there"})
    functions.add_permission(
        FunctionName="f", StatementId="backdoor", Action="lambda:InvokeFunction", Principal="*"
    )
    functions.remove_permission(FunctionName="f", StatementId="backdoor")
    arn = functions.get_function(FunctionName="f")["Configuration"]["FunctionArn"]
    functions.update_function_code(FunctionName=arn, ZipFile=archive(), Publish=True)
    functions.delete_function(FunctionName="f")


def call_s3(account: LocalAccount) -> None:
    s3 = account.client("s3")
    s3.create_bucket(Bucket="bucket", ACL="private")
    s3.put_bucket_policy(Bucket="bucket", Policy=bucket_policy("bucket"))
    s3.put_bucket_tagging(Bucket="bucket", Tagging={"TagSet": TAGS})
    rule = {"ID": "nuke", "Status": "Enabled", "Filter": {"Prefix": "*"}, "Expiration": {"Days": 1}}
    s3.put_bucket_lifecycle_configuration(Bucket="bucket", LifecycleConfiguration={"Rules": [rule]})
    s3.delete_bucket_lifecycle(Bucket="bucket")
    s3.delete_bucket_policy(Bucket="bucket")
    s3.put_object(Bucket="bucket", Key="key", Body=b"\x00\xff")
    with pytest.raises(ClientError):
        s3.delete_bucket(Bucket="bucket")
    s3.delete_object(Bucket="bucket", Key="key")
    s3.delete_bucket(Bucket="bucket")


def call_rds(account: LocalAccount) -> None:
    ec2, rds = account.client("ec2"), account.client("rds")
    subnets = [it["SubnetId"] for it in ec2.describe_subnets()["Subnets"]][:2]
    rds.create_db_subnet_group(
        DBSubnetGroupName="group", DBSubnetGroupDescription="two", SubnetIds=subnets, Tags=TAGS
    )
    rds.create_db_instance(
        DBInstanceIdentifier="database",
        DBInstanceClass="db.t3.micro",
        Engine="mysql",
        EngineVersion="8.0",
        AllocatedStorage=10,
        MasterUsername="admin",
        MasterUserPassword="secret-123",
        DBName="shop",
        DBSubnetGroupName="group",
        Tags=TAGS,
        DeletionProtection=False,
        PubliclyAccessible=False,
        BackupRetentionPeriod=0,
        CopyTagsToSnapshot=False,
        StorageEncrypted=False,
        AutoMinorVersionUpgrade=True,
    )
    rds.create_db_snapshot(DBInstanceIdentifier="database", DBSnapshotIdentifier="snapshot", Tags=TAGS)
    rds.modify_db_snapshot_attribute(
        DBSnapshotIdentifier="snapshot", AttributeName="restore", ValuesToAdd=["193672423079"]
    )
    rds.delete_db_snapshot(DBSnapshotIdentifier="snapshot")
    rds.delete_db_instance(
        DBInstanceIdentifier="database",
        SkipFinalSnapshot=False,
        FinalDBSnapshotIdentifier="last",
        DeleteAutomatedBackups=True,
    )


def call_others(account: LocalAccount) -> None:
    ssm = account.client("ssm")
    ssm.put_parameter(
        Name="/shop/key",
        Value="secret",
        Type="SecureString",
        Overwrite=False,
        AllowedPattern="",
        Tags=TAGS,
        Tier="Standard",
    )
    ssm.delete_parameter(Name="/shop/key")
    secrets = account.client("secretsmanager")
    arn = secrets.create_secret(
        Name="secret", Description="", ForceOverwriteReplicaSecret=False, SecretString="x"
    )["ARN"]
    secrets.put_secret_value(SecretId=arn, SecretString="y")
    secrets.delete_secret(SecretId=arn, ForceDeleteWithoutRecovery=True)
    logs = account.client("logs")
    logs.create_log_group(logGroupName="/shop", tags={"StratusRedTeam": "true"})
    logs.delete_log_group(logGroupName="/shop")


CALLS: tuple[Callable[[LocalAccount], None], ...] = (call_iam, call_lambda, call_s3, call_rds, call_others)


# What cannot be provoked in the local account.
NOT_POSSIBLE = {
    "ThrottlingException",  # moto never throttles
    "InvalidDBInstanceStateFault",  # a database is deleted at once
    "InvalidInstanceId",  # no agents run on instances
    "PutComplianceItems",  # moto has not these operations, the SDK not the last two
    "PutInventory",
    "SendCommand",  # wants an instance with an agent
    "UpdateInstanceAssociationStatus",
    "UpdateInstanceInformation",
}
# Differences that remain: the reason, and the keys of which events.
type Differences = dict[str, dict[str, set[str]]]
ONLY_LOCAL: Differences = {
    "newer SDKs send checksums": {
        name: {"x-amz-checksum-crc32", "x-amz-sdk-checksum-algorithm"}
        for name in ("PutBucketLifecycle", "PutBucketPolicy", "PutBucketTagging")
    },
    "moto answers more than was recorded": {
        "CreateRole": {"role.maxSessionDuration", "role.roleLastUsed"},
        "CreateFunction20150331": {"layers"},
        "UpdateFunctionCode20150331v2": {"lastUpdateStatus", "layers"},
        "CreateDBInstance": {
            "availabilityZone",  # moto's databases are available at once
            "dBSubnetGroup.dBSubnetGroupArn",
            "enabledCloudwatchLogsExports",
            "endpoint",
            "endpoint.address",
            "endpoint.port",
            "instanceCreateTime",
            "latestRestorableTime",
        },
        "DeleteDBInstance": {
            "dBSubnetGroup.dBSubnetGroupArn",
            "enabledCloudwatchLogsExports",
            "latestRestorableTime",
        },
        "CreateDBSnapshot": {"originalSnapshotCreateTime", "snapshotCreateTime"},
        "DeleteDBSnapshot": {"tagList[].key", "tagList[].value"},
    },
    "the recorded call was made in the console": {
        "DeleteDBInstance": {"tlsDetails", "tlsVersion", "cipherSuite", "clientProvidedHostHeader"}
    },
}
SNAPSHOT = {
    "availabilityZone",
    "dedicatedLogVolume",
    "licenseModel",
    "optionGroupName",
    "percentProgress",
    "processorFeatures",
    "snapshotTarget",
    "storageThroughput",
    "storageType",
    "vpcId",
}
DATABASE = {
    "backupTarget",
    "customerOwnedIpEnabled",
    "dBSubnetGroup.subnets[].subnetOutpost",
    "dedicatedLogVolume",
    "httpEndpointEnabled",
    "networkType",
    "pendingModifiedValues",
    "performanceInsightsEnabled",
    "storageThroughput",
}
FUNCTION = {
    "revisionId",
    "runtimeVersionConfig",
    "runtimeVersionConfig.runtimeVersionArn",
    "stateReason",
    "stateReasonCode",
}
ONLY_RECORDED: Differences = {
    "moto answers less than was recorded": {
        "CreatePolicy": {"policy.permissionsBoundaryUsageCount"},
        "CreateFunction20150331": FUNCTION,
        "UpdateFunctionCode20150331v2": FUNCTION,
        "CreateDBInstance": DATABASE
        | {
            "certificateDetails",
            "certificateDetails.cAIdentifier",
            "pendingModifiedValues.masterUserPassword",
        },
        "DeleteDBInstance": DATABASE | {"endpoint.hostedZoneId"},
        "CreateDBSubnetGroup": {"subnets[].subnetOutpost", "supportedNetworkTypes"},
        "CreateDBSnapshot": SNAPSHOT,
        "DeleteDBSnapshot": SNAPSHOT,
    },
    "the recorded call was made in the console": {
        "DeleteDBInstance": {
            "sessionCredentialFromConsole",
            "sessionContext",
            "sessionContext.attributes",
            "sessionContext.attributes.creationDate",
            "sessionContext.attributes.mfaAuthenticated",
            "sessionContext.sessionIssuer",
            "sessionContext.webIdFederationData",
        }
    },
}


def expected(differences: Differences, name: str, error: str | None) -> set[str]:
    """The keys that may differ; a failed call has no response that could."""
    if error:
        return set()
    return set[str]().union(*(events.get(name, set()) for events in differences.values()))


@pytest.fixture(scope="module")
def local_records() -> list[recorded.Event]:
    """The records of all calls, oldest first; the account is gone then."""
    with LocalAccount() as account:
        for call in CALLS:
            call(account)
        return write_records(account)


def compared_calls() -> list[tuple[str, str, str | None]]:
    services = {"iam", "lambda", "logs", "rds", "s3", "secretsmanager", "ssm"}
    kinds = {
        (event["eventSource"].removesuffix(".amazonaws.com"), event["eventName"], event.get("errorCode"))
        for event in recorded.write_calls()
    }
    return sorted((kind for kind in kinds if kind[0] in services and not NOT_POSSIBLE & set(kind)), key=str)


def all_keys(event: recorded.Event) -> set[str]:
    """Keys of the record, of the identity, and key paths of parameters and response."""
    parts = ("userIdentity", "requestParameters", "responseElements", "additionalEventData", "tlsDetails")
    paths = (recorded.key_paths(event.get(part)) for part in parts)
    return set(event).union(*paths)


@pytest.mark.parametrize(("service", "name", "error"), compared_calls())
def test_a_call_is_recorded_key_by_key_as_by_aws(
    local_records: list[recorded.Event], service: str, name: str, error: str | None
) -> None:
    source = f"{service}.amazonaws.com"
    wanted = (source, name, error)
    local = next(r for r in local_records if (r["eventSource"], r["eventName"], r.get("errorCode")) == wanted)
    theirs = recorded.one(service, name, error=error)
    assert all_keys(local) - all_keys(theirs) == expected(ONLY_LOCAL, name, error)
    assert all_keys(theirs) - all_keys(local) == expected(ONLY_RECORDED, name, error)


@pytest.mark.parametrize(("service", "name", "error"), compared_calls())
def test_scalars_of_a_record_have_the_recorded_type(
    local_records: list[recorded.Event], service: str, name: str, error: str | None
) -> None:
    local = next(r for r in local_records if r["eventName"] == name and r.get("errorCode") == error)
    theirs = recorded.one(service, name, error=error)
    for key in set(local) & set(theirs):
        assert type(local[key]) is type(theirs[key]), key
