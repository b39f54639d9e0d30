"""Row REV 11: a policy may allow without a new review what people approved before."""

import json
from dataclasses import replace
from typing import Any

import cedarpy
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from jitney.core.access.decision import Decision, Effect
from jitney.core.access.earlier_approvals import EarlierApproval
from jitney.core.access.request import AccessRequest, Permission, Way
from jitney.core.policy.cedar import InvalidPolicies
from jitney.core.policy.decide import decide
from jitney.core.policy.monotonicity import permits_more
from jitney.core.policy.risks import HeldActions
from tests.core.policy.conftest import NO_WINDOWS, agent
from tests.examples import examples

SCOPE = "principal, action, resource"
NOW, BEFORE = 'context.approvals.contains("owners")', 'context.earlierApprovals.contains("owners")'
EITHER = f'@id("either") permit ({SCOPE}) when {{ {NOW} || {BEFORE} }};'
GUARDED = f"""@id("all") permit ({SCOPE});
@id("guard") forbid ({SCOPE}) when {{ context.action == "s3:PutObject" }} unless {{ {NOW} || {BEFORE} }};"""
BOTH = f"""@id("all") permit ({SCOPE});
@id("first") forbid ({SCOPE}) unless {{ {NOW} || {BEFORE} }};
@id("second") forbid ({SCOPE}) unless {{ context.approvals.contains("security") }};"""
PUT = Permission(("s3:PutObject",), ("arn:aws:s3:::b/a",))
WRITE = AccessRequest("analytics-prod", (PUT,), 300, "reason", "")
GROUPS = ("owners", "security")


class Asked:
    """Decides, and remembers the requests for which earlier approvals were looked up."""

    def __init__(self, load: Any, actions: Any, target: Any, limits: Any) -> None:
        self.lookups: list[AccessRequest] = []
        self._load, self._rest = load, (actions, limits)
        self._target = target

    def __call__(
        self,
        policies: str,
        *groups: str,
        request: AccessRequest = WRITE,
        own: tuple[str, ...] = (),
        held: tuple[HeldActions, ...] = (),
    ) -> Decision:
        self.lookups = []

        def earlier(asked: AccessRequest) -> tuple[EarlierApproval, ...]:
            self.lookups.append(asked)
            return (EarlierApproval("g-earlier", groups, 0),) if groups else ()

        actions, limits = self._rest
        return decide(
            agent(),
            request,
            self._target,
            self._load(policies),
            actions,
            limits,
            GROUPS,
            own,
            lambda _: held,
            earlier,
            windows=NO_WINDOWS,
        )


@pytest.fixture
def asked(load, actions, target, limits) -> Asked:
    return Asked(load, actions, target, limits)


@pytest.mark.parametrize("policies", [EITHER, GUARDED], ids=["permit", "forbid"])
def test_rev_11_an_earlier_approval_counts_where_a_policy_says_so(asked: Asked, policies: str):
    waiting = asked(policies)
    assert (waiting.effect, waiting.reviews, waiting.earlier_approvals) == (Effect.REVIEW, (frozenset({"owners"}),), ())
    allowed = asked(policies, "owners")
    assert (allowed.effect, allowed.earlier_approvals) == (
        Effect.ALLOW,
        (EarlierApproval("g-earlier", ("owners",), 0),),
    )
    assert asked(policies, "security").effect is Effect.REVIEW
    assert asked(policies, own=("owners",)).earlier_approvals is None


def test_rev_11_an_earlier_approval_counts_for_no_policy_that_does_not_mention_it(asked: Asked):
    silent = f'@id("asks") permit ({SCOPE}) when {{ {NOW} }};'
    decision = asked(silent, "owners", "security")
    assert (decision.effect, decision.counts_again, asked.lookups) == (Effect.REVIEW, False, [])


def test_rev_11_a_further_group_still_has_to_approve(asked: Asked):
    decision = asked(BOTH, "owners")
    assert (decision.effect, decision.reviews) == (Effect.REVIEW, (frozenset({"security"}),))
    assert asked(BOTH).reviews == (frozenset({"owners", "security"}),)
    assert asked(BOTH, "owners", "security").effect is Effect.REVIEW  # "second" counts only approvals of this request


