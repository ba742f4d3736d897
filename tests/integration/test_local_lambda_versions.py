"""Versions keep what they were published with, aliases run what they point at, as on AWS."""

import base64
import hashlib
import json
from collections import Counter
from typing import Any

import pytest
from botocore.exceptions import ClientError

from local.account import LocalAccount
from tests.integration.conftest import zipped
from tests.integration.local_functions import deploy, release, reporting, reports, update


@pytest.fixture
def function(account: LocalAccount, role_arn: str) -> str:
    return deploy(account, role_arn)


def sha256(archive: bytes) -> str:
    return base64.b64encode(hashlib.sha256(archive).digest()).decode()


def invoke(account: LocalAccount, name: str = "f") -> tuple[str, str]:
    """What the code answers, and the version that ran."""
    response = account.client("lambda").invoke(FunctionName=name)
    return json.load(response["Payload"]), response["ExecutedVersion"]


def error_code(call: Any, **parameters: Any) -> str:
    with pytest.raises(ClientError) as refused:
        call(**parameters)
    return str(refused.value.response["Error"]["Code"])


def test_an_alias_runs_its_version_whatever_becomes_of_latest(account: LocalAccount, function: str) -> None:
    release(account)
    update(account, "two")
    assert (invoke(account, "f:live"), invoke(account)) == (("one", "1"), ("two", "$LATEST"))
    functions = account.client("lambda")
    functions.publish_version(FunctionName="f")
    functions.update_alias(FunctionName="f", Name="live", FunctionVersion="2")
    assert invoke(account, "f:live") == ("two", "2")


def test_a_version_keeps_its_configuration(account: LocalAccount, function: str) -> None:
    functions = account.client("lambda")
    functions.update_function_configuration(
        FunctionName="f", Environment={"Variables": {"A": "1"}}, Timeout=5, MemorySize=256
    )
    functions.publish_version(FunctionName="f", Description="first")
    functions.update_function_configuration(
        FunctionName="f", Environment={"Variables": {"A": "2"}}, Timeout=6, MemorySize=512
    )
    version = functions.get_function_configuration(FunctionName="f", Qualifier="1")
    assert version["Environment"]["Variables"] == {"A": "1"}
    assert (version["Timeout"], version["MemorySize"], version["Description"]) == (5, 256, "first")
    assert (version["FunctionArn"], version["Version"], version["State"]) == (f"{function}:1", "1", "Active")


def test_the_context_tells_the_alias_and_the_version_that_runs(account: LocalAccount, function: str) -> None:
    release(account)
    for name in ("f:live", "f:1", "f"):
        invoke(account, name)
    told = [(it["arn"], it["version"], it["variable"]) for it in reports(account)]
    assert told == [
        (f"{function}:live", "1", "1"),
        (f"{function}:1", "1", "1"),
        (function, "$LATEST", "$LATEST"),
    ]


def test_a_configuration_is_told_by_the_name_that_was_asked_for(account: LocalAccount, function: str) -> None:
    release(account)
    functions = account.client("lambda")
    for qualifier, version in (("live", "1"), ("1", "1"), ("$LATEST", "$LATEST")):
        told = functions.get_function_configuration(FunctionName="f", Qualifier=qualifier)
        assert (told["FunctionArn"], told["Version"]) == (f"{function}:{qualifier}", version)
        whole = functions.get_function(FunctionName=f"{function}:{qualifier}")["Configuration"]
        assert whole["FunctionArn"] == told["FunctionArn"]


def test_aliases_of_a_version_share_its_warm_environment(account: LocalAccount, role_arn: str) -> None:
    functions = account.client("lambda")
    functions.create_function(
        FunctionName="f",
        Role=role_arn,
        Runtime="python3.13",
        Handler="app.handler",
        Code={"ZipFile": zipped(app="n = 0\ndef handler(e, c):\n    global n\n    n += 1\n    return n")},
    )
    release(account, "live")
    release(account, "test")
    calls: list[Any] = [invoke(account, name)[0] for name in ("f:live", "f:test", "f:1", "f")]
    assert calls == [1, 2, 3, 1]


def test_publishing_the_same_again_gives_the_version_that_exists(
    account: LocalAccount, function: str
) -> None:
    functions = account.client("lambda")

    def published() -> str:
        return str(functions.publish_version(FunctionName="f")["Version"])

    assert [published(), published()] == ["1", "1"]
    update(account, "one")
    assert published() == "1"
    update(account, "two")
    assert [published(), published()] == ["2", "2"]
    functions.update_function_configuration(FunctionName="f", Timeout=9)
    assert published() == "3"


