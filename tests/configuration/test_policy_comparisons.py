"""Policies that compare with what no request can have are refused (row POL 2): such a forbid would forbid nothing."""

from dataclasses import replace

import cedarpy
import pytest

from jitney.configuration.action_facts import RISKS_OF_ACTIONS
from jitney.configuration.action_table import action_table
from jitney.configuration.group_names import GroupSource
from jitney.configuration.names import Names, Requesters
from jitney.configuration.policies import read_policies
from jitney.core.actions import AccessLevel
from jitney.core.policy.entities import uid
from jitney.core.policy.scope_levels import LEVEL_GROUPS
from jitney.resources import SCHEMA

NAMES = Names(
    issuers=("corp",),
    targets=("prod", "dev"),
    accounts=("444455556666",),
    issuer_urls={"corp": "https://idp.example.com"},
    target_tags={"env": {"dev", "prod"}, "team": {"data"}},
    regions=("eu-west-1",),
    requesters={
        "corp": Requesters("agent", frozenset({"ref", "event_name", "ref_protected", "team"}), for_people=False)
    },
    claims=dict.fromkeys(("ref", "event_name", "ref_protected", "team"), "string"),
    group_sources={"corp": GroupSource("github_actions", required={"event_name": ("push",), "ref": ("refs/heads/*",)})},
    access_profiles=("deploy",),
)


def claim(name, comparison):
    return f'principal.hasTag("{name}") && principal.getTag("{name}").string {comparison}'


def key(name, comparison):
    return f'context.call.hasTag("{name}") && context.call.getTag("{name}").{comparison}'


