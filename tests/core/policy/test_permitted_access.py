"""What policies permit, listed from their permits: never more than a decision permits (CLI 5)."""

import json
from dataclasses import dataclass, replace
from typing import Any

import pytest
from hypothesis import HealthCheck, given, reject, settings
from hypothesis import strategies as st

from jitney import resources
from jitney.core.access.decision import Effect
from jitney.core.access.request import AccessRequest, Permission, Way
from jitney.core.access_profile import AccessProfile
from jitney.core.actions import AccessLevel
from jitney.core.config import Limits, Policies
from jitney.core.identity.principal import Principal
from jitney.core.patterns import Budget
from jitney.core.policy import permitted_terms
from jitney.core.policy.cedar import InvalidPolicies, PolicySet
from jitney.core.policy.decide import decide
from jitney.core.policy.permits import permits_of
from jitney.core.policy.permitted_access import MAX_NAMED_ACTIONS, PermittedAccess
from jitney.core.policy.permitted_target import PermittedTarget, PolicyRules, permitted_target
from jitney.core.policy.time_windows import SECONDS_OF_NOTICE, WindowTimes
from jitney.core.target_config import Target
from jitney.core.time_window_config import TimeWindow
from tests.core.policy.conftest import NO_WINDOWS, ROOT, agent
from tests.examples import examples
from tests.fakes import ACTIONS

SCHEMA = resources.SCHEMA.read_text("utf-8")
LIMITS = Limits(60, 3600, 65536, 200, 3600, 30)
REVIEWERS = frozenset({"owners", "data-owners", "security"})
TARGET = Target(
    alias="analytics-prod",
    account="444455556666",
    role_arn="arn:aws:iam::444455556666:role/jitney/jitney-target-analytics-prod",
    external_id="x",
    region="eu-west-1",
    max_duration_seconds=3600,
    tags={"env": "prod"},
)
READERS = """@id("read") permit (principal in Jitney::Group::"corp/readers", action in Jitney::Action::"ReadOnly",
resource in Jitney::Target::"analytics-prod")"""

REPORTS = f'{READERS} when {{ resource.arn like "arn:aws:s3:::reports/*" }}'


@dataclass(frozen=True)
class Rules:
    """Policies, and what they permit by the list and by a decision."""

    source: Policies
    policy_set: PolicySet

    @classmethod
    def of(cls, text: str) -> "Rules":
        source = Policies(text, SCHEMA, "v1")
        return cls(source, PolicySet.load(source))

    def permitted(
        self, who: Principal, target: Target = TARGET, windows: WindowTimes = NO_WINDOWS
    ) -> PermittedTarget | None:
        scopes = permits_of(self.source).in_scope(who, target)
        return permitted_target(who, target, scopes, PolicyRules(self.policy_set, ACTIONS, LIMITS, REVIEWERS, windows))

    def effect(self, who: Principal, permission: Permission, seconds: int, way: Way, target: Target = TARGET) -> Effect:
        asked = AccessRequest(target.alias, (permission,), seconds, "", "", way=way)
        return decide(who, asked, target, self.policy_set, ACTIONS, LIMITS, REVIEWERS, windows=NO_WINDOWS).effect


def access(text: str, *groups: str, **more: Any) -> tuple[PermittedAccess, ...]:
    found = Rules.of(text).permitted(agent(*(groups or ("corp/readers",)), **more))
    return found.access if found else ()


def rows(text: str, *groups: str, **more: Any) -> list[tuple[Any, ...]]:
    """Return what is listed, in short."""
    return [
        (each.level, each.resources, "wildcards" if each.wildcards else "single", "some" if each.partial else "all")
        for each in access(text, *groups, **more)
    ]


# What permits name.


def test_cli_05_an_arn_pattern_is_listed_for_each_level():
    text = f"{REPORTS};"
    assert rows(text) == [
        ("List", ("arn:aws:s3:::reports/*",), "single", "all"),
        ("Read", ("arn:aws:s3:::reports/*",), "single", "all"),
    ]


def test_cli_05_a_permit_that_mentions_wildcards_permits_them():
    text = (
        READERS + ' when { resource.arn like "arn:aws:s3:::reports/*" && [true, false].contains(resource.wildcard) };'
    )
    assert {row[2:] for row in rows(text)} == {("wildcards", "all")}


