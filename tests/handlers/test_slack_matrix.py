"""Who may do what in Slack: every cell of the table in docs/threat-model/permissions.md."""

from collections.abc import Iterator
from dataclasses import replace
from itertools import dropwhile, takewhile
from typing import Any, NamedTuple

import pytest

from jitney.core.access.grant import Grant, State, Vote, VoteVerdict
from jitney.core.review.content import content_hash
from jitney.core.review.slack.modals import approve_selected_modal, reject_modal
from jitney.core.review.slack.names import APPROVE, APPROVE_SELECTED, REJECT
from tests.core.review.samples import under_review
from tests.handlers.conftest import ROOT
from tests.handlers.slack_workspace import HOME, SlackSystem
from tests.identities import identity

WHO = {
    "an unsigned request": "alice",
    "a user of another workspace": "alice",
    "a guest, a bot or a deactivated user": "alice",
    "a user missing from jitney.yaml": "mallory",
    "the human the agent acts for": "harriet",
    "a reviewer of the request": "alice",
    "a reviewer of another group": "oscar",
    "an escalation reviewer, before escalation": "lea",
    "an escalation reviewer, after escalation": "lea",
}
BUTTONS = {"presses Approve": APPROVE, "presses Approve selected": APPROVE_SELECTED, "presses Reject": REJECT}
STATES = ("pending", "active", "rejected", "unknown")


class Cell(NamedTuple):
    who: str
    state: str
    column: str
    expected: str


def cells() -> Iterator[Cell]:
    """Yield a cell for each state of each row."""
    text = (ROOT / "docs" / "threat-model" / "permissions.md").read_text(encoding="utf-8")
    table = dropwhile(lambda line: not line.startswith("| who in Slack |"), text.splitlines())
    header, _, *lines = takewhile(lambda line: line.startswith("|"), table)
    columns = [part.strip() for part in header.strip("|").split("|")]
    for line in lines:
        who, states, *expected = [part.strip() for part in line.strip("|").split("|")]
        for state in states.split(", "):
            yield from (Cell(who, state, column, cell) for column, cell in zip(columns[2:], expected, strict=True))


CELLS = list(cells())


def test_the_table_is_complete():
    assert {(cell.who, cell.state) for cell in CELLS} == {(who, state) for who in WHO for state in STATES}
    assert len(CELLS) == len({cell[:3] for cell in CELLS}) == len(WHO) * len(STATES) * 5


def request_in(office: SlackSystem, state: str) -> Grant:
    """A request in that state, for the agent and staff.harriet; decided, if at all, by staff.bob on the page."""
    grant = office.pending(human=identity("staff.harriet"))
    if state in ("active", "rejected"):
        verdict = VoteVerdict.APPROVE if state == "active" else VoteVerdict.REJECT
        vote = Vote(identity("staff.bob"), verdict, content_hash(grant), "", office.system.now, "web")
        began = {"starts_at": office.system.now} if state == "active" else {}
        grant = replace(grant.move(State(state)), votes=(vote,), **began)
        office.system.store.grants[grant.id] = grant
    return grant


@pytest.mark.parametrize("cell", CELLS, ids=[" / ".join(cell[:3]) for cell in CELLS])
def test_who_may_do_what_in_slack(cell: Cell):
    office = SlackSystem()
    grant = request_in(office, cell.state)
    if cell.state == "unknown":
        del office.system.store.grants[grant.id]
    if cell.who.endswith(", after escalation"):
        office.system.now += 900
    if cell.who.startswith("a guest"):
        office.slack.profiles["UALICE"] = office.slack.profiles["UALICE"]._replace(is_full_member=False)
    office.slack.profiles["UMALLORY"] = office.slack.profiles["UBOB"]._replace(email="mallory@example.com")
    before = dict(office.system.store.grants)
    assert outcome(cell, office, grant) == cell.expected
    if cell.expected not in ("active", "rejected"):
        assert office.system.store.grants == before


def payload(cell: Cell, office: SlackSystem, grant: Grant) -> Any:
    name = WHO[cell.who]
    if cell.column.startswith("submits"):
        modal = approve_selected_modal if "selected" in cell.column else reject_modal
        view = modal(grant, under_review(grant).requester)
        sent = office.submission(view, name, comment="no")
    else:
        sent = office.press(grant, BUTTONS[cell.column], name)
    if cell.who == "a user of another workspace":
        sent |= {"team": {"id": "T0ELSE"}, "user": sent["user"] | {"team_id": "T0ELSE"}}
    assert HOME not in sent["user"]["team_id"] or cell.who != "a user of another workspace"
    return sent


def outcome(cell: Cell, office: SlackSystem, grant: Grant) -> str:
    """Return the grant's new state, "modal" if one opened, or the code on record."""
    unsigned = {"headers": {}} if cell.who == "an unsigned request" else {}
    status, answer = office.send(payload(cell, office, grant), **unsigned)
    current = office.system.store.grants.get(grant.id)
    if current and current.state != cell.state:
        return str(current.state)
    if office.slack.modals:
        return "modal"
    code = office.system.outcomes()[-1][2]
    heard = status != 200 or office.slack.alone or answer.get("response_action") == "update"
    return code if heard else f"{code} unheard"
