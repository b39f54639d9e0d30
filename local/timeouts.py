"""Time limits that AWS and Slack set, where the machine has more to do than processors to do it with."""

import os


def scaled_timeout(seconds: float) -> float:
    """As many seconds as give a process of this machine about the time that `seconds` give it where nothing else runs.

    Who hangs is still ended; who has to wait for a processor is not.
    """
    return seconds * max(1.0, os.getloadavg()[0] / (os.cpu_count() or 1))
