"""Replaces functions of ministack."""

from collections.abc import Callable
from functools import partial
from typing import Any


def replaces(module: Any, name: str) -> Callable[[Callable[..., Any]], Callable[..., Any]]:
    """Replace a function of ministack by the decorated function. Its first argument is the replaced function."""

    def replace(function: Callable[..., Any]) -> Callable[..., Any]:
        replacement = partial(function, getattr(module, name))
        setattr(module, name, replacement)
        return replacement

    return replace
