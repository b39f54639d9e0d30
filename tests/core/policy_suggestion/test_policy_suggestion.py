"""Suggested policies allow what was used, deny the rest, and never review less than the present ones (row POL 14)."""

import json
from dataclasses import replace
from typing import Any

import cedarpy
import pytest
import yaml
from hypothesis import example, given, settings
from hypothesis import strategies as st

from jitney.core.access.conditions import conditions_of
from jitney.core.access.decision import Decision, Effect
from jitney.core.access.request import AccessRequest, Permission, Way
from jitney.core.identity.principal import Principal
from jitney.core.policy.cedar_text import entity, literal
from jitney.core.policy.decide import decide
from jitney.core.policy.policy_tests import CaseContext
from jitney.core.policy_suggestion.policy_suggestion import PolicySuggestion
from jitney.core.policy_suggestion.prefixes import wide_prefixes
from jitney.core.policy_suggestion.suggestion_file import SuggestionPeriod, _case_text, file_text
from jitney.core.policy_suggestion.used_grants import ScopeKind, SuggestionScope
from jitney.core.report.usage import covers_arn
from tests.core.policy.conftest import NO_WINDOWS
from tests.core.policy_suggestion.histories import FORBIDS, PRESENT, published, rules, suggested, used_grants
from tests.core.replay.test_policy_replay import TARGETS, agent, asked
from tests.examples import examples
from tests.identities import identity

A = SuggestionScope(ScopeKind.AGENT, "corp.a")
READERS = SuggestionScope(ScopeKind.GROUP, "corp/readers")
KEY = "arn:aws:s3:::reports/2026/"
INSTANCE = "arn:aws:ec2:eu-west-1:444455556666:instance/"
READS = Permission(("s3:GetObject",), (f"{KEY}*",))
WRITES = Permission(("s3:PutObject",), (f"{KEY}a",))
STOPS = Permission(("ec2:StopInstances", "ec2:StartInstances"), (f"{INSTANCE}i-1", f"{INSTANCE}i-2"))
LISTS = Permission(("ec2:DescribeImages", "ec2:DescribeVpcs"), ("*",))
PERIOD = SuggestionPeriod("2026-10-29", "2026-11-28")


def decided(who: Principal, request: AccessRequest, under: CaseContext | None) -> Decision:
    assert under
    target = under.targets[request.target]
    return decide(
        who, request, target, under.policy_set, under.actions, under.limits, under.reviewers, windows=NO_WINDOWS
    )


def effect(found: PolicySuggestion, action: str, arn: str, who: Principal | None = None, **members: Any) -> Effect:
    return decided(who or agent(), asked(Permission((action,), (arn,)), **members), found.rules).effect


def texts(found: PolicySuggestion) -> str:
    return file_text(found, A, PERIOD)


def test_pol_14_exactly_what_was_used_is_permitted():
    found = suggested(A, [published(1, agent(), asked(READS, LISTS), [("s3:GetObject", f"{KEY}a")])])
    assert (found.checked, found.grants, found.used) == ((1, 0, (), ()), 1, 1)
    assert effect(found, "s3:GetObject", f"{KEY}a") is Effect.ALLOW
    for action, arn, more in (
        ("s3:GetObject", f"{KEY}b", {}),
        ("s3:GetObject", f"{KEY}*", {}),
        ("s3:GetObjectTagging", f"{KEY}a", {}),
        ("s3:GetObject", f"{KEY}a", {"seconds": 301}),
        ("s3:GetObject", f"{KEY}a", {"target": "dev"}),
        ("s3:GetObject", f"{KEY}a", {"way": Way.GATEWAY}),
        ("s3:GetObject", f"{KEY}a", {"who": agent(name="b")}),
        ("s3:GetObject", f"{KEY}a", {"who": agent(human=identity("corp.alice"))}),
        ("s3:GetObject", f"{KEY}a", {"who": agent(kind="human")}),
        ("ec2:DescribeImages", "*", {}),
    ):
        assert effect(found, action, arn, **more) is Effect.DENY, (action, arn, more)
    assert [(each.pair.action, each.grants) for each in found.unused] == [
        ("ec2:DescribeImages", 1), ("ec2:DescribeVpcs", 1),
    ]  # fmt: skip
    assert found.replaced == ("read",)
    assert "Granted, but never used" in texts(found)


