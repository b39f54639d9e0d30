"""A record is either returned as it was written, or not written (row AUD 2)."""

import zlib

import pytest

from jitney.core.compressed_text import MAX_TEXT_BYTES, compress_text, decompress_text
from tests.cpu_time import within_cpu_seconds


@pytest.mark.parametrize(("character", "count"), [("a", 2), ("a", MAX_TEXT_BYTES), ("ü", MAX_TEXT_BYTES // 2)])
def test_aud_02_a_written_record_is_returned(character: str, count: int):
    text = character * count
    assert decompress_text(compress_text(text)) == text


@pytest.mark.parametrize(("character", "count"), [("a", MAX_TEXT_BYTES + 1), ("ü", MAX_TEXT_BYTES // 2 + 1)])
def test_aud_02_a_record_that_no_reader_would_return_is_not_written(character: str, count: int):
    with pytest.raises(ValueError, match="more than 1000000"):
        compress_text(character * count)


def test_aud_02_few_bytes_do_not_become_a_large_text():
    bomb = zlib.compress(b"a" * 100 * MAX_TEXT_BYTES)
    assert len(bomb) < 400_000
    with within_cpu_seconds(1):
        assert decompress_text(bomb) == ""
