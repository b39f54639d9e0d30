"""The OIDC token of a GitHub Actions job that has the permission `id-token: write`."""

from dataclasses import dataclass, field
from urllib.parse import urlencode

from jitney.client.connection import HttpRequest, send
from jitney.client.problems import Unauthenticated
from jitney.client.tokens import Token, checked_token


@dataclass(frozen=True, slots=True)
class GitHubActions:
    """The job's own token for `audience`, from the address and with the secret in the runner's environment."""

    url: str
    request_token: str = field(repr=False)
    audience: str

    def fetch(self) -> Token:
        """Return a new token of the job, for one call: an issuer's entry may accept each token once.

        Raises Unauthenticated when the runner's token service refuses, Unavailable when it does not answer.
        """
        query = ("&" if "?" in self.url else "?") + urlencode({"audience": self.audience})
        response = send(HttpRequest("GET", self.url + query, {"Authorization": f"Bearer {self.request_token}"}))
        value = response.document().get("value")
        if not response.succeeded or not isinstance(value, str):
            detail = f"GitHub's token service answered HTTP {response.status}."
            raise Unauthenticated(
                "token_refused", "GitHub gave no token", detail, "Give the job `permissions: id-token: write`."
            )
        return Token(checked_token(value, "GitHub's token service"), for_one_call=True)
