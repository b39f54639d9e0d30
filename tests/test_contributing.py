"""CONTRIBUTING.md: each file that a section names contains the section's example."""

import re
from pathlib import Path
from typing import NamedTuple

import pytest

ROOT = Path(__file__).parents[1]
TEXT = (ROOT / "CONTRIBUTING.md").read_text("utf-8")
MOST_FILES = {"A channel": 10, "A function": 12}
"""How many files such a change may touch. Other changes may touch fewer."""


class Recipe(NamedTuple):
    """One section of "How to add"."""

    title: str
    example: str
    files: tuple[str, ...]


def recipes() -> list[Recipe]:
    sections = re.split(r"^### ", TEXT, flags=re.MULTILINE)[1:]
    return [
        Recipe(
            section.partition("\n")[0],
            *re.findall(r"^Example: `(.+)`$", section, re.MULTILINE),
            tuple(re.findall(r"^\| `([^`]+)` \|", section, re.MULTILINE)),
        )
        for section in sections
    ]


RECIPES = recipes()


def test_each_way_to_extend_jitney_has_a_section():
    assert [recipe.title.split()[-1] for recipe in RECIPES] == [
        "policy", "provider", "service", "escalation", "page", "channel", "function",
    ]  # fmt: skip


@pytest.mark.parametrize("recipe", RECIPES, ids=lambda recipe: recipe.title)
def test_the_example_occurs_in_each_file_of_its_section(recipe: Recipe):
    assert 2 <= len(recipe.files) <= MOST_FILES.get(recipe.title, 8)
    names = {recipe.example.lower(), recipe.example.lower().replace("-", "_"), recipe.example.removesuffix("s").lower()}
    missing = [
        file
        for file in recipe.files
        if not any(name in file.lower() + (ROOT / file).read_text("utf-8").lower() for name in names)
    ]
    assert missing == []


def test_every_path_exists():
    paths = re.findall(r"`((?:functions|infra|policies|local|data|benchmarks|tests|docs)/[^`]*)`", TEXT)
    assert len(paths) > 30
    assert [path for path in paths if not (ROOT / path).exists()] == []


def test_every_name_in_code_exists():
    """Names such as `visit.require_form()` and `FunctionSpec` occur in the code."""
    code = "\n".join(
        path.read_text("utf-8") for room in ("functions", "infra", "tests") for path in (ROOT / room).rglob("*.py")
    )
    names = [name.removesuffix("()") for name in re.findall(r"`((?:[a-z_]+\.)*[A-Za-z_]+(?:\(\))?)`", TEXT)]
    assert [name for name in names if name.rpartition(".")[2] not in code and "." not in name] == []
