"""May a function's role raise an event on some key of a bucket, by which statement, with which request?"""

import json
from collections.abc import Mapping, Sequence
from itertools import product
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from local.authorization.policy import Policies, decide
from local.authorization.policy import Request as LocalRequest
from stackwarden.policies.s3_patterns import ANYTHING, Glob
from stackwarden.policies.s3_permissions import (
    Context,
    Grant,
    NotDecided,
    buckets_named,
    grant,
    to_identity_policy,
)
from stackwarden.policies.s3_state import Caller, KeyFilter, Role, Statement, statements

ACCOUNT = "123456789012"
ROLE_ARN = f"arn:aws:iam::{ACCOUNT}:role/service/resize-role"
FUNCTION_ARN = f"arn:aws:lambda:eu-central-1:{ACCOUNT}:function:resize"
SESSION_ARN = f"arn:aws:sts::{ACCOUNT}:assumed-role/resize-role/resize"
PUT = ("s3:PutObject",)
EVERY_KEY = (KeyFilter(),)
INPUT = (KeyFilter.of("in/"),)

type Json = Mapping[str, Any]


def allow(resource: str | list[str] = "arn:aws:s3:::data/*", **elements: Any) -> Json:
    return {"Effect": "Allow", "Action": "s3:PutObject", "Resource": resource, **elements}


def deny(resource: str | list[str] = "arn:aws:s3:::data/*", **elements: Any) -> Json:
    return {"Effect": "Deny", "Action": "s3:PutObject", "Resource": resource, **elements}


def read(documents: Sequence[Json], source: str = "write-policy") -> tuple[Statement, ...]:
    return statements(source, {"Version": "2012-10-17", "Statement": list(documents)})


def caller(
    *identity: Json,
    boundary: Sequence[Json] | None = None,
    tags: Mapping[str, str] | None = None,
    in_vpc: bool = False,
    arn: str = FUNCTION_ARN,
) -> Caller:
    limits = None if boundary is None else read(boundary, "boundary")
    role = Role(ROLE_ARN, "AROAEXAMPLE", read(identity), limits, tags or {})
    return Caller(arn, role, in_vpc)


def granted(
    *identity: Json,
    bucket: str = "data",
    keys: Sequence[KeyFilter] = EVERY_KEY,
    actions: Sequence[str] = PUT,
    bucket_policy: Sequence[Json] = (),
    **role: Any,
) -> Grant | NotDecided | None:
    return grant(
        caller(*identity, **role), actions, bucket, keys, read(bucket_policy, "bucket policy of data")
    )


def proof(*identity: Json, **rest: Any) -> Grant:
    found = granted(*identity, **rest)
    assert isinstance(found, Grant)
    return found


def sent(found: Grant) -> dict[str, tuple[str, ...]]:
    """Leave of the context what the code chose."""
    known = {entry.key for entry in proof(allow()).context}
    return {entry.key: entry.values for entry in found.context if entry.key not in known}


class TestResources:
    def test_a_grant_says_what_on_which_object_by_which_statement(self) -> None:
        found = proof(allow(Sid="Write"), keys=(KeyFilter.of("in/", ".jpg"),))
        assert (found.action, found.key) == ("s3:PutObject", "in/example.jpg")
        assert found.object_arn == "arn:aws:s3:::data/in/example.jpg"
        assert found.statement.sid == "Write"
        assert found.names_bucket
        assert found.doubts == ()

    def test_a_prefix_that_cannot_overlap_is_no_grant(self) -> None:
        assert granted(allow("arn:aws:s3:::data/out/*"), keys=INPUT) is None

    def test_a_suffix_alone_is_found_under_any_prefix(self) -> None:
        found = proof(allow("arn:aws:s3:::data/out/*"), keys=(KeyFilter.of(suffix=".jpg"),))
        assert found.key == "out/example.jpg"

    def test_one_of_several_filters_suffices(self) -> None:
        keys = (KeyFilter.of("in/"), KeyFilter.of("out/"))
        assert proof(allow("arn:aws:s3:::data/out/*"), keys=keys).key == "out/example"

    def test_what_a_filter_excludes_is_no_witness(self) -> None:
        keys = (KeyFilter(none_of=(Glob.parse("out/*"),)),)
        assert granted(allow("arn:aws:s3:::data/out/*"), keys=keys) is None

    @pytest.mark.parametrize(
        "resource",
        [
            "arn:aws:s3:::data",
            "arn:aws:s3:::data/",
            "arn:aws:s3:::data-out/*",
            "arn:aws:s3:::Data/*",
            "arn:aws-cn:s3:::data/*",
            "arn:aws:s3:eu-central-1:123456789012:data/*",
            "arn:aws:s3:eu-central-1:123456789012:accesspoint/data/object/*",
            "arn:aws:dynamodb:::data/*",
        ],
    )
    def test_other_resources_grant_nothing_on_the_objects(self, resource: str) -> None:
        assert granted(allow(resource)) is None

    @pytest.mark.parametrize(
        ("resource", "names_bucket"),
        [
            ("arn:aws:s3:::data/*", True),
            ("arn:*:s3:::data/in/*", True),
            ("arn:aws:s3:*:*:data/*", True),
            ("arn:aws:s3:*:data/*", False),
            ("arn:aws:s3:::data*", False),
            ("arn:aws:s3:::d?ta/*", False),
            ("arn:aws:s3:::*/in/example", False),
            ("arn:aws:s3:::*", False),
            ("arn:aws:s3:*", False),
            ("arn:aws:s3", False),
            ("*", False),
        ],
    )
    def test_a_wildcard_for_the_bucket_does_not_name_it(self, resource: str, names_bucket: bool) -> None:
        assert proof(allow(resource), keys=INPUT).names_bucket is names_bucket

    def test_a_pattern_for_buckets_that_begin_alike_reaches_both(self) -> None:
        policy = (allow("arn:aws:s3:::data-out/*", Sid="Out"), allow("arn:aws:s3:::data*", Sid="Both"))
        assert proof(*policy, bucket="data").statement.sid == "Both"
        assert proof(*policy, bucket="data-out").statement.sid == "Out"

    def test_everything_but_some_resources_reaches_the_rest(self) -> None:
        elsewhere = {"Effect": "Allow", "Action": "s3:*", "NotResource": "arn:aws:s3:::data/private/*"}
        found = proof(elsewhere)
        assert not found.key.startswith("private/")
        assert not found.names_bucket
        assert granted(elsewhere, keys=(KeyFilter.of("private/"),)) is None

    def test_a_statement_that_names_the_bucket_comes_before_one_that_does_not(self) -> None:
        found = proof(allow("*", Sid="Wide"), allow(Sid="Narrow"))
        assert (found.statement.sid, found.names_bucket) == ("Narrow", True)

    def test_another_partition_has_arns_of_its_own(self) -> None:
        china = caller(
            allow("arn:aws-cn:s3:::data/*"),
            arn=f"arn:aws-cn:lambda:cn-north-1:{ACCOUNT}:function:resize",
        )
        found = grant(china, PUT, "data", EVERY_KEY)
        assert isinstance(found, Grant)
        assert found.object_arn.startswith("arn:aws-cn:s3:::data/")

    def test_the_key_is_never_empty_nor_longer_than_s3_allows(self) -> None:
        assert proof(allow()).key
        assert granted(allow("arn:aws:s3:::data/" + "k" * 1025 + "*")) is None
        assert isinstance(granted(allow("arn:aws:s3:::data/" + "ü" * 600 + "*")), NotDecided)


