"""A broker in each of two Regions of one account: their names do not collide (row OPS 2)."""

import json
from typing import Any

import pytest

from tests.infra.conftest import Synthesized, of_type, target_role

pytestmark = pytest.mark.xdist_group("cdk")

HERE, THERE = "eu-west-1", "us-east-2"
# The names of these resources are the same in all Regions of an account.
GLOBAL = {
    "AWS::IAM::Role": "RoleName",
    "AWS::IAM::ManagedPolicy": "ManagedPolicyName",
    "AWS::CloudWatch::Dashboard": "DashboardName",
    "AWS::S3::Bucket": "BucketName",
}


@pytest.fixture(scope="module")
def there(synthesize: Any) -> Synthesized:
    """Return the same configuration in another Region."""
    secret = f"arn:aws:secretsmanager:{THERE}:111122223333:secret:jitney/slack"
    secrets = {"JITNEY_SLACK_BOT_TOKEN_ARN": f"{secret}-bot", "JITNEY_SLACK_SIGNING_SECRET_ARN": f"{secret}-signing"}
    return synthesize({"JITNEY_REGION": THERE} | secrets)


def global_names(template: dict[str, Any]) -> set[tuple[str, str]]:
    named = (
        (kind, each[name]) for kind, name in GLOBAL.items() for each in of_type(template, kind).values() if name in each
    )
    return set(named)


def test_ops_02_brokers_in_two_regions_share_no_global_name(assembly: Synthesized, there: Synthesized):
    one, other = global_names(assembly.broker), global_names(there.broker)
    assert len(one) == len(other) > 30
    assert one & other == set()
    assert {(kind, name.replace(HERE, THERE)) for kind, name in one} == other


def test_ops_02_a_target_trusts_the_functions_of_its_brokers_region_only(assembly: Synthesized, there: Synthesized):
    for target, region, other in ((assembly.target, HERE, THERE), (there.target, THERE, HERE)):
        trust = json.dumps(target_role(target)["AssumeRolePolicyDocument"])
        assert f"jitney-grants-{region}" in trust
        assert other not in trust
