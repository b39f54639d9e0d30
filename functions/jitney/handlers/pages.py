"""The outermost layer of the reviewers' pages: who looks, what is answered, and the headers that keep it safe.

The pages work without scripts and run none. Who looks is known by a session cookie alone: an Authorization header
proves nobody here, so that no agent's token opens a page or votes (row REV 5).
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any, NamedTuple, TypeAlias
from urllib.parse import urlsplit

from jitney.core.identity.authenticate import Authenticated
from jitney.core.identity.principal import Principal
from jitney.core.identity.refusal import Refusal
from jitney.core.identity.session import IDLE_SECONDS, Session, session_id_of
from jitney.core.masking.generic_masker import UNTAGGED
from jitney.core.problems import PROBLEMS, Problem
from jitney.core.refusal_counts import RefusalKey
from jitney.handlers.callers import GRANT_ID, AuthenticatedRequest, count_refused, record_refusal
from jitney.handlers.edge import HttpHandler, Route, answer, errors_as_problems
from jitney.handlers.http import Request, form_fields, request_from_event
from jitney.handlers.logs import logger
from jitney.handlers.ports import Ports, build_ports
from jitney.handlers.templates import render

SESSION, SIGN_IN = "jitney", "jitney-sign-in"
"""The cookies: the session's, and that of a sign-in that has begun."""
_TITLES: Mapping[str, str] = {"grant_not_found": "There is no such request"}
"""What people review are requests."""


class Page(NamedTuple):
    """One answer: a template of pages with its values, or `location` to go on to; cookies to set or clear."""

    status: int
    template: str = ""
    values: Mapping[str, Any] = {}
    location: str = ""
    cookies: tuple[str, ...] = ()
    code: str = ""


@dataclass(slots=True)
class Visit:
    """One request to a page at `now` (epoch seconds). `root` is where Jitney answers, with the stage."""

    event: Mapping[str, Any]
    request: Request
    ports: Ports
    now: int
    root: str
    session: Session | None = None
    fields: Mapping[str, list[str]] = field(default_factory=dict)

    @property
    def path(self) -> str:
        """The path of `root`, in front of the pages' own paths."""
        return urlsplit(self.root).path

    @property
    def grant_id(self) -> str:
        """The id in the page's path."""
        return self.request.path.get("id", "")

    @property
    def valid_grant_id(self) -> str:
        """As `grant_id`, "" when it can be no grant's."""
        return self.grant_id if GRANT_ID.fullmatch(self.grant_id) else ""

    @property
    def principal(self) -> Principal:
        """Who is signed in. Raises Problem sign_in_required."""
        if self.session is None:
            fix = "Sign in, then try again."
            raise Problem("sign_in_required", "You are not signed in, or were not seen for too long.", fix)
        return self.session.principal

    @property
    def call(self) -> AuthenticatedRequest:
        """The same as a call of whoever is signed in. Raises Problem sign_in_required."""
        return AuthenticatedRequest(self.request, self.ports, self.now, Authenticated(self.principal, None))

    def cookie(self, name: str) -> str:
        """The cookie's value, "" when there is none, or more than one."""
        # Split where browsers join (RFC 6265bis section 5.8.3), nowhere else: values of other hosts' cookies may hold
        # anything but ";". SimpleCookie splits at spaces too, so that such a value could contain our cookie, which its
        # name keeps others from setting (section 5.7); and it drops the whole header at what it does not know.
        given = self.request.headers.get("cookie", "").split(";")
        pairs = [(key, value) for key, _, value in (each.strip(" \t").partition("=") for each in given)]
        found = [value for key, value in pairs if key == self._name(name)]
        return found[0] if len(found) == 1 else ""

    def keep(self, name: str, value: str, seconds: int) -> str:
        """The Set-Cookie header for a cookie that is kept so long; 0 forgets it.

        Lax: links in messages and the identity provider's answer come from other sites, and are GETs.
        """
        secure = "; Secure" if self._secure else ""
        return f"{self._name(name)}={value}; Path=/; Max-Age={seconds}; HttpOnly; SameSite=Lax{secure}"

    def form(self, name: str) -> str:
        """The first value of a form's field, "" when it is not there."""
        return self.fields.get(name, [""])[0]

    def load_session(self) -> None:
        """Find the session that the cookie proves, if any."""
        cookie = self.cookie(SESSION)
        session_id = session_id_of(cookie)
        session = self.ports.web_sessions.of(session_id, self.ports.config) if session_id else None
        if session and session.accepts_cookie(cookie, self.now):
            self.session = session

    def require_form(self) -> None:
        """Read the form, which must come from a page of this session. Raises Problem; the refusal is on record."""
        try:
            body = request_from_event(self.event).body
            self.fields = form_fields(body, self.ports.config.limits.max_body_bytes)
            self._require_own_form()
        except Problem as problem:
            self.note(problem)
            raise

    def _require_own_form(self) -> None:
        """It holds the session's token, and the browser says that it comes from here: one that says nothing is refused.

        https://html.spec.whatwg.org/#origin, https://www.w3.org/TR/fetch-metadata/
        """
        _ = self.principal
        said = self.request.headers
        ours = (self._origin, "same-origin")
        if (
            self.session is None
            or not self.session.accepts_form_token(self.form("token"))
            or said.get("origin", said.get("sec-fetch-site")) not in ours
            or said.get("sec-fetch-site", "same-origin") != "same-origin"
        ):
            detail = "The form was not sent from a page of your session."
            raise Problem("form_token_invalid", detail, "Open the page again, and send its form.")

    def note(self, problem: Problem) -> None:
        """Put a refusal on record: of whoever is signed in, else counted by address."""
        if isinstance(problem, Refusal):
            record_refusal(problem, self.request, self.ports, self.now)
        elif self.session:
            self.call.count_refusal(problem.code)
        else:
            about = RefusalKey("unknown", self.request.origin.source_ip, problem.code)
            count_refused(about, self.ports, self.now)

    @property
    def _origin(self) -> str:
        return self.root.removesuffix(self.path)

    @property
    def _secure(self) -> bool:
        return self.root.startswith("https:")

    def _name(self, name: str) -> str:
        # RFC 6265bis section 4.1.3.2: no other host and no plain HTTP can set a cookie of this name. That is worth what
        # `cookie` makes of the header.
        return f"__Host-{name}" if self._secure else name


