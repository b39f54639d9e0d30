"""The message about a request in a channel: computed facts, the agent's text, buttons (REV 9, 10). Pure.

All text is plain_text or rich_text, in which Slack reads no markup, mention or link. Only the notification text is
markup, and it is escaped. https://docs.slack.dev/reference/block-kit/blocks/,
https://docs.slack.dev/messaging/formatting-message-text/
"""

import json
from collections.abc import Iterable, Iterator, Mapping
from typing import Any, NamedTuple, TypeAlias

from jitney.core.review import obstacle_wording, wording
from jitney.core.review.access_wording import accesses
from jitney.core.review.call_wording import hidden_values, short_parameters
from jitney.core.review.decision_wording import harm, harm_in_words, harm_sentence
from jitney.core.review.headlines import NO_PERSON
from jitney.core.review.notices import Notice
from jitney.core.review.safe_text import cut, defang
from jitney.core.review.sheet import Sheet
from jitney.core.review.slack.interaction import GrantReference
from jitney.core.review.slack.modals import Block, plain, unlinked
from jitney.core.review.slack.names import APPROVE, APPROVE_SELECTED, PAGE, REJECT
from jitney.core.review.wording import Fact
from jitney.core.times import format_time

MOST_HEADER, MOST_CONFIRM, MOST_TEXT, MOST_BLOCKS = 150, 300, 3000, 50
MOST_BYTES = 14_000
"""The limit of a message. Slack sends it with each click, and escaping triples its size. The firewall accepts 64 kB."""
NOT_ALL = "open the request, because this message cannot show all of it"

_WAITING: Mapping[Notice, str] = {
    Notice.ESCALATED: "Escalated: more people can decide now.",
    Notice.REVIEW_RESTARTED: "Review restarted: policies need other reviewers, and earlier votes no longer count.",
    Notice.NARROWED: "Narrowed: a reviewer narrowed the request, and earlier votes no longer count.",
}

_CONTENT: Mapping[bool, str] = {False: "Permissions", True: "Parameters and permissions"}
"""The name of the parts that a too long message leaves out, by whether the request is for one call."""

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
    harm_fact, *others = wording.first_facts(sheet)
    first = (Fact("On behalf of", sheet.requester.human_name or NO_PERSON), harm_fact)
    listed, details = [*_parameters(sheet), *_accesses(sheet)], _facts(wording.detail_facts(sheet))
    parts = _Parts((*first, *others), listed, details, complete=wording.shows_all(sheet))
    made = _message(sheet, url, parts, deciding=deciding)
    no_accesses = [_rich(_line(_CONTENT[sheet.call is not None], "too many to show here: open the request"))]
    no_details = _rich(_line("Details", "too long to show here: open the request"))
    no_others = (*first, Fact("Risks and history", "too long to show here: open the request"))
    for left_out in ({"listed": no_accesses}, {"details": no_details}, {"first": no_others}):
        if len(json.dumps(made.blocks)) > MOST_BYTES:
            parts = parts._replace(**left_out, complete=False)
            made = _message(sheet, url, parts, deciding=deciding)
    return made


def reply(notice: Notice, sheet: Sheet) -> str:
    """Return the reply in the message's thread for a notice, in plain text."""
    if notice is Notice.DECIDED:
        return f"{wording.outcome(sheet)}."
    if sheet.break_glass and notice in (Notice.BREAK_GLASS, Notice.FOLLOW_UP_DUE):
        reason = cut(unlinked(sheet.break_glass.reason), MOST_CONFIRM)
        return f"Break-glass: {'; '.join(wording.break_glass(sheet))}. Reason: {reason}"
    why = _WAITING.get(notice, "The request is still pending.")
    return f"{why} The review ends at {format_time(sheet.expires_at)}."


def escaped(text: str) -> str:
    """Return the text escaped for Slack's markup."""
    return text.replace("&", "&amp;").replace("<", "&lt;").replace(">", "&gt;")


class _Parts(NamedTuple):
    """The parts of a message that may be too long. `complete` says whether they show the whole request."""

    first: tuple[Fact, ...]
    listed: list[Block]
    details: Block
    complete: bool


