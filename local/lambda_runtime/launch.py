"""What a function's execution environment starts with: its unpacked code and layers, and its variables.

AWS: https://docs.aws.amazon.com/lambda/latest/dg/configuration-envvars.html#configuration-envvars-runtime
"""

import hashlib
import io
import json
import shutil
import uuid
import zipfile
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from moto.awslambda.models import LambdaFunction, lambda_backends

from local.identity import role_session
from local.lambda_runtime.environment import Launch


def fingerprint(function: LambdaFunction) -> str:
    """Changes whenever the function's code or configuration does."""
    content = [
        function.code_sha_256,
        function.handler,
        function.role,
        function.environment_vars,
        function.layers,
        function.timeout,
        function.memory_size,
        log_group(function),
    ]
    return hashlib.sha256(json.dumps(content).encode()).hexdigest()


def log_group(function: LambdaFunction) -> str:
    """`LoggingConfig.LogGroup`, or the group named for the function."""
    configured = getattr(function, "logging_config", None) or {}
    return str(configured.get("LogGroup") or f"/aws/lambda/{function.function_name}")


def launch(function: LambdaFunction, *, endpoint: str, folder: Path) -> Launch:
    """A fresh environment for `function`, which takes over its role now."""
    task_root = unpacked([function.code_bytes], folder)
    opt = unpacked([layer_content(function, layer["Arn"]) for layer in function.layers], folder)
    log_stream = f"{datetime.now(UTC):%Y/%m/%d}/[{function.version}]{uuid.uuid4().hex}"
    return Launch(
        task_root=task_root,
        python_path=f"{task_root}:{opt}/python:{opt}/python/lib/python3.13/site-packages",
        handler=str(function.handler),
        variables=variables(function, task_root=task_root, endpoint=endpoint),
        version=str(function.version),
        timeout=int(function.timeout),
        log_group=log_group(function),
        log_stream=log_stream,
        folder=folder,
    )


def variables(function: LambdaFunction, *, task_root: Path, endpoint: str) -> dict[str, str]:
    """The environment variables that Lambda sets, over those of the function."""
    session = role_session(function.role, function.function_name, function.region)
    return {
        "PATH": "/usr/local/bin:/usr/bin:/bin",
        "LANG": "en_US.UTF-8",
        "TZ": ":UTC",
        "AWS_ENDPOINT_URL": endpoint,
        **{name: str(value) for name, value in function.environment_vars.items()},
        "LAMBDA_TASK_ROOT": str(task_root),
        "_HANDLER": str(function.handler),
        "AWS_EXECUTION_ENV": f"AWS_Lambda_{function.run_time}",
        "AWS_REGION": function.region,
        "AWS_DEFAULT_REGION": function.region,
        "AWS_LAMBDA_FUNCTION_NAME": function.function_name,
        "AWS_LAMBDA_FUNCTION_VERSION": str(function.version),
        "AWS_LAMBDA_FUNCTION_MEMORY_SIZE": str(function.memory_size),
        "AWS_LAMBDA_INITIALIZATION_TYPE": "on-demand",
        # There is no X-Ray daemon here: what is sent there is lost, as UDP may be.
        "AWS_XRAY_DAEMON_ADDRESS": "127.0.0.1:2000",
        "_AWS_XRAY_DAEMON_ADDRESS": "127.0.0.1",
        "_AWS_XRAY_DAEMON_PORT": "2000",
        "AWS_XRAY_CONTEXT_MISSING": "LOG_ERROR",
        "AWS_ACCESS_KEY_ID": session.access_key_id,
        "AWS_SECRET_ACCESS_KEY": session.secret_access_key,
        "AWS_SESSION_TOKEN": session.session_token,
    }


def layer_content(function: LambdaFunction, layer_version_arn: str) -> bytes:
    """The bytes of a layer version of the function's account and Region."""
    version: Any = lambda_backends[function.account_id][function.region].layers_versions_by_arn(
        layer_version_arn
    )
    return bytes(version.code_bytes)


def unpacked(archives: list[bytes], folder: Path) -> Path:
    """The folder with these archives one over another; unpacked once for each content."""
    digest = hashlib.sha256(b"".join(hashlib.sha256(archive).digest() for archive in archives)).hexdigest()
    target = folder / "unpacked" / digest
    if not target.exists():
        being_written = target.with_name(f"{digest}-{uuid.uuid4().hex}")
        being_written.mkdir(parents=True)
        for archive in archives:
            with zipfile.ZipFile(io.BytesIO(archive)) as zip_file:
                zip_file.extractall(being_written)  # what the account's owner uploaded
        try:
            being_written.rename(target)
        except OSError:
            if not target.exists():
                raise
            shutil.rmtree(being_written)
    return target