IMPOSSIBLE = [
    # The condition, what is wrong, and the fix.
    ('resource.target.hasTag("enviroment")', 'reads the tag "enviroment", which no target has', "env"),
    ('resource.target.hasTag("env") && resource.target.getTag("env") == "Prod"', 'tag env with "Prod"', '"prod"'),
    ('resource.target.hasTag("env") && resource.target.getTag("env") != "live"', 'tag env with "live"', '"dev"'),
    ('resource.target.hasTag("env") && ["prod", "tst"].contains(resource.target.getTag("env"))', '"tst"', '"dev"'),
    ('resource.target.hasTag("env") && resource.target.getTag("env") like "live*"', 'tag env with "live*"', '"prod"'),
    (claim("ref", '== "main"'), 'claim ref with "main", but no ref of github_actions', "refs/heads/main"),
    (claim("ref", '!= "main"'), 'claim ref with "main", but no ref of github_actions', "refs/heads/main"),
    (claim("ref", 'like "main*"'), 'claim ref with "main*", but no ref', "refs/heads/main"),
    (claim("ref", 'like "refs/tags/*"'), 'admits no token whose ref is "refs/tags/*"', "write one of refs/heads/*"),
    (claim("event_name", '== "pull_request"'), 'no token whose event_name is "pull_request"', "write one of push"),
    (claim("ref_protected", '== "yes"'), 'no ref_protected of github_actions can be "yes"', "write true or false"),
    ('principal has human && principal.human == "corp/alice"', 'names human "corp/alice"', "is of this kind"),
    ("context has durationSecond", 'asks for "durationSecond" with has, but context never has it', "durationSeconds"),
    ("context has arn", 'asks for "arn" with has, but context never has it', "write resource has arn"),
    ("resource has way", 'asks for "way" with has, but resource never has it', "write context has way"),
    ("principal has account", 'asks for "account" with has, but principal never has it', "write resource has account"),
    ("resource.target has tags", 'asks for "tags" with has, but nothing has it', "hasTag"),
    ('context.target like "prd*"', 'target with "prd*", which matches none', "prod"),
    ('context.accessProfile like "dpl*"', 'access profile with "dpl*", which matches none', "deploy"),
    (key("s3:prefix", 'string == "hr/*"'), 's3:prefix with "hr/*", but policies never see the wildcards', "write like"),
    (key("s3:prefix", 'string like "hr/?*"'), "policies never see the wildcards", "? is no wildcard"),
    (key("dynamodb:LeadingKeys", 'string != "t1-*"'), "policies never see the wildcards", "write like"),
    ("context.durationSeconds > 900000", "with 900000, but a request is for 1 to 3600 seconds", "in this range"),
    ("context.durationSeconds < -5", "with -5, but a request is for 1 to 3600 seconds", "in this range"),
    ("[60, 7200].contains(context.durationSeconds)", "with 7200, but a request", "requests again"),
    ("!(14400 >= context.durationSeconds)", "with 14400, but a request", "requests again"),
    ('resource.arn like "arn:aws:s3:eu-west-1:444455556666:reports/*"', "is the form of no ARN", "S3's have neither"),
    ('resource.arn like "s3://reports/*"', "is the form of no ARN", "as AWS does"),
    ('resource.arn like "arn:aws:s3::reports/*"', "is the form of no ARN", "as AWS does"),
    ('resource.arn == "reports"', "is the form of no ARN", "as AWS does"),
    ('resource.arn like "arn:aws:dynamodb:eu-west-1:444455556666:orders"', "is the form of no ARN", "as AWS does"),
    ('resource.arn == "arn:aws:s3:::reports/*"', "never see the wildcards", "write like"),
    ('["arn:aws:s3:::reports/*"].contains(resource.arn)', "never see the wildcards", "write like"),
    ('resource.arn like "arn:aws:s3:::reports-?/*"', "never see the wildcards", "? is no wildcard"),
    ('resource.arn like "arn:aws-cn:s3:::reports/*"', "all targets are in the partition aws", "write arn:aws:"),
    ('resource.account == "444455556667"', 'account with "444455556667"', "444455556666"),
    ('resource.target.account == "444455556667"', 'account of the target with "444455556667"', "444455556666"),
    ('resource.region == "eu-wset-1"', '"eu-wset-1", which is no Region', "eu-west-1"),
    (
        'resource.arn == "arn:aws:dynamodb:eu-west1:444455556666:table/orders"',
        '"eu-west1", which is no Region',
        "eu-west-1",
    ),
    ('resource.arn like "arn:aws:sqs:eu-west-1:444455556667:*"', 'account with "444455556667"', "444455556666"),
    ('context.action like "IAM:Put*"', 'action with "IAM:Put*", which matches none', "iam:PutGroupPolicy"),
    ('context.action like "s3:Gett*"', 'action with "s3:Gett*", which matches none', "s3:GetObject"),
    ('context.action like "*:Zap*"', 'action with "*:Zap*", which matches none', "s3:GetObject"),
    ('context.service like "S3*"', 'service with "S3*", which no action has', "such as s3"),
    ('principal.kind == "robot"', 'kind of requester with "robot"', "agent"),
    ('principal.issuer == "https://idp.example.com/"', "compares the issuer with", '"https://idp.example.com"'),
]


def found(folder, condition, names=NAMES):
    folder.mkdir(exist_ok=True)
    text = f'@id("x") forbid (principal, action, resource)\nwhen {{ {condition} }};\n'
    (folder / "a.cedar").write_text(text, encoding="utf-8")
    return read_policies(folder, names)[1]


@pytest.mark.parametrize(("condition", "wrong", "fix"), IMPOSSIBLE, ids=[row[0] for row in IMPOSSIBLE])
def test_pol_02_a_comparison_that_is_never_true_is_refused_in_its_line(tmp_path, condition, wrong, fix):
    problem = found(tmp_path, condition)[0]
    assert wrong in problem.wrong
    assert fix in problem.fix
    assert problem.wrong.startswith("x ")
    assert ".cedar:2:" in problem.place


