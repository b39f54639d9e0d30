"""Rows about the use of a grant: its calls, the least-privilege suggestion and the audit records."""

from collections.abc import Iterable, Iterator, Sequence

from jitney.core.outliving import GrantEffect
from jitney.core.quantities import format_list, quantity
from jitney.core.records.audit import AuditEvent, Outcome
from jitney.core.report.grant_report import NOT_SENT, CallGroup, GrantReport
from jitney.core.report.rows import (
    MOST_ARN,
    MOST_PEOPLE,
    MOST_ROWS,
    MOST_SHOWN,
    ReportRow,
    Tone,
    clock,
    quoted,
    terms_rows,
)
from jitney.core.report.snippets import policy_text, request_lines
from jitney.core.report.suggestion import Suggestion, SuggestionOutcome
from jitney.core.review.safe_text import cut, escape_exact, escape_invisible, middle_cut

_NO_POLICY = (
    "none is safe: a value contains `?`, access was by break-glass or an earlier approval, "
    "or records or reviews are missing"
)


def alarming_rows(report: GrantReport) -> Iterator[ReportRow]:
    """Yield a row for each kind of calls that needs attention: their number and their operations."""
    usage = report.usage
    found = (("unexplained", usage.bypasses), ("beyond grant", usage.beyond_grant), ("denied", usage.denied))
    for name, groups in found:
        if groups:
            times = sum(each.times for each in groups)
            operations = format_list([escape_invisible(each.name) for each in groups], MOST_SHOWN)
            yield ReportRow(name, f"{quantity(times, 'call')}: {operations}", Tone.BAD)


def call_rows(report: GrantReport, suggestion: Suggestion) -> Iterator[ReportRow]:
    """Yield rows for the calls, the unused permissions and the leftover resources.

    A permission that the suggestion keeps may have been used although no call shows it, so it is not called unused.
    """
    if not report.usage.calls and not report.reviewed_call:
        found = f"{'no call' if report.usage.sessions_started else 'no session and no call'} was seen"
        text = f"{found}; CloudTrail shows access to objects and items only where a trail logs data events"
        yield ReportRow("calls", text)
    # Bypasses and calls beyond the grant come first and are never cut: an agent can make any number of kinds of calls.
    yield from _uses(report.usage.bypasses, "not explained by a grant", report)
    yield from _uses(report.usage.beyond_grant, "beyond the grant", report)
    yield from _uses(report.usage.uses[:MOST_ROWS], "", report)
    if len(report.usage.uses) > MOST_ROWS:
        yield ReportRow(
            "", f"and {quantity(len(report.usage.uses) - MOST_ROWS, 'more kind')} of successful or failed calls"
        )
    yield from _uses(report.usage.denied, "denied", report)
    kept = {action for each in suggestion.terms.permissions for action in each.actions} if suggestion.terms else None
    missing = [action for each in report.usage.unused_permissions for action in each.actions]
    unused = [escape_invisible(each) for each in missing if kept is not None and each not in kept]
    unseen = [escape_invisible(each) for each in missing if kept is None or each in kept]
    if unused:
        yield ReportRow("unused", format_list(unused, MOST_PEOPLE))
    if unseen:
        actions = format_list(unseen, MOST_PEOPLE)
        yield ReportRow("no use seen", f"{actions}; CloudTrail may not have shown it")
    for left in report.usage.leftover_resources:
        name = f"{cut(left.resource, MOST_ARN)} ({escape_invisible(left.name)} at {clock(left.at, report)})"
        yield ReportRow("left over", name, Tone.BAD)
    if report.usage.broker_calls:
        calls = quantity(report.usage.broker_calls, "call")
        ends = " and to check that access has ended" if report.times.ended or report.cut_offs else ""
        yield ReportRow("broker", f"{calls} by the broker, to issue credentials{ends}")


