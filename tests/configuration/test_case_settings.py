"""Cases of policies with what no request can have are refused, because they would test nothing (row POL 11)."""

from dataclasses import replace

import pytest

from jitney.configuration.names import Names
from jitney.configuration.policy_table import case_of
from jitney.core.policy.policy_tests import Case

NAMES = Names(
    issuers=("corp", "staff"),
    targets=("prod",),
    reviewers=("owners",),
    time_windows=("hours",),
    claims={"environment": "string"},
)
CASE = {
    "name": "x",
    "effect": "allow",
    "target": "prod",
    "groups": ["corp/a"],
    "seconds": "300",
    "actions": ["s3:GetObject"],
    "resources": ["arn:aws:s3:::reports/x"],
}
GATEWAY = {"way": "gateway", "operation": "s3:GetObject"}
WRONG = [
    # The members, the path of the problem, what is wrong, and the fix.
    ({"effect": "allowed"}, ("effect",), '"allowed" is no outcome', "use allow, review, deny"),
    ({"effect": "target_unkown"}, ("effect",), "is no outcome", "the code of a problem"),
    ({"effect": "\ud800"}, ("effect",), r'"\ud800" is no outcome', "use allow"),
    ({"approvals": ["\ud800"]}, ("approvals", 0), r'no reviewer group "\ud800"', "owners"),
    ({"claims": {"\ud800": "x"}}, ("claims",), r'the claim "\ud800" visible', "environment"),
    ({"polices": []}, ("polices",), "there is no such key", "did you mean policies?"),
    ({"name": ""}, ("name",), "it is empty", "write a value"),
    ({"seconds": "15m"}, ("seconds",), "not a whole number", "write seconds as digits only: 900"),
    ({"seconds": "0"}, ("seconds",), "too small", "at least 1"),
    ({"longest_seconds": "-1"}, ("longest_seconds",), "too small", "at least 0"),
    ({"target": "prd"}, ("target",), 'no target "prd"', "did you mean prod?"),
    ({"groups": ["corp/a", "crop/a"]}, ("groups", 1), '"crop" is not in issuers', "corp/a"),
    ({"policies": "read"}, ("policies",), "not a list", "[a, b]"),
    ({"approvals": ["ownrs"]}, ("approvals", 0), 'no reviewer group "ownrs"', "did you mean owners?"),
    ({"time_windows": ["hour"]}, ("time_windows", 0), 'no time window "hour"', "did you mean hours?"),
    ({"time_windows": "hours"}, ("time_windows",), "not a list", "[a, b]"),
    ({"reviews": ["owners"]}, ("reviews", 0), "not a list", "[a, b]"),
    ({"reviews": [["owners"], ["ownrs"]]}, ("reviews", 1, 0), 'no reviewer group "ownrs"', "owners"),
    ({"kind": "robot"}, ("kind",), '"robot" is not accepted', "'agent' or 'human'"),
    ({"human": "alice"}, ("human",), "does not begin with the alias", '"staff.alice"'),
    ({"human": "stuff.alice"}, ("human",), '"stuff" is not in issuers', '"staff.alice"'),
    ({"source_identity": "agent-7"}, ("source_identity",), "does not begin with the alias", '"corp.agent-7"'),
    ({"other_grant_actions": ["s3:Gett"]}, ("other_grant_actions", 0), "not an action of AWS", "s3:GetObject"),
    ({"claims": {"team": "x"}}, ("claims",), 'the claim "team" visible', "environment"),
    ({"claims": "environment"}, ("claims",), "not a mapping", "key: value"),
    ({"way": "gatway"}, ("way",), '"gatway" is not accepted', "'credentials' or 'gateway'"),
    ({"way": "gateway", "reveal": "yes"}, ("reveal",), '"yes" is not accepted', "'true' or 'false'"),
    ({"reveal": "true"}, ("reveal",), "only requests through the gateway", "add way: gateway"),
    ({"operation": "s3:GetObject"}, ("operation",), "only requests through the gateway", "add way: gateway"),
    (GATEWAY | {"operation": "s3:GetObjct"}, ("operation",), "no operation of the SDKs", "s3:GetObject"),
    (GATEWAY | {"operation": "dynamodb:Query"}, (), "need none of these actions", "these calls need: dynamodb:Query"),
    (GATEWAY | {"conditions": {"aws:ResourceTag/a": ["x"]}}, (), "reads no value of aws:ResourceTag/a", "leave it out"),
    ({"grant_approvals": ["owners"]}, ("grant_approvals",), "only a call has", "write approvals"),
    *(
        ({"resources": ["*", arn]}, ("resources", 1), f'"{arn}" is not an ARN', "arn:aws:s3:::bucket/key")
        for arn in ("arn:aws:s3::reports/*", "s3://reports/*", "reports", "arn:*", "")
    ),
    ({"actions": None}, (), "requests nothing", "an access_profile:"),
    ({"resources": None}, (), "requests nothing", "an access_profile:"),
    ({"effect": None}, ("effect",), "missing", "write effect: and its value"),
    ({"groups": None}, ("groups",), "missing", "write groups: and its value"),
]


def case(members):
    return case_of({name: value for name, value in {**CASE, **members}.items() if value is not None}, NAMES)


@pytest.mark.parametrize(("members", "path", "wrong", "fix"), WRONG, ids=[str(row[0]) for row in WRONG])
def test_pol_11_a_case_that_tests_nothing_is_refused(members, path, wrong, fix):
    (problem,) = case(members)
    assert problem.path == path
    assert wrong in problem.wrong
    assert fix in problem.fix


@pytest.mark.parametrize(
    "members",
    [
        {},
        {"approvals": ["owners", "break-glass"], "reviews": [["owners"]], "human": "staff.alice"},
        {"effect": "target_unknown", "target": "nowhere"},
        {"time_windows": ["hours"]},
        {"effect": "claim_unknown", "claims": {"team": "x"}},
        {"effect": "action_unknown", "actions": ["s3:Gett"]},
        {"access_profile": "nightly", "actions": None, "resources": None},
        GATEWAY | {"actions": ["kms:Decrypt"], "conditions": {"kms:ViaService": ["s3.eu-west-1.amazonaws.com"]}},
        GATEWAY | {"actions": ["s3:Get*"]},
        GATEWAY | {"reveal": "true", "grant_approvals": ["owners"], "source_identity": "corp.agent-7"},
    ],
    ids=str,
)
def test_pol_11_a_case_that_a_request_can_be_is_read(members):
    assert isinstance(case(members), Case)


def test_pol_11_a_case_keeps_what_it_says():
    read = case({"reviews": [["owners"]], "conditions": {"s3:prefix": ["a/"]}, "claims": {"environment": "prod"}})
    assert (read.seconds, read.groups, read.reviews) == (300, ("corp/a",), (("owners",),))
    assert (dict(read.conditions), dict(read.claims)) == ({"s3:prefix": ("a/",)}, {"environment": "prod"})
    assert read.source_identity == "test.tester"


def test_pol_11_a_case_in_a_file_without_time_windows_names_none():
    (problem,) = case_of(CASE | {"time_windows": ["hours"]}, replace(NAMES, time_windows=()))
    assert (problem.path, problem.fix) == (("time_windows", 0), "add hours to time_windows of jitney.yaml")
