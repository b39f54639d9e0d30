import json
from collections import Counter
from datetime import datetime
from random import Random
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from jitney.core.access.credentials import MAX_STS_SESSION_SECONDS
from jitney.core.access.cut_offs import CutOffs
from jitney.core.access.deny_document import (
    CLOCK_SKEW_SECONDS,
    IN_FLIGHT_SECONDS,
    ROLE_POLICY_LIMIT,
    DenyEntry,
    compose_deny_document,
    operators_share,
)
from tests.fakes import GRANT, NOW

LETTERS = "abcdefghijklmnopqrstuvwxyz234567"
CAPACITY = 477
"""What releases can use. The rest is for operators."""


def named(number: int) -> str:
    digits = [LETTERS[number >> shift & 31] for shift in range(65, -1, -5)]
    return f"g-{''.join(digits)}"


def many(count: int, *, ended_at: int = NOW, until: int = NOW + 900) -> list[DenyEntry]:
    return [DenyEntry(named(number), ended_at, until, "local.flood") for number in range(count)]


def denied(text: str) -> set[str]:
    statements = json.loads(text)["Statement"] if text else []
    conditions = [each["Condition"].get("StringEquals", {}) for each in statements]
    return {name for each in conditions for name in each.get("aws:PrincipalTag/grant", [])}


def test_end_01_a_document_denies_everything_to_each_listed_grant():
    text = compose_deny_document(many(2), CutOffs(), NOW, ROLE_POLICY_LIMIT).text
    assert json.loads(text) == {
        "Version": "2012-10-17",
        "Statement": [
            {
                "Effect": "Deny",
                "Action": "*",
                "Resource": "*",
                "Condition": {"StringEquals": {"aws:PrincipalTag/grant": [named(0), named(1)]}},
            }
        ],
    }


def session_denied(text: str, grant_id: str, unit: str, issued_at: int) -> bool:
    """Return whether IAM denies a session. A statement applies when all its conditions hold."""
    statements = json.loads(text)["Statement"] if text else []
    keys = {"aws:PrincipalTag/grant": grant_id, "aws:PrincipalTag/unit": unit}

    def met(conditions: dict[str, dict[str, Any]]) -> bool:
        equal = all(keys[key] in values for key, values in conditions.get("StringEquals", {}).items())
        moments = conditions.get("DateLessThanEquals", {})
        before = all(issued_at <= datetime.fromisoformat(moment).timestamp() for moment in moments.values())
        return equal and before and set(moments) <= {"aws:TokenIssueTime"}

    return any(met(each["Condition"]) for each in statements)


UNITS = [f"local.unit-{number}" for number in range(8)]


@st.composite
def denials(draw: st.DrawFn) -> list[DenyEntry]:
    """Draw few or hundreds of entries per unit. They ended long ago or now, and may have expired."""
    counts = draw(st.lists(st.sampled_from([0, 1, 5]) | st.integers(0, 150), min_size=len(UNITS), max_size=len(UNITS)))
    random = Random(draw(st.integers(0, 2**32)))
    units = [unit for unit, count in zip(UNITS, counts, strict=True) for _ in range(count)]
    ended = [NOW - random.choice([0, 0, 10, random.randrange(4000)]) for _ in units]
    return [
        DenyEntry(named(number), at, at + random.randrange(1, 3700), unit)
        for number, unit, at in zip(random.sample(range(2**20), len(units)), units, ended, strict=True)
    ]


cut_offs = st.builds(
    CutOffs,
    st.none() | st.integers(NOW - 4000, NOW + IN_FLIGHT_SECONDS),
    st.dictionaries(st.sampled_from(UNITS), st.integers(NOW - 4000, NOW + IN_FLIGHT_SECONDS), max_size=3),
)
ISSUED = [NOW - 3599, NOW - 1000, NOW, NOW + IN_FLIGHT_SECONDS, NOW + IN_FLIGHT_SECONDS + 1]


@given(denials(), cut_offs, st.integers(600, ROLE_POLICY_LIMIT), st.randoms())
def test_end_02_only_listed_grants_and_cut_off_units_are_denied(listed, earlier, room, random):
    document = compose_deny_document(listed, earlier, NOW, room)
    cuts = document.cut_offs
    live = {each.grant_id: each for each in listed if each.until > NOW}
    assert len(document.text) <= room
    for each in random.sample(list(live.values()), min(len(live), 20)):
        # Everything issued for an ended grant, also issues in flight when it ended.
        for issued in (each.ended_at - 900, each.ended_at + IN_FLIGHT_SECONDS):
            assert session_denied(document.text, each.grant_id, each.unit, issued)
    for unit in [*UNITS, "local.other"]:
        for issued in ISSUED:
            until = max(cuts.role or 0, cuts.units.get(unit, 0))
            assert session_denied(document.text, "g-another", unit, issued) is (issued <= until)
    for unit, cut in [(None, earlier.role), *earlier.units.items()]:
        if cut is not None and cut + MAX_STS_SESSION_SECONDS > NOW:  # an earlier cut-off stays
            assert (cuts.role or 0) >= cut or (unit and cuts.units[unit] >= cut)
    assert compose_deny_document(random.sample(listed, len(listed)), earlier, NOW, room) == document
    assert compose_deny_document(listed, cuts, NOW, room) == document


