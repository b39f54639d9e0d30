"""A person at the reviewers' pages over in-memory adapters, and an identity provider that signs what the test says."""

from dataclasses import dataclass, field, replace
from typing import Any
from urllib.parse import parse_qsl, urlencode, urlsplit

from jitney.core.config import Config, ReviewerGroup
from jitney.core.identity.session import Session, hash_session_id, session_of_view
from jitney.core.integrity.seals import Seal
from jitney.core.problems import Problem
from jitney.core.stored_identity import Identity
from jitney.core.web_client import Web
from jitney.handlers import out_of_office, overview, reviews, revocations, sign_in, votes
from jitney.handlers.pages import bulk_rejection_page, out_of_office_page, review_report
from jitney.handlers.pages.visits import FormRoute, PageRoute, answer_page, with_form
from jitney.handlers.review import break_glass, bulk_rejections
from tests.core.identity import minting
from tests.handlers.conftest import TEMPLATES, System, configuration
from tests.reviewer_browser import ballot, second_step_of

STAFF = "https://staff.example.com"
TWIN = "https://twin.example.com"  # people too, with a client of the same name, who do not sign in here
WEB = Web("web", f"{STAFF}/auth", f"{STAFF}/token", ("openid", "groups"))
HOST = "jitney.example.com"
PLACE = "/live"
PAGES: dict[str, PageRoute] = {
    "/reviews": reviews.list_requests,
    "/reviews/{id}": reviews.show_request,
    "/reviews/{id}/report": review_report.show_report,
    "/reviews/out-of-office": out_of_office_page.show_out_of_office,
    "/reviews/rejections": bulk_rejection_page.show_bulk_rejection,
    "/reviews/overview": overview.show_overview,
    "/reviews/sign-in": sign_in.begin,
    "/reviews/callback": sign_in.finish,
}
FORMS: dict[str, FormRoute] = {
    "/reviews/{id}": votes.vote_on_request,
    "/reviews/{id}/break-glass": break_glass.break_glass,
    "/reviews/{id}/follow-up": break_glass.follow_up,
    "/reviews/{id}/revocation": revocations.revoke_from_page,
    "/reviews/out-of-office": out_of_office.change_out_of_office,
    "/reviews/rejections": bulk_rejections.reject_many,
    "/reviews/sign-out": sign_in.sign_out,
}
ROUTES: dict[tuple[str, str], PageRoute] = {("GET", path): route for path, route in PAGES.items()}
ROUTES |= {("POST", path): with_form(route) for path, route in FORMS.items()}


def with_staff(config: Config) -> Config:
    """The configuration with an issuer of people who sign in; its operators are in the group staff/security."""
    entry = minting.issuer("staff", STAFF, token="id", kind="human", audiences=("web",), clients=(), web=WEB)
    twin = replace(entry, name="twin", identity_name="twin", issuer=TWIN, web=None)
    return replace(config, issuers={**config.issuers, "staff": entry, "twin": twin}, operators=("staff/security",))


@dataclass
class MemoryWebSessions:
    """`jitney.adapters.web_sessions.WebSessions` in memory: what is kept is what would be written."""

    kept: dict[str, dict[str, Any]] = field(default_factory=dict)

    def begin(self, session_id: str, session: Session) -> None:
        self.kept[hash_session_id(session_id)] = session.view()

    def of(self, session_id: str, config: Config) -> Session | None:
        view = self.kept.get(hash_session_id(session_id))
        return session_of_view(view, config) if view else None

    def end(self, session_id: str) -> None:
        self.kept.pop(hash_session_id(session_id), None)


@dataclass
class MemoryTokenEndpoint:
    """Gives for each code the ID token that was put there, and remembers what it was asked with."""

    tokens: dict[str, str] = field(default_factory=dict)
    asked: list[tuple[str, str, str]] = field(default_factory=list)

    def redeem(self, web: Web, code: str, verifier: str, redirect_uri: str) -> str:
        self.asked.append((code, verifier, redirect_uri))
        if code not in self.tokens:
            raise Problem("sign_in_refused", "It gave nothing.", "Begin again.")
        return self.tokens.pop(code)


@dataclass
class MemorySealReader:
    """`jitney.adapters.seals.SealReader` in memory, the newest seal first."""

    seals: list[Seal] = field(default_factory=list)

    def last(self, most: int) -> list[Seal]:
        return self.seals[:most]


@dataclass
class MemoryCastVotes:
    """What people voted on, read from the grants themselves."""

    system: System

    def of(self, human: Identity) -> list[str]:
        grants = self.system.store.grants.values()
        cast = [(vote.at, grant.id) for grant in grants for vote in grant.votes if vote.human == human]
        return [grant_id for _, grant_id in sorted(cast, reverse=True)]


