"""Snippets of `missing-alias`: what is pasted has to parse, name real things and mean the alias."""

import re
from dataclasses import replace
from typing import Any

import pytest
import yaml
from hypothesis import given
from hypothesis import strategies as st
from samtranslator.translator.transform import transform  # type: ignore[import-untyped]

from stackwarden.policies.alias_snippets import TOOLS, declared_name, hints, snippets
from stackwarden.policies.alias_state import Function, Invoker, Kind, Permission
from tests.alias_cases import (
    LETTING_IN,
    STACK,
    function,
    mapping,
    notification,
    permission,
    ready,
    subscription,
)

MOST_LINES = {"SAM": 12, "CloudFormation": 19, "Serverless Framework": 12, "CDK": 8, "Terraform": 14}
LONGEST_LINE = 600 - 2  # what a report prints of an indented line
PUSHED = function(mapping(), notification(), subscription(), permissions=LETTING_IN)
ALL_KINDS = tuple(
    Invoker(kind, f"arn:aws:x:eu-central-1:123456789012:thing/{kind.name}", "PreSignUp")
    for kind in Kind
    if kind is not Kind.PEOPLE
)


class Loader(yaml.SafeLoader):
    """Reads the short forms of CloudFormation's functions."""


def _short_form(loader: Loader, name: str, node: yaml.ScalarNode) -> dict[str, Any]:
    value = str(loader.construct_scalar(node))
    return {"Fn::GetAtt": value.split(".")} if name == "GetAtt" else {name: value}


Loader.add_multi_constructor("!", _short_form)


def parsed(snippet: str) -> Any:
    return yaml.load(snippet, Loader)  # noqa: S506 - a SafeLoader


def of(state: Function, tool: str, alias: str = "live", made: bool = False) -> str:
    return snippets(state, state.invokers, alias, made)[tool]


