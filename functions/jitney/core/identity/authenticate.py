"""The only way from an Authorization header to a principal."""

from typing import NamedTuple

from jitney.core.config import Config, Issuer
from jitney.core.identity.claims import check_audience, check_required, check_times
from jitney.core.identity.principal import Principal
from jitney.core.identity.principal_mapping import principal_of
from jitney.core.identity.refusal import Refusal
from jitney.core.identity.replay import SingleUseToken, single_use_token
from jitney.core.identity.signature import KeySource, issuer_of, verify_signature
from jitney.core.identity.token import UnverifiedToken, bearer_token, parse_token


class Authenticated(NamedTuple):
    """The principal, and the token's `single_use` key if its issuer's tokens may be used once (else None)."""

    principal: Principal
    single_use: SingleUseToken | None

    def replay_refusal(self) -> Refusal:
        """Return the refusal of this principal when the store already has `single_use`."""
        return Refusal(
            "token_replayed",
            "Tokens of this issuer may be used once, and this one was used before.",
            "Get a new token from the issuer for each request.",
            issuer_name=self.principal.issuer_name,
            principal=self.principal,
        )


def authenticate(header: str | None, config: Config, keys: KeySource, now: int) -> Authenticated:
    """Return the sender of the Authorization `header`, at `now` in epoch seconds.

    Raises Refusal, with a code of `jitney.core.problems`, and no other exception for any header.
    """
    token = parse_token(bearer_token(header))
    issuer = issuer_of(token, config)
    try:
        return _authenticated(token, issuer, keys, now)
    except Refusal as refusal:
        refusal.issuer_name = issuer.name
        raise


def _authenticated(token: UnverifiedToken, issuer: Issuer, keys: KeySource, now: int) -> Authenticated:
    claims = verify_signature(token, issuer, keys)
    check_required(claims, issuer)
    check_audience(claims, issuer)
    check_times(claims, issuer, now)
    return Authenticated(principal_of(claims, token.typ, issuer), single_use_token(token, claims, issuer))
