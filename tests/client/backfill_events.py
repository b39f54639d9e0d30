"""A trail's bucket, the queue, and what happens in AWS in the lives of backfills."""

import gzip
import io
import json
from collections.abc import Sequence
from dataclasses import replace
from datetime import date
from typing import Any

from botocore.exceptions import ClientError

from jitney.core.access.grant import GrantEnd
from jitney.core.times import epoch, utc_date
from tests.client.backfill_model import DAY, KeyOrigin, MadeEvent, Truth
from tests.cloudtrail_events import (
    ACCOUNT,
    BROKER,
    ROLE_ID,
    assume_role_event,
    call_event,
    forwarded_event,
    identity,
    scoped,
)
from tests.core.trail.test_heartbeat import revoker_called
from tests.fakes import GRANT, NOW
from tests.handlers.test_correlator import ADMIN, Correlator

MIDNIGHT = NOW + DAY // 2
GRANTS = [replace(GRANT, id=f"g-{letter * 14}", starts_at=NOW, expires_at=NOW + 3 * DAY) for letter in "ab"]
FORGOTTEN = "g-zzzzzzzzzzzzzz"
THEIRS = "999999999999"
OLD = 100 * DAY
HOSTILE: tuple[dict[str, Any], ...] = (
    {},
    {"userAgent": "jitney-grants backfilled"},
    {"requestParameters": {"bucketName": "reports", "key": "2026/\uffff\ud7ff\U0010ffff", "roleArn": GRANT.role_arn}},
    {"requestParameters": {"bucketName": "reports", "key": "2026/q3.csv", "x": "y" * 200_000}},
    {"requestParameters": {"bucketName": "reports", "key": "2026/q3.csv", "backfilled": True}},
    {"eventSource": "iam.amazonaws.com", "eventName": "CreateUser", "requestParameters": {"userName": "x"}},
    {"eventSource": "iam.amazonaws.com", "eventName": "CreateUser", "errorCode": "AccessDenied"},
)


