"""Subscribing an endpoint again: the same subscription, and a refusal of other attributes, which moto takes.

AWS: https://docs.aws.amazon.com/sns/latest/api/API_Subscribe.html
"""

import json
from typing import TYPE_CHECKING, Any

from moto.core.responses import ActionResult
from moto.sns.exceptions import SNSInvalidParameter
from moto.sns.responses import SNSResponse

from local.extension import extend

if TYPE_CHECKING:
    from local.account import LocalAccount

moto_subscribe = SNSResponse.subscribe


def install(account: "LocalAccount") -> None:
    """Ask first."""
    extend(SNSResponse, subscribe=subscribe)


def subscribe(request: SNSResponse) -> ActionResult:
    """Subscribe, unless the endpoint is subscribed with other attributes."""
    topic, endpoint, protocol = (request._get_param(name) for name in ("TopicArn", "Endpoint", "Protocol"))
    known = request.backend._find_subscription(topic, endpoint, protocol)
    wanted = request._get_attributes() or {}
    if known and any(text(known.attributes.get(name)) != text(value) for name, value in wanted.items()):
        raise SNSInvalidParameter(
            "Invalid parameter: Attributes Reason: Subscription already exists with different attributes"
        )
    return moto_subscribe(request)


def text(value: Any) -> str:
    """An attribute so that it can be compared: policies are JSON, with blanks or without."""
    if not isinstance(value, str):
        return json.dumps(value)
    try:
        return json.dumps(json.loads(value), sort_keys=True)
    except ValueError:
        return json.dumps(value)
