"""The pages of the site and their order.

The pages are those of docs/, with three changes: links that leave docs/ lead to copies, the HTTP API becomes a page,
and the parts of list items are indented as the builder needs it.
"""

import json
import re
import shutil
from collections.abc import Sequence
from pathlib import Path
from typing import NamedTuple

import yaml

ITEM_COLUMNS = 4
"""How far Python-Markdown wants the parts of a list item to be indented. GitHub wants the width of the item's marker.
https://python-markdown.github.io/#differences
"""
_ITEM = re.compile(r"(?:\d+\.|-) ")
INDEX = "README.md"
API_FILE, API_PAGE = "openapi.yaml", "http-api.md"
OUTSIDE = ("SECURITY.md", "jitney.yaml")
"""Files at the top of the repository that pages link to. The site has these files next to its first page."""


class Section(NamedTuple):
    """A section of the navigation: its title, and its pages relative to docs/."""

    title: str
    pages: tuple[str, ...]


def sections(docs: Path) -> list[Section]:
    """Return the sections of docs/README.md in their order, each with its pages.

    A page that introduces a folder, such as `identity/README.md` or `threat-model.md`, is followed by the folder's
    pages.
    """
    parts = re.split(r"^## (.+)$", (docs / INDEX).read_text(encoding="utf-8"), flags=re.MULTILINE)
    rows = re.compile(r"^\| \[[^]]+\]\(([^)]+)\) \|", re.MULTILINE)
    return [
        Section(title, tuple(each for page in rows.findall(text) for each in _with_folder(docs, page)))
        for title, text in zip(parts[1::2], parts[2::2], strict=True)
    ]


def _with_folder(docs: Path, page: str) -> list[str]:
    """Return a page as named on the site, then the pages of the folder that it introduces, ordered by its links."""
    if page == API_FILE:
        return [API_PAGE]
    folder = (docs / page).parent if page.endswith(f"/{INDEX}") else (docs / page).with_suffix("")
    if not folder.is_dir():
        return [page]
    linked = re.findall(r"\]\(([\w./-]+\.md)", (docs / page).read_text(encoding="utf-8"))
    inside = [path for link in dict.fromkeys(linked) if (path := ((docs / page).parent / link)).parent == folder]
    rest = [path for path in sorted(folder.glob("*.md")) if path not in inside and path.name != INDEX]
    return [page, *(str(path.relative_to(docs)) for path in (*inside, *rest))]


def write_source(root: Path, to: Path) -> Path:
    """Copy docs/ of the repository `root` into `to`, ready to be built. Return its `openapi.yaml`.

    Replaces what is there. Links to files outside docs/ lead to their copies.
    """
    shutil.rmtree(to, ignore_errors=True)
    shutil.copytree(root / "docs", to)
    for name in OUTSIDE:
        shutil.copyfile(root / name, to / name)
    for page in to.rglob("*.md"):
        up = "../" * (len(page.relative_to(to).parts) - 1)
        text = page.read_text(encoding="utf-8").replace(f"]({up}{API_FILE}", f"]({up}{API_PAGE}")
        for name in OUTSIDE:
            text = text.replace(f"](../{up}{name}", f"]({up}{name}").replace("](docs/", "](")
        page.write_text(_with_indented_items(text), encoding="utf-8")
    return _for_reference(to / API_FILE)


def _with_indented_items(text: str) -> str:
    """Return the page with the parts of its list items indented by ITEM_COLUMNS, so that code does not end a list."""
    lines: list[str] = []
    width, in_code = 0, False
    for line in text.splitlines():
        item = None if in_code else _ITEM.match(line)
        if item or line[:1].strip():
            width = len(item[0]) if item else 0
        in_code ^= line.startswith("```")
        inside = width and not item and line.startswith(" " * width)
        lines.append(" " * (ITEM_COLUMNS - width) + line if inside else line)
    return "\n".join(lines) + "\n"


def _for_reference(file: Path) -> Path:
    """Give the API the title of its page, and remove its servers, because an address with a parameter is not a link."""
    api = yaml.safe_load(file.read_text(encoding="utf-8"))
    api.pop("servers", None)
    api["info"]["title"] = "HTTP API"
    file.write_text(yaml.safe_dump(api, sort_keys=False, allow_unicode=True), encoding="utf-8")
    return file


def format_code_in_tables(page: Path) -> None:
    """Replace backticks in the page's HTML tables, because Markdown does not parse them there."""
    text = page.read_text(encoding="utf-8")
    formatted = re.sub(
        r"<td>.*?</td>", lambda cell: re.sub("`([^`]+)`", r"<code>\1</code>", cell[0]), text, flags=re.DOTALL
    )
    page.write_text(formatted, encoding="utf-8")


def navigation(parts: Sequence[Section]) -> str:
    """Return the line of the navigation for zensical.toml. The first page of the site is docs/README.md."""
    entries = [json.dumps(INDEX), *(f"{{{json.dumps(part.title)} = {json.dumps(part.pages)}}}" for part in parts)]
    return f"nav = [{', '.join(entries)}]\n"