@pytest.mark.parametrize(
    "condition",
    [
        'resource.target.hasTag("env") && resource.target.getTag("env") == "prod"',
        'resource.target.hasTag("env") && resource.target.getTag("env") like "pro*"',
        claim("ref", '== "refs/heads/main"') + " && " + claim("ref", 'like "refs/heads/*"'),
        claim("event_name", '== "push"') + " && " + claim("team", '== "any*thing"'),
        key("s3:prefix", 'string like "hr/*"') + " && " + key("aws:ResourceTag/a", 'string == "*"'),
        'resource.target.account == "444455556666"',
        'context has action && resource has account && context.action like "s3:*"',
        'context.target like "pro*" || context.accessProfile like "dep*" || context.accessProfile like "*"',
        "context.durationSeconds <= 3600 && context.durationSeconds >= 1 && 60 != context.durationSeconds",
        'resource.arn == "*" || resource.arn like "*" || resource.arn like "*lake*"',
        'resource.arn like "arn:aws:s3:::reports/*" || resource.arn == "arn:aws:s3:::reports"',
        'resource.arn like "arn:aws:dynamodb:*:table/orders*" || resource.arn like "arn:*:sqs:eu-west-1:*"',
        'resource.arn like "arn:aws:secretsmanager:*:secret:reports/*"',
        'resource.account == "" || resource.account == "444455556666" || resource.region == ""',
        'resource.region == "us-east-1" || principal.kind == "human"',
        'principal.issuer == "https://idp.example.com"',
        'resource.arn like "arn:aws:sqs:*:444455556667:x" || resource.arn like "arn:aws:iam::aws:policy/*"',
        'context.action like "s3:Put*" || context.action like "*:Delete*" || context.service like "s3*"',
        '!(context.action like "s3:*") && context.service != "iam"',
        'context.service == "iam" && !(context.action like "iam:Get*")',
    ],
)
def test_pol_02_comparisons_that_can_be_true_are_accepted(tmp_path, condition):
    assert found(tmp_path, condition) == []


UNMET = [
    # The action in the scope, the condition, what is wrong with a named action, and the fix.
    (
        'action in Jitney::Action::"ReadOnly"',
        'context.action == "secretsmanager:GetSecretValue"',
        "; secretsmanager:GetSecretValue is ReadSecret",
        'write Jitney::Action::"ReadSecret" in its scope',
    ),
    (
        'action in [Jitney::Action::"Write", Jitney::Action::"Tagging"]',
        '["iam:PutRolePolicy", "iam:AttachRolePolicy"].contains(context.action)',
        "; iam:AttachRolePolicy is PermissionsManagement",
        'write Jitney::Action::"PermissionsManagement" in its scope',
    ),
    ('action in Jitney::Action::"ReadOnly"', 'context.action like "s3:Put*"', "", "correct the conditions"),
    ("action", 'context.service == "iam" && context.action like "s3:Put*"', "", "correct the conditions"),
    ("action", 'context.action == "s3:GetObject" && !(context.action like "s3:*")', "", "correct the conditions"),
    ("action", 'context.action == "s3:GetObject" && resource.arn == "arn:aws:s3:::lake"', "", "correct the conditions"),
    ("action", '["s3:GetObject"].contains(context.action) && context.call.hasTag("s3:prefix")', "", "correct the cond"),
    ("action", 'context.action == "s3:GetObject" && context.risks.contains("DataSharing")', "", "correct the cond"),
    ("action", 'context.action == "kms:CreateKey" && resource.service == "kms"', "", "correct the conditions"),
    ("action", 'resource.service == "KMS"', "", "correct the conditions"),
    ("action", 'context.action == "s3:GetObject" && resource.arn == "*"', "", "correct the conditions"),
    ("action", 'context.service == "sqs" && ["arn:aws:s3:::lake/a"].contains(resource.arn)', "", "correct the cond"),
    ("action", 'context.action == "s3:ListBucket" && !(resource.arn != "arn:aws:s3:::lake/a")', "", "correct the cond"),
    ("action", 'if context.service == "s3" then false else context.service == "s3"', "", "correct the conditions"),
]


def with_scope(folder, action, condition):
    text = f'@id("x") forbid (principal, {action}, resource)\nwhen {{ {condition} }};\n'
    (folder / "a.cedar").write_text(text, encoding="utf-8")
    return read_policies(folder, NAMES)[1]


