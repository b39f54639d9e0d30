"""A JWT-SVID of the SPIFFE Workload API, by the py-spiffe library.

https://github.com/spiffe/spiffe/blob/main/standards/SPIFFE_Workload_API.md
"""

from contextlib import suppress
from dataclasses import dataclass
from urllib.parse import urlsplit

from spiffe import WorkloadApiClient
from spiffe.errors import PySpiffeError
from spiffe.workloadapi.errors import FetchJwtSvidError

from jitney.client.api.connection import is_loopback
from jitney.client.problems import Invalid, Unauthenticated, Unavailable
from jitney.client.tokens import Token, checked_jwt, checked_token

_SECONDS = 5.0
_WHERE = "The SPIFFE Workload API"
_TITLE = "The Workload API gave no token"
# gRPC's codes for a server that is not there or does not answer.
_NOT_NOW = ("StatusCode.UNAVAILABLE", "StatusCode.DEADLINE_EXCEEDED")


@dataclass(frozen=True, slots=True)
class SpiffeToken:
    """JWT-SVIDs for `audience`, from the Workload API at `socket` (a checked address)."""

    audience: str
    socket: str
    seconds: float = _SECONDS

    def fetch(self) -> Token:
        """Return a token. Raises Unauthenticated when this workload has none, Unavailable without an answer."""
        try:
            with WorkloadApiClient(self.socket, default_timeout=self.seconds) as client:
                value = client.fetch_jwt_svid({self.audience}).token
        except FetchJwtSvidError as error:
            detail = f"{_WHERE} at {self.socket}: {error}."
            if any(code in str(error) for code in _NOT_NOW):
                raise Unavailable("issuer_unavailable", _TITLE, detail, "Check that the SPIRE agent runs.") from error
            fix = f"Register this workload, and a JWT-SVID with the audience {self.audience} alone."
            raise Unauthenticated("token_refused", _TITLE, detail, fix) from error
        except PySpiffeError as error:
            fix = "Set SPIFFE_ENDPOINT_SOCKET to the agent's socket, such as unix:///run/spire/api.sock."
            raise Invalid("setting_invalid", _TITLE, f"{_WHERE} cannot be asked: {error}.", fix) from error
        return checked_jwt(checked_token(value, _WHERE), _WHERE, self.audience, "Check this machine's clock.")


def checked_socket(address: str) -> str:
    """Return the address. Raises Invalid unless it is a Unix socket, or a port of this machine: there is no TLS."""
    with suppress(ValueError):
        url = urlsplit(address)
        if url.scheme == "unix" or (url.scheme == "tcp" and is_loopback(url.hostname or "")):
            return address
    detail = f"SPIFFE_ENDPOINT_SOCKET is {address!r}, which is neither a Unix socket nor on this machine."
    fix = "Set it to the agent's socket, such as unix:///run/spire/api.sock."
    raise Invalid("setting_invalid", "A setting is not valid", detail, fix)
