"""The function data_deletion against moto: what it reads, how often, and what it makes of AWS's errors."""

import json
from collections.abc import Iterator
from types import ModuleType, SimpleNamespace
from typing import Any

import boto3
import pytest
from botocore.exceptions import ClientError

from stackwarden import aws
from tests import moto_server, sample_events
from tests.conftest import STATE_MACHINE

TABLE = {
    "Type": "AWS::DynamoDB::Table",
    "Properties": {
        "AttributeDefinitions": [{"AttributeName": "id", "AttributeType": "S"}],
        "KeySchema": [{"AttributeName": "id", "KeyType": "HASH"}],
        "BillingMode": "PAY_PER_REQUEST",
    },
}
TOPIC = {"Type": "AWS::SNS::Topic"}
CONTEXT = SimpleNamespace(
    function_name="stackwarden-data-deletion",
    memory_limit_in_mb=512,
    invoked_function_arn="arn:aws:lambda:us-east-1:123456789012:function:stackwarden-data-deletion",
    aws_request_id="00000000-0000-0000-0000-000000000000",
)
READERS = ("cloudformation", "dynamodb", "rds", "ssm")


@pytest.fixture(scope="module")
def endpoint() -> Iterator[str]:
    with moto_server.serve() as address:
        yield address


class Account:
    """An account in moto, and the guard's function in it."""

    def __init__(self, app: ModuleType) -> None:
        self._app = app
        self.cloudformation, self.dynamodb = boto3.client("cloudformation"), boto3.client("dynamodb")
        self.rds, self.ssm, self.s3 = boto3.client("rds"), boto3.client("ssm"), boto3.client("s3")
        self.stepfunctions = boto3.client("stepfunctions")
        readers = [aws.client(name) for name in READERS]  # type: ignore[call-overload]  # one name each
        self.calls = moto_server.Calls(*readers)
        self.stacks = moto_server.Stacks(aws.client("cloudformation"))
        name = STATE_MACHINE.rsplit(":", 1)[-1]
        definition = json.dumps({"StartAt": "Done", "States": {"Done": {"Type": "Succeed"}}})
        role = "arn:aws:iam::123456789012:role/any"
        self.stepfunctions.create_state_machine(name=name, definition=definition, roleArn=role)

    def stack(self, name: str = "shop", **resources: Any) -> str:
        """Create a stack; its id."""
        template = json.dumps({"Resources": resources})
        stack_id: str = self.cloudformation.create_stack(StackName=name, TemplateBody=template)["StackId"]
        return stack_id

    def physical(self, stack: str, logical_id: str) -> str:
        """The physical id of a resource."""
        answer = self.cloudformation.describe_stack_resource(StackName=stack, LogicalResourceId=logical_id)
        name: str = answer["StackResourceDetail"]["PhysicalResourceId"]
        return name

    def protect(self, table: str) -> None:
        """Switch on all that a table offers."""
        self.dynamodb.update_table(TableName=table, DeletionProtectionEnabled=True)
        self.dynamodb.update_continuous_backups(
            TableName=table, PointInTimeRecoverySpecification={"PointInTimeRecoveryEnabled": True}
        )

    def happens(self, case: str, **detail: Any) -> list[dict[str, Any]]:
        """Let an event reach the function; the verdicts that it started the workflow with."""
        event = sample_events.now("data-deletion", case)
        event["detail"].update(detail)
        return self.invoke(event)

    def invoke(self, event: dict[str, Any]) -> list[dict[str, Any]]:
        """Invoke the function with an event; the verdicts of the executions that it names."""
        names = self._app.handler(event, CONTEXT)["started"]
        arns = [f"{STATE_MACHINE.replace(':stateMachine:', ':execution:')}:{name}" for name in names]
        inputs = [self.stepfunctions.describe_execution(executionArn=arn)["input"] for arn in arns]
        return [json.loads(text) for text in inputs]

    def judge(self, verdict: dict[str, Any]) -> dict[str, Any]:
        """Let the workflow ask the function to judge again."""
        answer: dict[str, Any] = self._app.handler({"task": "judge", "verdict": verdict}, CONTEXT)
        return answer


