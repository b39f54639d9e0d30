"""Row GW 4: which policies see the approvals of the grant in which a call is made."""

import json
from dataclasses import replace
from itertools import chain, combinations
from typing import Any

import cedarpy
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from jitney.core.access.decision import Decision, Effect
from jitney.core.access.request import AccessRequest, Permission, Way
from jitney.core.config import Policies
from jitney.core.policy.call_mentions import mentions_call
from jitney.core.policy.cedar import PolicySet
from jitney.core.policy.decide import decide
from tests.core.policy.conftest import NO_WINDOWS, agent
from tests.examples import examples

SCOPE = "principal, action, resource"
DELETE = Permission(("s3:DeleteObject",), ("arn:aws:s3:::b/a",))
CALL = AccessRequest("analytics-prod", (DELETE,), 300, "reason", "", way=Way.GATEWAY, operation="s3:DeleteObject")
GROUPS = ("owners", "security")
APPROVED = 'context.approvals.contains("owners")'
TAGGED = 'context.call.hasTag("operation")'
ALL = f'@id("all") permit ({SCOPE});'
GRANT_RULE = f'@id("grant") permit ({SCOPE}) when {{ {APPROVED} }};'
CALL_RULE = f'{ALL}@id("call") forbid ({SCOPE}) when {{ {TAGGED} }} unless {{ {APPROVED} }};'


@pytest.fixture
def decided(load, actions, target, limits):
    def decided(policies: Any, grant=(), own=(), request: AccessRequest = CALL) -> Decision:
        policies = load(policies) if isinstance(policies, str) else policies
        asked = replace(request, grant_approvals=frozenset(grant))
        return decide(agent(), asked, target, policies, actions, limits, GROUPS, own, windows=NO_WINDOWS)

    return decided


def test_gw_04_the_approval_of_a_grant_counts_for_policies_that_do_not_look_at_the_call(decided):
    assert decided(GRANT_RULE).effect is Effect.REVIEW
    assert decided(GRANT_RULE, grant=["owners"]).effect is Effect.ALLOW
    assert decided(GRANT_RULE, grant=["security"]).effect is Effect.REVIEW


def test_gw_04_the_approval_of_a_grant_does_not_count_for_policies_that_look_at_the_call(decided):
    waiting = decided(CALL_RULE, grant=["owners"])
    assert (waiting.effect, waiting.reviews) == (Effect.REVIEW, (frozenset({"owners"}),))
    assert [each.policy for each in waiting.reasons] == ["call"]
    assert decided(CALL_RULE, grant=["owners"], own=["owners"]).effect is Effect.ALLOW
    permit = f'@id("call") permit ({SCOPE}) when {{ {TAGGED} && {APPROVED} }};'
    assert decided(permit, grant=["owners"]).effect is Effect.REVIEW
    assert decided(permit, grant=["owners"], own=["owners"]).effect is Effect.ALLOW


def test_gw_04_only_the_approval_that_is_missing_is_requested_for_a_call(decided):
    security = f"""@id("each") forbid ({SCOPE}) when {{ {TAGGED} }}
        unless {{ context.approvals.contains("security") }};"""
    assert decided(GRANT_RULE + security, grant=["owners"]).reviews == (frozenset({"security"}),)
    assert decided(GRANT_RULE + security).reviews == (frozenset({"owners", "security"}),)


def test_gw_04_a_verdict_is_remembered_with_the_approvals_of_the_grant(decided, load):
    policies = load(GRANT_RULE)
    for _ in range(2):
        effects = [decided(policies, grant=given).effect for given in ((), ("owners",), ("security",))]
        assert effects == [Effect.REVIEW, Effect.ALLOW, Effect.REVIEW]


@pytest.mark.parametrize("condition", [TAGGED, "true"], ids=["looks at the call", "does not"])
def test_gw_04_a_grant_of_break_glass_cannot_avoid_a_forbid_of_it(decided, condition: str):
    forbid = f"""@id("never") forbid ({SCOPE})
        when {{ {condition} && context.approvals.contains("break-glass") }};"""
    assert decided(ALL + forbid, grant=["break-glass"]).effect is Effect.DENY
    assert decided(ALL + forbid).effect is Effect.ALLOW


@pytest.mark.parametrize("negation", ["", "!"], ids=["with", "without"])
def test_gw_04_a_policy_that_fails_with_or_without_the_approval_of_the_grant_denies_the_call(decided, negation: str):
    """Without this approval, or with it, the condition ends before the number that is too large."""
    fails = f"""@id("fails") forbid ({SCOPE}) when {{
        {TAGGED} && {negation}context.approvals.contains("break-glass") &&
        context.durationSeconds * 9223372036854775807 > 0 }};"""
    denied = decided(ALL + fails, grant=["break-glass"])
    assert (denied.effect, [each.policy for each in denied.reasons]) == (Effect.DENY, ["builtin:policy-error"])
    assert decided(ALL + fails, own=["break-glass"] if negation else []).effect is Effect.ALLOW


