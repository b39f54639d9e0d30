"""The client with which people sign in to the reviewers' pages."""

from pydantic import field_validator

from jitney.configuration.values import Address, SettingsModel, Text, Texts, refused


class WebClientSettings(SettingsModel):
    """The client with which an issuer's people sign in to the reviewers' pages, as `jitney.core.config.Web`."""

    client_id: Text
    authorization_url: Address
    token_url: Address
    scopes: Texts = ("openid",)

    @field_validator("scopes")
    @classmethod
    def _is_openid(cls, scopes: tuple[str, ...]) -> tuple[str, ...]:
        if "openid" not in scopes or any(" " in scope for scope in scopes):
            # Without it the provider may leave out who signed in (OpenID Connect Core section 3.1.2.1).
            raise refused('the scopes are without "openid", or one has a space in it', "write [openid, ...]")
        return scopes
