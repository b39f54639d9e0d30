"""The guard of the HTTP port, without a process."""

import pytest

from jitney.client.api.broker import Broker
from jitney.client.mcp import transports
from jitney.client.mcp.http_guard import has_token
from jitney.client.problems import Invalid
from tests.client.fake_broker import FakeBroker
from tests.client.mcp.conftest import FixedToken


@pytest.mark.parametrize(
    ("header", "right"),
    [
        ("Bearer secret", True),
        ("bearer secret", True),
        ("Bearer  secret", False),
        ("Bearer secre", False),
        ("Bearer", False),
        ("Basic secret", False),
        ("", False),
        ("Bearer sécret", False),
    ],
)
def test_gw_13_the_token_is_compared_whole(header: str, *, right: bool):
    assert has_token(header, "secret") is right


def test_gw_13_a_short_token_of_the_environment_serves_no_one(broker: FakeBroker, monkeypatch: pytest.MonkeyPatch):
    served = list[object]()
    monkeypatch.setattr(transports.anyio, "run", lambda *given: served.append(given))
    monkeypatch.setenv("JITNEY_MCP_TOKEN", "x" * 31)
    with pytest.raises(Invalid, match="fewer than 32 characters"):
        transports.serve_http(Broker(broker.url, FixedToken()), "gateway", 0)
    assert not served
    monkeypatch.setenv("JITNEY_MCP_TOKEN", "x" * 32)
    transports.serve_http(Broker(broker.url, FixedToken()), "gateway", 0)
    assert served
