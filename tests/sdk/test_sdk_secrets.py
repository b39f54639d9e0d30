"""Keys and tokens are in no repr, traceback, log, pickle, copy, file or environment (rows CLI 1, STS 5)."""

import copy
import logging
import os
import pickle
import traceback
from pathlib import Path
from typing import Any

import pytest
from botocore.exceptions import ClientError

import jitney
from tests.client.conftest import TOKEN
from tests.client.fake_broker import SECRET, SESSION, FakeBroker
from tests.sdk.gateway_broker import GatewayBroker, gateway_session
from tests.sdk.test_ends import refused
from tests.sdk.test_grants import ACCESS

HIDDEN = (SECRET, SESSION, TOKEN)


def found(text: str) -> list[str]:
    return [each for each in HIDDEN if each in text]


@pytest.fixture
def session(granting: FakeBroker) -> Any:
    with jitney.grant("analytics-prod", **ACCESS) as opened:
        yield opened


def holders(session: Any) -> dict[str, Any]:
    """Return everything of the SDK that a program gets and that leads to keys."""
    credentials = session.get_credentials()
    return {
        "session": session,
        "opened": session._opened,
        "credentials": credentials,
        "keys": credentials.get_frozen_credentials(),
        "provider": session._session.get_component("credential_provider").providers[0],
        "grant": session.grant,
    }


def test_cli_01_no_repr_has_a_key(session: Any):
    for name, holder in holders(session).items():
        assert found(f"{holder!r} {holder!s} {holder}") == [], name
        assert found(repr([holder, {"x": holder}])) == [], name
    assert "ASIACANARYKEYID" in repr(holders(session)["keys"])


@pytest.mark.parametrize("name", ["session", "opened", "credentials", "keys", "provider"])
@pytest.mark.parametrize("act", [pickle.dumps, copy.copy, copy.deepcopy])
def test_cli_01_nothing_that_leads_to_keys_can_be_pickled_or_copied(session: Any, name: str, act: Any):
    with pytest.raises(TypeError, match=r"cannot be pickled|cannot pickle"):
        act(holders(session)[name])


def test_cli_01_a_traceback_with_local_variables_has_no_key(session: Any):
    def leak() -> None:
        keys = session.get_credentials().get_frozen_credentials()  # noqa: F841 - the traceback shows it
        credentials = session.get_credentials()  # noqa: F841
        raise ValueError("broken")

    with pytest.raises(ValueError, match="broken") as broken:
        leak()
    shown = "".join(traceback.TracebackException.from_exception(broken.value, capture_locals=True).format())
    assert "keys = SigningKeys(ASIACANARYKEYID)" in shown
    assert found(shown) == []


def test_cli_01_a_refused_call_has_no_key_in_its_error(session: Any):
    session.events.register_first("before-send", refused("AccessDenied"))
    with pytest.raises(ClientError) as denied:
        session.client("sts").get_caller_identity()
    assert found("".join(traceback.format_exception(denied.value)) + repr(denied.value.response)) == []


def test_cli_01_no_log_of_any_level_has_a_key_or_a_token(session: Any, caplog: pytest.LogCaptureFixture):
    with caplog.at_level(logging.DEBUG):
        session.client("sts").get_caller_identity()
        session.client("s3").list_buckets()
    assert "Calculating signature" in caplog.text
    assert caplog.text.lower().count("x-amz-security-token:***") >= 2
    assert found(caplog.text) == []


def test_cli_01_the_environment_and_the_disk_get_no_key(session: Any, home: Path):
    session.client("sts").get_caller_identity()
    assert found(repr(dict(os.environ))) == []
    written = [path for path in home.rglob("*") if path.is_file() and path != home / "token"]
    assert [path for path in written if found(path.read_text("utf-8", "replace"))] == []


def test_cli_01_problems_of_a_refused_request_have_no_token(connected: FakeBroker):
    connected.say("POST", "/v1/grants", 401, {"code": "token_expired", "title": "Expired", "detail": "d", "fix": "f"})
    with pytest.raises(jitney.Unauthenticated) as refusal, jitney.grant("analytics-prod", **ACCESS):
        pass
    shown = "".join(traceback.format_exception(refusal.value)) + repr(refusal.value) + str(vars(refusal.value))
    assert found(shown) == []
    assert found(pickle.dumps(refusal.value).decode("latin-1")) == []


def test_gw_01_a_gateway_session_logs_only_placeholders(home: Path, aws: None, caplog: pytest.LogCaptureFixture):
    with caplog.at_level(logging.DEBUG), gateway_session(GatewayBroker()) as session:
        session.client("s3").list_buckets()
        with pytest.raises(TypeError, match="cannot be pickled"):
            pickle.dumps(session)
    assert "Credential=jitney-gateway/" in caplog.text
