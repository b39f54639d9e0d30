"""A notice as a mail: its subject, order and plain text. `pages/mail.html` is the HTML form.

The order is that of the page: the sentence, the harm, the resources, the agent's text (marked as such), the link, and
then the details (REV 10, 15). The only link grants nothing, because the reader must sign in (REV 1). Addresses in text
that an agent can choose, such as parameters and conditions, are defanged, so mail programs make no links of them. An
ARN stays exact up to its first space, except for a scheme and an at sign.
"""

import textwrap
from collections.abc import Iterator, Mapping
from typing import NamedTuple

from jitney.core.review import wording
from jitney.core.review.access_wording import MOST_NAME, Access, accesses
from jitney.core.review.call_wording import ShownParameter, short_parameters
from jitney.core.review.decision_wording import harm, harm_in_words
from jitney.core.review.notices import Notice
from jitney.core.review.obstacle_wording import obstacle, possible_decisions
from jitney.core.review.safe_text import cut, defang
from jitney.core.review.sheet import Sheet
from jitney.core.review.wording import Fact
from jitney.core.times import format_time

WIDTH = 72
_INTRODUCTIONS: Mapping[Notice, str] = {
    Notice.REQUESTED: "Your decision is needed: {decisions}.",
    Notice.REMINDED: "Your decision is still needed: {decisions}.",
    Notice.ESCALATED: "Your decision is needed: the request's first reviewers did not decide in time.",
    Notice.REVIEW_RESTARTED: "Your decision is needed: policies need other reviewers. Earlier votes no longer count.",
    Notice.NARROWED: "Your decision is needed: a reviewer narrowed the request. Earlier votes no longer count.",
    Notice.DECIDED: "No decision is needed.",
    Notice.BREAK_GLASS: "{by} used break-glass: access was granted without reviewers. All reviewers are notified.",
    Notice.FOLLOW_UP_DUE: "{by} used break-glass. A follow-up review is due: confirm the use, or object.",
}
_MARKS: Mapping[Notice, str] = {
    Notice.REMINDED: "Reminder: ",
    Notice.ESCALATED: "Escalated: ",
    Notice.REVIEW_RESTARTED: "Review restarted: ",
    Notice.NARROWED: "Narrowed: ",
    Notice.BREAK_GLASS: "Break-glass: ",
    Notice.FOLLOW_UP_DUE: "Follow-up due: ",
}
SIGN_IN = (
    "The link asks you to sign in, and grants nothing by itself. Jitney never asks for a password or a code by mail."
)
AGENT_TEXT_NOTE = "Written by the agent, not verified."


class ReviewMail(NamedTuple):
    """The content of a mail. Every text is plain, escaped and on one line. `link` is the request's page.

    `harm` is the word that the page shows in colour. `first` are the facts to read before deciding. A request for one
    call has `parameters`.
    """

    subject: str
    title: str
    introduction: str
    link: str
    harm: str
    first: tuple[Fact, ...]
    rows: tuple[Fact, ...]
    accesses: tuple[Access, ...]
    comments: tuple[Fact, ...]
    agent_reason: str
    ticket: str
    changed: str
    parameters: tuple[ShownParameter, ...] = ()

    @property
    def text(self) -> str:
        """The mail as plain text."""
        return "\n".join(_lines(self)) + "\n"