@pytest.fixture
def account(endpoint: str, app: ModuleType, monkeypatch: pytest.MonkeyPatch) -> Account:
    monkeypatch.setenv("AWS_ENDPOINT_URL", endpoint)
    moto_server.reset(endpoint)
    return Account(app)


def created(account: Account, stack_id: str, logical_id: str = "Orders") -> list[dict[str, Any]]:
    """The event that a table of a stack was created."""
    name = account.physical(stack_id, logical_id)
    changes = {"stack-id": stack_id, "logical-resource-id": logical_id, "physical-resource-id": name}
    return account.happens("resource-created.violation", **changes)


def deleting(account: Account, stack_id: str) -> list[dict[str, Any]]:
    """The event that a stack is being deleted, which is what DescribeStacks then says."""
    account.stacks.say(stack_id, StackStatus="DELETE_IN_PROGRESS")
    return account.happens("stack-deleting.violation", **{"stack-id": stack_id})


def planned(verdict: dict[str, Any]) -> list[tuple[str, str]]:
    assert verdict["next"] == "act"
    return [(action["kind"], action["target"]) for action in verdict["actions"]]


class TestStacks:
    def test_a_new_stack_with_a_table(self, account: Account) -> None:
        stack_id = account.stack(Orders=TABLE)

        [verdict] = created(account, stack_id)

        table = account.physical(stack_id, "Orders")
        assert planned(verdict) == [
            ("set-termination-protection", stack_id),
            ("protect-table", table),
            ("enable-point-in-time-recovery", table),
        ]
        assert verdict["finding"]["resource"]["arn"] == stack_id

    def test_a_stack_still_being_created_gets_termination_protection_only(self, account: Account) -> None:
        stack_id = account.stack(Orders=TABLE)
        account.stacks.say(stack_id, StackStatus="CREATE_IN_PROGRESS")

        [verdict] = created(account, stack_id)

        assert planned(verdict) == [("set-termination-protection", stack_id)]

    def test_judging_again_reads_the_whole_stack(self, account: Account) -> None:
        stack_id = account.stack(Orders=TABLE, Carts=TABLE)
        account.stacks.say(stack_id, StackStatus="CREATE_IN_PROGRESS")
        [verdict] = created(account, stack_id)
        account.stacks.say(stack_id, StackStatus="CREATE_COMPLETE", EnableTerminationProtection=True)

        again = account.judge(verdict)

        assert [kind for kind, _ in planned(again)] == [
            "protect-table",
            "enable-point-in-time-recovery",
        ] * 2

    def test_protected_once_live_state_says_so(self, account: Account) -> None:
        stack_id = account.stack(Orders=TABLE)
        [verdict] = created(account, stack_id)
        account.protect(account.physical(stack_id, "Orders"))
        account.stacks.say(stack_id, EnableTerminationProtection=True)
        results = [action | {"status": "done"} for action in verdict["actions"]]

        again = account.judge(verdict | {"results": results})

        assert (again["next"], again["outcome"]) == ("done", "protected")
        assert [tag["kind"] for tag in again["annotations"]] == ["tag-table"]

    def test_a_deletion_policy_in_a_json_template(self, account: Account) -> None:
        retained = TABLE | {"DeletionPolicy": "Retain", "UpdateReplacePolicy": "Retain"}

        assert created(account, account.stack(Orders=retained)) == []

    def test_a_deletion_policy_in_a_yaml_template_with_short_forms(self, account: Account) -> None:
        template = """
            Resources:
              Orders:
                Type: AWS::DynamoDB::Table
                DeletionPolicy: Retain
                Properties:
                  TableName: !Sub "${AWS::StackName}-orders"
                  AttributeDefinitions: [{AttributeName: id, AttributeType: S}]
                  KeySchema: [{AttributeName: id, KeyType: HASH}]
                  BillingMode: PAY_PER_REQUEST
        """
        stack_id = account.cloudformation.create_stack(StackName="shop", TemplateBody=template)["StackId"]

        [verdict] = created(account, stack_id)

        assert (verdict["next"], verdict["outcome"]) == ("done", "observed")
        assert "UpdateReplacePolicy" in verdict["finding"]["fix"]

    def test_a_stack_of_more_than_one_page(self, account: Account) -> None:
        topics: dict[str, Any] = {f"Topic{n}": TOPIC for n in range(110)}
        stack_id = account.stack(**topics, Orders=TABLE)

        [verdict] = deleting(account, stack_id)

        assert planned(verdict) == [("protect-table", account.physical(stack_id, "Orders"))]
        assert account.calls.made.count("cloudformation:ListStackResources") == 2

    def test_a_stack_that_is_unknown_is_left_alone(self, account: Account) -> None:
        assert account.happens("delete-stack-by-name.violation") == []
        assert account.happens("stack-deleting.violation") == []

    def test_a_stack_without_data_is_left_alone(self, account: Account) -> None:
        assert deleting(account, account.stack(Topic=TOPIC)) == []

    def test_the_same_deletion_seen_twice_is_one_finding(self, account: Account) -> None:
        stack_id = account.stack(Orders=TABLE)

        [by_event] = deleting(account, stack_id)
        [by_call] = account.happens("delete-stack-by-name.violation", requestParameters={"stackName": "shop"})

        assert by_event["finding"]["id"] == by_call["finding"]["id"]
        assert (by_event["finding"]["actor"], by_call["finding"]["actor"]["event_name"]) == (
            None,
            "DeleteStack",
        )


