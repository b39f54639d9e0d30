"""Check that links, tests and threats in the documentation exist."""

import re
from fnmatch import fnmatch
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]
PAGES = [*sorted(ROOT.glob("*.md")), *sorted((ROOT / "docs").rglob("*.md"))]
THREATS = [ROOT / "docs" / "threat-model.md", *sorted((ROOT / "docs" / "threat-model").glob("*.md"))]
NAMES = frozenset(
    name
    for file in (ROOT / "tests").rglob("test_*.py")
    for name in re.findall(r"^ *(?:async )?def (test_\w+)", file.read_text(encoding="utf-8"), re.MULTILINE)
)


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.name)
def test_links_lead_to_files(page: Path):
    links = re.findall(r"\]\(([^)#\s]+)(?:#[^)]*)?\)", page.read_text(encoding="utf-8"))
    assert [link for link in links if "://" not in link and not (page.parent / link).exists()] == []


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.name)
def test_tests_that_are_named_exist(page: Path):
    named = re.findall(r"`(test_[\w*]+)`", page.read_text(encoding="utf-8"))
    assert [name for name in named if not any(fnmatch(each, name) for each in NAMES)] == []


@pytest.mark.parametrize("page", THREATS, ids=lambda page: page.name)
def test_every_threat_has_a_control_and_a_test(page: Path):
    rows = threat_rows(page.read_text(encoding="utf-8"))
    assert rows or page.name == "permissions.md"
    assert [row for row in rows if len(row) != 3 or not ("test_" in row[2] or row[2].startswith("[table]"))] == []


def threat_rows(text: str) -> list[list[str]]:
    """Return the cells of each row of each table whose first column is `threat`."""
    rows, inside = [], False
    for line in text.splitlines():
        if line.startswith("| threat |"):
            inside = True
        elif not line.startswith("|"):
            inside = False
        elif inside and not line.startswith("| ---"):
            rows.append([cell.strip() for cell in line.strip("|").split("|")])
    return rows
