"""Two versions of policies are compared by decision, and each difference is real (row POL 14)."""

from dataclasses import replace
from functools import cache

import pytest

from jitney import resources
from jitney.core.access_profile import AccessProfile
from jitney.core.actions import ActionTable
from jitney.core.config import Limits, Policies
from jitney.core.policy.cedar import PolicySet
from jitney.core.policy.decision_space import decision_space
from jitney.core.policy.policy_diff import PolicyDiff, answer_of, compare
from jitney.core.policy.policy_tests import CaseContext
from jitney.core.target_config import Target
from tests.examples import examples, sample


class FewServices(ActionTable):
    """The action table with few services listed, so that a space is generated in little time."""

    def services(self) -> tuple[str, ...]:
        return ("dynamodb", "iam", "s3", "sqs")


ACTIONS = FewServices.load(resources.ACTIONS.read_bytes())
TARGETS = {
    name: Target(name, "444455556666", "arn:aws:iam::444455556666:role/x", "x", "eu-west-1", 3600, {})
    for name in ("prod", "dev")
}
LIMITS = Limits(
    min_duration_seconds=60,
    max_duration_seconds=3600,
    max_body_bytes=65536,
    max_pairs=200,
    review_seconds=3600,
    ungranted_requests_per_minute=30,
)
BASE = """
@id("read") permit (principal in Jitney::Group::"corp/a", action in Jitney::Action::"ReadOnly",
    resource in Jitney::Target::"prod")
when { context.durationSeconds <= 600 && (!resource.wildcard || resource.arn like "arn:aws:s3:::reports/*") };
@id("write") permit (principal in Jitney::Group::"corp/b", action in Jitney::Action::"Mutating", resource)
when { context.approvals.contains("owners") && context.service == "s3" && principal.hasTag("level") &&
    principal.getTag("level").long >= 3 };
@id("never") forbid (principal, action, resource) when { context.risks.contains("PrivilegeEscalation") };
@id("secret") forbid (principal, action, resource) when { resource.arn like "arn:aws:s3:::reports/secret/*" };
@id("prefix") forbid (principal, action, resource)
when { context.call.hasTag("s3:prefix") && context.call.getTag("s3:prefix").string like "hr/*" };
@id("gateway") forbid (principal, action, resource) when { context.way == "gateway" && context.reveal };
@id("people") forbid (principal, action, resource) when { context.onBehalfOfHuman && context.target == "dev" };
"""
CHANGES = {
    "a shorter duration": ("<= 600", "<= 300"),
    "one of two durations": ("context.durationSeconds <= 600", "[300, 599].contains(context.durationSeconds)"),
    "another group": ('in Jitney::Group::"corp/a"', 'in Jitney::Group::"corp/c"'),
    "another target": ('resource in Jitney::Target::"prod"', 'resource in Jitney::Target::"dev"'),
    "another bucket of wildcards": ("arn:aws:s3:::reports/*", "arn:aws:s3:::drafts/*"),
    "another level of a claim": ("long >= 3", "long > 3"),
    "an earlier approval": (
        'context.approvals.contains("owners") && ',
        '(context.approvals.contains("owners") || context.earlierApprovals.contains("owners")) && ',
    ),
    "no review": ('context.approvals.contains("owners") && ', ""),
    "another service": ('context.service == "s3"', 'context.service == "sqs"'),
    "another risk": ('contains("PrivilegeEscalation")', 'contains("DataSharing")'),
    "a narrower secret": ("reports/secret/*", "reports/secret/a/*"),
    "another prefix": ('like "hr/*"', 'like "hr/x/*"'),
    "no ban of reveal": (" && context.reveal", " && !context.reveal"),
    "no ban on behalf of people": ('context.target == "dev"', 'context.target == "prod"'),
}


@cache
def version(text: str) -> CaseContext:
    loaded = PolicySet.load(Policies(text, resources.SCHEMA.read_text("utf-8"), "v"))
    return CaseContext(loaded, ACTIONS, TARGETS, LIMITS, frozenset({"owners"}), {"level": "long"})


