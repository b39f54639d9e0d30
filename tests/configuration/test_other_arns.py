"""Forbids by ARN, and permits of another ARN by which AWS reaches the same resource."""

import json
from collections.abc import Mapping
from typing import Any

import cedarpy
import pytest

from jitney.configuration.other_arns import uncovered_arns

POINT = "arn:aws:s3:*:*:accesspoint/*"
EVERYTHING = '@id("all") permit (principal, action, resource);'


def documents_of(*policies: str) -> Mapping[str, Mapping[str, Any]]:
    documents: Mapping[str, Mapping[str, Any]] = json.loads(cedarpy.policies_to_json_str("\n".join(policies)))
    return documents["staticPolicies"]


def found_in(*policies: str, targets: tuple[str, ...] = ("prod", "dev")) -> list[str]:
    """Return what is wrong with the policies. The first one is a forbid."""
    found = list(uncovered_arns(documents_of(*policies), targets))
    assert {key for key, _ in found} <= {"policy0"}
    return [problem.wrong for _, problem in found]


def with_fix(policy: str) -> str:
    """Return the policy with the condition that its problem's fix adds."""
    ((_, found),) = uncovered_arns(documents_of(policy, EVERYTHING), ())
    added = found.fix.removeprefix("add ").partition(", or ")[0]
    return policy.replace(" }", f" {added} }}", 1)


def forbid(conditions: str, scope: str = "principal, action, resource") -> str:
    return f'@id("closed") forbid ({scope}) {conditions};'


OF_HR = 'when { resource.arn like "arn:aws:s3:::hr/*" }'
HR = forbid(OF_HR)


@pytest.mark.parametrize(
    ("conditions", "other"),
    [
        ('when { resource.arn like "arn:aws:s3:::hr/*" }', POINT),
        ('when { resource.arn like "arn:aws:s3:::hr*" }', POINT),
        ('when { resource.arn == "arn:aws:s3:::hr" }', POINT),
        ('when { ["arn:aws:s3:::hr", "arn:aws:s3:::pay"].contains(resource.arn) }', POINT),
        ('when { resource.arn == "arn:aws-cn:s3:::hr/key" }', "arn:aws-cn:s3:*:*:accesspoint/*"),
        (
            'when { resource.arn like "arn:aws:s3express:*:*:bucket/hr--use1-az4--x-s3" }',
            "arn:aws:s3express:*:*:accesspoint/*",
        ),
        (
            'when { resource.arn == "arn:aws:dynamodb:eu-west-1:444455556666:table/hr" }',
            "arn:aws:dynamodb:eu-west-1:444455556666:table/hr/index/*",
        ),
        ('when { resource.arn like "arn:aws:dynamodb:*:table/hr" }', "arn:aws:dynamodb:*:table/hr/index/*"),
        ('when { resource.arn like "arn:aws:lambda:*:function:pay" }', "arn:aws:lambda:*:function:pay:*"),
        ('when { resource.arn like "arn:aws:logs:*:log-group:pay" }', "arn:aws:logs:*:log-group:pay:*"),
        (
            'when { resource.arn == "arn:aws:secretsmanager:eu-west-1:444455556666:secret:pay/key" }',
            "arn:aws:secretsmanager:eu-west-1:444455556666:secret:pay/key-*",
        ),
        ('when { resource.arn like "arn:aws:states:*:stateMachine:pay" }', "arn:aws:states:*:stateMachine:pay:*"),
        # Another forbid of the same ARN, or one that depends on more, does not close the gap.
        ('when { resource.arn like "arn:aws:s3:::hr/*" } unless { context.way == "gateway" }', POINT),
        (
            'when { context.action == "s3:GetObject" && resource.arn like "arn:aws:s3:::hr/*" }',
            POINT,
        ),
    ],
)
def test_pol_11_a_forbid_whose_resource_is_permitted_by_another_arn_is_an_error(conditions: str, other: str):
    (wrong,) = found_in(forbid(conditions), EVERYTHING)
    assert f'on "{other}", which reaches the same' in wrong
    assert "but all permits " in wrong
    assert found_in(with_fix(forbid(conditions)), EVERYTHING) == []


