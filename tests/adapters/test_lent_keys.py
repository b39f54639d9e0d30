"""A client signs with the lent keys and has no own keys."""

import threading
from types import SimpleNamespace
from typing import Any

import pytest
from botocore.config import Config
from botocore.exceptions import NoCredentialsError

from jitney.adapters.session_clients import shared_client

BODY = b"<GetCallerIdentityResponse><GetCallerIdentityResult/></GetCallerIdentityResponse>"


@pytest.fixture
def lend(monkeypatch: pytest.MonkeyPatch) -> Any:
    """Return STS clients to lend, in a process that has its own keys."""
    monkeypatch.setenv("AWS_DEFAULT_REGION", "eu-west-1")
    monkeypatch.setenv("AWS_ACCESS_KEY_ID", "AKIAOWN")
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", "own")
    return shared_client("sts", Config(retries={"total_max_attempts": 1}))


def answer(request: Any, **_: Any) -> Any:
    """Send nothing. Return what was signed as the headers of an answer."""
    headers = {
        "signed": request.headers["Authorization"].decode(),
        "token": request.headers["X-Amz-Security-Token"].decode(),
    }
    return SimpleNamespace(status_code=200, headers=headers, content=BODY, raw=None)


def signed_by(client: Any) -> tuple[str, str]:
    headers = client.get_caller_identity()["ResponseMetadata"]["HTTPHeaders"]
    return headers["signed"].partition("Credential=")[2].partition("/")[0], headers["token"]


def test_it_signs_with_the_lent_keys_and_keeps_the_client(lend: Any):
    with lend("ASIAONE", "s", "t1") as one:
        one.meta.events.register("before-send.sts", answer)
        assert signed_by(one) == ("ASIAONE", "t1")
    with lend("ASIATWO", "s", "t2") as two:
        assert two is one
        assert signed_by(two) == ("ASIATWO", "t2")


def test_sts_05_after_the_block_the_keys_are_gone_and_the_functions_own_are_not_used(lend: Any):
    with lend("ASIAONE", "s", "t1") as client:
        client.meta.events.register("before-send.sts", answer)
    with pytest.raises(NoCredentialsError):
        client.get_caller_identity()


def test_sts_05_no_thread_signs_with_the_keys_of_another(lend: Any):
    with lend("ASIA", "s", "t") as client:
        client.meta.events.register("before-send.sts", answer)
    together, signed = threading.Barrier(8), {}

    def call(name: str) -> None:
        with lend(name, "s", name) as lent:
            together.wait()
            signed[name] = {signed_by(lent) for _ in range(20)}

    threads = [threading.Thread(target=call, args=(f"ASIA{number}",)) for number in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert signed == {f"ASIA{number}": {(f"ASIA{number}",) * 2} for number in range(8)}
