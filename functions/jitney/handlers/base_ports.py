"""The ports that others are built with: clock, chance, and the configuration in the bundle."""

from collections.abc import Callable
from functools import cached_property
from pathlib import Path
from typing import Any

from jitney.adapters import clock
from jitney.core.config import Config, load

ROOT = Path(__file__).resolve().parent.parent.parent
"""The asset's root, where the bundle has its configuration."""


class BasePorts:
    """The first part of `jitney.handlers.ports.Ports`."""

    def __init__(self, **given: Any) -> None:
        self.__dict__.update(given)

    def build(self, names: tuple[str, ...]) -> None:
        """Build the named ports now, while a cold start's processor time is free, rather than in the first request."""
        for name in names:
            getattr(self, name)

    @cached_property
    def now(self) -> Callable[[], int]:
        """Epoch seconds."""
        return clock.now

    @cached_property
    def new_id(self) -> Callable[[str], str]:
        """A fresh identifier with a prefix."""
        return clock.new_id

    @cached_property
    def new_secret(self) -> Callable[[], str]:
        """256 random bits as text."""
        return clock.new_secret

    @cached_property
    def config(self) -> Config:
        """The configuration in the bundle."""
        return load((ROOT / "configuration.json").read_text(encoding="utf-8"))

    @cached_property
    def stopwatch(self) -> Callable[[], int]:
        """Milliseconds, for differences only."""
        return clock.monotonic_milliseconds

    @cached_property
    def pause(self) -> Callable[[float], None]:
        """Waits some seconds."""
        return clock.pause
