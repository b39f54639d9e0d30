"""What a pending grant waits for, in words that people and models read."""

from collections.abc import Iterator

from jitney.client.api.grant_members import ApiReview
from jitney.client.api.responses import ApiGrant, GrantResponse
from jitney.client.terminal import wording
from jitney.core.printable import strip_control_characters

_MOST_NAMES = 5


def asked(review: ApiReview) -> str:
    """Return the people who were asked to decide, at most `_MOST_NAMES` of them by name; "" if none is known."""
    names, others = review.reviewers[:_MOST_NAMES], len(review.reviewers) - _MOST_NAMES
    more = f" and {others} more" if others > 0 else ""
    return strip_control_characters(f"{', '.join(names)}{more}")


def waits_for(answer: GrantResponse) -> str:
    """Return the people and the page that a pending grant waits for, as words that follow "waits"; "" if unknown.

    The link comes last, without a full stop, so that a terminal can open it.
    """
    if answer.review is None or not answer.review.review_url:
        return ""
    people = asked(answer.review) or "a decision"
    return f"for {people} at {strip_control_characters(answer.review.review_url)}"


def use_command(grant: ApiGrant) -> str:
    """Return the command line that runs a command with the grant."""
    return f"jitney run{' --gateway' if grant.way == 'gateway' else ''} --grant {grant.id} -- COMMAND"


def listed(answer: GrantResponse) -> Iterator[str]:
    """Yield the lines about a grant in a list, below its state."""
    yield strip_control_characters(f"by {answer.grant.requester}")
    yield from map(wording.allows, answer.grant.permissions)
    yield from (words for _, words in wording.way_rows(answer.grant) if words)
    yield strip_control_characters(answer.grant.reason)
    if words := waits_for(answer):
        yield f"waits {words}"


def pending(answer: GrantResponse, now: float, what: str = "") -> str:
    """Return who reviews a pending grant, and until when, in one line. `what` names it; by default, its id does."""
    review = answer.review or ApiReview(())
    by = f" by {wording.review_status(review)}" if review.any_of else ""
    until = wording.moment(review.expires_at or answer.grant.expires_at, now)
    return f"{what or answer.grant.id} is under review{by} until {until}"
