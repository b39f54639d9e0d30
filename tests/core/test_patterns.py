import itertools
import re

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from core.patterns import PatternTooComplex, Wild, cells, compile_pattern, covers, meets, wildcard_pattern

ALPHABET = "ab:"
WORDS = [""] + ["".join(word) for size in range(1, 7) for word in itertools.product("ab:x", repeat=size)]
patterns = st.text(ALPHABET + "*?", max_size=5)


def regex(pattern: str) -> re.Pattern[str]:
    """An independent reading of the same wildcards."""
    return re.compile("".join({"*": ".*", "?": "."}.get(c, re.escape(c)) for c in pattern), re.DOTALL)


def words(pattern: str) -> set[str]:
    match = regex(pattern).fullmatch
    return {word for word in WORDS if match(word)}


@given(patterns, st.text(ALPHABET + "x/", max_size=8))
def test_a_pattern_matches_what_the_same_regular_expression_matches(pattern, text):
    assert wildcard_pattern(pattern).matches(text) == bool(regex(pattern).fullmatch(text))


@settings(max_examples=400)
@given(patterns, patterns)
def test_pol_03_two_patterns_meet_exactly_when_a_text_matches_both(one, other):
    # Two patterns of at most 5 characters have a common text of at most 10, but then one of at most 6 too, unless
    # their literals need more: compare only where the brute force is conclusive.
    common = words(one) & words(other)
    if common or len(one) + len(other) <= 6:
        assert meets(one, other) == bool(common)
    assert meets(one, other) == meets(other, one)


@settings(max_examples=400)
@given(patterns, patterns)
def test_pol_03_a_pattern_covers_another_exactly_when_no_text_of_it_is_missing(outer, inner):
    missing = words(inner) - words(outer)
    if missing or len(outer) + len(inner) <= 5:
        assert covers(outer, inner) == (not missing)


@settings(max_examples=200)
@given(patterns, st.lists(patterns, min_size=1, max_size=3))
def test_pol_03_the_cells_are_all_ways_a_text_can_match(asked, others):
    found = cells(wildcard_pattern(asked), [wildcard_pattern(other) for other in others])
    matchers = [regex(other).fullmatch for other in others]
    for verdict, text in found.items():
        assert regex(asked).fullmatch(text)
        assert verdict == tuple(bool(match(text)) for match in matchers)
    assert {tuple(bool(match(word)) for match in matchers) for word in words(asked)} <= set(found)


@pytest.mark.parametrize(
    ("asked", "named", "expected"),
    [
        ("arn:aws:s3:::b/*", "arn:aws:s3:::b/secret/*", True),
        ("arn:aws:s3:::b/s*", "arn:aws:s3:::b/secret/*", True),
        ("arn:aws:s3:::b/?ecret/x", "arn:aws:s3:::b/secret/*", True),
        ("arn:aws:s3:::*", "arn:aws:s3:::b/secret/*", True),
        ("*", "arn:aws:s3:::b/secret/*", True),
        ("arn:aws:s3:::b/*/x", "arn:aws:s3:::*/secret/*", True),
        ("arn:aws:s3:::b/public/*", "arn:aws:s3:::b/secret/*", False),
        ("arn:aws:s3:::b/Secret/*", "arn:aws:s3:::b/secret/*", False),
        ("arn:aws:s3:::b/secret", "arn:aws:s3:::b/secret/*", False),
        ("arn:aws:dynamodb:*:1:table/x", "arn:aws:dynamodb:us-east-1:*", True),
    ],
)
def test_pol_03_arns_meet(asked, named, expected):
    assert meets(asked, named) is expected


def test_runs_that_stop_at_separators():
    bucket = compile_pattern(["arn:", Wild.SEGMENT, ":s3:::", Wild.NAME])
    assert bucket.matches("arn:aws:s3:::reports")
    assert not bucket.matches("arn:aws:s3:::reports/key")
    assert not bucket.matches("arn:aws:x:s3:::reports")
    assert not bucket.matches("arn:aws:s3:::reports:x")


def test_pol_03_patterns_made_to_be_slow_are_given_up():
    with pytest.raises(PatternTooComplex):
        meets("*a" + "?" * 30, "*b" + "?" * 29)


def test_a_pattern_that_names_every_letter_is_told_from_the_rest():
    letters = "xyzabcdefghijklmnopqrstuvw0123456789-_"
    assert not covers("*[" + letters + "]*", "*")
