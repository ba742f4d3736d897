"""Settings: a wrong one stops the function at its start and is named."""

import importlib
from types import ModuleType

import pytest

from stackwarden.finding import Mode
from stackwarden.settings import InvalidSetting, Place, Settings, load
from tests import template
from tests.conftest import ENVIRONMENT

NAMES = [str(field.alias) for field in Settings.model_fields.values()]


def test_the_environment_that_the_template_gives_is_accepted() -> None:
    settings = load(Settings, ENVIRONMENT)

    assert settings.mode is Mode.ENFORCE
    assert settings.place == Place("aws", "us-east-1", "123456789012")


@pytest.mark.parametrize("name", NAMES)
def test_a_missing_setting_is_named(name: str) -> None:
    environment = {key: value for key, value in ENVIRONMENT.items() if key != name}

    with pytest.raises(InvalidSetting, match=f"^{name}: "):
        load(Settings, environment)


@pytest.mark.parametrize("name", NAMES)
def test_nonsense_is_named(name: str) -> None:
    with pytest.raises(InvalidSetting, match=f"^{name}: "):
        load(Settings, {**ENVIRONMENT, name: ""})


def test_all_wrong_settings_are_named_at_once() -> None:
    with pytest.raises(InvalidSetting) as refused:
        load(Settings, {})

    assert [part.split(":")[0] for part in str(refused.value).split("; ")] == NAMES


def test_the_function_does_not_start_with_a_wrong_setting(
    app: ModuleType, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("STACKWARDEN_MODE", "sometimes")

    with pytest.raises(InvalidSetting, match="STACKWARDEN_MODE"):
        importlib.reload(app)

    monkeypatch.setenv("STACKWARDEN_MODE", "enforce")
    importlib.reload(app)


def test_the_template_sets_every_setting() -> None:
    shared = template.template()["Globals"]["Function"]["Environment"]["Variables"]
    given_by_lambda = {"AWS_LAMBDA_FUNCTION_NAME"}
    for function in template.resources("AWS::Serverless::Function").values():
        own = function["Properties"]["Environment"]["Variables"]
        assert set(NAMES) <= {*shared, *own} | given_by_lambda
