"""With the largest number of targets or roles and the longest names, everything still fits AWS's limits."""

import json
import re
from collections import defaultdict

import pytest

import app  # isort: skip  (before CDK: it says where Node is)
from infra.target_template import template_of_all
from jitney.configuration.broker_settings import CANARY, MOST_CANARY_TARGETS
from jitney.configuration.load import load_configuration
from jitney.configuration.settings import MOST_TARGET_ROLES
from jitney.core.target_roles import MOST_ROLES, roles_of
from tests.configuration.test_load import valid, write_policies
from tests.infra.conftest import Synthesized, listed, of_type, plain
from tests.infra.test_permissions import ISSUE

pytestmark = [pytest.mark.xdist_group("cdk"), pytest.mark.slow]

REGION = "us-gov-west-1"  # in the partition with the longest name
LONGEST_PATTERN, LONGEST_BUS_POLICY = 2_048, 10_240
INLINE_POLICIES, MANAGED_POLICY, MANAGED_POLICIES_OF_A_ROLE = 10_240, 6_144, 10
RESOURCES, LONGEST_TEMPLATE = 500, 1_000_000
LONGEST_ARN = 150
LONGEST_TRUST_POLICY = 2_048
OPTIONAL_RESOURCES = 10 + 5 + 2
"""Slack's routes with their function, the replication, and a domain name. A private domain name with its ten endpoints
has ten more, but it excludes Slack."""


def numbered(number, roles):
    longest = 64 - (len(".role10") if roles > 1 else 0)
    named = {"account": str(10**11 + number), "region": REGION, "role_name": f"{number:03}".ljust(longest, "x")}
    return f"t{number:03}".ljust(40, "x"), valid()["targets"]["prod"] | named | {"roles": roles}