class TestActions:
    @pytest.mark.parametrize("action", ["S3:PUTOBJECT", "s3:Put*", "s3:*", "*", "s3:PutObjec?"])
    def test_actions_have_wildcards_and_no_case(self, action: str) -> None:
        assert proof(allow(Action=action)).action == "s3:PutObject"

    def test_another_action_grants_nothing(self) -> None:
        assert granted(allow(Action=["s3:GetObject", "s3:PutObjectTagging"])) is None

    def test_everything_but_some_actions_grants_the_rest(self) -> None:
        but = {"Effect": "Allow", "NotAction": "s3:DeleteObject", "Resource": "arn:aws:s3:::data/*"}
        assert proof(but).names_bucket
        assert granted(but, actions=("s3:DeleteObject",)) is None

    def test_one_of_several_actions_suffices(self) -> None:
        actions = ("s3:DeleteObject", "s3:DeleteObjectVersion")
        assert proof(allow(Action="s3:DeleteObjectVersion"), actions=actions).action == actions[1]


class TestDenies:
    def test_an_explicit_deny_wins(self) -> None:
        assert granted(allow(), deny("*")) is None

    def test_a_deny_of_another_prefix_leaves_the_rest(self) -> None:
        assert proof(allow(), deny("arn:aws:s3:::data/private/*"), keys=INPUT).key == "in/example"

    def test_a_hole_in_the_denies_is_found(self) -> None:
        denies = [f"arn:aws:s3:::data/in/{letter}*" for letter in "abcdefghijklmnopqrstuvwxyz0123456789"]
        found = proof(allow("arn:aws:s3:::data/in/?"), deny(denies))
        assert len(found.key) == len("in/?")

    def test_a_deny_of_everything_but_some_resources_leaves_these(self) -> None:
        but = {"Effect": "Deny", "Action": "*", "NotResource": "arn:aws:s3:::data/out/*"}
        assert proof(allow("*"), but).key.startswith("out/")
        assert granted(allow("*"), but, keys=INPUT) is None

    def test_a_deny_of_everything_but_some_actions_leaves_these(self) -> None:
        but = {"Effect": "Deny", "NotAction": "s3:Get*", "Resource": "*"}
        assert granted(allow(Action="*"), but) is None

    def test_a_deny_reads_doubtful_wildcards_widely(self) -> None:
        assert granted(allow("arn:aws:s3:?*:data/*")) is None
        assert granted(allow(), deny("arn:aws:s3:?*:data/*")) is None


class TestBoundary:
    def test_a_boundary_for_another_bucket_leaves_nothing(self) -> None:
        assert granted(allow(), boundary=[allow("arn:aws:s3:::other/*")]) is None

    def test_an_empty_boundary_leaves_nothing(self) -> None:
        assert granted(allow(), boundary=[]) is None

    def test_a_boundary_for_a_prefix_leaves_this_prefix(self) -> None:
        boundary = [allow("arn:aws:s3:::data/out/*")]
        assert proof(allow(), boundary=boundary).key == "out/example"
        assert granted(allow(), boundary=boundary, keys=INPUT) is None

    def test_a_boundary_does_not_allow_by_itself(self) -> None:
        assert granted(boundary=[allow("*", Action="*")]) is None

    def test_a_deny_of_the_boundary_wins(self) -> None:
        boundary = [allow("*", Action="*"), deny("arn:aws:s3:::data/in/*")]
        assert granted(allow(), boundary=boundary, keys=INPUT) is None

    def test_a_wildcard_in_the_boundary_does_not_make_the_allow_a_wildcard(self) -> None:
        assert proof(allow(), boundary=[allow("*", Action="*")]).names_bucket


