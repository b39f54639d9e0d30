"""The report of the benchmarks: it says what was measured, and finds what became worse."""

import copy
import json
from collections.abc import Mapping, Sequence
from typing import Any

import pytest

from benchmarks.results import FOLDER, MODULES, PAGE, RESULTS, Figure, figures, kept, page, regressions

SECTIONS = figures((FOLDER / "figures.yaml").read_text(encoding="utf-8"))
ALL = [figure for rows in SECTIONS.values() for figure in rows]
MEASURED = json.loads(RESULTS.read_text(encoding="utf-8"))


def changed(figure: Figure, factor: float) -> Any:
    """Return the results with one figure multiplied."""
    results = copy.deepcopy(MEASURED)
    *members, last = figure.path
    found = results["answers"]
    for member in members:
        found = found[member]
    found[last] *= factor
    return results


def test_the_page_says_what_was_measured():
    assert PAGE.read_text(encoding="utf-8") == page(MEASURED, SECTIONS)


def test_the_file_keeps_the_figures_that_are_shown_and_no_others():
    more = copy.deepcopy(MEASURED)
    more["answers"]["queries"] = {"megabytes": 1}
    more["answers"]["scale"]["agents"] = 10_000
    assert kept(more, SECTIONS) == MEASURED


def test_each_figure_is_of_a_benchmark_and_each_ratio_has_what_it_compares_with():
    assert {figure.path[0] for figure in ALL} <= set(MODULES)
    assert [figure.name for figure in ALL if figure.is_ratio and not figure.beside] == []


def test_the_page_about_scale_says_what_was_simulated():
    text = (FOLDER.parent / "docs" / "scale.md").read_text(encoding="utf-8")
    shown = {cells[0]: cells[1:] for row in text.splitlines() if len(cells := row.strip("| ").split(" | ")) == 4}
    quotas = MEASURED["answers"]["scale"]["quotas"]
    assert {name: shown.get(name) for name in quotas} == {
        name: [f"{each['limit_per_second']:,}", f"{each['peak_per_second']:,.0f}", f"{each['agents']:,.0f}"]
        for name, each in quotas.items()
    }


@pytest.mark.parametrize("figure", ALL, ids=lambda figure: ".".join(figure.path))
def test_only_a_ratio_that_became_worse_by_a_tenth_is_a_regression(figure: Figure):
    def found(factor: float) -> Sequence[str]:
        return regressions(MEASURED, changed(figure, factor), SECTIONS)

    worse, better = (1 / 1.12, 1.12) if figure.at_least else (1.12, 1 / 1.12)
    assert len(found(worse)) == figure.is_ratio
    assert [line for line in found(worse) if not line.startswith(figure.name)] == []
    assert [*found(better), *found(1.08), *found(1 / 1.08)] == []


@pytest.mark.parametrize(
    ("row", "value", "verdict"),
    [
        ({"at_most": 2}, 2.0, "yes"),
        ({"at_most": 2}, 2.01, "no"),
        ({"at_least": 2}, 2.0, "yes"),
        ({"at_least": 2}, 1.99, "no"),
        ({}, 7.0, ""),
    ],
)
def test_an_aim_is_met_or_not(row: Mapping[str, float], value: float, verdict: str):
    text = json.dumps({"section": [{"name": "figure", "from": "vend.requests", "unit": "ms", **row}]})
    assert figures(text)["section"][0].verdict(value) == verdict
