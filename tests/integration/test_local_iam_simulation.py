"""IAM's policy simulator: what it decides, by which statements, and what it says it was not told."""

import json
from typing import Any

import pytest
from botocore.exceptions import ClientError

from local.account import LocalAccount
from tests.integration.conftest import role

TRUST = "{}"
IN, OUT = "arn:aws:s3:::orders/in/1", "arn:aws:s3:::orders/out/1"


def document(*statements: dict[str, Any]) -> str:
    return json.dumps({"Version": "2012-10-17", "Statement": list(statements)})


def statement(effect: str, resource: str, action: str = "s3:PutObject", **more: Any) -> dict[str, Any]:
    return {"Effect": effect, "Action": action, "Resource": resource, **more}


def simulate(account: LocalAccount, source: str, *resources: str, **parameters: Any) -> dict[str, Any]:
    """The one result of one action."""
    wanted = {"ActionNames": ["s3:PutObject"], **parameters}
    if resources:
        wanted["ResourceArns"] = list(resources)
    [result] = account.client("iam").simulate_principal_policy(PolicySourceArn=source, **wanted)[
        "EvaluationResults"
    ]
    return dict(result)


def refusal(account: LocalAccount, **parameters: Any) -> tuple[str, int]:
    wanted = {"ActionNames": ["s3:PutObject"], **parameters}
    with pytest.raises(ClientError) as refused:
        account.client("iam").simulate_principal_policy(**wanted)
    error = refused.value.response
    return error["Error"]["Code"], error["ResponseMetadata"]["HTTPStatusCode"]


def test_one_result_per_action_holds_the_results_of_each_resource(account: LocalAccount) -> None:
    writer = role(account, "writer", document(statement("Allow", "arn:aws:s3:::orders/out/*")))
    result = simulate(account, writer, OUT, IN)
    assert result["EvalActionName"] == "s3:PutObject"
    assert result["EvalResourceName"] == "arn:${Partition}:s3:::${BucketName}/${KeyName}"
    assert result["EvalDecision"] == "implicitDeny"
    assert [
        (it["EvalResourceName"], it["EvalResourceDecision"]) for it in result["ResourceSpecificResults"]
    ] == [(OUT, "allowed"), (IN, "implicitDeny")]


def test_without_resources_the_question_is_about_all_of_them(account: LocalAccount) -> None:
    writer = role(account, "writer", document(statement("Allow", "arn:aws:s3:::orders/*")))
    result = simulate(account, writer)
    assert (result["EvalResourceName"], result["EvalDecision"]) == ("*", "implicitDeny")
    assert "ResourceSpecificResults" not in result


def test_the_statement_that_allows_is_named_and_found_in_the_text(account: LocalAccount) -> None:
    text = document(statement("Allow", "arn:aws:s3:::other/*"), statement("Allow", "arn:aws:s3:::orders/*"))
    writer = role(account, "writer", text)
    [match] = simulate(account, writer, IN)["MatchedStatements"]
    assert (match["SourcePolicyId"], match["SourcePolicyType"]) == ("role_writer_inline", "IAM Policy")
    start, end = (match[name]["Column"] for name in ("StartPosition", "EndPosition"))
    assert json.loads(text[start - 1 : end - 1]) == statement("Allow", "arn:aws:s3:::orders/*")


def test_positions_count_lines(account: LocalAccount) -> None:
    text = json.dumps(json.loads(document(statement("Allow", "*"))), indent=2)
    [match] = simulate(account, role(account, "writer", text), IN)["MatchedStatements"]
    assert match["StartPosition"] == {"Line": 4, "Column": 5}


def test_an_explicit_deny_is_the_only_statement_named(account: LocalAccount) -> None:
    writer = role(
        account, "writer", document(statement("Allow", "*"), statement("Deny", "arn:aws:s3:::orders/*"))
    )
    result = simulate(account, writer, IN)
    assert result["EvalDecision"] == "explicitDeny"
    assert len(result["MatchedStatements"]) == 1


def test_attached_policies_count_in_their_default_version(account: LocalAccount) -> None:
    iam = account.client("iam")
    writer = role(account, "writer", document(statement("Allow", "arn:aws:s3:::other/*")))
    policy = iam.create_policy(PolicyName="writes", PolicyDocument=document(statement("Allow", "*")))
    iam.attach_role_policy(RoleName="writer", PolicyArn=policy["Policy"]["Arn"])
    [match] = simulate(account, writer, IN)["MatchedStatements"]
    assert match["SourcePolicyId"] == "writes"
    iam.create_policy_version(
        PolicyArn=policy["Policy"]["Arn"], PolicyDocument=document(statement("Deny", "*")), SetAsDefault=True
    )
    assert simulate(account, writer, IN)["EvalDecision"] == "explicitDeny"


def test_the_boundary_of_the_role_limits_it(account: LocalAccount) -> None:
    iam = account.client("iam")
    writer = role(account, "writer", document(statement("Allow", "*")))
    assert "PermissionsBoundaryDecisionDetail" not in simulate(account, writer, IN)
    boundary = iam.create_policy(
        PolicyName="boundary", PolicyDocument=document(statement("Allow", "arn:aws:s3:::orders/out/*"))
    )["Policy"]["Arn"]
    iam.put_role_permissions_boundary(RoleName="writer", PermissionsBoundary=boundary)
    result = simulate(account, writer, IN)
    assert result["EvalDecision"] == "implicitDeny"
    assert result["PermissionsBoundaryDecisionDetail"] == {"AllowedByPermissionsBoundary": False}
    assert simulate(account, writer, OUT)["EvalDecision"] == "allowed"


