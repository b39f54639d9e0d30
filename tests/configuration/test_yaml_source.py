"""YAML is read as the text that was written: no guesses, no duplicates, and variables from the environment."""

import pytest
import yaml
from hypothesis import assume, given
from hypothesis import strategies as st

from jitney.configuration.hidden_text import hidden_text
from jitney.configuration.yaml_source import read

KEYS = st.text(st.characters(exclude_categories=["Cs", "Cc"]), min_size=1, max_size=12)
SCALARS = st.text(st.characters(exclude_categories=["Cs", "Cc"]), max_size=20).filter(lambda text: "${" not in text)
DOCUMENTS = st.recursive(SCALARS, lambda inner: st.lists(inner, max_size=4) | st.dictionaries(KEYS, inner, max_size=4))


@given(DOCUMENTS)
def test_values_are_read_as_they_are_written(document):
    text = yaml.safe_dump(document, allow_unicode=True, default_style='"')
    assume(not [*hidden_text(text)])
    source = read(text, {})
    assert source.problems == []
    # An empty document is an empty mapping, and text at the top is text.
    assert source.value == document


@given(st.text(max_size=200))
def test_no_text_raises_an_error(text):
    source = read(text, {})
    assert source.problems or source.value is not None


@pytest.mark.parametrize("scalar", ["no", "012", "1.10", "444455556666", "0x1F", "2026-11-24", "null", "~", "1_000"])
def test_yaml_makes_no_guesses(scalar):
    assert read(f"key: {scalar}", {}).value == {"key": scalar}


@pytest.mark.parametrize(
    ("text", "expanded"),
    [
        ("${A}", "one"),
        ("${A:-other}", "one"),
        ("${MISSING:-other}", "other"),
        ("${EMPTY:-other}", "other"),
        ("${EMPTY}", ""),
        ("${MISSING:-}", ""),
        ("x-${A}-${A}", "x-one-one"),
        ("${MISSING:-https://idp.example.com:8443/a}", "https://idp.example.com:8443/a"),
        ("$A and $ and {A}", "$A and $ and {A}"),
    ],
)
def test_variables_are_expanded(text, expanded):
    source = read(f"list: ['{text}']", {"A": "one", "EMPTY": ""})
    assert source.problems == []
    assert source.value == {"list": [expanded]}


def test_a_value_from_the_environment_stays_a_value():
    source = read("key: ${A}", {"A": "x\nother: injected ${B}"})
    assert source.problems == []
    assert source.value == {"key": "x\nother: injected ${B}"}


@pytest.mark.parametrize("text", ["${A-b}", "${A:=b}", "${1A}", "${}", "${A", "${A:-${B}}", "${A.b}"])
def test_a_malformed_variable_is_a_problem(text):
    (problem,) = read(f'deep: [{{key: "{text}"}}]', {"A": "1", "B": "2"}).problems
    assert problem.path == ("deep", 0, "key")
    assert "not a reference to an environment variable" in problem.wrong
    assert "${NAME:-default}" in problem.fix


def test_an_unset_variable_is_named_with_its_place():
    (problem,) = read("a:\n  b: ${JITNEY_NOT_SET}", {}).problems
    assert (problem.path, problem.wrong) == (("a", "b"), "the environment variable JITNEY_NOT_SET is not set")
    assert "${JITNEY_NOT_SET:-...}" in problem.fix


def test_a_duplicate_key_is_refused_at_any_depth():
    source = read("a:\n  b: 1\n  c: 2\n  b: 3\n", {})
    (problem,) = source.problems
    assert (problem.path, problem.line) == (("a", "b"), 4)
    assert "first in line 2" in problem.wrong


@pytest.mark.parametrize(
    ("text", "wrong"),
    [
        ("a: [1", "not YAML"),
        ("a: 1\n b: 2", "not YAML"),
        ("a: 1\n---\nb: 2", "not YAML"),
        ("\x00", "not YAML"),
        ("a: &x 1\nb: *x", "alias *x"),
        ("a: &x [*x]", "alias *x"),
        ("a: *unknown", "alias *unknown"),
        ("? [1, 2]\n: 3", "a key is not plain text"),
        ("a: !Ref b", "the tag !Ref has no meaning"),
        ("a: !!binary YQ==", "binary has no meaning"),
        ("a: null", "null is YAML's word for no value"),
        ("a: [~]", "~ is YAML's word for no value"),
        ("a:\nb: 1", "it has no value"),
        ("channel: #reviews", "it has no value"),
    ],
)
def test_aliases_tags_and_other_syntax_are_refused(text, wrong):
    assert wrong in read(text, {}).problems[0].wrong


def test_an_object_tag_creates_no_object_and_is_a_problem():
    source = read("a: !!python/object/apply:os.system ['true']", {})
    assert source.value == {"a": ["true"]}
    assert "has no meaning here" in source.problems[0].wrong


@pytest.mark.parametrize("text", ['a: "null"', "a: '~'", 'a: ""', "a: nullable", "a: !!str b"])
def test_text_that_only_resembles_no_value_is_text(text):
    assert read(text, {}).problems == []


@pytest.mark.parametrize(
    ("text", "line", "fix"),
    [
        ("a:\n\tb: 1", 2, "with spaces, not with tabs"),
        ("a: @b", 1, "in quotation marks"),
        ("a: b: c", 1, "in quotation marks, or correct the indentation"),
        ("a: *\nb: 1", 1, 'such as "*"'),
        ("a: [*]", 1, 'such as "*"'),
        ("a:\n  - b\n c: 1", 3, "in the same column"),
        ("a: 1\nb\nc: 2", 3, "a colon and a space"),
        ("a: 1\n---\nb: 2", 2, "remove the line ---"),
        ("a: [b\nc: 1", 2, "close the bracket"),
        ('a: "b', 1, "close the quotation mark"),
        ("a: 1\nb: \x07", 2, "remove the control character"),
        ("a: " + "[" * 60 + "]" * 60, 1, "correct the brackets"),
        ("a: " + "{b: " * 60 + "1" + "}" * 60, 1, "correct the brackets"),
        ("a" * 2_000_001, 0, "name the right file"),
    ],
)
def test_text_that_is_not_yaml_has_its_line_and_a_fix(text, line, fix):
    (problem,) = read(text, {}).problems
    assert fix in problem.fix
    assert problem.line == line
    assert "\n" not in problem.wrong


def test_lines_are_those_of_the_keys():
    lines = read("a: 1\nb:\n  - x\n  - c: 2\n", {}).lines
    assert (lines[("a",)], lines[("b",)], lines[("b", 0)], lines[("b", 1, "c")]) == (1, 2, 3, 4)
