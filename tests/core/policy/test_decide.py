import itertools
import re
from dataclasses import replace

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from jitney.core.access.decision import Effect
from jitney.core.access.request import AccessRequest, ExplainedAction, Permission
from jitney.core.actions import ActionTable
from jitney.core.config import Policies
from jitney.core.patterns import Budget
from jitney.core.policy.cedar import PolicySet
from jitney.core.policy.pairs import MOST_UNKNOWN, pairs_of
from jitney.core.problems import Problem
from tests.examples import examples
from tests.fakes import ACTIONS
from tests.identities import identity

OBJECT = "arn:aws:s3:::b/public/x"
SECRET = "arn:aws:s3:::b/secret/x"

READERS = """
@id("read") permit (
    principal in Jitney::Group::"corp/readers", action in Jitney::Action::"ReadOnly", resource
) when { resource.wildcard || context.durationSeconds <= 1800 };
"""
NO_SECRETS = """
@id("no-secrets") @advice("Ask for single prefixes.")
forbid (principal, action, resource) when { resource.arn like "arn:aws:s3:::b/secret/*" };
"""


def policies(decision):
    return {reason.policy for reason in decision.reasons}


# Decisions and their reasons.


def test_an_allowed_request_names_the_permit(ask):
    decision = ask(READERS, ("s3:GetObject", OBJECT))
    assert decision.effect is Effect.ALLOW
    assert policies(decision) == {"read"}
    assert decision.permissions == (Permission(("s3:GetObject",), (OBJECT,)),)
    assert (decision.reviews, decision.allowed_subset, decision.longest_seconds) == ((), (), 0)
    assert decision.policy_version == "v1"


def test_pol_07_a_denial_without_a_permit_names_level_target_and_groups(ask):
    decision = ask(READERS, ("s3:PutObject", OBJECT))
    (reason,) = decision.reasons
    assert (decision.effect, reason.policy) == (Effect.DENY, "builtin:no-permit")
    assert reason.template == (
        f"No policy permits {{action}} on {OBJECT} at target analytics-prod for groups corp/readers."
    )
    assert reason.sentence == (
        f"No policy permits s3:PutObject (Write) on {OBJECT} at target analytics-prod for groups corp/readers."
    )
    assert (reason.action, reason.resource) == ("s3:PutObject", OBJECT)
    (reason,) = ask(READERS, ("s3:GetObject", OBJECT), groups=()).reasons
    assert reason.sentence.endswith("for a principal without groups.")


def test_pol_01_forbid_wins_over_permit_and_approval(ask):
    approved = READERS + NO_SECRETS
    decision = ask(approved, ("s3:GetObject", SECRET), reviewers=["owners"], approvals=["owners"])
    assert decision.effect is Effect.DENY
    (reason,) = decision.reasons
    assert (reason.policy, reason.resource) == ("no-secrets", SECRET)
    assert reason.sentence == f"s3:GetObject (Read) on {SECRET} is forbidden. Ask for single prefixes."


def test_pol_07_a_denial_names_the_largest_part_that_would_pass(ask):
    decision = ask(
        READERS + NO_SECRETS,
        ("s3:GetObject s3:PutObject s3:GetObjectTagging", f"{OBJECT} {SECRET}"),
        ("s3:ListBucket", "arn:aws:s3:::b"),
    )
    assert decision.effect is Effect.DENY
    assert decision.allowed_subset == (
        Permission(("s3:GetObject", "s3:GetObjectTagging"), (OBJECT,)),
        Permission(("s3:ListBucket",), ("arn:aws:s3:::b",)),
    )


def test_pol_07_the_largest_part_includes_what_a_review_would_allow(ask):
    decision = ask(READERS + WRITERS, ("s3:GetObject s3:PutObject s3:PutObjectAcl", OBJECT), reviewers=["owners"])
    assert decision.effect is Effect.DENY
    assert decision.allowed_subset == (Permission(("s3:GetObject", "s3:PutObject"), (OBJECT,)),)


@pytest.mark.parametrize(("seconds", "longest"), [(1800, None), (1801, 1800), (3600, 1800), (3601, 1800)])
def test_pol_07_a_denial_names_the_longest_duration_that_would_pass(ask, seconds, longest):
    decision = ask(READERS, ("s3:GetObject", OBJECT), seconds=seconds)
    assert (decision.effect, decision.longest_seconds) == ((Effect.DENY, longest) if longest else (Effect.ALLOW, 0))


def test_pol_07_no_duration_is_suggested_for_a_request_denied_anyway(ask):
    decision = ask(READERS, ("s3:PutObject", OBJECT), seconds=3600)
    assert (decision.effect, decision.longest_seconds) == (Effect.DENY, 0)


@pytest.mark.parametrize(("seconds", "longest"), [(1801, 1800), (3601, 1800)])
def test_pol_14_without_a_suggestion_the_decision_is_otherwise_the_same(ask, seconds, longest):
    decision = ask(READERS, ("s3:GetObject", OBJECT), seconds=seconds)
    assert decision.longest_seconds == longest
    assert ask(READERS, ("s3:GetObject", OBJECT), seconds=seconds, suggest=False) == replace(
        decision, longest_seconds=0
    )


@pytest.mark.parametrize(
    ("arns", "seconds", "names", "longest"),
    [
        ((OBJECT, SECRET), 1800, OBJECT, 0),  # a part
        ((OBJECT,), 3600, "", 1800),  # less time
        ((OBJECT, SECRET), 3600, OBJECT, 1800),  # a part, for less time
        ((OBJECT, SECRET), 3601, OBJECT, 1800),  # the target's maximum
        ((OBJECT, "arn:aws:s3:::b/*"), 3600, "", 1800),  # less time keeps what a part would lose
        ((SECRET,), 3600, "", 0),
    ],
)
def test_pol_07_a_denial_names_one_request_that_passes(ask, arns, seconds, names, longest):
    text = READERS + NO_SECRETS.replace("resource.arn like", "!resource.wildcard && resource.arn like")
    decision = ask(text, ("s3:GetObject", " ".join(arns)), seconds=seconds)
    part = tuple(arn for permission in decision.allowed_subset for arn in permission.resources)
    assert (decision.effect, " ".join(part), decision.longest_seconds) == (Effect.DENY, names, longest)
    followed = ask(text, ("s3:GetObject", " ".join(part or arns)), seconds=min(seconds, longest or seconds))
    assert followed.effect is (Effect.ALLOW if part or longest else Effect.DENY)


def test_pol_07_no_duration_below_the_configured_minimum_is_suggested(ask):
    decision = ask(READERS.replace("1800", "30"), ("s3:GetObject", OBJECT), seconds=300)
    assert (decision.effect, decision.longest_seconds) == (Effect.DENY, 0)