def test_rev_11_the_store_is_read_only_where_an_earlier_approval_can_help(asked: Asked):
    assert asked(GUARDED, request=replace(WRITE, permissions=(Permission(("s3:GetObject",), PUT.resources),)))
    assert asked.lookups == []
    forbidden = GUARDED + f'@id("never") forbid ({SCOPE});'
    assert (asked(forbidden, "owners").effect, asked.lookups) == (Effect.DENY, [])
    too_long = replace(WRITE, duration_seconds=4000)
    assert (asked(EITHER, "owners", request=too_long).effect, asked.lookups) == (Effect.DENY, [])
    assert asked(EITHER, "owners", request=replace(WRITE, permissions=(Permission(("s3:PutObj*",), PUT.resources),)))
    (seen,) = asked.lookups
    names = {name for each in seen.permissions for name in each.actions}
    assert "s3:PutObject" in names
    assert not any("*" in name for name in names)


def test_rev_11_a_reviewed_request_counts_again_if_its_approval_would_allow_it_again(asked: Asked):
    assert asked(EITHER).counts_again
    assert asked(GUARDED).counts_again
    assert not asked(BOTH).counts_again  # security has to approve each time
    assert asked(
        BOTH.replace('context.approvals.contains("security")', f'context.approvals.contains("security") || {BEFORE}')
    ).counts_again
    assert not asked(EITHER, "owners").counts_again  # it needs no review


def test_rev_11_an_earlier_approval_does_not_count_for_an_escalation_with_other_grants(asked: Asked):
    """Each half was harmless when people approved it. No reviewer has seen the two together."""
    role = "arn:aws:iam::444455556666:role/admin"
    pass_role = replace(WRITE, permissions=(Permission(("iam:PassRole",), (role,)),))
    held = (HeldActions("g-other", frozenset({"lambda:CreateFunction", "lambda:InvokeFunction"})),)
    assert asked(EITHER, "owners", request=pass_role).effect is Effect.ALLOW
    combined = asked(EITHER, "owners", request=pass_role, held=held)
    assert (combined.effect, asked.lookups) == (Effect.REVIEW, [])


CALL = replace(WRITE, way=Way.GATEWAY, operation="s3:PutObject")
EACH = f"""{EITHER}
@id("each") forbid ({SCOPE}) when {{ context.call.hasTag("operation") }} unless {{ {NOW} || {BEFORE} }};"""


def test_rev_11_the_earlier_approval_of_a_grant_counts_for_its_calls_but_not_where_a_policy_looks_at_the_call(
    asked: Asked,
):
    assert asked(EITHER, "owners", request=CALL).effect is Effect.ALLOW
    each = asked(EACH, "owners", request=CALL)
    assert (each.effect, each.reviews, each.counts_again) == (Effect.REVIEW, (frozenset({"owners"}),), False)
    assert asked(EACH, "owners", request=CALL, own=("owners",)).effect is Effect.ALLOW
    assert asked(EACH, "owners", request=replace(WRITE, way=Way.GATEWAY)).effect is Effect.ALLOW


def test_rev_11_a_verdict_is_remembered_with_its_earlier_approvals(load, actions, target, limits):
    policies, asked = load(EITHER), Asked(lambda each: each, actions, target, limits)
    for _ in range(2):
        effects = [asked(policies, *groups).effect for groups in ((), ("owners",), ("security",))]
        assert effects == [Effect.REVIEW, Effect.ALLOW, Effect.REVIEW]


REFUSED = {
    "a permit without it": f"permit ({SCOPE}) when {{ !{BEFORE} }};",
    "a permit unless": f"permit ({SCOPE}) unless {{ {BEFORE} }};",
    "a forbid when": f"forbid ({SCOPE}) when {{ {BEFORE} }};",
    "a negated forbid": f"forbid ({SCOPE}) unless {{ {NOW} && !({BEFORE}) }};",
    "a condition of if": f"permit ({SCOPE}) when {{ if {BEFORE} then context.reveal else true }};",
    "an equality": f"permit ({SCOPE}) when {{ {BEFORE} == {NOW} }};",
    "a part of a longer one": f"permit ({SCOPE}) when {{ {NOW} || (context.reveal && !({NOW} || {BEFORE})) }};",
}