def test_gw_04_only_a_call_is_decided_with_the_approvals_of_a_grant():
    with pytest.raises(ValueError, match="only for a call"):
        replace(CALL, operation="", grant_approvals=frozenset({"owners"}))


ATOMS = (
    'context.approvals.contains("owners")',
    'context.approvals.containsAny(["owners", "security"])',
    '!context.approvals.contains("security")',
    TAGGED,
    f"!({TAGGED})",
    f"(if {TAGGED} then {APPROVED} else true)",
    'context.way == "gateway"',
    "true",
)
CONDITIONS = st.lists(st.sampled_from(ATOMS), min_size=1, max_size=3).flatmap(
    lambda atoms: st.sampled_from([" && ", " || "]).map(lambda joint: joint.join(atoms))
)
POLICIES = st.lists(st.tuples(st.sampled_from(["permit", "permit", "forbid"]), CONDITIONS), min_size=1, max_size=5)
SUBSETS = tuple(map(frozenset, chain.from_iterable(combinations(GROUPS, size) for size in range(3))))


@settings(max_examples=examples(150))
@given(POLICIES, st.sampled_from(SUBSETS), st.sampled_from(SUBSETS))
def test_gw_04_a_call_is_never_allowed_that_its_own_approval_would_not_allow(
    schema, actions, target, limits, rules, grant, own
):
    """Of every set of policies: no call is allowed that all approvals together, as its own, would not allow.

    And each policy that forbids, evaluated by itself with the approvals that it may see, forbids.
    """
    texts = [f'@id("rule{place}") {effect} ({SCOPE}) when {{ {rule} }};' for place, (effect, rule) in enumerate(rules)]

    def answer(chosen, given, approvals) -> Effect:
        request = replace(CALL, grant_approvals=frozenset(given))
        policies = PolicySet.load(Policies("\n".join(chosen), schema, "v1"))
        return decide(agent(), request, target, policies, actions, limits, (), approvals, windows=NO_WINDOWS).effect

    def forbids(place: int, approvals) -> bool:
        return answer([ALL, texts[place]], (), approvals) is Effect.DENY

    allowed = answer(texts, grant, own) is Effect.ALLOW
    assert not allowed or answer(texts, (), grant | own) is Effect.ALLOW
    assert grant - own or allowed == (answer(texts, (), own) is Effect.ALLOW)
    for place, (effect, rule) in enumerate(rules):
        if effect == "forbid" and allowed:
            assert not forbids(place, grant | own)
            assert "context.call" not in rule or not forbids(place, own)
    if allowed:
        seeing = [own if "context.call" in rule else grant | own for _, rule in rules]
        permits = [place for place, (effect, _) in enumerate(rules) if effect == "permit"]
        assert any(answer([texts[place]], (), seeing[place]) is Effect.ALLOW for place in permits)


@pytest.mark.parametrize(
    ("condition", "looks"),
    [
        ('context.way == "gateway"', False),
        (APPROVED, False),
        ("context has way && resource.wildcard", False),
        ('["context", "call"].contains(context.action)', False),
        (TAGGED, True),
        ('context.call.getTag("s3:prefix").string == "a"', True),
        ('context["call"].hasTag("operation")', True),
        ("context has call", True),
        ("if context.reveal then context.call == context.call else true", True),
        ("[context.call].contains(context.call)", True),
        ("context == context", True),
        ("{a: context}.a.reveal", True),
    ],
)
def test_gw_04_a_policy_that_is_not_known_to_ignore_the_call_looks_at_it(condition: str, looks: bool):
    for kind in ("when", "unless"):
        text = f"permit ({SCOPE}) when {{ true }} {kind} {{ {condition} }};"
        (policy,) = json.loads(cedarpy.policies_to_json_str(text))["staticPolicies"].values()
        assert mentions_call(policy) is looks


@pytest.mark.parametrize(
    "body",
    [
        {"unknown": [{"left": {"Var": "context"}}]},
        {".": {"left": {"Var": "context"}, "attr": "way", "more": 1}},
        {".": {"left": {"Var": "context"}, "attr": 7}},
        {"has": {"left": {"Var": "context"}, "attrs": ["way"]}},
    ],
)
def test_gw_04_an_unknown_form_counts_as_looking_at_the_call(body: dict[str, Any]):
    assert mentions_call({"conditions": [{"kind": "when", "body": body}]})


def test_gw_04_a_whole_policy_set_is_split_by_what_looks_at_the_call(load):
    assert load(GRANT_RULE).about_calls is None
    policies = load(CALL_RULE)
    assert policies.call_rules == {"call"}