def test_a_duration_above_the_targets_maximum_is_denied(ask):
    decision = ask(READERS.replace("1800", "99999"), ("s3:GetObject", OBJECT), seconds=3601)
    assert (decision.effect, policies(decision), decision.longest_seconds) == (
        Effect.DENY,
        {"builtin:duration"},
        3600,
    )


def test_a_duration_is_suggested_once_and_passes(ask):
    """The target allows 3600 s, the policy 1800 s."""
    decision = ask(READERS, ("s3:GetObject", OBJECT), seconds=3601)
    (reason,) = decision.reasons
    assert reason.sentence == "3601 s is longer than the 3600 s that target analytics-prod allows."
    assert decision.longest_seconds == 1800


def test_pol_06_the_most_restrictive_of_the_matching_rules_wins(ask):
    two = (
        READERS
        + """
        @id("short") forbid (principal, action, resource)
        when { context.service == "s3" && context.durationSeconds > 600 };
    """
    )
    assert ask(two, ("s3:GetObject", OBJECT), seconds=600).effect is Effect.ALLOW
    decision = ask(two, ("s3:GetObject", OBJECT), seconds=1200)
    assert (decision.effect, policies(decision), decision.longest_seconds) == (Effect.DENY, {"short"}, 600)
    other = ("dynamodb:GetItem", "arn:aws:dynamodb:eu-west-1:444455556666:table/t")
    assert ask(two, other, seconds=1200).effect is Effect.ALLOW


def test_pol_10_each_action_on_each_resource_needs_a_rule_of_its_own(ask):
    narrow = """
        @id("get") permit (principal, action, resource)
        when { context.action == "s3:GetObject" && resource.arn == "arn:aws:s3:::b/one" };
        @id("put") permit (principal, action, resource)
        when { context.action == "s3:PutObject" && resource.arn == "arn:aws:s3:::b/two" };
    """
    assert ask(narrow, ("s3:GetObject", "arn:aws:s3:::b/one")).effect is Effect.ALLOW
    assert ask(narrow, ("s3:GetObject s3:PutObject", "arn:aws:s3:::b/one arn:aws:s3:::b/two")).effect is Effect.DENY


def test_pol_10_a_decision_adds_nothing_to_the_request(ask):
    decision = ask(READERS, ("dynamodb:Query", "arn:aws:dynamodb:eu-west-1:444455556666:table/orders"))
    assert decision.permissions == (
        Permission(("dynamodb:Query",), ("arn:aws:dynamodb:eu-west-1:444455556666:table/orders",)),
    )


# Review.

WRITERS = """
@id("write") @approval("owners") @advice("An owner looks at each write.") permit (
    principal in Jitney::Group::"corp/readers", action == Jitney::Action::"Write", resource
) when { context.approvals.contains("owners") };
"""
EITHER = """
@id("either") permit (principal, action == Jitney::Action::"Write", resource)
when { context.approvals.containsAny(["owners", "oncall"]) };
"""
BOTH = """
@id("risky") forbid (principal, action, resource)
when { context.risks.contains("CredentialExposure") }
unless { context.approvals.contains("security") };
@id("secrets") permit (principal, action == Jitney::Action::"ReadSecret", resource);
"""
SECRET_VALUE = ("secretsmanager:GetSecretValue", "arn:aws:secretsmanager:eu-west-1:444455556666:secret:db-AbCdEf")


def test_a_write_needs_the_approval_that_its_policy_names(ask):
    decision = ask(READERS + WRITERS, ("s3:GetObject s3:PutObject", OBJECT), reviewers=["owners", "security"])
    assert (decision.effect, decision.reviews) == (Effect.REVIEW, (frozenset({"owners"}),))
    (reason,) = decision.reasons
    assert (reason.policy, reason.action) == ("write", "s3:PutObject")
    assert reason.sentence.endswith("needs an approval. An owner looks at each write.")


def test_pol_01_the_same_function_allows_an_approved_request(ask):
    request = ("s3:PutObject", OBJECT)
    assert ask(WRITERS, request, reviewers=["owners"], approvals=["owners"]).effect is Effect.ALLOW
    assert ask(WRITERS, request, reviewers=["owners"], approvals=["Owners", "owner"]).effect is Effect.REVIEW


def test_pol_08_a_review_without_possible_reviewers_is_a_denial(ask):
    assert ask(WRITERS, ("s3:PutObject", OBJECT), reviewers=[]).effect is Effect.DENY
    assert ask(WRITERS, ("s3:PutObject", OBJECT), reviewers=["others"]).effect is Effect.DENY


def test_either_of_two_groups_may_approve(ask):
    decision = ask(EITHER, ("s3:PutObject", OBJECT), reviewers=["owners", "oncall", "others"])
    assert decision.reviews == (frozenset({"oncall"}), frozenset({"owners"}))


def test_the_needed_group_is_found_among_many_interchangeable_ones(ask):
    groups = [f"g{number:02}" for number in range(20)]
    either = EITHER.replace('"owners", "oncall"', ", ".join(f'"{group}"' for group in groups))
    decision = ask(either + BOTH, ("s3:PutObject", OBJECT), SECRET_VALUE, reviewers=[*groups, "security"])
    assert decision.reviews == tuple(frozenset({group, "security"}) for group in groups)


def test_a_request_that_needs_two_groups_names_both(ask):
    decision = ask(WRITERS + BOTH, ("s3:PutObject", OBJECT), SECRET_VALUE, reviewers=["owners", "security", "oncall"])
    assert decision.reviews == (frozenset({"owners", "security"}),)


def test_one_group_and_either_of_two_others_may_be_needed(ask):
    decision = ask(EITHER + BOTH, ("s3:PutObject", OBJECT), SECRET_VALUE, reviewers=["owners", "security", "oncall"])
    assert decision.reviews == (frozenset({"oncall", "security"}), frozenset({"owners", "security"}))


def test_after_one_of_two_approvals_the_other_is_still_needed(ask):
    decision = ask(
        WRITERS + BOTH,
        ("s3:PutObject", OBJECT),
        SECRET_VALUE,
        reviewers=["owners", "security"],
        approvals=["owners"],
    )
    assert (decision.effect, decision.reviews) == (Effect.REVIEW, (frozenset({"security"}),))


def test_too_many_alternatives_require_all_groups(ask):
    groups = [f"g{number}" for number in range(20)]
    pairs = " || ".join(
        f'context.approvals.containsAll(["{one}", "{other}"])' for one, other in itertools.combinations(groups, 2)
    )
    decision = ask(
        f'@id("two") permit (principal, action, resource) when {{ {pairs} }};',
        ("s3:PutObject", OBJECT),
        reviewers=[*groups, "others"],
    )
    assert decision.reviews == (frozenset(groups),)


# Wildcards (POL 3).

WILD = "(resource.wildcard || !resource.wildcard)"


