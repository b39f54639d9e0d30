"""CodeDeploy: a template with canary deployments."""

import json

from tests.local.gaps.contracts import Emulator, deploy, trust


def test_code_deploy_resources(emulator: Emulator) -> None:
    role = {"Type": "AWS::IAM::Role", "Properties": {"AssumeRolePolicyDocument": json.loads(trust(emulator.account))}}
    resources = {
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
    assert deploy(emulator, resources, {"Group": {"Ref": "Group"}})["Group"] == "canary"
