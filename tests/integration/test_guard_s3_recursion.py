"""The function s3_recursion on real resources: which loops it proves, and which it rules out."""

from typing import Any

import pytest

from local.account import LocalAccount
from stackwarden import aws
from tests import s3_account
from tests.s3_account import (
    BASIC,
    REMOVED,
    TRUST,
    S3Account,
    allow,
    bucket_arn,
    deny,
    document,
    function_arn,
    settle,
    to,
)

OTHER_ACCOUNT = "210987654321"


def hop(verdict: dict[str, Any]) -> dict[str, Any]:
    [only] = verdict["finding"]["evidence"]["hops"]
    return dict(only)


def key(verdict: dict[str, Any]) -> str:
    """The witness: the key of the object that closes a loop of one hop."""
    return str(hop(verdict)["object"]).split("/", 1)[1]


class TestProof:
    def test_a_function_that_triggers_itself_is_capped(self, s3: S3Account) -> None:
        arn = s3.loop()

        [verdict] = s3.notified()

        assert verdict["next"] == "act"
        [cap] = verdict["actions"]
        assert (cap["kind"], cap["target"]) == ("cap-concurrency", arn)
        assert (cap["parameters"], cap["before"]) == ({"reserved": 10}, {"reserved": None})
        assert verdict["finding"]["severity"] == "HIGH"
        assert verdict["finding"]["evidence"]["grade"] == "proven"
        assert verdict["finding"]["resource"]["name"] == "thumbnails"
        assert "statement Write of inline policy inline" in hop(verdict)["statement"]

    def test_the_witness_passes_the_filter_and_the_policy(self, s3: S3Account) -> None:
        s3.bucket("photos")
        s3.function("thumbnails", allow("photos/in/*-small*"))
        s3.trigger("photos", "thumbnails", prefix="in/2026/", suffix=".jpg")

        [verdict] = s3.notified()

        witness = key(verdict)
        assert witness.startswith("in/2026/")
        assert witness.endswith(".jpg")
        assert "-small" in witness.removeprefix("in/")

    def test_a_prefix_that_cannot_overlap_is_no_loop(self, s3: S3Account) -> None:
        s3.bucket("photos")
        s3.function("thumbnails", allow("photos/out/*"))
        s3.trigger("photos", "thumbnails", prefix="in/")

        assert s3.notified() == []

    def test_a_suffix_that_the_function_may_not_write_is_no_loop(self, s3: S3Account) -> None:
        s3.bucket("photos")
        s3.function("thumbnails", allow("photos/*.png"))
        s3.trigger("photos", "thumbnails", suffix=".jpg")

        assert s3.notified() == []

    def test_a_bucket_with_the_same_beginning_is_another_one(self, s3: S3Account) -> None:
        s3.bucket("photos", "photos-small")
        s3.function("thumbnails", allow("photos-small/*"))
        s3.trigger("photos", "thumbnails")

        assert s3.notified() == []

    def test_only_a_call_that_raises_the_event_closes_the_loop(self, s3: S3Account) -> None:
        s3.bucket("photos")
        s3.function("thumbnails", allow("photos/*", "s3:PutObject"))
        s3.trigger("photos", "thumbnails", REMOVED)
        assert s3.notified() == []

        s3.permit("thumbnails-role", allow("photos/*", "s3:DeleteObject"))
        [verdict] = s3.notified()

        assert (hop(verdict)["action"], hop(verdict)["event"]) == (
            "s3:DeleteObject",
            "s3:ObjectRemoved:Delete",
        )

    def test_an_explicit_deny_ends_it(self, s3: S3Account) -> None:
        s3.bucket("photos")
        s3.function("thumbnails", allow("photos/*"), deny("photos/in/*"))
        s3.trigger("photos", "thumbnails", prefix="in/")

        assert s3.notified() == []

    def test_a_deny_of_a_part_leaves_a_witness_beside_it(self, s3: S3Account) -> None:
        s3.bucket("photos")
        s3.function("thumbnails", allow("photos/*"), deny("photos/in/a*"))
        s3.trigger("photos", "thumbnails", prefix="in/")

        [verdict] = s3.notified()

        assert key(verdict).startswith("in/")
        assert not key(verdict).startswith("in/a")

    def test_a_boundary_that_leaves_the_bucket_out_ends_it(self, s3: S3Account) -> None:
        s3.loop()
        elsewhere = s3.iam.create_policy(
            PolicyName="limit", PolicyDocument=document(allow("elsewhere/*", "s3:*"))
        )
        s3.iam.put_role_permissions_boundary(
            RoleName="thumbnails-role", PermissionsBoundary=elsewhere["Policy"]["Arn"]
        )

        assert s3.notified() == []

    def test_a_boundary_that_holds_the_bucket_does_not(self, s3: S3Account) -> None:
        s3.loop()
        here = s3.iam.create_policy(PolicyName="limit", PolicyDocument=document(allow("photos/*", "s3:*")))
        s3.iam.put_role_permissions_boundary(
            RoleName="thumbnails-role", PermissionsBoundary=here["Policy"]["Arn"]
        )

        assert len(s3.notified()) == 1

    def test_a_bucket_policy_that_lets_the_role_write_closes_it(self, s3: S3Account) -> None:
        s3.bucket("photos")
        s3.function("thumbnails", role=s3.role("thumbnails-role", managed=(BASIC,)))
        s3.trigger("photos", "thumbnails")
        assert s3.notified() == []

        principal = {"AWS": f"arn:aws:iam::{s3_account.ACCOUNT}:role/thumbnails-role"}
        s3.s3.put_bucket_policy(
            Bucket="photos", Policy=document(allow("photos/*", Sid="Workers", Principal=principal))
        )
        [verdict] = s3.notified()

        assert hop(verdict)["statement"] == "statement Workers of the policy of bucket photos"

    def test_a_bucket_policy_that_keeps_the_role_out_ends_it(self, s3: S3Account) -> None:
        s3.loop()
        s3.s3.put_bucket_policy(Bucket="photos", Policy=document(deny("photos/*", Principal="*")))

        assert s3.notified() == []

    def test_a_bucket_that_is_left_out_by_not_resource_is_no_loop(self, s3: S3Account) -> None:
        s3.bucket("photos")
        outside = {"Effect": "Allow", "Action": "s3:PutObject", "NotResource": "arn:aws:s3:::photos/in/*"}
        s3.function("thumbnails", outside)
        s3.trigger("photos", "thumbnails", prefix="in/")

        assert s3.notified() == []

    def test_a_tag_of_the_role_decides_where_a_policy_names_it(self, s3: S3Account) -> None:
        s3.bucket("photos")
        s3.function("thumbnails", allow("photos/${aws:PrincipalTag/team}/*"))
        s3.trigger("photos", "thumbnails", prefix="in/")
        s3.iam.tag_role(RoleName="thumbnails-role", Tags=[{"Key": "team", "Value": "out"}])
        assert s3.notified() == []

        s3.iam.tag_role(RoleName="thumbnails-role", Tags=[{"Key": "team", "Value": "in"}])

        assert len(s3.happens("put-role-policy.violation")) == 1

    def test_a_role_may_have_a_path(self, s3: S3Account) -> None:
        trust = document(TRUST)
        made = s3.iam.create_role(RoleName="workers", Path="/team/a/", AssumeRolePolicyDocument=trust)
        s3.permit("workers", allow("photos/*"))
        s3.bucket("photos")
        arn = s3.function("thumbnails", role=made["Role"]["Arn"])
        s3.trigger("photos", "thumbnails")

        [verdict] = s3.happens("put-role-policy.violation", roleName="workers")

        assert [action["target"] for action in verdict["actions"]] == [arn]

    def test_of_functions_that_share_a_role_only_the_one_that_is_triggered(self, s3: S3Account) -> None:
        arn = s3.loop()
        s3.function("gallery", role=f"arn:aws:iam::{s3_account.ACCOUNT}:role/thumbnails-role")

        [verdict] = s3.happens("put-role-policy.violation")

        assert [action["target"] for action in verdict["actions"]] == [arn]
        assert s3.updated("gallery") == []

    def test_what_iam_refuses_is_no_loop(self, s3: S3Account) -> None:
        """A service control policy, say, which nobody in the account can read."""
        s3.loop()

        def refuse(parsed: dict[str, Any], **_: Any) -> None:
            for result in parsed["EvaluationResults"]:
                result["EvalDecision"] = "implicitDeny"

        aws.client("iam").meta.events.register("after-call.iam.SimulatePrincipalPolicy", refuse)

        assert s3.notified() == []
        assert "iam:SimulatePrincipalPolicy" in s3.calls.made

    def test_two_triggers_of_one_bucket_are_one_loop(self, s3: S3Account) -> None:
        s3.bucket("photos")
        s3.function("thumbnails", allow("photos/*"))
        s3.let_in("thumbnails", bucket_arn("photos"))
        s3.notify(
            "photos",
            to(function_arn("thumbnails"), suffix=".jpg", name="jpg"),
            to(function_arn("thumbnails"), suffix=".png", name="png"),
        )

        assert len(s3.notified()) == 1

    def test_two_buckets_that_trigger_a_function_are_two_loops(self, s3: S3Account) -> None:
        s3.bucket("photos", "films")
        s3.function("thumbnails", allow("photos/*"), allow("films/*"))
        s3.trigger("photos", "thumbnails")
        s3.trigger("films", "thumbnails")

        verdicts = s3.updated()

        assert len({verdict["finding"]["id"] for verdict in verdicts}) == 2
        assert {hop(verdict)["object"].split("/")[0] for verdict in verdicts} == {
            "arn:aws:s3:::photos",
            "arn:aws:s3:::films",
        }