HOURS = 'context.timeWindows.contains("hours")'


@pytest.mark.parametrize(
    ("permit", "forbid", "deciding"),
    [
        (f"when {{ !{HOURS} }}", "", "read names a time window"),
        (f"when {{ {HOURS} }}", "", "the present policies deny it, by builtin:no-permit"),
        ("", f'unless {{ {HOURS} || context.approvals.contains("owners") }}', "night names a time window"),
        ("", f"unless {{ {HOURS} }}", "the present policies deny it, by night"),
        ("", f"when {{ {HOURS} }}", ""),
    ],
)
def test_pol_14_what_a_policy_with_a_time_window_decided_is_not_suggested(permit: str, forbid: str, deciding: str):
    """A suggested permit names no time window. A forbid that no window concerned stays in force beside it."""
    reads = "when { [true, false].contains(resource.wildcard) }"
    text = f'@id("read") permit (principal, action, resource) {reads} {permit};'
    text += f'@id("night") forbid (principal, action, resource) {forbid};' if forbid else ""
    history = published(1, agent(), asked(READS), [("s3:GetObject", f"{KEY}a")])
    found = suggested(A, [history], text=text, forbids="")
    written = [each for each in texts(found).splitlines() if deciding and deciding in each]
    assert (found.rules is None, bool(written)) == (bool(deciding), bool(deciding))


def test_pol_14_what_the_present_policies_review_stays_under_review():
    found = suggested(A, [published(1, agent(), asked(WRITES), [("s3:PutObject", f"{KEY}a")])])
    assert found.checked == (0, 1, (), ())
    decision = decided(agent(), asked(WRITES), found.rules)
    assert (decision.effect, decision.reviews) == (Effect.REVIEW, (frozenset({"owners"}),))
    assert '@approval("owners")' in texts(found)


WILD = "[true, false].contains(resource.wildcard)"
TIMED = f"""
@id("day") permit (principal, action, resource) when {{ context.durationSeconds <= 600 && {WILD} }}
unless {{ resource.arn like "{KEY}night/*" }};
@id("night") permit (principal, action, resource) when {{ resource.arn like "{KEY}night/*" && !{HOURS} }};
@id("long") permit (principal, action, resource)
when {{ context.durationSeconds > 600 && context.service == "s3" && !{HOURS} }};
@id("images") permit (principal, action, resource) when {{ context.service == "ec2" && {WILD} }};
"""


@pytest.mark.parametrize(
    ("arn", "seconds"), [(f"{KEY}night/x", 300), (f"{KEY}a", 900)], ids=["below a prefix", "for longer"]
)
def test_pol_14_no_suggestion_is_wider_by_access_that_depends_on_a_time_window(arn: str, seconds: int):
    reads = Permission(("s3:GetObject",), (f"{KEY}a", f"{KEY}b"))
    histories = [
        published(1, agent(), asked(reads), [("s3:GetObject", each) for each in reads.resources], text=TIMED),
        published(2, agent(), asked(LISTS, seconds=900), [("ec2:DescribeImages", "*")], text=TIMED),
    ]
    found = suggested(A, histories, text=TIMED, least=2, forbids="")
    assert [effect(found, "s3:GetObject", each) for each in reads.resources] == [Effect.ALLOW, Effect.ALLOW]
    assert effect(found, "s3:GetObject", arn, seconds=seconds) is Effect.DENY


def test_pol_14_access_that_policies_deny_for_a_shorter_time_is_not_suggested():
    text = f'@id("long") permit (principal, action, resource) when {{ context.durationSeconds >= 600 && {WILD} }};'
    history = published(1, agent(), asked(READS, seconds=900), [("s3:GetObject", f"{KEY}a")], text=text)
    found = suggested(A, [history], text=text, forbids="")
    reason = "for 599 s, the present policies deny it, by builtin:no-permit"
    assert ([each.reason for each in found.uncovered], found.permits) == ([reason], ())


