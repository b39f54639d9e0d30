"""GET /reviews/sign-in and /reviews/callback, POST /reviews/sign-out: how people come to the pages, and leave them.

The callback is the one GET that writes: the session of a browser that began a sign-in here and comes back with its
provider's code. Whoever else opens it changes nothing (row REV 1).
"""

from urllib.parse import urlencode

from jitney.core.config import Issuer, Web
from jitney.core.identity.session import IDLE_SECONDS, Session, session_id_of
from jitney.core.identity.sign_in import (
    SIGN_IN_SECONDS,
    SignIn,
    authorization_code,
    sign_in_of_cookie,
    signed_in_principal,
)
from jitney.core.problems import Problem
from jitney.handlers.callers import GRANT_ID
from jitney.handlers.logs import logger
from jitney.handlers.pages import SESSION, SIGN_IN, FormVisit, Page, Visit, pages


def begin(visit: Visit) -> Page:
    """303 to the identity provider, with the cookie that its answer must fit; `to` is the request to open after it."""
    _, web = _people(visit)
    wished = visit.request.query.get("to", "")
    sign_in = SignIn(visit.ports.new_secret(), visit.now, wished if GRANT_ID.fullmatch(wished) else "")
    joint = "&" if "?" in web.authorization_url else "?"
    location = f"{web.authorization_url}{joint}{urlencode(sign_in.query(web, _redirect_uri(visit)))}"
    return Page(303, location=location, cookies=(visit.set_cookie(SIGN_IN, sign_in.cookie, SIGN_IN_SECONDS),))


def finish(visit: Visit) -> Page:
    """303 to where the sign-in was wanted for, with a new session. Raises Problem, Refusal.

    What fits no sign-in of this browser is only told; what the provider then refuses is on record too.
    """
    issuer, web = _people(visit)
    sign_in = sign_in_of_cookie(visit.cookie(SIGN_IN), visit.now)
    try:
        code = authorization_code(visit.request.query, sign_in, issuer)
        token = visit.ports.token_endpoint.redeem(web, code, sign_in.verifier, _redirect_uri(visit))
        principal = signed_in_principal(token, sign_in, issuer, visit.ports.config, visit.ports.keys, visit.now)
    except Problem as problem:
        if problem.code != "sign_in_invalid":
            logger.warning("sign-in refused", issuer=issuer.name, code=problem.code)
            visit.record_refusal(problem)
        raise
    # A new id at every sign-in: one that somebody else has put into this browser is never signed in (session fixation).
    session_id = visit.ports.new_secret()
    session = Session(principal, visit.now, visit.ports.new_secret(), web.client_id)
    visit.ports.web_sessions.begin(session_id, session)
    kept = visit.set_cookie(SESSION, session.cookie(session_id, visit.now), IDLE_SECONDS)
    to = f"{visit.path}/reviews{'/' if sign_in.grant_id else ''}{sign_in.grant_id}"
    return Page(303, location=to, cookies=(kept, visit.set_cookie(SIGN_IN, "", 0)))


def sign_out(visit: FormVisit) -> Page:
    """200 once the session is no more. Raises Problem sign_in_required, form_token_invalid."""
    if session_id := session_id_of(visit.cookie(SESSION)):
        visit.ports.web_sessions.end(session_id)
    return Page(200, "signed_out", {"session": None}, cookies=(visit.set_cookie(SESSION, "", 0),))


def _people(visit: Visit) -> tuple[Issuer, Web]:
    issuer = visit.ports.config.people
    if issuer is None or issuer.web is None:
        fix = "Give the issuer of your people a web client in jitney.yaml, or review in Slack."
        raise Problem("route_not_found", "People cannot sign in: no issuer has a web client.", fix)
    return issuer, issuer.web


def _redirect_uri(visit: Visit) -> str:
    return f"{visit.root}/reviews/callback"


handler = pages(
    {"/reviews/sign-in": begin, "/reviews/callback": finish},
    {"/reviews/sign-out": sign_out},
    ("config", "keys", "store", "web_sessions", "token_endpoint", "templates"),
)
