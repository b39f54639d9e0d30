"""What was done with a grant and what would have done, in rows."""

from collections.abc import Iterator, Sequence

from jitney.core.audit import AuditEvent, Outcome
from jitney.core.report.grant_report import CallGroup, GrantReport
from jitney.core.report.rows import MOST_ARN, MOST_PEOPLE, MOST_ROWS, MOST_SHOWN, ReportRow, Tone, clock, terms_rows
from jitney.core.report.snippets import policy_text, request_lines
from jitney.core.report.suggestion import Suggestion, SuggestionOutcome
from jitney.core.review.safe_text import cut, escape_exact, escape_invisible, format_list, middle_cut

_NO_POLICY = (
    "none is written: it would have to say `?`, give what was taken by breaking the glass, or leave out a review that "
    "the records do not tell of"
)


def call_rows(story: GrantReport) -> Iterator[ReportRow]:
    """The calls, and what they left behind."""
    if not story.calls:
        said = (
            "sessions were begun, and no call was seen" if story.begun else "CloudTrail told of no session and no call"
        )
        yield ReportRow(
            "calls", f"{said}: reads and writes of objects and items are seen where a trail logs data events"
        )
    # The gravest first, and all of it: an agent makes as many kinds of calls as it likes.
    yield from _uses(story.bypasses, "not explained", story)
    yield from _uses(story.uses[:MOST_ROWS], "", story)
    if len(story.uses) > MOST_ROWS:
        yield ReportRow("", f"and {len(story.uses) - MOST_ROWS} more kinds of calls that worked or failed")
    yield from _uses(story.denied, "denied", story)
    never = [f"{', '.join(map(escape_invisible, each.actions))}" for each in story.never]
    if never:
        yield ReportRow("never seen", format_list(never, MOST_PEOPLE, "actions"))
    for remain in story.left:
        name = f"{cut(remain.thing, MOST_ARN)} ({escape_invisible(remain.name)} at {clock(remain.at, story)})"
        yield ReportRow("left behind", name, Tone.BAD)
    if story.besides:
        calls = f"{story.besides} call{'' if story.besides == 1 else 's'}"
        ends = " and to see that the end holds" if story.times.ended or story.cut_offs else ""
        yield ReportRow("besides", f"{calls} of the broker's own, to issue credentials{ends}")


def _uses(uses: Sequence[CallGroup], word: str, story: GrantReport) -> Iterator[ReportRow]:
    for use in uses:
        span = clock(use.first, story) + (f" to {clock(use.last, story)}" if use.last != use.first else "")
        came = ": ".join(filter(None, (word or ("failed" if use.code else ""), escape_invisible(use.code))))
        why = f" ({', '.join(map(escape_invisible, use.bypass))})" if use.bypass else ""
        arns = format_list([middle_cut(each, MOST_ARN) for each in use.resources], MOST_SHOWN, "resources")
        said = f"{escape_invisible(use.name)}{f' {came}' if came else ''}{why}, {span}{f', on {arns}' if arns else ''}"
        yield ReportRow(f"{use.times} ×", said, Tone.BAD if word else Tone.PLAIN)  # noqa: RUF001 - as it is written


def suggestion_rows(story: GrantReport, suggestion: Suggestion) -> Iterator[ReportRow]:
    """What would have done instead, why nothing is suggested, and what to paste."""
    if suggestion.verdict is SuggestionOutcome.NOTHING:
        yield ReportRow("suggested", "nothing less can be said: all of it was used, or may have been")
    if suggestion.terms:
        yield from terms_rows("suggested", suggestion.terms)
    yield from (
        ReportRow("but" if suggestion.terms else "because", escape_invisible(each)) for each in suggestion.because
    )
    if suggestion.terms:
        lines = request_lines(story.target, suggestion.terms, story.reason, story.ticket)
        yield from _copied("to ask", lines)
        policy = policy_text(story, suggestion.terms)
        yield from _copied("as a policy", policy.splitlines())
        if not policy:
            yield ReportRow("as a policy", _NO_POLICY)


def _copied(name: str, lines: Sequence[str]) -> Iterator[ReportRow]:
    for line in lines:
        yield ReportRow(name, exact_line(line), Tone.COPY)
        name = ""


def exact_line(line: str) -> str:
    """A line to be copied: what cannot be seen in it is shown by its number, and its beginning keeps its spaces."""
    indent = line[: len(line) - len(line.lstrip(" "))]
    return indent + escape_exact(line[len(indent) :])


def record_rows(story: GrantReport) -> Iterator[ReportRow]:
    """The records in their order, in a few words each."""
    told = []
    issued = [each.at for each in story.issues if each.outcome == Outcome.ALLOWED]
    for each in story.moments[:MOST_ROWS]:
        code = f" ({escape_invisible(each.code)})" if each.code else ""
        unknown = ", an event that this version does not know" if not each.known else ""
        # Of what policy allows, the record of the request is that of its first issue.
        first = (each.event, each.outcome) == (AuditEvent.REQUEST, Outcome.ALLOWED) and each.at in issued
        told.append(
            f"{each.seq} {escape_invisible(each.event)} {escape_invisible(each.outcome)}{', and issued' if first else ''}{code}{unknown}"
        )
    more = len(story.moments) - MOST_ROWS
    yield ReportRow("chain", "; ".join(told) + (f"; and {more} more records" if more > 0 else ""))
