"""The shadow policies decide for records only: they change no answer, and no error of theirs does (row POL 14)."""

import json
from collections.abc import Callable
from dataclasses import replace
from typing import Any

import pytest

from jitney.core.config import Policies
from jitney.core.policy import shadow as shadow_module
from jitney.core.policy.shadow import ShadowPolicies
from jitney.core.replay.recorded_requests import DecisionLines
from jitney.core.replay.shadow_log import DAMAGED, ShadowLog
from jitney.handlers.decisions import preview_decision
from jitney.handlers.grants import create_grant
from tests.handlers.conftest import POLICIES, REQUEST_BODY, WRITE, System, configuration

ALL = '@id("all") permit (principal, action, resource) when { [true, false].contains(resource.wildcard) };'
NONE = '@id("none") permit (principal, action, resource) when { context.service == "nothing" };'
OTHERS = POLICIES.replace('"read"', '"also-read"')
ASK = """
@id("ask") permit (principal, action, resource)
when { context.approvals.contains("owners") && [true, false].contains(resource.wildcard) };
"""
ESCALATION = """
@id("no-escalation") forbid (principal, action, resource) when { context.risks.contains("EscalationCombination") };
"""
# Strict validation cannot know that the sum overflows.
BROKEN = (
    ALL
    + """
@id("overflow") forbid (principal, action, resource)
when { context.durationSeconds + 9223372036854775807 > 0 };
"""
)
SECRET = [{"actions": ["s3:GetObject"], "resources": ["arn:aws:s3:::reports/secret/*"]}]
BODIES = [
    REQUEST_BODY,
    {**REQUEST_BODY, "permissions": WRITE},
    {**REQUEST_BODY, "permissions": SECRET},
    {**REQUEST_BODY, "duration_seconds": 3600},
    {**REQUEST_BODY, "way": "gateway"},
]


def with_shadow(text: str) -> System:
    active = configuration()
    return System(config=replace(active, shadow_policies=Policies(text, active.policies.schema, "shadow-v2")))


def shadows(system: System) -> list[Any]:
    """Return what the records of decisions say about the shadow."""
    details = [json.loads(each["detail"]) for each in system.records() if each["event"] in ("request", "preview")]
    return [each.get("shadow") for each in details]


def without_shadow(system: System) -> list[dict[str, Any]]:
    """Return the records without what the shadow adds, and so without their hashes."""
    records = [{**each, "detail": json.loads(each["detail"])} for each in system.records()]
    for each in records:
        each["detail"].pop("shadow", None)
    return [{name: each[name] for name in each.keys() - {"hash", "prev"}} for each in records]


def answers(system: System) -> list[Any]:
    return [system.call(route, body) for route in (create_grant, preview_decision) for body in BODIES]


@pytest.mark.parametrize("text", [ALL, NONE, OTHERS, BROKEN, "no policy at all", ""], ids=lambda text: text[:12])
def test_pol_14_a_shadow_changes_no_answer_and_no_agent_sees_it(text: str, system: System):
    shadowed = with_shadow(text)
    found, expected = answers(shadowed), answers(system)
    assert found == expected
    assert [status for status, _, _ in found[:3]] == [201, 202, 403]
    said = json.dumps(found)
    assert "shadow" not in said
    assert not any(name in said for name in ('"all"', '"none"', "also-read", "overflow"))
    assert without_shadow(shadowed) == without_shadow(system)
    assert len(shadows(shadowed)) == len(BODIES) * 2
    assert all(each["policy_version"] == "shadow-v2" for each in shadows(shadowed))
    assert shadows(system) == [None] * len(BODIES) * 2


