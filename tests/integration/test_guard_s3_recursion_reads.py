"""The function s3_recursion on real resources: what it reads, how often, and what it cannot read."""

import json
from collections.abc import Callable
from typing import Any

import pytest
from botocore.exceptions import ClientError

from stackwarden import aws
from tests import s3_account, sample_events
from tests.conftest import STATE_MACHINE
from tests.fakes import client_error
from tests.s3_account import BASIC, GUARD, S3Account, allow, bucket_arn, document, function_arn, to


class TestGone:
    def test_a_function_that_was_deleted_meanwhile(self, s3: S3Account) -> None:
        s3.loop()
        s3.functions.delete_function(FunctionName="thumbnails")

        assert s3.notified() == []
        assert s3.updated() == []

    def test_a_role_that_was_deleted_meanwhile(self, s3: S3Account) -> None:
        s3.loop()
        s3.iam.delete_role_policy(RoleName="thumbnails-role", PolicyName="inline")
        s3.iam.delete_role(RoleName="thumbnails-role")

        assert s3.notified() == []
        assert s3.happens("put-role-policy.violation") == []

    @pytest.mark.parametrize(
        "case",
        [
            "subscribe.violation",
            "put-rule.violation",
            "update-event-source-mapping.violation",
            "create-policy-version.violation",
            "create-alias.violation",
        ],
    )
    def test_whatever_an_event_points_at_may_be_gone(self, s3: S3Account, case: str) -> None:
        assert s3.happens(case) == []


class TestPoliciesThatGoMeanwhile:
    """Between its listing and its reading a policy goes; the rest of the role still closes the loop."""

    def meanwhile(self, call: str, change: Callable[[], object]) -> None:
        """Let something happen right after the guard's first call of this name."""
        todo = [change]

        def answer(**_: Any) -> None:
            if todo:
                todo.pop()()

        aws.client("iam").meta.events.register(f"after-call.iam.{call}", answer)

    def policy(self, s3: S3Account, name: str) -> str:
        """A managed policy about nothing of the loop; its ARN."""
        made = s3.iam.create_policy(PolicyName=name, PolicyDocument=document(allow("elsewhere/*")))
        return str(made["Policy"]["Arn"])

    def test_an_inline_policy_that_was_deleted(self, s3: S3Account) -> None:
        s3.loop()
        s3.permit("thumbnails-role", allow("elsewhere/*"), name="also")
        self.meanwhile(
            "ListRolePolicies",
            lambda: s3.iam.delete_role_policy(RoleName="thumbnails-role", PolicyName="also"),
        )

        [verdict] = s3.notified()

        assert verdict["next"] == "act"
        assert "also" not in s3.iam.list_role_policies(RoleName="thumbnails-role")["PolicyNames"]

    def test_a_managed_policy_that_was_deleted(self, s3: S3Account) -> None:
        s3.loop()
        arn = self.policy(s3, "also")
        s3.iam.attach_role_policy(RoleName="thumbnails-role", PolicyArn=arn)

        def delete() -> None:
            s3.iam.detach_role_policy(RoleName="thumbnails-role", PolicyArn=arn)
            s3.iam.delete_policy(PolicyArn=arn)

        self.meanwhile("ListAttachedRolePolicies", delete)

        [verdict] = s3.notified()

        assert verdict["next"] == "act"
        assert "iam:GetPolicy" in s3.calls.made

    def test_a_managed_policy_of_which_another_version_became_the_default(self, s3: S3Account) -> None:
        s3.bucket("photos")
        arn = self.policy(s3, "write")
        s3.function("thumbnails", role=s3.role("thumbnails-role", managed=(arn,)))
        s3.trigger("photos", "thumbnails")

        def replace() -> None:
            text = document(allow("photos/*"))
            s3.iam.create_policy_version(PolicyArn=arn, PolicyDocument=text, SetAsDefault=True)
            s3.iam.delete_policy_version(PolicyArn=arn, VersionId="v1")

        self.meanwhile("GetPolicy", replace)

        [verdict] = s3.notified()

        assert verdict["next"] == "act"

    def test_a_boundary_that_was_taken_off_and_deleted(self, s3: S3Account) -> None:
        s3.loop()
        arn = self.policy(s3, "limit")
        s3.iam.put_role_permissions_boundary(RoleName="thumbnails-role", PermissionsBoundary=arn)

        def delete() -> None:
            s3.iam.delete_role_permissions_boundary(RoleName="thumbnails-role")
            s3.iam.delete_policy(PolicyArn=arn)

        self.meanwhile("GetRole", delete)

        [verdict] = s3.notified()

        assert verdict["next"] == "act"
        assert "iam:GetPolicy" in s3.calls.made

    def test_a_cap_is_kept_while_the_rest_of_the_role_closes_the_loop(self, s3: S3Account) -> None:
        s3.loop()
        [verdict] = s3.notified()
        s3.remediate(verdict, hours_ago=1)
        s3.permit("thumbnails-role", allow("elsewhere/*"), name="also")
        self.meanwhile(
            "ListRolePolicies",
            lambda: s3.iam.delete_role_policy(RoleName="thumbnails-role", PolicyName="also"),
        )

        assert s3.notified() == []