@pytest.mark.parametrize(
    "resource",
    [
        "arn:aws:s3:::b/*",
        "arn:aws:s3:::b/s*",
        "arn:aws:s3:::b/?ecret/x",
        "arn:aws:s3:::b/*/x",
        "arn:aws:s3:::*/x",
        "arn:aws:s3:::*",
        "arn:aws:s3:::?/*",
        "arn:aws:s3:::b/??????/*",
        "arn:aws:s3:::b*",
        "arn:aws:s3:::b/secret/*",
        "*",
    ],
)
def test_pol_03_no_wildcard_slips_past_a_forbid(ask, resource):
    decision = ask(READERS + NO_SECRETS, ("s3:GetObject", resource))
    assert decision.effect is Effect.DENY
    assert policies(decision) == {"no-secrets"}
    assert decision.allowed_subset == ()


@pytest.mark.parametrize("resource", ["arn:aws:s3:::b/public/*", "arn:aws:s3:::c/*", "arn:aws:s3:::b/secretary?/*"])
def test_pol_03_wildcards_that_miss_every_forbid_are_allowed(ask, resource):
    assert ask(READERS + NO_SECRETS, ("s3:GetObject", resource)).effect is Effect.ALLOW


PATH = "arn:aws:ssm:eu-west-1:444455556666:parameter/team"


@pytest.mark.parametrize(
    "resource", [PATH, f"{PATH}/", f"{PATH}/a", f"{PATH}/secret", "arn:aws:ssm:eu-west-1:*:parameter/te?m"]
)
def test_pol_03_a_path_is_decided_with_all_names_below_it(ask, resource):
    """AWS compares the path with IAM policies, and returns the parameters below it, also those that are denied."""
    forbidden = f"""@id("no") forbid (principal, action, resource) when {{ resource.arn like "{PATH}/secret/*" }};"""
    below = "/a" not in resource
    decision = ask(BROAD + forbidden, ("ssm:GetParametersByPath", resource))
    assert decision.effect is (Effect.DENY if below else Effect.ALLOW)
    assert policies(decision) == ({"no"} if below else {"all"})
    assert decision.permissions == (Permission(("ssm:GetParametersByPath",), (resource,)),)


@pytest.mark.parametrize(
    ("action", "resource", "denied"),
    [
        ("glue:GetTable", "arn:aws:glue:eu-west-1:444455556666:table/D/Pay", True),
        ("glue:GetTable", "arn:aws:glue:eu-west-1:444455556666:table/D/P*", True),
        ("glue:GetTable", "arn:aws:glue:eu-west-1:444455556666:table/D/Q*", False),
        ("glue:GetTable", "arn:aws:glue:eu-west-1:444455556666:table/D/Paid", False),
        ("sagemaker:DescribeLabelingJob", "arn:aws:sagemaker:eu-west-1:444455556666:labeling-job/PAY", True),
        ("sagemaker:DescribeLabelingJob", "arn:aws:sagemaker:eu-west-1:444455556666:labeling-job/OTHER", False),
        ("s3:GetObject", "arn:aws:s3:::b/PAY", False),
    ],
)
def test_pol_03_a_forbid_holds_for_names_that_aws_finds_in_any_case(ask, action, resource, denied):
    """No document says in which form AWS authorizes names of Glue and SageMaker. Keys of S3 are other objects."""
    forbidden = [
        "glue:eu-west-1:444455556666:table/d/pay",
        "sagemaker:eu-west-1:444455556666:labeling-job/pay",
        "s3:::b/pay",
    ]
    conditions = " || ".join(f'resource.arn == "arn:aws:{each}"' for each in forbidden)
    decision = ask(
        BROAD + f"""@id("no") forbid (principal, action, resource) when {{ {conditions} }};""", (action, resource)
    )
    assert decision.effect is (Effect.DENY if denied else Effect.ALLOW)
    assert decision.permissions == (Permission((action,), (resource,)),)


def test_pol_03_a_permit_for_a_path_alone_permits_nothing_below_it(ask):
    at_path = f"""@id("p") permit (principal, action, resource)
        when {{ resource.arn == "{PATH}" && [true, false].contains(resource.wildcard) }};"""
    assert ask(at_path, ("ssm:GetParametersByPath", PATH)).effect is Effect.DENY
    assert ask(at_path, ("ssm:GetParameter", PATH)).effect is Effect.ALLOW
    without_wildcards = """@id("p") permit (principal, action, resource);"""
    decision = ask(without_wildcards, ("ssm:GetParametersByPath", PATH))
    assert (decision.effect, policies(decision)) == (Effect.DENY, {"builtin:no-wildcard"})
    assert "Request ssm:GetParameters on each name." in decision.reasons[0].sentence
    assert ask(without_wildcards, ("ssm:GetParameters", PATH)).effect is Effect.ALLOW


def test_pol_03_a_permit_that_does_not_mention_wildcards_permits_none(ask):
    plain = """@id("plain") permit (principal, action, resource) when { resource.arn like "arn:aws:s3:::b/*" };"""
    assert ask(plain, ("s3:GetObject", OBJECT)).effect is Effect.ALLOW
    decision = ask(plain, ("s3:GetObject", "arn:aws:s3:::b/public/*"))
    assert (decision.effect, policies(decision)) == (Effect.DENY, {"builtin:no-wildcard"})
    elsewhere = (
        """@id("wild") permit (principal, action, resource) when { resource.arn == "x" && resource.wildcard };"""
    )
    assert ask(plain + elsewhere, ("s3:GetObject", "arn:aws:s3:::b/public/*")).effect is Effect.DENY
    assert "only without wildcards" in decision.reasons[0].sentence


