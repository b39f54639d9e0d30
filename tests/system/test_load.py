"""AUD 1 under load: what agents saw is in the audit table, in S3 and in Athena's answer, each once, and nothing else.

The agents and the comparison are those of `python -m benchmarks.load`, for seconds.
"""

import asyncio
import uuid

import pytest

from benchmarks.load import LoadPlan, compared, load
from tests.system import own_system
from tests.system.conftest import Own

pytestmark = [own_system.GROUP, pytest.mark.slow]
AGENTS, SECONDS = 12, 6.0
GRANT_SECONDS = 120
"""So that the denials of released grants do not stay in the role's deny document for long."""


def test_aud_01_after_a_load_clients_table_bucket_and_athena_agree(own: Own):
    plan = LoadPlan(AGENTS, SECONDS, f"load-{uuid.uuid4().hex[:8]}-", GRANT_SECONDS)
    seen, _ = asyncio.run(load(own.stack, own_system, own.issuer, plan))
    assert set(seen.milliseconds) == {"request", "renewal", "list", "release"}
    assert len(seen.grants) >= AGENTS
    assert seen.given_up == 0
    assert compared(seen, own.stack, plan.name) == {"audit_table": [], "s3": [], "athena": [], "s3_and_table": []}
