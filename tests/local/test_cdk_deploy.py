"""`cdk deploy` with the credentials of a grant on an access profile, and the change of CDK's bootstrap for it."""

import json
import re
import subprocess
import time
from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

import boto3
import pytest
import yaml
from aws_cdk import App, Environment, Stack
from aws_cdk import aws_sqs as sqs

from jitney.adapters.sessions import Sessions
from jitney.configuration.profile_settings import AccessProfileSettings, profile_policy
from jitney.core.access.credentials import session_request
from jitney.core.access.profile_policy import compile_profile
from jitney.core.access.request import permissions_view
from jitney.core.access.session_policy import SessionPolicyOptions
from jitney.core.access_profile import AccessProfile, GrantedProfile
from local.identity import NODE, install
from tests.fakes import GRANT
from tests.local.gaps.contracts import Emulator, trust

pytestmark = pytest.mark.slow

FOLDER = Path(__file__).parent / "cdk_cli"
CLI = FOLDER / "node_modules" / "aws-cdk" / "bin" / "cdk"
DOCUMENTED = Path(__file__).parents[2] / "docs" / "access-profiles.md"
REGION = "eu-west-1"
KINDS = ("deploy", "file-publishing", "image-publishing", "lookup")
ALLOWED = ["sts:AssumeRole", "sts:SetSourceIdentity"]


@pytest.fixture(scope="module", autouse=True)
def _installed() -> None:
    install(FOLDER)


def cdk(emulator: Emulator, keys: Mapping[str, str], *arguments: str) -> subprocess.CompletedProcess[str]:
    env = {
        "PATH": f"{NODE.parent}:/usr/bin:/bin",
        "HOME": str(FOLDER),
        "AWS_ENDPOINT_URL": emulator.endpoint,
        "AWS_REGION": REGION,
        "CI": "true",
        "CDK_DISABLE_CLI_TELEMETRY": "true",
        **keys,
    }
    command = [str(NODE), str(CLI), "--no-notices", "--no-color", *arguments]
    return subprocess.run(command, cwd=FOLDER, env=env, capture_output=True, text=True, check=False, timeout=300)


def documented_change(template: str) -> str:
    """Return CDK's bootstrap template after the change that docs/access-profiles.md gives as a sed command."""
    (command,) = re.findall(r"sed '(s/[^']*)'", DOCUMENTED.read_text("utf-8"))
    return subprocess.run(["sed", command], input=template, capture_output=True, text=True, check=True).stdout


def bootstrap_template() -> str:
    run = subprocess.run(
        [str(NODE), str(CLI), "bootstrap", "--show-template"], cwd=FOLDER, capture_output=True, text=True, check=True
    )
    return run.stdout


def roles_that_set_source_identity(template: str) -> set[str]:
    """Return the roles in the template whose trust lets the account's own principals set a source identity."""

    class Loader(yaml.SafeLoader):
        """Reads CloudFormation's short intrinsics as their values."""

    Loader.add_multi_constructor("!", lambda loader, _tag, node: loader.construct_object(node, deep=True) and None)
    resources = yaml.load(template, Loader)["Resources"]  # noqa: S506 - a loader without constructors of objects
    return {
        name
        for name, each in resources.items()
        if each["Type"] == "AWS::IAM::Role"
        for statement in each["Properties"]["AssumeRolePolicyDocument"]["Statement"]
        if "sts:SetSourceIdentity" in statement.get("Action", ())
        and statement["Principal"] == {"AWS": {"Ref": "AWS::AccountId"}}
    }


def test_the_documented_change_lets_sessions_with_a_source_identity_assume_the_four_roles():
    template = bootstrap_template()
    assert roles_that_set_source_identity(template) == set()
    changed = documented_change(template)
    assert roles_that_set_source_identity(changed) == {
        "DeploymentActionRole",
        "FilePublishingRole",
        "ImagePublishingRole",
        "LookupRole",
    }
    assert len(changed.splitlines()) == len(template.splitlines())


def bootstrapped(emulator: Emulator, template: str, folder: Path) -> None:
    """Run `cdk bootstrap` with the account's root credentials, as its owner does."""
    (folder / "bootstrap.yaml").write_text(template, encoding="utf-8")
    root = {"AWS_ACCESS_KEY_ID": emulator.account, "AWS_SECRET_ACCESS_KEY": "local"}
    place = f"aws://{emulator.account}/{REGION}"
    run = cdk(emulator, root, "bootstrap", "--template", str(folder / "bootstrap.yaml"), place)
    assert run.returncode == 0, run.stderr
    # The bucket refuses every call without TLS, and the emulator has none.
    emulator.root("s3").delete_bucket_policy(Bucket=f"cdk-hnb659fds-assets-{emulator.account}-{REGION}")


