"""`make policies`: the table tests of a configuration's own policies."""

import os
import subprocess
import sys

import pytest
import yaml

from infra.policy_check import main
from tests.infra.test_configuration import ROOT, valid, write_policies

POLICIES = """
@id("read") permit (principal in Jitney::Group::"corp/a", action in Jitney::Action::"ReadOnly", resource);
@id("never") forbid (principal, action, resource) when { context.service == "iam" };
"""
READS = {"name": "a reads", "actions": ["s3:GetObject"], "resources": ["arn:aws:s3:::b/x"], "effect": "allow"}
NEVER = {"name": "no iam", "actions": ["iam:GetUser"], "resources": ["arn:aws:iam::012345670123:user/x"]}
CASES = [READS | {"policies": ["read"]}, NEVER | {"effect": "deny", "policies": ["never"]}]


@pytest.fixture
def checked(tmp_path, capsys):
    """Checks a configuration whose policies have these cases: the exit code, and what is said."""
    write_policies(tmp_path / "own", POLICIES)

    def check(table, document=None):
        text = table if isinstance(table, str) else yaml.safe_dump(table)
        (tmp_path / "own" / "tests.yaml").write_text(text, encoding="utf-8")
        (tmp_path / "other.yaml").write_text(yaml.safe_dump((document or valid()) | {"policies": "own"}))
        code = main([str(tmp_path / "other.yaml")], {})
        captured = capsys.readouterr()
        assert not (captured.out if code else captured.err)
        return code, (captured.err or captured.out).strip().replace(str(tmp_path), "")

    return check


def table(*cases):
    return {"defaults": {"target": "prod", "groups": ["corp/a"], "seconds": 300}, "cases": list(cases)}


def test_pol_11_cases_that_pass_are_counted(checked):
    assert checked(table(*CASES)) == (0, "2 cases pass, and decide every policy")


def test_pol_11_a_policy_that_no_case_decides_is_one_sentence(checked):
    assert checked(table(CASES[0])) == (1, "no case in /own/tests.yaml decides never: add one")


def test_pol_11_a_case_that_fails_says_what_differs(checked):
    code, said = checked(table(*CASES, READS | {"name": "wrong", "policies": ["never"]}))
    assert (code, said) == (1, "wrong: policies is ['read'], expected ['never']")


def test_pol_11_the_cases_are_decided_with_the_configurations_own_bounds(checked):
    code, said = checked(table(*CASES), valid() | {"limits": {"max_duration_seconds": 60}})
    assert code == 1
    assert "a reads: effect is 'deny', expected 'allow'" in said


def test_pol_11_the_configuration_is_checked_first(checked):
    code, said = checked(table(*CASES), valid() | {"targets": {}})
    assert code == 1
    assert "/other.yaml has 1 problem:" in said


@pytest.mark.parametrize(
    ("text", "wrong"), [("", "no list of cases"), ("a: [", "not YAML"), ("cases: [{}]", "missing")]
)
def test_pol_11_a_table_that_cannot_be_read_is_told_by_its_file(checked, text, wrong):
    code, said = checked(text)
    assert code == 1
    assert said.startswith("/own/tests.yaml: ")
    assert wrong in said


def test_pol_11_the_sample_policies_pass_by_the_command_and_none_is_a_failure(tmp_path):
    command = [sys.executable, "-m", "infra.policy_check"]
    env = {name: value for name, value in os.environ.items() if name != "JITNEY_CONFIG"}
    run = subprocess.run(command, cwd=ROOT, env=env, capture_output=True, text=True, check=False)
    assert (run.returncode, run.stderr) == (0, "")
    run = subprocess.run(
        [*command, tmp_path / "none.yaml"], cwd=ROOT, env=env, capture_output=True, text=True, check=False
    )
    assert run.returncode == 1
    assert "Traceback" not in run.stderr
