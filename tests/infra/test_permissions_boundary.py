"""The option `broker.permissions_boundary`, for organizations that require a boundary of each role (row OPS 2)."""

import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from tests.configuration.test_load import ROOT
from tests.infra.conftest import Synthesized, configured, of_type, plain

pytestmark = pytest.mark.xdist_group("cdk")

NAME = "company/boundary"
CONTEXT = {"CDK_CONTEXT_JSON": json.dumps({"@aws-cdk/core:permissionsBoundary": {"name": "company-boundary"}})}


@pytest.fixture(scope="module")
def bounded(synthesize: Any, tmp_path_factory: pytest.TempPathFactory) -> Synthesized:
    return synthesize(configured(tmp_path_factory.mktemp("bounded"), permissions_boundary=NAME))


def boundaries(template: dict[str, Any]) -> dict[str, Any]:
    """Return the permissions boundary of each role, by the role's name."""
    roles = of_type(template, "AWS::IAM::Role").values()
    return {each["RoleName"]: plain(each.get("PermissionsBoundary")) for each in roles}


def test_ops_02_each_role_of_the_broker_has_the_boundary(bounded: Synthesized, assembly: Synthesized):
    found = boundaries(bounded.broker)
    assert set(found.values()) == {f"arn:aws:iam::111122223333:policy/{NAME}"}
    assert len(found) > 30
    assert set(boundaries(assembly.broker).values()) == {None}


def test_ops_02_the_roles_for_grants_keep_their_own_boundary(bounded: Synthesized, assembly: Synthesized):
    """Jitney writes inline policies into these roles. Their own boundary limits them to the target's policy."""
    account = f"arn:aws:iam::012345670123:policy/{NAME}"
    found = boundaries(bounded.target)
    assert found == {
        "jitney-target-prod": "Boundary",
        "jitney-revoker-analytics-prod": account,
        "jitney-forwarder-analytics-prod": account,
    }
    (revoker,) = (each for each in of_type(bounded.target, "AWS::IAM::Role").values() if "revoker" in each["RoleName"])
    (write,) = (
        each
        for each in revoker["Policies"][0]["PolicyDocument"]["Statement"]
        if each["Effect"] == "Allow" and "iam:PutRolePolicy" in each["Action"]
    )
    assert plain(write["Condition"]) == {"StringEquals": {"iam:PermissionsBoundary": "Boundary"}}
    assert {*boundaries(assembly.target).values()} == {"Boundary", None}


def test_ops_02_a_local_system_has_no_such_policy(synthesize: Any, tmp_path: Path):
    template = synthesize(configured(tmp_path, permissions_boundary=NAME) | {"JITNEY_LOCAL": "1"})
    assert {*boundaries(template.broker).values(), *boundaries(template.target).values()} == {"Boundary", None}


@pytest.mark.slow
@pytest.mark.parametrize(
    "command", [["app.py"], ["-m", "infra.target_template", "analytics-prod"], ["-m", "infra.target_template"]]
)
def test_ops_02_cdks_own_boundary_is_refused(command: list[str]):
    """It would replace the boundary of the roles for grants: nothing would bound them, and no revocation would work."""
    environment = os.environ | CONTEXT | {"CDK_OUTDIR": "/nonexistent"}
    done = subprocess.run([sys.executable, *command], cwd=ROOT, env=environment, capture_output=True, text=True)  # noqa: PLW1510
    assert done.returncode == 1
    assert done.stdout == ""
    assert "@aws-cdk/core:permissionsBoundary\n  wrong: this key would replace" in done.stderr
    assert "set broker.permissions_boundary in jitney.yaml" in done.stderr
    assert "Traceback" not in done.stderr
