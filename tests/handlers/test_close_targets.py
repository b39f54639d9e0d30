"""Near misses of a target's name: only names that the caller may learn are suggested (POL 7, POL 9)."""

from dataclasses import replace
from typing import Any

import pytest

from jitney.handlers.close_targets import MOST_TRIED
from jitney.handlers.decisions import preview_decision
from jitney.handlers.grants import create_grant
from tests.core.identity import minting
from tests.handlers.conftest import REQUEST_BODY, WRITE, System

SECRET_TARGET = "payroll-prod"


@pytest.fixture
def system() -> System:
    """Return a system with a second target, at which no policy permits the agent anything."""
    made = System()
    known = made.config.targets["analytics-prod"]
    more = replace(known, alias=SECRET_TARGET, account="111122223333")
    made.ports.__dict__["config"] = replace(made.config, targets={known.alias: known, more.alias: more})
    return made


def asked(system: System, target: str, route: Any = create_grant, **members: Any) -> dict[str, Any]:
    status, body, _ = system.call(route, REQUEST_BODY | {"target": target} | members)
    assert (status, body["code"]) == (400, "target_unknown")
    return body


@pytest.mark.parametrize("route", [create_grant, preview_decision])
@pytest.mark.parametrize("members", [{}, {"permissions": WRITE}])
def test_pol_07_a_near_miss_of_a_permitted_target_is_suggested(system: System, route: Any, members: dict[str, Any]):
    body = asked(system, "analytics-prd", route, **members)
    assert (body["fix"], body["alternatives"]) == ("Did you mean analytics-prod?", ["analytics-prod"])


def test_pol_07_calls_are_tried_at_the_target_that_was_meant(system: System):
    members = {name: REQUEST_BODY[name] for name in ("duration_seconds", "reason")}
    body = members | {"target": "analytic-prod", "calls": ["aws s3api get-object --bucket reports --key 2026/q3.csv x"]}
    assert system.call(create_grant, body)[1]["alternatives"] == ["analytics-prod"]


@pytest.mark.parametrize("name", [SECRET_TARGET + "1", SECRET_TARGET[:-1], SECRET_TARGET.upper()])
def test_pol_07_a_target_that_policies_close_is_never_named(system: System, name: str):
    body = asked(system, name, permissions=[{"actions": ["sqs:SendMessage"], "resources": ["*"]}])
    assert (body["alternatives"], SECRET_TARGET in body["fix"]) == ([], False)
    assert body["fix"] == "Ask your platform engineer for the alias of the target."
    assert asked(system, name)["alternatives"] == []


def test_pol_07_a_request_that_policies_deny_there_names_no_target(system: System):
    denied = [{"actions": ["s3:GetObject"], "resources": ["arn:aws:s3:::reports/secret/a"]}]
    assert asked(system, "analytics-prd", permissions=denied)["alternatives"] == []


def test_pol_07_a_name_that_is_not_close_is_no_hint(system: System):
    assert asked(system, "x")["alternatives"] == []


def test_pol_07_the_work_does_not_depend_on_close_names(system: System, monkeypatch: pytest.MonkeyPatch):
    tried: list[str] = []
    monkeypatch.setattr(
        "jitney.handlers.close_targets._permits_some", lambda _, target, *__: tried.append(target.alias)
    )
    for name in ("analytics-prd", "zzzzzz"):
        asked(system, name)
    assert len(tried) == 2 * min(MOST_TRIED, len(system.ports.config.targets))


def test_pol_09_suggestions_are_limited_like_denials(system: System):
    limits = replace(system.ports.config.limits, previews_per_minute=2)
    system.ports.__dict__["config"] = replace(system.ports.config, limits=limits)
    found = [asked(system, "analytics-prd") for _ in range(3)]
    assert [each["alternatives"] for each in found] == [["analytics-prod"], ["analytics-prod"], []]
    assert found[2]["fix"] == asked(system, "x")["fix"]


def test_pol_09_another_principal_has_its_own_limit(system: System):
    limits = replace(system.ports.config.limits, previews_per_minute=1)
    system.ports.__dict__["config"] = replace(system.ports.config, limits=limits)
    asked(system, "analytics-prd")
    other = minting.token(sub="other-agent")
    body = system.call(create_grant, REQUEST_BODY | {"target": "analytics-prd"}, token=other)[1]
    assert body["alternatives"] == ["analytics-prod"]
