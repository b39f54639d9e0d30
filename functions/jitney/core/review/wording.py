"""A sheet in words, the same on every channel. Computed facts come first, and the agent's text is separate (REV 10).

Pure.

All output is plain text on one line, escaped. Long text is cut, with a mark.
"""

from collections.abc import Callable, Mapping
from typing import NamedTuple

from jitney.core.access.break_glass import FollowUpVerdict
from jitney.core.access.conditions import conditions_in_words
from jitney.core.access.earlier_approvals import EarlierApproval
from jitney.core.access.grant import VoteVerdict
from jitney.core.access.profile_wording import profile_line
from jitney.core.quantities import format_list, quantity
from jitney.core.review.access_wording import (
    MOST_ACCESSES,
    MOST_ACTIONS,
    MOST_ARN,
    MOST_CONDITION,
    MOST_NAME,
    MOST_RESOURCES,
    together,
)
from jitney.core.review.call_wording import call_title, hidden_values, shows_all_parameters
from jitney.core.review.decision_wording import (
    MOST_COMMENT,
    MOST_SENTENCE,
    before,
    harm,
    harm_in_words,
    harm_sentence,
    not_granted,
    risk_sentence,
    shortened,
)
from jitney.core.review.headlines import NO_PERSON
from jitney.core.review.obstacle_wording import other_reviewers
from jitney.core.review.safe_text import cut, defang, escape_exact, escape_invisible, middle_cut, quote
from jitney.core.review.sheet import Sheet
from jitney.core.times import format_duration, format_time

MOST_RISKS, MOST_PEOPLE = 6, 5
MOST_REASON = 300
MOST_REQUIRED = 800

_OUTCOMES: Mapping[str, str] = {
    "pending": "Pending",
    "active": "Active",
    "rejected": "Rejected",
    "expired": "Expired",
    "released": "Released by the agent",
    "revoked": "Revoked",
    "failed": "Failed",
    "used": "Used: the call was sent",
}


class Fact(NamedTuple):
    """One computed fact, with its name."""

    name: str
    value: str


AGENT_CHANGED = "The agent says what changed since the rejection"
"""The label of the agent's explanation of a repeated request. It shows that Jitney did not check the explanation."""


def duration(sheet: Sheet) -> str:
    """Return the duration of the grant: "1 hour from the approval, until 2026-11-28 03:00 UTC at the latest"."""
    if sheet.call:
        once = f"this call once, with exactly these parameters{_by(sheet)}."
        again = "Approving does not make the call: the agent has to repeat it."
        return " ".join(filter(None, (once, hidden_values(sheet.call), again)))
    latest = f"{_by(sheet)} at the latest" if sheet.ends_by is not None else ""
    return f"{format_duration(sheet.duration_seconds)} from the approval{latest}"


def _by(sheet: Sheet) -> str:
    return f", until {format_time(sheet.ends_by)}" if sheet.ends_by is not None else ""


def outcome(sheet: Sheet) -> str:
    """Return the request's status, and the people whose votes caused it: "Approved by people.alice"."""
    status = _OUTCOMES.get(sheet.state, escape_invisible(sheet.state))
    if sheet.break_glass and sheet.state == "active":
        return f"Active: break-glass by {cut(sheet.break_glass.human.name, MOST_NAME)}"
    verdict = {"active": VoteVerdict.APPROVE, "rejected": VoteVerdict.REJECT}.get(sheet.state)
    counted = (vote for vote in sheet.votes if vote.verdict is verdict and not sheet.no_longer_counts(vote))
    by = [cut(vote.human.name, MOST_NAME) for vote in counted]
    if sheet.ending and sheet.state == "revoked":
        by = [cut(sheet.ending.by, MOST_NAME)]
    if by and sheet.state == "active":
        status = "Approved"
    return f"{status} by {format_list(by, MOST_PEOPLE)}" if by else status


def headline(sheet: Sheet) -> str:
    """Return the request in one line, without the person it is for."""
    return sheet.headline.title


def sentence(sheet: Sheet) -> str:
    """Return the request in a sentence: who, on whose behalf, does what to what, where and for how long."""
    return sheet.headline.sentence


def target(sheet: Sheet) -> str:
    """Return the target's alias."""
    return cut(sheet.target, MOST_NAME)


