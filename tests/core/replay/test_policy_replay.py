"""Recorded requests are decided again exactly as a request with the same inputs would be (row POL 14)."""

import json
from collections import Counter
from contextlib import suppress
from dataclasses import replace
from functools import cache
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from jitney import resources
from jitney.core.access.conditions import conditions_of
from jitney.core.access.decision import Decision, Effect
from jitney.core.access.request import AccessRequest, Permission, Way
from jitney.core.config import Limits, Policies
from jitney.core.identity.principal import Principal
from jitney.core.identity.requester import Requester
from jitney.core.policy.cedar import PolicySet
from jitney.core.policy.decide import decide
from jitney.core.policy.decision_inputs import DecisionInputs, UnreadableInputs
from jitney.core.policy.policy_tests import CaseContext
from jitney.core.policy.risks import HeldActions
from jitney.core.policy.time_windows import WindowTimes
from jitney.core.problems import Problem
from jitney.core.records.audit import AuditEvent, Origin, Outcome, chain_record, principal_record, request_members
from jitney.core.replay.policy_replay import PolicyReplay, ReplayedAnswer, decide_again
from jitney.core.replay.recorded_requests import DecisionLines, NotReplayable, recorded_request
from jitney.core.report.published_lines import parse_record
from jitney.core.stored_identity import name_of
from jitney.core.target_config import Target
from jitney.core.time_window_config import TimeWindow
from tests.core.policy.conftest import NO_WINDOWS
from tests.examples import examples
from tests.fakes import ACTIONS
from tests.identities import identity

OLD = """
@id("read") permit (principal in Jitney::Group::"corp/readers", action in Jitney::Action::"ReadOnly", resource)
when { context.durationSeconds <= 600 && [true, false].contains(resource.wildcard) };
@id("write") @approval("owners") permit (principal, action in Jitney::Action::"Mutating", resource)
when { context.approvals.contains("owners") && context.service != "iam" };
@id("no-escalation") forbid (principal, action, resource) when { context.risks.contains("EscalationCombination") };
"""
NEW = """
@id("read") permit (principal in Jitney::Group::"corp/readers", action in Jitney::Action::"ReadOnly", resource)
when { context.durationSeconds <= 300 && [true, false].contains(resource.wildcard) };
@id("write") @approval("owners") permit (principal in Jitney::Group::"corp/writers",
    action in Jitney::Action::"Mutating", resource) when { context.approvals.contains("owners") };
@id("level") forbid (principal, action, resource in Jitney::Target::"prod")
when { principal.hasTag("level") && principal.getTag("level").long > 3 };
@id("night") forbid (principal, action, resource) when { principal.hasTag("night") && principal.getTag("night").bool };
@id("teams") forbid (principal, action, resource)
when { principal.hasTag("teams") && principal.getTag("teams").strings.contains("blue") };
@id("no-human") forbid (principal, action, resource) when { context.onBehalfOfHuman && context.service == "dynamodb" };
@id("lists") forbid (principal, action, resource)
when { context.call.hasTag("s3:prefix") && context.call.getTag("s3:prefix").string like "secret/*" };
@id("gateway") forbid (principal, action, resource) when { context.way == "gateway" && context.reveal };
@id("no-escalation") forbid (principal, action, resource) when { context.risks.contains("EscalationCombination") }
unless { context.target == "dev" };
"""
TARGETS = {
    name: Target(name, account, f"arn:aws:iam::{account}:role/x", "x", "eu-west-1", 3600, {})
    for name, account in (("prod", "444455556666"), ("dev", "777788889999"))
}
LIMITS = Limits(
    min_duration_seconds=60,
    max_duration_seconds=3600,
    max_body_bytes=65536,
    max_pairs=200,
    review_seconds=3600,
    ungranted_requests_per_minute=30,
)
READS = Permission(("s3:Get*",), ("arn:aws:s3:::reports/2026/*",))
PERMISSIONS = (
    READS,
    Permission(("s3:GetObject",), ("arn:aws:s3:::reports/a",)),
    Permission(("s3:ListBucket",), ("arn:aws:s3:::reports",), conditions_of({"s3:prefix": ["secret/a"]})),
    Permission(("s3:PutObject", "s3:DeleteObject"), ("arn:aws:s3:::reports/a",)),
    Permission(("dynamodb:GetItem",), ("arn:aws:dynamodb:eu-west-1:444455556666:table/orders",)),
    Permission(("iam:PassRole",), ("arn:aws:iam::444455556666:role/x",)),
    Permission(
        ("lambda:CreateFunction", "lambda:InvokeFunction"), ("arn:aws:lambda:eu-west-1:444455556666:function:x",)
    ),
)
HELD = ((), (HeldActions("g-other", frozenset({"iam:PassRole"})),))


