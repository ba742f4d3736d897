"""The resource types of the local account: made, changed and deleted through a stack."""

import io
import json
import zipfile
from typing import Any

import pytest
import yaml

from local.account import LocalAccount
from local.cloudformation.types import RESOURCE_TYPES
from tests.integration.local_stacks import create, delete, physical_id, status, statuses

TEMPLATE = """
Parameters:
  Days: {Type: Number, Default: 3}
  Names: {Type: CommaDelimitedList, Default: "a,b"}
Conditions:
  Never: !Equals [a, b]
Resources:
  Topic: {Type: AWS::SNS::Topic, Properties: {DisplayName: one}}
  DeadLetters: {Type: AWS::SQS::Queue}
  Queue:
    Type: AWS::SQS::Queue
    Properties:
      VisibilityTimeout: "60"
      RedrivePolicy: {deadLetterTargetArn: !GetAtt DeadLetters.Arn, maxReceiveCount: 3}
  QueuePolicy:
    Type: AWS::SQS::QueuePolicy
    Properties:
      Queues: [!Ref Queue]
      PolicyDocument:
        Version: 2012-10-17
        Statement: [{Effect: Allow, Principal: "*", Action: "sqs:SendMessage", Resource: !GetAtt Queue.Arn}]
  Subscription:
    Type: AWS::SNS::Subscription
    Properties: {TopicArn: !Ref Topic, Protocol: sqs, Endpoint: !GetAtt Queue.Arn, RawMessageDelivery: true}
  TopicPolicy:
    Type: AWS::SNS::TopicPolicy
    Properties:
      Topics: [!Ref Topic]
      PolicyDocument:
        Version: 2012-10-17
        Statement: [{Effect: Allow, Principal: "*", Action: "sns:Publish", Resource: !Ref Topic}]
  Logs: {Type: AWS::Logs::LogGroup, Properties: {RetentionInDays: !Ref Days}}
  Alarm:
    Type: AWS::CloudWatch::Alarm
    Properties:
      Namespace: A
      MetricName: B
      Statistic: Sum
      Period: 60
      EvaluationPeriods: 1
      Threshold: 1
      ComparisonOperator: GreaterThanThreshold
      AlarmActions: [!Ref Topic, !Ref AWS::NoValue]
      Dimensions: !If [Never, [], !Ref AWS::NoValue]
  Dashboard: {Type: AWS::CloudWatch::Dashboard, Properties: {DashboardBody: '{"widgets":[]}'}}
  Role:
    Type: AWS::IAM::Role
    Properties:
      AssumeRolePolicyDocument:
        Version: 2012-10-17
        Statement:
          - Effect: Allow
            Principal: {Service: [lambda.amazonaws.com, firehose.amazonaws.com]}
            Action: sts:AssumeRole
      ManagedPolicyArns:
        - !Sub arn:${AWS::Partition}:iam::aws:policy/service-role/AWSLambdaBasicExecutionRole
      Policies:
        - PolicyName: inline
          PolicyDocument: &reading
            Version: 2012-10-17
            Statement: [{Effect: Allow, Action: ["s3:GetObject", "kinesis:DescribeStream"], Resource: "*"}]
  ManagedPolicy: {Type: AWS::IAM::ManagedPolicy, Properties: {Roles: [!Ref Role], PolicyDocument: *reading}}
  Policy:
    Type: AWS::IAM::Policy
    Properties: {PolicyName: extra, Roles: [!Ref Role], PolicyDocument: *reading}
  Function:
    Type: AWS::Lambda::Function
    Properties:
      Handler: index.handler
      Runtime: python3.13
      Role: !GetAtt Role.Arn
      Timeout: "7"
      Code: {ZipFile: "def handler(event, context): return 1"}
      DeadLetterConfig: {TargetArn: !GetAtt DeadLetters.Arn}
      TracingConfig: {Mode: Active}
      Environment: {Variables: {NAMES: !Join ["-", !Ref Names]}}
      ReservedConcurrentExecutions: 5
      Layers: [!Ref Layer]
      Tags: [{Key: team, Value: shop}]
  Version: {Type: AWS::Lambda::Version, Properties: {FunctionName: !Ref Function}}
  Alias:
    Type: AWS::Lambda::Alias
    Properties: {FunctionName: !Ref Function, FunctionVersion: !GetAtt Version.Version, Name: live}
  InvokeConfig:
    Type: AWS::Lambda::EventInvokeConfig
    Properties:
      FunctionName: !Ref Function
      Qualifier: $LATEST
      MaximumRetryAttempts: 1
      DestinationConfig: {OnFailure: {Destination: !GetAtt DeadLetters.Arn}}
  RulePermission:
    Type: AWS::Lambda::Permission
    Properties:
      FunctionName: !GetAtt Function.Arn
      Action: lambda:InvokeFunction
      Principal: events.amazonaws.com
      SourceArn: !GetAtt Rule.Arn
  AliasPermission:
    Type: AWS::Lambda::Permission
    Properties: {FunctionName: !Ref Alias, Action: lambda:InvokeFunction, Principal: s3.amazonaws.com}
  Layer:
    Type: AWS::Lambda::LayerVersion
    Properties:
      LayerName: shared
      Content: {S3Bucket: code, S3Key: layer.zip}
      CompatibleRuntimes: [python3.13]
  Mapping:
    Type: AWS::Lambda::EventSourceMapping
    Properties: {EventSourceArn: !GetAtt Stream.Arn, FunctionName: !Ref Alias, StartingPosition: LATEST}
  Url: {Type: AWS::Lambda::Url, Properties: {TargetFunctionArn: !GetAtt Function.Arn, AuthType: AWS_IAM}}
  Rule:
    Type: AWS::Events::Rule
    Properties:
      EventPattern: {source: [shop]}
      State: ENABLED
      Targets: [{Id: function, Arn: !GetAtt Function.Arn, DeadLetterConfig: {Arn: !GetAtt DeadLetters.Arn}}]
  Bus: {Type: AWS::Events::EventBus, Properties: {Name: findings}}
  BusRule:
    Type: AWS::Events::Rule
    Properties:
      EventBusName: !Ref Bus
      EventPattern: {source: [shop]}
      Targets: [{Id: function, Arn: !GetAtt Function.Arn}]
  BusPolicy:
    Type: AWS::Events::EventBusPolicy
    Properties:
      EventBusName: !Ref Bus
      StatementId: organization
      Statement:
        Effect: Allow
        Principal: "*"
        Action: events:PutEvents
        Resource: !GetAtt Bus.Arn
        Condition: {StringEquals: {aws:PrincipalOrgID: o-1}}
  Schedules: {Type: AWS::Scheduler::ScheduleGroup}
  Schedule:
    Type: AWS::Scheduler::Schedule
    Properties:
      GroupName: !Ref Schedules
      ScheduleExpression: rate(1 day)
      FlexibleTimeWindow: {Mode: "OFF"}
      Target: {Arn: !Ref Machine, RoleArn: !GetAtt Role.Arn}
  Firehose:
    Type: AWS::KinesisFirehose::DeliveryStream
    Properties:
      DeliveryStreamType: KinesisStreamAsSource
      KinesisStreamSourceConfiguration: {KinesisStreamARN: !GetAtt Stream.Arn, RoleARN: !GetAtt Role.Arn}
      ExtendedS3DestinationConfiguration: {BucketARN: !GetAtt Bucket.Arn, RoleARN: !GetAtt Role.Arn}
  BucketPermission:
    Type: AWS::Lambda::Permission
    Properties: {FunctionName: !Ref Function, Action: lambda:InvokeFunction, Principal: s3.amazonaws.com}
  Bucket:
    Type: AWS::S3::Bucket
    DependsOn: BucketPermission
    Properties:
      VersioningConfiguration: {Status: Enabled}
      NotificationConfiguration:
        LambdaConfigurations:
          - Event: "s3:ObjectCreated:*"
            Function: !GetAtt Function.Arn
            Filter: {S3Key: {Rules: [{Name: prefix, Value: in/}]}}
      BucketEncryption:
        ServerSideEncryptionConfiguration: [{ServerSideEncryptionByDefault: {SSEAlgorithm: AES256}}]
      LifecycleConfiguration: {Rules: [{Id: old, Status: Enabled, ExpirationInDays: 3}]}
      PublicAccessBlockConfiguration: {BlockPublicAcls: true}
  BucketPolicy:
    Type: AWS::S3::BucketPolicy
    Properties:
      Bucket: !Ref Bucket
      PolicyDocument:
        Version: 2012-10-17
        Statement: [{Effect: Allow, Principal: "*", Action: "s3:GetObject", Resource: !Sub "${Bucket.Arn}/*"}]
  Stream: {Type: AWS::Kinesis::Stream, Properties: {ShardCount: 1, RetentionPeriodHours: 48}}
  Parameter: {Type: AWS::SSM::Parameter, Properties: {Type: String, Value: !Ref Topic}}
  Table:
    Type: AWS::DynamoDB::Table
    Properties: &table
      BillingMode: PAY_PER_REQUEST
      KeySchema: [{AttributeName: id, KeyType: HASH}]
      AttributeDefinitions: [{AttributeName: id, AttributeType: S}]
      StreamSpecification: {StreamViewType: NEW_IMAGE}
      TimeToLiveSpecification: {AttributeName: expiry, Enabled: true}
      SSESpecification: {SSEEnabled: true}
  GlobalTable:
    Type: AWS::DynamoDB::GlobalTable
    Properties:
      BillingMode: PAY_PER_REQUEST
      KeySchema: [{AttributeName: id, KeyType: HASH}]
      AttributeDefinitions: [{AttributeName: id, AttributeType: S}]
      Replicas:
        - Region: !Ref AWS::Region
          PointInTimeRecoverySpecification: {PointInTimeRecoveryEnabled: true}
          Tags: [{Key: team, Value: shop}]
  Machine:
    Type: AWS::StepFunctions::StateMachine
    Properties:
      RoleArn: !GetAtt Role.Arn
      DefinitionString: '{"StartAt":"A","States":{"A":{"Type":"Pass","Result":"${Name}","End":true}}}'
      DefinitionSubstitutions: {Name: !GetAtt Function.Arn}
      TracingConfiguration: {Enabled: true}
      LoggingConfiguration:
        Level: ALL
        Destinations: [{CloudWatchLogsLogGroup: {LogGroupArn: !GetAtt Logs.Arn}}]
  Database:
    Type: AWS::RDS::DBInstance
    Properties: &database
      Engine: postgres
      DBInstanceClass: db.t3.micro
      AllocatedStorage: "20"
      MasterUsername: somebody
      MasterUserPassword: passw0rd1
  Cluster:
    Type: AWS::RDS::DBCluster
    Properties: {Engine: aurora-postgresql, MasterUsername: somebody, MasterUserPassword: passw0rd1}
  Handle: {Type: AWS::CloudFormation::WaitConditionHandle}
  OfMoto: {Type: AWS::EFS::FileSystem}
  Absent: {Type: AWS::Odd::Thing, Condition: Never}
"""


