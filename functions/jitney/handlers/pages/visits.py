"""The outermost layer of the reviewers' pages: the session, the form check, the answer and its security headers.

The only script of the pages shows times in the reader's zone. A session cookie is the only way to sign in. The
Authorization header is ignored, so an agent's token cannot open a page or vote (row REV 5).
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from types import MappingProxyType
from typing import Any, NamedTuple, TypeAlias
from urllib.parse import urlsplit

from jitney.core.access.grant import Grant
from jitney.core.access.suspensions import NO_SUSPENSIONS, Suspensions
from jitney.core.identity.authenticate import Authenticated
from jitney.core.identity.principal import Principal
from jitney.core.identity.refusal import Refusal
from jitney.core.identity.session import IDLE_SECONDS, Session, session_id_of
from jitney.core.masking.generic_masker import UNTAGGED
from jitney.core.problems import PROBLEMS, Problem
from jitney.core.records.refusal_counts import RefusalKey
from jitney.handlers.caller.authenticated_request import AuthenticatedRequest
from jitney.handlers.caller.refusals import count_refused, count_unauthenticated
from jitney.handlers.pages.own_forms import is_own_form, typed_text
from jitney.handlers.runtime.edge import HttpHandler, Route, answer, errors_as_problems
from jitney.handlers.runtime.http import Request, form_fields, grant_id_in, request_from_event
from jitney.handlers.runtime.logs import about_grant, logger
from jitney.handlers.runtime.ports import Ports, build_ports
from jitney.handlers.runtime.templates import render

SESSION, SIGN_IN = "jitney", "jitney-sign-in"
"""The cookies of the session and of a sign-in that has begun."""
_TITLES: Mapping[str, str] = {
    "grant_not_found": "Request not found",
    "request_invalid": "The form is not valid",
    "suspended": "Suspended by an operator",
}
"""Titles for reviewers, who call a grant a request, and are no caller."""


class Download(NamedTuple):
    """A file to save: its name, its media type and its text."""

    name: str
    content_type: str
    text: str


class Page(NamedTuple):
    """One answer: a template with its values, a redirect's `location` or a download, and cookies to set or clear."""

    status: int
    template: str = ""
    values: Mapping[str, Any] = {}
    location: str = ""
    cookies: tuple[str, ...] = ()
    code: str = ""
    download: Download | None = None


