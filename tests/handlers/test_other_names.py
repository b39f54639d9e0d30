"""People and agents are themselves under every alias, and no one else is taken for them (REV 3-8, END 8)."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import replace
from typing import Any

import pytest

from jitney.core.access.grant import Grant, State
from jitney.core.config import Config
from jitney.core.issuer_config import Issuer
from jitney.handlers.credentials import create_credentials
from jitney.handlers.grants import create_grant
from jitney.handlers.suspensions import suspend
from tests.core.identity import minting
from tests.handlers.conftest import REQUEST_BODY, System
from tests.handlers.review_browser import STAFF, TWIN, Browser, ReviewSystem, review_system
from tests.handlers.test_break_glass import GROUPS, SETTINGS, judge, smash
from tests.handlers.test_out_of_office import form_of
from tests.handlers.test_review_pages import PUT, pending, stored
from tests.identities import renamed_reviewers

Change = Callable[[Config], Config]
PAIR = {"owners": GROUPS["owners"]._replace(escalates_to="", notify=())}


@pytest.fixture
def desk() -> ReviewSystem:
    desk = review_system(reviewers=PAIR, break_glass=SETTINGS)
    desk.system.ports.config = with_entries(desk.system.ports.config, corp={"human_issuer": people("staff", STAFF)})
    return desk


def people(alias: str, issuer: str) -> Any:
    return minting.HUMANS._replace(identity_name=alias, issuer=issuer)


def with_entries(config: Config, **changed: dict[str, Any]) -> Config:
    """The configuration with changed entries of `issuers`. Entries that do not exist are copies of `staff`."""
    entries: dict[str, Issuer] = dict(config.issuers)
    for name, members in changed.items():
        entry = entries.get(name, replace(config.issuers["staff"], name=name, identity_name=name))
        entries[name] = replace(entry, **members)
    return replace(config, issuers=entries)


def renamed(config: Config) -> Config:
    """The people's names begin with crew, also in the groups."""
    crew = renamed_reviewers(config.reviewers, "staff", "crew")
    glass = SETTINGS._replace(people=("crew.gina",), notify=("crew.olga",))
    corp = {"human_issuer": people("crew", STAFF)}
    return replace(with_entries(config, staff={"identity_name": "crew"}, corp=corp), reviewers=crew, break_glass=glass)


def others(config: Config) -> Config:
    """People sign in with another provider under the same alias, and subjects of both are equal."""
    changed = with_entries(config, staff={"issuer": TWIN}, corp={"human_issuer": people("staff", TWIN)})
    return replace(changed, issuers={name: each for name, each in changed.issuers.items() if name != "twin"})


def configure(desk: ReviewSystem, change: Change) -> None:
    desk.system.ports.config = change(desk.system.ports.config)


def person(desk: ReviewSystem, name: str, *groups: str) -> Browser:
    browser = Browser(desk)
    browser.sign_in(name, groups=list(groups), iss=desk.system.ports.config.issuers["staff"].issuer)
    return browser


def approve(desk: ReviewSystem, grant: Grant, name: str) -> Grant:
    browser = person(desk, name)
    assert browser.decide(f"/reviews/{grant.id}", browser.first_form(grant.id)).status == 303
    return stored(desk, grant)


def on_behalf_of(desk: ReviewSystem, name: str) -> Grant:
    body = REQUEST_BODY | {"permissions": PUT}
    _, answer, _ = desk.system.call(create_grant, body, token=minting.token(act={"sub": name}))
    return desk.system.store.grants[answer["grant"]["id"]]


def test_rev_03_a_vote_counts_for_its_voter_under_another_name(desk: ReviewSystem):
    grant = pending(desk)
    approve(desk, grant, "alice")
    configure(desk, renamed)
    again = approve(desk, grant, "alice")
    assert (again.state, len(again.votes)) == (State.PENDING, 1)
    assert approve(desk, grant, "bob").state is State.ACTIVE
    assert desk.system.call(create_credentials, grant_id=grant.id)[0] == 200


