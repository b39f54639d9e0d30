"""Revocation of a refresh token at the issuer (RFC 7009)."""

from jitney.client.login.login_settings import LoginSettings
from jitney.client.login.provider_metadata import discover
from jitney.client.problems import ClientProblem, Unavailable
from jitney.client.tokens.token_endpoint import post_form


def revoke(settings: LoginSettings, refresh_token: str) -> bool:
    """Revoke the refresh token, and return True. Return False if the issuer has no endpoint for that.

    Call it after the sign-in was deleted. Raises Unavailable when the issuer does not confirm the revocation.
    """
    try:
        url = discover(settings.issuer).revocation_endpoint
        if not url:
            return False
        form = {"token": refresh_token, "token_type_hint": "refresh_token", **settings.client()}
        response = post_form(url, form)
    except ClientProblem as problem:
        raise _not_confirmed(problem.detail) from problem
    if not response.succeeded:
        raise _not_confirmed(f"{response.url} answered HTTP {response.status}.")
    return True


def _not_confirmed(why: str) -> Unavailable:
    detail = f"You are signed out here, but the refresh token may still work. {why}"
    fix = "End the session of this client at the issuer, in your account's settings."
    return Unavailable("revocation_failed", "The refresh token was not revoked", detail, fix)
