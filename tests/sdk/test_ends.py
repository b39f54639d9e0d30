"""What ends with a program, a thread, a forked process and a revocation (row CLI 6)."""

import gc
import subprocess
import sys
import textwrap
import threading
import time
import warnings
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from queue import Queue
from typing import Any

import pytest
from botocore.awsrequest import AWSResponse
from botocore.exceptions import ClientError, ProfileNotFound

import jitney
from jitney.sdk import boto3_sessions, open_grant
from jitney.sdk.review_waits import RenewalReviews, ReviewWait
from tests.client.fake_broker import GRANT_ID, REVIEW, FakeBroker, ended, grant, issued, problem, under_review
from tests.sdk.test_grants import ACCESS, GRANT

FOLDER = Path(jitney.__file__).parents[1]


def run(broker: FakeBroker, code: str, action: str = "always") -> subprocess.CompletedProcess[str]:
    """Run a program that has opened `session` with a grant of the broker."""
    program = f"import jitney\nscope = jitney.grant('analytics-prod', **{ACCESS!r})\nsession = scope.open()\n"
    return subprocess.run(
        [sys.executable, "-W", f"{action}::ResourceWarning", "-c", program + textwrap.dedent(code)],
        capture_output=True,
        text=True,
        check=False,
        cwd=FOLDER,
        timeout=60,
    )


@pytest.mark.parametrize(
    ("code", "action", "exit_code"),
    [
        ("", "error", 0),
        ("raise SystemExit(3)", "always", 3),
        ("1/0", "always", 1),
        ("del scope, session", "error", 0),
    ],
)
def test_cli_06_a_program_that_ends_without_closing_has_released(
    granting: FakeBroker, code: str, action: str, exit_code: int
):
    ran = run(granting, code, action)
    assert ran.returncode == exit_code
    assert len(granting.calls("DELETE", GRANT)) == 1
    assert f"{GRANT_ID} was not closed" in ran.stderr


def test_cli_06_a_forked_process_neither_uses_nor_releases_the_grant(granting: FakeBroker):
    ran = run(
        granting,
        """
        import os, sys
        child = os.fork()
        try:
            session.get_credentials().get_frozen_credentials()
        except jitney.Invalid as refused:
            print(refused.code, os.getpid() != child and child == 0)
            scope.close()
            sys.exit()
        os.waitpid(child, 0)
        print("parent", session.get_credentials().get_frozen_credentials().access_key)
        scope.close()
        """,
    )
    assert ran.stdout.splitlines() == ["grant_of_other_process True", "parent ASIACANARYKEYID"], ran.stderr
    assert len(granting.calls("DELETE", GRANT)) == 1


def test_cli_06_a_process_uses_only_grants_that_it_opened(granting: FakeBroker):
    with jitney.grant("analytics-prod", **ACCESS) as session:
        opened = session._opened
        opened._process += 1
        for use in (opened.credentials, opened.grant, session.client("sts").get_caller_identity):
            with pytest.raises(jitney.Invalid, match="another process") as refusal:
                use()
            assert refusal.value.code == "grant_of_other_process"
        opened._process -= 1


def test_cli_06_a_session_that_nothing_refers_to_is_released(granting: FakeBroker):
    client = jitney.grant("analytics-prod", **ACCESS).open().client("sts")
    gc.collect()
    assert client.get_caller_identity()
    assert not granting.calls("DELETE", GRANT)
    del client
    with pytest.warns(ResourceWarning, match="was not closed"):
        gc.collect()
    for thread in threading.enumerate():
        if thread.name == "jitney-release":
            thread.join()
    assert len(granting.calls("DELETE", GRANT)) == 1


def test_cli_06_a_closed_session_warns_of_nothing(granting: FakeBroker):
    with warnings.catch_warnings(record=True) as seen:
        warnings.simplefilter("always")
        with jitney.grant("analytics-prod", **ACCESS):
            pass
        gc.collect()
    assert not [each for each in seen if each.category is ResourceWarning]
    assert len(granting.calls("DELETE", GRANT)) == 1


