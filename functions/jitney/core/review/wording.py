"""A sheet in words, the same on every channel: what the broker computed first, the agent's own words apart (REV 10).

Everything that comes out is plain text on one line, inert, and cut where it would not end, with the cut said.
"""

from collections.abc import Mapping
from datetime import UTC, datetime
from typing import NamedTuple

from jitney.core.access.break_glass import FollowUpVerdict
from jitney.core.access.grant import VoteVerdict
from jitney.core.actions import AccessLevel
from jitney.core.review.safe_text import cut, defang, escape_exact, escape_invisible, format_list, middle_cut
from jitney.core.review.sheet import RequestedAction, Sheet

MOST_ACCESSES, MOST_ACTIONS, MOST_RESOURCES, MOST_RISKS, MOST_PEOPLE = 4, 6, 4, 3, 5
MOST_REASON = 300
MOST_COMMENT = 200
MOST_ARN, MOST_NAME, MOST_SENTENCE, MOST_REQUIRED = 150, 80, 240, 800

# The gravest first.
_LEVELS: Mapping[AccessLevel, str] = {
    AccessLevel.PERMISSIONS_MANAGEMENT: "permissions management",
    AccessLevel.READ_SECRET: "secrets",
    AccessLevel.WRITE: "write",
    AccessLevel.TAGGING: "tagging",
    AccessLevel.READ: "read",
    AccessLevel.LIST: "list",
}
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
    "active": "Approved",
    "rejected": "Rejected",
    "expired": "Expired",
    "released": "Given back by the agent",
    "revoked": "Taken back",
    "failed": "Failed",
}
_UNITS = ((86_400, "day"), (3600, "hour"), (60, "minute"), (1, "second"))


class Access(NamedTuple):
    """One kind of access: `title` has its level and actions, `resources` what it reaches, the new marked as such."""

    title: str
    resources: tuple[str, ...]


class Fact(NamedTuple):
    """One fact that the broker computed: what it is about, and what it is."""

    name: str
    value: str


def format_time(seconds: int) -> str:
    """A moment for people in any time zone, to the minute."""
    return datetime.fromtimestamp(seconds, UTC).strftime("%Y-%m-%d %H:%M UTC")


def format_duration(seconds: int) -> str:
    """A duration in words: "1 hour 30 minutes"."""
    parts = []
    for size, unit in _UNITS:
        count, seconds = divmod(seconds, size)
        if count:
            parts.append(f"{count} {unit}{'s' if count > 1 else ''}")
    return " ".join(parts) or "no time"


def outcome(sheet: Sheet) -> str:
    """What became of the request, and through whom."""
    said = _OUTCOMES.get(sheet.state, escape_invisible(sheet.state))
    if sheet.break_glass and sheet.state == "active":
        return f"Taken without review by {cut(sheet.break_glass.human, MOST_NAME)}"
    verdict = {"active": VoteVerdict.APPROVE, "rejected": VoteVerdict.REJECT}.get(sheet.state)
    by = [cut(vote.human, MOST_NAME) for vote in sheet.votes if vote.verdict is verdict]
    if sheet.ending and sheet.state == "revoked":
        by = [cut(sheet.ending.by, MOST_NAME)]
    return f"{said} by {format_list(by, MOST_PEOPLE, 'people')}" if by else said


def level(sheet: Sheet) -> str:
    """The gravest access level that is asked for; deleting is named besides, of which AWS has no level."""
    found = {line.level for line in sheet.lines}
    gravest = next((words for each, words in _LEVELS.items() if each in found), _UNKNOWN)
    return f"{gravest} and delete" if any(deletes(line.action) for line in sheet.lines) else gravest


def deletes(action: str) -> bool:
    """Whether the action says by its name that it deletes, as `s3:DeleteObject` and `ec2:TerminateInstances` do."""
    return action.partition(":")[2].lower().startswith(_DELETING)


def action_verb(line: RequestedAction) -> str:
    """What an action does, in a word: "writes"."""
    return "deletes" if deletes(line.action) else _VERBS.get(line.level, "is unknown to Jitney")


