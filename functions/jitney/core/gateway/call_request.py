"""Reads the body of POST /v1/calls: one call of AWS, in a grant or with a request for one."""

import json
from dataclasses import dataclass, field
from typing import Any

from jitney.core.access.body_object import parse_object
from jitney.core.access.fields import FieldErrors
from jitney.core.access.grant import GRANT_ID
from jitney.core.access.request_body import MAX_REASON, MAX_TICKET
from jitney.core.gateway.tickets import DirectBody, read_direct
from jitney.core.problems import Problem

_OF_REQUEST = ("target", "reason", "ticket", "reveal")
MEMBERS = ("grant", *_OF_REQUEST, "changed", "service", "operation", "region", "parameters", "direct")
MAX_CALL_BYTES = 5_000_000
"""A Lambda function can receive 6,291,556 bytes, in which API Gateway also sends the headers."""
MAX_NAME = 128

_GRANT_OR_TARGET = "Send only grant to use a grant, or target and reason to request one with the call."


@dataclass(frozen=True, slots=True)
class CallRequest:
    """One call. `grant_id` is "" for a call that requests its own grant on `target`.

    `changed` says what differs from a request or a call that reviewers rejected. `parameters` are the values of the
    body, not yet checked against AWS's model. `region` is "" for the target's.
    `direct` is set if the agent sends the call's body to S3 itself, or gets S3's answer itself.
    """

    service: str
    operation: str
    region: str
    parameters: dict[str, Any] = field(repr=False)
    grant_id: str = ""
    target: str = ""
    reason: str = ""
    ticket: str = ""
    changed: str = ""
    reveal: bool = False
    direct: DirectBody | None = None

    def as_call(self) -> dict[str, Any]:
        """Return the call as a member of `calls` in a grant request."""
        call = {"service": self.service, "operation": self.operation, "parameters": self.parameters}
        return call | ({"region": self.region} if self.region else {})

    def canonical(self) -> bytes:
        """Return a text that is equal for equal calls only. It holds the parameters, so it is never stored."""
        about = (self.grant_id, self.target, self.service, self.operation, self.region, self.reveal, self.parameters)
        body = self.direct and (self.direct.content_sha256, self.direct.content_length)
        said = (self.reason, self.ticket, self.changed)
        members = (*about, body, *(said if any(said) else ()))
        return json.dumps(members, sort_keys=True, separators=(",", ":")).encode()


def parse_call(body: bytes) -> CallRequest:
    """Return the call in `body`.

    Raises Problem call_too_large, body_malformed, or request_invalid with all errors in `errors`.
    """
    if len(body) > MAX_CALL_BYTES:
        raise Problem(
            "call_too_large",
            f"The call has {len(body)} bytes; the limit is {MAX_CALL_BYTES}.",
            "Send less in one call. For an S3 object, use a multipart upload, or send it yourself with direct.",
            {"limit_bytes": MAX_CALL_BYTES},
        )
    return _read(parse_object(body))


def _read(sent: dict[str, Any]) -> CallRequest:
    faults = FieldErrors()
    faults.unknown_members(sent, MEMBERS, "")
    grant_id = sent.get("grant", "")
    if faults.present(sent, "grant") and not (isinstance(grant_id, str) and GRANT_ID.fullmatch(grant_id)):
        faults.add("/grant", "The value is not the id of a grant.", "Write the id that POST /v1/grants answered.")
    given = [name for name in _OF_REQUEST if name in sent]
    if "grant" in sent and given:
        faults.add(f"/{given[0]}", f"The call has both grant and {given[0]}.", _GRANT_OR_TARGET)
    if not {"grant", "target"} & sent.keys():
        faults.add("/grant", "The call has neither grant nor target.", _GRANT_OR_TARGET, missing=True)
    of_request = "target" in sent and "grant" not in sent
    parameters = sent.get("parameters", {})
    if not isinstance(parameters, dict):
        faults.add("/parameters", "The parameters are not an object.", 'Write them as for an SDK: {"Name": value}.')
    call = CallRequest(
        service=faults.text(sent.get("service"), "/service", MAX_NAME, required=True),
        operation=faults.text(sent.get("operation"), "/operation", MAX_NAME, required=True),
        region=faults.text(sent.get("region"), "/region", MAX_NAME, required=False),
        parameters=parameters,
        grant_id=grant_id,
        target=faults.text(sent.get("target"), "/target", MAX_NAME, required=of_request),
        reason=faults.text(sent.get("reason"), "/reason", MAX_REASON, required=of_request),
        ticket=faults.text(sent.get("ticket"), "/ticket", MAX_TICKET, required=False),
        changed=faults.text(sent.get("changed"), "/changed", MAX_REASON, required=False),
        reveal=faults.flag(sent.get("reveal", False), "/reveal"),
        direct=read_direct(sent["direct"], faults) if faults.present(sent, "direct") else None,
    )
    faults.refuse()
    return call
