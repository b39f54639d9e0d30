"""Rows REV 5 and ID 10: provider x form of the claim x route. No person decides about a request of their own agent."""

import re
from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import Any, NamedTuple

import pytest

from jitney.core.access.grant import Grant, State
from jitney.core.break_glass_config import BreakGlassConfig
from jitney.core.channel_config import SlackConfig
from jitney.core.config import Config, ReviewerGroup
from jitney.core.identity.providers import PROVIDERS, entra, google, okta
from jitney.core.identity.providers.provider import always_machine
from jitney.core.identity.source_identity import source_identity
from jitney.core.issuer_config import PeopleIssuer
from jitney.core.review.content import content_hash
from jitney.core.review.slack.modals import approve_selected_modal
from jitney.core.review.slack.names import APPROVE
from jitney.handlers.grants import create_grant
from tests.core.identity import minting
from tests.core.review.samples import under_review
from tests.handlers.conftest import REQUEST_BODY, WRITE, System, configuration
from tests.handlers.review_browser import STAFF, WEB, Answer, Browser, ReviewSystem
from tests.handlers.slack_workspace import HOME, SlackSystem

OID, TENANT = entra.SAMPLE["oid"], entra.SAMPLE["tid"]
GOOGLE_ID, OKTA_ID = google.SAMPLE["sub"], okta.SAMPLE["uid"]
UUID = "7e3f1a52-0b1c-4d55-9a55-d1f0d3a1b2c3"
PATTERN = "[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}"


class People(NamedTuple):
    """One provider's people: the subject of the agent's human, of another reviewer, and what an ID token holds."""

    issuer: str
    subject: str
    other: str
    entry: dict[str, Any]
    id_token: Callable[[str], dict[str, Any]]


PEOPLE = {
    "generic": People(STAFF, UUID, UUID.replace("7e", "8e"), {"subject_pattern": PATTERN}, lambda who: {"sub": who}),
    "okta": People(
        okta.SAMPLE["iss"], OKTA_ID, OKTA_ID.replace("00u5", "00u6"), {}, lambda who: {"sub": who, "jti": "ID.0mP4"}
    ),
    "entra": People(
        entra.SAMPLE["iss"],
        f"{OID}@{TENANT}",
        f"{OID.replace('690', '691')}@{TENANT}",
        {},
        lambda who: {"sub": "pairwise", "oid": who.partition("@")[0], "tid": TENANT},
    ),
    "google": People(
        google.SAMPLE["iss"],
        GOOGLE_ID,
        f"{GOOGLE_ID}1",
        {"claims": {"require": {"hd": ("example.com",)}}},
        lambda who: {"sub": who, "hd": "example.com", "azp": "web"},
    ),
}


def test_rev_05_the_table_has_every_provider_that_people_sign_in_with():
    assert set(PEOPLE) == {name for name, each in PROVIDERS.items() if each.is_machine is not always_machine}


def by_claim(value: Any) -> Callable[[], str]:
    """Return a token of an agent whose configured claim holds `value`."""
    return lambda: minting.token(act={"sub": value})


def own(subject: str) -> Callable[[], str]:
    """Return a person's own token of another issuer than the one with which people sign in."""
    return lambda: minting.token(iss=minting.PEOPLE, sub=subject, azp=None, client_id="cli")


def delegated(sample: dict[str, Any], **claims: Any) -> Callable[[], str]:
    """Return a token that the person gave to an agent, from the provider itself."""
    whole = {name: value for name, value in {**sample, **claims}.items() if value is not None}
    return lambda: minting.sign(minting.header_with(typ="JWT"), whole)