@given(denials(), st.integers(600, ROLE_POLICY_LIMIT))
def test_end_02_the_unit_with_the_most_entries_is_cut_off_first(listed, room):
    cuts = compose_deny_document(listed, CutOffs(), NOW, room).cut_offs
    everybody = compose_deny_document(listed, CutOffs(), NOW, 10**6)
    assert everybody.cut_offs == CutOffs()
    counts = Counter(each.unit for each in listed if each.until > NOW)
    room -= operators_share(room)
    if len(everybody.text) <= room:
        assert cuts == CutOffs()
    elif cuts.role is None:
        assert cuts.units
        spared = [count for unit, count in counts.items() if unit not in cuts.units]
        assert min(counts[unit] for unit in cuts.units) >= max(spared, default=0)
        assert set(cuts.units.values()) == {NOW + IN_FLIGHT_SECONDS}
        last = min(cuts.units, key=lambda unit: (counts[unit], [-ord(each) for each in unit]))
        fewer = CutOffs(None, {unit: cut for unit, cut in cuts.units.items() if unit != last})
        assert len(compose_deny_document(listed, fewer, NOW, 10**6).text) > room
    else:
        assert cuts == CutOffs(NOW + IN_FLIGHT_SECONDS)


FLOOD = "local.flood"


def test_end_02_the_later_of_two_cut_offs_counts():
    assert CutOffs(NOW, {FLOOD: NOW + 1}).until(FLOOD) == NOW + 1
    assert CutOffs(NOW + 1, {FLOOD: NOW}).until(FLOOD) == NOW + 1
    assert CutOffs(NOW + 1, {FLOOD: NOW}).at(NOW + 2) == CutOffs(NOW + 1)


def test_end_02_the_capacity_is_measured():
    assert compose_deny_document(many(CAPACITY), CutOffs(), NOW, ROLE_POLICY_LIMIT).cut_offs == CutOffs()
    assert compose_deny_document(many(CAPACITY + 1), CutOffs(), NOW, ROLE_POLICY_LIMIT).cut_offs == CutOffs(
        None, {FLOOD: NOW + IN_FLIGHT_SECONDS}
    )


def test_end_02_a_flood_of_one_unit_ends_only_its_own_sessions():
    other = DenyEntry("g-other", NOW, NOW + 900, "local.other")
    text = compose_deny_document([*many(10_000), other], CutOffs(), NOW, ROLE_POLICY_LIMIT).text
    assert session_denied(text, named(1), FLOOD, NOW)
    assert session_denied(text, "g-of-the-same-unit", FLOOD, NOW)
    assert not session_denied(text, "g-later", FLOOD, NOW + IN_FLIGHT_SECONDS + 1)
    assert session_denied(text, "g-other", "local.other", NOW)
    assert not session_denied(text, "g-victim", "local.other", NOW)
    assert len(text) < 500


def test_end_02_too_many_units_cut_off_the_whole_role():
    crowd = [each._replace(unit=f"local.{number:0>50}") for number, each in enumerate(many(CAPACITY + 1))]
    document = compose_deny_document(crowd, CutOffs(), NOW, ROLE_POLICY_LIMIT)
    assert document.cut_offs == CutOffs(NOW + IN_FLIGHT_SECONDS)
    assert session_denied(document.text, "g-victim", "local.other", NOW)


def test_end_02_a_cut_off_empties_the_list_and_lasts_as_long_as_sessions():
    cuts = compose_deny_document(many(CAPACITY + 1), CutOffs(), NOW, ROLE_POLICY_LIMIT).cut_offs
    cut = NOW + IN_FLIGHT_SECONDS
    later = DenyEntry("g-later", cut + 1, cut + 900, FLOOD)
    document = compose_deny_document([*many(CAPACITY + 1), later], cuts, cut + 1, ROLE_POLICY_LIMIT)
    assert denied(document.text) == {"g-later"}
    assert json.loads(document.text)["Statement"][-1]["Condition"] == {
        "StringEquals": {"aws:PrincipalTag/unit": [FLOOD]},
        "DateLessThanEquals": {"aws:TokenIssueTime": "2026-11-24T12:01:00Z"},
    }
    for each in (cuts, CutOffs(cut)):
        assert compose_deny_document([], each, cut + MAX_STS_SESSION_SECONDS - 1, ROLE_POLICY_LIMIT).cut_offs == each
        assert compose_deny_document([], each, cut + MAX_STS_SESSION_SECONDS, ROLE_POLICY_LIMIT).text == ""


def test_end_02_an_unit_that_floods_again_is_cut_off_again():
    cuts = CutOffs(None, {FLOOD: NOW})
    again = many(CAPACITY + 1, ended_at=NOW + 100, until=NOW + 2000)
    document = compose_deny_document(again, cuts, NOW + 100, ROLE_POLICY_LIMIT)
    assert document.cut_offs == CutOffs(None, {FLOOD: NOW + 100 + IN_FLIGHT_SECONDS})
    assert document.cut_offs.since(cuts) == document.cut_offs
    assert document.cut_offs.since(document.cut_offs).last is None


@pytest.mark.parametrize("cuts", [CutOffs(NOW), CutOffs(None, {FLOOD: NOW})])
def test_end_02_an_issue_in_flight_at_the_cut_off_stays_denied(cuts):
    on_its_way = DenyEntry("g-a", NOW - IN_FLIGHT_SECONDS + 1, NOW + 900, FLOOD)
    assert denied(compose_deny_document([on_its_way], cuts, NOW + 1, ROLE_POLICY_LIMIT).text) == {"g-a"}


@pytest.mark.parametrize(("after", "listed"), [(CLOCK_SKEW_SECONDS - 1, {GRANT.id}), (CLOCK_SKEW_SECONDS, set())])
def test_end_02_an_entry_is_pruned_once_the_session_is_over(after: int, listed: set[str]):
    entry = DenyEntry(GRANT.id, NOW, GRANT.expires_at + CLOCK_SKEW_SECONDS, GRANT.unit)
    assert denied(compose_deny_document([entry], CutOffs(), GRANT.expires_at + after, ROLE_POLICY_LIMIT).text) == listed
