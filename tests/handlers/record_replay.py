"""What an auditor knows of each grant from its records alone, by docs/record-fields.md."""

import json
from collections import Counter
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace
from typing import Any

from jitney.core.access.grant import Grant
from jitney.core.access.request import Way
from jitney.core.times import iso
from jitney.handlers.review.ballots import OUTCOMES
from tests.handlers.conftest import System

_FIRST = {"allowed": "active", "review": "pending"}
"""The state of a grant after its request, by the outcome."""
_LATER = {
    ("break_glass", "approved"): "active",
    ("review", "failed"): "failed",
    ("use", "sent"): "used",
    ("release", "released"): "released",
    ("revocation", "revoked"): "revoked",
    ("expiry", "expired"): "expired",
}
"""The state after other events. Events that are not here leave the state as it is."""


type Votes = frozenset[tuple[str, str]]
"""The people who voted, with their last verdict."""


@dataclass(frozen=True)
class Replayed:
    """A grant as its records describe it."""

    state: str
    who: tuple[str, str, str]
    permissions: str
    duration_seconds: int
    expires_at: str
    votes: Votes = frozenset()


def replayed(records: Iterable[Mapping[str, Any]]) -> dict[str, Replayed]:
    """Return each grant that the records name, as it is after the last of them."""
    found: dict[str, Replayed] = {}
    for record in records:
        if grant_id := record["grant_id"]:
            found[grant_id] = _after(record, found.get(grant_id))
    return found


def _after(record: Mapping[str, Any], before: Replayed | None) -> Replayed:
    event, outcome, detail = record["event"], record["outcome"], json.loads(record["detail"])
    terms = record["duration_seconds"], record["expires_at"]
    if before is None:
        assert event == "request", f"the first record of {record['grant_id']} is {event}"
        who = record["principal"], record["human"], record["target"]
        return Replayed(_FIRST[outcome], who, _text(detail["permissions"]), *terms)
    if event == "request":
        return before  # the agent repeated its request
    state = detail["state"] if event == "vote" else _LATER.get((event, outcome), before.state)
    permissions = _text(detail["permissions"]) if event in ("vote", "break_glass") else before.permissions
    duration_seconds, expires_at = terms if all(terms) else (before.duration_seconds, before.expires_at)
    return replace(
        before,
        state=state,
        permissions=permissions,
        duration_seconds=duration_seconds,
        expires_at=expires_at,
        votes=_votes(before.votes, event, outcome, detail),
    )


def _votes(before: Votes, event: str, outcome: str, detail: Mapping[str, Any]) -> Votes:
    if "review_restarted" in detail:
        return frozenset()
    if event != "vote":
        return before
    return frozenset({each for each in before if each[0] != detail["by"]} | {(detail["by"], outcome)})


def _text(permissions: Any) -> str:
    return json.dumps(permissions, sort_keys=True)


def as_stored(grant: Grant) -> Replayed:
    """Return a stored grant as its records should describe it."""
    human = grant.human.name if grant.human else ""
    votes = frozenset((each.human.name, str(OUTCOMES[each.verdict])) for each in grant.votes)
    permissions = _text(grant.view()["permissions"])
    who = grant.principal, human, grant.target
    return Replayed(str(grant.state), who, permissions, grant.duration_seconds, iso(grant.expires_at), votes)


def assert_replayed(system: System) -> None:
    """Assert that the records alone describe each stored grant, and count every session that an agent got."""
    records = system.records()
    assert replayed(records) == {each.id: as_stored(each) for each in system.store.grants.values()}
    given = Counter(dict(each.tags)["grant"] for each in system.sessions.asked)
    issued = _issued(records)
    for grant_id, times in given.items():
        assert times <= issued[grant_id] or system.store.grants[grant_id].way is Way.GATEWAY, grant_id


def _issued(records: Iterable[Mapping[str, Any]]) -> Counter[str]:
    """Return how often the records of each grant say that its agent got credentials.

    A record comes before its session, so that no session is without a record.
    """
    issued: Counter[str] = Counter()
    for record in records:
        event, outcome = record["event"], record["outcome"]
        if event == "request" and json.loads(record["detail"]).get("way") == "credentials":
            issued[record["grant_id"]] += outcome == "allowed"
        elif event == "issue":
            issued[record["grant_id"]] += (outcome == "allowed") - (outcome == "failed")
    return issued