class TestNestedStacks:
    @pytest.fixture
    def nested(self, account: Account) -> tuple[str, str]:
        """A root stack with a table in a nested stack; both ids."""
        account.s3.create_bucket(Bucket="templates")
        body = json.dumps({"Resources": {"Orders": TABLE}})
        account.s3.put_object(Bucket="templates", Key="data.json", Body=body)
        url = "https://s3.amazonaws.com/templates/data.json"
        child = {"Type": "AWS::CloudFormation::Stack", "Properties": {"TemplateURL": url}}
        root_id = account.stack(Data=child)
        name = account.physical(root_id, "Data")
        nested_id = account.cloudformation.describe_stacks(StackName=name)["Stacks"][0]["StackId"]
        account.stacks.nested[name] = nested_id
        account.stacks.say(nested_id, RootId=root_id)
        return root_id, nested_id

    def test_the_root_gets_termination_protection(self, account: Account, nested: tuple[str, str]) -> None:
        root_id, nested_id = nested

        [verdict] = created(account, nested_id)

        table = account.physical(nested_id, "Orders")
        assert planned(verdict) == [
            ("set-termination-protection", root_id),
            ("protect-table", table),
            ("enable-point-in-time-recovery", table),
        ]

    def test_tables_of_nested_stacks_are_rescued(self, account: Account, nested: tuple[str, str]) -> None:
        root_id, nested_id = nested

        [verdict] = deleting(account, root_id)

        assert planned(verdict) == [("protect-table", account.physical(nested_id, "Orders"))]

    def test_an_exemption_of_the_root_exempts_what_is_nested(
        self, account: Account, nested: tuple[str, str]
    ) -> None:
        exempt(account, "shop")

        [verdict] = deleting(account, nested[0])

        assert verdict["outcome"] == "exempt"


def exempt(account: Account, name: str, **changes: Any) -> None:
    document = {
        "requested_by": "developer",
        "approved_by": "security",
        "reason": "a copy",
        "until": sample_events.ahead(days=30),
    }
    account.ssm.put_parameter(
        Name=f"/stackwarden/exemptions/data-deletion/{name}",
        Type="String",
        Value=json.dumps(document | changes),
    )