def first_facts(sheet: Sheet) -> tuple[Fact, ...]:
    """Return what a reviewer reads after the sentence: the harm, the further risks, and what happened before."""
    rows = [Fact(harm_in_words(harm(sheet)), harm_sentence(sheet))]
    rows.extend(Fact(f"Risk ({risk.level})", risk_sentence(risk)) for risk in sheet.risks[1:MOST_RISKS])
    if len(sheet.risks) > MOST_RISKS:
        rows.append(Fact("Risk", f"and {len(sheet.risks) - MOST_RISKS} more: see the page"))
    rows.extend(Fact("Not granted", each) for each in not_granted(sheet))
    if less := shortened(sheet):
        rows.append(Fact("Duration", less))
    if line := after_approval(sheet):
        rows.append(Fact("After an approval", line))
    if line := rejected_before(sheet):
        rows.append(Fact("Rejected before", line))
    rows.append(Fact("Before", before(sheet)))
    return tuple(rows)


def detail_facts(sheet: Sheet, escape: Callable[[str], str] = str) -> tuple[Fact, ...]:
    """Return all further computed facts except the exact actions and resources. Those are returned by `accesses`.

    The provider's facts about the agent come first, and the agent's technical names last. The channel's own `escape` is
    applied to both.
    """
    where = f"{target(sheet)}, AWS account {escape_invisible(sheet.account)}, {escape_invisible(sheet.region)}"
    rows = [Fact(name, escape(value)) for name, value in sheet.requester.rows()]
    rows.append(Fact("On behalf of", sheet.requester.human_name or NO_PERSON))
    rows += [Fact("Target", where), Fact("Target role", middle_cut(sheet.role_arn, MOST_ARN))]
    if line := access_profile(sheet):
        rows.append(Fact("Access profile", line))
    if sheet.way:
        rows.append(Fact("Way", sheet.way))
    if sheet.call:
        rows += [Fact("Call", call_title(sheet.call)), Fact("Under grant", sheet.call.grant_id)]
    else:
        rows.append(Fact("New access", new_access(sheet)))
    rows.append(Fact("An approval covers" if sheet.call else "Duration", duration(sheet)))
    rows.append(Fact("Approvals needed", required_approvals(sheet)))
    if line := other_reviewers(sheet):
        rows.append(Fact("Other reviewers", line))
    rows.extend(Fact("Approved before", earlier_approval(each)) for each in sheet.earlier_approvals)
    rows.extend(Fact("Votes", each) for each in votes(sheet))
    rows.extend(Fact("Break-glass", each) for each in break_glass(sheet))
    rows.append(Fact("Requested at", format_time(sheet.created_at)))
    if sheet.state == "pending":
        rows.append(Fact("Review ends at", format_time(sheet.expires_at)))
    rows.extend(Fact(name, escape(value)) for name, value in sheet.requester.details())
    return tuple(rows)


def rejected_before(sheet: Sheet, viewer: str = "") -> str:
    """Return who rejected a request for the same access, when and why; "" for none.

    `viewer` is the reader, as in `before`.
    """
    if sheet.repeated is None:
        return ""
    by = "you" if sheet.repeated.by == viewer else cut(sheet.repeated.by, MOST_NAME)
    comment = quote(sheet.repeated.comment, MOST_COMMENT)
    return f"by {by} at {format_time(sheet.repeated.at)}, request {sheet.repeated.grant_id}: {comment}"


def after_approval(sheet: Sheet) -> str:
    """Return what an approval allows later, or "". Every reviewer sees it on the first screen (REV 11)."""
    if sheet.counts_again:
        return "for 30 days, policy lets this agent obtain the same access again without a review."
    once = "the same access is reviewed again, because a reviewer chose “this time only”."
    return once if sheet.this_time_only else ""


def access_profile(sheet: Sheet) -> str:
    """Return the access profile on one line, "" for none. `accesses` returns the requested part of it."""
    if sheet.access_profile is None:
        return ""
    levels = {each.action: each.level for each in sheet.actions}
    return profile_line(sheet.access_profile, levels, (arn for each in sheet.actions for arn in each.resources))


def new_access(sheet: Sheet) -> str:
    """Return how much of the request is new, and what that means (REV 11).

    Approved access stays new until the agent has obtained it.
    """
    pairs = sum(len(each.resources) for each in sheet.actions)
    new = sum(len(each.new) for each in sheet.actions)
    if not new:
        return "none. This agent obtained all of it in the last 30 days."
    amount = "all of it" if new == pairs else f"{new} of {pairs} pairs of an action and a resource, marked above"
    return f"{amount}. This agent did not obtain it in the last 30 days, or a person revoked it or objected to it."


