"""Policies that compare with what no request can have are refused (row POL 2): such a forbid would forbid nothing."""

from dataclasses import replace

import pytest

from jitney.configuration.names import Names
from jitney.configuration.policies import read_policies

NAMES = Names(
    issuers=("corp",),
    targets=("prod", "dev"),
    accounts=("444455556666",),
    issuer_urls=("https://idp.example.com",),
    target_tags={"env": {"dev", "prod"}, "team": {"data"}},
    regions=("eu-west-1",),
)
IMPOSSIBLE = [
    # The condition, what is wrong, and the fix.
    ('resource.target.hasTag("enviroment")', 'reads the tag "enviroment", which no target has', "env"),
    ('resource.target.hasTag("env") && resource.target.getTag("env") == "Prod"', 'tag env with "Prod"', '"prod"'),
    ('resource.target.hasTag("env") && resource.target.getTag("env") != "live"', 'tag env with "live"', '"dev"'),
    ('resource.target.hasTag("env") && ["prod", "tst"].contains(resource.target.getTag("env"))', '"tst"', '"dev"'),
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
    ('resource.region == "eu-wset-1"', '"eu-wset-1", which is no Region', "eu-west-1"),
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
        'resource.arn == "*" || resource.arn like "*" || resource.arn like "*lake*"',
        'resource.arn like "arn:aws:s3:::reports/*" || resource.arn == "arn:aws:s3:::reports"',
        'resource.arn like "arn:aws:dynamodb:*:table/orders*" || resource.arn like "arn:*:sqs:eu-west-1:*"',
        'resource.arn like "arn:aws:secretsmanager:*:secret:reports/*"',
        'resource.account == "" || resource.account == "444455556666" || resource.region == ""',
        'resource.region == "us-east-1" || principal.kind == "human"',
        'principal.issuer == "https://idp.example.com"',
    ],
)
def test_pol_02_comparisons_that_can_be_true_are_accepted(tmp_path, condition):
    assert found(tmp_path, condition) == []


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
    assert (names.issuer_urls, names.web_issuers) == (["https://a", "https://b"], ("a",))
    assert (names.regions, names.reaches_others) == (["eu-west-1", "us-east-1"], True)
