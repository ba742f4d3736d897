"""Which code an event says that somebody uploaded, and who that was."""

from typing import Any

import pytest

from stackwarden.alias_change import change_of, principals
from stackwarden.events import ApiCall, StackStatusChange
from stackwarden.policies.alias_changes import Change

ACCOUNT = "123456789012"
SESSION = f"arn:aws:sts::{ACCOUNT}:assumed-role/deploy/build-417"
ROLE = f"arn:aws:iam::{ACCOUNT}:role/deploy"
USER = f"arn:aws:iam::{ACCOUNT}:user/developer"
ENVELOPE = {"id": "1", "time": "2026-01-15T10:00:00Z", "account": ACCOUNT, "region": "us-east-1"}


def call(name: str = "UpdateFunctionCode20150331v2", **detail: Any) -> ApiCall:
    """A call that brought code."""
    given = {
        "eventID": "e-1",
        "eventSource": "lambda.amazonaws.com",
        "eventName": name,
        "eventTime": "2026-01-15T10:00:00Z",
        "sourceIPAddress": "198.51.100.7",
        "userIdentity": {"arn": USER},
        "requestParameters": {"functionName": "orders", "publish": False, "dryRun": False},
        "responseElements": {"codeSha256": "new", "version": "$LATEST"},
    }
    return ApiCall.model_validate({**ENVELOPE, "detail": given | detail})


class TestAChange:
    @pytest.mark.parametrize("date", ["", "20150331", "20150331v2"])
    def test_is_a_call_of_whichever_date(self, date: str) -> None:
        assert change_of(call(f"UpdateFunctionCode{date}")) == Change("new")

    def test_may_have_been_published(self) -> None:
        found = change_of(call(responseElements={"codeSha256": "new", "version": "4"}))

        assert found == Change("new", published="4")

    @pytest.mark.parametrize("spelled", ["codeSha256", "CodeSha256", "codeSHA256"])
    def test_is_read_however_its_answer_is_spelled(self, spelled: str) -> None:
        assert change_of(call(responseElements={spelled: "new"})) == Change("new")

    @pytest.mark.parametrize("answer", [None, {}])
    def test_may_be_of_unknown_code(self, answer: dict[str, Any] | None) -> None:
        assert change_of(call(responseElements=answer)) == Change("")

    @pytest.mark.parametrize("dry_run", [False, "false", None])
    def test_is_no_dry_run(self, dry_run: bool | str | None) -> None:
        assert change_of(call(requestParameters={"dryRun": dry_run})) == Change("new")

    def test_may_have_unknown_parameters(self) -> None:
        assert change_of(call(requestParameters=None)) == Change("new")


class TestNoChange:
    @pytest.mark.parametrize("dry_run", [{"dryRun": True}, {"DryRun": True}, {"dryRun": "true"}])
    def test_is_what_was_only_tried_out(self, dry_run: dict[str, Any]) -> None:
        assert change_of(call(requestParameters=dry_run)) is None

    @pytest.mark.parametrize(
        "by_stack",
        [
            {"sourceIPAddress": "cloudformation.amazonaws.com"},
            {"userIdentity": {"arn": SESSION, "invokedBy": "cloudformation.amazonaws.com"}},
        ],
    )
    def test_is_what_cloudformation_uploads(self, by_stack: dict[str, Any]) -> None:
        assert change_of(call(**by_stack)) is None

    @pytest.mark.parametrize(
        "name", ["UpdateFunctionConfiguration20150331v2", "CreateFunction20150331", "UpdateFunctionCodeX"]
    )
    def test_is_another_call(self, name: str) -> None:
        assert change_of(call(name)) is None

    def test_is_a_call_of_another_service(self) -> None:
        assert change_of(call(eventSource="edge.amazonaws.com")) is None

    def test_is_a_stack_that_completes(self) -> None:
        detail = {"stack-id": f"arn:aws:cloudformation:us-east-1:{ACCOUNT}:stack/shop/1"}
        status = {"status-details": {"status": "UPDATE_COMPLETE"}}

        event = StackStatusChange.model_validate({**ENVELOPE, "detail": detail | status})

        assert change_of(event) is None


class TestPrincipals:
    def test_of_a_session_are_its_own_and_its_roles(self) -> None:
        identity = {"arn": SESSION, "sessionContext": {"sessionIssuer": {"arn": ROLE}}}

        assert principals(call(userIdentity=identity)) == (SESSION, ROLE)

    def test_of_a_user_is_one(self) -> None:
        assert principals(call()) == (USER,)

    @pytest.mark.parametrize(
        "identity",
        [
            {"type": "AWSService", "invokedBy": "codepipeline.amazonaws.com"},
            {"sessionContext": {"sessionIssuer": {}}},
            {"arn": None},
        ],
    )
    def test_may_be_none(self, identity: dict[str, Any]) -> None:
        assert principals(call(userIdentity=identity)) == ()
