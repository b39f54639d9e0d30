"""Lives of sessions on the pages: sign-ins, copies of cookies, sign-outs, suspensions, changed settings (row REV 1).

Which person is signed in, and until when, comes from docs/reviewer.md, docs/reviewer-changes.md and
docs/threat-model/reviews.md, and from the history of the life. The store of sessions fails before or after it acts.
"""

from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any

import pytest

from jitney.core.access.suspensions import NO_SUSPENSIONS
from jitney.core.config import Config
from jitney.core.identity import session
from jitney.core.identity.authenticate import authenticate
from jitney.core.identity.principal import Principal
from jitney.core.identity.session import Session, admission_of, session_of_view
from jitney.core.identity.sign_in import SignIn
from jitney.core.issuer_config import ClaimRules, Issuer
from jitney.core.problems import Problem
from jitney.handlers import sign_in as handlers
from jitney.handlers.pages.visits import Visit
from jitney.handlers.suspensions import lift, suspend
from tests.handlers import review_browser
from tests.handlers.review_browser import Browser, MemoryWebSessions, review_system
from tests.lives import Chooser, live_many

PEOPLE = ("alice", "olga", "gwen")
"""Olga is an operator by a group of her token, and Gwen by a group of the configuration."""
LONGEST, IDLE, SIGN_IN = 8 * 3600, 3600, 600
LIVES = 40


@dataclass(eq=False)
class Held:
    """A session: whose it is, since when, and under which settings."""

    person: str
    since: int
    settings: tuple[Any, ...]
    ended: bool = False
    token: str = ""


@dataclass(eq=False)
class Begun:
    """A sign-in of a browser, with what the provider was asked."""

    at: int
    query: dict[str, str]


@dataclass
class Seat:
    """A browser, and what its cookies hold: a session with the last visit, and a sign-in."""

    browser: Browser
    held: Held | None = None
    seen: int = 0
    begun: Begun | None = None


class FaultySessions(MemoryWebSessions):
    """The store of sessions. `fault` is "", "before" or "after", for the next write."""

    fault = ""

    def begin(self, session_id: str, session: Session) -> None:
        self._fail("before")
        super().begin(session_id, session)
        self._fail("after")

    def end(self, session_id: str) -> None:
        self._fail("before")
        super().end(session_id)
        self._fail("after")

    def _fail(self, when: str) -> None:
        if self.fault == when:
            self.fault = ""
            raise Problem("unavailable", "The store did not answer.", "Try again in a moment.")


