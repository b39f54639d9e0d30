"""Who may do what on the reviewers' pages: every cell of the tables in docs/threat-model/permissions.md."""

import re
from collections.abc import Iterator
from dataclasses import replace
from itertools import dropwhile, takewhile
from typing import Any, NamedTuple

import pytest

from jitney.core.access.deny_document import DenyEntry
from jitney.core.access.grant import Grant, State, Vote, VoteVerdict
from jitney.core.review.content import content_hash
from jitney.core.review.out_of_office import OutOfOffice
from jitney.handlers.grants import create_grant
from tests.core.identity import minting
from tests.handlers.conftest import REQUEST_BODY, ROOT, WRITE
from tests.handlers.review_browser import Browser, ReviewSystem, review_system
from tests.handlers.test_break_glass import SETTINGS, smash
from tests.identities import identity

WHO = {
    "a signed-out visitor": None,
    "an agent with its token": None,
    "the human the agent acts for": ("harriet", ()),
    "a reviewer of the request": ("alice", ()),
    "a reviewer of another group": ("oscar", ()),
    "an escalation reviewer, before escalation": ("lea", ()),
    "an escalation reviewer, after escalation": ("lea", ()),
    "a delegate of a reviewer": ("carol", ()),
    "a delegate whose time is over": ("carol", ()),
    "an operator": ("olga", ("security",)),
}
APPROVED = {"active", "released", "revoked"}
ABSENCE = OutOfOffice(
    "a-1", identity("staff.alice"), minting.NOW, minting.NOW + 600, (("owners", identity("staff.carol")),)
)
UNKNOWN = "g-zzzzzzzzzzzzzz"


class Cell(NamedTuple):
    who: str
    state: str
    column: str
    expected: str


def cells(begins: str, states: int = 1) -> Iterator[Cell]:
    """Yield a cell for each state of each row, of the table whose header begins so."""
    text = (ROOT / "docs" / "threat-model" / "permissions.md").read_text(encoding="utf-8")
    table = dropwhile(lambda line: not line.startswith(begins), text.splitlines())
    header, _, *lines = takewhile(lambda line: line.startswith("|"), table)
    _, *columns = [part.strip() for part in header.strip("|").split("|")]
    for line in lines:
        who, *rest = [part.strip() for part in line.strip("|").split("|")]
        for state in "".join(rest[:states]).split(", "):
            expected = zip(columns[states:], rest[states:], strict=True)
            yield from (Cell(who, state, column, cell) for column, cell in expected)


CELLS = list(cells("| who | request |"))
OUT_OF_OFFICE_CELLS = list(cells("| who | GET |", states=0))


def test_the_table_of_pages_is_complete():
    assert {cell.who for cell in CELLS} == set(WHO)
    states = {"pending", "active", "rejected", "expired", "released", "revoked", "failed", "unknown"}
    fewer = {"an escalation reviewer": {"pending", "active", "rejected", "expired"}, "a delegate whose": {"pending"}}
    for who in WHO:
        expected = next((some for begins, some in fewer.items() if who.startswith(begins)), states)
        assert {cell.state for cell in CELLS if cell.who == who} == expected
    assert len(CELLS) == len({cell[:3] for cell in CELLS}) == 65 * 7


def request_in(desk: ReviewSystem, state: str) -> Grant | None:
    """A request in that state, for the agent and staff.harriet; decided, if at all, by staff.bob."""
    if state == "unknown":
        return None
    _, body, _ = desk.system.call(create_grant, REQUEST_BODY | {"permissions": WRITE})
    grant = replace(desk.system.store.grants[body["grant"]["id"]], human=identity("staff.harriet"))
    if state in APPROVED | {"rejected"}:
        verdict = VoteVerdict.REJECT if state == "rejected" else VoteVerdict.APPROVE
        vote = Vote(identity("staff.bob"), verdict, content_hash(grant), "", desk.system.now, "slack")
        began = {"starts_at": desk.system.now} if state in APPROVED else {}
        grant = replace(grant.move(State.ACTIVE if state in APPROVED else State(state)), votes=(vote,), **began)
    if state not in ("pending", "active", "rejected"):
        grant = grant.move(State(state))
    if state in ("released", "revoked"):
        entry = DenyEntry(grant.id, desk.system.now, grant.expires_at, grant.unit)
        desk.system.store.deny_list.listed[grant.role_arn] = {grant.id: entry}
    desk.system.store.grants[grant.id] = grant
    return grant


def prepared_request(desk: ReviewSystem, cell: Cell) -> Grant | None:
    """The request of a cell, at the time that its person needs, with the delegation that they need."""
    grant = request_in(desk, cell.state)
    if cell.who.endswith(", after escalation"):
        desk.system.now += 900
    if cell.who.startswith("a delegate"):
        desk.system.store.away["staff.alice"] = ABSENCE
    if cell.who == "a delegate whose time is over":
        desk.system.now = ABSENCE.ends_at
    return grant


@pytest.mark.parametrize("cell", CELLS, ids=[" / ".join(cell[:3]) for cell in CELLS])
def test_who_may_do_what(cell: Cell):
    desk = review_system()
    grant = prepared_request(desk, cell)
    browser = signed_in(desk, WHO[cell.who])
    before = dict(desk.system.store.grants)
    answer = attempt(cell, browser, grant)
    found = re.search(r"Code: <code>(\w+)</code>", answer.text)
    assert f"{answer.status}{f' {found[1]}' if found else ''}" == cell.expected
    if cell.column.startswith("GET") or not cell.expected.startswith("303") or cell.state not in ("pending", "active"):
        assert desk.system.store.grants == before


