"""The partition key of a record that is put back: the backup does not know what it was."""

import json
import secrets

MAX_CHARACTERS = (
    256  # https://docs.aws.amazon.com/kinesis/latest/APIReference/API_PutRecordsRequestEntry.html
)


def random_key() -> str:
    """A key of its own for each record, so that all shards share the work."""
    return secrets.token_hex(16)


def field_of(data: bytes, field: str) -> str | None:
    """The value of a field of a JSON object, as a partition key; None where it cannot be one."""
    try:
        record = json.loads(data)
    except (ValueError, RecursionError):
        return None
    value = record.get(field) if isinstance(record, dict) else None
    if isinstance(value, bool | int | float):
        value = json.dumps(value)
    if not isinstance(value, str) or not 0 < len(value) <= MAX_CHARACTERS or not _is_utf8(value):
        return None
    return value


def _is_utf8(value: str) -> bool:
    """JSON may hold half a surrogate pair, which is no text."""
    return all(not 0xD800 <= ord(character) <= 0xDFFF for character in value)
