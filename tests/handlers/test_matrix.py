"""Who may do what on the reviewers' pages: every cell of the table in docs/threat-model.md."""

import re
from collections.abc import Iterator
from dataclasses import replace
from itertools import dropwhile, takewhile
from typing import Any, NamedTuple

import pytest

from core.access.grant import Grant, State, Verdict, Vote
from core.review.content import content_hash
from handlers.grants import create_grant
from tests.core.identity import minting
from tests.handlers.conftest import ASKED, ROOT, WRITE
from tests.handlers.reviewing import Browser, Desk, desk_of

WHO = {
    "nobody signed in": None,
    "an agent with its token": None,
    "the human it asks for": ("harriet", ()),
    "a reviewer of it": ("alice", ()),
    "a reviewer of another group": ("oscar", ()),
    "whom it escalates to, before": ("lea", ()),
    "whom it escalates to, after": ("lea", ()),
    "an operator": ("olga", ("security",)),
}
UNKNOWN = "g-zzzzzzzzzzzzzz"


class Cell(NamedTuple):
    who: str
    state: str
    column: str
    expected: str


def cells() -> Iterator[Cell]:
    text = (ROOT / "docs" / "threat-model.md").read_text(encoding="utf-8")
    table = dropwhile(lambda line: not line.startswith("| who |"), text.splitlines())
    header, _, *lines = takewhile(lambda line: line.startswith("|"), table)
    columns = [part.strip() for part in header.strip("|").split("|")]
    for line in lines:
        who, state, *expected = [part.strip() for part in line.strip("|").split("|")]
        yield from (Cell(who, state, column, cell) for column, cell in zip(columns[2:], expected, strict=True))


CELLS = list(cells())


def test_the_table_is_whole():
    assert {cell.who for cell in CELLS} == set(WHO)
    states = {"pending", "active", "rejected", "unknown"}
    for who in WHO:
        expected = {"pending"} if who.startswith("whom it escalates to") else states
        assert {cell.state for cell in CELLS if cell.who == who} == expected
    assert len(CELLS) == len({cell[:3] for cell in CELLS}) == 26 * 5


def request_in(desk: Desk, state: str) -> Grant | None:
    """A request in that state, for the agent and staff.harriet; decided, if at all, by staff.bob."""
    if state == "unknown":
        return None
    _, body, _ = desk.system.call(create_grant, ASKED | {"permissions": WRITE})
    grant = replace(desk.system.store.grants[body["grant"]["id"]], human="staff.harriet")
    if state != "pending":
        verdict = Verdict.APPROVE if state == "active" else Verdict.REJECT
        vote = Vote("staff.bob", verdict, content_hash(grant), "", desk.system.now, "slack")
        began = {"starts_at": desk.system.now} if state == "active" else {}
        grant = replace(grant.move(State(state)), votes=(vote,), **began)
    desk.system.store.grants[grant.id] = grant
    return grant


@pytest.mark.parametrize("cell", CELLS, ids=[" / ".join(cell[:3]) for cell in CELLS])
def test_who_may_do_what(cell: Cell):
    desk = desk_of()
    grant = request_in(desk, cell.state)
    if cell.who.endswith(", after"):
        desk.system.now += 900
    browser = Browser(desk)
    if person := WHO[cell.who]:
        browser.sign_in(person[0], groups=list(person[1]))
    before = dict(desk.system.store.grants)
    answer = tried(cell, browser, grant)
    found = re.search(r"Code: <code>(\w+)</code>", answer.text)
    assert f"{answer.status}{f' {found[1]}' if found else ''}" == cell.expected
    if cell.column == "GET" or not cell.expected.startswith("303"):
        assert desk.system.store.grants == before


def tried(cell: Cell, browser: Browser, grant: Grant | None) -> Any:
    path = f"/reviews/{grant.id if grant else UNKNOWN}"
    headers = {"Authorization": f"Bearer {minting.token()}"} if cell.who.startswith("an agent") else {}
    if cell.column == "GET":
        return browser.send("GET", path, headers=headers)
    page = browser.send("GET", "/reviews").text
    token = re.search(r'name="token" value="(\w+)"', page)
    form: dict[str, Any] = {"token": token[1] if token else "x", "reason": "enough", "comment": "no"}
    form |= {"content": content_hash(grant) if grant else "x", "seconds": "300", "action": "0", "resource": "0.0"}
    if cell.column == "POST without the session's token":
        return browser.send("POST", path, form | {"token": "x", "verdict": "approve"}, headers)
    if cell.column == "POST revocation":
        return browser.send("POST", f"{path}/revocation", form, headers)
    return browser.send("POST", path, form | {"verdict": cell.column.removeprefix("POST ")}, headers)
