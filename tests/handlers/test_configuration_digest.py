"""AUD 1: each record of an act has the digest of the configuration of the function that acted."""

from dataclasses import replace
from typing import Any

import pytest

from jitney.core.report.builder import build_report
from jitney.handlers.credentials import create_credentials
from jitney.handlers.decisions import preview_decision
from jitney.handlers.grants import create_grant
from jitney.handlers.reconciler import reconcile
from jitney.handlers.releases import release_grant
from jitney.handlers.review_reads import list_reviews
from tests.handlers.conftest import REQUEST_BODY, System
from tests.handlers.review_browser import Browser, ReviewSystem
from tests.handlers.test_break_glass import SETTINGS, judge, smash
from tests.handlers.test_review_pages import pending, stored
from tests.handlers.test_terminal_reviews import approve, call, own_token, terminal_desk

OLD, NEW = "a" * 32, "b" * 32


@pytest.fixture
def desk() -> ReviewSystem:
    made = terminal_desk()
    deploy(made.system, OLD)
    return made


def deploy(system: System, digest: str, **changes: Any) -> None:
    system.ports.config = replace(system.ports.config, digest=digest, **changes)


def digests(system: System) -> list[tuple[str, str]]:
    """Return the event and the digest of each record."""
    return [(each["event"], each["configuration"]) for each in system.records()]


def test_aud_01_a_vote_under_another_configuration_says_so(desk: ReviewSystem):
    """A person makes themselves a reviewer, approves, and undoes that. The request's digest alone would hide it."""
    grant = pending(desk)
    reviewers = desk.system.ports.config.reviewers
    owners = reviewers["owners"]
    deploy(desk.system, NEW, reviewers={**reviewers, "owners": owners._replace(members=("staff.mallory",))})
    assert approve(desk, grant, own_token(desk, "mallory"))[0] == 200
    deploy(desk.system, OLD, reviewers=reviewers)
    assert digests(desk.system)[0] == ("request", OLD)
    assert [each for each in digests(desk.system) if each[0] == "vote"] == [("vote", NEW)]
    report = build_report(grant.id, desk.system.records(), (), desk.system.now)
    assert report
    assert [(each.digest, each.event) for each in report.configurations] == [(OLD, "request"), (NEW, "vote")]


def test_aud_01_every_act_of_an_agent_has_the_digest(desk: ReviewSystem):
    system = desk.system
    status, body, _ = system.call(create_grant, REQUEST_BODY)
    grant_id = body["grant"]["id"]
    assert status == 201
    assert system.call(preview_decision, REQUEST_BODY)[0] == 200
    denied = REQUEST_BODY | {
        "permissions": [{"actions": ["s3:GetObject"], "resources": ["arn:aws:s3:::reports/secret/x"]}]
    }
    assert system.call(create_grant, denied)[0] == 403
    assert system.call(create_credentials, grant_id=grant_id)[0] == 200
    assert system.call(release_grant, grant_id=grant_id)[0] == 200
    assert {event for event, _ in digests(system)} >= {"request", "preview", "issue", "release"}
    assert {digest for _, digest in digests(system)} == {OLD}


def test_aud_01_every_decision_of_a_person_has_the_digest(desk: ReviewSystem):
    deploy(desk.system, OLD, break_glass=SETTINGS)
    gina, alice = Browser(desk), Browser(desk)
    gina.sign_in("gina")
    alice.sign_in("alice")
    grant = pending(desk)
    assert smash(gina, grant).status == 303
    assert judge(alice, grant, "confirm").status == 303
    assert {digest for event, digest in digests(desk.system) if event in ("break_glass", "follow_up")} == {OLD}
    assert {"break_glass", "follow_up"} <= {event for event, _ in digests(desk.system)}
    assert call(desk, list_reviews, "", own_token(desk))[0] == 200
    assert stored(desk, grant)


def test_aud_01_what_the_clock_ends_has_none(desk: ReviewSystem):
    desk.system.call(create_grant, REQUEST_BODY)
    desk.system.now += 3600
    reconcile(desk.system.ports)
    ended = [each for each in digests(desk.system) if each[0] == "expiry"]
    assert ended == [("expiry", "")]
