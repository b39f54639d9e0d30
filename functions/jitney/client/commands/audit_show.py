"""`jitney audit show`: the report of one grant, for auditors."""

import time
from datetime import UTC, datetime, timedelta
from functools import partial
from pathlib import Path
from typing import Annotated

import typer

from jitney.client.commands.answer_integrity import AnswerOptions, exit_by
from jitney.client.commands.audit_options import Since
from jitney.client.inputs import options
from jitney.client.inputs.grouping import grouped
from jitney.client.inputs.optional import load_extra
from jitney.client.terminal.command_result import exit_on_problem, print_json, screen

Grants = Annotated[list[str], typer.Argument(metavar="GRANT...", help="Grant ids: g- and 14 letters or digits.")]
_TITLE = "The report was not built"
Html = Annotated[Path | None, typer.Option(metavar="FILE", help="Write an HTML page to FILE instead.")]


@grouped
def show_report(
    grants: Grants,
    *,
    since: Since = None,
    html: Html = None,
    source: AnswerOptions,
    as_json: options.AsJson = False,
) -> None:
    """Report on grants, from the request to the last AWS call.

    Shows the request, decision, timeline, AWS calls, and the least-privilege suggestion. Reads Athena with your AWS
    credentials. Covers the last 90 days, or the days from --since. Checks the records and calls of all days from the
    first record of the grant, and exits with 1 if they are broken, or with 2 if the check fails.

    Example: jitney audit show g-abcdefghijklm2 --stack outputs.json
    """
    with exit_on_problem("audit show", as_json=as_json):
        report = load_extra("jitney.client.audit.grant_report", "audit", _TITLE)
        ids, now = report.checked_grant_ids(grants), int(time.time())
        first = (since or datetime.fromtimestamp(now, UTC) - timedelta(days=report.DAYS)).date()
        location, athena = source.athena(_TITLE)
        with screen().working("querying Athena"):
            checked = partial(source.checked, location, until=None, quiet=True)
            reports = report.reports(athena, ids, first, now, checked)
        if html:
            report.write_html(reports, html)
            screen().note(f"Wrote {html}")
        if as_json:
            documents = [each.document() for each in reports]
            print_json(documents[0] if len(documents) == 1 else {"reports": documents})
        elif not html:
            report.show(reports)
        exit_by(reports[0].integrity)
