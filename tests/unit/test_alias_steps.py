"""What is needed to move to the alias: mappings, and the permissions that let in what runs `$LATEST`."""

from dataclasses import replace
from typing import Any

import pytest

from stackwarden.finding import Action, ActionKind
from stackwarden.lambda_names import LATEST
from stackwarden.policies.alias_state import Function, Invoker, Kind, Permission
from stackwarden.policies.alias_steps import NEW, add_permission, needed, plan
from tests.alias_cases import (
    ACCOUNT,
    LETTING_IN,
    LIVE,
    ORDERS,
    REGION,
    bucket_arn,
    case,
    code,
    function,
    mapping,
    notification,
    permission,
    ready,
    rule_arn,
    target,
    version,
)

EXECUTE = f"arn:aws:execute-api:{REGION}:{ACCOUNT}"
LOGS = f"arn:aws:logs:{REGION}:{ACCOUNT}:log-group"
REST_API = f"arn:aws:apigateway:{REGION}::/restapis/abc123"
HTTP_API = f"arn:aws:apigateway:{REGION}::/apis/abc123"
RULE = LETTING_IN[2]


def steps(state: Function) -> list[Action]:
    """All that is to be done, in order."""
    todo = plan(state, case(state).exposed, "live", repoint_push=False)
    assert not todo.blocked
    assert not todo.waiting
    return [action for stage in todo.stages for action in stage]


def granted(*invokers: Invoker, permissions: tuple[Permission, ...], **rest: Any) -> list[dict[str, Any]]:
    """The statements that the alias gets."""
    actions = steps(ready(*invokers, permissions=permissions, **rest))
    return [a.parameters["statement"] for a in actions if a.kind is ActionKind.ADD_PERMISSION]


def sids(permissions: tuple[Permission, ...], *invokers: Invoker) -> list[str]:
    return [each.sid for each in needed(ready(*invokers, permissions=permissions), invokers)]


class TestAMapping:
    @pytest.mark.parametrize("qualifier", [None, LATEST])
    def test_is_moved_to_the_alias_and_what_it_named_before_is_kept(self, qualifier: str | None) -> None:
        [action] = steps(ready(mapping(qualifier)))

        assert (action.kind, action.target) == (ActionKind.REPOINT_MAPPING, "m-1")
        assert action.parameters == {"function": LIVE}
        assert action.before == {"function": f"{ORDERS}:{qualifier}" if qualifier else ORDERS}

    def test_of_an_alias_is_left_alone(self) -> None:
        assert steps(ready(mapping("live"), mapping("1", name="m-2"))) == []

    def test_needs_no_permission(self) -> None:
        """Lambda polls with the function's own role."""
        assert granted(mapping(), permissions=(permission("sqs"), permission("events"))) == []


def test_what_is_planned_before_a_version_is_there_names_a_new_one() -> None:
    _, alias, _ = steps(function(mapping()))

    assert alias.parameters == {"name": "live", "version": NEW}


def test_a_stage_that_has_nothing_to_do_is_left_out() -> None:
    state = function(target(), published=[version("1")])
    [stage] = plan(state, case(state).exposed, "live", repoint_push=False).stages

    assert [action.kind for action in stage] == [ActionKind.CREATE_ALIAS]


def test_the_newest_version_is_by_number_whatever_came_first() -> None:
    state = function(mapping(), code=code(version("10"), version("9", "B")))

    assert steps(state)[0].parameters == {"name": "live", "version": "10"}


class TestAPermission:
    def test_is_given_to_the_alias_as_it_is(self) -> None:
        whole = permission(
            "s3",
            bucket_arn("uploads"),
            source_account=ACCOUNT,
        )

        [statement] = granted(notification(), permissions=(whole,))

        assert statement.pop("StatementId").startswith("stackwarden-")
        assert statement == {
            "FunctionName": ORDERS,
            "Qualifier": "live",
            "Action": "lambda:InvokeFunction",
            "Principal": "s3.amazonaws.com",
            "SourceArn": bucket_arn("uploads"),
            "SourceAccount": ACCOUNT,
        }

    @pytest.mark.parametrize(
        "beyond",
        [
            {"organization": "o-abc"},
            {"event_source_token": "token"},
            {"url_auth_type": "NONE"},
            {"via_url": True},
        ],
    )
    def test_is_left_to_its_owner_where_the_workflow_could_only_make_a_wider_one(
        self, beyond: dict[str, Any]
    ) -> None:
        narrow = permission("s3", bucket_arn("uploads"), **beyond)

        assert granted(notification(), permissions=(narrow,)) == []

    def test_is_named_by_what_it_allows(self) -> None:
        state = ready()
        first = add_permission(state, RULE, "live")

        assert first == add_permission(state, replace(RULE, sid="another"), "live")
        assert first != add_permission(state, replace(RULE, source_account=ACCOUNT), "live")

    def test_is_given_once_where_two_statements_allow_the_same(self) -> None:
        both = (RULE, replace(RULE, sid="again"))

        assert len(granted(target(), permissions=both)) == 1

    def test_is_given_once_where_two_targets_need_it(self) -> None:
        assert len(granted(target(), target(name="second"), permissions=(RULE,))) == 1

    def test_that_the_alias_has_is_not_given_again(self) -> None:
        has = replace(RULE, sid="by the template")

        assert granted(target(), permissions=(RULE,), granted=(has,)) == []

    def test_is_given_where_the_alias_has_another_one(self) -> None:
        other = replace(RULE, source_account=ACCOUNT)

        assert len(granted(target(), permissions=(RULE,), granted=(other,))) == 1

    def test_that_cannot_be_said_in_the_same_way_is_left_out(self) -> None:
        assert granted(target(), permissions=(replace(RULE, exact=False),)) == []

    def test_of_people_is_left_out(self) -> None:
        account = Permission("theirs", "lambda:InvokeFunction", "210987654321", service=False)

        assert granted(target(), permissions=(RULE, account)) == granted(target(), permissions=(RULE,))

    def test_of_something_that_does_not_run_the_unpublished_code_is_left_out(self) -> None:
        assert granted(mapping(), target("live"), notification(), permissions=LETTING_IN) == granted(
            notification(), permissions=LETTING_IN[:1]
        )


