"""GET /v1/targets: what a caller could request, and nothing about what it could not (CLI 5)."""

import json
from dataclasses import replace
from typing import Any

import pytest

from jitney.client.api.permitted_targets import ApiPermittedTargets
from jitney.client.terminal.screen import Screen
from jitney.core.config import Policies
from jitney.core.policy.cedar import PolicySet
from jitney.handlers.caller import visible_targets
from jitney.handlers.decisions import preview_decision
from jitney.handlers.permitted_targets import list_targets
from jitney.handlers.suspensions import suspend
from tests.core.identity import minting
from tests.handlers.conftest import POLICIES, ROOT, System, configuration

OWN = POLICIES.replace('"Write", resource)', '"Write", resource in Jitney::Target::"analytics-prod")')
OTHERS = """
@id("payroll") permit (principal in Jitney::Group::"corp/payroll", action, resource in Jitney::Target::"payroll-prod")
when { resource.arn like "arn:aws:s3:::payroll/*" };
"""


@pytest.fixture(autouse=True)
def nothing_evaluated() -> None:
    """Forget what other tests with the same policies evaluated."""
    visible_targets._evaluated.cache_clear()


def system_of(policies: str = OWN + OTHERS, **limits: int) -> System:
    """Return a system with a second target, on which policies permit the agent nothing."""
    config = configuration(policies)
    known = config.targets["analytics-prod"]
    more = replace(known, alias="payroll-prod", account="111122223333")
    targets = {each.alias: each for each in (known, more)}
    return System(config=replace(config, targets=targets, limits=replace(config.limits, **limits)))


def listed(system: System, **more: Any) -> dict[str, Any]:
    status, body, _ = system.call(list_targets, **more)
    assert status == 200
    return body


def test_cli_05_a_caller_sees_itself_and_its_targets():
    body = listed(system_of())
    assert body["caller"] == {
        "principal": "corp.reader-agent",
        "groups": ["corp/data-readers"],
        "human": None,
        "claims": {},
    }
    (target,) = body["targets"]
    assert (target["target"], target["account"], target["regions"]) == ("analytics-prod", "444455556666", ["eu-west-1"])
    effects = {
        each["access_level"]: (each["effect"], each["reviews"], each["max_seconds"]) for each in target["access"]
    }
    assert effects == {
        "List": ("allow", [], 1800),
        "Read": ("allow", [], 1800),
        "Write": ("review", [["owners"]], 3600),
    }
    assert "fix" not in body


def test_cli_05_the_tickets_that_a_target_accepts_are_listed():
    system = system_of()
    assert listed(system)["targets"][0]["ticket_patterns"] == []
    config = system.ports.config
    named = {alias: replace(each, ticket_patterns=("OPS-*", "CHG-*")) for alias, each in config.targets.items()}
    system.ports.config = replace(config, targets=named)
    assert listed(system)["targets"][0]["ticket_patterns"] == ["OPS-*", "CHG-*"]


def test_cli_05_targets_are_listed_under_a_limit_of_cents_an_hour():
    """The limits are part of the key under which a process keeps what it found."""
    system = system_of()
    config = system.ports.config
    system.ports.config = replace(config, limits=replace(config.limits, hourly_prices={"t3.micro": 10_400}))
    assert listed(system)["targets"]


def test_cli_05_a_forbidden_target_is_like_none():
    """The bytes of the answer are the same whether the forbidden target exists or not."""
    with_it, without = system_of(), System(config=configuration(OWN + OTHERS))
    assert json.dumps(listed(with_it)) == json.dumps(listed(without))
    assert "payroll" not in json.dumps(listed(with_it))


def test_cli_05_rules_for_others_and_forbidden_names_are_not_listed():
    body = json.dumps(listed(system_of(OWN + OTHERS.replace("payroll-prod", "analytics-prod"))))
    assert "payroll" not in body
    assert "secret" not in body  # named by a forbid


def test_cli_05_without_any_permit_the_answer_says_what_to_do():
    body = listed(system_of(OTHERS))
    assert body["targets"] == []
    assert "corp.reader-agent" in body["fix"]
    assert "corp/data-readers" in body["fix"]
    assert "platform engineer" in body["fix"]


