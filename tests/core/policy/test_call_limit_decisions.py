"""Row GW 4: policies limit what the calls of one grant may use."""

import pytest

from jitney.core.access.decision import Effect
from jitney.core.call_limits import NO_CALL_LIMITS
from jitney.core.gateway.budgets import limits_of
from jitney.core.policy.cedar import InvalidPolicies

SCOPE = "principal, action, resource"
OBJECT = "arn:aws:s3:::reports/2026/a"
LIMITED = f"""
@id("all") permit ({SCOPE});
@id("some") @call_limits("calls=50, items_deleted=20") permit ({SCOPE}) when {{ context.service == "s3" }};
@id("deletes") @call_limits("items_deleted=5") permit ({SCOPE}) when {{ context.action like "s3:Delete*" }};
"""
REVIEWED = f"""
@id("reviewed") @call_limits("calls=2") @approval("owners") permit ({SCOPE})
when {{ context.approvals.contains("owners") }};
"""


def test_gw_04_the_lowest_limits_of_the_permits_that_decide_count(ask):
    assert ask(LIMITED, ("s3:DeleteObject", OBJECT)).call_limits == NO_CALL_LIMITS._replace(calls=50, items_deleted=5)
    assert ask(LIMITED, ("s3:GetObject", OBJECT)).call_limits == NO_CALL_LIMITS._replace(calls=50, items_deleted=20)
    assert ask(LIMITED, ("sqs:SendMessage", "arn:aws:sqs:eu-west-1:444455556666:q")).call_limits == NO_CALL_LIMITS


def test_gw_04_a_reviewed_call_has_the_limits_of_the_permit_that_will_allow_it(ask):
    waiting = ask(REVIEWED, ("s3:GetObject", OBJECT), reviewers=["owners"])
    assert (waiting.effect, waiting.call_limits.calls) == (Effect.REVIEW, 2)
    allowed = ask(REVIEWED, ("s3:GetObject", OBJECT), reviewers=["owners"], approvals=["owners"])
    assert (allowed.effect, allowed.call_limits.calls) == (Effect.ALLOW, 2)


def test_gw_04_a_policy_cannot_lift_the_limits_of_a_target(ask, target):
    decision = ask(
        '@id("a") @call_limits("calls_per_minute=5000, calls=9") permit (principal, action, resource);',
        ("s3:GetObject", OBJECT),
    )
    assert limits_of(target, decision) == target.call_limits._replace(calls=9)


@pytest.mark.parametrize(
    ("policy", "fault"),
    [
        (f'@id("a") @call_limits("calls=x") permit ({SCOPE});', "items_deleted=20"),
        (f'@id("a") @call_limits permit ({SCOPE});', "items_deleted=20"),
        (f'@id("a") @call_limits("calls=1") forbid ({SCOPE});', "only a permit"),
    ],
)
def test_gw_04_limits_that_would_not_apply_are_refused(load, policy: str, fault: str):
    with pytest.raises(InvalidPolicies, match=fault):
        load(policy)
