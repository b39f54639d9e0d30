"""GET /reviews/away: whether somebody is away, who stands in for them, and for whom they stand in."""

from jitney.core.review.absences import LONGEST_DAYS, Absence, places, present
from jitney.handlers.pages import Page, Visit
from jitney.handlers.ports import Ports


def absence_of(human: str, ports: Ports) -> Absence | None:
    """The absence of a person, a source identity, that is kept; it may be over."""
    return next((each for each in ports.absences.kept() if each.human == human), None)


def show_away(visit: Visit) -> Page:
    """200 with the absence of whoever is signed in, and the form of another."""
    if visit.session is None:
        return Page(303, location=f"{visit.path}/reviews/sign-in")
    human, groups = visit.principal.source_identity, visit.ports.config.reviewers
    kept = visit.ports.absences.kept()
    absence = next((each for each in kept if each.human == human), None)
    present_groups = present(groups, kept, visit.now)
    values = {
        "absence": absence if absence and absence.ends_at > visit.now else None,
        "seen": absence.id if absence else "",
        "places": places(human, groups),
        "standing_in": [
            place for name in sorted(present_groups) for who, place in present_groups[name].standing_in if who == human
        ],
        "longest_days": LONGEST_DAYS,
    }
    return Page(200, "away", values)