def test_pol_09_each_list_counts_as_a_dry_run_and_is_on_record():
    system = system_of(ungranted_requests_per_minute=2)
    listed(system)
    assert system.call(list_targets)[0] == 200
    status, body, headers = system.call(list_targets)
    assert (status, body["code"], headers["Retry-After"]) == (429, "rate_limited", "60")
    assert system.call(preview_decision, {})[1]["code"] == "rate_limited"
    records = [each for each in system.records() if each["event"] == "target_list" and each["outcome"] == "allowed"]
    assert [json.loads(each["detail"]) for each in records] == [{"targets": ["analytics-prod"]}] * 2


def test_id_05_without_a_valid_token_nothing_is_listed():
    status, body, _ = system_of().call(list_targets, token="not.a.token")
    assert (status, body["code"]) == (401, "token_malformed")


def test_end_08_a_suspended_target_is_marked():
    system = system_of()
    operator = minting.token(sub="operator", groups=["security"])
    body = {"kind": "target", "name": "analytics-prod", "reason": "An incident."}
    assert system.call(suspend, body, token=operator)[0] == 201
    assert [each["suspended"] for each in listed(system)["targets"]] == [True]


def test_cli_05_one_call_evaluates_for_a_bounded_time(monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(visible_targets, "MAX_MILLISECONDS", 0)
    system = system_of(OWN + '@id("all") permit (principal, action == Jitney::Action::"List", resource);')
    first = listed(system)
    assert [each["target"] for each in first["targets"]] == ["analytics-prod"]
    assert "Repeat the request" in first["fix"]
    second = listed(system)
    assert [each["target"] for each in second["targets"]] == ["analytics-prod", "payroll-prod"]
    assert "fix" not in second


def test_cli_05_targets_without_a_permit_count_for_the_time_too(monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(visible_targets, "MAX_MILLISECONDS", 0)
    system = system_of(OWN)
    assert "fix" in listed(system)
    assert "fix" not in listed(system)


def test_cli_05_an_unfinished_evaluation_does_not_say_that_there_is_another_target(monkeypatch: pytest.MonkeyPatch):
    """A target that a permit has in its scope, and a forbid closes, takes time to evaluate."""
    monkeypatch.setattr(visible_targets, "MAX_MILLISECONDS", 0)
    closed = '@id("no") forbid (principal, action, resource in Jitney::Target::"payroll-prod");'
    system = system_of(OWN + '@id("all") permit (principal, action == Jitney::Action::"List", resource);' + closed)
    assert "may find more targets" in listed(system)["fix"]
    again = listed(system)
    assert ([each["target"] for each in again["targets"]], "fix" in again) == (["analytics-prod"], False)


def test_cli_05_other_groups_get_other_answers_from_a_warm_function():
    system = system_of()
    assert [each["target"] for each in listed(system)["targets"]] == ["analytics-prod"]
    payroll = minting.token(sub="payroll-agent", groups=["payroll"])
    assert [each["target"] for each in listed(system, token=payroll)["targets"]] == ["payroll-prod"]


def test_cli_05_changed_policies_give_changed_answers():
    system = system_of()
    listed(system)
    source = Policies(OTHERS, system.ports.config.policies.schema, "v2")
    system.ports.__dict__ |= {
        "config": replace(system.ports.config, policies=source),
        "policies": PolicySet.load(source),
    }
    assert listed(system)["targets"] == []


def test_cli_05_the_page_shows_what_the_sample_policies_give(capsys: pytest.CaptureFixture[str]):
    text = "\n".join(path.read_text("utf-8") for path in sorted((ROOT / "policies").glob("*.cedar")))
    config = configuration(text.replace('"local/', '"corp/'))
    system = System(config=replace(config, reviewers={"data-owners": config.reviewers["owners"]}))
    body = listed(system, token=minting.token(groups=["data-readers", "data-writers"]))
    capsys.readouterr()
    Screen().targets(ApiPermittedTargets.read(body))
    page = (ROOT / "docs" / "permitted-access.md").read_text("utf-8")
    assert f"```text\n{capsys.readouterr().out}```" in page


def test_cli_05_the_client_reads_every_member_of_the_answer():
    body = listed(system_of())
    assert json.loads(json.dumps(ApiPermittedTargets.read(body).document())) == body
