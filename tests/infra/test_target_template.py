"""The targets' templates without CDK, and the stack set of all targets."""

import json
from pathlib import Path

import pytest
import yaml

import app  # isort: skip  (before CDK: it says where Node is)
from infra import target_stack_set
from infra.target_template import LONGEST_BODY, main
from tests.configuration.test_load import ROOT, valid, write_policies
from tests.infra.conftest import only

pytestmark = pytest.mark.xdist_group("cdk")

BROKER = {"account": "111122223333", "region": "eu-west-1"}
UNITS = {"organizational_units": ["ou-ab12-11111111"]}


@pytest.fixture
def printed(tmp_path, capsys):
    """Return the output, or the error, for a configuration with a target in each of two accounts."""
    write_policies(tmp_path / "policies")

    def run(*arguments):
        document = valid() | {"broker": BROKER}
        other = {"account": "999988887777", "region": "us-east-1"}
        document["targets"]["stage"] = document["targets"]["prod"] | other
        (tmp_path / "jitney.yaml").write_text(json.dumps(document), encoding="utf-8")
        code = main(arguments, {"JITNEY_CONFIG": str(tmp_path / "jitney.yaml")})
        captured = capsys.readouterr()
        return json.loads(captured.out) if code == 0 else captured.err

    return run


def test_the_printed_template_is_the_deployed_one(assembly, capsys):
    assert main(["analytics-prod"], {}) == 0
    assert json.loads(capsys.readouterr().out) == assembly.target


def test_cloudformation_accepts_the_template_of_ten_roles_without_a_bucket(tmp_path, capsys):
    text = (ROOT / "jitney.yaml").read_text(encoding="utf-8").replace("roles: 1 #", "roles: 10 #")
    (tmp_path / "jitney.yaml").write_text(text, encoding="utf-8")
    (tmp_path / "policies").symlink_to(ROOT / "policies")
    assert main(["analytics-prod"], {"JITNEY_CONFIG": str(tmp_path / "jitney.yaml")}) == 0
    printed = capsys.readouterr().out
    assert len(printed) < LONGEST_BODY < len(json.dumps(json.loads(printed), indent=1))


def test_all_targets_are_in_one_template_each_in_its_own_account_and_region_alone(printed):
    template = printed()
    assert "Parameters" not in template
    places = {
        name: [equals["Fn::Equals"] for equals in each["Fn::And"]] for name, each in template["Conditions"].items()
    }
    asked = [{"Ref": "AWS::AccountId"}, {"Ref": "AWS::Region"}]
    assert all([each[0] for each in place] == asked for place in places.values())
    accounts = {name: place[0][1] for name, place in places.items()}
    assert sorted([each[1] for each in place] for place in places.values()) == [
        ["012345670123", "eu-west-1"],
        ["999988887777", "us-east-1"],
    ]
    of_account = {}
    for name, resource in template["Resources"].items():
        of_account.setdefault(accounts[resource["Condition"]], set()).add((name, resource["Type"]))
    assert {account: len(found) for account, found in of_account.items()} == {"012345670123": 5, "999988887777": 5}
    for name, resource in template["Resources"].items():
        refers = json.dumps(resource)
        others = {other for other, each in template["Resources"].items() if each["Condition"] != resource["Condition"]}
        assert not [other for other in others if f'"{other}"' in refers], name


def test_an_unknown_target_gets_the_closest_name_as_fix(printed):
    assert 'target "prd" does not exist' in printed("prd")
    assert "did you mean prod?" in printed("prd")


@pytest.fixture
def stack_set(tmp_path, no_code):
    """Return the stack set of the sample configuration with these members of `stack_set`."""

    def synthesized(more=None, **members):
        document = yaml.safe_load((ROOT / "jitney.yaml").read_text(encoding="utf-8"))
        document["targets"] |= more or {}
        document |= {"stack_set": UNITS | members, "policies": str(ROOT / "policies")}
        (tmp_path / "jitney.yaml").write_text(yaml.safe_dump(document), encoding="utf-8")
        out = tmp_path / "out"
        app.build({"JITNEY_CONFIG": str(tmp_path / "jitney.yaml")}, str(out), no_code()).synth()
        return out

    return synthesized


