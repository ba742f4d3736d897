"""What happened: the three kinds of event that start a guard, validated.

`parse` raises pydantic.ValidationError for an event that does not have its documented shape; the function
then fails and the event lands in the dead-letter queue together with that error.
"""

from typing import Any, Literal

from pydantic import AliasPath, AwareDatetime, BaseModel, ConfigDict, Field

from stackwarden.finding import Actor

CLOUDFORMATION = "cloudformation.amazonaws.com"
LAMBDA = "lambda.amazonaws.com"


class _Event(BaseModel):
    """The envelope, https://docs.aws.amazon.com/eventbridge/latest/ref/overiew-event-structure.html"""

    model_config = ConfigDict(frozen=True)

    id: str = Field(min_length=1)
    time: AwareDatetime
    account: str = Field(pattern=r"^\d{12}$")
    region: str = Field(min_length=1)
    replay_name: str | None = Field(default=None, alias="replay-name")

    @property
    def actor(self) -> Actor | None:
        """Who did it; CloudFormation's own events do not say."""
        return None


class ApiCall(_Event):
    """An `AWS API Call via CloudTrail`.

    https://docs.aws.amazon.com/awscloudtrail/latest/userguide/cloudtrail-event-reference-record-contents.html
    """

    event_id: str = Field(validation_alias=AliasPath("detail", "eventID"))
    source: str = Field(validation_alias=AliasPath("detail", "eventSource"))
    name: str = Field(validation_alias=AliasPath("detail", "eventName"))
    called_at: AwareDatetime = Field(validation_alias=AliasPath("detail", "eventTime"))
    source_ip: str = Field(default="", validation_alias=AliasPath("detail", "sourceIPAddress"))
    identity: dict[str, Any] = Field(validation_alias=AliasPath("detail", "userIdentity"))
    error_code: str | None = Field(default=None, validation_alias=AliasPath("detail", "errorCode"))
    request: dict[str, Any] | None = Field(
        default=None, validation_alias=AliasPath("detail", "requestParameters")
    )
    response: dict[str, Any] | None = Field(
        default=None, validation_alias=AliasPath("detail", "responseElements")
    )

    @property
    def undated_name(self) -> str:
        """The call's name; Lambda's without its date and version: `AddPermission20150331v2`."""
        dated = self.source == LAMBDA and self.name[-1:].isdigit()
        return self.name.rstrip("v0123456789") if dated else self.name

    @property
    def by_cloudformation(self) -> bool:
        """Whether CloudFormation made the call on somebody's behalf."""
        return CLOUDFORMATION in (self.source_ip, self.identity.get("invokedBy"))

    @property
    def role_arn(self) -> str | None:
        """The role behind the caller's session; some sessions carry an empty `sessionIssuer`."""
        issuer = (self.identity.get("sessionContext") or {}).get("sessionIssuer") or {}
        arn = issuer.get("arn")
        return arn if isinstance(arn, str) else None

    @property
    def actor(self) -> Actor:
        """Who made the call; an identity without an ARN is a service or another account."""
        arn = self.identity.get("arn") or self.identity.get("invokedBy") or self.identity.get("accountId")
        return Actor(
            arn=str(arn or "unknown"),
            event_id=self.event_id,
            event_name=self.name,
            event_time=self.called_at.isoformat(),
            source_ip=self.source_ip,
        )


class StackStatusChange(_Event):
    """https://docs.aws.amazon.com/AWSCloudFormation/latest/UserGuide/event-detail-stack-status-change.html"""

    stack_id: str = Field(validation_alias=AliasPath("detail", "stack-id"), min_length=1)
    status: str = Field(validation_alias=AliasPath("detail", "status-details", "status"))


class ResourceStatusChange(StackStatusChange):
    """https://docs.aws.amazon.com/AWSCloudFormation/latest/UserGuide/event-detail-resource-status-change.html"""

    logical_id: str = Field(validation_alias=AliasPath("detail", "logical-resource-id"))
    physical_id: str = Field(default="", validation_alias=AliasPath("detail", "physical-resource-id"))
    resource_type: str = Field(validation_alias=AliasPath("detail", "resource-type"))


class _Kind(BaseModel):
    detail_type: Literal[
        "AWS API Call via CloudTrail",
        "CloudFormation Stack Status Change",
        "CloudFormation Resource Status Change",
    ] = Field(alias="detail-type")


_MODELS: dict[str, type[ApiCall | StackStatusChange | ResourceStatusChange]] = {
    "AWS API Call via CloudTrail": ApiCall,
    "CloudFormation Stack Status Change": StackStatusChange,
    "CloudFormation Resource Status Change": ResourceStatusChange,
}


def parse(event: dict[str, Any]) -> ApiCall | StackStatusChange | ResourceStatusChange:
    """Validate an EventBridge event. Raises pydantic.ValidationError naming the missing or wrong field."""
    return _MODELS[_Kind.model_validate(event).detail_type].model_validate(event)
