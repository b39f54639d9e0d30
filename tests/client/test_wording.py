"""The sentences and command lines that people and models read."""

import json
import shlex
import unicodedata
from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from jitney.client.api.grant_members import ApiReview
from jitney.client.api.grant_request import ApiPermission, GrantRequest, parse_permissions
from jitney.client.api.passing_request import passing_request
from jitney.client.api.responses import ApiReason, GrantResponse
from jitney.client.terminal import pending_wording, wording
from jitney.core.printable import strip_control_characters
from tests.client.fake_broker import GRANT_ID, grant

NOW = 1795521600.0  # 2026-11-24T12:00:00Z
ONE = ApiPermission(("s3:GetObject",), ("arn:aws:s3:::reports/*",))
TWO = ApiPermission(("dynamodb:Scan",), ("*",))
ASK = GrantRequest("analytics-prod", (ONE, TWO), 600, "monthly report")


@given(st.text())
def test_nothing_that_steers_a_terminal_is_shown(text: str):
    shown = strip_control_characters(text)
    assert len(shown) == len(text)
    assert not {unicodedata.category(sign) for sign in shown} & {"Cc", "Cf", "Cs", "Zl", "Zp"}


@pytest.mark.parametrize("separator", "\n\r\v\f\x1c\x1d\x1e\x85\u2028\u2029")
def test_rev_10_no_text_of_an_agent_begins_a_line_of_its_own(separator: str):
    forged = f"reports/a{separator}approved by people.alice"
    assert len(strip_control_characters(forged).splitlines()) == 1


@pytest.mark.parametrize(
    ("iso", "said"),
    [
        ("2026-11-24T12:05:00Z", "12:05:00 UTC (in 5m)"),
        ("2026-11-24T11:59:00Z", "11:59:00 UTC (1m ago)"),
        ("2026-11-24T14:05:00+02:00", "12:05:00 UTC (in 5m)"),
        ("2026-11-25T01:00:00Z", "2026-11-25 01:00:00 UTC (in 13h)"),
        ("2026-12-04T12:00:00Z", "2026-12-04 12:00:00 UTC (in 10d)"),
        ("soon\n", "soon\ufffd"),
        (None, "-"),
    ],
)
def test_a_time_is_shown_in_utc_and_from_now(iso: str | None, said: str):
    assert wording.moment(iso, NOW) == said


@pytest.mark.parametrize(
    ("any_of", "said"),
    [([["a"]], "a"), ([["a", "b"]], "a and b"), ([["a", "b"], ["c"]], "a and b, or c"), ([], "no reviewer")],
)
def test_reviewers_are_a_phrase(any_of: list[list[str]], said: str):
    assert wording.who(any_of) == said


def test_a_pending_grant_without_a_review_shows_its_own_end():
    answer = GrantResponse.read({"grant": grant("pending", expires_at="2026-11-24T12:05:00Z")})
    assert pending_wording.pending(answer, NOW) == f"{GRANT_ID} is under review until 12:05:00 UTC (in 5m)"


@pytest.mark.parametrize(
    ("stages", "said"),
    [
        ({}, "a and b, or c"),
        ({"approved": ("a",)}, "a and b, or c (approved by a)"),
        ({"approved": ("a",), "escalated_to": ("d",)}, "a and b, or c (approved by a; escalated to d)"),
    ],
)
def test_cli_03_how_far_a_review_is_stands_beside_who_was_asked(stages: dict[str, tuple[str, ...]], said: str):
    assert wording.review_status(ApiReview((("a", "b"), ("c",)), **stages)) == said
    assert wording.review_status(ApiReview((), **stages)) == ""


@pytest.mark.parametrize(
    ("reason", "said"),
    [
        (ApiReason("p", "No."), "No. (p)"),
        (ApiReason("p", "No.", "s3:GetObject", "*"), "s3:GetObject on *: No. (p)"),
        (ApiReason("p", "No s3:GetObject on * today.", "s3:GetObject", "*"), "No s3:GetObject on * today. (p)"),
    ],
)
def test_a_reason_names_its_pair_once(reason: ApiReason, said: str):
    assert wording.reason_line(reason) == said


@pytest.mark.parametrize(
    ("state", "said"),
    [
        ("active", ("until", "12:05:00 UTC (in 5m)")),
        ("pending", ("decide by", "12:05:00 UTC (in 5m)")),
        ("expired", ("ended", "12:05:00 UTC (in 5m)")),
        ("rejected", ("created", "11:59:00 UTC (1m ago)")),
        ("revoked", ("created", "11:59:00 UTC (1m ago)")),
    ],
)
def test_the_time_shown_is_the_one_that_matters(state: str, said: tuple[str, str]):
    given_times = {"created_at": "2026-11-24T11:59:00Z", "expires_at": "2026-11-24T12:05:00Z"}
    assert wording.relevant_time(GrantResponse.read({"grant": grant(state, **given_times)}).grant, NOW) == said