def template(out: Path):
    return json.loads((out / "JitneyTargets.template.json").read_text(encoding="utf-8"))


def test_the_stack_set_reaches_the_targets_accounts_and_no_other(stack_set):
    out = stack_set()
    found = only(template(out), "AWS::CloudFormation::StackSet")
    (group,) = found["StackInstancesGroup"]
    assert group["DeploymentTargets"] == {
        "AccountFilterType": "INTERSECTION",
        "Accounts": ["444455556666"],
        "OrganizationalUnitIds": ["ou-ab12-11111111"],
    }
    assert group["Regions"] == ["eu-west-1"]
    assert (found["PermissionModel"], found["CallAs"]) == ("SERVICE_MANAGED", "DELEGATED_ADMIN")
    assert found["AutoDeployment"] == {"Enabled": False}
    assert found["Capabilities"] == ["CAPABILITY_NAMED_IAM"]
    roles = [
        each for each in json.loads(found["TemplateBody"])["Resources"].values() if each["Type"] == "AWS::IAM::Role"
    ]
    assert len(roles) == 3
    # After the broker, whose roles are trusted; and no stack makes the same roles.
    artifacts = json.loads((out / "manifest.json").read_text(encoding="utf-8"))["artifacts"]
    assert "Jitney" in artifacts["JitneyTargets"]["dependencies"]
    assert not [name for name in artifacts if name.startswith("JitneyTarget-")]


def test_aud_03_each_target_is_made_in_its_own_region_once(stack_set):
    """The rule that watches it belongs to one Region, and its roles belong to all Regions."""
    more = {}
    for alias, account, region in (
        ("far", "444455556666", "us-east-1"),
        ("farther", "555566667777", "us-east-1"),
        ("near", "666677778888", "eu-west-1"),
    ):
        more[alias] = {"account": account, "region": region, "role_name": alias, "managed_policy": "ReadOnlyAccess"}
    found = only(template(stack_set(more)), "AWS::CloudFormation::StackSet")
    groups = {json.dumps(each["Regions"]): each["DeploymentTargets"] for each in found["StackInstancesGroup"]}
    assert {regions: each["Accounts"] for regions, each in groups.items()} == {
        '["eu-west-1"]': ["444455556666", "666677778888"],
        '["us-east-1"]': ["444455556666", "555566667777"],
    }
    assert {each["AccountFilterType"] for each in groups.values()} == {"INTERSECTION"}


def test_all_accounts_are_changed_at_once_until_one_fails(stack_set):
    """The default mode works on one account at a time if none may fail: a hundred accounts, one after another."""
    found = only(template(stack_set()), "AWS::CloudFormation::StackSet")
    preferences = found["OperationPreferences"]
    assert (preferences["MaxConcurrentPercentage"], preferences["FailureTolerancePercentage"]) == (100, 0)
    assert preferences["ConcurrencyMode"] == "SOFT_FAILURE_TOLERANCE"


def test_in_the_management_account_it_acts_as_itself(stack_set):
    found = only(template(stack_set(delegated_admin="false")), "AWS::CloudFormation::StackSet")
    assert found["CallAs"] == "SELF"


@pytest.mark.slow
def test_a_template_that_is_too_long_for_the_stack_set_is_published(stack_set, monkeypatch):
    monkeypatch.setattr(target_stack_set, "LONGEST_BODY", 100)
    found = only(template(stack_set()), "AWS::CloudFormation::StackSet")
    assert "TemplateBody" not in found
    assert "cdk-hnb659fds-assets-111122223333-eu-west-1" in json.dumps(found["TemplateURL"])


def test_a_local_system_has_a_stack_for_each_target(tmp_path, no_code):
    text = (ROOT / "jitney.yaml").read_text(encoding="utf-8") + yaml.safe_dump({"stack_set": UNITS})
    (tmp_path / "jitney.yaml").write_text(text.replace("policies: policies", f"policies: {ROOT / 'policies'}"))
    env = {"JITNEY_CONFIG": str(tmp_path / "jitney.yaml"), "JITNEY_LOCAL": "1"}
    made = app.build(env, str(tmp_path / "out"), no_code()).node.children
    assert "JitneyTarget-analytics-prod" in {stack.node.id for stack in made}
