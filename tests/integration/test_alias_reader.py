"""Who invokes a function, as AWS's own answers tell it."""

from typing import Any

import pytest
from botocore.exceptions import ClientError

from stackwarden import aws
from stackwarden.alias_reader import MOST_SOURCES
from stackwarden.alias_subject import Seed
from stackwarden.policies.alias_state import Alias, Kind
from tests.alias_estate import HERE, Estate, answer, calls, function_arn, refuse

SCANS = f"arn:aws:events:{HERE}:rule/scans"
TOPIC = f"arn:aws:sns:{HERE}:orders"
THEIR_TOPIC = "arn:aws:sns:us-east-1:210987654321:orders"
DENIED = "AccessDeniedException"


class TestAFunction:
    def test_that_nothing_invokes_has_no_invokers(self, estate: Estate) -> None:
        found = estate.read()

        assert (found.invokers, found.permissions, found.unread) == ((), (), ())

    def test_that_does_not_exist_is_none(self, estate: Estate) -> None:
        assert estate.reader.invoked(function_arn("nobody")) is None

    def test_that_nothing_invokes_takes_seven_reads(self, estate: Estate) -> None:
        made = calls()

        estate.read()

        assert sorted(made) == [
            "events:ListRuleNamesByTarget",
            "lambda:GetFunctionUrlConfig",
            "lambda:GetPolicy",
            "lambda:ListAliases",
            "lambda:ListEventSourceMappings",
            "lambda:ListEventSourceMappings",
            "pipes:ListPipes",
        ]

    def test_that_may_not_be_read_is_an_error(self, estate: Estate) -> None:
        refuse("lambda", "GetPolicy")

        with pytest.raises(ClientError, match=DENIED):
            estate.read()


class TestAliases:
    def test_are_read_with_their_weights(self, estate: Estate) -> None:
        first = estate.publish()
        estate.update("handler = 1")
        second = estate.publish()
        weights = {second: 0.1}
        estate.alias("live", first, RoutingConfig={"AdditionalVersionWeights": weights})
        estate.alias("dev", "$LATEST")

        assert estate.read().aliases == {
            "live": Alias("live", first, weights),
            "dev": Alias("dev", "$LATEST"),
        }

    def test_on_the_unpublished_code_are_followed_like_the_function(self, estate: Estate) -> None:
        """Their policy, rules and mappings are their own, and what they run is $LATEST."""
        estate.alias("dev", "$LATEST")
        estate.bucket("photos", "billing:dev")
        estate.allow("s3", "arn:aws:s3:::photos", Qualifier="dev")
        estate.rule("scans", "billing:dev", RoleArn=estate.role)
        estate.allow("config", None, "config", Qualifier="dev")

        found = estate.read()

        assert {(i.kind, i.qualifier) for i in found.invokers} == {
            (Kind.BUCKET, "dev"),
            (Kind.RULE, "dev"),
            (Kind.PERMISSION, "dev"),
        }
        assert all(found.runs_latest(invoker) for invoker in found.invokers)
        assert found.permissions == ()

    def test_on_a_version_are_not_asked_for_their_policy(self, estate: Estate) -> None:
        estate.alias("live", estate.publish())
        estate.allow("config", None, Qualifier="live")

        assert estate.read().invokers == ()


class TestMappings:
    def test_of_an_alias_are_told_from_those_of_the_function(self, estate: Estate) -> None:
        estate.alias("live", estate.publish())
        plain, through_alias = estate.mapping("jobs"), estate.mapping("orders", "billing:live")

        found = estate.read()

        assert {i.id: found.runs_latest(i) for i in found.invokers} == {plain: True, through_alias: False}

    def test_of_a_qualifier_are_asked_for_by_its_name(self, estate: Estate) -> None:
        """Whether those of the function are all of them, is not documented."""
        estate.alias("live", estate.publish())
        asked: list[str] = []
        aws.client("lambda").meta.events.register(
            "provide-client-params.lambda.ListEventSourceMappings",
            lambda params, **_: asked.append(params["FunctionName"]),
        )

        estate.read()

        assert asked == ["billing", "billing:$LATEST", "billing:live"]

    def test_of_a_second_page_are_found(self, estate: Estate) -> None:
        uuids = {estate.mapping(f"jobs-{number}") for number in range(3)}
        held = list[Any]()

        def halve(parsed: dict[str, Any]) -> None:
            """Moto does not page."""
            if held:
                parsed["EventSourceMappings"] = held
                return
            mappings = parsed["EventSourceMappings"]
            held.extend(mappings[2:])
            parsed.update(EventSourceMappings=mappings[:2], NextMarker="more")

        answer("lambda", "ListEventSourceMappings", halve)

        assert {invoker.id for invoker in estate.read().invokers} == uuids

    def test_that_are_switched_off_are_found_as_such(self, estate: Estate) -> None:
        estate.mapping("jobs", Enabled=False)

        assert not estate.invoker().enabled

    def test_that_an_event_told_of_are_read_whatever_the_list_says(self, estate: Estate) -> None:
        uuid = estate.mapping("jobs")
        answer("lambda", "ListEventSourceMappings", lambda parsed: parsed.update(EventSourceMappings=[]))

        assert estate.invokers() == []
        assert estate.invokers(Seed(Kind.MAPPING, uuid)) == [(Kind.MAPPING, uuid, None)]


