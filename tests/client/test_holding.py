"""What `jitney run` and `jitney serve` note when no grant follows the one that they hold."""

import signal
import subprocess
import sys
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from jitney.client.api.broker import Broker
from jitney.client.api.responses import GrantResponse
from jitney.client.holding.holding import holding
from jitney.client.inputs.connection_options import ConnectionOptions
from jitney.client.inputs.request_options import WaitOptions
from jitney.client.inputs.settings import connect
from jitney.client.problems import Denied
from jitney.client.processes.child import ended_by_signals
from tests.client.fake_broker import CREDENTIALS, GRANT_ID, FakeBroker, ended, grant, problem
from tests.client.test_held_grant import NEED

GRANT, GRANTS, KEYS = f"/v1/grants/{GRANT_ID}", "/v1/grants", f"/v1/grants/{GRANT_ID}/credentials"


def ending() -> dict[str, Any]:
    end = (datetime.now(UTC) + timedelta(seconds=4)).isoformat()
    return {"grant": grant(expires_at=end), "credentials": CREDENTIALS | {"expiration": end}}


def noted(access: Any, capsys: pytest.CaptureFixture[str]) -> str:
    """Return what is noted when the grant cannot be continued."""
    with (
        connect(ConnectionOptions()) as broker,
        holding(broker, access, WaitOptions(), way="credentials", keep=True, user="aws") as held,
        pytest.raises(Denied),
    ):
        held.credentials()
    return " ".join(capsys.readouterr().err.split())


def test_end_01_after_a_revocation_a_note_names_the_operator_to_ask_before_another_request(
    connected: FakeBroker, capsys: pytest.CaptureFixture[str]
):
    connected.say("POST", GRANTS, 201, ending())
    connected.say("GET", GRANT, 200, ended("revoked", "key leaked"))
    said = noted(NEED, capsys)
    assert "the AWS calls of aws fail now." in said
    fix = "Talk to reader-agent before you make another request."
    assert said.endswith(f"Grant {GRANT_ID} is revoked: key leaked. {fix}")
    assert len(connected.calls("POST", GRANTS)) == 1


def test_end_01_after_the_revocation_of_a_named_grant_no_other_one_is_advised(
    connected: FakeBroker, capsys: pytest.CaptureFixture[str]
):
    connected.say("POST", KEYS, 201, ending() | {"grant": grant()})
    connected.say("POST", KEYS, 410, problem("grant_revoked"))
    said = noted(GRANT_ID, capsys)
    assert said.endswith("fail now. The title: The detail of grant_revoked. The fix of grant_revoked.")


@pytest.mark.parametrize(("code", "advised"), [("rejected_before", False), ("suspended", False), ("denied", True)])
def test_rev_17_a_longer_request_is_advised_only_where_policies_decide(
    connected: FakeBroker, capsys: pytest.CaptureFixture[str], code: str, advised: bool
):
    connected.say("POST", GRANTS, 201, ending())
    connected.say("POST", GRANTS, 403, problem(code))
    connected.say("GET", GRANT, 200, {"grant": grant()})
    said = noted(NEED, capsys)
    assert f"aws outlives {GRANT_ID}, which ends at" in said
    assert said.endswith(f"The fix of {code}.")
    assert ("Request more time: --for 1h." in said) is advised


def test_pol_01_a_note_says_from_when_on_a_time_window_permits_the_next_grant(
    connected: FakeBroker, capsys: pytest.CaptureFixture[str]
):
    connected.say("POST", GRANTS, 201, ending())
    connected.say("POST", GRANTS, 403, problem("denied", retry_at="2099-12-01T18:00:00Z"))
    connected.say("GET", GRANT, 200, {"grant": grant()})
    said = noted(NEED, capsys)
    assert f"aws outlives {GRANT_ID}, which ends at" in said
    assert "The detail of denied. From 2099-12-01 18:00:00 UTC (in " in said
    assert said.endswith("d) on, its AWS calls request another grant.")


def test_pol_01_a_note_advises_no_longer_request_if_only_a_shorter_one_would_pass(
    connected: FakeBroker, capsys: pytest.CaptureFixture[str]
):
    connected.say("POST", GRANTS, 201, ending())
    connected.say("POST", GRANTS, 403, problem("denied", longest_seconds=48))
    connected.say("GET", GRANT, 200, {"grant": grant()})
    assert noted(NEED, capsys).endswith("The detail of denied.")


def test_pol_01_the_note_on_a_named_grant_in_a_time_window_has_the_fix(
    connected: FakeBroker, capsys: pytest.CaptureFixture[str]
):
    connected.say("POST", KEYS, 201, ending() | {"grant": grant()})
    connected.say("POST", KEYS, 403, problem("denied", retry_at="2099-12-01T18:00:00Z"))
    assert noted(GRANT_ID, capsys).endswith("requests the next grant. The fix of denied.")


def test_cli_06_a_note_needs_no_file_that_an_upgrade_may_have_removed_and_no_terminal():
    code = """
import os, sys
from jitney.client.credentials import credentials_access, gateway_access
from jitney.client.holding import holding
from jitney.client.problems import Unavailable
from jitney.client.api.responses import GrantResponse
from tests.client.fake_broker import issued
grant = GrantResponse.read(issued()).grant
notes = holding._RenewalNotes("aws", lambda: 0.0, named=False)
before = set(sys.modules)
notes.continued(grant)
notes.failed(Unavailable("no_response", "No answer", "It did not answer."))
print(sorted(set(sys.modules) - before))
reader, writer = os.pipe()
os.close(reader)
os.dup2(writer, 2)
notes.continued(grant)
"""
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout == "[]\n"
    assert done.stderr.count("\n") == 2


@pytest.mark.parametrize("name", ["SIGTERM", "SIGHUP"])
@pytest.mark.parametrize("before", [True, False], ids=["again", "first"])
def test_end_01_a_signal_during_the_release_ends_the_command_after_it(
    connected: FakeBroker, monkeypatch: pytest.MonkeyPatch, name: str, before: bool
):
    released = Broker.release

    def signalled(broker: Broker, number: str) -> GrantResponse:
        signal.raise_signal(signal.Signals[name])
        return released(broker, number)

    def command() -> None:
        with (
            ended_by_signals(),
            connect(ConnectionOptions()) as broker,
            holding(broker, NEED, WaitOptions(), way="credentials", keep=False, user="aws"),
        ):
            if before:
                signal.raise_signal(signal.SIGTERM)

    monkeypatch.setattr(Broker, "release", signalled)
    connected.say("POST", GRANTS, 201, ending())
    connected.say("DELETE", GRANT, 200, ended("released", "done"))
    with pytest.raises(SystemExit) as exited:
        command()
    assert exited.value.code == 128 + signal.Signals[name]
    assert len(connected.calls("DELETE", GRANT)) == 1