def test_another_boundary_may_be_tried(account: LocalAccount) -> None:
    writer = role(account, "writer", document(statement("Allow", "*")))
    tried = [document(statement("Allow", "arn:aws:s3:::orders/out/*"))]
    result = simulate(account, writer, IN, PermissionsBoundaryPolicyInputList=tried)
    assert result["EvalDecision"] == "implicitDeny"


def test_policies_that_are_given_count_too(account: LocalAccount) -> None:
    writer = role(account, "writer", document(statement("Allow", "*")))
    result = simulate(account, writer, IN, PolicyInputList=[document(statement("Deny", IN))])
    assert result["EvalDecision"] == "explicitDeny"
    assert result["MatchedStatements"][0]["SourcePolicyId"] == "PolicyInputList.1"


def entry(name: str, *values: str, type: str = "string") -> dict[str, Any]:
    return {"ContextKeyName": name, "ContextKeyValues": list(values), "ContextKeyType": type}


def test_a_condition_is_judged_by_the_context_given(account: LocalAccount) -> None:
    tls = {"Bool": {"aws:SecureTransport": "true"}}
    writer = role(account, "writer", document(statement("Allow", "*", Condition=tls)))
    without = simulate(account, writer, IN)
    assert without["EvalDecision"] == "implicitDeny"
    assert without["MissingContextValues"] == ["aws:SecureTransport"]
    given = simulate(
        account, writer, IN, ContextEntries=[entry("aws:securetransport", "true", type="boolean")]
    )
    assert (given["EvalDecision"], given["MissingContextValues"]) == ("allowed", [])


def test_variables_take_their_value_from_the_context(account: LocalAccount) -> None:
    writer = role(
        account, "writer", document(statement("Allow", "arn:aws:s3:::orders/${aws:PrincipalTag/area}/*"))
    )
    assert simulate(account, writer, IN)["MissingContextValues"] == ["aws:PrincipalTag/area"]
    given = simulate(account, writer, IN, ContextEntries=[entry("aws:PrincipalTag/area", "in")])
    assert given["EvalDecision"] == "allowed"


def test_missing_context_is_told_of_every_policy(account: LocalAccount) -> None:
    other = statement("Allow", "*", "sqs:*", Condition={"StringEquals": {"aws:SourceVpc": "vpc-1"}})
    writer = role(account, "writer", document(statement("Allow", "*"), other))
    [of_resource] = simulate(account, writer, IN)["ResourceSpecificResults"]
    assert of_resource["EvalResourceDecision"] == "allowed"
    assert of_resource["MissingContextValues"] == ["aws:SourceVpc"]


def test_pages_count_actions(account: LocalAccount) -> None:
    writer = role(account, "writer", document(statement("Allow", "*", "s3:*")))
    actions = ["s3:PutObject", "s3:GetObject", "s3:DeleteObject"]
    iam = account.client("iam")
    first = iam.simulate_principal_policy(PolicySourceArn=writer, ActionNames=actions, MaxItems=2)
    assert first["IsTruncated"] is True
    pages = iam.get_paginator("simulate_principal_policy").paginate(
        PolicySourceArn=writer, ActionNames=actions, PaginationConfig={"PageSize": 1}
    )
    assert [it["EvalActionName"] for page in pages for it in page["EvaluationResults"]] == actions


def test_a_user_has_the_policies_of_its_groups(account: LocalAccount) -> None:
    iam = account.client("iam")
    user = iam.create_user(UserName="ann")["User"]["Arn"]
    iam.create_group(GroupName="writers")
    iam.put_group_policy(
        GroupName="writers", PolicyName="p", PolicyDocument=document(statement("Allow", "*"))
    )
    iam.add_user_to_group(GroupName="writers", UserName="ann")
    [match] = simulate(account, user, IN)["MatchedStatements"]
    assert match["SourcePolicyId"] == "group_writers_p"


def test_a_resource_policy_speaks_to_a_user_that_it_names(account: LocalAccount) -> None:
    user = account.client("iam").create_user(UserName="ann")["User"]["Arn"]
    grant = document(statement("Allow", "arn:aws:s3:::orders/*", Principal={"AWS": user}))
    assert simulate(account, user, IN, ResourcePolicy=grant)["EvalDecision"] == "allowed"
    other = grant.replace("user/ann", "user/bob")
    assert simulate(account, user, IN, ResourcePolicy=other)["EvalDecision"] == "implicitDeny"


def test_what_cannot_be_simulated_is_refused(account: LocalAccount) -> None:
    writer = role(account, "writer", document(statement("Allow", "*")))
    gone = "arn:aws:iam::123456789012:role/gone"
    assert refusal(account, PolicySourceArn=gone) == ("NoSuchEntity", 404)
    assert refusal(account, PolicySourceArn="arn:aws:iam::123456789012:policy/p") == ("InvalidInput", 400)
    assert refusal(account, PolicySourceArn=writer, ResourcePolicy=document()) == ("InvalidInput", 400)
    assert refusal(account, PolicySourceArn=writer, PolicyInputList=["{"]) == ("InvalidInput", 400)
    assert refusal(account, PolicySourceArn=writer, ResourceArns=["orders"]) == ("InvalidInput", 400)


def test_custom_policies_are_simulated_alone(account: LocalAccount) -> None:
    [result] = account.client("iam").simulate_custom_policy(
        PolicyInputList=[document(statement("Allow", "arn:aws:s3:::orders/*"))],
        ActionNames=["s3:PutObject"],
        ResourceArns=[IN],
    )["EvaluationResults"]
    assert result["EvalDecision"] == "allowed"
    assert result["MatchedStatements"][0]["SourcePolicyId"] == "PolicyInputList.1"
