"""The answer to a call that is not allowed, as each protocol and service words it."""

import json
import uuid
from collections.abc import Iterable
from xml.sax.saxutils import escape

from local.cloudtrail.call import ApiCall
from local.cloudtrail.service import StartResponse

QUERY = (
    "<ErrorResponse><Error><Type>Sender</Type><Code>{code}</Code><Message>{message}</Message></Error>"
    "<RequestId>{request}</RequestId></ErrorResponse>"
)
REST_XML = "<Error><Code>{code}</Code><Message>{message}</Message><RequestId>{request}</RequestId></Error>"
EC2 = (
    "<Response><Errors><Error><Code>{code}</Code><Message>{message}</Message></Error></Errors>"
    "<RequestID>{request}</RequestID></Response>"
)
XML = {"query": QUERY, "rest-xml": REST_XML, "ec2": EC2}
# What is not AccessDenied or AccessDeniedException: https://docs.aws.amazon.com/sns/latest/api/API_Publish.html
CODES = {"sns": "AuthorizationError", "ec2": "UnauthorizedOperation"}


def denial(call: ApiCall, message: str, start_response: StartResponse) -> Iterable[bytes]:
    """Answer with the service's error: 403; in the JSON protocol 400, as every error of a caller."""
    request = str(uuid.uuid4())
    headers = [("x-amzn-RequestId", request)]
    if call.protocol in XML:
        code = CODES.get(call.service, "AccessDenied")
        body = XML[call.protocol].format(code=code, message=escape(message), request=request)
        start_response("403 Forbidden", [*headers, ("Content-Type", "text/xml")])
        return [body.encode()]
    code = "AccessDeniedException"
    body = json.dumps({"__type": f"com.amazon.coral.service#{code}", "Message": message, "message": message})
    headers += [("Content-Type", "application/x-amz-json-1.0"), ("x-amzn-ErrorType", code)]
    if "awsQueryCompatible" in call.operation.service_model.metadata:
        headers.append(("x-amzn-query-error", "AccessDenied;Sender"))
    start_response("400 Bad Request" if call.protocol == "json" else "403 Forbidden", headers)
    return [body.encode()]
