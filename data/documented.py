"""The actions that botocore's documentation of an operation names where it speaks of permissions."""

import re
from collections.abc import Iterator

from botocore.model import ListShape, MapShape, OperationModel, Shape, StructureShape

from jitney.core.actions import ActionTable

_MARKUP = re.compile(r"<[^>]+>|\s+")
_SENTENCE = re.compile(r"(?<=[.;]) ")
_SPEAKS_OF_IT = re.compile(r"permission|authoriz|access to the|must (also )?have", re.IGNORECASE)
_OF_CALLER = re.compile(r"\b(you|callers?)\b", re.IGNORECASE)
_OF_ANOTHER = re.compile(r"\brole\b|\bpolic(y|ies)\b|\bgrant explicit\b", re.IGNORECASE)
"""Many parameters name a role or a policy, and their documentation says what it must allow."""
_ACTION = re.compile(r"\b[a-z0-9-]+:[A-Z][A-Za-z0-9]+\b", re.ASCII)


def documented(operation: OperationModel, actions: ActionTable) -> Iterator[tuple[str, str]]:
    """Yield the actions, without duplicates, in the order of the text.

    Each comes with the parameter whose documentation names it, or with "" for that of the operation itself.
    """
    found = dict.fromkeys(_named(_sentences(operation.documentation), actions), "")
    members = operation.input_shape.members if operation.input_shape else {}
    for parameter, shape in members.items():
        of_caller = (each for each in _texts(shape, ()) if _OF_CALLER.search(each) and not _OF_ANOTHER.search(each))
        for action in _named(of_caller, actions):
            found.setdefault(action, parameter)
    yield from found.items()


def _sentences(documentation: str | None) -> Iterator[str]:
    text = re.sub(r" +", " ", _MARKUP.sub(" ", documentation or ""))
    return filter(_SPEAKS_OF_IT.search, _SENTENCE.split(text))


def _named(sentences: Iterator[str], actions: ActionTable) -> Iterator[str]:
    known = (actions.get(name) for sentence in sentences for name in _ACTION.findall(sentence))
    return (action.name for action in known if action)


def _texts(shape: Shape, outer: tuple[str, ...]) -> Iterator[str]:
    """Yield the sentences about a parameter and its members. `outer` are the structures around it."""
    yield from _sentences(shape.documentation)
    if isinstance(shape, ListShape):
        yield from _texts(shape.member, outer)
    elif isinstance(shape, MapShape):
        yield from _texts(shape.value, outer)
    elif isinstance(shape, StructureShape) and shape.name not in outer:
        for member in shape.members.values():
            yield from _texts(member, (*outer, shape.name))
