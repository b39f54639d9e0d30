"""Full deny documents: written in one pass, with ranges of ids, and with room for operators (END 2, END 6)."""

import heapq
import json
import sys
from collections import Counter
from collections.abc import Collection, Iterable
from random import Random
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from jitney.core.access.cut_offs import CutOffs
from jitney.core.access.deny_document import (
    CLOCK_SKEW_SECONDS,
    IN_FLIGHT_SECONDS,
    ROLE_POLICY_LIMIT,
    UNKNOWN_UNIT,
    WHOLE_ROLE,
    DenyDocument,
    DenyEntry,
    TagDenial,
    compose_deny_document,
    most_names,
    operators_share,
    short_deny_document,
)
from jitney.core.access.id_ranges import (
    OLDEST_SECONDS,
    SETTLED_SECONDS,
    STEP_SECONDS,
    IdCover,
    cheapest_cover,
    dated_id,
    is_fresh,
)
from jitney.core.times import iso
from tests.core.access.test_denial import CAPACITY, cut_offs, denials, denied, many, named, session_denied
from tests.examples import examples
from tests.fakes import NOW


def slow_document(entries: Iterable[DenyEntry], cut_offs: CutOffs, now: int, room: int) -> DenyDocument:
    """Return the document by its definition: write it again after each unit that is cut off."""
    live = sorted(each for each in entries if each.until > now)
    cuts = cut_offs.at(now)
    moment = max(now + IN_FLIGHT_SECONDS, cuts.last or 0)

    def listed() -> list[DenyEntry]:
        found = ((each, cuts.until(each.unit)) for each in live)
        return [each for each, cut in found if cut is None or each.ended_at + IN_FLIGHT_SECONDS > cut]

    def text() -> str:
        names = [each.grant_id for each in listed()]
        conditions: list[dict[str, Any]] = [{"StringEquals": {"aws:PrincipalTag/grant": names}}] if names else []
        for cut in sorted(set(cuts.units.values())):
            units = sorted(unit for unit, until in cuts.units.items() if until == cut)
            ended = {"DateLessThanEquals": {"aws:TokenIssueTime": iso(cut)}}
            conditions.append({"StringEquals": {"aws:PrincipalTag/unit": units}, **ended})
        if cuts.role is not None:
            conditions.append({"DateLessThanEquals": {"aws:TokenIssueTime": iso(cuts.role)}})
        statements = [{"Effect": "Deny", "Action": "*", "Resource": "*", "Condition": each} for each in conditions]
        document = {"Version": "2012-10-17", "Statement": statements}
        return json.dumps(document, separators=(",", ":")) if statements else ""

    def fits() -> bool:
        share = operators_share(room)
        by_operators = sum(len(each.grant_id) + 3 for each in listed() if each.by_operator)
        return len(text()) <= room - share + min(share, by_operators)

    counts = Counter(each.unit for each in listed())
    for unit in sorted(counts, key=lambda each: (-counts[each], each)):
        if fits():
            break
        cuts = cuts._replace(units={**cuts.units, unit: moment})
    if not fits():
        cuts = CutOffs(moment)
    return DenyDocument(text(), cuts)


def some_by_operators(entries: list[DenyEntry], one_in: int) -> list[DenyEntry]:
    return [each._replace(by_operator=number % one_in == 0) for number, each in enumerate(entries)]


@settings(max_examples=examples(100), deadline=None)
@given(denials(), cut_offs, st.integers(600, ROLE_POLICY_LIMIT), st.sampled_from([1, 2, 7, 10**9]))
def test_end_06_one_pass_composes_what_the_definition_says(listed, earlier, room, one_in):
    entries = some_by_operators(listed, one_in)
    assert compose_deny_document(entries, earlier, NOW, room) == slow_document(entries, earlier, NOW, room)


@settings(max_examples=examples(100), deadline=None)
@given(denials(), st.integers(100, ROLE_POLICY_LIMIT), st.sampled_from([1, 2, 10**9]), st.booleans())
def test_end_06_a_document_of_ids_alone_is_the_one_of_the_entries(listed, room, one_in, suspended):
    live = [each for each in some_by_operators(listed, one_in) if each.until > NOW]
    standing = [TagDenial("agent", "corp.*", NOW)] if suspended else []
    short = short_deny_document([each.grant_id for each in live], room, standing)
    whole = compose_deny_document(live, CutOffs(), NOW, room, standing=standing)
    assert short in (None, whole)
    assert short is None or (short.cut_offs.last is None and len(live) <= most_names(room))
    if len(whole.text) <= room - operators_share(room) and whole.cut_offs.last is None:
        assert short == whole