@dataclass(slots=True)
class Visit:
    """One request to a page at `now` (epoch seconds). `root` is Jitney's own URL, with the stage.

    `suspensions` are read with the session, if there is one. `named_grants` are as in `AuthenticatedRequest`.
    """

    event: Mapping[str, Any]
    request: Request
    ports: Ports
    now: int
    root: str
    session: Session | None = None
    suspensions: Suspensions = NO_SUSPENSIONS
    named_grants: list[str] = field(default_factory=list)

    @property
    def path(self) -> str:
        """The path of `root`, which precedes the path of every page."""
        return urlsplit(self.root).path

    @property
    def principal(self) -> Principal:
        """The person who is signed in. Raises Problem sign_in_required, or suspended."""
        return self._unsuspended_session().principal

    def _unsuspended_session(self) -> Session:
        if self.session is None:
            detail = "Your session may have expired."
            raise Problem("sign_in_required", detail, "Sign in, then try again.")
        self.suspensions.require_unsuspended(self.session.principal)
        return self.session

    @property
    def authenticated(self) -> AuthenticatedRequest:
        """The visit as an API request of the person who is signed in. Raises Problem sign_in_required, or suspended."""
        return self._call_of(self.principal)

    def _call_of(self, person: Principal) -> AuthenticatedRequest:
        who = Authenticated(person, None)
        return AuthenticatedRequest(self.request, self.ports, self.now, who, self.suspensions, self.named_grants)

    def stored_grant(self) -> Grant:
        """Return the grant of the path's id as stored. Raises Problem grant_not_found."""
        grant = self.ports.store.grant(self.request.grant_id) if self.request.grant_id else None
        if grant is None:
            fix = "Check the link. For an old request, ask an auditor to run `jitney audit show`."
            raise Problem("grant_not_found", "There is no request with this id.", fix)
        self.named_grants.append(grant.id)
        return grant

    def cookie(self, name: str) -> str:
        """Return the cookie's value, or "" for no cookie or several."""
        # Split at ";" only, where browsers join (RFC 6265bis section 5.8.3). A cookie of another host may have any
        # other character in its value. SimpleCookie splits at spaces too, so such a value could contain our cookie. Our
        # cookie's name prevents other hosts from setting it directly (section 5.7). SimpleCookie also drops the whole
        # header at anything that it does not know.
        given = self.request.headers.get("cookie", "").split(";")
        pairs = [(key, value) for key, _, value in (each.strip(" \t").partition("=") for each in given)]
        found = [value for key, value in pairs if key == self._cookie_name(name)]
        return found[0] if len(found) == 1 else ""

    def set_cookie(self, name: str, value: str, seconds: int) -> str:
        """Return the Set-Cookie header for a cookie that lasts `seconds`. 0 deletes it.

        SameSite=Lax, because links in messages and the identity provider's redirect come from other sites.
        """
        secure = "; Secure" if self._secure else ""
        return f"{self._cookie_name(name)}={value}; Path=/; Max-Age={seconds}; HttpOnly; SameSite=Lax{secure}"

    def load_session(self) -> None:
        """Load the session of a signed session cookie, if there is one."""
        cookie = self.cookie(SESSION)
        session_id = session_id_of(cookie)
        session = self.ports.web_sessions.of(session_id, self.ports.config) if session_id else None
        if session and session.accepts_cookie(cookie, self.now):
            self.session, self.suspensions = session, self.ports.suspensions.current()

    def checked_form(self) -> "FormVisit":
        """Return the visit with its form. The form must come from a page of this session.

        Counts refusals. Raises Problem form_token_invalid, sign_in_required, suspended, or one of `form_fields`.
        """
        try:
            body = request_from_event(self.event, self.ports.config.digest).body
            fields = form_fields(body, self.ports.config.limits.max_body_bytes)
            self._require_own_form(fields.get("token", [""])[0])
        except Problem as problem:
            self.count_refusal(problem)
            raise
        session, suspensions = self.session, self.suspensions
        return FormVisit(self.event, self.request, self.ports, self.now, self.root, session, suspensions, fields=fields)

    def _require_own_form(self, token: str) -> None:
        """Require the session's form token, and a browser that names this site as the form's origin."""
        session = self._unsuspended_session()
        if not session.accepts_form_token(token) or not is_own_form(self.request.headers, self._origin):
            detail = "The form was not sent from a page of your session."
            raise Problem("form_token_invalid", detail, "Open the page again, and send its form.")

    def count_refusal(self, problem: Problem, person: Principal | None = None) -> None:
        """Count a refusal for `person`, for the person who is signed in, or else for the address."""
        who = person or (self.session.principal if self.session else None)
        if isinstance(problem, Refusal):
            count_unauthenticated(problem, self.request, self.ports, self.now)
        elif who:
            self._call_of(who).count_refusal(problem.code)
        else:
            about = RefusalKey("unknown", self.request.origin.source_ip, problem.code)
            count_refused(about, self.ports, self.now)

    @property
    def typed(self) -> str:
        """What the person typed into the form that this visit sends, or ""."""
        return typed_text(self.event, self._origin, self.ports.config.digest, self.ports.config.limits.max_body_bytes)

    @property
    def _origin(self) -> str:
        return self.root.removesuffix(self.path)

    @property
    def _secure(self) -> bool:
        return self.root.startswith("https:")

    def _cookie_name(self, name: str) -> str:
        # RFC 6265bis section 4.1.3.2: no other host and no plain HTTP can set a cookie of this name, provided that
        # `cookie` parses the header exactly.
        return f"__Host-{name}" if self._secure else name


@dataclass(slots=True)
class FormVisit(Visit):
    """A visit whose form was sent from a page of the same session. Only `Visit.checked_form` makes one."""

    fields: Mapping[str, list[str]] = MappingProxyType({})

    def form(self, name: str) -> str:
        """Return the first value of a form field, or "" if it is missing."""
        return self.fields.get(name, [""])[0]


PageRoute: TypeAlias = Callable[[Visit], Page]
FormRoute: TypeAlias = Callable[[FormVisit], Page]


