"""Lists by pages, as Lambda's API gives them: `Marker`, `MaxItems`, `NextMarker`."""

from collections.abc import Sequence
from typing import Any

from moto.awslambda.exceptions import InvalidParameterValueException
from moto.awslambda.responses import LambdaResponse


def page(request: LambdaResponse, key: str, entries: Sequence[Any], largest: int) -> dict[str, Any]:
    """The page that the request asks for. Raises InvalidParameterValueException."""
    marker = request.querystring.get("Marker", ["0"])[0]
    if not marker.isdigit():
        raise InvalidParameterValueException("Invalid marker")
    size = min(largest, int(request.querystring.get("MaxItems", [largest])[0]))
    end = int(marker) + size
    answer: dict[str, Any] = {key: list(entries[int(marker) : end])}
    return {**answer, "NextMarker": str(end)} if end < len(entries) else answer
