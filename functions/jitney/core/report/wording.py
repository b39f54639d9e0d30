"""A story in words, the same in a terminal, on paper and on the page: sections of rows of plain, inert text.

What agents and people wrote comes last in its row and in quotation marks; whoever renders rows escapes them.
"""

from collections.abc import Iterator, Mapping

from jitney.core.report.activity_rows import call_rows, record_rows, suggestion_rows
from jitney.core.report.grant_report import (
    FollowUpReview,
    GrantReport,
    ReportedBreakGlass,
    ReportedState,
    ReportedVote,
    SentNotification,
    Terms,
)
from jitney.core.report.rows import (
    MOST_ARN,
    MOST_NAME,
    MOST_PEOPLE,
    MOST_SHOWN,
    MOST_WORDS,
    ReportRow,
    Section,
    Tone,
    after,
    clock,
    moment,
    quoted,
    terms_rows,
)
from jitney.core.report.suggestion import Suggestion
from jitney.core.review.safe_text import cut, escape_invisible, format_list
from jitney.core.review.wording import format_duration

_STATES: Mapping[ReportedState, str] = {
    ReportedState.PENDING: "Pending",
    ReportedState.ACTIVE: "Active",
    ReportedState.REJECTED: "Rejected",
    ReportedState.EXPIRED: "Ended",
    ReportedState.RELEASED: "Given back",
    ReportedState.REVOKED: "Taken back",
    ReportedState.FAILED: "Failed",
    ReportedState.UNKNOWN: "Not told",
}
_TONES: Mapping[ReportedState, Tone] = {
    ReportedState.ACTIVE: Tone.GOOD,
    ReportedState.REJECTED: Tone.BAD,
    ReportedState.REVOKED: Tone.BAD,
    ReportedState.FAILED: Tone.BAD,
}
_NOTICES: Mapping[str, str] = {
    "asked": "",
    "reminded": ", again",
    "escalated": ", for nobody had answered",
    "changed": ", for policies wanted other reviewers",
    "narrowed": ", for a reviewer approved less",
    "decided": " of the decision",
    "break_glass_used": " of the broken glass",
    "follow_up_due": " that somebody has to look at the broken glass",
}


def state_row(story: GrantReport) -> ReportRow:
    """How it stands, in a word or two, for the heading."""
    return ReportRow("", _STATES[story.end.how], _TONES.get(story.end.how, Tone.PLAIN))


def sections(story: GrantReport, suggestion: Suggestion) -> tuple[Section, ...]:
    """The whole story; sections about which there is nothing to say are left out."""
    told = (
        ("Read this first", (ReportRow("doubt", escape_invisible(each), Tone.BAD) for each in story.warnings)),
        ("What was asked and granted", _request_rows(story)),
        ("Who decided", _decided(story)),
        ("When", _when(story)),
        ("What was done", call_rows(story)),
        ("What would have done", suggestion_rows(story, suggestion)),
        ("Its records", record_rows(story)),
    )
    found = ((title, tuple(rows)) for title, rows in told)
    return tuple(Section(title, rows) for title, rows in found if rows)


def _request_rows(story: GrantReport) -> Iterator[ReportRow]:
    who = story.who
    issuer = f", of {cut(who.issuer, MOST_ARN)}" if who.issuer else ""
    yield ReportRow("who", f"{cut(who.principal, MOST_NAME)}{issuer}")
    if who.human:
        yield ReportRow("for", cut(who.human, MOST_NAME))
    if who.addresses:
        yield ReportRow("from", format_list([cut(each, MOST_NAME) for each in who.addresses], MOST_SHOWN, "addresses"))
    yield ReportRow("why", quoted(story.reason))
    if story.ticket:
        yield ReportRow("ticket", quoted(story.ticket, MOST_NAME))
    yield ReportRow("where", f"{cut(story.target, MOST_NAME)}, AWS account {escape_invisible(story.account)}")
    yield from (ReportRow("calls", cut(each, MOST_WORDS)) for each in story.using[:MOST_SHOWN])
    if len(story.using) > MOST_SHOWN:
        yield ReportRow("", f"and {len(story.using) - MOST_SHOWN} more calls")
    same = story.granted == story.asked
    yield from terms_rows("granted" if same else "asked", story.asked)
    if not same:
        yield from terms_rows("granted", story.granted) if story.granted else [ReportRow("granted", "nothing")]
    yield from (ReportRow("risk", cut(each, MOST_WORDS)) for each in story.risks)


def _decided(story: GrantReport) -> Iterator[ReportRow]:
    policies = format_list([escape_invisible(each) for each in story.policies], MOST_PEOPLE, "policies")
    version = f" (version {escape_invisible(story.policy_version[:12])})" if story.policy_version else ""
    yield ReportRow("policy", f"{policies or 'none is named'}{version}")
    if story.reviews:
        ways = ", or ".join(" and ".join(map(escape_invisible, groups)) for groups in story.reviews)
        yield ReportRow("needed", f"the approval of {ways}")
    happened = [(each.at, _vote(each, story)) for each in story.votes]
    if story.break_glass:
        happened.append((story.break_glass.at, _break_glass_row(story.break_glass, story)))
    happened += ((each.at, _follow_up_row(each, story)) for each in story.follow_ups)
    happened += (
        (each.at, _notification_row(each, story)) for each in story.told
    )  # of what happened in the same second
    yield from (row for _, row in sorted(happened, key=lambda each: each[0]))
    if story.break_glass and not story.follow_ups:
        yield ReportRow(
            "afterwards",
            f"nobody looked at it; there is time until {escape_invisible(story.break_glass.until)}",
            Tone.BAD,
        )


