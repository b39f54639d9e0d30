"""Stored members of another type, such as those of another version: no item is read with one (row OPS 2)."""

import json
from base64 import b64decode
from collections.abc import Callable, Iterator
from types import SimpleNamespace
from typing import Any

import pytest

from jitney.adapters.approval_workflow import TaskTokens
from jitney.adapters.call_store import CallStore
from jitney.adapters.deny_list import DenyList
from jitney.adapters.follow_ups import FollowUps
from jitney.adapters.grant_items import UnreadableGrant, grant_of
from jitney.adapters.message_locations import MessageLocations
from jitney.adapters.out_of_office import OutOfOfficeStore
from jitney.adapters.store import Store
from jitney.adapters.suspension_item import SuspensionStore
from jitney.adapters.web_sessions import WebSessions
from jitney.core.compressed_text import compress_text
from jitney.core.gateway.budgets import CallBudget
from jitney.core.gateway.call_state import new_attempt
from jitney.core.problems import Problem
from tests.fakes import ROLE_ARN
from tests.upgrade.corpora import corpora, text_in
from tests.upgrade.stored_system import stored_configuration

Item = dict[str, Any]
ATTEMPT = new_attempt("c-1", "g-1", "owner", "key", "", 0)
Path = tuple[str | int, ...]
OTHERS: tuple[Any, ...] = (None, "", "other", 7, 1.5, True, [], ["other"], {}, {"other": 1})
"""A value of each type of JSON, and an empty one where there is one."""


class OneItem:
    """A client of a table with one item."""

    exceptions = SimpleNamespace(ConditionalCheckFailedException=KeyError, TransactionConflictException=KeyError)

    def __init__(self, item: Item) -> None:
        self.item = item

    def get_item(self, **_: Any) -> Any:
        return {"Item": self.item}

    def query(self, **_: Any) -> Any:
        return {"Items": [self.item]}

    def batch_get_item(self, RequestItems: Any) -> Any:  # noqa: N803 - AWS's name
        return {"Responses": {table: [self.item] for table in RequestItems}}


def table_of(item: Item) -> Any:
    """Return a client that finds the item under every key."""
    return OneItem(item)


def calls(item: Item) -> CallStore:
    return CallStore(table_of(item), "state", "audit", "answers", SuspensionStore(table_of(item), "state"))


def store(item: Item) -> Store:
    return Store(table_of(item), "state", "audit")


def locations(item: Item) -> MessageLocations:
    return MessageLocations(table_of({"sk": {"S": "#reviews"}, "timestamp": {"S": "1.2"}} | item), "state")


def task_tokens(item: Item) -> TaskTokens:
    return TaskTokens(table_of({"token": {"S": "t"}, "since": {"N": "1"}} | item), "state")


READERS: dict[str, Callable[[Any], Any]] = {
    "GRANT": grant_of,
    "SUSPENSIONS": lambda item: SuspensionStore(table_of(item), "state").current(),
    "ACTIVE_GRANTS": lambda item: store(item).grant_lists([item["pk"]["S"]]),
    "PENDING": lambda item: store(item).grant_lists([item["pk"]["S"]]),
    "CALL_KEY": lambda item: calls(item).attempt("owner", "key", 0),
    "REJECTED": lambda item: store(item).rejections("owner", ROLE_ARN, None, 0),
    "LEASE": lambda item: DenyList(table_of(item), "state").document_times([ROLE_ARN]),
    "OUT_OF_OFFICE": lambda item: OutOfOfficeStore(table_of(item), "state").all().readable,
    "SESSION": lambda item: WebSessions(table_of(item), "state").of("id", stored_configuration()),
}
"""A read of each kind of item that holds JSON. Its kind is its `sk`, or the beginning of its `pk`."""
TAGS = ("terms", "tags")
"""The claims in a grant's terms, which have any of several types."""


