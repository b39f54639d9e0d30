"""The endpoint of `--gateway` and `--grant` (row GW 1)."""

import pytest

from jitney.client.credentials.gateway_access import gateway_endpoint
from jitney.client.inputs.connection_options import ConnectionOptions
from jitney.client.inputs.request_options import WaitOptions
from jitney.client.inputs.settings import connect
from jitney.client.problems import Invalid
from tests.client.fake_broker import GRANT_ID, FakeBroker, grant


def test_gw_01_a_grant_of_credentials_gets_no_gateway_endpoint(connected: FakeBroker):
    connected.say("GET", f"/v1/grants/{GRANT_ID}", 200, {"grant": grant()})
    broker = connect(ConnectionOptions())
    with (
        pytest.raises(Invalid) as caught,
        gateway_endpoint(broker, GRANT_ID, WaitOptions(), keep=True, user="aws"),
    ):
        pass
    assert caught.value.code == "credentials_grant"
    assert "Use it without --gateway" in caught.value.fix