@pytest.mark.parametrize(
    ("condition", "request_", "expected"),
    [
        # Two permits together cover what neither covers alone. A gap between them is found.
        ('resource.arn like "arn:aws:s3:::b/*" || resource.arn == "arn:aws:s3:::b"', "arn:aws:s3:::b/*", True),
        ('resource.arn like "arn:aws:s3:::b/a*" || resource.arn like "arn:aws:s3:::b/b*"', "arn:aws:s3:::b/*", False),
        ('resource.arn like "arn:aws:s3:::b/*" && resource.arn != "arn:aws:s3:::b/q"', "arn:aws:s3:::b/*", False),
        ('!(["arn:aws:s3:::b/q"].contains(resource.arn))', "arn:aws:s3:::b/?", False),
        ('!(["arn:aws:s3:::b/q"].contains(resource.arn))', "arn:aws:s3:::b/??", True),
        ('!(resource == Jitney::Resource::"arn:aws:s3:::b/q")', "arn:aws:s3:::b/?", False),
        ('!(resource in [Jitney::Resource::"arn:aws:s3:::b/q"])', "arn:aws:s3:::b/?", False),
        ('!("arn:aws:s3:::b/q" == resource.arn)', "arn:aws:s3:::b/?", False),
        ('resource.service == "s3"', "arn:aws:s3:::b/*", True),
        ('resource.service == "s3" && resource.region == "" && resource.account == ""', "*", False),
        ('resource.region != "us-east-1"', "*", False),
        ('resource.region != "us-east-1"', "arn:aws:s3:*:444455556666:accesspoint/a/object/*", False),
        ('resource.region like "eu-*"', "arn:aws:s3:eu-*:444455556666:accesspoint/a/object/*", True),
        ('resource.region like "eu-*"', "arn:aws:s3:*-1:444455556666:accesspoint/a/object/*", False),
        ('resource.region like "eu-*"', "arn:aws:s3:eu-west-1:444455556666:accesspoint/a/object/*", True),
        ('!(resource.region like "*-1")', "arn:aws:s3:e*:4-1:accesspoint/a/object/k", False),
        ('!(resource.arn like "arn:*b/q")', "arn:aws:s3:::b/?", False),
        ('resource.account != "111122223333"', "*", False),
        # The `\\*` of a Cedar pattern is a literal star, which is not mistaken for a wildcard.
        ('resource.arn like "arn:aws:s3:::b/\\\\*"', "arn:aws:s3:::b/*", False),
        ('resource.arn like "arn:aws:s3:::b/?"', "arn:aws:s3:::b/?", False),
    ],
)
def test_pol_03_wildcards_are_decided_for_every_matching_arn(ask, condition, request_, expected):
    permit = f'@id("p") permit (principal, action, resource) when {{ {WILD} && ({condition}) }};'
    decision = ask(permit, ("s3:GetObject", request_))
    assert (decision.effect is Effect.ALLOW) == expected


@pytest.mark.parametrize("condition", ['action in Jitney::Action::"ReadOnly"', 'action != Jitney::Action::"Write"'])
def test_pol_02_a_condition_on_the_action_itself_distinguishes_levels(ask, condition):
    policies = f'@id("p") permit (principal, action, resource) when {{ {condition} }};'
    one = "arn:aws:s3:::b/k"
    found = [ask(policies, (name, one)) for name in ("s3:GetObject", "s3:DeleteObject", "s3:DeleteObject s3:GetObject")]
    assert [each.effect for each in found] == [Effect.ALLOW, Effect.DENY, Effect.DENY]


@pytest.mark.parametrize("operator", ["==", "in"])
def test_pol_03_a_wildcard_request_is_denied_what_a_scope_forbids(ask, operator):
    permit = f'@id("p") permit (principal, action, resource) when {{ {WILD} }};'
    scope = f'principal, action, resource {operator} Jitney::Resource::"arn:aws:s3:::b/q"'
    policies = f'{permit} @id("f") @advice("Not q.") forbid ({scope});'
    found = {arn: ask(policies, ("s3:GetObject", f"arn:aws:s3:::b/{arn}")).effect for arn in ("q", "?", "*", "??", "p")}
    denied = dict.fromkeys(("q", "?", "*"), Effect.DENY)
    assert found == denied | dict.fromkeys(("??", "p"), Effect.ALLOW)


def test_pol_03_a_forbid_with_an_exception_is_decided_inside_it(ask):
    text = (
        READERS
        + """
        @id("except") forbid (principal, action, resource)
        when { resource.arn like "arn:aws:s3:::b/secret/*" }
        unless { resource.arn like "arn:aws:s3:::b/secret/open/*" };
    """
    )
    assert ask(text, ("s3:GetObject", "arn:aws:s3:::b/secret/open/*")).effect is Effect.ALLOW
    assert ask(text, ("s3:GetObject", "arn:aws:s3:::b/secret/o*")).effect is Effect.DENY
    assert ask(text, ("s3:GetObject", "arn:aws:s3:::b/*/open/*")).effect is Effect.DENY


def test_pol_03_the_star_of_an_action_without_resources_is_no_wildcard(ask):
    text = """@id("list") permit (principal, action, resource) when { resource.arn == "*" && !resource.wildcard };"""
    assert ask(text, ("s3:ListAllMyBuckets", "*")).effect is Effect.ALLOW
    assert ask(text, ("s3:GetObject", "*")).effect is Effect.DENY


def test_pol_03_one_arn_may_be_requested_by_name_and_by_wildcard(ask):
    text = """@id("one") permit (principal, action, resource)
        when { !resource.wildcard || resource.arn like "arn:aws:s3:::b/*" };"""
    decision = ask(text, ("s3:GetObject", "arn:aws:s3:::b/ arn:aws:s3:::b/* arn:aws:s3:::c/x"))
    assert decision.effect is Effect.ALLOW


@pytest.mark.parametrize("name", ["s3:Get*", "s3:*", "S3:GET*", "s3:?etObject", "s3:GetObject*"])
def test_pol_03_action_wildcards_are_decided_action_by_action(ask, name):
    text = READERS + """@id("no-get") forbid (principal, action, resource) when { context.action == "s3:GetObject" };"""
    decision = ask(text, (name, OBJECT))
    assert decision.effect is Effect.DENY
    assert "no-get" in policies(decision)
    assert all("s3:GetObject" not in permission.actions for permission in decision.allowed_subset)


def test_pol_03_action_wildcards_are_granted_as_the_actions_of_today(ask):
    decision = ask(READERS, ("s3:GetObjectT*", OBJECT))
    assert decision.permissions == (Permission(("s3:GetObjectTagging", "s3:GetObjectTorrent"), (OBJECT,)),)


def test_pol_03_slow_patterns_are_refused(ask):
    scattered = """@id("x") forbid (principal, action, resource) when { resource.arn like "*b*a*b*c*" };"""
    with pytest.raises(Problem) as caught:
        ask(READERS + scattered, ("s3:GetObject", "arn:aws:s3:::*a" + "?" * 40))
    assert caught.value.code == "request_invalid"
    assert "wildcards" in caught.value.fix


ANY = "(principal, action, resource)"
LETTERS = "abcdefghijklmnopqrst"
LITERALS = st.text("ab*", min_size=1, max_size=4)
ASKED = st.text("ab*?", min_size=1, max_size=4).filter(lambda text: "*" in text or "?" in text)
KEYS = ["".join(key) for size in range(6) for key in itertools.product("abx", repeat=size)]


