"""Hundreds of grants of one role are revoked at the same moment. The tables and IAM are the emulator's (END 3)."""

import concurrent.futures
import contextlib
import json
import time
import uuid
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, replace
from typing import Any

import pytest

from jitney.adapters.clock import new_id, now
from jitney.adapters.deny_list import DenyList
from jitney.adapters.record_items import record_in
from jitney.adapters.role_policies import RolePolicy
from jitney.adapters.store import Store
from jitney.adapters.suspension_item import SuspensionStore
from jitney.core.access.deny_document import DENY_POLICY_NAME
from jitney.core.access.grant import Grant, State
from jitney.core.access.suspensions import Suspensions
from jitney.core.config import load
from jitney.core.identity.authenticate import Authenticated
from jitney.core.identity.principal import Principal
from jitney.core.records import audit
from jitney.core.records.audit import AuditEvent, Origin, Outcome
from jitney.core.target_config import TargetRole
from jitney.handlers.caller.authenticated_request import AuthenticatedRequest
from jitney.handlers.ending.grant_ends import END_EVENTS, end_grant
from jitney.handlers.runtime.http import Request
from jitney.handlers.runtime.ports import Ports
from tests.fakes import GRANT, MemoryMaskKeys
from tests.system.test_ending import named_grants
from tests.system.test_records import configuration_of

pytestmark = pytest.mark.slow

ENDED, KEPT = 200, 50
SLOWER = 50
"""The emulator answers one call at a time, and DynamoDB answers all at once. So waits and leases are as much longer."""


@dataclass
class AsRoot:
    """IAM of the role's account, without a role to write with. Counts the writes."""

    client: Any
    role: str
    writes: int = 0

    def of(self, role: TargetRole) -> "AsRoot":
        assert role.arn.endswith(f"/{self.role}")
        return self

    def read(self) -> dict[str, Any] | None:
        return RolePolicy(self.client, self.role).read()

    def write(self, text: str) -> None:
        self.writes += 1
        RolePolicy(self.client, self.role).write(text)


@pytest.fixture
def iam(aws: Callable[..., Any], stack: Mapping[str, Any]) -> Iterator[AsRoot]:
    """Yield a role that no other test knows."""
    client = aws("iam", stack["targets"]["analytics-prod"]["account"])
    role = f"crowded-{uuid.uuid4().hex[:12]}"
    client.create_role(RoleName=role, AssumeRolePolicyDocument='{"Version": "2012-10-17", "Statement": []}')
    yield AsRoot(client, role)
    with contextlib.suppress(client.exceptions.NoSuchEntityException):
        client.delete_role_policy(RoleName=role, PolicyName=DENY_POLICY_NAME)
    client.delete_role(RoleName=role)


@pytest.fixture
def ports(aws: Callable[..., Any], stack: Mapping[str, Any], iam: AsRoot) -> Ports:
    config, tables = load(configuration_of(aws)), stack["tables"]
    sample = config.targets["analytics-prod"]
    role_arn = f"arn:aws:iam::{sample.account}:role/{iam.role}"
    target = replace(sample, alias="crowded", role_arn=role_arn, canary=False)
    began, start = time.monotonic(), now() + 60  # a minute ahead, so that grants begin before they end
    return Ports(
        config=replace(config, targets={"crowded": target}),
        store=Store(aws("dynamodb"), tables["state"], tables["audit"]),
        deny_list=DenyList(aws("dynamodb"), tables["state"]),
        role_policies=iam,
        suspensions=SuspensionStore(aws("dynamodb"), tables["state"]),
        mask_keys=MemoryMaskKeys(),
        now=lambda: (
            start + int((time.monotonic() - began) / SLOWER)
        ),  # so that a lease lasts as long as its writes take
        pause=lambda seconds: time.sleep(seconds * SLOWER),
        stopwatch=lambda: time.monotonic_ns() // 1_000_000 // SLOWER,
    )


def opened(ports: Ports) -> Grant:
    """Return a new active grant on the role, as the API writes it."""
    target, at = ports.config.targets["crowded"], now()
    own = {"id": new_id("g"), "account": target.account, "role_arn": target.role_arn, "records": 0, "chain_head": ""}
    own |= {"target": target.alias, "created_at": at, "starts_at": at, "expires_at": at + 3600}
    grant = replace(GRANT, state=State.ACTIVE, principal="crowd.agent", **own)
    link = audit.next_chained_record(
        audit.grant_record(AuditEvent.REQUEST, Outcome.ALLOWED, grant, Origin(), at), grant
    )
    ports.store.create_grant(audit.with_chain_head(grant, link), link, now=at)
    return audit.with_chain_head(grant, link)


def revoke(grant: Grant, state: State, ports: Ports) -> Grant:
    operator = Principal(
        "https://idp.example.com", "crowd", "bot", "agent", frozenset(), "bot", "crowd.bot", "crowd.bot"
    )
    request = Request({}, {}, {}, b"", Origin())
    return end_grant(
        grant,
        state,
        "many at once",
        AuthenticatedRequest(request, ports, now(), Authenticated(operator, None), Suspensions()),
    )


def test_end_03_of_200_at_once_none_is_lost_and_none_too_many(
    ports: Ports, iam: AsRoot, aws: Callable[..., Any], stack: Mapping[str, Any]
):
    with concurrent.futures.ThreadPoolExecutor(8) as pool:
        grants = list(pool.map(lambda _: opened(ports), range(ENDED + KEPT)))
    ended, kept = grants[:ENDED], {each.id for each in grants[ENDED:]}
    states = [list(END_EVENTS)[number % len(END_EVENTS)] for number in range(ENDED)]
    with concurrent.futures.ThreadPoolExecutor(ENDED) as pool:
        answers = list(pool.map(lambda each: revoke(*each, ports), zip(ended, states, strict=True)))

    assert [each.state for each in answers] == states
    document = iam.client.get_role_policy(RoleName=iam.role, PolicyName=DENY_POLICY_NAME)["PolicyDocument"]
    assert named_grants(document) == {each.id for each in ended}
    assert {ports.store.grant(each).state for each in kept} == {State.ACTIVE}
    assert iam.writes < ENDED / 4
    for grant, state in zip(ended, states, strict=True):
        items = aws("dynamodb").query(
            TableName=stack["tables"]["audit"],
            KeyConditionExpression="pk = :chain",
            ExpressionAttributeValues={":chain": {"S": grant.id}},
            ConsistentRead=True,
        )["Items"]
        events = [json.loads(record_in(each))["event"] for each in items]
        denied = ["deny_entry"] if state is State.REVOKED else []
        assert events == ["request", END_EVENTS[state][0], *denied]
