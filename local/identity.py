"""To which account an access key belongs, and sessions of roles, as the services use them.

Added to moto: the account id of a LocalAccount, and the developer of another account (an access key id of
twelve digits). AWS: https://docs.aws.amazon.com/STS/latest/APIReference/API_AssumeRole.html
"""

import re
import threading
from typing import TYPE_CHECKING, Any

import boto3
from botocore.config import Config
from moto.core.responses import BaseResponse
from moto.iam import models as iam_models
from moto.sts.models import AssumedRole, sts_backends

from local.extension import extend

if TYPE_CHECKING:
    from local.account import LocalAccount

ACCESS_KEY = re.compile(r"AWS(?:4-HMAC-SHA256.*Credential=| )(?P<access_key>[^/:,\s]+)[:/]")
"""moto sees only those of 20 characters."""

READ_TIMEOUT_IN_SECONDS = 900
SESSION_IN_SECONDS = 12 * 60 * 60


def install(account: "LocalAccount") -> None:
    """Let moto find the account of an access key."""

    def get_account_id_from(access_key: str) -> str:
        for account_id, partitions in list(iam_models.iam_backends.items()):
            if access_key in partitions["aws"].access_keys:
                return account_id
        return access_key if re.fullmatch(r"\d{12}", access_key) else account.account_id

    extend(iam_models, get_account_id_from=get_account_id_from)
    extend(BaseResponse, access_key_regex=ACCESS_KEY)


def role_session(role_arn: str, session_name: str, region: str) -> AssumedRole:
    """Credentials that a service gets when it assumes a role; moto's STS remembers them."""
    role_account = role_arn.split(":")[4]
    return sts_backends[role_account]["aws"].assume_role(
        region_name=region,
        role_session_name=re.sub(r"[^\w+=,.@-]", "-", session_name)[:64],
        role_arn=role_arn,
        policy="",
        duration=SESSION_IN_SECONDS,
        external_id="",
    )


class RoleClients:
    """boto3 clients with the credentials of roles, as the services of one account hold them."""

    def __init__(self, account: "LocalAccount") -> None:
        self._account = account
        self._clients: dict[tuple[str, ...], Any] = {}
        self._lock = threading.Lock()

    def client(self, service: str, *, role_arn: str, session_name: str, region: str, principal: str) -> Any:
        """A client of `service` that acts as `role_arn`, used by the service `principal`."""
        key = (service, role_arn, session_name, region, principal)
        with self._lock:
            if key not in self._clients:
                self._clients[key] = self._new_client(*key)
            return self._clients[key]

    def _new_client(self, service: str, role_arn: str, session_name: str, region: str, principal: str) -> Any:
        session = role_session(role_arn, session_name, region)
        return boto3.client(
            service,  # type: ignore[call-overload]  # any service
            region_name=region,
            endpoint_url=self._account.endpoint,
            aws_access_key_id=session.access_key_id,
            aws_secret_access_key=session.secret_access_key,
            aws_session_token=session.session_token,
            config=Config(
                retries={"total_max_attempts": 1},
                read_timeout=READ_TIMEOUT_IN_SECONDS,
                parameter_validation=False,
                user_agent=principal,
            ),
        )
