"""Makes a restored state table safe to use, for `jitney restore`.

A table that was restored to an earlier time does not know which grants were revoked later. So every target is suspended
in it before a function reads it. Then nothing is issued, every grant of the table ends, and the deny documents deny all
sessions from before. An operator lifts the suspensions when no session and no token from before is left
(docs/restore.md). A second run, after the deployment, begins the suspensions again. So it covers sessions that earlier
functions issued meanwhile.

The audit table may be newer than the state table. Each open grant then continues the chain of its records where the
audit table ends. Otherwise no change of the grant could be recorded.

Needs the extras `audit` and `policy`.
"""

import json
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager, suppress
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import Any

import boto3
from botocore.config import Config
from botocore.exceptions import BotoCoreError, ClientError

from jitney.adapters.clock import new_id
from jitney.adapters.grant_items import grant_id_of, text_of
from jitney.adapters.record_items import record_in
from jitney.adapters.store import Store
from jitney.adapters.suspension_item import SuspensionStore
from jitney.adapters.transactions import StaleWrite
from jitney.client.aws import unusable
from jitney.client.problems import Invalid, Unavailable
from jitney.configuration.load import ConfigurationError, load_configuration
from jitney.core import audit
from jitney.core.access.suspensions import Suspension, SuspensionKind, Suspensions
from jitney.core.audit import AuditEvent, AuditRecord, Outcome
from jitney.core.problems import Problem

TITLE = "The tables were not prepared"
AGAIN = "Run the same command again: repeating it is safe."
BY = "jitney.restore"
REASON = "the tables were restored to an earlier time"
INDEXES = frozenset({"by_principal", "open_by_role"})
PAUSE_SECONDS = 2
"""Between attempts to change a table that another change keeps busy."""
ATTEMPTS = 60


@dataclass
class RestoreSummary:
    """What a run found and did. `continued` grants have newer records in the audit table than in the state table."""

    state_table: str
    audit_table: str
    audit_stream_arn: str = ""
    suspended: tuple[str, ...] = ()
    open_grants: int = 0
    continued: int = 0

    def document(self) -> dict[str, Any]:
        """Return the summary as JSON."""
        return asdict(self)


def targets_of(config: Path | None, env: dict[str, str]) -> tuple[str, ...]:
    """Return the aliases of the configured targets. Raises Invalid."""
    path = config or Path("jitney.yaml")
    try:
        return tuple(load_configuration(path, env, local=False).settings.targets)
    except ConfigurationError as error:
        raise Invalid(
            "configuration_invalid", TITLE, str(error), "Correct the file, or name it with --config."
        ) from error


