"""The ID token of a Google Cloud service account, from the metadata server.

The server requires the header `Metadata-Flavor: Google`, and its answer has this header, too. An answer without the
header comes from another server. https://cloud.google.com/compute/docs/instances/verifying-instance-identity
"""

from dataclasses import dataclass

from jitney.client.problems import Unauthenticated
from jitney.client.tokens import Token, checked_jwt, checked_token
from jitney.client.tokens.metadata_service import MetadataService

_PATH = "/computeMetadata/v1/instance/service-accounts/default/identity"
_FLAVOR = {"Metadata-Flavor": "Google"}
_MACHINES = MetadataService("Google Cloud")
_WHERE = "Google's metadata server"


@dataclass(frozen=True, slots=True)
class GoogleIdentity:
    """ID tokens of the machine's service account, for `audience`."""

    audience: str
    service: MetadataService = _MACHINES

    def fetch(self) -> Token:
        """Return a token. Raises Unauthenticated when Google refuses, Unavailable when it does not answer."""
        # format=full adds the project, which an issuer's entry may require. Services other than machines ignore it.
        response = self.service.get(_PATH, {"audience": self.audience, "format": "full"}, _FLAVOR)
        if response.headers.get("metadata-flavor") != "Google":
            raise self.service.unavailable("is not Google's: its answer lacks the header Metadata-Flavor")
        if response.is_unavailable:
            raise self.service.unavailable(f"answered HTTP {response.status}")
        fix = "Attach a service account to this machine or service."
        if not response.succeeded:
            detail = f"{_WHERE} answered HTTP {response.status}."
            raise Unauthenticated("token_refused", "Google gave no token", detail, fix)
        value = checked_token(response.body.decode("ascii", "replace"), _WHERE)
        return checked_jwt(value, _WHERE, self.audience, "Check JITNEY_TOKEN_AUDIENCE and this machine's clock.")
