"""What `jitney review` prints for people, in the order of the reviewers' page."""

import sys
from collections.abc import Iterable, Sequence
from itertools import chain, repeat
from typing import TYPE_CHECKING

from jitney.client.api.reviews import (
    SECTIONS,
    ApiBulkRejection,
    ApiReviewList,
    ApiShownReview,
    ApiVotedReview,
    ListedReview,
)
from jitney.client.terminal.command_result import screen
from jitney.client.terminal.durations import format_duration
from jitney.client.terminal.wording import who
from jitney.core.quantities import quantity
from jitney.core.review.safe_text import quote

if TYPE_CHECKING:
    from jitney.client.terminal.screen import Screen

_LEVELS = {"severe": "bold red", "high": "bold red", "unknown": "bold red", "moderate": "bold yellow", "low": "bold"}
_RESULTS = {"active": ("Approved", "bold green"), "rejected": ("Rejected", "bold red"), "pending": ("Voted", "bold")}
_MOST_TEXT, _LEAST_COLUMNS = 1000, 20
UNVERIFIED = "written by the agent and unverified"


def show_list(found: ApiReviewList) -> None:
    """Print the requests of each section."""
    shown = screen()
    for name, title in SECTIONS.items():
        entries = found.sections[name]
        if entries or name == "waiting_for_you":
            shown.heading(title, "bold", str(len(entries)))
        urgency = ""
        for entry in entries:
            if entry.urgency != urgency:
                urgency = entry.urgency
                shown.line(f"  {urgency}")
            _entry(shown, entry)
    if found.incomplete:
        shown.rows([("note", f"Not all {' and '.join(found.incomplete)} requests are listed.")])
    if found.sections["waiting_for_you"]:
        shown.rows([("next", "jitney review show ID")])


def show_entries(entries: Sequence[ListedReview]) -> None:
    """Print some requests of a list."""
    shown = screen()
    for entry in entries:
        _entry(shown, entry)


def _entry(shown: "Screen", entry: ListedReview) -> None:
    _fold_heading(shown, f"  {entry.id}  {entry.level}", _LEVELS.get(entry.level, "bold red"), entry.title)
    behalf = f"on behalf of {entry.on_behalf_of}" if entry.on_behalf_of else "no person named"
    reason = f"agent: {quote(entry.reason, _MOST_TEXT)}"
    _fold(shown, [("", f"{entry.agent}, {behalf}; until {entry.expires_at}"), ("", reason)])


def show_review(review: ApiShownReview, *, details: bool) -> None:
    """Print one request. The agent's text comes last, marked as such."""
    shown = screen()
    label, sentence = review.harm
    _fold_heading(shown, label, _LEVELS.get(review.level, "bold red"), review.sentence)
    note = review.undecidable or review.part_only
    _fold(shown, [("status", review.status), ("note", note), ("harm", sentence), *review.facts])
    for each in sorted(review.actions, key=lambda each: each.place):
        _fold(shown, [("access", f"{each.action}, which {each.does}")])
        _fold(shown, (("  on", f"{arn} {each.mark(arn)}".rstrip()) for arn in each.unusual_first))
        _fold(shown, (("  only if", words) for words in each.only_if))
    _fold(shown, (("parameter", f"{name}: {value}") for name, value in review.parameters))
    _fold(shown, [("lasts", review.duration)])
    _fold(shown, (("comment", f"{name}: {words}") for name, words in review.comments))
    if any(words for _, words in review.agent):
        shown.rows([("agent", f"({UNVERIFIED})")])
        _fold(shown, ((f"  {name}", quote(words, _MOST_TEXT) if words else "") for name, words in review.agent))
    if details:
        _fold(shown, review.details)
    shown.rows([("content", review.content)])


def _fold_heading(shown: "Screen", words: str, style: str, rest: str) -> None:
    first, *others = _lines(shown, words, rest)
    shown.heading(words, style, first)
    shown.rows(("", each) for each in others)


def _fold(shown: "Screen", rows: Iterable[tuple[str, str]]) -> None:
    """Print rows. In a terminal, a long text continues indented, so that no word of an agent begins a line."""
    for name, value in rows:
        shown.rows(zip(chain([name], repeat("")), _lines(shown, f"  {name:9} ", value), strict=False))


def _lines(shown: "Screen", before: str, text: str) -> list[str]:
    """Return the text in lines that fit after `before`. A long ARN stays whole, because readers copy it."""
    from rich.cells import cell_len, chop_cells  # noqa: PLC0415 - as in `screen`

    if not shown.out.is_terminal:
        return [text]
    left, lines = max(shown.out.width - len(f"{before}  "), _LEAST_COLUMNS), [""]
    for word in text.split(" "):
        for part in [word] if word.startswith("arn:") else chop_cells(word, left):
            longer = f"{lines[-1]} {part}".lstrip()
            lines = [*lines, part] if lines[-1] and cell_len(longer) > left else [*lines[:-1], longer]
    return lines


def show_next(review: ApiShownReview) -> None:
    """Print what the reviewer can do next."""
    if review.may_vote and not review.voted:
        approve, reject = f"jitney review approve {review.id}", f"jitney review reject {review.id} --comment TEXT"
        approve += " --for DURATION --action ACTION" if review.part_only else ""
        later = [("later", approve)] if review.approvable_from else []
        screen().rows([("next", reject), *later] if review.undecidable else [("next", approve), ("or", reject)])
    elif review.voted:
        screen().rows([("your vote", f"{review.voted}, for this content")])


def show_vote(voted: ApiVotedReview) -> None:
    """Print the state of the request after the vote."""
    words, style = _RESULTS.get(voted.state, (voted.state.capitalize(), "bold"))
    screen().heading(words, style, voted.id)
    if voted.state == "active":
        screen().rows([("lasts", f"{format_duration(voted.duration_seconds)}, until {voted.expires_at}")])
    elif voted.state == "pending":
        approved = ", ".join(voted.approved) or "no group yet"
        screen().rows([("needs", who(voted.any_of)), ("approved", approved), ("until", voted.expires_at)])


def show_rejections(result: ApiBulkRejection, later: int) -> None:
    """Print the results of a rejection of many requests. `later` is how many more wait."""
    shown = screen()
    shown.heading("Rejected", "bold red", str(len(result.rejected)))
    if result.not_rejected:
        shown.heading("Not rejected", "bold", str(len(result.not_rejected)))
        shown.rows(result.not_rejected)
    if later:
        wait = f"{quantity(later, 'more request')} {'waits' if later == 1 else 'wait'}"
        shown.rows([("next", f"{wait}. Run `jitney login --review`, then this command again.")])


def is_interactive() -> bool:
    """Return whether a person reads and types: both standard input and output are terminals."""
    return sys.stdin.isatty() and sys.stdout.isatty()