@pytest.mark.parametrize(
    "policies",
    [
        [forbid(f'when {{ resource.arn like "arn:aws:s3:::hr/*" || resource.arn like "{POINT}" }}'), EVERYTHING],
        [forbid('when { resource.arn like "arn:aws:s3*" }'), EVERYTHING],
        [forbid('when { resource.arn like "*" }'), EVERYTHING],
        [forbid('when { resource.arn like "arn:aws:dynamodb:*:table/hr*" }'), EVERYTHING],
        [forbid('when { resource.arn like "arn:aws:lambda:*:function:pay*" }'), EVERYTHING],
        [forbid('when { resource.arn == "arn:aws:sqs:eu-west-1:444455556666:pay" }'), EVERYTHING],
        [forbid('when { resource.arn like "arn:aws:logs:*:log-group:pay*" }'), EVERYTHING],
        [forbid('when { resource.arn like "arn:aws:secretsmanager:*:secret:pay-AbCdEf" }'), EVERYTHING],
        [forbid('when { resource.arn like "arn:aws:secretsmanager:*:secret:pay-*" }'), EVERYTHING],
        # What a forbid spares is not what it names.
        [forbid('unless { resource.arn like "arn:aws:s3:::open/*" }'), EVERYTHING],
        # Another forbid closes the access points.
        [
            HR,
            f'@id("points") forbid (principal, action, resource) when {{ resource.arn like "{POINT}" }};',
            EVERYTHING,
        ],
        [
            HR,
            '@id("s3") forbid (principal, action, resource) when { context.service == "s3" };',
            EVERYTHING,
        ],
        # The permits do not reach them.
        [HR],
        [
            HR,
            '@id("buckets") permit (principal, action, resource) when { resource.arn like "arn:aws:s3:::*" };',
        ],
        [
            HR,
            '@id("ec2") permit (principal, action, resource) when { context.service == "ec2" };',
        ],
        [
            forbid(OF_HR, 'principal, action == Jitney::Action::"Read", resource'),
            '@id("writes") permit (principal, action == Jitney::Action::"Write", resource);',
        ],
        [
            forbid(OF_HR, 'principal, action, resource in Jitney::Target::"prod"'),
            '@id("dev") permit (principal, action, resource in Jitney::Target::"dev");',
        ],
        [
            forbid('when { resource.arn like "arn:aws:s3:::hr/*" && context.target == "prod" }'),
            '@id("dev") permit (principal, action, resource) when { context.target == "dev" };',
        ],
    ],
)  # fmt: skip
def test_pol_11_a_forbid_that_covers_what_is_permitted_is_none(policies: list[str]):
    assert found_in(*policies) == []


def test_pol_11_a_forbid_that_depends_on_the_request_does_not_close_another_arn():
    reviewed = forbid('unless { context.approvals.contains("owners") }').replace("closed", "reviewed")
    (wrong,) = found_in(HR, reviewed, EVERYTHING)
    assert wrong.startswith('forbids "arn:aws:s3:::hr/*", but all permits s3:')


@pytest.mark.parametrize(
    ("own", "other", "problems"),
    [
        ("principal", 'principal in Jitney::Group::"corp/guests"', 1),
        ('principal in Jitney::Group::"corp/staff"', 'principal in Jitney::Group::"corp/guests"', 1),
        ('principal in Jitney::Group::"corp/staff"', 'principal in Jitney::Group::"corp/staff"', 0),
        ('principal in Jitney::Group::"corp/staff"', "principal", 0),
    ],
)
def test_pol_11_a_forbid_for_other_requesters_does_not_close_another_arn(own: str, other: str, problems: int):
    points = f'@id("points") forbid ({other}, action, resource) when {{ resource.arn like "{POINT}" }};'
    assert len(found_in(forbid(OF_HR, f"{own}, action, resource"), points, EVERYTHING)) == problems


def test_pol_11_a_forbid_of_one_resource_in_its_scope_is_no_exception():
    scope = 'principal, action, resource == Jitney::Resource::"arn:aws:s3:::hr"'
    assert f'"{POINT}"' in found_in(forbid("", scope), EVERYTHING)[0]
    assert (
        found_in(
            forbid('when { resource.arn == "arn:aws:s3:::hr" }'),
            '@id("one") permit (principal, action, resource == Jitney::Resource::"arn:aws:s3:::x");',
        )
        == []
    )