class TestVariables:
    def test_a_tag_of_the_role_fills_in_the_resource(self) -> None:
        home = allow("arn:aws:s3:::data/home/${aws:PrincipalTag/team}/*")
        keys = (KeyFilter.of("home/red/"),)
        assert proof(home, keys=keys, tags={"team": "red"}).key == "home/red/example"
        assert granted(home, keys=keys, tags={"team": "blue"}) is None

    def test_the_text_of_a_tag_has_no_wildcards(self) -> None:
        home = allow("arn:aws:s3:::data/${aws:PrincipalTag/team}/*")
        assert granted(home, keys=INPUT, tags={"team": "*"}) is None
        assert proof(home, tags={"team": "*"}).key == "*/example"

    def test_the_session_is_named_after_the_function(self) -> None:
        found = proof(allow("arn:aws:s3:::data/${aws:userid}/*"))
        assert found.key == "AROAEXAMPLE:resize/example"

    @pytest.mark.parametrize("variable", ["${aws:username}", "${aws:PrincipalTag/team}", "${aws:SourceIp}"])
    def test_a_variable_without_a_known_value_grants_nothing(self, variable: str) -> None:
        assert granted(allow(f"arn:aws:s3:::data/{variable}/*")) is None

    def test_a_variable_may_have_a_default(self) -> None:
        home = allow("arn:aws:s3:::data/${aws:PrincipalTag/team, 'all'}/*")
        assert proof(home).key == "all/example"

    def test_escapes_are_the_characters_themselves(self) -> None:
        assert proof(allow("arn:aws:s3:::data/${*}${?}${$}")).key == "*?$"

    def test_a_deny_with_an_unknown_variable_is_avoided_if_possible(self) -> None:
        private = deny("arn:aws:s3:::data/${aws:SourceIp}/*", Sid="Private")
        found = proof(allow(), private)
        assert "/" not in found.key
        assert found.doubts == ()
        [doubt] = proof(allow(), private, keys=INPUT).doubts
        assert "Private" in doubt

    def test_a_deny_with_a_variable_that_roles_lack_denies_nothing(self) -> None:
        found = proof(allow(), deny("arn:aws:s3:::data/${aws:username}*"), keys=INPUT)
        assert found.doubts == ()

    def test_everything_but_something_unknown_grants_nothing_for_sure(self) -> None:
        but = {"Effect": "Allow", "Action": "*", "NotResource": "arn:aws:s3:::data/${aws:SourceIp}/*"}
        assert granted(but) is None

    def test_a_deny_of_everything_but_something_unknown_is_avoided_if_possible(self) -> None:
        own = ["arn:aws:s3:::data/out/*", "arn:aws:s3:::data/${aws:SourceIp}/*"]
        but = {"Effect": "Deny", "Action": "*", "NotResource": own}
        assert proof(allow(), but).key == "out/example"
        [doubt] = proof(allow(), but, keys=INPUT).doubts
        assert "policy variables" in doubt
        assert granted(allow(), but, keys=(KeyFilter((Glob.literal("in"),)),)) is None


