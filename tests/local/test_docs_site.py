"""The site of the documentation: every page, no broken link, nothing that the browser loads from elsewhere."""

import re
import shutil
import subprocess
from pathlib import Path

import pytest
import yaml

from local.docs_site.__main__ import build
from local.docs_site.source import API_PAGE, INDEX, sections

pytestmark = pytest.mark.slow

ROOT = Path(__file__).parents[2]
DOCS = ROOT / "docs"


@pytest.fixture(scope="module")
def site(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return the folder of the built site."""
    return build(tmp_path_factory.mktemp("site"))


def test_each_page_has_one_place_in_the_navigation():
    listed = [page for section in sections(DOCS) for page in section.pages]
    pages = {str(page.relative_to(DOCS)) for page in DOCS.rglob("*.md")} - {INDEX} | {API_PAGE}
    assert sorted(listed) == sorted(pages)


def test_a_folder_follows_the_page_that_opens_it():
    security = sections(DOCS)[-1].pages
    assert security[0] == "threat-model.md"
    folder = len(list((DOCS / "threat-model").glob("*.md")))
    assert folder == sum(each.startswith("threat-model/") for each in security[1 : 1 + folder])


def test_the_site_has_every_page_and_every_route(site: Path):
    pages = [page for section in sections(DOCS) for page in section.pages]
    built = [page.removesuffix(INDEX) + "index.html" if page.endswith(INDEX) else page[:-2] + "html" for page in pages]
    assert [page for page in ("index.html", *built) if not (site / page).exists()] == []
    reference = (site / API_PAGE).with_suffix(".html").read_text(encoding="utf-8")
    api = yaml.safe_load((DOCS / "openapi.yaml").read_text(encoding="utf-8"))
    shown = set(
        re.findall(r'<h3 id[^>]*><span class="http-(\w+)">\w+</span> ([^&]+?)(?:<a )', _without_spans(reference))
    )
    assert [cell for cell in re.findall(r"<td>[^<]*</td>", reference) if "`" in cell] == []
    verbs = {"get", "post", "put", "delete"}
    assert shown == {(verb, path) for path, item in api["paths"].items() for verb in item if verb in verbs}


def test_numbered_steps_with_code_between_them_are_one_list(site: Path):
    code = re.compile(r"^( *)```.*?^\1```", re.MULTILINE | re.DOTALL)
    steps = {
        page: len(re.findall(r"^1\. ", code.sub("", page.read_text("utf-8")), re.MULTILINE))
        for page in DOCS.rglob("*.md")
    }
    assert sum(steps.values()) > 20
    names = {page: page.relative_to(DOCS).with_name("index.md" if page.name == INDEX else page.name) for page in steps}
    built = {page: (site / name.with_suffix(".html")).read_text("utf-8").count("<ol>") for page, name in names.items()}
    assert built == steps
    demo = (site / "demo.html").read_text("utf-8")
    later = re.findall(r"^## .*\n\n(\d+)\. ", (DOCS / "demo.md").read_text("utf-8"), re.MULTILINE)
    assert re.findall(r'<ol start="(\d+)">', demo) == later[1:]


def _without_spans(page: str) -> str:
    return re.sub(r'<span class="route-param">([^<]+)</span>', r"\1", page)


def test_a_page_loads_nothing_from_elsewhere(site: Path):
    loads = re.compile(r'<(?:script|img|iframe)\b[^>]*\bsrc="?(https?:[^" >]+)|<link\b[^>]*\bhref="?(https?:[^" >]+)')
    pages = list(site.rglob("*.html"))
    assert pages
    assert {page.name: loads.findall(text) for page in pages if loads.search(text := page.read_text("utf-8"))} == {}


def test_a_broken_link_fails_the_build(tmp_path: Path):
    shutil.copytree(DOCS, tmp_path / "docs")
    for name in ("SECURITY.md", "jitney.yaml"):
        shutil.copyfile(ROOT / name, tmp_path / name)
    with (tmp_path / "docs" / "words.md").open("a", encoding="utf-8") as page:
        page.write("\n[gone](how-it-works.md#no-such-heading)\n")
    with pytest.raises(subprocess.CalledProcessError) as failed:
        build(tmp_path / "site", tmp_path)
    assert "words.md" in failed.value.stdout + failed.value.stderr
