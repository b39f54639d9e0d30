import base64
import json
import re
from collections.abc import Sequence
from dataclasses import replace
from types import MappingProxyType
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from jitney.core.access.conditions import conditions_of
from jitney.core.access.fields import FieldErrors
from jitney.core.access.request import AccessRequest, ExplainedAction, Permission
from jitney.core.access.request_body import parse_request
from jitney.core.config import Limits
from jitney.core.masking.generic_masker import UNTAGGED, GenericMasker
from jitney.core.masking.mask_tags import MaskTags
from jitney.core.problems import PROBLEMS, Problem
from jitney.core.target_config import Target
from tests.fakes import ROLE_ARN

LIMITS = Limits(30, 3600, 65536, 200, 3600, 30)


def explain(calls: Sequence[Any], target: Target) -> tuple[ExplainedAction, ...]:
    """Fail, because a request with permissions has no calls to explain."""
    raise AssertionError(calls, target)


MASKED = re.compile(r"with token=\[masked credential [0-9a-f]{6}\]")
TARGETS = {
    "analytics-prod": Target(
        "analytics-prod", "444455556666", ROLE_ARN, "external", "eu-west-1", 3600, MappingProxyType({})
    )
}
GOOD: dict[str, Any] = {
    "target": "analytics-prod",
    "permissions": [{"actions": ["s3:GetObject"], "resources": ["arn:aws:s3:::reports/2026/*"]}],
    "duration_seconds": 300,
    "reason": "monthly report",
    "ticket": "OPS-12",
}


def parse(body: bytes) -> AccessRequest:
    return parse_request(body, TARGETS, LIMITS, explain, UNTAGGED)


def changed(**members: Any) -> bytes:
    return json.dumps(GOOD | members).encode()


def asking(*resources: Any, actions: Any = ("s3:GetObject",)) -> bytes:
    return changed(permissions=[{"actions": list(actions), "resources": list(resources)}])


def test_a_request_is_read_as_it_was_written():
    assert parse(json.dumps(GOOD).encode()) == AccessRequest(
        "analytics-prod",
        (Permission(("s3:GetObject",), ("arn:aws:s3:::reports/2026/*",)),),
        300,
        "monthly report",
        "OPS-12",
        body=json.dumps(GOOD).encode(),
    )