def test_pol_14_a_shadow_that_allows_grants_nothing(system: System):
    """The attack: a shadow that permits everything, and a request for what the active policies deny."""
    shadowed = with_shadow(ALL)
    status, body, _ = shadowed.call(create_grant, BODIES[2])
    assert (status, body["code"]) == (403, "denied")
    assert shadowed.sessions.__dict__ == system.sessions.__dict__  # no session was issued
    assert shadowed.store.grants == system.store.grants
    assert shadows(shadowed) == [{"policy_version": "shadow-v2", "effect": "allow", "policies": ["all"]}]


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        (POLICIES, {}),
        (OTHERS, {}),  # other policies with the same answer are no difference
        (NONE, {"effect": "deny", "policies": ["builtin:no-permit"]}),
        (BROKEN, {"effect": "deny", "policies": ["builtin:policy-error"]}),
        (
            ASK,
            {"effect": "review", "policies": ["ask"], "reviews": [["owners"]]},
        ),
        ("no policy at all", {"error": "ValueError"}),
        ('@id("x") permit (principal, action, resource) when { context.nothing };', {"error": "InvalidPolicies"}),
    ],
)  # fmt: skip
def test_pol_14_the_record_has_the_shadows_answer_only_if_it_differs(text: str, expected: Any):
    system = with_shadow(text)
    assert system.call(create_grant, REQUEST_BODY)[0] == 201
    assert shadows(system) == [{"policy_version": "shadow-v2", **expected}]


class Panic(BaseException):
    """As Cedar's panics: no Exception."""


@pytest.mark.parametrize("error", [Panic, MemoryError, RecursionError, ZeroDivisionError])
def test_pol_14_an_error_while_the_shadow_decides_fails_no_request(error: type, monkeypatch: pytest.MonkeyPatch):
    def fails(*_arguments: Any, **_options: Any) -> None:
        raise error

    monkeypatch.setattr(shadow_module, "decide", fails)
    system = with_shadow(ALL)
    assert system.call(create_grant, REQUEST_BODY)[0] == 201
    assert shadows(system) == [{"policy_version": "shadow-v2", "error": error.__name__}]


def test_pol_14_what_ends_the_process_is_no_error_of_the_shadow(monkeypatch: pytest.MonkeyPatch):
    def stopped(_source: Any) -> None:
        raise KeyboardInterrupt

    monkeypatch.setattr(shadow_module.PolicySet, "load", stopped)
    with pytest.raises(KeyboardInterrupt):
        ShadowPolicies.load(configuration().policies)


def test_pol_14_the_shadow_counts_other_grants_as_the_active_policies_do():
    text = ALL + ESCALATION
    active = configuration(
        '@id("active") permit (principal, action, resource) when { [true, false].contains(resource.wildcard) };'
    )
    system = System(config=replace(active, shadow_policies=Policies(text, active.policies.schema, "shadow-v2")))
    for action, arn in (
        ("iam:PassRole", "arn:aws:iam::444455556666:role/admin"),
        ("lambda:CreateFunction", "arn:aws:lambda:eu-west-1:444455556666:function:f"),
    ):
        permissions = [{"actions": [action], "resources": [arn]}]
        assert system.call(create_grant, {**REQUEST_BODY, "permissions": permissions})[0] == 201
    assert [each.get("effect") for each in shadows(system)] == [None, "deny"]


def counted(system: System, change: Callable[[dict[str, Any]], Any] = lambda shadow: shadow) -> ShadowLog:
    log = ShadowLog(DecisionLines(dry_runs=True))
    for record in system.records():
        detail = json.loads(record["detail"])
        if "shadow" in detail:
            detail["shadow"] = change(detail["shadow"])
        log.add({**record, "detail": json.dumps(detail)})
        log.add({**record, "detail": json.dumps(detail)})  # delivered twice
    return log


def test_pol_14_the_differences_are_counted_and_listed():
    system = with_shadow(NONE)
    answers(system)
    log = counted(system)
    assert (log.compared, log.versions, log.errors, log.without) == (10, {"shadow-v2": 10}, {}, 0)
    assert log.effects == {("allow", "deny"): 4, ("review", "deny"): 2}
    first = log.differences[0]
    assert (first.before.policies, first.after.policies) == (("read",), ("builtin:no-permit",))
    assert counted(with_shadow("broken")).compared == 0


@pytest.mark.parametrize(
    "damaged",
    [7, [], {}, {"policy_version": 7}, {"policy_version": "v", "effect": "maybe"},
     {"policy_version": "v", "effect": "deny", "policies": 7}, {"policy_version": "v", "effect": "deny", "reviews": 7}],
)  # fmt: skip
def test_pol_14_a_damaged_answer_of_the_shadow_is_counted_and_never_guessed(damaged: Any):
    system = with_shadow(NONE)
    system.call(create_grant, REQUEST_BODY)
    log = counted(system, lambda _shadow: damaged)
    assert (log.differences, log.errors) == ([], {DAMAGED: 1})