OWN, UNRESOLVED = "own_request", "token_human"
LOGINS = {"a login": "ada", "an address": "ada@example.com", "a display name": "Ada L", "nothing": ""}
FORMS: dict[str, dict[str, tuple[Callable[[], str], str]]] = {
    "generic": {
        "the subject": (by_claim(UUID), OWN),
        "in capitals": (by_claim(UUID.upper()), UNRESOLVED),
        "with a space": (by_claim(f"{UUID} "), UNRESOLVED),
        "with a line break": (by_claim(f"{UUID}\n"), UNRESOLVED),
        "the alias and the subject": (by_claim(f"staff/{UUID}"), UNRESOLVED),
        "the source identity": (by_claim(f"staff.{UUID}"), UNRESOLVED),
    },
    "okta": {
        "uid": (by_claim(OKTA_ID), OWN),
        "the client id": (by_claim(okta.SAMPLE["cid"]), UNRESOLVED),
        "uid with a line break": (by_claim(f"{OKTA_ID}\n"), UNRESOLVED),
        "a delegated token": (delegated(okta.SAMPLE), OWN),
    },
    "entra": {
        "oid@tid": (by_claim(f"{OID}@{TENANT}"), OWN),
        "oid alone": (by_claim(OID), OWN),
        "oid in capitals": (by_claim(OID.upper()), UNRESOLVED),
        "oid of another tenant": (by_claim(f"{OID}@{OID}"), UNRESOLVED),
        "oid with a line break": (by_claim(f"{OID}\n"), UNRESOLVED),
        "a delegated token": (delegated(entra.SAMPLE, idtyp=None, scp="ask"), OWN),
        "a delegated token of version 1.0": (
            delegated(entra.SAMPLE, idtyp=None, scp="ask", azp=None, azpacr=None, appid=OID, appidacr="0"),
            OWN,
        ),
    },
    "google": {
        "the subject": (by_claim(GOOGLE_ID), OWN),
        "digits of another script": (by_claim("١" * 21), UNRESOLVED),
        "a delegated token": (delegated(google.SAMPLE), OWN),
    },
}
for provider_name, forms in FORMS.items():
    forms |= {name: (by_claim(value), UNRESOLVED) for name, value in LOGINS.items()}
    forms["the person's own token of another issuer"] = own(PEOPLE[provider_name].subject), OWN
    forms["a token of another issuer with a login"] = own("ada"), UNRESOLVED


@dataclass
class Office:
    """The pages and the Slack workspace of one system, and the two reviewers: the agent's human, and another."""

    desk: ReviewSystem
    slack: SlackSystem
    people: People

    @property
    def system(self) -> System:
        return self.desk.system

    def browser(self, subject: str) -> Browser:
        """Return a browser in which this person signed in."""
        browser = Browser(self.desk)
        claims = {"iss": self.people.issuer, **self.people.id_token(subject)}
        answer = browser.sign_in("", **claims)
        assert answer.status == 303, answer.text
        return browser


def office_of(provider: str) -> Office:
    people = PEOPLE[provider]
    name = "staff" if provider == "generic" else provider
    settings = minting.issuer(
        "staff",
        people.issuer,
        provider=provider,
        identity_name=name,
        token="id",
        kind="human",
        audiences=("web",),
        clients=(),
        web=WEB,
        **people.entry,
    )
    human = PeopleIssuer(name, people.issuer, provider, people.entry.get("subject_pattern", ""))
    agents = {
        alias: entry for alias, entry in minting.config().issuers.items() if alias in ("corp", "people", provider)
    }
    agents = {alias: replace(entry, human_issuer=human, identity_name=alias) for alias, entry in agents.items()}
    ada, bob = (source_identity(name, people.issuer, each) for each in (people.subject, people.other))
    config: Config = replace(
        configuration(_POLICIES),
        issuers={**agents, "staff": settings},
        reviewers={"owners": ReviewerGroup((ada, bob))},
        break_glass=BreakGlassConfig((ada, bob), (), ("analytics-prod",), (), 120, 3600, own_requests=False),
        slack=SlackConfig("arn:of:the:token", "arn:of:the:secret", HOME, "https://slack.example.com/api/"),
        emails={ada: "alice@example.com", bob: "bob@example.com"},
        subjects={ada: ("staff", people.subject), bob: ("staff", people.other)},
    )
    desk = ReviewSystem(System(config=config))
    slack = SlackSystem()
    slack.system = desk.system
    ports = {"slack": slack.slack, "slack_signing_secret": slack.secret, "message_locations": slack.places}
    desk.system.ports.__dict__.update(ports)
    return Office(desk, slack, people)


_POLICIES = """
@id("write") @approval("owners")
permit (principal, action == Jitney::Action::"Write", resource)
when { context.approvals.contains("owners") }
unless { resource.wildcard };
"""


def requested(office: Office, token: str) -> tuple[Grant | None, str]:
    """Return the request of the agent with this token, and the code of its refusal."""
    status, body, _ = office.system.call(create_grant, REQUEST_BODY | {"permissions": WRITE}, token=token)
    return (office.system.store.grants[body["grant"]["id"]], "") if status == 202 else (None, body["code"])


def code_of(answer: Answer) -> str:
    found = re.search(r"Code: <code>(\w+)</code>", answer.text)
    return found[1] if found else str(answer.status)


def form(browser: Browser, grant: Grant) -> dict[str, Any]:
    token = re.search(r'name="token" value="(\w+)"', browser.send("GET", "/reviews").text)
    return {"token": token[1] if token else "x", "content": content_hash(grant), "comment": "no", "reason": "down"}


def page(verdict: str, **changes: str) -> Callable[[Office, Grant, str], str]:
    def vote(office: Office, grant: Grant, subject: str) -> str:
        browser = office.browser(subject)
        sent = form(browser, grant) | {"verdict": verdict} | changes
        return code_of(browser.decide(f"/reviews/{grant.id}", sent))

    return vote


