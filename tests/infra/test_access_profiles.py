"""The managed session policies of access profiles, and the roles that sessions may assume (row POL 15)."""

import json
from functools import cache

import pytest
from aws_cdk import App, Environment
from aws_cdk.assertions import Template

from infra.target_account_stack import TargetAccountStack
from jitney.configuration.load import load_configuration
from jitney.configuration.profile_settings import AccessProfileSettings
from jitney.core.config import load
from tests.configuration.test_load import ROOT
from tests.infra.conftest import listed

pytestmark = pytest.mark.xdist_group("cdk")

ROLES = [
    f"arn:aws:iam::444455556666:role/cdk-hnb659fds-{kind}-role-444455556666-eu-west-1"
    for kind in ("deploy", "file-publishing", "image-publishing", "lookup")
]
CDK = {"permissions": [{"actions": ["sts:AssumeRole", "sts:SetSourceIdentity"], "resources": ROLES}]}


@cache
def configuration():
    return load_configuration(ROOT / "jitney.yaml", {}, local=False)


def target():
    return configuration().settings.targets["analytics-prod"]


def policies(**changes):
    stack = TargetAccountStack(
        App(),
        "T",
        alias="analytics-prod",
        target=target().model_copy(update=changes),
        broker=configuration().broker,
        env=Environment(account=target().account, region=target().region),
    )
    found = Template.from_stack(stack).find_resources("AWS::IAM::ManagedPolicy")
    return {each["Properties"]["ManagedPolicyName"]: each["Properties"] for each in found.values()}


def assuming_denied(properties):
    """Return the statements of the boundary that deny sts:AssumeRole."""
    return [
        each
        for each in properties["PolicyDocument"]["Statement"]
        if each["Effect"] == "Deny" and "sts:AssumeRole" in listed(each.get("Action", []))
    ]


def test_pol_15_the_stack_provisions_the_policy_that_the_functions_name():
    profile = load(configuration().json).targets["analytics-prod"].access_profiles["orders-migration"]
    path, _, name = profile.policy_arn.partition(":policy")[2].rpartition("/")
    assert path == "/jitney"
    assert policies()[name]["Path"] == "/jitney/"
    document = policies()[name]["PolicyDocument"]
    assert {each["Effect"] for each in document["Statement"]} == {"Allow"}


def test_pol_15_a_changed_profile_is_another_policy():
    other = {"permissions": [{"actions": ["s3:GetObject"], "resources": ["arn:aws:s3:::reports/migrations/*"]}]}
    changed = policies(access_profiles={"orders-migration": AccessProfileSettings.model_validate(other)})
    assert len(policies().keys() & changed.keys()) == 1  # the boundary
    assert len(policies()) == len(changed) == 2


def test_sts_02_sessions_assume_no_role_without_a_profile_that_names_it():
    (denied,) = assuming_denied(policies()["jitney-boundary-analytics-prod"])
    assert denied["Resource"] == "*"


def test_pol_15_sessions_may_assume_exactly_the_roles_that_a_profile_names():
    found = policies(access_profiles={"cdk-deploy": AccessProfileSettings.model_validate(CDK)})
    (denied,) = assuming_denied(found["jitney-boundary-analytics-prod"])
    assert sorted(denied["NotResource"]) == sorted(ROLES)
    assert listed(denied["Action"]) == ["sts:AssumeRole"]
    assert "Condition" not in denied


def test_two_names_that_differ_by_a_hyphen_are_two_policies():
    profile = target().access_profiles["orders-migration"]
    assert len(policies(access_profiles={"a-b": profile, "ab": profile})) == 3


@pytest.mark.parametrize("sealed", [False, True])
def test_sts_01_a_sealed_profile_denies_what_it_does_not_allow(sealed: bool):
    (document,) = [
        each["PolicyDocument"] for name, each in policies(sealed=sealed).items() if ".orders-migration." in name
    ]
    assert ("Deny" in {each["Effect"] for each in document["Statement"]}) is sealed
    assert len(json.dumps(document)) < 6144


def test_the_longest_names_fit():
    long = target().model_copy(update={"access_profiles": {"p" * 40: target().access_profiles["orders-migration"]}})
    stack = TargetAccountStack(
        App(),
        "T",
        alias="a" * 40,
        target=long,
        broker=configuration().broker,
        env=Environment(account=target().account, region=target().region),
    )
    found = Template.from_stack(stack).find_resources("AWS::IAM::ManagedPolicy")
    assert max(len(each["Properties"]["ManagedPolicyName"]) for each in found.values()) <= 128
