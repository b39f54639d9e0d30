"""Notes which grants are in use on this machine: equal requests under review share one grant (row REV 12).

The last holder releases a shared grant. Without that, the first to end would take the access from all others.
"""

import os
import sys
from datetime import datetime
from pathlib import Path

from jitney.client.api.responses import GRANT_ID, ApiGrant
from jitney.client.inputs.connection_options import xdg
from jitney.client.problems import Invalid


class GrantUse:
    """One holder's use of a grant, in a process or a thread. The kernel ends the uses of a killed process.

    A use is a shared lock of a file that only this user can open. If the file cannot be opened or locked, the use is
    not noted, and the grant counts as used by this holder only.
    """

    def __init__(self, grant_id: str) -> None:
        self._locked = _locked(grant_id)

    def end(self) -> bool:
        """End the use. Return whether it was the last one. Of two uses that end at once, exactly one is the last."""
        descriptor, self._locked = self._locked, None
        if sys.platform == "win32" or descriptor is None:
            return True
        import fcntl  # noqa: PLC0415 - Windows has no such module

        try:
            # The kernel drops the shared lock first, and then looks for other holders: flock(2).
            fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            return False
        else:
            return True  # the file stays until it is old, because another holder may be about to lock it
        finally:
            os.close(descriptor)


def _locked(grant_id: str) -> int | None:
    if sys.platform == "win32" or not GRANT_ID.fullmatch(grant_id):  # an answer names no other file
        return None
    import fcntl  # noqa: PLC0415 - Windows has no such module

    from jitney.client.holding.grant_cache import opened_entry  # noqa: PLC0415 - as above

    try:
        descriptor = opened_entry(uses_folder(), grant_id)
    except Invalid:  # also without a home folder
        return None
    try:
        fcntl.flock(descriptor, fcntl.LOCK_SH)
    except OSError:  # a file system without locks
        os.close(descriptor)
        return None
    return descriptor


class RequestedGrants:
    """The grants that one holder requested and has to release. Not thread-safe."""

    def __init__(self) -> None:
        self._ends: dict[str, float] = {}  # of active grants, in epoch seconds
        self._uses: dict[str, GrantUse] = {}

    def note(self, grant: ApiGrant, now: float) -> None:
        """Remember a grant of the holder's own request, as the broker returned it, and forget those that have ended."""
        for ended in [each for each, end in self._ends.items() if end <= now]:
            self._forget(ended)
        if grant.state == "active":
            self._ends[grant.id] = end_of(grant.expires_at)
        if may_be_shared(grant) and grant.id not in self._uses:
            self._uses[grant.id] = GrantUse(grant.id)

    def taken(self) -> list[str]:
        """Forget all grants. Return the ids of the active ones that no other holder uses.

        Some may have ended since. This machine's clock does not decide that: if it was set forward, active grants would
        not be released.
        """
        active = set(self._ends)
        return [each for each in dict.fromkeys([*self._ends, *self._uses]) if self._forget(each) and each in active]

    def _forget(self, grant_id: str) -> bool:
        """Return whether no other holder uses the grant."""
        self._ends.pop(grant_id, None)
        use = self._uses.pop(grant_id, None)
        return use is None or use.end()


def may_be_shared(grant: ApiGrant) -> bool:
    """Return whether equal requests of other holders can get the same grant: it is under review, or was approved."""
    return grant.state == "pending" or (grant.state == "active" and bool(grant.votes))


def uses_folder() -> Path:
    """Return the folder with the files of the uses, which hold nothing."""
    return xdg(os.environ, "XDG_STATE_HOME", ".local/state") / "uses"


def end_of(time_text: str | None) -> float:
    """Return a time of the API in epoch seconds; infinity if there is none."""
    return datetime.fromisoformat(time_text).timestamp() if time_text else float("inf")
