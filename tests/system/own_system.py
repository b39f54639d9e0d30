"""A system with a separate configuration: an issuer in the worker's process, and targets for these tests only.

Tests may change here what others would use at the same time, such as a target's roles and deny document. No other test
is affected, because one worker runs all of these tests (GROUP).
"""

import time
import uuid
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
OWNER, SECOND_OWNER = "alice", "bob"
PEOPLE = frozenset({OWNER, SECOND_OWNER})
"""They review in a terminal or in Slack. Each token of theirs is a new one, because a token votes once."""
WEB_CLIENT = "jitney-web"
"""The client with which people sign in to the pages. `tests.system.page_visitor` signs them in."""
ON_DUTY = "people/duty"
"""The group of people who may use break-glass on PLAIN. Reviewers are not in it."""
REVIEWED, PAIRED, CALLED, REMEMBERED = "reviewed", "paired", "called", "remembered"
"""Prefixes of PLAIN's keys. A write of REVIEWED needs one approval, of PAIRED two. CALLED is written by the gateway.

The approval of a write of REMEMBERED counts again. A deletion of CALLED is reviewed call by call.
"""
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
FLOW_POLICY = f"""
@id("bound-read")
permit (principal in Jitney::Group::"bound/robots", action == Jitney::Action::"Read",
    resource in Jitney::Target::"{PLAIN}");
@id("flows-write")
permit (principal in Jitney::Group::"factory/robots", action == Jitney::Action::"Write",
    resource in Jitney::Target::"{PLAIN}")
when {{ !resource.wildcard && (resource.arn like "arn:aws:s3:::{PLAIN}/{REVIEWED}/*" ||
    resource.arn like "arn:aws:s3:::{PLAIN}/{PAIRED}/*" || resource.arn like "arn:aws:s3:::{PLAIN}/{CALLED}/*" ||
    resource.arn like "arn:aws:s3:::{PLAIN}/{REMEMBERED}/*") }};
@id("reviewed-write")
@approval("owners")
forbid (principal in Jitney::Group::"factory/robots", action == Jitney::Action::"Write", resource)
when {{ resource.arn like "arn:aws:s3:::{PLAIN}/{REVIEWED}/*" }}
unless {{ context.approvals.contains("owners") }};
@id("remembered-write")
@approval("owners")
forbid (principal in Jitney::Group::"factory/robots", action == Jitney::Action::"Write", resource)
when {{ resource.arn like "arn:aws:s3:::{PLAIN}/{REMEMBERED}/*" }}
unless {{ context.approvals.contains("owners") || context.earlierApprovals.contains("owners") }};
@id("paired-write")
@approval("pair")
forbid (principal in Jitney::Group::"factory/robots", action == Jitney::Action::"Write", resource)
when {{ resource.arn like "arn:aws:s3:::{PLAIN}/{PAIRED}/*" }}
unless {{ context.approvals.contains("pair") }};
@id("each-delete-reviewed")
@approval("owners")
forbid (principal in Jitney::Group::"factory/robots", action, resource in Jitney::Target::"{PLAIN}")
when {{ context.action == "s3:DeleteObject" && context.call.hasTag("operation") }}
unless {{ context.approvals.contains("owners") }};
"""
FLOW_CASES = f"""
  - {{name: robots with bound tokens read, target: {PLAIN}, groups: [bound/robots], actions: ["s3:GetObject"],
     resources: ["arn:aws:s3:::{PLAIN}/raw/a.csv"], seconds: 900, effect: allow, policies: [bound-read]}}
  - {{name: a reviewed write, target: {PLAIN}, groups: [factory/robots], actions: ["s3:PutObject"],
     resources: ["arn:aws:s3:::{PLAIN}/{REVIEWED}/a"], seconds: 900, effect: review, policies: [reviewed-write],
     reviews: [[owners]]}}
  - {{name: a write whose approval counts again, target: {PLAIN}, groups: [factory/robots],
     actions: ["s3:PutObject"], resources: ["arn:aws:s3:::{PLAIN}/{REMEMBERED}/a"], seconds: 900, effect: review,
     policies: [remembered-write], reviews: [[owners]]}}
  - {{name: a write that two review, target: {PLAIN}, groups: [factory/robots], actions: ["s3:PutObject"],
     resources: ["arn:aws:s3:::{PLAIN}/{PAIRED}/a"], seconds: 900, effect: review, policies: [paired-write],
     reviews: [[pair]]}}
  - {{name: a write through the gateway, target: {PLAIN}, groups: [factory/robots], actions: ["s3:PutObject"],
     resources: ["arn:aws:s3:::{PLAIN}/{CALLED}/a"], seconds: 900, way: gateway, effect: allow,
     policies: [flows-write]}}
  - {{name: one deletion through the gateway, target: {PLAIN}, groups: [factory/robots], actions: ["s3:DeleteObject"],
     resources: ["arn:aws:s3:::{PLAIN}/{CALLED}/a"], seconds: 900, way: gateway, operation: s3:DeleteObject,
     effect: review, policies: [each-delete-reviewed], reviews: [[owners]]}}
"""


