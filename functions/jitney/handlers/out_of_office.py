"""POST /reviews/out-of-office: a reviewer says who stands in for them while they are away, or that they are back (REV 6)."""

from jitney.adapters.store import StaleWrite
from jitney.core import audit
from jitney.core.audit import AuditEvent, Outcome
from jitney.core.problems import Problem
from jitney.core.review.out_of_office import OutOfOffice, parse_out_of_office
from jitney.core.times import iso
from jitney.handlers.out_of_office_page import out_of_office_of
from jitney.handlers.pages import FormVisit, Page, pages

DELEGATE_FIELD = "stand_in."
"""What the names of the fields begin with that say who stands in, before the group."""


def change_out_of_office(visit: FormVisit) -> Page:
    """303 to the page, which shows what holds now.

    Raises Problem: form_token_invalid, not_reviewer, request_invalid, unavailable, or out_of_office_conflict when the absence is not
    what the page showed.
    """
    with visit.call.counting_refusals():
        before, after = _requested(visit)
        _write(before, after, visit)
    return Page(303, location=f"{visit.path}/reviews/out-of-office")


def _requested(visit: FormVisit) -> tuple[OutOfOffice | None, OutOfOffice | None]:
    """The absence that is kept, and that which shall be: None for none. A form counts for what its page showed."""
    ports, human = visit.ports, visit.principal.source_identity
    before = out_of_office_of(human, ports)
    if visit.form("seen") != (before.id if before else ""):
        raise _conflict()
    if visit.form("away") == "no":
        if before is None:
            raise _conflict()
        return before, None
    chosen = {
        name.removeprefix(DELEGATE_FIELD): values[0]
        for name, values in visit.fields.items()
        if name.startswith(DELEGATE_FIELD) and values[0]
    }
    span = (visit.form("from"), visit.form("until"))
    return before, parse_out_of_office(ports.new_id("a"), human, chosen, span, ports.config.reviewers, visit.now)


def _write(before: OutOfOffice | None, after: OutOfOffice | None, visit: FormVisit) -> None:
    record = audit.principal_record(
        AuditEvent.OUT_OF_OFFICE,
        Outcome.SET if after else Outcome.ENDED,
        visit.principal,
        visit.request.origin,
        visit.now,
        detail={"absence": _record_detail(after or before), "replaces": before.id if after and before else ""},
    )
    link = audit.chain_record(record, visit.ports.new_id("r"))
    try:
        visit.ports.store.change_out_of_office(before, after, link, now=visit.now)
    except StaleWrite as changed:
        raise _conflict() from changed


def _record_detail(absence: OutOfOffice | None) -> dict[str, object]:
    """An absence as records tell it."""
    if absence is None:
        return {}
    span = {"from": iso(absence.starts_at), "until": iso(absence.ends_at)}
    return {"id": absence.id, **span, "delegates": dict(absence.delegates)}


def _conflict() -> Problem:
    detail = "Your absence is not what your page showed: it was changed or ended in another window."
    return Problem("out_of_office_conflict", detail, "Look at it as it is now.")


handler = pages(
    {},
    {"/reviews/out-of-office": change_out_of_office},
    ("config", "store", "out_of_office", "web_sessions", "templates"),
)
