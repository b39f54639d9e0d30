"""Near misses of a target's name: only names that the caller may learn are suggested (POL 7, POL 9)."""

import json
from collections.abc import Collection
from dataclasses import replace
from typing import Any

import pytest

from jitney.core.identity.principal import Principal
from jitney.handlers.caller import visible_targets as module
from jitney.handlers.caller.visible_targets import VisibleTargets, visible_targets
from jitney.handlers.decisions import preview_decision
from jitney.handlers.grants import create_grant
from jitney.handlers.permitted_targets import list_targets
from jitney.handlers.runtime.ports import Ports
from tests.core.identity import minting
from tests.handlers.conftest import POLICIES, REQUEST_BODY, WRITE, System, configuration

SECRET_TARGET = "payroll-prod"
OWN = POLICIES.replace('"Write", resource)', '"Write", resource in Jitney::Target::"analytics-prod")')


@pytest.fixture
def system() -> System:
    """Return a system with a second target, on which policies permit the agent nothing."""
    config = configuration(OWN)
    known = config.targets["analytics-prod"]
    more = replace(known, alias=SECRET_TARGET, account="111122223333")
    return System(config=replace(config, targets={known.alias: known, more.alias: more}))


def asked(system: System, target: str, route: Any = create_grant, **members: Any) -> dict[str, Any]:
    status, body, _ = system.call(route, REQUEST_BODY | {"target": target} | members)
    assert (status, body["code"]) == (400, "target_unknown")
    return body


@pytest.mark.parametrize("route", [create_grant, preview_decision])
@pytest.mark.parametrize("members", [{}, {"permissions": WRITE}])
def test_pol_07_a_near_miss_of_a_permitted_target_is_suggested(system: System, route: Any, members: dict[str, Any]):
    body = asked(system, "analytics-prd", route, **members)
    assert (body["fix"], body["alternatives"]) == ("Did you mean analytics-prod?", ["analytics-prod"])


@pytest.mark.parametrize("resource", ["arn:aws:s3:::reports/secret/a", "arn:aws:s3:::reports/2026/*"])
def test_pol_07_a_suggestion_does_not_depend_on_the_request(system: System, resource: str):
    wanted = [{"actions": ["s3:GetObject"], "resources": [resource]}]
    assert asked(system, "analytics-prd", permissions=wanted)["alternatives"] == ["analytics-prod"]


def test_cli_05_only_targets_of_the_callers_list_are_suggested(system: System):
    listed = [each["target"] for each in system.call(list_targets)[1]["targets"]]
    close = [f"{alias[:-1]}x" for alias in system.config.targets]
    suggested = [alias for name in close for alias in asked(system, name)["alternatives"]]
    assert suggested == listed == ["analytics-prod"]


@pytest.mark.parametrize("name", [SECRET_TARGET + "1", SECRET_TARGET[:-1], SECRET_TARGET.upper()])
def test_pol_07_a_target_that_policies_close_is_never_named(system: System, name: str):
    body = asked(system, name, permissions=[{"actions": ["sqs:SendMessage"], "resources": ["*"]}])
    assert (body["alternatives"], SECRET_TARGET in body["fix"]) == ([], False)
    assert (
        body["fix"]
        == "List your targets with GET /v1/targets (jitney targets), or ask your platform engineer for the alias."
    )
    assert asked(system, name)["alternatives"] == []


def test_pol_07_a_name_that_is_not_close_is_no_hint(system: System):
    assert asked(system, "x")["alternatives"] == []


def tried_targets(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """Return a list that fills with the targets that are tried."""
    tried: list[str] = []

    def recorded(principal: Principal, ports: Ports, aliases: Collection[str]) -> VisibleTargets:
        tried.extend(aliases)
        return visible_targets(principal, ports, aliases)

    monkeypatch.setattr(module, "visible_targets", recorded)
    return tried


@pytest.mark.parametrize("account", ["444455556666", "111122223333", "999900001111"])
def test_pol_07_a_name_that_is_not_close_costs_the_same_for_each_account(
    system: System, monkeypatch: pytest.MonkeyPatch, account: str
):
    """Otherwise the time of the answer reveals which accounts have hidden targets."""
    tried = tried_targets(monkeypatch)
    arn = f"arn:aws:dynamodb:eu-west-1:{account}:table/a"
    asked(system, "zzzz", permissions=[{"actions": ["dynamodb:*"], "resources": [arn]}])
    assert tried == []


@pytest.mark.parametrize("first", ["zzzz", "analytics-prd", SECRET_TARGET + "1"])
def test_pol_09_each_unknown_name_counts_before_a_target_is_tried(
    system: System, monkeypatch: pytest.MonkeyPatch, first: str
):
    limits = replace(system.ports.config.limits, ungranted_requests_per_minute=1)
    system.ports.__dict__["config"] = replace(system.ports.config, limits=limits)
    asked(system, first)
    tried = tried_targets(monkeypatch)
    assert asked(system, "analytics-prd")["alternatives"] == []
    assert tried == []


@pytest.mark.parametrize(("route", "event"), [(create_grant, "request"), (preview_decision, "preview")])
def test_pol_09_each_suggestion_is_on_record(system: System, route: Any, event: str):
    for _ in range(2):
        asked(system, "analytics-prd", route)
    records = system.records()
    assert len(records) == 2
    for record in records:
        assert (record["event"], record["outcome"], record["code"]) == (event, "refused", "target_unknown")
        assert (record["target"], record["account"], record["count"]) == ("analytics-prd", "", 1)
        assert json.loads(record["detail"])["suggested_targets"] == ["analytics-prod"]


def test_pol_09_suggestions_are_limited_like_denials(system: System):
    limits = replace(system.ports.config.limits, ungranted_requests_per_minute=2)
    system.ports.__dict__["config"] = replace(system.ports.config, limits=limits)
    found = [asked(system, "analytics-prd") for _ in range(3)]
    assert [each["alternatives"] for each in found] == [["analytics-prod"], ["analytics-prod"], []]
    assert found[2]["fix"] == asked(system, "x")["fix"]


def test_pol_09_another_principal_has_its_own_limit(system: System):
    limits = replace(system.ports.config.limits, ungranted_requests_per_minute=1)
    system.ports.__dict__["config"] = replace(system.ports.config, limits=limits)
    asked(system, "analytics-prd")
    other = minting.token(sub="other-agent")
    body = system.call(create_grant, REQUEST_BODY | {"target": "analytics-prd"}, token=other)[1]
    assert body["alternatives"] == ["analytics-prod"]