@pytest.mark.parametrize("scope", [A, READERS], ids=["agent", "group"])
def test_pol_14_what_policies_permit_on_behalf_of_one_person_is_suggested_for_that_person(scope: SuggestionScope):
    """The permit would otherwise allow without a review what another person's agent gets after a review only."""
    text = f"""@id("alice") permit (principal in Jitney::Group::"corp/readers", action, resource)
    when {{ principal has human && principal.human == "corp.alice" && {WILD} }};
    @id("rest") permit (principal, action, resource) when {{ context.approvals.contains("owners") && {WILD} }};"""
    alice, bob = (agent(human=identity(f"corp.{each}")) for each in ("alice", "bob"))
    history = [published(number, who, asked(READS), [("s3:GetObject", f"{KEY}a")], text=text)
               for number, who in enumerate((alice, bob))]  # fmt: skip
    found = suggested(scope, history[:1], text=text, forbids="")
    assert [effect(found, "s3:GetObject", f"{KEY}a", who) for who in (alice, bob)] == [Effect.ALLOW, Effect.DENY]
    found = suggested(scope, history, text=text, forbids="")
    assert [effect(found, "s3:GetObject", f"{KEY}a", who) for who in (alice, bob)] == [Effect.ALLOW, Effect.REVIEW]


def test_pol_14_a_longer_grant_under_review_gives_no_longer_access_without_one():
    used = [("s3:GetObject", f"{KEY}a")]
    short, long = asked(READS), asked(READS, seconds=1200)
    found = suggested(A, [published(1, agent(), short, used), published(2, agent(), long, used)])
    assert found.checked == (1, 1, (), ())
    effects = [effect(found, "s3:GetObject", f"{KEY}a", seconds=seconds) for seconds in (300, 301, 600, 1200, 1201)]
    assert effects == [Effect.ALLOW, *[Effect.REVIEW] * 3, Effect.DENY]


def test_pol_14_a_shared_duration_needs_the_same_reviews():
    """An action that is reviewed when it is long shares no longest duration with one that is not."""
    text = (
        PRESENT + '@id("images") permit (principal, action, resource) when { context.action == "ec2:DescribeImages" };'
    )
    used = [("ec2:DescribeImages", "*")]
    histories = [
        published(1, agent(), asked(LISTS), [("ec2:DescribeVpcs", "*")], text=text),
        published(2, agent(), asked(replace(LISTS, actions=("ec2:DescribeImages",)), seconds=1200), used, text=text),
    ]
    found = suggested(A, histories, text=text)
    assert effect(found, "ec2:DescribeImages", "*", seconds=1200) is Effect.ALLOW
    assert effect(found, "ec2:DescribeVpcs", "*", seconds=301) is Effect.DENY


def test_pol_14_a_review_of_shorter_grants_is_kept():
    """Where the present policies review short grants only, a suggestion that permits them reviews them as well."""
    brief = '@id("brief") forbid (principal, action, resource) when { context.durationSeconds < 120 } unless { context.approvals.contains("owners") };'  # noqa: E501
    found = suggested(A, [published(1, agent(), asked(READS), [("s3:GetObject", f"{KEY}a")])], text=PRESENT + brief)
    assert effect(found, "s3:GetObject", f"{KEY}a", seconds=60) is Effect.REVIEW


LEVELS = """
@id("low") permit (principal in Jitney::Group::"corp/readers", action, resource)
when { [true, false].contains(resource.wildcard) }
unless { principal.hasTag("level") && principal.getTag("level").long > 3 };
@id("high") permit (principal in Jitney::Group::"corp/readers", action, resource)
when { [true, false].contains(resource.wildcard) && context.approvals.contains("owners") };
"""


def test_pol_14_a_claim_that_brings_a_review_brings_it_for_all():
    """Suggestions compare no claims. So what is reviewed for one claim is reviewed for each."""
    used = [("s3:GetObject", f"{KEY}a")]
    histories = [
        published(number, agent(tags=tags), asked(READS), used, text=LEVELS)
        for number, tags in enumerate([(), (("level", 4),)])
    ]
    found = suggested(A, histories, text=LEVELS, forbids="")
    assert (found.checked.denied, found.checked.less_reviewed) == ((), ())
    assert found.checked.reviewed == 2
    assert effect(found, "s3:GetObject", f"{KEY}a", agent(tags=(("level", 4),))) is Effect.REVIEW


