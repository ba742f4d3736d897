"""Reading what a function runs: its code, its published versions, and what makes them run differently."""

import hashlib
import json
from collections.abc import Iterable, Mapping
from typing import Any, Final

from stackwarden import aws
from stackwarden.lambda_names import LATEST
from stackwarden.policies.alias_state import INVOCABLE, Alias, Code, Function, Version

# What a version keeps of the function's configuration, and runs by.
_RUNS_BY: Final = (
    "AcceleratorConfig",
    "Architectures",
    "DeadLetterConfig",
    "DurableConfig",
    "EphemeralStorage",
    "FileSystemConfigs",
    "Handler",
    "ImageConfigResponse",
    "KMSKeyArn",
    "LoggingConfig",
    "MemorySize",
    "PackageType",
    "Role",
    "Runtime",
    "RuntimeConfig",
    "TenancyConfig",
    "Timeout",
    "TracingConfig",
)
_ASYNC: Final = ("MaximumRetryAttempts", "MaximumEventAgeInSeconds", "DestinationConfig")


def code_of(function: Function, alias: str) -> Code:
    """Read the code of a function, and the versions that matter to an alias that there may be.

    Raises ClientError; ResourceNotFoundException if the function does not exist.
    """
    latest = _configuration(function, None)
    published = _published(function)
    newest = max(published, key=int, default=None)
    used = function.aliases.get(alias)
    for number in dict.fromkeys(_numbers(used) if used else ()) | dict.fromkeys([newest] if newest else []):
        if number in published:  # a list does not tell their state
            published[number] = _version(_configuration(function, number))
    live = _version(latest)
    wanted = {number for each in function.aliases.values() for number in _numbers(each)}
    wanted |= {invoker.qualifier for invoker in function.invokers if invoker.qualifier}
    wanted |= _ways_back(live, wanted, published)
    return Code(
        latest=live,
        newest=published[newest] if newest else None,
        versions={number: published[number] for number in sorted(wanted & published.keys(), key=int)},
        updating=latest.get("State") == "Pending" or latest.get("LastUpdateStatus") == "InProgress",
        unpublishable=_unpublishable(latest),
    )


def async_settings_missing(function: Function, alias: str) -> bool:
    """Whether the function has settings for asynchronous invocations that the alias has not.

    They belong to a qualifier:
    https://docs.aws.amazon.com/lambda/latest/dg/invocation-async-configuring.html
    Raises ClientError.
    """
    own = _async_settings(function, None)
    return bool(own) and own != (_async_settings(function, alias) if alias in function.aliases else {})


def _async_settings(function: Function, qualifier: str | None) -> dict[str, Any]:
    client = aws.client("lambda")
    given: Any = {"Qualifier": qualifier} if qualifier else {}
    try:
        found: Mapping[str, Any] = client.get_function_event_invoke_config(
            FunctionName=function.name, **given
        )
    except client.exceptions.ResourceNotFoundException:
        return {}
    return {key: said for key in _ASYNC if (said := _said(found.get(key))) is not None}


def _configuration(function: Function, qualifier: str | None) -> Mapping[str, Any]:
    given: Any = {"Qualifier": qualifier} if qualifier else {}
    return aws.client("lambda").get_function_configuration(FunctionName=function.name, **given)


def _published(function: Function) -> dict[str, Version]:
    found = aws.pages(
        aws.client("lambda"), "list_versions_by_function", "Versions", FunctionName=function.name
    )
    return {each["Version"]: _version(each) for each in found if each["Version"].isdigit()}


def _ways_back(live: Version, running: Iterable[str], published: Mapping[str, Version]) -> set[str]:
    """Return the newest version with other code than `$LATEST` has, and than each version that is used."""
    codes = {live.code_sha256, *(published[number].code_sha256 for number in running if number in published)}
    others = (
        [number for number, version in published.items() if version.code_sha256 != code] for code in codes
    )
    return {max(numbers, key=int) for numbers in others if numbers}


def _numbers(alias: Alias) -> tuple[str, ...]:
    return (alias.version, *alias.weights)


def _version(configuration: Mapping[str, Any]) -> Version:
    return Version(
        number=configuration.get("Version", LATEST),
        code_sha256=configuration.get("CodeSha256", ""),
        configuration=_digest(configuration),
        state=configuration.get("State", INVOCABLE),
        reason=configuration.get("StateReason", ""),
    )


def _digest(configuration: Mapping[str, Any]) -> str:
    """Hash what a version runs by. The environment's values may be secret: nothing else is kept of them."""
    vpc = configuration.get("VpcConfig") or {}
    runs_by = {key: configuration.get(key) for key in _RUNS_BY} | {
        "Environment": json.dumps((configuration.get("Environment") or {}).get("Variables"), sort_keys=True),
        "Layers": [layer["Arn"] for layer in configuration.get("Layers") or []],
        "SnapStart": (configuration.get("SnapStart") or {}).get("ApplyOn"),
        "VpcConfig": {
            "SubnetIds": sorted(vpc.get("SubnetIds") or []),
            "SecurityGroupIds": sorted(vpc.get("SecurityGroupIds") or []),
            "Ipv6AllowedForDualStack": vpc.get("Ipv6AllowedForDualStack") or None,
        },
    }
    return hashlib.sha256(json.dumps(_said(runs_by), sort_keys=True).encode()).hexdigest()


def _said(value: Any) -> Any:
    """Leave out what says nothing: AWS answers a setting that is not made now as nothing, now as empty."""
    if isinstance(value, Mapping):
        value = {key: said for key, each in value.items() if (said := _said(each)) is not None}
    return None if value in (None, "", [], {}) else value


def _unpublishable(latest: Mapping[str, Any]) -> str:
    """Say why a version must not be published: it would be more than a copy, or nobody knows what it is."""
    if (latest.get("SnapStart") or {}).get("ApplyOn") == "PublishedVersions":
        return "SnapStart applies to its published versions, so a version would start in another way"
    if latest.get("CapacityProviderConfig"):
        return "it runs on a capacity provider, which starts instances for each published version"
    if error := (latest.get("Environment") or {}).get("Error"):
        code = error.get("ErrorCode", "an error")
        return f"its environment variables cannot be read ({code}), so no version is known to run the same"
    return ""
