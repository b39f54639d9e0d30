"""How much of a body of AWS a function can answer with (row GW 5)."""

import base64
import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from jitney.core.gateway.carried_bodies import MAX_RESPONSE_BYTES, body_text, is_carried, json_length

LENGTHS = (0, 999_999, 1_000_000, 1_000_001, 1_500_000, 4_400_000, 4_600_000, 5_500_000)


@pytest.mark.parametrize("unit", [b"a", b"\x01", b"\xff", b'"', "ü".encode()], ids=repr)
@pytest.mark.parametrize("length", LENGTHS)
def test_gw_05_a_body_is_carried_if_its_json_fits(unit: bytes, length: int):
    body = unit * (length // len(unit))
    text = body_text(body)
    written = len(base64.b64encode(body)) if text is None else len(json.dumps(text)) - 2
    assert is_carried(body) == (written <= MAX_RESPONSE_BYTES)


@given(st.text() | st.text(st.characters(max_codepoint=0x7F)))
def test_gw_05_the_length_in_json_is_that_of_the_written_text(text: str):
    assert json_length(text.encode()) == len(json.dumps(text))
