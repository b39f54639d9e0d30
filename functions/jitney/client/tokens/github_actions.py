"""The OIDC token of a GitHub Actions job that has the permission `id-token: write`."""

from dataclasses import dataclass, field
from urllib.parse import urlencode

from jitney.client.api.connection import HttpRequest, send
from jitney.client.problems import Unauthenticated, Unavailable
from jitney.client.tokens import Token, checked_jwt, checked_token

_WHERE = "GitHub's token service"
_FIX = (
    "Give the job `permissions: id-token: write`. Pull requests from forks get no token. To use another source, name "
    "it with JITNEY_TOKEN_SOURCE."
)


@dataclass(frozen=True, slots=True)
class GitHubActions:
    """The job's own token for `audience`, from the address and with the secret in the runner's environment."""

    url: str
    request_token: str = field(repr=False)
    audience: str

    def fetch(self) -> Token:
        """Return a new token of the job, for one call: an issuer's entry may accept each token once.

        Raises Unauthenticated when the runner's token service refuses or gives a token for another audience,
        Unavailable when it has no answer now.
        """
        query = ("&" if "?" in self.url else "?") + urlencode({"audience": self.audience})
        response = send(HttpRequest("GET", self.url + query, {"Authorization": f"Bearer {self.request_token}"}))
        value = response.document().get("value")
        detail = f"{_WHERE} answered HTTP {response.status}."
        if response.is_unavailable:
            raise Unavailable("issuer_unavailable", "GitHub gave no token", detail, "Try again later.")
        if not response.succeeded or not isinstance(value, str):
            raise no_token(detail)
        fix = "Check JITNEY_TOKEN_AUDIENCE and this machine's clock."
        token = checked_jwt(checked_token(value, _WHERE), _WHERE, self.audience, fix)
        return Token(token.value, for_one_call=True)


def no_token(detail: str) -> Unauthenticated:
    """Return the problem that the job gets no token."""
    return Unauthenticated("token_refused", "GitHub gave no token", detail, _FIX)
