"""Targets' templates, deployed in accounts of the emulator that have nothing: no CDK, no bootstrap, no bucket."""

import json
from typing import Any

import pytest
from botocore.exceptions import ClientError

from infra.target_template import main
from tests.infra.test_configuration import valid, write_policies

PROD, STAGE, OTHER = "012345670123", "999988887777", "777766665555"


@pytest.fixture
def template(tmp_path, capsys, stack):
    """Prints the template of one target, or of all: prod and stage in accounts of their own, under one role name."""
    write_policies(tmp_path / "policies")
    document = valid() | {"broker": {"account": stack["account"], "region": stack["region"]}}
    document["targets"]["stage"] = document["targets"]["prod"] | {"account": STAGE}
    (tmp_path / "jitney.yaml").write_text(json.dumps(document), encoding="utf-8")

    def printed(*aliases: str) -> str:
        assert main(aliases, {"JITNEY_CONFIG": str(tmp_path / "jitney.yaml")}) == 0
        return str(capsys.readouterr().out)

    return printed


def deployed(aws: Any, account: str, name: str, body: str) -> dict[str, Any]:
    """The roles that the account then has, by name."""
    cloudformation, iam = aws("cloudformation", account), aws("iam", account)
    made = {"StackName": name, "TemplateBody": body, "Capabilities": ["CAPABILITY_NAMED_IAM"]}
    cloudformation.create_stack(**made)
    cloudformation.get_waiter("stack_create_complete").wait(StackName=name, WaiterConfig={"Delay": 0.2})
    return {role["RoleName"]: role for role in iam.list_roles()["Roles"]}


def test_each_account_gets_its_own_targets_roles_from_the_one_template(template, aws):
    whole = template()
    assert set(deployed(aws, PROD, "all", whole)) == {"jitney-target-prod", "jitney-revoker-prod"}
    assert set(deployed(aws, STAGE, "all", whole)) == {"jitney-target-prod", "jitney-revoker-stage"}


def test_one_targets_template_needs_nothing_of_its_account(template, aws):
    roles = deployed(aws, OTHER, "JitneyTarget-prod", template("prod"))
    assert set(roles) == {"jitney-target-prod", "jitney-revoker-prod"}
    assert aws("s3", OTHER).list_buckets()["Buckets"] == []
    role = aws("iam", OTHER).get_role(RoleName="jitney-target-prod")["Role"]
    assert role["PermissionsBoundary"]["PermissionsBoundaryArn"].endswith("policy/jitney/jitney-boundary-prod")


def test_the_sample_targets_account_has_no_bootstrap(aws, stack):
    account = stack["targets"]["analytics-prod"]["account"]
    parameter = {"Name": "/cdk-bootstrap/hnb659fds/version"}
    with pytest.raises(ClientError, match="ParameterNotFound"):
        aws("ssm", account).get_parameter(**parameter)
    assert aws("ssm").get_parameter(**parameter)
