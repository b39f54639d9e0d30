"""A story in words, the same in a terminal, on paper and on the page: sections of rows of plain, inert text.

What agents and people wrote comes last in its row and in quotation marks; whoever renders rows escapes them.
"""

from collections.abc import Iterator, Mapping

from jitney.core.review.inert import cut, inert, listed
from jitney.core.review.wording import lasting
from jitney.core.story.deeds import done, less, records
from jitney.core.story.rows import (
    MOST_ARN,
    MOST_NAME,
    MOST_PEOPLE,
    MOST_SHOWN,
    MOST_WORDS,
    Row,
    Section,
    Tone,
    after,
    clock,
    moment,
    quoted,
    terms_rows,
)
from jitney.core.story.story import Ending, Glass, Said, Story, Terms, Told, Vote
from jitney.core.story.suggestion import Suggestion

_STATES: Mapping[Ending, str] = {
    Ending.PENDING: "Under review",
    Ending.ACTIVE: "Active",
    Ending.REJECTED: "Rejected",
    Ending.EXPIRED: "Ended",
    Ending.RELEASED: "Given back",
    Ending.REVOKED: "Taken back",
    Ending.FAILED: "Failed",
    Ending.UNKNOWN: "Not told",
}
_TONES: Mapping[Ending, Tone] = {
    Ending.ACTIVE: Tone.GOOD,
    Ending.REJECTED: Tone.BAD,
    Ending.REVOKED: Tone.BAD,
    Ending.FAILED: Tone.BAD,
}
_NOTICES: Mapping[str, str] = {
    "asked": "",
    "reminded": ", again",
    "escalated": ", for nobody had answered",
    "changed": ", for policies wanted other reviewers",
    "narrowed": ", for a reviewer approved less",
    "decided": " of the decision",
    "glass_broken": " of the broken glass",
    "follow_up_owed": " that somebody has to look at the broken glass",
}


def state(story: Story) -> Row:
    """How it stands, in a word or two, for the heading."""
    return Row("", _STATES[story.end.how], _TONES.get(story.end.how, Tone.PLAIN))


def sections(story: Story, suggestion: Suggestion) -> tuple[Section, ...]:
    """The whole story; sections about which there is nothing to say are left out."""
    told = (
        ("Read this first", (Row("doubt", inert(each), Tone.BAD) for each in story.doubts)),
        ("What was asked and granted", _asked(story)),
        ("Who decided", _decided(story)),
        ("When", _when(story)),
        ("What was done", done(story)),
        ("What would have done", less(story, suggestion)),
        ("Its records", records(story)),
    )
    found = ((title, tuple(rows)) for title, rows in told)
    return tuple(Section(title, rows) for title, rows in found if rows)


def _asked(story: Story) -> Iterator[Row]:
    who = story.who
    issuer = f", of {cut(who.issuer, MOST_ARN)}" if who.issuer else ""
    yield Row("who", f"{cut(who.principal, MOST_NAME)}{issuer}")
    if who.human:
        yield Row("for", cut(who.human, MOST_NAME))
    if who.addresses:
        yield Row("from", listed([cut(each, MOST_NAME) for each in who.addresses], MOST_SHOWN, "addresses"))
    yield Row("why", quoted(story.reason))
    if story.ticket:
        yield Row("ticket", quoted(story.ticket, MOST_NAME))
    yield Row("where", f"{cut(story.target, MOST_NAME)}, AWS account {inert(story.account)}")
    yield from (Row("calls", cut(each, MOST_WORDS)) for each in story.using[:MOST_SHOWN])
    if len(story.using) > MOST_SHOWN:
        yield Row("", f"and {len(story.using) - MOST_SHOWN} more calls")
    same = story.granted == story.asked
    yield from terms_rows("granted" if same else "asked", story.asked)
    if not same:
        yield from terms_rows("granted", story.granted) if story.granted else [Row("granted", "nothing")]
    yield from (Row("risk", cut(each, MOST_WORDS)) for each in story.risks)


def _decided(story: Story) -> Iterator[Row]:
    policies = listed([inert(each) for each in story.policies], MOST_PEOPLE, "policies")
    version = f" (version {inert(story.policy_version[:12])})" if story.policy_version else ""
    yield Row("policy", f"{policies or 'none is named'}{version}")
    if story.reviews:
        ways = ", or ".join(" and ".join(map(inert, groups)) for groups in story.reviews)
        yield Row("needed", f"the approval of {ways}")
    happened = [(each.at, _vote(each, story)) for each in story.votes]
    if story.glass:
        happened.append((story.glass.at, _broken(story.glass, story)))
    happened += ((each.at, _said(each, story)) for each in story.follow_ups)
    happened += ((each.at, _told(each, story)) for each in story.told)  # of what happened in the same second
    yield from (row for _, row in sorted(happened, key=lambda each: each[0]))
    if story.glass and not story.follow_ups:
        yield Row("afterwards", f"nobody looked at it; there is time until {inert(story.glass.until)}", Tone.BAD)


