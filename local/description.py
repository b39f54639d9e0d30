"""What stack.json says about the deployed stacks, and what a configuration can learn from a local system."""

import hashlib
from collections.abc import Mapping, Sequence
from typing import Any
from urllib.parse import urlsplit

from local import slack
from local.deploy import deployment
from local.deploy.assembly import Stack

TARGET_STACK = "JitneyTarget-"


def variables(of_agents: Mapping[str, Any], of_people: Mapping[str, Any], slack_port: int) -> dict[str, str]:
    """Return the variables of the local identity providers and the local Slack that a configuration can use."""
    return {
        **slack.variables(slack_port),
        "JITNEY_LOCAL_ISSUER": of_agents["issuer"],
        "JITNEY_LOCAL_JWKS_URI": of_agents["jwks_uri"],
        "JITNEY_PEOPLE_ISSUER": of_people["issuer"],
        "JITNEY_PEOPLE_JWKS_URI": of_people["jwks_uri"],
        "JITNEY_PEOPLE_AUTHORIZATION_URL": of_people["authorization_url"],
        "JITNEY_PEOPLE_TOKEN_URL": of_people["token_url"],
    }


def known_variables(known: Mapping[str, Any]) -> dict[str, str]:
    """Return the variables of the running system. `known` is its stack.json."""
    return variables(known, known.get("people", known), urlsplit(str(known["slack_url"])).port or 0)


def deployed(stacks: Sequence[Stack], endpoint: str) -> dict[str, Any]:
    """Return what stack.json says about AWS. Targets whose stacks are not deployed are left out."""
    outputs = {stack.name: deployment.outputs(stack, endpoint) for stack in stacks}
    broker, made = stacks[0], outputs[stacks[0].name]
    stage = urlsplit(made["ApiUrl"]).path.strip("/")
    api_url = f"{endpoint}/_aws/execute-api/{made['ApiId']}/{stage}"
    return {
        "api_url": api_url,
        "calls_url": f"{api_url}/v1/calls",
        "reviews_url": f"{api_url}/reviews",
        "aws_endpoint": endpoint,
        "region": broker.region,
        "account": broker.account,
        "tables": {"state": made["StateTable"], "audit": made["AuditTable"]},
        "buckets": {
            "records": made["RecordsBucket"],
            "seals": made["SealsBucket"],
            "athena_results": made["ResultsBucket"],
        },
        "trail_queue": made["TrailQueue"],
        "trail_dead_letters": made["TrailDeadLetters"],
        "dead_letters": made["RecordDeadLetters"],
        "seal_key_arn": made["SealKeyArn"],
        "seal_key": _fingerprint(broker, made["SealKeyArn"], endpoint),
        "athena": {"workgroup": made["AthenaWorkgroup"], "database": made["GlueDatabase"]},
        "approval_arn": made["ApprovalArn"],
        "targets": {
            stack.name.removeprefix(TARGET_STACK): {
                "account": stack.account,
                "region": stack.region,
                "role_arn": outputs[stack.name]["RoleArn"],
            }
            for stack in stacks[1:]
            if outputs[stack.name]
        },
    }


def _fingerprint(broker: Stack, key_arn: str, endpoint: str) -> str:
    """Return the SHA-256 of the public key that verifies seals. An auditor trusts this key."""
    kms = deployment.session(broker.account, broker.region).client("kms", endpoint_url=endpoint)
    return hashlib.sha256(kms.get_public_key(KeyId=key_arn)["PublicKey"]).hexdigest()