def pages(
    gets: Mapping[str, PageRoute],
    posts: Mapping[str, FormRoute],
    needs: tuple[str, ...],
    api: Mapping[tuple[str, str], Route] = MappingProxyType({}),
) -> HttpHandler:
    """Return the Lambda handler of pages, by path, and of routes of the API. See `handlers.runtime.edge.endpoints`."""
    routes = {("GET", path): route for path, route in gets.items()}
    routes |= {("POST", path): with_form(route) for path, route in posts.items()}
    ports = build_ports(needs)

    def handler(event: Mapping[str, Any], _context: Any) -> dict[str, Any]:
        requested = event.get("httpMethod", ""), event.get("resource", "")
        if requested in api:
            return answer(api[requested], event, ports)
        with about_grant(grant_id_in(event)):
            return answer_page(routes.get(requested, _nowhere), event, ports)

    return handler


def with_form(route: FormRoute) -> PageRoute:
    """Return the page that checks the form before it calls `route`."""
    return lambda visit: route(visit.checked_form())


def answer_page(route: PageRoute, event: Mapping[str, Any], ports: Ports) -> dict[str, Any]:
    """Return the answer of `route` to one API Gateway event. Never raises."""
    visit = visit_of(event, ports)

    def answered(page: Page) -> tuple[Page, dict[str, Any]]:
        return page, _proxy_answer(page, visit)

    def attempt() -> tuple[Page, dict[str, Any]]:
        visit.load_session()
        return answered(route(visit))

    page, made = errors_as_problems(attempt, lambda problem: answered(problem_page(problem, visit.typed)))
    logger.info(
        "answered",
        method=event.get("httpMethod"),
        route=event.get("resource"),
        request_id=visit.request.origin.request_id,
        status=page.status,
        code=page.code or None,
    )
    return made


def visit_of(event: Mapping[str, Any], ports: Ports) -> Visit:
    """Return the visit of an API Gateway REST proxy event, without its form and session."""
    request = request_from_event({**event, "body": None}, ports.config.digest)
    return Visit(event, request, ports, ports.now(), f"{ports.scheme}:{request.base}")


def problem_page(problem: Problem, typed: str = "") -> Page:
    """Return the masked page of a problem, which says what is wrong and what to do, and repeats what was typed."""
    title = _TITLES.get(problem.code, PROBLEMS[problem.code].title)
    said = {"title": title, "detail": problem.detail, "fix": problem.fix, "code": problem.code, "typed": typed}
    return Page(problem.status, "problem", UNTAGGED.data(said), code=problem.code)


def _nowhere(_visit: Visit) -> Page:
    raise Problem("route_not_found", "This page does not exist.", "Check the link.")


def _proxy_answer(page: Page, visit: Visit) -> dict[str, Any]:
    templates, session = visit.ports.templates, visit.session
    cookies = [*page.cookies]
    # A suspended person is idle, so that the session does not outlast a long suspension.
    active = session and not visit.suspensions.stopping(session.principal)
    if session and active and (session_id := session_id_of(visit.cookie(SESSION))) and not cookies:
        cookies.append(visit.set_cookie(SESSION, session.cookie(session_id, visit.now), IDLE_SECONDS))
    common = {"root": visit.path, "session": session, "now": visit.now, "grant_id": visit.request.grant_id}
    common["operator"] = bool(session and session.principal.groups & set(visit.ports.config.operators))
    body = render(templates, page.template, common | dict(page.values)) if page.template else ""
    file = page.download
    policy = (
        f"default-src 'none'; style-src {templates.globals['style_source']}; "
        f"script-src {templates.globals['script_source']}; form-action 'self'; frame-ancestors 'none'; base-uri 'none'"
    )
    headers = {
        "Content-Type": file.content_type if file else "text/html; charset=utf-8",
        "Content-Security-Policy": policy,
        "Cache-Control": "no-store",
        "Referrer-Policy": "same-origin",  # no-referrer would make the Origin of our own forms "null"
        "X-Content-Type-Options": "nosniff",
        "X-Frame-Options": "DENY",
        "Cross-Origin-Opener-Policy": "same-origin",
        "Strict-Transport-Security": "max-age=31536000",
        **({"Location": page.location} if page.location else {}),
        **({"Content-Disposition": f'attachment; filename="{file.name}"'} if file else {}),
    }
    answer = {"statusCode": page.status, "headers": headers, "body": file.text if file else body}
    return answer | {"isBase64Encoded": False} | ({"multiValueHeaders": {"Set-Cookie": cookies}} if cookies else {})
