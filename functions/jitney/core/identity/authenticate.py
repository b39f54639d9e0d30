"""The only way from an Authorization header to a principal."""

import hashlib
from dataclasses import replace
from typing import NamedTuple

from jitney.core.config import Config
from jitney.core.identity.claims import check_audience, check_required, check_times, check_undelegated, refused_from
from jitney.core.identity.dpop import NO_PROOF, SentProof, check_binding, check_proof, check_scheme
from jitney.core.identity.principal import Principal
from jitney.core.identity.principal_mapping import check_agents_subject, check_subject_is_no_unit, principal_of
from jitney.core.identity.refusal import Refusal
from jitney.core.identity.signature import KeySource, SignedClaims, issuer_of, verify_signature
from jitney.core.identity.token import UnverifiedToken, parse_token, sent_token
from jitney.core.issuer_config import Issuer
from jitney.core.quotas import SingleUseKey


class Authenticated(NamedTuple):
    """The principal, and the token's `single_use` key, or None if the issuer's tokens may be reused.

    `proof` is the single-use key of the request's DPoP proof, or None if the issuer's tokens are bearer tokens.
    Grants end by `grants_end_by` (epoch seconds). That is None unless the issuer's entry ends grants with the token.
    `for_reviews` says whether the token is for reviews in a terminal, and for nothing else.
    """

    principal: Principal
    single_use: SingleUseKey | None
    grants_end_by: int | None = None
    for_reviews: bool = False
    proof: SingleUseKey | None = None

    def capped(self, duration_seconds: int, shortest: int, now: int) -> int:
        """Return the duration of a grant from `now`, in seconds.

        If the issuer's grants end with the token, the duration is at most the rest of the token's lifetime.

        Raises Refusal token_expired when less than `shortest` seconds are left.
        """
        if self.grants_end_by is None:
            return duration_seconds
        left = self.grants_end_by - now
        if left < shortest:
            raise Refusal(
                "token_expired",
                f"Grants of this issuer's tokens end with the token, which has {max(0, left)} seconds left.",
                f"Get a new token from the issuer. The shortest grant is {shortest} seconds.",
                issuer_name=self.principal.issuer_name,
                principal=self.principal,
            )
        return min(duration_seconds, left)

    def replay_refusal(self) -> Refusal:
        """Return the refusal of this principal when the store already has `single_use`."""
        detail, fix = _REVIEW_REPLAYED if self.for_reviews else _REPLAYED
        return Refusal(
            "token_replayed",
            detail,
            fix,
            issuer_name=self.principal.issuer_name,
            principal=self.principal,
        )


_REPLAYED = (
    "Tokens of this issuer are for one call, and this one was used before.",
    "Get a new token from the issuer for each call.",
)
_REVIEW_REPLAYED = (
    "A token for reviews is for one vote or one bulk rejection, and this one was used before.",
    "Sign in again for the next vote (jitney login --review). Lists and requests can still be read with this token.",
)


def authenticate(
    header: str | None, config: Config, keys: KeySource, now: int, sent: SentProof = NO_PROOF
) -> Authenticated:
    """Return the sender of the Authorization `header`, at `now` in epoch seconds.

    `sent` holds the request's DPoP proof. For any header and proof, the only exception is Refusal. The
    refusal's code is one of `jitney.core.problems`.
    """
    scheme, text = sent_token(header)
    token = parse_token(text)
    issuer = issuer_of(token, config)
    try:
        claims = verify_signature(token, issuer, keys)
        caller = _authenticated(token, claims, issuer, now)
        subject, entries = caller.principal.subject, config.entries(issuer.issuer)
        check_agents_subject(subject, issuer, entries)
        check_subject_is_no_unit(subject, issuer, entries)
        check_scheme(scheme, issuer, caller.principal)
        if issuer.dpop:
            caller = caller._replace(proof=check_proof(sent, text, claims, caller.principal, now))
    except Refusal as refusal:
        refusal.issuer_name = issuer.name
        raise
    owners = config.owners_of(issuer.name, caller.principal.subject)
    return caller._replace(principal=replace(caller.principal, agent_owners=owners))


def _authenticated(token: UnverifiedToken, claims: SignedClaims, issuer: Issuer, now: int) -> Authenticated:
    check_required(claims, issuer)
    check_audience(claims, issuer)
    check_times(claims, issuer, now)
    check_binding(claims, issuer)
    if issuer.for_reviews:
        check_undelegated(claims, issuer)
    end = int(claims["exp"]) if issuer.grants_end_with_token else None
    principal, single_use = principal_of(claims, token.typ, issuer), single_use_token(token, claims, issuer)
    return Authenticated(principal, single_use, end, issuer.for_reviews)


def single_use_token(token: UnverifiedToken, claims: SignedClaims, issuer: Issuer) -> SingleUseKey | None:
    """Return the key of `token`, or None when its issuer's tokens may be reused.

    The key is stored until the token is refused as expired or too old.

    A token for reviews can be used for any number of reads and for one vote.

    The key covers the issuer and `jti`. Without a `jti`, the key covers the signed bytes only. The signature is left
    out, because an ECDSA signature has a second valid form.
    """
    if issuer.replay != "single_use" and not issuer.for_reviews:
        return None
    jti = claims.get("jti")
    about = b"jti:" + jti.encode() if jti else b"token:" + token.signing_input
    key = hashlib.sha256(f"{len(issuer.issuer)}:{issuer.issuer}".encode() + about).hexdigest()
    return SingleUseKey(f"REPLAY#{key}", refused_from(claims, issuer))