class TestAPermission:
    def test_of_a_source_that_names_the_function_gives_way_to_it(self, estate: Estate) -> None:
        estate.bucket("photos", "billing")
        estate.allow("s3", "arn:aws:s3:::photos")

        found = estate.read()

        assert [(i.kind, i.source, i.id, i.qualifier) for i in found.invokers] == [
            (Kind.BUCKET, "arn:aws:s3:::photos", "tells-1", None)
        ]
        assert [permission.sid for permission in found.permissions] == ["allowed"]

    def test_of_a_source_that_names_the_alias_by_now_is_no_invoker(self, estate: Estate) -> None:
        estate.alias("live", estate.publish())
        estate.bucket("photos", "billing:live")
        estate.allow("s3", "arn:aws:s3:::photos")

        assert estate.invokers() == [(Kind.BUCKET, "tells-1", "live")]

    @pytest.mark.parametrize(
        ("service", "source"),
        [
            ("s3", "arn:aws:s3:::long-gone"),
            ("sns", TOPIC),
            ("events", SCANS),
            ("events", f"arn:aws:events:{HERE}:rule/orders/scans"),
            ("apigateway", f"arn:aws:execute-api:{HERE}:a1b2c3d4e5/*/GET/"),
            ("logs", f"arn:aws:logs:{HERE}:log-group:/aws/lambda/other:*"),
            ("cognito-idp", f"arn:aws:cognito-idp:{HERE}:userpool/us-east-1_gone"),
            (
                "elasticloadbalancing",
                f"arn:aws:elasticloadbalancing:{HERE}:targetgroup/gone/73e2d6bc24d8a067",
            ),
        ],
    )
    def test_of_a_source_that_is_gone_is_no_invoker(self, estate: Estate, service: str, source: str) -> None:
        estate.allow(service, source)

        found = estate.read()

        assert (found.invokers, found.unread) == ((), ())
        assert len(found.permissions) == 1

    @pytest.mark.parametrize(
        ("service", "source"),
        [
            ("config", None),
            ("s3", None),
            ("s3", "arn:aws:s3:::*"),
            ("events", f"arn:aws:events:{HERE}:rule/*"),
            ("apigateway", f"arn:aws:execute-api:{HERE}:*/*/GET/"),
            ("secretsmanager", f"arn:aws:secretsmanager:{HERE}:secret:db-AbCdEf"),
        ],
    )
    def test_of_a_source_that_nobody_can_read_is_the_invoker(
        self, estate: Estate, service: str, source: str | None
    ) -> None:
        estate.allow(service, source)

        found = estate.read()

        assert [(i.kind, i.id, i.qualifier) for i in found.invokers] == [(Kind.PERMISSION, "allowed", None)]
        assert found.unread == ()

    @pytest.mark.parametrize("named", ["billing", "billing:live"])
    def test_that_names_no_source_gives_way_to_one_that_is_known(self, estate: Estate, named: str) -> None:
        """SAM makes such a permission for a bucket of its own template."""
        estate.alias("live", estate.publish())
        estate.bucket("photos", named)
        estate.allow("s3", None, SourceAccount="123456789012")

        found = estate.invokers(Seed(Kind.BUCKET, "photos"))

        assert found == [(Kind.BUCKET, "tells-1", named.partition(":")[2] or None)]

    def test_that_names_no_source_is_not_explained_by_another_service(self, estate: Estate) -> None:
        estate.bucket("photos", "billing")
        estate.allow("sns", None)

        found = estate.invokers(Seed(Kind.BUCKET, "photos"))

        assert found == [(Kind.BUCKET, "tells-1", None), (Kind.PERMISSION, "allowed", None)]

    def test_that_names_no_source_is_read_after_those_that_do(self, estate: Estate) -> None:
        estate.bucket("photos", "billing")
        estate.allow("s3", None, sid="anything")
        estate.allow("s3", "arn:aws:s3:::photos", sid="photos")

        assert estate.invokers() == [(Kind.BUCKET, "tells-1", None)]

    @pytest.mark.parametrize("source", [THEIR_TOPIC, TOPIC.replace("us-east-1", "eu-west-1")])
    def test_of_a_source_elsewhere_is_the_invoker(self, estate: Estate, source: str) -> None:
        estate.allow("sns", source)
        made = calls()

        found = estate.read()

        assert [(i.kind, i.source) for i in found.invokers] == [(Kind.PERMISSION, source)]
        assert found.unread == (f"{source} is in another account or Region",)
        assert not any("Subscriptions" in call for call in made)

    def test_of_another_accounts_bucket_is_the_invoker(self, estate: Estate) -> None:
        estate.bucket("photos", "billing")
        estate.allow("s3", "arn:aws:s3:::photos", SourceAccount="210987654321")

        assert estate.invokers() == [(Kind.PERMISSION, "allowed", None)]

    @pytest.mark.parametrize(
        ("service", "source", "client", "operation", "code", "said"),
        [
            (
                "s3",
                "arn:aws:s3:::photos",
                "s3",
                "GetBucketNotificationConfiguration",
                "AccessDenied",
                "s3:GetBucketNotification on photos is denied",
            ),
            (
                "sns",
                TOPIC,
                "sns",
                "ListSubscriptionsByTopic",
                "AuthorizationError",
                f"sns:ListSubscriptionsByTopic on {TOPIC} is denied",
            ),
            (
                "events",
                SCANS,
                "events",
                "ListTargetsByRule",
                DENIED,
                f"events:ListTargetsByRule on {SCANS} is denied",
            ),
            (
                "apigateway",
                f"arn:aws:execute-api:{HERE}:a1b2c3d4e5/*",
                "apigatewayv2",
                "GetIntegrations",
                DENIED,
                "apigateway:GET on a1b2c3d4e5 is denied",
            ),
        ],
    )
    def test_of_a_source_that_may_not_be_read_is_the_invoker(
        self, estate: Estate, service: str, source: str, client: Any, operation: str, code: str, said: str
    ) -> None:
        estate.allow(service, source)
        refuse(client, operation, code)

        found = estate.read()

        assert [(i.kind, i.id) for i in found.invokers] == [(Kind.PERMISSION, "allowed")]
        assert found.unread == (said,)

    def test_of_an_account_is_peoples(self, estate: Estate) -> None:
        estate.functions.add_permission(
            FunctionName="billing",
            StatementId="partner",
            Action="lambda:InvokeFunction",
            Principal="210987654321",
        )

        assert [(i.kind, i.id) for i in estate.read().invokers] == [(Kind.PEOPLE, "partner")]

    def test_more_of_the_same_source_reads_it_once(self, estate: Estate) -> None:
        topic = estate.topic("orders", "billing")
        estate.allow("sns", topic, "one")
        estate.allow("sns", topic, "two")
        made = calls()

        found = estate.read(Seed(Kind.TOPIC, topic))

        assert [invoker.kind for invoker in found.invokers] == [Kind.TOPIC]
        assert made.count("sns:ListSubscriptionsByTopic") == 1

    def test_beyond_the_bound_is_the_invoker_itself(self, estate: Estate) -> None:
        for number in range(MOST_SOURCES + 2):
            estate.allow("s3", f"arn:aws:s3:::bucket-{number}", f"sid-{number}")

        found = estate.read()

        assert [i.id for i in found.invokers] == [f"sid-{MOST_SOURCES}", f"sid-{MOST_SOURCES + 1}"]
        assert found.unread == (f"only the first {MOST_SOURCES} sources of its permissions were read",)


