"""Jitney: AWS access for AI agents, just in time.

`with jitney.grant(TARGET, …) as session:` gives a Python program a boto3 session. The names of `__all__` are imported
when they are used, because the functions in AWS and the command do not need them.
"""

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from jitney.client.problems import (
        ClientProblem,
        Denied,
        GrantEnded,
        Invalid,
        Rejected,
        ReviewPending,
        Revoked,
        Unauthenticated,
        Unavailable,
    )
    from jitney.sdk.grants import GrantScope, existing_grant, grant

__all__ = [
    "ClientProblem",
    "Denied",
    "GrantEnded",
    "GrantScope",
    "Invalid",
    "Rejected",
    "ReviewPending",
    "Revoked",
    "Unauthenticated",
    "Unavailable",
    "existing_grant",
    "grant",
]

_OF_THE_SDK = frozenset({"GrantScope", "existing_grant", "grant"})
"""The other names of `__all__` are problems."""

__version__ = "0.1.0"
"""The version in pyproject.toml. It is repeated here because reading the installed package's metadata takes 40 ms."""


def __getattr__(name: str) -> Any:
    """Import a name of `__all__` (PEP 562)."""
    if name not in __all__:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    from importlib import import_module

    return getattr(import_module("jitney.sdk.grants" if name in _OF_THE_SDK else "jitney.client.problems"), name)


def __dir__() -> list[str]:
    """Return all names, including those that are imported when they are used."""
    return sorted({*globals(), *__all__})
