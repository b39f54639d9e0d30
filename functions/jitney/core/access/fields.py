"""Reading an untrusted JSON object field by field, collecting every fault rather than stopping at the first."""

import difflib
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, NamedTuple


class FieldError(NamedTuple):
    """What is wrong at one place of the body: a JSON pointer (RFC 6901), what is wrong, and what to write instead."""

    pointer: str
    detail: str
    fix: str

    def body(self) -> dict[str, str]:
        """The fault as the answer shows it."""
        return {"pointer": self.pointer, "detail": self.detail, "fix": self.fix}


@dataclass(frozen=True, slots=True)
class FieldErrors:
    """The faults found so far; readers add to it and return a harmless value, so that reading can go on."""

    found: list[FieldError] = field(default_factory=list)

    def add(self, pointer: str, detail: str, fix: str) -> None:
        """Note a fault at `pointer`."""
        self.found.append(FieldError(pointer, detail, fix))

    def unknown_members(self, value: Mapping[str, Any], known: tuple[str, ...], pointer: str) -> None:
        """Note every member of `value` that is not in `known`, with the nearest known name."""
        for name in sorted(set(value) - set(known)):
            near = difflib.get_close_matches(name, known, n=1)
            fix = f"Did you mean {near[0]!r}?" if near else f"Leave it out; the members are {', '.join(known)}."
            self.add(f"{pointer}/{_escape(name)}", f"There is no member {name[:60]!a}.", fix)

    def text(self, value: Any, pointer: str, most: int, *, required: bool) -> str:
        """A string of printable characters, at most `most` of them; "" when it is absent and not `required`."""
        if value is None and not required:
            return ""
        if not isinstance(value, str):
            self.add(pointer, "A string is needed here.", "Write a JSON string.")
        elif required and not value.strip():
            self.add(pointer, "The string is empty.", "Say it in a few words; reviewers and auditors read it.")
        elif len(value) > most:
            self.add(pointer, f"The string has {len(value)} characters.", f"Use at most {most}.")
        elif not value.isprintable():  # also refuses line breaks, bidi marks and lone surrogates
            self.add(pointer, "The string holds a control or formatting character.", "Use printable characters only.")
        else:
            return value
        return ""

    def whole_number(self, value: Any, pointer: str, least: int, most: int) -> int:
        """An integer from `least` to `most`; `least` when it is none."""
        if isinstance(value, bool) or not isinstance(value, int):
            self.add(pointer, "A whole number is needed here.", f"Write a number from {least} to {most}.")
        elif not least <= value <= most:
            self.add(pointer, f"{_short(value)} is out of range.", f"Use a number from {least} to {most}.")
        else:
            return value
        return least

    def items(self, value: Any, pointer: str, most: int) -> list[Any]:
        """A list of 1 to `most` items; [] when it is none."""
        if not isinstance(value, list):
            self.add(pointer, "A list is needed here.", "Write a JSON array.")
        elif not value:
            self.add(pointer, "The list is empty.", "Name at least one; an empty list asks for nothing.")
        elif len(value) > most:
            self.add(pointer, f"The list has {len(value)} items.", f"Use at most {most}; ask in several requests.")
        else:
            return value
        return []


def _escape(name: str) -> str:
    """A member's name inside a JSON pointer (RFC 6901 section 3), cut and made ASCII for the answer."""
    return ascii(name[:60])[1:-1].replace("~", "~0").replace("/", "~1")


def _short(number: int) -> str:
    """A number for an error text; one with very many digits is not echoed."""
    return str(number) if abs(number) < 10**12 else "The number"
