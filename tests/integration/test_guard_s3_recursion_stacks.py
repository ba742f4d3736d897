"""The function s3_recursion and stacks that complete a loop of which they hold only a part."""

from typing import Any

from tests import sample_events
from tests.integration.local_stacks import Template, body, create
from tests.s3_account import CONTEXT, GUARD, TRUST, S3Account, allow, function_arn

GRANT = {"Statement": [allow("photos/*", Sid="Write")]}
POLICY: Template = {
    "Type": "AWS::IAM::ManagedPolicy",
    "Properties": {"PolicyDocument": GRANT, "Roles": ["thumbnails-role"]},
}
ROLE: Template = {
    "Type": "AWS::IAM::Role",
    "Properties": {
        "RoleName": "writer",
        "AssumeRolePolicyDocument": {"Statement": [TRUST]},
        "Policies": [{"PolicyName": "Write", "PolicyDocument": GRANT}],
    },
}
OWN_FUNCTION: Template = {
    "Type": "AWS::Lambda::Function",
    "Properties": {
        "FunctionName": "own",
        "Runtime": "python3.13",
        "Handler": "index.handler",
        "Role": "arn:aws:iam::123456789012:role/own-role",
        "Code": {"ZipFile": "never runs"},
    },
}


def stack(s3: S3Account, **resources: Template) -> str:
    """A stack of these resources and a function of its own that nothing triggers; its id."""
    s3.role("own-role")
    template = body(Own=OWN_FUNCTION, **resources)
    return create(s3.local, "grants", template, Capabilities=["CAPABILITY_NAMED_IAM"])


def completed(s3: S3Account, stack_id: str) -> list[dict[str, Any]]:
    """The verdicts on the event that a stack is complete."""
    event = sample_events.now(GUARD, "stack-created.violation")
    event["detail"]["stack-id"] = stack_id
    return s3.invoke(event)


def targets(verdicts: list[dict[str, Any]]) -> list[str]:
    return [action["target"] for verdict in verdicts for action in verdict["actions"]]


def test_a_managed_policy_of_a_stack_closes_a_loop_outside_of_it(s3: S3Account) -> None:
    s3.bucket("photos")
    arn = s3.function("thumbnails")
    s3.trigger("photos", "thumbnails")
    grants = stack(s3, Grant=POLICY)

    assert targets(completed(s3, grants)) == [arn]


def test_a_role_of_a_stack_closes_a_loop_of_a_function_outside_of_it(s3: S3Account) -> None:
    s3.bucket("photos")
    grants = stack(s3, Writer=ROLE)
    arn = s3.function("thumbnails", role="arn:aws:iam::123456789012:role/writer")
    s3.trigger("photos", "thumbnails")

    assert targets(completed(s3, grants)) == [arn]


def test_who_deployed_the_stack_is_to_be_asked_for_by_its_name(s3: S3Account) -> None:
    s3.bucket("photos")
    s3.function("thumbnails")
    s3.trigger("photos", "thumbnails")
    grants = stack(s3, Grant=POLICY)

    [verdict] = completed(s3, grants)

    assert verdict["finding"]["resource"]["stack_id"] == grants
    assert verdict["finding"]["actor"] is None
    question = {"task": "report", "verdict": s3.remediate(verdict)}
    assert "AttributeKey=ResourceName,AttributeValue=grants" in s3.app.handler(question, CONTEXT)["message"]


def test_a_capped_function_outside_of_a_stack_was_not_changed_by_it(s3: S3Account) -> None:
    s3.loop()
    [verdict] = s3.notified()
    s3.remediate(verdict, hours_ago=1)
    s3.functions.delete_function_concurrency(FunctionName="thumbnails")
    unrelated = stack(s3)

    [again] = completed(s3, unrelated)

    assert targets([again]) == [function_arn("thumbnails")]
    assert again["finding"]["resource"]["stack_id"] is None
    assert again["finding"]["evidence"]["who"].startswith("Not known")
