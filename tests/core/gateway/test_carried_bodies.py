"""How much of a body of AWS a function can answer with (row GW 5)."""

import base64
import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from jitney.core.gateway.carried_bodies import MAX_RESPONSE_BYTES, ONCE, TWICE, body_text, is_carried, json_length

LENGTHS = (0, 842_857, 842_858, 999_999, 1_500_000, 4_400_000, 4_600_000, 5_500_000)
LAMBDA_LIMIT = 6_291_556
ROW = b'{"name":"some value","n":12345678},'


def returned(body: bytes) -> int:
    """Return the bytes that the function returns to API Gateway: JSON within JSON."""
    text = body_text(body)
    answer = json.dumps({"body": base64.b64encode(body).decode() if text is None else text})
    return len(json.dumps({"statusCode": 200, "body": answer}).encode())


@pytest.mark.parametrize("unit", [b"a", b"\x01", b"\xff", b'"', b"\n", "ü".encode(), "🙂".encode(), ROW], ids=repr)
@pytest.mark.parametrize("length", LENGTHS)
def test_gw_05_a_body_is_carried_if_the_function_can_return_it(unit: bytes, length: int):
    body = unit * (length // len(unit))
    envelope = 100
    assert is_carried(body) == (returned(body) <= MAX_RESPONSE_BYTES + envelope)
    assert MAX_RESPONSE_BYTES + envelope < LAMBDA_LIMIT


def test_gw_05_text_with_many_quotation_marks_is_carried_in_base64_if_only_that_fits():
    body = ROW * (4_400_000 // len(ROW))
    assert body_text(body) is None
    assert is_carried(body)
    assert body_text(ROW * 10_000) == ROW.decode() * 10_000


@given(st.text() | st.text(st.characters(max_codepoint=0x7F)))
def test_gw_05_the_length_in_json_is_that_of_the_written_text(text: str):
    once = json.dumps(text)
    assert json_length(text.encode(), ONCE) + len('""') == len(once)
    assert json_length(text.encode(), TWICE) + len('"\\"\\""') == len(json.dumps(once))
