"""POL 5: privilege escalation by a request's actions together, and together with the agent's other grants."""

import pytest

from jitney.core.access.decision import Effect, HarmLevel
from jitney.core.actions import Escalation
from jitney.core.policy.risks import RISK_NAMES, HeldActions, completed_escalations

PASS = ("iam:PassRole", "arn:aws:iam::444455556666:role/runner")
CREATE = ("lambda:CreateFunction", "arn:aws:lambda:eu-west-1:444455556666:function:f")
INSTANCE = "arn:aws:ec2:eu-west-1:444455556666:instance/i-1"
MODIFY, STOP, START = (
    (f"ec2:{name}", INSTANCE) for name in ("ModifyInstanceAttribute", "StopInstances", "StartInstances")
)
LAMBDA = HeldActions("g-other", frozenset({"lambda:CreateFunction"}))
PERMIT = '@id("all") permit (principal, action, resource) when { resource.wildcard || !resource.wildcard };'
FORBID = f"""{PERMIT}
@id("never") @advice("Ask for less.") forbid (principal, action, resource)
when {{ context.risks.contains("PrivilegeEscalation") }};
"""
REVIEW = f"""{PERMIT}
@id("risky") @approval("security") @advice("Security looks at it.") forbid (principal, action, resource)
when {{ context.risks.contains("EscalationCombination") }} unless {{ context.approvals.contains("security") }};
"""


@pytest.fixture
def decide_holding(ask):
    """Return a `decide` with `held` in other grants. It records the look-ups."""
    asked = []

    def decided(policies, *permissions, held=(), **more):
        return ask(policies, *permissions, held_actions=lambda actions: asked.append(actions) or tuple(held), **more)

    decided.asked = asked
    return decided


def test_pol_05_a_combination_within_one_request_is_denied_and_named(decide_holding):
    decision = decide_holding(FORBID, PASS, CREATE)
    assert decision.effect is Effect.DENY
    together = "iam:PassRole with lambda:CreateFunction"
    assert f"is forbidden: {together} lets its holder act as any role that lambda may assume. Ask for less." in (
        decision.reasons[0].sentence
    )
    outlives = ["OutlivesGrant"] * 2  # a changed permission and a function
    names = ["EscalationCombination", "ResourceExposure", "NotAssessed", *outlives]
    assert [risk.name for risk in decision.risks] == names
    assert decision.risks[0].source == "https://pathfinding.cloud/paths/lambda-001"


def test_pol_05_part_of_a_combination_is_allowed_alone(decide_holding):
    for part in ([PASS], [CREATE], [MODIFY, STOP], [STOP, START], [MODIFY, START]):
        assert decide_holding(FORBID, *part).effect is Effect.ALLOW


@pytest.mark.parametrize(
    "keeps",
    [
        "lambda:CreateFunction",
        "ecs:RegisterTaskDefinition",
        "glue:CreateJob",
        "glue:UpdateJob",
        "cloudformation:CreateStack",
        "cloudformation:CreateStackSet",
        "cloudformation:CreateChangeSet",
        "autoscaling:CreateLaunchConfiguration",
        "autoscaling:CreateAutoScalingGroup",
        "sagemaker:CreateNotebookInstance",
        "datapipeline:CreatePipeline",
        "datapipeline:PutPipelineDefinition",
        "codebuild:CreateProject",
        "bedrock-agentcore:CreateCodeInterpreter",
        "states:CreateStateMachine",
    ],
)
def test_pol_05_passing_a_role_is_denied_before_a_later_grant_can_use_it(decide_holding, keeps):
    """The grant may be released before its resource is started.

    Then no later request would show the whole escalation.
    """
    assert decide_holding(FORBID, PASS, (keeps, "*")).effect is Effect.DENY
    assert decide_holding(FORBID, PASS, held=[HeldActions("g-other", frozenset({keeps}))]).effect is Effect.DENY
    assert (
        decide_holding(FORBID, (keeps, "*"), held=[HeldActions("g-other", frozenset({PASS[0]}))]).effect is Effect.DENY
    )