class TestConditionsOnTheSession:
    @pytest.mark.parametrize(
        "condition",
        [
            {"ArnEquals": {"aws:PrincipalArn": ROLE_ARN}},
            {"ArnLike": {"AWS:PRINCIPALARN": "arn:aws:iam::*:role/service/*"}},
            {"StringEquals": {"aws:PrincipalTag/team": ["red", "blue"]}},
            {"StringEqualsIgnoreCase": {"aws:PrincipalTag/team": "RED"}},
            {"StringLike": {"aws:userid": "AROAEXAMPLE:*"}},
            {"StringNotEquals": {"aws:RequestedRegion": ["us-east-1", "us-west-2"]}},
            {"Bool": {"aws:SecureTransport": True}},
            {"Null": {"aws:MultiFactorAuthPresent": "true"}},
            {"BoolIfExists": {"aws:MultiFactorAuthPresent": "true"}},
            {"StringNotEquals": {"aws:username": "somebody"}},
            {"ForAllValues:StringEquals": {"aws:CalledVia": "athena.amazonaws.com"}},
            {"NotIpAddress": {"aws:VpcSourceIp": "10.0.0.0/8"}},
            {"StringEquals": {"lambda:SourceFunctionArn": FUNCTION_ARN}},
            {"StringEquals": {"s3:ResourceAccount": "${aws:PrincipalAccount}"}},
            {"Bool": {"s3:ObjectCreationOperation": "true"}},
        ],
    )
    def test_a_condition_that_every_call_meets_is_none(self, condition: Json) -> None:
        found = proof(allow(Condition=condition), tags={"team": "red"})
        assert found.doubts == ()

    @pytest.mark.parametrize(
        "condition",
        [
            {"ArnEquals": {"aws:PrincipalArn": "arn:aws:iam::*:role/other/*"}},
            {"StringEquals": {"aws:PrincipalTag/team": "*"}},
            {"StringEquals": {"aws:PrincipalTag/rank": "red"}},
            {"StringNotLike": {"aws:PrincipalTag/team": ["blue", "r*"]}},
            {"Bool": {"aws:MultiFactorAuthPresent": "true"}},
            {"Null": {"aws:PrincipalArn": "true"}},
            {"ForAnyValue:StringNotEquals": {"aws:CalledVia": "athena.amazonaws.com"}},
            {"StringEquals": {"aws:SourceVpce": "vpce-1"}},
            {"StringEquals": {"s3:ExistingObjectTag/state": "open"}},
            {"StringLike": {"s3:prefix": "*"}},
            {"StringEquals": {"aws:PrincipalTag/team": "red", "aws:userid": "somebody"}},
        ],
    )
    def test_a_condition_that_no_call_meets_grants_nothing(self, condition: Json) -> None:
        assert granted(allow(Condition=condition), tags={"team": "red"}) is None

    @pytest.mark.parametrize(
        "condition",
        [
            {"IpAddress": {"aws:SourceIp": "203.0.113.0/24"}},
            {"NotIpAddress": {"aws:SourceIp": "203.0.113.0/24"}},
            {"IpAddressIfExists": {"aws:SourceIp": "203.0.113.0/24"}},
            {"DateGreaterThan": {"aws:CurrentTime": "2020-01-01T00:00:00Z"}},
            {"StringEquals": {"aws:PrincipalOrgID": "o-example"}},
            {"StringEquals": {"aws:SourceVpce": "vpce-1"}},
            {"Null": {"aws:SourceVpc": "true"}},
            {"StringEquals": {"some:Key": "value"}},
            {"StringResembles": {"aws:PrincipalArn": ROLE_ARN}},
        ],
    )
    def test_what_nobody_knows_beforehand_grants_nothing_and_denies_with_a_doubt(
        self, condition: Json
    ) -> None:
        assert granted(allow(Condition=condition), in_vpc=True) is None
        found = proof(allow(), deny(Condition=condition, Sid="Perimeter"), in_vpc=True)
        [doubt] = found.doubts
        assert "statement Perimeter of write-policy" in doubt
        assert next(iter(next(iter(condition.values())))) in doubt

    def test_a_doubtful_deny_is_avoided_if_possible(self) -> None:
        network = {"NotIpAddress": {"aws:SourceIp": "203.0.113.0/24"}}
        found = proof(allow(), deny("arn:aws:s3:::data/in/*", Condition=network))
        assert not found.key.startswith("in/")
        assert found.doubts == ()

    def test_a_statement_without_doubt_comes_before_one_with(self) -> None:
        unless = {
            "Effect": "Deny",
            "Action": "s3:PutObject",
            "NotResource": "arn:aws:s3:::data/safe/*",
            "Condition": {"StringNotEquals": {"aws:PrincipalOrgID": "o-example"}},
        }
        policy = (allow("arn:aws:s3:::data/in/*", Sid="In"), allow("arn:aws:s3:::data/safe/*", Sid="Safe"))
        found = proof(*policy, unless)
        assert (found.statement.sid, found.doubts) == ("Safe", ())

    def test_the_usual_deny_of_plain_http_denies_nothing(self) -> None:
        plain = deny("*", Action="*", Condition={"Bool": {"aws:SecureTransport": "false"}})
        assert proof(allow(), plain).doubts == ()

    def test_known_facts_are_in_the_context(self) -> None:
        context = proof(allow(), tags={"team": "red"}).context
        assert Context("aws:PrincipalArn", "string", (ROLE_ARN,)) in context
        assert Context("aws:PrincipalTag/team", "string", ("red",)) in context
        assert Context("aws:userid", "string", ("AROAEXAMPLE:resize",)) in context
        assert Context("aws:SecureTransport", "boolean", ("true",)) in context


