"""The OIDC token of a GitHub Actions job that has the permission `id-token: write`."""

from dataclasses import dataclass, field

import httpx

from jitney.client.connection import open_client, read_object, send
from jitney.client.problems import Unauthenticated
from jitney.client.tokens import Token, checked_token


@dataclass(frozen=True, slots=True)
class GitHubActions:
    """The job's own token for `audience`, by the address and the secret that the runner puts in its environment."""

    url: str
    request_token: str = field(repr=False)
    audience: str

    def fetch(self) -> Token:
        """A new token of the job. Raises Unproven when the runner's service refuses, Unavailable when it is away."""
        url = httpx.URL(self.url).copy_merge_params({"audience": self.audience})
        headers = {"Authorization": f"Bearer {self.request_token}"}
        with open_client(self.url) as client:
            response = send(client, client.build_request("GET", url, headers=headers))
        value = read_object(response).get("value")
        if not response.is_success or not isinstance(value, str):
            detail = f"GitHub's token service answered HTTP {response.status_code}."
            raise Unauthenticated(
                "token_refused", "GitHub gave no token", detail, "Give the job `permissions: id-token: write`."
            )
        return Token(checked_token(value, "GitHub's token service"))
