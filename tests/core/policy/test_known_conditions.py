"""What is known of a condition agrees with Cedar's own answers (rows POL 2 and POL 14).

The entities and the context of each request are complete, and the facts say a part of them. A condition that must hold
holds in Cedar, and one that holds in Cedar may hold.
"""

import json
from collections.abc import Iterable, Mapping, Sequence
from itertools import product
from typing import Any

import cedarpy
import pytest
from hypothesis import given
from hypothesis import strategies as st

from jitney.core.policy.entities import claim_record
from jitney.core.policy.expressions import PRINCIPAL, RESOURCE, TARGET, Expression
from jitney.core.policy.known_conditions import (
    Entity,
    Facts,
    attribute_facts,
    context_facts,
    joined_facts,
    may_hold,
    must_hold,
    parent_facts,
    tag_facts,
)

SECONDS = ("900", "901", "1", "context.durationSeconds", 'principal.getTag("level").long')
TEXTS = (
    '"gateway"',
    '"credentials"',
    '"prod"',
    "context.way",
    "resource.target.account",
    'resource.target.getTag("env")',
    'principal.getTag("ref").string',
    '(if context.reveal then "prod" else context.way)',
)
SETS = ("context.timeWindows", '["gateway", "prod"]', "[context.way]", 'principal.getTag("teams").strings')
ENTITIES = (
    'Jitney::Target::"prod"',
    'Jitney::Target::"dev"',
    'Jitney::Account::"444455556666"',
    'Jitney::Group::"corp/a"',
)
COMPARISONS = [
    "context.reveal",
    "true",
    "!context.reveal",
    '!(context.way == "gateway")',
    *(
        f'(if context.way == "gateway" then {one} else {other})'
        for one, other in (("true", "false"), ("false", "true"))
    ),
    "context.durationSeconds == context.way",
    *map(" ".join, product(SECONDS, ("==", "!=", "<", "<=", ">", ">="), SECONDS)),
    *map(" ".join, product(TEXTS, ("==", "!="), TEXTS)),
    *map(" like ".join, product(TEXTS, ('"g*"', '"*"', '"p*d"', '"?"'))),
    *(f"{each}.contains({text})" for each, text in product(SETS, TEXTS)),
    *map(" in ".join, product(("resource", "resource.target", "principal"), ENTITIES)),
    *(f"resource in [{one}, {other}]" for one, other in product(ENTITIES, ENTITIES)),
    *map(" ".join, product((*ENTITIES, "resource.target"), ("==", "!="), ENTITIES)),
    *(f'principal.hasTag("{each}")' for each in ("ref", "level", "none")),
    *(f'resource.target.hasTag("{each}")' for each in ("env", "none")),
]
UNKNOWN = [
    'Jitney::Target::"prod" in Jitney::Target::"prod"',
    f"(if context.reveal then resource else principal) in {ENTITIES[3]}",
]
"""Comparisons that are not known, even with all facts."""
CONDITIONS = st.recursive(
    st.sampled_from([*COMPARISONS, *UNKNOWN]),
    lambda inner: (
        st.builds("!({})".format, inner)
        | st.builds("({} && {})".format, inner, inner)
        | st.builds("({} || {})".format, inner, inner)
        | st.builds("(if {} then {} else {})".format, inner, inner, inner)
    ),
    max_leaves=4,
)
CONTEXT_OF_REQUEST = {"durationSeconds": 900, "way": "gateway", "reveal": False, "timeWindows": ["prod"]}
CLAIMS = {"ref": claim_record("prod"), "level": claim_record(901), "teams": claim_record(("gateway",))}


def _entity(kind: str, name: str, parents: list[tuple[str, str]], attributes: dict[str, Any], tags: dict[str, Any]):
    uids = [{"type": f"Jitney::{each}", "id": parent} for each, parent in parents]
    return {"uid": {"type": f"Jitney::{kind}", "id": name}, "attrs": attributes, "parents": uids, "tags": tags}


IN_TARGET = {"target": {"__entity": {"type": "Jitney::Target", "id": "prod"}}}
REQUEST = {"principal": 'Jitney::Agent::"a"', "action": 'Action::"b"', "resource": 'Jitney::Resource::"c"'}
ENTITY_LIST = [
    _entity("Agent", "a", [("Group", "corp/a")], {}, CLAIMS),
    _entity("Resource", "c", [("Target", "prod")], IN_TARGET, {}),
    _entity("Target", "prod", [("Account", "444455556666")], {"account": "444455556666"}, {"env": "prod"}),
]


def _parents(read: Expression, *names: str, unknown: str = "") -> Facts:
    """Return the facts that `read` is in the entities with these names and in no others, but for the `unknown`."""
    return parent_facts(read, lambda entity: None if entity.id == unknown else entity.id in names)


KNOWN = [
    context_facts(CONTEXT_OF_REQUEST),
    tag_facts(PRINCIPAL, CLAIMS),
    _parents(PRINCIPAL, "corp/a"),
    attribute_facts(RESOURCE, {"target": Entity("Jitney::Target", "prod")}),
    _parents(RESOURCE, "prod", "444455556666"),
    attribute_facts(TARGET, {"account": "444455556666"}),
    tag_facts(TARGET, {"env": "prod"}),
    _parents(TARGET, "prod", "444455556666"),
]


PARTS = [
    [],
    KNOWN,
    [_parents(RESOURCE, "prod", unknown="444455556666")],
    *(KNOWN[:n] + KNOWN[n + 1 :] for n in range(len(KNOWN))),
]
"""What is known: nothing, all, a part of the resource's parents, and all but one of the facts."""


@pytest.mark.parametrize("kind", ["when", "unless"])
def test_pol_02_what_is_known_of_a_comparison_agrees_with_cedar(kind: str):
    for condition in COMPARISONS + UNKNOWN:
        _compare(kind, condition, PARTS)


@given(st.sampled_from(["when", "unless"]), CONDITIONS, st.lists(st.sampled_from(KNOWN)))
def test_pol_02_what_is_known_of_conditions_agrees_with_cedar(kind: str, condition: str, known: list[Facts]):
    _compare(kind, condition, [known])


def test_pol_02_with_all_facts_each_comparison_is_known():
    for condition in COMPARISONS:
        policy = _document("when", condition)
        assert must_hold(policy, joined_facts(*KNOWN)) is may_hold(policy, joined_facts(*KNOWN)), condition


def _text(kind: str, condition: str) -> str:
    return f"permit(principal, action, resource) {kind} {{ {condition} }};"


def _document(kind: str, condition: str) -> Mapping[str, Any]:
    (policy,) = json.loads(cedarpy.policies_to_json_str(_text(kind, condition)))["staticPolicies"].values()
    return policy


def _compare(kind: str, condition: str, parts: Iterable[Sequence[Facts]]) -> None:
    request = {**REQUEST, "context": CONTEXT_OF_REQUEST}
    permits = cedarpy.is_authorized(request, _text(kind, condition), ENTITY_LIST).allowed
    policy = _document(kind, condition)
    for known in parts:
        facts = joined_facts(*known)
        assert must_hold(policy, facts) <= permits <= may_hold(policy, facts), condition