class TestWhatTheCodeMaySend:
    ENCRYPTED = (
        deny(
            Principal="*",
            Condition={"StringNotEquals": {"s3:x-amz-server-side-encryption": "aws:kms"}},
        ),
        deny(Principal="*", Condition={"Null": {"s3:x-amz-server-side-encryption": "true"}}),
    )

    def test_nothing_is_sent_that_no_policy_asks_for(self) -> None:
        assert sent(proof(allow(), deny("*", Condition={"StringEquals": {"s3:x-amz-acl": "private"}}))) == {}

    def test_a_bucket_that_enforces_encryption_does_not_hide_the_grant(self) -> None:
        found = proof(allow(), bucket_policy=self.ENCRYPTED)
        assert sent(found) == {"s3:x-amz-server-side-encryption": ("aws:kms",)}
        assert found.doubts == ()

    def test_a_key_of_kms_comes_with_its_encryption(self) -> None:
        key = f"arn:aws:kms:eu-central-1:{ACCOUNT}:key/1234"
        name = "s3:x-amz-server-side-encryption-aws-kms-key-id"
        found = proof(allow(Condition={"StringEquals": {name: key}}))
        assert sent(found) == {name: (key,), "s3:x-amz-server-side-encryption": ("aws:kms",)}

    def test_a_value_that_s3_does_not_take_is_not_sent(self) -> None:
        assert granted(allow(Condition={"StringEquals": {"s3:x-amz-storage-class": "CHEAP"}})) is None

    def test_the_demands_of_allow_and_deny_are_met_together(self) -> None:
        classes = ["STANDARD_IA", "ONEZONE_IA"]
        found = proof(
            allow(Condition={"StringEquals": {"s3:x-amz-storage-class": classes}}),
            deny(Condition={"StringEquals": {"s3:x-amz-storage-class": "STANDARD_IA"}}),
        )
        assert sent(found) == {"s3:x-amz-storage-class": ("ONEZONE_IA",)}

    def test_demands_that_contradict_each_other_grant_nothing(self) -> None:
        found = granted(
            allow(Condition={"StringEquals": {"s3:x-amz-storage-class": "STANDARD_IA"}}),
            deny(Condition={"StringEquals": {"s3:x-amz-storage-class": "STANDARD_IA"}}),
        )
        assert found is None

    def test_a_canned_acl_and_grants_cannot_go_together(self) -> None:
        both = {"StringEquals": {"s3:x-amz-acl": "private", "s3:x-amz-grant-read": "id=1"}}
        assert granted(allow(Action="s3:*", Condition=both)) is None

    def test_tags_are_sent_as_wanted_with_their_keys(self) -> None:
        wanted = {
            "StringLike": {"s3:RequestObjectTag/state": "done-*"},
            "ForAllValues:StringEquals": {"s3:RequestObjectTagKeys": ["state", "team"]},
        }
        found = proof(allow(Action=["s3:PutObject", "s3:PutObjectTagging"], Condition=wanted))
        assert sent(found) == {
            "s3:RequestObjectTag/state": ("done-example",),
            "s3:RequestObjectTagKeys": ("state",),
        }
        assert found.doubts == ()
        assert Context("s3:RequestObjectTagKeys", "stringList", ("state",)) in found.context

    def test_each_tag_must_be_among_those_that_are_allowed(self) -> None:
        both = {"Null": {"s3:RequestObjectTag/state": "false", "s3:RequestObjectTag/team": "false"}}
        tagged = allow(Action="s3:*", Condition=both)
        only = {"ForAllValues:StringEquals": {"s3:RequestObjectTagKeys": ["state"]}}
        some = {"ForAnyValue:StringEquals": {"s3:RequestObjectTagKeys": ["state"]}}
        assert granted(tagged, boundary=[allow("*", Action="*", Condition=only)]) is None
        assert proof(tagged, boundary=[allow("*", Action="*", Condition=some)]).doubts == ()

    def test_the_boundary_may_want_a_header_for_some_keys_only(self) -> None:
        encrypted = {"StringEquals": {"s3:x-amz-server-side-encryption": "AES256"}}
        boundary = [allow("arn:aws:s3:::data/out/*"), allow("arn:aws:s3:::data/in/*", Condition=encrypted)]
        assert sent(proof(allow(), boundary=boundary, keys=(KeyFilter.of("out/"),))) == {}
        assert sent(proof(allow(), boundary=boundary, keys=INPUT)) == {
            "s3:x-amz-server-side-encryption": ("AES256",)
        }

    def test_a_deny_without_tags_makes_the_request_carry_one(self) -> None:
        untagged = deny(Condition={"Null": {"s3:RequestObjectTagKeys": "true"}})
        found = proof(allow(Action="s3:*"), untagged)
        assert sent(found)["s3:RequestObjectTagKeys"] == ("example",)

    def test_what_takes_a_further_permission_that_is_missing_is_doubtful(self) -> None:
        wanted = {"StringEquals": {"s3:RequestObjectTag/state": "done"}}
        [doubt] = proof(allow(Condition=wanted)).doubts
        assert "s3:PutObjectTagging" in doubt
        plain = allow("arn:aws:s3:::data/out/*")
        assert proof(allow(Condition=wanted), plain).key.startswith("out/")

    def test_tags_that_the_object_has_count_where_s3_looks_at_them(self) -> None:
        tagged = allow(Action="s3:*", Condition={"StringEquals": {"s3:ExistingObjectTag/state": "open"}})
        [doubt] = proof(tagged, actions=("s3:PutObjectTagging",)).doubts
        assert "state=open" in doubt
        assert granted(tagged, actions=("s3:DeleteObject",)) is None

    def test_a_number_is_chosen_beside_the_border(self) -> None:
        old = deny(Condition={"NumericLessThan": {"s3:TlsVersion": "1.3"}})
        assert proof(allow(), old).doubts == ()
        days = {"NumericGreaterThan": {"s3:object-lock-remaining-retention-days": "10"}}
        found = proof(allow(Condition=days))
        assert sent(found) == {"s3:object-lock-remaining-retention-days": ("11",)}

    def test_a_date_is_chosen_beside_the_border(self) -> None:
        until = {"DateGreaterThan": {"s3:object-lock-retain-until-date": "2030-01-01T00:00:00Z"}}
        found = proof(allow(Condition=until))
        assert sent(found) == {"s3:object-lock-retain-until-date": ("2030-01-02T00:00:00+00:00",)}

    def test_only_a_copy_is_a_doubt(self) -> None:
        copied = {"StringLike": {"s3:x-amz-copy-source": "source/*"}}
        [doubt] = proof(allow(Condition=copied)).doubts
        assert "copies source/example" in doubt

    def test_too_many_requests_to_try_are_not_decided(self) -> None:
        names = [f"s3:RequestObjectTag/{number}" for number in range(40)]
        no_tag = [deny(Condition={"StringEquals": {name: "a"}}) for name in names]
        all_tags = deny(Condition={"Null": dict.fromkeys(names, "true")})
        assert isinstance(granted(allow(Condition={"Null": {"s3:TlsVersion": "true"}}), *no_tag), NotDecided)
        assert isinstance(granted(allow(), *no_tag, all_tags), Grant)


