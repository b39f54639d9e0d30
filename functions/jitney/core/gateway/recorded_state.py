"""The state of a call as its records show it, for an agent that knows the call's id but not its Idempotency-Key."""

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from jitney.core.gateway.call_state import CallState, state_at
from jitney.core.identity.principal import owner_key
from jitney.core.stored_identity import identity_of
from jitney.core.times import epoch, iso

NEWEST_RECORDS = 2
"""How many records of a call show its state: the newest, and the one before it, which says when the call was sent."""


@dataclass(frozen=True, slots=True)
class RecordedState:
    """The state of a call that changes something or was reviewed. `sent_at` is in epoch seconds."""

    call_id: str
    owner: str
    grant_id: str
    service: str
    operation: str
    region: str
    sent_at: int
    state: CallState
    status: int
    aws_request_id: str

    def view(self, now: int) -> dict[str, Any]:
        """Return the call as the API shows it."""
        members = {
            "call_id": self.call_id,
            "grant_id": self.grant_id,
            "state": str(state_at(self.state, self.sent_at, now)),
            "service": self.service,
            "operation": self.operation,
            "region": self.region,
            "sent_at": iso(self.sent_at),
        }
        answer = {"status": self.status, "request_id": self.aws_request_id}
        return members | (answer if self.state is CallState.ANSWERED else {})


def recorded_state(newest: Sequence[Mapping[str, Any]]) -> RecordedState | None:
    """Return the state of a call from its `NEWEST_RECORDS`, the newest first.

    Returns None for a call without records, and for a call that only read, because its record has no state.
    """
    if not newest:
        return None
    last = newest[0]
    call = json.loads(last["detail"])["call"]
    if "state" not in call:
        return None
    state = CallState(call["state"])
    sent = last if state is CallState.SENDING else newest[-1]
    return RecordedState(
        call_id=last["chain"],
        owner=owner_key(identity_of(last["principal"], last["issuer"]), None, last["human"]),
        grant_id=last["grant_id"],
        service=call["service"],
        operation=call["operation"],
        region=call["region"],
        sent_at=epoch(sent["time"]),
        state=state,
        status=call.get("status", 0),
        aws_request_id=call.get("aws_request_id", ""),
    )
