"""What a role's deny document denies because of suspensions, evaluated as IAM does."""

import fnmatch
import json
from dataclasses import replace
from datetime import UTC, datetime
from typing import Any

import pytest

from jitney.core.access.cut_offs import CutOffs
from jitney.core.access.deny_document import IN_FLIGHT_SECONDS, ROLE_POLICY_LIMIT, DenyEntry, compose_deny_document
from jitney.core.access.suspension_denials import LIVE_SECONDS, MOST_DENIALS, suspension_denials
from jitney.core.access.suspension_entry import Suspension, SuspensionKind
from jitney.core.access.suspensions import MOST_SUSPENSIONS, Suspensions
from jitney.core.identity.source_identity import source_identity
from jitney.core.stored_identity import identity_of
from tests.core.access.test_profile_policy import TARGET
from tests.fakes import GRANT, NOW
from tests.identities import identity

SESSION = {"grant": GRANT.id, "agent": "github.run", "unit": "github.repo", "human": "people.alice"}
MINE = {"kind": SuspensionKind.AGENT, "name": "github.run"}


def suspension(number: int = 0, **members: Any) -> Suspension:
    whole = {"id": f"s-{number}", "since": NOW, "by": "people.olga", "reason": "leak", **MINE, **members}
    kind, name = whole["kind"], whole["name"]
    issuer = "" if kind is SuspensionKind.TARGET else identity(name).issuer
    return Suspension(**{"issuer": issuer, **whole})


def covers(entry: Suspension) -> bool:
    """Whether a new request of the session's agent is stopped."""
    agent, unit, human = (identity(SESSION[each]) for each in ("agent", "unit", "human"))
    return entry.covers_requester(agent, unit, human) or entry.covers_target(TARGET.alias, TARGET.role_arn)


def document(*entries: Suspension, now: int = NOW, listed: int = 0, room: int = ROLE_POLICY_LIMIT) -> str:
    denials = suspension_denials(Suspensions("v", entries), TARGET, now)
    ended = [DenyEntry(f"g-{number:014d}", now, now + 900, f"github.unit{number}") for number in range(listed)]
    text = compose_deny_document(ended, CutOffs(), now, room, standing=denials).text
    assert len(text) <= room
    return text


def denied(text: str, session: dict[str, str], issued_at: int) -> bool:
    """Whether the document denies a session with these tags."""

    def met(operator: str, key: str, wanted: Any) -> bool:
        wanted = [wanted] if isinstance(wanted, str) else wanted
        if key == "aws:TokenIssueTime":
            (until,) = wanted
            return datetime.fromtimestamp(issued_at, UTC) <= datetime.fromisoformat(until)
        tag = session[key.removeprefix("aws:PrincipalTag/")]
        match = {"StringLike": fnmatch.fnmatchcase, "StringEquals": lambda value, name: value == name}[operator]
        return any(match(tag, pattern) for pattern in wanted)

    statements = json.loads(text)["Statement"] if text else []
    return any(
        all(met(operator, *condition) for operator, keys in each["Condition"].items() for condition in keys.items())
        for each in statements
    )


COVERING = [
    MINE,
    {"kind": SuspensionKind.UNIT, "name": "github.repo"},
    {"kind": SuspensionKind.HUMAN, "name": "people.alice"},
    {"kind": SuspensionKind.HUMAN, "name": "github.run"},
    {"kind": SuspensionKind.ISSUER, "name": "github"},
    {"kind": SuspensionKind.ISSUER, "name": "people"},
    {"kind": SuspensionKind.TARGET, "name": "analytics-prod"},
    {"kind": SuspensionKind.TARGET, "name": "its-alias-before", "role": TARGET.role_arn},
]
OTHERS = [
    {"kind": SuspensionKind.AGENT, "name": "github.ru"},
    {"kind": SuspensionKind.AGENT, "name": "people.alice"},
    {"kind": SuspensionKind.UNIT, "name": "github.run"},
    {"kind": SuspensionKind.HUMAN, "name": "people.ali"},
    {"kind": SuspensionKind.ISSUER, "name": "git"},
    {"kind": SuspensionKind.TARGET, "name": "analytics"},
    {"kind": SuspensionKind.TARGET, "name": "analytics", "role": f"{TARGET.role_arn}-2"},
]


@pytest.mark.parametrize("members", COVERING, ids=lambda each: f"{each['kind']} {each['name']}")
@pytest.mark.parametrize("issued_at", [NOW - 3000, NOW, NOW + IN_FLIGHT_SECONDS])
def test_end_08_what_a_suspension_denies_of_credentials_from_before(members: dict[str, Any], issued_at: int):
    entry = suspension(**members)
    assert denied(document(entry), SESSION, issued_at)
    assert covers(entry)


@pytest.mark.parametrize("members", OTHERS, ids=lambda each: f"{each['kind']} {each['name']}")
def test_end_08_a_suspension_denies_nothing_else(members: dict[str, Any]):
    entry = suspension(**members)
    assert not denied(document(entry), SESSION, NOW)
    assert not covers(entry)


