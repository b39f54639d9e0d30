"""A notice as a mail: its subject, order and plain text. `pages/mail.html` is the HTML form.

Computed facts come first, then people's comments. The agent's text comes last and is marked as such (REV 10). The only
link grants nothing, because the reader must sign in (REV 1). In text that an agent can choose, addresses are changed so
that mail programs do not turn them into links. Names of resources stay exact, except for their scheme.
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
_INTRODUCTIONS: Mapping[Notice, str] = {
    Notice.REQUESTED: "You can approve or reject this request.",
    Notice.REMINDED: "The request is still pending. You can approve or reject it.",
    Notice.ESCALATED: "No decision was made in time, so more people can decide now. You are one of them.",
    Notice.REVIEW_RESTARTED: "Policies now need other reviewers. You can decide. Earlier votes no longer count.",
    Notice.NARROWED: "A reviewer narrowed the request. You can decide about the rest. Earlier votes no longer count.",
    Notice.DECIDED: "No decision is needed.",
    Notice.BREAK_GLASS: "Break-glass was used: access was granted without reviewers. All reviewers are notified.",
    Notice.FOLLOW_UP_DUE: "Access was granted by break-glass. A follow-up review is due: confirm the use, or object.",
}
_MARKS: Mapping[Notice, str] = {
    Notice.REMINDED: "Reminder: ",
    Notice.ESCALATED: "Escalated: ",
    Notice.REVIEW_RESTARTED: "Review restarted: ",
    Notice.NARROWED: "Narrowed: ",
    Notice.BREAK_GLASS: "Break-glass: ",
    Notice.FOLLOW_UP_DUE: "Follow-up due: ",
}
SIGN_IN = "The link asks you to sign in. It grants nothing by itself, and Jitney never asks for anything else by mail."
AGENT_TEXT_NOTE = "Written by the agent and unverified. Nothing above comes from it."


class ReviewMail(NamedTuple):
    """The content of a mail. Every text is plain, escaped and on one line. `link` is the request's page."""

    subject: str
    title: str
    introduction: str
    link: str
    rows: tuple[Fact, ...]
    accesses: tuple[Access, ...]
    comments: tuple[Fact, ...]
    agent_reason: str
    ticket: str

    @property
    def text(self) -> str:
        """The mail as plain text."""
        return "\n".join(_lines(self)) + "\n"


def review_mail(notice: Notice, sheet: Sheet, reviews_url: str) -> ReviewMail:
    """Return the mail of a notice. `reviews_url` is the URL of the reviewers' pages."""
    title = defang(wording.headline(sheet))
    decided = notice is Notice.DECIDED
    outcome = wording.outcome(sheet)
    active = decided and sheet.state == "active"
    until = f" Access ends at {wording.format_time(sheet.expires_at)}." if active else ""
    introduction = _INTRODUCTIONS[notice]
    return ReviewMail(
        subject=f"{outcome}: {title}" if decided else f"{_MARKS.get(notice, '')}{title}",
        title=title,
        introduction=f"{outcome}. {introduction}{until}" if decided else introduction,
        link=f"{reviews_url}/{sheet.grant_id}",
        rows=wording.facts(sheet, defang),
        accesses=tuple(_unlinked(access) for access in wording.accesses(sheet)),
        comments=wording.comments(sheet),
        agent_reason=defang(wording.agent_reason(sheet)),
        ticket=defang(wording.agent_ticket(sheet)),
    )


def _unlinked(access: Access) -> Access:
    resources, conditions = (
        tuple(each.replace("://", "[:]//") for each in named) for named in (access.resources, access.conditions)
    )
    return access._replace(resources=resources, conditions=conditions)


def _lines(mail: ReviewMail) -> Iterator[str]:
    yield from (*_wrapped(mail.title), "", *_wrapped(mail.introduction), "", mail.link, *_wrapped(SIGN_IN))
    yield from ("", "SUMMARY")
    for row in mail.rows:
        yield from _wrapped(f"{row.name}: {row.value}", after="  ")
    yield from ("", "PERMISSIONS")
    for access in mail.accesses:
        yield from _wrapped(access.title, after="  ")
        yield from (f"  {resource}" for resource in access.resources)
        yield from (f"  Only if {words}" for words in access.conditions)
    if mail.comments:
        yield from ("", "COMMENTS")
        for row in mail.comments:
            yield from _wrapped(f"{row.name}: {row.value}", after="  ")
    yield from ("", "TEXT FROM THE AGENT", *_wrapped(AGENT_TEXT_NOTE))
    yield from _wrapped(mail.agent_reason, before="> ", after="> ")
    if mail.ticket:
        yield from _wrapped(f"Ticket: {mail.ticket}", before="> ", after="> ")


def _wrapped(text: str, before: str = "", after: str = "") -> list[str]:
    return textwrap.wrap(
        text, WIDTH, initial_indent=before, subsequent_indent=after, break_long_words=False, break_on_hyphens=False
    )
