"""How each service says no, in its own protocol: what botocore makes of it is the ClientError that AWS would cause."""

from __future__ import annotations

import json
import uuid
from dataclasses import dataclass
from http import HTTPStatus
from xml.sax.saxutils import escape  # nosec B406 # it writes XML and reads none

from fine_tune_slm.localcloud.iam.access import Access
from fine_tune_slm.localcloud.iam.policy import Decision
from fine_tune_slm.localcloud.iam.wire import protocol

_DENIED_CODES = {
    "s3": "AccessDenied",
    "ec2": "UnauthorizedOperation",
    "sns": "AuthorizationError",
    "sts": "AccessDenied",
}
_UNKNOWN_CALLER_CODES = {
    "s3": "InvalidAccessKeyId",
    "ec2": "AuthFailure",
    "sns": "InvalidClientTokenId",
    "sts": "InvalidClientTokenId",
}


@dataclass(frozen=True)
class Refusal:
    """An answer instead of the service's own."""

    service: str
    code: str
    message: str
    status: HTTPStatus = HTTPStatus.FORBIDDEN

    def body(self) -> bytes:
        """Return the answer's body in the service's protocol."""
        told = f"<Code>{escape(self.code)}</Code><Message>{escape(self.message)}</Message>"
        request_id = uuid.uuid4()
        match protocol(self.service):
            case "ec2":
                text = f"<Response><Errors><Error>{told}</Error></Errors><RequestID>{request_id}</RequestID></Response>"
            case "rest-xml":
                text = f"<Error>{told}<RequestId>{request_id}</RequestId></Error>"
            case "query":
                text = f"<ErrorResponse><Error>{told}</Error><RequestId>{request_id}</RequestId></ErrorResponse>"
            case _:
                text = json.dumps({"__type": self.code, "message": self.message, "Message": self.message})
        return text.encode()

    def headers(self, size_bytes: int) -> list[tuple[str, str]]:
        """Return the answer's headers."""
        kind = "application/x-amz-json-1.1" if "json" in protocol(self.service) else "text/xml"
        return [("Content-Type", kind), ("Content-Length", str(size_bytes)), ("x-amzn-ErrorType", self.code)]


def denied(service: str, caller_arn: str, access: Access, decision: Decision) -> Refusal:
    """Return the refusal of an access, naming who asked for what on which resource, and why it is refused."""
    if decision.denied_by:
        reason = f"with an explicit deny in {decision.denied_by.name} of {decision.denied_by.policy}"
    else:
        reason = f"because no identity-based policy allows the {access.action} action"
    asked = f"{access.action} on resource: {access.resource}"
    message = f"User: {caller_arn} is not authorized to perform: {asked} {reason}"
    if service == "ec2":
        message = f"You are not authorized to perform this operation. {message}"
    status = HTTPStatus.BAD_REQUEST if protocol(service) == "json" else HTTPStatus.FORBIDDEN
    return Refusal(service, _DENIED_CODES.get(service, "AccessDeniedException"), message, status)


def unknown_caller(service: str) -> Refusal:
    """Return the refusal of a request whose credentials nobody gave out."""
    code = _UNKNOWN_CALLER_CODES.get(service, "UnrecognizedClientException")
    return Refusal(service, code, "The security token included in the request is invalid.")


def unmapped(service: str, message: str) -> Refusal:
    """Return the refusal of a call of which nobody has said what it needs."""
    return Refusal(service, "OperationUnmapped", message, HTTPStatus.BAD_REQUEST)
