"""Settings of `missing-alias`: what the template gives is accepted, and nonsense is named."""

from typing import Any

import pytest

from stackwarden.alias_settings import AliasSettings
from stackwarden.policies.missing_alias import Rules
from stackwarden.settings import InvalidSetting, load
from tests import template
from tests.conftest import ENVIRONMENT

ALIAS = {
    **ENVIRONMENT,
    "STACKWARDEN_ALIAS_NAME": "live",
    "STACKWARDEN_PROD_NAMES": "prod,production",
    "STACKWARDEN_PROD_TAG": "environment=prod",
    "STACKWARDEN_PIPELINE_PRINCIPALS": "",
    "STACKWARDEN_REPOINT_PUSH_TRIGGERS": "false",
    "STACKWARDEN_LEDGER_TABLE": "ledger",
}
NAME_PARAMETERS = {
    "STACKWARDEN_ALIAS_NAME": "MissingAliasName",
    "STACKWARDEN_PROD_NAMES": "MissingAliasProdNames",
    "STACKWARDEN_PROD_TAG": "MissingAliasProdTag",
    "STACKWARDEN_PIPELINE_PRINCIPALS": "MissingAliasPipelinePrincipals",
    "STACKWARDEN_REPOINT_PUSH_TRIGGERS": "MissingAliasRepointPushTriggers",
}


def loaded(**changes: str) -> AliasSettings:
    return load(AliasSettings, {**ALIAS, **{f"STACKWARDEN_{key}": value for key, value in changes.items()}})


def test_the_rules_are_what_the_policy_starts_from() -> None:
    assert loaded(ENVIRONMENT="prod").rules == Rules()


def test_the_rules_are_what_the_owner_decided() -> None:
    settings = loaded(
        ENVIRONMENT="stage",
        ALIAS_NAME="stable_1",
        PROD_NAMES="stage",
        PROD_TAG="tier=a=b",
        REPOINT_PUSH_TRIGGERS="true",
    )

    assert settings.rules == Rules("stable_1", "stage", ("stage",), ("tier", "a=b"), True)


@pytest.mark.parametrize(
    ("text", "principals"),
    [
        ("", ()),
        ("arn:aws:iam::*:role/ci", ("arn:aws:iam::*:role/ci",)),
        ("a, b,,c ,", ("a", "b", "c")),
    ],
)
def test_principals_are_separated_by_commas(text: str, principals: tuple[str, ...]) -> None:
    assert loaded(PIPELINE_PRINCIPALS=text).pipeline_principals == principals


def test_no_environment_needs_to_be_prod() -> None:
    assert loaded(PROD_NAMES="").prod_names == ()


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("ALIAS_NAME", ""),
        ("ALIAS_NAME", "12"),  # a version
        ("ALIAS_NAME", "$LATEST"),
        ("ALIAS_NAME", "live:1"),
        ("PROD_TAG", "environment"),
        ("REPOINT_PUSH_TRIGGERS", "sometimes"),
        ("LEDGER_TABLE", ""),
    ],
)
def test_nonsense_is_named(name: str, value: str) -> None:
    with pytest.raises(InvalidSetting, match=f"^STACKWARDEN_{name}: "):
        loaded(**{name: value})


def test_the_template_gives_every_setting_and_its_defaults_are_accepted() -> None:
    function = template.template()["Resources"]["MissingAliasFunction"]["Properties"]
    given: dict[str, Any] = function["Environment"]["Variables"]
    parameters = template.template()["Parameters"]
    shared = template.template()["Globals"]["Function"]["Environment"]["Variables"]
    names = {str(field.alias) for field in AliasSettings.model_fields.values()}

    assert names <= {*given, *shared, "AWS_LAMBDA_FUNCTION_NAME"}
    assert {name: given[name] for name in NAME_PARAMETERS} == {
        name: {"Ref": parameter} for name, parameter in NAME_PARAMETERS.items()
    }
    defaults = {name: str(parameters[parameter]["Default"]) for name, parameter in NAME_PARAMETERS.items()}
    assert load(AliasSettings, {**ALIAS, **defaults, "STACKWARDEN_ENVIRONMENT": "prod"}).rules == Rules()
