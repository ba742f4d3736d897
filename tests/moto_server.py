"""moto's own server in a process of its own, and what it lacks of AWS for reading stacks, added to clients.

In a process of its own, since `local/` extends moto for the whole process that it runs in.
"""

import json
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any, cast
from urllib.error import URLError
from urllib.request import Request, urlopen

from botocore.awsrequest import AWSResponse
from botocore.client import BaseClient
from botocore.compat import HTTPHeaders

PAGE = 100  # https://docs.aws.amazon.com/AWSCloudFormation/latest/APIReference/API_ListStackResources.html
ATTEMPTS, PAUSE = 200, 0.1


@contextmanager
def serve() -> Iterator[str]:
    """Run the server; its endpoint."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    command = [sys.executable, "-m", "moto.server", "-H", "127.0.0.1", "-p", str(port)]
    with subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL) as server:  # noqa: S603
        try:
            endpoint = f"http://127.0.0.1:{port}"
            _wait_for(endpoint)
            yield endpoint
        finally:
            server.kill()


def reset(endpoint: str) -> None:
    """Forget everything that was made."""
    urlopen(Request(f"{endpoint}/moto-api/reset", method="POST")).close()  # noqa: S310 - our own address


def _wait_for(endpoint: str) -> None:
    for _ in range(ATTEMPTS):
        try:
            urlopen(f"{endpoint}/moto-api/data.json").close()  # noqa: S310 - our own address
        except URLError:
            time.sleep(PAUSE)
        else:
            return
    raise TimeoutError(f"moto's server does not answer at {endpoint}")


class Stacks:
    """What moto's descriptions of stacks lack, added to the answers that a CloudFormation client gets."""

    def __init__(self, cloudformation: BaseClient) -> None:
        self.facts: dict[str, dict[str, Any]] = {}
        self.nested: dict[str, str] = {}  # id by name: moto lists a nested stack by its name, AWS by its id
        events = cloudformation.meta.events
        events.register("after-call.cloudformation.DescribeStacks", self._add_facts)
        events.register("before-call.cloudformation.ListStackResources", self._note_page)
        events.register("after-call.cloudformation.ListStackResources", self._cut_page)

    def say(self, stack_id: str, **facts: Any) -> None:
        """Let DescribeStacks answer this about a stack: RootId, StackStatus, EnableTerminationProtection."""
        self.facts.setdefault(stack_id, {}).update(facts)

    def _add_facts(self, parsed: dict[str, Any], **_: Any) -> None:
        for stack in parsed.get("Stacks", []):
            stack.update(self.facts.get(stack["StackId"], {}))

    def _note_page(self, params: dict[str, Any], context: dict[str, Any], **_: Any) -> None:
        context["page"] = int(params["body"].get("NextToken", "0"))

    def _cut_page(self, parsed: dict[str, Any], context: dict[str, Any], **_: Any) -> None:
        start, summaries = context["page"], parsed.get("StackResourceSummaries", [])
        for summary in summaries:
            name = summary["PhysicalResourceId"]
            summary["PhysicalResourceId"] = self.nested.get(name, name)
        parsed["StackResourceSummaries"] = summaries[start : start + PAGE]
        if start + PAGE < len(summaries):
            parsed["NextToken"] = str(start + PAGE)


class Calls:
    """The calls that some clients make, in order: `dynamodb:DescribeTable`."""

    def __init__(self, *clients: BaseClient) -> None:
        self.made: list[str] = []
        for client in clients:
            client.meta.events.register("before-call", self._note)

    def _note(self, model: Any, **_: Any) -> None:
        self.made.append(f"{model.service_model.service_name}:{model.name}")


def fail(client: BaseClient, operation: str, code: str, *, times: int, status: int = 400) -> list[str]:
    """Let a call answer an error that many times, before it gets through; the list grows with each."""
    service, failures = client.meta.service_model.service_id.hyphenize(), list[str]()
    json_protocol = client.meta.service_model.resolved_protocol not in ("query", "rest-xml")

    def answer(request: Any, **_: Any) -> AWSResponse | None:
        if len(failures) >= times:
            return None
        failures.append(code)
        return _Answer(request.url, status, _body(code, json_protocol=json_protocol))

    client.meta.events.register(f"before-send.{service}.{operation}", cast(Any, answer))
    return failures


def reply(client: BaseClient, operation: str, body: dict[str, Any]) -> None:
    """Let a call that moto lacks answer this, spelt as a service that speaks JSON does."""
    service = client.meta.service_model.service_id.hyphenize()

    def answer(request: Any, **_: Any) -> AWSResponse:
        return _Answer(request.url, 200, json.dumps(body).encode())

    client.meta.events.register(f"before-send.{service}.{operation}", cast(Any, answer))


def _body(code: str, *, json_protocol: bool) -> bytes:
    if json_protocol:
        return json.dumps({"__type": code, "message": "refused"}).encode()
    error = f"<Error><Code>{code}</Code><Message>refused</Message></Error>"
    return f"<ErrorResponse>{error}<RequestId>1</RequestId></ErrorResponse>".encode()


class _Answer(AWSResponse):
    def __init__(self, url: str, status: int, body: bytes) -> None:
        super().__init__(url, status, HTTPHeaders(), None)
        self._content = body
