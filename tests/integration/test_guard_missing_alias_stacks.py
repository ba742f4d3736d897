"""The function missing_alias and stacks: judged once, when all that belongs together is there."""

from collections.abc import Callable
from typing import Any

import pytest

from tests.alias_account import AliasAccount, ended, kinds, settle
from tests.alias_estate import answer
from tests.integration.local_stacks import TABLE, body, create, physical_id
from tests.s3_account import Json, function_arn

ROLE = {"Fn::GetAtt": ["Role", "Arn"]}
INVOKE = '{"StartAt": "A", "States": {"A": {"Type": "Task", "Resource": "${Arn}", "End": true}}}'


def role() -> Json:
    trust = {"Effect": "Allow", "Principal": {"Service": "lambda.amazonaws.com"}, "Action": "sts:AssumeRole"}
    return {"Type": "AWS::IAM::Role", "Properties": {"AssumeRolePolicyDocument": {"Statement": [trust]}}}


def function(name: str = "orders", code: str = "A") -> Json:
    return {
        "Type": "AWS::Lambda::Function",
        "Properties": {
            "FunctionName": name,
            "Runtime": "python3.13",
            "Handler": "index.handler",
            "Role": ROLE,
            "Code": {"ZipFile": code},
        },
    }


def mapped(name: str = "orders", code: str = "A") -> dict[str, Any]:
    """A function and its mapping, as a template declares them."""
    return {
        "Role": role(),
        "Function": function(name, code),
        "Queue": {"Type": "AWS::SQS::Queue", "Properties": {"QueueName": f"{name}-jobs"}},
        "Mapping": {
            "Type": "AWS::Lambda::EventSourceMapping",
            "Properties": {
                "EventSourceArn": {"Fn::GetAtt": ["Queue", "Arn"]},
                "FunctionName": {"Ref": "Function"},
            },
        },
    }


def made(prod: AliasAccount, name: str, **resources: Any) -> str:
    """A stack; its id."""
    return create(prod.local, name, body(**resources), Capabilities=["CAPABILITY_IAM"])


def updated(prod: AliasAccount, name: str, **resources: Any) -> None:
    prod.local.client("cloudformation").update_stack(
        StackName=name, TemplateBody=body(**resources), Capabilities=["CAPABILITY_IAM"]
    )
    prod.local.drain()


def status() -> Callable[[str], None]:
    """What the guard is told of every stack's status, once it is set."""
    said: list[str] = []

    def change(found: dict[str, Any]) -> None:
        for stack in found.get("Stacks", []):
            stack["StackStatus"] = said[-1] if said else stack["StackStatus"]

    answer("cloudformation", "DescribeStacks", change)
    return said.append