class TestBucketPolicy:
    @pytest.mark.parametrize(
        "principal",
        ["*", {"AWS": "*"}, {"AWS": ROLE_ARN}, {"AWS": "AROAEXAMPLE"}, {"AWS": [SESSION_ARN, "1"]}],
    )
    def test_a_policy_that_names_the_role_grants_by_itself(self, principal: Any) -> None:
        found = proof(bucket_policy=[allow(Principal=principal, Sid="Writers")])
        assert found.statement.sid == "Writers"
        assert found.names_bucket
        assert found.resource_policy == (found.statement,)

    @pytest.mark.parametrize(
        "principal",
        [
            {"AWS": ACCOUNT},
            {"AWS": f"arn:aws:iam::{ACCOUNT}:root"},
            {"AWS": f"arn:aws:iam::{ACCOUNT}:role/other"},
            {"AWS": f"arn:aws:sts::{ACCOUNT}:assumed-role/resize-role/other"},
            {"Service": "lambda.amazonaws.com"},
            {"CanonicalUser": "79a59df900b949e55d96a1e698fbacedfd6e09d98eacf8f8d5218e7cd47ef2be"},
        ],
    )
    def test_a_policy_for_the_account_or_for_others_grants_nothing(self, principal: Any) -> None:
        assert granted(bucket_policy=[allow(Principal=principal)]) is None

    def test_everybody_but_somebody_is_granted_nothing(self) -> None:
        assert granted(bucket_policy=[allow(NotPrincipal={"AWS": "arn:aws:iam::1:root"})]) is None

    @pytest.mark.parametrize(
        "principal",
        ["*", {"AWS": ROLE_ARN}, {"AWS": SESSION_ARN}, {"AWS": ACCOUNT}, {"AWS": "AROAEXAMPLE"}],
    )
    def test_a_deny_for_the_role_or_its_account_wins(self, principal: Any) -> None:
        assert granted(allow(), bucket_policy=[deny(Principal=principal)]) is None

    def test_a_deny_for_others_denies_nothing(self) -> None:
        others = deny(Principal={"AWS": f"arn:aws:iam::{ACCOUNT}:role/other"})
        found = proof(allow(), bucket_policy=[others])
        assert (found.doubts, found.resource_policy) == ((), ())

    def test_a_deny_that_may_be_about_the_account_is_a_doubt(self) -> None:
        [doubt] = proof(allow(), bucket_policy=[deny(Principal={"CanonicalUser": "79a5"})]).doubts
        assert "Principal" in doubt

    def test_a_deny_for_all_but_the_role_and_its_account_spares_it(self) -> None:
        spared = deny(NotPrincipal={"AWS": [ROLE_ARN, f"arn:aws:iam::{ACCOUNT}:root"]})
        assert proof(allow(), bucket_policy=[spared]).doubts == ()
        assert granted(allow(), boundary=[allow("*")], bucket_policy=[spared]) is None

    def test_a_deny_for_all_but_the_role_alone_is_a_doubt(self) -> None:
        [doubt] = proof(allow(), bucket_policy=[deny(NotPrincipal={"AWS": ROLE_ARN}, Sid="Others")]).doubts
        assert "Others" in doubt

    def test_a_deny_for_all_but_others_wins(self) -> None:
        others = deny(NotPrincipal={"AWS": f"arn:aws:iam::{ACCOUNT}:role/other"})
        assert granted(allow(), bucket_policy=[others]) is None

    def test_the_boundary_limits_what_a_bucket_policy_allows(self) -> None:
        boundary = [allow("arn:aws:s3:::data/out/*")]
        policy = [allow(Principal={"AWS": ROLE_ARN})]
        assert granted(bucket_policy=policy, boundary=boundary, keys=INPUT) is None

    def test_the_denies_that_concern_the_role_go_to_the_simulation_too(self) -> None:
        private = deny("arn:aws:s3:::data/private/*", Principal="*", Sid="Private")
        found = proof(allow(), bucket_policy=[private, deny(Principal={"AWS": "1"}, Sid="Others")])
        assert [statement.sid for statement in found.resource_policy] == ["Private"]

    def test_a_deny_of_which_there_is_a_doubt_does_not(self) -> None:
        perimeter = {"StringNotEquals": {"aws:PrincipalOrgID": "o-example"}}
        found = proof(allow(), bucket_policy=[deny(Principal="*", Condition=perimeter)])
        assert found.doubts
        assert found.resource_policy == ()

    def test_lambdas_own_condition_key_is_not_for_bucket_policies(self) -> None:
        condition = {"ArnEquals": {"lambda:SourceFunctionArn": FUNCTION_ARN}}
        assert granted(bucket_policy=[allow(Principal="*", Condition=condition)]) is None

    def test_a_statement_becomes_one_of_an_identity_policy(self) -> None:
        document = deny(Principal="*", Condition={"StringLike": {"aws:userid": ["a", "b"]}})
        assert json.loads(to_identity_policy(read([document]))) == {
            "Version": "2012-10-17",
            "Statement": [
                {
                    "Effect": "Deny",
                    "Action": ["s3:PutObject"],
                    "Resource": ["arn:aws:s3:::data/*"],
                    "Condition": {"StringLike": {"aws:userid": ["a", "b"]}},
                }
            ],
        }


class TestRefusals:
    def test_what_iam_refused_is_not_proposed_again(self) -> None:
        role = caller(allow("arn:aws:s3:::data/in/*"), allow("arn:aws:s3:::data/out/*"))
        first = grant(role, PUT, "data", EVERY_KEY)
        assert isinstance(first, Grant)
        second = grant(role, PUT, "data", EVERY_KEY, refused={(first.action, first.object_arn)})
        assert isinstance(second, Grant)
        assert second.object_arn != first.object_arn
        refused = {(found.action, found.object_arn) for found in (first, second)}
        assert grant(role, PUT, "data", EVERY_KEY, refused=refused) is None

    def test_another_action_is_proposed_instead(self) -> None:
        actions = ("s3:DeleteObject", "s3:DeleteObjectVersion")
        role = caller(allow(Action="s3:Delete*"))
        first = grant(role, actions, "data", EVERY_KEY)
        assert isinstance(first, Grant)
        second = grant(role, actions, "data", EVERY_KEY, refused={(first.action, first.object_arn)})
        assert isinstance(second, Grant)
        assert second.action == "s3:DeleteObjectVersion"


