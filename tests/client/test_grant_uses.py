"""Equal requests under review share one grant, and its last holder on this machine releases it (rows REV 12, CLI 6)."""

import fcntl
import subprocess
import sys
import threading
from contextlib import suppress
from pathlib import Path

import pytest

from jitney.client.api.broker import Broker
from jitney.client.api.grant_request import GrantRequest
from jitney.client.holding.grant_uses import GrantUse, uses_folder
from jitney.client.holding.held_grant import HeldGrant
from jitney.client.mcp.opened_grants import OpenedGrants
from jitney.client.problems import ReviewPending
from tests.client.fake_broker import GRANT_ID, FakeBroker, ended, grant, issued, under_review, vote
from tests.client.mcp.conftest import FixedToken

pytestmark = pytest.mark.usefixtures("home")
NEED = GrantRequest("analytics-prod", (), 300, "monthly report")
GRANT, KEYS = f"/v1/grants/{GRANT_ID}", f"/v1/grants/{GRANT_ID}/credentials"
HOLDER = f"""
import time
from jitney.client.holding.grant_uses import GrantUse
use = GrantUse({GRANT_ID!r})
print("noted", flush=True)
time.sleep(600)
"""


@pytest.fixture
def approved(broker: FakeBroker) -> FakeBroker:
    """A broker whose reviewers approve the request when two holders have joined it."""
    broker.say("POST", "/v1/grants", 202, under_review())
    broker.say("POST", "/v1/grants", 202, under_review() | {"repeats": True})
    broker.say("POST", KEYS, 201, issued(votes=[vote("approve")]))
    broker.say("DELETE", GRANT, 200, ended())
    return broker


def joined(broker: FakeBroker) -> HeldGrant:
    held = HeldGrant(Broker(broker.url, FixedToken()), NEED)
    with suppress(ReviewPending):
        held.grant()
    held.ask_again()
    return held


def test_cli_06_the_first_holder_to_end_leaves_the_grant_to_the_other(approved: FakeBroker):
    first, other = joined(approved), joined(approved)
    for each in (first, other):
        assert each.grant().state == "active"
    assert first.release() == ()
    assert not approved.calls("DELETE", GRANT)
    assert [each.grant.state for each in other.release()] == ["released"]


def test_cli_06_a_use_that_begins_while_another_ends_counts(monkeypatch: pytest.MonkeyPatch):
    first, lock = [GrantUse(GRANT_ID)], fcntl.flock

    def lock_after_the_end(descriptor: int, kind: int) -> None:
        while kind == fcntl.LOCK_SH and first:
            assert first.pop().end()
        lock(descriptor, kind)

    monkeypatch.setattr(fcntl, "flock", lock_after_the_end)
    second, third = GrantUse(GRANT_ID), GrantUse(GRANT_ID)
    assert [second.end(), third.end()] == [False, True]


def test_cli_06_the_holder_of_an_approved_grant_releases_it_after_an_earlier_wait_has_ended(approved: FakeBroker):
    joined(approved).release()
    held = joined(approved)
    held.grant()
    assert len(held.release()) == 1


def test_cli_06_a_killed_process_holds_no_grant(approved: FakeBroker):
    first = joined(approved)
    first.grant()
    with subprocess.Popen([sys.executable, "-c", HOLDER], stdout=subprocess.PIPE) as holder:
        try:
            assert holder.stdout
            assert holder.stdout.readline() == b"noted\n"
            assert first.release() == ()
        finally:
            holder.kill()
    later = joined(approved)
    later.grant()
    assert len(later.release()) == 1


def test_cli_06_of_uses_that_end_at_once_exactly_one_is_the_last():
    for _ in range(100):
        uses, last, together = [GrantUse(GRANT_ID) for _ in range(4)], [], threading.Barrier(4)

        def end(use: GrantUse, last: list[bool] = last, together: threading.Barrier = together) -> None:
            together.wait()
            last.append(use.end())

        threads = [threading.Thread(target=end, args=(use,)) for use in uses]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        assert sorted(last) == [False, False, False, True]


@pytest.mark.parametrize("home_folder", ["/dev/null", "~"])
def test_cli_06_without_a_folder_for_uses_a_grant_is_released(
    approved: FakeBroker, monkeypatch: pytest.MonkeyPatch, home_folder: str
):
    """There is no home folder, or it is no folder."""
    monkeypatch.setenv("HOME", home_folder)
    held = joined(approved)
    held.grant()
    assert len(held.release()) == 1


def test_cli_06_a_server_that_ends_leaves_a_pending_request_to_the_other_process(approved: FakeBroker):
    opened = OpenedGrants(Broker(approved.url, FixedToken()))
    opened.request(NEED)
    other = joined(approved)
    opened.release_all(10.0)
    assert not approved.calls("DELETE", GRANT)
    other.grant()
    assert len(other.release()) == 1


def test_cli_06_a_server_withdraws_a_pending_request_that_no_process_joined(approved: FakeBroker):
    opened = OpenedGrants(Broker(approved.url, FixedToken()))
    opened.request(NEED)
    opened.release_all(10.0)
    assert len(approved.calls("DELETE", GRANT)) == 1


def test_cli_06_a_server_that_ends_leaves_an_approved_grant_to_the_process_that_waited_for_it(broker: FakeBroker):
    """An equal request gets the approved grant, as long as the waiting process has not collected its credentials."""
    approved = [vote("approve")]
    broker.say("POST", "/v1/grants", 202, under_review())
    broker.say("POST", "/v1/grants", 201, {"grant": grant(votes=approved), "credentials_path": KEYS})
    broker.say("POST", KEYS, 201, issued(votes=approved))
    broker.say("DELETE", GRANT, 200, ended())
    waited, opened = joined(broker), OpenedGrants(Broker(broker.url, FixedToken()))
    opened.request(NEED)
    waited.grant()
    opened.release_all(10.0)
    assert not broker.calls("DELETE", GRANT)
    assert len(waited.release()) == 1


def test_only_the_user_can_open_the_files_of_uses(approved: FakeBroker):
    held = joined(approved)
    assert uses_folder().stat().st_mode & 0o777 == 0o700
    assert [each.stat().st_mode & 0o777 for each in uses_folder().iterdir()] == [0o600]
    held.release()


def test_no_id_in_an_answer_names_a_file_outside_the_folder(home: Path):
    keys = home / ".ssh"
    keys.write_text("kept")
    assert GrantUse("../../../../.ssh").end()
    assert keys.read_text() == "kept"