ATTRIBUTES: dict[str, tuple[Callable[[Item], Any], str, Item]] = {
    "a budget": (lambda item: calls(item).budget("g-1"), "calls", {"S": "9"}),
    "a minute of a budget": (lambda item: calls(item).budget("g-1"), "m29", {"S": "9"}),
    "a place for a call in flight": (lambda item: calls(item).budget("g-1"), "w0", {"NULL": True}),
    "a follow-up review": (
        lambda item: FollowUps(table_of({"sk": {"S": "UNIT#a"}} | item), "state").outstanding(),
        "grant_id",
        {"L": []},
    ),
    "the start of a wait": (lambda item: task_tokens(item).of("g-1"), "since", {"S": "1"}),
    "the change before a wait": (lambda item: task_tokens(item).check_of("g-1"), "change", {"S": "1"}),
    "the token of a wait": (lambda item: task_tokens(item).of("g-1"), "token", {"N": "1"}),
    "the place of a message": (lambda item: locations(item).of("g-1"), "channel", {"N": "1"}),
    "a kept answer that is no text": (
        lambda item: calls({"expires": {"N": "1"}} | item).kept_answer(ATTEMPT, 0),
        "answer",
        {"B": b"x"},
    ),
    "a kept answer without an end": (lambda item: calls(item).kept_answer(ATTEMPT, 0), "expires", {"S": ""}),
}
"""A read of an item with one attribute, the attribute's name, and a value that it cannot have."""


def kind_of(item: Item) -> str:
    return item["sk"]["S"] if item["sk"]["S"] in READERS else str(item["pk"]["S"].partition("#")[0])


def documents(item: Item) -> Iterator[tuple[str, Any]]:
    """Yield the attributes of an item that hold JSON, with their content."""
    for name, value in item.items():
        text = text_in(value) or ""
        if text[:1] in ("[", "{"):
            yield name, json.loads(text)


def paths(value: Any, path: Path) -> Iterator[tuple[Path, Any]]:
    """Yield the path of each member of a value, at every depth, and the member."""
    members = value.items() if isinstance(value, dict) else enumerate(value) if isinstance(value, list) else ()
    for name, member in members:
        yield (*path, name), member
        yield from paths(member, (*path, name))


def changed(document: Any, path: Path, value: Any) -> Any:
    """Return a copy of a document with another value at a path."""
    copy = json.loads(json.dumps(document))
    holder = copy
    for each in path[:-1]:
        holder = holder[each]
    holder[path[-1]] = value
    return copy


def read(item: Item) -> bool:
    """Return whether the item is read."""
    try:
        return bool(READERS[kind_of(item)](item))
    except UnreadableGrant:
        return False
    except Problem as problem:
        assert problem.code == "item_unreadable"
        return False


def others(member: Any) -> Iterator[Any]:
    """Yield values of other types. The type of a member without a value is not known, but is no text and no list."""
    for value in OTHERS:
        if member is None and value in ("", [], {}) and value is not False:
            yield value
        if None not in (member, value) and type(value) is not type(member):
            yield value


def binary(item: Item) -> Item:
    return {name: {"B": b64decode(value["B"])} if "B" in value else value for name, value in item.items()}


def test_ops_02_no_item_is_read_with_a_member_of_another_type():
    seen, misread = set[str](), list[str]()
    for item in corpora()[-1].tables["state"]:
        kind = kind_of(item)
        if kind not in READERS:
            continue
        if not read(binary(item)):
            raise AssertionError(kind, item)
        seen.add(kind)
        for name, document in documents(item):
            for path, member in paths(document, ()):
                for value in others(member):
                    text = json.dumps(changed(document, path, value))
                    form = {"B": compress_text(text)} if "B" in item[name] else {"S": text}
                    if (name, path[0]) != TAGS and read(binary(item) | {name: form}):
                        misread.append(f"{kind} {name} {path} {value!r}")
    assert seen == set(READERS)
    assert misread == []


@pytest.mark.parametrize(("reader", "name", "value"), ATTRIBUTES.values(), ids=ATTRIBUTES)
def test_ops_02_no_item_is_read_with_an_attribute_of_another_type(
    reader: Callable[[Item], Any], name: str, value: Item
):
    with pytest.raises(Problem) as refused:
        reader({name: value})
    assert refused.value.code == "item_unreadable"


def test_gw_07_a_budget_with_attributes_of_a_later_version_is_read():
    budget = calls({"calls": {"N": "2"}, "messages": {"N": "7"}, "wishes": {"S": "x"}}).budget("g-1")
    assert budget == CallBudget({"calls": 2})