def _told(told: Told, story: Story) -> Row:
    people = listed([cut(each, MOST_NAME) for each in told.people], MOST_PEOPLE, "people") or "nobody"
    ways = f" by {', '.join(map(inert, told.channels))}" if told.channels else " by nothing"
    failed = f"; failed: {', '.join(map(inert, told.failures))}" if told.failures else ""
    why = _NOTICES.get(told.notice, f" ({inert(told.notice)})")
    return Row("told", f"{people}{ways} at {clock(told.at, story)}{why}{failed}")


def _broken(glass: Glass, story: Story) -> Row:
    broke = f"{cut(glass.by, MOST_NAME)} broke the glass at {clock(glass.at, story)}, without its reviewers"
    return Row("glass", f"{broke}: {quoted(glass.reason)}", Tone.BAD)


def _said(said: Said, story: Story) -> Row:
    words = f"{inert(said.judgement)} by {cut(said.by, MOST_NAME)} at {clock(said.at, story)}"
    tone = Tone.GOOD if said.judgement == "confirmed" else Tone.BAD
    return Row("afterwards", f"{words}: {quoted(said.comment)}", tone)


def _vote(vote: Vote, story: Story) -> Row:
    place = f", in the place of {' and '.join(map(inert, vote.stands_in))}" if vote.stands_in else ""
    less = f", for less than was asked: {_in_short(vote.less)}" if vote.less else ""
    said = f": {quoted(vote.comment)}" if vote.comment else ""
    tone = Tone.GOOD if vote.verdict == "approved" else Tone.BAD
    via = f" on {inert(vote.via)}" if vote.via else ""
    return Row(
        inert(vote.verdict), f"by {cut(vote.by, MOST_NAME)}{place}{via} at {clock(vote.at, story)}{less}{said}", tone
    )


def _in_short(terms: Terms) -> str:
    pairs = sum(len(each.actions) * len(each.resources) for each in terms.permissions)
    count = "1 action on a resource" if pairs == 1 else f"{pairs} actions, each on a resource"
    return f"{count}, {lasting(terms.duration_seconds)}"


def _when(story: Story) -> Iterator[Row]:
    times, end = story.times, story.end
    if times.asked:
        yield Row("asked", moment(times.asked))
    if times.decided:
        yield Row("decided", f"{clock(times.decided, story)}{after(times.decided, times.asked)}")
    issued = [each for each in story.issues if each.outcome == "allowed"]
    if issued:
        renewed = f", and {len(issued) - 1} more time{'s' if len(issued) > 2 else ''}" if len(issued) > 1 else ""
        last = f", last at {clock(issued[-1].at, story)}" if renewed else ""
        yield Row("issued", f"{clock(issued[0].at, story)}{renewed}{last}")
    for each in story.issues:
        if each.outcome != "allowed":
            yield Row(
                "refused",
                f"credentials at {clock(each.at, story)}: {inert(each.code) or inert(each.outcome)}",
                Tone.BAD,
            )
    if times.until and end.how in (Ending.PENDING, Ending.ACTIVE):
        what = "to be decided by" if end.how is Ending.PENDING else "ends"
        yield Row("until", f"{clock(times.until, story)} ({what})")
    if times.ended:
        yield Row("ended", "".join(_end(story)), _TONES.get(end.how, Tone.PLAIN))
    if end.measured:
        took = end.kill_milliseconds
        words = "no denial was seen: whether the end holds is not proven" if took is None else ""
        words = words or f"AWS denied its credentials {(took or 0) / 1000:.2f} s after the call"
        yield Row("measured", words, Tone.BAD if took is None else Tone.PLAIN)
    yield from (Row("cut off", f"with others', at {clock(each, story)}", Tone.BAD) for each in story.cut_offs)
    if story.repeats:
        again = listed([clock(each, story) for each in story.repeats], MOST_SHOWN, "times")
        yield Row("asked again", f"for the same, at {again}")


def _end(story: Story) -> Iterator[str]:
    end = story.end
    yield f"{clock(story.times.ended, story)}: "
    yield {
        Ending.EXPIRED: "its time was over" if story.granted else "nobody decided in time",
        Ending.RELEASED: "given back",
        Ending.REVOKED: "taken back",
        Ending.REJECTED: "rejected",
        Ending.FAILED: "failed",
    }.get(end.how, inert(end.how))
    if end.by:
        yield f" by {cut(end.by, MOST_NAME)}"
    if not end.noted:
        yield ", which is not on record yet"
    if end.why:
        yield f": {quoted(end.why)}"
