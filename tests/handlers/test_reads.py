from dataclasses import replace
from urllib.parse import quote

import pytest

from jitney.adapters.store import PAGE_SIZE
from jitney.core.access.grant import State
from jitney.core.config import ReviewerGroup
from jitney.handlers.grant_reads import list_grants
from jitney.handlers.health import health
from jitney.handlers.held_reads import read_grant
from tests.fakes import CALL, GRANT
from tests.handlers.conftest import System


def mine(number: int):
    name = f"g-{number:014d}".translate(str.maketrans("0123456789", "abcdefghij"))
    return replace(
        GRANT, id=name, issuer="https://idp.corp.example.com", principal="corp.reader-agent", created_at=number
    )


def test_one_sees_ones_own_grants_page_by_page(system: System):
    for number in range(PAGE_SIZE + 1):
        system.store.grants[mine(number).id] = mine(number)
    system.store.grants[GRANT.id + "x"] = replace(GRANT, principal="corp.other")
    _, first, _ = system.call(list_grants)
    _, rest, _ = system.call(list_grants, query={"cursor": first["next"]})
    assert len(first["grants"]) == PAGE_SIZE
    assert [each["id"] for each in rest["grants"]] == [mine(0).id]
    assert rest["next"] is None


def test_cli_03_an_agent_sees_who_has_approved_and_where_its_request_went(system: System):
    groups = {
        "owners": ReviewerGroup(("corp.alice",), escalates_to="security", escalates_after_seconds=60),
        "legal": ReviewerGroup(("corp.bob",), escalates_to="security", escalates_after_seconds=600),
        "security": ReviewerGroup(("corp.carol",)),
    }
    system.ports.config = replace(system.config, reviewers=groups)
    pending = replace(mine(1), state=State.PENDING, reviews=(("owners", "legal"),), created_at=system.now)
    pending = replace(pending, expires_at=system.now + 3600)
    seen = []
    for later, approvals in ((0, ()), (60, ()), (600, ("owners",)), (600, ("legal", "owners"))):
        system.store.grants[pending.id] = replace(pending, approvals=approvals, created_at=system.now - later)
        review = system.call(read_grant, grant_id=pending.id)[1]["review"]
        seen.append((review["any_of"], review["approved"], review["escalated_to"]))
    asked = [["owners", "legal"]]
    assert seen == [
        (asked, [], []),
        (asked, [], ["security"]),
        (asked, ["owners"], ["security"]),
        (asked, ["legal", "owners"], []),
    ]


def test_cli_03_a_list_shows_the_review_of_each_pending_grant_as_the_grant_itself_does(system: System):
    groups = {"owners": ReviewerGroup(("corp.alice",), delegates=("corp.bob",))}
    system.ports.config = replace(system.config, reviewers=groups)
    pending = replace(mine(1), state=State.PENDING, reviews=(("owners",),), expires_at=system.now + 3600)
    call = replace(pending, id=mine(3).id, created_at=3, call=CALL._replace(grant_id=mine(2).id))
    lost = replace(pending, id=mine(4).id, created_at=4, call=CALL._replace(grant_id=mine(9).id))
    for each in (pending, mine(2), call, lost):
        system.store.grants[each.id] = each
    listed = {each["id"]: each.get("review") for each in system.call(list_grants)[1]["grants"]}
    assert listed[pending.id] == system.call(read_grant, grant_id=pending.id)[1]["review"]
    assert listed[call.id] == system.call(read_grant, grant_id=call.id)[1]["review"]
    assert (listed[lost.id], listed[mine(2).id]) == (None, None)
    assert listed[pending.id]["review_url"].endswith(f"/reviews/{pending.id}")


@pytest.mark.parametrize("cursor", ["x", "000000000001.g-AAAAAAAAAAAAAA", "000000000001#g-aaaaaaaaaaaaaa", "1.2.3"])
def test_a_made_up_cursor_is_refused(system: System, cursor: str):
    problem = system.call(list_grants, query={"cursor": cursor})[1]
    assert (problem["code"], problem["parameter"]) == ("request_invalid", "cursor")


def test_the_cursor_needs_no_escape_in_an_address(system: System):
    for number in range(PAGE_SIZE + 1):
        system.store.grants[mine(number).id] = mine(number)
    following = system.call(list_grants)[1]["next"]
    assert quote(following) == following


def test_health_needs_no_token_and_reveals_nothing(system: System):
    status, body, _ = system.call(health, token="")
    assert (status, set(body)) == (200, {"status", "version"})
