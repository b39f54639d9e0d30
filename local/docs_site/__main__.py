"""`make site`: build the documentation as a site. It fails if a link or an anchor is broken."""

import shutil
import subprocess
import sys
from pathlib import Path

from local.docs_site.source import API_PAGE, format_code_in_tables, navigation, sections, write_source
from local.identity import install
from local.progress import Progress
from local.settings import ROOT

FOLDER = Path(__file__).parent
TOOLS = ROOT / ".local" / "docs-site" / "bin"
"""The builder and the reader of the OpenAPI file, in their own environment (local/requirements-docs-site.txt)."""
MERMAID = FOLDER / "node_modules" / "@mermaid-js" / "tiny" / "dist" / "mermaid.tiny.js"


def build(to: Path, root: Path = ROOT) -> Path:
    """Build the site of the repository `root` in the folder `to`, and return the folder of its pages.

    Raises subprocess.CalledProcessError with the builder's output, for example when a link is broken.
    """
    install(FOLDER)
    pages = to / "docs"
    api = write_source(root, pages)
    _run("oad", "gen-docs", "--source", str(api), "--destination", str(pages / API_PAGE), cwd=to)
    format_code_in_tables(pages / API_PAGE)
    (pages / "assets").mkdir()
    shutil.copyfile(MERMAID, pages / "assets" / "mermaid.js")
    settings = (FOLDER / "zensical.toml").read_text(encoding="utf-8")
    # A key of [project] has to come before the tables below it.
    with_navigation = settings.replace("[project]\n", f"[project]\n{navigation(sections(root / 'docs'))}", 1)
    (to / "zensical.toml").write_text(with_navigation, encoding="utf-8")
    _run("zensical", "build", "--strict", "--clean", cwd=to)
    return to / "site"


def _run(program: str, *arguments: str, cwd: Path) -> None:
    subprocess.run([TOOLS / program, *arguments], cwd=cwd, check=True, capture_output=True, text=True)


def main() -> int:
    """Build the site in .local/site, and print how to read it."""
    progress = Progress()
    try:
        with progress.step("Pages, links and the reference of the API"):
            site = build(ROOT / ".local" / "site")
    except subprocess.CalledProcessError as error:
        progress.fail(f"{error.stdout}{error.stderr}")
        return 1
    progress.say(f"Read it with: python3 -m http.server --directory {site.relative_to(ROOT)} 8000")
    return 0


if __name__ == "__main__":
    sys.exit(main())