def required_approvals(sheet: Sheet) -> str:
    """Return the approvals that suffice, by group: "1 approval from owners (people.alice)"."""
    needed: dict[str, str] = {}
    for each in sheet.group_approvals:
        count = f"{quantity(each.needed, 'approval')} from {cut(each.group, MOST_NAME)}"
        if not each.needed:
            needed[each.group] = f"approval from {cut(each.group, MOST_NAME)}, which is no longer a reviewer group"
            continue
        needed[each.group] = f"{count} ({format_list(_names(each.members), MOST_PEOPLE) or 'no reviewer'})"
    ways = [" and ".join(needed.get(group, escape_invisible(group)) for group in groups) for groups in sheet.any_of]
    return cut(", or ".join(ways), MOST_REQUIRED)


def votes(sheet: Sheet) -> tuple[str, ...]:
    """Return who approved, whose approval stopped counting, and who rejected. Comments are on the page."""
    found: dict[str, list[str]] = {"approved by {}": [], "approved by {}, no longer counted": [], "rejected by {}": []}
    for vote in sheet.votes:
        words = "approved by {}" if vote.verdict is VoteVerdict.APPROVE else "rejected by {}"
        words = f"{words}, no longer counted" if sheet.no_longer_counts(vote) else words
        found[words].append(cut(vote.human.name, MOST_NAME))
    return tuple(words.format(format_list(names, MOST_PEOPLE)) for words, names in found.items() if names)


def earlier_approval(approval: EarlierApproval) -> str:
    """Return which groups approved the same access before, and when. A policy lets this approval count again."""
    groups = format_list(_names(approval.groups), MOST_PEOPLE)
    return f"by {groups} at {format_time(approval.at)}, request {approval.grant_id}"


def comments(sheet: Sheet) -> tuple[Fact, ...]:
    """Return the comments of votes, break-glass, follow-up and end, each with its author's name, without links."""
    found = [(vote.human.name, vote.comment) for vote in sheet.votes[-MOST_PEOPLE:]]
    if sheet.break_glass:
        found.append((sheet.break_glass.human.name, sheet.break_glass.reason))
    if sheet.follow_up:
        found.append((sheet.follow_up.human.name, sheet.follow_up.comment))
    if sheet.ending:
        found.append((sheet.ending.by, sheet.ending.reason))
    return tuple(Fact(cut(human, MOST_NAME), defang(cut(words, MOST_COMMENT))) for human, words in found if words)


def shows_all(sheet: Sheet) -> bool:
    """Return whether the facts and `accesses` show the requester and all that is requested, with its risks, in full."""
    grouped = together(sheet)
    names = [sheet.target, *(each.action for each in sheet.actions)]
    arns = [sheet.role_arn, *(arn for each in sheet.actions for arn in each.resources)]
    return (
        sheet.requester.is_whole()
        and (sheet.call is None or shows_all_parameters(sheet.call))
        and len(grouped) <= MOST_ACCESSES
        and all(len(actions) <= MOST_ACTIONS for actions in grouped.values())
        and all(len(each.resources) <= MOST_RESOURCES for each in sheet.actions)
        and all(len(escape_invisible(name)) <= MOST_NAME for name in names)
        and all(len(escape_exact(arn)) <= MOST_ARN for arn in arns)
        and all(
            len(escape_exact(words)) <= MOST_CONDITION
            for each in sheet.actions
            for words in conditions_in_words(each.conditions)
        )
        and len(sheet.risks) <= MOST_RISKS
        and all(len(escape_invisible(risk.sentence)) <= MOST_SENTENCE for risk in sheet.risks)
    )


def break_glass(sheet: Sheet) -> tuple[str, ...]:
    """Return who used break-glass, and who did the follow-up review or when it is due. Comments are left out."""
    if sheet.break_glass is None:
        return ()
    use = f"used by {cut(sheet.break_glass.human.name, MOST_NAME)} at {format_time(sheet.break_glass.at)}"
    if sheet.follow_up is None:
        return (use, f"follow-up review by another person due before {format_time(sheet.break_glass.due_at)}")
    verdict = {FollowUpVerdict.CONFIRM: "confirmed", FollowUpVerdict.OBJECT: "objected to"}[sheet.follow_up.judgement]
    return (use, f"{verdict} by {cut(sheet.follow_up.human.name, MOST_NAME)}")


def agent_reason(sheet: Sheet) -> str:
    """Return the agent's reason."""
    return cut(sheet.agent_reason, MOST_REASON) or "(none)"


def agent_changed(sheet: Sheet) -> str:
    """Return what the agent says has changed since the rejection, "" for none."""
    return cut(sheet.repeated.changed, MOST_REASON) if sheet.repeated else ""


def agent_ticket(sheet: Sheet) -> str:
    """Return the agent's ticket, "" for none."""
    return cut(sheet.ticket, MOST_NAME)


def _names(people: tuple[str, ...]) -> list[str]:
    return [cut(each, MOST_NAME) for each in people]
