"""The time of day that a test and the programs that it starts have: it stands until the test moves it.

libfaketime gives the programs this time, so that an hour passes in seconds and no program is changed for it.
"""

import os
import sys
import time
from datetime import UTC, datetime
from pathlib import Path

LIBRARY = Path(
    os.environ.get("JITNEY_FAKETIME", f"/usr/lib/{os.uname().machine}-linux-gnu/faketime/libfaketimeMT.so.1")
)
MISSING = ""
if sys.platform != "linux" or not (LIBRARY.exists() or "JITNEY_FAKETIME" in os.environ):
    MISSING = "needs libfaketime: apt-get install libfaketime, or say in JITNEY_FAKETIME where it is"


class MovingClock:
    """Epoch seconds, from the present on. `folder` keeps the file that the programs read at each look at the time."""

    def __init__(self, folder: Path) -> None:
        self._file = folder / "now"
        self.now = float(int(time.time()))
        self.advance(0)

    def __call__(self) -> float:
        return self.now

    def advance(self, seconds: float) -> None:
        """Move the time of all programs."""
        self.now += seconds
        fresh = self._file.with_suffix(".new")
        fresh.write_text(datetime.fromtimestamp(self.now, UTC).strftime("%Y-%m-%d %H:%M:%S\n"))
        fresh.replace(self._file)

    def variables(self) -> dict[str, str]:
        """Return the variables with which a program has this time. Waits take as long as they do."""
        return {
            "LD_PRELOAD": str(LIBRARY),
            "FAKETIME_TIMESTAMP_FILE": str(self._file),
            "FAKETIME_NO_CACHE": "1",
            "FAKETIME_DONT_FAKE_MONOTONIC": "1",
            "FAKETIME_FORCE_MONOTONIC_FIX": "0",  # else timed waits for a lock return at once, and spin
            "NO_FAKE_STAT": "1",
            "TZ": "UTC",
        }
