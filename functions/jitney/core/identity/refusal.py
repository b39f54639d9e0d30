"""The refusal of a caller. It is a `Problem` that also carries the issuer and the principal, for the handler only."""

from dataclasses import dataclass, field

from jitney.core.identity.keys import ALGORITHMS
from jitney.core.identity.principal import Principal
from jitney.core.problems import PROBLEMS, Problem

UNKNOWN_ISSUER = "unknown"


@dataclass(eq=False)
class Refusal(Problem):
    """Why a caller is not authenticated: a 401 with the challenge of its scheme, or a 503 without keys.

    `issuer_name` is the configured issuer's alias, or "unknown" before the issuer is found. `principal` has no groups.
    It is None until the token's signature, times and audience are verified, and its bearer is admitted. Aggregated
    records count refusals by principal, or else by address (row ID 5). Neither field is in the answer.
    """

    issuer_name: str = field(default=UNKNOWN_ISSUER, kw_only=True)
    principal: Principal | None = field(default=None, kw_only=True)

    def __post_init__(self) -> None:
        """Add the challenge to a 401."""
        if self.status == 401:
            self.headers = {**self.headers, "WWW-Authenticate": _challenge(self.code)}


def _challenge(code: str) -> str:
    """Return the challenge. Without a token there is no error code (RFC 6750 section 3.1)."""
    if code == "token_missing":
        return 'Bearer realm="jitney"'
    if code == "dpop_proof_invalid":  # RFC 9449 section 7.1
        return f'DPoP realm="jitney", algs="{" ".join(ALGORITHMS)}", error="invalid_dpop_proof"'
    return f'Bearer realm="jitney", error="invalid_token", error_description="{PROBLEMS[code].title}"'