def diff(new: str, most: int = 600) -> PolicyDiff:
    versions = version(BASE), version(new)
    return compare(*versions, decision_space(versions), most, lambda _count, _whole: None)


@pytest.mark.slow
@pytest.mark.parametrize("change", sample(list(CHANGES)))
def test_pol_14_each_changed_literal_is_found_and_each_difference_is_real(change: str):
    new = BASE.replace(*CHANGES[change], 1)
    assert new != BASE
    found = diff(new, 1000)
    assert found.differences
    for each in found.differences:
        assert answer_of(each.example, version(BASE)) == each.old
        assert answer_of(each.example, version(new)) == each.new
        assert (each.old.effect, each.old.reviews) != (each.new.effect, each.new.reviews)
    assert sum(each.count for each in found.differences) + found.other_policies <= found.compared


def test_pol_14_rewritten_policies_without_another_decision_have_no_difference():
    rewritten = BASE.replace("context.durationSeconds <= 600", "context.durationSeconds < 601")
    most = examples(600)
    found = diff(rewritten, most)
    assert (found.differences, found.other_policies, found.compared) == ((), 0, most)
    renamed = diff(BASE.replace('@id("read")', '@id("reading")'), most)
    assert (renamed.differences, renamed.other_policies > 0) == ((), True)


def test_pol_14_the_space_is_walked_without_repeats_and_reaches_its_end():
    small = '@id("read") permit (principal in Jitney::Group::"corp/a", action == Jitney::Action::"Read", resource);'
    space = decision_space((version(small),))
    walked = list(space.walk(space.size + 1))
    assert len(walked) == len(set(walked)) == space.size
    first = list(space.walk(len(space.scopes) * len(space.groups)))
    assert len({(each.request.permissions, each.principal.groups) for each in first}) == len(first)


def test_pol_14_generated_requesters_have_groups_of_one_issuer():
    other = '@id("ci") permit (principal in Jitney::Group::"ci/c", action == Jitney::Action::"Read", resource);'
    groups = decision_space((version(BASE + other),)).groups
    assert frozenset({"corp/a", "corp/b"}) in groups
    assert [each for each in groups if len({name.partition("/")[0] for name in each}) > 1] == []


def test_pol_14_a_policy_that_needs_three_groups_is_compared():
    """A job of GitHub has a group for each of its repository, its environment and its branch."""
    needed = " && ".join(f'principal in Jitney::Group::"corp/{each}"' for each in ("env", "main", "repo"))
    deploy = f'@id("deploy") permit (principal, action == Jitney::Action::"Write", resource) when {{ {needed} }}'
    old, new = (version(f"{deploy} when {{ context.durationSeconds <= {each} }};") for each in (600, 900))
    space = decision_space((old, new))
    assert frozenset({"corp/env", "corp/main", "corp/repo"}) in space.groups
    assert compare(old, new, space, 600, lambda _count, _whole: None).differences


REQUESTERS = {
    "the person": ('principal has human && principal.human == "corp.{}"', "eve", "mallory"),
    "the issuer": ('principal.issuer == "https://{}.example.com"', "old", "older"),
    "the subject": ('principal.subject like "batch-{}*"', "", "1"),
    "the kind": ('principal.kind == "{}"', "human", "agent"),
}


@pytest.mark.parametrize(("condition", "old", "new"), REQUESTERS.values(), ids=REQUESTERS)
def test_pol_14_policies_about_different_requesters_differ(condition: str, old: str, new: str):
    permit = '@id("read") permit (principal, action == Jitney::Action::"Read", resource) when {{ {} }};'
    versions = version(permit.format(condition.format(old))), version(permit.format(condition.format(new)))
    assert compare(*versions, decision_space(versions), 600, lambda _count, _whole: None).differences


def test_pol_14_each_generated_arn_has_all_its_parts():
    tables = 'forbid (principal, action, resource) when { resource.arn like "arn:aws:dynamodb:*:table/orders/*" };'
    space = decision_space((version(f'{BASE}@id("tables") {tables}'),))
    named = [arn for each in space.scopes if each.permission for arn in each.permission.resources if arn != "*"]
    assert named
    assert [arn for arn in named if arn.count(":") < 5] == []


