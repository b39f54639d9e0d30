"""Gets a grant for a command, holds it while the command runs, and releases it at the end."""

from collections.abc import Callable, Generator
from contextlib import contextmanager

from jitney.client.api.broker import Broker
from jitney.client.api.grant_request import GrantRequest
from jitney.client.api.polling import pending_problem
from jitney.client.api.responses import ApiGrant, GrantResponse
from jitney.client.holding.grant_release import note, release_held
from jitney.client.holding.held_grant import HeldGrant
from jitney.client.holding.slices import DEFAULT_SLICES, Slices
from jitney.client.inputs.request_options import WaitOptions
from jitney.client.problems import ClientProblem, GrantEnded, ReviewPending, Revoked, Unavailable
from jitney.client.terminal import wording
from jitney.client.terminal.command_result import wait_with_progress
from jitney.client.terminal.durations import format_duration

# AWS refuses a signature that is five minutes old, and most keys last five minutes.
_WRONG_SECONDS = 290.0


@contextmanager
def holding(
    broker: Broker,
    access: GrantRequest | str,
    waiting: WaitOptions,
    *,
    way: str,
    keep: bool,
    user: str,
    slices: Slices = DEFAULT_SLICES,
) -> Generator[HeldGrant]:
    """Get a grant, and hold it until the block ends. `access` is the request, or the id of a grant with this way.

    The grant is released at the end unless `keep`. Notes say when another grant continues it, and when none does.
    `user` is the command's name in the notes. Raises the problems of requests and waits.
    """
    notes = _RenewalNotes(user, broker.clock.now, named=isinstance(access, str))
    held = HeldGrant(broker, access, way=way, slices=slices, on_new_grant=notes.continued, on_failure=notes.failed)
    at_most = waiting.at_most

    def decided(answer: GrantResponse) -> GrantResponse:
        if not waiting.wait:
            raise pending_problem(answer, broker.clock.now())
        return wait_with_progress(broker, answer, at_most)

    try:
        notes.grant = held.begin(decided)
        if way == "credentials":
            note_wrong_clock(broker)
        yield held
    finally:
        if not keep:
            release_held(held)


def note_wrong_clock(broker: Broker) -> None:
    """Show a line if the clock of this machine is so wrong that AWS clients or AWS may refuse the keys."""
    ahead = broker.clock.ahead()
    if abs(ahead) > _WRONG_SECONDS:
        off = f"{format_duration(round(abs(ahead)))} {'ahead of' if ahead > 0 else 'behind'} the broker's"
        fix = "AWS clients or AWS may refuse the keys. Set the clock, for example with NTP."
        note(f"jitney: this machine's clock is {off}. {fix}")


class _RenewalNotes:
    """Shows a line when another grant continues a grant, or when none can. `HeldGrant` never calls it concurrently."""

    def __init__(self, user: str, now: Callable[[], float], *, named: bool) -> None:
        self._now = now
        self.grant: ApiGrant | None = None
        self._user = user
        self._named = named
        self._advice = (
            "Leave out --grant: Jitney then requests the next grant." if named else "Request more time: --for 1h."
        )
        self._shown = ""

    def continued(self, grant: ApiGrant) -> None:
        until = wording.moment(grant.expires_at, self._now())
        before, self.grant, self._shown = self.grant, grant, ""
        note(f"jitney: {grant.id} continues {before.id if before else 'the grant'}, until {until}.")

    def failed(self, problem: ClientProblem) -> None:
        grant = self.grant
        if grant is None or self._shown == problem.code:
            return
        self._shown = problem.code
        note(f"jitney: {self._failure(grant, problem)}".rstrip())

    def _failure(self, grant: ApiGrant, problem: ClientProblem) -> str:
        until = wording.moment(grant.expires_at, self._now())
        if isinstance(problem, Unavailable):
            return f"{grant.id} (until {until}) cannot be renewed: {problem.detail} Trying again."
        why = f"{problem.title}: {problem.detail}"
        if isinstance(problem, Revoked):
            return f"the AWS calls of {self._user} fail now. {why} {problem.fix}"
        text = f"{self._user} outlives {grant.id}, which ends at {until}. Its AWS calls fail after that. {why}"
        denied_next = problem.code == "denied" and not self._named
        if denied_next and (retry_at := problem.members.retry_at):
            return f"{text} From {wording.moment(retry_at, self._now())} on, its AWS calls request another grant."
        if denied_next and problem.members.longest_seconds:
            return text  # a longer request would be denied too, and a shorter one would end before this grant
        decided_again = problem.code == "denied" or isinstance(problem, (ReviewPending, GrantEnded))
        advice = f" {self._advice}" if decided_again else ""
        return f"{text}{advice} {problem.fix}"
