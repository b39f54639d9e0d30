"""GET /reviews/sign-in and /reviews/callback, POST /reviews/sign-out: people sign in and out of the pages.

The callback is the only GET of the pages that writes. It creates a session for a browser that began a sign-in here.
The browser must return with the provider's code. For other visitors, the callback changes nothing (row REV 1).
"""

from urllib.parse import urlencode

from jitney.core.identity.session import IDLE_SECONDS, Session, admission_of, session_id_of
from jitney.core.identity.sign_in import (
    PAGE,
    SIGN_IN_SECONDS,
    SignIn,
    authorization_code,
    sign_in_of_cookie,
    signed_in_principal,
)
from jitney.core.issuer_config import Issuer
from jitney.core.problems import Problem
from jitney.core.web_client import Web
from jitney.handlers.pages.visits import SESSION, SIGN_IN, FormVisit, Page, Visit, pages
from jitney.handlers.runtime.logs import logger


def begin(visit: Visit) -> Page:
    """Return 303 to the identity provider, and set the sign-in's cookie. `to` is the page to open afterwards."""
    _, web = _people(visit)
    requested = visit.request.query.get("to", "")
    sign_in = SignIn(visit.ports.new_secret(), visit.now, requested if PAGE.fullmatch(requested) else "")
    separator = "&" if "?" in web.authorization_url else "?"
    location = f"{web.authorization_url}{separator}{urlencode(sign_in.query(web, _redirect_uri(visit)))}"
    return Page(303, location=location, cookies=(visit.set_cookie(SIGN_IN, sign_in.cookie, SIGN_IN_SECONDS),))


def finish(visit: Visit) -> Page:
    """Return 303 to the requested page, with a new session. Raises Problem, Refusal.

    A callback that matches no sign-in of this browser is not counted as a refusal. Other refusals are counted.
    """
    issuer, web = _people(visit)
    sign_in = sign_in_of_cookie(visit.cookie(SIGN_IN), visit.now)
    principal = None
    try:
        code = authorization_code(visit.request.query, sign_in, issuer)
        token = visit.ports.token_endpoint.redeem(web, code, sign_in.verifier, _redirect_uri(visit))
        principal = signed_in_principal(token, sign_in, issuer, visit.ports.config, visit.ports.keys, visit.now)
        visit.ports.suspensions.current().require_unsuspended(principal)
    except Problem as problem:
        if problem.code != "sign_in_invalid":
            logger.warning("sign-in refused", issuer=issuer.name, code=problem.code)
            visit.count_refusal(problem, principal)
        raise
    # A new id at every sign-in, so that an id planted in this browser is never signed in (session fixation).
    session_id = visit.ports.new_secret()
    session = Session(principal, visit.now, visit.ports.new_secret(), admission_of(issuer, principal.subject))
    visit.ports.web_sessions.begin(session_id, session)
    if earlier := visit.session and session_id_of(visit.cookie(SESSION)):
        visit.ports.web_sessions.end(earlier)  # the browser forgets its cookie, so no sign-out would end it
    kept = visit.set_cookie(SESSION, session.cookie(session_id, visit.now), IDLE_SECONDS)
    to = f"{visit.path}/reviews{'/' if sign_in.page else ''}{sign_in.page}"
    return Page(303, location=to, cookies=(kept, visit.set_cookie(SIGN_IN, "", 0)))


def sign_out(visit: FormVisit) -> Page:
    """Return 200 after deleting the session."""
    if session_id := session_id_of(visit.cookie(SESSION)):
        visit.ports.web_sessions.end(session_id)
    return Page(200, "signed_out", {"session": None}, cookies=(visit.set_cookie(SESSION, "", 0),))


def _people(visit: Visit) -> tuple[Issuer, Web]:
    issuer = visit.ports.config.people
    if issuer is None or issuer.web is None:
        fix = "Add a web client to the issuer of your people in jitney.yaml, or review in Slack."
        raise Problem("route_not_found", "People cannot sign in: no issuer has a web client.", fix)
    return issuer, issuer.web


def _redirect_uri(visit: Visit) -> str:
    return f"{visit.root}/reviews/callback"


handler = pages(
    {"/reviews/sign-in": begin, "/reviews/callback": finish},
    {"/reviews/sign-out": sign_out},
    ("config", "keys", "store", "suspensions", "web_sessions", "token_endpoint", "templates"),
)
