"""Row REV 19: operators see what is open, as a page and as CSV; no other person does, and nothing is written."""

import csv
import io
import re
from dataclasses import replace
from typing import Any

import pytest

from jitney.core.access.break_glass import BreakGlassUse
from jitney.core.access.grant import Grant, GrantEnd, State
from jitney.core.access.suspension_entry import Suspension, SuspensionKind
from jitney.core.integrity.seals import next_seal
from jitney.core.problems import Problem
from jitney.core.times import iso
from jitney.handlers.overview import MOST_NAMED_MILLISECONDS, MOST_SHOWN, TABLES
from jitney.handlers.pages.request_list import MOST_READ
from tests.core.identity import minting
from tests.fakes import ROLE_ARN
from tests.handlers.review_browser import Browser, ReviewSystem, review_system
from tests.handlers.test_call_pages import waiting
from tests.handlers.test_matrix import WHO, Cell, cells, signed_in
from tests.handlers.test_request_list import ACTIVE, WAITS, flood
from tests.identities import identity

PATH = "/reviews/overview"
NOW = minting.NOW
CELLS = [each for each in cells("| who sees a list |", states=0) if "overview" in each.column]
FORMULA = '=HYPERLINK("https://evil.example","x"),\r\n<script>\u202e'


@pytest.fixture
def desk() -> ReviewSystem:
    return review_system()


@pytest.fixture
def olga(desk: ReviewSystem) -> Browser:
    return signed_in(desk, WHO["an operator"])


def keep(desk: ReviewSystem, *grants: Grant) -> None:
    desk.system.store.grants |= {each.id: each for each in grants}


def rows(browser: Browser, table: str) -> list[dict[str, str]]:
    """The rows of a table's CSV."""
    answer = browser.send("GET", f"{PATH}?table={table}&format=csv")
    assert (answer.status, answer.headers["Content-Type"]) == (200, "text/csv; charset=utf-8; header=present")
    return list(csv.DictReader(io.StringIO(answer.text, newline=""), strict=True))


def test_rev_19_an_operator_sees_what_is_open(desk: ReviewSystem, olga: Browser):
    use = BreakGlassUse(identity("staff.gina"), "down", "0" * 64, NOW - 90, NOW - 30)
    keep(
        desk,
        replace(WAITS, id="g-old", created_at=NOW - 1800, human=identity("staff.harriet")),
        replace(WAITS, id="g-new", principal="corp.other", created_at=NOW - 60),
        replace(ACTIVE, id="g-live", created_at=NOW - 120),
        replace(ACTIVE, id="g-glass", account="999988887777", break_glass=use),
    )
    desk.system.store.outstanding = {"HUMAN#staff.gina": "g-glass"}
    made = Suspension("s-1", SuspensionKind.TARGET, "analytics-prod", NOW + 1, "staff.olga", "an incident")
    seals = [first := next_seal(None, [], "f" * 64, NOW), next_seal(first, [], "f" * 64, NOW)]
    desk.system.ports.seal_reader.seals = seals[::-1]
    found = {name: rows(olga, name) for name in TABLES}
    assert [(each["Request"], each["Age"]) for each in found["pending"]] == [
        ("g-old", "under 1 hour"),
        ("g-new", "under 5 minutes"),
    ]
    assert [each["On behalf of"] for each in found["pending"]] == ["staff.harriet", "no person named"]
    assert {each["Access"].partition(" s3 ")[0] for each in found["pending"]} == {"requests to read"}
    assert {each["Access"].partition(" s3 ")[0] for each in found["active"]} == {"may read"}
    assert [(each["Account"], each["Active grants"]) for each in found["accounts"]] == [
        ("444455556666", "1"),
        ("999988887777", "1"),
    ]
    assert [(each["Request"], each["Approval"]) for each in found["active"]] == [
        ("g-live", ""),
        ("g-glass", "break-glass"),
    ]
    columns = ("Follow-up", "Request", "Used by", "On behalf of")
    assert [tuple(each[name] for name in columns) for each in found["break-glass"]] == [
        ("overdue", "g-glass", "staff.gina", "no person named")
    ]
    agents = {each["Agent"]: (each["Last request"], each["Pending"], each["Active"]) for each in found["agents"]}
    assert agents["corp.other"] == (iso(NOW - 60), "1", "0")
    assert agents[WAITS.principal] == (iso(NOW), "1", "2")
    (target,) = found["targets"]
    names = ("Target", "Pending", "Active", "State")
    assert [target[name] for name in names] == ["analytics-prod", "2", "2", "ok"]
    assert [each["Seal"] for each in found["seals"]] == ["1", "0"]
    page = olga.send("GET", PATH).text
    for words in ("1 under 5 minutes, 1 under 1 hour.", 'href="/live/reviews/g-old"', seals[1].hash, "overdue"):
        assert words in page
    desk.system.store.suspensions = desk.system.store.suspensions._replace(entries=(made,))
    (row,) = rows(olga, "suspensions")
    assert (rows(olga, "targets")[0]["State"], row["By"], row["Complete"]) == ("suspended", "staff.olga", "not yet")
    renamed = replace(made, name="before", role=ROLE_ARN, completed_at=NOW + 5)
    desk.system.store.suspensions = desk.system.store.suspensions._replace(entries=(renamed,), version="2")
    (row,) = rows(olga, "suspensions")
    assert (rows(olga, "targets")[0]["State"], row["Complete"]) == ("suspended", iso(NOW + 5))


