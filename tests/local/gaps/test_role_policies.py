"""IAM: one contract test for each gap, named after the function that closes it."""

import json

import pytest

from tests.local.gaps.contracts import ALLOW_ALL, Emulator, refused, role

pytestmark = pytest.mark.slow


def test_permissions_boundary_key(emulator: Emulator) -> None:
    """A writer that needs a boundary on the role cannot write to a role without it."""
    iam = emulator.root("iam")
    everything = json.dumps(ALLOW_ALL | {"Version": "2012-10-17"})
    boundary = iam.create_policy(PolicyName="boundary", PolicyDocument=everything)["Policy"]["Arn"]
    role(emulator, "bounded", PermissionsBoundary=boundary)
    role(emulator, "free")
    while_bounded = {
        "Statement": {
            "Effect": "Allow",
            "Action": ["iam:PutRolePolicy", "iam:DeleteRolePolicy"],
            "Resource": "*",
            "Condition": {"StringEquals": {"iam:PermissionsBoundary": boundary}},
        }
    }
    writer = role(emulator, "writer", while_bounded)
    session = emulator.root("sts").assume_role(RoleArn=writer, RoleSessionName="session")["Credentials"]
    mine = emulator.session("iam", session)
    mine.put_role_policy(RoleName="bounded", PolicyName="deny", PolicyDocument=everything)
    mine.delete_role_policy(RoleName="bounded", PolicyName="deny")
    refused("AccessDenied", mine.put_role_policy, RoleName="free", PolicyName="deny", PolicyDocument=everything)


def test_role_paths(emulator: Emulator) -> None:
    """A caller that may change the role with a path can do that. A role of the same name without it stays."""
    arn = role(emulator, "somewhere", Path="/deep/down/")
    exactly = {"Statement": {"Effect": "Allow", "Action": "iam:PutRolePolicy", "Resource": arn}}
    session = emulator.root("sts").assume_role(RoleArn=role(emulator, "writer", exactly), RoleSessionName="session")
    mine = emulator.session("iam", session["Credentials"])
    everything = json.dumps(ALLOW_ALL | {"Version": "2012-10-17"})
    mine.put_role_policy(RoleName="somewhere", PolicyName="deny", PolicyDocument=everything)
    refused("AccessDenied", mine.put_role_policy, RoleName="writer", PolicyName="deny", PolicyDocument=everything)
