"""Why a pending request, or a part of it, cannot be approved now, in words. Pure.

All output is plain text on one line, escaped.
"""

from collections.abc import Iterable

from jitney.core.quantities import format_list
from jitney.core.review.access_wording import MOST_ARN, MOST_NAME
from jitney.core.review.decision_wording import MOST_LEFT_OUT, MOST_SENTENCE
from jitney.core.review.safe_text import cut, middle_cut
from jitney.core.review.sheet import RequestedAction, Sheet
from jitney.core.times import format_duration, format_time


def obstacle(sheet: Sheet) -> str:
    """Return why a pending request cannot be approved as it is, "" if it can."""
    return undecidable(sheet) or part_only(sheet)


def lasting_obstacle(sheet: Sheet) -> str:
    """Return the obstacle for a message that still shows it when the request can be approved. The time comes first."""
    if not sheet.undecidable or sheet.approvable_from is None or not is_approvable_later(sheet):
        return obstacle(sheet)
    return f"not before {format_time(sheet.approvable_from)}. {cut(sheet.undecidable, MOST_SENTENCE)}"


def is_approvable_later(sheet: Sheet) -> bool:
    """Return whether policies deny a pending request only until a time window changes, before its review ends."""
    return sheet.approvable_from is not None and sheet.approvable_from < sheet.expires_at


def possible_decisions(sheet: Sheet) -> str:
    """Return what a reviewer of a pending request can do about it, after "Your decision is needed: "."""
    if sheet.undecidable:
        return f"only a rejection is possible{' now' if is_approvable_later(sheet) else ''}"
    return "approve a part, or reject" if sheet.part_only else "approve or reject"


def undecidable(sheet: Sheet, *, decides: bool = True) -> str:
    """Return why a pending request cannot be approved now or any more, "" if it can.

    A reader who `decides` about the request learns what to do instead.
    """
    if not sheet.undecidable:
        return ""
    why, start = cut(sheet.undecidable, MOST_SENTENCE), sheet.approvable_from
    instead = ": reject it, and the agent can make another request." if decides else "."
    if start is None:
        return f"{why} The request cannot be approved any more{instead}"
    before = f"{why} The request cannot be approved before {format_time(start)}"
    if is_approvable_later(sheet):
        return f"{before}{': open it again then, or reject it.' if decides else '.'}"
    return f"{before}, and its review ends before that{instead}"


def part_only(sheet: Sheet) -> str:
    """Return why policies deny a pending request as it is, and what can be approved instead. "" if all of it can."""
    if not sheet.part_only:
        return ""
    limits = []
    if sheet.most_seconds < sheet.duration_seconds:
        limits.append(f"for at most {format_duration(sheet.most_seconds)}")
    if left_out := [_denied(each) for each in sheet.actions if each.denied]:
        limits.append(f"without {format_list(left_out, MOST_LEFT_OUT)}")
    part = f"{cut(sheet.part_only, MOST_SENTENCE)} Only a part of it can be approved: {', and '.join(limits)}."
    if sheet.approvable_from is None or not is_approvable_later(sheet):
        return part
    return f"{part} All of it can be approved from {format_time(sheet.approvable_from)} on."


def other_reviewers(sheet: Sheet) -> str:
    """Return who has to approve a pending request since policies changed; "" if its reviewers suffice."""
    if not sheet.other_reviewers:
        return ""
    instead = "The approval that would complete this review restarts it with these reviewers instead."
    return f"{changed_reviewers(sheet.other_reviewers)} {instead}"


def changed_reviewers(alternatives: Iterable[Iterable[str]]) -> str:
    """Return which groups policies need now, as a sentence."""
    ways = ", or ".join(" and ".join(cut(each, MOST_NAME) for each in groups) for groups in alternatives)
    return f"Policies changed, and now need approval by {ways}."


def _denied(requested: RequestedAction) -> str:
    action = cut(requested.action, MOST_NAME)
    if requested.denied == requested.resources:
        return action
    return f"{action} on {format_list([middle_cut(arn, MOST_ARN) for arn in requested.denied], MOST_LEFT_OUT)}"