def agent(sheet: Sheet) -> str:
    """Who asks."""
    return cut(sheet.agent, MOST_NAME)


def target(sheet: Sheet) -> str:
    """The alias of what is asked for."""
    return cut(sheet.target, MOST_NAME)


def facts(sheet: Sheet) -> tuple[Fact, ...]:
    """All that there is to know besides the exact actions and resources, which `accesses` has."""
    where = f"{target(sheet)}, AWS account {escape_invisible(sheet.account)}, {escape_invisible(sheet.region)}"
    people = [Fact("Who asks", f"{agent(sheet)}, of {cut(sheet.issuer, MOST_ARN)}")]
    if sheet.human:
        people.append(Fact("On behalf of", cut(sheet.human, MOST_NAME)))
    rows = [*people, Fact("Where", where), Fact("Role", middle_cut(sheet.role_arn, MOST_ARN))]
    rows.append(Fact("Access level", level(sheet)))
    rows.extend(Fact("Risk", cut(risk.sentence, MOST_SENTENCE)) for risk in sheet.risks[:MOST_RISKS])
    if len(sheet.risks) > MOST_RISKS:
        rows.append(Fact("Risk", f"and {len(sheet.risks) - MOST_RISKS} more risks: see the page"))
    rows.append(Fact("New", new_access(sheet)))
    rows.append(Fact("For how long", f"{format_duration(sheet.duration_seconds)} from the approval on"))
    rows.append(Fact("Needs", required_approvals(sheet)))
    rows.extend(Fact("So far", said) for said in votes(sheet))
    rows.extend(Fact("Break-glass", said) for said in break_glass(sheet))
    rows.append(Fact("Asked at", format_time(sheet.created_at)))
    if sheet.state == "pending":
        rows.append(Fact("Open until", format_time(sheet.expires_at)))
    return tuple(rows)


def new_access(sheet: Sheet) -> str:
    """How much of it the agent's grants of the last 30 days did not reach (REV 11)."""
    pairs = sum(len(line.resources) for line in sheet.lines)
    new = sum(len(line.new) for line in sheet.lines)
    before = "this agent's grants of the last 30 days"
    if not new:
        return f"nothing: {before} reached all of it"
    return f"all of it: {before} reached none" if new == pairs else f"{new} of {pairs}, marked below: {before} did not"


def required_approvals(sheet: Sheet) -> str:
    """How many approvals of which groups suffice, and who is in them: "1 approval of owners (people.alice)"."""
    told: dict[str, str] = {}
    for each in sheet.asked:
        count = f"{each.needed} approval{'' if each.needed == 1 else 's'} of {cut(each.group, MOST_NAME)}"
        told[each.group] = f"{count} ({format_list(_names(each.members), MOST_PEOPLE, 'people') or 'nobody'})"
    ways = [" and ".join(told.get(group, escape_invisible(group)) for group in groups) for groups in sheet.any_of]
    return cut(", or ".join(ways), MOST_REQUIRED)


def votes(sheet: Sheet) -> tuple[str, ...]:
    """Who voted how. Comments are left to the page."""
    said = {VoteVerdict.APPROVE: "approved by", VoteVerdict.REJECT: "rejected by"}
    found = {
        words: [cut(vote.human, MOST_NAME) for vote in sheet.votes if vote.verdict is verdict]
        for verdict, words in said.items()
    }
    return tuple(f"{words} {format_list(names, MOST_PEOPLE, 'people')}" for words, names in found.items() if names)


def comments(sheet: Sheet) -> tuple[Fact, ...]:
    """What people said as they voted, broke the glass or took it back, by name, in their own words, without a link."""
    said = [(vote.human, vote.comment) for vote in sheet.votes[-MOST_PEOPLE:]]
    if sheet.break_glass:
        said.append((sheet.break_glass.human, sheet.break_glass.reason))
    if sheet.follow_up:
        said.append((sheet.follow_up.human, sheet.follow_up.comment))
    if sheet.ending:
        said.append((sheet.ending.by, sheet.ending.reason))
    return tuple(Fact(cut(human, MOST_NAME), defang(cut(words, MOST_COMMENT))) for human, words in said if words)


