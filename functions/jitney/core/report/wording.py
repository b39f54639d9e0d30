"""A report as sections of rows. The terminal, the printed page and the web page show the same rows.

Rows are plain text without control characters; renderers escape it. Text by agents and people comes last in its row, in
quotation marks.
"""

from collections.abc import Iterator, Mapping, Sequence

from jitney.core.access.request import names_of
from jitney.core.outliving import GrantEffect
from jitney.core.quantities import format_list, quantity
from jitney.core.report.activity_rows import (
    alarming_rows,
    call_rows,
    gateway_rows,
    outliving_rows,
    record_rows,
    suggestion_rows,
)
from jitney.core.report.grant_report import (
    FollowUpReview,
    GrantReport,
    RefusedAttempt,
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
from jitney.core.review.call_wording import call_title, short_parameters
from jitney.core.review.headlines import NO_PERSON
from jitney.core.review.safe_text import cut, escape_invisible
from jitney.core.times import format_duration

_STATES: Mapping[ReportedState, str] = {each: each.value.capitalize() for each in ReportedState}
_TONES: Mapping[ReportedState, Tone] = {
    ReportedState.ACTIVE: Tone.GOOD,
    ReportedState.REJECTED: Tone.BAD,
    ReportedState.REVOKED: Tone.BAD,
    ReportedState.FAILED: Tone.BAD,
}
_VIA: Mapping[str, str] = {"web": "the web", "slack": "Slack", "terminal": "the command line"}
_WITHOUT_EFFECT: Mapping[str, str] = {
    "review_changed": "policies require other reviewers now",
    "denied": "policies deny the request now",
}
_NOTIFICATIONS: Mapping[str, str] = {
    "requested": "",
    "reminded": ", as a reminder",
    "escalated": ", as an escalation",
    "review_restarted": ", because policies require other reviewers now",
    "narrowed": ", because a reviewer narrowed the request",
    "decided": " of the decision",
    "break_glass_used": " of the break-glass use",
    "follow_up_due": " of the due follow-up review",
}


def state_row(report: GrantReport) -> ReportRow:
    """Return the state in one word, for the heading. Access by break-glass is never shown in the tone of good news."""
    tone = _TONES.get(report.end.state, Tone.PLAIN)
    return ReportRow("", _STATES[report.end.state], Tone.BAD if report.break_glass and tone is Tone.GOOD else tone)


def sections(report: GrantReport, suggestion: Suggestion, outliving: Sequence[GrantEffect]) -> tuple[Section, ...]:
    """Return the report's sections, without empty ones. `outliving` is what outlives the grant."""
    found = (
        ("Warnings", (ReportRow("warning", escape_invisible(each), Tone.BAD) for each in report.warnings)),
        ("Summary", _summary_rows(report)),
        ("Request", _request_rows(report)),
        ("Decision", _decision_rows(report)),
        ("Timeline", _timeline_rows(report)),
        ("Activity", call_rows(report, suggestion)),
        ("Calls through the gateway", gateway_rows(report)),
        ("Left to do", outliving_rows(outliving)),
        ("Least-privilege suggestion", suggestion_rows(report, suggestion)),
        ("Audit records", record_rows(report)),
    )
    return tuple(Section(title, rows) for title, rows in ((title, tuple(rows)) for title, rows in found) if rows)


def _summary_rows(report: GrantReport) -> Iterator[ReportRow]:
    """Yield the main facts: what was granted, what was used and denied, and how the grant ended."""
    less = ", less than requested" if report.granted not in (None, report.requested) else ""
    yield ReportRow("grant", f"{_in_short(report.granted)}{less}" if report.granted else "nothing")
    if report.granted and report.reviewed_call:
        sent = f"sent; the report of grant {cut(report.reviewed_call.grant_id, MOST_NAME)} has the call"
        yield ReportRow("use", sent if report.call_was_sent else "not sent")
    elif report.granted:
        through = f"{quantity(len(report.gateway_calls), 'call')} through the gateway; " if report.gateway_calls else ""
        seen = sum(each.times for each in report.usage.uses)
        if seen or not report.partial:
            denied = ", not counting denied calls" if report.usage.denied else ""
            yield ReportRow("use", f"{through}{seen or 'no'} call{'' if seen == 1 else 's'} seen in CloudTrail{denied}")
    yield from alarming_rows(report)
    by = f" by {cut(report.end.by, MOST_NAME)}" if report.end.by else ""
    doubt = "; no record says that AWS denies its credentials" if report.end.denial_unrecorded else ""
    yield ReportRow("outcome", f"{report.end.state}{by}{doubt}", state_row(report).tone)


def _request_rows(report: GrantReport) -> Iterator[ReportRow]:
    requester = report.requester
    yield ReportRow("requester", cut(requester.name, MOST_ARN))
    yield from (ReportRow("", f"{name}: {value}") for name, value in requester.rows())
    yield ReportRow("on behalf of", cut(requester.human_name, MOST_ARN) or NO_PERSON)
    if requester.owners:
        yield ReportRow("owners", format_list([cut(each, MOST_NAME) for each in requester.owners], MOST_PEOPLE))
    yield from (ReportRow(_report_name(name), value) for name, value in requester.details())
    if report.addresses:
        addresses = [cut(each, MOST_NAME) for each in report.addresses]
        yield ReportRow("from", format_list(addresses, MOST_SHOWN))
    yield ReportRow("reason", quoted(report.reason))
    if report.ticket:
        yield ReportRow("ticket", quoted(report.ticket, MOST_NAME))
    yield ReportRow("target", f"{cut(report.target, MOST_NAME)}, AWS account {escape_invisible(report.account)}")
    if report.access_profile:
        yield ReportRow("access profile", cut(report.access_profile, MOST_WORDS))
    if report.way.words:
        yield ReportRow("way", report.way.words)
    if call := report.reviewed_call:
        yield ReportRow("one call", f"{call_title(call)}, made in grant {cut(call.grant_id, MOST_NAME)}")
        yield from (ReportRow("", f"{name}: {value}") for name, value in short_parameters(call))
    yield from (ReportRow("calls", cut(each, MOST_WORDS)) for each in report.requested_calls[:MOST_SHOWN])
    if len(report.requested_calls) > MOST_SHOWN:
        yield ReportRow("", f"and {len(report.requested_calls) - MOST_SHOWN} more")
    same = report.granted == report.requested
    yield from terms_rows("granted" if same else "requested", report.requested)
    if not same:
        yield from terms_rows("granted", report.granted) if report.granted else [ReportRow("granted", "nothing")]
    risk = "risk" if same else "requested risk"
    yield from (ReportRow(risk, cut(each, MOST_WORDS)) for each in report.risks)


def _report_name(name: str) -> str:
    return {"Accountable unit": "unit", "Source identity": "identity"}.get(name, name.lower())


def _decision_rows(report: GrantReport) -> Iterator[ReportRow]:
    policies = format_list([escape_invisible(each) for each in report.policies], MOST_PEOPLE)
    version = f" (version {escape_invisible(report.policy_version[:12])})" if report.policy_version else ""
    yield ReportRow("policy", f"{policies or 'none recorded'}{version}")
    for each in report.configurations:
        event = escape_invisible(each.event).replace("_", " ")
        yield ReportRow("config", f"{escape_invisible(each.digest)}, since the {event} at {clock(each.at, report)}")
    if report.reviews:
        alternatives = ", or ".join(" and ".join(map(escape_invisible, groups)) for groups in report.reviews)
        yield ReportRow("required", f"approval by {alternatives}")
    for grant, groups, at in report.earlier_approvals:
        approved = format_list([escape_invisible(each) for each in groups], MOST_PEOPLE)
        when = f" at {clock(at, report)}" if at else ""
        yield ReportRow(
            "approved", f"before, by {approved or 'unknown groups'}{when}, for grant {escape_invisible(grant)}"
        )
    happened = [(each.at, _vote(each, report)) for each in report.votes]
    if report.break_glass:
        happened.append((report.break_glass.at, _break_glass_row(report.break_glass, report)))
    happened += ((each.at, _follow_up_row(each, report)) for each in report.follow_up_reviews)
    # Notifications come last among the events of one second.
    happened += ((each.at, _notification_row(each, report)) for each in report.notifications)
    yield from (row for _, row in sorted(happened, key=lambda each: each[0]))
    if report.break_glass and not report.follow_up_reviews:
        due = escape_invisible(report.break_glass.follow_up_due_at)
        yield ReportRow("follow-up", f"not reviewed yet; due by {due}", Tone.BAD)
    yield from (_refused_row(each, report) for each in report.refused_attempts[:MOST_SHOWN])
    if len(report.refused_attempts) > MOST_SHOWN:
        yield ReportRow("", f"and {len(report.refused_attempts) - MOST_SHOWN} more, listed with --json", Tone.BAD)


def _refused_row(refused: RefusedAttempt, report: GrantReport) -> ReportRow:
    """Return the row of refused attempts. Refusals are counted by the minute."""
    what = escape_invisible(refused.event).replace("_", "-")
    until = f" to {clock(refused.last, report)}" if refused.last > refused.first else ""
    often = f"{refused.times} × " if refused.times > 1 else ""  # noqa: RUF001 - a multiplication sign
    when = f"{clock(refused.first, report)}{until}"
    text = f"{often}{what} by {cut(refused.by, MOST_NAME)} at {when}: {escape_invisible(refused.code)}"
    return ReportRow("refused", text, Tone.BAD)


def _notification_row(sent: SentNotification, report: GrantReport) -> ReportRow:
    people = format_list([cut(each, MOST_NAME) for each in sent.recipients], MOST_PEOPLE) or "no reviewer"
    channels = ", ".join(map(escape_invisible, sent.channels)) or "no channel"
    failed = f"; failed: {', '.join(map(escape_invisible, sent.failures))}" if sent.failures else ""
    why = _NOTIFICATIONS.get(sent.notice, f" ({escape_invisible(sent.notice)})")
    return ReportRow("notified", f"{people} by {channels} at {clock(sent.at, report)}{why}{failed}")


def _break_glass_row(used: ReportedBreakGlass, report: GrantReport) -> ReportRow:
    text = f"used by {cut(used.by, MOST_NAME)} at {clock(used.at, report)}, without review: {quoted(used.reason)}"
    return ReportRow("break-glass", text, Tone.BAD)


def _follow_up_row(review: FollowUpReview, report: GrantReport) -> ReportRow:
    words = f"{escape_invisible(review.judgement)} by {cut(review.by, MOST_NAME)} at {clock(review.at, report)}"
    tone = Tone.GOOD if review.judgement == "confirmed" else Tone.BAD
    return ReportRow("follow-up", f"{words}: {quoted(review.comment)}", tone)


def _vote(vote: ReportedVote, report: GrantReport) -> ReportRow:
    others = f" on behalf of {' and '.join(map(escape_invisible, vote.on_behalf_of))}" if vote.on_behalf_of else ""
    via = f" on {_VIA.get(vote.via) or escape_invisible(vote.via)}" if vote.via else ""
    narrowed = f", for less than requested: {_in_short(vote.narrowed_terms)}" if vote.narrowed_terms else ""
    once = ", for this time only" if vote.this_time_only else ""
    comment = f": {quoted(vote.comment)}" if vote.comment else ""
    why = _WITHOUT_EFFECT.get(vote.code, escape_invisible(vote.code))
    void = f"; did not count, because {why}" if vote.code else ""
    text = f"by {cut(vote.by, MOST_NAME)}{others}{via} at {clock(vote.at, report)}{narrowed}{once}{void}{comment}"
    tone = Tone.BAD if vote.verdict != "approved" else Tone.PLAIN if vote.code else Tone.GOOD
    return ReportRow(escape_invisible(vote.verdict), text, tone)


def _in_short(terms: Terms) -> str:
    """Return the terms as counts: "2 actions on 3 resources for 5 minutes"."""
    actions, resources = map(len, names_of(terms.permissions))
    duration = format_duration(terms.duration_seconds)
    return f"{quantity(actions, 'action')} on {quantity(resources, 'resource')} for {duration}"


def _timeline_rows(report: GrantReport) -> Iterator[ReportRow]:
    times, end = report.times, report.end
    if times.requested:
        yield ReportRow("requested", moment(times.requested))
    if times.decided:
        yield ReportRow("decided", f"{clock(times.decided, report)}{after(times.decided, times.requested)}")
    yield from _issuance_rows(report)
    if times.expires_at and end.state in (ReportedState.PENDING, ReportedState.ACTIVE):
        name = "decision due" if end.state is ReportedState.PENDING else "expires"
        yield ReportRow(name, clock(times.expires_at, report))
    if times.ended:
        yield ReportRow("ended", "".join(_end(report)), _TONES.get(end.state, Tone.PLAIN))
    if end.measured and end.denied_after_milliseconds is None:
        yield ReportRow("measured", "AWS denied no call: it is not verified that access has ended", Tone.BAD)
    elif end.measured:
        seconds = (end.denied_after_milliseconds or 0) / 1000
        yield ReportRow("measured", f"AWS denied the credentials {seconds:.2f} s later")
    yield from _deny_entry_rows(report)
    yield from (
        ReportRow("cut off", f"at {clock(each, report)}, with all other sessions of the role", Tone.BAD)
        for each in report.cut_offs
    )
    if report.repeated_requests:
        again = format_list([clock(each, report) for each in report.repeated_requests], MOST_SHOWN)
        yield ReportRow("repeated", f"the same request at {again}")


def _deny_entry_rows(report: GrantReport) -> Iterator[ReportRow]:
    """Yield when IAM accepted the deny entry, if that was late or is not on record: credentials worked until then."""
    times, end = report.times, report.end
    failed = f" At first, IAM did not accept it: {escape_invisible(end.deny_entry_failure)}."
    why = failed if end.deny_entry_failure else ""
    if end.deny_entry_at and (why or (end.deny_entry_at > times.ended and not end.measured)):
        late = after(end.deny_entry_at, times.ended)
        text = f"IAM accepted the deny entry at {clock(end.deny_entry_at, report)}{late}.{why}"
        yield ReportRow("denied", text, Tone.BAD if why else Tone.PLAIN)
    elif end.denial_unrecorded or (why and not end.deny_entry_at):
        why = f" IAM did not accept the deny entry: {escape_invisible(end.deny_entry_failure)}." if why else ""
        until = clock(times.expires_at, report)
        text = f"no record says that AWS denies the credentials, which expire at {until}.{why}"
        yield ReportRow("not denied", text, Tone.BAD)


def _issuance_rows(report: GrantReport) -> Iterator[ReportRow]:
    issued = [each for each in report.issuances if each.outcome == "allowed"]
    if issued:
        more = len(issued) - 1
        times = {1: "once", 2: "twice"}.get(more, f"{more} times")
        renewed = f", renewed {times}, last at {clock(issued[-1].at, report)}" if more else ""
        yield ReportRow("issued", f"{clock(issued[0].at, report)}{renewed}")
    for each in report.issuances:
        if each.outcome != "allowed":
            why = escape_invisible(each.code) or escape_invisible(each.outcome)
            yield ReportRow("not issued", f"credentials at {clock(each.at, report)}: {why}", Tone.BAD)


def _end(report: GrantReport) -> Iterator[str]:
    end = report.end
    yield f"{clock(report.times.ended, report)}: "
    undecided = end.state is ReportedState.EXPIRED and not report.granted
    yield "expired without a decision" if undecided else escape_invisible(end.state)
    if end.by:
        yield f" by {cut(end.by, MOST_NAME)}"
    if not end.recorded:
        yield ", not on record yet"
    if end.reason:
        yield f": {quoted(end.reason)}"
