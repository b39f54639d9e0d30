"""Shows a wait. On a terminal, it updates one line; otherwise it prints a line at the start and at each change."""

from collections.abc import Callable, Generator
from contextlib import contextmanager

from rich.console import Console
from rich.live import Live
from rich.text import Text

from jitney.client.api.responses import GrantResponse
from jitney.client.problems import Unavailable
from jitney.client.terminal import pending_wording, wording
from jitney.client.terminal.durations import format_duration
from jitney.core.printable import strip_control_characters

WaitProgress = Callable[[GrantResponse, Unavailable | None], None]


class _LiveLine:
    """A line drawn each second: the reviewers, their deadline, and the duration of the wait so far."""

    def __init__(self, answer: GrantResponse, now: Callable[[], float]) -> None:
        self._answer = answer
        self._trouble: Unavailable | None = None
        self._now = now
        self._started = now()

    def update(self, answer: GrantResponse, trouble: Unavailable | None) -> None:
        self._answer, self._trouble = answer, trouble

    def __rich__(self) -> Text:
        waited = format_duration(round(self._now() - self._started))
        trouble = f"  {strip_control_characters(self._trouble.detail)}" if self._trouble else ""
        waits = pending_wording.waits_for(self._answer)
        return Text.assemble(
            ("Waiting ", "bold yellow"),
            f"{waited}: {pending_wording.pending(self._answer, self._now())}",
            (trouble, "red"),
            f"\n{waits}" if waits else "",
        )


class _Changes:
    """Prints what changed since the last poll."""

    def __init__(self, answer: GrantResponse, say: Callable[[str], None]) -> None:
        self._reviewers = _review_status(answer)
        self._trouble = ""
        self._say = say

    def update(self, answer: GrantResponse, trouble: Unavailable | None) -> None:
        detail = trouble.detail if trouble else ""
        if answer.grant.state == "pending":
            if detail != self._trouble:
                self._say(f"jitney: {detail.removesuffix('.') or 'the broker answers again'}; still waiting")
            if _review_status(answer) != self._reviewers:
                self._say(f"jitney: under review by {_review_status(answer)}; still waiting")
        self._reviewers, self._trouble = _review_status(answer), detail


def _review_status(answer: GrantResponse) -> str:
    return wording.review_status(answer.review) if answer.review else ""


@contextmanager
def show_wait(console: Console, answer: GrantResponse, now: Callable[[], float]) -> Generator[WaitProgress]:
    """Show the wait for `answer`. Call the yielded function after each poll. `now` gives epoch seconds."""

    def say(text: str) -> None:
        console.print(Text(strip_control_characters(text)))

    if console.is_terminal:
        line = _LiveLine(answer, now)
        with Live(line, console=console, refresh_per_second=1, transient=True):
            yield line.update
    else:
        say(f"jitney: {pending_wording.pending(answer, now())}; waiting {pending_wording.waits_for(answer)}".rstrip())
        yield _Changes(answer, say).update
