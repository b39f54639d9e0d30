"""The refusal of a caller: a `Problem` that also says, to the handler alone, whose tokens it was about."""

from dataclasses import dataclass, field

from jitney.core.identity.principal import Principal
from jitney.core.problems import PROBLEMS, Problem

UNKNOWN_ISSUER = "unknown"


@dataclass(eq=False)
class Refusal(Problem):
    """Why a caller is not let in: a 401 with the challenge that RFC 6750 section 3 asks for, or 503 without keys.

    `issuer_name` is the configured issuer's alias, "unknown" before one is found; `principal`, without groups, is who
    the token stands for once it is signed, in time, meant for Jitney and admitted, and None until then (row ID 5:
    the first are recorded one by one, the others as one aggregate). Neither is in the answer.
    """

    issuer_name: str = field(default=UNKNOWN_ISSUER, kw_only=True)
    principal: Principal | None = field(default=None, kw_only=True)

    def __post_init__(self) -> None:
        """Add the challenge to a 401."""
        if self.status == 401:
            self.headers = {**self.headers, "WWW-Authenticate": _challenge(self.code)}


def _challenge(code: str) -> str:
    """RFC 6750 section 3.1: no error code when there was no token to be wrong."""
    if code == "token_missing":
        return 'Bearer realm="jitney"'
    return f'Bearer realm="jitney", error="invalid_token", error_description="{PROBLEMS[code].title}"'