PageRoute = Callable[[Visit], Page]
Routes: TypeAlias = Mapping[tuple[str, str], PageRoute]
"""Pages by (verb, path)."""


def pages(routes: Routes, needs: tuple[str, ...], otherwise: Route | None = None) -> HttpHandler:
    """The Lambda handler of `routes`, and of the API's route `otherwise`; see `jitney.handlers.edge.endpoint`."""
    ports = build_ports(needs)

    def handler(event: Mapping[str, Any], _context: Any) -> dict[str, Any]:
        route = routes.get((event.get("httpMethod", ""), event.get("resource", "")))
        if route is None and otherwise:
            return answer(otherwise, event, ports)
        return answer_page(route or _nowhere, event, ports)

    return handler


def answer_page(route: PageRoute, event: Mapping[str, Any], ports: Ports) -> dict[str, Any]:
    """The answer of `route` to one API Gateway event. Never raises."""
    visit = visit_of(event, ports)

    def answered(page: Page) -> tuple[Page, dict[str, Any]]:
        return page, _proxy_answer(page, visit)

    def attempt() -> tuple[Page, dict[str, Any]]:
        visit.load_session()
        return answered(route(visit))

    page, made = errors_as_problems(attempt, lambda problem: answered(problem_page(problem)))
    logger.info(
        "answered",
        method=event.get("httpMethod"),
        route=event.get("resource"),
        request_id=visit.request.origin.request_id,
        status=page.status,
        code=page.code or None,
        grant=visit.valid_grant_id or None,
    )
    return made


def visit_of(event: Mapping[str, Any], ports: Ports) -> Visit:
    """The visit that an API Gateway REST proxy event tells of; the form is read by `Visit.require_form`.

    Where Jitney answers is what the browser asked for, without the route: so it holds behind custom domain names too.
    """
    context = event.get("requestContext") or {}
    route, path = event.get("resource") or "", context.get("path") or ""
    before = path.split("/")[: -route.count("/") or None]
    scheme = "http" if ports.config.local else "https"
    root = f"{scheme}://{context.get('domainName') or ''}{'/'.join(before)}"
    return Visit(event, request_from_event({**event, "body": None}), ports, ports.now(), root)


def problem_page(problem: Problem) -> Page:
    """A problem for people: what is wrong, and what to do about it, without a secret in what it quotes."""
    title = _TITLES.get(problem.code, PROBLEMS[problem.code].title)
    said = {"title": title, "detail": problem.detail, "fix": problem.fix, "code": problem.code}
    return Page(problem.status, "problem", UNTAGGED.data(said), code=problem.code)


def _nowhere(_visit: Visit) -> Page:
    raise Problem("route_not_found", "There is no such page.", "Check the link.")


def _proxy_answer(page: Page, visit: Visit) -> dict[str, Any]:
    templates, session = visit.ports.templates, visit.session
    cookies = [*page.cookies]
    if session and (session_id := session_id_of(visit.cookie(SESSION))) and not cookies:
        cookies.append(visit.keep(SESSION, session.cookie(session_id, visit.now), IDLE_SECONDS))
    common = {"root": visit.path, "session": session, "now": visit.now, "grant_id": visit.valid_grant_id}
    body = render(templates, page.template, common | dict(page.values)) if page.template else ""
    policy = (
        f"default-src 'none'; style-src {templates.globals['style_source']}; form-action 'self'; "
        "frame-ancestors 'none'; base-uri 'none'"
    )
    headers = {
        "Content-Type": "text/html; charset=utf-8",
        "Content-Security-Policy": policy,
        "Cache-Control": "no-store",
        "Referrer-Policy": "same-origin",  # no-referrer would make the Origin of our own forms "null"
        "X-Content-Type-Options": "nosniff",
        "X-Frame-Options": "DENY",
        "Cross-Origin-Opener-Policy": "same-origin",
        "Strict-Transport-Security": "max-age=31536000",
        **({"Location": page.location} if page.location else {}),
    }
    answer = {"statusCode": page.status, "headers": headers, "body": body, "isBase64Encoded": False}
    return answer | ({"multiValueHeaders": {"Set-Cookie": cookies}} if cookies else {})
