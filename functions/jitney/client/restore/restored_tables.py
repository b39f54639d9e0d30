"""Makes a restored state table safe to use, for `jitney restore`.

A table that was restored to an earlier time does not know which grants were revoked later. So every target is suspended
in it before a function reads it. Then nothing is issued, every grant of the table ends, and the deny documents deny all
sessions from before. An operator lifts the suspensions when no session and no token from before is left
(docs/restore.md). A second run, after the deployment, begins the suspensions again. So they cover sessions that the
earlier functions issued meanwhile.

A restored table also lacks the latest sign-outs, and the latest ends of delegations and of earlier approvals. So the
sessions of people, all delegations and all earlier approvals are deleted.

The audit table may be newer than the state table. Then the next record of each open grant follows its last record in
the audit table. Otherwise no change of the grant could be recorded.

Needs the extras `audit` and `policy`.
"""

import time
from collections.abc import Callable, Mapping
from contextlib import suppress
from functools import partial
from pathlib import Path
from typing import Any, NamedTuple

from jitney.adapters.deny_list import DenyList
from jitney.adapters.suspension_item import SuspensionStore
from jitney.adapters.transactions import StaleWrite
from jitney.client.audit.aws import AGAIN, aws_clients
from jitney.client.policy.policy_access import CONFIGURATION, policy_module
from jitney.client.problems import Invalid, Unavailable
from jitney.client.restore.recorded_suspensions import RecordedSuspensions, recorded_suspensions
from jitney.client.restore.restore_problems import available
from jitney.client.restore.restore_summary import RestoreSummary
from jitney.client.restore.restored_forms import AUDIT, KEY_ALIAS, STATE, TITLE, check_form, check_key
from jitney.client.restore.restored_items import RestoredItems
from jitney.client.restore.restored_suspensions import RestoredSuspensions, lock_seconds
from jitney.configuration.arns import role_arn
from jitney.configuration.load import load_configuration
from jitney.core.access.suspension_entry import Suspension
from jitney.core.times import iso

PAUSE_SECONDS = 2
"""The pause between attempts to change a table while another change is in progress."""
ATTEMPTS = 60


class RestorePlan(NamedTuple):
    """The settings from `jitney.yaml`: the first role of each target, by alias, and how long suspensions are locked."""

    targets: Mapping[str, str]
    lock_seconds: int


def plan_of(config: Path | None, env: dict[str, str]) -> RestorePlan:
    """Return the plan for the configured targets and issuers. JITNEY_LOCAL=1 admits http issuers. Raises Invalid."""
    path = config or CONFIGURATION
    with policy_module(path, TITLE):
        settings = load_configuration(path, env, local=env.get("JITNEY_LOCAL") == "1").settings
    longest = max(each.max_age_seconds for each in settings.issuers.values())
    return RestorePlan({alias: role_arn(each) for alias, each in settings.targets.items()}, lock_seconds(longest))


