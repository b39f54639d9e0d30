"""What an approval of a pending request can still grant under the present policies (rows REV 10, POL 1). Pure."""

from jitney.core.access.decision import Decision, Effect
from jitney.core.problems import Problem
from jitney.core.review.obstacle_wording import changed_reviewers
from jitney.core.review.sheet import Sheet
from jitney.core.times import format_duration, format_time, iso

NO_REASON = "no policy permits it."


def with_denial(sheet: Sheet, decision: Decision) -> Sheet:
    """Return the sheet of a pending request, with what `decision` denies of it.

    `decision` is the present decision about the whole request, with its approvals. If policies need other
    reviewers, the sheet names them as `other_reviewers`: the approval that would complete the review restarts it. No
    approval can complete it if each of its alternatives needs a group that was removed or renamed. If
    policies deny the request, but permit a part or a shorter time now, the sheet is `part_only`. If they deny all of
    it, it is `undecidable`, perhaps until a time window changes. So is a denied call, because it cannot be narrowed.
    """
    if decision.effect is Effect.REVIEW and not _suffices(sheet, decision):
        others = tuple(tuple(sorted(groups)) for groups in decision.reviews)
        removed = {each.group for each in sheet.group_approvals if not each.needed}
        if all(removed.intersection(groups) for groups in sheet.any_of):
            return sheet._replace(undecidable=changed_reviewers(others))
        return sheet._replace(other_reviewers=others)
    if decision.effect is not Effect.DENY:
        return sheet
    why = f"Policies deny this request now: {_reason(decision)}"
    sheet = sheet._replace(approvable_from=decision.permitted_from)
    if sheet.call is not None or not (decision.allowed_subset or decision.longest_seconds):
        return sheet._replace(undecidable=why)
    seconds = decision.longest_seconds or sheet.duration_seconds
    if not decision.allowed_subset:  # everything passes for a shorter time
        return sheet._replace(part_only=why, most_seconds=seconds)
    allowed = {pair for permission in decision.allowed_subset for pair in permission.pairs()}
    actions = tuple(
        each._replace(denied=tuple(arn for arn in each.resources if (each.action, arn, each.conditions) not in allowed))
        for each in sheet.actions
    )
    return sheet._replace(part_only=why, most_seconds=seconds, actions=actions)


def _suffices(sheet: Sheet, decision: Decision) -> bool:
    """Return whether the approvals for which the request waits would be enough for present policies."""
    return any(further <= frozenset(groups) for further in decision.reviews for groups in sheet.any_of)


def _reason(decision: Decision) -> str:
    """Return the first reason of a denial, as a sentence."""
    return decision.reasons[0].sentence if decision.reasons else NO_REASON


def denied_for_now(decision: Decision, review_ends_at: int) -> Problem | None:
    """Return the problem of an approval that policies deny now, but not any more before the review ends, or None."""
    if (
        decision.effect is not Effect.DENY
        or decision.permitted_from is None
        or decision.permitted_from >= review_ends_at
    ):
        return None
    detail, until = f"Policies deny this request now: {_reason(decision)}", iso(decision.permitted_from)
    return Problem("selection_denied", detail, _ways_out(decision), {"retry_at": until})


def selection_denied(decision: Decision) -> Problem:
    """Return the problem of a narrowed approval that policies deny."""
    return Problem("selection_denied", f"Policies deny what you selected: {_reason(decision)}", _ways_out(decision))


def _ways_out(decision: Decision) -> str:
    """Return what a reviewer can do instead of an approval that `decision` denies."""
    less = ["less"] if decision.allowed_subset else []
    less += [f"at most {format_duration(decision.longest_seconds)}"] if decision.longest_seconds else []
    later = [] if decision.permitted_from is None else [f"approve it from {format_time(decision.permitted_from)} on"]
    ways = [f"select {' and '.join(less)}"] if less else [] if later else ["select something else"]
    first, *others = *ways, *later
    return f"{first[0].upper()}{', '.join([first[1:], *others])}, or reject the request."
