"""Check that links, tests and threats in the documentation exist."""

import ast
import fnmatch
import importlib
import re
from functools import cache
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]
PAGES = [*sorted(ROOT.glob("*.md")), *sorted((ROOT / "docs").rglob("*.md"))]
THREATS = [ROOT / "docs" / "threat-model.md", *sorted((ROOT / "docs" / "threat-model").glob("*.md"))]
LONGEST = {
    "README.md": 90,
    "CONTRIBUTING.md": 200,
    "docs/calls.md": 200,
}
"""Lines of pages that may be longer or shorter than 150. calls.md is generated."""


@cache
def names_of_tests() -> frozenset[str]:
    """Return the names of all tests."""
    return frozenset(
        name
        for file in (ROOT / "tests").rglob("test_*.py")
        for name in re.findall(r"^ *(?:async )?def (test_\w+)", file.read_text(encoding="utf-8"), re.MULTILINE)
    )


def anchors(page: Path) -> set[str]:
    """Return the anchors that GitHub gives to the headings of a page."""
    headings = re.findall(r"^#+ (.+)$", page.read_text(encoding="utf-8"), re.MULTILINE)
    return {re.sub(r"[^\w -]", "", heading.lower()).replace(" ", "-") for heading in headings}


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.name)
def test_links_lead_to_files_and_headings(page: Path):
    text = page.read_text(encoding="utf-8")
    links = re.findall(r"\]\(([^)\s]+)\)", text) + re.findall(r'src="([^"]+)"', text)
    broken = []
    for link in links:
        file, _, anchor = link.partition("#")
        to = page.parent / file if file else page
        if "://" not in link and (not to.exists() or (anchor and anchor not in anchors(to))):
            broken.append(link)
    assert broken == []


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.name)
def test_named_tests_exist(page: Path):
    patterns = re.findall(r"`(test_[\w*]+)`", page.read_text(encoding="utf-8"))
    known = names_of_tests()
    assert [pattern for pattern in patterns if pattern not in known and not fnmatch.filter(known, pattern)] == []


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


def test_the_index_lists_every_page():
    index = (ROOT / "docs" / "README.md").read_text(encoding="utf-8")
    pages = {path.name for path in (ROOT / "docs").iterdir() if path.suffix in (".md", ".yaml")} - {"README.md"}
    assert sorted(re.findall(r"^\| \[[\w.-]+\]\(([\w.-]+)\) \|", index, re.MULTILINE)) == sorted(pages)


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.name)
def test_pages_stay_short(page: Path):
    lines = len(page.read_text(encoding="utf-8").splitlines())
    assert lines <= LONGEST.get(str(page.relative_to(ROOT)), 150)


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.name)
def test_ops_01_the_aws_cli_starts_functions_without_waiting(page: Path):
    """The AWS CLI waits for a minute, and then invokes the function again. Runs take up to 15 minutes."""
    invocations = re.findall(r"aws lambda invoke[^`\n]*", page.read_text(encoding="utf-8"))
    assert [each for each in invocations if "--invocation-type Event" not in each] == []


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.name)
def test_ops_02_no_page_writes_the_stage_into_an_address(page: Path):
    """`ApiUrl` ends with the stage only if the API has no domain name of its own."""
    assert "/live/" not in page.read_text(encoding="utf-8")


def titles_of_steps(module: str) -> list[str]:
    """Return the titles of the steps of one chapter of the demo, with the values of this run."""
    source = importlib.import_module(f"local.demo.{module}")
    tree = ast.parse(Path(str(source.__file__)).read_text(encoding="utf-8"))
    calls = [node for node in ast.walk(tree) if isinstance(node, ast.Call) and isinstance(node.func, ast.Attribute)]
    steps = sorted((call for call in calls if call.func.attr == "step"), key=lambda call: call.lineno)
    return [eval(ast.unparse(call.args[0]), vars(source)) for call in steps]  # noqa: S307 - our own source


def test_the_page_of_the_demo_has_its_chapters_and_steps():
    text = " ".join((ROOT / "docs" / "demo.md").read_text(encoding="utf-8").split())
    main = (ROOT / "local" / "demo" / "__main__.py").read_text(encoding="utf-8")
    titles = [title for module in re.findall(r"(\w+)\.play\(run", main) for title in titles_of_steps(module)]
    assert re.findall(r" \d+\. \*\*(.+?)\.\*\*", text) == titles
    assert all(f"## {chapter} " in text for chapter in re.findall(r'chapter\("(.+)"\)', main))
    for page in ("README.md", "CONTRIBUTING.md", "docs/README.md", "docs/demo.md"):
        assert f"{len(titles)} steps" in (ROOT / page).read_text(encoding="utf-8")


def test_the_picture_and_the_table_of_boundaries_have_the_same_numbers():
    picture, _, rest = THREATS[0].read_text(encoding="utf-8").partition("```mermaid\n")[2].partition("```")
    drawn = set(re.findall(r'"(\d)\. ', picture))
    assert drawn == set(re.findall(r"^\| (\d)\. ", rest.partition("## Ten threats")[0], re.MULTILINE))
    assert len(drawn) == 7
