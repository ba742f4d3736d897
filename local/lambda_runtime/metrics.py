"""What Lambda tells CloudWatch of each invocation, in the namespace AWS/Lambda, by function name.

Left out: the dimensions Resource and ExecutedVersion, and every metric that nobody here can cause.
AWS: https://docs.aws.amazon.com/lambda/latest/dg/monitoring-metrics-types.html
"""

from datetime import UTC, datetime

from moto.awslambda.models import LambdaFunction
from moto.cloudwatch.models import cloudwatch_backends

NAMESPACE = "AWS/Lambda"
UNITS = {"Duration": "Milliseconds"}


def put(function: LambdaFunction, **values: float) -> None:
    """Put one value each of these metrics, at this moment."""
    now = datetime.now(UTC).replace(tzinfo=None)
    dimensions = [{"Name": "FunctionName", "Value": function.function_name}]
    cloudwatch_backends[function.account_id][function.region].put_metric_data(
        NAMESPACE,
        [
            {
                "MetricName": name,
                "Value": value,
                "Unit": UNITS.get(name, "Count"),
                "Dimensions": dimensions,
                "Timestamp": now,
            }
            for name, value in values.items()
        ],
    )