def _message(sheet: Sheet, url: str, parts: _Parts, *, deciding: bool) -> SlackMessage:
    outcome = [] if deciding else [_rich(_outcome(sheet))]
    shown = cut(unlinked(sheet.headline.title_within(MOST_HEADER)), MOST_HEADER)
    header = {"type": "header", "text": plain(shown)}
    obstacle, later = obstacle_wording.lasting_obstacle(sheet), obstacle_wording.is_approvable_later(sheet)
    if not parts.complete:
        obstacle = NOT_ALL if not obstacle else f"{obstacle} Then {NOT_ALL}." if later else obstacle
    hint = [_rich(_line("To approve", obstacle))] if obstacle and deciding else []
    approvable = parts.complete and (not obstacle or later)
    buttons = _buttons(sheet, url, deciding=deciding, approvable=approvable)
    above = [header, *outcome, _facts(parts.first), *parts.listed, _agent_text(sheet), *hint, buttons]
    return SlackMessage(
        escaped(f"{harm_in_words(harm(sheet))}: {shown}" if deciding else shown),
        (*above, {"type": "divider"}, parts.details),
    )


def _outcome(sheet: Sheet) -> Element:
    if sheet.state == "pending":
        return _line("Reviewers changed", "other people decide about this request now.")
    return _line("Status", f"{wording.outcome(sheet)}.")


def _facts(rows: Iterable[Fact]) -> Block:
    elements: list[Element] = []
    for row in rows:
        elements += ([_text("\n")] if elements else []) + _line(row.name, row.value)["elements"]
    return _rich({"type": "rich_text_section", "elements": elements})


def _parameters(sheet: Sheet) -> Iterator[Block]:
    """Return the parameters of a request for one call, each on a line of its own."""
    if sheet.call is None:
        return
    title = {"type": "rich_text_section", "elements": [_text("Parameters of the call", bold=True)]}
    items = [
        {"type": "rich_text_section", "elements": [_text(f"{_safe(each.name)}: "), _text(_safe(each.value), code=True)]}
        for each in short_parameters(sheet.call)
    ]
    hidden = [_line("Masked", words)] if (words := hidden_values(sheet.call)) else []
    yield _rich(title, {"type": "rich_text_list", "style": "bullet", "elements": items}, *hidden)


def _accesses(sheet: Sheet) -> Iterator[Block]:
    for access in accesses(sheet):
        title = {"type": "rich_text_section", "elements": [_text(_safe(access.title), bold=True)]}
        items = [{"type": "rich_text_section", "elements": [_text(_safe(arn), code=True)]} for arn in access.resources]
        listed = [{"type": "rich_text_list", "style": "bullet", "elements": items}] if items else []
        yield _rich(title, *listed, *(_line("Only if", words) for words in access.conditions))


def _agent_text(sheet: Sheet) -> Block:
    lines = [wording.agent_reason(sheet)]
    lines += [f"Ticket: {wording.agent_ticket(sheet)}"] if sheet.ticket else []
    lines += [f"{wording.AGENT_CHANGED}: {wording.agent_changed(sheet)}"] if sheet.repeated else []
    quoted = [part for line in lines for part in (_text("\n"), _text(_safe(defang(line))))]
    title = {
        "type": "rich_text_section",
        "elements": [_text("Text from the agent, unverified", bold=True)],
    }
    return _rich(title, {"type": "rich_text_quote", "elements": quoted[1:]})


def _buttons(sheet: Sheet, url: str, *, deciding: bool, approvable: bool) -> Block:
    page = {"type": "button", "action_id": PAGE, "text": plain("Open request"), "url": url}
    buttons = [*_deciding(sheet, approvable=approvable), page] if deciding else [page]
    return {"type": "actions", "elements": buttons}


def _deciding(sheet: Sheet, *, approvable: bool) -> Iterator[Element]:
    """Return the decision buttons, without those that approve unless the message is `approvable`.

    A message is, if it shows the whole request, and policies permit the request before its review ends. Slack shows the
    message until the next notice, and an approval that is too early leaves the request pending. A request for one call
    gets no button to narrow it.
    """
    reference = str(GrantReference(sheet.grant_id, sheet.content))
    granted = sheet.headline._replace(state="active").sentence
    sentence = f"{harm_in_words(harm(sheet))}. {granted}. {harm_sentence(sheet)}"
    confirm = {
        "title": plain("Approve this call?" if sheet.call else "Approve the whole request?"),
        "text": plain(cut(unlinked(sentence), MOST_CONFIRM)),
        "confirm": plain("Approve"),
        "deny": plain("Cancel"),
    }
    styles: tuple[tuple[str, str, dict[str, Any]], ...] = (
        (APPROVE, "Approve", {"style": "primary", "confirm": confirm}),
        (APPROVE_SELECTED, "Approve selected…", {}),
        (REJECT, "Reject…", {"style": "danger"}),
    )
    for action, label, more in styles if approvable else styles[-1:]:
        if sheet.call and action == APPROVE_SELECTED:
            continue
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