def test_rev_03_a_vote_does_not_count_for_another_person_of_the_same_name(desk: ReviewSystem):
    grant = pending(desk)
    approve(desk, grant, "alice")
    configure(desk, others)
    assert "You voted" not in person(desk, "alice").send("GET", f"/reviews/{grant.id}").text
    assert approve(desk, grant, "bob").state is State.PENDING
    whole = approve(desk, grant, "alice")
    assert (whole.state, len(whole.votes)) == (State.ACTIVE, 3)


def test_rev_05_a_person_with_an_equal_name_does_not_see_anothers_request(desk: ReviewSystem):
    grant = on_behalf_of(desk, "harriet")
    assert person(desk, "harriet").send("GET", f"/reviews/{grant.id}").status == 200
    configure(desk, others)
    assert person(desk, "harriet").send("GET", f"/reviews/{grant.id}").status == 403


def test_rev_05_an_owner_from_before_does_not_approve_under_another_name(desk: ReviewSystem):
    """The configuration no longer names the owner, and names people differently."""
    configure(desk, lambda old: with_entries(old, corp={"owners": {"*": ("staff.alice",)}}))
    grant = pending(desk)
    configure(desk, lambda old: renamed(with_entries(old, corp={"owners": {}})))
    alice = person(desk, "alice")
    assert 'value="approve' not in alice.send("GET", f"/reviews/{grant.id}").text


@pytest.mark.parametrize("groups", [[], ["security"]], ids=["a reviewer", "an operator"])
@pytest.mark.parametrize("name", ["gina", "harriet"], ids=["who used break-glass", "the agent's person"])
def test_rev_08_no_one_involved_does_the_follow_up_under_another_name(desk: ReviewSystem, name: str, groups: list[str]):
    grant = on_behalf_of(desk, "harriet")
    smash(person(desk, "gina"), grant)
    configure(desk, renamed)
    involved = person(desk, name, *groups)
    assert 'id="follow-up"' not in involved.send("GET", f"/reviews/{grant.id}").text
    assert judge(involved, grant, "confirm").status == 403
    assert judge(person(desk, "bob"), grant, "confirm").status == 303


@pytest.mark.parametrize(("change", "status"), [(renamed, 403), (others, 200)])
def test_rev_08_a_use_without_follow_up_blocks_its_person_and_no_other(desk: ReviewSystem, change: Change, status: int):
    smash(person(desk, "gina"), pending(desk))
    configure(desk, change)
    grant = desk.system.store.grants[pending(desk, reason="another report").id]
    grant = replace(grant, unit="corp.other-agent", principal="corp.other-agent", subject="other-agent")
    desk.system.store.grants[grant.id] = grant
    assert smash(person(desk, "gina"), grant).status == (303 if status == 200 else 409)


@pytest.mark.parametrize(("change", "delegated"), [(renamed, True), (others, False)])
def test_rev_06_a_delegation_is_of_the_people_who_were_meant(desk: ReviewSystem, change: Change, delegated: bool):
    bob = person(desk, "bob")
    form = form_of(bob, **{"delegate.owners": "staff.carol", "until": "2023-11-20T12:00", "from": ""})
    assert bob.send("POST", "/reviews/out-of-office", form).status == 303
    configure(desk, change)
    seen = person(desk, "carol").send("GET", f"/reviews/{pending(desk).id}")
    assert seen.status == (200 if delegated else 403)
    page = person(desk, "bob").send("GET", "/reviews/out-of-office").text
    assert ("is your delegate" in page) is delegated


SUSPENDED = {
    "agent": {"kind": "agent", "name": "corp.reader-agent", "unseen": True},
    "unit": {"kind": "unit", "name": "corp.reader-agent", "unseen": True},
    "human": {"kind": "human", "name": "people.alice", "unseen": True},
    "issuer": {"kind": "issuer", "name": "corp"},
}


def operator(system: System) -> str:
    return minting.token("rsa-other", iss=minting.OTHER, sub="olga", groups=["security"], iat=system.now)


