"""Text that reviewers of a change do not see as Jitney reads it, in jitney.yaml, policies and cases (row POL 2)."""

import pytest

from jitney.configuration.hidden_text import escaped_character, hidden_text
from jitney.configuration.load import ConfigurationError
from jitney.configuration.names import Names
from jitney.configuration.policies import read_policies
from jitney.configuration.policy_table import cases_in
from jitney.configuration.yaml_source import read
from tests.configuration.test_load import compiled, valid, write_policies

__all__ = ["compiled"]  # a fixture

RULE = '@id("a") permit (principal, action, resource);'
HIDING = [
    # The character, and its name in the problem.
    ("\r", "a control character (U+000D)"),
    ("\x0b", "a control character (U+000B)"),
    ("\x0c", "a control character (U+000C)"),
    ("\x1b", "a control character (U+001B)"),
    ("\x85", "a control character (U+0085)"),
    ("\u2028", "LINE SEPARATOR (U+2028)"),
    ("\u2029", "PARAGRAPH SEPARATOR (U+2029)"),
    ("\u202e", "RIGHT-TO-LEFT OVERRIDE (U+202E)"),
    ("\u2066", "LEFT-TO-RIGHT ISOLATE (U+2066)"),
    ("\u200f", "RIGHT-TO-LEFT MARK (U+200F)"),
    ("\U000e0041", "TAG LATIN CAPITAL LETTER A (U+E0041)"),
    ("\U000e0100", "VARIATION SELECTOR-17 (U+E0100)"),
]


@pytest.mark.parametrize(("character", "named"), HIDING, ids=[row[1] for row in HIDING])
@pytest.mark.parametrize("before", ["// a comment:", '@advice("', "permit // "])
def test_pol_02_a_policy_has_no_character_that_hides_text(tmp_path, character, named, before):
    write_policies(tmp_path / "p", "")
    (tmp_path / "p" / "a.cedar").write_bytes(f"{RULE}\n{before}{character}{RULE}\n".encode())
    _, problems = read_policies(tmp_path / "p", Names())
    assert [each.place.rpartition("p/")[2] for each in problems] == [f"a.cedar:2:{len(before) + 1}"]
    assert problems[0].wrong == f"{named} can hide text from the people who review this file"


@pytest.mark.parametrize("character", ["\r", "\x85", "\u2028", "\u202e", "\U000e0041"])
def test_pol_02_a_comment_of_jitney_yaml_hides_no_setting(compiled, character):
    """YAML ends a line at some characters that editors show as nothing."""
    text = f"version: 1\n# nothing{character}operators: []\n"
    with pytest.raises(ConfigurationError) as refused:
        compiled(text)
    (problem,) = refused.value.problems
    assert (problem.line, "can hide text" in problem.wrong) == (2, True)


def test_pol_02_a_comment_of_a_table_hides_no_case(tmp_path):
    (tmp_path / "tests.yaml").write_bytes(b"# nothing\rcases: []\n")
    with pytest.raises(ConfigurationError, match="can hide text"):
        cases_in(tmp_path / "tests.yaml", {})


@pytest.mark.parametrize(("blanks", "found"), [(" " * 100, 1), (" " * 99, 0), ("\t" * 100, 1), (" \t" * 50, 1)])
def test_pol_02_no_text_follows_far_to_the_right(blanks, found):
    text = f"a: 1\nb: [x,{blanks}y]\n"
    assert [each[:2] for each in hidden_text(text)] == [(2, 7 + len(blanks))] * found
    assert len(read(text, {}).problems) == found


@pytest.mark.parametrize(
    "text", ["a\tb", "a\r\nb\r\n", f"a{' ' * 300}\n", f"a{' ' * 300}\r\n", "# \u26a0\ufe0f caf\u00e9\u00a0!"]
)
def test_text_that_hides_nothing_is_read(text):
    assert list(hidden_text(text)) == []


def test_a_byte_order_mark_and_line_ends_of_windows_are_read(tmp_path):
    write_policies(tmp_path / "p", RULE + "\n")
    plain, _ = read_policies(tmp_path / "p", Names())
    (tmp_path / "p" / "a.cedar").write_bytes(b"\xef\xbb\xbf" + f"{RULE}\r\n".encode())
    assert read_policies(tmp_path / "p", Names()) == (plain, [])
    assert read("\ufeffa: 1\r\n", {}).value == {"a": "1"}


@pytest.mark.parametrize("written", [r"\u{61}", r"\x61", r"\u{1F600}"])
@pytest.mark.parametrize(
    "rule",
    [
        '@id("aX") permit (principal, action, resource);',
        '@id("a") @advice("X") permit (principal, action, resource);',
        '@id("a") permit (principal, action, resource) when { resource.arn like "arn:aws:s3:::bX/*" };',
    ],
)
def test_pol_02_no_character_of_a_policy_is_written_by_its_number(tmp_path, written, rule):
    write_policies(tmp_path / "p", rule.replace("X", written))
    _, problems = read_policies(tmp_path / "p", Names())
    assert [each.fix for each in problems] == ["write the character itself"]
    assert f"written as {written}" in problems[0].wrong


@pytest.mark.parametrize("quoted", [r'"a\\u{61}"', r'"\*"', r'"\""', r'"\n"', '"u{61}"', ""])
def test_other_escapes_are_accepted(quoted):
    assert escaped_character(quoted) == ""


def test_valid_documents_stay_valid(compiled):
    assert compiled(valid()).operators is not None