class TestWhatNeedsNoPermission:
    def test_rules_with_a_role_are_found_by_their_target(self, estate: Estate) -> None:
        estate.rule("scans", "billing", RoleArn=estate.role)

        assert [(i.kind, i.source) for i in estate.read().invokers] == [(Kind.RULE, SCANS)]

    def test_pipes_are_found_by_their_target(self, estate: Estate) -> None:
        for name, target in (("mine", "billing:live"), ("namesake", "billing-archive")):
            aws.client("pipes").create_pipe(
                Name=name,
                RoleArn=estate.role,
                Source=f"arn:aws:sqs:{HERE}:jobs",
                Target=function_arn(target),
            )

        found = [(i.kind, i.source.rsplit("/", 1)[-1], i.qualifier) for i in estate.read().invokers]

        assert found == [(Kind.PIPE, "mine", "live")]

    def test_a_url_is_found(self, estate: Estate) -> None:
        estate.functions.create_function_url_config(FunctionName="billing", AuthType="NONE")

        assert estate.invoker().kind is Kind.FUNCTION_URL

    @pytest.mark.parametrize(
        ("service", "operation", "said"),
        [
            ("events", "ListRuleNamesByTarget", f"events:ListRuleNamesByTarget on {function_arn('billing')}"),
            ("pipes", "ListPipes", f"pipes:ListPipes for {function_arn('billing')}"),
            ("lambda", "GetFunctionUrlConfig", f"lambda:GetFunctionUrlConfig on {function_arn('billing')}"),
        ],
    )
    def test_a_call_that_is_denied_is_told(
        self, estate: Estate, service: Any, operation: str, said: str
    ) -> None:
        refuse(service, operation)
        estate.mapping("jobs")

        found = estate.read()

        assert [invoker.kind for invoker in found.invokers] == [Kind.MAPPING]
        assert found.unread == (f"{said} is denied",)

    def test_a_region_without_pipes_is_told(self, estate: Estate, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setenv("AWS_ENDPOINT_URL_PIPES", "http://127.0.0.1:9")

        (said,) = estate.read().unread

        assert said == f"pipes:ListPipes for {function_arn('billing')} is not possible in this Region"