def accesses(sheet: Sheet) -> tuple[Access, ...]:
    """The exact actions and resources; actions of one kind on the same resources together, the gravest first."""
    together, found = _together(sheet), []
    for (words, resources, new), actions in list(together.items())[:MOST_ACCESSES]:
        shown = [
            middle_cut(arn, MOST_ARN) + (" (new)" if arn in new and len(new) < len(resources) else "")
            for arn in resources[:MOST_RESOURCES]
        ]
        if len(resources) > MOST_RESOURCES:
            unseen = set(resources[MOST_RESOURCES:]) & set(new)
            fresh = f", {len(unseen)} of them new" if unseen else ""
            shown.append(f"and {len(resources) - MOST_RESOURCES} more resources{fresh}: see the page")
        found.append(Access(f"{words}: {format_list(actions, MOST_ACTIONS, 'actions')}", tuple(shown)))
    if len(together) > MOST_ACCESSES:
        left = [name for names in list(together.values())[MOST_ACCESSES:] for name in names]
        more = f"and {len(left)} more actions on other resources: see the page"
        found.append(Access(more, ()))
    return tuple(found)


def shows_all(sheet: Sheet) -> bool:
    """Whether `facts` and `accesses` leave out nothing of what would be granted, nor a risk: that all can be read."""
    together = _together(sheet)
    names = [sheet.agent, sheet.human or "", sheet.target, *(line.action for line in sheet.lines)]
    arns = [sheet.role_arn, *(arn for line in sheet.lines for arn in line.resources)]
    return (
        len(together) <= MOST_ACCESSES
        and all(len(actions) <= MOST_ACTIONS for actions in together.values())
        and all(len(line.resources) <= MOST_RESOURCES for line in sheet.lines)
        and all(len(escape_invisible(name)) <= MOST_NAME for name in names)
        and all(len(escape_exact(arn)) <= MOST_ARN for arn in arns)
        and len(sheet.risks) <= MOST_RISKS
        and all(len(escape_invisible(risk.sentence)) <= MOST_SENTENCE for risk in sheet.risks)
    )


def break_glass(sheet: Sheet) -> tuple[str, ...]:
    """Who took it without its reviewers, and who looked at that or until when there is time; words apart."""
    if sheet.break_glass is None:
        return ()
    broke = f"{cut(sheet.break_glass.human, MOST_NAME)} took it without its reviewers at {format_time(sheet.break_glass.at)}"
    if sheet.follow_up is None:
        return (broke, f"somebody else has to look at that before {format_time(sheet.break_glass.due_at)}")
    said = {FollowUpVerdict.CONFIRM: "confirmed", FollowUpVerdict.OBJECT: "objected to"}[sheet.follow_up.judgement]
    return (broke, f"{said} by {cut(sheet.follow_up.human, MOST_NAME)}")


def agent_reason(sheet: Sheet) -> str:
    """The agent's reason."""
    return cut(sheet.words, MOST_REASON) or "(none)"


def agent_ticket(sheet: Sheet) -> str:
    """The ticket that the agent names, "" for none."""
    return cut(sheet.ticket, MOST_NAME)


def _together(sheet: Sheet) -> dict[tuple[str, tuple[str, ...], tuple[str, ...]], list[str]]:
    """The actions of each level on the same resources, of which the same are new; those that delete apart."""
    together: dict[tuple[str, tuple[str, ...], tuple[str, ...]], list[str]] = {}
    for line in sorted(sheet.lines, key=_gravity):
        level = _LEVELS[line.level] if line.level else _UNKNOWN
        words = "delete" if deletes(line.action) else level
        together.setdefault((words, line.resources, line.new), []).append(cut(line.action, MOST_NAME))
    return together


def _gravity(line: RequestedAction) -> tuple[int, bool]:
    """The place in the order of levels; what is unknown is grave, and deleting graver than the rest of its level."""
    return (list(_LEVELS).index(line.level) if line.level else -1, not deletes(line.action))


def _names(people: tuple[str, ...]) -> list[str]:
    return [cut(each, MOST_NAME) for each in people]
