"""`jitney policy shadow` over a local copy of records (row POL 14)."""

import json
from pathlib import Path
from typing import Any

import pytest

from tests.cli import invoke
from tests.core.replay.test_policy_replay import GOOD, PERMISSIONS, agent, asked, line, with_detail

DENIED = {"policy_version": "0123456789abcdef", "effect": "deny", "policies": ["builtin:no-permit"]}
SAME = {"policy_version": "0123456789abcdef"}
LINES = [
    with_detail({**GOOD, "chain": "r-1"}, shadow=DENIED),
    with_detail({**line(agent(name="b"), asked()), "chain": "r-2"}, shadow=DENIED),
    with_detail({**GOOD, "chain": "r-3"}, shadow=SAME),
    with_detail({**line(agent(), asked(PERMISSIONS[3])), "chain": "r-4"},
                shadow={**SAME, "effect": "review", "policies": ["write"], "reviews": [["security"]]}),
    with_detail({**GOOD, "chain": "r-5"}, shadow={**SAME, "error": "InvalidPolicies"}),
    {**GOOD, "chain": "r-6"},
]  # fmt: skip


@pytest.fixture
def shown(home: Path, tmp_path: Path):
    """Show the shadow's answers in these lines. Return the exit code, standard output and standard error."""

    def show(lines: Any, *arguments: str) -> tuple[int, str, str]:
        folder = tmp_path / "records" / "dt=2026-11-26"
        folder.mkdir(parents=True)
        (folder / "1").write_text("\n".join(json.dumps(each) for each in lines))
        result = invoke(["policy", "shadow", "--folder", str(tmp_path / "records"), *arguments])
        return result.exit_code, result.stdout, result.stderr

    return show


def test_pol_14_the_counts_and_each_difference_are_shown(shown):
    code, out, _ = shown([*LINES, "no record"])
    assert (code, out.splitlines()[:8]) == (
        0,
        [
            "Different  3 of 5 recorded decisions differ",
            "  shadow    version 0123456789ab, 5 decisions",
            "  differs   2 decisions: active allow, shadow deny",
            "  differs   1 decision: active review, shadow review by other reviewers",
            "  error     1 decision: InvalidPolicies",
            "  left out  1 decision without a shadow",
            "  left out  1 unreadable lines",
            "  records   not compared with their seals: `jitney audit verify` does that",
        ],
    )
    for words in ("corp.b", "deny (builtin:no-permit)", "review by security (write)", "s3:PutObject, s3:DeleteObject"):
        assert words in out


def test_pol_14_programs_get_each_difference(shown):
    found = json.loads(shown(LINES, "--json")[1])
    assert (found["compared"], found["without"]) == (5, 1)
    assert found["integrity"]["state"] == "unchecked"
    assert [each["chain"] for each in found["changes"]] == ["r-1", "r-2", "r-4"]
    assert found["changes"][2]["before"]["reviews"] == [["owners"]]
    assert found["changes"][2]["after"] == {"effect": "review", "policies": ["write"], "reviews": [["security"]]}


@pytest.mark.parametrize(
    ("lines", "code", "begins"),
    [
        (LINES, 1, "Different  3 of 5 recorded"),
        (LINES[2:3], 0, "Equal  0 of 1 recorded"),
        (LINES[4:5], 1, "Different  0 of 1 recorded"),
        (LINES[5:], 1, "No shadow  0 of 0 recorded"),
    ],
)
def test_pol_14_a_pipeline_stops_at_a_difference_an_error_and_without_a_shadow(shown, lines, code, begins):
    found = shown(lines, "--fail-on-change")
    assert (found[0], found[1].startswith(begins)) == (code, True), found
