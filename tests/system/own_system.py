"""A system with a separate configuration: an issuer in the worker's process, and targets for these tests only.

Tests may change here what others would use at the same time, such as a target's roles and deny document. No other test
is affected, because one worker runs all of these tests (GROUP).
"""

import time
from contextlib import AbstractContextManager
from pathlib import Path
from typing import Any

import jwt
import pytest
import yaml

from local.identity import key_set
from local.settings import LocalSettings
from tests.core.identity.minting import jwk, jwks, private_key

GROUP = pytest.mark.xdist_group("own configuration")
BOUND, PLAIN = "lake", "pond"
"""The targets. BOUND binds keys to the address that requested them, seals sessions, and has ROLES roles.

PLAIN does none of that.
"""
ROLES = 3
ACCOUNTS = {BOUND: "555566667777", PLAIN: "666677778888"}
OPERATOR = "warden"
GROUPS = {OPERATOR: ["wardens"]}
PROFILE = "seeding"
"""An access profile of PLAIN. Policies permit all of it."""
PROFILES = {
    PROFILE: {
        "permissions": [
            {"actions": ["s3:GetObject"], "resources": [f"arn:aws:s3:::{PLAIN}/raw/a.csv"]},
            {"actions": ["s3:PutObject"], "resources": [f"arn:aws:s3:::{PLAIN}-seeds/*"]},
        ]
    }
}
POLICY = """
@id("own-read-{target}")
permit (principal in Jitney::Group::"factory/robots", action == Jitney::Action::"Read",
    resource in Jitney::Target::"{target}");
@id("own-write-{target}")
permit (principal in Jitney::Group::"factory/robots", action == Jitney::Action::"Write",
    resource in Jitney::Target::"{target}")
when {{ resource.arn like "arn:aws:s3:::{target}-*/*" && (resource.wildcard || !resource.wildcard) }};
"""
CASE = """
  - {{name: robots read {target}, target: {target}, groups: [factory/robots], actions: ["s3:GetObject"],
     resources: ["arn:aws:s3:::{target}/raw/a.csv"], seconds: 900, effect: allow, policies: [own-read-{target}]}}
  - {{name: robots write {target}, target: {target}, groups: [factory/robots], actions: ["s3:PutObject"],
     resources: ["arn:aws:s3:::{target}-*/*"], seconds: 900, effect: allow, policies: [own-write-{target}]}}
"""


def serving_keys() -> AbstractContextManager[str]:
    """Serve the issuer's keys."""
    return key_set.serving(jwks(jwk("rsa")))


def token(issuer: str, agent: str) -> str:
    """Return a token for any agent. The operator's has the operators' group, and others have a robot's."""
    now = int(time.time())
    claims = {"iss": issuer, "aud": "jitney", "sub": agent, "iat": now, "exp": now + 600}
    claims["roles"] = GROUPS.get(agent, ["robots"])
    return jwt.encode(claims, private_key("rsa"), "RS256", {"kid": "rsa", "typ": "at+jwt"})


def configured(settings: LocalSettings, issuer: str) -> Path:
    """Write the file and the folder that a platform engineer would write."""
    policies = settings.state / "own-policies"
    policies.mkdir(parents=True, exist_ok=True)
    (policies / "own.cedar").write_text("".join(POLICY.format(target=each) for each in ACCOUNTS), encoding="utf-8")
    cases = "cases:\n" + "".join(CASE.format(target=each) for each in ACCOUNTS)
    (policies / "tests.yaml").write_text(cases, encoding="utf-8")
    own = {
        "issuer": issuer,
        "jwks_uri": f"{issuer}/keys",
        "provider": "generic",
        "token": "access",
        "audiences": ["jitney"],
        "algorithms": ["RS256"],
        "kind": "agent",
        "groups_claim": "roles",
    }
    chosen = {
        "version": 1,
        "broker": {"account": "111122223333", "region": "eu-west-1"},
        "issuers": {"factory": own},
        "targets": {
            BOUND: _target(BOUND) | {"bind_to_caller": True, "sealed": True, "roles": ROLES},
            PLAIN: _target(PLAIN) | {"access_profiles": PROFILES},
        },
        "operators": ["factory/wardens"],
        "policies": str(policies),
    }
    file = settings.state / "own.yaml"
    file.write_text(yaml.safe_dump(chosen, sort_keys=False), encoding="utf-8")
    return file


def _target(name: str) -> dict[str, Any]:
    allow = {"Effect": "Allow", "Action": "s3:*", "Resource": [f"arn:aws:s3:::{name}", f"arn:aws:s3:::{name}*/*"]}
    return {
        "account": ACCOUNTS[name],
        "region": "eu-west-1",
        "role_name": f"{name}-robots",
        "policy": {"Version": "2012-10-17", "Statement": [allow]},
    }
