"""Remembers texts that were searched and hold no secret, so that they are not searched again.

CloudTrail repeats most texts from event to event: names of members, the session's ARN, the user agent.
"""

from collections.abc import Callable, Sequence

LONGEST = 256
"""A longer text is searched each time, because it seldom repeats."""
MOST = 10_000


class HarmlessTexts:
    """Remembers up to `MOST` texts of up to `LONGEST` characters that hold no secret.

    When it is full, it forgets all texts.
    """

    def __init__(self) -> None:
        self._known: set[str] = set()

    def suspects(self, texts: Sequence[str], search: Callable[[Sequence[str]], set[int]]) -> set[int]:
        """Return the indexes of the texts in which `search` finds a secret. Remembered texts are not searched again.

        The result of `search` for a text must not depend on the other texts.
        """
        places = [place for place, text in enumerate(texts) if text not in self._known]
        if not places:
            return set()
        found = search([texts[place] for place in places])
        if len(self._known) + len(places) > MOST:
            self._known.clear()
        self._known.update(
            texts[place] for at, place in enumerate(places) if at not in found and len(texts[place]) <= LONGEST
        )
        return {places[at] for at in found}

    def clear(self) -> None:
        """Forget all texts."""
        self._known.clear()