class TestExemptions:
    def test_one_in_force(self, account: Account) -> None:
        exempt(account, "shop")

        [verdict] = created(account, account.stack(Orders=TABLE))

        assert (verdict["next"], verdict["outcome"]) == ("done", "exempt")
        assert verdict["finding"]["exemption"]["approved_by"] == "security"

    def test_one_too_long_does_not_count_and_the_finding_says_so(self, account: Account) -> None:
        exempt(account, "shop", until=sample_events.ahead(days=120))

        [verdict] = created(account, account.stack(Orders=TABLE))

        assert verdict["next"] == "act"
        [problem] = verdict["finding"]["evidence"]["exemption_problems"]
        assert "/stackwarden/exemptions/data-deletion/shop runs longer than 90 days" in problem

    def test_an_exempt_table_does_not_keep_the_others_of_its_stack_from_being_protected(
        self, account: Account
    ) -> None:
        stack_id = account.stack(Orders=TABLE, Carts=TABLE)
        exempt(account, account.physical(stack_id, "Orders"))
        account.stacks.say(stack_id, StackStatus="CREATE_IN_PROGRESS")

        [first] = created(account, stack_id, "Orders")
        account.stacks.say(stack_id, StackStatus="CREATE_COMPLETE", EnableTerminationProtection=True)

        assert first["next"] == "wait"
        assert {target for _, target in planned(account.judge(first))} == {
            account.physical(stack_id, "Carts")
        }


class TestSingleResources:
    def test_a_table_made_by_a_person(self, account: Account) -> None:
        make_table(account, "ledger")

        [verdict] = account.happens("create-table.violation")

        assert planned(verdict) == [("protect-table", "ledger"), ("enable-point-in-time-recovery", "ledger")]

    def test_a_table_made_with_its_protection(self, account: Account) -> None:
        make_table(account, "ledger")
        account.protect("ledger")

        assert account.happens("create-table.violation") == []

    def test_a_table_that_is_gone_again(self, account: Account) -> None:
        assert account.happens("create-table.violation") == []

    def test_a_deleted_table_is_reported_once_its_backup_was_looked_for(self, account: Account) -> None:
        [verdict] = account.happens("delete-table.violation")

        assert verdict["next"] == "wait"
        for _ in range(30):
            if verdict["next"] == "done":
                break
            verdict = account.judge(verdict)
        assert verdict["outcome"] == "lost"
        assert "no backup of it was found" in verdict["finding"]["evidence"]["lost"][0]

    def test_a_deleted_table_with_a_backup_comes_with_the_command_that_restores_it(
        self, account: Account
    ) -> None:
        make_table(account, "sessions")
        made = account.dynamodb.create_backup(TableName="sessions", BackupName="before")
        account.dynamodb.delete_table(TableName="sessions")

        [verdict] = account.happens("delete-table.violation")

        assert verdict["outcome"] == "lost"
        command = f"--target-table-name sessions --backup-arn {made['BackupDetails']['BackupArn']}"
        assert command in verdict["finding"]["evidence"]["lost"][0]

    def test_a_database_instance(self, account: Account) -> None:
        make_instance(account, "billing")

        [made] = account.happens("create-db-instance.violation")
        account.rds.modify_db_instance(DBInstanceIdentifier="billing", DeletionProtection=True)

        assert planned(made) == [("protect-db-instance", "billing")]
        assert account.happens("modify-db-instance-protection-off.violation") == []

    def test_a_database_cluster(self, account: Account) -> None:
        account.rds.create_db_cluster(
            DBClusterIdentifier="accounts",
            Engine="aurora-mysql",
            MasterUsername="admin",
            MasterUserPassword="not-a-secret",
        )

        [off] = account.happens("modify-db-cluster-protection-off.violation")
        account.rds.modify_db_cluster(DBClusterIdentifier="accounts", DeletionProtection=True)

        assert planned(off) == [("protect-db-cluster", "accounts")]
        assert account.happens("modify-db-cluster-protection-off.violation") == []

    def test_databases_that_are_gone(self, account: Account) -> None:
        assert account.happens("create-db-instance.violation") == []
        assert account.happens("modify-db-cluster-protection-off.violation") == []

    def test_a_switched_off_table_of_a_stack_is_judged_with_its_stack(self, account: Account) -> None:
        stack_id = account.stack(Orders=TABLE)
        table = account.physical(stack_id, "Orders")
        arn = account.dynamodb.describe_table(TableName=table)["Table"]["TableArn"]
        # CloudFormation's own tag, which moto does not set
        account.dynamodb.tag_resource(
            ResourceArn=arn, Tags=[{"Key": "aws:cloudformation:stack-id", "Value": stack_id}]
        )
        account.stacks.say(stack_id, StackStatus="UPDATE_IN_PROGRESS", EnableTerminationProtection=True)

        [verdict] = account.happens(
            "update-table-protection-off.violation",
            requestParameters={"tableName": table, "deletionProtectionEnabled": False},
        )

        assert verdict["next"] == "wait"
        assert verdict["finding"]["resource"]["stack_id"] == stack_id