@settings(max_examples=examples(60), suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow])
@given(st.lists(LITERALS, min_size=1, max_size=2), st.lists(LITERALS, max_size=2), ASKED)
def test_pol_03_a_wildcard_is_allowed_exactly_when_all_its_matches_are(ask, permitted, forbidden, asked):
    when = f'(principal, action, resource) when {{ {WILD} && resource.arn like "arn:aws:s3:::b/%s" }};'
    text = "".join(f'@id("p{n}") permit {when % key}' for n, key in enumerate(permitted))
    text += "".join(f'@id("f{n}") forbid {when % key}' for n, key in enumerate(forbidden))

    def like(pattern, key):
        return re.fullmatch(pattern.replace("*", ".*"), key)

    asked_keys = [key for key in KEYS if re.fullmatch(asked.replace("*", ".*").replace("?", "."), key)]
    everything = all(
        any(like(pattern, key) for pattern in permitted) and not any(like(pattern, key) for pattern in forbidden)
        for key in asked_keys
    )
    decision = ask(text, ("s3:GetObject", f"arn:aws:s3:::b/{asked}"))
    assert (decision.effect is Effect.ALLOW) == everything


REGION, ACCOUNT = "eu-west-1", "444455556666"
PARTS = ['== ""', f'== "{REGION}"', 'like "eu-*"', f'!= "{ACCOUNT}"', '== "s3"', 'like "s*"', f'== "{ACCOUNT}"']
CONDITIONS = st.one_of(
    st.tuples(st.sampled_from(["service", "region", "account"]), st.sampled_from(PARTS)).map(" ".join),
    st.sampled_from(["*", "arn:aws:s3:::b/*", "arn:aws:sqs:*:a", "*b/a*", "arn:*:*::*"]).map(
        lambda pattern: f'arn like "{pattern}"'
    ),
    st.sampled_from(["*", "arn:aws:s3:::b/a", f"arn:aws:sqs:{REGION}:{ACCOUNT}:a"]).map(lambda arn: f'arn == "{arn}"'),
)
SCOPES = [
    "action",
    'action == Jitney::Action::"List"',
    'action == Jitney::Action::"Write"',
    'action in Jitney::Action::"ReadOnly"',
    'action in [Jitney::Action::"Mutating", Jitney::Action::"ReadSecret"]',
]
OF_ACTIONS = st.sampled_from(
    [
        'context.service == "s3"',
        '["sqs", "secretsmanager"].contains(context.service)',
        'context.service like "s*s"',
        'context.action != "s3:GetObject"',
        'context.action like "*:Get*"',
        'context.risks.contains("CredentialExposure")',
        'context.risks.containsAny(["ResourceExposure", "InfrastructureModification"])',
        'action in Jitney::Action::"ReadOnly"',
        'action == Jitney::Action::"ReadSecret"',
        '{c: context.service}.c == "s3"',
    ]
)
ONES = [
    ("s3:GetObject", "arn:aws:s3:::b/a"),
    ("s3:GetObject", "arn:aws:s3:::b/b"),
    ("s3:ListBucket", "arn:aws:s3:::b"),
    ("s3:ListAllMyBuckets", "*"),
    ("sqs:GetQueueUrl", f"arn:aws:sqs:{REGION}:{ACCOUNT}:a"),
    ("sqs:GetQueueAttributes", f"arn:aws:sqs:us-east-1:{ACCOUNT}:b"),
    ("sqs:ListQueues", "*"),
    ("s3:PutObject", "arn:aws:s3:::b/a"),
    ("s3:PutObjectAcl", "arn:aws:s3:::b/a"),
    ("s3:PutObjectTagging", "arn:aws:s3:::b/a"),
    ("secretsmanager:GetSecretValue", f"arn:aws:secretsmanager:{REGION}:{ACCOUNT}:secret:a-AbCdEf"),
    ("secretsmanager:DescribeSecret", f"arn:aws:secretsmanager:{REGION}:{ACCOUNT}:secret:a-AbCdEf"),
]


RULES = st.tuples(st.sampled_from(SCOPES), st.one_of(CONDITIONS.map("resource.{}".format), OF_ACTIONS))


@settings(max_examples=examples(60), suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow])
@given(st.lists(RULES, min_size=1, max_size=3), st.lists(RULES, max_size=2))
def test_pol_10_permissions_together_are_decided_as_each_alone(ask, permitted, forbidden):
    rules = [("permit", each) for each in permitted] + [("forbid", each) for each in forbidden]
    text = "".join(
        f'@id("{effect}-{n}") {effect} (principal, {scope}, resource) when {{ {condition} }};'
        for n, (effect, (scope, condition)) in enumerate(rules)
    )
    alone = [one for one in ONES if ask(text, one).effect is Effect.ALLOW]
    together = ask(text, *ONES)
    granted = together.permissions if together.effect is Effect.ALLOW else together.allowed_subset
    assert {pair[:2] for permission in granted for pair in permission.pairs()} == set(alone)


OF_REQUESTS = st.sampled_from(
    [
        "context.durationSeconds <= 300",
        "context.durationSeconds * 2 > 700",
        'context.approvals.contains("owners")',
        'context.approvals.containsAll(["owners", "security"])',
        "context.onBehalfOfHuman",
        "principal has human",
        'principal in Jitney::Group::"corp/readers"',
        'principal == Jitney::Agent::"corp.reader-agent"',
        'principal.subject like "reader-*"',
        'principal.hasTag("ref") && principal.getTag("ref").string == "main"',
        "resource.wildcard",
    ]
)
ASKERS = st.fixed_dictionaries(
    {
        "groups": st.sampled_from([(), ("corp/readers",)]),
        "seconds": st.sampled_from([300, 301, 400]),
        "human": st.sampled_from([None, identity("corp.alice")]),
        "name": st.sampled_from(["reader-agent", "writer-agent"]),
        "tags": st.sampled_from([(), (("ref", "main"),), (("ref", "topic"),)]),
        "approvals": st.sets(st.sampled_from(["owners", "security"])),
    }
)
ALTOGETHER = st.lists(st.sampled_from([*ONES, ("s3:GetObject", "arn:aws:s3:::b/*"), ("s3:Get*", "*")]), min_size=1)


@settings(max_examples=examples(60), suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow])
@given(
    st.lists(st.tuples(RULES, OF_REQUESTS), min_size=1, max_size=3),
    st.lists(st.tuples(RULES, OF_REQUESTS), max_size=2),
    st.lists(st.tuples(ALTOGETHER, ASKERS), min_size=2, max_size=6),
)
def test_pol_01_earlier_requests_change_no_decision(ask, load, permitted, forbidden, asked):
    """Answers are cached by all that policies see of the principal, the target and the request."""
    rules = [("permit", each) for each in permitted] + [("forbid", each) for each in forbidden]
    text = "".join(
        f'@id("{effect}-{n}") {effect} (principal, {scope}, resource) when {{ {condition} }} when {{ {of_request} }};'
        for n, (effect, ((scope, condition), of_request)) in enumerate(rules)
    )
    remembering = load(text)
    for permissions, asker in asked:
        before = [
            ask(policies, *permissions, reviewers=["security"], **asker) for policies in (remembering, load(text))
        ]
        assert before[0] == before[1]


