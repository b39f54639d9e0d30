"""A list that is too long keeps a share of each owner's entries."""

from collections import Counter

from hypothesis import given, settings
from hypothesis import strategies as st

from jitney.core.review.fair_cut import cut_fairly
from tests.examples import examples


def first(words: str) -> str:
    return words[0]


def test_what_fits_is_kept_whole():
    assert cut_fairly(["a1", "b1", "a2"], first, 3) == ["a1", "b1", "a2"]


def test_rev_12_one_of_everybodys_comes_before_anybodys_second():
    assert cut_fairly(["a1", "a2", "a3", "a4", "b1", "a5", "c1"], first, 4) == ["a1", "a2", "b1", "c1"]


@settings(max_examples=examples(200))
@given(st.lists(st.sampled_from("abcd")), st.integers(0, 9))
def test_rev_12_no_owner_loses_an_entry_while_another_has_two_more(owners: list[str], most: int):
    listed = list(enumerate(owners))
    kept = cut_fairly(listed, lambda each: each[1], most)
    assert (kept, len(kept)) == (sorted(kept), min(most, len(listed)))
    had, has = Counter(owners), Counter(owner for _, owner in kept)
    for owner in had:
        assert has[owner] == had[owner] or has[owner] >= max(has.values(), default=0) - 1
        assert [each for each in kept if each[1] == owner] == [each for each in listed if each[1] == owner][
            : has[owner]
        ]
