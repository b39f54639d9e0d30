"""What to write instead of text that is not YAML, or that YAML reads as something else."""

import re
from typing import Any

import yaml

MOST_NESTED = 50
"""How deep lists and mappings may be nested. Deeper ones would exceed Python's recursion limit."""
MOST_CHARACTERS = 2_000_000

# The beginnings of PyYAML's messages, each with a fix. The first that matches is used.
_FIXES = (
    (r"found character '\\t'", "indent with spaces, not with tabs"),
    (r"found character ", "put the value in quotation marks"),
    (
        "mapping values are not allowed",
        'put a value that contains ": " in quotation marks, or correct the indentation of this line',
    ),
    ("expected alphabetic or numeric character", 'put a value that begins with * or & in quotation marks, such as "*"'),
    ("expected <block end>", "begin all keys of a mapping, and all items of a list, in the same column"),
    ("could not find expected ':'", "write a colon and a space after the key, as in key: value"),
    ("but found another document", "remove the line ---"),
    (r"expected ',' or '[\]}]'", "close the bracket, and put values that contain : # , [ ] { } in quotation marks"),
    ("found unexpected end of stream", "close the quotation mark"),
    ("special characters are not allowed", "remove the control character"),
)

# The tags that YAML's own rules give to values without a tag (YAML 1.1, "resolution").
_IMPLICIT = frozenset(
    f"tag:yaml.org,2002:{name}"
    for name in ("bool", "float", "int", "map", "merge", "null", "seq", "str", "timestamp", "value")
)
_NULL = "tag:yaml.org,2002:null"


def syntax_fix(message: str) -> str:
    """Return what to write instead, for a message of PyYAML."""
    return next((fix for beginning, fix in _FIXES if re.match(beginning, message)), "correct the syntax")


def line_of_error(error: yaml.YAMLError, text: str) -> int:
    """Return the line, from 1, that `error` names; 0 if it names none."""
    if isinstance(error, yaml.reader.ReaderError):
        return text.count("\n", 0, error.position) + 1
    mark: Any = getattr(error, "problem_mark", None)
    return mark.line + 1 if mark else 0


def node_fault(node: yaml.Node) -> tuple[str, str] | None:
    """Return what is wrong with a value that YAML reads as something else than text, and the fix; None if nothing is.

    A value without text is refused, because text that begins with # is a comment: `channel: #reviews` is empty.
    """
    if node.tag not in _IMPLICIT:
        return f"the tag {node.tag} has no meaning here", "write the value itself"
    if not isinstance(node, yaml.ScalarNode) or node.tag != _NULL or node.style:
        return None
    if node.value:
        wrong = f"{node.value} is YAML's word for no value"
        return wrong, f'leave the key out, or write "{node.value}" in quotation marks'
    return "it has no value", "write a value, or leave the key out; put text that begins with # in quotation marks"