@cache
def context(text: str) -> CaseContext:
    loaded = PolicySet.load(Policies(text, resources.SCHEMA.read_text("utf-8"), "v"))
    return CaseContext(loaded, ACTIONS, TARGETS, LIMITS, frozenset({"owners"}))


def agent(groups: frozenset[str] = frozenset({"corp/readers"}), **members: Any) -> Principal:
    name = members.pop("name", "a")
    members = {"kind": "agent", "human": None, "tags": (), **members}
    return Principal("https://idp", "corp", name, groups=groups, display=name, source_identity=f"corp.{name}",
                     unit=f"corp.{name}", **members)  # fmt: skip


def asked(*permissions: Permission, seconds: int = 300, target: str = "prod", **members: Any) -> AccessRequest:
    return AccessRequest(target, permissions or (READS,), seconds, "because", "T-1", **members)


def decided(who: Principal, request: AccessRequest, held: Any, text: str) -> Decision:
    rules, target = context(text), TARGETS[request.target]
    return decide(
        who, request, target, rules.policy_set, ACTIONS, LIMITS, rules.reviewers, (), lambda _: held, windows=NO_WINDOWS
    )


def line(who: Principal, request: AccessRequest, held: Any = (), text: str = OLD, chain: str = "r-1") -> dict[str, Any]:
    """Return the published line of a request's record, as the handlers write it."""
    decision = decided(who, request, held, text)
    requester = Requester("a", (), who.subject, who.issuer, who.unit, who.source_identity, name_of(who.human), "")
    members = request_members(request, TARGETS[request.target], decision, requester)
    members["detail"] |= DecisionInputs.of(decision, who).detail()
    policies = tuple(sorted({reason.policy for reason in decision.reasons}))
    outcome = {"allow": Outcome.ALLOWED, "review": Outcome.REVIEW, "deny": Outcome.DENIED}[decision.effect]
    record = principal_record(AuditEvent.REQUEST, outcome, who, Origin(), 0, policies=policies, **members)
    return json.loads(chain_record(record, chain).text)


def replay(*lines: dict[str, Any], text: str = NEW, **more: Any) -> PolicyReplay:
    replayed = PolicyReplay(context(text), **more)
    for each in lines:
        replayed.add(each)
    return replayed


def with_detail(written: dict[str, Any], **members: Any) -> dict[str, Any]:
    """Return the line with changed members of its detail. None removes a member."""
    detail = {**json.loads(written["detail"]), **members}
    return {**written, "detail": json.dumps({name: value for name, value in detail.items() if value is not None})}


agents = st.builds(
    agent,
    groups=st.frozensets(st.sampled_from(["corp/readers", "corp/writers", "corp/others"])),
    kind=st.sampled_from(["agent", "human"]),
    human=st.sampled_from([None, identity("corp.alice")]),
    name=st.sampled_from(["a", "b"]),
    tags=st.lists(
        st.sampled_from([("level", 3), ("level", 4), ("night", True), ("night", False), ("teams", ("red", "blue"))]),
        unique_by=lambda tag: tag[0],
    ).map(lambda tags: tuple(sorted(tags))),
)
requests = st.builds(
    lambda permissions, seconds, target, way, reveal: asked(
        *permissions, seconds=seconds, target=target, way=way, reveal=reveal and way is Way.GATEWAY
    ),
    permissions=st.lists(st.sampled_from(PERMISSIONS), min_size=1, max_size=2, unique=True),
    seconds=st.sampled_from([60, 300, 301, 601, 3601]),
    target=st.sampled_from(sorted(TARGETS)),
    way=st.sampled_from(list(Way)),
    reveal=st.booleans(),
)


def test_pol_14_the_inputs_of_a_decision_keep_its_time_windows():
    text = OLD + '@id("freeze") forbid (principal, action, resource) when { context.timeWindows.contains("freeze") };'
    freeze, who, target = TimeWindow("UTC", (), ((200, 250),)), agent(), TARGETS["prod"]

    def inputs(seconds: int, policies: str = text) -> dict[str, Any]:
        rules, at = context(policies), WindowTimes.at({"freeze": freeze}, 0)
        limits = ACTIONS, LIMITS, rules.reviewers
        decision = decide(who, asked(seconds=seconds), target, rules.policy_set, *limits, windows=at)
        return DecisionInputs.of(decision, who).detail()

    assert inputs(300)["decision_inputs"]["time_windows"] == [[], ["freeze"]]
    assert inputs(200)["decision_inputs"]["time_windows"] == [[]]
    assert "time_windows" not in inputs(300, OLD)["decision_inputs"]
    assert DecisionInputs.read(inputs(300)).time_windows == (frozenset(), frozenset({"freeze"}))
    for damaged in ("freeze", ["freeze"], [["freeze", 1]]):
        detail = inputs(300)
        detail["decision_inputs"]["time_windows"] = damaged
        with pytest.raises(UnreadableInputs, match="damaged"):
            DecisionInputs.read(detail)