def test_end_06_ids_alone_never_take_the_operators_share():
    ids = [each.grant_id for each in many(CAPACITY + 1)]
    assert short_deny_document(ids[:-1], ROLE_POLICY_LIMIT, ()) == compose_deny_document(
        many(CAPACITY), CutOffs(), NOW, ROLE_POLICY_LIMIT
    )
    assert short_deny_document(ids, ROLE_POLICY_LIMIT, ()) is None


@settings(max_examples=examples(50), deadline=None)
@given(st.integers(1, 40), st.integers(600, 3000), st.integers(0, 2**32))
def test_end_06_one_pass_composes_the_same_of_many_small_units(longest, room, seed):
    random = Random(seed)
    units = [f"corp.{'x' * random.randrange(longest)}{number}" for number in range(120)]
    entries = [DenyEntry(named(number), NOW, NOW + 900, random.choice(units)) for number in range(200)]
    earlier = CutOffs(None, {unit: NOW - random.randrange(3) for unit in random.sample(units, 5)})
    assert compose_deny_document(entries, earlier, NOW, room) == slow_document(entries, earlier, NOW, room)


@settings(max_examples=examples(50), deadline=None)
@given(denials(), st.integers(600, ROLE_POLICY_LIMIT), st.integers(1, 30))
def test_end_06_an_end_by_a_clock_ahead_is_denied_and_cuts_off_no_more(listed, room, ahead):
    entries = [each._replace(ended_at=each.ended_at + ahead) for each in listed]
    document = compose_deny_document(entries, CutOffs(), NOW, room)
    assert len(document.text) <= room
    assert len(document.cut_offs.units) <= len(compose_deny_document(listed, CutOffs(), NOW, room).cut_offs.units)
    for each in entries[:20]:
        if each.until > NOW:
            assert session_denied(document.text, each.grant_id, each.unit, each.ended_at + IN_FLIGHT_SECONDS)


@pytest.mark.parametrize("others", [0, 1, 200])
def test_end_06_grants_of_an_unknown_unit_are_denied_also_when_the_document_is_full(others: int):
    """No session has the unknown unit, so a cut-off of it would deny nothing."""
    unknown = [DenyEntry(named(number), NOW, NOW + 900, UNKNOWN_UNIT) for number in range(CAPACITY + 1)]
    known = [DenyEntry(named(10**6 + number), NOW, NOW + 900, "local.flood") for number in range(others)]
    document = compose_deny_document([*unknown, *known], CutOffs(), NOW, ROLE_POLICY_LIMIT)
    assert UNKNOWN_UNIT not in document.cut_offs.units
    for each in (*unknown, *known):
        assert session_denied(document.text, each.grant_id, "local.real", NOW)


def test_end_06_the_work_grows_with_the_entries_and_no_faster():
    few, many_more = (_calls([each._replace(unit=f"corp.{each.grant_id}") for each in many(n)]) for n in (500, 5000))
    assert few > 500
    assert many_more < 11 * few


def _calls(entries: list[DenyEntry]) -> int:
    """Return how many functions a composition calls. This measure of work is the same each time."""
    count = 0

    def counting(_frame: Any, event: str, _argument: Any) -> None:
        nonlocal count
        count += event in ("call", "c_call")

    sys.setprofile(counting)
    try:
        document = compose_deny_document(entries, CutOffs(), NOW, 2000)
    finally:
        sys.setprofile(None)
    assert document.cut_offs.role
    return count


class TestOperators:
    def full(self) -> list[DenyEntry]:
        """Return as many entries as fit, of as many units."""
        return [each._replace(unit=f"corp.{number}") for number, each in enumerate(many(CAPACITY))]

    def test_end_07_an_operator_revokes_in_a_full_document_and_cuts_no_unit_off(self):
        full = self.full()
        mine = [DenyEntry(f"g-operator{number:06}", NOW, NOW + 900, "corp.x", by_operator=True) for number in range(50)]
        document = compose_deny_document([*full, *mine], CutOffs(), NOW, ROLE_POLICY_LIMIT)
        assert document.cut_offs == CutOffs()
        assert {each.grant_id for each in mine} <= denied(document.text)
        others = [each._replace(by_operator=False) for each in mine]
        assert compose_deny_document([*full, *others[:1]], CutOffs(), NOW, ROLE_POLICY_LIMIT).cut_offs.last

    def test_end_07_more_than_their_share_is_denied_too(self):
        mine = [each._replace(by_operator=True) for each in many(2000)]
        document = compose_deny_document(mine, CutOffs(), NOW, ROLE_POLICY_LIMIT)
        assert session_denied(document.text, mine[-1].grant_id, mine[-1].unit, NOW)
        assert len(document.text) <= ROLE_POLICY_LIMIT


