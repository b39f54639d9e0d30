"""A notice as a mail: what it says, in which order, and as plain text; `pages/mail.html` says it in HTML.

What the broker computed comes first, what people said next, the agent's own words last and marked as such (REV 10).
Its one link is a locator: whoever opens it signs in (REV 1). Of what an agent can choose, its words have nothing that a
mail reader makes a link of, and the names of resources, which people have to read exactly, no scheme.
"""

import textwrap
from collections.abc import Iterator, Mapping
from typing import NamedTuple

from jitney.core.review import wording
from jitney.core.review.notices import Notice
from jitney.core.review.safe_text import defang
from jitney.core.review.sheet import Sheet
from jitney.core.review.wording import Access, Fact

WIDTH = 72
_WHY: Mapping[Notice, str] = {
    Notice.ASKED: "You may decide about it.",
    Notice.REMINDED: "It still waits, and you may decide about it.",
    Notice.ESCALATED: "Nobody has decided in time, so more people may decide now. You are one of them.",
    Notice.CHANGED: "Policies want other reviewers by now. You may decide about it; votes of before no longer count.",
    Notice.NARROWED: "A reviewer approved less of it. You may decide about that; votes for all of it no longer count.",
    Notice.DECIDED: "Nothing is left to decide.",
    Notice.BROKEN: "Somebody broke the glass: it was granted without its reviewers, who are told at once.",
    Notice.FOLLOW_UP_DUE: "Nobody has looked yet at why it was granted without its reviewers. You may: confirm it, or object.",
}
_MARKS: Mapping[Notice, str] = {
    Notice.REMINDED: "Reminder: ",
    Notice.ESCALATED: "Escalated: ",
    Notice.CHANGED: "Changed: ",
    Notice.NARROWED: "Less: ",
    Notice.BROKEN: "Break-glass: ",
    Notice.FOLLOW_UP_DUE: "To be looked at: ",
}
SIGN_IN = "You sign in there; this link by itself allows nothing, and Jitney never asks for more than that by mail."
OWN_WORDS = "Written by the agent. Nobody has checked it, and nothing above comes from it."


class ReviewMail(NamedTuple):
    """What a mail says; all of it plain text on one line each, inert. `link` is the request's page."""

    subject: str
    title: str
    why: str
    link: str
    rows: tuple[Fact, ...]
    accesses: tuple[Access, ...]
    comments: tuple[Fact, ...]
    words: str
    ticket: str

    @property
    def text(self) -> str:
        """The whole as plain text."""
        return "\n".join(_lines(self)) + "\n"


def review_mail(notice: Notice, sheet: Sheet, reviews_url: str) -> ReviewMail:
    """What is written to a reviewer; `reviews_url` is where the pages are."""
    title = f"{wording.agent(sheet)} asks for {wording.level(sheet)} access to {wording.target(sheet)}"
    decided = notice is Notice.DECIDED
    outcome = wording.outcome(sheet)
    active = decided and sheet.state == "active"
    until = f" Its access ends at {wording.format_time(sheet.expires_at)}." if active else ""
    return ReviewMail(
        subject=f"{outcome}: {title}" if decided else f"{_MARKS.get(notice, '')}{title}",
        title=title,
        why=f"{outcome}. {_WHY[notice]}{until}" if decided else _WHY[notice],
        link=f"{reviews_url}/{sheet.grant_id}",
        rows=wording.facts(sheet),
        accesses=tuple(_unlinked(access) for access in wording.accesses(sheet)),
        comments=wording.comments(sheet),
        words=defang(wording.agent_reason(sheet)),
        ticket=defang(wording.agent_ticket(sheet)),
    )


def _unlinked(access: Access) -> Access:
    return access._replace(resources=tuple(each.replace("://", "[:]//") for each in access.resources))


def _lines(letter: ReviewMail) -> Iterator[str]:
    yield from (*_wrapped(letter.title), "", *_wrapped(letter.why), "", letter.link, *_wrapped(SIGN_IN))
    yield from ("", "IN SHORT")
    for row in letter.rows:
        yield from _wrapped(f"{row.name}: {row.value}", after="  ")
    yield from ("", "EXACTLY THIS")
    for access in letter.accesses:
        yield from _wrapped(access.title, after="  ")
        yield from (f"  {resource}" for resource in access.resources)
    if letter.comments:
        yield from ("", "COMMENTS")
        for row in letter.comments:
            yield from _wrapped(f"{row.name}: {row.value}", after="  ")
    yield from ("", "THE AGENT'S OWN WORDS", *_wrapped(OWN_WORDS))
    yield from _wrapped(letter.words, before="> ", after="> ")
    if letter.ticket:
        yield from _wrapped(f"Ticket: {letter.ticket}", before="> ", after="> ")


def _wrapped(text: str, before: str = "", after: str = "") -> list[str]:
    return textwrap.wrap(
        text, WIDTH, initial_indent=before, subsequent_indent=after, break_long_words=False, break_on_hyphens=False
    )