def test_pol_14_a_group_gets_no_more_than_its_members_have_by_the_group():
    """A member with another group used something that the group itself does not permit."""
    text = PRESENT + '@id("ops") permit (principal in Jitney::Group::"corp/ops", action, resource);'
    both = agent(frozenset({"corp/readers", "corp/ops"}), name="b")
    used = [("s3:GetObject", f"{KEY}a")]
    stopped = [("ec2:StopInstances", f"{INSTANCE}i-1")]
    histories = [
        published(1, agent(), asked(READS), used, text=text),
        published(2, both, asked(STOPS), stopped, text=text),
    ]
    alone = agent(frozenset({"corp/ops"}), name="d")
    histories.append(published(3, alone, asked(STOPS), [("ec2:StartInstances", f"{INSTANCE}i-1")], text=text))
    found = suggested(READERS, histories, text=text)
    assert found.grants == 2
    assert effect(found, "ec2:StartInstances", f"{INSTANCE}i-1", agent(name="c")) is Effect.DENY
    assert effect(found, "s3:GetObject", f"{KEY}a", agent(name="c")) is Effect.ALLOW
    assert effect(found, "ec2:StopInstances", f"{INSTANCE}i-1", agent(name="c")) is Effect.REVIEW
    assert effect(found, "s3:GetObject", f"{KEY}a", agent(frozenset())) is Effect.DENY


def test_pol_14_what_the_present_policies_deny_is_not_suggested():
    old = '@id("all") permit (principal, action, resource) when { [true, false].contains(resource.wildcard) };'
    secret = "arn:aws:s3:::reports/secret/pay"
    history = published(
        1, agent(), asked(Permission(("s3:GetObject",), (secret,))), [("s3:GetObject", secret)], text=old
    )
    found = suggested(A, [history])
    assert found.permits == ()
    assert [(each.pair.resource, each.reason) for each in found.uncovered] == [
        (secret, "the present policies deny it, by secret")
    ]


def test_pol_14_calls_that_cannot_be_known_keep_their_permissions():
    both = asked(replace(READS, actions=("s3:GetObject", "s3:GetObjectTagging")), LISTS)
    found = suggested(A, [published(1, agent(), both, [("s3:GetObject", f"{KEY}a")])])
    assert effect(found, "s3:GetObjectTagging", f"{KEY}*") is Effect.ALLOW
    assert "Kept without a call: s3:GetObjectTagging, because CloudTrail logs it only as a data event" in texts(found)
    assert effect(found, "ec2:DescribeImages", "*") is Effect.DENY
    unread = suggested(A, [published(1, agent(), both)], calls_read=False)
    assert effect(unread, "ec2:DescribeImages", "*") is Effect.ALLOW
    assert "CloudTrail's calls were not read" in texts(unread)


@pytest.mark.parametrize(
    ("target", "until", "known"),
    [
        ("prod", "2026-11-27T10:00:30Z", False),
        ("", "2026-11-27T10:00:30Z", False),
        ("prod", "2026-11-27T09:30:00Z", True),
        ("other", "2026-11-27T10:00:30Z", True),
    ],
)
def test_pol_14_calls_of_a_time_without_cloudtrail_keep_their_permissions(target: str, until: str, known: bool):
    lines, calls = published(1, agent(), asked(READS, LISTS), [("s3:GetObject", f"{KEY}a")])
    gap = {"chain": "r-1", "seq": 1, "event": "trail_gap", "outcome": "ended", "target": target, "time": until}
    gap["detail"] = json.dumps({"since": "2026-11-27T09:00:00Z", "until": until})
    found = suggested(A, [([*lines, gap], calls)])
    assert effect(found, "ec2:DescribeImages", "*") is (Effect.DENY if known else Effect.ALLOW)
    assert ("CloudTrail was silent while its grant was open" in texts(found)) is not known


def test_pol_14_a_prefix_is_permitted_after_enough_of_its_keys_and_if_all_of_it_is_answered_alike():
    keys = [("s3:GetObject", f"{KEY}{number}") for number in range(5)]
    history = published(1, agent(), asked(READS), keys)
    narrow, wide = suggested(A, [history], least=6), suggested(A, [history], least=5)
    assert effect(narrow, "s3:GetObject", f"{KEY}new") is Effect.DENY
    assert effect(wide, "s3:GetObject", f"{KEY}new") is Effect.ALLOW
    assert effect(wide, "s3:GetObject", f"{KEY}*") is Effect.DENY  # single keys only
    assert effect(wide, "s3:GetObject", "arn:aws:s3:::reports/2025/new") is Effect.DENY
    assert f"Generalized: 5 resources below {KEY} were used, such as {KEY}0, {KEY}1, {KEY}2." in texts(wide)
    reviewed = '@id("audit") forbid (principal, action, resource) when { resource.arn like "*/2026/audit/*" } unless { context.approvals.contains("owners") };'  # noqa: E501
    assert effect(suggested(A, [history], text=PRESENT + reviewed, least=5), "s3:GetObject", f"{KEY}new") is Effect.DENY


