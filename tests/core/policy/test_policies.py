from dataclasses import replace
from pathlib import Path

import pytest

from jitney.configuration.load import load_configuration
from jitney.configuration.policy_table import TABLE, cases_in
from jitney.core.config import Policies, load
from jitney.core.policy.cedar import PolicySet
from jitney.core.policy.policy_tests import Case, CaseContext, CaseFault, decide_case, run_cases

POLICIES = Path(__file__).parents[3] / "policies"
ASKED = {"groups": [], "actions": ["s3:GetObject"], "resources": ["arn:aws:s3:::reports/x"], "seconds": 300}
CASES = cases_in(POLICIES / TABLE, {})


@pytest.fixture(scope="module")
def setting(actions, limits, schema):
    text = "\n".join(path.read_text("utf-8") for path in sorted(POLICIES.glob("*.cedar")))
    policy_set = PolicySet.load(Policies(text, schema, "v1"))
    config = load(load_configuration(POLICIES.parent / "jitney.yaml", {}, local=False).json)
    return CaseContext(policy_set, actions, config.targets, limits, frozenset({"data-owners", "security"}))


@pytest.mark.parametrize("case", CASES, ids=lambda case: case.name)
def test_pol_11_the_policies_decide_as_their_table_expects(case, setting):
    assert run_cases([case], setting).failures == ()


def test_pol_11_every_policy_is_tested(setting):
    report = run_cases(CASES, setting)
    if report.untested:
        pytest.fail("\n".join(replace(report, outcomes=()).problems("policies/tests.yaml")), pytrace=False)


def test_pol_11_an_untested_policy_is_reported(load, setting):
    policies = load('@id("a") permit (principal, action, resource); @id("b") forbid (principal, action, resource);')
    report = run_cases((), replace(setting, policy_set=policies))
    assert report.problems("p/tests.yaml") == (
        "no case in p/tests.yaml decides a: add one",
        "no case in p/tests.yaml decides b: add one",
    )


def test_pol_11_a_case_with_an_unknown_target_fails(setting):
    case = Case.read(ASKED | {"name": "x", "target": "nowhere", "effect": "allow"})
    detail = "the configuration has no target nowhere"
    assert run_cases([case], setting).failures == (f"x: effect is 'target_unknown', expected 'allow': {detail}",)


def test_pol_11_a_failing_case_tests_no_policy_and_says_what_differs(setting):
    asked = ASKED | {"target": "analytics-prod", "groups": ["local/data-readers"]}
    case = Case.read(asked | {"name": "wrong", "effect": "deny", "policies": ["never-restricted"]})
    report = run_cases([case], setting)
    assert report.failures == (
        "wrong: effect is 'allow', expected 'deny'",
        "wrong: policies is ['data-readers-read'], expected ['never-restricted']",
    )
    assert "never-restricted" in report.untested


@pytest.mark.parametrize(
    ("claims", "effect"),
    [
        ({"event": "schedule", "level": "4", "ok": "true", "roles": ["a"]}, "allow"),
        ({"event": "push", "level": "4", "ok": "true", "roles": ["a"]}, "deny"),
        ({"event": "schedule", "level": "4", "ok": "true"}, "deny"),
        ({"event": ["schedule"]}, "claim_unknown"),
        ({"level": "high"}, "claim_unknown"),
        ({"ok": "yes"}, "claim_unknown"),
        ({"other": "x"}, "claim_unknown"),
    ],
    ids=str,
)
def test_id_11_a_case_gives_claims_to_the_policies(load, setting, claims, effect):
    read = {"event": '.string == "schedule"', "level": ".long > 3", "ok": ".bool", "roles": '.strings.contains("a")'}
    condition = " && ".join(
        f'principal.hasTag("{name}") && principal.getTag("{name}"){how}' for name, how in read.items()
    )
    policies = load(f'@id("a") permit (principal, action, resource) when {{ {condition} }};')
    types = {"event": "string", "level": "long", "ok": "bool", "roles": "strings"}
    decided = {"allow": ["a"], "deny": ["builtin:no-permit"], "claim_unknown": []}
    expected = {"effect": effect, "policies": decided[effect]}
    case = Case.read(ASKED | {"name": "x", "target": "analytics-prod", "claims": claims, **expected})
    assert run_cases([case], replace(setting, policy_set=policies, claims=types)).failures == ()


@pytest.mark.parametrize(
    ("claims", "said"),
    [
        ({"other": "x"}, "no issuer makes the claim other visible to policies"),
        ({"ok": "yes"}, "the value of ok is not of type bool: yes"),
    ],
    ids=str,
)
def test_id_11_a_case_says_why_a_claim_cannot_be_used(setting, claims, said):
    case = Case.read(ASKED | {"name": "x", "target": "analytics-prod", "claims": claims, "effect": "deny"})
    with pytest.raises(CaseFault) as caught:
        decide_case(case, replace(setting, claims={"ok": "bool"}))
    assert str(caught.value) == f"a claim cannot be used: {said}"


GATEWAY = ASKED | {"target": "analytics-prod", "effect": "allow", "policies": ["a"], "name": "x", "way": "gateway"}


@pytest.mark.parametrize(
    ("condition", "holds", "fails"),
    [
        ('context.way == "gateway"', {}, {"way": "credentials"}),
        ("context.reveal", {"reveal": "true"}, {"reveal": "false"}),
        (
            'context.call.hasTag("operation") && context.call.getTag("operation").string == "s3:GetObject"',
            {"operation": "s3:GetObject"},
            {},
        ),
        (
            'context.approvals.contains("owners")',
            {"operation": "s3:GetObject", "grant_approvals": ["owners"]},
            {"operation": "s3:GetObject"},
        ),
    ],
)
def test_gw_04_a_case_has_a_way_a_reveal_and_an_operation(load, setting, condition, holds, fails):
    policies = load(f'@id("a") permit (principal, action, resource) when {{ {condition} }};')
    denied = {"effect": "deny", "policies": ["builtin:no-permit"]}
    cases = [Case.read(GATEWAY | holds), Case.read(GATEWAY | fails | denied)]
    assert run_cases(cases, replace(setting, policy_set=policies)).failures == ()