@contextmanager
def under(system: System, config: Config) -> Iterator[None]:
    before = system.ports.config
    system.ports.__dict__["config"] = config
    yield
    system.ports.__dict__["config"] = before


@pytest.mark.parametrize("asked", SUSPENDED.values(), ids=SUSPENDED)
def test_end_08_a_suspension_follows_a_new_alias_and_not_the_name(system: System, asked: dict[str, Any]):
    system.ports.__dict__["config"] = replace(system.config, operators=("other/security", "operations/security"))
    token = minting.token(act={"sub": "alice"})
    body = {**asked, "reason": "its key leaked"}
    assert system.call(suspend, body, token=operator(system))[0] == 201
    config = system.ports.config
    taken = {"name": "operations", "identity_name": "operations"}
    humans = minting.HUMANS._replace(identity_name="humans")
    swapped = {
        **config.issuers,
        "acme": replace(config.issuers["corp"], name="acme", identity_name="acme", human_issuer=humans),
        "corp": replace(config.issuers["other"], name="corp", identity_name="corp"),
        "other": replace(config.issuers["lone"], **taken) if "lone" in config.issuers else config.issuers["other"],
    }
    swapped["people"] = replace(swapped["people"], identity_name="humans")
    swapped.pop("other")
    with under(system, replace(config, issuers=swapped, operators=("corp/security",))):
        status, problem, _ = system.call(create_grant, REQUEST_BODY, token=token)
        assert (status, problem["code"]) == (403, "suspended")
        namesake = minting.token("rsa-other", iss=minting.OTHER)
        assert system.call(create_grant, REQUEST_BODY, token=namesake)[1].get("code") != "suspended"
        again = {"kind": asked["kind"], "name": asked["name"], "reason": "another leak", "unseen": True}
        status, answer, _ = system.call(suspend, again, token=operator(system))
        if asked["kind"] in ("agent", "unit"):  # the present holder of the name
            assert answer["suspension"]["issuer"] == minting.OTHER
            assert system.call(create_grant, REQUEST_BODY, token=namesake)[1]["code"] == "suspended"


def as_other_issuer(system: System) -> None:
    """The agents' alias belongs to another issuer, whose subjects and groups have the same names."""
    issuers = dict(system.ports.config.issuers)
    other = replace(issuers.pop("other"), name="corp", identity_name="corp")
    system.ports.__dict__["config"] = replace(system.ports.config, issuers={**issuers, "corp": other})


@pytest.mark.parametrize("permissions", [REQUEST_BODY["permissions"], PUT], ids=["allowed", "reviewed"])
def test_sts_05_another_agent_of_the_name_gets_no_earlier_answer(system: System, permissions: Any):
    """The same key and body of another agent are a new request, also while an equal request is under review."""
    body = REQUEST_BODY | {"permissions": permissions}
    _, mine, _ = system.call(create_grant, body, Idempotency_Key="k")
    as_other_issuer(system)
    theirs = minting.token("rsa-other", iss=minting.OTHER, groups=["data-readers", "data-writers"])
    status, answer, _ = system.call(create_grant, body, token=theirs, Idempotency_Key="k")
    assert status in (201, 202)
    assert answer["grant"]["id"] != mine["grant"]["id"]


def test_rev_12_a_rejection_is_not_held_against_another_agent_of_the_name(desk: ReviewSystem):
    grant = pending(desk)
    alice = person(desk, "alice")
    form = alice.first_form(grant.id, "reject") | {"comment": "not this one"}
    assert alice.send("POST", f"/reviews/{grant.id}", form).status == 303
    body = REQUEST_BODY | {"permissions": PUT}
    assert desk.system.call(create_grant, body)[1]["code"] == "rejected_before"
    as_other_issuer(desk.system)
    theirs = minting.token("rsa-other", iss=minting.OTHER, groups=["data-readers", "data-writers"])
    assert desk.system.call(create_grant, body, token=theirs)[0] == 202
