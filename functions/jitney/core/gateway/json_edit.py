"""Changes values in a JSON text, and keeps all its other characters."""

import json
import re
from typing import Any

_SPACE = re.compile(r"[ \t\n\r]*")
_DECODER = json.JSONDecoder()


def edit_json(text: str, old: Any, new: Any) -> str:
    """Return `text`, the JSON of `old`, with the changes that make it the JSON of `new`.

    Where `new` has the same object as `old`, the text stays. A changed object or list has as many members, in the same
    order.
    """
    editor = _JsonEditor(text)
    editor.value(0, old, new)
    return editor.finished()


class _JsonEditor:
    """Collects the pieces of the new text. They are complete up to the offset `_copied` in the old text."""

    def __init__(self, text: str) -> None:
        self._text = text
        self._pieces: list[str] = []
        self._copied = 0

    def finished(self) -> str:
        return "".join([*self._pieces, self._text[self._copied :]])

    def value(self, at: int, old: Any, new: Any) -> int:
        """Change the value at a position, and return its end."""
        at = self._after_space(at)
        if new is not old and isinstance(new, dict):
            return self._object(at, old, new)
        if new is not old and isinstance(new, list):
            return self._list(at, old, new)
        _, end = _DECODER.raw_decode(self._text, at)
        if new is not old:
            self._replace(at, end, new)
        return end

    def _object(self, at: int, old: dict[str, Any], new: dict[str, Any]) -> int:
        for (name, each), (new_name, new_each) in zip(old.items(), new.items(), strict=True):
            at = self._after_space(at + 1)  # after the brace or the comma
            _, end = _DECODER.raw_decode(self._text, at)
            if new_name != name:
                self._replace(at, end, new_name)
            colon = self._after_space(end)
            at = self._after_space(self.value(colon + 1, each, new_each))
        return at + 1

    def _list(self, at: int, old: list[Any], new: list[Any]) -> int:
        for each, new_each in zip(old, new, strict=True):
            at = self._after_space(self.value(at + 1, each, new_each))
        return at + 1

    def _after_space(self, at: int) -> int:
        found = _SPACE.match(self._text, at)
        return found.end() if found else at

    def _replace(self, at: int, end: int, new: Any) -> None:
        self._pieces += [self._text[self._copied : at], json.dumps(new)]
        self._copied = end
