"""The configuration that is deployed for the checks: one target in the broker's own account, and its policies."""

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from conformance.tokens import AGENT_AUDIENCE, OPERATORS, REVIEW_AUDIENCE, REVIEWER, WEB_AUDIENCE
from jitney.configuration.partitions import partition_of

ALIAS = "conformance"
TARGET_STACK = f"JitneyTarget-{ALIAS}"
ROLE_NAME = "jitney-conformance"
KEY, OTHER_KEY = "data/a.csv", "data/b.csv"
"""The keys of the objects that agents read."""
MADE = "jitney-conformance-"
"""The prefix of everything that checks create."""

_POLICIES = """
@id("readers-read")
permit (principal in Jitney::Group::"lab/readers", action in Jitney::Action::"ReadOnly",
    resource in Jitney::Target::"{alias}")
when {{ resource.arn == "*" || resource.arn like "{objects}/data/*" }};

@id("readers-tag")
permit (principal in Jitney::Group::"lab/readers", action, resource in Jitney::Target::"{alias}")
when {{ resource.arn like "arn:{partition}:*:{region}:{account}:*{made}*" }}
when {{ [true, false].contains(resource.wildcard) }};

@id("writers-write")
@approval("owners")
@advice("An owner must approve writes.")
permit (principal in Jitney::Group::"lab/writers", action == Jitney::Action::"Write",
    resource in Jitney::Target::"{alias}")
when {{ context.way == "credentials" && context.approvals.contains("owners") }}
when {{ resource.arn like "{objects}/data/*" && !resource.wildcard }};

@id("gateway-write")
permit (principal in Jitney::Group::"lab/readers", action == Jitney::Action::"Write",
    resource in Jitney::Target::"{alias}")
when {{ context.way == "gateway" && resource.arn like "{objects}/data/*" }};
"""
_TESTS = """
cases:
  - {{name: readers read, target: {alias}, groups: [lab/readers], actions: ["s3:GetObject"],
     resources: ["{objects}/data/a.csv"], seconds: 900, effect: allow, policies: [readers-read]}}
"""


def bucket_name(account: str, region: str) -> str:
    """Return the name of the bucket whose objects agents read."""
    return f"{MADE}{account}-{region}"


def object_arn(bucket: str, region: str, key: str) -> str:
    """Return the ARN of an object of a bucket in that Region."""
    return f"arn:{partition_of(region)}:s3:::{bucket}/{key}"


def write_configuration(
    folder: Path,
    *,
    account: str,
    region: str,
    second_region: str,
    issuer: str,
    keys_url: str,
    replication: Mapping[str, str] | None = None,
) -> Path:
    """Write jitney.yaml and the policies into `folder`. Return the path of jitney.yaml."""
    partition, bucket = partition_of(region), bucket_name(account, region)
    names = {"alias": ALIAS, "region": region, "account": account, "made": MADE, "partition": partition}
    names["objects"] = object_arn(bucket, region, "").removesuffix("/")
    policies = folder / "policies"
    policies.mkdir(parents=True, exist_ok=True)
    (policies / "conformance.cedar").write_text(_POLICIES.format(**names), encoding="utf-8")
    (policies / "tests.yaml").write_text(_TESTS.format(**names), encoding="utf-8")
    settings = {
        "version": 1,
        "broker": {"account": account, "region": region} | ({"replication": replication} if replication else {}),
        "issuers": _issuers(issuer, keys_url),
        "targets": {ALIAS: _target(bucket, account, region, second_region)},
        "reviewers": {"owners": {"members": [f"people/{REVIEWER}"], "approvals": 1}},
        "operators": [f"lab/{OPERATORS}"],
        "limits": {"reviews_per_hour": 1000},
        "policies": str(policies),
    }
    path = folder / "jitney.yaml"
    # JSON is YAML, and has no aliases, which the file must not have.
    path.write_text(json.dumps(settings, indent=2), encoding="utf-8")
    return path


def _issuers(issuer: str, keys_url: str) -> dict[str, Any]:
    common = {"issuer": issuer, "jwks_uri": keys_url, "provider": "generic", "algorithms": ["RS256"]}
    person = {**common, "token": "id", "kind": "human", "subject_pattern": "[a-z]+"}
    web = {"client_id": WEB_AUDIENCE, "scopes": ["openid"]}
    web |= {"authorization_url": f"{issuer}/auth", "token_url": f"{issuer}/token"}
    return {
        "lab": {**common, "token": "access", "kind": "agent", "audiences": [AGENT_AUDIENCE]},
        "people": {**person, "audiences": [WEB_AUDIENCE], "web": web},
        "terminal": {**person, "audiences": [REVIEW_AUDIENCE], "for_reviews": True, "max_age_seconds": 900},
    }


def _target(bucket: str, account: str, region: str, second_region: str) -> dict[str, Any]:
    place = f"{region}:{account}:*{MADE}*"
    made = [f"arn:{partition_of(region)}:{each}:{place}" for each in ("sqs", "sns", "dynamodb", "logs", "ssm")]
    statements = [
        {
            "Effect": "Allow",
            "Action": ["s3:GetObject", "s3:PutObject"],
            "Resource": [object_arn(bucket, region, "data/*")],
        },
        {"Effect": "Allow", "Action": ["dynamodb:ListTables"], "Resource": ["*"]},
        {"Effect": "Allow", "Action": ["sqs:*", "sns:*", "dynamodb:*", "logs:*", "ssm:*"], "Resource": made},
    ]
    return {
        "account": account,
        "region": region,
        "role_name": ROLE_NAME,
        "in_broker_account": True,
        "other_regions": [second_region],
        "policy": {"Version": "2012-10-17", "Statement": statements},
    }
