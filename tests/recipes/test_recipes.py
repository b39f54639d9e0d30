"""The recipes' policies, workflow, manifests and dev container: as valid as can be known without their services."""

import json
import re
import shlex
from importlib import resources
from ipaddress import ip_address, ip_network
from pathlib import Path
from typing import Any

import jsonschema
import pytest
import yaml

from jitney.client.inputs.setting_names import SETTINGS
from tests.iam_evaluation import Policy, Session
from tests.test_code_blocks import check_command

RECIPES = Path(__file__).parents[2] / "docs" / "recipes"
VARIABLES = {variable for variable, _ in SETTINGS.values()} | {"AWS_EC2_METADATA_DISABLED"}
EVERYTHING = Policy({"Statement": [{"Effect": "Allow", "Action": "*", "Resource": "*"}]})
_SSO = "arn:aws:iam::111122223333:role/aws-reserved/sso.amazonaws.com"
DEVELOPER = f"{_SSO}/eu-west-1/AWSReservedSSO_Developer_0123456789abcdef"
SIGN_IN = ("signin:AuthorizeOAuth2Access", "signin:CreateOAuth2Token")


def blocks(page: str, language: str) -> list[str]:
    return re.findall(rf"```{language}\n(.*?)```", (RECIPES / page).read_text("utf-8"), re.DOTALL)


SCP, BOUNDARY = (json.loads(text) for text in blocks("aws-mcp.md", "json"))
DEV_CONTAINER = json.loads(blocks("containers.md", "json")[0])
GITHUB = yaml.safe_load(blocks("../identity/github.md", "yaml")[0])
WORKFLOW, MANIFESTS = (list(yaml.safe_load_all(text)) for text in blocks("containers.md", "yaml"))


def allowed(document: dict[str, Any], action: str, *, role: str = DEVELOPER, **call: str) -> bool:
    full_access = [{"Effect": "Allow", "Action": "*", "Resource": "*"}] if document is SCP else []  # FullAWSAccess
    limits = [Policy({"Statement": [*document["Statement"], *full_access]})]
    session = Session(f"{role}/me", role, "111122223333", [EVERYTHING], limits)
    keys = {key.replace("_", ":"): value for key, value in call.items()}
    return session.allowed(action, "*", {"aws:PrincipalArn": role} | keys)


@pytest.mark.parametrize("document", [SCP, BOUNDARY], ids=["scp", "boundary"])
@pytest.mark.parametrize("action", ["s3:GetObject", "ec2:TerminateInstances", "sts:AssumeRole"])
def test_gw_calls_through_awss_mcp_servers_are_denied_and_others_are_not(document: dict[str, Any], action: str):
    assert allowed(document, action)
    assert allowed(document, action, aws_ViaAWSMCPService="false")
    assert not allowed(document, action, aws_ViaAWSMCPService="true")
    assert not allowed(document, action, aws_ViaAWSMCPService="true", aws_CalledViaAWSMCP="aws-mcp.amazonaws.com")


@pytest.mark.parametrize("action", SIGN_IN)
def test_gw_the_sign_in_of_agents_is_denied_to_developers_only(action: str):
    assert not allowed(SCP, action)
    assert allowed(SCP, action, role="arn:aws:iam::111122223333:role/pipeline")
    assert allowed(SCP, "signin:Authenticate")


def test_gw_the_service_control_policy_fits():
    assert len(json.dumps(SCP)) < 5120
    assert not any(each["Effect"] == "Allow" for each in SCP["Statement"])


def test_dx_the_workflow_is_valid_and_gets_a_token():
    schema = resources.files("check_jsonschema").joinpath("builtin_schemas/vendor/github-workflows.json")
    workflow = yaml.load(blocks("containers.md", "yaml")[0], Loader=yaml.BaseLoader)  # noqa: S506 - of strings only
    typed = {key: value for key, value in WORKFLOW[0].items() if key is not True}  # `on` in YAML 1.1
    jsonschema.Draft7Validator(json.loads(schema.read_text("utf-8"))).validate(typed | {"on": workflow["on"]})
    assert workflow["permissions"] == {"contents": "read", "id-token": "write"}
    (job,) = workflow["jobs"].values()
    assert job["environment"] in GITHUB["issuers"]["github"]["claims"]["require"]["environment"]
    assert job["env"].keys() <= VARIABLES
    assert "secrets" not in json.dumps(workflow)
    for step in job["steps"]:
        check_command(shlex.split(step["run"]))


def test_dx_the_dev_container_has_settings_of_jitney_and_no_keys():
    assert DEV_CONTAINER["containerEnv"].keys() <= VARIABLES
    assert ".aws" not in json.dumps(DEV_CONTAINER)
    assert all(mount.endswith(",readonly") for mount in DEV_CONTAINER["mounts"])
    for command in DEV_CONTAINER["postCreateCommand"].split(" && "):
        check_command(shlex.split(command))


def test_dx_the_pod_has_jitneys_token_and_no_other():
    job, policy = MANIFESTS
    pod = job["spec"]["template"]["spec"]
    assert pod["automountServiceAccountToken"] is False
    (container,), (volume,) = pod["containers"], pod["volumes"]
    check_command([*container["command"], *container["args"]])
    assert {each["name"] for each in container["env"]} <= VARIABLES
    (mount,) = container["volumeMounts"]
    (source,) = volume["projected"]["sources"]
    assert (mount["name"], mount["readOnly"]) == (volume["name"], True)
    assert f"{mount['mountPath']}/{source['serviceAccountToken']['path']}" == "/var/run/secrets/jitney/token"
    assert source["serviceAccountToken"]["audience"] == "jitney"
    assert policy["spec"]["podSelector"]["matchLabels"] == job["spec"]["template"]["metadata"]["labels"]
    blocks = [each["ipBlock"] for rule in policy["spec"]["egress"] for each in rule.get("to", ())]
    denied = {ip_network(block["cidr"]): [ip_network(each) for each in block["except"]] for block in blocks}
    assert all(each.subnet_of(whole) for whole, excepted in denied.items() for each in excepted)
    for service in ("169.254.169.254", "169.254.170.23", "fd00:ec2::254", "fd00:ec2::23"):
        assert any(ip_address(service) in each for excepted in denied.values() for each in excepted)