def test_cli_05_reading_all_below_a_path_is_listed_only_with_wildcards():
    text = """@id("s") permit (principal, action == Jitney::Action::"ReadSecret", resource)
        when { resource.arn like "arn:aws:ssm:*:parameter/team/*" };"""
    assert [each.actions for each in access(text)] == [
        ("ssm:GetParameter", "ssm:GetParameterHistory", "ssm:GetParameters")
    ]
    text = text.replace("};", "&& [true, false].contains(resource.wildcard) };")
    assert [(each.services, each.actions, each.wildcards) for each in access(text)] == [(("ssm",), (), True)]


def test_cli_05_account_and_region_are_the_targets():
    text = READERS + ' when { resource.arn like "arn:aws:dynamodb:*:table/orders" };'
    table = "arn:aws:dynamodb:eu-west-1:444455556666:table/orders"
    assert {row[1:] for row in rows(text)} == {((table,), "single", "all")}


def test_cli_05_a_forbid_makes_the_rest_partial_and_is_not_named():
    text = f"{REPORTS};"
    text += (
        ' @id("no") forbid (principal, action, resource) when { resource.arn like "arn:aws:s3:::reports/secret/*" };'
    )
    assert {row[1:] for row in rows(text)} == {(("arn:aws:s3:::reports/*",), "single", "some")}


def test_cli_05_what_is_forbidden_whole_is_not_listed():
    text = f"{REPORTS};"
    text += '@id("no") forbid (principal, action == Jitney::Action::"Read", resource);'
    assert [row[0] for row in rows(text)] == ["List"]
    assert access(text + '@id("none") forbid (principal, action, resource);') == ()


def test_cli_05_a_permit_for_one_service_lists_its_resources():
    text = READERS + ' when { context.service == "sqs" };'
    queues = "arn:aws:sqs:eu-west-1:444455556666:*"
    assert rows(text) == [("Read", ("*", queues), "single", "all")]


def test_cli_05_a_permit_without_a_service_is_for_some_of_all():
    assert {each.services for each in access(READERS + ";")} == {("*",)}
    assert {row[1:] for row in rows(READERS + ";")} == {(("*",), "single", "some")}
    assert {row[1:] for row in rows(READERS + ' unless { context.service == "iam" };')} == {(("*",), "single", "some")}


def test_cli_05_named_actions_are_listed_by_name():
    text = READERS + ' when { ["dynamodb:GetItem", "dynamodb:Query"].contains(context.action) };'
    assert {each.actions for each in access(text)} == {("dynamodb:GetItem", "dynamodb:Query")}


def test_cli_05_an_entry_with_too_many_actions_to_name_is_partial():
    acting = [
        each.name for each in ACTIONS.of_service("ec2") if each.level is AccessLevel.LIST and not each.resource_types
    ]
    for count, partial in ((MAX_NAMED_ACTIONS, False), (MAX_NAMED_ACTIONS + 1, True)):
        named = json.dumps(acting[:count])
        (found,) = access(f"{READERS} when {{ {named}.contains(context.action) }};")
        assert (len(found.actions), found.partial) == (0 if partial else count, partial)


def test_cli_05_a_condition_that_the_permit_names_is_listed():
    text = (
        READERS
        + """ when { context.action == "s3:ListBucket" && context.call.hasTag("s3:prefix") &&
        context.call.getTag("s3:prefix").string like "public/*" };"""
    )
    (found, *_) = access(text)
    assert (found.actions, found.resources[0], found.partial) == (("s3:ListBucket",), "arn:aws:s3:::*", False)
    assert [(each.key, each.values) for each in found.conditions] == [("s3:prefix", ("public/*",))]


def test_cli_05_terms_have_the_review_the_duration_and_the_way():
    text = """
    @id("short") permit (principal, action == Jitney::Action::"Read", resource)
    when { resource.arn == "arn:aws:s3:::reports/a" && context.durationSeconds <= 600 };
    @id("long") @approval("owners") permit (principal, action == Jitney::Action::"Read", resource)
    when { resource.arn == "arn:aws:s3:::reports/a" && context.approvals.contains("owners") };
    @id("gateway") forbid (principal, action, resource) unless { context.way == "gateway" };
    """
    terms = {(*each.terms, each.ways) for each in access(text)}
    assert terms == {
        (Effect.ALLOW, (), 600, (Way.GATEWAY,)),
        (Effect.REVIEW, (("owners",),), 3600, (Way.GATEWAY,)),
    }


def test_cli_05_other_principals_rules_are_not_listed():
    text = READERS + ' when { resource.arn like "arn:aws:s3:::*" };'
    text += '@id("other") permit (principal in Jitney::Group::"corp/payroll", action, resource)'
    text += ' when { resource.arn like "arn:aws:s3:::payroll/*" };'
    assert {row[1] for row in rows(text)} == {("arn:aws:s3:::*",)}
    assert access(text, "corp/others") == ()