def matches(pattern: str, value: str) -> bool:
    return value.startswith(pattern[:-1]) if pattern.endswith("*") else value == pattern


def tag_denied(text: str, **tags: str) -> bool:
    """Return whether IAM denies a session with these tags, issued long after the document was written."""
    for each in json.loads(text)["Statement"] if text else []:
        wanted = each["Condition"].get("StringLike", {})
        if set(each["Condition"]) == {"StringLike"} and all(
            any(matches(pattern, tags[key.rpartition("/")[2]]) for pattern in patterns)
            for key, patterns in wanted.items()
        ):
            return True
    return False


TAGS = {"grant": named(1), "agent": "corp.reader", "unit": "corp.repository:1", "human": "people.dora"}


class TestStanding:
    @pytest.mark.parametrize(
        ("denial", "other"),
        [
            (TagDenial("agent", "corp.reader"), {"agent": "corp.reader2"}),
            (TagDenial("agent", "corp.*"), {"agent": "corporation.reader"}),
            (TagDenial("unit", "corp.repository:1"), {"unit": "corp.repository:12"}),
            (TagDenial("human", "people.dora"), {"human": ""}),
            (WHOLE_ROLE, None),
        ],
    )
    def test_end_08_sessions_with_the_tag_are_denied_and_no_others(self, denial: TagDenial, other: Any):
        standing = [denial, TagDenial("human", "people.erin")]
        document = compose_deny_document(many(3), CutOffs(), NOW, ROLE_POLICY_LIMIT, standing=standing)
        assert tag_denied(document.text, **TAGS)
        assert other is None or not tag_denied(document.text, **TAGS | other)
        assert {each.grant_id for each in many(3)} <= denied(document.text)
        assert compose_deny_document([], CutOffs(), NOW, ROLE_POLICY_LIMIT, standing=[denial]).cut_offs == CutOffs()

    def test_end_08_a_flood_of_releases_pushes_no_suspension_out(self):
        standing = [TagDenial("agent", f"corp.agent-{number}") for number in range(20)]
        document = compose_deny_document(many(3000), CutOffs(), NOW, ROLE_POLICY_LIMIT, standing=standing)
        assert all(tag_denied(document.text, **TAGS | {"agent": each.pattern}) for each in standing)
        assert len(document.text) <= ROLE_POLICY_LIMIT

    def test_end_08_too_many_suspensions_deny_the_whole_role(self):
        standing = [TagDenial("agent", f"corp.{number:060}") for number in range(500)]
        document = compose_deny_document(many(3), CutOffs(), NOW, ROLE_POLICY_LIMIT, standing=standing)
        assert tag_denied(document.text, **TAGS)
        assert len(document.text) <= ROLE_POLICY_LIMIT


def ids(count: int, at: int, seed: int = 0) -> list[str]:
    random = Random(seed)
    return [dated_id(named(random.randrange(2**70)), at) for _ in range(count)]


def range_denies(cover: IdCover, grant_id: str) -> bool:
    """Return whether IAM denies the session of a grant by a document with this cover."""
    ranged = any(matches(pattern, grant_id) for pattern in cover.ranges)
    return grant_id in cover.names or (ranged and grant_id not in cover.exceptions)


@settings(max_examples=examples(100), deadline=None)
@given(
    st.lists(st.tuples(st.integers(0, 70_000), st.integers(1, 30), st.booleans()), max_size=30),
    st.integers(0, 2**33),
    st.integers(0, SETTLED_SECONDS),
)
def test_end_02_ranges_deny_every_ended_grant_and_no_other(groups, now, late):
    ended: set[str] = set()
    going: set[str] = set()
    for number, (age, count, over) in enumerate(groups):
        (ended if over else going).update(ids(count, now + 70_000 - age, seed=number))
    now += 70_000
    cover = cheapest_cover(ended, going, now)
    assert all(range_denies(cover, each) for each in ended)
    assert not any(range_denies(cover, each) for each in going - ended)
    # A grant that is opened later, also by a function that began before the document was composed.
    for moment in (now - late, now, now + 1, now + 3600):
        assert not any(range_denies(cover, each) for each in ids(5, moment, seed=-1))
    assert sum(len(name) + 3 for each in cover for name in each) <= 19 * len(ended)


