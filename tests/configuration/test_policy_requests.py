"""Policies that apply to no request are refused (row POL 2): such a forbid would forbid nothing."""

from dataclasses import replace

import pytest

from jitney.configuration.names import Names, Requesters, TargetNames
from jitney.configuration.policies import read_policies
from tests.configuration.test_load import compiled, valid, write_policies

__all__ = ["compiled"]  # a fixture

ANY = "principal, action, resource"
NAMES = Names(
    issuers=("corp", "ci", "staff"),
    targets=("prod", "dev"),
    accounts=("444455556666", "777788889999"),
    reviewers=("owners",),
    time_windows=("hours",),
    issuer_urls={"corp": "https://idp.example.com", "ci": "https://ci.example.com", "staff": "https://idp.example.com"},
    target_tags={"env": {"dev", "prod"}, "team": {"data"}},
    target_facts={
        "prod": TargetNames("444455556666", {"env": "prod"}, 1800),
        "dev": TargetNames("777788889999", {"env": "dev", "team": "data"}, 900),
    },
    requesters={
        "corp": Requesters("agent", frozenset({"team"}), for_people=False),
        "ci": Requesters("agent", frozenset({"ref"}), for_people=True),
        "staff": Requesters("human", frozenset(), for_people=False),
    },
    claims={"ref": "string", "team": "string"},
)
PROD, GROUP = 'principal, action, resource in Jitney::Target::"prod"', 'principal in Jitney::Group::"corp/a"'
CORP = f"{GROUP}, action, resource"
ENV = 'resource.target.hasTag("env") && resource.target.getTag("env")'
REF = 'principal.hasTag("ref") && principal.getTag("ref").string'
TARGET, REQUESTER = "no target meets its scope", "the tokens of no issuer meet its scope"
AGAINST = "its conditions contradict each other"
APPROVED = 'context.approvals.contains("owners")'
HOURS = 'context.timeWindows.contains("hours")'

NEVER = [
    # The effect, the scope, the condition, and what is wrong.
    ("forbid", PROD, f'{ENV} == "dev"', TARGET),
    ("forbid", PROD, f'!({ENV} != "dev")', TARGET),
    ("permit", PROD, 'resource.target.hasTag("team")', TARGET),
    ("permit", PROD, 'context.target == "dev"', TARGET),
    ("permit", PROD, 'context.target like "d*"', TARGET),
    ("permit", PROD, 'resource in Jitney::Account::"777788889999"', TARGET),
    ("permit", PROD, 'resource.target in [Jitney::Target::"dev"]', TARGET),
    ("permit", PROD, 'resource.target == Jitney::Target::"dev"', TARGET),
    ("permit", PROD, 'resource.target.account == "777788889999"', TARGET),
    ("permit", 'principal, action, resource in Jitney::Account::"777788889999"', f'{ENV} == "prod"', TARGET),
    ("permit", 'principal, action, resource is Jitney::Resource in Jitney::Target::"dev"', f'{ENV} == "prod"', TARGET),
    ("permit", PROD, "context.durationSeconds > 1800", TARGET),
    ("permit", PROD, "2000 <= context.durationSeconds", TARGET),
    ("permit", ANY, f'{ENV} == "dev" && context.durationSeconds > 900', TARGET),
    ("permit", ANY, "context.durationSeconds > 900 && context.durationSeconds < 600", TARGET),
    ("forbid", ANY, "context.durationSeconds > 900 && context.durationSeconds < 600", TARGET),
    ("forbid", ANY, "2 > context.durationSeconds && context.durationSeconds != 1", TARGET),
    ("forbid", CORP, f'{REF} == "refs/heads/main"', REQUESTER),
    ("permit", CORP, 'principal in Jitney::Group::"ci/a"', REQUESTER),
    ("permit", CORP, 'principal in [Jitney::Group::"ci/a", Jitney::Group::"staff/a"]', REQUESTER),
    ("permit", CORP, "principal is Jitney::Human", REQUESTER),
    ("permit", CORP, 'principal.kind == "human"', REQUESTER),
    ("permit", CORP, "context.onBehalfOfHuman", REQUESTER),
    ("permit", 'principal is Jitney::Agent in Jitney::Group::"staff/a", action, resource', "context.reveal", REQUESTER),
    ("permit", 'principal is Jitney::Human, action, resource', 'principal in Jitney::Group::"corp/a"', REQUESTER),
    ("forbid", ANY, f"{HOURS} && context.reveal && !{HOURS}", AGAINST),
    ("permit", ANY, f"!{HOURS} && ({HOURS} || false)", AGAINST),
    ("permit", ANY, 'context.approvals.contains("break-glass")', 'permits nothing by itself, because "break-glass"'),
    ("permit", CORP, f'{APPROVED} && context.approvals.contains("break-glass")', "permits nothing by itself"),
]  # fmt: skip
SOMETIMES = [
    ("forbid", PROD, f'{ENV} == "prod"'),
    ("forbid", PROD, f'{ENV} != "dev"'),
    ("permit", PROD, 'resource in Jitney::Account::"444455556666"'),
    ("permit", PROD, 'resource.target in [Jitney::Target::"dev", Jitney::Target::"prod"]'),
    ("permit", PROD, "context.durationSeconds >= 1800"),
    ("permit", ANY, 'resource.target.hasTag("team") && context.durationSeconds <= 900'),
    ("forbid", ANY, "context.durationSeconds > 3600"),
    ("forbid", PROD, "context.durationSeconds > 1800"),
    ("permit", ANY, "[60, 300].contains(context.durationSeconds)"),
    ("permit", CORP, 'principal.hasTag("team") && principal.getTag("team").string == "x"'),
    ("permit", CORP, 'principal in [Jitney::Group::"ci/a", Jitney::Group::"corp/b"]'),
    ("permit", ANY, f'{REF} == "refs/heads/main" && context.onBehalfOfHuman'),
    ("permit", ANY, "principal is Jitney::Human"),
    ("forbid", CORP, "!context.onBehalfOfHuman"),
    ("forbid", ANY, 'context.approvals.contains("break-glass") && context.service == "kms"'),
    ("permit", ANY, f'{APPROVED} || context.approvals.contains("break-glass")'),
    ("permit", ANY, f"{HOURS} || (context.reveal && !{HOURS})"),
]


