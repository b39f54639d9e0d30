"""The body of POST /v1/calls."""

import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from jitney.core.access.fields import MOST_ERRORS
from jitney.core.gateway.call_request import MAX_CALL_BYTES, parse_call
from jitney.core.problems import Problem
from tests.cpu_time import within_cpu_seconds

IN_GRANT: dict[str, Any] = {
    "grant": "g-aaaaaaaaaaaaaa",
    "service": "s3",
    "operation": "GetObject",
    "parameters": {"Bucket": "reports", "Key": "a"},
}
WITH_REQUEST: dict[str, Any] = {**IN_GRANT, "target": "analytics-prod", "reason": "monthly report"}
del WITH_REQUEST["grant"]

REFUSED: dict[str, tuple[Any, str, str]] = {
    "no object": ([IN_GRANT], "body_malformed", ""),
    "unknown member": ({**IN_GRANT, "url": "https://example.com"}, "request_invalid", "/url"),
    "endpoint": ({**IN_GRANT, "endpoint_url": "https://example.com"}, "request_invalid", "/endpoint_url"),
    "headers": ({**IN_GRANT, "headers": {}}, "request_invalid", "/headers"),
    "both grant and target": ({**WITH_REQUEST, "grant": "g-aaaaaaaaaaaaaa"}, "request_invalid", "/target"),
    "a reason in a grant": ({**IN_GRANT, "reason": "x"}, "request_invalid", "/reason"),
    "reveal in a grant": ({**IN_GRANT, "reveal": True}, "request_invalid", "/reveal"),
    "neither grant nor target": (
        {name: IN_GRANT[name] for name in ("service", "operation", "parameters")},
        "request_invalid",
        "/grant",
    ),
    "null grant": ({**IN_GRANT, "grant": None}, "request_invalid", "/grant"),
    "a null grant beside a target": ({**WITH_REQUEST, "grant": None}, "request_invalid", "/grant"),
    "direct as null": ({**IN_GRANT, "direct": None}, "request_invalid", "/direct"),
    "another id": ({**IN_GRANT, "grant": "g-AAAAAAAAAAAAAA"}, "request_invalid", "/grant"),
    "an id with more behind it": ({**IN_GRANT, "grant": "g-aaaaaaaaaaaaaa\n"}, "request_invalid", "/grant"),
    "parameters as text": ({**IN_GRANT, "parameters": "{}"}, "request_invalid", "/parameters"),
    "parameters as null": ({**IN_GRANT, "parameters": None}, "request_invalid", "/parameters"),
    "reveal as text": ({**WITH_REQUEST, "reveal": "true"}, "request_invalid", "/reveal"),
    "no reason": ({**WITH_REQUEST, "reason": " "}, "request_invalid", "/reason"),
    "hidden text in the reason": ({**WITH_REQUEST, "reason": "a\u202eb"}, "request_invalid", "/reason"),
    "line break in a name": ({**IN_GRANT, "operation": "GetObject\r\n"}, "request_invalid", "/operation"),
    "service as a list": ({**IN_GRANT, "service": ["s3"]}, "request_invalid", "/service"),
}


@pytest.mark.parametrize("case", REFUSED)
def test_gw_12_a_malformed_call_is_refused_with_its_place(case: str) -> None:
    body, code, pointer = REFUSED[case]
    with pytest.raises(Problem) as refused:
        parse_call(json.dumps(body).encode())
    assert refused.value.code == code
    if pointer:
        assert pointer in [each["pointer"] for each in refused.value.extras["errors"]]


@pytest.mark.parametrize(
    "text",
    [
        b"",
        b"{",
        b'{"grant":"g-aaaaaaaaaaaaaa","grant":"g-bbbbbbbbbbbbbb"}',
        b'{"parameters":{"Key":NaN}}',
        b"\xef\xbb\xbf{}",
        b"\xff",
        b"[" * 100_000,
    ],
)
def test_gw_12_json_that_parsers_read_differently_is_refused(text: bytes) -> None:
    with pytest.raises(Problem) as refused:
        parse_call(text)
    assert refused.value.code == "body_malformed"


def test_gw_12_a_large_body_is_refused_before_it_is_parsed() -> None:
    with pytest.raises(Problem) as refused:
        parse_call(b"[" * (MAX_CALL_BYTES + 1))
    assert refused.value.code == "call_too_large"


def test_gw_12_a_body_of_many_unknown_members_is_refused_at_once() -> None:
    body = json.dumps({f"{number}operation": 1 for number in range(50_000)}).encode()
    assert len(body) < MAX_CALL_BYTES
    with within_cpu_seconds(0.5), pytest.raises(Problem) as refused:
        parse_call(body)
    assert len(refused.value.extras["errors"]) == MOST_ERRORS


def test_gw_02_a_call_is_read_whole() -> None:
    call = parse_call(json.dumps(WITH_REQUEST | {"region": "eu-west-1", "ticket": "OPS-1", "reveal": True}).encode())
    assert (call.target, call.reason, call.ticket, call.region, call.reveal) == (
        "analytics-prod",
        "monthly report",
        "OPS-1",
        "eu-west-1",
        True,
    )
    expected = {name: IN_GRANT[name] for name in ("service", "operation", "parameters")}
    assert call.as_call() == expected | {"region": "eu-west-1"}
    assert parse_call(json.dumps(IN_GRANT).encode()).grant_id == "g-aaaaaaaaaaaaaa"


VARIED = {
    "grant": "g-bbbbbbbbbbbbbb",
    "service": "s3control",
    "operation": "DeleteObject",
    "region": "eu-north-1",
    "parameters": {"Bucket": "reports", "Key": "b"},
}


@pytest.mark.parametrize("member", VARIED)
def test_gw_06_another_call_has_another_canonical_text(member: str) -> None:
    other = parse_call(json.dumps(IN_GRANT | {member: VARIED[member]}).encode())
    assert other.canonical() != parse_call(json.dumps(IN_GRANT).encode()).canonical()


@given(st.permutations(list(IN_GRANT)), st.permutations(["Bucket", "Key"]))
def test_gw_06_the_order_of_members_does_not_change_the_canonical_text(members: list[str], names: list[str]) -> None:
    shuffled = {name: IN_GRANT[name] for name in members}
    shuffled["parameters"] = {name: IN_GRANT["parameters"][name] for name in names}
    assert (
        parse_call(json.dumps(shuffled).encode()).canonical() == parse_call(json.dumps(IN_GRANT).encode()).canonical()
    )