def test_sam_makes_the_alias_and_moves_the_mapping_below_events(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("AWS_DEFAULT_REGION", "eu-central-1")
    template = parsed(of(function(mapping(), stack=replace(STACK, logical_id="Orders")), "SAM"))
    queue = {"Type": "SQS", "Properties": {"Queue": "arn:aws:sqs:eu-central-1:123456789012:orders"}}
    code = {"Handler": "app.main", "Runtime": "python3.13", "CodeUri": "s3://bucket/key"}
    template["Orders"]["Properties"] |= {**code, "Events": {"Queue": queue}}
    outside = {"FunctionName": {"Ref": "Orders.Alias"}, "EventSourceArn": queue["Properties"]}
    template["Other"] = {"Type": "AWS::Lambda::EventSourceMapping", "Properties": outside}

    made = transform({"Resources": template}, {}, NoPolicies())["Resources"]

    [alias] = [name for name, each in made.items() if each["Type"] == "AWS::Lambda::Alias"]
    assert made[alias]["Properties"]["Name"] == "live"
    assert made["OrdersQueue"]["Properties"]["FunctionName"] == {"Ref": alias}
    assert made["Other"]["Properties"]["FunctionName"] == {"Ref": alias}


class NoPolicies:
    """SAM asks for AWS's managed policies; these templates name none."""

    def load(self) -> dict[str, str]:
        return {}


def test_cloudformation_publishes_a_version_and_lets_push_triggers_in() -> None:
    resources = parsed(of(PUSHED, "CloudFormation"))

    assert resources["OrdersAlias"]["Properties"] == {
        "FunctionName": {"Ref": "Orders"},
        "FunctionVersion": {"Fn::GetAtt": ["OrdersVersion1", "Version"]},
        "Name": "live",
    }
    assert resources["OrdersVersion1"]["DeletionPolicy"] == "Retain"
    assert resources["OrdersAliasPermission1"]["Properties"] == {
        "FunctionName": {"Ref": "OrdersAlias"},
        "Action": "lambda:InvokeFunction",
        "Principal": "s3.amazonaws.com",
        "SourceArn": "arn:aws:s3:::uploads",
        "SourceAccount": "123456789012",
    }


def test_a_permission_of_nothing_that_is_moved_is_not_in_the_snippet() -> None:
    assert "Permission" not in of(function(mapping(), permissions=LETTING_IN), "CloudFormation")


@pytest.mark.parametrize("tool", ["SAM", "CloudFormation", "Terraform", "CDK"])
def test_every_kind_of_trigger_has_a_line_of_its_own(tool: str) -> None:
    lines = {of(function(invoker), tool) for invoker in ALL_KINDS}

    assert len(lines) == len(ALL_KINDS)


def test_more_triggers_than_can_be_told_are_counted() -> None:
    many = [mapping(name=f"m-{number}", queue=f"queue-{number}") for number in range(6)]

    assert "# and 2 more" in of(function(*many), "CloudFormation").splitlines()


def test_terraform_imports_an_alias_that_is_there() -> None:
    assert "terraform import aws_lambda_alias.live orders/live" in of(ready(mapping()), "Terraform")
    assert "terraform import" not in of(function(mapping()), "Terraform")


def test_terraform_names_what_each_trigger_names() -> None:
    snippet = of(PUSHED, "Terraform")

    assert "publish = true" in snippet
    assert "function_version = aws_lambda_function.orders.version" in snippet
    assert (
        "aws_lambda_event_source_mapping of SQS queue orders:  function_name = aws_lambda_alias.live.arn"
        in snippet
    )
    assert "lambda_function_arn = aws_lambda_alias.live.arn" in snippet
    assert "qualifier = aws_lambda_alias.live.name" in snippet


def test_a_template_gets_another_name_than_the_alias_that_stackwarden_made() -> None:
    made = ready(mapping("live"))

    assert "AutoPublishAlias: current " in of(made, "SAM", made=True)
    assert "Name: current}" in of(made, "CloudFormation", made=True)
    assert "alias: current}" in of(made, "Serverless Framework", made=True)
    assert 'aliasName: "current"' in of(made, "CDK", made=True)
    assert '"live"' in of(made, "Terraform", made=True)


def test_the_other_name_is_one_that_no_alias_has() -> None:
    taken = {**ready().aliases} | {name: ready().aliases["live"] for name in ("current", "released")}

    assert declared_name(ready(aliases=taken), "live", made=True) == "stable"
    assert declared_name(ready(aliases=taken), "live", made=False) == "live"


def test_a_name_that_yaml_takes_for_a_truth_value_is_quoted() -> None:
    assert parsed(of(function(mapping()), "SAM", "on"))["Orders"]["Properties"]["AutoPublishAlias"] == "on"


@pytest.mark.parametrize(
    ("name", "logical_id", "key"),
    [
        ("shop-prod-createOrder", "CreateOrderLambdaFunction", "createOrder"),
        ("shop-prod-create-order", "CreateDashorderLambdaFunction", "create-order"),
        ("shop-prod-dashboard", "DashboardLambdaFunction", "dashboard"),
        ("own-name", "OrdersLambdaFunction", "orders"),
    ],
)
def test_the_serverless_framework_finds_its_function_by_its_key(name: str, logical_id: str, key: str) -> None:
    arn = f"arn:aws:lambda:eu-central-1:123456789012:function:{name}"
    state = Function(arn, (mapping(),), stack=replace(STACK, logical_id=logical_id))

    settings = parsed(of(state, "Serverless Framework"))["functions"]

    assert settings == {key: {"deploymentSettings": {"type": "AllAtOnce", "alias": "live"}}}


def test_the_serverless_framework_is_told_what_its_plugin_leaves() -> None:
    url = Invoker(Kind.FUNCTION_URL, "https://abc.lambda-url.eu-central-1.on.aws/", "NONE")

    assert "does not move" in of(function(url), "Serverless Framework")
    assert "does not move" not in of(function(mapping()), "Serverless Framework")


def test_the_cdk_is_warned_that_a_stream_is_read_again() -> None:
    stream = Invoker(Kind.MAPPING, "arn:aws:kinesis:eu-central-1:123456789012:stream/clicks", "m-1")

    assert "startingPosition" in of(function(stream), "CDK")
    assert "startingPosition" not in of(function(mapping()), "CDK")


def test_every_tool_has_a_snippet_and_a_hint() -> None:
    assert tuple(snippets(PUSHED, PUSHED.invokers, "live")) == TOOLS
    assert tuple(hints(PUSHED, "live")) == TOOLS


NAMES = st.from_regex(r"\A[A-Za-z0-9_-]{1,64}\Z")
ALIASES = st.from_regex(r"\A[A-Za-z_-][A-Za-z0-9_-]{0,127}\Z")
SOURCES = st.one_of(
    st.text(max_size=300),
    st.from_regex(r"\Aarn:aws:[a-z0-9]{0,9}:[a-z0-9-]{0,12}:[0-9]{0,12}:[ -~]{0,300}\Z"),
)
INVOKERS = st.builds(
    Invoker,
    kind=st.sampled_from(Kind),
    source=SOURCES,
    id=st.text(max_size=300),
    qualifier=st.none() | ALIASES | st.text(min_size=1, max_size=20),
    enabled=st.booleans(),
)
PERMISSIONS = st.builds(
    Permission,
    sid=st.text(max_size=100),
    action=st.just("lambda:InvokeFunction"),
    principal=st.sampled_from(["s3.amazonaws.com", "sns.amazonaws.com", "events.amazonaws.com"]),
    source_arn=st.none() | SOURCES,
)


@given(
    name=NAMES,
    alias=ALIASES,
    invokers=st.lists(INVOKERS, max_size=8),
    permissions=st.lists(PERMISSIONS, max_size=4),
    made=st.booleans(),
)
def test_a_snippet_is_short_parses_and_holds_no_line_of_a_stranger(
    name: str, alias: str, invokers: list[Invoker], permissions: list[Permission], made: bool
) -> None:
    arn = f"arn:aws:lambda:eu-central-1:123456789012:function:{name}"
    state = Function(arn, tuple(invokers), permissions=tuple(permissions))

    for tool, snippet in snippets(state, state.invokers, alias, made).items():
        lines = snippet.splitlines()
        assert len(lines) <= MOST_LINES[tool]
        assert max(map(len, lines)) <= LONGEST_LINE
        assert all(re.fullmatch(r"[ -~]+", line) for line in lines)
        if tool in ("SAM", "CloudFormation", "Serverless Framework"):
            assert isinstance(parsed(snippet), dict)
        if tool == "CloudFormation":
            assert {each["Type"].split("::")[1] for each in parsed(snippet).values()} == {"Lambda"}


def test_a_source_that_would_start_a_line_of_its_own_does_not() -> None:
    evil = replace(mapping(), source="x\nEvil:\n  Type: AWS::IAM::User\u2028")

    assert set(parsed(of(function(evil), "CloudFormation"))) == {"OrdersVersion1", "OrdersAlias"}


def test_a_permission_with_a_pattern_stays_a_text() -> None:
    state = function(notification(), permissions=(permission("s3", "arn:aws:s3:::upl*"),))

    resources = parsed(of(state, "CloudFormation"))

    assert resources["OrdersAliasPermission1"]["Properties"]["SourceArn"] == "arn:aws:s3:::upl*"
