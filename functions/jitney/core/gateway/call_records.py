"""Audit records of calls through the gateway. Each call is a chain of its own, `c-<id>` (rows GW 7 and GW 8).

A call that may change something has one record before it is sent, and one before its answer leaves. A read has one
record, before its answer leaves. So parallel calls of a grant do not wait for each other's records.
"""

import hashlib
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, NamedTuple

from jitney.core.access.grant import Grant
from jitney.core.gateway.shown_parameters import canonical_parameters
from jitney.core.records.audit import AuditEvent, AuditRecord, Origin, Outcome, grant_record

MOST_BYTES = 50_000
"""The size of a call's parameters in its record, in JSON. An item of DynamoDB holds 400 KB."""
MOST_OF_TEXT = 500
"""How many characters of a long text remain where the parameters are too long."""


@dataclass(frozen=True, slots=True)
class RecordedCall:
    """One call as its records show it.

    The chain of its records is its id. `service` and `operation` are botocore's names. `parameters` are those of
    `core.gateway.shown_parameters.shown_parameters`: secrets masked, bodies by their hash. `parameters_mac` is the
    keyed hash of the exact parameters under the key `mac_key`. `actions` and `resources` are what the call needs.
    `access_key_id` is the key that signs it, "" for a call that was not sent. `ticket` is True if the agent sends the
    call itself, as a presigned request. `grant_approvals` are the approvals of its grant with which policy decided.
    """

    service: str
    operation: str
    region: str
    parameters: Mapping[str, Any] = field(repr=False)
    parameters_mac: str
    mac_key: str
    actions: tuple[str, ...] = ()
    resources: tuple[str, ...] = ()
    access_key_id: str = ""
    ticket: bool = False
    grant_approvals: frozenset[str] = frozenset()


class AnswerFacts(NamedTuple):
    """AWS's answer in a record: its HTTP status, its request id, its size in bytes, and the masked places in it."""

    status: int = 0
    aws_request_id: str = ""
    bytes_out: int = 0
    masked: tuple[str, ...] = ()

    def detail(self) -> dict[str, Any]:
        """Return the record members of the answer."""
        return {
            "status": self.status,
            "aws_request_id": self.aws_request_id,
            "bytes_out": self.bytes_out,
            "masked": self.masked,
        }


def call_record(
    grant: Grant,
    call: RecordedCall,
    outcome: Outcome,
    origin: Origin,
    now: int,
    *,
    code: str = "",
    answer: AnswerFacts | None = None,
    first: bool = True,
) -> AuditRecord:
    """Return a record of a call. `grant` is the grant in which it is made. The record's chain is the call's id.

    Outcomes: SENT before AWS receives the call, ANSWERED with AWS's `answer`, which may be an error, FAILED with the
    problem's `code` if no answer came, DENIED by policy, and REFUSED for another reason. Only the `first` record has
    the parameters. The grant's records have its reason, ticket and permissions.
    """
    detail: dict[str, Any] = {
        "service": call.service,
        "operation": call.operation,
        "region": call.region,
        "parameters_mac": call.parameters_mac,
        # Not "mac_key": the masker would take the id for the key itself.
        "mac_key_id": call.mac_key,
        "access_key_id": call.access_key_id,
    }
    if first:
        detail["parameters"] = bounded_parameters(call.parameters)
        detail |= approvals_detail(call.grant_approvals)
    if call.ticket:
        detail["ticket"] = True
    detail |= answer.detail() if answer else {}
    return grant_record(
        AuditEvent.CALL,
        outcome,
        grant,
        origin,
        now,
        code=code,
        detail={"call": detail},
        actions=call.actions,
        resources=call.resources,
        reason="",
        ticket="",
        duration_seconds=0,
        expires_at="",
    )


def approvals_detail(grant_approvals: frozenset[str]) -> dict[str, Any]:
    """Return the record member with the approvals of a grant that count for its call; {} if there are none."""
    return {"grant_approvals": tuple(sorted(grant_approvals))} if grant_approvals else {}


def bounded_parameters(shown: Mapping[str, Any]) -> Mapping[str, Any]:
    """Return parameters that fit into a record. If they are too long, long texts in them are cut, with their hash.

    If that is not enough, only the length remains. The keyed hash in the record covers the exact parameters.
    """
    if _is_short(shown):
        return shown
    shorter: dict[str, Any] = _shortened(shown)
    return shorter if _is_short(shorter) else {"omitted_characters": len(canonical_parameters(shown))}


def _is_short(shown: Mapping[str, Any]) -> bool:
    return len(canonical_parameters(shown).encode("utf-8", "surrogatepass")) <= MOST_BYTES


def _shortened(value: Any) -> Any:
    if isinstance(value, Mapping):
        return {name: _shortened(each) for name, each in value.items()}
    if isinstance(value, list | tuple):
        return [_shortened(each) for each in value]
    if isinstance(value, str) and len(value) > 2 * MOST_OF_TEXT:
        digest = hashlib.sha256(value.encode("utf-8", "surrogatepass")).hexdigest()
        return f"{value[:MOST_OF_TEXT]} [{len(value):,} characters, SHA-256 {digest}]"
    return value