BAD = {
    "empty": (b"", "body_malformed", ""),
    "malformed": (b'{"target": ', "body_malformed", ""),
    "not_an_object": (b"[]", "body_malformed", ""),
    "a_number": (b"1", "body_malformed", ""),
    "nan": (changed().replace(b"300", b"NaN"), "body_malformed", ""),
    "twice_the_same_name": (changed().replace(b'"ticket"', b'"target"'), "body_malformed", ""),
    "byte_order_mark": (b"\xef\xbb\xbf" + changed(), "body_malformed", ""),
    "not_utf_8": (b"\xff\xfe", "body_malformed", ""),
    "nested_too_deeply": (b"[" * 30_000 + b"]" * 30_000, "body_malformed", ""),
    "one_megabyte": (changed(reason="x" * 1_000_000), "body_too_large", ""),
    "unknown_member": (changed(duration=3), "request_invalid", "/duration"),
    "unknown_member_inside": (
        changed(permissions=[{"actions": ["s3:GetObject"], "resources": ["*"], "effect": "Deny"}]),
        "request_invalid",
        "/permissions/0/effect",
    ),
    "role_arn_of_the_agents_choice": (changed(role_arn=ROLE_ARN), "request_invalid", "/role_arn"),
    "no_target": (changed(target=None), "request_invalid", "/target"),
    "unknown_target": (changed(target="analytics-prd"), "target_unknown", ""),
    "target_in_a_list": (changed(target=["analytics-prod"]), "request_invalid", "/target"),
    "no_permissions": (changed(permissions=[]), "request_invalid", "/permissions"),
    "permissions_as_object": (changed(permissions={}), "request_invalid", "/permissions"),
    "permission_as_string": (changed(permissions=["s3:*"]), "request_invalid", "/permissions/0"),
    "no_actions": (asking("*", actions=[]), "request_invalid", "/permissions/0/actions"),
    "no_resources": (asking(), "request_invalid", "/permissions/0/resources"),
    "ten_thousand_actions": (
        asking("*", actions=[f"s3:Get{n}" for n in range(3_000)]),
        "request_invalid",
        "/permissions/0/actions",
    ),
    "action_of_no_service": (asking("*", actions=["GetObject"]), "request_invalid", "/permissions/0/actions/0"),
    "every_action": (asking("*", actions=["*"]), "request_invalid", "/permissions/0/actions/0"),
    "action_in_other_letters": (asking("*", actions=["s3:GetОbject"]), "request_invalid", "/permissions/0/actions/0"),
    "action_as_number": (asking("*", actions=[7]), "request_invalid", "/permissions/0/actions/0"),
    "resource_no_arn": (asking("reports/2026"), "request_invalid", "/permissions/0/resources/0"),
    "resource_not_ascii": (asking("arn:aws:s3:::reports/größe"), "request_invalid", "/permissions/0/resources/0"),
    "resource_with_line_break": (asking("arn:aws:s3:::reports/a\n"), "request_invalid", "/permissions/0/resources/0"),
    "resource_too_long": (asking("arn:aws:s3:::" + "a" * 1100), "request_invalid", "/permissions/0/resources/0"),
    "resource_of_any_service": (asking("arn:aws:*:::reports/a"), "request_invalid", "/permissions/0/resources/0"),
    "resource_of_any_partition": (asking("arn:*:s3:::reports/a"), "request_invalid", "/permissions/0/resources/0"),
    "policy_variable": (
        asking("arn:aws:s3:::${aws:PrincipalTag/agent}/a"),
        "request_invalid",
        "/permissions/0/resources/0",
    ),
    "wrong_account": (
        asking("arn:aws:dynamodb:eu-west-1:999999999999:table/t"),
        "account_mismatch",
        "/permissions/0/resources",
    ),
    "any_account": (asking("arn:aws:dynamodb:eu-west-1:*:table/t"), "account_mismatch", "/permissions/0/resources"),
    "part_of_an_account": (
        asking("arn:aws:dynamodb:eu-west-1:44445555666?:table/t"),
        "account_mismatch",
        "/permissions/0/resources",
    ),
    "other_partition": (asking("arn:aws-cn:s3:::reports/a"), "account_mismatch", "/permissions/0/resources"),
    "negative_duration": (changed(duration_seconds=-1), "request_invalid", "/duration_seconds"),
    "no_duration": (changed(duration_seconds=None), "request_invalid", "/duration_seconds"),
    "duration_true": (changed(duration_seconds=True), "request_invalid", "/duration_seconds"),
    "duration_as_text": (changed(duration_seconds="300"), "request_invalid", "/duration_seconds"),
    "duration_as_fraction": (changed(duration_seconds=300.5), "request_invalid", "/duration_seconds"),
    "duration_too_short": (changed(duration_seconds=29), "request_invalid", "/duration_seconds"),
    "duration_too_long": (changed(duration_seconds=3601), "request_invalid", "/duration_seconds"),
    "duration_beyond_all": (changed(duration_seconds=10**400), "request_invalid", "/duration_seconds"),
    "no_reason": (changed(reason=""), "request_invalid", "/reason"),
    "blank_reason": (changed(reason="  "), "request_invalid", "/reason"),
    "long_reason": (changed(reason="x" * 501), "request_invalid", "/reason"),
    "reason_with_control_character": (changed(reason="a\x1b[31m"), "request_invalid", "/reason"),
    "reason_with_bidi_mark": (changed(reason="a\u202eb"), "request_invalid", "/reason"),
    "reason_with_lone_surrogate": (changed(reason="a\ud800b"), "body_malformed", ""),
    "long_ticket": (changed(ticket="x" * 101), "request_invalid", "/ticket"),
}


@pytest.mark.parametrize("case", BAD)
def test_bad_input_gets_a_code_and_a_fix(case: str):
    body, code, pointer = BAD[case]
    with pytest.raises(Problem) as raised:
        parse(body)
    problem = raised.value
    assert problem.code == code
    assert 400 <= problem.status < 500
    assert problem.fix
    if pointer:
        assert pointer in [fault["pointer"] for fault in problem.extras["errors"]]


