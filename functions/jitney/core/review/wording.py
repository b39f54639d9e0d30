"""A sheet in words, the same on every channel. Computed facts come first, the agent's text apart (REV 10). Pure.

All output is plain text on one line, escaped. Long text is cut, with a mark.
"""

from collections.abc import Callable, Mapping
from datetime import UTC, datetime
from typing import NamedTuple

from jitney.core.access.break_glass import FollowUpVerdict
from jitney.core.access.conditions import Conditions, conditions_in_words
from jitney.core.access.grant import VoteVerdict
from jitney.core.access.profile_wording import LEVEL_NAMES, profile_line
from jitney.core.actions import AccessLevel
from jitney.core.review.safe_text import cut, defang, escape_exact, escape_invisible, format_list, middle_cut
from jitney.core.review.sheet import RequestedAction, Sheet
from jitney.core.times import format_duration

MOST_ACCESSES, MOST_ACTIONS, MOST_RESOURCES, MOST_RISKS, MOST_PEOPLE = 4, 6, 4, 3, 5
MOST_REASON = 300
MOST_COMMENT = 200
MOST_ARN, MOST_NAME, MOST_SENTENCE, MOST_REQUIRED, MOST_CONDITION = 150, 80, 240, 800, 240

_VERBS: Mapping[AccessLevel | None, str] = {
    AccessLevel.PERMISSIONS_MANAGEMENT: "changes permissions",
    AccessLevel.READ_SECRET: "reads secrets",
    AccessLevel.WRITE: "writes",
    AccessLevel.TAGGING: "tags",
    AccessLevel.READ: "reads",
    AccessLevel.LIST: "lists",
}
_DELETING = ("delete", "batchdelete", "terminate", "purge", "destroy", "drop")
_UNKNOWN = "unknown"
_OUTCOMES: Mapping[str, str] = {
    "pending": "Pending",
    "active": "Active",
    "rejected": "Rejected",
    "expired": "Expired",
    "released": "Released by the agent",
    "revoked": "Revoked",
    "failed": "Failed",
}


class Access(NamedTuple):
    """One kind of access. `title` names its level and actions. New `resources` are marked.

    `conditions` are words that follow "only if".
    """

    title: str
    resources: tuple[str, ...]
    conditions: tuple[str, ...] = ()


class Fact(NamedTuple):
    """One computed fact, with its name."""

    name: str
    value: str


def format_time(seconds: int) -> str:
    """Return a time to the minute, in UTC."""
    return datetime.fromtimestamp(seconds, UTC).strftime("%Y-%m-%d %H:%M UTC")


def duration(sheet: Sheet) -> str:
    """Return how long the grant lasts: "1 hour from the approval, until 2026-11-28 03:00 UTC at the latest"."""
    latest = f", until {format_time(sheet.ends_by)} at the latest" if sheet.ends_by is not None else ""
    return f"{format_duration(sheet.duration_seconds)} from the approval{latest}"


def outcome(sheet: Sheet) -> str:
    """Return the request's status, and the people who caused it: "Approved by people.alice"."""
    status = _OUTCOMES.get(sheet.state, escape_invisible(sheet.state))
    if sheet.break_glass and sheet.state == "active":
        return f"Active by break-glass of {cut(sheet.break_glass.human, MOST_NAME)}"
    verdict = {"active": VoteVerdict.APPROVE, "rejected": VoteVerdict.REJECT}.get(sheet.state)
    by = [cut(vote.human, MOST_NAME) for vote in sheet.votes if vote.verdict is verdict]
    if sheet.ending and sheet.state == "revoked":
        by = [cut(sheet.ending.by, MOST_NAME)]
    if by and sheet.state == "active":
        status = "Approved"
    return f"{status} by {format_list(by, MOST_PEOPLE, 'people')}" if by else status


def level(sheet: Sheet) -> str:
    """Return the most severe access level of the request. Deletion is added, because AWS has no level for it."""
    found = {each.level for each in sheet.actions}
    severest = next((words for each, words in LEVEL_NAMES.items() if each in found), _UNKNOWN)
    return f"{severest} and delete" if any(deletes(each.action) for each in sheet.actions) else severest


def deletes(action: str) -> bool:
    """Return whether the action's name says that it deletes, such as `s3:DeleteObject` or `ec2:TerminateInstances`."""
    return action.partition(":")[2].lower().startswith(_DELETING)


