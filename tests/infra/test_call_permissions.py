"""The gateway's function may read in one request what a call depends on (row GW 10)."""

from dataclasses import replace
from fnmatch import fnmatchcase
from types import SimpleNamespace
from typing import Any

from infra.function_specs import SPECS
from jitney.adapters.call_store import CallStore
from jitney.adapters.grant_items import grant_update
from jitney.adapters.suspension_item import SuspensionStore
from jitney.core.access.grant import State
from jitney.core.access.request import Way
from jitney.core.gateway.call_state import key_hash
from jitney.core.review.votes import activated
from tests.fakes import CALL, GRANT, NOW


def test_gw_10_one_statement_allows_the_read_of_a_call():
    """IAM compares all keys of BatchGetItem with one statement. Two statements with half of them allow nothing."""
    asked: list[str] = []

    def batch_get_item(RequestItems: dict[str, Any]) -> dict[str, Any]:  # noqa: N803 - the client's name
        asked.extend(key["pk"]["S"] for key in RequestItems["state"]["Keys"])
        return {"Responses": {}}

    client: Any = SimpleNamespace(batch_get_item=batch_get_item)
    CallStore(client, "state", "audit", "answers", SuspensionStore(client, "state")).read(
        GRANT.id, GRANT.owner_key, key_hash("k"), NOW
    )
    statements = [each for each in SPECS["gateway_calls"].allows if "dynamodb:BatchGetItem" in each.actions]
    assert len(asked) == 4
    assert any(all(any(fnmatchcase(key, item) for item in each.items) for key in asked) for each in statements)


def test_rev_16_the_function_may_write_what_the_use_of_an_approval_changes():
    """Without it, no reviewed call could be sent. With more, the function could approve its own calls."""
    waiting = replace(GRANT, state=State.PENDING, starts_at=None, way=Way.GATEWAY, call=CALL)
    approved = activated(waiting, NOW)
    update = grant_update("state", approved, replace(approved.use(NOW + 1), records=1, chain_head="x"))
    removed = update["UpdateExpression"].partition(" REMOVE ")[2].split(", ")
    written = {name.strip(":") for name in update["ExpressionAttributeValues"]} - {"had"} | set(removed)
    assert written == {"lifecycle", "records", "call_sent", "open_role", "open_until"}
    spec = SPECS["gateway_calls"]
    changing = [each for each in spec.allows if "dynamodb:UpdateItem" in each.actions and "GRANT#*" in each.items]
    assert any(written <= set(each.attributes) for each in changing)
    assert not {"terms", "unissued", "ending"} & {name for each in changing for name in each.attributes}
