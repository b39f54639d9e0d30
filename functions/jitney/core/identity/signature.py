"""Turns an unverified token into signed claims: finds the issuer that it names, and verifies the issuer's signature."""

from collections.abc import Mapping
from typing import Any, NewType, Protocol

from jitney.core.config import Config
from jitney.core.identity.keys import ALGORITHMS, Key, KeySet
from jitney.core.identity.refusal import Refusal
from jitney.core.identity.token import UnverifiedToken
from jitney.core.issuer_config import Issuer

SignedClaims = NewType("SignedClaims", Mapping[str, Any])
"""The claims of a token with a verified signature. Only `verify_signature` makes them."""


class KeySource(Protocol):
    """The source of an issuer's keys. Both methods raise Refusal keys_unavailable if there are no trusted keys."""

    def keys(self, issuer: Issuer) -> KeySet:
        """Return the known keys of the issuer."""

    def refreshed(self, issuer: Issuer) -> KeySet:
        """Return the issuer's keys after a token named an unknown key.

        During a cool-down, these are the same keys as before. Raises keys_unavailable also if the last fetch failed.
        """


def issuer_of(token: UnverifiedToken, config: Config) -> Issuer:
    """Return the entry of the token's issuer, by exact string (OpenID Connect Core section 3.1.3.7, point 2).

    An issuer's entries share their keys. Among several, the result is the entry with the token's audience. The claims
    are not verified yet. The caller verifies the token and its audience against the selected entry.
    """
    name = token.claims.get("iss")
    if not isinstance(name, str):
        raise Refusal("token_claims", "The claim iss is missing or not a string.", "Use a token that names its issuer.")
    entries = config.entries(name)
    if not entries:
        raise Refusal(
            "token_issuer_unknown",
            "The token's iss claim does not name a configured issuer.",
            "Use a token of a configured issuer. The iss string must match exactly, including a final slash.",
        )
    if len(entries) == 1:
        return entries[0]
    meant = [entry for entry in entries if not _audiences(token, entry).isdisjoint(entry.audiences)]
    if len(meant) > 1:
        raise Refusal(
            "token_audience",
            "The token has several audiences that are configured for its issuer, in different entries.",
            "Get a token from the issuer with only the audience that you need.",
        )
    return meant[0] if meant else entries[0]


def _audiences(token: UnverifiedToken, entry: Issuer) -> frozenset[str]:
    """Return the token's audiences, by the audience claim of `entry`.

    Malformed ones are reported after the token is verified.
    """
    audience = token.claims.get(entry.audience_claim)
    audiences = audience if isinstance(audience, list) else [audience]
    return frozenset(each for each in audiences if isinstance(each, str))


def verify_signature(token: UnverifiedToken, issuer: Issuer, source: KeySource) -> SignedClaims:
    """Return the claims of `token` if `issuer` signed it. No other issuer's key is tried.

    Raises Refusal token_algorithm, token_key, token_signature or keys_unavailable.
    """
    if token.algorithm not in issuer.algorithms or token.algorithm not in ALGORITHMS:
        raise Refusal(
            "token_algorithm",
            "The token's algorithm is not configured for its issuer.",
            f"Configure the issuer to sign with {' or '.join(issuer.algorithms)}.",
        )
    key = _key(token, issuer, source)
    if not key.verifies(token.algorithm, token.signing_input, token.signature):
        raise Refusal(
            "token_signature",
            "The token's signature is not the issuer's.",
            "Get a new token from the issuer and send it unchanged.",
        )
    return SignedClaims(token.claims)


def _key(token: UnverifiedToken, issuer: Issuer, source: KeySource) -> Key:
    keys = source.keys(issuer).find(token.kid)
    if not keys and token.kid is not None:
        keys = source.refreshed(issuer).find(token.kid)
    if not keys:
        raise Refusal(
            "token_key",
            "The token's kid names no usable key of its issuer."
            if token.kid is not None
            else "The token's header has no kid, and its issuer has more than one key.",
            "Get a new token from the issuer. If its keys have just changed, try again in a minute.",
        )
    fitting = next((key for key in keys if token.algorithm in key.algorithms), None)
    if fitting is None:
        raise Refusal(
            "token_key",
            "The key that the token names is not for the token's algorithm.",
            "Get a new token from the issuer and send it unchanged.",
        )
    return fitting