class SessionLives:
    """The pages over in-memory adapters, and what three browsers and three people did."""

    def __init__(self) -> None:
        self.desk = review_system()
        self.store = FaultySessions()
        self.desk.system.ports.__dict__["web_sessions"] = self.store
        self.desk.sessions = self.store
        self.seats = [Seat(Browser(self.desk)) for _ in range(3)]
        self.begun: list[Begun] = []
        self.suspended: dict[str, str] = {}
        self.claims = ClaimRules()
        self.gwen: tuple[str, ...] = ("security",)
        self.deploy({})

    @property
    def now(self) -> int:
        return self.desk.system.now

    # What people and browsers do.

    def begin(self, seat: int) -> None:
        at = self.seats[seat]
        at.begun = Begun(self.now, at.browser.begin())
        self.begun.append(at.begun)

    def enter(self, seat: int, person: str) -> None:
        """Sign in, without anything in between."""
        self.begin(seat)
        self.finish(seat, person, 0, 0, "")

    def finish(self, seat: int, person: str, answer: int, token: int, fault: str) -> None:
        """Open the provider's answer to a sign-in, with a token for one. 0 is this browser's own, 1 the newest one."""
        at = self.seats[seat]
        answered, issued = (self.chosen(at, each) for each in (answer, token))
        if not (answered and issued):
            return
        self.desk.provider.tokens["code"] = self.id_token(person, issued)
        self.store.fault = fault
        page = at.browser.send("GET", f"/reviews/callback?code=code&state={answered.query['state']}")
        failed, self.store.fault = fault and not self.store.fault, ""
        if answered is not at.begun or self.now - answered.at >= SIGN_IN:
            assert page.status == 400
        elif issued is not answered:
            assert page.status == 401
        elif person in self.suspended:
            assert page.status == 403
        elif failed:
            assert page.status == 503
        else:
            assert page.status == 303
            if at.held and self.is_valid(at):
                at.held.ended = True
            at.held, at.seen, at.begun = Held(person, self.now, self.settings_of(person)), self.now, None
            return
        self.renew(at)

    def renew(self, at: Seat) -> None:
        """Each answer to a session, also one of a problem, renews its cookie, unless its person is suspended."""
        if at.held and self.is_valid(at) and at.held.person not in self.suspended:
            at.seen = self.now

    def chosen(self, at: Seat, number: int) -> Begun | None:
        """Return a sign-in: this browser's last one, or another one of the newest."""
        if number == 0:
            return at.begun
        return self.begun[-min(number, len(self.begun))] if self.begun else None

    def visit(self, seat: int) -> None:
        at = self.seats[seat]
        page = at.browser.send("GET", "/reviews")
        if not self.is_valid(at):
            assert (page.status, page.cookies) == (303, [])
            return
        assert at.held
        if at.held.person in self.suspended:
            assert (page.status, page.cookies) == (403, [])
            return
        assert page.status == 200
        assert at.held.person in page.text.split("Signed in as")[1][:120]
        at.seen, at.held.token = self.now, page.text.split('name="token" value="')[1].partition('"')[0]

    def stay(self, seat: int, hours: int) -> None:
        """Open a page every half an hour."""
        for _ in range(2 * hours):
            self.visit(seat)
            self.wait(IDLE // 2)

    def open_overview(self, seat: int) -> None:
        at = self.seats[seat]
        status = at.browser.send("GET", "/reviews/overview").status
        if not self.is_valid(at):
            assert status == 303
            return
        assert at.held
        allowed = at.held.person == "olga" or (at.held.person == "gwen" and "security" in self.gwen)
        assert status == (200 if allowed and at.held.person not in self.suspended else 403)
        self.renew(at)

    def sign_out(self, seat: int, form: int, origin: str, fault: str) -> None:
        """Send the form of a page that a browser opens now, which may be another browser."""
        self.visit(form)
        at, token = self.seats[seat], getattr(self.seats[form].held, "token", "")
        self.store.fault = fault
        page = at.browser.send("POST", "/reviews/sign-out", {"token": token}, {"Origin": origin} if origin else None)
        failed, self.store.fault = fault and not self.store.fault, ""
        if not self.is_valid(at):
            assert page.status == 401
            return
        assert at.held
        if at.held.person in self.suspended:
            assert page.status == 403
            return
        if origin or not token or token != at.held.token:
            assert page.status == 403
            at.seen = self.now
            return
        assert page.status == (503 if failed else 200)
        if fault != "before" or not failed:
            at.held.ended = True
        if failed:
            at.seen = self.now
        else:
            at.held = None

    def copy_cookies(self, seat: int, to: int) -> None:
        """Copy a browser's cookies to another one."""
        at, other = self.seats[seat], self.seats[to]
        other.browser.cookies = dict(at.browser.cookies)
        other.held, other.seen, other.begun = at.held, at.seen, at.begun

    # What operators do.

    def suspend(self, person: str) -> None:
        if person not in self.suspended:
            body = {"kind": "human", "name": f"staff.{person}", "reason": "left", "unseen": True}
            self.suspended[person] = self.operate(suspend, body=body)["suspension"]["id"]

    def lift(self, person: str) -> None:
        if found := self.suspended.pop(person, None):
            self.operate(lift, body={"reason": "back"}, grant_id=found)

    def deploy(self, change: dict[str, Any]) -> None:
        """Deploy other settings of the people's issuer."""
        self.gwen, self.claims = change.get("gwen", self.gwen), change.get("claims", self.claims)
        config = self.desk.system.config
        groups = {"gwen": self.gwen, "bob": ("security",)} if self.gwen else {"bob": ("security",)}
        entry = replace(config.issuers["staff"], subject_groups=groups, claims=self.claims)
        issuers = {**config.issuers, "staff": entry}
        self.desk.system.ports.__dict__["config"] = replace(config, issuers=issuers)

    def wait(self, seconds: int) -> None:
        self.desk.system.now += seconds

    # What must hold.

    def is_valid(self, at: Seat) -> bool:
        """Return whether the browser's cookie is a session's that has not ended."""
        held = at.held
        return bool(
            held
            and not held.ended
            and held.settings == self.settings_of(held.person)
            and self.now < held.since + LONGEST
            and self.now < at.seen + IDLE
        )

    def settings_of(self, person: str) -> tuple[Any, ...]:
        return (self.claims, self.gwen if person == "gwen" else ())

    def check(self) -> None:
        """A browser without cookies is not signed in."""
        stranger = Browser(self.desk).send("GET", "/reviews")
        assert (stranger.status, stranger.cookies) == (303, [])

    def operate(self, route: Any, **more: Any) -> dict[str, Any]:
        token = self.desk.id_token("root", None, aud="web", groups=["security"], email_verified="true")
        status, answer, _ = self.desk.system.call(route, token=token, **more)
        assert status in (200, 201), answer
        return answer

    def id_token(self, person: str, begun: Begun) -> str:
        groups = ["security"] if person == "olga" else []
        return self.desk.id_token(person, begun.query["nonce"], groups=groups, email_verified="true")


CHANGES: tuple[dict[str, Any], ...] = (
    {"gwen": ()},
    {"gwen": ("security",)},
    {"claims": ClaimRules()},
    {"claims": ClaimRules(require={"email_verified": ("true",)})},
)
SEATS = (0, 1, 2)
CHOOSERS: Mapping[str, Chooser] = {
    "begin": lambda random: {"seat": random.choice(SEATS)},
    "finish": lambda random: {
        "seat": random.choice(SEATS),
        "person": random.choice(PEOPLE),
        "answer": random.choice((0, 0, 0, 0, 1, 2)),
        "token": random.choice((0, 0, 0, 0, 1, 2)),
        "fault": random.choice(("", "", "", "before", "after")),
    },
    "enter": lambda random: {"seat": random.choice(SEATS), "person": random.choice(PEOPLE)},
    "visit": lambda random: {"seat": random.choice(SEATS)},
    "open_overview": lambda random: {"seat": random.choice(SEATS)},
    "stay": lambda random: {"seat": random.choice(SEATS), "hours": random.choice((1, 8))},
    "sign_out": lambda random: {
        "seat": (seat := random.choice(SEATS)),
        "form": random.choice((seat, seat, *SEATS)),
        "origin": random.choice(("", "", "", "https://evil.example", "null")),
        "fault": random.choice(("", "", "", "before", "after")),
    },
    "copy_cookies": lambda random: {"seat": random.choice(SEATS), "to": random.choice(SEATS)},
    "suspend": lambda random: {"person": random.choice(PEOPLE)},
    "lift": lambda random: {"person": random.choice(PEOPLE)},
    "deploy": lambda random: {"change": random.choice(CHANGES)},
    "wait": lambda random: {"seconds": random.choice((1, 60, 599, 600, 1800, 3599, 3600, 7200))},
}
OFTEN = (*["enter", "visit", "copy_cookies", "sign_out"] * 3, "begin", "finish", "finish", "open_overview")


def live(lives: int = LIVES) -> None:
    live_many(SessionLives, CHOOSERS, OFTEN, lives)


def test_rev_01_a_browser_is_signed_in_as_its_history_says():
    live()


def _any_nonce(token: str, _sign_in: SignIn, issuer: Issuer, config: Config, keys: Any, now: int) -> Principal:
    return authenticate(f"Bearer {token}", config, keys, now).principal


def _with_any_settings(view: Mapping[str, Any], config: Config) -> Session | None:
    return session_of_view({**view, "admission": admission_of(config.issuers["staff"], view["subject"])}, config)


def _in_any_case(self: Visit) -> None:
    """Load the session without a look at suspensions."""
    load_session(self)
    self.suspensions = NO_SUSPENSIONS


load_session = Visit.load_session
PLANTED: dict[str, tuple[Any, str, Any]] = {
    "takes a token of any sign-in": (handlers, "signed_in_principal", _any_nonce),
    "keeps an idle session": (session, "IDLE_SECONDS", LONGEST),
    "keeps a session that ended": (FaultySessions, "end", lambda *_: None),
    "keeps a session under other settings": (review_browser, "session_of_view", _with_any_settings),
    "keeps the session of a suspended person": (Visit, "load_session", _in_any_case),
    "takes the form of any session": (Session, "accepts_form_token", lambda *_: True),
}


@pytest.mark.slow
@pytest.mark.parametrize("bug", PLANTED)
def test_rev_01_a_planted_bug_is_found(bug: str, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(*PLANTED[bug])
    with pytest.raises(AssertionError, match="seed"):
        live()
