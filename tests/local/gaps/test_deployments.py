"""CodeDeploy: a template with canary deployments."""

import json
import uuid
from typing import Any

import pytest

from tests.local.gaps.contracts import Emulator, deploy, ended, trust

pytestmark = pytest.mark.slow


def canary(emulator: Emulator) -> dict[str, Any]:
    """Return the resources of a deployment group, with its role."""
    role = {"Type": "AWS::IAM::Role", "Properties": {"AssumeRolePolicyDocument": json.loads(trust(emulator.account))}}
    return {
        "Role": role,
        "Application": {"Type": "AWS::CodeDeploy::Application", "Properties": {"ComputePlatform": "Lambda"}},
        "Group": {
            "Type": "AWS::CodeDeploy::DeploymentGroup",
            "Properties": {
                "ApplicationName": {"Ref": "Application"},
                "DeploymentGroupName": "canary",
                "ServiceRoleArn": {"Fn::GetAtt": ["Role", "Arn"]},
            },
        },
    }


def test_code_deploy_resources(emulator: Emulator) -> None:
    assert deploy(emulator, canary(emulator), {"Group": {"Ref": "Group"}})["Group"] == "canary"


def test_update_policies_are_dependencies(emulator: Emulator) -> None:
    resources = canary(emulator)
    moved = {"ApplicationName": {"Ref": "Application"}, "DeploymentGroupName": {"Ref": "Group"}}
    resources["Role"]["UpdatePolicy"] = {"CodeDeployLambdaAliasUpdate": moved}
    name = f"gap-{uuid.uuid4().hex}"
    emulator.root("cloudformation").create_stack(
        StackName=name, TemplateBody=json.dumps({"Resources": resources}), Capabilities=["CAPABILITY_NAMED_IAM"]
    )
    assert "Circular dependency" in ended(emulator, name)["StackStatusReason"]
