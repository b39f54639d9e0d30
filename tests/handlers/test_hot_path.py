"""What an allowed request costs: every AWS call that it makes, counted at the clients."""

from datetime import UTC, datetime
from types import SimpleNamespace
from typing import Any

from botocore.exceptions import ClientError

from adapters.sessions import Sessions
from adapters.store import Store
from handlers.grants import create_grant
from tests.core.identity import minting
from tests.handlers.conftest import ASKED, System

ISSUED = {
    "AccessKeyId": "ASIA",
    "SecretAccessKey": "s",
    "SessionToken": "t",
    "Expiration": datetime(2099, 1, 1, tzinfo=UTC),
}


class Counted:
    """A client that notes each call in `calls`, with its parameters, and answers with what it was given."""

    exceptions = SimpleNamespace(TransactionCanceledException=ClientError)

    def __init__(self, calls: list[tuple[str, Any]], **answers: Any) -> None:
        self._calls = calls
        self._answers = answers

    def __getattr__(self, name: str) -> Any:
        def call(**parameters: Any) -> Any:
            self._calls.append((name, parameters))
            return self._answers[name]

        return call


def calls_of(system: System, **how: Any) -> list[tuple[str, Any]]:
    calls: list[tuple[str, Any]] = []
    system.ports.store = Store(Counted(calls, transact_write_items={}), "state", "audit")
    system.ports.sessions = Sessions(Counted(calls, assume_role={"Credentials": ISSUED}))
    asked = ASKED | {"permissions": [{"actions": ["s3:GetObject"], "resources": ["arn:aws:s3:::reports/2026/a"]}]}
    assert system.call(create_grant, asked, **how)[0] == 201
    return calls


def test_an_allowed_request_is_exactly_one_transaction_and_then_one_sts_call(system: System):
    (first, transaction), (second, _) = calls_of(system)
    assert (first, second) == ("transact_write_items", "assume_role")
    assert [next(iter(item)) for item in transaction["TransactItems"]] == ["Put", "Put"]


def test_keys_for_repeating_and_replay_ride_in_the_same_transaction(system: System):
    (first, transaction), (second, _) = calls_of(system, Idempotency_Key="k", token=minting.token(iss=minting.SPENT))
    assert (first, second) == ("transact_write_items", "assume_role")
    assert len(transaction["TransactItems"]) == 4