def test_pol_14_the_longest_prefix_with_enough_resources_counts():
    arns = [*(f"{KEY}{month}/{day}" for month in (1, 2) for day in range(2)), "arn:aws:iam::444455556666:role/x"]
    assert wide_prefixes(arns, 2).keys() == {f"{KEY}1/", f"{KEY}2/"}
    assert wide_prefixes(arns, 4).keys() == {KEY}
    tables = [f"arn:aws:dynamodb:eu-west-1:444455556666:table/{number}" for number in range(9)]
    assert wide_prefixes(tables, 2) == {}  # a type of resource is no prefix


def test_pol_14_conditions_limits_and_ways_are_kept():
    lists = Permission(("s3:ListBucket",), ("arn:aws:s3:::reports",), conditions_of({"s3:prefix": ["2026/*"]}))
    used = [("s3:ListBucket", "arn:aws:s3:::reports")]
    written = published(2, agent(), asked(WRITES), [("s3:PutObject", f"{KEY}a")])
    found = suggested(A, [published(1, agent(), asked(lists), used), written])
    assert decided(agent(), asked(lists), found.rules).effect is Effect.ALLOW
    for values in (["2025/*"], ["*"]):
        other = replace(lists, conditions=conditions_of({"s3:prefix": values}))
        assert decided(agent(), asked(other), found.rules).effect is Effect.DENY
    assert effect(found, "s3:ListBucket", "arn:aws:s3:::reports") is Effect.DENY
    assert "@call_limits" not in texts(found)  # they limit calls through the gateway only


def test_pol_14_the_limits_of_calls_through_the_gateway_are_kept():
    through = replace(asked(WRITES), way=Way.GATEWAY)
    found = suggested(A, [published(1, agent(), through, [("s3:PutObject", f"{KEY}a")])])
    assert '@call_limits("items_deleted=20")' in texts(found)


def test_pol_14_grants_that_cannot_be_decided_again_are_counted():
    lines, calls = published(1, agent(), asked(READS), [("s3:GetObject", f"{KEY}a")])
    old = {**lines[0], "detail": json.dumps({**json.loads(lines[0]["detail"]), "decision_inputs": None})}
    log, grants = used_grants(A, [([old], calls), ([{**lines[0], "chain": "g-other", "event": "issue"}], [])])
    assert (grants, log.left_out.total()) == ((), 1)
    log, _ = used_grants(A, [([{**lines[0], "event": "issue"}], calls)])
    assert list(log.left_out) == ["the record of its request was published before the first day"]


HOSTILE = [
    'x"; }); permit (principal, action, resource); //',
    "x\npermit (principal, action, resource);",
    "*/ permit (principal, action, resource); /*",
    "x\r\u2028\u0085permit (principal, action, resource);",
    '\\" }; permit (principal, action, resource); // \u202e',
    "${HOME}\\u{22}) }; permit (principal, action, resource);//",
]


@pytest.mark.parametrize("text", HOSTILE)
def test_pol_14_text_of_agents_stays_text(text: str):
    group = f"corp/{text}"
    who = agent(frozenset({"corp/readers", group}))
    key = KEY + "".join(each for each in text if " " <= each <= "~" and each not in "*?")
    present = PRESENT + f'@id("g") permit (principal in {entity("Group", group)}, action, resource);'
    request = asked(Permission(("s3:GetObject",), (key,)))
    grants = [published(1, who, request, [("s3:GetObject", key)], text=present, reason=text)]
    for scope in (A, SuggestionScope(ScopeKind.GROUP, group), READERS):
        found = suggested(scope, grants, text=present)
        written = file_text(found, scope, PERIOD)
        policies = json.loads(cedarpy.policies_to_json_str(written))["staticPolicies"]
        assert len(policies) == len(found.permits) == 1
        assert all(each["principal"]["op"] != "All" and each["conditions"] for each in policies.values())
        for each in written.splitlines():
            assert each.isprintable()
        for stranger in (agent(frozenset({"corp/others"}), name="z"), agent(frozenset(), name="y")):
            for action, arn in (("s3:GetObject", f"{KEY}a"), ("s3:GetObject", key), ("iam:CreateUser", "*")):
                asking = asked(Permission((action,), (arn,)))
                assert decided(stranger, asking, rules(written + FORBIDS)).effect is Effect.DENY
        assert decided(who, request, rules(written + FORBIDS)).effect is Effect.ALLOW