class TestCompletion:
    def test_is_judged_with_all_that_it_made(self, prod: AliasAccount) -> None:
        stack_id = made(prod, "shop", **mapped())

        [verdict] = prod.completed(stack_id)

        assert kinds(verdict) == ["publish-version"]
        assert verdict["finding"]["resource"]["stack_id"] == stack_id
        assert verdict["finding"]["actor"] is None
        assert prod.follow(verdict)["outcome"] == "remediated"

    def test_of_a_stack_whose_mapping_names_an_alias_is_compliant(self, prod: AliasAccount) -> None:
        resources = mapped()
        resources["Version"] = {
            "Type": "AWS::Lambda::Version",
            "Properties": {"FunctionName": {"Ref": "Function"}},
        }
        resources["Alias"] = {
            "Type": "AWS::Lambda::Alias",
            "Properties": {
                "FunctionName": {"Ref": "Function"},
                "FunctionVersion": {"Fn::GetAtt": ["Version", "Version"]},
                "Name": "live",
            },
        }
        resources["Mapping"]["Properties"]["FunctionName"] = {"Ref": "Alias"}

        assert prod.completed(made(prod, "shop", **resources)) == []

    def test_of_a_stack_without_functions_starts_nothing(self, prod: AliasAccount) -> None:
        assert prod.completed(made(prod, "tables-only", Orders=TABLE)) == []

    def test_of_a_stack_that_is_gone_starts_nothing(self, prod: AliasAccount) -> None:
        assert prod.completed("arn:aws:cloudformation:us-east-1:123456789012:stack/gone/1") == []

    def test_judges_what_only_the_stack_knows_of(self, prod: AliasAccount) -> None:
        """A state machine leaves no trace at the function that it invokes."""
        machine = {
            "Type": "AWS::StepFunctions::StateMachine",
            "Properties": {
                "RoleArn": ROLE,
                "DefinitionString": {"Fn::Sub": [INVOKE, {"Arn": {"Fn::GetAtt": ["Function", "Arn"]}}]},
            },
        }
        stack_id = made(prod, "shop", Role=role(), Function=function(), Machine=machine)

        [verdict] = prod.completed(stack_id)

        assert kinds(verdict) == ["publish-version"]
        assert verdict["finding"]["evidence"]["state"][0].startswith("state machine")
        assert ended(prod.follow(verdict)) == ("done", "observed")

    def test_judges_a_function_of_another_stack_that_it_invokes(self, prod: AliasAccount) -> None:
        made(prod, "functions", Role=role(), Function=function())
        mapping = mapped()["Mapping"]
        mapping["Properties"]["FunctionName"] = "orders"

        [verdict] = prod.completed(made(prod, "queues", Queue=mapped()["Queue"], Mapping=mapping))

        assert verdict["finding"]["resource"]["name"] == "orders"

    def test_makes_a_finding_of_each_function(self, prod: AliasAccount) -> None:
        both = {f"{name}{key}": value for name in ("a", "b") for key, value in mapped(name).items()}
        for name in ("a", "b"):
            both[f"{name}Function"]["Properties"]["Role"] = {"Fn::GetAtt": [f"{name}Role", "Arn"]}
            both[f"{name}Mapping"]["Properties"] = {
                "EventSourceArn": {"Fn::GetAtt": [f"{name}Queue", "Arn"]},
                "FunctionName": {"Ref": f"{name}Function"},
            }

        verdicts = prod.completed(made(prod, "shop", **both))

        assert sorted(v["finding"]["resource"]["name"] for v in verdicts) == ["a", "b"]

    def test_is_the_same_finding_as_by_a_call(self, prod: AliasAccount) -> None:
        stack_id = made(prod, "shop", **mapped())

        [by_stack], [by_call] = prod.completed(stack_id), prod.mapped()

        assert by_stack["finding"]["id"] == by_call["finding"]["id"]


class TestANestedStack:
    @pytest.fixture
    def mall(self, prod: AliasAccount) -> str:
        """The id of the root of a stack with a function."""
        prod.bucket("templates")
        prod.s3.put_object(Bucket="templates", Key="mall", Body=body(**mapped()).encode())
        url = "https://s3.us-east-1.amazonaws.com/templates/mall"
        child = {"Type": "AWS::CloudFormation::Stack", "Properties": {"TemplateURL": url}}
        return made(prod, "mall", Orders=child)

    def test_is_judged_with_its_root(self, prod: AliasAccount, mall: str) -> None:
        child = physical_id(prod.local, "mall", "Orders")

        [verdict] = prod.completed(mall)

        assert prod.completed(child) == []
        assert verdict["finding"]["resource"]["stack_id"] == child

    def test_is_left_alone_while_its_root_is_at_work(self, prod: AliasAccount, mall: str) -> None:
        def change(found: dict[str, Any]) -> None:
            for stack in found.get("Stacks", []):
                if stack["StackId"] == mall:
                    stack["StackStatus"] = "UPDATE_IN_PROGRESS"

        answer("cloudformation", "DescribeStacks", change)

        assert prod.mapped() == []