class TestBounds:
    def test_patterns_too_intricate_are_not_decided(self) -> None:
        runs = ["aabab", "abbab", "babba", "bbaab", "ababb", "baaba", "abaab", "babab", "aabba", "bbaba"]
        somewhere = tuple(Glob.parse("*" + "*".join(run) + "*") for run in runs)
        ends = [f"arn:aws:s3:::data/*{letter}{'?' * size}" for letter in "ab" for size in range(12)]
        found = granted(allow(), deny(ends), keys=[KeyFilter(somewhere)] * 5)
        assert isinstance(found, NotDecided)
        assert "patterns" in found.reason

    def test_too_many_combinations_are_not_decided(self) -> None:
        ways = [f"arn:aws:s3:::data/*{letter}" for letter in "abcdefgh"]
        denies = [{"Effect": "Deny", "Action": "*", "NotResource": ways[i:]} for i in range(1, 7)]
        found = granted(allow(ways[:1]), *denies)
        assert isinstance(found, NotDecided)
        assert "combinations" in found.reason

    def test_many_statements_about_other_prefixes_are_no_difficulty(self) -> None:
        others = [allow([f"arn:aws:s3:::data/{i}/{j}/*" for j in range(30)]) for i in range(10)]
        assert granted(*others, keys=INPUT) is None
        assert proof(*others, allow("arn:aws:s3:::data/in/*"), keys=INPUT).key == "in/example"


class TestBucketsNamed:
    ACTIONS = frozenset({"s3:PutObject", "s3:DeleteObject"})

    def named(self, *identity: Json, **role: Any) -> tuple[frozenset[str], tuple[Glob, ...]]:
        return buckets_named(caller(*identity, **role).role, self.ACTIONS, "aws")

    def test_buckets_are_named_or_matched(self) -> None:
        resources = [
            "arn:aws:s3:::data/in/*",
            "arn:aws:s3:::log-*",
            "arn:aws:s3:::data",
            "arn:aws:s3:::a*b/c",
        ]
        named, patterns = self.named(allow(resources))
        assert named == {"data"}
        assert patterns == (Glob.parse("log-*"), Glob.parse("a*"))

    def test_a_question_mark_may_be_the_slash(self) -> None:
        named, patterns = self.named(allow("arn:aws:s3:::data?in/*"))
        assert named == {"data"}
        assert patterns == (Glob.parse("data?in"),)

    @pytest.mark.parametrize("resource", ["*", "arn:aws:s3:::*", "arn:aws:s3:*", "arn:aws:s3:::*/in/*"])
    def test_a_wildcard_may_be_any_bucket(self, resource: str) -> None:
        assert self.named(allow([resource, "arn:aws:s3:::log-*"])) == (frozenset(), (ANYTHING,))

    def test_everything_but_some_resources_may_be_any_bucket(self) -> None:
        statement = {"Effect": "Allow", "Action": "*", "NotResource": "arn:aws:s3:::data/*"}
        assert self.named(statement) == (frozenset(), (ANYTHING,))

    def test_tags_are_filled_in_and_what_is_unknown_is_a_wildcard(self) -> None:
        resources = ["arn:aws:s3:::${aws:PrincipalTag/team}-data/*", "arn:aws:s3:::x-${aws:userid}/*"]
        assert self.named(allow(resources), tags={"team": "red"}) == (
            frozenset({"red-data"}),
            (Glob.parse("x-*"),),
        )

    def test_other_actions_denies_and_resources_name_nothing(self) -> None:
        elsewhere = ["arn:aws:s3:eu-central-1:1:accesspoint/a/object/*", "arn:aws:sqs:::queue"]
        assert self.named(allow(Action="s3:Get*"), deny(), allow(elsewhere)) == (frozenset(), ())


KEYS = ["".join(letters) for size in range(1, 5) for letters in product("ab/", repeat=size)]
PARTS = st.text("ab/*?", max_size=4)
RESOURCES = st.one_of(
    st.builds(
        "arn:aws:s3:::{}{}{}".format, st.sampled_from(["b", "b-2", "b*", "?", "*"]), st.just("/"), PARTS
    ),
    st.sampled_from(["*", "arn:aws:s3:::*", "arn:aws:s3:::b", "arn:aws:s3:::b*", "arn:*:s3:*:*:b/a*"]),
)
ACTIONS = st.sampled_from(["s3:PutObject", "S3:put*", "*", "s3:DeleteObject", "s3:Delete*"])


@st.composite
def documents(draw: st.DrawFn) -> dict[str, Any]:
    listed = st.lists(RESOURCES, min_size=1, max_size=3)
    found = [
        {
            "Effect": draw(st.sampled_from(["Allow", "Allow", "Deny"])),
            draw(st.sampled_from(["Action", "Action", "NotAction"])): draw(
                st.lists(ACTIONS, min_size=1, max_size=2)
            ),
            draw(st.sampled_from(["Resource", "Resource", "NotResource"])): draw(listed),
        }
        for _ in range(draw(st.integers(1, 4)))
    ]
    return {"Version": "2012-10-17", "Statement": found}