def test_a_version_is_published_only_of_the_code_that_was_meant(account: LocalAccount, function: str) -> None:
    functions = account.client("lambda")
    other = {"FunctionName": "f", "CodeSha256": sha256(reporting("two"))}
    assert error_code(functions.publish_version, **other) == "InvalidParameterValueException"
    assert len(functions.list_versions_by_function(FunctionName="f")["Versions"]) == 1
    meant = functions.publish_version(FunctionName=function, CodeSha256=sha256(reporting("one")))
    assert (meant["Version"], meant["CodeSha256"]) == ("1", sha256(reporting("one")))


def test_new_code_can_be_published_with_its_upload_or_only_tried(
    account: LocalAccount, function: str
) -> None:
    functions = account.client("lambda")
    functions.publish_version(FunctionName="f")
    functions.update_function_code(FunctionName="f", ZipFile=reporting("two"), DryRun=True)
    assert functions.get_function_configuration(FunctionName="f")["CodeSha256"] == sha256(reporting("one"))
    answer = functions.update_function_code(FunctionName="f", ZipFile=reporting("three"), Publish=True)
    assert (answer["Version"], answer["FunctionArn"]) == ("2", f"{function}:2")
    assert (invoke(account, "f:2")[0], invoke(account, "f:1")[0]) == ("three", "one")


def test_the_number_of_a_deleted_version_is_not_given_again(account: LocalAccount, function: str) -> None:
    functions = account.client("lambda")
    functions.publish_version(FunctionName="f")
    functions.delete_function(FunctionName="f", Qualifier="1")
    assert functions.publish_version(FunctionName="f")["Version"] == "2"


def test_a_version_that_an_alias_needs_cannot_be_deleted(account: LocalAccount, function: str) -> None:
    release(account)
    functions = account.client("lambda")
    for name in ("f:1", f"{function}:1"):
        assert error_code(functions.delete_function, FunctionName=name) == "ResourceConflictException"
    functions.delete_alias(FunctionName="f", Name="live")
    functions.delete_function(FunctionName="f", Qualifier="1")
    assert error_code(functions.get_function, FunctionName="f:1") == "ResourceNotFoundException"


def test_code_storage_that_is_full_refuses_more_code_and_more_versions(
    account: LocalAccount, role_arn: str, function: str
) -> None:
    functions = account.client("lambda")
    account.code_storage_limit = len(reporting("one"))
    full = "CodeStorageExceededException"
    assert error_code(functions.publish_version, FunctionName="f") == full
    longer = reporting("a much longer answer")
    assert error_code(functions.update_function_code, FunctionName="f", ZipFile=longer) == full
    with pytest.raises(functions.exceptions.CodeStorageExceededException):
        deploy(account, role_arn, "g")
    assert [it["FunctionName"] for it in functions.list_functions()["Functions"]] == ["f"]
    assert len(functions.list_versions_by_function(FunctionName="f")["Versions"]) == 1
    assert invoke(account) == ("one", "$LATEST")
    settings = functions.get_account_settings()
    assert settings["AccountUsage"]["TotalCodeSize"] == settings["AccountLimit"]["TotalCodeSize"]


def test_weights_send_a_part_to_another_version(account: LocalAccount, function: str) -> None:
    release(account)
    update(account, "two")
    functions = account.client("lambda")
    functions.publish_version(FunctionName="f")

    def weigh(weight: float) -> Counter[tuple[str, str]]:
        routing = {"AdditionalVersionWeights": {"2": weight}}
        alias = functions.update_alias(FunctionName="f", Name="live", RoutingConfig=routing)
        assert alias["RoutingConfig"] == routing
        return Counter(invoke(account, "f:live") for _ in range(40))

    assert weigh(1.0) == {("two", "2"): 40}
    assert weigh(0.5).keys() == {("one", "1"), ("two", "2")}
    unweighted = functions.update_alias(
        FunctionName="f", Name="live", RoutingConfig={"AdditionalVersionWeights": {}}
    )
    assert "RoutingConfig" not in unweighted
    assert invoke(account, "f:live") == ("one", "1")