class TestBlind:
    @pytest.mark.parametrize(
        ("denied", "named"),
        [
            ("iam:GetRolePolicy", "GetRolePolicy"),
            ("iam:SimulatePrincipalPolicy", "SimulatePrincipalPolicy"),
            ("s3:GetBucketNotification", "GetBucketNotification"),
            ("lambda:GetFunctionConfiguration", "GetFunctionConfiguration"),
            ("dynamodb:Query", "Query"),
        ],
    )
    def test_a_read_that_is_denied_is_told(self, s3: S3Account, denied: str, named: str) -> None:
        s3.loop()
        no = {"Effect": "Deny", "Action": denied, "Resource": "*"}
        s3.permit("stackwarden-guard", no, name="denied")

        [verdict] = s3.notified()

        assert (verdict["finding"]["hazard"], verdict["outcome"]) == ("blind", "failed")
        assert named in verdict["finding"]["title"]

    def test_a_loop_that_was_found_before_is_capped_all_the_same(self, s3: S3Account) -> None:
        s3.bucket("photos", "vault")
        s3.function("thumbnails", allow("photos/*.jpg"))
        s3.function("gallery", allow("vault/*"))
        s3.let_in("thumbnails", bucket_arn("photos"))
        s3.let_in("gallery", bucket_arn("photos"))
        s3.notify(
            "photos",
            to(function_arn("thumbnails"), suffix=".jpg", name="jpg"),
            to(function_arn("gallery"), suffix=".png", name="png"),
        )
        no = {"Effect": "Deny", "Action": "s3:GetBucketNotification", "Resource": bucket_arn("vault")}
        s3.permit("stackwarden-guard", no, name="denied")

        found, blind = s3.notified()

        assert [action["target"] for action in found["actions"]] == [function_arn("thumbnails")]
        assert (blind["finding"]["hazard"], blind["outcome"]) == ("blind", "failed")

    def test_a_denied_read_on_judging_again_fails_the_remediation(self, s3: S3Account) -> None:
        s3.loop()
        [verdict] = s3.notified()
        no = {"Effect": "Deny", "Action": "iam:ListRolePolicies", "Resource": "*"}
        s3.permit("stackwarden-guard", no, name="denied")

        judged = s3.judge(verdict)

        assert (judged["next"], judged["outcome"]) == ("done", "failed")
        assert judged["finding"]["evidence"]["denied"].startswith("ListRolePolicies:")

    def test_what_stays_an_error_fails_the_invocation(self, s3: S3Account) -> None:
        s3.loop()

        def break_(parsed: dict[str, Any], **_: Any) -> None:
            raise client_error("ServiceFailure", "SimulatePrincipalPolicy")

        aws.client("iam").meta.events.register("after-call.iam.SimulatePrincipalPolicy", break_)

        with pytest.raises(ClientError, match="ServiceFailure"):
            s3.notified()


