"""From an unverified token to signed claims: whose token it says it is, and whether that issuer signed it."""

from collections.abc import Mapping
from typing import Any, NewType, Protocol

from core.config import Config, Issuer
from core.identity.keys import ALGORITHMS, Key, KeySet
from core.identity.refusal import Refusal
from core.identity.token import UnverifiedToken

SignedClaims = NewType("SignedClaims", Mapping[str, Any])
"""The claims of a token whose signature verified: only `verify` makes them."""


class KeySource(Protocol):
    """Where an issuer's keys come from. Both methods raise Refusal keys_unavailable when there are none to trust."""

    def keys(self, issuer: Issuer) -> KeySet:
        """The issuer's keys as far as they are known."""

    def refreshed(self, issuer: Issuer) -> KeySet:
        """The issuer's keys after a token named one that is not among them; may be the same ones (cool-down)."""


def issuer_of(token: UnverifiedToken, config: Config) -> Issuer:
    """The configured issuer that `token` names, by exact string (OpenID Connect Core section 3.1.3.7, point 2)."""
    name = token.claims.get("iss")
    if not isinstance(name, str):
        raise Refusal("token_claims", "The claim iss is missing or not a string.", "Use a token that names its issuer.")
    issuer = config.issuers.get(name)
    if issuer is None:
        raise Refusal(
            "token_issuer_unknown",
            "The token's iss claim is none of the configured issuers.",
            "Use a token of a configured issuer; iss must be the same string, to the last slash.",
        )
    return issuer


def verify(token: UnverifiedToken, issuer: Issuer, source: KeySource) -> SignedClaims:
    """The claims of `token`, which `issuer` signed. No other issuer's key is tried.

    Raises Refusal token_algorithm, token_key, token_signature or keys_unavailable.
    """
    if token.algorithm not in issuer.algorithms or token.algorithm not in ALGORITHMS:
        raise Refusal(
            "token_algorithm",
            "The token's algorithm is not one that is configured for its issuer.",
            f"Have the issuer sign with {' or '.join(issuer.algorithms)}.",
        )
    key = _key(token, issuer, source)
    if not key.verifies(token.algorithm, token.signing_input, token.signature):
        raise Refusal(
            "token_signature",
            "The token's signature is not the issuer's.",
            "Ask the issuer for a new token and send it unchanged.",
        )
    return SignedClaims(token.claims)


def _key(token: UnverifiedToken, issuer: Issuer, source: KeySource) -> Key:
    key = source.keys(issuer).find(token.kid)
    if key is None and token.kid is not None:
        key = source.refreshed(issuer).find(token.kid)
    if key is None:
        raise Refusal(
            "token_key",
            "The token's kid names no usable key of its issuer."
            if token.kid is not None
            else "The token's header has no kid, and its issuer has more than one key.",
            "Ask the issuer for a new token; if its keys have just changed, try again in a minute.",
        )
    if token.algorithm not in key.algorithms:
        raise Refusal(
            "token_key",
            "The key that the token names is not for the token's algorithm.",
            "Ask the issuer for a new token and send it unchanged.",
        )
    return key
