"""300 subjects of one repository against an honest agent: the tables, IAM and the mailbox are the emulator's (REV 12).

The handlers run in the test's process, with a target and reviewers that no other test knows.
"""

import time
import uuid
from collections import Counter
from collections.abc import Callable, Iterator, Mapping
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from typing import Any

import pytest

from jitney.adapters import clock
from jitney.adapters.deny_list import DenyList
from jitney.adapters.follow_ups import FollowUps
from jitney.adapters.mail_sender import MailSender
from jitney.adapters.store import Store
from jitney.core.identity.principal import Principal
from jitney.core.review.notices import Notice
from jitney.core.review.schedule import NEVER_CHECKED
from jitney.handlers.decisions import preview_decision
from jitney.handlers.grants import create_grant
from jitney.handlers.notifying.notifications import notify_reviewers
from jitney.handlers.pages.request_list import list_requests_for
from jitney.handlers.releases import release_grant
from jitney.handlers.review.review_sheet import build_sheet
from tests.handlers.conftest import REQUEST_BODY, WRITE, System
from tests.handlers.review_browser import STAFF
from tests.handlers.test_units import EMAILS, READ, SIBLINGS, job, with_jobs
from tests.system.test_crowd import SLOWER, AsRoot
from tests.system.test_mail import mails

pytestmark = pytest.mark.slow

DENY_ROOM = 2000
"""Of the role, in characters: the siblings' releases do not fit."""
ALICE = Principal(STAFF, "staff", "alice", "human", frozenset(), "alice", "staff.alice", "staff.alice")


@pytest.fixture
def iam(aws: Callable[..., Any], stack: Mapping[str, Any]) -> Iterator[AsRoot]:
    """A role that no other test knows."""
    client = aws("iam", stack["targets"]["analytics-prod"]["account"])
    made = AsRoot(client, f"besieged-{uuid.uuid4().hex[:12]}")
    client.create_role(RoleName=made.role, AssumeRolePolicyDocument='{"Version": "2012-10-17", "Statement": []}')
    yield made
    for name in client.list_role_policies(RoleName=made.role)["PolicyNames"]:
        client.delete_role_policy(RoleName=made.role, PolicyName=name)
    client.delete_role(RoleName=made.role)


@pytest.fixture
def system(aws: Callable[..., Any], stack: Mapping[str, Any], iam: AsRoot) -> System:
    config, tables, dynamodb = with_jobs(), stack["tables"], aws("dynamodb")
    sample = config.targets["analytics-prod"]
    role_arn = f"arn:aws:iam::{stack['targets']['analytics-prod']['account']}:role/{iam.role}"
    account = stack["targets"]["analytics-prod"]["account"]
    target = replace(sample, account=account, role_arn=role_arn, deny_room=DENY_ROOM, canary=False)
    system = System(config=replace(config, targets={target.alias: target}), now=clock.now())
    ports = system.ports
    ports.store, ports.deny_list = (
        Store(dynamodb, tables["state"], tables["audit"]),
        DenyList(dynamodb, tables["state"]),
    )
    ports.follow_ups, ports.role_policies = FollowUps(dynamodb, tables["state"]), iam
    ports.mail_sender = MailSender(aws("sesv2"), "jitney@example.com")
    ports.new_id, ports.now = clock.new_id, clock.now
    ports.pause = lambda seconds: time.sleep(seconds * SLOWER)
    ports.stopwatch = lambda: time.monotonic_ns() // 1_000_000 // SLOWER
    return system


def test_rev_12_a_flood_of_siblings_takes_nothing_from_an_honest_agent(
    system: System, stack: Mapping[str, Any], iam: AsRoot
):
    run = str(uuid.uuid4().int)[:12]  # of two repositories that no other run knows
    times = {"iat": clock.now(), "nbf": clock.now(), "exp": clock.now() + 3600}

    def token(ref: str, repository: str = f"2{run}") -> str:
        return job(ref, repository, **times)

    def ask(token: str, permissions: Any) -> tuple[int, dict[str, Any]]:
        return system.call(create_grant, REQUEST_BODY | {"permissions": permissions}, token=token)[:2]

    honest = token("main", f"1{run}")  # sorts before the others
    kept, given = (ask(honest, READ)[1]["grant"] for _ in range(2))

    def attack(number: int) -> tuple[int, int]:
        mine = token(f"made-up-{number}")
        read = ask(mine, READ)[1]["grant"]["id"]
        return ask(mine, WRITE)[0], system.call(release_grant, grant_id=read, token=mine)[0]

    with ThreadPoolExecutor(8) as pool:
        answers = list(pool.map(attack, range(SIBLINGS)))
    most = system.config.limits.max_pending
    assert Counter(status for status, _ in answers) == {202: most, 429: SIBLINGS - most}
    assert {released for _, released in answers} == {200}

    assert system.call(preview_decision, REQUEST_BODY | {"permissions": READ}, token=honest)[0] == 200
    status, body = ask(honest, WRITE)
    assert status == 202, body
    mine = body["grant"]["id"]
    listed = list_requests_for(ALICE, system.ports.suspensions.current(), system.ports, clock.now())
    assert (mine in [grant.id for grant, _ in listed.waiting_for_viewer], listed.more) == (True, [])

    for grant_id in system.reviews.started:
        grant = system.ports.store.grant(grant_id)
        assert grant
        notify_reviewers(Notice.REQUESTED, build_sheet(grant, system.ports), NEVER_CHECKED, system.ports)
    assert sorted(address for mail in mails(dict(stack), mine) for address in mail["to"]) == sorted(EMAILS.values())
    assert len(system.reviews.started) == most + 1

    assert system.call(release_grant, grant_id=given["id"], token=honest)[0] == 200
    cut_offs = system.ports.deny_list.lease(system.ports.config.targets["analytics-prod"].role_arn).cut_offs
    assert cut_offs.until(kept["unit"]) is None