OBJECTS = [f"{KEY}{name}" for name in "abc"]
UNIVERSE = [
    *(("s3:GetObject", arn) for arn in OBJECTS),
    *(("s3:PutObject", arn) for arn in OBJECTS[:2]),
    *((action, f"{INSTANCE}{name}") for action in STOPS.actions for name in ("i-1", "i-2")),
    *((action, "*") for action in LISTS.actions),
]
requests = st.builds(
    lambda permissions, seconds, target, human: (
        agent(human=human),
        asked(*permissions, seconds=seconds, target=target),
    ),
    permissions=st.lists(st.sampled_from([READS, WRITES, STOPS, LISTS]), min_size=1, max_size=3, unique=True),
    seconds=st.sampled_from([60, 300, 600, 900, 3600]),
    target=st.sampled_from(sorted(TARGETS)),
    human=st.sampled_from([None, identity("corp.alice")]),
)


def granted(request: AccessRequest, action: str, arn: str) -> bool:
    return any(
        action in each.actions and any(covers_arn(outer, arn) for outer in each.resources)
        for each in request.permissions
    )


@settings(max_examples=examples(60), deadline=None)
@given(made=st.lists(st.tuples(requests, st.sets(st.sampled_from(UNIVERSE))), min_size=1, max_size=5))
def test_pol_14_for_any_history_the_used_is_allowed_and_the_unused_denied(made: Any):
    histories, used = [], []
    for number, ((who, request), chosen) in enumerate(made):
        real = sorted(each for each in chosen if granted(request, *each))
        histories.append(published(number, who, request, real))
        used += [(who, request, *each) for each in real]
    _, grants = used_grants(A, histories)
    found = suggested(A, histories)
    assert (found.checked.denied, found.checked.less_reviewed, found.uncovered) == ((), (), ())
    present = rules(PRESENT)
    for who, request, action, arn in used:
        one = replace(request, permissions=(Permission((action,), (arn,)),))
        now, then = decided(who, one, found.rules), decided(who, one, present)
        assert now.effect is not Effect.DENY
        assert now.effect is Effect.REVIEW or then.effect is Effect.ALLOW
    kept: dict[tuple[str, bool, str, str], int] = {}
    for each in grants:
        who, request = each.recorded.principal, each.recorded.request
        for one in each.kept:
            key = (request.target, who.human is not None, one.pair.action, one.pair.resource)
            kept[key] = max(kept.get(key, 0), request.duration_seconds)
    for target in TARGETS if found.rules else ():
        for human in (None, identity("corp.alice")):
            for action, arn in UNIVERSE:
                longest = max(
                    (most for (at, by, name, outer), most in kept.items()
                     if (at, by, name) == (target, bool(human), action) and covers_arn(outer, arn)), default=0,
                )  # fmt: skip
                request = asked(Permission((action,), (arn,)), seconds=longest or 60, target=target)
                who = agent(human=human)
                wanted = {Effect.ALLOW, Effect.REVIEW} if longest else {Effect.DENY}
                assert decided(who, request, found.rules).effect in wanted, (target, human, action, arn, longest)


def test_pol_02_half_a_surrogate_pair_is_no_literal():
    assert literal("a\u00e9") == '"a\\u{e9}"'
    with pytest.raises(ValueError, match="surrogate"):
        literal("a\ud800")


@settings(max_examples=examples(200))
@given(st.text(st.characters(exclude_categories=["Cs"]), max_size=6))
@example("a\x7f\x85 \u2028 \ufffe\U0001f600\U000e0001\x1b[2J")
def test_pol_14_a_case_holds_every_text_of_a_request_unchanged(text: str):
    """A claim with a control character made the whole table unreadable."""
    case = {"name": text, "claims": {"team": [text]}, "seconds": "300"}
    assert yaml.load(f"cases:\n{_case_text(case)}", yaml.BaseLoader) == {"cases": [case]}  # noqa: S506 - makes only texts
