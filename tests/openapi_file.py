"""docs/openapi.yaml, as published and as tests hold answers against it."""

from collections.abc import Iterator
from copy import deepcopy
from pathlib import Path
from typing import Any

import yaml

PATH = Path(__file__).resolve().parents[1] / "docs" / "openapi.yaml"
OPENAPI: dict[str, Any] = yaml.load(PATH.read_text(encoding="utf-8"), yaml.CSafeLoader)


def _closed(document: dict[str, Any]) -> dict[str, Any]:
    """Return the document with objects that have the listed members only.

    The published file leaves answers open, because a generated client that refuses unknown members would fail when a
    later version answers with more.
    """
    closed = deepcopy(document)
    for schema in closed["components"]["schemas"].values():
        if "properties" in schema:
            schema.setdefault("additionalProperties", False)
    return closed


CLOSED = _closed(OPENAPI)


def schemas_of(nodes: Iterator[Any]) -> set[str]:
    """Return the names of the schemas that are reached from `nodes`."""
    found: set[str] = set()
    places = [place for node in nodes for place in _references(node)]
    while places:
        kind, name = places.pop().split("/")[2:]
        if kind == "schemas" and name in found:
            continue
        found |= {name} if kind == "schemas" else set()
        places += _references(OPENAPI["components"][kind][name])
    return found


def _references(node: Any) -> list[str]:
    inner = node.items() if isinstance(node, dict) else enumerate(node) if isinstance(node, list) else ()
    return [place for name, each in inner for place in ([each] if name == "$ref" else _references(each))]
