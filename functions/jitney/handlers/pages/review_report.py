"""GET /reviews/{id}/report: the grant's report, for those who may see the request. Writes nothing (row AUD 4)."""

from jitney.core.problems import Problem
from jitney.core.report.builder import build_report
from jitney.core.report.suggestion import suggest
from jitney.core.report.usage import outliving_effects
from jitney.core.report.wording import sections, state_row
from jitney.core.trail.heartbeat import BROKER
from jitney.handlers.pages.viewers import load_for_viewer, redirect_to_sign_in
from jitney.handlers.pages.visits import Page, Visit


def show_report(visit: Visit) -> Page:
    """Return 200 with the report of the grant in the path. Raises Problem grant_not_found or not_reviewer."""
    if visit.session is None:
        return redirect_to_sign_in(visit)
    grant, _ = load_for_viewer(visit)
    ports, now = visit.ports, visit.now
    history = ports.grant_history
    records, made, calls = history.records(grant.id), history.gateway_calls(grant.id), history.calls(grant.id)
    watches = ports.trail_watches.watches()
    is_gap_unknown = any(watches.get(each, ()) is None for each in (BROKER, grant.target))
    cut = records.cut or made.cut or calls.cut or is_gap_unknown
    gaps = [gap for watch in watches.values() if watch for gap in watch.gaps]
    report = build_report(grant.id, [*records.lines, *made.lines], calls.lines, now, gaps=gaps, cut=cut)
    if report is None:
        fix = "Ask an auditor to run `jitney audit show`: published records stay in S3."
        raise Problem("grant_not_found", "The broker no longer keeps the records of this request.", fix)
    suggestion, outliving = (
        suggest(report, ports.actions, ports.may_need, now),
        outliving_effects(report, ports.actions),
    )
    rows = sections(report, suggestion, outliving)
    return Page(200, "report", {"heading": state_row(report), "sections": rows})