def action_verb(requested: RequestedAction) -> str:
    """Return what an action does, in a word: "writes"."""
    return "deletes" if deletes(requested.action) else _VERBS.get(requested.level, "is unknown to Jitney")


def headline(sheet: Sheet) -> str:
    """Return who requests what kind of access to which target, in one line."""
    return f"{sheet.requester.name} requests {level(sheet)} access to {target(sheet)}"


def target(sheet: Sheet) -> str:
    """Return the target's alias."""
    return cut(sheet.target, MOST_NAME)


def facts(sheet: Sheet, escape: Callable[[str], str] = str) -> tuple[Fact, ...]:
    """Return all computed facts except the exact actions and resources. `accesses` returns those.

    The provider's facts about the agent come first, and the agent's technical names last. The channel's own `escape` is
    applied to both.
    """
    where = f"{target(sheet)}, AWS account {escape_invisible(sheet.account)}, {escape_invisible(sheet.region)}"
    rows = [Fact(name, escape(value)) for name, value in sheet.requester.rows()]
    if sheet.requester.human_name:
        rows.append(Fact("On behalf of", sheet.requester.human_name))
    rows += [Fact("Target", where), Fact("Target role", middle_cut(sheet.role_arn, MOST_ARN))]
    if line := access_profile(sheet):
        rows.append(Fact("Access profile", line))
    rows.append(Fact("Access level", level(sheet)))
    rows.extend(Fact(f"Risk ({risk.level})", cut(risk.sentence, MOST_SENTENCE)) for risk in sheet.risks[:MOST_RISKS])
    if len(sheet.risks) > MOST_RISKS:
        rows.append(Fact("Risk", f"and {len(sheet.risks) - MOST_RISKS} more risks: see the page"))
    rows.append(Fact("New access", new_access(sheet)))
    rows.append(Fact("Duration", duration(sheet)))
    rows.append(Fact("Approvals needed", required_approvals(sheet)))
    rows.extend(Fact("Votes", each) for each in votes(sheet))
    rows.extend(Fact("Break-glass", each) for each in break_glass(sheet))
    rows.append(Fact("Requested at", format_time(sheet.created_at)))
    if sheet.state == "pending":
        rows.append(Fact("Review ends at", format_time(sheet.expires_at)))
    rows.extend(Fact(name, escape(value)) for name, value in sheet.requester.details())
    return tuple(rows)


def access_profile(sheet: Sheet) -> str:
    """Return the access profile in a line, "" for none. `accesses` returns what is requested of it."""
    if sheet.access_profile is None:
        return ""
    levels = {each.action: each.level for each in sheet.actions}
    return profile_line(sheet.access_profile, levels, (arn for each in sheet.actions for arn in each.resources))


def new_access(sheet: Sheet) -> str:
    """Return how much of the request is new: no grant of the agent allowed it in the last 30 days (REV 11)."""
    pairs = sum(len(each.resources) for each in sheet.actions)
    new = sum(len(each.new) for each in sheet.actions)
    if not new:
        return "none. This agent had all of it in the last 30 days."
    amount = "all of it" if new == pairs else f"{new} of {pairs}, marked below"
    return f"{amount}. This agent did not have it in the last 30 days."


def required_approvals(sheet: Sheet) -> str:
    """Return the approvals that suffice, by group: "1 approval of owners (people.alice)"."""
    needed: dict[str, str] = {}
    for each in sheet.group_approvals:
        count = f"{each.needed} approval{'' if each.needed == 1 else 's'} of {cut(each.group, MOST_NAME)}"
        needed[each.group] = f"{count} ({format_list(_names(each.members), MOST_PEOPLE, 'people') or 'no reviewer'})"
    ways = [" and ".join(needed.get(group, escape_invisible(group)) for group in groups) for groups in sheet.any_of]
    return cut(", or ".join(ways), MOST_REQUIRED)


def votes(sheet: Sheet) -> tuple[str, ...]:
    """Return who approved and who rejected. Comments are on the page."""
    verdicts = {VoteVerdict.APPROVE: "approved by", VoteVerdict.REJECT: "rejected by"}
    found = {
        words: [cut(vote.human, MOST_NAME) for vote in sheet.votes if vote.verdict is verdict]
        for verdict, words in verdicts.items()
    }
    return tuple(f"{words} {format_list(names, MOST_PEOPLE, 'people')}" for words, names in found.items() if names)


