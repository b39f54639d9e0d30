"""What a request may reach beyond the target's account and Region, as risks (row STS 9)."""

from dataclasses import replace

import pytest

from jitney.core.policy.reach import OTHER_ACCOUNTS, UNWATCHED_REGIONS, reach_risks

PERMIT = '@id("all") permit (principal, action, resource) when { resource.wildcard || !resource.wildcard };'
ELSEWHERE = {
    "other_accounts": ("777788889999",),
    "any_account_actions": ("ecr:batch*",),
    "other_regions": ("us-east-1",),
    "any_region_actions": ("route53:*",),
}
BOTH = {OTHER_ACCOUNTS, UNWATCHED_REGIONS}


@pytest.mark.parametrize(
    ("action", "resource", "found"),
    [
        ("s3:GetObject", "arn:aws:s3:::reports-*/*", BOTH),
        ("s3:ListAllMyBuckets", "*", BOTH),
        ("sqs:SendMessage", "arn:aws:sqs:eu-west-1:444455556666:jobs", set()),
        ("sqs:SendMessage", "arn:aws:sqs:eu-west-1:777788889999:jobs", {OTHER_ACCOUNTS}),
        ("sqs:SendMessage", "arn:aws:sqs:eu-west-1:*:jobs", {OTHER_ACCOUNTS}),
        ("sqs:SendMessage", "arn:aws:sqs:*:444455556666:jobs", {UNWATCHED_REGIONS}),
        ("sqs:SendMessage", "arn:aws:sqs:us-east-1:444455556666:jobs", {UNWATCHED_REGIONS}),
        ("sqs:SendMessage", "arn:aws:sqs:eu-west-3:111122223333:jobs", set()),
        ("ecr:BatchGetImage", "arn:aws:ecr:eu-west-1:111122223333:repository/x", {OTHER_ACCOUNTS}),
        ("ecr:BatchGetImage", "arn:aws:ecr:eu-west-1:444455556666:repository/x", set()),
        ("route53:ListHostedZones", "*", BOTH),
    ],
)
def test_sts_09_the_targets_exceptions_are_risks(target, action, resource, found):
    assert reach_risks(action, resource, replace(target, **ELSEWHERE)) == found


def test_sts_09_without_exceptions_only_what_aws_cannot_limit_is_a_risk(target):
    assert reach_risks("s3:GetObject", "arn:aws:s3:::reports-*/*", target) == set()
    assert reach_risks("ec2:CopySnapshot", "*", target) == {OTHER_ACCOUNTS}
    assert reach_risks("events:PutEvents", "*", target) == {OTHER_ACCOUNTS}
    assert reach_risks("events:PutEvents", "arn:aws:events:eu-west-1:444455556666:event-bus/a", target) == set()
    assert reach_risks("route53:ListHostedZones", "*", replace(target, any_region_actions=("route53:*",))) == {
        UNWATCHED_REGIONS
    }


def test_sts_09_reviewers_and_policies_see_the_exceptions(ask, target):
    forbid = """@id("own") forbid (principal, action, resource) when { context.risks.contains("OtherAccounts") };"""
    wanted = ("s3:PutObject", "arn:aws:s3:::reports-*/*")
    abroad = replace(target, other_accounts=("777788889999",), other_regions=("us-east-1", "us-west-2"))
    decision = ask(PERMIT, wanted, target=abroad)
    assert [(risk.name, risk.sentence) for risk in decision.risks][-2:] == [
        (OTHER_ACCOUNTS, "s3:PutObject may use resources of other accounts (777788889999)."),
        (
            UNWATCHED_REGIONS,
            "s3:PutObject may be called in Regions whose calls Jitney does not record (us-east-1, us-west-2).",
        ),
    ]
    assert ask(PERMIT + forbid, wanted, target=abroad).effect == "deny"
    assert ask(PERMIT + forbid, wanted).effect == "allow"
