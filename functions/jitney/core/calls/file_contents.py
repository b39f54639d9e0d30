"""Inserts parts of files into the command line that names them (`--option file://PATH`).

A file may hold secrets, so the line gets only the parts that its explanation depends on. The rest of a JSON document is
left out, or replaced if it cannot be left out.
"""

import itertools
import json
import re
import shlex
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from typing import Any

from jitney.core import strict_json
from jitney.core.access.request import ExplainedAction
from jitney.core.calls.call import AwsLocation
from jitney.core.calls.explainer import explain_words
from jitney.core.calls.operations import OperationTable
from jitney.core.calls.options import invalid_call, is_option
from jitney.core.calls.shell_words import MAX_LINE, split_words
from jitney.core.problems import Problem

TEXT_FILE = "file://"
REPLACED = "masked"
"""Replaces a text that the explanation does not depend on. It has no wildcard, so it never names several resources."""
MAX_TRIALS = 2000
MAX_DEPTH = 40
_SEND_PERMISSIONS = "Write the values in the call, or send permissions instead of calls."
_ACCOUNT = re.compile(r"(?<!\w)\d{12}(?!\w)", re.ASCII)
_PARTITION = re.compile(r"arn:(aws[a-z-]*):", re.ASCII)
_MAX_ACCOUNTS = 10
_SPACE_OR_END = re.compile(r"\s+|\Z")

Read = Callable[[str], str]
"""Returns the text of a file. Its path is as written in the command. Raises UnreadFileError."""
_Same = Callable[[Any], bool]
"""Returns whether the explanation is the same with this value."""


class UnreadFileError(ValueError):
    """A file was not read. The message is a sentence that says why."""


def insert_contents(line: str, read: Read, operations: OperationTable) -> str:
    """Return the command line with the needed parts of its files in place of their names.

    The name of a file that is not needed stays. Raises Problem when the call cannot be explained with its files, and
    call_invalid when they are too large. The problem says why a file was not read.
    """
    words = _joined(split_words(line))
    texts, unread = _read_all(words, read)
    try:
        explain = _Explainer(words, texts, operations)
    except Problem as problem:
        raise Problem(problem.code, " ".join([problem.detail, *unread]), problem.fix, problem.extras) from problem
    contents = dict(texts)
    for at, text in texts.items():
        _shorten(at, text, contents, explain)
    if not contents:
        return line
    inserted = shlex.join(_written(words, contents))
    if len(inserted) > MAX_LINE:
        detail = f"With the needed parts of its files, the command line has {len(inserted)} characters."
        raise invalid_call(detail, f"Use at most {MAX_LINE} characters, or send permissions instead of calls.")
    return inserted


def _joined(words: Sequence[str]) -> list[str]:
    """Return the words with each option and its file as one word, --option=file://PATH.

    The AWS CLI reads a file only if it is the option's only value.
    """
    joined: list[str] = []
    for at, word in enumerate(words):
        alone = at + 1 == len(words) or is_option(words[at + 1])
        if word.startswith(TEXT_FILE) and joined and is_option(joined[-1]) and "=" not in joined[-1] and alone:
            joined[-1] = f"{joined[-1]}={word}"
        else:
            joined.append(word)
    return joined


def _read_all(words: Sequence[str], read: Read) -> tuple[dict[int, str], list[str]]:
    """Return the texts of the files by the positions of their words, and why other files were not read."""
    texts: dict[int, str] = {}
    unread: list[str] = []
    for at, word in enumerate(words):
        _, _, value = word.partition("=")
        if is_option(word) and value.startswith(TEXT_FILE):
            try:
                texts[at] = read(value.removeprefix(TEXT_FILE))
            except UnreadFileError as error:
                unread.append(str(error))
    return texts, unread


def _written(words: Sequence[str], contents: Mapping[int, str]) -> list[str]:
    return [f"{word.partition('=')[0]}={contents[at]}" if at in contents else word for at, word in enumerate(words)]


