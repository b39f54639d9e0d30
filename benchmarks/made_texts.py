"""Make labelled texts as agents meet them in AWS: with secrets, and with values that only look like secrets.

benchmarks/made_texts.yaml has the parts of the texts, and explains its own form.
"""

import base64
import json
import random
import re
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from typing import Any
from urllib.parse import quote
from xml.sax.saxutils import escape

import yaml

from benchmarks.rule_sets import Labelled, written

_MADE: dict[str, Any] = yaml.safe_load(Path(__file__).with_suffix(".yaml").read_text(encoding="utf-8"))
_MARKED = re.compile(r"<<(?!<)(?P<secret>!?)(?P<piece>.+?)>>")
_ENCODINGS: Mapping[str, Callable[[str], str]] = {
    "value": str,
    "value:json": lambda text: json.dumps(text)[1:-1],
    "value:xml": escape,
    "value:url": lambda text: quote(text, safe=""),
    "value:base64": lambda text: base64.b64encode(text.encode()).decode(),
}


def made_texts(chosen: random.Random, each: int) -> Iterator[Labelled]:
    """Yield `each` texts of every kind.

    The texts of a secret have different holders. Other kinds have a few texts, which repeat with other values.
    """
    for kind, secret in _MADE["secrets"].items():
        holders = {**_MADE["holders"], **(_MADE["nameless_holders"] if secret.get("known") else {})}
        for holder in chosen.sample(sorted(holders), each):
            yield _held(kind, secret, holder, chosen.choice(holders[holder]), chosen)
    for kind, texts in _MADE["own_texts"].items():
        for number in range(each):
            text, secrets = _filled(texts[number % len(texts)], {}, chosen)
            yield Labelled(kind, text, secret=True, secrets=secrets, holder="own-text")
    for kind, texts in _MADE["harmless"].items():
        for number in range(each):
            text, _ = _filled(texts[number % len(texts)], {}, chosen)
            yield Labelled(kind, text, secret=False)


def _held(kind: str, secret: Mapping[str, Any], holder: str, text: str, chosen: random.Random) -> Labelled:
    form = _form(secret["form"], chosen)
    value = written(form, chosen)
    match = re.fullmatch(form, value)
    part = match["part"] if match and "part" in match.groupdict() else value
    given = _names(chosen.choice(secret["names"]))
    given |= {encoding: encode(value) for encoding, encode in _ENCODINGS.items()}
    filled, _ = _filled(text, given, chosen)
    hidden = value if "<<value:base64>>" in text else part
    secrets = {encode(hidden) for encoding, encode in _ENCODINGS.items() if f"<<{encoding}>>" in text}
    return Labelled(kind, filled, secret=True, secrets=tuple(sorted(secrets)), holder=holder)


def _names(name: str) -> dict[str, str]:
    words = name.lower().split("_")
    titles = [word.title() for word in words]
    return {
        "NAME": name,
        "name": "_".join(words),
        "na-me": "-".join(words),
        "Na-Me": "-".join(titles),
        "naMe": words[0] + "".join(titles[1:]),
        "NaMe": "".join(titles),
    }


def _filled(text: str, given: Mapping[str, str], chosen: random.Random) -> tuple[str, tuple[str, ...]]:
    """Return the text with a value for each piece, and the values that are secret."""
    secrets: list[str] = []

    def fill(match: re.Match[str]) -> str:
        piece = match["piece"]
        value = given[piece] if piece in given else written(_form(piece, chosen), chosen)
        if match["secret"]:
            secrets.append(value)
        return value

    return _MARKED.sub(fill, text), tuple(secrets)


def _form(piece: str, chosen: random.Random) -> str:
    return str(chosen.choice(_MADE["pieces"].get(piece, [piece])))