@pytest.fixture
def code(account: LocalAccount) -> None:
    """The layer's archive, in its bucket."""
    archive = io.BytesIO()
    with zipfile.ZipFile(archive, "w") as zipped:
        zipped.writestr("python/shared.py", "NAME = 'shared'\n")
    s3 = account.client("s3")
    s3.create_bucket(Bucket="code")
    s3.put_object(Bucket="code", Key="layer.zip", Body=archive.getvalue())


@pytest.fixture
def stack(account: LocalAccount, code: None) -> str:
    account.step_delay = 0
    stack_id = create(account, "shop", TEMPLATE)
    events = account.client("cloudformation").get_paginator("describe_stack_events")
    entries = [entry for page in events.paginate(StackName=stack_id) for entry in page["StackEvents"]]
    failures = {
        entry["LogicalResourceId"]: entry["ResourceStatusReason"]
        for entry in entries
        if "FAILED" in entry["ResourceStatus"]
    }
    assert failures == {}
    return stack_id


def test_the_template_covers_every_type() -> None:
    class Loader(yaml.SafeLoader):
        pass

    Loader.add_multi_constructor("!", lambda loader, suffix, node: suffix)
    resources = yaml.load(TEMPLATE, Loader=Loader)["Resources"]  # noqa: S506  # a SafeLoader

    covered = {resource["Type"] for resource in resources.values()}
    assert set(RESOURCE_TYPES) - covered == {"AWS::CloudFormation::Stack"}  # has tests of its own


