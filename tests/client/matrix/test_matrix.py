"""Each cell of the table in docs/aws-clients.md: what each client shows, by each way, when something happens."""

import re
from pathlib import Path

import pytest

from tests.client.matrix.events import NOT_THERE, Cells, Happenings
from tests.client.matrix.moving_clock import MISSING as NO_CLOCK
from tests.client.matrix.programs import CLIENTS, MISSING, World, accessing, clients

PAGE = Path(__file__).resolve().parents[3] / "docs" / "aws-clients.md"
WAYS = ("profile", "endpoint", "gateway")
"""The columns of the table."""
EVENTS = {
    "the keys end, and later the grant ends": Happenings.renewal,
    "the broker stops while keys are valid": Happenings.outage,
    "the keys end before the broker is back": Happenings.long_outage,
    "the broker is back": Happenings.restart,
    "the next grant needs a review": Happenings.pending_grant,
    "a reviewer approves the next grant": Happenings.approval,
    "the call needs a review, and a reviewer approves it": Happenings.pending_call,
    "the grant is revoked": Happenings.revocation,
    "the keys of the revoked grant end": Happenings.end_of_revoked_keys,
}
"""The rows of the table, in their order."""

pytestmark = [
    pytest.mark.skipif(bool(MISSING or NO_CLOCK), reason=f"needs clients: {MISSING} {NO_CLOCK}"),
    pytest.mark.slow,
]


def table() -> dict[str, list[str]]:
    """Return the cells of the page's table, by what happens."""
    rows = [
        [cell.strip() for cell in line.strip("|").split("|")]
        for line in PAGE.read_text("utf-8").splitlines()
        if line.startswith("| ")
    ]
    return {name: cells for name, *cells in rows if name in EVENTS}


def cell(shown: Cells) -> str:
    """Return the cell for what the clients show: what most of them do, and each client that differs."""
    usual = max(shown.values(), key=list(shown.values()).count)
    others = [f"{name}: {words}" for name, words in shown.items() if words != usual]
    return "; ".join([usual, *others])


@pytest.mark.parametrize("way", WAYS)
def test_cli_04_clients_show_what_the_table_says(world: World, way: str):
    found = {}
    with accessing(world, way) as variables, clients(CLIENTS, world.environment(variables)) as programs:
        access = Happenings(world, programs)
        for event, happens in EVENTS.items():
            only_gateway = happens is Happenings.pending_call and way != "gateway"
            found[event] = NOT_THERE if only_gateway else cell(happens(access))
    world.broker.check_answers()
    assert set(world.aws.refused) == (set() if way == "gateway" else {"AccessDeniedException"})
    assert found == {event: cells[WAYS.index(way)] for event, cells in table().items()}


def test_end_01_after_a_revocation_a_new_endpoint_of_a_profile_requests_nothing(world: World):
    with accessing(world, "profile") as variables, clients(["boto3"], world.environment(variables)) as programs:
        assert "value" in programs["boto3"].read()
        world.broker.revoke()
        world.jitney("serve", "--stop")
        world.clock.advance(1201)
        assert re.search("is revoked.*Talk to people.alice", programs["boto3"].read()["error"], re.DOTALL)
    assert world.broker.asked["POST /v1/grants"] == 1


def test_the_table_has_each_event_once_in_its_order():
    assert list(table()) == list(EVENTS)
    assert {len(cells) for cells in table().values()} == {len(WAYS)}