class RestoredTables:
    """A restored state table, and the audit table that goes with it.

    Every method raises Unavailable if AWS refuses a request. `clients` are those of DynamoDB and KMS. `progress` is
    called with the name of each step, and `now` returns epoch seconds. `earlier_state_table` is the table that was in
    use, or "" if it is lost.
    """

    def __init__(
        self,
        clients: tuple[Any, ...],
        state_table: str,
        audit_table: str,
        earlier_state_table: str = "",
        progress: Callable[[str], None] = lambda _: None,
        now: Callable[[], int] = lambda: int(time.time()),
        pause: Callable[[float], None] = time.sleep,
    ) -> None:
        self.summary = RestoreSummary(state_table, audit_table, copied_from=earlier_state_table or audit_table)
        self._earlier = earlier_state_table
        self._dynamodb, self._kms = clients
        self._progress, self._now, self._pause = progress, now, pause

    def prepare(self, plan: RestorePlan) -> None:
        """Enable the audit table's stream, which publishes all further records. Then suspend the targets.

        So a later failure leaves no access open. People's sessions, chains of records and table settings follow.
        Earlier suspensions are copied last, because records of them may be forged. Raises Invalid for a table of
        another form or key.
        """
        self._check()
        self._enable_stream()
        suspensions = self._suspend(plan)
        self._copy_roles()
        items = RestoredItems(self._dynamodb, self.summary, self._progress)
        items.forget()
        items.continue_chains()
        self._protect()
        self._copy(suspensions)
        self.summary.locked_until = self._now() + plan.lock_seconds

    def _check(self) -> None:
        if self._earlier == self.summary.state_table:
            detail = f"{self._earlier} is named as the restored table and as the earlier one."
            fix = "Give the table that Jitney used before the restore to --earlier-state-table. After the deployment, "
            fix += "the output StateTable names the restored table. If the earlier table is lost, leave out the option."
            raise Invalid("table_invalid", TITLE, detail, fix)
        with available(KEY_ALIAS):
            key_arn = self._kms.describe_key(KeyId=KEY_ALIAS)["KeyMetadata"]["Arn"]
        for name, form in ((self.summary.state_table, STATE), (self.summary.audit_table, AUDIT)):
            table = self._table(name)
            check_form(table, form)
            check_key(table, key_arn)
        if self._earlier:
            check_form(self._table(self._earlier), STATE)

    def _enable_stream(self) -> None:
        if not self._table(self.summary.audit_table).get("StreamSpecification", {}).get("StreamEnabled"):
            stream = {"StreamEnabled": True, "StreamViewType": "NEW_IMAGE"}
            self._change(self.summary.audit_table, StreamSpecification=stream)
        self.summary.audit_stream_arn = self._table(self.summary.audit_table)["LatestStreamArn"]

    def _suspend(self, plan: RestorePlan) -> RestoredSuspensions:
        """Suspend the targets. Return the restored table's suspensions, which know the earlier ones."""
        names = (self.summary.state_table, self.summary.audit_table)
        suspensions = RestoredSuspensions(self._dynamodb, *names, plan.lock_seconds)
        recorded = self._earlier_suspensions()
        suspensions.earlier, suspensions.must_leave_room = recorded.suspensions, not self._earlier
        with available("the state table"):
            missing, masked = suspensions.missing(), suspensions.unknown(recorded.masked)
        self.summary.lifted_on_record = tuple(_listed(each) for each in missing if each.id in recorded.ended)
        self.summary.masked, self.summary.unreadable = tuple(map(_listed, masked)), recorded.unreadable
        for alias, role in plan.targets.items():
            self._progress(f"suspending {alias}")
            self._attempt(partial(suspensions.suspend_target, alias, role))
        self.summary.suspended = tuple(plan.targets)
        return suspensions

    def _earlier_suspensions(self) -> RecordedSuspensions:
        """Return the suspensions of the earlier state table. If it is lost, return the suspensions in the records."""
        if self._earlier:
            with available(self._earlier):
                return RecordedSuspensions(SuspensionStore(self._dynamodb, self._earlier).current())
        restored = self._table(self.summary.state_table).get("RestoreSummary")
        moment = int(restored["RestoreDateTime"].timestamp()) if restored else 0
        with available("the audit table"):
            return recorded_suspensions(self._dynamodb, self.summary.audit_table, moment, self._progress)

    def _copy_roles(self) -> None:
        """Add the roles that targets had by the earlier table, so that deny documents are written for them, too."""
        if self._earlier:
            with available(self._earlier):
                roles = DenyList(self._dynamodb, self._earlier).seen_roles()
            if roles:
                with available("the state table"):
                    DenyList(self._dynamodb, self.summary.state_table).known_roles(roles)

    def _copy(self, suspensions: RestoredSuspensions) -> None:
        """Copy the earlier suspensions, until there is no room for the next."""
        with available("the state table"):
            missing = suspensions.missing()
        for number, each in enumerate(missing):
            self._progress(f"taking over the suspension of {each.title}")
            if not self._attempt(partial(suspensions.copy, each)):
                self.summary.not_copied = tuple(map(_listed, missing[number:]))
                break
            self.summary.copied += (each.title,)

    def _attempt(self, change: Callable[[int], bool]) -> bool:
        """Change the suspensions, and return what `change` returns.

        Repeated after a conflict: operators may change the suspensions of a deployed table.
        """
        for _ in range(ATTEMPTS):
            with suppress(StaleWrite), available("the state table"):
                return change(self._now())
            self._pause(PAUSE_SECONDS)
        raise Unavailable("aws_refused", TITLE, "Others keep changing the suspensions meanwhile.", AGAIN)

    def _protect(self) -> None:
        """Set the settings that a restore does not keep: time to live, recovery and protection."""
        for name in (self.summary.state_table, self.summary.audit_table):
            with available(name):
                ttl = self._dynamodb.describe_time_to_live(TableName=name)["TimeToLiveDescription"]
                if ttl["TimeToLiveStatus"] not in ("ENABLED", "ENABLING"):
                    wish = {"Enabled": True, "AttributeName": "expires"}
                    self._dynamodb.update_time_to_live(TableName=name, TimeToLiveSpecification=wish)
                self._dynamodb.update_continuous_backups(
                    TableName=name, PointInTimeRecoverySpecification={"PointInTimeRecoveryEnabled": True}
                )
            if not self._table(name).get("DeletionProtectionEnabled"):
                self._change(name, DeletionProtectionEnabled=True)

    def _change(self, name: str, **wish: Any) -> None:
        """Change a table's setting, and wait until its description has the setting and it accepts another change.

        DescribeTable is eventually consistent, so an answer may be older than the change.
        https://docs.aws.amazon.com/amazondynamodb/latest/APIReference/API_DescribeTable.html
        """
        with available(name):
            self._dynamodb.update_table(TableName=name, **wish)
        self._progress(f"waiting for {name}")
        for _ in range(ATTEMPTS):
            table = self._table(name)
            if table["TableStatus"] == "ACTIVE" and all(table.get(each) == value for each, value in wish.items()):
                return
            self._pause(PAUSE_SECONDS)
        raise Unavailable("aws_refused", TITLE, f"{name} is still being changed.", AGAIN)

    def _table(self, name: str) -> dict[str, Any]:
        with available(name):
            return dict(self._dynamodb.describe_table(TableName=name)["Table"])


def clients() -> tuple[Any, ...]:
    """Return the clients of DynamoDB and KMS with the AWS credentials of the environment. Raises Invalid."""
    return aws_clients(TITLE, "dynamodb", "kms")


def _listed(suspension: Suspension) -> str:
    """Return the suspension with the members by which an operator recognizes it."""
    return f"{suspension.title} ({suspension.id}, by {suspension.by}, {iso(suspension.since)}: {suspension.reason})"
