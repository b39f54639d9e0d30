"""Tests of `jitney.core.json_object`."""

import pytest

from jitney.core.json_object import json_object


def test_object() -> None:
    """The members of an object are returned, also those of bytes."""
    assert json_object('{"a": [1]}') == json_object(b'{"a": [1]}') == {"a": [1]}


@pytest.mark.parametrize("text", ["", "[1]", "null", '{"a": ', b"\xff", "[" * 100_000])
def test_anything_else(text: str | bytes) -> None:
    """Another value, damaged text and text that is nested too deeply have no members."""
    assert json_object(text) == {}
