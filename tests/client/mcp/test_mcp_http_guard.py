"""The guard of the HTTP port, without a process."""

import pytest

from jitney.client.mcp.http_guard import has_token


@pytest.mark.parametrize(
    ("header", "right"),
    [
        ("Bearer secret", True),
        ("bearer secret", True),
        ("Bearer  secret", False),
        ("Bearer secre", False),
        ("Bearer", False),
        ("", False),
        ("Bearer sécret", False),
    ],
)
def test_gw_13_the_token_is_compared_whole(header: str, *, right: bool):
    assert has_token(header, "secret") is right
