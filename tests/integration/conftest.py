"""A fresh account for each test that asks for one."""

import io
import json
import zipfile
from collections.abc import Iterator

import pytest

from local.account import LocalAccount
from tests import alias_account, alias_estate, moto_server, s3_account
from tests.alias_account import AliasAccount
from tests.alias_estate import Estate
from tests.integration.firehose_backup import Backup
from tests.s3_account import S3Account

ALLOW_EVERYTHING = json.dumps(
    {"Version": "2012-10-17", "Statement": [{"Effect": "Allow", "Action": "*", "Resource": "*"}]}
)


@pytest.fixture
def account() -> Iterator[LocalAccount]:
    with LocalAccount(step_delay=0.01) as running:
        running.retry_delay = 0.02
        yield running
    assert running.background.failures == []


@pytest.fixture
def role_arn(account: LocalAccount) -> str:
    """A role that may do everything."""
    return role(account, "everything", ALLOW_EVERYTHING)


@pytest.fixture
def backup(account: LocalAccount) -> Backup:
    """The account, fast, with what a delivery stream needs."""
    account.stream_seconds = 0.0
    account.firehose_seconds = 0.001
    account.rate_seconds = 0.0
    return Backup(account)


@pytest.fixture
def s3(account: LocalAccount, monkeypatch: pytest.MonkeyPatch) -> Iterator[S3Account]:
    """The account with the function s3_recursion in it."""
    yield from s3_account.started(account, monkeypatch)


@pytest.fixture
def prod(account: LocalAccount, monkeypatch: pytest.MonkeyPatch) -> Iterator[AliasAccount]:
    """A prod account with the function missing_alias in it."""
    yield from alias_account.started(account, monkeypatch)


@pytest.fixture(scope="module")
def moto() -> Iterator[str]:
    """The endpoint of moto's own server."""
    with moto_server.serve() as endpoint:
        yield endpoint


@pytest.fixture
def estate(moto: str, monkeypatch: pytest.MonkeyPatch) -> Iterator[Estate]:
    """An account in moto with one function, for what reads who invokes it."""
    yield from alias_estate.started(moto, monkeypatch)


def role(account: LocalAccount, name: str, policy: str) -> str:
    """A role with one inline policy; its ARN."""
    iam = account.client("iam")
    arn: str = iam.create_role(RoleName=name, AssumeRolePolicyDocument="{}")["Role"]["Arn"]
    iam.put_role_policy(RoleName=name, PolicyName="inline", PolicyDocument=policy)
    return arn


def zipped(**files: str) -> bytes:
    """A zip archive; `app="..."` is app.py, `python__helper="..."` is python/helper.py."""
    archive = io.BytesIO()
    with zipfile.ZipFile(archive, "w") as zip_file:
        for name, content in files.items():
            zip_file.writestr(f"{name.replace('__', '/')}.py", content)
    return archive.getvalue()