@pytest.mark.parametrize(("action", "condition", "named", "fix"), UNMET, ids=[row[1] for row in UNMET])
def test_pol_02_a_policy_that_no_action_meets_is_refused(tmp_path, action, condition, named, fix):
    (problem,) = with_scope(tmp_path, action, condition)
    assert problem.wrong.startswith("x applies to no action")
    assert problem.wrong.endswith(named or "keys and risks")
    assert fix in problem.fix


@pytest.mark.parametrize(
    "condition",
    [
        'context.action == "s3:GetObject" && resource.arn == "arn:aws:s3:::lake/a"',
        'context.action == "s3:GetObject" && resource.arn like "arn:aws:s3:*:accesspoint/*"',
        'context.action == "s3:GetObject" && resource.arn like "*"',
        'context.action == "s3:GetObject" && resource.arn != "arn:aws:s3:::lake"',
        'context.action == "s3:ListAllMyBuckets" && resource.arn == "*" && resource.service == ""',
        'context.action == "kms:CreateKey" || resource.service == "kms"',
        'context.action == "s3:ListBucket" && context.call.hasTag("s3:prefix")',
        'context.action == "s3:GetObject" && context.call.hasTag("operation")',
        'context.action == "s3:PutBucketPolicy" && context.risks.contains("ResourceExposure")',
        'context.action == "iam:PassRole" && context.risks.contains("EscalationCombination")',
        'context.action == "s3:DeleteObject" && context.risks.contains("InfrastructureModification")',
    ],
)
def test_pol_02_a_policy_that_some_action_meets_is_accepted(tmp_path, condition):
    assert with_scope(tmp_path, "action", condition) == []


def test_pol_02_the_risks_of_actions_are_those_in_the_table():
    table = action_table()
    found = {risk for service in table.services() for each in table.of_service(service) for risk in each.risks}
    assert found == RISKS_OF_ACTIONS


def test_pol_02_an_unknown_action_is_reported_once(tmp_path):
    (problem,) = with_scope(tmp_path, "action", 'context.action == "s3:GetObjects"')
    assert problem.wrong == 'x names the action "s3:GetObjects", which does not exist'


@pytest.mark.parametrize("level", AccessLevel)
@pytest.mark.parametrize("group", [*LEVEL_GROUPS, *AccessLevel])
def test_pol_02_levels_are_in_the_groups_of_the_schema(group, level):
    inside = level in LEVEL_GROUPS.get(group, {group})
    assert is_permitted(f'permit (principal, action in Jitney::Action::"{group}", resource);', level) is inside


def is_permitted(policy, level):
    context = {"action": "", "service": "", "target": "", "durationSeconds": 1, "approvals": [], "risks": []}
    context |= {
        "earlierApprovals": [],
        "timeWindows": [],
        "onBehalfOfHuman": False,
        "accessProfile": "",
        "way": "",
        "reveal": False,
    }
    request = {
        "principal": uid("Agent", ""),
        "action": uid("Action", str(level)),
        "resource": uid("Resource", ""),
        "context": context | {"call": {"__entity": uid("Call", "")}},
    }
    return cedarpy.is_authorized(request, policy, [], SCHEMA.read_text(encoding="utf-8")).allowed


def test_pol_02_accounts_of_other_owners_are_unknown_where_a_target_reaches_them(tmp_path):
    condition = 'resource.account == "777788889999"'
    assert found(tmp_path / "a", condition)
    assert not found(tmp_path / "b", condition, replace(NAMES, reaches_others=True))


def test_pol_02_names_hold_what_targets_and_issuers_have():
    names = Names.of(
        {
            "issuers": {"a": {"issuer": "https://a", "web": {}}, "b": {"issuer": "https://b"}},
            "targets": {
                "x": {"tags": {"env": "prod"}, "region": "eu-west-1"},
                "y": {"tags": {"env": "dev"}, "region": "us-east-1", "other_accounts": ["1"]},
            },
        }
    )
    assert names.target_tags == {"env": {"prod", "dev"}}
    assert (names.issuer_urls, names.web_issuers) == ({"a": "https://a", "b": "https://b"}, ("a",))
    assert (names.regions, names.reaches_others) == (["eu-west-1", "us-east-1"], True)
