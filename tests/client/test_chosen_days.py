"""The days of --since and --until, which several commands read."""

from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from tests.cli import invoke

TODAY = datetime.now(UTC).date()
TOMORROW, YESTERDAY = (str(TODAY + timedelta(days=days)) for days in (1, -1))
COMMANDS = {
    "verify": ("audit", "verify", "--records", "r", "--seals", "s", "--key", "0" * 64),
    "who": ("audit", "who", "--agent", "reader-agent"),
    "query": ("audit", "query", "bypasses"),
    "backfill": ("audit", "backfill", "--bucket", "trail", "--dry-run"),
    "redrive": ("audit", "redrive", "--stack", "outputs.json"),
    "replay": ("policy", "replay", "--folder", "."),
    "shadow": ("policy", "shadow", "--folder", "."),
    "suggest": ("policy", "suggest", "--agent", "local.reader-agent", "--folder", "."),
}


@pytest.mark.parametrize("command", COMMANDS)
@pytest.mark.parametrize(
    ("days", "says"),
    [
        (("--since", TOMORROW), f"starts after today, {TODAY} in UTC"),
        (("--since", TOMORROW, "--until", TOMORROW), f"starts after today, {TODAY} in UTC"),
        (("--since", str(TODAY), "--until", YESTERDAY), "ends before it starts"),
    ],
)
def test_an_impossible_period_is_refused_before_anything_is_read(
    home: Path, command: str, days: tuple[str, ...], says: str
):
    result = invoke([*COMMANDS[command], *days])
    assert (result.exit_code, result.stdout) == (2, "")
    assert says in result.stderr
    assert "--since" in result.stderr
