"""Changes of the options in `jitney.yaml`, as updates of a deployed stack (row OPS 2)."""

import json
import re
import subprocess
from itertools import combinations
from pathlib import Path
from typing import Any

import pytest

from infra.replica_stack import template as replica_template
from jitney.configuration.broker_settings import BrokerSettings
from tests.infra.conftest import Synthesized, configured, listed, of_type
from tests.infra.test_domain import DOMAIN
from tests.infra.test_network import PRIVATE, VPC
from tests.infra.test_replication import REPLICATION

pytestmark = pytest.mark.xdist_group("cdk")

OPTIONS: dict[str, dict[str, Any]] = {
    "none": {},
    "public": {"domain": DOMAIN, "replication": REPLICATION, "deployment": "all_at_once"},
    "private": {"domain": DOMAIN, "private_api": PRIVATE, "vpc": VPC, "permissions_boundary": "company/boundary"},
}
ROOT = Path(__file__).parents[2]
ACCEPTED = {
    "E3601": r"'arn:\$\{Partition\}:states:::|'\{% ",  # cfn-lint knows no partition but aws there, and no JSONata
    "W3005": "dependency already enforced",  # CDK repeats dependencies
    "W3037": "'getscopedcredentials'",  # cfn-lint's list of actions is older
}
"""Findings of cfn-lint about correct templates, by rule."""
PAIRS = tuple(combinations(OPTIONS, 2))
# Properties whose value an account or a Region has once.
NAMES = ("FunctionName", "RoleName", "ManagedPolicyName", "AlarmName", "LogGroupName", "DeploymentGroupName")


@pytest.fixture(scope="module")
def assemblies(synthesize: Any, tmp_path_factory: pytest.TempPathFactory) -> dict[str, Synthesized]:
    """Return what is deployed for each set of options."""
    return {name: synthesize(configured(tmp_path_factory.mktemp(name), **OPTIONS[name])) for name in OPTIONS}


@pytest.fixture(scope="module")
def templates(assemblies: dict[str, Synthesized]) -> dict[str, dict[str, Any]]:
    """Return the resources of the broker's stack for each set of options."""
    return {name: made.broker["Resources"] for name, made in assemblies.items()}


def findings_of_cfn_lint(folders: list[Path], *further: Path) -> set[tuple[str, str]]:
    """Return the rule and the message of each finding in the folders' templates."""
    subprocess.run(["make", "--silent", ".local/cfn-lint/.ready"], cwd=ROOT, check=True, capture_output=True)
    templates = [*further, *(path for each in folders for path in sorted(each.glob("*.template.json")))]
    assert len(templates) >= 2 * len(folders)
    program = ROOT / ".local/cfn-lint/bin/cfn-lint"
    command = [program, "--format", "json", "--regions", "eu-west-1", "--template", *templates]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    return {(each["Rule"]["Id"], each["Message"]) for each in json.loads(done.stdout)}


def refused(findings: set[tuple[str, str]]) -> list[tuple[str, str]]:
    """Return the findings that are not about correct templates."""
    return sorted(each for each in findings if not re.search(ACCEPTED.get(each[0], "(?!)"), each[1]))


def test_ops_02_cfn_lint_accepts_the_templates_of_the_default_options(assembly: Synthesized):
    assert refused(findings_of_cfn_lint([assembly.folder])) == []


@pytest.mark.slow
def test_ops_02_cfn_lint_accepts_the_templates_of_each_option(assemblies: dict[str, Synthesized], tmp_path: Path):
    replicas = tmp_path / "replicas.template.json"
    replicas.write_text(replica_template(BrokerSettings(account="111122223333", region="eu-west-1")), encoding="utf-8")
    found = findings_of_cfn_lint([each.folder for each in assemblies.values()], replicas)
    assert {rule for rule, _ in found} == ACCEPTED.keys()
    assert refused(found) == []


@pytest.mark.parametrize("name", OPTIONS)
def test_ops_02_a_target_trusts_only_roles_that_the_broker_has(assemblies: dict[str, Synthesized], name: str):
    """IAM refuses a trust policy that names a role that does not exist. The emulator accepts it."""
    roles = of_type(assemblies[name].broker, "AWS::IAM::Role").values()
    arns = {f"arn:aws:iam::111122223333:role{each['Path']}{each['RoleName']}" for each in roles}
    trusting = of_type(assemblies[name].target, "AWS::IAM::Role").values()
    statements = [each for role in trusting for each in role["AssumeRolePolicyDocument"]["Statement"]]
    trusted = {arn for each in statements for arn in listed(each["Principal"].get("AWS", []))}
    assert trusted - arns == set()
    assert len(trusted) > len(OPTIONS)


@pytest.mark.parametrize(("before", "after"), PAIRS)
def test_ops_02_no_option_changes_the_type_of_a_resource(templates: dict[str, dict[str, Any]], before: str, after: str):
    """CloudFormation refuses an update in which a logical id gets another type."""
    old, new = templates[before], templates[after]
    assert [name for name in old.keys() & new.keys() if old[name]["Type"] != new[name]["Type"]] == []


@pytest.mark.parametrize(("before", "after"), PAIRS)
def test_ops_02_no_option_moves_a_name_to_another_resource(
    templates: dict[str, dict[str, Any]], before: str, after: str
):
    """CloudFormation creates new resources before it deletes old ones, so the name would exist already."""
    old, new = _named(templates[before]), _named(templates[after])
    assert {key: (old[key], new[key]) for key in old.keys() & new.keys() if old[key] != new[key]} == {}
    assert len(old) > 100


@pytest.mark.parametrize("name", OPTIONS)
def test_ops_02_each_throttle_is_of_a_method_that_the_api_has(templates: dict[str, dict[str, Any]], name: str):
    """The configuration has no section `slack`, so the API has no route for it."""
    found = templates[name]
    (stage,) = (each["Properties"] for each in found.values() if each["Type"] == "AWS::ApiGateway::Stage")
    limited = {(each["ResourcePath"].replace("~1", "/"), each["HttpMethod"]) for each in stage["MethodSettings"]}
    methods = [each["Properties"] for each in found.values() if each["Type"] == "AWS::ApiGateway::Method"]
    routes = {(_path(found, each["ResourceId"]), each["HttpMethod"]) for each in methods}
    assert limited - routes == {("/*", "*")}
    assert len(limited) > 20


def _path(resources: dict[str, Any], resource: dict[str, Any]) -> str:
    """Return the path of an API's resource, with the slash that begins a stage's setting."""
    if "Ref" not in resource:
        return "/"
    properties = resources[resource["Ref"]]["Properties"]
    return f"{_path(resources, properties['ParentId'])}/{properties['PathPart']}"


def _named(resources: dict[str, Any]) -> dict[tuple[str, str, str], str]:
    """Return the logical ids by type, property and name."""
    return {
        (each["Type"], name, each["Properties"][name]): logical_id
        for logical_id, each in resources.items()
        for name in NAMES
        if isinstance(each.get("Properties", {}).get(name), str)
    }
