"""botocore's files of AWS's services, which the tests of one process read and list once.

botocore does both for each session, and tests make hundreds of sessions.
"""

from collections.abc import Callable
from typing import Any

from botocore.loaders import Loader

KEPT = 64
"""How many files stay in memory. The files of all services would be gigabytes."""


def share_service_models() -> None:
    """Let botocore's loaders share the files that they read, and the names of those that exist.

    A loader adds its extras to what it has read. So only loaders with the same extras share: those of botocore's
    clients, of moto, or without extras.
    """
    for name in ("load_data_with_path", "list_available_services"):
        setattr(Loader, name, shared(getattr(Loader, name)))


def shared(read: Callable[..., Any]) -> Callable[..., Any]:
    """Return the method `read`, which keeps the last KEPT answers for all loaders with the same extras and folders."""
    kept: dict[tuple[Any, ...], Any] = {}

    def load(self: Loader, *names: str, **named: str) -> Any:
        key = (type(self), tuple(self.extras_types), tuple(self.search_paths), *names, *named.values())
        found = kept.pop(key, None) or read(self, *names, **named)
        kept[key] = found
        for oldest in list(kept)[:-KEPT]:
            kept.pop(oldest, None)
        return found

    return load
