"""The Cedar entities of a decision, in Cedar's JSON form."""

import json
from collections.abc import Mapping
from typing import Any, TypeAlias

from jitney.core.identity.principal import Principal, TagValue
from jitney.core.policy.condition_witnesses import Call
from jitney.core.target_config import Target

Entity: TypeAlias = dict[str, Any]


def uid(kind: str, name: str) -> dict[str, str]:
    """Return the reference to an entity."""
    return {"type": f"Jitney::{kind}", "id": name}


def call_uid(call: Call) -> dict[str, str]:
    """Return the reference to the entity of a call. A call without values has no entity."""
    return uid("Call", json.dumps(call) if call else "")


_EMPTY_TAG: Mapping[str, Any] = {"string": "", "long": 0, "bool": False, "strings": []}


def claim_record(value: TagValue) -> Entity:
    """Return a claim as the schema's type Claim: only the member of the claim's own type is set."""
    kinds = {str: "string", bool: "bool", int: "long", tuple: "strings"}
    return {**_EMPTY_TAG, kinds[type(value)]: value}


def principal_entity(principal: Principal) -> Entity:
    """Return the principal with its groups and the claims that policies see."""
    attributes = {"issuer": principal.issuer, "subject": principal.subject, "kind": principal.kind}
    return {
        "uid": uid(principal.kind.capitalize(), principal.source_identity),
        "attrs": attributes if principal.human is None else {**attributes, "human": principal.human.name},
        "parents": [uid("Group", group) for group in sorted(principal.groups)],
        "tags": {name: claim_record(value) for name, value in principal.tags},
    }


def target_entity(target: Target) -> Entity:
    """Return the target, with its account as its parent."""
    return {
        "uid": uid("Target", target.alias),
        "attrs": {"account": target.account},
        "parents": [uid("Account", target.account)],
        "tags": dict(target.tags),
    }


def resource_entity(arn: str, target: Target, *, wildcard: bool) -> Entity:
    """Return the ARN, or "*", as a resource of the target."""
    _, _, service, region, account, _ = arn.split(":", 5) if arn != "*" else [""] * 6
    attributes = {"arn": arn, "service": service, "region": region, "account": account, "wildcard": wildcard}
    return {
        "uid": uid("Resource", arn),
        "attrs": {**attributes, "target": {"__entity": uid("Target", target.alias)}},
        "parents": [uid("Target", target.alias)],
    }
