"""The message about a request in a channel: computed facts, the agent's text, buttons (REV 9, 10). Pure.

All text is plain_text or rich_text, in which Slack reads no markup, mention or link. Only the notification is markup.
Its text is escaped. https://docs.slack.dev/reference/block-kit/blocks/,
https://docs.slack.dev/messaging/formatting-message-text/
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
from jitney.core.times import format_duration

MOST_HEADER, MOST_CONFIRM, MOST_TEXT, MOST_BLOCKS = 150, 300, 3000, 50
MOST_BYTES = 14_000
"""Limit of a message. Slack sends it with every click, escaped to three times its size. The firewall accepts 64 kB."""
NOT_ALL = "open the request, because this message cannot show all of it"

_WAITING: Mapping[Notice, str] = {
    Notice.ESCALATED: "Escalated: more people can decide now.",
    Notice.REVIEW_RESTARTED: "Review restarted: policies need other reviewers, and earlier votes no longer count.",
    Notice.NARROWED: "Narrowed: a reviewer narrowed the request, and earlier votes no longer count.",
}

Element: TypeAlias = dict[str, Any]


class SlackMessage(NamedTuple):
    """A message. Phones show `notification`, in Slack's markup. The channel shows `blocks`."""

    notification: str
    blocks: tuple[Block, ...]


def message(sheet: Sheet, url: str, *, active_channel: bool = True) -> SlackMessage:
    """Return the message about a request, with decision buttons while it is pending. `url` is its page.

    A channel that is no longer active, because policies need other reviewers, gets no decision buttons.
    """
    deciding = active_channel and sheet.state == "pending"
    facts, accesses = [_facts(sheet)], list(_accesses(sheet))
    made = _message(sheet, url, [*facts, *accesses], deciding=deciding, complete=wording.shows_all(sheet))
    no_accesses = _rich(_line("Permissions", "too many to show here: open the request"))
    no_facts = _rich(_line("Summary", "too long to show here: open the request"))
    for left_out in ([*facts, no_accesses], [no_facts, no_accesses]):
        if len(json.dumps(made.blocks)) > MOST_BYTES:
            made = _message(sheet, url, left_out, deciding=deciding, complete=False)
    return made


def reply(notice: Notice, sheet: Sheet) -> str:
    """Return the reply in the message's thread for a notice, in plain text."""
    if notice is Notice.DECIDED:
        return f"{wording.outcome(sheet)}."
    if sheet.break_glass and notice in (Notice.BREAK_GLASS, Notice.FOLLOW_UP_DUE):
        reason = cut(unlinked(sheet.break_glass.reason), MOST_CONFIRM)
        return f"Break-glass: {'; '.join(wording.break_glass(sheet))}. Reason: {reason}"
    why = _WAITING.get(notice, "The request is still pending.")
    return f"{why} The review ends at {wording.format_time(sheet.expires_at)}."


def escaped(text: str) -> str:
    """Return the text escaped for Slack's markup."""
    return text.replace("&", "&amp;").replace("<", "&lt;").replace(">", "&gt;")


def _message(sheet: Sheet, url: str, content: list[Block], *, deciding: bool, complete: bool) -> SlackMessage:
    outcome = [] if deciding else [_rich(_outcome(sheet))]
    shown = cut(unlinked(wording.headline(sheet)), MOST_HEADER)
    header = {"type": "header", "text": plain(shown)}
    hint = [] if complete or not deciding else [_rich(_line("To approve", NOT_ALL))]
    buttons = _buttons(sheet, url, deciding=deciding, complete=complete)
    parts = [header, *outcome, *content, *hint, {"type": "divider"}, _agent_text(sheet), buttons]
    return SlackMessage(escaped(shown), tuple(parts))


def _outcome(sheet: Sheet) -> Element:
    if sheet.state == "pending":
        return _line("Reviewers changed", "other people decide about this request now.")
    return _line("Status", f"{wording.outcome(sheet)}.")


def _facts(sheet: Sheet) -> Block:
    elements: list[Element] = []
    for row in wording.facts(sheet):
        elements += ([_text("\n")] if elements else []) + _line(row.name, row.value)["elements"]
    return _rich({"type": "rich_text_section", "elements": elements})


def _accesses(sheet: Sheet) -> Iterator[Block]:
    for access in wording.accesses(sheet):
        title = {"type": "rich_text_section", "elements": [_text(_safe(access.title), bold=True)]}
        items = [{"type": "rich_text_section", "elements": [_text(_safe(arn), code=True)]} for arn in access.resources]
        listed = [{"type": "rich_text_list", "style": "bullet", "elements": items}] if items else []
        yield _rich(title, *listed, *(_line("Only if", words) for words in access.conditions))


def _agent_text(sheet: Sheet) -> Block:
    ticket = f" Ticket: {wording.agent_ticket(sheet)}" if sheet.ticket else ""
    title = {
        "type": "rich_text_section",
        "elements": [_text("Text from the agent, unverified", bold=True)],
    }
    quoted = {"type": "rich_text_quote", "elements": [_text(_safe(defang(f"{wording.agent_reason(sheet)}{ticket}")))]}
    return _rich(title, quoted)


def _buttons(sheet: Sheet, url: str, *, deciding: bool, complete: bool) -> Block:
    page = {"type": "button", "action_id": PAGE, "text": plain("Open request"), "url": url}
    buttons = [*_deciding(sheet, complete=complete), page] if deciding else [page]
    return {"type": "actions", "elements": buttons}


def _deciding(sheet: Sheet, *, complete: bool) -> Iterator[Element]:
    """Return the decision buttons. A message that does not show the whole request gets no buttons that approve."""
    reference = str(GrantReference(sheet.grant_id, sheet.content))
    gets = f"{sheet.requester.name} gets {wording.level(sheet)} access to {wording.target(sheet)}"
    confirm = {
        "title": plain("Approve the whole request?"),
        "text": plain(cut(unlinked(f"{gets} for {format_duration(sheet.duration_seconds)}."), MOST_CONFIRM)),
        "confirm": plain("Approve"),
        "deny": plain("Cancel"),
    }
    styles: tuple[tuple[str, str, dict[str, Any]], ...] = (
        (APPROVE, "Approve", {"style": "primary", "confirm": confirm}),
        (APPROVE_SELECTED, "Approve selected…", {}),
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
    """Return untrusted text without links, within Slack's limit for one text."""
    return cut(unlinked(text), MOST_TEXT) or "(none)"
