"""Checks of the signed claims of every token: required claims, audience and validity period."""

from typing import Any, TypeGuard

from jitney.core.identity.refusal import Refusal
from jitney.core.identity.signature import SignedClaims
from jitney.core.issuer_config import Issuer

MAX_LEEWAY_SECONDS = 60
_END_OF_TIME = 253_402_300_800  # the year 10000, where ISO 8601 times end

# The claims that name the client that a token was issued to: OpenID Connect Core section 2, RFC 9068 section 2.2, Entra
# (version 1.0) and Okta.
CLIENT_CLAIMS = ("azp", "appid", "client_id", "cid")

_FIX = "Get a token from the issuer with the claims iss, sub, aud, exp and iat, each of its RFC 7519 type."


def check_required(claims: SignedClaims, issuer: Issuer) -> None:
    """Raise Refusal token_claims unless the required claims are present and of the right JSON type.

    `iss` is checked when the issuer is selected, `aud` by `check_audience` (RFC 7519 section 4.1).
    """
    if not isinstance(claims.get("sub"), str):
        raise _wrong("sub", "a string")
    required = {"exp", "iat"} if issuer.require_iat else {"exp"}
    for name in ("exp", "iat", "nbf"):
        if not is_date(claims.get(name, None if name in required else 0)):
            raise _wrong(name, "a number of seconds since 1970")
    for name in ("jti", *CLIENT_CLAIMS):
        if not isinstance(claims.get(name, ""), str):
            raise _wrong(name, "a string")


def check_audience(claims: SignedClaims, issuer: Issuer) -> None:
    """Raise Refusal unless the token is meant for Jitney and comes from a permitted client.

    Exactly one of the token's audiences must be configured. If the issuer's entry lists clients, the token must come
    from one of them. A token with several audiences could have been passed on by any of them. So it must come from a
    configured client in any case (OpenID Connect Core section 3.1.3.7, points 3 to 5). For some issuers, a claim other
    than `aud` names the audience. If a token of such an issuer has an `aud`, it is meant for another service.
    """
    audience = claims.get(issuer.audience_claim)
    audiences = [audience] if isinstance(audience, str) else audience
    if not isinstance(audiences, list) or not audiences or not all(isinstance(item, str) for item in audiences):
        raise _wrong(issuer.audience_claim, "a string or a list of strings")
    elsewhere = issuer.audience_claim != "aud" and "aud" in claims
    if elsewhere or sum(item in issuer.audiences for item in audiences) != 1:
        raise Refusal(
            "token_audience",
            "The token's audience is not exactly one of those configured for its issuer.",
            "Get a token from the issuer with Jitney's audience.",
        )
    clients = {claims[name] for name in CLIENT_CLAIMS if name in claims}
    is_known = bool(clients) and clients.issubset(issuer.clients)
    if len(audiences) > 1 and not is_known:
        raise Refusal(
            "token_audience",
            "The token has several audiences and does not come from a client configured for its issuer.",
            "Get a token from the issuer with Jitney's audience only.",
        )
    if issuer.clients and not is_known:
        raise Refusal(
            "token_not_admitted",
            "The token was not issued to a client that is configured for its issuer.",
            "Get the token with a configured client, or add the client's id to clients in the configuration.",
        )


def check_undelegated(claims: SignedClaims, issuer: Issuer) -> None:
    """Raise Refusal token_kind unless a person's own client got the token for that person.

    A token with an actor was exchanged for another party (RFC 8693 section 4.1). An ID token names its audience as the
    client (OpenID Connect Core section 2). Other tokens must name a client of the issuer's entry.
    """
    clients = {claims[name] for name in CLIENT_CLAIMS if name in claims}
    if "act" in claims or not clients.issubset(issuer.clients or issuer.audiences):
        raise Refusal(
            "token_kind",
            "The token was delegated, or issued to another client. Reviews take a person's own token.",
            "Sign in yourself with `jitney login --review`.",
        )


def leeway(issuer: Issuer) -> int:
    """Return the permitted clock difference in seconds, the same for every check and for the replay store."""
    return min(issuer.leeway_seconds, MAX_LEEWAY_SECONDS)


def refused_from(claims: SignedClaims, issuer: Issuer) -> int:
    """Return the moment (epoch seconds) from which `check_times` refuses the token as expired or too old."""
    ends = [int(claims["exp"])]
    if "iat" in claims:
        ends.append(int(claims["iat"]) + issuer.max_age_seconds)
    return min(ends) + leeway(issuer)


def check_times(claims: SignedClaims, issuer: Issuer, now: int) -> None:
    """Raise Refusal unless the token is valid at `now` and within its issuer's maximum age.

    Call `check_required` first.
    """
    slack, longest = leeway(issuer), issuer.max_age_seconds
    if now >= int(claims["exp"]) + slack:
        raise Refusal("token_expired", "The token's exp is in the past.", "Get a new token from the issuer.")
    if max(claims.get("iat", 0), claims.get("nbf", 0)) > now + slack:
        raise Refusal(
            "token_not_yet_valid",
            "The token's iat or nbf is in the future.",
            "Check the issuer's clock, or send the token again later.",
        )
    if "iat" in claims and now >= int(claims["iat"]) + longest + slack:
        raise Refusal(
            "token_too_old",
            f"The token was issued more than {longest} seconds ago.",
            "Get a new token from the issuer.",
        )
    if "iat" not in claims and claims["exp"] > now + longest + slack:
        raise Refusal(
            "token_too_old",
            f"The token has no iat, and it is valid for more than {longest} seconds.",
            "Configure the issuer to issue tokens with a shorter lifetime, or with the claim iat.",
        )


def is_date(value: Any) -> TypeGuard[float]:
    """Return whether the value is a NumericDate (RFC 7519 section 2). It may have a fraction. Booleans are refused."""
    return isinstance(value, int | float) and not isinstance(value, bool) and 0 <= value < _END_OF_TIME


def _wrong(name: str, needed: str) -> Refusal:
    return Refusal("token_claims", f"The claim {name} is missing or not {needed}.", _FIX, {"claim": name})
