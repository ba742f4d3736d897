"""Settings of the guard `unbacked-stream`, besides those of every guard."""

from pydantic import Field

from stackwarden.policies.stream_cost import Prices
from stackwarden.policies.stream_state import Destination
from stackwarden.settings import Settings


class StreamSettings(Settings):
    """Each field is the environment variable of its alias, set in template.yaml."""

    bucket_arn: str = Field(
        alias="STACKWARDEN_BACKUP_BUCKET_ARN", pattern=r"^arn:[\w-]+:s3:::[a-z0-9.-]{3,63}$"
    )
    role_arn: str = Field(alias="STACKWARDEN_FIREHOSE_ROLE_ARN", pattern=r"^arn:[\w-]+:iam::\d{12}:role/")
    # https://docs.aws.amazon.com/firehose/latest/APIReference/API_BufferingHints.html
    interval: int = Field(alias="STACKWARDEN_BUFFER_SECONDS", ge=0, le=900)
    size: int = Field(alias="STACKWARDEN_BUFFER_MIB", ge=1, le=128)
    firehose_price: float = Field(alias="STACKWARDEN_FIREHOSE_PRICE", ge=0)  # USD for a GB
    storage_price: float = Field(alias="STACKWARDEN_STORAGE_PRICE", ge=0)  # USD for a GB and month
    ledger_table: str = Field(alias="STACKWARDEN_LEDGER_TABLE", min_length=1)

    @property
    def destination(self) -> Destination:
        """Where backups go."""
        return Destination(self.bucket_arn, self.role_arn, self.interval, self.size)

    @property
    def prices(self) -> Prices:
        """What a copy costs."""
        return Prices(self.firehose_price, self.storage_price)
