"""The options of a request: which belong together, and what the JSON of --permissions may hold (row CLI 1)."""

import json
from collections.abc import Callable
from typing import Any

import pytest

from jitney.client.api.grant_request import parse_permissions
from jitney.client.inputs.request_options import RequestOptions
from jitney.client.problems import Invalid

TARGET, REASON, ARN = "analytics-prod", "monthly report", "arn:aws:s3:::reports/*"
READ: dict[str, Any] = {"actions": ["s3:GetObject"], "resources": [ARN]}
NAMED: dict[str, Any] = {"action": ["s3:GetObject"], "resource": [ARN], "reason": REASON}


def asked(**options: Any) -> Callable[[], object]:
    return lambda: RequestOptions(**options).grant_request(TARGET)


def excluded(target: str | None = None, **options: Any) -> Callable[[], object]:
    return lambda: RequestOptions(**options).require_nothing(target)


REFUSED: dict[str, tuple[Callable[[], object], str]] = {
    "no target": (lambda: RequestOptions(**NAMED).grant_request(None), "TARGET is missing."),
    "no reason": (asked(**NAMED | {"reason": ""}), "--reason is missing."),
    "a call and an action": (asked(**NAMED, call=["aws s3 ls"]), "--call cannot be combined with --action"),
    "a call and JSON": (asked(reason=REASON, call=["aws s3 ls"], permissions="[]"), "--call cannot be combined"),
    "no resource": (asked(**NAMED | {"resource": None}), "--action and --resource are both needed."),
    "no action": (asked(**NAMED | {"action": None}), "--action and --resource are both needed."),
    "JSON and an action": (
        asked(reason=REASON, permissions="[]", action=["s3:GetObject"]),
        "--permissions cannot be combined",
    ),
    "JSON and a resource": (asked(reason=REASON, permissions="[]", resource=[ARN]), "--permissions cannot be combined"),
    "JSON and a condition": (
        asked(reason=REASON, permissions="[]", condition=["s3:prefix=a"]),
        "--permissions cannot be combined",
    ),
    "a condition without a value": (asked(**NAMED, condition=["s3:prefix"]), "--condition s3:prefix is not KEY=VALUE."),
    "a condition without a key": (asked(**NAMED, condition=["=reports/"]), "--condition =reports/ is not KEY=VALUE."),
    "a command of another program": (
        lambda: RequestOptions(reason=REASON).grant_request(TARGET, ["python", "report.py"]),
        "python is not an AWS CLI command",
    ),
    "reveal without the gateway": (asked(**NAMED, reveal=True), "--reveal needs --way gateway"),
    "a duration without a unit": (asked(**NAMED, duration="15"), "--for 15 has no unit."),
    "no duration": (asked(**NAMED, duration="soon"), "--for: "),
    "a grant and a target": (excluded(TARGET), "--grant cannot be combined with TARGET"),
    "a grant and an action": (excluded(action=["s3:GetObject"]), "--grant cannot be combined with TARGET"),
    "a way without credentials": (
        lambda: RequestOptions(**NAMED, way="gateway").credentials_request(TARGET),
        "--way gateway gives no credentials.",
    ),
}


@pytest.mark.parametrize("name", REFUSED)
def test_cli_01_options_that_do_not_fit_together_are_refused_by_name(name: str):
    act, said = REFUSED[name]
    with pytest.raises(Invalid) as caught:
        act()
    assert caught.value.detail.startswith(said)


def test_cli_01_a_grant_needs_no_option_of_a_request():
    RequestOptions().require_nothing(None)


@pytest.mark.parametrize(
    ("document", "place"),
    [
        ([], "permissions"),
        ({}, "permissions"),
        ({"permissions": []}, "permissions"),
        ({"permissions": READ}, "permissions"),
        (["s3:GetObject"], "permissions[0]"),
        ([["actions", "resources"]], "permissions[0]"),
        ([READ, READ | {"action": "x"}], "permissions[1]"),
        ([{"actions": ["s3:GetObject"]}], "permissions[0]"),
        ([READ | {"actions": []}], "permissions[0].actions"),
        ([READ | {"actions": "s3:GetObject"}], "permissions[0].actions"),
        ([READ | {"resources": [1]}], "permissions[0].resources"),
        ([READ | {"resources": [""]}], "permissions[0].resources"),
        ([READ | {"conditions": []}], "permissions[0].conditions"),
        ([READ | {"conditions": {"s3:prefix": []}}], "permissions[0].conditions.s3:prefix"),
        ([READ | {"conditions": {"s3:prefix": "a"}}], "permissions[0].conditions.s3:prefix"),
        ([READ | {"conditions": {"s3:prefix": [1]}}], "permissions[0].conditions.s3:prefix"),
    ],
    ids=str,
)
def test_cli_01_json_of_another_form_is_refused_with_its_place(document: Any, place: str):
    with pytest.raises(ValueError, match="is expected") as caught:
        parse_permissions(json.dumps(document))
    assert str(caught.value).startswith(f"{place}: ")


@pytest.mark.parametrize("document", [[READ], {"permissions": [READ]}], ids=["a list", "an object"])
def test_cli_01_permissions_are_a_list_or_an_object_with_it(document: Any):
    (permission,) = parse_permissions(json.dumps(document))
    assert (permission.actions, permission.resources) == (("s3:GetObject",), (ARN,))
