"""GET /reviews/out-of-office: whether somebody is away, who stands in for them, and for whom they stand in."""

from jitney.core.review.out_of_office import LONGEST_DAYS, OutOfOffice, delegate_options, with_delegates
from jitney.handlers.pages import Page, Visit
from jitney.handlers.ports import Ports


def out_of_office_of(human: str, ports: Ports) -> OutOfOffice | None:
    """The absence of a person, a source identity, that is kept; it may be over."""
    return next((each for each in ports.out_of_office.kept() if each.human == human), None)


def show_out_of_office(visit: Visit) -> Page:
    """200 with the absence of whoever is signed in, and the form of another."""
    if visit.session is None:
        return Page(303, location=f"{visit.path}/reviews/sign-in")
    human, groups = visit.principal.source_identity, visit.ports.config.reviewers
    kept = visit.ports.out_of_office.kept()
    absence = next((each for each in kept if each.human == human), None)
    present_groups = with_delegates(groups, kept, visit.now)
    values = {
        "absence": absence if absence and absence.ends_at > visit.now else None,
        "seen": absence.id if absence else "",
        "places": delegate_options(human, groups),
        "standing_in": [
            place
            for name in sorted(present_groups)
            for who, place in present_groups[name].active_delegations
            if who == human
        ],
        "longest_days": LONGEST_DAYS,
    }
    return Page(200, "out_of_office", values)