def test_every_resource_is_made_and_deleted(account: LocalAccount, stack: str) -> None:
    assert status(account, stack) == "CREATE_COMPLETE"
    assert "Absent" not in statuses(account, stack)

    delete(account, "shop")

    assert status(account, stack) == "DELETE_COMPLETE"
    assert set(statuses(account, stack).values()) == {"DELETE_COMPLETE"}
    left = [
        account.client("dynamodb").list_tables()["TableNames"],
        account.client("lambda").list_functions()["Functions"],
        account.client("lambda").list_layers()["Layers"],
        account.client("lambda").list_event_source_mappings()["EventSourceMappings"],
        account.client("sns").list_topics()["Topics"],
        account.client("sns").list_subscriptions()["Subscriptions"],
        account.client("sqs").list_queues().get("QueueUrls", []),
        account.client("iam").list_roles()["Roles"],
        account.client("iam").list_policies(Scope="Local")["Policies"],
        account.client("events").list_rules()["Rules"],
        [bus["Name"] for bus in account.client("events").list_event_buses()["EventBuses"][1:]],
        account.client("kinesis").list_streams()["StreamNames"],
        account.client("firehose").list_delivery_streams()["DeliveryStreamNames"],
        account.client("stepfunctions").list_state_machines()["stateMachines"],
        account.client("ssm").describe_parameters()["Parameters"],
        account.client("cloudwatch").describe_alarms()["MetricAlarms"],
        account.client("rds").describe_db_instances()["DBInstances"],
        account.client("rds").describe_db_clusters()["DBClusters"],
        account.client("logs").describe_log_groups()["logGroups"],
        [
            bucket["Name"]
            for bucket in account.client("s3").list_buckets()["Buckets"]
            if bucket["Name"] != "code"
        ],
    ]
    assert [kind for kind in left if kind] == []