@pytest.mark.parametrize(
    ("asked", "held"),
    [
        ([PASS], [LAMBDA]),
        ([CREATE], [HeldActions("g-other", frozenset({"iam:PassRole"}))]),
        ([STOP], [HeldActions("g-other", frozenset({MODIFY[0], START[0]}))]),
        ([STOP], [HeldActions("g-a", frozenset({MODIFY[0]})), HeldActions("g-b", frozenset({START[0]}))]),
        ([MODIFY, STOP], [HeldActions("g-a", frozenset({START[0]}))]),
    ],
)
def test_pol_05_a_combination_is_found_over_all_grants_together(decide_holding, asked, held):
    decision = decide_holding(FORBID, *asked, held=held)
    assert decision.effect is Effect.DENY
    assert {reason.policy for reason in decision.reasons} == {"never"}
    assert decision.risks[0].grants == tuple(sorted({grant.grant_id for grant in held}))
    for grant in held:
        assert f"(held by grant {grant.grant_id})" in decision.reasons[0].sentence


def test_pol_05_action_wildcards_hide_no_combination(decide_holding):
    wide = ("lambda:*", "arn:aws:lambda:eu-west-1:444455556666:function:f")
    assert decide_holding(FORBID, wide, held=[HeldActions("g-a", frozenset({"iam:PassRole"}))]).effect is Effect.DENY
    assert decide_holding(FORBID, ("LAMBDA:createfunction", CREATE[1]), PASS).effect is Effect.DENY


def test_pol_05_another_action_of_the_same_level_hides_no_combination(decide_holding):
    """If policies do not read an action's name, actions that look the same are evaluated once."""
    beside = ("lambda:DeleteFunction lambda:CreateFunction", CREATE[1])
    decision = decide_holding(FORBID, beside, held=[HeldActions("g-a", frozenset({"iam:PassRole"}))])
    assert decision.effect is Effect.DENY
    assert [each.actions for each in decision.allowed_subset] == [("lambda:DeleteFunction",)]


def test_pol_05_other_grants_are_no_risk_of_unrelated_actions(decide_holding):
    both = HeldActions("g-other", LAMBDA.actions | {"iam:PassRole"})
    decision = decide_holding(FORBID, ("s3:GetObject", "arn:aws:s3:::b/x"), held=[both])
    assert (decision.effect, decision.risks) == (Effect.ALLOW, ())


def test_pol_05_other_grants_are_read_only_for_combination_actions(decide_holding):
    decide_holding(FORBID, ("s3:GetObject s3:PutObject", "arn:aws:s3:::b/x"))
    decide_holding(FORBID, ("lambda:UpdateFunctionCode", CREATE[1]))  # gains permissions alone
    assert decide_holding.asked == []
    decide_holding(FORBID, PASS, ("s3:GetObject", "arn:aws:s3:::b/x"))
    assert decide_holding.asked == [{"iam:PassRole"}]


def test_pol_05_the_allowed_subset_excludes_the_combination(decide_holding):
    read = ("s3:GetObject", "arn:aws:s3:::b/x")
    decision = decide_holding(FORBID, PASS, read, held=[LAMBDA])
    assert [each.actions for each in decision.allowed_subset] == [("s3:GetObject",)]


def test_pol_07_grants_of_others_count_but_are_not_named(decide_holding):
    decision = decide_holding(FORBID, PASS, held=[HeldActions("", LAMBDA.actions)])
    assert decision.effect is Effect.DENY
    assert "iam:PassRole completes a known privilege escalation together with other active grants" in (
        decision.reasons[0].sentence
    )
    assert "lambda" not in str(decision)
    assert decision.risks[0][3:] == ((), "", HarmLevel.SEVERE)


def test_pol_05_a_review_names_the_combination_and_an_approval_allows_it(decide_holding):
    decision = decide_holding(REVIEW, PASS, held=[LAMBDA], reviewers=["security"])
    assert (decision.effect, decision.reviews) == (Effect.REVIEW, (frozenset({"security"}),))
    (reason,) = decision.reasons
    assert reason.policy == "risky"
    assert reason.sentence.startswith("iam:PassRole (PermissionsManagement) on arn:aws:iam::444455556666:role/runner")
    assert "needs an approval: iam:PassRole with lambda:CreateFunction (held by grant g-other) lets" in reason.sentence
    assert reason.sentence.endswith("may assume. Security looks at it.")
    assert decide_holding(REVIEW, PASS, held=[LAMBDA], approvals=["security"]).effect is Effect.ALLOW


