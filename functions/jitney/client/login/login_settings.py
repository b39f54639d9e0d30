"""The settings of a sign-in: the issuer, the client, and the token to get."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Literal, TypeAlias

TokenKind: TypeAlias = Literal["access", "id"]


@dataclass(frozen=True, slots=True)
class LoginSettings:
    """A public client `client_id` at `issuer`, which gets a token of the kind `kind` for the broker.

    `issuer` is written exactly as the issuer writes it. `parameters` go into each request: resource (RFC 8707),
    audience. `client_secret` is for issuers that give a client secret to installed applications, such as Google. There,
    it is not a secret (RFC 8252 section 8.5). `redirect_port` is 0 if the issuer accepts any port.
    """

    issuer: str
    client_id: str
    scope: str = "openid offline_access"
    kind: TokenKind = "access"
    parameters: Mapping[str, str] = field(default_factory=dict)
    client_secret: str = field(default="", repr=False)
    redirect_port: int = 0

    def client(self) -> dict[str, str]:
        """Return the parameters that identify the client."""
        secret = {"client_secret": self.client_secret} if self.client_secret else {}
        return {"client_id": self.client_id, **secret}
