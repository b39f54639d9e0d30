"""What is kept of a list that is too long: something of everybody's, so that nobody's many push out another's one."""

from collections import Counter
from collections.abc import Callable, Hashable, Sequence
from typing import TypeVar

T = TypeVar("T")


def fair_share(listed: Sequence[T], whose: Callable[[T], Hashable], most: int) -> list[T]:
    """At most `most` of `listed`, in its order: the first of everybody's, then the second of everybody's, and so on."""
    had: Counter[Hashable] = Counter()
    turns = []
    for place, each in enumerate(listed):
        turns.append((had[whose(each)], place))
        had[whose(each)] += 1
    return [listed[place] for place in sorted(place for _, place in sorted(turns)[:most])]
