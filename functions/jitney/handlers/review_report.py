"""GET /reviews/{id}/report: what became of a request, for whoever may see the request. Writes nothing (row AUD 4)."""

from jitney.core.problems import Problem
from jitney.core.report.builder import build_report
from jitney.core.report.suggestion import suggest
from jitney.core.report.wording import sections, state_row
from jitney.handlers.pages import Page, Visit
from jitney.handlers.viewers import load_for_viewer, redirect_to_sign_in


def show_report(visit: Visit) -> Page:
    """200 with the story of the request of the path's id. Raises Problem grant_not_found or not_reviewer."""
    if visit.session is None:
        return redirect_to_sign_in(visit)
    grant, _ = load_for_viewer(visit)
    ports, now = visit.ports, visit.now
    records, calls = ports.grant_history.records(grant.id), ports.grant_history.calls(grant.id)
    story = build_report(grant.id, records.lines, calls.lines, now, cut=records.cut or calls.cut)
    if story is None:
        fix = "Ask an auditor: what was published stays in S3, for `jitney audit show`."
        raise Problem("grant_not_found", "No record of this request is kept here any more.", fix)
    told = sections(story, suggest(story, ports.actions, ports.may_need, now))
    return Page(200, "report", {"heading": state_row(story), "sections": told})