def test_pol_03_too_many_arns_to_evaluate_are_refused(ask):
    keys = "".join(
        f'@id("no-{key}") forbid {ANY} when {{ resource.arn == "arn:aws:s3:::b/{key}" }};' for key in LETTERS
    )
    asked = " ".join("arn:aws:s3:::b/" + "*" * stars for stars in range(1, 51))
    with pytest.raises(Problem) as caught:
        ask(READERS + keys, ("s3:GetObject", asked))
    assert caught.value.code == "request_invalid"


# Errors and unknown names.


def test_pol_02_a_request_that_does_not_fit_the_schema_is_denied(ask, schema):
    other = schema.replace("action: String, ", "action: String, colour: String, ")
    assert other != schema
    decision = ask(PolicySet.load(Policies(READERS, other, "v1")), ("s3:GetObject", OBJECT))
    assert (decision.effect, policies(decision)) == (Effect.DENY, {"builtin:policy-error"})


def test_a_denial_of_many_pairs_has_a_few_reasons(ask):
    decision = ask(READERS, ("s3:PutObject", " ".join(f"arn:aws:s3:::b/{number}" for number in range(50))))
    assert len(decision.reasons) == 20


def test_pol_02_a_forbid_that_fails_denies(ask):
    failing = (
        READERS
        + """
        @id("overflow") forbid (principal, action, resource)
        when { context.durationSeconds * 9223372036854775807 > 0 && resource.arn like "arn:aws:s3:::b/secret/*" };
    """
    )
    decision = ask(failing, ("s3:GetObject", OBJECT))
    assert (decision.effect, policies(decision)) == (Effect.DENY, {"builtin:policy-error"})
    assert "overflow" in decision.reasons[0].sentence
    assert decision.allowed_subset == ()


def test_pol_02_a_policy_that_fails_only_without_approvals_still_denies(ask):
    failing = (
        WRITERS
        + """
        @id("overflow") permit (principal, action, resource)
        when { context.approvals.contains("owners") && context.durationSeconds * 9223372036854775807 > 0 };
    """
    )
    decision = ask(failing, ("s3:PutObject", OBJECT), reviewers=["owners"])
    assert (decision.effect, policies(decision)) == (Effect.DENY, {"builtin:policy-error"})


@pytest.mark.parametrize(
    ("name", "closest"),
    [
        ("s3:GetObjects", "s3:GetObject"),
        ("s3:GetObjekt", "s3:GetObject"),
        ("dynamo:GetItem", "dynamodb:GetItem"),
        ("s3:G\N{CYRILLIC SMALL LETTER IE}tObject", "s3:GetObject"),
        ("\N{KELVIN SIGN}ms:Decrypt", "kms:Decrypt"),
        ("s3:GetOb\N{ZERO WIDTH SPACE}ject", "s3:GetObject"),
        ("s3:GetObject ", "s3:GetObject"),
        ("s3:GetObject\n", "s3:GetObject"),
        ("s3:Gett*", None),
    ],
)
def test_pol_04_an_unknown_action_is_refused_with_the_closest_names(ask, name, closest):
    with pytest.raises(Problem) as caught:
        ask(READERS, ((name,), "*"))
    assert caught.value.code == "action_unknown"
    if closest:
        assert closest in caught.value.fix
        assert closest in caught.value.extras["errors"][0]["alternatives"]


def refusals(request: AccessRequest, actions: ActionTable) -> tuple[str, list[tuple[str, str]]]:
    """Return the problem's code, and the pointer and detail of each error."""
    with pytest.raises(Problem) as caught:
        pairs_of(request, actions, 500, Budget(10**6))
    return caught.value.code, [(each["pointer"], each["detail"]) for each in caught.value.extras["errors"]]


def test_pol_04_every_unknown_action_of_a_request_is_named_at_once(actions):
    permissions = (
        Permission(("s3:GetObject", "s3:GetObjekt", "sts:*Token"), ("arn:aws:s3:::b/k",)),
        Permission(("ec2:DescribeInstence",), ("*",)),
    )
    request = AccessRequest("a", permissions, 300, "", "")
    code, errors = refusals(request, actions)
    assert code == "action_unknown"
    assert errors == [
        ("/permissions/0/actions", "Action 's3:GetObjekt' does not exist."),
        ("/permissions/1/actions", "Action 'ec2:DescribeInstence' does not exist."),
    ]
    many = Permission(tuple(f"ec2:DescribeInstence{number}" for number in range(50)), ("*",))
    assert len(refusals(replace(request, permissions=(many,)), actions)[1]) == MOST_UNKNOWN


def test_pol_04_every_action_and_resource_without_a_pair_is_named_at_once(actions):
    permissions = (
        Permission(("s3:GetObject", "s3:ListBucket"), ("arn:aws:s3:::b/k", "arn:aws:sqs:eu-west-1:444455556666:q")),
        Permission(("sqs:SendMessage",), ("arn:aws:s3:::b/k", "arn:aws:s3:::b/l")),
    )
    request = AccessRequest("a", permissions, 300, "", "")
    code, errors = refusals(request, actions)
    assert code == "request_invalid"
    assert [place for place, _ in errors] == [
        f"/permissions/{place}" for place in ("0/actions", "0/resources", "1/actions", "1/resources", "1/resources")
    ]
    explained = replace(request, explanation=(ExplainedAction("aws s3 cp", "s3:GetObject", ("*",), "it reads"),))
    assert {place for place, _ in refusals(explained, actions)[1]} == {""}


@pytest.mark.parametrize("name", ["S3:getobject", "s3:GETOBJECT", "s3:GetObject"])
def test_pol_04_action_names_in_other_cases_get_the_same_decision(ask, name):
    text = READERS + """@id("no-get") forbid (principal, action, resource) when { context.action == "s3:GetObject" };"""
    decision = ask(text, (name, OBJECT))
    assert policies(decision) == {"no-get"}
    assert decision.permissions == (Permission(("s3:GetObject",), (OBJECT,)),)


@pytest.mark.parametrize(
    ("name", "resource"),
    [
        SECRET_VALUE,
        ("ssm:GetParameter", "arn:aws:ssm:eu-west-1:444455556666:parameter/db/password"),
        ("ssm:GetParametersByPath", "arn:aws:ssm:eu-west-1:444455556666:parameter/db"),
        ("ecr:GetAuthorizationToken", "*"),
        ("sts:GetSessionToken", "*"),
        ("sts:AssumeRole", "arn:aws:iam::444455556666:role/x"),
        ("sts:GetFederationToken", "arn:aws:sts::444455556666:federated-user/x"),
        ("iam:CreateAccessKey", "arn:aws:iam::444455556666:user/x"),
    ],
)
def test_pol_04_a_policy_that_permits_reading_permits_no_credentials(ask, name, resource):
    assert ask(READERS, (name, resource)).effect is Effect.DENY


