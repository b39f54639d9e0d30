"""The actions that botocore's documentation of an operation names where it speaks of permissions."""

import re
from collections.abc import Iterator

from botocore.model import OperationModel

from jitney.core.actions import ActionTable

_MARKUP = re.compile(r"<[^>]+>|\s+")
_SENTENCE = re.compile(r"(?<=[.:;]) ")
_SPEAKS_OF_IT = re.compile(r"permission|authoriz|access to the", re.IGNORECASE)
_ACTION = re.compile(r"\b[a-z0-9-]+:[A-Z][A-Za-z0-9]+\b", re.ASCII)


def documented(operation: OperationModel, actions: ActionTable) -> Iterator[str]:
    """Yield the actions, without duplicates, in the order of the text."""
    text = re.sub(r" +", " ", _MARKUP.sub(" ", operation.documentation or ""))
    found: dict[str, None] = {}
    for sentence in _SENTENCE.split(text):
        if _SPEAKS_OF_IT.search(sentence):
            known = (actions.get(name) for name in _ACTION.findall(sentence))
            found |= dict.fromkeys(action.name for action in known if action)
    yield from found