def _notification_row(told: SentNotification, story: GrantReport) -> ReportRow:
    people = format_list([cut(each, MOST_NAME) for each in told.people], MOST_PEOPLE, "people") or "nobody"
    ways = f" by {', '.join(map(escape_invisible, told.channels))}" if told.channels else " by nothing"
    failed = f"; failed: {', '.join(map(escape_invisible, told.failures))}" if told.failures else ""
    why = _NOTICES.get(told.notice, f" ({escape_invisible(told.notice)})")
    return ReportRow("told", f"{people}{ways} at {clock(told.at, story)}{why}{failed}")


def _break_glass_row(glass: ReportedBreakGlass, story: GrantReport) -> ReportRow:
    broke = f"{cut(glass.by, MOST_NAME)} broke the glass at {clock(glass.at, story)}, without its reviewers"
    return ReportRow("break-glass", f"{broke}: {quoted(glass.reason)}", Tone.BAD)


def _follow_up_row(said: FollowUpReview, story: GrantReport) -> ReportRow:
    words = f"{escape_invisible(said.judgement)} by {cut(said.by, MOST_NAME)} at {clock(said.at, story)}"
    tone = Tone.GOOD if said.judgement == "confirmed" else Tone.BAD
    return ReportRow("afterwards", f"{words}: {quoted(said.comment)}", tone)


def _vote(vote: ReportedVote, story: GrantReport) -> ReportRow:
    place = f", in the place of {' and '.join(map(escape_invisible, vote.delegations))}" if vote.delegations else ""
    less = f", for less than was asked: {_in_short(vote.less)}" if vote.less else ""
    said = f": {quoted(vote.comment)}" if vote.comment else ""
    tone = Tone.GOOD if vote.verdict == "approved" else Tone.BAD
    via = f" on {escape_invisible(vote.via)}" if vote.via else ""
    return ReportRow(
        escape_invisible(vote.verdict),
        f"by {cut(vote.by, MOST_NAME)}{place}{via} at {clock(vote.at, story)}{less}{said}",
        tone,
    )


def _in_short(terms: Terms) -> str:
    pairs = sum(len(each.actions) * len(each.resources) for each in terms.permissions)
    count = "1 action on a resource" if pairs == 1 else f"{pairs} actions, each on a resource"
    return f"{count}, {format_duration(terms.duration_seconds)}"


def _when(story: GrantReport) -> Iterator[ReportRow]:
    times, end = story.times, story.end
    if times.asked:
        yield ReportRow("asked", moment(times.asked))
    if times.decided:
        yield ReportRow("decided", f"{clock(times.decided, story)}{after(times.decided, times.asked)}")
    issued = [each for each in story.issues if each.outcome == "allowed"]
    if issued:
        renewed = f", and {len(issued) - 1} more time{'s' if len(issued) > 2 else ''}" if len(issued) > 1 else ""
        last = f", last at {clock(issued[-1].at, story)}" if renewed else ""
        yield ReportRow("issued", f"{clock(issued[0].at, story)}{renewed}{last}")
    for each in story.issues:
        if each.outcome != "allowed":
            yield ReportRow(
                "refused",
                f"credentials at {clock(each.at, story)}: {escape_invisible(each.code) or escape_invisible(each.outcome)}",
                Tone.BAD,
            )
    if times.until and end.how in (ReportedState.PENDING, ReportedState.ACTIVE):
        what = "to be decided by" if end.how is ReportedState.PENDING else "ends"
        yield ReportRow("until", f"{clock(times.until, story)} ({what})")
    if times.ended:
        yield ReportRow("ended", "".join(_end(story)), _TONES.get(end.how, Tone.PLAIN))
    if end.measured:
        took = end.denied_after_milliseconds
        words = "no denial was seen: whether the end holds is not proven" if took is None else ""
        words = words or f"AWS denied its credentials {(took or 0) / 1000:.2f} s after the call"
        yield ReportRow("measured", words, Tone.BAD if took is None else Tone.PLAIN)
    yield from (ReportRow("cut off", f"with others', at {clock(each, story)}", Tone.BAD) for each in story.cut_offs)
    if story.repeats:
        again = format_list([clock(each, story) for each in story.repeats], MOST_SHOWN, "times")
        yield ReportRow("asked again", f"for the same, at {again}")


def _end(story: GrantReport) -> Iterator[str]:
    end = story.end
    yield f"{clock(story.times.ended, story)}: "
    yield {
        ReportedState.EXPIRED: "its time was over" if story.granted else "nobody decided in time",
        ReportedState.RELEASED: "given back",
        ReportedState.REVOKED: "taken back",
        ReportedState.REJECTED: "rejected",
        ReportedState.FAILED: "failed",
    }.get(end.how, escape_invisible(end.how))
    if end.by:
        yield f" by {cut(end.by, MOST_NAME)}"
    if not end.noted:
        yield ", which is not on record yet"
    if end.why:
        yield f": {quoted(end.why)}"