def test_pol_04_a_policy_can_refuse_everything_that_exposes_credentials(ask):
    all_but = """
        @id("all") permit (principal, action, resource);
        @id("risk") forbid (principal, action, resource) when { context.risks.contains("CredentialExposure") };
    """
    assert policies(ask(all_but, SECRET_VALUE)) == {"risk"}
    assert policies(ask(all_but, ("iam:CreateAccessKey", "arn:aws:iam::444455556666:user/x"))) == {"risk"}
    assert ask(all_but, ("s3:GetObject", OBJECT)).effect is Effect.ALLOW


# STS: the holder of a session must not derive another one, even if a policy permits it by a wildcard.

BROAD = """@id("all") permit (principal, action, resource) when { resource.wildcard || !resource.wildcard };"""
ROLE = "arn:aws:iam::444455556666:role/x"


@pytest.mark.parametrize(
    ("name", "arns"), [("sts:*", "*"), ("STS:g?t*", "*"), ("sts:*", f"* {ROLE}"), ("sts:*Identity", "*")]
)
def test_sts_02_a_wildcard_matches_only_get_caller_identity_of_sts(ask, name, arns):
    try:
        granted = ask(BROAD, (name, arns)).permissions
    except Problem as problem:
        assert (problem.code, "role/x" in problem.detail) == ("request_invalid", True)
    else:
        assert granted == (Permission(("sts:GetCallerIdentity",), ("*",)),)


@pytest.mark.parametrize(
    ("name", "arn"), [("sts:Assume*", ROLE), ("sts:*Token", "*"), ("sts:GetScopedCredential?", "*")]
)
def test_sts_02_a_wildcard_for_actions_of_sts_alone_is_refused(ask, name, arn):
    with pytest.raises(Problem, match="by name only") as caught:
        ask(BROAD, (name, arn))
    assert (caught.value.code, name in caught.value.detail) == ("request_invalid", True)


@pytest.mark.parametrize("name", ["*", "*:*", "st?:*", "?ts:AssumeRole"])
def test_sts_02_the_service_of_an_action_cannot_be_a_wildcard(ask, name):
    with pytest.raises(Problem) as caught:
        ask(BROAD, (name, "*"))
    assert caught.value.code == "action_unknown"


@pytest.mark.parametrize("name", ["sts:GetScopedCredentials", "STS:getscopedcredentials"])
def test_sts_02_actions_that_derive_credentials_from_a_session_are_never_granted(ask, name):
    with pytest.raises(Problem, match="sts:GetScopedCredentials is never granted") as caught:
        ask(BROAD, (name, "*"))
    assert caught.value.code == "request_invalid"


def test_sts_02_other_sts_actions_are_decided_by_name(ask):
    assert ask(BROAD, ("sts:AssumeRole", ROLE)).effect is Effect.ALLOW
    assert ask(BROAD, ("sts:GetAccessKeyInfo sts:Get*", "*")).permissions == (
        Permission(("sts:GetAccessKeyInfo", "sts:GetCallerIdentity"), ("*",)),
    )


def wild(drawn):
    """Draw a name with some parts replaced by wildcards."""
    name, cuts, wilds = drawn
    ends = sorted({cut % (len(name) + 1) for cut in cuts})
    parts = [name[begin:end] for begin, end in itertools.pairwise([0, *ends, len(name)])]
    return "sts:" + "".join(
        {"": part, "*": "*", "?": "?" * len(part), "upper": part.upper()}[kind]
        for part, kind in zip(parts, itertools.cycle(wilds), strict=False)
    )


STS = st.sampled_from([each.name.partition(":")[2] for each in ACTIONS.of_service("sts")])
KINDS = st.lists(st.sampled_from(["", "*", "?", "upper"]), min_size=1, max_size=4)
CUTS = st.lists(st.integers(0, 40), max_size=4)