def test_references_are_what_the_documentation_says(account: LocalAccount, stack: str) -> None:
    def of(logical_id: str) -> str:
        return physical_id(account, "shop", logical_id)

    assert of("Topic").startswith("arn:aws:sns:us-east-1:123456789012:shop-Topic-")
    assert of("Queue").startswith("https://sqs.us-east-1.amazonaws.com/123456789012/shop-Queue-")
    assert of("Machine").startswith("arn:aws:states:us-east-1:123456789012:stateMachine:shop-Machine-")
    assert of("Layer") == "arn:aws:lambda:us-east-1:123456789012:layer:shared:1"
    assert of("Version") == f"arn:aws:lambda:us-east-1:123456789012:function:{of('Function')}:1"
    assert of("Alias") == f"arn:aws:lambda:us-east-1:123456789012:function:{of('Function')}:live"
    assert of("BusRule").startswith("findings|shop-BusRule-")
    assert of("Parameter").startswith("CFN-shop-Parameter-")
    assert of("Bucket") == of("Bucket").lower()


def test_a_function_has_all_of_its_properties(account: LocalAccount, stack: str) -> None:
    client = account.client("lambda")
    name = physical_id(account, "shop", "Function")
    function = client.get_function(FunctionName=name)
    configuration = function["Configuration"]
    assert configuration["Timeout"] == 7
    assert configuration["Environment"]["Variables"] == {"NAMES": "a-b"}
    assert configuration["TracingConfig"] == {"Mode": "Active"}
    assert [layer["Arn"] for layer in configuration["Layers"]] == [physical_id(account, "shop", "Layer")]
    assert function["Concurrency"] == {"ReservedConcurrentExecutions": 5}
    assert function["Tags"]["aws:cloudformation:stack-id"] == stack
    assert function["Tags"]["team"] == "shop"
    invoke = client.get_function_event_invoke_config(FunctionName=name)
    assert invoke["MaximumRetryAttempts"] == 1
    by_alias = json.loads(client.get_policy(FunctionName=name, Qualifier="live")["Policy"])
    assert [entry["Principal"] for entry in by_alias["Statement"]] == [{"Service": "s3.amazonaws.com"}]


def test_a_role_has_all_of_its_policies(account: LocalAccount, stack: str) -> None:
    iam = account.client("iam")
    role = physical_id(account, "shop", "Role")

    attached = iam.list_attached_role_policies(RoleName=role)["AttachedPolicies"]

    assert "AWSLambdaBasicExecutionRole" in {policy["PolicyName"] for policy in attached}
    assert physical_id(account, "shop", "ManagedPolicy") in {policy["PolicyArn"] for policy in attached}
    assert sorted(iam.list_role_policies(RoleName=role)["PolicyNames"]) == ["extra", "inline"]


