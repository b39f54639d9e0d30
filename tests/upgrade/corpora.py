"""The corpora: what each version of Jitney stored, for the versions after it.

`python -m tests.upgrade.corpora`, or `make upgrade-corpus`, runs the flows under today's code, and writes what they
stored to `corpora/<version>.json`. The version is that of pyproject.toml. The corpus of a released version is never
written again.
"""

import json
import re
import sys
import tomllib
from base64 import b64decode
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Any, NamedTuple

from jitney.core.compressed_text import decompress_text
from tests.upgrade.flows import run_flows
from tests.upgrade.stored_system import Item, StoredSystem, Tables, stored_system

ROOT = Path(__file__).resolve().parents[2]
FOLDER = Path(__file__).with_name("corpora")
COMMAND = "make upgrade-corpus"


class Corpus(NamedTuple):
    """What a version stored: its tables and deny documents, at a time, with the state of each grant by its name."""

    version: str
    now: int
    ids: dict[str, str]
    states: dict[str, str]
    deny_documents: dict[str, str]
    tables: Tables

    def restored(self, stored: StoredSystem) -> StoredSystem:
        """Return the system with the corpus in its tables, a minute later."""
        stored.system.now = self.now + 60
        stored.begin_ids_at(1_000_000)
        stored.load(self.tables)
        stored.system.role_policies.documents |= self.deny_documents
        return stored


def corpora() -> list[Corpus]:
    """Return the committed corpora."""
    return [Corpus(**json.loads(path.read_text(encoding="utf-8"))) for path in sorted(FOLDER.glob("*.json"))]


def current_version() -> str:
    """Return the version of pyproject.toml."""
    return str(tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]["version"])


def new_corpus(stored: StoredSystem) -> Corpus:
    """Return what the flows store under today's code."""
    ids = run_flows(stored)
    found = {name: stored.ports.store.grant(each) for name, each in ids.items()}
    states = {name: str(grant.state) for name, grant in found.items() if grant}
    documents = stored.system.role_policies.documents
    return Corpus(current_version(), stored.system.now, ids, states, documents, stored.dump())


def shapes(tables: Tables) -> dict[str, list[str]]:
    """Return the attributes that items of each kind have, with the members of those that hold JSON."""
    found: dict[str, set[str]] = {}
    for table, items in tables.items():
        for item in items:
            found.setdefault(f"{table} {kind_of(item)}", set()).update(_paths(item))
    return {kind: sorted(paths) for kind, paths in sorted(found.items())}


def kind_of(item: Item) -> str:
    """Return what kind of item it is: the parts of its key that are in capital letters."""
    keys = (item[name]["S"].split("#")[0] for name in ("pk", "sk") if name in item)
    return " ".join(each if re.fullmatch(r"[A-Z_]+", each) else re.split(r"[-\d]", each)[0] + "…" for each in keys)


def text_in(value: Item) -> str | None:
    """Return the text of an attribute, None if it has none."""
    return decompress_text(b64decode(value["B"])) if "B" in value else value.get("S")


def _paths(item: Item) -> Iterator[str]:
    for name, value in item.items():
        (kind,) = value
        yield f"{re.sub(r'^([mw])\d+$', r'\1…', name)} {kind}"
        yield from (f"{name}{path}" for path in _members(_json(text_in(value))))


def _json(text: str | None) -> Any:
    try:
        return json.loads(text) if text and text[0] in "[{" else None
    except ValueError:
        return None


def _members(value: Any) -> Iterator[str]:
    if isinstance(value, dict):
        for name, member in value.items():
            yield f".{name}"
            yield from (f".{name}{path}" for path in _members(_json(member) if isinstance(member, str) else member))
    elif isinstance(value, list):
        yield from (f"[]{path}" for member in value for path in _members(member))


def _lines(items: Iterable[Item]) -> str:
    return ",\n".join(json.dumps(item, sort_keys=True) for item in items)


def written(corpus: Corpus) -> str:
    """Return the corpus as its file has it, an item a line."""
    members = [f'"{name}": {json.dumps(value)}' for name, value in corpus._asdict().items() if name != "tables"]
    tables = ",\n".join(f'"{name}": [\n{_lines(items)}\n]' for name, items in corpus.tables.items())
    return "{\n" + ",\n".join([*members, f'"tables": {{\n{tables}\n}}']) + "\n}\n"


def main() -> int:
    """Write the corpus of the current version."""
    with stored_system() as stored:
        corpus = new_corpus(stored)
    path = FOLDER / f"{corpus.version}.json"
    path.parent.mkdir(exist_ok=True)
    path.write_text(written(corpus), encoding="utf-8")
    sys.stderr.write(f"{path.relative_to(ROOT)}: {sum(map(len, corpus.tables.values()))} items\n")
    return 0


if __name__ == "__main__":
    sys.exit(main())
