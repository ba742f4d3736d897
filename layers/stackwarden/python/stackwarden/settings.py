"""Settings of a guard function: environment variables, validated when the function starts.

A missing or wrong one raises InvalidSetting, which names it, during Lambda's init phase: the function never
runs half-configured.
"""

from collections.abc import Mapping
from dataclasses import dataclass

from pydantic import BaseModel, ConfigDict, Field, ValidationError

from stackwarden.finding import Mode


class InvalidSetting(ValueError):
    """Names every setting that is missing or wrong."""


@dataclass(frozen=True)
class Place:
    """A partition, Region and account: what ARNs are made of."""

    partition: str
    region: str
    account: str


class Settings(BaseModel):
    """What every guard needs. Each field is the environment variable of its alias, set in template.yaml."""

    model_config = ConfigDict(frozen=True)

    mode: Mode = Field(alias="STACKWARDEN_MODE")
    environment: str = Field(alias="STACKWARDEN_ENVIRONMENT", pattern=r"^[A-Za-z0-9_.-]{1,32}$")
    state_machine_arn: str = Field(alias="STACKWARDEN_STATE_MACHINE_ARN", pattern=r"^arn:[\w-]+:states:")
    state_machine_role_arn: str = Field(
        alias="STACKWARDEN_STATE_MACHINE_ROLE_ARN", pattern=r"^arn:[\w-]+:iam:"
    )
    stack_id: str = Field(
        alias="STACKWARDEN_STACK_ID", pattern=r"^arn:[\w-]+:cloudformation:[\w-]+:\d{12}:stack/"
    )
    function_name: str = Field(alias="AWS_LAMBDA_FUNCTION_NAME", min_length=1)  # set by Lambda itself
    documentation_url: str = Field(alias="STACKWARDEN_DOCUMENTATION_URL", pattern=r"^https://\S+$")

    @property
    def place(self) -> Place:
        """Where Stackwarden is deployed, from its own stack's id."""
        _, partition, _, region, account, _ = self.stack_id.split(":", 5)
        return Place(partition, region, account)


def load[S: Settings](model: type[S], environment: Mapping[str, str]) -> S:
    """Validate the environment. Raises InvalidSetting, one line a setting."""
    try:
        return model.model_validate(environment)
    except ValidationError as error:
        lines = [f"{problem['loc'][0]}: {problem['msg']}" for problem in error.errors()]
        raise InvalidSetting("; ".join(lines)) from error