def comments(sheet: Sheet) -> tuple[Fact, ...]:
    """Return the comments of voters, break-glass, follow-up and revocation, by name, without links."""
    found = [(vote.human, vote.comment) for vote in sheet.votes[-MOST_PEOPLE:]]
    if sheet.break_glass:
        found.append((sheet.break_glass.human, sheet.break_glass.reason))
    if sheet.follow_up:
        found.append((sheet.follow_up.human, sheet.follow_up.comment))
    if sheet.ending:
        found.append((sheet.ending.by, sheet.ending.reason))
    return tuple(Fact(cut(human, MOST_NAME), defang(cut(words, MOST_COMMENT))) for human, words in found if words)


def accesses(sheet: Sheet) -> tuple[Access, ...]:
    """Return the exact actions, resources and conditions, grouped by level and these, the most severe first."""
    together, found = _together(sheet), []
    for (words, resources, new, limits), actions in list(together.items())[:MOST_ACCESSES]:
        shown = [
            middle_cut(arn, MOST_ARN) + (" (new)" if arn in new and len(new) < len(resources) else "")
            for arn in resources[:MOST_RESOURCES]
        ]
        if len(resources) > MOST_RESOURCES:
            unseen = set(resources[MOST_RESOURCES:]) & set(new)
            fresh = f", {len(unseen)} of them new" if unseen else ""
            shown.append(f"and {len(resources) - MOST_RESOURCES} more resources{fresh}: see the page")
        title = f"{words}: {format_list(actions, MOST_ACTIONS, 'actions')}"
        found.append(Access(title, tuple(shown), conditions_shown(limits)))
    if len(together) > MOST_ACCESSES:
        left = [name for names in list(together.values())[MOST_ACCESSES:] for name in names]
        more = f"and {len(left)} more actions on other resources: see the page"
        found.append(Access(more, ()))
    return tuple(found)


def conditions_shown(conditions: Conditions) -> tuple[str, ...]:
    """Return each condition in exact words that follow "only if". A condition that is too long is cut."""
    return tuple(middle_cut(each, MOST_CONDITION) for each in conditions_in_words(conditions))


def shows_all(sheet: Sheet) -> bool:
    """Return whether `facts` and `accesses` show the requester and all that is requested, with its risks, in full."""
    together = _together(sheet)
    names = [sheet.target, *(each.action for each in sheet.actions)]
    arns = [sheet.role_arn, *(arn for each in sheet.actions for arn in each.resources)]
    return (
        sheet.requester.is_whole()
        and len(together) <= MOST_ACCESSES
        and all(len(actions) <= MOST_ACTIONS for actions in together.values())
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
    use = f"used by {cut(sheet.break_glass.human, MOST_NAME)} at {format_time(sheet.break_glass.at)}"
    if sheet.follow_up is None:
        return (use, f"follow-up review by another person due before {format_time(sheet.break_glass.due_at)}")
    verdict = {FollowUpVerdict.CONFIRM: "confirmed", FollowUpVerdict.OBJECT: "objected to"}[sheet.follow_up.judgement]
    return (use, f"{verdict} by {cut(sheet.follow_up.human, MOST_NAME)}")


def agent_reason(sheet: Sheet) -> str:
    """Return the agent's reason."""
    return cut(sheet.agent_reason, MOST_REASON) or "(none)"


def agent_ticket(sheet: Sheet) -> str:
    """Return the agent's ticket, "" for none."""
    return cut(sheet.ticket, MOST_NAME)


class _Kind(NamedTuple):
    """What actions of one `Access` share."""

    words: str
    resources: tuple[str, ...]
    new: tuple[str, ...]
    conditions: Conditions


def _together(sheet: Sheet) -> dict[_Kind, list[str]]:
    """Return the actions grouped by what they share. Deleting actions form their own groups."""
    together: dict[_Kind, list[str]] = {}
    for each in sorted(sheet.actions, key=_severity):
        level = LEVEL_NAMES[each.level] if each.level else _UNKNOWN
        words = "delete" if deletes(each.action) else level
        kind = _Kind(words, each.resources, each.new, each.conditions)
        together.setdefault(kind, []).append(cut(each.action, MOST_NAME))
    return together


def _severity(requested: RequestedAction) -> tuple[int, bool]:
    """Return the sort key by level. Unknown actions come first, and deleting actions come first in their level."""
    return (list(LEVEL_NAMES).index(requested.level) if requested.level else -1, not deletes(requested.action))


def _names(people: tuple[str, ...]) -> list[str]:
    return [cut(each, MOST_NAME) for each in people]