def review_mail(notice: Notice, sheet: Sheet, reviews_url: str) -> ReviewMail:
    """Return the mail of a notice. `reviews_url` is the URL of the reviewers' pages."""
    title = defang(wording.headline(sheet))
    deadline = f" Decide before {format_time(sheet.expires_at)}." if sheet.state == "pending" else ""
    decided = notice is Notice.DECIDED
    outcome, level = wording.outcome(sheet), harm(sheet)
    label = outcome if decided else f"{_MARKS.get(notice, '')}{harm_in_words(level)}"
    until = f" Access ends at {format_time(sheet.expires_at)}." if sheet.state == "active" else ""
    by = cut(sheet.break_glass.human.name, MOST_NAME) if sheet.break_glass else "A person"
    introduction = _INTRODUCTIONS[notice].format(by=by, decisions=possible_decisions(sheet))
    impediment = defang(obstacle(sheet))
    return ReviewMail(
        subject=_undecoded(f"{label}: {title}"),
        title=defang(wording.sentence(sheet)),
        introduction=f"{f'{outcome}. ' if decided else ''}{introduction}{deadline}{until} {impediment}".rstrip(),
        link=f"{reviews_url}/{sheet.grant_id}",
        harm=level,
        first=tuple(_unlinked_fact(each) for each in wording.first_facts(sheet)),
        rows=wording.detail_facts(sheet, defang),
        accesses=tuple(_unlinked(access) for access in accesses(sheet)),
        comments=wording.comments(sheet),
        agent_reason=defang(wording.agent_reason(sheet)),
        ticket=defang(wording.agent_ticket(sheet)),
        changed=defang(wording.agent_changed(sheet)),
        parameters=tuple(_unlinked_parameter(each) for each in short_parameters(sheet.call)) if sheet.call else (),
    )


def _undecoded(subject: str) -> str:
    """Return the subject without encoded words, which mail programs decode even in ASCII text (RFC 2047 section 2)."""
    return subject.replace("=?", "[=]?")


def _unlinked(access: Access) -> Access:
    return access._replace(
        resources=tuple(map(_unlinked_name, access.resources)), conditions=tuple(map(defang, access.conditions))
    )


def _unlinked_name(arn: str) -> str:
    """Return an escaped ARN. Mail programs look for host names after spaces and at the start, where "arn:" is."""
    name, space, rest = arn.partition(" ")
    return f"{name.replace('://', '[:]//').replace('@', '[@]')}{space}{defang(rest)}"


def _unlinked_fact(fact: Fact) -> Fact:
    return fact._replace(value=defang(fact.value))


def _unlinked_parameter(parameter: ShownParameter) -> ShownParameter:
    """Return a parameter. The agent chose its value, and the quoted parts of its name."""
    name = defang(parameter.name) if '"' in parameter.name else parameter.name
    return ShownParameter(name, defang(parameter.value))


def _lines(mail: ReviewMail) -> Iterator[str]:
    yield from (*_wrapped(mail.title), "", *_wrapped(mail.introduction), "")
    for row in mail.first:
        yield from _wrapped(f"{row.name}: {row.value}", after="  ")
    if mail.parameters:
        yield from ("", "PARAMETERS OF THE CALL")
        yield from (f"  {each.name}: {each.value}" for each in mail.parameters)
    yield from ("", "PERMISSIONS")
    for access in mail.accesses:
        yield from _wrapped(access.title, after="  ")
        yield from (f"  {resource}" for resource in access.resources)
        yield from (f"  Only if {words}" for words in access.conditions)
    yield from ("", "TEXT FROM THE AGENT", *_wrapped(AGENT_TEXT_NOTE))
    yield from _wrapped(mail.agent_reason, before="> ", after="> ")
    if mail.ticket:
        yield from _wrapped(f"Ticket: {mail.ticket}", before="> ", after="> ")
    if mail.changed:
        yield from _wrapped(f"{wording.AGENT_CHANGED}: {mail.changed}", before="> ", after="> ")
    yield from ("", mail.link, *_wrapped(SIGN_IN))
    if mail.comments:
        yield from ("", "COMMENTS")
        for row in mail.comments:
            yield from _wrapped(f"{row.name}: {row.value}", after="  ")
    yield from ("", "DETAILS")
    for row in mail.rows:
        yield from _wrapped(f"{row.name}: {row.value}", after="  ")


def _wrapped(text: str, before: str = "", after: str = "") -> list[str]:
    return textwrap.wrap(
        text, WIDTH, initial_indent=before, subsequent_indent=after, break_long_words=False, break_on_hyphens=False
    )
