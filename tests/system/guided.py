"""The permissions that a guide recommends. Tests follow the guide with exactly these."""

import json
import re
import uuid
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest

from local import agent_shell
from tests.running_systems import session_keys

POLICY = "guide"
DOCS = Path(__file__).parents[2] / "docs"


def block_of(guide: str, number: int, names: Mapping[str, str]) -> str:
    """Return the policy in JSON block `number` of docs/`guide`, with `names` in place of its placeholders."""
    block = str(re.findall(r"```json\n(.*?)```", (DOCS / guide).read_text("utf-8"), re.DOTALL)[number])
    for name, value in names.items():
        block = block.replace(name, value)
    return block


@contextmanager
def with_only_permissions(
    policy: str, aws: Any, stack: Mapping[str, Any], monkeypatch: pytest.MonkeyPatch
) -> Iterator[str]:
    """Use the auditor's shell with the keys of a role that has only `policy`. Yield the role's name."""
    trust = {"Effect": "Allow", "Principal": {"AWS": stack["account"]}, "Action": "sts:AssumeRole"}
    document = json.dumps({"Version": "2012-10-17", "Statement": [trust]})
    iam, role = aws("iam"), f"guided-{uuid.uuid4().hex}"
    arn = iam.create_role(RoleName=role, AssumeRolePolicyDocument=document)["Role"]["Arn"]
    iam.put_role_policy(RoleName=role, PolicyName=POLICY, PolicyDocument=policy)
    issued = aws("sts").assume_role(RoleArn=arn, RoleSessionName="auditor")["Credentials"]
    for name, value in agent_shell.variables(stack, agent_shell.AUDITOR).items():
        monkeypatch.setenv(name, value)
    for name, value in session_keys(issued).items():
        monkeypatch.setenv(name.upper(), value)
    yield role
    iam.delete_role_policy(RoleName=role, PolicyName=POLICY)
    iam.delete_role(RoleName=role)