LIMITED = """
@id("write") @call_limits("items_deleted=20")
permit (principal in Jitney::Group::"corp/a", action == Jitney::Action::"Write", resource);
@id("each") @approval("owners") forbid (principal, action, resource)
when { context.action == "s3:DeleteObject" && context.call.hasTag("operation") }
unless { context.approvals.contains("owners") };
@id("bulk") forbid (principal, action, resource)
when { context.call.hasTag("operation") && context.call.getTag("operation").string == "s3:DeleteObjects" };
@id("move") permit (principal in Jitney::Group::"corp/a", action in Jitney::Action::"ReadOnly", resource)
when { context.accessProfile == "move" && [true, false].contains(resource.wildcard) };
"""
OPERATIONS = ("dynamodb:Scan", "s3:DeleteObject", "s3:DeleteObjects", "s3:GetObject")


@pytest.mark.parametrize(
    ("old", "new", "shows"),
    [
        ("items_deleted=20", "items_deleted=2000", lambda each: each.new.call_limits.items_deleted == 2000),
        ('"s3:DeleteObject" &&', '"s3:DeleteObjectTagging" &&', lambda each: each.example.request.operation),
        ('== "s3:DeleteObjects"', '== "s3:GetObject"', lambda each: "s3:Delete" in each.example.request.operation),
        (
            'context.call.hasTag("operation") }\nunless',
            'context.way == "gateway" }\nunless',
            lambda each: each.example.request.operation and each.example.request.grant_approvals,
        ),
        ('== "move"', '== "other"', lambda each: each.example.profile == "move"),
    ],
)
def test_pol_14_changes_of_call_limits_calls_and_access_profiles_are_found(old, new, shows):
    """A comparison that left them out would say that nothing changes."""
    assert old in LIMITED
    permission = {"actions": ["s3:GetObject"], "resources": ["arn:aws:s3:::reports/*"]}
    profile = AccessProfile((permission,), "0" * 64, "arn:aws:iam::444455556666:policy/move")
    targets = {name: replace(each, access_profiles={"move": profile}) for name, each in TARGETS.items()}
    versions = [replace(version(text), targets=targets) for text in (LIMITED, LIMITED.replace(old, new, 1))]
    space = decision_space(versions, OPERATIONS)
    found = compare(*versions, space, 500, lambda _count, _whole: None)
    assert [each for each in found.differences if shows(each)]
    for each in found.differences:
        assert answer_of(each.example, versions[0]) == each.old
        assert answer_of(each.example, versions[1]) == each.new


ANY_WILDCARD = "[true, false].contains(resource.wildcard)"
MOVE = f"""@id("move") permit (principal in Jitney::Group::"corp/a", action, resource)
when {{{{ context.accessProfile == "move" && context.action == "{{}}" && {ANY_WILDCARD} }}}};"""
ALL = f'@id("all") permit (principal in Jitney::Group::"corp/a", action, resource) when {{ {ANY_WILDCARD} }};'
REACH = '@id("near") forbid (principal, action, resource) when { context.risks.contains("REACH") };'
LISTED = """@id("list") permit (principal, action, resource) when { context.action == "s3:ListBucket" &&
    context.call.hasTag("s3:prefix") && context.call.getTag("s3:prefix").string like "a*" &&
    context.call.hasTag("s3:max-keys") && context.call.getTag("s3:max-keys").long <= 10 };"""
MOVED = (
    {"actions": ["s3:GetObject"], "resources": ["arn:aws:s3:::reports/*"]},
    {"actions": ["dynamodb:Query"], "resources": ["arn:aws:dynamodb:eu-west-1:444455556666:table/t"]},
)
SPECIAL = replace(
    TARGETS["prod"],
    access_profiles={"move": AccessProfile(MOVED, "0" * 64, "arn:aws:iam::444455556666:policy/move")},
    any_account_actions=("sqs:SendMessage",),
    any_region_actions=("dynamodb:Query",),
)