class Bucket:
    """The trail's bucket, and the queue, as the backfill sees them. `stop_after` batches, the queue fails."""

    def __init__(self) -> None:
        self.files: dict[str, bytes] = {}
        self.sent: list[str] = []
        self.stop_after: int | None = None

    def get_object(self, *, Bucket: str, Key: str) -> dict[str, Any]:  # noqa: N803
        assert Bucket == "trail"
        return {"ContentLength": len(self.files[Key]), "Body": io.BytesIO(self.files[Key])}

    def get_paginator(self, _: str) -> "Bucket":
        return self

    def paginate(self, *, Bucket: str, Prefix: str, Delimiter: str = "") -> list[dict[str, Any]]:  # noqa: N803
        assert Bucket == "trail"
        found = sorted(each for each in self.files if each.startswith(Prefix))
        folders = dict.fromkeys(Prefix + each[len(Prefix) :].partition("/")[0] + "/" for each in found)
        if Delimiter:
            return [{"CommonPrefixes": [{"Prefix": each} for each in folders]}]
        return [{"Contents": [{"Key": each} for each in found]}]

    def send_message_batch(self, *, QueueUrl: str, Entries: Sequence[dict[str, str]]) -> dict[str, Any]:  # noqa: N803
        assert QueueUrl == "queue"
        accepted = Entries[: (len(Entries) + 1) // 2]
        self.sent += [each["MessageBody"] for each in accepted]
        if self.stop_after == 0:
            raise ClientError({"Error": {"Code": "AccessDenied"}}, "SendMessageBatch")
        self.stop_after = None if self.stop_after is None else self.stop_after - 1
        return {"Failed": [{"Id": each["Id"], "Code": "Throttled"} for each in Entries[len(accepted) :]]}


class TrailEvents(Correlator):
    """Two grants, and the sessions and calls that a trail logs. It begins ten minutes before midnight."""

    bucket: Bucket

    def __init__(self) -> None:
        super().__init__(*GRANTS)
        TrailEvents.bucket = Bucket()
        self.now = MIDNIGHT - 600
        self.messages: list[tuple[int, str]] = []
        self.truth = Truth({each.id: each.expires_at for each in GRANTS}, FORGOTTEN)
        self.undelivered: list[tuple[int, str, bytes]] = []
        self.days: set[date] = set()
        self.made: dict[str, dict[str, Any]] = {}
        self.number = self.made_files = 0

    def session(self, by: str, name: str, arrival: dict[str, Any], *, ago: int = 0) -> None:
        self.number += 1
        key = f"ASIAAAAAAAAA{self.number:08d}"
        who = {"jitney": "AROAGRANTSAAAAAAAAAAA", "admin": ADMIN, "self": ROLE_ID}[by]
        event = assume_role_event(self.number, at=self.now - ago, key=key, session=name, by=who)
        if by == "self":
            event["userIdentity"] = identity(session=GRANTS[0].id)
        self.truth.keys[key] = KeyOrigin(name, {event["sharedEventID"]: by})
        self._happen(event, key, arrival, issues=True)

    def dispute(self, key: int, arrival: dict[str, Any]) -> None:
        """An administrator starts a session, and the event names the key of another one."""
        name = self._key(key)
        if name and not self.truth.keys[name].parent:
            self.number += 1
            session = self.truth.keys[name].session
            event = assume_role_event(self.number, at=self.now, key=name, session=session, by="AROAOTHERAAAAAAAAAAAA")
            self.truth.keys[name].starts[event["sharedEventID"]] = "admin"
            self._happen(event, name, arrival, issues=True)

    def scope_down(self, key: int, arrival: dict[str, Any]) -> None:
        parent = self._key(key)
        if parent and len(list(self.truth.chain(parent))) < 3:
            self.number += 1
            new, name = f"ASIAAAAAAAAA{self.number:08d}", self.truth.keys[parent].session
            event = scoped(self.number, key=parent, to=new, at=self.now) | {"userIdentity": identity(name, parent)}
            self.truth.keys[new] = KeyOrigin(name, {event["eventID"]: "self"}, parent)
            self._happen(event, parent, arrival, issues=True)

    def call(self, key: int, arrival: dict[str, Any], hostile: int, *, ago: int = 0) -> None:
        if name := self._key(key):
            self.number += 1
            who = identity(self.truth.keys[name].session, name)
            event = call_event(self.number, at=self.now - ago, who=who, **HOSTILE[hostile])
            self._happen(event, name, arrival, granted=event["eventName"] == "GetObject")

    def assume_elsewhere(self, key: int, session: str, arrival: dict[str, Any], *, denied: bool, ago: int = 0) -> None:
        """A session assumes a role of its holder, whose path is Jitney's."""
        if name := self._key(key):
            self.number += 1
            event = assume_role_event(self.number, at=self.now - ago, session=session, key=f"ASIAX{self.number:015d}")
            event["requestParameters"]["roleArn"] = f"arn:aws:iam::{THEIRS}:role/jitney/theirs"
            theirs = event | {"recipientAccountId": THEIRS}
            event |= {"userIdentity": identity(self.truth.keys[name].session, name)}
            if denied:
                event |= {"errorCode": "AccessDenied", "responseElements": None}
            else:
                self._deliver_file(theirs, THEIRS, arrival["file"])
            self._happen(event, name, arrival, granted=False)

    def old(self, name: str, by: str, arrival: dict[str, Any]) -> None:
        """A session of so long ago that Jitney no longer has the grants of that time."""
        self.session(by, name, arrival, ago=OLD)
        newest = len(self.truth.keys) - 1
        self.call(newest, arrival, 0, ago=OLD)
        self.assume_elsewhere(newest, FORGOTTEN, arrival, denied=False, ago=OLD)

    def heartbeat(self) -> None:
        self._deliver_file(revoker_called(at=self.now), ACCOUNT, 0)

    def end_grant(self, grant: int) -> None:
        ended = self.store.grants[GRANTS[grant].id]
        if ended.ending is None:
            self.store.grants[ended.id] = replace(ended, ending=GrantEnd(self.now, "revoke", "x", "ops"))
            self.truth.ends[ended.id] = min(ended.expires_at, self.now)

    def wait(self, seconds: int) -> None:
        self.now += seconds
        due = [each for each in self.undelivered if each[0] <= self.now]
        self.undelivered = [each for each in self.undelivered if each[0] > self.now]
        self.bucket.files.update({key: body for _, key, body in due})

    def _key(self, number: int) -> str:
        keys = list(self.truth.keys)
        return keys[number % len(keys)] if keys else ""

    def _happen(
        self, event: dict[str, Any], key: str, arrival: dict[str, Any], *, issues: bool = False, granted: bool = True
    ) -> None:
        shared, denied = event.get("sharedEventID") or event["eventID"], "errorCode" in event
        at = epoch(event["eventTime"])
        copies = [(event, ACCOUNT)]
        if issues and shared.startswith("shared"):
            copies.append((event | {"recipientAccountId": BROKER, "eventID": f"b-{shared}"}, BROKER))
        day = None
        for copy, account in copies:
            for delay in arrival["live"]:
                self.messages.append((self.now + delay, forwarded_event(copy, account=account)))
                self.truth.seen.add(shared)
            if arrival["file"] is not None:
                day = self._deliver_file(copy, account, arrival["file"], at)
                self.truth.seen.add(shared)
        self.truth.events[shared] = MadeEvent(shared, at, key, issues, denied, granted, at > self.now - OLD, day)
        self.made[shared] = event

    def _deliver_file(self, event: dict[str, Any], account: str, delay: int | None, at: int | None = None) -> date:
        written = (self.now if at is None else at) + (delay or 0)
        self.made_files += 1
        day, region = utc_date(written), ("eu-west-1", "us-east-1")[self.number % 2]
        name = f"{account}_CloudTrail_{region}_{day:%Y%m%d}T0000Z_{self.made_files:016d}"
        key = f"AWSLogs/{account}/CloudTrail/{region}/{day:%Y/%m/%d}/{name}.json.gz"
        self.undelivered.append((written, key, gzip.compress(json.dumps({"Records": [event]}).encode(), 1)))
        self.days.add(day)
        return day