@settings(max_examples=examples(100), deadline=None)
@given(made=st.lists(st.tuples(agents, requests, st.sampled_from(HELD)), min_size=1, max_size=6))
def test_pol_14_a_replay_is_equal_to_deciding_each_request_again(made: Any):
    lines, expected = [], []
    for number, (who, request, held) in enumerate(made):
        with suppress(Problem):  # a request that is refused before a decision has no record
            lines.append(line(who, request, held, chain=f"r-{number}"))
            expected.append(ReplayedAnswer.of(decided(who, request, held, NEW)))
    again = [decide_again(recorded_request(parse_record(each)), context(NEW)) for each in lines]
    assert [ReplayedAnswer.of(each) for each in again] == expected
    # Together, equal ones are decided once. Alone, each is decided.
    replayed, alone = replay(*lines), [replay(each) for each in lines]
    assert replayed.effects == sum((each.effects for each in alone), Counter())
    assert replayed.changed == [change for each in alone for change in each.changed]
    assert replayed.other_policies == sum(each.other_policies for each in alone)
    assert Counter(after for _, after in replayed.effects.elements()) == Counter(each.effect for each in expected)
    assert (replayed.replayed, replayed.left_out) == (len(lines), {})


def test_pol_14_the_policies_of_the_record_change_nothing():
    lines = [line(agent(name=name), asked(each), chain=f"r-{name}{n}") for n, each in enumerate(PERMISSIONS)
             for name in "ab"]  # fmt: skip
    replayed = replay(*lines, *lines, text=OLD)
    assert (replayed.replayed, replayed.distinct, replayed.changed, replayed.other_policies) == (14, 7, [], 0)


def test_pol_14_each_change_says_what_was_and_what_would_be():
    replayed = replay(line(agent(), asked(seconds=600)), line(agent(), asked(PERMISSIONS[3]), chain="r-2"))
    assert [(each.before.effect, each.after.effect, each.after.policies) for each in replayed.changed] == [
        ("allow", "deny", ("builtin:no-permit",)),
        ("review", "deny", ("builtin:no-permit",)),
    ]


def test_pol_14_other_grants_count_as_they_did():
    function = asked(PERMISSIONS[6])
    writer = agent(frozenset({"corp/writers"}))
    replayed = replay(line(writer, function, HELD[0]), line(writer, function, HELD[1], chain="r-2"))
    assert [(each.recorded.chain, each.after.policies) for each in replayed.changed] == []
    assert replayed.effects == {("review", "review"): 1, ("deny", "deny"): 1}
    unread = with_detail(line(writer, function), decision_inputs={"version": 1, "effect": "review", "kind": "agent"})
    assert list(replay(unread).left_out) == [
        "it would need the agent's other grants at that time, which its decision did not read"
    ]


GOOD = line(agent(), asked())
INPUTS = json.loads(GOOD["detail"])["decision_inputs"]


