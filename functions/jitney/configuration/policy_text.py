"""Locate policies in Cedar's text. Cedar's messages name neither a file nor a line."""

import json
import re
from bisect import bisect_left
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import NamedTuple

import cedarpy

from jitney.configuration.hidden_text import escaped_character
from jitney.configuration.look_alikes import TextFault, text_fault

# Comments and white space are tokens here too. https://docs.cedarpolicy.com/policies/syntax-grammar.html
_TOKEN = re.compile(r'//[^\r\n]*|\s+|"(?:\\.|[^"\\])*"|\w+|::|[=!<>]=|&&|\|\||.', re.DOTALL)
_NO_TOKEN = ("//", " ", "\t", "\r", "\n", "\f", "\v")


MOST_NESTED = 200
MOST_CHAINED = 300
"""How many && and || one condition may have. Each is one level of Cedar's JSON, which Python's recursion limits."""
_CHAINING = frozenset({"&&", "||"})
_OPENING, _CLOSING = frozenset({"(", "[", "{"}), frozenset({")", "]", "}"})
_END = "unexpected end of input"


class SourceLocation(NamedTuple):
    """A place in a file. Line and column start at 1."""

    file: Path
    line: int
    column: int

    def __str__(self) -> str:
        return f"{self.file}:{self.line}:{self.column}"


@dataclass(frozen=True, slots=True)
class PolicyStatement:
    """One policy in a file: the whole `text` of the file, and the tokens of the policy."""

    file: Path
    text: str
    tokens: tuple[re.Match[str], ...]

    @property
    def source(self) -> str:
        """The text of the policy, without comments before it."""
        return self.text[self.tokens[0].start() : self.tokens[-1].end()]

    @property
    def id(self) -> str:
        """The policy's @id; "" if it has none."""
        (policy,) = json.loads(cedarpy.policies_to_json_str(self.source))["staticPolicies"].values()
        return str(policy.get("annotations", {}).get("id") or "")

    def place(self, *words: str) -> SourceLocation:
        """Return the place of the first of `words` that is a token of the policy, or else the policy's beginning.

        Annotations are searched last, because an @id can have the same text.
        """
        head = next((n for n, token in enumerate(self.tokens) if token[0] in ("permit", "forbid")), 0)
        ordered = (*self.tokens[head:], *self.tokens[:head])
        found = (token for word in words for token in ordered if token[0] == word)
        return self._place(next(found, self.tokens[0]))

    def text_faults(self) -> Iterator[tuple[SourceLocation, TextFault]]:
        """Yield the place of each text that only looks right, with its fault. Annotations may quote as they like."""
        head = next((n for n, token in enumerate(self.tokens) if token[0] in ("permit", "forbid")), 0)
        for number, token in enumerate(self.tokens):
            if not token[0].startswith('"'):
                continue
            if escaped := escaped_character(token[0]):
                wrong = f"a character is written as \\{escaped}, which people cannot read and a search does not find"
                yield self._place(token), TextFault(wrong, "write the character itself")
            elif number >= head and (fault := text_fault(token[0][1:-1])):
                yield self._place(token), fault

    def syntax_fault(self) -> tuple[SourceLocation, str] | None:
        """Return the place where Cedar cannot read the policy, with Cedar's message, or None if it can."""
        if deep := self._too_deep():
            return self._place(deep[0]), deep[1]
        wrong = self._refusal(len(self.tokens))
        if wrong is None:
            return None
        if wrong == _END:
            return self._place(self.tokens[-1]), "the policy does not end: a ; or a closing bracket is missing"
        if not wrong.startswith("unexpected token"):
            # A quotation mark is a token only if its string does not end. In other cases, the message's last word is
            # the place.
            return self.place('"', wrong.rpartition(" ")[2].strip("`")), wrong
        # In the shortest prefix that Cedar refuses for any reason but its end, the last token is wrong.
        count = bisect_left(range(len(self.tokens)), True, key=lambda n: self._refusal(n) not in (None, _END))  # noqa: FBT003
        return self._place(self.tokens[count - 1]), wrong

    def _too_deep(self) -> tuple[re.Match[str], str] | None:
        """Return the first token that is nested too deep, and what is wrong; None if none is.

        Cedar's parser ends the process at thousands of levels.
        """
        levels = [(0, 0)]  # of each open bracket: its depth, and the operators up to here
        for token in self.tokens:
            depth, chained = levels[-1]
            if token[0] in _OPENING:
                levels.append((depth + 1, chained))
            elif token[0] in _CLOSING and len(levels) > 1:
                levels.pop()
            else:  # a condition goes on until its bracket closes
                levels[-1] = depth + (token[0] == "if"), chained + (token[0] in _CHAINING)
            if levels[-1][0] > MOST_NESTED:
                return token, f"brackets and conditions are nested deeper than {MOST_NESTED} levels"
            if levels[-1][1] > MOST_CHAINED:
                fix = "compare with a set, such as [...].contains(resource.arn), or write several policies"
                return token, f"a condition has more than {MOST_CHAINED} && and ||: {fix}"
        return None

    def _refusal(self, count: int) -> str | None:
        """Return Cedar's message about the first `count` tokens."""
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
    """Yield the policies in the `text` of `file`, in order. Each ends with a ; outside of strings and comments."""
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
