"""The pages for policy authors: every policy and every case in them runs (row POL 11)."""

import os
import re
import shlex
from pathlib import Path
from textwrap import dedent, indent

import pytest

from jitney.configuration.policy_check import load_policies, read_cases
from jitney.core.policy.policy_tests import run_cases
from tests.cli import invoke

DOCS = Path(__file__).resolve().parents[2] / "docs"
BASE = '@id("base") permit (principal, action, resource) when { [true, false].contains(resource.wildcard) };\n'


def blocks(text: str, language: str) -> list[str]:
    """Return the code blocks of a page in a language, also those within lists."""
    return [dedent(each) for each in re.findall(rf"^ *```{language}\n(.*?)^ *```$", text, re.MULTILINE | re.DOTALL)]


START = (DOCS / "policies.md").read_text(encoding="utf-8")
EARLIER_APPROVALS = (DOCS / "earlier-approvals.md").read_text(encoding="utf-8")
TIME_WINDOWS = (DOCS / "time-windows.md").read_text(encoding="utf-8")
COOKBOOK = (DOCS / "policy-cookbook.md").read_text(encoding="utf-8")
INTRODUCTION, *RECIPES = COOKBOOK.split("\n## ")


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """A folder with the configuration of the first page."""
    (tmp_path / "policies").mkdir()
    (tmp_path / "jitney.yaml").write_text(blocks(START, "yaml")[0])
    return tmp_path


def test_pol_11_the_first_page_leads_to_tested_policies(folder: Path, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.chdir(folder)
    (policies,), (_, cases) = blocks(START, "cedar"), blocks(START, "yaml")
    (folder / "policies" / "orders.cedar").write_text(policies)
    (folder / "policies" / "tests.yaml").write_text(cases)
    assert answers(START) == ["Passed  policies/tests.yaml", "Needs a review  by orders-write"]


def answers(page: str) -> list[str]:
    """Return the first line that each command of the page's shell block prints."""
    lines: list[str] = []
    for command in blocks(page, "sh")[0].splitlines():
        result = invoke(shlex.split(command)[1:])
        assert result.exit_code == 0, result.output
        lines.append(result.stdout.splitlines()[0])
    return lines


def test_rev_11_the_page_about_earlier_approvals_continues_the_first_page(
    folder: Path, monkeypatch: pytest.MonkeyPatch
):
    monkeypatch.chdir(folder)
    (first,), (_, cases) = blocks(START, "cedar"), blocks(START, "yaml")
    (again,), (case,) = blocks(EARLIER_APPROVALS, "cedar"), blocks(EARLIER_APPROVALS, "yaml")
    kept = first.partition('@id("orders-write")')[0]
    (folder / "policies" / "orders.cedar").write_text(kept + again)
    (folder / "policies" / "tests.yaml").write_text(cases + indent(case, "  "))
    assert answers(EARLIER_APPROVALS) == [
        "Passed  policies/tests.yaml",
        "Needs a review  by orders-write",
        "Allowed  by orders-write",
    ]


def test_pol_01_the_page_about_time_windows_continues_the_first_page(folder: Path, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.chdir(folder)
    (first,), (_, cases) = blocks(START, "cedar"), blocks(START, "yaml")
    (further,), (windows, more) = blocks(TIME_WINDOWS, "cedar"), blocks(TIME_WINDOWS, "yaml")
    (folder / "jitney.yaml").write_text(blocks(START, "yaml")[0] + windows)
    (folder / "policies" / "orders.cedar").write_text(first + further)
    in_hours = cases.replace("seconds: 900 }", "seconds: 900, time_windows: [business-hours] }")
    (folder / "policies" / "tests.yaml").write_text(in_hours + indent(more, "  "))
    assert answers(TIME_WINDOWS) == [
        "Passed  policies/tests.yaml",
        "Allowed  by orders-read",
        "Needs a review  by at-night",
        "Denied  by freeze",
    ]


def test_pol_11_the_cookbook_has_thirteen_recipes():
    assert len(RECIPES) == 13


@pytest.mark.parametrize("recipe", RECIPES, ids=lambda recipe: recipe.partition("\n")[0])
def test_pol_11_each_recipe_passes_its_cases(folder: Path, recipe: str):
    (policies,), (cases,) = blocks(recipe, "cedar"), blocks(recipe, "yaml")
    base = "" if re.search(r"^.*\bpermit \(", policies, re.MULTILINE) else BASE
    (folder / "policies" / "recipe.cedar").write_text(base + policies)
    (folder / "policies" / "tests.yaml").write_text(f"{blocks(INTRODUCTION, 'yaml')[0]}cases:\n{cases}")
    loaded = load_policies(folder / "jitney.yaml", os.environ)
    report = run_cases(read_cases(loaded, os.environ), loaded.context)
    assert [each for each in report.problems("tests.yaml") if "decides base" not in each] == []