def allows(policies: Policies, action: str, key: str) -> bool:
    return decide(policies, LocalRequest(action, f"arn:aws:s3:::b/{key}")).allowed


@settings(max_examples=400, deadline=None)
@given(
    identity=documents(),
    boundary=st.none() | documents(),
    prefix=st.text("ab/", max_size=2),
    suffix=st.text("ab/", max_size=2),
    actions=st.sampled_from([("s3:PutObject",), ("s3:DeleteObject", "s3:DeleteObjectVersion")]),
)
def test_a_grant_is_allowed_and_without_one_nothing_is(
    identity: dict[str, Any],
    boundary: dict[str, Any] | None,
    prefix: str,
    suffix: str,
    actions: tuple[str, ...],
) -> None:
    limits = None if boundary is None else statements("boundary", boundary)
    role = Role(ROLE_ARN, "AROAEXAMPLE", statements("policy", identity), limits)
    policies = Policies([identity], boundary)
    found = grant(Caller(FUNCTION_ARN, role), actions, "b", (KeyFilter.of(prefix, suffix),))
    if isinstance(found, Grant):
        assert found.action in actions
        assert found.key.startswith(prefix)
        assert found.key.endswith(suffix)
        assert allows(policies, found.action, found.key)
        named, patterns = buckets_named(role, actions, "aws")
        assert "b" in named if found.names_bucket else "b" in named or any(p.matches("b") for p in patterns)
    elif found is None:
        passing = [key for key in KEYS if key.startswith(prefix) and key.endswith(suffix)]
        assert not [key for key in passing for action in actions if allows(policies, action, key)]


OPERATORS = st.sampled_from(
    ["StringEquals", "StringNotEquals", "StringLike", "StringNotLike", "StringEqualsIfExists", "Null"]
)
SENT = {
    "s3:x-amz-server-side-encryption": ["AES256", "aws:kms"],
    "s3:RequestObjectTag/state": ["open", "closed"],
    "aws:PrincipalTag/team": ["red", "blue"],
    "aws:username": ["somebody"],
}


@st.composite
def conditions(draw: st.DrawFn) -> dict[str, Any]:
    found: dict[str, Any] = {}
    for key in draw(st.lists(st.sampled_from(sorted(SENT)), unique=True, max_size=2)):
        operator = draw(OPERATORS)
        values = ["true", "false"] if operator == "Null" else [*SENT[key], "*e*"]
        wanted = (
            draw(st.sampled_from(values))
            if operator == "Null"
            else draw(st.lists(st.sampled_from(values), min_size=1))
        )
        found.setdefault(operator, {})[key] = wanted
    if draw(st.booleans()):
        quantifier = draw(st.sampled_from(["ForAllValues:StringEquals", "ForAnyValue:StringLike", "Null"]))
        found.setdefault(quantifier, {})["s3:RequestObjectTagKeys"] = (
            "true" if quantifier == "Null" else ["state"]
        )
    return found


@st.composite
def conditional_documents(draw: st.DrawFn) -> dict[str, Any]:
    document = draw(documents())
    for statement in document["Statement"]:
        statement["Condition"] = draw(conditions())
        if statement["Effect"] == "Deny" and draw(st.booleans()):
            addresses = {"aws:SourceIp": "203.0.113.0/24"}
            statement["Condition"][draw(st.sampled_from(["IpAddress", "NotIpAddress"]))] = addresses
    return document


def requests() -> list[dict[str, list[str]]]:
    """Every request that makes a difference to these conditions, but for the caller's address."""
    found = []
    for encryption, state, other in product(
        (None, "AES256", "aws:kms"), (None, "open", "closed", "done", "rest"), (None, "x")
    ):
        tags = {name: value for name, value in (("state", state), ("other", other)) if value}
        context = {f"s3:requestobjecttag/{name}": [value] for name, value in tags.items()}
        if tags:
            context["s3:requestobjecttagkeys"] = list(tags)
        if encryption:
            context["s3:x-amz-server-side-encryption"] = [encryption]
        found.append(context | {"aws:principaltag/team": ["red"]})
    return found


ADDRESSES: list[dict[str, list[str]]] = [{"aws:sourceip": [ip]} for ip in ("203.0.113.5", "198.51.100.5")]


@settings(max_examples=300, deadline=None)
@given(identity=conditional_documents(), policy=st.none() | conditional_documents())
def test_with_conditions_a_grant_is_allowed_for_its_request_and_without_one_no_request_is(
    identity: dict[str, Any], policy: dict[str, Any] | None
) -> None:
    public = [{**statement, "Principal": "*"} for statement in policy["Statement"]] if policy else []
    role = caller(*identity["Statement"], tags={"team": "red"})
    everything = Policies([identity, policy] if policy else [identity])
    found = grant(role, PUT, "b", EVERY_KEY, read(public))
    if isinstance(found, Grant):
        context = {entry.key.lower(): list(entry.values) for entry in found.context}
        asked = [LocalRequest(found.action, found.object_arn, context | ip) for ip in ADDRESSES]
        is_certain = not any("(Deny)" in doubt for doubt in found.doubts)
        assert all(decide(everything, request).allowed for request in asked) is is_certain
        heard = json.loads(to_identity_policy(found.resource_policy))
        simulated = Policies([identity, heard])
        assert all(decide(simulated, request).allowed for request in asked) or not is_certain
    elif found is None:
        for context, address, key in product(requests(), ADDRESSES, ["a", "b", "ab", "a/b"]):
            request = LocalRequest("s3:PutObject", f"arn:aws:s3:::b/{key}", context | address)
            assert not decide(everything, request).allowed