def test_cli_04_threads_share_one_key(granting: FakeBroker):
    with jitney.grant("analytics-prod", **ACCESS) as session, ThreadPoolExecutor(8) as pool:
        keys = pool.map(lambda _: session.get_credentials().get_frozen_credentials().access_key, range(40))
        assert set(keys) == {"ASIACANARYKEYID"}
    assert len(granting.calls("POST", "/v1/grants")) == 1
    assert not granting.calls("POST", f"{GRANT}/credentials")


def test_cli_04_keys_are_renewed_before_they_end(connected: FakeBroker, aws: None):
    soon = time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime(time.time() + 3))
    first = issued() | {"credentials": issued()["credentials"] | {"expiration": soon, "access_key_id": "ASIAFIRST"}}
    connected.say("POST", "/v1/grants", 201, first)
    connected.say("POST", f"{GRANT}/credentials", 200, issued())
    connected.say("DELETE", GRANT, 200, ended())
    with jitney.grant("analytics-prod", **ACCESS) as session:
        keys = session.get_credentials()
        client = session.client("sts")
        client.get_caller_identity()
        assert keys.get_frozen_credentials().access_key == "ASIACANARYKEYID"
    assert len(connected.calls("POST", f"{GRANT}/credentials")) == 1


def test_cli_03_the_review_of_the_next_grant_is_announced_once_while_calls_work(connected: FakeBroker, aws: None):
    begun, soon = (time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime(time.time() + each)) for each in (-250, 50))
    grant = issued(starts_at=begun, expires_at=soon)
    first = grant | {"credentials": grant["credentials"] | {"expiration": soon}}
    connected.say("POST", "/v1/grants", 201, first)
    connected.say("POST", "/v1/grants", 202, under_review())
    connected.say("GET", GRANT, 200, {"grant": first["grant"]})
    connected.say("DELETE", GRANT, 200, ended())
    seen: Queue[tuple[jitney.ReviewPending, str]] = Queue()

    def on_pending(review: jitney.ReviewPending) -> None:
        seen.put((review, session.client("sts").get_caller_identity()["Account"]))

    with jitney.grant("analytics-prod", on_pending=on_pending, **ACCESS) as session:
        sts = session.client("sts")
        for _ in range(3):
            assert sts.get_caller_identity()
        review, account = seen.get(timeout=60)
    assert (review.reviewers, account) == (tuple(REVIEW["reviewers"]), "123456789012")
    assert "same again" in review.fix
    assert seen.empty()


def test_cli_03_each_review_of_a_next_grant_is_announced_once():
    seen: Queue[jitney.ReviewPending] = Queue()
    reviews = RenewalReviews(ReviewWait(on_pending=seen.put))
    for number in ("g-1", "g-1", "g-2"):  # the renewal of g-1 is tried twice
        reviews.note(jitney.ReviewPending("grant_pending", "Pending", "", extras={"grant": grant(id=number)}))
    assert sorted(seen.get(timeout=60).grant_id for _ in range(2)) == ["g-1", "g-2"]
    for thread in threading.enumerate():
        if thread.name == "jitney-review":
            thread.join()
    assert seen.empty()


def refused(code: str, status: int = 403) -> Any:
    """Return a handler that answers every call with an error of AWS."""

    class Body:
        def stream(self) -> Any:
            yield f"<ErrorResponse><Error><Code>{code}</Code><Message>m</Message></Error></ErrorResponse>".encode()

    return lambda request, **_: AWSResponse(request.url, status, {}, Body())  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("code", "status"), [("AccessDenied", 403), ("ExpiredToken", 403), ("InvalidClientTokenId", 403)]
)
def test_end_01_a_revoked_grant_says_so_at_the_next_call(granting: FakeBroker, code: str, status: int):
    with jitney.grant("analytics-prod", **ACCESS) as session:
        session.events.register_first("before-send", refused(code, status))
        sts = session.client("sts")
        granting._said[("GET", GRANT)].clear()
        granting.say("GET", GRANT, 200, ended("revoked", "key leaked"))
        for _ in range(3):
            with pytest.raises(jitney.Revoked, match="key leaked"):
                sts.get_caller_identity()
        assert len(granting.calls("GET", GRANT)) == 1
        with pytest.raises(jitney.Revoked):
            session.get_credentials().get_frozen_credentials()