def configured(folder, roles, most=MOST_TARGET_ROLES, deployment="all_at_once"):
    """Return the environment that names a configuration with as many targets as can have `most` roles together."""
    write_policies(folder / "policies", '@id("a") permit (principal in Jitney::Group::"corp/a", action, resource);')
    document = valid() | {"broker": {"account": "111122223333", "region": REGION, "deployment": deployment}}
    document["targets"] = dict(numbered(number, roles) for number in range(most // roles))
    file = folder / "jitney.yaml"
    file.write_text(json.dumps(document), encoding="utf-8")
    return {"JITNEY_CONFIG": str(file)}


@pytest.fixture(scope="module", params=[1, MOST_ROLES])
def roles(request):
    return request.param


@pytest.fixture(scope="module")
def env(tmp_path_factory, roles):
    return configured(tmp_path_factory.mktemp("many"), roles)


@pytest.fixture(scope="module")
def broker(env, tmp_path_factory, no_code):
    folder = tmp_path_factory.mktemp("out")
    app.build(env, str(folder), no_code()).synth()
    return json.loads((folder / "Jitney.template.json").read_text(encoding="utf-8"))


def size(value):
    """Return the characters as AWS counts them. Each ARN counts with its greatest length."""
    return len(re.sub(r"\s", "", json.dumps(deployed(value))))


def deployed(value):
    match value:
        case {"Ref": _} | {"Fn::GetAtt": _}:
            return "x" * LONGEST_ARN
        case {"Fn::Join": [_, parts]}:
            return "".join(deployed(part) for part in parts)
        case dict():
            return {name: deployed(each) for name, each in value.items()}
        case list():
            return [deployed(each) for each in value]
    return value


def test_the_rules_patterns_and_the_bus_policy_fit(broker):
    patterns = [each.get("EventPattern", {}) for each in of_type(broker, "AWS::Events::Rule").values()]
    assert max(map(size, patterns)) <= LONGEST_PATTERN
    policies = [each["Statement"] for each in of_type(broker, "AWS::Events::EventBusPolicy").values()]
    assert sum(map(size, policies)) + size({"Version": "2012-10-17", "Statement": []}) <= LONGEST_BUS_POLICY


def policies_of_functions(broker):
    """Yield the name of each function's role and its policies, after a check that they fit."""
    managed = of_type(broker, "AWS::IAM::ManagedPolicy")
    assert all(size(each["PolicyDocument"]) <= MANAGED_POLICY for each in managed.values())
    for role in of_type(broker, "AWS::IAM::Role").values():
        inline = [each["PolicyDocument"] for each in role.get("Policies", [])]
        assert sum(map(size, inline)) <= INLINE_POLICIES, role["RoleName"]
        attached = [managed[each["Ref"]]["PolicyDocument"] for each in role.get("ManagedPolicyArns", [])]
        assert len(attached) <= MANAGED_POLICIES_OF_A_ROLE
        yield role["RoleName"].removesuffix(f"-{REGION}"), inline + attached


def test_the_functions_policies_fit_and_name_every_target_and_nothing_else(broker, roles):
    named, actions = defaultdict(set), defaultdict(lambda: defaultdict(set))
    for role, policies in policies_of_functions(broker):
        for statement in (each for policy in policies for each in policy["Statement"]):
            for resource in map(plain, listed(statement["Resource"])):
                if ":role/" in resource:
                    named[role].add(resource)
                    actions[role][resource] |= set(listed(statement["Action"]))
    targets = [numbered(number, roles) for number in range(MOST_TARGET_ROLES // roles)]
    first = [f"arn:aws-us-gov:iam::{each['account']}:role/jitney/{each['role_name']}" for _, each in targets]
    own = {role for each in first for role in roles_of(each, roles)}
    assert len(own) == MOST_TARGET_ROLES
    back = {f"arn:aws-us-gov:iam::{each['account']}:role/jitney/jitney-revoker-{alias}" for alias, each in targets}
    both = {"jitney-target-checks": own | back}
    issuing = dict.fromkeys(("jitney-grants", "jitney-credentials", "jitney-gateway-calls"), own)
    issuing |= {"jitney-denial-measurements": own}
    denying = dict.fromkeys(("jitney-reconciler", "jitney-releases", "jitney-revocations", "jitney-suspensions"), back)
    assert dict(named) == both | issuing | denying
    for role in (*both, *issuing):
        assert {resource for resource, allowed in actions[role].items() if allowed == ISSUE} == own


def test_the_templates_fit(broker, env, tmp_path):
    assert len(broker["Resources"]) + OPTIONAL_RESOURCES <= RESOURCES
    assert len(json.dumps(broker, indent=1)) <= LONGEST_TEMPLATE
    whole = template_of_all(load_configuration(tmp_path / env["JITNEY_CONFIG"], {}, local=False))
    assert len(json.loads(whole)["Resources"]) <= RESOURCES
    assert len(whole) <= LONGEST_TEMPLATE
    rules = of_type(json.loads(whole), "AWS::Events::Rule").values()
    assert max(size(each["EventPattern"]) for each in rules) <= LONGEST_PATTERN
    roles = of_type(json.loads(whole), "AWS::IAM::Role").values()
    assert max(size(each["AssumeRolePolicyDocument"]) for each in roles) <= LONGEST_TRUST_POLICY


def test_ops_02_the_template_of_canary_deployments_fits(tmp_path, no_code):
    roles = MOST_TARGET_ROLES // MOST_CANARY_TARGETS
    env = configured(tmp_path, roles, roles * MOST_CANARY_TARGETS, CANARY)
    app.build(env, str(tmp_path / "out"), no_code()).synth()
    template = json.loads((tmp_path / "out" / "Jitney.template.json").read_text(encoding="utf-8"))
    assert len(template["Resources"]) + OPTIONAL_RESOURCES <= RESOURCES
    assert len(json.dumps(template, indent=1)) <= LONGEST_TEMPLATE
    policies = dict(policies_of_functions(template))
    # Roles that a target had before stay permitted while both versions serve requests.
    text = json.dumps(policies["jitney-grants"])
    assert text.count('.role*"') == 2 * MOST_CANARY_TARGETS


def test_few_targets_need_no_managed_policy(assembly: Synthesized):
    assert not of_type(assembly.broker, "AWS::IAM::ManagedPolicy")
