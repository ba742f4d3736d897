"""Settings of the guard `missing-alias`, besides those of every guard."""

from typing import Annotated, Any

from pydantic import BeforeValidator, Field

from stackwarden.policies.missing_alias import Rules
from stackwarden.settings import Settings


def _listed(value: Any) -> Any:
    """Split a comma-separated text; empty parts are left out."""
    return [part.strip() for part in value.split(",") if part.strip()] if isinstance(value, str) else value


def _pair(value: Any) -> Any:
    """Split `key=value`, where the value may hold further equals signs."""
    return value.split("=", 1) if isinstance(value, str) and "=" in value else value


type Listed = Annotated[tuple[str, ...], BeforeValidator(_listed)]
type Pair = Annotated[tuple[str, str], BeforeValidator(_pair)]


class AliasSettings(Settings):
    """Each field is the environment variable of its alias, set in template.yaml."""

    # https://docs.aws.amazon.com/lambda/latest/api/API_CreateAlias.html: a name of digits alone is a version
    alias: str = Field(alias="STACKWARDEN_ALIAS_NAME", pattern=r"^[A-Za-z0-9_-]*[A-Za-z_-][A-Za-z0-9_-]*$")
    prod_names: Listed = Field(alias="STACKWARDEN_PROD_NAMES")
    prod_tag: Pair = Field(alias="STACKWARDEN_PROD_TAG")
    pipeline_principals: Listed = Field(alias="STACKWARDEN_PIPELINE_PRINCIPALS")
    repoint_push: bool = Field(alias="STACKWARDEN_REPOINT_PUSH_TRIGGERS")
    ledger_table: str = Field(alias="STACKWARDEN_LEDGER_TABLE", min_length=1)

    @property
    def rules(self) -> Rules:
        """What the policy needs of it."""
        return Rules(
            alias=self.alias,
            environment=self.environment,
            prod_names=self.prod_names,
            prod_tag=self.prod_tag,
            repoint_push=self.repoint_push,
        )
