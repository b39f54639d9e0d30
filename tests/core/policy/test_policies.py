from pathlib import Path

import pytest
import yaml

from core.config import Policies
from core.policy.cases import Case, Setting, read_cases, run_cases
from core.policy.cedar import PolicySet

POLICIES = Path(__file__).parents[3] / "policies"
TABLE = yaml.safe_load((POLICIES / "tests.yaml").read_text("utf-8"))


@pytest.fixture(scope="module")
def setting(actions, target, limits, schema):
    text = "\n".join(path.read_text("utf-8") for path in sorted(POLICIES.glob("*.cedar")))
    policy_set = PolicySet.load(Policies(text, schema, "v1"))
    return Setting(policy_set, actions, {target.alias: target}, limits, frozenset({"data-owners", "security"}))


@pytest.mark.parametrize("case", read_cases(TABLE), ids=lambda case: case.name)
def test_pol_11_the_policies_say_what_their_table_expects(case, setting):
    assert run_cases([case], setting).failures == ()


def test_pol_11_every_policy_is_tested(setting):
    assert run_cases(read_cases(TABLE), setting).untested == ()


def test_pol_11_a_policy_that_nobody_tests_is_reported(setting):
    cases = [case for case in read_cases(TABLE) if "never-identities" not in case.policies]
    assert run_cases(cases, setting).untested == ("never-identities",)


def test_pol_11_a_case_that_fails_tests_nothing_and_says_what_differs(setting):
    (case,) = read_cases(
        {
            "defaults": TABLE["defaults"],
            "cases": [
                {
                    "name": "wrong",
                    "actions": ["s3:GetObject"],
                    "resources": ["arn:aws:s3:::reports/x"],
                    "effect": "deny",
                    "policies": ["never-salaries"],
                }
            ],
        }
    )
    report = run_cases([case], setting)
    assert report.failures == (
        "wrong: effect is 'allow', expected 'deny'",
        "wrong: policies is ['data-readers-read'], expected ['never-salaries']",
    )
    assert "never-salaries" in report.untested


def test_pol_11_a_misspelt_member_of_a_case_is_refused():
    with pytest.raises(ValueError, match="polices"):
        Case.read({"name": "x", "polices": []}, {})