def test_a_global_table_has_its_replica_settings(account: LocalAccount, stack: str) -> None:
    dynamodb = account.client("dynamodb")
    name = physical_id(account, "shop", "GlobalTable")
    described = dynamodb.describe_table(TableName=name)["Table"]
    backups = dynamodb.describe_continuous_backups(TableName=name)["ContinuousBackupsDescription"]
    tags = dynamodb.list_tags_of_resource(ResourceArn=described["TableArn"])["Tags"]
    assert backups["PointInTimeRecoveryDescription"]["PointInTimeRecoveryStatus"] == "ENABLED"
    assert {"Key": "team", "Value": "shop"} in tags
    assert {"Key": "aws:cloudformation:logical-id", "Value": "GlobalTable"} in tags


CHANGES: dict[str, dict[str, Any]] = {
    "Topic": {"DisplayName": "two"},
    "Queue": {"VisibilityTimeout": 90},
    "QueuePolicy": {"PolicyDocument": {"Version": "2012-10-17", "Statement": []}},
    "Subscription": {"RawMessageDelivery": False},
    "TopicPolicy": {"PolicyDocument": {"Version": "2012-10-17", "Statement": []}},
    "Logs": {"RetentionInDays": 14},
    "Alarm": {"Threshold": 2},
    "Dashboard": {"DashboardBody": '{"widgets":[ ]}'},
    "Role": {"Policies": [], "Description": "changed"},
    "ManagedPolicy": {"Roles": []},
    "Policy": {"PolicyName": "renamed"},
    "Function": {"Timeout": 9, "ReservedConcurrentExecutions": 6},
    "Alias": {"FunctionVersion": "$LATEST"},
    "InvokeConfig": {"MaximumRetryAttempts": 2},
    "Mapping": {"BatchSize": 5},
    "Rule": {"EventPattern": {"source": ["other"]}},
    "Bucket": {"VersioningConfiguration": {"Status": "Suspended"}},
    "Stream": {"RetentionPeriodHours": 72},
    "Parameter": {"Value": "changed"},
    "GlobalTable": {"BillingMode": "PROVISIONED"},
    "Machine": {"DefinitionString": '{"StartAt":"B","States":{"B":{"Type":"Succeed"}}}'},
    "Database": {"DeletionProtection": True},
    "Cluster": {"DeletionProtection": True},
    "Schedule": {"ScheduleExpression": "rate(2 days)"},
    "Url": {"AuthType": "NONE"},
}


def test_resources_are_changed_in_place(account: LocalAccount, stack: str) -> None:
    from local.cloudformation.template import as_text, parse

    document = parse(TEMPLATE)
    for name, properties in CHANGES.items():
        document["Resources"][name]["Properties"] = {
            **document["Resources"][name]["Properties"],
            **properties,
        }
    before = {name: physical_id(account, "shop", name) for name in CHANGES if name != "Policy"}

    account.client("cloudformation").update_stack(StackName="shop", TemplateBody=as_text(document))
    account.drain()

    assert status(account, "shop") == "UPDATE_COMPLETE"
    assert {name: physical_id(account, "shop", name) for name in before} == before
    queue = account.client("sqs").get_queue_attributes(QueueUrl=before["Queue"], AttributeNames=["All"])
    assert queue["Attributes"]["VisibilityTimeout"] == "90"
    function = account.client("lambda").get_function(FunctionName=before["Function"])
    assert function["Configuration"]["Timeout"] == 9
    assert function["Concurrency"] == {"ReservedConcurrentExecutions": 6}
    logs = account.client("logs").describe_log_groups(logGroupNamePrefix=before["Logs"])["logGroups"]
    assert logs[0]["retentionInDays"] == 14
    inline = account.client("iam").list_role_policies(RoleName=before["Role"])["PolicyNames"]
    assert inline == ["renamed"]
    rule = account.client("events").describe_rule(Name=before["Rule"])
    assert json.loads(rule["EventPattern"]) == {"source": ["other"]}
    machine = account.client("stepfunctions").describe_state_machine(stateMachineArn=before["Machine"])
    assert json.loads(machine["definition"])["StartAt"] == "B"
    [database] = account.client("rds").describe_db_instances()["DBInstances"]
    assert database["DeletionProtection"] is True
    assert account.client("ssm").get_parameter(Name=before["Parameter"])["Parameter"]["Value"] == "changed"
    stream = account.client("kinesis").describe_stream_summary(StreamName=before["Stream"])
    assert stream["StreamDescriptionSummary"]["RetentionPeriodHours"] == 72
    topic = account.client("sns").get_topic_attributes(TopicArn=before["Topic"])
    assert topic["Attributes"]["DisplayName"] == "two"
