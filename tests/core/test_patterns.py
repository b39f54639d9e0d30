import itertools
import re

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from jitney.core.patterns import (
    MAX_STEPS,
    Budget,
    PatternTooComplex,
    Wildcard,
    compile_pattern,
    covers,
    match_classes,
    patterns_intersect,
    wildcard_pattern,
)
from tests.examples import examples

ALPHABET = "ab:"
WORDS = [""] + ["".join(word) for size in range(1, 6) for word in itertools.product("ab:/x", repeat=size)]
patterns = st.text(ALPHABET + "*?", max_size=5)


def regex(pattern: str) -> re.Pattern[str]:
    """Return an independent reading of the same wildcards."""
    return re.compile("".join({"*": ".*", "?": "."}.get(c, re.escape(c)) for c in pattern), re.DOTALL)


def _intersect(one: str, other: str) -> bool:
    return patterns_intersect(wildcard_pattern(one), wildcard_pattern(other))


def words(pattern: str) -> set[str]:
    match = regex(pattern).fullmatch
    return {word for word in WORDS if match(word)}


@given(patterns, st.text(ALPHABET + "x/", max_size=8))
def test_a_pattern_matches_what_the_same_regular_expression_matches(pattern, text):
    assert wildcard_pattern(pattern).matches(text) == bool(regex(pattern).fullmatch(text))


@settings(max_examples=examples(400))
@given(patterns, patterns)
def test_pol_03_two_patterns_intersect_exactly_when_a_text_matches_both(one, other):
    # A shortest common text has at most as many characters as both patterns, so the words include it.
    common = words(one) & words(other)
    if common or len(one) + len(other) <= 5:
        assert _intersect(one, other) == bool(common)
    assert _intersect(one, other) == _intersect(other, one)


@settings(max_examples=examples(400))
@given(patterns, patterns)
def test_pol_03_a_pattern_covers_another_exactly_when_no_text_of_it_is_missing(outer, inner):
    missing = words(inner) - words(outer)
    if missing or len(outer) + len(inner) <= 5:
        assert covers(outer, inner) == (not missing)


tokens = st.lists(st.sampled_from(["a", ":", *Wildcard]), max_size=5)
TOKENS = {Wildcard.ONE: ".", Wildcard.RUN: ".*", Wildcard.SEGMENT: "[^:]*", Wildcard.NAME: "[^:/]*"}


@settings(max_examples=examples(300))
@given(tokens, st.lists(tokens, min_size=1, max_size=3))
def test_pol_03_the_match_classes_are_all_ways_a_text_can_match(asked, others):
    found = match_classes(compile_pattern(asked), [compile_pattern(other) for other in others])
    regexes = [
        re.compile("".join(TOKENS.get(token, token) for token in pattern), re.DOTALL) for pattern in (asked, *others)
    ]
    for verdict, text in found.items():
        assert regexes[0].fullmatch(text)
        assert verdict == tuple(bool(regex.fullmatch(text)) for regex in regexes[1:])
    ways = {tuple(bool(regex.fullmatch(word)) for regex in regexes[1:]) for word in WORDS if regexes[0].fullmatch(word)}
    assert ways <= set(found)


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
def test_pol_03_arns_intersect(asked, named, expected):
    assert _intersect(asked, named) is expected


FORMATS = {  # formats, and their texts with names that consist of the character x only
    (Wildcard.SEGMENT, ":", Wildcard.RUN): "[^:]*:x+",
    (Wildcard.RUN, ":", Wildcard.RUN): "x+:x+",
    ("a:", Wildcard.NAME, "/", Wildcard.RUN): "a:x+/x+",
    ("a", Wildcard.SEGMENT, ":b"): "a[^:]*:b",
    (":", Wildcard.SEGMENT, Wildcard.RUN): ":[^:]*x+",
}


@settings(max_examples=examples(400))
@given(st.text(ALPHABET + "/*?", max_size=6), st.sampled_from([*FORMATS]))
def test_pol_05_a_pattern_covers_any_name_exactly_when_it_matches_unknown_characters(text, parts):
    format_ = re.compile(FORMATS[parts])
    found = any(format_.fullmatch(word) for word in words(text))
    # As above: a shortest text has at most as many characters as the pattern and the format together.
    if found or len(text) <= 3:
        assert wildcard_pattern(text).covers_any_name(parts, Budget(MAX_STEPS)) == found


def test_runs_that_stop_at_separators():
    bucket = compile_pattern(["arn:", Wildcard.SEGMENT, ":s3:::", Wildcard.NAME])
    assert bucket.matches("arn:aws:s3:::reports")
    assert not bucket.matches("arn:aws:s3:::reports/key")
    assert not bucket.matches("arn:aws:x:s3:::reports")
    assert not bucket.matches("arn:aws:s3:::reports:x")


def test_pol_03_slow_patterns_are_given_up():
    with pytest.raises(PatternTooComplex):
        _intersect("*a" + "?" * 30, "*b" + "?" * 29)


def test_pol_03_too_many_match_classes_are_given_up():
    with pytest.raises(PatternTooComplex):
        match_classes(wildcard_pattern("*"), [wildcard_pattern(f"*{letter}*") for letter in "abcdefg"])


@pytest.mark.parametrize("named", ["x", "xyzabcdefghijklmnopqrstuvw0123456789-_"])
def test_pol_03_some_character_is_never_named_by_a_pattern(named):
    found = match_classes(wildcard_pattern("?"), [compile_pattern([letter]) for letter in named])
    assert len(found) == len(named) + 1
    assert (False,) * len(named) in found