class _Explainer:
    """Compares explanations with the explanation for the whole files.

    Raises Problem when the whole files have no explanation.
    """

    def __init__(self, words: Sequence[str], texts: Mapping[int, str], operations: OperationTable) -> None:
        self._words = words
        self._operations = operations
        self._trials = 0
        self._place, self._whole = self._first([*words, *texts.values()], texts)

    def same(self, contents: Mapping[int, str]) -> bool:
        """Return whether the explanation is the same with these contents."""
        self._trials += 1
        if self._trials > MAX_TRIALS:
            raise invalid_call("The files are too large to find what the call needs of them.", _SEND_PERMISSIONS)
        try:
            return self._explain(contents, self._place) == self._whole
        except Problem:
            return False

    def _explain(self, contents: Mapping[int, str], place: AwsLocation) -> tuple[ExplainedAction, ...]:
        return explain_words(_written(self._words, contents), place, self._operations)

    def _first(self, given: Sequence[str], texts: Mapping[int, str]) -> tuple[AwsLocation, tuple[ExplainedAction, ...]]:
        """Return the first location in the texts for which the call can be explained, and the explanation."""
        problems: list[Problem] = []
        for place in _locations(given):
            try:
                return place, self._explain(texts, place)
            except Problem as problem:
                problems.append(problem)
        raise problems[0]


def _locations(texts: Sequence[str]) -> Iterator[AwsLocation]:
    """Yield the possible locations of a call: each account in its texts, and last any account."""
    partition = next((found[1] for text in texts if (found := _PARTITION.search(text))), "aws")
    accounts = dict.fromkeys(account for text in texts for account in _ACCOUNT.findall(text))
    for account in [*itertools.islice(accounts, _MAX_ACCOUNTS), "123456789012"]:
        yield AwsLocation(partition, "us-east-1", account)


def _shorten(at: int, text: str, contents: dict[int, str], explain: _Explainer) -> None:
    """Remove the content at a position if the explanation is the same without it. Otherwise shorten it."""
    others = {each: content for each, content in contents.items() if each != at}
    if explain.same(others):
        del contents[at]
        return
    document = _document(text)
    if document is None:
        contents[at] = _needed(text, lambda value: explain.same({**others, at: value}))
    else:
        needed = _needed(document, lambda value: explain.same({**others, at: _json(value)}))
        contents[at] = _json(needed)


def _document(text: str) -> Any:
    """Return the object or list in a JSON text; None for another text. Raises Problem call_invalid for deep nesting."""
    try:
        value = strict_json.loads(text.encode())
    except ValueError:
        return None
    level = [value]
    for _ in range(MAX_DEPTH):
        level = [inner for each in level if isinstance(each, dict | list) for inner in _inner(each)]
    if level:
        raise invalid_call(f"A file's JSON is nested more than {MAX_DEPTH} levels deep.", _SEND_PERMISSIONS)
    return value if isinstance(value, dict | list) else None


def _inner(value: dict[str, Any] | list[Any]) -> Iterable[Any]:
    return value.values() if isinstance(value, dict) else value


def _json(value: Any) -> str:
    return json.dumps(value, separators=(",", ":"))


def _needed(value: Any, same: _Same) -> Any:
    """Return the smallest part of a value with which the explanation is the same."""
    if isinstance(value, dict | list):
        whole = dict if isinstance(value, dict) else lambda pairs: [item for _, item in pairs]
        pairs = list(value.items()) if isinstance(value, dict) else list(enumerate(value))
        pairs = _fewest(pairs, lambda fewer: same(whole(fewer)))
        for at, (name, item) in enumerate(pairs):
            pairs[at] = name, _needed(item, _in_place(pairs, at, lambda changed: same(whole(changed))))
        return whole(pairs)
    if isinstance(value, str):
        return REPLACED if same(REPLACED) else _beginning(value, same)
    return 0 if not isinstance(value, bool | None) and same(0) else value


def _in_place(pairs: Sequence[tuple[Any, Any]], at: int, same: _Same) -> _Same:
    return lambda item: same([*pairs[:at], (pairs[at][0], item), *pairs[at + 1 :]])


def _fewest(items: list[Any], same: _Same) -> list[Any]:
    """Return the items without every run of items that the explanation does not depend on."""
    size = len(items)
    while size:
        at = 0
        while at < len(items):
            fewer = items[:at] + items[at + size :]
            if same(fewer):
                items = fewer
            else:
                at += size
        size //= 2
    return items


def _beginning(text: str, same: _Same) -> str:
    """Return as many first words of a text as are needed. A statement names its table before its values."""
    ends = (found.start() for found in _SPACE_OR_END.finditer(text))
    return next((text[:end] for end in ends if same(text[:end])), text)
