"""Finds text that only looks right: letters of two alphabets, invisible characters, quotes of word processors.

Jitney compares names, audiences and claims exactly. Text with such a character compiles, and then never matches, or it
names another host than its reader sees (Unicode Technical Standard 39, "mixed-script detection").
"""

import re
import unicodedata
from collections.abc import Iterator
from typing import NamedTuple

from jitney.configuration.yaml_source import ConfigurationProblem, Path, Value
from jitney.core.review.safe_text import is_invisible

_WORD = re.compile(r"\w+")
_LETTERS = frozenset({"Ll", "Lo", "Lt", "Lu"})
# Alphabets with letters that look like Latin ones, by the first word of their letters' Unicode names.
_SIMILAR = frozenset(
    {"ARMENIAN", "CHEROKEE", "COPTIC", "CYRILLIC", "DESERET", "FULLWIDTH", "GREEK", "LISU", "MATHEMATICAL"}
)
# Letters that look like a Latin one. A word of such letters alone looks like a Latin word.
_TWINS = frozenset(
    "\u0430\u0441\u0501\u0435\u04bb\u0456\u0458\u04cf\u043e\u0440\u051b\u0455\u0443\u051d\u0445"
    "\u0410\u0412\u0415\u041a\u041c\u041d\u041e\u0420\u0421\u0422\u0425\u0406\u0408\u0405"
    "\u03bf\u03bd\u0391\u0392\u0395\u0396\u0397\u0399\u039a\u039c\u039d\u039f\u03a1\u03a4\u03a5\u03a7"
)
_QUOTES = frozenset("\u2018\u2019\u201a\u201b\u201c\u201d\u201e\u201f\u00ab\u00bb\u2039\u203a")
_DASH = re.compile(r"(?<=\w)[\u2010-\u2015\u2212](?=\w)")


class TextFault(NamedTuple):
    """Why a text cannot match what its reader sees, and the fix."""

    wrong: str
    fix: str


def text_fault(text: str) -> TextFault | None:
    """Return the first fault of `text`, or None."""
    if text != text.strip(" "):
        return TextFault("it begins or ends with a space", "remove the space")
    for at, character in enumerate(text, 1):
        if is_invisible(character):
            return TextFault(f"character {at} is invisible: {_named(character)}", "remove that character")
    if text[:1] in _QUOTES or text[-1:] in _QUOTES:
        quote = text[0] if text[0] in _QUOTES else text[-1]
        return TextFault(f"it has {_named(quote)} as a quotation mark", 'write plain quotation marks: "..."')
    if dash := _DASH.search(text):
        return TextFault(f"character {dash.start() + 1} is {_named(dash[0])}, not a hyphen", "write a hyphen: -")
    return next(filter(None, map(_mixed, _WORD.finditer(text))), None)


def value_problems(value: Value, path: Path = ()) -> Iterator[ConfigurationProblem]:
    """Yield the faulty keys and texts of a YAML document."""
    if isinstance(value, str):
        if fault := text_fault(value):
            yield ConfigurationProblem(path, *fault)
    elif isinstance(value, list):
        for index, each in enumerate(value):
            yield from value_problems(each, (*path, index))
    else:
        for key, each in value.items():
            if fault := text_fault(key):
                yield ConfigurationProblem((*path, key), f"the key: {fault.wrong}", fault.fix)
            yield from value_problems(each, (*path, key))


def _mixed(word: re.Match[str]) -> TextFault | None:
    """Return the fault of a word with letters that only look Latin, among Latin ones or alone."""
    letters = [
        (at, each) for at, each in enumerate(word[0], word.start() + 1) if unicodedata.category(each) in _LETTERS
    ]
    similar = [(at, each) for at, each in letters if unicodedata.name(each, "?").partition(" ")[0] in _SIMILAR]
    alone = len(letters) > 1 and all(each in _TWINS for _, each in letters)
    if not alone and (not similar or not any(each.isascii() for _, each in letters)):
        return None
    at, letter = similar[0]
    where = "in a word that looks like Latin letters" if alone else "among Latin letters"
    return TextFault(f"character {at} is {_named(letter)}, {where}", "type that character again")


def _named(character: str) -> str:
    return f"{unicodedata.name(character, 'a control character')} (U+{ord(character):04X})"
