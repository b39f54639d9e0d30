"""What an allowed request costs: every AWS call that it makes, counted at the clients."""

import json
from collections.abc import Mapping
from contextlib import AbstractContextManager, nullcontext
from datetime import UTC, datetime
from types import MappingProxyType, SimpleNamespace
from typing import Any

from botocore.exceptions import ClientError

from jitney.adapters.sessions import Sessions
from jitney.adapters.store import Store
from jitney.adapters.suspension_item import SuspensionStore
from jitney.handlers.grants import create_grant
from jitney.handlers.runtime.ports import Ports
from tests.core.identity import minting
from tests.handlers.conftest import REQUEST_BODY, System, configuration
from tests.identities import identity

ISSUED = {
    "AccessKeyId": "ASIA",
    "SecretAccessKey": "s",
    "SessionToken": "t",
    "Expiration": datetime(2099, 1, 1, tzinfo=UTC),
}
SHORTEST = 900
"""Seconds of STS's shortest session."""


class Counted:
    """A client that notes each call in `calls`, with its parameters, and answers with what it was given."""

    exceptions = SimpleNamespace(TransactionCanceledException=ClientError)

    def __init__(self, calls: list[tuple[str, Any]], **answers: Any) -> None:
        self._calls = calls
        self._answers = answers

    def __getattr__(self, name: str) -> Any:
        def call(**parameters: Any) -> Any:
            self._calls.append((name, parameters))
            return self._answers.get(name)

        return call


def calls_of(system: System, *asked: Any, **how: Any) -> list[tuple[str, Any]]:
    """The calls of an allowed request after the first, which reads the suspensions (END 8)."""
    (first, read), *others = all_calls_of(system, *asked, **how)
    assert (first, read["Key"]["pk"], read["ConsistentRead"]) == ("get_item", {"S": "SUSPENSIONS"}, True)
    return others


def all_calls_of(
    system: System,
    seconds: int = SHORTEST,
    action: str = "s3:GetObject",
    arn: str = "arn:aws:s3:::reports/2026/a",
    asked: Mapping[str, Any] = MappingProxyType(REQUEST_BODY),
    **how: Any,
) -> list[tuple[str, Any]]:
    """The calls of an allowed request."""
    calls: list[tuple[str, Any]] = []
    client = Counted(calls, transact_write_items={}, batch_get_item={"Responses": {}}, get_item={})
    system.ports.store, system.ports.suspensions = Store(client, "state", "audit"), SuspensionStore(client, "state")
    answered = {"Credentials": ISSUED}
    sts = Counted(calls, assume_role=answered, get_scoped_credentials=answered)
    system.ports.sessions = Sessions(sts, lambda *_keys: nullcontext(sts), system.ports.now)
    permissions = [{"actions": [action], "resources": [arn]}]
    body = {**asked, "permissions": permissions, "duration_seconds": seconds}
    assert system.call(create_grant, body, **how)[0] == 201
    return calls


def test_end_08_an_allowed_request_is_one_read_one_transaction_and_then_one_sts_call(system: System):
    (first, transaction), (second, _) = calls_of(system)
    assert (first, second) == ("transact_write_items", "assume_role")
    assert [next(iter(item)) for item in transaction["TransactItems"]] == ["Put", "Put", "Update"]
    assert system.mask_keys.asked == []


def test_mask_04_a_secret_in_the_request_costs_one_call_of_kms(system: System):
    secret = REQUEST_BODY | {"reason": "token=Xy12345678ab and password=Zy12345678ab", "ticket": "token=Xy12345678ab"}
    (first, transaction), (second, _) = calls_of(system, asked=secret)
    assert (first, second) == ("transact_write_items", "assume_role")
    assert "45678ab" not in repr(transaction)
    assert len(system.mask_keys.asked) == 1


def test_an_idempotency_key_is_in_the_same_transaction(system: System):
    (first, transaction), (second, _) = calls_of(system, Idempotency_Key="k")
    assert (first, second) == ("transact_write_items", "assume_role")
    assert len(transaction["TransactItems"]) == 4


def test_id_14_a_single_use_token_is_used_up_before_anything_else(system: System):
    calls = all_calls_of(system, token=minting.token(iss=minting.SPENT))
    assert [name for name, _ in calls] == ["transact_write_items", "get_item", "transact_write_items", "assume_role"]
    (spent,) = calls[0][1]["TransactItems"]
    assert spent["Put"]["Item"]["pk"]["S"].startswith("REPLAY#")


def test_end_04_a_grant_under_900_seconds_costs_a_second_sts_call(system: System):
    (first, _), (second, assumed), (third, scoped) = calls_of(system, SHORTEST - 1)
    assert (first, second, third) == ("transact_write_items", "assume_role", "get_scoped_credentials")
    assert "sts:GetScopedCredentials" in assumed["Policy"]
    assert "sts:" not in scoped["Policy"]


def test_the_deployed_client_has_the_operation_and_uses_the_regional_endpoint(monkeypatch):
    monkeypatch.delenv("AWS_ENDPOINT_URL", raising=False)
    monkeypatch.setenv("AWS_DEFAULT_REGION", "us-east-1")
    with Ports().sessions._lend("ASIA", "s", "t") as client:
        assert client.meta.endpoint_url == "https://sts.us-east-1.amazonaws.com"
        assert "GetScopedCredentials" in client.meta.service_model.operation_names
    client.close()


def test_sts_05_the_unscoped_session_is_in_no_answer_record_or_log(system: System, capsys):
    """The session that could be scoped down otherwise appears in STS's calls alone."""
    calls: list[tuple[str, Any]] = []
    between = {**ISSUED, "AccessKeyId": "ASIA-between", "SecretAccessKey": "between", "SessionToken": "between"}
    sts = Counted(calls, assume_role={"Credentials": between}, get_scoped_credentials={"Credentials": ISSUED})
    handed: list[str] = []

    def lend(*keys: str) -> AbstractContextManager[Counted]:
        handed.extend(keys)
        return nullcontext(sts)

    system.ports.store = Store(Counted(calls, transact_write_items={}), "state", "audit")
    system.ports.sessions = Sessions(sts, lend, system.ports.now)
    _, answer, headers = system.call(create_grant, REQUEST_BODY)
    assert answer["credentials"]["access_key_id"] == ISSUED["AccessKeyId"]
    assert handed == ["ASIA-between", "between", "between"]
    assert "between" not in json.dumps([answer, headers]) + repr(calls) + "".join(capsys.readouterr())


def test_pol_05_combination_actions_cost_one_read_and_an_entry_in_the_same_transaction(system_with):
    system = system_with(config=configuration('@id("all") permit (principal, action, resource);'))
    function = "arn:aws:lambda:eu-west-1:444455556666:function:f"
    (first, read), (second, transaction), (third, _) = calls_of(system, action="lambda:CreateFunction", arn=function)
    assert (first, second, third) == ("batch_get_item", "transact_write_items", "assume_role")
    ((key,), consistent) = read["RequestItems"]["state"].values()
    assert (key["pk"], consistent) == ({"S": f"ACTIVE_GRANTS#{identity('corp.reader-agent').digest}"}, True)
    assert transaction["TransactItems"][-1]["Put"]["Item"]["pk"] == key["pk"]
    assert len(transaction["TransactItems"]) == 4
