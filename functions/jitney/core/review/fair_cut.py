"""Cuts a long list fairly: one owner's many entries do not displace another owner's few. Pure."""

from collections import Counter
from collections.abc import Callable, Hashable, Sequence
from typing import TypeVar

T = TypeVar("T")


def cut_fairly(listed: Sequence[T], owner: Callable[[T], Hashable], most: int) -> list[T]:
    """Return at most `most` entries, in the order of `listed`.

    They are chosen in turns: the first of each owner, then the second of each, and so on.
    """
    counts: Counter[Hashable] = Counter()
    turns = []
    for position, each in enumerate(listed):
        turns.append((counts[owner(each)], position))
        counts[owner(each)] += 1
    return [listed[position] for position in sorted(position for _, position in sorted(turns)[:most])]
