"""Cedar's text taken apart: which policy stands where, since Cedar's messages name neither a file nor a line."""

import re
from bisect import bisect_left
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import NamedTuple

import cedarpy

# Comments and white space are tokens here too. https://docs.cedarpolicy.com/policies/syntax-grammar.html
_TOKEN = re.compile(r'//[^\r\n]*|\s+|"(?:\\.|[^"\\])*"|\w+|::|[=!<>]=|&&|\|\||.', re.DOTALL)
_NO_TOKEN = ("//", " ", "\t", "\r", "\n", "\f", "\v")


_END = "unexpected end of input"


class SourceLocation(NamedTuple):
    """A place in a file; line and column from 1."""

    file: Path
    line: int
    column: int

    def __str__(self) -> str:
        return f"{self.file}:{self.line}:{self.column}"


@dataclass(frozen=True, slots=True)
class PolicyStatement:
    """One policy in a file: the file's whole `text`, and the place of each of the policy's tokens in it."""

    file: Path
    text: str
    tokens: tuple[re.Match[str], ...]

    def place(self, *words: str) -> SourceLocation:
        """Where the first of `words` stands that is there as a token, else where the policy begins.

        Annotations are looked at last: an @id may be called like what is meant.
        """
        head = next((n for n, token in enumerate(self.tokens) if token[0] in ("permit", "forbid")), 0)
        ordered = (*self.tokens[head:], *self.tokens[:head])
        found = (token for word in words for token in ordered if token[0] == word)
        return self._place(next(found, self.tokens[0]))

    def syntax_fault(self) -> tuple[SourceLocation, str] | None:
        """Where Cedar cannot read the policy, and what it says there; None when it can."""
        wrong = self._refusal(len(self.tokens))
        if wrong is None:
            return None
        if wrong == _END:
            return self._place(self.tokens[-1]), "the policy does not end: a ; or a closing bracket is missing"
        if not wrong.startswith("unexpected token"):
            # A quotation mark is a token where no string ends; else the last word is what is meant, if anything is.
            return self.place('"', wrong.rpartition(" ")[2].strip("`")), wrong
        # Whatever begins a policy ends unexpectedly, up to the token that cannot stand where it does.
        count = bisect_left(range(len(self.tokens)), True, key=lambda n: self._refusal(n) not in (None, _END))  # noqa: FBT003
        return self._place(self.tokens[count - 1]), wrong

    def _refusal(self, count: int) -> str | None:
        """What Cedar says to the first tokens, so many."""
        text = self.text[self.tokens[0].start() : self.tokens[count - 1].end()] if count else ""
        try:
            cedarpy.policies_to_json_str(text)
        except ValueError as error:
            return str(error)
        return None

    def _place(self, token: re.Match[str]) -> SourceLocation:
        before = self.text[: token.start()]
        return SourceLocation(self.file, before.count("\n") + 1, token.start() - before.rfind("\n"))


def statements(file: Path, text: str) -> Iterator[PolicyStatement]:
    """The policies in the `text` of `file`, in order: what ends in a ; that is in no string and no comment."""
    tokens: list[re.Match[str]] = []
    for token in _TOKEN.finditer(text):
        if token[0].startswith(_NO_TOKEN):
            continue
        tokens.append(token)
        if token[0] == ";":
            yield PolicyStatement(file, text, tuple(tokens))
            tokens = []
    if tokens:
        yield PolicyStatement(file, text, tuple(tokens))