class TestWildcards:
    @pytest.fixture
    def possible(self, s3: S3Account) -> str:
        s3.bucket("photos")
        arn = s3.function("thumbnails", {"Effect": "Allow", "Action": "s3:*", "Resource": "*"})
        s3.trigger("photos", "thumbnails")
        return arn

    def test_a_loop_that_only_a_wildcard_allows_is_observed(self, s3: S3Account, possible: str) -> None:
        [verdict] = s3.notified()

        assert (verdict["next"], verdict["outcome"], verdict["actions"]) == ("done", "observed", [])
        assert verdict["finding"]["severity"] == "LOW"
        assert verdict["finding"]["evidence"]["grade"] == "possible"

    def test_it_is_capped_where_that_is_asked_for(
        self, s3: S3Account, possible: str, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        settle(monkeypatch, s3, STACKWARDEN_ENFORCE="possible")

        [verdict] = s3.notified()

        assert [action["target"] for action in verdict["actions"]] == [possible]

    def test_a_function_that_nothing_triggers_may_write_everywhere(self, s3: S3Account) -> None:
        s3.bucket("photos", "films")
        s3.function("administrator", {"Effect": "Allow", "Action": "*", "Resource": "*"})

        assert s3.updated("administrator") == []


class TestOtherAccounts:
    def test_a_bucket_of_another_account_is_neither_a_crash_nor_a_blind_spot(
        self, s3: S3Account, account: LocalAccount
    ) -> None:
        account.client("s3", access_key_id=OTHER_ACCOUNT).create_bucket(Bucket="theirs")
        s3.function("exporter", allow("theirs/*"))

        assert s3.updated("exporter") == []
        assert "s3:GetBucketNotificationConfiguration" in s3.calls.made

    def test_the_loop_beside_it_is_found_all_the_same(self, s3: S3Account, account: LocalAccount) -> None:
        account.client("s3", access_key_id=OTHER_ACCOUNT).create_bucket(Bucket="theirs")
        s3.loop()
        s3.permit("thumbnails-role", allow("theirs/*"), name="export")

        assert len(s3.notified()) == 1

    def test_a_bucket_that_does_not_exist_is_no_crash(self, s3: S3Account) -> None:
        s3.function("exporter", allow("nowhere-at-all/*"))

        assert s3.updated("exporter") == []
        assert s3.notified("nowhere-at-all") == []


class TestRecursionConfig:
    def test_a_function_that_allows_recursion_may_do_so_no_more(self, s3: S3Account) -> None:
        arn = s3.loop()
        s3.functions.put_function_recursion_config(FunctionName="thumbnails", RecursiveLoop="Allow")

        [verdict] = s3.happens("put-function-recursion-config.violation")

        actions = {action["kind"]: action for action in verdict["actions"]}
        assert set(actions) == {"set-recursive-loop", "cap-concurrency"}
        assert actions["set-recursive-loop"]["target"] == arn
        assert actions["set-recursive-loop"]["before"] == {"recursive_loop": "Allow"}
        assert "RecursiveLoop: Allow" in verdict["finding"]["why"]

    def test_it_makes_a_possible_loop_more_severe(self, s3: S3Account) -> None:
        s3.bucket("photos")
        s3.function("thumbnails", {"Effect": "Allow", "Action": "s3:*", "Resource": "*"})
        s3.trigger("photos", "thumbnails")
        s3.functions.put_function_recursion_config(FunctionName="thumbnails", RecursiveLoop="Allow")

        [verdict] = s3.notified()

        assert verdict["finding"]["severity"] == "MEDIUM"

    def test_a_function_that_allows_recursion_without_a_loop_is_left_alone(self, s3: S3Account) -> None:
        s3.function("thumbnails")
        s3.functions.put_function_recursion_config(FunctionName="thumbnails", RecursiveLoop="Allow")

        assert s3.happens("put-function-recursion-config.violation") == []
