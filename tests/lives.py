"""Random lives: steps in any order, and the shortest life that fails.

Each step is chosen without regard to the others: Hypothesis repeats parts of earlier examples, and found some planted
bugs in none of 1,000 lives. The same seeds give the same lives.
"""

from collections.abc import Callable, Mapping, Sequence
from random import Random
from typing import Any, Protocol

Chooser = Callable[[Random], dict[str, Any]]
"""Chooses the arguments of a step."""
Step = tuple[str, dict[str, Any]]


class Life(Protocol):
    """What lives. Each step is one of its methods."""

    def check(self) -> None:
        """Assert what must hold after each step."""


def live_many(start: Callable[[], Life], choosers: Mapping[str, Chooser], often: Sequence[str], lives: int) -> None:
    """Live so many lives of 5 to 40 steps. The steps in `often` are more probable.

    Raises AssertionError with the shortest life found that fails.
    """
    names = [*choosers, *often]
    for seed in range(lives):
        random = Random(seed)
        chosen = random.choices(names, k=random.randint(5, 40))
        steps = [(name, choosers[name](random)) for name in chosen]
        if failure := _failure(start, steps):
            shortest = _shortest(start, steps)
            lines = "\n".join(f"{name} {arguments}" for name, arguments in shortest)
            raise AssertionError(f"seed {seed}:\n{lines}\n{_failure(start, shortest)!r}") from failure


def _failure(start: Callable[[], Life], steps: Sequence[Step]) -> Exception | None:
    life = start()
    try:
        for name, arguments in steps:
            getattr(life, name)(**arguments)
            life.check()
    except Exception as failure:  # noqa: BLE001 - each is a failure of the life
        return failure
    return None


def _shortest(start: Callable[[], Life], steps: Sequence[Step]) -> Sequence[Step]:
    """Return the steps without those that the failure does not need."""
    at = 0
    while at < len(steps):
        fewer = [*steps[:at], *steps[at + 1 :]]
        if _failure(start, fewer):
            steps = fewer
        else:
            at += 1
    return steps
