"""POST /reviews/out-of-office: a reviewer starts or ends an out-of-office period with delegates (REV 6)."""

from jitney.adapters.transactions import Conflict, StaleWrite
from jitney.core.problems import Problem
from jitney.core.quotas import out_of_office_quota
from jitney.core.records import audit
from jitney.core.records.audit import AuditEvent, Outcome
from jitney.core.review.out_of_office import OutOfOffice, parse_out_of_office
from jitney.core.times import iso
from jitney.handlers.grant.responses import used_up_problem
from jitney.handlers.pages.out_of_office_page import out_of_office_of
from jitney.handlers.pages.visits import FormVisit, Page, pages

DELEGATE_FIELD = "delegate."
"""Prefix of the form fields that name a delegate. The group follows the prefix."""


def change_out_of_office(visit: FormVisit) -> Page:
    """Save the change, and return 303 to the page. Nothing is written for a change that is stored already: a repeat.

    Raises Problem: not_reviewer, request_invalid, rate_limited, store_busy, unavailable, item_unreadable, or
    out_of_office_conflict if the page was stale.
    """
    with visit.authenticated.counting_refusals():
        before, after = _stored(visit), _requested(visit)
        if not _is_stored(after, before, visit.now):
            if visit.form("shown_id") != (before.id if before else ""):
                raise _conflict()
            _write(before, after, visit)
    return Page(303, location=f"{visit.path}/reviews/out-of-office")


def _stored(visit: FormVisit) -> OutOfOffice | None:
    return out_of_office_of(visit.principal.identity, visit.ports)


def _is_stored(requested: OutOfOffice | None, stored: OutOfOffice | None, now: int) -> bool:
    return requested.is_in(stored, now) if requested else stored is None


def _requested(visit: FormVisit) -> OutOfOffice | None:
    """Return the requested out-of-office period. None asks to end the present one."""
    if visit.form("change") == "end":
        return None
    chosen = {
        name.removeprefix(DELEGATE_FIELD): values[0]
        for name, values in visit.fields.items()
        if name.startswith(DELEGATE_FIELD) and values[0]
    }
    span = (visit.form("from"), visit.form("until"))
    ports = visit.ports
    return parse_out_of_office(ports.new_id("a"), visit.principal.identity, chosen, span, ports.config, visit.now)


def _write(before: OutOfOffice | None, after: OutOfOffice | None, visit: FormVisit) -> None:
    change = {"out_of_office": _record_detail(after or before), "replaces": before.id if after and before else ""}
    record = visit.authenticated.new_record(
        AuditEvent.OUT_OF_OFFICE, Outcome.SET if after else Outcome.ENDED, detail=change
    )
    link = audit.chain_record(record, visit.ports.new_id("r"))
    quota = out_of_office_quota(visit.principal.source_identity, visit.now)
    try:
        visit.ports.store.change_out_of_office(before, after, link, quota, now=visit.now)
    except StaleWrite as stale:
        # The other writer may have been the same form: a second click.
        if not _is_stored(after, _stored(visit), visit.now):
            raise _conflict() from stale
    except Conflict as used:
        detail = f"You changed your out-of-office period {quota.most} times in this hour, which is the limit."
        raise used_up_problem("rate_limited", quota, detail, "Then make the change again.", visit.now) from used


def _record_detail(entry: OutOfOffice | None) -> dict[str, object]:
    """Return an out-of-office period as records have it."""
    if entry is None:
        return {}
    span = {"from": iso(entry.starts_at), "until": iso(entry.ends_at)}
    return {"id": entry.id, **span, "delegates": {group: human.name for group, human in entry.delegates}}


def _conflict() -> Problem:
    detail = "Your out-of-office period was changed or ended after you opened the page."
    return Problem("out_of_office_conflict", detail, "Open the page again, then make your change.")


handler = pages(
    {},
    {"/reviews/out-of-office": change_out_of_office},
    ("config", "store", "suspensions", "out_of_office", "web_sessions", "templates"),
)