def test_rev_19_what_a_suspension_ended_is_not_open(desk: ReviewSystem, olga: Browser):
    keep(desk, replace(ACTIVE, id="g-live"), replace(WAITS, id="g-old"))
    ended = Suspension("s-1", SuspensionKind.AGENT, ACTIVE.principal, NOW + 1, "staff.olga", "an incident")
    desk.system.store.suspensions = desk.system.store.suspensions._replace(entries=(ended,))
    assert (rows(olga, "active"), rows(olga, "pending")) == ([], [])
    assert ACTIVE.principal not in [each["Agent"] for each in rows(olga, "agents")]


def test_rev_19_hostile_names_are_text_on_the_page_and_in_the_csv(desk: ReviewSystem, olga: Browser):
    use = BreakGlassUse(identity(FORMULA), FORMULA, "0" * 64, NOW, NOW + 60)
    hostile = {"principal": FORMULA, "subject": FORMULA, "unit": FORMULA, "human": identity(FORMULA), "target": FORMULA}
    keep(desk, replace(WAITS, id="g-1", **hostile), replace(ACTIVE, id="g-2", **hostile, break_glass=use))
    desk.system.store.outstanding = {"HUMAN#x": "g-2"}
    made = Suspension("s-1", SuspensionKind.UNIT, FORMULA, NOW - 9, FORMULA, FORMULA)
    for name in TABLES:
        if name == "suspensions":
            desk.system.store.suspensions = desk.system.store.suspensions._replace(entries=(made,))
        text = olga.send("GET", f"{PATH}?table={name}&format=csv").text
        read = list(csv.reader(io.StringIO(text, newline=""), strict=True))
        assert len({len(row) for row in read}) == 1
        assert not [cell for row in read for cell in row if cell.startswith(tuple("=+-@\t\r\n"))]
        assert "\u202e" not in text
        assert name in ("targets", "seals", "accounts") or "'=HYPERLINK" in text
    page = olga.send("GET", PATH).text
    assert (page.count("<script"), "\u202e" in page, "=HYPERLINK(&#34;" in page) == (1, False, True)  # our own script


def test_rev_19_a_table_of_many_is_cut_and_says_so(desk: ReviewSystem, olga: Browser):
    flood(desk, WAITS, MOST_READ + 1)
    assert len(rows(olga, "pending")) == MOST_READ
    answer = olga.send("GET", f"{PATH}?table=pending&format=csv")
    assert answer.headers["Content-Disposition"] == 'attachment; filename="jitney-pending-incomplete.csv"'
    page = olga.send("GET", PATH).text
    assert f"{MOST_READ} or more" in page
    assert "This table is incomplete" in page
    assert page.count('href="/live/reviews/g-flood') == MOST_SHOWN
    for table, name in (("targets", "targets-incomplete"), ("active", "active"), ("suspensions", "suspensions")):
        answer = olga.send("GET", f"{PATH}?table={table}&format=csv")
        assert answer.headers["Content-Disposition"] == f'attachment; filename="jitney-{name}.csv"'


