"""Rows as CSV with texts by agents and callers: neither a spreadsheet nor a terminal runs anything (REV 19)."""

import csv
import io
import json

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from jitney.core.csv_text import csv_text
from tests.examples import examples

# What a spreadsheet takes for the beginning of a formula; East Asian ones also in full and small width.
SIGNS = "=+-@＝＋－＠﹦﹢﹣﹫"
HOSTILE = st.text(st.sampled_from(SIGNS + "\";,' \t\r\n\x1b\x07\x9b\u202ea1|!"), max_size=12)


def cells(text: str, separator: str) -> list[str]:
    """Return all cells as a spreadsheet with this list separator reads them."""
    return [cell for row in csv.reader(io.StringIO(text, newline=""), delimiter=separator) for cell in row]


@pytest.mark.parametrize("separator", [",", ";", "\t"])
@settings(max_examples=examples(500))
@given(st.lists(st.tuples(HOSTILE, HOSTILE, st.lists(HOSTILE, max_size=2)), min_size=1, max_size=3))
@example([("a", "ok;=cmd|'/c calc'!A1;x", ["b;=1+1"])])
@example([("＝1+1", '"=1', []), ("a", 'b;" "=1', [])])
def test_aud_05_no_csv_cell_is_a_formula_with_any_separator(separator: str, rows: list[tuple[str, ...]]):
    text = csv_text(("who", "why", "actions"), rows)
    assert not [cell for cell in cells(text, separator) if cell.strip(' "').startswith(tuple(SIGNS))]


@settings(max_examples=examples(200))
@given(st.text(), st.lists(st.text(), max_size=2))
@example("\x1b]52;c;ZXZpbA==\x07\x1b[2J\x9b2J", ["\x1b[2J", "\x9b2J"])
def test_aud_05_a_csv_steers_no_terminal_and_a_row_is_one_line(said: str, listed: list[str]):
    header, row, rest = csv_text(("said", "listed"), [(said, listed)]).split("\r\n")
    assert (header, rest) == ('"said","listed"', "")
    assert not [sign for sign in row if ord(sign) < 32 or 127 <= ord(sign) < 160]


def test_aud_05_a_csv_keeps_what_is_harmless_as_it_is():
    rows = [("due, 5 - 3 = 2; then", ["s3:GetObject", "a=b"], -5, None, True), ("Jürgen", [], 7, 0.5, {"a": "b;c"})]
    header, *read = csv.reader(io.StringIO(csv_text("abcde", rows), newline=""))
    assert header == list("abcde")
    assert [(row[0], json.loads(row[1]), *row[2:4]) for row in read] == [
        ("due, 5 - 3 = 2; then", ["s3:GetObject", "a=b"], "-5", ""),
        ("Jürgen", [], "7", "0.5"),
    ]
    assert json.loads(read[1][4]) == {"a": "b;c"}


def test_aud_05_names_in_a_list_are_readable_and_exact():
    names = ["arn:aws:s3:::reports/Übersicht é.csv", "a\u202eb\x9b\U000e0001"]
    _, (cell,) = csv.reader(io.StringIO(csv_text(("resources",), [(names,)]), newline=""))
    assert names[0] in cell
    assert "\\u202e" in cell
    assert json.loads(cell) == names


def test_rev_19_cells_are_quoted_as_rfc_4180_says():
    assert csv_text(("a", "b"), [('x,"y"', "=1")]) == '"a","b"\r\n"x,""y""","\'=1"\r\n'
