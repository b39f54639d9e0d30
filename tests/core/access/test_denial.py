import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from core.access.credentials import LONGEST_SECONDS
from core.access.denial import CLOCKS_SECONDS, LIMIT, SETTLE_SECONDS, Denial, compose, denial
from tests.fakes import GRANT, NOW

LETTERS = "abcdefghijklmnopqrstuvwxyz234567"
CAPACITY = 531


def named(number: int) -> str:
    digits = [LETTERS[number >> shift & 31] for shift in range(65, -1, -5)]
    return f"g-{''.join(digits)}"


def many(count: int, *, ended_at: int = NOW, until: int = NOW + 900) -> list[Denial]:
    return [Denial(named(number), ended_at, until) for number in range(count)]


def denied(text: str) -> set[str]:
    statements = json.loads(text)["Statement"] if text else []
    conditions = [each["Condition"].get("StringEquals", {}) for each in statements]
    return {name for each in conditions for name in each.get("aws:PrincipalTag/grant", [])}


def test_end_01_a_document_denies_everything_to_each_listed_grant():
    text = compose(many(2), None, NOW, LIMIT).text
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


denials = st.lists(
    st.builds(
        lambda number, ended, lasts: Denial(named(number), NOW - ended, NOW - ended + lasts),
        st.integers(0, 2**20),
        st.integers(0, 4000),
        st.integers(1, 3700),
    ),
    unique_by=lambda each: each.grant_id,
    max_size=700,
)


@given(denials, st.integers(300, LIMIT), st.randoms())
def test_end_02_exactly_the_unexpired_are_denied_or_the_whole_role_is_cut_off(listed, room, random):
    document = compose(listed, None, NOW, room)
    live = {each.grant_id for each in listed if each.until > NOW}
    if document.cut_off_at is None:
        assert denied(document.text) == live
    else:  # whatever was issued to any of them is older than the cut-off
        assert document.cut_off_at >= max(each.ended_at for each in listed) + SETTLE_SECONDS
        assert len(compose(listed, None, NOW, 10**6).text) > room
    assert len(document.text) <= room
    shuffled = random.sample(listed, len(listed))
    assert compose(shuffled, None, NOW, room) == document


def test_end_02_the_capacity_is_measured():
    assert compose(many(CAPACITY), None, NOW, LIMIT).cut_off_at is None
    assert compose(many(CAPACITY + 1), None, NOW, LIMIT).cut_off_at == NOW + SETTLE_SECONDS


def test_end_02_after_a_cut_off_the_list_starts_anew_and_the_cut_lasts_as_long_as_sessions():
    cut = compose(many(CAPACITY + 1), None, NOW, LIMIT).cut_off_at
    assert cut == NOW + SETTLE_SECONDS
    later = Denial("g-later", cut + 1, cut + 900)
    document = compose([*many(CAPACITY + 1), later], cut, cut + 1, LIMIT)
    assert denied(document.text) == {"g-later"}
    assert json.loads(document.text)["Statement"][-1]["Condition"] == {
        "DateLessThanEquals": {"aws:TokenIssueTime": "2026-11-24T12:01:00Z"}
    }
    assert compose([], cut, cut + LONGEST_SECONDS - 1, LIMIT).cut_off_at == cut
    assert compose([], cut, cut + LONGEST_SECONDS, LIMIT).text == ""


def test_end_02_an_issue_on_its_way_at_the_cut_off_stays_denied():
    cut = NOW
    on_its_way = Denial("g-a", cut - SETTLE_SECONDS + 1, NOW + 900)
    assert denied(compose([on_its_way], cut, NOW + 1, LIMIT).text) == {"g-a"}


@pytest.mark.parametrize(("after", "listed"), [(CLOCKS_SECONDS - 1, {GRANT.id}), (CLOCKS_SECONDS, set())])
def test_end_02_a_denial_is_pruned_once_the_session_is_over(after: int, listed: set[str]):
    entry = denial(GRANT, NOW)
    assert denied(compose([entry], None, GRANT.expires_at + after, LIMIT).text) == listed