class TestWhatLetsAnInvokerIn:
    @pytest.mark.parametrize(
        ("service", "pattern"),
        [
            ("s3", bucket_arn("uploads")),
            ("s3", bucket_arn("upl*")),
            ("s3", "arn:aws:s3:::upload?"),
            ("s3", None),
        ],
    )
    def test_is_a_permission_of_its_source_or_of_a_pattern_that_has_it(
        self, service: str, pattern: str | None
    ) -> None:
        assert sids((permission(service, pattern),), notification()) == ["sid"]

    @pytest.mark.parametrize(
        ("service", "pattern"),
        [
            ("s3", bucket_arn("uploads-archive")),
            ("s3", bucket_arn("other*")),
            ("sns", bucket_arn("uploads")),
            ("events", None),
        ],
    )
    def test_is_no_permission_of_another_source_or_service(self, service: str, pattern: str | None) -> None:
        assert sids((permission(service, pattern),), notification()) == []

    @pytest.mark.parametrize("kind", [Kind.REST_API, Kind.HTTP_API])
    @pytest.mark.parametrize(
        ("pattern", "lets_in"),
        [
            (f"{EXECUTE}:abc123/*/GET/orders", True),
            (f"{EXECUTE}:abc123/prod/*/*", True),
            (f"{EXECUTE}:abc123/authorizers/xyz", True),
            (f"{EXECUTE}:*/*/GET/orders", True),
            (f"{EXECUTE}:abc*", True),
            (f"{EXECUTE}:*", True),
            ("arn:aws:execute-api:*", True),
            (f"{EXECUTE}:abc1234/*/GET/orders", False),
            (f"{EXECUTE}:xyz789/abc123/GET/abc123", False),
        ],
    )
    def test_of_an_api_has_its_id(self, kind: Kind, pattern: str, lets_in: bool) -> None:
        api = Invoker(kind, HTTP_API if kind is Kind.HTTP_API else REST_API, "GET /orders")

        assert bool(sids((permission("apigateway", pattern),), api)) is lets_in

    @pytest.mark.parametrize(
        ("pattern", "lets_in"),
        [
            (f"{LOGS}:/shop/orders:*", True),
            (f"{LOGS}:/shop/orders", True),
            (f"{LOGS}:/shop/*:*", True),
            (f"{LOGS}:/shop/orders:log-stream:one", True),
            (f"{LOGS}:/shop/orders-old:*", False),
        ],
    )
    def test_of_a_log_group_may_have_its_streams(self, pattern: str, lets_in: bool) -> None:
        group = Invoker(Kind.LOG_GROUP, f"{LOGS}:/shop/orders", "filter")

        assert bool(sids((permission("logs", pattern),), group)) is lets_in

    @pytest.mark.parametrize(
        "principal",
        ["logs.amazonaws.com", f"logs.{REGION}.amazonaws.com", "logs.cn-north-1.amazonaws.com.cn"],
    )
    def test_may_name_the_service_with_its_region(self, principal: str) -> None:
        group = Invoker(Kind.LOG_GROUP, f"{LOGS}:/shop/orders", "filter")
        allowed = replace(permission("logs", f"{LOGS}:/shop/orders:*"), principal=principal)

        assert sids((allowed,), group) == ["sid"]

    @pytest.mark.parametrize(
        ("kind", "service"),
        [
            (Kind.TOPIC, "sns"),
            (Kind.RULE, "events"),
            (Kind.TARGET_GROUP, "elasticloadbalancing"),
            (Kind.USER_POOL, "cognito-idp"),
            (Kind.IOT_RULE, "iot"),
        ],
    )
    def test_is_one_of_its_service(self, kind: Kind, service: str) -> None:
        source = f"arn:aws:{service}:{REGION}:{ACCOUNT}:it"

        assert sids((permission(service, source),), Invoker(kind, source, "it")) == ["sid"]

    @pytest.mark.parametrize("kind", [Kind.SCHEDULE, Kind.PIPE, Kind.STATE_MACHINE, Kind.FUNCTION_URL])
    def test_is_a_role_of_its_own_or_a_url(self, kind: Kind) -> None:
        all_of_them = (permission("scheduler"), permission("pipes"), permission("states"), *LETTING_IN)

        assert sids(all_of_them, Invoker(kind, "it", "it")) == []

    def test_is_not_the_functions_own_policy_for_what_goes_through_an_alias(self) -> None:
        assert sids(LETTING_IN, target("dev")) == []

    def test_is_the_statement_itself_where_its_source_cannot_be_read(self) -> None:
        theirs = permission("events", "arn:aws:events:eu-central-1:210987654321:rule/theirs", sid="theirs")
        invoker = Invoker(Kind.PERMISSION, str(theirs.source_arn), "theirs")

        assert sids((theirs, *LETTING_IN), invoker) == ["theirs"]

    def test_is_needed_once_for_several_invokers(self) -> None:
        both = (target(), target(name="second"), notification())

        assert sids((*LETTING_IN, permission("events", rule_arn("*"), sid="all")), *both) == [
            "bucket",
            "rule",
            "all",
        ]