def issued(emulator: Emulator) -> dict[str, str]:
    """Return the credentials of a grant on a profile that may assume CDK's roles, as the broker issues them."""
    account = emulator.account
    roles = [f"arn:aws:iam::{account}:role/cdk-hnb659fds-{kind}-role-{account}-{REGION}" for kind in KINDS]
    settings = AccessProfileSettings.model_validate({"permissions": [{"actions": ALLOWED, "resources": roles}]})
    policy = profile_policy(settings, sealed=False, wildcards=False)
    iam = emulator.root("iam")
    made = iam.create_policy(PolicyName="jitney-profile", Path="/jitney/", PolicyDocument=policy.document)
    iam.create_role(RoleName="target", Path="/jitney/", AssumeRolePolicyDocument=trust(account))
    everything = {"Version": "2012-10-17", "Statement": [{"Effect": "Allow", "Action": "*", "Resource": "*"}]}
    iam.put_role_policy(RoleName="target", PolicyName="permissions", PolicyDocument=json.dumps(everything))
    now = int(time.time())
    grant = replace(
        GRANT,
        account=account,
        role_arn=f"arn:aws:iam::{account}:role/jitney/target",
        permissions=policy.permissions,
        access_profile=GrantedProfile("cdk-deploy", policy.content),
        expires_at=now + 900,
    )
    profile = AccessProfile(tuple(permissions_view(policy.permissions)), policy.content, made["Policy"]["Arn"])
    compiled = compile_profile(profile, grant.permissions, grant.expires_at, SessionPolicyOptions())
    found = Sessions(emulator.root("sts"), _no_scoping, lambda: now).issue(
        session_request(grant, compiled, "external", now)
    )
    return {
        "AWS_ACCESS_KEY_ID": found.access_key_id,
        "AWS_SECRET_ACCESS_KEY": found.secret_access_key,
        "AWS_SESSION_TOKEN": found.session_token,
    }


def _no_scoping(*_keys: str) -> Any:
    raise AssertionError("a grant on an access profile is never scoped down")


def small_app(account: str, folder: Path) -> str:
    """Synthesize a small app. Return the folder of its cloud assembly."""
    app = App(outdir=str(folder / "cdk.out"))
    stack = Stack(app, "Small", env=Environment(account=account, region=REGION))
    sqs.Queue(stack, "Jobs", queue_name="small-jobs")
    return app.synth().directory


def test_sts_01_cdk_deploys_a_small_app_with_the_credentials_of_a_profile(closed_emulator: Emulator, tmp_path: Path):
    bootstrapped(closed_emulator, documented_change(bootstrap_template()), tmp_path)
    keys = issued(closed_emulator)
    run = cdk(
        closed_emulator, keys, "deploy", "--app", small_app(closed_emulator.account, tmp_path),
        "--require-approval", "never",
    )  # fmt: skip
    assert run.returncode == 0, run.stdout + run.stderr
    (url,) = closed_emulator.root("sqs").list_queues()["QueueUrls"]
    assert url.endswith("/small-jobs")
    # The session itself can do nothing else.
    session = boto3.Session(*keys.values(), region_name=REGION)
    own = session.client("sqs", endpoint_url=closed_emulator.endpoint)
    with pytest.raises(own.exceptions.ClientError, match="AccessDenied"):
        own.list_queues()


def test_sts_01_cdk_cannot_assume_the_roles_of_an_unchanged_bootstrap(closed_emulator: Emulator, tmp_path: Path):
    bootstrapped(closed_emulator, bootstrap_template(), tmp_path)
    run = cdk(
        closed_emulator, issued(closed_emulator), "deploy", "--app", small_app(closed_emulator.account, tmp_path),
        "--require-approval", "never",
    )  # fmt: skip
    assert run.returncode != 0
    # The CLI goes on with its own credentials, which may only assume the roles.
    assert "no session policy allows the ssm:GetParameter action" in run.stderr
    assert not closed_emulator.root("sqs").list_queues().get("QueueUrls")