@pytest.mark.parametrize(("off", "said"), [(-3, "4m57s"), (-2, "5m"), (-1, "5m"), (0, "5m"), (2, "5m"), (3, "5m3s")])
def test_a_grant_that_was_just_given_lasts_as_long_as_was_asked(off: int, said: str):
    given_times = {"expires_at": "2026-11-24T12:05:00Z", "duration_seconds": 300}
    one = GrantResponse.read({"grant": grant("active", **given_times)}).grant
    assert wording.relevant_time(one, NOW - off) == ("until", f"12:05:00 UTC (in {said})")


def no(action: str, resource: str = "*", policy: str = "p") -> ApiReason:
    return ApiReason(policy, f"No {action} (Read) on {resource}.", action, resource, f"No {{action}} on {resource}.")


def never(action: str) -> ApiReason:
    return ApiReason("p", "Never.", action, "*")


def fails(action: str) -> ApiReason:
    return ApiReason("p", f"{action} fails.", action, "x", "{action} fails.")


@pytest.mark.parametrize(
    ("reasons", "said"),
    [
        ((no("s3:A"), no("s3:B")), ["No any of these 2 on *: s3:A, s3:B (p)"]),
        ((no("s3:A"), no("s3:AB")), ["No any of these 2 on *: s3:A, s3:AB (p)"]),
        ((no("s3:A"), no("s3:B", "x")), ["No s3:A (Read) on *. (p)", "No s3:B (Read) on x. (p)"]),
        ((no("s3:A"), no("s3:B", policy="q")), ["No s3:A (Read) on *. (p)", "No s3:B (Read) on *. (q)"]),
        ((never("s3:A"), never("s3:B")), ["s3:A, s3:B on *: Never. (p)"]),
        ((ApiReason("p", "Never."), ApiReason("q", "Too long.")), ["Never. (p)", "Too long. (q)"]),
        ((fails("s3:A"), fails("s3:B")), ["on x: any of these 2 fails: s3:A, s3:B (p)"]),
    ],
)  # fmt: skip
def test_what_one_policy_says_of_several_actions_is_said_once(reasons: tuple[ApiReason, ...], said: list[str]):
    assert wording.reason_lines(reasons) == said


def test_a_target_is_shown_with_its_account_and_region_where_known():
    one = GrantResponse.read({"grant": grant()}).grant
    assert wording.where(one) == "analytics-prod (444455556666, eu-west-1)"
    assert wording.where(replace(one, region="")) == "analytics-prod (444455556666)"
    assert wording.where(replace(one, region="", account="")) == "analytics-prod"


def test_what_would_pass_is_a_shorter_time_or_a_part_or_both():
    assert passing_request(ASK, (ONE,), 300, {}) == replace(ASK, permissions=(ONE,), duration_seconds=300)
    assert passing_request(ASK, (), 300, {}) == replace(ASK, duration_seconds=300)
    assert passing_request(ASK, (ONE,), 0, {}) == replace(ASK, permissions=(ONE,))


@pytest.mark.parametrize(
    ("asked", "ways", "passing"),
    [
        ({}, {"credentials": "deny", "gateway": "allow"}, {"way": "gateway"}),
        ({}, {"credentials": "deny", "gateway": "review"}, {"way": "gateway"}),
        ({"way": "gateway"}, {"credentials": "allow", "gateway": "deny"}, {"way": "credentials"}),
        ({}, {"credentials": "deny", "gateway": "deny"}, None),
        ({}, {"credentials": "allow", "gateway": "allow"}, None),
        ({"way": "gateway", "reveal": True}, {"credentials": "allow", "gateway": "deny"}, None),
        ({}, {}, None),
    ],
)
def test_gw_04_the_other_way_is_offered_first_where_it_passes(asked, ways, passing):
    request = replace(ASK, **asked)
    expected = None if passing is None else replace(request, **passing)
    assert passing_request(request, (), 0, ways) == expected


def test_gw_04_the_answers_of_both_ways_are_one_line():
    line = wording.way_line({"credentials": "deny", "gateway": "review"})
    assert line == "denied with credentials, allowed after a review through the gateway"
    assert wording.way_line({}) == ""


@pytest.mark.parametrize(("subset", "longest"), [((), 0), ((), 600), ((), 3600), (ASK.permissions, 600)])
def test_nothing_is_offered_that_is_not_another_request(subset: tuple[ApiPermission, ...], longest: int):
    assert passing_request(ASK, subset, longest, {}) is None


def test_what_is_offered_for_pasting_reads_back():
    (line,) = wording.paste("request", GrantRequest("t", (ONE,), 90, "it's due", "OPS-1"))
    words = shlex.split(line)
    assert words[:2] == ["jitney", "request"]
    assert words[2:] == [
        "t", "--action", "s3:GetObject", "--resource", "arn:aws:s3:::reports/*", "--for", "1m30s",
        "--reason", "it's due", "--ticket", "OPS-1",
    ]  # fmt: skip
    first, document, last = wording.paste("run", ASK, ["--", "env"])
    assert shlex.split(first.removesuffix(" <<'JSON'"))[-2:] == ["--", "env"]
    assert parse_permissions(document) == ASK.permissions
    assert json.loads(document)
    assert last == "JSON"