def test_foreign_resources_of_calls_have_no_place_in_the_body():
    def foreign(_calls: Sequence[Any], _target: Target) -> tuple[ExplainedAction, ...]:
        arn = "arn:aws:dynamodb:eu-west-1:999999999999:table/t"
        return (ExplainedAction("aws dynamodb scan", "dynamodb:Scan", (arn,), "the call itself"),)

    body = json.dumps({name: value for name, value in GOOD.items() if name != "permissions"} | {"calls": ["x"]})
    with pytest.raises(Problem, match="account_mismatch") as refused:
        parse_request(body.encode(), TARGETS, LIMITS, foreign, UNTAGGED)
    assert [each["pointer"] for each in refused.value.extras["errors"]] == [""]


@pytest.mark.parametrize(
    ("ticket", "accepted"),
    [
        *((each, True) for each in ("OPS-12", "OPS-1", "CHG-12345-b")),
        *((each, False) for each in ("", None, "OPS-", "ops-12", "XOPS-12", "CHG-1234", " OPS-12", "OPS 12", "*")),
    ],
)
def test_a_target_accepts_only_tickets_that_match_a_pattern(ticket: str | None, accepted: bool):
    patterns = ("OPS-?*", "CHG-?????*")
    targets = {name: replace(each, ticket_patterns=patterns) for name, each in TARGETS.items()}
    body = changed(ticket=ticket)
    if accepted:
        assert parse_request(body, targets, LIMITS, explain, UNTAGGED).ticket == ticket
        return
    with pytest.raises(Problem) as raised:
        parse_request(body, targets, LIMITS, explain, UNTAGGED)
    (error,) = raised.value.extras["errors"]
    assert (raised.value.code, error["pointer"], error["alternatives"]) == ("request_invalid", "/ticket", patterns)
    assert error.get("missing", False) is (not ticket)
    assert ("needs a ticket" in error["detail"]) is (not ticket)
    assert "OPS-?* or CHG-?????*" in raised.value.fix


def test_every_resource_of_another_account_is_named():
    good, *bad = ("arn:aws:s3:::reports/a", *(f"arn:aws:sqs:eu-west-1:{each * 12}:q" for each in "123"))
    permissions = [{"actions": ["sqs:SendMessage"], "resources": each} for each in ([bad[0], good], ["*", *bad[1:]])]
    with pytest.raises(Problem) as raised:
        parse(changed(permissions=permissions))
    errors = raised.value.extras["errors"]
    assert [each["pointer"] for each in errors] == [f"/permissions/{place}/resources" for place in (0, 1, 1)]
    assert all(arn in each["detail"] for arn, each in zip(bad, errors, strict=True))


def test_programs_get_bounds_alternatives_and_what_is_missing():
    with pytest.raises(Problem) as raised:
        parse(changed(duration_seconds=29, reason=None, ticket="x" * 101, tiket="OPS"))
    members = {"bounds", "alternatives", "missing"}
    found = {
        each["pointer"]: {name: each[name] for name in each if name in members}
        for each in raised.value.extras["errors"]
    }
    assert found == {
        "/duration_seconds": {"bounds": {"minimum": 30, "maximum": 3600}},
        "/reason": {"missing": True},
        "/ticket": {"bounds": {"minimum": 0, "maximum": 100}},
        "/tiket": {"alternatives": ["ticket"]},
    }


@pytest.mark.parametrize(
    ("member", "detail"),
    [
        ("target", "/target: The member is missing or null."),
        ("duration_seconds", "/duration_seconds: The member is missing or null."),
        ("reason", "/reason: The member is missing or null."),
        ("permissions", "/permissions: The request has none of permissions, calls and access_profile."),
    ],
)
def test_a_missing_member_is_called_missing(member: str, detail: str):
    body = json.loads(changed())
    del body[member]
    with pytest.raises(Problem) as raised:
        parse(json.dumps(body).encode())
    assert raised.value.detail == detail
    assert [each.get("missing") for each in raised.value.extras["errors"]] == [True]


def test_a_missing_body_is_called_missing():
    with pytest.raises(Problem, check=lambda problem: problem.detail == "The request has no body."):
        parse(b"")