def test_cli_05_a_permit_that_does_not_apply_lists_nothing_of_its_own():
    """Another permit permits what it names. That must not reveal the name."""
    text = READERS + ' when { resource.arn like "arn:aws:s3:::*" };'
    text += '@id("no") forbid (principal, action, resource) when { resource.arn == "arn:aws:s3:::no" };'
    text += """@id("admins") permit (principal, action, resource)
    when { principal.hasTag("admin") && resource.arn like "arn:aws:s3:::payroll/*" };"""
    assert {row[1] for row in rows(text)} == {("arn:aws:s3:::*",)}
    admin = rows(text, tags=(("admin", "yes"),))
    assert ("arn:aws:s3:::payroll/*",) in {row[1] for row in admin}


def test_cli_05_a_claim_decides_as_in_a_decision():
    text = READERS + ' when { principal.hasTag("event") && principal.getTag("event").string == "schedule" };'
    assert access(text) == ()
    assert access(text, tags=(("event", "push"),)) == ()
    assert access(text, tags=(("event", "schedule"),)) != ()


def test_cli_05_another_target_is_none():
    other = replace(TARGET, alias="payroll-prod")
    assert Rules.of(READERS + ";").permitted(agent("corp/readers"), other) is None


def test_cli_05_a_permit_for_tagged_targets_is_for_these_only():
    text = """@id("dev") permit (principal, action == Jitney::Action::"Read", resource)
    when { resource.target.hasTag("env") && resource.target.getTag("env") == "dev" };"""
    assert Rules.of(text).permitted(agent("corp/readers")) is None
    assert Rules.of(text).permitted(agent("corp/readers"), replace(TARGET, tags={"env": "dev"})) is not None


def test_cli_05_resources_in_other_regions_and_accounts_of_the_target_are_listed():
    text = READERS + ' when { resource.arn like "arn:aws:sqs:*:orders" };'
    wider = replace(TARGET, other_regions=("us-east-1",), other_accounts=("777788889999",))
    found = Rules.of(text).permitted(agent("corp/readers"), wider)
    assert found
    places = [
        f"{region}:{account}" for region in ("eu-west-1", "us-east-1") for account in (444455556666, 777788889999)
    ]
    assert {each.resources for each in found.access} == {tuple(f"arn:aws:sqs:{place}:orders" for place in places)}


def test_cli_05_resources_of_other_accounts_have_their_risk():
    text = READERS + ' when { resource.arn like "arn:aws:sqs:*:orders" };'
    text += '@id("no") forbid (principal, action, resource) when { context.risks.contains("OtherAccounts") };'
    found = Rules.of(text).permitted(agent("corp/readers"), replace(TARGET, other_accounts=("777788889999",)))
    assert found
    assert {each.resources for each in found.access} == {("arn:aws:sqs:eu-west-1:444455556666:orders",)}


def test_cli_05_without_reviewer_groups_nothing_is_reviewed():
    text = REPORTS + ' when { context.approvals.contains("owners") };'
    rules = Rules.of(text)
    scopes = permits_of(rules.source).in_scope(agent("corp/readers"), TARGET)
    none = PolicyRules(rules.policy_set, ACTIONS, LIMITS, frozenset(), NO_WINDOWS)
    assert permitted_target(agent("corp/readers"), TARGET, scopes, none) is None


def test_cli_05_what_a_time_window_permits_is_listed_for_as_long_as_it_is_open():
    rules = Rules.of(REPORTS + ' when { context.timeWindows.contains("hours") };')
    hours = {"hours": TimeWindow("UTC", (), ((10_000, 20_000),))}
    found = {
        now: rules.permitted(agent("corp/readers"), windows=WindowTimes.at(hours, now)) for now in (12_000, 19_000)
    }
    longest = {now: each and each.max_seconds for now, each in found.items()}
    assert longest == {12_000: LIMITS.max_duration_seconds, 19_000: 1000 - SECONDS_OF_NOTICE}
    assert [rules.permitted(agent("corp/readers"), windows=WindowTimes.at(hours, now)) for now in (0, 20_000)] == [
        None
    ] * 2


def test_cli_05_a_single_escalation_counts():
    text = """@id("all") permit (principal, action == Jitney::Action::"PermissionsManagement", resource)
    when { ["iam:AttachUserPolicy", "iam:DetachUserPolicy"].contains(context.action) };
    @id("never") forbid (principal, action, resource) when { context.risks.contains("PrivilegeEscalation") };"""
    assert {each.actions for each in access(text)} == {("iam:DetachUserPolicy",)}


