"""`jitney policy test`: the table tests of a configuration's own policies (row POL 11)."""

import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
import yaml

from tests.cli import invoke
from tests.configuration.test_load import ROOT, valid, write_policies

POLICIES = """
@id("read") permit (principal in Jitney::Group::"corp/a", action in Jitney::Action::"ReadOnly", resource);
@id("never") forbid (principal, action, resource) when { context.service == "iam" };
"""
READS = {"name": "a reads", "actions": ["s3:GetObject"], "resources": ["arn:aws:s3:::b/x"], "effect": "allow"}
NEVER = {"name": "no iam", "actions": ["iam:GetUser"], "resources": ["arn:aws:iam::012345670123:user/x"]}
CASES = [READS | {"policies": ["read"]}, NEVER | {"effect": "deny", "policies": ["never"]}]
WRONG = READS | {"name": "wrong", "policies": ["never"]}

# Everything that a case has to say, in lines 2 to 8 of a table that begins with "cases:".
FULL = "name: x\n  target: prod\n  groups: []\n  actions: []\n  resources: []\n  seconds: 1\n  effect: allow"
SECOND = FULL.replace("name: x", "name: y")


@pytest.fixture
def tested(home: Path, tmp_path: Path):
    """Test a configuration whose policies have these cases. Return the exit code and the lines of output."""
    write_policies(tmp_path / "own", POLICIES)

    def test(table: Any, document: Any = None, *more: str) -> tuple[int, list[str]]:
        text = table if isinstance(table, str) else json.dumps(table)  # which is YAML, without aliases
        (tmp_path / "own" / "tests.yaml").write_text(text, encoding="utf-8")
        (tmp_path / "other.yaml").write_text(yaml.safe_dump((document or valid()) | {"policies": "own"}))
        result = invoke(["policy", "test", "--config", str(tmp_path / "other.yaml"), *more])
        return result.exit_code, result.output.replace(str(tmp_path), "").splitlines()

    return test


def table(*cases: Any) -> dict[str, Any]:
    return {"defaults": {"target": "prod", "groups": ["corp/a"], "seconds": 300}, "cases": list(cases)}


def test_pol_11_cases_that_pass_are_counted(tested):
    assert tested(table(*CASES)) == (0, ["Passed  /own/tests.yaml", "  cases     2"])


def test_pol_11_a_policy_that_no_case_decides_fails_the_test(tested):
    code, said = tested(table(CASES[0]))
    assert (code, said[-1]) == (1, "  untested  never: no case tests it; add one")


def test_pol_11_a_case_that_fails_says_what_differs(tested):
    code, said = tested(table(*CASES, WRONG))
    assert (code, said) == (
        1,
        [
            "Failed  /own/tests.yaml",
            "  cases     3, 1 of them failed",
            "  differs   wrong: policies is ['read'], expected ['never']",
        ],
    )


def test_pol_11_machines_get_every_case(tested):
    code, said = tested(table(CASES[0], WRONG), None, "--json")
    answer = json.loads("\n".join(said))
    assert (code, answer["passed"], answer["untested"]) == (1, False, ["never"])
    assert answer["cases"] == [
        {"name": "a reads", "passed": True, "differences": []},
        {"name": "wrong", "passed": False, "differences": ["policies is ['read'], expected ['never']"]},
    ]


def test_pol_11_the_cases_are_decided_with_the_configurations_own_bounds(tested):
    code, said = tested(table(*CASES), valid() | {"limits": {"max_duration_seconds": 60}})
    assert code == 1
    assert "  differs   a reads: effect is 'deny', expected 'allow'" in said


def test_pol_11_the_configuration_is_checked_first(tested):
    code, said = tested(table(*CASES), valid() | {"targets": {}})
    assert code == 2
    assert said == [
        "jitney: The policies could not be tested",
        "/other.yaml:24  targets: it is empty",
        "Fix: name at least one",
    ]