def test_rev_19_agents_of_the_configuration_have_their_last_request(
    desk: ReviewSystem, olga: Browser, monkeypatch: pytest.MonkeyPatch
):
    corp = desk.system.config.issuers["corp"]
    named = replace(corp, owners={"sleeper": ("staff.bob",), "unused": ("staff.bob",)})
    desk.system.ports.config = replace(desk.system.config, issuers={**desk.system.config.issuers, "corp": named})
    ended = replace(
        ACTIVE, id="g-1", principal="corp.sleeper", issuer=minting.CORP, state=State.RELEASED, created_at=NOW - 86_400
    )
    keep(desk, ended)
    found = {each["Agent"]: each["Last request"] for each in rows(olga, "agents")}
    assert (found["corp.sleeper"], found["corp.unused"]) == (iso(NOW - 86_400), "")
    read = desk.system.store.newest_grant

    def slow(owner: str) -> Grant | None:
        desk.system.milliseconds += MOST_NAMED_MILLISECONDS + 1
        return read(owner)

    monkeypatch.setattr(desk.system.store, "newest_grant", slow)
    answer = olga.send("GET", f"{PATH}?table=agents&format=csv")
    assert "incomplete" in answer.headers["Content-Disposition"]


@pytest.mark.parametrize(
    "query", ["?format=csv", "?format=csv&table=grants", "?format=xml", "?format=xml&table=active"]
)
def test_rev_19_an_unknown_table_or_format_is_an_error(olga: Browser, query: str):
    answer = olga.send("GET", PATH + query)
    assert (answer.status, "Use format=csv, and one of these tables: break-glass," in answer.text) == (400, True)


def test_rev_19_the_answer_has_the_headers_of_a_page(olga: Browser):
    html, file = (olga.send("GET", PATH + query).headers for query in ("", "?format=csv&table=active"))
    different = {"Content-Type", "Content-Disposition"}
    assert {name: html[name] for name in html.keys() - different} == {
        name: file[name] for name in file.keys() - different
    }
    assert (html["Cache-Control"], file["X-Content-Type-Options"]) == ("no-store", "nosniff")


def test_rev_19_a_store_that_does_not_answer_is_an_error_and_no_empty_table(desk: ReviewSystem, olga: Browser):
    class Broken:
        def last(self, most: int) -> Any:
            raise Problem("unavailable", "The seals' bucket did not answer.", "Try again.")

    desk.system.ports.seal_reader = Broken()
    assert olga.send("GET", PATH).status == 503
    assert olga.send("GET", f"{PATH}?table=seals&format=csv").status == 503
    assert rows(olga, "active") == []


def test_the_table_of_the_overview_is_complete():
    assert {cell.who for cell in CELLS} == set(WHO)
    assert len(CELLS) == len({cell[:3] for cell in CELLS}) == len(WHO) * 2


@pytest.mark.parametrize("cell", CELLS, ids=[" / ".join(cell[:3]) for cell in CELLS])
def test_rev_19_who_sees_the_overview(desk: ReviewSystem, cell: Cell):
    keep(desk, WAITS)
    browser = signed_in(desk, WHO[cell.who])
    headers = {"Authorization": f"Bearer {minting.token()}"} if cell.who.startswith("an agent") else {}
    query = "?table=pending&format=csv" if cell.column.endswith("CSV") else ""
    before = dict(desk.system.store.grants), len(desk.system.records())
    answer = browser.send("GET", PATH + query, headers=headers)
    found = re.search(r"Code: <code>(\w+)</code>", answer.text)
    assert f"{answer.status}{f' {found[1]}' if found else ''}" == cell.expected
    assert (WAITS.id in answer.text) is (cell.expected == "200")
    assert (desk.system.store.grants, len(desk.system.records())) == before
    offered = f"/live{PATH}" in browser.send("GET", "/reviews").text
    assert offered is (cell.expected == "200")


@pytest.mark.parametrize("state", [State.PENDING, State.ACTIVE])
def test_rev_19_a_call_of_an_ended_grant_is_not_open(desk: ReviewSystem, olga: Browser, state: State):
    child, grants = waiting(desk), desk.system.store.grants
    grants[child.id] = replace(child, state=state, starts_at=NOW if state is State.ACTIVE else None)
    assert child.id in {each["Request"] for each in rows(olga, str(state))}
    parent = grants[child.call.grant_id]
    grants[parent.id] = parent.end(State.REVOKED, GrantEnd(NOW, "staff.olga", "leaked"))
    assert rows(olga, "pending") == rows(olga, "active") == []