def test_cli_05_a_pattern_with_very_many_named_parts_is_partial():
    text = READERS + ' when { resource.arn like "arn:aws:s3:::*" };'
    text += "".join(
        f'@id("p{n}") forbid (principal, action, resource) when {{ resource.arn like "arn:aws:s3:::no-{n}/*" }};'
        for n in range(70)
    )
    assert {row[1:] for row in rows(text)} == {(("arn:aws:s3:::*",), "single", "some")}
    assert access(text + '@id("none") forbid (principal, action, resource);') == ()


@pytest.mark.parametrize("bound", ["evaluations", "steps"])
def test_cli_05_a_target_is_evaluated_within_bounds(monkeypatch: pytest.MonkeyPatch, bound: str):
    """What was found until then is listed."""
    name = {"evaluations": "MAX_EFFORT", "steps": "MAX_REQUEST_STEPS"}[bound]
    text = f"{REPORTS};" + "".join(
        f'@id("p{n}") permit (principal, action, resource) when {{ resource.arn like "arn:aws:s3:::b{n}/*" }};'
        for n in range(6)
    )
    whole = Rules.of(text).permitted(agent("corp/readers"))
    assert whole
    assert whole.whole
    monkeypatch.setattr(permitted_terms, name, {"evaluations": 1500, "steps": 3000}[bound])
    bounded = Rules.of(text).permitted(agent("corp/readers"))
    assert bounded
    assert not bounded.whole
    lists = whole.access, bounded.access
    all_found, some_found = ({(each.level, arn) for each in found for arn in each.resources} for found in lists)
    assert set() < some_found < all_found


def test_cli_05_evaluations_count_for_each_set_of_open_time_windows(monkeypatch: pytest.MonkeyPatch):
    """A target whose windows change each minute took 60 times as long."""
    names = [f"w{number}" for number in range(4)]
    named = " || ".join(f'context.timeWindows.contains("{name}")' for name in names)
    rules = Rules.of(f"{REPORTS} when {{ !({named}) || {named} }};")
    each_minute = {
        name: TimeWindow("UTC", (), tuple((60 * each, 60 * each + 60) for each in range(60) if each >> place & 1))
        for place, name in enumerate(names)
    }
    monkeypatch.setattr(permitted_terms, "MAX_EFFORT", 5000)
    for windows, is_whole in ((NO_WINDOWS, True), (WindowTimes.at(each_minute, 0), False)):
        found = rules.permitted(agent("corp/readers"), windows=windows)
        assert (found is not None and found.whole) == is_whole


# Access profiles.

MIGRATION = AccessProfile(
    ({"actions": ["s3:GetObject", "s3:PutObject"], "resources": ["arn:aws:s3:::reports/m/*"]},), "content", "arn"
)
PROFILED = replace(TARGET, access_profiles={"migration": MIGRATION})
BY_PROFILE = """@id("migrate") permit (principal in Jitney::Group::"corp/readers", action, resource)
when { context.accessProfile == "migration" && [true, false].contains(resource.wildcard) """


def profiles(text: str) -> list[tuple[Any, ...]]:
    found = Rules.of(text).permitted(agent("corp/readers"), PROFILED)
    return [(each.name, each.partial, *each.terms) for each in found.profiles] if found else []


@pytest.mark.parametrize(
    ("condition", "listed"),
    [
        ("", [("migration", False, Effect.ALLOW, (), 3600)]),
        ("&& context.durationSeconds <= 600", [("migration", False, Effect.ALLOW, (), 600)]),
        ('&& context.approvals.contains("owners")', [("migration", False, Effect.REVIEW, (("owners",),), 3600)]),
        ('&& context.action == "s3:GetObject"', [("migration", True, Effect.ALLOW, (), 3600)]),
        ('&& context.action == "sqs:SendMessage"', []),
    ],
)
def test_cli_05_an_access_profile_is_listed_with_its_terms(condition: str, listed: list[tuple[Any, ...]]):
    assert profiles(f"{BY_PROFILE}{condition} }};") == listed


def test_cli_05_an_access_profile_that_policies_forbid_is_not_listed():
    assert profiles(f'{BY_PROFILE} }}; @id("no") forbid (principal, action, resource);') == []


# A decision permits all that is listed.


def parts(entry: PermittedAccess) -> list[Permission]:
    """Return requests for what an entry includes: for its resources or, if single, for one that each matches."""
    found = []
    for resource in entry.resources:
        asked = resource if entry.wildcards or resource == "*" else resource.replace("*", "x1")
        named = map(ACTIONS.get, entry.actions) if entry.actions else ACTIONS.of_service(entry.services[0])
        for action in filter(None, named):
            acts = action.acts_on(asked, Budget(100_000)) if resource != "*" else not action.resource_types
            if acts and action.level is entry.level:
                found.append(Permission((action.name,), (asked,), entry.conditions))
    return found