class ReviewSystem:
    """A system with pages."""

    def __init__(self, system: System) -> None:
        self.system = system
        self.sessions = MemoryWebSessions()
        self.provider = MemoryTokenEndpoint()
        self.secrets = 0
        keys = minting.KnownKeys(minting.key_sets() | {url: minting.jwks(minting.jwk("rsa")) for url in (STAFF, TWIN)})
        given = {"web_sessions": self.sessions, "token_endpoint": self.provider, "keys": keys}
        given |= {
            "vote_history": MemoryCastVotes(system),
            "templates": TEMPLATES,
            "seal_reader": MemorySealReader(),
        }
        system.ports.__dict__.update(given, new_secret=self.new_secret)

    def new_secret(self) -> str:
        self.secrets += 1
        return f"{self.secrets:043d}"

    def id_token(self, name: str, nonce: str | None, **claims: Any) -> str:
        """An ID token of the people's provider for `name`, with claims changed; None leaves one out."""
        now = self.system.now
        whole = {"iss": STAFF, "sub": name, "aud": "web", "iat": now, "exp": now + 60, "nonce": nonce, "jti": None}
        return minting.token(head={"typ": "JWT"}, **whole | {"groups": []} | claims)


@dataclass
class Answer:
    status: int
    text: str
    location: str
    cookies: list[str]
    headers: dict[str, str]


@dataclass
class Browser:
    """A browser: it keeps cookies and sends Origin with forms, as browsers do."""

    desk: ReviewSystem
    cookies: dict[str, str] = field(default_factory=dict)

    def send(self, verb: str, path: str, form: Any = None, headers: Any = None, scheme: str = "https") -> Answer:
        """One request; `headers` on top of a browser's own, None leaves one out."""
        parts = urlsplit(path)
        resource, named = _matched(verb, parts.path)
        said = {"Cookie": "; ".join(f"{name}={value}" for name, value in self.cookies.items())}
        if verb == "POST":
            said |= {"Origin": f"{scheme}://{HOST}", "Sec-Fetch-Site": "same-origin"}
        event = {
            "httpMethod": verb,
            "resource": resource,
            "headers": {name: value for name, value in (said | (headers or {})).items() if value is not None},
            "pathParameters": named,
            "queryStringParameters": dict(parse_qsl(parts.query)) or None,
            "body": form if form is None or isinstance(form, str) else urlencode(form, doseq=True),
            "requestContext": {
                "requestId": "req-1",
                "identity": {"sourceIp": "198.51.100.7"},
                "domainName": HOST,
                "path": PLACE + parts.path,
            },
        }
        answered = answer_page(ROUTES[verb, resource], event, self.desk.system.ports)
        cookies = answered.get("multiValueHeaders", {}).get("Set-Cookie", [])
        for cookie in cookies:
            name, _, value = cookie.partition(";")[0].partition("=")
            self.cookies[name] = value
            if "Max-Age=0" in cookie:
                del self.cookies[name]
        headers = answered["headers"]
        return Answer(answered["statusCode"], answered["body"], headers.get("Location", ""), cookies, headers)

    def begin(self, to: str = "") -> dict[str, str]:
        """Begin a sign-in; what the provider is asked with."""
        begun = self.send("GET", f"/reviews/sign-in{f'?to={to}' if to else ''}")
        return dict(parse_qsl(urlsplit(begun.location).query))

    def sign_in(self, name: str, to: str = "", **claims: Any) -> Answer:
        """The last answer of a whole sign-in."""
        asked = self.begin(to)
        self.desk.provider.tokens["a-code"] = self.desk.id_token(name, **{"nonce": asked["nonce"], **claims})
        return self.send("GET", f"/reviews/callback?code=a-code&state={asked['state']}")

    def first_form(self, grant_id: str, button: str = "approve") -> dict[str, Any]:
        """The fields of a request's form with this button, as its page has them."""
        return ballot(self.send("GET", f"/reviews/{grant_id}").text, button)

    def form_of(self, grant_id: str, button: str = "approve", **changes: Any) -> dict[str, Any]:
        """The form that decides: that of the second step, with its box checked, after `changes` of the first form."""
        first = self.first_form(grant_id, button) | changes
        return self.confirmed(f"/reviews/{grant_id}", first)

    def confirmed(self, path: str, first: dict[str, Any]) -> dict[str, Any]:
        """The form of the second step after the form `first`, or `first` if it needs none."""
        if first.get("verdict") == "reject":
            return first
        return second_step_of(self.send("POST", path, first).text) or first

    def decide(self, path: str, first: dict[str, Any], headers: Any = None) -> Answer:
        """The answer to the form `first`, or to its second step if it has one."""
        answer = self.send("POST", path, first, headers)
        form = second_step_of(answer.text)
        return self.send("POST", path, form, headers) if form else answer


def _matched(verb: str, path: str) -> tuple[str, dict[str, str] | None]:
    """API Gateway's match of a path: a literal before a parameter."""
    if (verb, path) in ROUTES:
        return path, None
    _, reviews_, grant_id, *rest = path.split("/")
    return "/".join(("", reviews_, "{id}", *rest)), {"id": grant_id}


def review_system(**changes: Any) -> ReviewSystem:
    """A desk with a group for the sample policies, another, and one that is asked later; `changes` of its config."""
    groups = {
        "owners": ReviewerGroup(("staff.alice", "staff.bob", "staff.harriet"), escalates_to="late",
                                escalates_after_seconds=900, delegates=("staff.carol",)),
        "others": ReviewerGroup(("staff.oscar",)),
        "late": ReviewerGroup(("staff.lea",)),
    }  # fmt: skip
    config = replace(with_staff(configuration()), reviewers=groups)
    return ReviewSystem(System(config=replace(config, **changes)))
