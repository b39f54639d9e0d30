"""A record is either returned as it was written, or not written (row AUD 2)."""

import zlib

import pytest

from jitney.core.integrity.record_bytes import MAX_RECORD_BYTES, compressed_record, record_text
from tests.cpu_time import within_cpu_seconds


@pytest.mark.parametrize(("character", "count"), [("a", 2), ("a", MAX_RECORD_BYTES), ("ü", MAX_RECORD_BYTES // 2)])
def test_aud_02_a_written_record_is_returned(character: str, count: int):
    text = character * count
    assert record_text(compressed_record(text)) == text


@pytest.mark.parametrize(("character", "count"), [("a", MAX_RECORD_BYTES + 1), ("ü", MAX_RECORD_BYTES // 2 + 1)])
def test_aud_02_a_record_that_no_reader_would_return_is_not_written(character: str, count: int):
    with pytest.raises(ValueError, match="more than 1000000"):
        compressed_record(character * count)


def test_aud_02_few_bytes_do_not_become_a_large_text():
    bomb = zlib.compress(b"a" * 100 * MAX_RECORD_BYTES)
    assert len(bomb) < 400_000
    with within_cpu_seconds(1):
        assert record_text(bomb) == ""