def make_table(account: Account, name: str) -> None:
    account.dynamodb.create_table(TableName=name, **TABLE["Properties"])  # type: ignore[arg-type]  # moto takes it


def make_instance(account: Account, name: str) -> None:
    account.rds.create_db_instance(
        DBInstanceIdentifier=name,
        Engine="mysql",
        DBInstanceClass="db.t3.micro",
        AllocatedStorage=10,
        MasterUsername="admin",
        MasterUserPassword="not-a-secret",
    )


class TestErrors:
    @pytest.mark.parametrize(
        ("service", "operation", "code"),
        [
            ("dynamodb", "DescribeTable", "ThrottlingException"),
            ("cloudformation", "DescribeStacks", "Throttling"),
            ("ssm", "GetParameters", "ThrottlingException"),
        ],
    )
    def test_throttling_is_retried(self, account: Account, service: Any, operation: str, code: str) -> None:
        stack_id = account.stack(Orders=TABLE)
        refused = moto_server.fail(aws.client(service), operation, code, times=2)

        [verdict] = created(account, stack_id)

        assert verdict["next"] == "act"
        assert len(refused) == 2

    @pytest.mark.parametrize(
        ("service", "operation", "code"),
        [
            ("cloudformation", "DescribeStacks", "AccessDenied"),
            ("cloudformation", "GetTemplate", "AccessDenied"),
            ("cloudformation", "ListStackResources", "AccessDenied"),
            ("cloudformation", "DescribeStackEvents", "AccessDenied"),
        ],
    )
    def test_access_denied_is_a_blind_guard(
        self, account: Account, service: Any, operation: str, code: str
    ) -> None:
        stack_id = account.stack(Orders=TABLE)
        moto_server.fail(aws.client(service), operation, code, times=100)

        [verdict] = created(account, stack_id)

        assert (verdict["finding"]["hazard"], verdict["outcome"]) == ("blind", "failed")
        assert operation in verdict["finding"]["title"]

    def test_a_table_that_may_not_be_read_is_protected_all_the_same(self, account: Account) -> None:
        stack_id = account.stack(Orders=TABLE)
        moto_server.fail(aws.client("dynamodb"), "DescribeTable", "AccessDeniedException", times=100)

        [verdict] = deleting(account, stack_id)

        assert planned(verdict) == [("protect-table", account.physical(stack_id, "Orders"))]
        assert verdict["actions"][0]["before"] == {"deletion_protection": None}
        assert "could not be looked at (DescribeTable: refused)" in str(verdict["finding"]["evidence"])

    def test_exemptions_that_may_not_be_read_do_not_count_and_the_finding_says_so(
        self, account: Account
    ) -> None:
        exempt(account, "shop")
        moto_server.fail(aws.client("ssm"), "GetParameters", "AccessDeniedException", times=100)

        [verdict] = deleting(account, account.stack(Orders=TABLE))

        assert verdict["next"] == "act"
        assert "could not be read" in verdict["finding"]["evidence"]["exemption_problems"][0]

    def test_access_denied_on_judging_again_fails_the_remediation(self, account: Account) -> None:
        [verdict] = created(account, account.stack(Orders=TABLE))
        moto_server.fail(aws.client("cloudformation"), "DescribeStacks", "AccessDenied", times=100)

        again = account.judge(verdict)

        assert (again["next"], again["outcome"]) == ("done", "failed")
        assert again["finding"]["evidence"]["denied"] == "DescribeStacks: refused"

    def test_a_table_that_is_not_found_is_lost_and_the_others_are_rescued(self, account: Account) -> None:
        stack_id = account.stack(Orders=TABLE, Carts=TABLE)
        account.dynamodb.delete_table(TableName=account.physical(stack_id, "Carts"))

        [verdict] = deleting(account, stack_id)

        assert planned(verdict) == [("protect-table", account.physical(stack_id, "Orders"))]
        [lost] = verdict["finding"]["evidence"]["lost"]
        assert lost.startswith(f"DynamoDB table {account.physical(stack_id, 'Carts')}: gone")

    def test_what_stays_an_error_fails_the_invocation(self, account: Account) -> None:
        make_table(account, "ledger")
        moto_server.fail(aws.client("dynamodb"), "DescribeTable", "ValidationException", times=100)

        with pytest.raises(ClientError, match="ValidationException"):
            account.happens("create-table.violation")