@pytest.fixture
def found(tmp_path):
    """Return what is wrong with one policy."""

    def read(effect, scope, condition, names=NAMES, annotations=""):
        text = f'@id("x") {annotations} {effect} ({scope})\nwhen {{ {condition} }};\n'
        write_policies(tmp_path / "p", text)
        return [each.wrong for each in read_policies(tmp_path / "p", names)[1]]

    return read


@pytest.mark.parametrize(("effect", "scope", "condition", "wrong"), NEVER, ids=[f"{row[1]} {row[2]}" for row in NEVER])
def test_pol_02_a_policy_that_no_request_meets_is_refused(found, effect, scope, condition, wrong):
    (problem,) = found(effect, scope, condition)
    assert wrong in problem


@pytest.mark.parametrize(("effect", "scope", "condition"), SOMETIMES, ids=[f"{row[1]} {row[2]}" for row in SOMETIMES])
def test_pol_02_a_policy_that_some_request_meets_is_accepted(found, effect, scope, condition):
    assert found(effect, scope, condition) == []


def test_pol_02_a_condition_and_its_exception_that_are_equal_are_refused(found):
    (problem,) = found("forbid", ANY, f"{HOURS} }} unless {{ {HOURS}")
    assert AGAINST in problem


@pytest.mark.parametrize(("way", "refused"), [("credentials", True), ("gateway", False), ("", False)])
def test_gw_08_call_limits_that_limit_nothing_are_refused(found, way, refused):
    condition = f'context.way == "{way}"' if way else "context.durationSeconds < 60"
    wrong = found("permit", ANY, condition, annotations='@call_limits("calls=5")')
    assert [each.partition(", which")[0] for each in wrong] == ["x has @call_limits"] * refused


def test_pol_02_an_operation_with_the_way_credentials_is_refused(found):
    (problem,) = found("forbid", ANY, 'context.way == "credentials" && context.call.hasTag("operation")')
    assert "no request meets its conditions on context.way" in problem


def test_pol_02_what_the_configuration_does_not_define_is_not_checked(found):
    names = replace(NAMES, target_facts={}, requesters={})
    assert found("forbid", CORP, f'{ENV} == "prod" && {REF} == "x"', names) == []


@pytest.mark.parametrize(
    ("own", "limit", "longest"),
    [("900", None, 900), (None, "600", 600), ("900", "600", 600), (None, None, 3600), ("x", "9" * 5000, 3600)],
)
def test_pol_02_names_hold_what_policies_see_of_each_target(own, limit, longest):
    target = {"account": "444455556666", "tags": {"env": "prod"}, **({"max_duration_seconds": own} if own else {})}
    document = {"targets": {"prod": target}, **({"limits": {"max_duration_seconds": limit}} if limit else {})}
    assert Names.of(document).target_facts == {"prod": TargetNames("444455556666", {"env": "prod"}, longest)}


def test_valid_policies_stay_valid(compiled):
    assert compiled(valid()).policies.text
