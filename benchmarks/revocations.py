"""`make bench` measures the cost of an operator's revocation by the length of the role's deny list.

The handler and the adapters are the deployed code. Fakes of DynamoDB, STS and IAM answer at once from memory and count
their calls. So the times are Jitney's own processor time. `calls` counts DynamoDB's calls. `items_read` counts the deny
entries that queries return. `live` entries belong to 40 accountable units. `agents` entries belong to one unit each.
`compose_ms` is the time for the deny document alone. It has 5,000 entries of 5,000 units, and a range of ids cannot
replace them. Prints one JSON object.
"""

import contextlib
import gc
import importlib
import io
import json
import statistics
import time
from typing import Any

RUNS = 25


def main() -> None:
    """Measure and print."""
    with contextlib.redirect_stdout(io.StringIO()):  # in AWS, the handlers' log goes to a pipe
        figures = _figures()
    print(json.dumps(figures, indent=2))


def _figures() -> dict[str, Any]:
    costs = importlib.import_module("tests.revocation_costs")
    now = importlib.import_module("tests.core.identity.minting").NOW
    expired = costs.entries(100_000, now, range(960, 4000))
    lists = {
        "empty": [],
        "expired_100000": expired,
        "expired_100000_live_400": [*expired, *costs.entries(400, now, range(30, 900), units=40)],
        "expired_100000_agents_5000": [*expired, *costs.entries(5_000, now, range(30, 900), units=5_000)],
    }
    tables = {name: costs.CountingTable(costs.active_grant(now), listed) for name, listed in lists.items()}
    _revocation(tables["empty"], costs.use)  # warm, so that the first list is no slower than the others
    gc.disable()  # in AWS, the table is not in the memory of the function
    figures: dict[str, Any] = {name: _revocation(table, costs.use) for name, table in tables.items()}
    crowd = costs.entries(5_000, now, range(1), units=5_000)
    return figures | {"compose_ms": round(statistics.median(_composed(crowd, now) for _ in range(RUNS)), 1)}


def _revocation(table: Any, use: Any) -> dict[str, Any]:
    system_of, minting, revoke_grant = (
        importlib.import_module("tests.handlers.conftest").System,
        importlib.import_module("tests.core.identity.minting"),
        importlib.import_module("jitney.handlers.revocations").revoke_grant,
    )
    times = []
    for _ in range(RUNS):
        table.reset()
        system = system_of()
        use(table, system.ports)
        token = minting.token(sub="carol", groups=["security"])
        began = time.process_time()
        status = system.call(revoke_grant, {"reason": "measured"}, grant_id=table.grant.id, token=token)[0]
        times.append((time.process_time() - began) * 1000)
        if status != 200:
            raise SystemExit(f"answered {status}")
    return {
        "calls": sum(table.calls.values()),
        "items_read": table.items_read,
        "own_cpu_p50_ms": round(statistics.median(times), 2),
    }


def _composed(entries: Any, now: int) -> float:
    document = importlib.import_module("jitney.core.access.deny_document")
    none = importlib.import_module("jitney.core.access.cut_offs").CutOffs()
    began = time.process_time()
    document.compose_deny_document(entries, none, now, document.ROLE_POLICY_LIMIT)
    return (time.process_time() - began) * 1000


if __name__ == "__main__":
    main()