@settings(max_examples=examples(300), suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(st.tuples(STS, CUTS, KINDS).map(wild), st.sampled_from(["*", ROLE]))
def test_sts_02_no_pattern_grants_an_sts_action(ask, name, arn):
    try:
        granted = ask(BROAD, (name, arn)).permissions
    except Problem:
        return
    named = {each for permission in granted for each in permission.actions}
    assert "sts:GetScopedCredentials" not in named
    assert {each.lower() for each in named} <= {name.lower(), "sts:getcalleridentity"}


# Invalid requests.


@pytest.mark.parametrize(
    ("permission", "fix"),
    [
        (("s3:ListBucket", OBJECT), "arn:${Partition}:s3:::${BucketName}"),
        (("s3:GetObject", "arn:aws:s3:::b"), "arn:${Partition}:s3:::${BucketName}/${ObjectName}"),
        (("s3:ListAllMyBuckets", "arn:aws:s3:::b"), '"*"'),
        (("s3:GetObject", f"{OBJECT} arn:aws:s3:::b"), "Remove the resource"),
        (("s3:GetObject", "arn:aws:dynamodb:eu-west-1:444455556666:table/t"), "s3"),
    ],
)
def test_an_action_without_a_resource_is_refused_with_what_would_work(ask, permission, fix):
    with pytest.raises(Problem) as caught:
        ask(READERS, permission)
    assert caught.value.code == "request_invalid"
    assert fix in caught.value.fix


def test_impossible_pairs_are_left_out(ask):
    decision = ask(READERS, ("s3:GetObject s3:ListBucket", "arn:aws:s3:::b arn:aws:s3:::b/x"))
    assert decision.permissions == (
        Permission(("s3:GetObject",), ("arn:aws:s3:::b/x",)),
        Permission(("s3:ListBucket",), ("arn:aws:s3:::b",)),
    )


@pytest.mark.parametrize(
    "permission",
    [
        ("ec2:*", "*"),
        ("ec2:*", " ".join(f"arn:aws:s3:::b/{n}" for n in range(6))),
        ("s3:Get*", " ".join(f"arn:aws:s3:::b/{n}" for n in range(100))),
    ],
)
def test_too_many_pairs_are_refused(ask, permission):
    with pytest.raises(Problem, match="more than 200") as caught:
        ask(READERS, permission)
    assert caught.value.code == "request_invalid"


def test_a_decision_is_the_same_each_time(ask, load):
    policy_set = load(READERS + EITHER + BOTH)
    decisions = [
        ask(policy_set, ("s3:PutObject s3:Get*", f"{OBJECT} {SECRET}"), SECRET_VALUE, reviewers=groups)
        for groups in (["security", "owners", "oncall"], ["oncall", "security", "owners"])
    ]
    assert decisions[0] == decisions[1]


def test_policies_see_the_human_behind_an_agent(ask):
    text = """@id("with-alice") permit (principal is Jitney::Agent, action, resource)
        when { context.onBehalfOfHuman && principal has human && principal.human == "corp.alice" };"""
    assert ask(text, ("s3:GetObject", OBJECT), human=identity("corp.alice")).effect is Effect.ALLOW
    assert ask(text, ("s3:GetObject", OBJECT), human=identity("corp.bob")).effect is Effect.DENY
    assert ask(text, ("s3:GetObject", OBJECT)).effect is Effect.DENY


def test_policies_see_the_tags_of_the_target(ask):
    text = """@id("prod") permit (principal, action, resource in Jitney::Account::"444455556666")
        when { resource.target.hasTag("env") && resource.target.getTag("env") == "ENV" };"""
    assert ask(text.replace("ENV", "prod"), ("s3:GetObject", OBJECT)).effect is Effect.ALLOW
    assert ask(text.replace("ENV", "dev"), ("s3:GetObject", OBJECT)).effect is Effect.DENY


@pytest.mark.parametrize(
    "condition",
    [
        'context.action == "s3:GetObjectAcl"',
        '"s3:GetObjectAcl" == context.action',
        'context.action != "s3:GetObject"',
        '["s3:GetObjectAcl"].contains(context.action)',
        'context.action like "*Acl"',
        'context has action && context.action == "s3:GetObjectAcl"',
        'if context.action like "*Acl" then true else false',
        '{a: context.action}.a == "s3:GetObjectAcl"',
        '["s3:GetObjectAcl"].containsAny([context.action])',
    ],
)
def test_pol_10_a_policy_that_reads_the_action_sees_each_one(ask, condition):
    text = f"""
    @id("all") permit (principal, action, resource);
    @id("no-acl") forbid (principal, action, resource) when {{ {condition} }};
    """
    decision = ask(text, ("s3:GetObject s3:GetObjectAcl", OBJECT))
    assert [(reason.policy, reason.action) for reason in decision.reasons] == [("no-acl", "s3:GetObjectAcl")]
    assert decision.allowed_subset == (Permission(("s3:GetObject",), (OBJECT,)),)


def test_pol_10_groups_of_levels_are_those_of_the_schema(actions, schema, ask):
    """Changing the levels in a group changes what policies can distinguish."""
    other = schema.replace(
        'action "ReadSecret"\n        appliesTo', 'action "ReadSecret" in ["ReadOnly"]\n        appliesTo'
    )
    assert other != schema
    text = '@id("read") permit (principal, action in Jitney::Action::"ReadOnly", resource);'
    asked = f"arn:aws:secretsmanager:{REGION}:{ACCOUNT}:secret:a-AbCdEf"
    names = "secretsmanager:PutSecretValue secretsmanager:GetSecretValue secretsmanager:DescribeSecret"
    for source, allowed in ((schema, {"DescribeSecret"}), (other, {"DescribeSecret", "GetSecretValue"})):
        decision = ask(PolicySet.load(Policies(text, source, "v1")), (names, asked))
        granted = {name for each in decision.allowed_subset for name in each.actions}
        assert granted == {f"secretsmanager:{name}" for name in allowed}


def test_pol_10_a_policy_that_reads_risks_sees_those_of_each_action(ask):
    text = '@id("risky") permit (principal, action, resource) when { context.risks.contains("CredentialExposure") };'
    asked = f"arn:aws:secretsmanager:{REGION}:{ACCOUNT}:secret:a-AbCdEf"
    for names in ("GetSecretValue DescribeSecret", "DescribeSecret GetSecretValue"):
        decision = ask(text, (" ".join(f"secretsmanager:{name}" for name in names.split()), asked))
        assert decision.allowed_subset == (Permission(("secretsmanager:GetSecretValue",), (asked,)),)


BY_CLAIM = [
    ('.string == "schedule"', "schedule", "push"),
    (".long > 3", 4, 3),
    (".bool", True, False),
    ('.strings.contains("deploy")', ("read", "deploy"), ("read",)),
]


@pytest.mark.parametrize(("test", "allowed", "denied"), BY_CLAIM, ids=[row[0] for row in BY_CLAIM])
def test_id_11_a_policy_sees_the_claims_of_the_token_with_their_types(ask, test, allowed, denied):
    condition = f'principal.hasTag("c") && principal.getTag("c"){test}'
    policies = f'@id("by-claim") permit (principal, action, resource) when {{ {condition} }};'
    asked = [(policies, ("s3:GetObject", "arn:aws:s3:::b/k")) for _ in range(4)]
    tags = ((("c", allowed),), (("c", denied),), (("d", allowed),), ())
    effects = [ask(*each, tags=of_token).effect for each, of_token in zip(asked, tags, strict=True)]
    assert effects == [Effect.ALLOW, Effect.DENY, Effect.DENY, Effect.DENY]


IDENTITY = ("sts:GetCallerIdentity", "*")
READS = """@id("read") permit (principal, action in Jitney::Action::"ReadOnly", resource)
when { resource.arn like "arn:aws:s3:::b/*" };
@id("never") @advice("Change roles through code review.") forbid (principal, action, resource)
when { context.service == "sts" };
"""


def test_pol_04_get_caller_identity_follows_the_rest_of_the_request(ask):
    decision = ask(READS, IDENTITY, ("s3:GetObject", "arn:aws:s3:::b/x"))
    assert decision.effect is Effect.ALLOW
    assert {name for each in decision.permissions for name in each.actions} == {"sts:GetCallerIdentity", "s3:GetObject"}
    part = ask(READS, IDENTITY, ("s3:GetObject", "arn:aws:s3:::b/x"), ("s3:PutObject", "arn:aws:s3:::b/x"))
    assert part.effect is Effect.DENY
    assert [reason.action for reason in part.reasons] == ["s3:PutObject"]
    assert {name for each in part.allowed_subset for name in each.actions} == {"sts:GetCallerIdentity", "s3:GetObject"}


def test_pol_04_get_caller_identity_alone_opens_no_grant_without_a_permit(ask):
    decision = ask(READS, IDENTITY)
    assert decision.effect is Effect.DENY
    (reason,) = decision.reasons
    assert reason.policy == "builtin:no-permission-needed"
    assert reason.sentence == (
        "sts:GetCallerIdentity (Read) needs no permission: the session of every grant may call it. "
        "Request it together with other actions."
    )
    nothing = ask(READS, IDENTITY, ("s3:PutObject", "arn:aws:s3:::b/x"))
    assert (nothing.effect, nothing.allowed_subset) == (Effect.DENY, ())


def test_pol_04_another_sts_action_is_decided_by_policies(ask):
    decision = ask(READS, ("sts:GetAccessKeyInfo", "*"), ("s3:GetObject", "arn:aws:s3:::b/x"))
    assert (decision.effect, [reason.policy for reason in decision.reasons]) == (Effect.DENY, ["never"])
