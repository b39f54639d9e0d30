"""The templates for AWS GovCloud (US) and China (row OPS 2): what AWS names otherwise there, and does not have."""

import json
import re
import subprocess
from pathlib import Path
from typing import Any

import pytest
import yaml

from infra.replica_stack import template as replica_template
from infra.target_template import main
from jitney.configuration.broker_settings import BrokerSettings
from jitney.configuration.partitions import partition_of
from tests.configuration.test_load import valid, write_policies
from tests.infra.conftest import Synthesized, of_type, only, plain
from tests.infra.test_options import ACCEPTED, ROOT

pytestmark = pytest.mark.xdist_group("cdk")

ACCOUNT = "111122223333"
COMMERCIAL, GOVCLOUD, CHINA = REGIONS = ("eu-west-1", "us-gov-west-1", "cn-north-1")
REGIONAL_NAME = re.compile(r"[a-z0-9]+\.(?:{})\.amazonaws\.com(?:\.cn)?".format("|".join(REGIONS)))
OTHER_PARTITIONS = re.compile(r"arn:aws(?:-[a-z-]+)?:")


def settings_in(region: str, folder: Path) -> dict[str, str]:
    """Return the environment that names a configuration with a domain name and replicas, in one Region."""
    partition = partition_of(region)
    write_policies(folder / "policies")
    certificate = f"arn:{partition}:acm:{region}:{ACCOUNT}:certificate/1a2b"
    replicas = {"records_bucket": "records-replica", "seals_bucket": "seals-replica"}
    replicas |= {"account": "444455556666", "region": region}
    replicas["key_arn"] = f"arn:{partition}:kms:{region}:444455556666:key/1234abcd-12ab-34cd-56ef-1234567890ab"
    domain = {"name": "jitney.example.com", "certificate_arn": certificate}
    broker = {"account": ACCOUNT, "region": region, "domain": domain, "replication": replicas}
    document = valid() | {"broker": broker}
    document["targets"] = {"analytics-prod": document["targets"]["prod"] | {"region": region}}
    path = folder / "jitney.yaml"
    path.write_text(yaml.safe_dump(document), encoding="utf-8")
    return {"JITNEY_CONFIG": str(path)}


@pytest.fixture(scope="module")
def made(synthesize: Any, tmp_path_factory: pytest.TempPathFactory) -> dict[str, Synthesized]:
    return {region: synthesize(settings_in(region, tmp_path_factory.mktemp(region))) for region in REGIONS}


def replicas_in(region: str) -> dict[str, Any]:
    return json.loads(replica_template(BrokerSettings(account=ACCOUNT, region=region)))


def queries_left_out(template: dict[str, Any]) -> str:
    """Return the template's text without the named queries, whose comments have sample ARNs."""
    kept = {name: each for name, each in template["Resources"].items() if each["Type"] != "AWS::Athena::NamedQuery"}
    return json.dumps(kept)


@pytest.mark.slow
@pytest.mark.parametrize("region", REGIONS)
def test_ops_02_no_arn_is_of_another_partition(made: dict[str, Synthesized], region: str):
    for template in (made[region].broker, made[region].target):
        assert set(OTHER_PARTITIONS.findall(queries_left_out(template))) == {f"arn:{partition_of(region)}:"}


# KMS knows a service in China by one of two names, and AWS does not document by which.
# A key's policy with a principal that does not exist is refused.
NAMES = {
    COMMERCIAL: {"amazonaws.com"},
    GOVCLOUD: {"amazonaws.com"},
    CHINA: {"amazonaws.com.cn", "amazonaws.com"},
}


@pytest.mark.parametrize("region", REGIONS)
def test_ops_02_services_have_their_regional_names(made: dict[str, Synthesized], region: str):
    broker = made[region].broker
    logs = {f"logs.{region}.amazonaws.com" + (".cn" if region == CHINA else "")}
    via = {f"{service}.{region}.{domain}" for service in ("dynamodb", "s3") for domain in NAMES[region]}
    assert set(REGIONAL_NAME.findall(queries_left_out(broker))) == logs | via
    keys = json.dumps(of_type(broker, "AWS::KMS::Key"))
    assert set(REGIONAL_NAME.findall(keys)) & {each for each in logs | via if each.startswith("logs.")} == logs


@pytest.mark.parametrize("region", REGIONS)
def test_ops_02_the_key_of_replicas_knows_s3_by_its_names(region: str):
    (key,) = of_type(replicas_in(region), "AWS::KMS::Key").values()
    statements = {each.get("Sid"): each for each in key["KeyPolicy"]["Statement"]}
    via = plain(statements["BrokerReplicates"]["Condition"]["StringEquals"]["kms:ViaService"])
    assert set([via] if isinstance(via, str) else via) == {f"s3.AWS::Region.{domain}" for domain in NAMES[region]}


# By Region: the TLS policies of the API and of its domain name, the log formats of the functions, and whether the
# setting for loops is there.
FEATURES = {
    COMMERCIAL: (("SecurityPolicy_TLS13_1_2_PFS_PQ_2025_09",) * 2, {"JSON"}, True),
    GOVCLOUD: ((None, "TLS_1_2"), {None}, True),
    CHINA: (("SecurityPolicy_TLS13_1_2_PFS_PQ_2025_09",) * 2, {"JSON"}, False),
}


@pytest.mark.parametrize("region", REGIONS)
def test_ops_02_the_template_uses_only_what_aws_has_there(made: dict[str, Synthesized], region: str):
    broker = made[region].broker
    secured = [only(broker, f"AWS::ApiGateway::{kind}") for kind in ("RestApi", "DomainName")]
    functions = of_type(broker, "AWS::Lambda::Function").values()
    policies, formats, loops = FEATURES[region]
    assert tuple(each.get("SecurityPolicy") for each in secured) == policies
    # An access mode belongs to an enhanced policy.
    assert [each.get("EndpointAccessMode") for each in secured] == [
        "STRICT" if str(policy).startswith("SecurityPolicy_") else None for policy in policies
    ]
    assert {each["LoggingConfig"].get("LogFormat") for each in functions} == formats
    assert all("LogGroup" in each["LoggingConfig"] for each in functions)
    assert any("SystemLogLevel" in each["LoggingConfig"] for each in functions) is (formats == {"JSON"})
    assert any("RecursiveLoop" in each for each in functions) is loops


@pytest.mark.slow
@pytest.mark.parametrize("region", [GOVCLOUD, CHINA])
def test_ops_02_cfn_lint_accepts_the_templates_there(made: dict[str, Synthesized], region: str):
    subprocess.run(["make", "--silent", ".local/cfn-lint/.ready"], cwd=ROOT, check=True, capture_output=True)
    linter = [ROOT / ".local/cfn-lint/bin/cfn-lint", "--format", "json", "--regions", region, "--template"]
    templates = sorted(made[region].folder.glob("*.template.json"))
    assert len(templates) == 2
    done = subprocess.run([*linter, *templates], capture_output=True, text=True, check=False)
    found = {(each["Rule"]["Id"], each["Message"]) for each in json.loads(done.stdout)}
    assert [each for each in found if each[0] not in ACCEPTED or not re.search(ACCEPTED[each[0]], each[1])] == []


def test_ops_02_the_printed_template_is_of_the_targets_partition(tmp_path: Path, capsys: pytest.CaptureFixture[str]):
    assert main(["analytics-prod"], settings_in(CHINA, tmp_path)) == 0
    assert set(OTHER_PARTITIONS.findall(capsys.readouterr().out)) == {"arn:aws-cn:"}
