"""Lambda functions as others refer to them: one parser for names, partial ARNs, ARNs and integration URIs.

The patterns are those of `FunctionName` in https://docs.aws.amazon.com/lambda/latest/api/API_Invoke.html,
narrowed to what can exist: a complete ARN, a name of at most 64 characters.
"""

import re
from dataclasses import dataclass

from stackwarden.settings import Place

LATEST = "$LATEST"

_REGION = r"(?:eusc-)?[a-z]{2}(?:-gov|-iso[a-z]?)?-[a-z]+-[0-9]"
_REPLICA = rf"(?:{_REGION}\.)?"  # Lambda@Edge names its replicas `us-east-1.<name>`
_FUNCTION = rf"(?P<name>{_REPLICA}[A-Za-z0-9_-]{{1,64}})"
_QUALIFIER = r"(?::(?P<qualifier>\$LATEST(?:\.PUBLISHED)?|[A-Za-z0-9_-]{1,128}))?"
_ARN = re.compile(
    rf"arn:(?P<partition>aws[a-zA-Z-]*):lambda:(?P<region>{_REGION}):(?P<account>[0-9]{{12}})"
    rf":function:{_FUNCTION}{_QUALIFIER}"
)
_SHORT = re.compile(
    rf"(?:(?P<region>{_REGION}):)?(?:(?P<account>[0-9]{{12}}):)?(?:function:)?{_FUNCTION}{_QUALIFIER}"
)
_INVOCATION = re.compile(
    rf"arn:aws[a-zA-Z-]*:apigateway:{_REGION}:lambda:path//?[0-9]{{4}}-[0-9]{{2}}-[0-9]{{2}}"
    r"/functions/(?P<function>[^/]+)/(?:response-streaming-)?invocations"
)
_LONGEST_QUOTE = 200  # characters of a bad reference that an error message shows


@dataclass(frozen=True)
class FunctionName:
    """A function, and the version or alias that a reference asks for. Names are case-sensitive."""

    partition: str
    region: str
    account: str
    name: str
    qualifier: str | None = None  # a version number, an alias, `$LATEST` or `$LATEST.PUBLISHED`

    @property
    def arn(self) -> str:
        """The ARN of the function without a qualifier."""
        return f"arn:{self.partition}:lambda:{self.region}:{self.account}:function:{self.name}"

    @property
    def qualified_arn(self) -> str:
        """The ARN with the qualifier, where there is one."""
        return self.arn if self.qualifier is None else f"{self.arn}:{self.qualifier}"

    @property
    def is_unqualified(self) -> bool:
        """Whether the reference means the unpublished code: no qualifier, or `$LATEST`.

        Without a qualifier a function on Lambda Managed Instances runs `$LATEST.PUBLISHED` instead; the
        reference alone does not tell. See
        https://docs.aws.amazon.com/lambda/latest/dg/lambda-managed-instances-version-publishing.html
        """
        return self.qualifier in {None, LATEST}


def parse(reference: str, place: Place) -> FunctionName:
    """Read a reference to a function; what it leaves out comes from `place`.

    It may be a name, a partial ARN (`123456789012:function:name`, also without the account or without the
    word `function`) or an ARN, each with or without a qualifier. Where a short one can be read in two ways,
    Lambda's own pattern decides: `function:live` and `123456789012:live` are a function named `live`.
    Raises ValueError, which names the reference, for anything else.
    """
    found = _ARN.fullmatch(reference) or _SHORT.fullmatch(reference)
    if found is None:
        shown = reference[:_LONGEST_QUOTE] + "…" * (len(reference) > _LONGEST_QUOTE)
        raise ValueError(f"{shown!r} is no name, partial ARN or ARN of a Lambda function")
    given = {part: value for part, value in found.groupdict().items() if value is not None}
    return FunctionName(
        partition=given.get("partition", place.partition),
        region=given.get("region", place.region),
        account=given.get("account", place.account),
        name=given["name"],
        qualifier=given.get("qualifier"),
    )


def from_arn(arn: str) -> FunctionName | None:
    """Return the function that an ARN names, with or without a qualifier; None for every other text."""
    found = _ARN.fullmatch(arn)
    return FunctionName(**found.groupdict()) if found else None


def from_invocation_uri(uri: str) -> FunctionName | None:
    """Return the function that an API Gateway integration URI invokes, plain or with a streamed response.

    None for every other integration, and where a stage variable names the function: then the URI alone does
    not say which one it is. See
    https://docs.aws.amazon.com/apigateway/latest/developerguide/response-transfer-mode-lambda.html
    """
    integration = _INVOCATION.fullmatch(uri)
    return from_arn(integration["function"]) if integration else None