def gateway_rows(report: GrantReport) -> Iterator[ReportRow]:
    """Yield a row for each call through the gateway, in order. Its parameters come last, because agents write them."""
    for each in report.gateway_calls[:MOST_ROWS]:
        answer = f"{each.outcome} {each.status}" if each.status else each.outcome
        parts = [
            "" if answer.startswith("answered 2") else escape_invisible(answer),
            escape_invisible(each.code),
            "with a ticket" if each.ticket else "",
            f"{len(each.masked)} masked" if each.masked else "",
            "" if each.events or each.outcome in NOT_SENT else "not in CloudTrail",
        ]
        about = "".join(f", {part}" for part in parts if part)
        place = f" in {escape_invisible(each.region)}" if each.region else ""
        parameters = "" if each.outcome in NOT_SENT and each.parameters == "{}" else f": {quoted(each.parameters)}"
        text = f"{escape_invisible(each.name)}{place}{about}{parameters}"
        tone = Tone.PLAIN if each.outcome == Outcome.ANSWERED else Tone.BAD
        yield ReportRow(clock(each.at, report), text, tone)
    more = len(report.gateway_calls) - MOST_ROWS
    if more > 0:
        all_calls = f"jitney audit query calls_of_grant --param {report.grant_id}"
        yield ReportRow("", f"and {more} more; all calls: {all_calls}")


def _uses(uses: Sequence[CallGroup], word: str, report: GrantReport) -> Iterator[ReportRow]:
    for use in uses:
        span = clock(use.first, report) + (f" to {clock(use.last, report)}" if use.last != use.first else "")
        result = ": ".join(filter(None, (word or ("failed" if use.code else ""), escape_invisible(use.code))))
        why = f" ({', '.join(map(escape_invisible, use.bypass_reasons))})" if use.bypass_reasons else ""
        arns = format_list([middle_cut(each, MOST_ARN) for each in use.resources], MOST_SHOWN)
        resources = f", on {arns}" if arns else ""
        text = f"{escape_invisible(use.name)}{f' {result}' if result else ''}{why}, {span}{resources}"
        yield ReportRow(f"{use.times} ×", text, Tone.BAD if word else Tone.PLAIN)  # noqa: RUF001 - as it is written


def outliving_rows(outliving: Iterable[GrantEffect]) -> Iterator[ReportRow]:
    """Yield rows for what outlives the grant: whether it was used, and what a person can do about it."""
    for each in outliving:
        yield ReportRow("outlives", each.sentence)
        yield ReportRow("", each.use, Tone.BAD if each.used else Tone.PLAIN)
        yield ReportRow("left to do", each.effect.left_to_do)


def suggestion_rows(report: GrantReport, suggestion: Suggestion) -> Iterator[ReportRow]:
    """Yield rows for the suggested terms, with the request and the policy to paste.

    If there is no suggestion, a row says why.
    """
    if suggestion.verdict is SuggestionOutcome.NOTHING:
        yield ReportRow("suggested", "no narrower grant: each permission was used, or CloudTrail may not show its use")
    if suggestion.terms:
        yield from terms_rows("suggested", suggestion.terms)
    yield from (
        ReportRow("but" if suggestion.terms else "because", escape_invisible(each)) for each in suggestion.reasons
    )
    if suggestion.terms:
        lines = request_lines(report.target, suggestion.terms, report.reason, report.ticket, report.way)
        yield from _copied("to request", lines)
        policy = policy_text(report, suggestion.terms)
        yield from _copied("as a policy", policy.splitlines())
        if not policy:
            yield ReportRow("as a policy", _NO_POLICY)


def _copied(name: str, lines: Sequence[str]) -> Iterator[ReportRow]:
    for line in lines:
        yield ReportRow(name, exact_line(line), Tone.COPY)
        name = ""


def exact_line(line: str) -> str:
    """Return a line to copy, with its indentation. Each invisible character is replaced by its code point."""
    indent = line[: len(line) - len(line.lstrip(" "))]
    return indent + escape_exact(line[len(indent) :])


def record_rows(report: GrantReport) -> Iterator[ReportRow]:
    """Yield one row that lists the records in order."""
    texts = []
    issued_at = [each.at for each in report.issuances if each.outcome == Outcome.ALLOWED]
    for each in report.records[:MOST_ROWS]:
        code = f" ({escape_invisible(each.code)})" if each.code else ""
        unknown = ", an event unknown to this version" if not each.known else ""
        # If policy allows a request at once, the request's record is also the record of the first issuance.
        first = (each.event, each.outcome) == (AuditEvent.REQUEST, Outcome.ALLOWED) and each.at in issued_at
        also = ", and issued" if first else ""
        texts.append(f"{each.seq} {escape_invisible(each.event)} {escape_invisible(each.outcome)}{also}{code}{unknown}")
    more = len(report.records) - MOST_ROWS
    yield ReportRow("chain", "; ".join(texts) + (f"; and {more} more" if more > 0 else ""))
