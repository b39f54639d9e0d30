"""Row REV 19: a CSV is RFC 4180, and a spreadsheet runs none of its cells."""

import csv
import io

import pytest

from jitney.core.csv_text import csv_text

HOSTILE = (
    '=HYPERLINK("https://evil.example","click")',
    "+1+cmd|' /C calc'!A0",
    "-2+3",
    "@SUM(A1:A2)",
    "\t=1",
    "\r=1",
    "\n=1",
    "  =1",
    "\uff1d1",
    "\uff201",
)


@pytest.mark.parametrize("cell", HOSTILE)
def test_rev_19_a_cell_that_begins_like_a_formula_is_text(cell: str):
    read = list(csv.reader(io.StringIO(csv_text((cell,), [(cell,)]), newline=""), strict=True))
    assert read == [[f"'{cell}"], [f"'{cell}"]]


@pytest.mark.parametrize(
    "cell", ["a=b", "local.reader-agent", "2023-11-14T22:13:20Z", "", "'=1", "arn:aws:s3:::a", "0"]
)
def test_rev_19_any_other_cell_stays_as_it_is(cell: str):
    assert csv_text(("a", "b"), [(cell, "x")]) == f"a,b\r\n{cell},x\r\n"


def test_rev_19_cells_are_quoted_as_rfc_4180_says():
    assert csv_text(("a", "b"), [('x,"y"', "two\r\nlines")]) == 'a,b\r\n"x,""y""","two\r\nlines"\r\n'
