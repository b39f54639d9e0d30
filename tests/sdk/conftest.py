"""A broker to call, moto as AWS, and no settings of the developer's own."""

from collections.abc import Iterator

import pytest
from moto import mock_aws

from jitney.sdk import grants
from tests.client.conftest import broker, connected, home
from tests.client.fake_broker import GRANT_ID, FakeBroker, ended, issued

__all__ = ["aws", "broker", "connected", "granting", "home"]


@pytest.fixture
def aws() -> Iterator[None]:
    """AWS in this process. It keeps nothing after the test."""
    with mock_aws():
        yield


@pytest.fixture(autouse=True)
def no_review(monkeypatch: pytest.MonkeyPatch) -> None:
    """No request of another test is under review."""
    monkeypatch.setattr(grants, "_UNDER_REVIEW", {})


@pytest.fixture
def granting(connected: FakeBroker, aws: None) -> FakeBroker:
    """A broker that grants every request, and releases."""
    connected.say("POST", "/v1/grants", 201, issued())
    connected.say("GET", f"/v1/grants/{GRANT_ID}", 200, issued())
    connected.say("POST", f"/v1/grants/{GRANT_ID}/credentials", 200, issued())
    connected.say("DELETE", f"/v1/grants/{GRANT_ID}", 200, ended())
    return connected
