"""What all tests share: hypothesis without a clock, and the guard functions as Lambda would start them."""

import importlib
from collections.abc import Iterator
from types import ModuleType
from typing import Any, cast

import pytest
from aws_lambda_powertools import Metrics
from hypothesis import HealthCheck, settings

from stackwarden.aws import client
from tests.sample_account import OWN_STACK
from tests.template import REMEDIATION_ROLE

# No deadline: a busy machine is no failure.
settings.register_profile("tests", deadline=None, suppress_health_check=[HealthCheck.too_slow])
settings.load_profile("tests")

STATE_MACHINE = "arn:aws:states:us-east-1:123456789012:stateMachine:stackwarden-remediation"
ENVIRONMENT = {
    "AWS_REGION": "us-east-1",
    "AWS_DEFAULT_REGION": "us-east-1",
    "AWS_ACCESS_KEY_ID": "testing",
    "AWS_SECRET_ACCESS_KEY": "testing",
    "AWS_LAMBDA_FUNCTION_NAME": "stackwarden-data-deletion",
    "STACKWARDEN_MODE": "enforce",
    "STACKWARDEN_ENVIRONMENT": "test",
    "STACKWARDEN_STATE_MACHINE_ARN": STATE_MACHINE,
    "STACKWARDEN_STATE_MACHINE_ROLE_ARN": REMEDIATION_ROLE,
    "STACKWARDEN_STACK_ID": OWN_STACK,
    "STACKWARDEN_DOCUMENTATION_URL": "https://example.com/docs",
    "POWERTOOLS_SERVICE_NAME": "data-deletion",
    "POWERTOOLS_METRICS_NAMESPACE": "Stackwarden",
    "POWERTOOLS_TRACE_DISABLED": "true",
}


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter) -> None:
    """Show what tests have to tell; with record_property it arrives from parallel runs, too."""
    reports = terminalreporter.getreports("passed") + terminalreporter.getreports("failed")
    for report in reports:
        for name, value in report.user_properties:
            if name == "told":
                terminalreporter.write_line(str(value))


@pytest.fixture
def app(monkeypatch: pytest.MonkeyPatch) -> Iterator[ModuleType]:
    """The module functions/data_deletion/app.py, in the environment that the template gives it."""
    for name, value in ENVIRONMENT.items():
        monkeypatch.setenv(name, value)
    cast(Any, client).cache_clear()
    Metrics().clear_metrics()
    yield importlib.import_module("functions.data_deletion.app")
    cast(Any, client).cache_clear()
    Metrics().clear_metrics()
