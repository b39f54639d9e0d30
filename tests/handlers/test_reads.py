import json
from dataclasses import replace
from typing import Any

import pytest

from adapters.store import PAGE
from core.access.grant import State
from core.config import ReviewerGroup
from handlers.grant_reads import read_grants
from handlers.health import health
from handlers.ports import Ports
from handlers.publisher import publish
from tests.fakes import GRANT
from tests.handlers.conftest import System


def mine(number: int):
    name = f"g-{number:014d}".translate(str.maketrans("0123456789", "abcdefghij"))
    return replace(
        GRANT, id=name, issuer="https://idp.corp.example.com", principal="corp.reader-agent", created_at=number
    )


def test_one_sees_ones_own_grants_page_by_page(system: System):
    for number in range(PAGE + 1):
        system.store.grants[mine(number).id] = mine(number)
    system.store.grants[GRANT.id + "x"] = replace(GRANT, principal="corp.other")
    _, first, _ = system.call(read_grants)
    _, rest, _ = system.call(read_grants, query={"cursor": first["next"]})
    assert len(first["grants"]) == PAGE
    assert [each["id"] for each in rest["grants"]] == [mine(0).id]
    assert rest["next"] is None


def test_cli_03_an_agent_sees_who_has_approved_and_where_its_request_went(system: System):
    groups = {
        "owners": ReviewerGroup(("corp.alice",), escalates_to="security", escalates_after_seconds=60),
        "legal": ReviewerGroup(("corp.bob",), escalates_to="security", escalates_after_seconds=600),
        "security": ReviewerGroup(("corp.carol",)),
    }
    system.ports.config = replace(system.config, reviewers=groups)
    pending = replace(mine(1), state=State.PENDING, reviews=(("owners", "legal"),), created_at=system.now)
    pending = replace(pending, expires_at=system.now + 3600)
    seen = []
    for later, approvals in ((0, ()), (60, ()), (600, ("owners",)), (600, ("legal", "owners"))):
        system.store.grants[pending.id] = replace(pending, approvals=approvals, created_at=system.now - later)
        review = system.call(read_grants, grant_id=pending.id)[1]["review"]
        seen.append((review["any_of"], review["approved"], review["escalated_to"]))
    asked = [["owners", "legal"]]
    assert seen == [
        (asked, [], []),
        (asked, [], ["security"]),
        (asked, ["owners"], ["security"]),
        (asked, ["legal", "owners"], []),
    ]


@pytest.mark.parametrize("cursor", ["x", "000000000001#g-AAAAAAAAAAAAAA", "1#2#3"])
def test_a_made_up_cursor_is_refused(system: System, cursor: str):
    assert system.call(read_grants, query={"cursor": cursor})[1]["code"] == "request_invalid"


def test_health_needs_no_token_and_tells_nothing(system: System):
    status, body, _ = system.call(health, token="")
    assert (status, set(body)) == (200, {"status", "version"})


class Stream:
    """A delivery stream that takes everything but the records at `refused`."""

    def __init__(self, refused: tuple[int, ...] = ()) -> None:
        self.taken: list[str] = []
        self._refused = refused

    def put(self, texts: list[str]) -> list[int]:
        self.taken += [text for index, text in enumerate(texts) if index not in self._refused]
        return [index for index in self._refused if index < len(texts)]


def stream_event(*texts: str) -> dict:
    written = [{"SequenceNumber": str(n), "NewImage": {"record": {"S": text}}} for n, text in enumerate(texts)]
    return {"Records": [{"eventName": "INSERT", "dynamodb": each} for each in written]}


def test_every_record_is_published():
    stream = Stream()
    assert publish(stream_event("a", "b"), Ports(records_stream=stream)) == {"batchItemFailures": []}
    assert stream.taken == ["a", "b"]


def test_aud_06_what_was_not_taken_comes_again():
    failures = publish(stream_event("a", "b", "c"), Ports(records_stream=Stream((1,))))
    assert failures == {"batchItemFailures": [{"itemIdentifier": "1"}]}


def test_aud_03_calls_go_to_a_stream_of_their_own_and_what_they_are_joined_by_to_none():
    records, calls = Stream(), Stream((0,))
    images = [{"record": {"S": "a"}}, {"line": {"S": "b"}}, {"issue": {"S": "c"}}, {"call": {"S": "d"}}]
    written = [{"SequenceNumber": str(n), "NewImage": image} for n, image in enumerate(images)]
    event = {"Records": [{"eventName": "INSERT", "dynamodb": each} for each in written]}
    answer = publish(event, Ports(records_stream=records, calls_stream=calls))
    assert (records.taken, answer) == (["a"], {"batchItemFailures": [{"itemIdentifier": "1"}]})


TTL = {"type": "Service", "principalId": "dynamodb.amazonaws.com"}
KEYS = {"pk": {"S": "g-aaaaaaaaaaaaaa"}, "sk": {"S": "000000"}}


def change(name: str, text: str = "", **members: Any) -> dict:
    image = {"NewImage": {**KEYS, "record": {"S": text}}} if text else {}
    return {"eventName": name, "dynamodb": {"SequenceNumber": "7", "Keys": KEYS, **image}, **members}


def test_a_deletion_by_ttl_publishes_nothing_and_is_no_tampering(capsys, caplog):
    event = {"Records": [change("REMOVE", userIdentity=TTL)]}
    assert publish(event, Ports()) == {"batchItemFailures": []}
    assert (capsys.readouterr().out, caplog.records) == ("", [])


@pytest.mark.parametrize(
    "changed",
    [
        change("MODIFY", "canary"),
        change("MODIFY", "canary", userIdentity=TTL),
        {"eventName": "INSERT", "dynamodb": {"SequenceNumber": "7", "Keys": KEYS, "NewImage": KEYS}},
        change("REMOVE"),
        change("REMOVE", userIdentity=None),
        change("REMOVE", userIdentity={**TTL, "type": "User"}),
        change("REMOVE", userIdentity={**TTL, "principalId": "AIDAEXAMPLE"}),
    ],
)
def test_aud_02_a_changed_or_deleted_record_is_reported_and_not_published(changed: dict, capsys, caplog, monkeypatch):
    monkeypatch.setenv("POWERTOOLS_METRICS_NAMESPACE", "Jitney")
    stream = Stream()
    event = {"Records": [changed, *stream_event("a")["Records"], changed]}
    assert publish(event, Ports(records_stream=stream)) == {"batchItemFailures": []}
    assert stream.taken == ["a"]
    told = [(each.levelname, each.chain, each.seq) for each in caplog.records]
    assert told == [("ERROR", "g-aaaaaaaaaaaaaa", "000000")] * 2
    assert "canary" not in str([vars(each) for each in caplog.records])
    metric = json.loads(capsys.readouterr().out)
    assert metric["AuditRecordsTampered"] == [2.0]
    (described,) = metric["_aws"]["CloudWatchMetrics"]
    assert (described["Namespace"], described["Dimensions"]) == ("Jitney", [["service"]])
    assert metric["service"] == "jitney"