def test_end_01_a_revoked_grant_says_so_to_each_thread_at_once(granting: FakeBroker, monkeypatch: pytest.MonkeyPatch):
    """A multipart upload shows the error of its fastest thread."""
    with jitney.grant("analytics-prod", **ACCESS) as session:
        session.events.register_first("before-send", refused("AccessDenied"))
        granting._said[("GET", GRANT)].clear()
        granting.say("GET", GRANT, 200, ended("revoked", "key leaked"))
        broker = session._opened.broker
        asking, present = threading.Event(), broker.grant

        def slow(grant_id: str) -> Any:
            asking.set()
            time.sleep(0.3)
            return present(grant_id)

        monkeypatch.setattr(broker, "grant", slow)
        with ThreadPoolExecutor(2) as pool:
            first = pool.submit(session._opened.why_refused)
            assert asking.wait(5)
            second = pool.submit(session._opened.why_refused)
        assert [type(each.result()) for each in (first, second)] == [jitney.Revoked] * 2
        assert len(granting.calls("GET", GRANT)) == 1


def test_end_01_a_denial_of_aws_in_an_active_grant_stays_aws(granting: FakeBroker, monkeypatch: pytest.MonkeyPatch):
    with jitney.grant("analytics-prod", **ACCESS) as session:
        session.events.register_first("before-send", refused("AccessDenied"))
        sts = session.client("sts")
        for _ in range(5):
            with pytest.raises(ClientError, match="AccessDenied"):
                sts.get_caller_identity()
        assert len(granting.calls("GET", GRANT)) == 1
        monkeypatch.setattr(open_grant, "CHECK_SECONDS", 0)
        with pytest.raises(ClientError, match="AccessDenied"):
            sts.get_caller_identity()
        assert len(granting.calls("GET", GRANT)) == 2


def test_end_01_without_the_broker_aws_error_stays(granting: FakeBroker, caplog: pytest.LogCaptureFixture):
    with jitney.grant("analytics-prod", **ACCESS) as session:
        session.events.register_first("before-send", refused("AccessDenied"))
        granting._said[("GET", GRANT)].clear()
        granting.say("GET", GRANT, 404, problem("grant_not_found"))
        with pytest.raises(ClientError, match="AccessDenied"):
            session.client("sts").get_caller_identity()
    assert "is unknown" in caplog.text


@pytest.mark.parametrize(("code", "status"), [("NoSuchBucket", 404), ("AccessDenied", 500), ("ValidationError", 400)])
def test_end_01_other_errors_ask_no_broker(granting: FakeBroker, code: str, status: int):
    with jitney.grant("analytics-prod", **ACCESS) as session:
        answer = refused(code, status)(type("Request", (), {"url": ""}))
        assert not boto3_sessions.is_about_access(answer, {"Error": {"Code": code}})
        assert session.grant.id
    assert not granting.calls("GET", GRANT)


def test_cli_04_no_token_of_the_environment_replaces_the_keys_of_the_grant(
    granting: FakeBroker, monkeypatch: pytest.MonkeyPatch
):
    """botocore prefers it for Bedrock. The calls would be another identity's, and outside of the grant."""
    monkeypatch.setenv("AWS_BEARER_TOKEN_BEDROCK", "canary")
    sent: list[Any] = []
    with jitney.grant("analytics-prod", **ACCESS) as session:
        session.events.register_first("before-send", lambda request, **_: sent.append(dict(request.headers)))
        assert session._session.get_auth_token(signing_name="bedrock") is None
        session.client("bedrock", region_name="eu-west-1").list_custom_models()
    (headers,) = sent
    assert b"Credential=ASIACANARYKEYID/" in headers["Authorization"]
    assert b"canary" not in headers["Authorization"].lower().replace(b"asiacanarykeyid", b"")


def test_cli_06_a_session_that_cannot_be_made_leaves_no_grant(granting: FakeBroker, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setenv("AWS_PROFILE", "no-such-profile")
    with pytest.raises(ProfileNotFound), jitney.grant("analytics-prod", **ACCESS):
        pass
    assert len(granting.calls("DELETE", GRANT)) == 1
