"""How CloudTrail names events, and which calls it records: event names, read-only calls, data events.

https://docs.aws.amazon.com/awscloudtrail/latest/userguide/cloudtrail-event-reference-record-contents.html
"""

import re

from moto.core.model import OperationModel

# https://docs.aws.amazon.com/lambda/latest/dg/logging-using-cloudtrail.html
LAMBDA_EVENT_SUFFIXES = {
    "20150331": """CreateAlias UpdateAlias DeleteAlias GetAlias ListAliases CreateFunction DeleteFunction
        ListFunctions CreateEventSourceMapping UpdateEventSourceMapping DeleteEventSourceMapping
        GetEventSourceMapping ListEventSourceMappings PublishVersion ListVersionsByFunction""",
    "20150331v2": """AddPermission RemovePermission GetPolicy GetFunction GetFunctionConfiguration
        UpdateFunctionCode UpdateFunctionConfiguration""",
    "20160819": "GetAccountSettings",
    "20170331": "ListTags",
    "20170331v2": "TagResource UntagResource",
    "20171031": "PutFunctionConcurrency DeleteFunctionConcurrency",
    "20181031": """AddLayerVersionPermission RemoveLayerVersionPermission GetLayerVersionPolicy
        PublishLayerVersion DeleteLayerVersion GetLayerVersion ListLayers ListLayerVersions""",
}
LAMBDA_EVENT_NAMES = {
    name: f"{name}{suffix}" for suffix, names in LAMBDA_EVENT_SUFFIXES.items() for name in names.split()
}

# https://docs.aws.amazon.com/AmazonS3/latest/userguide/cloudtrail-logging-s3-info.html
S3_EVENT_NAMES = {
    "PutBucketNotificationConfiguration": "PutBucketNotification",
    "GetBucketNotificationConfiguration": "GetBucketNotification",
    "PutBucketLifecycleConfiguration": "PutBucketLifecycle",
    "GetBucketLifecycleConfiguration": "GetBucketLifecycle",
    "PutPublicAccessBlock": "PutBucketPublicAccessBlock",
    "GetPublicAccessBlock": "GetBucketPublicAccessBlock",
    "DeletePublicAccessBlock": "DeleteBucketPublicAccessBlock",
    "PutBucketAccelerateConfiguration": "PutAccelerateConfiguration",
    "GetBucketAccelerateConfiguration": "GetAccelerateConfiguration",
    "PutObjectLockConfiguration": "PutBucketObjectLockConfiguration",
    "GetObjectLockConfiguration": "GetBucketObjectLockConfiguration",
}
EVENT_NAMES = {"lambda": LAMBDA_EVENT_NAMES, "s3": S3_EVENT_NAMES}

# Data events are recorded by trails that select them, never as management events.
# https://docs.aws.amazon.com/awscloudtrail/latest/userguide/logging-data-events-with-cloudtrail.html
DATA_EVENTS = {
    "dynamodb": """GetItem PutItem UpdateItem DeleteItem BatchGetItem BatchWriteItem Query Scan
        TransactGetItems TransactWriteItems ExecuteStatement BatchExecuteStatement ExecuteTransaction""",
    "dynamodbstreams": "GetRecords GetShardIterator",
    "lambda": "Invoke InvokeAsync InvokeWithResponseStream",
    "s3": """ListObjects ListObjectsV2 ListObjectVersions ListMultipartUploads DeleteObjects HeadBucket
        CreateSession""",
    "sns": "Publish PublishBatch",
    "sqs": """SendMessage SendMessageBatch ReceiveMessage DeleteMessage DeleteMessageBatch
        ChangeMessageVisibility ChangeMessageVisibilityBatch""",
    "kinesis": "PutRecord PutRecords GetRecords GetShardIterator SubscribeToShard",
    "firehose": "PutRecord PutRecordBatch",
    "events": "PutEvents PutPartnerEvents",
    "logs": "PutLogEvents GetLogEvents FilterLogEvents StartLiveTail",
    "cloudwatch": "PutMetricData GetMetricData GetMetricStatistics GetMetricWidgetImage ListMetrics",
    "xray": "PutTraceSegments PutTelemetryRecords",
    "stepfunctions": "SendTaskSuccess SendTaskFailure SendTaskHeartbeat GetActivityTask",
}
_DATA_EVENTS = {service: frozenset(names.split()) for service, names in DATA_EVENTS.items()}

READ_ONLY_VERB = re.compile(
    r"(Get|List|Describe|Head|BatchGet|Search|Lookup|Simulate|Validate|Estimate|Test|Check)[A-Z0-9]"
)
READ_ONLY_CALLS = {
    "sts": frozenset({"AssumeRole", "AssumeRoleWithSAML", "AssumeRoleWithWebIdentity"}),
    "kms": frozenset(
        {"Encrypt", "Decrypt", "ReEncrypt", "GenerateDataKey", "GenerateDataKeyWithoutPlaintext"}
    ),
}

# The event source is the endpoint prefix, with these exceptions.
EVENT_SOURCES = {"email": "ses", "s3-control": "s3", "streams.dynamodb": "dynamodb"}
# Their events appear in us-east-1 whatever Region the caller used.
GLOBAL_SERVICES = frozenset({"iam", "organizations", "route53", "cloudfront"})


def event_name(service: str, operation: str) -> str:
    """CloudTrail's `eventName` of an operation: Lambda adds dates, S3 keeps its older names."""
    return EVENT_NAMES.get(service, {}).get(operation, operation)


def event_source(operation: OperationModel) -> str:
    """CloudTrail's `eventSource`, such as `states.amazonaws.com` for Step Functions."""
    prefix = str(operation.service_model.endpoint_prefix)
    return f"{EVENT_SOURCES.get(prefix, prefix)}.amazonaws.com"


def event_region(service: str, region: str) -> str:
    """The Region in which CloudTrail shows a call."""
    return "us-east-1" if service in GLOBAL_SERVICES else region


def is_read_only(service: str, operation: str) -> bool:
    """CloudTrail's `readOnly`."""
    return bool(READ_ONLY_VERB.match(operation)) or operation in READ_ONLY_CALLS.get(service, ())


def is_data_event(operation: OperationModel) -> bool:
    """Whether CloudTrail counts the call as a data event: item, object and message calls."""
    service = str(operation.service_model.service_name)
    if operation.name in _DATA_EVENTS.get(service, ()):
        return True
    return service == "s3" and "{Key" in operation.http_trait.uri
