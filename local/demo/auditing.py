"""Afterwards an auditor asks: who asked for what, when, and what came of it; and what became of one grant."""

from collections.abc import Collection
from datetime import datetime

from client.problems import Problem
from local.demo.ledger import Ledger, Rows, told, told_history
from local.demo.stage import NotAsToldError, Stage, console, expect

ACTIONS = {"s3:GetObject": "allowed", "s3:DeleteObject": "review", "s3:PutObject": "review", "iam:CreateUser": "denied"}
"""What the demo asked for, and what came of it."""


def play(stage: Stage, since: str, grant_ids: Collection[str], revoked_id: str) -> None:
    """The chapter: every request of the demo, from `since` (ISO 8601), and what became of the grant `revoked_id`."""
    ledger = Ledger(stage.stack)
    try:
        _who_asked(stage, ledger, since, grant_ids)
        _history(stage, ledger, revoked_id)
    except (TimeoutError, Problem) as problem:
        raise NotAsToldError(str(problem)) from problem


def _who_asked(stage: Stage, ledger: Ledger, since: str, grant_ids: Collection[str]) -> None:
    stage.step("An auditor asks who asked for what, when, and what came of it", "One SQL query in Athena, over S3.")
    wanted = set(ACTIONS.items())

    def arrived(rows: Rows) -> bool:
        ours = [row for row in rows if datetime.fromisoformat(row["time"]) >= datetime.fromisoformat(since)]
        seen = {(", ".join(row["actions"]), row["outcome"]) for row in ours}
        return wanted <= seen and set(grant_ids) <= {row["grant_id"] for row in rows}

    with console.status("waiting for the records to arrive in S3"):
        rows = ledger.wait_for("who_asked_for_what", arrived)
    console.print(ledger.text("who_asked_for_what"), style="dim", markup=False)
    console.print(told(rows))
    expect("Every request is there, with its outcome", holds=arrived(rows))


def _history(stage: Stage, ledger: Ledger, revoked_id: str) -> None:
    stage.step(
        "And what became of the grant that was revoked", "Its records, each chained to the one before by a hash."
    )
    events = ["request", "revocation", "canary"]

    def complete(rows: Rows) -> bool:
        return [row["event"] for row in rows if row["event"] in events] == events

    with console.status("waiting for the records to arrive in S3"):
        rows = ledger.wait_for("history_of_grant", complete, revoked_id)
    console.print(told_history(rows))
    expect("Asked for, revoked, and seen to be denied", holds=complete(rows))
