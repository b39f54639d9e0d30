"""POST /reviews/away: a reviewer says who stands in for them while they are away, or that they are back (REV 6)."""

from jitney.adapters.store import Changed
from jitney.core import audit
from jitney.core.audit import Event, Outcome
from jitney.core.problems import Problem
from jitney.core.review.absences import Absence, planned
from jitney.core.times import iso
from jitney.handlers.away import absence_of
from jitney.handlers.pages import Page, Visit, pages

PLACE = "stand_in."
"""What the names of the fields begin with that say who stands in, before the group."""


def change_absence(visit: Visit) -> Page:
    """303 to the page, which shows what holds now.

    Raises Problem: form_refused, not_reviewer, request_invalid, unavailable, or absence_changed when the absence is not
    what the page showed.
    """
    visit.require_form()
    with visit.call.refusals_counted():
        before, after = _asked(visit)
        _write(before, after, visit)
    return Page(303, location=f"{visit.path}/reviews/away")


def _asked(visit: Visit) -> tuple[Absence | None, Absence | None]:
    """The absence that is kept, and that which shall be: None for none. A form counts for what its page showed."""
    ports, human = visit.ports, visit.principal.source_identity
    before = absence_of(human, ports)
    if visit.form("seen") != (before.id if before else ""):
        raise _changed()
    if visit.form("away") == "no":
        if before is None:
            raise _changed()
        return before, None
    chosen = {
        name.removeprefix(PLACE): values[0]
        for name, values in visit.fields.items()
        if name.startswith(PLACE) and values[0]
    }
    span = (visit.form("from"), visit.form("until"))
    return before, planned(ports.new_id("a"), human, chosen, span, ports.config.reviewers, visit.now)


def _write(before: Absence | None, after: Absence | None, visit: Visit) -> None:
    record = audit.of_principal(
        Event.ABSENCE,
        Outcome.SET if after else Outcome.ENDED,
        visit.principal,
        visit.request.origin,
        visit.now,
        detail={"absence": _told(after or before), "replaces": before.id if after and before else ""},
    )
    link = audit.link(record, visit.ports.new_id("r"))
    try:
        visit.ports.store.change_absence(before, after, link, now=visit.now)
    except Changed as changed:
        raise _changed() from changed


def _told(absence: Absence | None) -> dict[str, object]:
    """An absence as records tell it."""
    if absence is None:
        return {}
    span = {"from": iso(absence.starts_at), "until": iso(absence.ends_at)}
    return {"id": absence.id, **span, "stand_ins": dict(absence.stand_ins)}


def _changed() -> Problem:
    detail = "Your absence is not what your page showed: it was changed or ended in another window."
    return Problem("absence_changed", detail, "Look at it as it is now.")


handler = pages(
    {("POST", "/reviews/away"): change_absence},
    ("config", "store", "absences", "web_sessions", "templates"),
)
