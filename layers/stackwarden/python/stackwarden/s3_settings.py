"""Settings of the guard `s3-recursion`, besides those of every guard."""

from pydantic import Field

from stackwarden.policies.s3_recursion import Grade, Rules, WhenUnreservable
from stackwarden.settings import Settings


class RecursionSettings(Settings):
    """Each field is the environment variable of its alias, set in template.yaml."""

    cap: int = Field(alias="STACKWARDEN_CONCURRENCY_CAP", ge=0, le=1000)
    enforce: Grade = Field(alias="STACKWARDEN_ENFORCE")
    when_unreservable: WhenUnreservable = Field(alias="STACKWARDEN_WHEN_UNRESERVABLE")
    ledger_table: str = Field(alias="STACKWARDEN_LEDGER_TABLE", min_length=1)

    @property
    def rules(self) -> Rules:
        """What the policy needs of it."""
        return Rules(self.cap, self.enforce, self.when_unreservable)
