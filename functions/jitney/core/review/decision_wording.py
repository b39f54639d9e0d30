"""What a reviewer reads first, in words: the level of harm, earlier requests, and what was not granted. Pure.

All output is plain text on one line, escaped.
"""

from collections.abc import Iterator

from jitney.core.access.decision import Risk
from jitney.core.access.request import Permission
from jitney.core.quantities import format_list
from jitney.core.review.harm import harm_level
from jitney.core.review.like_requests import GrantedTimes
from jitney.core.review.safe_text import cut, middle_cut, one_word, quote
from jitney.core.review.sheet import Sheet
from jitney.core.times import format_duration, format_time

MOST_PEOPLE_NAME, MOST_COMMENT, MOST_SENTENCE, MOST_LEFT_OUT, MOST_RESOURCE = 80, 200, 240, 4, 100
NO_RISK = "The request only lists, or reads what it names, and no rule found a risk."


def harm(sheet: Sheet) -> str:
    """Return the level of the request's harm: severe, high, unknown, moderate or low."""
    return harm_level(sheet.risks)


def harm_in_words(level: str) -> str:
    """Return a level of harm as a label: "Severe harm"."""
    return f"{level.capitalize()} harm"


def harm_sentence(sheet: Sheet) -> str:
    """Return the worst risk as a sentence, or a sentence on why there is none."""
    return risk_sentence(sheet.risks[0]) if sheet.risks else NO_RISK


def risk_sentence(risk: Risk) -> str:
    """Return a risk in a sentence."""
    return cut(risk.sentence, MOST_SENTENCE)


def before(sheet: Sheet, viewer: str = "") -> str:
    """Return the results of the agent's like requests in the last 30 days, and who decided about the last ones.

    The worst result comes first, because a small screen may show only the beginning. A rejection that `rejected_before`
    shows is not repeated. `viewer` is the source identity of the reader, who is called "you".
    """
    like = sheet.like
    shown = int(bool(sheet.repeated and like.last_rejection and sheet.repeated.at == like.last_rejection.at))
    approved = rejected = revoked = ""
    if like.last_approval:
        approved = _last(like.last_approval.human.name, like.last_approval.at, viewer)
    if (last := like.last_rejection) and not shown:
        rejected = _last(last.human.name, last.at, viewer, last.comment)
    if end := like.last_revocation:
        revoked = _last(end.by, end.at, viewer, end.reason)
    parts = (
        ("also rejected" if shown else "rejected", like.rejected - shown, rejected),
        ("revoked after it was granted", like.revoked, revoked),
        ("granted by break-glass", like.break_glass.times, _for_less(like.break_glass)),
        ("not decided", like.undecided, ""),
        ("approved", like.approved.times, f"{_for_less(like.approved)}{approved}"),
        ("allowed without review", like.automatic.times, _for_less(like.automatic)),
    )
    said = "; ".join(f"{words} {_times(count)}{more}" for words, count, more in parts if count)
    nothing = f"No {'other ' if shown else ''}similar request in the last 30 days."
    found = f"Similar requests in the last 30 days: {said}." if said else nothing
    return f"{found} Not all earlier requests were compared." if like.incomplete else found


def not_granted(sheet: Sheet) -> tuple[str, ...]:
    """Return each action that the agent requested but does not get; () for none."""
    if sheet.requested is None:
        return ()
    lines = list(_left_out(sheet.requested.permissions, sheet))
    shown = lines[:MOST_LEFT_OUT]
    if len(lines) > MOST_LEFT_OUT:
        shown.append(f"{len(lines) - MOST_LEFT_OUT} more")
    return tuple(shown)


def shortened(sheet: Sheet) -> str:
    """Return the granted duration and the longer requested one, or "" if it was not shortened."""
    if sheet.requested is None or sheet.requested.duration_seconds == sheet.duration_seconds:
        return ""
    return f"{format_duration(sheet.duration_seconds)} instead of {format_duration(sheet.requested.duration_seconds)}"


def _left_out(requested: tuple[Permission, ...], sheet: Sheet) -> Iterator[str]:
    """Yield each action that lost all or some of its resources."""
    granted = {(each.action, arn, each.conditions) for each in sheet.actions for arn in each.resources}
    kept = {each.action for each in sheet.actions}
    lost: dict[str, dict[str, None]] = {}
    for permission in requested:
        for action, arn, conditions in permission.pairs():
            if (action, arn, conditions) not in granted:
                lost.setdefault(action, {})[arn] = None
    for action, arns in lost.items():
        resources = format_list([middle_cut(arn, MOST_RESOURCE, one_word) for arn in arns], MOST_LEFT_OUT)
        yield f"{cut(action, MOST_PEOPLE_NAME)}{f' on {resources}' if action in kept else ''}"


def _last(who: str, at: int, viewer: str, why: str = "") -> str:
    name = "you" if who == viewer else cut(who, MOST_PEOPLE_NAME)
    return f", last by {name} at {format_time(at)}{f': {quote(why, MOST_COMMENT)}' if why else ''}"


def _for_less(granted: GrantedTimes) -> str:
    if not granted.for_less:
        return ""
    which = f"{granted.for_less} " if granted.for_less < granted.times else "each " if granted.times > 1 else ""
    return f", {which}for less than this"


def _times(count: int) -> str:
    return {1: "once", 2: "twice"}.get(count, f"{count} times")