def serving_keys() -> AbstractContextManager[str]:
    """Serve the issuer's keys."""
    return key_set.serving(jwks(jwk("rsa")))


def token(issuer: str, agent: str) -> str:
    """Return a token for any agent. The operator's has the operators' group, and others have a robot's.

    The name of a person gives a new token for reviews in a terminal.
    """
    now = int(time.time())
    claims: dict[str, Any] = {"sub": agent, "iat": now, "exp": now + 600}
    if agent in PEOPLE:
        claims |= {"iss": people_issuer(issuer), "aud": "jitney-review", "jti": str(uuid.uuid4())}
        return jwt.encode(claims, private_key("rsa"), "RS256", {"kid": "rsa", "typ": "JWT"})
    claims |= {"iss": issuer, "aud": "jitney", "roles": GROUPS.get(agent, ["robots"])}
    return jwt.encode(claims, private_key("rsa"), "RS256", {"kid": "rsa", "typ": "at+jwt"})


def bound_token(issuer: str, agent: str, thumbprint: str) -> str:
    """Return a robot's token that is bound to the key with this thumbprint (RFC 9449)."""
    now = int(time.time())
    claims = {"iss": issuer, "sub": agent, "aud": "jitney-bound", "iat": now, "exp": now + 600, "roles": ["robots"]}
    claims["cnf"] = {"jkt": thumbprint}
    return jwt.encode(claims, private_key("rsa"), "RS256", {"kid": "rsa", "typ": "at+jwt"})


def people_issuer(issuer: str) -> str:
    """Return the issuer of the people's tokens. It has the same keys."""
    return f"{issuer}/people"


def configured(settings: LocalSettings, issuer: str) -> Path:
    """Write the file and the folder that a platform engineer would write."""
    policies = settings.state / "own-policies"
    policies.mkdir(parents=True, exist_ok=True)
    (policies / "own.cedar").write_text("".join(POLICY.format(target=each) for each in ACCOUNTS), encoding="utf-8")
    (policies / "flows.cedar").write_text(FLOW_POLICY, encoding="utf-8")
    cases = "cases:\n" + "".join(CASE.format(target=each) for each in ACCOUNTS) + FLOW_CASES
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
    bound = own | {"audiences": ["jitney-bound"], "algorithms": ["RS256"], "dpop": True}
    people = {
        "issuer": people_issuer(issuer),
        "jwks_uri": f"{issuer}/keys",
        "provider": "generic",
        "token": "id",
        "audiences": [WEB_CLIENT],
        "algorithms": ["RS256"],
        "kind": "human",
        "groups_claim": "roles",
        "max_age_seconds": 900,
        "web": {
            "client_id": WEB_CLIENT,
            "authorization_url": f"{issuer}/auth",
            "token_url": f"{issuer}/token",
            "scopes": ["openid"],
        },
    }
    terminal = {name: value for name, value in people.items() if name not in ("groups_claim", "web")}
    terminal |= {"audiences": ["jitney-review"], "algorithms": ["RS256"], "for_reviews": True}
    chosen = {
        "version": 1,
        "broker": {"account": "111122223333", "region": "eu-west-1"},
        "issuers": {"factory": own, "bound": bound, "people": people, "terminal": terminal},
        "targets": {
            BOUND: _target(BOUND) | {"bind_to_caller": True, "sealed": True, "roles": ROLES},
            PLAIN: _target(PLAIN) | {"access_profiles": PROFILES},
        },
        "operators": ["factory/wardens"],
        "reviewers": {
            "owners": {"members": [f"people/{OWNER}"], "delegates": [f"people/{SECOND_OWNER}"]},
            "pair": {"members": [f"people/{each}" for each in sorted(PEOPLE)], "approvals": 2},
        },
        "people": {f"people/{each}": f"{each}@example.com" for each in sorted(PEOPLE)},
        "mail": {"sender": "jitney@example.com"},
        "slack": {
            "bot_token_arn": "${JITNEY_SLACK_BOT_TOKEN_ARN}",
            "signing_secret_arn": "${JITNEY_SLACK_SIGNING_SECRET_ARN}",
            "workspace": "${JITNEY_SLACK_WORKSPACE}",
            "api_url": "${JITNEY_SLACK_API_URL}",
        },
        "break_glass": {"groups": [ON_DUTY], "targets": [PLAIN]},
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