def attempt(cell: Cell, browser: Browser, grant: Grant | None) -> Any:
    path = f"/reviews/{grant.id if grant else UNKNOWN}"
    headers = {"Authorization": f"Bearer {minting.token()}"} if cell.who.startswith("an agent") else {}
    if cell.column.startswith("GET"):
        return browser.send("GET", path + ("/report" if cell.column == "GET report" else ""), headers=headers)
    page = browser.send("GET", "/reviews").text
    token = re.search(r'name="token" value="(\w+)"', page)
    form: dict[str, Any] = {"token": token[1] if token else "x", "reason": "enough", "comment": "no"}
    form |= {"content": content_hash(grant) if grant else "x"}
    if cell.column == "POST without the session's token":
        return browser.send("POST", path, form | {"token": "x", "verdict": "approve"}, headers)
    if cell.column == "POST revocation":
        return browser.send("POST", f"{path}/revocation", form, headers)
    if cell.column == "POST approve selected":
        form |= {"verdict": "approve_selected", "seconds": "60", "action": "0", "resource": "0.0"}
        return browser.decide(path, form, headers)
    return browser.decide(path, form | {"verdict": cell.column.split()[1]}, headers)


def signed_in(desk: ReviewSystem, person: tuple[str, tuple[str, ...]] | None) -> Browser:
    browser = Browser(desk)
    if person:
        browser.sign_in(person[0], groups=list(person[1]))
    return browser


BREAK_GLASS_CELLS = list(cells("| who | request | POST break-glass |"))
BREAK_GLASS_VISITORS = {
    "a signed-out visitor": None,
    "an agent with its token": None,
    "the human the agent acts for": ("harriet", ()),
    "a reviewer of the request": ("alice", ()),
    "a reviewer of another group": ("oscar", ()),
    "a break-glass user": ("gina", ()),
    "the person who used break-glass": ("gina", ()),
    "another break-glass user": ("zoe", ("on-call",)),
    "an operator": ("olga", ("security",)),
}


def test_the_table_of_break_glass_is_complete():
    assert {cell.who for cell in BREAK_GLASS_CELLS} == set(BREAK_GLASS_VISITORS)
    assert len(BREAK_GLASS_CELLS) == len({cell[:3] for cell in BREAK_GLASS_CELLS}) == 15 * 4


@pytest.mark.parametrize("cell", BREAK_GLASS_CELLS, ids=[" / ".join(cell[:3]) for cell in BREAK_GLASS_CELLS])
def test_who_may_use_break_glass_and_follow_it_up(cell: Cell):
    desk = review_system(break_glass=SETTINGS)
    grant = request_in(desk, "pending")
    assert grant
    if cell.state == "approved by break-glass":
        smash(signed_in(desk, ("gina", ())), grant)
    browser = signed_in(desk, BREAK_GLASS_VISITORS[cell.who])
    page = browser.send("GET", "/reviews").text
    token = re.search(r'name="token" value="(\w+)"', page)
    form = {"token": token[1] if token and "without" not in cell.column else "x", "content": content_hash(grant)}
    form |= {"reason": "down", "comment": "looked at it", "judgement": cell.column.removeprefix("POST ")}
    path = "follow-up" if cell.column in ("POST confirm", "POST object") else "break-glass"
    headers = {"Authorization": f"Bearer {minting.token()}"} if cell.who.startswith("an agent") else {}
    before = dict(desk.system.store.grants)
    answer = browser.decide(f"/reviews/{grant.id}/{path}", form, headers)
    found = re.search(r"Code: <code>(\w+)</code>", answer.text)
    assert f"{answer.status}{f' {found[1]}' if found else ''}" == cell.expected
    is_repeat = cell.who == "the person who used break-glass"
    assert (desk.system.store.grants == before) is (cell.expected != "303" or is_repeat)


OUT_OF_OFFICE_VISITORS = {
    "a signed-out visitor": None,
    "an agent with its token": None,
    "a reviewer": ("bob", ()),
    "a reviewer who is out of office": ("alice", ()),
    "a delegate": ("carol", ()),
    "an operator in no reviewer group": ("olga", ("security",)),
}


def test_the_table_of_out_of_office_is_complete():
    assert {cell.who for cell in OUT_OF_OFFICE_CELLS} == set(OUT_OF_OFFICE_VISITORS)
    assert len(OUT_OF_OFFICE_CELLS) == len({cell[:3] for cell in OUT_OF_OFFICE_CELLS}) == 6 * 4


@pytest.mark.parametrize("cell", OUT_OF_OFFICE_CELLS, ids=[" / ".join(cell[:3]) for cell in OUT_OF_OFFICE_CELLS])
def test_who_may_be_out_of_office(cell: Cell):
    desk = review_system()
    desk.system.store.away["staff.alice"] = ABSENCE
    browser = signed_in(desk, OUT_OF_OFFICE_VISITORS[cell.who])
    headers = {"Authorization": f"Bearer {minting.token()}"} if cell.who.startswith("an agent") else {}
    page = browser.send("GET", "/reviews/out-of-office", headers=headers)
    answer = page
    if cell.column != "GET":
        token, seen = (re.search(rf'name="{name}" value="([^"]*)"', page.text) for name in ("token", "shown_id"))
        form = {"token": token[1] if token else "x", "shown_id": seen[1] if seen else "", "until": "2023-11-15T12:00"}
        form |= {"delegate.owners": "staff.carol", "change": "end" if cell.column == "POST end" else "set"}
        form |= {"token": "x", "change": "set"} if "without" in cell.column else {}
        answer = browser.send("POST", "/reviews/out-of-office", form, headers)
    found = re.search(r"Code: <code>(\w+)</code>", answer.text)
    assert f"{answer.status}{f' {found[1]}' if found else ''}" == cell.expected
    if cell.column == "GET" or not cell.expected.startswith("303"):
        assert desk.system.store.away == {"staff.alice": ABSENCE}
