"""Afterwards an auditor asks: who asked for what, when, and what came of it; and the stories of two grants."""

from collections.abc import Collection
from datetime import datetime

from jitney.client.problems import ClientProblem
from local.agent_shell import AUDITOR
from local.demo.audit_queries import AuditQueries, Rows, as_table
from local.demo.runner import DemoRun, DemoStepFailedError, console, expect

ACTIONS = {"s3:GetObject": "allowed", "s3:DeleteObject": "review", "s3:PutObject": "review", "iam:CreateUser": "denied"}
"""What the demo asked for, and what came of it."""
REVIEWED = ("approved by people.bob", "for less than was asked", "s3:PutObject denied: AccessDenied", "suggested")
REVOKED = ("taken back by local.incident-bot", "AWS denied its credentials", "s3:GetObject denied:", "suggested")
"""What the stories of the grants say, among the rest."""


def play(stage: DemoRun, since: str, grant_ids: Collection[str], reviewed_id: str, revoked_id: str) -> None:
    """The chapter: every request of the demo, from `since` (ISO 8601), and the stories of two of its grants."""
    ledger = AuditQueries(stage.stack)
    try:
        _who_asked(stage, ledger, since, grant_ids)
        _stories(stage, ledger, reviewed_id, revoked_id)
    except (TimeoutError, ClientProblem) as problem:
        raise DemoStepFailedError(str(problem)) from problem


def _who_asked(stage: DemoRun, ledger: AuditQueries, since: str, grant_ids: Collection[str]) -> None:
    stage.step("An auditor asks who asked for what, when, and what came of it", "One SQL query in Athena, over S3.")
    wanted = set(ACTIONS.items())

    def arrived(rows: Rows) -> bool:
        ours = [row for row in rows if datetime.fromisoformat(row["time"]) >= datetime.fromisoformat(since)]
        seen = {(", ".join(row["actions"]), row["outcome"]) for row in ours}
        return wanted <= seen and set(grant_ids) <= {row["grant_id"] for row in rows}

    with console.status("waiting for the records to arrive in S3"):
        rows = ledger.wait_for("who_requested_what", arrived)
    console.print(ledger.text("who_requested_what"), style="dim", markup=False)
    console.print(as_table(rows))
    expect("Every request is there, with its outcome", holds=arrived(rows))


def _stories(stage: DemoRun, ledger: AuditQueries, reviewed_id: str, revoked_id: str) -> None:
    why = "One command, out of Athena: their records, and the calls that CloudTrail told of."
    stage.step("And the whole stories of two of them", why)
    events = ["request", "revocation", "canary"]

    def complete(rows: Rows) -> bool:
        return [row["event"] for row in rows if row["event"] in events] == events

    with console.status("waiting for the calls and records to arrive in S3"):
        ledger.wait_for("denied_calls", lambda rows: reviewed_id in {row["grant_id"] for row in rows})
        rows = ledger.wait_for("history_of_grant", complete, revoked_id)
    expect("Asked for, revoked, and seen to be denied", holds=complete(rows))
    said = " ".join(stage.run(AUDITOR, "jitney", "audit", "show", reviewed_id, revoked_id).out.split())
    expect("Who approved less, and that IAM denied the rest", holds=all(each in said for each in REVIEWED))
    expect("Who took it back, and how soon AWS denied it", holds=all(each in said for each in REVOKED))