def break_glass(office: Office, grant: Grant, subject: str) -> str:
    browser = office.browser(subject)
    return code_of(browser.decide(f"/reviews/{grant.id}/break-glass", form(browser, grant)))


def follow_up(office: Office, grant: Grant, subject: str) -> str:
    """The follow-up review of another person's emergency access for the request."""
    assert break_glass(office, grant, office.people.other) == "303"
    browser = office.browser(subject)
    sent = form(browser, grant) | {"judgement": "confirm"}
    return code_of(browser.send("POST", f"/reviews/{grant.id}/follow-up", sent))


def bearer(office: Office, grant: Grant, subject: str) -> str:
    """The vote by a program with the person's token, as the command line or a script would send it."""
    claims = {"iss": office.people.issuer, **office.people.id_token(subject)}
    headers = {"Authorization": f"Bearer {office.desk.id_token('', 'n', **claims)}"}
    browser = Browser(office.desk)
    sent = form(browser, grant) | {"verdict": "approve"}
    return code_of(browser.send("POST", f"/reviews/{grant.id}", sent, headers))


def _in_slack(payload: Callable[[SlackSystem, Grant, str], Any]) -> Callable[[Office, Grant, str], str]:
    def vote(office: Office, grant: Grant, subject: str) -> str:
        name = "alice" if subject == office.people.subject else "bob"
        office.slack.send(payload(office.slack, grant, name))
        return str(office.system.outcomes()[-1][2]) or "303"

    return vote


ROUTES: dict[str, Callable[[Office, Grant, str], str]] = {
    "page: Approve": page("approve"),
    "page: Approve selected": page("approve_selected", seconds="60", action="0", resource="0.0"),
    "page: Reject": page("reject"),
    "Slack: Approve": _in_slack(lambda slack, grant, name: slack.press(grant, APPROVE, name)),
    "Slack: Approve selected": _in_slack(
        lambda slack, grant, name: slack.submission(approve_selected_modal(grant, under_review(grant).requester), name)
    ),
    "token of the person": bearer,
    "break-glass": break_glass,
    "follow-up": follow_up,
}
OTHER_CODES = {"token of the person": "sign_in_required", "follow-up": "not_reviewer"}
CELLS = [(provider, name, route) for provider, each in FORMS.items() for name in each for route in ROUTES]


@pytest.mark.parametrize(("provider", "name", "route"), CELLS, ids=[" / ".join(cell) for cell in CELLS])
def test_rev_05_no_person_decides_about_their_own_agents_request(provider: str, name: str, route: str):
    office = office_of(provider)
    token, expected = FORMS[provider][name]
    grant, refusal = requested(office, token())
    if expected == UNRESOLVED:
        assert (grant, refusal) == (None, UNRESOLVED)
        assert office.system.outcomes()[-1] == ("refusal", "refused", UNRESOLVED)
        assert office.system.store.grants == {}
        return
    assert grant is not None, refusal
    assert ROUTES[route](office, grant, office.people.subject) == OTHER_CODES.get(route, OWN)
    after = office.system.store.grants[grant.id]
    assert after.votes == ()
    assert after.follow_up is None
    assert after.state is (State.ACTIVE if route == "follow-up" else State.PENDING)


@pytest.mark.parametrize("route", [route for route in ROUTES if route not in OTHER_CODES])
@pytest.mark.parametrize("provider", PEOPLE)
def test_rev_05_another_reviewer_decides_by_the_same_routes(provider: str, route: str):
    office = office_of(provider)
    token, _ = next(iter(FORMS[provider].values()))
    grant, refusal = requested(office, token())
    assert grant is not None, refusal
    assert ROUTES[route](office, grant, office.people.other) == "303"
    assert office.system.store.grants[grant.id].state is not State.PENDING


TWO_AGENTS = {
    "okta": (okta.SAMPLE, {"cid": "0oaOther"}),
    "entra": ({**entra.SAMPLE, "scp": "ask", "idtyp": None}, {"azp": OID}),
    "google": (google.SAMPLE, {"azp": "other.apps.googleusercontent.com"}),
}


@pytest.mark.parametrize("provider", TWO_AGENTS)
def test_id_10_two_agents_of_one_person_are_two_principals(provider: str):
    office = office_of(provider)
    sample, change = TWO_AGENTS[provider]
    first, second = (requested(office, delegated(sample, **more)())[0] for more in ({}, change))
    assert first is not None
    assert second is not None
    assert first.human == second.human is not None
    assert first.principal != second.principal
    assert first.owner_key != second.owner_key
