"""How long a caller wants to wait, by its Prefer header (row CLI 3)."""

import pytest

from jitney.core.preferences import MOST_WAIT_SECONDS, wait_seconds
from tests.cpu_time import within_cpu_seconds

MOST_HEADER_BYTES = 10_240
"""API Gateway passes on no more of all headers."""


@pytest.mark.parametrize(
    ("prefer", "seconds"),
    [
        ("wait=7", 7),
        ("Wait = 7", 7),
        ('wait="7"', 7),
        ("respond-async, wait=7; strict", 7),
        ('return="a, b\\", wait=3", wait=7', 7),
        ("wait=7, wait=3", 7),
        ("wait=999999999", MOST_WAIT_SECONDS),
        ("wait=1000000000", 0),
        ('return="a, wait=7', 0),
        ("wait=\u0667", 0),
        ("waits=7", 0),
        ("wait=7 seconds", 0),
    ],
)
def test_cli_03_the_wait_is_read_as_rfc_7240_says(prefer: str, seconds: int):
    assert wait_seconds(prefer) == seconds


@pytest.mark.parametrize("part", ['"', '\\"', '"\\"', "\\", ",", "wait=", '"1"', " ", "wait=1,"])
def test_gw_12_a_hostile_preference_takes_linear_time(part: str):
    for start in ("", '"'):
        header = (start + part * MOST_HEADER_BYTES)[:MOST_HEADER_BYTES]
        with within_cpu_seconds(0.1):
            wait_seconds(header)
