"""TOML files: adds a table at the end, removes it, and changes nothing else, not even comments."""

from collections.abc import Mapping, Sequence
from typing import Any

import tomlkit

from jitney.client.setup.insertions import Insertion, newline_of


class TomlText:
    """A TOML text."""

    def __init__(self, text: str) -> None:
        """Read the text. Raises ValueError when it is not TOML."""
        self._text = text
        self._document = tomlkit.parse(text)

    def entry(self, place: Sequence[str]) -> Any:
        """Return the table at the place; None without one."""
        value: Any = self._document.unwrap()
        for name in place:
            value = value.get(name) if isinstance(value, dict) else None
        return value

    def insertions(self, place: Sequence[str], entry: Mapping[str, Any]) -> list[Insertion]:
        """Return the insertions that put the entry at the place, which must be free.

        Raises ValueError when a table on the path to the place is written in a form that cannot be extended, such as
        {}.
        """
        added: Any = tomlkit.table()
        added.update(entry)
        for name in reversed(place[1:]):
            outer = tomlkit.table(is_super_table=True)
            outer[name] = added
            added = outer
        newline = newline_of(self._text)
        gap = "" if not self._text else newline if self._text.endswith("\n") else newline * 2
        addition = gap + tomlkit.dumps({place[0]: added}).replace("\n", newline)
        tomlkit.parse(self._text + addition)
        return [Insertion(len(self._text), addition)]

    def without(self, place: Sequence[str]) -> str:
        """Return the text without the table at the place, which must exist."""
        document = tomlkit.parse(self._text)
        holder: Any = document
        for name in place[:-1]:
            holder = holder[name]
        del holder[place[-1]]
        return tomlkit.dumps(document)