@pytest.mark.parametrize(
    ("written", "reason"),
    [
        (with_detail(GOOD, decision_inputs=None), "an older version of Jitney wrote the record"),
        (with_detail(GOOD, decision_inputs={**INPUTS, "version": 2}), "its inputs have version 2"),
        (with_detail(GOOD, decision_inputs={**INPUTS, "effect": "maybe"}), "inputs of the decision are damaged"),
        (with_detail(GOOD, decision_inputs={**INPUTS, "kind": "robot"}), "inputs of the decision are damaged"),
        (with_detail(GOOD, decision_inputs={**INPUTS, "groups": "corp/readers"}), "inputs of the decision are damaged"),
        (
            with_detail(GOOD, decision_inputs={**INPUTS, "claims": {"a": {"b": "c"}}}),
            "inputs of the decision are damaged",
        ),
        (with_detail(GOOD, decision_inputs={**INPUTS, "claims": {"a": "b"}, "claim_types": {"a": "long"}}), "damaged"),
        (with_detail(GOOD, decision_inputs={**INPUTS, "version": "1"}), "inputs of the decision are damaged"),
        (with_detail(GOOD, decision_inputs={**INPUTS, "held": {}}), "inputs of the decision are damaged"),
        (with_detail(GOOD, decision_inputs={**INPUTS, "held": [[7]]}), "inputs of the decision are damaged"),
        (with_detail(GOOD, decision_inputs={**INPUTS, "earlier_approvals": {}}), "inputs of the decision are damaged"),
        (with_detail(GOOD, reveal="yes"), "detail is damaged"),
        (with_detail(GOOD, action_table=7), "detail is damaged"),
        ({**GOOD, "detail": "[]"}, "detail is damaged"),
        (with_detail(GOOD, decision_inputs=[]), "inputs of the decision are damaged"),
        (with_detail(GOOD, call={"id": "x"}), "one call through the gateway"),
        (with_detail(GOOD, permissions=[{"actions": ["s3:GetObject"], "resources": 7}]), "permissions are damaged"),
        (with_detail(GOOD, permissions=[]), "permissions are damaged"),
        (with_detail(GOOD, way="pigeon"), "detail is damaged"),
        (with_detail(GOOD, access_profile="x"), "access profile is damaged"),
        ({**GOOD, "detail": "{"}, "detail is damaged"),
        ({**GOOD, "target": "gone"}, "no target gone"),
        ({**GOOD, "account": "999999999999"}, "was in account 999999999999"),
    ],
)
def test_pol_14_a_record_without_all_inputs_is_counted_and_never_guessed(written: dict[str, Any], reason: str):
    replayed = replay(written)
    assert (replayed.replayed, replayed.changed, replayed.left_out.total()) == (0, [], 1)
    assert reason in next(iter(replayed.left_out))


TOKEN = ".".join(("eyJhbGciOiJSUzI1NiJ9", "eyJzdWIiOiJhIn0" * 3, "c2lnbmF0dXJl" * 4))


@pytest.mark.parametrize("tag", [("password", "hunter2-hunter2"), ("api_key", "k9Zq1Lw84"), ("note", TOKEN)])
def test_pol_14_a_secret_in_a_claim_is_masked_and_its_mask_never_taken_for_the_value(tag: Any):
    written = line(agent(tags=(tag,)), asked())
    assert tag[1] not in json.dumps(written)
    assert list(replay(written).left_out) == ["a value that the decision saw is masked in the record"]


def test_pol_14_lines_about_other_things_count_for_nothing():
    refused = {**GOOD, "policies": [], "outcome": "refused"}
    preview = {**GOOD, "event": "preview"}
    others = ({**GOOD, "event": "vote"}, refused, {**GOOD, "outcome": "failed"}, preview)
    assert replay(*others).replayed == 0
    assert replay(*others).left_out == {}
    assert replay(preview, decisions=DecisionLines(dry_runs=True)).replayed == 1
    assert replay({"chain": "x"}).decisions.unreadable == 1
    assert replay(GOOD, GOOD).replayed == 1


def test_pol_14_a_changed_action_table_is_counted():
    other = with_detail(GOOD, action_table="older")
    assert (replay(GOOD).other_tables, replay(other).other_tables) == (0, 1)


def test_pol_14_a_request_that_is_refused_now_is_not_replayable():
    tight = replace(context(NEW), limits=replace(LIMITS, max_pairs=1))
    with pytest.raises(NotReplayable, match="request_invalid"):
        decide_again(recorded_request(parse_record(GOOD)), tight)


AGAIN = """
@id("again") permit (principal, action, resource)
when { context.approvals.contains("owners") || context.earlierApprovals.contains("owners") };
"""


@pytest.mark.parametrize(
    ("earlier", "effects"),
    [
        (["owners"], {(Effect.REVIEW, Effect.ALLOW): 1}),
        ([], {(Effect.REVIEW, Effect.REVIEW): 1}),
        (None, {}),
    ],
)
def test_rev_11_a_request_is_replayed_with_the_earlier_approvals_that_its_decision_saw(earlier, effects):
    written = line(agent(), asked(Permission(("s3:PutObject",), ("arn:aws:s3:::b/a",))), text=AGAIN)
    inputs = json.loads(written["detail"])["decision_inputs"]
    assert inputs["earlier_approvals"] == []
    recorded = {name: value for name, value in inputs.items() if name != "earlier_approvals"}
    recorded |= {} if earlier is None else {"earlier_approvals": earlier}
    replayed = replay(with_detail(written, decision_inputs=recorded), text=AGAIN)
    assert dict(replayed.effects) == effects
    assert list(replayed.left_out) == (
        [] if earlier is not None else ["it would need the agent's earlier approvals, which its decision did not read"]
    )