class TestReadCalls:
    """An event that is no hazard costs three read calls at most; four if its stack is nested."""

    def test_a_protected_table_of_a_protected_stack(self, account: Account) -> None:
        stack_id = account.stack(Orders=TABLE)
        account.protect(account.physical(stack_id, "Orders"))
        account.stacks.say(stack_id, EnableTerminationProtection=True)

        assert created(account, stack_id) == []
        assert account.calls.made == [
            "cloudformation:DescribeStacks",
            "dynamodb:DescribeTable",
            "dynamodb:DescribeContinuousBackups",
        ]

    def test_a_protected_table_of_a_nested_stack(self, account: Account) -> None:
        root_id, stack_id = account.stack("root", Topic=TOPIC), account.stack(Orders=TABLE)
        account.protect(account.physical(stack_id, "Orders"))
        account.stacks.say(stack_id, RootId=root_id)
        account.stacks.say(root_id, EnableTerminationProtection=True)

        assert created(account, stack_id) == []
        assert len(account.calls.made) == 4

    def test_a_table_that_outlives_its_stack(self, account: Account) -> None:
        retained = TABLE | {"DeletionPolicy": "Retain", "UpdateReplacePolicy": "Retain"}

        assert created(account, account.stack(Orders=retained)) == []
        assert len(account.calls.made) <= 3

    def test_a_resource_that_goes_with_its_stack(self, account: Account) -> None:
        stack_id = account.stack(Orders=TABLE)
        account.stacks.say(stack_id, StackStatus="DELETE_IN_PROGRESS")

        assert account.happens("resource-deleted-with-stack.compliant", **{"stack-id": stack_id}) == []
        assert account.calls.made == ["cloudformation:DescribeStacks"]

    def test_a_stack_without_data_that_is_deleted(self, account: Account) -> None:
        assert deleting(account, account.stack(Topic=TOPIC)) == []
        assert account.calls.made == ["cloudformation:DescribeStacks", "cloudformation:ListStackResources"]

    def test_a_call_on_a_protected_table(self, account: Account) -> None:
        make_table(account, "protected")
        account.protect("protected")

        assert account.happens("update-table-protection-on-again.compliant") == []
        assert len(account.calls.made) <= 3

    @pytest.mark.parametrize(
        "case", ["delete-stack-replayed.ignored", "delete-stack-old.ignored", "delete-table-failed.ignored"]
    )
    def test_an_event_that_is_ignored_reads_nothing(self, account: Account, case: str) -> None:
        assert account.invoke(sample_events.now("data-deletion", case)) == []
        assert account.calls.made == []


def test_a_malformed_event_fails_the_invocation(account: Account) -> None:
    with pytest.raises(ValueError, match="stack-id"):
        account.invoke(sample_events.now("data-deletion", "stack-id-empty.malformed"))


def test_the_same_event_twice_starts_one_execution(account: Account) -> None:
    make_table(account, "ledger")
    event = sample_events.now("data-deletion", "create-table.violation")

    assert account.invoke(event) == account.invoke(event)
    assert len(account.stepfunctions.list_executions(stateMachineArn=STATE_MACHINE)["executions"]) == 1


def test_the_report_is_written_by_the_same_function(account: Account) -> None:
    [verdict] = account.happens("delete-table.violation")

    answer = account._app.handler({"task": "report", "verdict": verdict | {"outcome": "lost"}}, CONTEXT)

    assert answer["subject"] == "[Stackwarden] LOST test: The DynamoDB table sessions was deleted"