@pytest.mark.parametrize("members", COVERING, ids=lambda each: f"{each['kind']} {each['name']}")
def test_end_08_when_it_is_lifted_new_credentials_work_without_a_new_document(members: dict[str, Any]):
    before = document(suspension(**members))
    lifted = replace(suspension(**members), lifted_at=NOW + 300, lifted_by="people.olga")
    later = suspension(1, name="github.other", since=NOW + 600)
    for text in (before, document(lifted, now=NOW + 300), document(lifted, later, now=NOW + 600)):
        assert denied(text, SESSION, NOW + IN_FLIGHT_SECONDS)
        assert not denied(text, SESSION, NOW + 300)


def test_end_08_suspensions_in_force_share_statements_and_each_covers_its_own():
    entries = [suspension(number, name=f"github.a{number}", since=NOW + number) for number in range(MOST_DENIALS)]
    text = document(*entries)
    assert len(json.loads(text)["Statement"]) == 1
    assert all(denied(text, SESSION | {"agent": each.name}, each.since + IN_FLIGHT_SECONDS) for each in entries)


def test_end_08_many_that_were_lifted_become_one_denial_too():
    entries = [suspension(number, name=f"github.a{number}", since=NOW + number) for number in range(30)]
    text = document(*(replace(each, lifted_at=each.since + 1) for each in entries))
    assert len(json.loads(text)["Statement"]) == 1
    assert denied(text, SESSION, NOW + 29 + IN_FLIGHT_SECONDS)
    assert not denied(text, SESSION, NOW + 30 + IN_FLIGHT_SECONDS)


LONG = "run/" * 30
"""A subject whose source identity has a digest under each alias."""


@pytest.mark.parametrize("subject", ["run", LONG, "x" * 56])
@pytest.mark.parametrize(
    "kind", [SuspensionKind.AGENT, SuspensionKind.UNIT, SuspensionKind.HUMAN, SuspensionKind.ISSUER]
)
def test_end_08_a_suspension_holds_under_another_alias_and_not_for_others_of_the_name(kind: Any, subject: str):
    before, after = (source_identity(name, "https://issuer", subject) for name in ("github", "githubactions"))
    name = "github" if kind is SuspensionKind.ISSUER else before
    entry, other = suspension(kind=kind, name=name, issuer="https://issuer"), identity("people.alice")
    for whose in (before, after):
        mine = identity_of(whose, "https://issuer")
        assert entry.covers_requester(other, mine, None) is (kind is SuspensionKind.UNIT)
        assert entry.covers_requester(mine, mine, None)
        assert entry.covers_requester(other, other, mine) is (kind in (SuspensionKind.HUMAN, SuspensionKind.ISSUER))
        assert entry.covers_person(mine)
    theirs = identity_of(source_identity("github", "https://other", subject), "https://other")
    assert not entry.covers_requester(theirs, theirs, theirs)


def test_end_08_a_suspended_target_covers_no_person_of_its_name():
    entry = suspension(kind=SuspensionKind.TARGET, name="people.alice")
    assert not entry.covers_person(identity("people.alice"))


def test_end_08_a_suspension_is_tried_for_a_day_until_it_is_complete():
    entry = suspension(since=NOW)
    both = Suspensions(entries=(entry, replace(entry, id="s-done", completed_at=NOW)))
    tried = {now: both.incomplete_at(now) == [entry] for now in (NOW, NOW + 86_399, NOW + 86_400)}
    assert tried == {NOW: True, NOW + 86_399: True, NOW + 86_400: False}


@pytest.mark.parametrize("members", COVERING[:-2], ids=lambda each: f"{each['kind']} {each['name']}")
def test_end_08_without_an_issuer_a_suspension_covers_the_name_at_each_issuer(members: dict[str, Any]):
    entry = suspension(**members, issuer="")
    assert covers(entry)
    assert denied(document(entry), SESSION, NOW)


@pytest.mark.parametrize("members", OTHERS[:-2], ids=lambda each: f"{each['kind']} {each['name']}")
def test_end_08_without_an_issuer_a_suspension_covers_no_other_name(members: dict[str, Any]):
    entry, unreadable = suspension(**members, issuer=""), identity_of("corp.other", "")
    assert not covers(entry)
    assert not entry.covers_requester(unreadable, unreadable, unreadable)


def test_end_08_the_denial_lasts_as_long_as_credentials_from_before():
    assert denied(document(suspension(), now=NOW + LIVE_SECONDS - 1), SESSION, NOW)
    assert document(suspension(), now=NOW + LIVE_SECONDS) == ""


def test_end_08_many_suspensions_of_an_hour_become_one_denial_and_others_can_renew():
    names = [suspension(number, name=f"github.a{number}") for number in range(MOST_SUSPENSIONS)]
    assert not denied(document(*names[:MOST_DENIALS]), SESSION, NOW)
    full = document(*names)
    assert denied(full, {**SESSION, "agent": f"github.a{MOST_SUSPENSIONS - 1}"}, NOW)
    assert denied(full, SESSION, NOW)
    assert not denied(full, SESSION, NOW + IN_FLIGHT_SECONDS + 1)


@pytest.mark.parametrize("room", [ROLE_POLICY_LIMIT, 5_000, 1_000, 300])
@pytest.mark.parametrize("listed", [100, 5_000])
def test_end_08_a_full_document_denies_what_is_suspended_all_the_same(room: int, listed: int):
    text = document(suspension(kind=SuspensionKind.ISSUER, name="github"), listed=listed, room=room)
    assert denied(text, SESSION, NOW)