def test_an_alias_needs_versions_that_exist_and_a_name_that_is_free(
    account: LocalAccount, function: str
) -> None:
    release(account)
    create = account.client("lambda").create_alias
    update_alias = account.client("lambda").update_alias
    missing, invalid = "ResourceNotFoundException", "InvalidParameterValueException"
    weights = {"AdditionalVersionWeights": {"7": 0.5}}
    for expected, refused in {
        missing: {"Name": "a", "FunctionVersion": "7"},
        "ResourceConflictException": {"Name": "live", "FunctionVersion": "1"},
        "ValidationException": {"Name": "12", "FunctionVersion": "1"},
    }.items():
        assert error_code(create, FunctionName="f", **refused) == expected
    assert error_code(create, FunctionName="none", Name="a", FunctionVersion="1") == missing
    assert error_code(create, FunctionName="f", Name="a", FunctionVersion="live") == "ValidationException"
    live = {"FunctionName": "f", "Name": "live"}
    assert error_code(update_alias, **live, FunctionVersion="7") == missing
    assert error_code(update_alias, **live, RoutingConfig=weights) == missing
    latest = {"FunctionVersion": "$LATEST", "RoutingConfig": {"AdditionalVersionWeights": {"1": 0.5}}}
    assert error_code(update_alias, **live, **latest) == invalid
    assert error_code(update_alias, FunctionName="f", Name="none", FunctionVersion="1") == missing


def test_updating_an_alias_keeps_what_is_not_given(account: LocalAccount, function: str) -> None:
    functions = account.client("lambda")
    functions.publish_version(FunctionName="f")
    created = functions.create_alias(FunctionName="f", Name="live", FunctionVersion="1", Description="d")
    updated = functions.update_alias(FunctionName=function, Name="live", FunctionVersion="$LATEST")
    assert (updated["Description"], updated["FunctionVersion"]) == ("d", "$LATEST")
    assert updated["RevisionId"] != created["RevisionId"]


def test_versions_and_aliases_are_listed_by_pages_of_a_function_in_any_form(
    account: LocalAccount, function: str
) -> None:
    functions = account.client("lambda")
    for number in range(52):
        functions.update_function_configuration(FunctionName="f", Description=str(number))
        functions.publish_version(FunctionName="f")
        functions.create_alias(FunctionName="f", Name=f"a{number}", FunctionVersion="1")

    first = functions.list_versions_by_function(FunctionName=function, MaxItems=1000)
    second = functions.list_versions_by_function(FunctionName="f", Marker=first["NextMarker"])
    versions = [version["Version"] for page in (first, second) for version in page["Versions"]]
    assert versions == ["$LATEST", *map(str, range(1, 53))]
    assert len(first["Versions"]) == 50
    aliases = functions.get_paginator("list_aliases").paginate(FunctionName=function)
    assert len([alias for page in aliases for alias in page["Aliases"]]) == 52
    assert functions.list_aliases(FunctionName="f", FunctionVersion="2")["Aliases"] == []
    for call in (functions.list_aliases, functions.list_versions_by_function):
        assert error_code(call, FunctionName="none") == "ResourceNotFoundException"


def test_a_permission_needs_an_alias_that_exists(account: LocalAccount, function: str) -> None:
    permission = {
        "FunctionName": "f",
        "StatementId": "s",
        "Action": "lambda:InvokeFunction",
        "Principal": "s3.amazonaws.com",
    }
    functions = account.client("lambda")
    for qualifier in ("live", "3"):
        assert (
            error_code(functions.add_permission, Qualifier=qualifier, **permission)
            == "ResourceNotFoundException"
        )


def test_the_function_and_each_alias_have_a_url_of_their_own(account: LocalAccount, function: str) -> None:
    release(account)
    functions = account.client("lambda")
    created = [
        functions.create_function_url_config(FunctionName="f", AuthType="AWS_IAM"),
        functions.create_function_url_config(FunctionName="f", Qualifier="live", AuthType="NONE"),
    ]
    assert [url["FunctionArn"] for url in created] == [function, f"{function}:live"]
    assert len({url["FunctionUrl"] for url in created}) == 2
    of_alias = functions.get_function_url_config(FunctionName=f"{function}:live")
    assert (of_alias["FunctionUrl"], of_alias["AuthType"]) == (created[1]["FunctionUrl"], "NONE")
    assert (
        error_code(functions.create_function_url_config, FunctionName="f", AuthType="NONE")
        == "ResourceConflictException"
    )
    listed = functions.list_function_url_configs(FunctionName="f")["FunctionUrlConfigs"]
    assert [url["FunctionArn"] for url in listed] == [function, f"{function}:live"]

    functions.delete_function_url_config(FunctionName="f")
    missing = "ResourceNotFoundException"
    assert error_code(functions.get_function_url_config, FunctionName="f") == missing
    assert functions.get_function_url_config(FunctionName="f", Qualifier="live") is not None
    functions.delete_alias(FunctionName="f", Name="live")
    assert error_code(functions.get_function_url_config, FunctionName="f", Qualifier="live") == missing
    release(account, "live")
    assert error_code(functions.get_function_url_config, FunctionName="f", Qualifier="live") == missing
