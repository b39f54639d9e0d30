"""What an alarm is: its signal, its limit, its row of the dashboard, and its runbook. `infra.alarms` lists all."""

from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum

from infra.signals import Signal

RUNBOOKS = "docs/runbooks"


class Row(StrEnum):
    """A row of the dashboard. If it has alarms, it is also the title of a page of runbooks."""

    REVOCATION = "Revocation"
    REQUESTS = "Requests"
    REVIEWS = "Reviews"
    GATEWAY = "Gateway"
    TRAIL = "CloudTrail"
    RECORDS = "Records"


@dataclass(frozen=True, slots=True)
class Alarm:
    """An alarm. It fires when its signal exceeds `above` in `periods` periods in a row.

    `when_missing` reverses it: the alarm fires when the signal is below 1 or missing. Its periods are minutes.
    CloudWatch takes every value into account that it reads, and it reads some periods before those that it evaluates.
    So with longer periods, silence would be reported much later.
    https://docs.aws.amazon.com/AmazonCloudWatch/latest/monitoring/alarms-and-missing-data.html

    With `keeps_state`, the alarm does not change while the signal is missing. An alarm of one period ends after
    `clear_periods` without an excess, or somewhat later. `meaning` is one sentence for the person on call.
    """

    name: str
    row: Row
    signal: Signal
    meaning: str
    above: int = 0
    period_seconds: int = 60
    periods: int = 1
    when_missing: bool = False
    keeps_state: bool = False
    clear_periods: int = 1

    @property
    def ongoing(self) -> bool:
        """Whether the alarm is about a lasting state: silence, the largest value of a gauge, or a count of every run.

        Such an alarm also notifies when it ends. Other alarms count events, and return to OK even if the problem
        remains.
        """
        return self.when_missing or self.signal.statistic == "Maximum" or self.clear_periods > 1

    @property
    def runbook(self) -> str:
        """The runbook's page and heading."""
        return f"{RUNBOOKS}/{self.row.lower()}.md#{self.name.lower()}"

    def description(self, runbooks_url: str | None, names: Mapping[str, str]) -> str:
        """Return the text of the notification. `runbooks_url` is the address above the runbook's path."""
        return with_runbook(self.meaning.format(**names), runbooks_url, self.runbook)


def with_runbook(meaning: str, runbooks_url: str | None, runbook: str) -> str:
    """Return an alarm's description: its meaning and the address of its runbook."""
    above = f"{runbooks_url.rstrip('/')}/" if runbooks_url else ""
    return f"{meaning} Runbook: {above}{runbook}"