def test_pol_05_an_escalation_by_a_single_action_is_not_a_combination(decide_holding):
    update = ("lambda:UpdateFunctionCode", CREATE[1])
    decision = decide_holding(FORBID, update)
    assert decision.reasons[0].sentence.endswith(
        "is forbidden: lambda:UpdateFunctionCode lets its holder act as a role that a resource of lambda has. "
        "Ask for less."
    )
    assert decide_holding(REVIEW, update, reviewers=["security"]).effect is Effect.ALLOW


@pytest.mark.parametrize(
    ("name", "resource", "risks"),
    [
        ("s3:GetObject", "arn:aws:s3:::b/x", ""),
        ("s3:GetObject", "arn:aws:s3:::b/*", "DataExfiltration"),
        (
            "secretsmanager:GetSecretValue",
            "arn:aws:secretsmanager:eu-west-1:444455556666:secret:a",
            "CredentialExposure OutlivesGrant",
        ),
        ("s3:PutBucketPolicy", "arn:aws:s3:::b", "ResourceExposure DataSharing OutlivesGrant"),
        ("dynamodb:DeleteTable", "arn:aws:dynamodb:eu-west-1:444455556666:table/t", "IrreversibleDeletion"),
        ("dynamodb:DeleteTable", "*", "IrreversibleDeletion InfrastructureModification"),
        ("dynamodb:DescribeTable", "*", ""),
        ("iam:PutRolePolicy", "arn:aws:iam::444455556666:role/r", "PrivilegeEscalation ResourceExposure OutlivesGrant"),
    ],
)
def test_the_risks_of_single_actions(decide_holding, name, resource, risks):
    assert [risk.name for risk in decide_holding(PERMIT, (name, resource)).risks] == risks.split()


@pytest.mark.parametrize(
    ("name", "resource"),
    [
        ("s3:DeleteObject", "*"),
        ("s3:DeleteObject", "arn:aws:s3:::*"),
        ("s3:DeleteObject", "arn:aws:s3:::*/*"),
        ("s3:DeleteObject", "arn:aws:s3:::?*"),
        ("s3:DeleteObject", "arn:aws:s3:*:*:*"),
        ("s3:DeleteBucket", "arn:aws:s3:::" + "?" * 20),
        ("ec2:TerminateInstances", "arn:aws:ec2:*:444455556666:*"),
        ("ec2:TerminateInstances", "arn:aws:ec2:*:444455556666:instance/*"),
        ("ec2:TerminateInstances", "arn:aws:ec2:eu-west-1:444455556666:instance/*"),
        ("ec2:TerminateInstances", "arn:aws:ec2:*us-east-1:444455556666:*"),
        ("ec2:TerminateInstances", "arn:aws:ec2:*:*:instance/" + "?" * 19),
        ("ec2:TerminateInstances", "arn:aws:ec2:?*:*4444*:*/*"),
        ("dynamodb:DeleteTable", "arn:aws:dynamodb:eu-west-?:444455556666:table/*"),
        ("s3:PutObjectTagging", "arn:aws:s3:::*"),
        ("securityhub:DisableSecurityHub", "arn:aws:securityhub:*:444455556666:hub/default"),
    ],
)
def test_pol_05_every_spelling_of_all_resources_has_their_risk(decide_holding, name, resource):
    risks = {risk.name for risk in decide_holding(PERMIT, (name, resource)).risks}
    assert "InfrastructureModification" in risks


