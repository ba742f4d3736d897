"""What the developer makes of functions that something invokes, and which version then really runs."""

import json
import math
from datetime import UTC, datetime, timedelta
from typing import Any, Final

from moto.awslambda.models import lambda_backends

from local.demo_alias import Ran, package, ran, template
from local.lambda_runtime.metrics import NAMESPACE
from tests.e2e.developer import Developer, until
from tests.e2e.guarded import Guarded
from tests.e2e.loops import TRUST
from tests.e2e.stacks import Json

LATEST_INVOKED: Final = "latest-invoked"
GUARD: Final = "missing-alias"
BLUE, GREEN = "blue", "green"
ARN: Final = "arn:aws:lambda:us-east-1:123456789012:function:"


def queues(developer: Developer, name: str) -> None:
    """What the function reads and what it tells are there before it."""
    for what in ("incoming", "seen"):
        developer.client("sqs").create_queue(QueueName=f"{name}-{what}")


def stack(guarded: Guarded, name: str, colour: str = "blue", *, waiting: str = "", **more: Any) -> str:
    """A SAM stack of a function that a queue, and with `bucket` a bucket, triggers; its id.

    waiting: an order that is in the queue already.
    """
    queues(guarded, name)
    if waiting:
        put(guarded, name, waiting)
    created = guarded.client("cloudformation").create_stack(
        StackName=name,
        TemplateBody=template(name, colour, **{"bucket": False, **more}),
        Capabilities=["CAPABILITY_IAM", "CAPABILITY_AUTO_EXPAND"],
    )
    return str(created["StackId"])


def update(
    guarded: Guarded, name: str, colour: str = "blue", *, ending: str = "UPDATE_COMPLETE", **more: Any
) -> None:
    """Deploy the stack again, and wait until it has ended so."""
    guarded.client("cloudformation").update_stack(
        StackName=name,
        TemplateBody=template(name, colour, **{"bucket": False, **more}),
        Capabilities=["CAPABILITY_IAM", "CAPABILITY_AUTO_EXPAND"],
    )
    guarded.settled(name, ending)


def function(developer: Developer, name: str, colour: str = "blue", **more: Any) -> str:
    """A function of no stack that tells the queue NAME-seen what it ran; its ARN."""
    queues(developer, name)
    iam = developer.client("iam")
    role = iam.create_role(RoleName=f"{name}-role", AssumeRolePolicyDocument=json.dumps(TRUST))["Role"]["Arn"]
    statement = {"Effect": "Allow", "Action": "sqs:*", "Resource": "*"}
    document = json.dumps({"Version": "2012-10-17", "Statement": [statement]})
    iam.put_role_policy(RoleName=f"{name}-role", PolicyName="inline", PolicyDocument=document)
    created = developer.client("lambda").create_function(
        FunctionName=name,
        Role=role,
        Runtime="python3.13",
        Handler="index.handler",
        Timeout=30,
        Code={"ZipFile": package(colour)},
        Environment={"Variables": {"SEEN": queue_url(developer, f"{name}-seen")}},
        **more,
    )
    return str(created["FunctionArn"])


def queue_url(developer: Developer, queue: str) -> str:
    """A queue's URL."""
    return str(developer.client("sqs").get_queue_url(QueueName=queue)["QueueUrl"])


def map_queue(developer: Developer, name: str, function: str = "") -> str:
    """Let the queue NAME-incoming feed a function, by default the one of this name; the mapping's UUID."""
    source = f"arn:aws:sqs:us-east-1:123456789012:{name}-incoming"
    made = developer.client("lambda").create_event_source_mapping(
        EventSourceArn=source, FunctionName=function or name
    )
    return str(made["UUID"])


def mapped_to(developer: Developer, name: str) -> list[str]:
    """What the mappings of the queue NAME-incoming name: `orders`, `orders:live`."""
    found = developer.client("lambda").list_event_source_mappings(
        EventSourceArn=f"arn:aws:sqs:us-east-1:123456789012:{name}-incoming"
    )["EventSourceMappings"]
    return [mapping["FunctionArn"].removeprefix(ARN) for mapping in found]


def keep_changing(developer: Developer, uuid: str) -> None:
    """Let Lambda be at work on a mapping for good. A caller cannot."""
    backend = lambda_backends[developer.account.account_id][developer.account.region]
    vars(backend._event_source_mappings[uuid])["transition"] = ("Updating", math.inf)


