"""The message about a request in a channel: what the broker computed, the agent's own words, buttons (REV 9, 10).

All text is plain_text or rich_text, in which Slack reads no markup, mention or link; the notification alone is markup,
and is escaped. https://docs.slack.dev/reference/block-kit/blocks/, https://docs.slack.dev/messaging/formatting-message-text/
"""

import json
from collections.abc import Iterator, Mapping
from typing import Any, NamedTuple, TypeAlias

from jitney.core.review import wording
from jitney.core.review.notices import Notice
from jitney.core.review.safe_text import cut, defang
from jitney.core.review.sheet import Sheet
from jitney.core.review.slack.interaction import GrantReference
from jitney.core.review.slack.modals import Block, plain, unlinked
from jitney.core.review.slack.names import APPROVE, APPROVE_SELECTED, PAGE, REJECT

MOST_HEADER, MOST_CONFIRM, MOST_TEXT, MOST_BLOCKS = 150, 300, 3000, 50
MOST_BYTES = 14_000
"""Of a message: Slack sends it with every click, three times as large when escaped; the firewall takes 64 kB."""
NOT_ALL = "not all of it can be shown here, so open its page"

_WAITING: Mapping[Notice, str] = {
    Notice.ESCALATED: "Escalated: more people may decide now.",
    Notice.CHANGED: "Changed: policies want other reviewers by now, and votes of before no longer count.",
    Notice.NARROWED: "Less: a reviewer approved less of it, and votes for all of it no longer count.",
}

Element: TypeAlias = dict[str, Any]


class SlackMessage(NamedTuple):
    """`notification` is what phones show, as Slack's markup; `blocks` are what the channel shows."""

    notification: str
    blocks: tuple[Block, ...]


def message(sheet: Sheet, url: str, *, asked: bool = True) -> SlackMessage:
    """A request as it stands; with buttons to decide it by while it is pending. `url` is its page's.

    Without these where people are not `asked` any more: policies want others by now.
    """
    deciding = asked and sheet.state == "pending"
    whole = _message(sheet, url, list(_accesses(sheet)), deciding=deciding, complete=wording.shows_all(sheet))
    if len(json.dumps(whole.blocks)) <= MOST_BYTES:
        return whole
    left_out = _rich(_line("Exact actions and resources", "too many to be shown here: see the page"))
    return _message(sheet, url, [left_out], deciding=deciding, complete=False)


def reply(notice: Notice, sheet: Sheet) -> str:
    """What is said in the message's thread when something becomes of the request, in plain text."""
    if notice is Notice.DECIDED:
        return f"{wording.outcome(sheet)}."
    if sheet.break_glass and notice in (Notice.BROKEN, Notice.FOLLOW_UP_DUE):
        said = cut(unlinked(sheet.break_glass.reason), MOST_CONFIRM)
        return f"Break-glass: {'; '.join(wording.break_glass(sheet))}. They say why: {said}"
    why = _WAITING.get(notice, "Still waiting for a decision.")
    return f"{why} The request ends at {wording.format_time(sheet.expires_at)}."


def escaped(text: str) -> str:
    """The text as Slack's markup, in which it says nothing but itself."""
    return text.replace("&", "&amp;").replace("<", "&lt;").replace(">", "&gt;")


def _message(sheet: Sheet, url: str, accesses: list[Block], *, deciding: bool, complete: bool) -> SlackMessage:
    title = f"{wording.agent(sheet)} asks for {wording.level(sheet)} access to {wording.target(sheet)}"
    outcome = [] if deciding else [_rich(_outcome(sheet))]
    facts = _rich({"type": "rich_text_section", "elements": list(_facts(sheet))})
    shown = cut(unlinked(title), MOST_HEADER)
    header = {"type": "header", "text": plain(shown)}
    hint = [] if complete or not deciding else [_rich(_line("To approve", NOT_ALL))]
    buttons = _buttons(sheet, url, deciding=deciding, complete=complete)
    parts = [header, *outcome, facts, *accesses, *hint, {"type": "divider"}, _words(sheet), buttons]
    return SlackMessage(escaped(shown), tuple(parts))


def _outcome(sheet: Sheet) -> Element:
    if sheet.state == "pending":
        return _line("No longer asked here", "others decide it by now.")
    return _line("Decided", f"{wording.outcome(sheet)}.")


def _facts(sheet: Sheet) -> Iterator[Element]:
    rows = wording.facts(sheet)
    for row in rows:
        yield from _line(row.name, row.value)["elements"]
        if row is not rows[-1]:
            yield _text("\n")


def _accesses(sheet: Sheet) -> Iterator[Block]:
    for access in wording.accesses(sheet):
        title = {"type": "rich_text_section", "elements": [_text(_safe(access.title), bold=True)]}
        items = [{"type": "rich_text_section", "elements": [_text(_safe(arn), code=True)]} for arn in access.resources]
        listed = [{"type": "rich_text_list", "style": "bullet", "elements": items}] if items else []
        yield _rich(title, *listed)


def _words(sheet: Sheet) -> Block:
    ticket = f" Ticket: {wording.agent_ticket(sheet)}" if sheet.ticket else ""
    title = {
        "type": "rich_text_section",
        "elements": [_text("The agent's own words, which can be anything", bold=True)],
    }
    quoted = {"type": "rich_text_quote", "elements": [_text(_safe(defang(f"{wording.agent_reason(sheet)}{ticket}")))]}
    return _rich(title, quoted)


def _buttons(sheet: Sheet, url: str, *, deciding: bool, complete: bool) -> Block:
    page = {"type": "button", "action_id": PAGE, "text": plain("Open the page"), "url": url}
    buttons = [*_deciding(sheet, complete=complete), page] if deciding else [page]
    return {"type": "actions", "elements": buttons}


def _deciding(sheet: Sheet, *, complete: bool) -> Iterator[Element]:
    """Nothing is approved here of which a part is not shown: an agent would have that part approved unseen."""
    reference = str(GrantReference(sheet.grant_id, sheet.content))
    gets = f"{wording.agent(sheet)} gets {wording.level(sheet)} access to {wording.target(sheet)}"
    confirm = {
        "title": plain("Approve all of it?"),
        "text": plain(cut(f"{gets} for {wording.format_duration(sheet.duration_seconds)}.", MOST_CONFIRM)),
        "confirm": plain("Approve"),
        "deny": plain("Cancel"),
    }
    styles: tuple[tuple[str, str, dict[str, Any]], ...] = (
        (APPROVE, "Approve", {"style": "primary", "confirm": confirm}),
        (APPROVE_SELECTED, "Approve less…", {}),
        (REJECT, "Reject…", {"style": "danger"}),
    )
    for action, label, more in styles if complete else styles[-1:]:
        yield {"type": "button", "action_id": action, "text": plain(label), "value": reference, **more}


def _rich(*elements: Element) -> Block:
    return {"type": "rich_text", "elements": list(elements)}


def _line(name: str, value: str) -> Element:
    return {"type": "rich_text_section", "elements": [_text(f"{name}: ", bold=True), _text(_safe(value))]}


def _text(text: str, **style: bool) -> Element:
    return {"type": "text", "text": text, **({"style": style} if style else {})}


def _safe(text: str) -> str:
    """What others may have written, of which no client makes a link, within what Slack takes of one text."""
    return cut(unlinked(text), MOST_TEXT) or "(none)"