class TestExemptions:
    def exempt(self, s3: S3Account, name: str) -> None:
        text = json.dumps(
            {
                "requested_by": "developer",
                "approved_by": "security",
                "reason": "it ends by itself",
                "until": sample_events.ahead(days=30),
            }
        )
        s3.local.client("ssm").put_parameter(
            Name=f"/stackwarden/exemptions/{GUARD}/{name}", Type="String", Value=text
        )

    @pytest.mark.parametrize("name", ["thumbnails", "photos"])
    def test_a_function_or_its_bucket_may_be_exempt(self, s3: S3Account, name: str) -> None:
        s3.loop()
        self.exempt(s3, name)

        [verdict] = s3.notified()

        assert (verdict["next"], verdict["outcome"], verdict["actions"]) == ("done", "exempt", [])
        assert verdict["finding"]["exemption"]["approved_by"] == "security"

    def test_another_function_is_not_exempt_with_it(self, s3: S3Account) -> None:
        s3.loop()
        self.exempt(s3, "gallery")

        [verdict] = s3.notified()

        assert verdict["next"] == "act"


class TestReadCalls:
    """An event that is no hazard costs eight read calls at most, since policies have to be read."""

    @pytest.fixture
    def harmless(self, s3: S3Account) -> str:
        """A function with the usual role, which writes into another bucket than the one that triggers it."""
        s3.bucket("photos", "thumbs")
        role = s3.role("thumbnails-role", allow("thumbs/*"), managed=(BASIC,))
        arn = s3.function("thumbnails", role=role)
        s3.trigger("photos", "thumbnails")
        return arn

    @pytest.mark.parametrize(
        "case",
        [
            "put-bucket-notification.violation",
            "add-permission.violation",
            "create-function.violation",
            "update-function-configuration.violation",
            "delete-function-concurrency.violation",
        ],
    )
    def test_no_hazard_takes_eight_at_most(self, s3: S3Account, harmless: str, case: str) -> None:
        assert s3.happens(case) == []
        assert len(s3.calls.made) <= 8, s3.calls.made

    @pytest.mark.parametrize(
        "case",
        [
            "put-bucket-notification-old.ignored",
            "put-bucket-notification-replayed.ignored",
            "put-bucket-notification-failed.ignored",
            "put-function-concurrency-by-own-role.ignored",
        ],
    )
    def test_an_event_that_is_ignored_reads_nothing(self, s3: S3Account, case: str) -> None:
        assert s3.invoke(sample_events.now(GUARD, case)) == []
        assert s3.calls.made == []

    def test_every_bucket_is_listed_without_a_prefix(self, s3: S3Account, harmless: str) -> None:
        asked: list[dict[str, Any]] = []
        aws.client("s3").meta.events.register(
            "provide-client-params.s3.ListBuckets", lambda params, **_: asked.append(params)
        )
        s3.permit("thumbnails-role", allow("*"))

        s3.notified()

        assert [sorted(params) for params in asked] == [["BucketRegion"]]

    def test_a_role_of_another_service_takes_two(self, s3: S3Account) -> None:
        trust = {"Effect": "Allow", "Principal": {"Service": "ec2.amazonaws.com"}, "Action": "sts:AssumeRole"}
        s3.iam.create_role(RoleName="ec2-role", AssumeRolePolicyDocument=document(trust))

        assert s3.happens("put-role-policy-of-another-service.compliant") == []
        assert len(s3.calls.made) == 2


def test_a_malformed_event_fails_the_invocation(s3: S3Account) -> None:
    with pytest.raises(ValueError, match="userIdentity"):
        s3.invoke(sample_events.now(GUARD, "put-bucket-notification-identity-missing.malformed"))


def test_the_same_event_twice_starts_one_execution(s3: S3Account) -> None:
    s3.loop()
    event = sample_events.now(GUARD, "put-bucket-notification.violation")

    assert s3.invoke(event) == s3.invoke(event)
    assert len(s3.stepfunctions.list_executions(stateMachineArn=STATE_MACHINE)["executions"]) == 1


def test_the_report_is_written_by_the_same_function(s3: S3Account) -> None:
    s3.loop()
    [verdict] = s3.notified()

    answer = s3.app.handler(
        {"task": "report", "verdict": verdict | {"outcome": "failed"}}, s3_account.CONTEXT
    )

    assert answer["subject"].startswith("[Stackwarden] FAILED test: ")
    assert "thumbnails" in answer["subject"]
