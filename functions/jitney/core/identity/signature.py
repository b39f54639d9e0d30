"""From an unverified token to signed claims: whose token it says it is, and whether that issuer signed it."""

from collections.abc import Mapping
from typing import Any, NewType, Protocol

from jitney.core.config import Config, Issuer
from jitney.core.identity.keys import ALGORITHMS, Key, KeySet
from jitney.core.identity.refusal import Refusal
from jitney.core.identity.token import UnverifiedToken

SignedClaims = NewType("SignedClaims", Mapping[str, Any])
"""The claims of a token whose signature verified: only `verify` makes them."""


class KeySource(Protocol):
    """Where an issuer's keys come from. Both methods raise Refusal keys_unavailable when there are none to trust."""

    def keys(self, issuer: Issuer) -> KeySet:
        """The issuer's keys as far as they are known."""

    def refreshed(self, issuer: Issuer) -> KeySet:
        """The issuer's keys after a token named one that is not among them; may be the same ones (cool-down)."""


def issuer_of(token: UnverifiedToken, config: Config) -> Issuer:
    """The entry of the issuer that `token` names, by exact string (OpenID Connect Core section 3.1.3.7, point 2).

    Of several entries, which all have the same keys, it is the one that has the token's audience. Whatever is chosen by
    claims that nobody has verified yet, the token is then verified, and the audience checked, against that entry.
    """
    name = token.claims.get("iss")
    if not isinstance(name, str):
        raise Refusal("token_claims", "The claim iss is missing or not a string.", "Use a token that names its issuer.")
    entries = config.entries(name)
    if not entries:
        raise Refusal(
            "token_issuer_unknown",
            "The token's iss claim is none of the configured issuers.",
            "Use a token of a configured issuer; iss must be the same string, to the last slash.",
        )
    if len(entries) == 1:
        return entries[0]
    audiences = _texts(token.claims.get("aud"))
    meant = [entry for entry in entries if not audiences.isdisjoint(entry.audiences)]
    if len(meant) > 1:
        raise Refusal(
            "token_audience",
            "The token is for several audiences that are configured for its issuer, in different entries.",
            "Ask the issuer for a token whose only audience is the one that is meant.",
        )
    return meant[0] if meant else entries[0]


def _texts(audience: Any) -> frozenset[str]:
    """The audiences in `aud`; what is wrong with it otherwise is said once the token is verified."""
    audiences = audience if isinstance(audience, list) else [audience]
    return frozenset(each for each in audiences if isinstance(each, str))


def verify_signature(token: UnverifiedToken, issuer: Issuer, source: KeySource) -> SignedClaims:
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
