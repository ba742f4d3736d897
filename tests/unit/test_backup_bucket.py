"""The bucket of backups in template.yaml, by the parameters that it is made with."""

from typing import Any

import pytest

from local.cloudformation.intrinsics import Evaluator
from tests import template

BUCKET = "UnbackedStreamBucket"


def evaluated(node: Any, **given: str) -> Any:
    """A part of the template with these parameters, and the others as they are by default."""
    document = template.template()
    defaults = {name: str(parameter["Default"]) for name, parameter in document["Parameters"].items()}
    return Evaluator(
        document,
        parameters={**defaults, **given, "AWS::Region": "us-east-1"},
        exports={},
        ref=lambda name: name,
        attribute=lambda name, key: f"{name}.{key}",
    ).value(node)


def bucket(**given: str) -> dict[str, Any]:
    """The properties of the bucket."""
    return dict(evaluated(template.template()["Resources"][BUCKET]["Properties"], **given))


def where(**given: str) -> str:
    """Where the guard sends backups, and what Firehose may write to."""
    resources = template.template()["Resources"]
    variables = resources["UnbackedStreamFunction"]["Properties"]["Environment"]["Variables"]
    [policy] = resources["UnbackedStreamFirehoseRole"]["Properties"]["Policies"]
    allowed = [
        evaluated(statement["Resource"], **given)
        for statement in policy["PolicyDocument"]["Statement"]
        if any(action.startswith("s3:") for action in statement["Action"])
    ]
    arn = str(evaluated(variables["STACKWARDEN_BACKUP_BUCKET_ARN"], **given))
    assert allowed == [arn, f"{arn}/*"]
    return arn


def test_nobody_else_gets_in_and_nothing_is_lost_by_overwriting() -> None:
    made = bucket()

    assert all(made["PublicAccessBlockConfiguration"].values())
    assert len(made["PublicAccessBlockConfiguration"]) == 4
    assert made["OwnershipControls"]["Rules"] == [{"ObjectOwnership": "BucketOwnerEnforced"}]
    assert made["VersioningConfiguration"] == {"Status": "Enabled"}
    assert "BucketName" not in made  # one template for several Regions


def test_nothing_gets_in_or_out_without_tls() -> None:
    [statement] = template.template()["Resources"]["UnbackedStreamBucketPolicy"]["Properties"][
        "PolicyDocument"
    ]["Statement"]

    assert (statement["Effect"], statement["Principal"], statement["Action"]) == ("Deny", "*", "s3:*")
    assert statement["Condition"] == {"Bool": {"aws:SecureTransport": "false"}}
    assert evaluated(statement["Resource"]) == [f"{BUCKET}.Arn", f"{BUCKET}.Arn/*"]


def test_backups_move_to_the_colder_class() -> None:
    rules = bucket(UnbackedStreamColdAfterDays="30", UnbackedStreamColdClass="STANDARD_IA")

    _, colder = rules["LifecycleConfiguration"]["Rules"]
    [transition] = colder["Transitions"]
    assert (transition["StorageClass"], int(transition["TransitionInDays"])) == ("STANDARD_IA", 30)


def test_backups_stay_where_they_are_after_no_days() -> None:
    [rule] = bucket(UnbackedStreamColdAfterDays="0")["LifecycleConfiguration"]["Rules"]

    assert "Transitions" not in rule
    assert not {"ExpirationInDays", "ExpirationDate"} & set(rule)


@pytest.mark.parametrize("days", ["0", "7"])
def test_backups_are_locked_only_if_told(days: str) -> None:
    made = bucket(UnbackedStreamLockDays=days)

    locked = made.get("ObjectLockConfiguration", {}).get("Rule", {}).get("DefaultRetention")
    assert locked == ({"Mode": "GOVERNANCE", "Days": "7"} if days == "7" else None)
    assert made.get("ObjectLockEnabled", False) is (days == "7")


def test_backups_go_where_the_parameter_says() -> None:
    elsewhere = "arn:aws:s3:::log-archive"
    conditions = {
        name: template.template()["Resources"][name]["Condition"] for name in (BUCKET, f"{BUCKET}Policy")
    }

    assert where() == f"{BUCKET}.Arn"
    assert where(UnbackedStreamBucketArn=elsewhere) == elsewhere
    assert set(conditions.values()) == {"UnbackedStreamOwnBucket"}
