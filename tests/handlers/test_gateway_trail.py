"""Calls of POST /v1/calls, and CloudTrail's events of them, find each other through records (row GW 8)."""

from collections.abc import Iterator
from dataclasses import replace
from itertools import count
from typing import Any

import pytest

from jitney.adapters.record_items import record_attribute
from jitney.core.access.credentials import Credentials
from jitney.core.gateway.aws_answer import AwsAnswer
from jitney.core.problems import Problem
from jitney.core.records.chain_numbers import sort_key
from jitney.core.trail.call_join import RECORDED_WITHIN_SECONDS
from jitney.handlers.gateway.call_sessions import ReadSessions
from tests.cloudtrail_events import assume_role_event, call_event, identity
from tests.core.identity.minting import NOW
from tests.fakes import GRANT
from tests.handlers.gateway import DELETE, GET, PUT, Gateway
from tests.handlers.test_correlator import Correlator

pytestmark = pytest.mark.usefixtures("functions_environment")

CALLS = "AROACALLSAAAAAAAAAAAA"
KEY = "ASIAEXAMPLEAAAAAAAAA"


class Watched(Gateway):
    """The gateway, with what CloudTrail reports of the calls that AWS receives."""

    def __init__(self) -> None:
        super().__init__()
        self.events: list[dict[str, Any]] = []
        self.faults: list[Problem | AwsAnswer | None] = []
        self.numbers = count(1)
        self.sessions: dict[str, str] = {}
        self.upstream.send = self._send  # type: ignore[method-assign]
        self.system.ports.sessions.issue = self._issue

    def _issue(self, asked: Any) -> Credentials:
        self.key = f"{KEY[:-4]}{next(self.numbers) + 2222}"
        self.sessions[self.key] = asked.name
        members = {"at": NOW, "by": CALLS, "key": self.key, "source_identity": asked.source_identity}
        self.events.append(assume_role_event(next(self.numbers), session=asked.name, **members))
        return Credentials(self.key, "secret", "token", asked.ends_at)

    def _send(self, request: Any, _endpoint: Any, _version: str, credentials: Credentials, _seconds: int) -> AwsAnswer:
        number = next(self.numbers)
        name = {"GET": "GetObject", "PUT": "PutObject", "DELETE": "DeleteObject"}[request.method]
        fault = self.faults.pop(0) if self.faults else None
        if fault is UNREACHED:
            raise UNREACHED
        error = "SlowDown" if isinstance(fault, AwsAnswer) else ""
        self.event(number, credentials.access_key_id, eventName=name, **({"errorCode": error} if error else {}))
        if isinstance(fault, Problem):
            raise fault
        headers = {"x-amz-request-id": f"request-{number}", "content-type": "application/xml"}
        return replace(fault, headers=headers) if fault else AwsAnswer(200, headers, b"")

    def event(self, number: int, key: str, **members: Any) -> None:
        """Add the event of a call with a session's key."""
        who = identity(session=self.sessions[key], key=key, source_identity=self.grant.principal)
        self.events.append(call_event(number, at=NOW + 1, who=who, **members))

    @property
    def grant(self) -> Any:
        return self.system.store.grants[self.grant_id]

    def judged(self, *, backwards: bool = False) -> Iterator[tuple[str, str]]:
        """Yield the operation of each event, and how the correlator explains it."""
        correlator = Correlator(self.grant)
        correlator.now = NOW + 2
        correlator.take_in(*(reversed(self.events) if backwards else self.events))
        for link in self.system.store.links:
            item = {"pk": {"S": link.chain}, "sk": {"S": sort_key(link.seq)}, **record_attribute(link.text)}
            item |= {name: {"S": value} for name, value in link.index}
            correlator.table.put_item(TableName="audit", Item=item, ConditionExpression="attribute_not_exists(pk)")
        correlator.now = NOW + 1 + RECORDED_WITHIN_SECONDS
        correlator.look_again()
        for line in sorted(correlator.lines().values(), key=lambda line: line["event_id"]):
            yield line["operation"], line["record_match"] or ",".join(line["reasons"])


SLOW = AwsAnswer(503, {}, b"<Error><Code>SlowDown</Code><Message>Reduce your request rate.</Message></Error>")
UNREACHED = Problem("upstream_unreached", "x", "x")
LOST = Problem("call_may_have_run", "x", "x")


@pytest.mark.parametrize("backwards", [False, True])
def test_gw_08_every_event_of_the_gateways_calls_finds_its_record(backwards: bool):
    watched = Watched()
    for call, *faults in ((GET,), (PUT,), (GET,), (GET, LOST), (GET, LOST, LOST), (PUT, LOST), (PUT, SLOW)):
        watched.faults = list(faults)
        watched.post(call)
    found = [each for each in watched.judged(backwards=backwards) if each[0] != "AssumeRole"]
    assert sorted(found) == sorted(
        [
            *[("GetObject", "recorded")] * 3,
            *[("GetObject", "answer_lost")] * 3,
            ("PutObject", "recorded"),
            ("PutObject", "answer_lost"),
            ("PutObject", "recorded"),
        ]
    )


@pytest.mark.parametrize("fault", [SLOW, UNREACHED], ids=["throttled", "unreached"])
def test_gw_08_a_call_that_is_sent_again_is_explained_by_its_last_answer(fault: Problem | AwsAnswer):
    watched = Watched()
    watched.faults = [fault]
    watched.post(PUT, key="same")
    watched.post(PUT, key="same")
    found = [match for operation, match in watched.judged() if operation != "AssumeRole"]
    assert found == ["recorded"] * len(found)


def test_gw_08_stolen_keys_of_a_gateway_session_raise_the_alarm():
    """A reader of the function's memory can call with the session's keys, but writes no record of it."""
    watched = Watched()
    watched.post(GET)
    watched.event(900, watched.key, eventName="GetObject")
    watched.post(PUT)
    watched.event(901, watched.key, eventName="PutObject")
    found = [match for operation, match in watched.judged() if operation != "AssumeRole"]
    assert sorted(found) == ["recorded", "recorded", "unrecorded", "unrecorded"]


def test_gw_08_a_call_that_is_not_sent_leaves_no_event_to_explain():
    watched = Watched()
    assert watched.post(DELETE)[0] == 202
    assert watched.events == []


def test_end_02_reads_have_a_new_session_once_a_cut_off_ended_the_kept_one():
    kept, issued = ReadSessions(), []

    def issue() -> Credentials:
        issued.append(Credentials("ASIAEXAMPLE", "", "", GRANT.expires_at))
        return issued[-1]

    for seconds, cut_off_at in ((0, None), (10, NOW + 60), (60, NOW + 60), (61, NOW + 60), (90, NOW + 60)):
        kept.of(replace(GRANT, cut_off_at=cut_off_at), GRANT.permissions, NOW + seconds, issue)
    assert len(issued) == 2