def test_end_06_an_id_says_when_in_its_first_characters():
    assert dated_id("g-zzzzzzzzzzzzzz", 0) == "g-aaazzzzzzzzzzz"
    assert dated_id("g-zzzzzzzzzzzzzz", 2 * 33 + 1) == "g-abbzzzzzzzzzzz"
    period = STEP_SECONDS * 32**3
    assert dated_id("g-zzzzzzzzzzzzzz", NOW) == dated_id("g-zzzzzzzzzzzzzz", NOW + period)
    assert period > 2 * OLDEST_SECONDS


@pytest.mark.parametrize(("age", "fresh"), [(0, True), (2, True), (4, False), (15, False), (3600, False), (-2, False)])
def test_end_02_an_id_is_fresh_for_two_steps(age, fresh):
    now = 2 * (NOW // 2)
    assert is_fresh(dated_id("g-zzzzzzzzzzzzzz", now - age), now) is fresh


def test_end_06_a_whole_range_without_open_grants_takes_few_characters():
    ended = [each for age in range(40, 1000) for each in ids(20, NOW - age, seed=age)]
    cover = cheapest_cover(ended, (), NOW)
    assert (cover.names, cover.exceptions) == ([], [])
    assert len(cover.ranges) < 100


def test_end_06_a_range_that_is_not_cheaper_is_not_used():
    ended, going = ids(3, NOW - 100), ids(3, NOW - 100, seed=1)
    cover = cheapest_cover(ended, going, NOW)
    assert (sorted(cover.names), list(cover.ranges)) == (sorted(ended), [])


def test_end_06_the_open_grants_are_spared_in_the_document():
    going = ids(5, NOW - 100, seed=1)
    ended = [DenyEntry(each, NOW, NOW + 900, "corp.a") for each in ids(1000, NOW - 100)]
    document = compose_deny_document(ended, CutOffs(), NOW, ROLE_POLICY_LIMIT, open_grants=going)
    assert document.cut_offs == CutOffs()
    (statement,) = json.loads(document.text)["Statement"]
    key = "aws:PrincipalTag/grant"
    (pattern,) = statement["Condition"]["StringLike"][key]
    assert going[0].startswith(pattern[:-1])
    assert statement["Condition"]["StringNotEquals"] == {key: sorted(going)}
    assert denies_exactly(document.text, [each.grant_id for each in ended], going)


@pytest.mark.parametrize("seconds_held", [1, 10, 30])
def test_end_06_twenty_ends_a_second_cut_no_unit_off(seconds_held: int):
    """One unit makes twenty requests and twenty releases a second for ten minutes.

    Each grant is for fifteen minutes.
    """
    random = Random(1)
    releases: list[tuple[float, str]] = []
    going: dict[str, int] = {}
    entries: list[DenyEntry] = []
    for second in range(600):
        now = NOW + second
        for grant_id in ids(20, now, seed=second):
            going[grant_id] = now
            heapq.heappush(releases, (now + random.expovariate(1 / seconds_held), grant_id))
        while releases and releases[0][0] <= now:
            _, grant_id = heapq.heappop(releases)
            entries.append(DenyEntry(grant_id, now, going.pop(grant_id) + 900 + CLOCK_SKEW_SECONDS, "corp.a"))
        if second % 30 == 29:
            document = compose_deny_document(entries, CutOffs(), now, ROLE_POLICY_LIMIT, open_grants=going)
            assert document.cut_offs == CutOffs(), second
            assert denies_exactly(document.text, [each.grant_id for each in entries], going)
    assert len(entries) > 10_000


def denies_exactly(text: str, ended: Collection[str], going: Collection[str]) -> bool:
    conditions = [each["Condition"] for each in json.loads(text)["Statement"]]
    key = "aws:PrincipalTag/grant"
    cover = IdCover(
        {name for each in conditions for name in each.get("StringEquals", {}).get(key, [])},
        [name for each in conditions for name in each.get("StringLike", {}).get(key, [])],
        {name for each in conditions for name in each.get("StringNotEquals", {}).get(key, [])},
    )
    return all(range_denies(cover, each) for each in ended) and not any(range_denies(cover, each) for each in going)
