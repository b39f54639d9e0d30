"""An auditor lists the demo's requests with one SQL query, and reads the reports of two grants."""

from collections.abc import Collection
from datetime import datetime

from jitney.client.problems import ClientProblem
from local.agent_shell import AUDITOR
from local.demo.audit_queries import AuditQueries, Rows, as_table
from local.demo.runner import DemoRun, DemoStepFailedError, console

ACTIONS = {"s3:GetObject": "allowed", "s3:DeleteObject": "review", "s3:PutObject": "review", "iam:CreateUser": "denied"}
"""The requested actions in the demo, with their outcomes."""
REVIEWED = ("approved by people.bob", "for less than requested", "s3:PutObject denied: AccessDenied", "suggested")
REVOKED = ("revoked by local.incident-bot", "AWS denied the credentials", "s3:GetObject denied:", "suggested")
"""Words that the reports of the two grants must contain."""


def play(run: DemoRun, since: str, grant_ids: Collection[str], reviewed_id: str, revoked_id: str) -> None:
    """Run the chapter: list every request of the demo from `since` (ISO 8601), and report on two grants."""
    queries = AuditQueries(run.stack)
    try:
        _list_requests(run, queries, since, grant_ids)
        _show_reports(run, queries, reviewed_id, revoked_id)
    except (TimeoutError, ClientProblem) as problem:
        raise DemoStepFailedError("Athena returns the records", problem) from problem


def _list_requests(run: DemoRun, queries: AuditQueries, since: str, grant_ids: Collection[str]) -> None:
    run.step("An auditor lists who requested what, when, and with which outcome", "One SQL query in Athena, over S3.")
    wanted = set(ACTIONS.items())

    def complete(rows: Rows) -> bool:
        ours = [row for row in rows if datetime.fromisoformat(row["time"]) >= datetime.fromisoformat(since)]
        seen = {(", ".join(row["actions"]), row["outcome"]) for row in ours}
        return wanted <= seen and set(grant_ids) <= {row["grant_id"] for row in rows}

    with console.status("waiting for the records to arrive in S3"):
        rows = queries.wait_for("who_requested_what", complete)
    console.print(queries.text("who_requested_what"), style="dim", markup=False)
    table = as_table(rows)
    console.print(table)
    run.check("Every request of this demo is listed, with its outcome", holds=complete(rows), got=table)


def _show_reports(run: DemoRun, queries: AuditQueries, reviewed_id: str, revoked_id: str) -> None:
    run.step(
        "An auditor reads the reports of two grants",
        "One command joins the audit records with the calls in CloudTrail, in Athena.",
    )
    events = ["request", "revocation", "canary"]

    def complete(rows: Rows) -> bool:
        return [row["event"] for row in rows if row["event"] in events] == events

    with console.status("waiting for the calls and records to arrive in S3"):
        queries.wait_for("denied_calls", lambda rows: reviewed_id in {row["grant_id"] for row in rows})
        rows = queries.wait_for("history_of_grant", complete, revoked_id)
    run.check("The records hold the request, the revocation and the first denial", holds=complete(rows), got=rows)
    report = " ".join(run.command(AUDITOR, "jitney", "audit", "show", reviewed_id, revoked_id).out.split())
    reviewed, revoked = (all(words in report for words in wanted) for wanted in (REVIEWED, REVOKED))
    run.check("One report says who approved a part, and that IAM denied the rest", holds=reviewed)
    run.check("The other says who revoked the grant, and how soon AWS denied it", holds=revoked)
