"""The client with which people sign in to the reviewers' pages."""

from typing import NamedTuple


class Web(NamedTuple):
    """The public OIDC client (PKCE) through which people sign in to the reviewers' pages."""

    client_id: str
    authorization_url: str
    token_url: str
    scopes: tuple[str, ...]
