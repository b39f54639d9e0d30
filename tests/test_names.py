"""Names in the product: each class has a unique name, and no two modules of a package look alike."""

import re
from collections import defaultdict
from itertools import combinations
from pathlib import Path

import pytest

from tests.sources import source

pytestmark = pytest.mark.xdist_group("sources")
ROOT = Path(__file__).parents[1]
PRODUCT = ROOT / "functions"


def test_class_names_are_unique():
    places = defaultdict(list)
    for path in sorted(PRODUCT.rglob("*.py")):
        for name, line in source(path).classes:
            places[name].append(f"{path.relative_to(PRODUCT)}:{line}")
    assert {name: where for name, where in places.items() if len(where) > 1} == {}


def alike(first: str, second: str) -> bool:
    """Return whether two names of modules differ only by a suffix, such as votes and voting."""
    stems = [re.sub(r"(?:e|es|s|ing|er|ers|or|ors|ed|ion|ions)$", "", name) for name in (first, second)]
    return stems[0] == stems[1] or stems[0].removesuffix("e") == stems[1].removesuffix("e")


def test_no_two_modules_of_a_package_differ_by_a_suffix():
    packages = defaultdict(list)
    for path in sorted(PRODUCT.rglob("*.py")):
        packages[path.parent].append(path.stem)
    pairs = {
        f"{package.relative_to(PRODUCT)}: {first}, {second}"
        for package, names in packages.items()
        for first, second in combinations(names, 2)
        if alike(first, second)
    }
    assert pairs == set()


@pytest.mark.parametrize(
    ("first", "second"),
    [("votes", "voting"), ("vote", "votes"), ("seal", "sealing"), ("seals", "sealer"), ("grant", "granted")],
)
def test_names_that_differ_by_a_suffix_are_found(first: str, second: str):
    assert alike(first, second)


@pytest.mark.parametrize(("first", "second"), [("reviews", "review_report"), ("grants", "callers"), ("text", "table")])
def test_other_names_are_not(first: str, second: str):
    assert not alike(first, second)
