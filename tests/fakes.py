"""Stand-ins for the two clients that a guard function uses besides those that read its subjects."""

import json
from datetime import UTC, datetime
from types import SimpleNamespace
from typing import Any

import pytest
from botocore.exceptions import ClientError

from stackwarden import aws


class ExecutionAlreadyExists(Exception):
    """As boto3 names it on the client."""


def client_error(code: str, operation: str, message: str = "no") -> ClientError:
    """An error as AWS answers it."""
    return ClientError({"Error": {"Code": code, "Message": message}}, operation)


class FakeClients:
    """Remembers the executions that were started; holds the exemption parameters."""

    exceptions = SimpleNamespace(ExecutionAlreadyExists=ExecutionAlreadyExists)

    def __init__(self, monkeypatch: pytest.MonkeyPatch) -> None:
        self.names: list[str] = []
        self.started: list[dict[str, Any]] = []
        self.parameters: dict[str, str] = {}
        monkeypatch.setattr(aws, "client", lambda service: self)

    def start_execution(self, *, stateMachineArn: str, name: str, input: str) -> None:
        if name in self.names:
            raise ExecutionAlreadyExists
        self.names.append(name)
        self.started.append(json.loads(input))

    def get_parameters(self, *, Names: list[str]) -> dict[str, Any]:
        found = [name for name in Names if name in self.parameters]
        return {
            "Parameters": [
                {"Name": name, "Value": self.parameters[name], "LastModifiedDate": datetime.now(UTC)}
                for name in found
            ]
        }
