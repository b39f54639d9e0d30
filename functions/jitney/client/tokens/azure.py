"""The token of an Azure managed identity.

A virtual machine has the Instance Metadata Service, which requires the header `Metadata: true`. App Service, Functions
and Container Apps have an endpoint and a secret header in the environment.
https://learn.microsoft.com/entra/identity/managed-identities-azure-resources/how-to-use-vm-token
https://learn.microsoft.com/azure/app-service/overview-managed-identity#rest-endpoint-reference
"""

import time
from collections.abc import Mapping
from dataclasses import dataclass, field
from urllib.parse import urlsplit

from jitney.client.problems import Unauthenticated
from jitney.client.tokens import Token, checked_jwt, checked_token, whole_seconds
from jitney.client.tokens.metadata_service import MetadataService
from jitney.client.tokens.token_endpoint import refusal_words

_CLOUD = "Azure"
_MACHINES = MetadataService(_CLOUD)
_WHERE = "Azure's metadata service"


@dataclass(frozen=True, slots=True)
class AzureIdentity:
    """Tokens for the application `resource`, such as api://jitney, of the managed identity `client_id`.

    With client_id "", the machine's only identity is used.
    """

    resource: str
    client_id: str = ""
    service: MetadataService = _MACHINES
    path: str = "/metadata/identity/oauth2/token"
    version: str = "2018-02-01"
    headers: Mapping[str, str] = field(default_factory=lambda: {"Metadata": "true"}, repr=False)

    def fetch(self) -> Token:
        """Return a token. Raises Unauthenticated when Azure refuses, Unavailable when it does not answer."""
        identity = {"client_id": self.client_id} if self.client_id else {}
        query = {"api-version": self.version, "resource": self.resource, **identity}
        response = self.service.get(self.path, query, self.headers)
        document = response.document()
        if response.is_unavailable:
            raise self.service.unavailable(f"answered HTTP {response.status}")
        value = document.get("access_token")
        if not response.succeeded or not isinstance(value, str):
            raise _refused(f"answered HTTP {response.status} {refusal_words(document)}".rstrip())
        if document.get("resource") not in (None, self.resource, f"{self.resource}/"):
            raise _refused(f"gave a token for {document['resource']} instead of {self.resource}")
        fix = "Check this machine's clock."
        return _lifetime(document, checked_jwt(checked_token(value, _WHERE), _WHERE, "", fix))


def app_service(resource: str, client_id: str, endpoint: str, secret: str) -> AzureIdentity:
    """Return the source of an App Service, whose environment has the `endpoint` and the `secret` header."""
    url = urlsplit(endpoint)
    service = MetadataService(_CLOUD, f"{url.scheme}://{url.netloc}")
    headers = {"X-IDENTITY-HEADER": checked_token(secret, "IDENTITY_HEADER")}
    return AzureIdentity(resource, client_id, service, url.path, "2019-08-01", headers)


def _lifetime(document: Mapping[str, object], token: Token) -> Token:
    """Return the token. If the token does not state its lifetime, the lifetime in Azure's answer is set."""
    text = str(document.get("expires_on", ""))
    end = whole_seconds(float(text)) if text.isdecimal() else None
    if token.lifetime_seconds is not None or end is None:
        return token
    return Token(token.value, max(0, end - int(time.time())))


def _refused(what: str) -> Unauthenticated:
    fix = "Assign a managed identity to this machine, and set JITNEY_TOKEN_AUDIENCE to the application's identifier."
    fix = f"{fix} With several identities, set JITNEY_CLIENT_ID."
    return Unauthenticated("token_refused", "Azure gave no token", f"{_WHERE} {what}.", fix)