@pytest.mark.parametrize(
    ("text", "place", "wrong"),
    [
        ("", "", "no list of cases"),
        ("defaults: {}", ":1", "no list of cases"),
        ("\na: [", ":2", "not YAML"),
        ("cases:\n- {}", ":2  cases[0].effect", "missing"),
        ("cases:\n- x", ":2  cases[0]", "not a mapping"),
        (f"cases:\n- {FULL}\n- {SECOND}\n  efect: deny", ":16  cases[1].efect", "no such key"),
        (f"cases:\n- {FULL}\n- {FULL}", ":9  cases[1].name", "the case in line 2 has the same name"),
        (f"cases:\n- {FULL}\n  effect: deny", ":9  cases[0].effect", "given twice, first in line 8"),
        (f"defaults:\n  seconds: 1\n  seconds: 2\ncases:\n- {FULL}", ":3  defaults.seconds", "given twice"),
        (f"cases: []\ncases:\n- {FULL}", ":2  cases", "given twice, first in line 1"),
        (f"defaults: no\ncases:\n- {FULL}", ":1  defaults", "not a mapping"),
        (f"cases:\n- {FULL}\n  other_grant_actions: &a [x]\n  policies: *a", ":10", "alias *a"),
        (f"cases:\n- {FULL}\n  policies: read", ":9  cases[0].policies", "not a list"),
        (f"cases:\n- {FULL}\n  human: [x]", ":9  cases[0].human", "not plain text"),
        (f"cases:\n- {FULL}\n  longest_seconds: 5m", ":9  cases[0].longest_seconds", "not a whole number"),
        (f"cases:\n- {FULL}\n  human: ${{NOBODY}}", ":9  cases[0].human", "NOBODY is not set"),
    ],
)
def test_pol_11_an_invalid_table_is_named_by_file_and_line(tested, text, place, wrong):
    code, said = tested(text)
    assert (code, said[0]) == (2, "jitney: The policies could not be tested")
    assert said[1].startswith(f"/own/tests.yaml{place}: ")
    assert wrong in said[1]


def test_pol_11_all_errors_of_a_table_are_shown_at_once(tested):
    wrong = "longest_seconds: 2h\n  other_grant_actions: ${NOBODY}\n"
    code, said = tested(f"cases:\n- {FULL}\n  effect: deny\n- {SECOND}\n  {wrong}")
    assert (code, [line.split(": ")[0] for line in said if line.startswith("/")]) == (
        2,
        [
            "/own/tests.yaml:9  cases[0].effect",
            "/own/tests.yaml:17  cases[1].longest_seconds",
            "/own/tests.yaml:18  cases[1].other_grant_actions",
        ],
    )


def test_pol_11_the_cases_take_what_the_configuration_takes_from_the_environment(tested, monkeypatch):
    monkeypatch.setenv("READER", "corp/a")
    assert tested({**table(*CASES), "defaults": {"target": "prod", "groups": ["${READER}"], "seconds": 300}})[0] == 0


def test_pol_11_a_missing_table_is_a_problem(tested, tmp_path: Path):
    table = tmp_path / "own" / "tests.yaml"
    table.mkdir()
    (tmp_path / "other.yaml").write_text(yaml.safe_dump(valid() | {"policies": "own"}))
    result = invoke(["policy", "test", "--config", str(tmp_path / "other.yaml")])
    assert result.exit_code == 2
    assert f"{table}: there are no cases" in result.output


def test_pol_11_the_sample_policies_pass_by_the_command_in_a_process_of_its_own(tmp_path: Path):
    command = [Path(sys.executable).with_name("jitney"), "policy", "test"]
    env = {name: value for name, value in os.environ.items() if name not in ("JITNEY_CONFIG", "PYTHONPATH")}
    run = subprocess.run(command, cwd=ROOT, env=env, capture_output=True, text=True, check=False)
    assert (run.returncode, run.stderr) == (0, "")
    assert "policies/tests.yaml" in run.stdout