@pytest.mark.parametrize("text", REFUSED.values(), ids=REFUSED)
def test_rev_11_a_policy_for_which_an_earlier_approval_would_permit_less_is_refused(load, text: str):
    with pytest.raises(InvalidPolicies, match="an earlier approval could make it permit less"):
        load(f'@id("p") {text}')


@pytest.mark.parametrize("text", [
    f'permit ({SCOPE}) when {{ context.earlierApprovals == context.approvals }};',
    f'permit ({SCOPE}) when {{ ["owners"].containsAll(context.earlierApprovals) }};',
    f'permit ({SCOPE}) when {{ context.earlierApprovals.isEmpty() }};',
])  # fmt: skip
def test_rev_11_other_uses_of_earlier_approvals_are_refused(load, text: str):
    with pytest.raises(InvalidPolicies, match=r"uses context\.earlierApprovals other than"):
        load(f'@id("p") {text}')


@pytest.mark.parametrize("condition", [
    '[context.approvals, context.earlierApprovals].contains(["owners"])',
    '{"given": context.earlierApprovals}.given == context.approvals',
    'ip(context.earlierApprovals).isLoopback()',
])  # fmt: skip
def test_rev_11_a_use_inside_a_list_or_a_record_may_permit_less(condition: str):
    """The check of literals refuses these, too. This one does not depend on it."""
    policies = json.loads(cedarpy.policies_to_json_str(f"permit ({SCOPE}) when {{ {condition} }};"))
    assert not permits_more(policies["staticPolicies"]["policy0"], "earlierApprovals")


TESTS = st.sampled_from([BEFORE, 'context.earlierApprovals.containsAny(["owners", "security"])', NOW, "context.reveal"])
CONDITIONS = st.recursive(
    TESTS,
    lambda inner: st.one_of(
        inner.map(lambda each: f"!({each})"),
        st.tuples(inner, inner).map(lambda each: f"({each[0]} && {each[1]})"),
        st.tuples(inner, inner).map(lambda each: f"({each[0]} || {each[1]})"),
        st.tuples(inner, inner).map(lambda each: f"(({each[0]}) == ({each[1]}))"),
        st.tuples(inner, inner, inner).map(lambda each: f"(if {each[0]} then {each[1]} else {each[2]})"),
    ),
    max_leaves=6,
)
POLICY = st.tuples(st.sampled_from(["permit", "forbid"]), st.sampled_from(["when", "unless"]), CONDITIONS)


@settings(max_examples=examples(300))
@given(POLICY, st.booleans(), st.booleans())
def test_rev_11_more_groups_never_deny_under_an_accepted_policy(policy, reveal: bool, approved: bool):
    effect, kind, condition = policy
    text = f"{effect} ({SCOPE}) {kind} {{ {condition} }};"
    document = json.loads(cedarpy.policies_to_json_str(text))["staticPolicies"]["policy0"]
    if not permits_more(document, "earlierApprovals"):
        return
    asked = [
        _answer(text, {"earlierApprovals": groups, "approvals": ["owners"] if approved else [], "reveal": reveal})
        for groups in ([], ["security"], ["owners"], ["owners", "security"])
    ]
    none, security, owners, every = asked
    assert none <= security <= every
    assert none <= owners <= every


def _answer(text: str, context: dict[str, Any]) -> bool:
    """Return whether the policy permits, with a permit of everything beside a forbid."""
    beside = "permit (principal, action, resource);" if text.startswith("forbid") else ""
    one = {"principal": 'A::"a"', "action": 'Action::"b"', "resource": 'R::"c"', "context": context}
    return bool(cedarpy.is_authorized(one, text + beside, []).allowed)