@pytest.mark.parametrize(
    ("name", "resource"),
    [
        ("s3:DeleteObject", "arn:aws:s3:::reports/*"),
        ("s3:DeleteObject", "arn:aws:s3:::r*"),
        ("s3:DeleteObject", "arn:aws:s3:::*/tmp/*"),
        ("s3:GetObject", "arn:aws:s3:::*"),
        ("ec2:TerminateInstances", "arn:aws:ec2:*:444455556666:instance/i-0a*"),
        ("ec2:TerminateInstances", "arn:aws:ec2:eu-west-1:444455556666:instance/i-0a12345678901234?"),
        ("dynamodb:PutItem", "arn:aws:dynamodb:*:*:table/orders*"),
        ("securityhub:DisableSecurityHub", "arn:aws:securityhub:eu-west-1:444455556666:hub/*"),
    ],
)
def test_pol_05_named_resources_do_not_have_the_risk_of_all(decide_holding, name, resource):
    risks = {risk.name for risk in decide_holding(PERMIT, (name, resource)).risks}
    assert "InfrastructureModification" not in risks


@pytest.mark.parametrize(
    ("condition", "fault"),
    [
        ('context.risks.contains("PrivEsc")', "the risk 'PrivEsc' does not exist"),
        ('context.risks.containsAny(["PrivilegeEscalation", "Escalation"])', "'Escalation'"),
        ('context.risks == ["PrivilegeEscalation"]', "context.risks other than"),
        ("!context.risks.isEmpty()", "context.risks other than"),
    ],
)
def test_pol_02_a_forbid_on_an_unknown_risk_is_refused(load, condition, fault):
    with pytest.raises(ValueError, match=fault):
        load(f'@id("a") forbid (principal, action, resource) when {{ {condition} }};')


def test_rev_15_the_worst_risk_comes_first(decide_holding):
    asked = [(name, "*") for name in ("ec2:RunInstances", "cloudtrail:StopLogging", "secretsmanager:GetSecretValue")]
    levels = [risk.level for risk in decide_holding(PERMIT, *asked).risks]
    assert levels == sorted(levels, key=tuple(HarmLevel).index)
    assert {levels[0], HarmLevel.HIGH, HarmLevel.MODERATE} == set(levels) - {HarmLevel.UNKNOWN}
    assert levels[0] is HarmLevel.SEVERE


def test_every_risk_can_be_named(load):
    listed = ", ".join(f'"{name}"' for name in RISK_NAMES)
    rules = load(
        f'@id("a") forbid (principal, action, resource) when {{ context.risks.containsAny([{listed}]) }};'
    ).rules
    assert rules["a"].risks == RISK_NAMES


WAY = Escalation("W", "https://example.com", ("a:A", "a:B"))


@pytest.mark.parametrize(
    ("asked", "held", "found"),
    [
        ({"a:A"}, [], False),
        (set(), [{"a:A", "a:B"}], False),
        ({"a:A"}, [{"a:A"}], False),
        ({"a:A"}, [{"a:B"}], True),
        ({"a:B"}, [{"a:C"}, {"a:A"}], True),
        ({"a:A", "a:B"}, [], True),
    ],
)
def test_pol_05_requesting_part_of_an_escalation_can_complete_it(asked, held, found):
    grants = [HeldActions(f"g-{number}", frozenset(actions)) for number, actions in enumerate(held)]
    assert bool(completed_escalations(asked, grants, [WAY])) is found


def test_pol_07_a_grant_that_the_requester_may_see_is_preferred():
    others = [
        HeldActions("", frozenset({"a:B"})),
        HeldActions("g-mine", frozenset({"a:B"})),
        HeldActions("", frozenset({"a:B"})),
    ]
    (gain,) = completed_escalations({"a:A"}, others, [WAY])
    assert gain.held == {"a:B": "g-mine"}


def test_end_05_policies_and_people_see_the_risk(decide_holding):
    policies = f"""{PERMIT}
    @id("brief") forbid (principal, action, resource) when {{ context.risks.contains("OutlivesGrant") }};"""
    token = decide_holding(policies, ("ecr:GetAuthorizationToken", "*"))
    assert (token.effect, {reason.policy for reason in token.reasons}) == (Effect.DENY, {"brief"})
    assert token.risks[-1].name == "OutlivesGrant"
    assert token.risks[-1].sentence == (
        "A container registry token from ecr:GetAuthorizationToken outlives the grant for up to 12 hours."
    )
    assert token.risks[-1].sentence in token.reasons[0].sentence
    assert decide_holding(policies, ("ecr:DescribeRegistry", "*")).effect is Effect.ALLOW