def check_claims(rules: Rules, who: Principal, most: int) -> int:
    """Assert that a decision permits what is listed as a whole, on the listed terms. Return how much was checked."""
    found = rules.permitted(who)
    checked = 0
    for entry in found.access if found else ():
        listed = [] if entry.partial else parts(entry)
        for asked in listed[:: 1 + len(listed) // most]:
            for way in entry.ways:
                effect = rules.effect(who, asked, entry.terms.max_seconds, way)
                # A part of a pattern may need no review, although another part does.
                whole = set(asked.resources) <= set(entry.resources)
                assert effect in ({entry.terms.effect} | (set() if whole else {Effect.ALLOW})), (asked, way, entry)
                checked += 1
    return checked


SAMPLE = "\n".join(path.read_text("utf-8") for path in sorted((ROOT / "policies").glob("*.cedar")))


@pytest.mark.parametrize("groups", ["data-readers", "data-readers data-writers", "gateway-agents"])
def test_cli_05_a_decision_permits_all_that_is_listed_of_the_sample_policies(groups: str):
    assert check_claims(Rules.of(SAMPLE), agent(*(f"local/{group}" for group in groups.split())), 6) > 4


_ARNS = st.one_of(
    st.sampled_from(["s3:::*", "s3:::b/*", "s3:::b/a*", "s3:::b", "s3:*", "sqs:*"]).map("arn:aws:{}".format),
    st.sampled_from(["arn:aws:dynamodb:*:table/*", "arn:aws:dynamodb:*:table/t", "*:444455556666:*", "*", "*/a*"]),
)
_COMPARED = st.one_of(
    _ARNS.map(lambda arn: f'resource.arn like "{arn}"'),
    st.sampled_from(["s3", "dynamodb"]).map(lambda name: f'context.service == "{name}"'),
    st.sampled_from(["s3:GetObject", "dynamodb:GetItem"]).map(lambda name: f'context.action == "{name}"'),
    st.sampled_from([600, 3000]).map(lambda seconds: f"context.durationSeconds <= {seconds}"),
    st.sampled_from([600]).map(lambda seconds: f"context.durationSeconds < {seconds}"),
    st.sampled_from(["owners", "security"]).map(lambda group: f'context.approvals.contains("{group}")'),
    st.sampled_from(["gateway", "credentials"]).map(lambda way: f'context.way == "{way}"'),
    st.sampled_from(["resource.wildcard", 'resource.arn == "*"', "context.onBehalfOfHuman"]),
    st.sampled_from(["DataExfiltration", "IrreversibleDeletion"]).map(lambda name: f'context.risks.contains("{name}")'),
    st.sampled_from(["a/*", "*"]).map(
        lambda text: f'(context.call.hasTag("s3:prefix") && context.call.getTag("s3:prefix").string like "{text}")'
    ),
)
_CONDITIONS = st.recursive(
    _COMPARED,
    lambda inner: st.one_of(
        inner.map(lambda each: f"!({each})"),
        st.tuples(inner, st.sampled_from(["&&", "||"]), inner).map(lambda each: f"({' '.join(each)})"),
    ),
    max_leaves=5,
)
_PRINCIPALS = st.sampled_from(["principal", 'principal in Jitney::Group::"corp/readers"'])
_LEVELS = st.sampled_from(
    [
        "action",
        'action in Jitney::Action::"ReadOnly"',
        'action == Jitney::Action::"List"',
        'action in Jitney::Action::"Mutating"',
    ]
)
_POLICY = st.tuples(st.sampled_from(["permit", "permit", "forbid"]), _PRINCIPALS, _LEVELS, _CONDITIONS)


@given(st.lists(_POLICY, min_size=1, max_size=4))
@settings(max_examples=examples(30), suppress_health_check=list(HealthCheck), deadline=None)
def test_cli_05_a_decision_permits_all_that_is_listed_of_any_policies(policies: list[tuple[str, str, str, str]]):
    texts = (
        f'@id("p{place}") {effect} ({who}, {level}, resource) when {{ {condition} }};'
        for place, (effect, who, level, condition) in enumerate(policies)
    )
    try:
        rules = Rules.of("\n".join(texts))
    except InvalidPolicies:
        reject()  # conditions that never hold together
    check_claims(rules, agent("corp/readers"), 3)
