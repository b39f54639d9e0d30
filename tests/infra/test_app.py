"""`python app.py`: what it reads from its environment, and how it fails."""

import json
import os
import re
import subprocess
import sys

import pytest
import yaml

import app
from infra.function_specs import SPECS
from jitney.configuration.load import ConfigurationError
from jitney.core.access.suspension_denials import LIVE_SECONDS
from tests.configuration.test_load import ROOT, valid, write_policies
from tests.infra.conftest import of_type, target_role
from tests.infra.test_target_account_stack import ISSUING

TAGS = {"cost-center": "1234", "team": "platform"}
pytestmark = pytest.mark.xdist_group("cdk")


@pytest.fixture
def configured(tmp_path):
    """Write another configuration with policies that fit it. Return the environment that names it."""
    write_policies(tmp_path / "policies")

    def write(document):
        path = tmp_path / "other.yaml"
        path.write_text(yaml.safe_dump(document), encoding="utf-8")
        return {"JITNEY_CONFIG": str(path)}

    return write


def test_a_wrong_configuration_prints_its_problems_without_a_traceback(configured):
    env = configured(valid() | {"issuers": {}})
    run = subprocess.run(
        [sys.executable, str(ROOT / "app.py")], env=os.environ | env, capture_output=True, text=True, check=False
    )
    assert run.returncode == 1
    assert run.stdout == ""
    assert "other.yaml has 1 problem:" in run.stderr
    assert "issuers\n  wrong: it is empty\n  fix:   name at least one" in run.stderr
    assert "Traceback" not in run.stderr


def test_the_environment_names_another_configuration(configured, synthesize):
    document = valid() | {"broker": {"account": "222233334444", "region": "us-gov-west-1", "tags": TAGS}}
    target = document["targets"].pop("prod") | {"region": "us-gov-west-1"}
    del target["policy"]
    # An AWS managed policy is a finding of cdk-nag, which the configuration's author answers for.
    document["targets"]["analytics-prod"] = target | {"managed_policy": "ReadOnlyAccess"}
    assembly = synthesize(configured(document))
    stacks = {
        name: artifact["environment"]
        for name, artifact in assembly.manifest()["artifacts"].items()
        if artifact["type"] == "aws:cloudformation:stack"
    }
    assert stacks == {
        "Jitney": "aws://222233334444/us-gov-west-1",
        "JitneyTarget-analytics-prod": "aws://012345670123/us-gov-west-1",
    }
    tables = of_type(assembly.broker, "AWS::DynamoDB::GlobalTable").values()
    shown = [tag for table in tables for replica in table["Replicas"] for tag in replica["Tags"]]
    assert shown == [{"Key": name, "Value": value} for name, value in TAGS.items()] * len(tables)
    # Policies see the tags of a target's role as the principal's, so that they are the target's own.
    assert not {tag["Key"] for tag in target_role(assembly.target).get("Tags", [])} & set(TAGS)

    # It has no slack: nothing is there for it, and nothing is allowed.
    template = json.dumps(assembly.broker)
    assert "jitney-votes" in template
    assert "slack-interactions" not in template
    assert "secretsmanager" not in template
    role = target_role(assembly.target)
    assert role["PermissionsBoundary"] == "arn:aws-us-gov:iam::aws:policy/ReadOnlyAccess"
    assert role["ManagedPolicyArns"][0] == role["PermissionsBoundary"]
    principals = {json.dumps(each["Principal"]) for each in role["AssumeRolePolicyDocument"]["Statement"]}
    roles = [f"arn:aws-us-gov:iam::222233334444:role/jitney/jitney-{name}-us-gov-west-1" for name in ISSUING]
    assert principals == {json.dumps({"AWS": roles})}


def environments(env, code, folder):
    """Return the account and Region of each stack of the app."""
    stacks = app.build(env, str(folder), code).node.children
    return {stack.node.id: (stack.account, stack.region) for stack in stacks if hasattr(stack, "account")}


def test_without_a_broker_the_cli_gives_account_and_region(configured, no_code, tmp_path):
    env = configured(valid()) | {"CDK_DEFAULT_ACCOUNT": "999911112222", "CDK_DEFAULT_REGION": "eu-central-1"}
    assert environments(env, no_code(), tmp_path)["Jitney"] == ("999911112222", "eu-central-1")


def test_the_local_broker_has_its_own_account(configured, no_code, tmp_path):
    env = configured(valid()) | {"JITNEY_LOCAL": "1"}
    assert environments(env, no_code(), tmp_path)["Jitney"] == ("111122223333", "eu-west-1")


def test_a_broker_without_a_place_is_refused(configured, no_code, tmp_path):
    with pytest.raises(ConfigurationError, match="nothing says where the broker is deployed"):
        environments(configured(valid()), no_code(), tmp_path)


def test_http_issuers_are_refused_unless_local(configured, no_code, tmp_path):
    document = valid()
    document["issuers"]["corp"] |= {"issuer": "http://127.0.0.1:1", "jwks_uri": "http://127.0.0.1:1/jwks"}
    env = configured(document) | {"CDK_DEFAULT_ACCOUNT": "999911112222", "CDK_DEFAULT_REGION": "eu-central-1"}
    with pytest.raises(ConfigurationError, match="make up"):
        environments(env, no_code(), tmp_path)
    assert environments(env | {"JITNEY_LOCAL": "1"}, no_code(), tmp_path)


def test_every_recommended_feature_flag_is_set():
    flags = json.loads((ROOT / "cdk.json").read_text(encoding="utf-8"))["context"]
    assert flags["@aws-cdk/core:validateAgainstDefaultRules"] is True
    assert flags["@aws-cdk/aws-iam:minimizePolicies"] is True
    assert len(flags) > 80


def test_ops_02_only_the_broker_in_aws_is_protected_from_removal(assembly, local_assembly):
    def protected(made):
        artifacts = made.manifest()["artifacts"].items()
        return [name for name, each in artifacts if each.get("properties", {}).get("terminationProtection")]

    assert protected(assembly) == ["Jitney"]
    assert protected(local_assembly) == []


@pytest.mark.parametrize("name", ["deploy.md", "target-changes.md"])
def test_ops_02_roles_are_deleted_when_no_deny_document_keeps_them(name):
    page = (ROOT / "docs" / name).read_text(encoding="utf-8")
    (minutes,) = re.findall(r"Wait for (\d+) minutes, until the reconciler has removed the deny documents", page)
    assert LIVE_SECONDS + 2 * SPECS["reconciler"].every_seconds <= int(minutes) * 60