class TestAStackAtWork:
    def test_is_left_alone_and_judged_on_completion(self, prod: AliasAccount) -> None:
        stack_id, say = made(prod, "shop", **mapped()), status()
        say("UPDATE_IN_PROGRESS")
        assert prod.mapped() == []

        say("UPDATE_COMPLETE")

        assert [kinds(verdict) for verdict in prod.completed(stack_id)] == [["publish-version"]]

    @pytest.mark.parametrize(
        "busy", ["UPDATE_COMPLETE_CLEANUP_IN_PROGRESS", "UPDATE_ROLLBACK_IN_PROGRESS", "DELETE_IN_PROGRESS"]
    )
    def test_is_left_alone_whatever_it_does(self, prod: AliasAccount, busy: str) -> None:
        made(prod, "shop", **mapped())
        status()(busy)

        assert prod.mapped() == []

    def test_ends_a_finding_before_anything_is_done(self, prod: AliasAccount) -> None:
        stack_id, say = made(prod, "shop", **mapped()), status()
        [first] = prod.completed(stack_id)
        say("UPDATE_IN_PROGRESS")

        last = prod.work(first | {"actions": []})

        assert ended(last) == ("done", "dismissed")

    def test_ends_a_finding_between_two_steps(self, prod: AliasAccount) -> None:
        stack_id, say = made(prod, "shop", **mapped()), status()
        [first] = prod.completed(stack_id)
        say("UPDATE_IN_PROGRESS")

        last = prod.work(first)

        assert ended(last) == ("done", "observed")
        assert (prod.versions(), prod.aliases()) == (["1"], {})

    def test_is_a_new_finding_afterwards(self, prod: AliasAccount) -> None:
        stack_id, say = made(prod, "shop", **mapped()), status()
        [first] = prod.completed(stack_id)
        say("UPDATE_IN_PROGRESS")
        prod.close(prod.work(first))
        say("UPDATE_COMPLETE")

        [again] = prod.completed(stack_id)

        assert kinds(again) == ["create-alias"]
        assert first["finding"]["id"] != again["finding"]["id"]


class TestTheStacksNextUpdate:
    @pytest.fixture
    def shop(self, prod: AliasAccount) -> str:
        """The id of a stack whose mapping was moved to an alias."""
        stack_id = made(prod, "shop", **mapped())
        prod.close(prod.follow(prod.completed(stack_id)[0]), hours_ago=1)
        return stack_id

    def test_leaves_an_alias_behind_that_it_does_not_know(self, prod: AliasAccount, shop: str) -> None:
        updated(prod, "shop", **mapped(code="B"))

        [verdict] = prod.completed(shop)

        assert verdict["finding"]["hazard"] == "alias-behind"
        assert ended(verdict) == ("done", "observed")
        assert prod.mappings() == [function_arn("orders:live")]

    def test_that_changes_nothing_of_it_is_told_nothing(self, prod: AliasAccount, shop: str) -> None:
        updated(prod, "shop", **mapped(), Orders=TABLE)

        assert prod.completed(shop) == []

    def test_may_take_the_mapping_back(self, prod: AliasAccount, shop: str) -> None:
        """It is drift: a change of the mapping in the template sets the function again, too."""
        [uuid] = [each["UUID"] for each in prod.functions.list_event_source_mappings()["EventSourceMappings"]]
        prod.functions.update_event_source_mapping(UUID=uuid, FunctionName="orders")

        [verdict] = prod.completed(shop)

        assert verdict["finding"]["hazard"] == "latest-invoked"
        assert kinds(verdict) == ["repoint-mapping"]


def test_an_exemption_may_name_the_stack(prod: AliasAccount) -> None:
    stack_id = made(prod, "shop", **mapped())
    prod.exempt("shop")

    [verdict] = prod.completed(stack_id)

    assert ended(verdict) == ("done", "exempt")


def test_stackwardens_own_functions_are_left_alone(
    prod: AliasAccount, monkeypatch: pytest.MonkeyPatch
) -> None:
    stack_id = made(prod, "shop", **mapped())
    settle(monkeypatch, prod, STACKWARDEN_STACK_ID=stack_id)

    assert prod.completed(stack_id) == []
    assert prod.mapped() == []