def test_all_errors_are_reported_at_once():
    with pytest.raises(Problem) as raised:
        parse(changed(duration_seconds=-1, reason="", colour="red"))
    assert {fault["pointer"] for fault in raised.value.extras["errors"]} == {"/duration_seconds", "/reason", "/colour"}


def test_pol_07_problems_name_neither_other_targets_nor_accounts():
    answers = []
    for body in (changed(target="analytics-prd"), asking("arn:aws:dynamodb:eu-west-1:999999999999:table/t")):
        with pytest.raises(Problem) as raised:
            parse(body)
        answers.append(json.dumps(raised.value.body()))
    assert not any("analytics-prod" in answer or "444455556666" in answer for answer in answers)


JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(),
    lambda inner: st.lists(inner) | st.dictionaries(st.text(), inner),
    max_leaves=20,
)


@given(st.dictionaries(st.sampled_from([*GOOD, "other"]), JSON))
def test_any_json_is_a_request_or_a_problem(members: dict[str, Any]):
    try:
        parse(json.dumps(GOOD | members).encode())
    except Problem as problem:
        assert PROBLEMS[problem.code].status < 500
        json.dumps(problem.body()).encode()


@given(st.binary(max_size=200))
def test_any_bytes_are_a_request_or_a_problem(body: bytes):
    with pytest.raises(Problem):
        parse(body)


KEY = b"k" * 32
SECRET = "Xy12345678ab"
NAMED = f"token={SECRET}"
HIDDEN = base64.b64encode(NAMED.encode()).decode()
CONDITIONAL = {"actions": ["s3:ListBucket"], "resources": ["arn:aws:s3:::reports"]}
HELD = {
    "reason": changed(reason=f"with {NAMED}"),
    "ticket": changed(ticket=NAMED),
    "target": changed(target=NAMED),
    "target_cut": changed(target="a" * 40 + NAMED * 9),
    "member": changed(**{NAMED: 1}),
    "value": changed(api_key=SECRET),
    "action": asking("*", actions=[NAMED]),
    "resource": asking(f"arn:aws:s3:::reports/{NAMED}/a"),
    "hidden": asking(f"arn:aws:s3:::reports/{HIDDEN}"),
    "condition": changed(permissions=[CONDITIONAL | {"conditions": {"s3:prefix": [NAMED]}}]),
    "condition_key": changed(permissions=[CONDITIONAL | {"conditions": {f"aws:RequestTag/{NAMED}": ["a"]}}]),
    "condition_of_a_secret": changed(permissions=[CONDITIONAL | {"conditions": {"aws:RequestTag/password": [HIDDEN]}}]),
    "account": asking(f"arn:aws:s3:eu-west-1:999999999999:reports/{NAMED}/a"),
    "duration": changed(duration_seconds=NAMED),
}


@pytest.mark.parametrize("place", HELD)
def test_mask_05_no_secret_is_in_a_request_or_in_a_problem(place: str):
    try:
        printed = repr(parse(HELD[place]))
    except Problem as problem:
        printed = json.dumps(problem.body())
    assert SECRET[:6] not in printed
    assert HIDDEN not in printed


@pytest.mark.parametrize("place", ["resource", "hidden", "condition", "condition_of_a_secret"])
def test_mask_05_a_permission_that_names_a_secret_is_refused(place: str):
    """A masked resource would be another one, which nothing has."""
    with pytest.raises(Problem) as refused:
        parse(HELD[place])
    (error,) = refused.value.extras["errors"]
    assert error["pointer"] == "/permissions/0"
    assert "appears to hold a secret" in error["detail"]


@pytest.mark.parametrize(
    "need",
    [
        ExplainedAction("aws s3 ls", "s3:ListBucket", (f"arn:aws:s3:::reports/{NAMED}",), "why"),
        ExplainedAction(
            "aws s3 ls", "s3:ListBucket", ("arn:aws:s3:::b",), "why", conditions_of({"s3:prefix": [NAMED]})
        ),
    ],
    ids=["resource", "condition"],
)
def test_mask_05_a_call_that_needs_a_permission_with_a_secret_is_refused(need: ExplainedAction):
    body = {name: value for name, value in GOOD.items() if name != "permissions"} | {"calls": ["aws s3 ls"]}
    with pytest.raises(Problem) as refused:
        parse_request(json.dumps(body).encode(), TARGETS, LIMITS, lambda *_: (need,), UNTAGGED)
    (error,) = refused.value.extras["errors"]
    assert (error["pointer"], "appears to hold a secret" in error["detail"]) == ("/calls", True)
    assert SECRET not in json.dumps(refused.value.body())