@pytest.mark.parametrize(
    ("old", "new", "services"),
    [
        (ALL, ALL + REACH.replace("REACH", "OtherAccounts"), ("dynamodb", "sqs")),
        (ALL, ALL + REACH.replace("REACH", "UnwatchedRegions"), ("dynamodb", "sqs")),
        (MOVE.format("s3:GetObject"), MOVE.format("dynamodb:Query"), ("sqs",)),
        (LISTED, LISTED.replace("<= 10", "<= 20"), ("s3",)),
    ],
    ids=["other accounts", "unwatched Regions", "a part of a profile", "two conditions"],
)
def test_pol_14_policies_that_differ_about_little_access_have_differences(monkeypatch, old, new, services):
    """A space with one action of each level has neither an exception of a target nor a part of an access profile."""
    monkeypatch.setattr(FewServices, "services", lambda _table: services)
    versions = [replace(version(text), targets={"prod": SPECIAL}) for text in (old, new)]
    found = compare(*versions, decision_space(versions), 500, lambda _count, _whole: None)
    assert found.differences
    assert found.reduced == frozenset()
    for each in found.differences:
        assert answer_of(each.example, versions[0]) == each.old
        assert answer_of(each.example, versions[1]) == each.new


PERMIT_BUCKET = """@id("b{0}") permit (principal, action == Jitney::Action::"Read", resource)
when {{ resource.arn like "arn:aws:s3:::b{0}/*" }};"""
PERMIT_PREFIX = """@id("p{0}") permit (principal, action == Jitney::Action::"List", resource)
when {{ context.call.hasTag("s3:prefix") && context.call.getTag("s3:prefix").string like "p{0}*" }};"""


@pytest.mark.parametrize(
    ("permit", "most", "reduced"),
    [(PERMIT_BUCKET, 36, False), (PERMIT_BUCKET, 80, True), (PERMIT_PREFIX, 80, True)],
)
def test_pol_14_a_space_reaches_the_last_of_many_literals_and_says_what_it_left_out(monkeypatch, permit, most, reduced):
    """With many literals, not each combination is generated. So equal answers are no proof."""
    monkeypatch.setattr(FewServices, "services", lambda _table: ("s3",))
    space = decision_space((version("".join(permit.format(number) for number in range(10, most))),))
    named = [each.permission for each in space.scopes]
    texts = {*(arn for each in named for arn in each.resources)}
    texts |= {value for each in named for one in each.conditions for value in one.values}
    assert any(text.startswith((f"arn:aws:s3:::b{most - 1}/", f"p{most - 1}")) for text in texts)
    assert bool(space.reduced) == reduced


def of_levels(count: int) -> str:
    levels = " || ".join(f'principal.getTag("level").long == {9 * number}' for number in range(count))
    return f'principal.hasTag("level") && ({levels})'


@pytest.mark.parametrize(
    ("condition", "reduced"),
    [
        ("context.durationSeconds <= 600 && [60, 90].contains(context.durationSeconds)", set()),
        ('principal.hasTag("level") && context.durationSeconds <= principal.getTag("level").long', {"durations"}),
        ("context.durationSeconds * 2 <= 600", {"durations"}),
        (of_levels(7), set()),
        (of_levels(9), {"claims"}),
    ],
)
def test_pol_14_a_space_says_what_it_cannot_distinguish(monkeypatch, condition: str, reduced: set[str]):
    monkeypatch.setattr(FewServices, "services", lambda _table: ("sqs",))
    permit = f"""@id("a") permit (principal, action, resource) when {{ {condition} }};"""
    assert decision_space((version(permit),)).reduced == reduced


def test_pol_14_a_call_that_two_combinations_describe_counts_once():
    """Without approvals, it makes no difference whether the grant of a call was approved."""
    rule = 'when { context.call.hasTag("operation") && context.reveal };'
    text = f'{ALL}@id("one") forbid (principal, action, resource) {rule}'
    versions = version(text), version(f"{text} ")
    space = replace(decision_space(versions, OPERATIONS), kinds=("agent",))
    found = compare(*versions, space, space.size, lambda _count, _whole: None)
    assert (found.compared < space.size, found.compared, found.differences) == (True, found.size, ())
