"""botocore's files of AWS's services, which the tests of one process read once.

botocore reads them for each session, and tests make hundreds of sessions.
"""

from collections.abc import Callable
from typing import Any

from botocore.loaders import Loader

KEPT = 64
"""How many files stay in memory. The files of all services would be gigabytes."""


def share_service_models() -> None:
    """Let botocore's loaders share the files that they read.

    A loader adds its extras to what it has read. So only loaders with the same extras share: those of botocore's
    clients, of moto, or without extras.
    """
    Loader.load_data_with_path = shared(Loader.load_data_with_path)


def shared(read: Callable[[Loader, str], Any]) -> Callable[[Loader, str], Any]:
    """Return `read`, which keeps the last KEPT of its answers for all loaders with the same extras and folders."""
    kept: dict[tuple[Any, ...], Any] = {}

    def load(self: Loader, name: str) -> Any:
        key = (type(self), tuple(self.extras_types), tuple(self.search_paths), name)
        found = kept.pop(key, None) or read(self, name)
        kept[key] = found
        for oldest in list(kept)[:-KEPT]:
            kept.pop(oldest, None)
        return found

    return load
