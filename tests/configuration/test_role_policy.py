"""The policy of a target's role: what could never apply to one of its sessions is refused (row POL 10)."""

import pytest

from tests.configuration.test_load import changed, compiled, problems, statement

__all__ = ["compiled"]  # a fixture

POLICY = "targets.prod.policy"
FIRST = f"{POLICY}.Statement.0"
TABLE = "arn:aws:dynamodb:eu-west-1:{}:table/orders"
OPERATOR = "StringEqual"
REFUSED = {
    # The statement's changes, the path, what is wrong, and the fix.
    "effect": ({"Effect": "allow"}, ".Effect", '"allow" is not accepted', "'Allow' or 'Deny'"),
    "action": ({"Action": "s3:GetObjct"}, ".Action.0", '"s3:GetObjct" is not an action', '"s3:GetObject"'),
    "second action": ({"Action": ["s3:GetObject", "GetItem"]}, ".Action.1", '"GetItem" is not', "service:Name"),
    "pattern": ({"Action": "s3:Read*"}, ".Action.0", '"s3:Read*" is not an action', "s3:"),
    "all services": ({"Action": "*:*"}, ".Action.0", '"*:*" is not an action', "service:Name"),
    "no actions": ({"Action": []}, ".Action", "empty", "at least one"),
    "no resources": ({"Resource": []}, ".Resource", "empty", "at least one"),
    "identities": ({"Action": ["s3:GetObject", "iam:PassRole"]}, "", "allows iam:PassRole", "target-permissions.md"),
    "all identities": ({"Action": "iam:*"}, "", "allows iam:*, which every", "leave it out"),
    "no ARN": ({"Resource": "reports/*"}, ".Resource.0", '"reports/*" is not an ARN', "arn:aws:s3:::reports/*"),
    "no ARN of many parts": ({"Resource": "s3:::a:b:c"}, ".Resource.0", "is not an ARN", "arn:aws:s3:::"),
    "short ARN": ({"Resource": "arn:aws:s3::reports"}, ".Resource.0", "is not an ARN", "arn:aws:s3:::"),
    "partition": ({"Resource": "arn:aws-cn:s3:::a"}, ".Resource.0", "in the partition aws-cn", "arn:aws:..."),
    "account": ({"Resource": TABLE.format("012345670124")}, ".Resource.0", "account 012345670124", "012345670123"),
    "digits": ({"Resource": TABLE.format("12345670123")}, ".Resource.0", "11 digits", "12 digits"),
    "operator": ({"Condition": {OPERATOR: {"s3:prefix": "a"}}}, f".Condition.{OPERATOR}", "cannot be", "StringEquals"),
    "key": ({"Condition": {"Bool": {"prefix": "a"}}}, ".Condition.Bool.prefix", "cannot be used", "aws:ResourceTag"),
    "no values": ({"Condition": {"Bool": {"a:b": []}}}, ".Condition.Bool.a:b", "neither a value", "[value, value]"),
    "values by name": ({"Condition": {"Bool": {"a:b": {"c": 1}}}}, ".Condition.Bool.a:b", "neither a value", "[value"),
    "a list as value": ({"Condition": {"Bool": {"a:b": [["c"]]}}}, ".Condition.Bool.a:b", "neither a value", "[value"),
    "conditions": ({"Condition": ["Bool"]}, ".Condition", "not a mapping", "key: value"),
    "sid": ({"Sid": "all of it"}, ".Sid", "cannot be used", "letters and digits"),
    "case of keys": ({"effect": "Allow"}, "", "the statement has effect", "Effect, Action and Resource"),
}


def with_statement(**changes):
    return changed((POLICY, {"Statement": [statement() | changes]}))


@pytest.mark.parametrize(("changes", "path", "wrong", "fix"), REFUSED.values(), ids=REFUSED)
def test_pol_10_a_statement_that_could_never_apply_is_refused_at_its_place(compiled, changes, path, wrong, fix):
    found = problems(compiled, with_statement(**changes))
    assert wrong in found[f"{FIRST}{path}"][0]
    assert fix in found[f"{FIRST}{path}"][1]


def test_pol_10_all_statements_are_checked(compiled):
    bad = [statement() | {"Action": "s3:A"}, statement(), statement() | {"Action": "s3:B", "Resource": "b"}]
    found = problems(compiled, changed((POLICY, {"Version": "2012-10-18", "Statement": bad})))
    places = ("Version", "Statement.0.Action.0", "Statement.2.Action.0", "Statement.2.Resource.0")
    assert list(found) == [f"{POLICY}.{each}" for each in places]


@pytest.mark.parametrize(
    ("policy", "wrong", "fix"),
    [
        ({"Statements": [statement()]}, "no key Statements", "did you mean Statement?"),
        ({"Statement": [statement() | {"Effect": "Deny"}]}, "allows nothing", "Effect: Allow"),
    ],
)
def test_pol_10_a_policy_that_allows_nothing_is_refused(compiled, policy, wrong, fix):
    found = problems(compiled, changed((POLICY, policy)))
    assert wrong in found[POLICY][0]
    assert fix in found[POLICY][1]


@pytest.mark.parametrize(
    "changes",
    [
        {"Action": "*"},
        {"Action": ["S3:getobject", "sts:AssumeRole"]},
        {"Effect": "Deny", "Action": "iam:*"},
        {"Resource": ["*", "arn:aws:s3:::a/*", "arn:*:sqs:*:*:jobs", "arn:aws:s3*", TABLE.format("012345670123")]},
        {"Resource": "arn:aws:iam::aws:policy/*"},
        {
            "Condition": {
                "ForAllValues:StringLikeIfExists": {"s3:prefix": ["a", "b"]},
                "Null": {"aws:TokenIssueTime": "true"},
            }
        },
    ],
)
def test_statements_that_can_apply_are_accepted(compiled, changes):
    allowed = statement() | changes
    assert compiled(changed((POLICY, {"Statement": [statement(), allowed]})))


@pytest.mark.parametrize("opened", [{"other_accounts": ["444455556666"]}, {"any_account_actions": ["sqs:SendMessage"]}])
def test_an_exception_opens_resources_of_other_accounts(compiled, opened):
    document = with_statement(Resource=TABLE.format("444455556666"))
    document["targets"]["prod"] |= opened
    assert compiled(document)


@pytest.mark.parametrize(
    ("name", "accepted"),
    [
        ("PowerUserAccess", True),
        ("job-function/ViewOnlyAccess", True),
        ("arn:aws:iam::aws:policy/PowerUserAccess", True),
        ("arn:aws:iam::012345670123:policy/team/agents", True),
        ("arn:aws:iam::444455556666:policy/agents", False),
        ("arn:aws-cn:iam::aws:policy/PowerUserAccess", False),
        ("arn:aws:iam::012345670123:role/agents", False),
        ("Power User Access", False),
    ],
)
def test_pol_10_a_managed_policy_is_of_aws_or_of_the_targets_account(compiled, name, accepted):
    document = changed((POLICY, None), ("targets.prod.managed_policy", name))
    if accepted:
        assert compiled(document)
    else:
        wrong, fix = problems(compiled, document)["targets.prod.managed_policy"]
        assert name in wrong
        assert "arn:aws:iam::012345670123:policy/" in fix
