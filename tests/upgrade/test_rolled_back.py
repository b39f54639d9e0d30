"""After a rollback: what a newer version stored, with attributes and members that are unknown here (OPS 2)."""

import base64
import json
from collections.abc import Callable

import pytest

from jitney.core.compressed_text import compress_text
from tests.upgrade.corpora import Corpus, corpora, kind_of, text_in
from tests.upgrade.stored_system import Item, StoredSystem, stored_system
from tests.upgrade.table_permissions import TablePermissionCheck
from tests.upgrade.test_reconfigured import EACH, check_everything, configured

KEYS = {"pk", "sk"}


def with_attribute(item: Item) -> Item:
    return item | {"newer": {"S": "x"}}


def with_members(item: Item) -> Item:
    return {name: value if name in KEYS else _with_member(value) for name, value in item.items()}


def _with_member(value: Item) -> Item:
    """Return the attribute with another member in its JSON object, or in each object of its JSON list."""
    text = text_in(value) or ""
    if not text.startswith(("{", "[{")):
        return value
    held = json.loads(text)
    for each in held if isinstance(held, list) else [held]:
        each["newer"] = "x"
    text = json.dumps(held)
    return {"B": base64.b64encode(compress_text(text)).decode()} if "B" in value else {"S": text}


def rolled_back(stored: StoredSystem, corpus: Corpus, newer: Callable[[Item], Item], same: set[str]) -> int:
    """Load the corpus with newer items, except those in the tables or of the kinds `same`. Return how many changed."""
    changed = {
        table: [item if {table, kind_of(item)} & same else newer(item) for item in items]
        for table, items in corpus.tables.items()
    }
    corpus._replace(tables=changed).restored(stored)
    configured(stored, stored.config)
    return sum(
        new != old for name, items in corpus.tables.items() for new, old in zip(changed[name], items, strict=True)
    )


@pytest.mark.parametrize(
    ("newer", "same"),
    [
        (with_attribute, set()),
        # A record's hash covers its members. A grant with an unknown member could mean less access than this version
        # would give: tests/handlers/test_unreadable_grants.py is about such grants.
        (with_members, {"audit", "GRANT GRANT"}),
    ],
    ids=["attributes", "members"],
)
def test_ops_02_after_a_rollback_what_a_newer_version_stored_fails_no_function_and_gives_no_more(
    newer: Callable[[Item], Item], same: set[str]
):
    corpus = corpora()[-1]
    with stored_system() as stored:
        assert rolled_back(stored, corpus, newer, same) > 10
        security, calls = stored.browser("olga", "security"), TablePermissionCheck(stored.client)
        check_everything(stored, corpus, security, calls, EACH)
