"""What to do after the end of a grant, in each state that it can end in. The broker and the client say the same."""

from collections.abc import Mapping

ENDED_FIXES: Mapping[str, str] = {
    "rejected": "Request less, or talk to {who}; then make a new request.",
    "expired": "Make a new request; state how long you need.",
    "released": "You released this grant; make a new request.",
    "revoked": "Talk to {who} before you make another request.",
    "failed": "Make a new request. If it fails too, ask your platform engineer.",
    "used": "Make the call with a new Idempotency-Key. It gets its own review.",
}
"""`{who}` is the person who ended the grant."""