def asked(body: bytes, key: bytes = KEY) -> AccessRequest:
    return parse_request(body, TARGETS, LIMITS, explain, GenericMasker(MaskTags(lambda: key)))


def test_mask_04_masking_keeps_equal_requests_equal_and_others_distinct():
    first, again = (asked(HELD["reason"]) for _ in range(2))
    assert (first.reason, first.body) == (again.reason, again.body)
    assert MASKED.fullmatch(first.reason)
    other = asked(HELD["reason"].replace(SECRET.encode(), b"Zy12345678ab"))
    assert other.body != first.body
    assert SECRET.encode() not in first.body
    assert asked(HELD["reason"], b"x" * 32).reason != first.reason


def test_the_length_of_a_reason_is_that_before_masking():
    reason = "x" * (500 - len(NAMED) - 1) + " " + NAMED
    assert len(asked(changed(reason=reason)).reason) > 500
    long = "token=" + "a1" * 300
    with pytest.raises(Problem):
        asked(changed(reason=long))


def test_a_request_without_secrets_fetches_no_key_and_stays_unchanged():
    def key() -> bytes:
        raise AssertionError

    body = json.dumps(GOOD, indent=3).encode()
    assert parse_request(body, TARGETS, LIMITS, explain, GenericMasker(MaskTags(key))).body is body


def test_mask_05_a_possible_secret_key_in_a_reason_is_masked():
    key = "wJalrXUtnFEMI/K7MDENG/bPxRfiCYEXAMPLEKEY"
    assert key not in repr(asked(changed(reason=f"use {key}"))) + asked(changed(reason=f"use {key}")).body.decode()


@pytest.mark.parametrize("value", [1, 0, "true", None, [True], {}])
def test_what_is_no_boolean_sets_no_flag_and_is_an_error(value: Any):
    faults = FieldErrors()
    assert faults.flag(value, "/reveal") is False
    with pytest.raises(Problem) as refused:
        faults.refuse()
    assert refused.value.code == "request_invalid"


@pytest.mark.parametrize("member", ["permissions", "calls", "access_profile", "credential_seconds"])
def test_null_is_not_taken_for_an_absent_member(member: str):
    with pytest.raises(Problem) as refused:
        parse(changed(**{"permissions": GOOD["permissions"], member: None}))
    (fault,) = [each for each in refused.value.extras["errors"] if each["pointer"] == f"/{member}"]
    assert fault == {"pointer": f"/{member}", "detail": "The member is null.", "fix": "Leave it out, or write a value."}


@pytest.mark.parametrize("written", ["300", "300.0", "3e2", "3.0E+2"])
def test_a_number_is_whole_by_its_value(written: str):
    body = changed().replace(b"300", written.encode())
    seconds = parse(body).duration_seconds
    assert (seconds, type(seconds)) == (300, int)


@pytest.mark.parametrize("written", ["300.5", "1e400", "-1e400", '"300"', "true"])
def test_another_value_is_no_whole_number(written: str):
    with pytest.raises(Problem) as refused:
        parse(changed().replace(b"300", written.encode()))
    assert refused.value.detail == "/duration_seconds: The value is not a whole number."
    assert refused.value.fix == "Use a whole number from 30 to 3600."


@pytest.mark.parametrize(
    ("member", "text", "least"),
    [("reason", "", 1), ("reason", " ", 1), ("reason", "x" * 501, 1), ("ticket", "x" * 101, 0)],
)
def test_the_bounds_of_a_text_are_those_that_are_enforced(member: str, text: str, least: int):
    with pytest.raises(Problem) as refused:
        parse(changed(**{member: text}))
    (fault,) = refused.value.extras["errors"]
    assert fault["bounds"] == {"minimum": least, "maximum": {"reason": 500, "ticket": 100}[member]}
