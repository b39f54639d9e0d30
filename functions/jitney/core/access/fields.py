"""Reads an untrusted JSON object field by field. Collects all errors instead of stopping at the first."""

import difflib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, NamedTuple, TypedDict, Unpack

from jitney.core.problems import Problem

MAX_POINTER_NAME = 160
MOST_ERRORS = 20
"""How many errors an answer lists."""


class Bounds(TypedDict):
    """The allowed range of a number, of a string's characters, or of a list's items."""

    minimum: int
    maximum: int


class ErrorMembers(TypedDict, total=False):
    """What an error says to programs. docs/openapi.yaml describes each member."""

    bounds: Bounds
    alternatives: Sequence[str]
    missing: bool
    condition_keys: Sequence[str]


class FieldError(NamedTuple):
    """An error in the body: a JSON pointer to its place (RFC 6901), what is wrong, and what to write instead.

    `members` say the same to programs.
    """

    pointer: str
    detail: str
    fix: str
    members: ErrorMembers

    def body(self) -> dict[str, Any]:
        """Return the error as the answer shows it."""
        return {"pointer": self.pointer, "detail": self.detail, "fix": self.fix, **self.members}


_EMPTY = {
    "/reason": "Write a few words. Reviewers and auditors read them.",
    **dict.fromkeys(("/ticket", "/changed"), "Write a few words, or leave it out."),
}
"""The fix for an empty string in a member that is not a name."""


@dataclass(frozen=True, slots=True)
class FieldErrors:
    """The errors found so far.

    A reader that finds an error adds it and returns a harmless value, so that reading continues.
    """

    found: list[FieldError] = field(default_factory=list)

    def add(self, pointer: str, detail: str, fix: str, **members: Unpack[ErrorMembers]) -> None:
        """Add an error at `pointer`."""
        self.found.append(FieldError(pointer, detail, fix, members))

    def refuse(self, code: str = "request_invalid") -> None:
        """Raise the Problem `code` with the errors, if there are any."""
        if self.found:
            first = self.found[0]
            detail = f"{first.pointer}: {first.detail}" if first.pointer else first.detail
            errors = [fault.body() for fault in self.found[:MOST_ERRORS]]
            raise Problem(code, detail, first.fix, {"errors": errors})

    def unknown_members(self, value: Mapping[str, Any], known: tuple[str, ...], pointer: str) -> None:
        """Add an error for members of `value` that are not in `known`, with the closest known name.

        Names are compared only for the errors that an answer lists, because a body can have any number of members.
        """
        for name in sorted(set(value) - set(known))[:MOST_ERRORS]:
            near = difflib.get_close_matches(name[:100], known, n=1)
            fix = f"Did you mean {near[0]!r}?" if near else f"Remove it. The members are {', '.join(known)}."
            self.add(
                f"{pointer}/{escape_pointer(name)}", f"The member {name[:60]!a} does not exist.", fix, alternatives=near
            )

    def present(self, body: Mapping[str, Any], name: str) -> bool:
        """Return whether `body` has the optional member. Add an error and return False if it is null.

        Null is not taken for an absent member: a client that fails to compute a part would get the whole.
        """
        if name in body and body[name] is None:
            self.add(f"/{name}", "The member is null.", "Leave it out, or write a value.")
        return body.get(name) is not None

    def text(self, value: Any, pointer: str, most: int, *, required: bool) -> str:
        """Return a string of at most `most` printable characters. Add an error and return "" for any other value."""
        if value is None and not required:
            return ""
        if not isinstance(value, str):
            self._mistyped(value, pointer, "a string", "Write a JSON string.")
        elif (required or value) and not value.strip():
            fix = _EMPTY.get(pointer, "Write the name.")
            self.add(pointer, "The string is empty.", fix, bounds=_bounds(int(required), most))
        elif len(value) > most:
            fix = f"Use at most {most} characters."
            self.add(pointer, f"The string has {len(value)} characters.", fix, bounds=_bounds(int(required), most))
        elif not value.isprintable():  # also refuses line breaks, bidi marks and lone surrogates
            self.add(pointer, "The string holds a control or formatting character.", "Use printable characters only.")
        else:
            return value
        return ""

    def whole_number(self, value: Any, pointer: str, least: int, most: int) -> int:
        """Return an integer from `least` to `most`. Add an error and return `least` for any other value.

        As in JSON Schema, 300.0 and 3e2 are integers, too.
        """
        fix, bounds = f"Use a whole number from {least} to {most}.", _bounds(least, most)
        value = int(value) if isinstance(value, float) and value.is_integer() else value
        if isinstance(value, bool) or not isinstance(value, int):
            self._mistyped(value, pointer, "a whole number", fix, bounds=bounds)
        elif not least <= value <= most:
            self.add(pointer, f"{_short(value)} is out of range.", fix, bounds=bounds)
        else:
            return value
        return least

    def flag(self, value: Any, pointer: str) -> bool:
        """Return a boolean. Add an error and return False for any other value."""
        if not isinstance(value, bool):
            self.add(pointer, "The value is not a boolean.", "Write true, or leave it out.")
        return value is True

    def items(self, value: Any, pointer: str, most: int) -> list[Any]:
        """Return a list of 1 to `most` items. Add an error and return [] for any other value."""
        if not isinstance(value, list):
            self._mistyped(value, pointer, "a list", "Write a JSON array.")
        elif not value:
            self.add(pointer, "The list is empty.", "Write at least one item.", bounds=_bounds(1, most))
        elif len(value) > most:
            fix = f"Use at most {most}, or make several requests."
            self.add(pointer, f"The list has {len(value)} items.", fix, bounds=_bounds(1, most))
        else:
            return value
        return []

    def _mistyped(self, value: Any, pointer: str, kind: str, fix: str, **members: Unpack[ErrorMembers]) -> None:
        """Add an error for a required value that is absent, or not of the `kind`."""
        if value is None:
            members["missing"] = True
            self.add(pointer, "The member is missing or null.", fix, **members)
        else:
            self.add(pointer, f"The value is not {kind}.", fix, **members)


def _bounds(least: int, most: int) -> Bounds:
    return {"minimum": least, "maximum": most}


def escape_pointer(name: str) -> str:
    """Return a member's name as part of a JSON pointer (RFC 6901 section 3), shortened and in ASCII."""
    return ascii(name[:MAX_POINTER_NAME])[1:-1].replace("~", "~0").replace("/", "~1")


def _short(number: int) -> str:
    """Return a number for an error text. A number with very many digits is replaced."""
    return str(number) if abs(number) < 10**12 else "The number"