class RestoredTables:
    """A restored state table, and the audit table that goes with it.

    Every method raises Unavailable if AWS refuses a request. `progress` is called with what begins, and `now` returns
    epoch seconds.
    """

    def __init__(
        self,
        dynamodb: Any,
        state_table: str,
        audit_table: str,
        progress: Callable[[str], None] = lambda _: None,
        now: Callable[[], int] = lambda: int(time.time()),
        pause: Callable[[float], None] = time.sleep,
    ) -> None:
        self.summary = RestoreSummary(state_table, audit_table)
        self._dynamodb, self._progress, self._now, self._pause = dynamodb, progress, now, pause

    def prepare(self, targets: Sequence[str]) -> None:
        """Suspend the targets first, so that a later failure leaves nothing open. Then continue chains, and settings.

        Raises Invalid for a table of another form or key.
        """
        self._check()
        self._suspend(targets)
        self._continue_chains()
        self._protect()

    def _check(self) -> None:
        table = self._table(self.summary.state_table)
        names = {each["IndexName"] for each in table.get("GlobalSecondaryIndexes", ())}
        if [each["AttributeName"] for each in table["KeySchema"]] != ["pk", "sk"] or not names >= INDEXES:
            raise Invalid(
                "table_invalid",
                TITLE,
                f"{self.summary.state_table} is not a state table.",
                "Name a restored state table.",
            )
        for name in (self.summary.state_table, self.summary.audit_table):
            if not self._table(name).get("SSEDescription", {}).get("KMSMasterKeyArn"):
                fix = "Restore it again with --sse-specification-override, as docs/restore.md shows."
                raise Invalid("table_invalid", TITLE, f"{name} is not encrypted with Jitney's key.", fix)

    def _suspend(self, targets: Sequence[str]) -> None:
        for alias in targets:
            self._progress(f"suspending {alias}")
            for _ in range(ATTEMPTS):
                # In a table that is deployed already, operators change suspensions meanwhile.
                with suppress(StaleWrite), _available("the state table"):
                    self._suspend_target(alias)
                    break
                self._pause(PAUSE_SECONDS)
            else:
                raise Unavailable("aws_refused", TITLE, "Others change the suspensions at the same time.", AGAIN)
        self.summary.suspended = tuple(targets)

    def _suspend_target(self, alias: str) -> None:
        """Begin the target's suspension now. Raises what the adapters raise."""
        before, now = SuspensionStore(self._dynamodb, self.summary.state_table).current(), self._now()
        suspension = Suspension(new_id("s"), SuspensionKind.TARGET, alias, now, BY, REASON)
        earlier = before.of(SuspensionKind.TARGET, alias)
        if earlier:
            suspension = replace(earlier, since=now)
        after = _with(before, suspension) if earlier else before.with_new(suspension)
        detail = {"suspension": suspension.id, "kind": str(suspension.kind), "name": alias}
        record = AuditRecord(
            now, AuditEvent.SUSPENSION, Outcome.SET, principal=BY, target=alias, reason=REASON, detail=detail
        )
        store = Store(self._dynamodb, self.summary.state_table, self.summary.audit_table)
        store.change_suspensions(before, after, audit.chain_record(record, new_id("r")), now=now)

    def _continue_chains(self) -> None:
        for item in self._open_items():
            self.summary.open_grants += 1
            self._progress(f"continuing the records of open grants: {self.summary.open_grants}")
            last = self._last_record(grant_id_of(item))
            if last is None or last["seq"] < int(item["records"]["N"]):
                continue
            lifecycle = json.loads(text_of(item, "lifecycle")) | {"chain_head": last["hash"]}
            values = {
                ":records": {"N": str(last["seq"] + 1)},
                ":lifecycle": {"S": json.dumps(lifecycle, separators=(",", ":"))},
                ":had": item["records"],
            }
            with _available("the state table"):
                self._dynamodb.update_item(
                    TableName=self.summary.state_table,
                    Key={"pk": item["pk"], "sk": item["sk"]},
                    UpdateExpression="SET records = :records, lifecycle = :lifecycle",
                    ConditionExpression="records = :had",
                    ExpressionAttributeValues=values,
                )
            self.summary.continued += 1

    def _open_items(self) -> Iterator[dict[str, Any]]:
        pages = self._dynamodb.get_paginator("scan").paginate(
            TableName=self.summary.state_table, FilterExpression="attribute_exists(open_role)", ConsistentRead=True
        )
        with _available("the state table"):
            for page in pages:
                yield from page["Items"]

    def _last_record(self, grant_id: str) -> dict[str, Any] | None:
        with _available("the audit table"):
            found = self._dynamodb.query(
                TableName=self.summary.audit_table,
                KeyConditionExpression="pk = :chain",
                ExpressionAttributeValues={":chain": {"S": grant_id}},
                ConsistentRead=True,
                ScanIndexForward=False,
                Limit=1,
            )["Items"]
        return dict(json.loads(record_in(found[0]))) if found else None

    def _protect(self) -> None:
        """Set what a restore does not bring: time to live, recovery, protection, and the audit table's stream."""
        for name in (self.summary.state_table, self.summary.audit_table):
            with _available(name):
                ttl = self._dynamodb.describe_time_to_live(TableName=name)["TimeToLiveDescription"]
                if ttl["TimeToLiveStatus"] not in ("ENABLED", "ENABLING"):
                    wish = {"Enabled": True, "AttributeName": "expires"}
                    self._dynamodb.update_time_to_live(TableName=name, TimeToLiveSpecification=wish)
                self._dynamodb.update_continuous_backups(
                    TableName=name, PointInTimeRecoverySpecification={"PointInTimeRecoveryEnabled": True}
                )
            if not self._table(name).get("DeletionProtectionEnabled"):
                self._change(name, DeletionProtectionEnabled=True)
        if not self._table(self.summary.audit_table).get("LatestStreamArn"):
            stream = {"StreamEnabled": True, "StreamViewType": "NEW_IMAGE"}
            self._change(self.summary.audit_table, StreamSpecification=stream)
        self.summary.audit_stream_arn = self._table(self.summary.audit_table)["LatestStreamArn"]

    def _change(self, name: str, **wish: Any) -> None:
        """Change a table's setting, and wait until the table takes another change."""
        with _available(name):
            self._dynamodb.update_table(TableName=name, **wish)
        self._progress(f"waiting for {name}")
        for _ in range(ATTEMPTS):
            if self._table(name)["TableStatus"] == "ACTIVE":
                return
            self._pause(PAUSE_SECONDS)
        raise Unavailable("aws_refused", TITLE, f"{name} is still being changed.", AGAIN)

    def _table(self, name: str) -> dict[str, Any]:
        with _available(name):
            return dict(self._dynamodb.describe_table(TableName=name)["Table"])


def _with(suspensions: Suspensions, changed: Suspension) -> Suspensions:
    """Return the suspensions with one that begins later, and thus denies later sessions, too."""
    entries = tuple(changed if each.id == changed.id else each for each in suspensions.entries)
    return suspensions._replace(version=f"{changed.id}.{changed.since}", entries=entries)


def dynamodb_client() -> Any:
    """Return a client with the AWS credentials of the environment. Raises Invalid."""
    try:
        return boto3.session.Session().client("dynamodb", config=Config(retries={"mode": "standard"}))
    except BotoCoreError as error:
        raise unusable(error, TITLE) from error


@contextmanager
def _available(what: str) -> Iterator[None]:
    try:
        yield
    except (BotoCoreError, ClientError, Problem) as error:
        # The adapters raise a Problem, whose cause says what AWS answered.
        why = (error.__cause__ or error) if isinstance(error, Problem) else error
        raise Unavailable("aws_refused", TITLE, f"AWS refused a request about {what}: {why}", AGAIN) from error
