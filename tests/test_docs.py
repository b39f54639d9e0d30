"""What the documents point to is there: files, tests, and outputs of the stack."""

import re
from fnmatch import fnmatch
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]
PAGES = [ROOT / "README.md", ROOT / "CONTRIBUTING.md", *sorted((ROOT / "docs").glob("*.md"))]
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


def test_the_threat_model_names_a_test_for_each_threat():
    rows = [
        line.split("|")
        for line in (ROOT / "docs" / "threat-model.md").read_text(encoding="utf-8").splitlines()
        if line.startswith("| ") and line.count("|") == 4
    ]
    tried = [row[3].strip() for row in rows if not row[3].strip().startswith(("tried by", "---"))]
    assert len(tried) > 10
    assert [each for each in tried if "test_" not in each and "table below" not in each] == []