def put(developer: Developer, name: str, order: str) -> None:
    """Put an order into the queue NAME-incoming."""
    developer.client("sqs").send_message(QueueUrl=queue_url(developer, f"{name}-incoming"), MessageBody=order)


def order(developer: Developer, name: str, mark: str) -> Ran:
    """Put an order into the queue NAME-incoming; what ran for it."""
    put(developer, name, mark)
    return seen(developer, name, mark)


def seen(developer: Developer, name: str, mark: str) -> Ran:
    """Wait for what ran for an event with this mark, as the function told the queue NAME-seen."""
    (found,) = until(lambda: seen_so_far(developer, name, mark), f"an invocation of {name} for {mark}")
    return found


def seen_so_far(developer: Developer, name: str, mark: str) -> list[Ran]:
    """What has run for an event with this mark; what is in the queue stays there."""
    answer = developer.client("sqs").receive_message(
        QueueUrl=queue_url(developer, f"{name}-seen"), MaxNumberOfMessages=10, VisibilityTimeout=0
    )
    told = (ran(message["Body"], mark) for message in answer.get("Messages", []))
    return [each for each in told if each]


def upload_code(developer: Developer, name: str, colour: str, *, by: Any = None, **more: Any) -> str:
    """Change a function's code directly; its new CodeSha256. by: somebody else's client."""
    client = by or developer.client("lambda")
    changed = client.update_function_code(FunctionName=name, ZipFile=package(colour), **more)
    return str(changed["CodeSha256"])


def as_role(developer: Developer, role: str, session: str) -> Any:
    """A client of Lambda in the session of a new role that may do everything."""
    statement = {"Effect": "Allow", "Principal": {"AWS": "123456789012"}, "Action": "sts:AssumeRole"}
    trust = json.dumps({"Version": "2012-10-17", "Statement": [statement]})
    iam = developer.client("iam")
    arn = iam.create_role(RoleName=role, AssumeRolePolicyDocument=trust)["Role"]["Arn"]
    everything = {"Effect": "Allow", "Action": "*", "Resource": "*"}
    document = json.dumps({"Version": "2012-10-17", "Statement": [everything]})
    iam.put_role_policy(RoleName=role, PolicyName="inline", PolicyDocument=document)
    assumed = developer.client("sts").assume_role(RoleArn=arn, RoleSessionName=session)
    return developer.account.client("lambda", access_key_id=assumed["Credentials"]["AccessKeyId"])


def invocations(developer: Developer, function: str) -> int:
    """How often a function has been invoked in the last hour."""
    now = datetime.now(UTC)
    points = developer.client("cloudwatch").get_metric_statistics(
        Namespace=NAMESPACE,
        MetricName="Invocations",
        Dimensions=[{"Name": "FunctionName", "Value": function}],
        StartTime=now - timedelta(hours=1),
        EndTime=now + timedelta(minutes=1),
        Period=60,
        Statistics=["Sum"],
    )["Datapoints"]
    return int(sum(point["Sum"] for point in points))


def sha256(developer: Developer, name: str, qualifier: str = "$LATEST") -> str:
    """The CodeSha256 of what a function runs, or a version or alias of it."""
    found = developer.client("lambda").get_function_configuration(FunctionName=name, Qualifier=qualifier)
    return str(found["CodeSha256"])


def aliases(developer: Developer, name: str) -> dict[str, str]:
    """The versions that a function's aliases point at, by alias."""
    found = developer.client("lambda").list_aliases(FunctionName=name)["Aliases"]
    return {alias["Name"]: alias["FunctionVersion"] for alias in found}


def versions(developer: Developer, name: str) -> list[str]:
    """The numbers of a function's published versions."""
    found = developer.client("lambda").list_versions_by_function(FunctionName=name)["Versions"]
    return [version["Version"] for version in found if version["Version"] != "$LATEST"]


def allowed(developer: Developer, name: str, qualifier: str) -> list[Json]:
    """The statements of an alias's policy."""
    client = developer.client("lambda")
    try:
        policy = client.get_policy(FunctionName=name, Qualifier=qualifier)["Policy"]
    except client.exceptions.ResourceNotFoundException:
        return []
    statements: list[Json] = json.loads(policy)["Statement"]
    return statements
