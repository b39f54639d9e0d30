"""The flows whose items are the corpus. Each leaves grants in the state in which an upgrade finds them."""

from collections.abc import Callable
from typing import Any

from jitney.core.config import Policies
from jitney.core.review.content import content_hash
from jitney.core.trail.gaps import GAP_SECONDS
from jitney.core.trail.heartbeat import BROKER
from jitney.handlers.correlator import receive
from jitney.handlers.credentials import create_credentials
from jitney.handlers.decisions import preview_decision
from jitney.handlers.gateway_calls import create_call
from jitney.handlers.grants import create_grant
from jitney.handlers.held_reads import read_grant
from jitney.handlers.reconciler import reconcile
from jitney.handlers.releases import release_grant
from jitney.handlers.review_notices import notify
from jitney.handlers.review_schedule import check_schedule
from jitney.handlers.revocations import revoke_grant
from jitney.handlers.suspensions import suspend
from jitney.handlers.trail.trail_heartbeats import record_gaps
from tests.cloudtrail_events import assume_role_event, call_event, delivered, forwarded_event, identity
from tests.core.identity import minting
from tests.handlers.conftest import policies_of
from tests.handlers.review_browser import Browser
from tests.reviewer_browser import fields_of
from tests.upgrade.stored_system import POLICIES, StoredSystem

REPORTS = "arn:aws:s3:::reports"
READ = {
    "actions": ["s3:ListBucket"],
    "resources": [REPORTS],
    "conditions": {"s3:prefix": ["2026/"]},
}
FUNCTION = "arn:aws:lambda:eu-west-1:444455556666:function:jobs"
SECRET = "arn:aws:secretsmanager:eu-west-1:444455556666:secret:db-AbCdEf"
OBJECT = {"service": "s3", "region": "eu-west-1", "parameters": {"Bucket": "reports", "Key": "2026/a"}}
PUT = OBJECT | {"operation": "PutObject", "parameters": OBJECT["parameters"] | {"Body": "NDI="}}
DELETE = OBJECT | {"operation": "DeleteObject"}
DELETE_B, DELETE_C, DELETE_D = (DELETE | {"parameters": {"Bucket": "reports", "Key": f"2026/{key}"}} for key in "bcd")
PAIR_TOO = """@id("pair-too") @approval("pair") forbid (principal, action == Jitney::Action::"Write", resource)
unless { context.approvals.contains("pair") };"""
TASK_TOKEN = "a-task-token"
SUSPENDED = "other-agent"
REASON = {"reason": "the laptop was stolen"}


def write_to(key: str, action: str = "s3:PutObject") -> list[dict[str, Any]]:
    """Return the permissions of a request that is reviewed."""
    return [{"actions": [action], "resources": [f"{REPORTS}/2026/{key}"]}]


def request(stored: StoredSystem, permissions: Any, status: int, **more: Any) -> str:
    """Return the id of a new grant of the agent."""
    members = more.pop("members", {})
    body = {"target": "analytics-prod", "permissions": permissions, "duration_seconds": 900, "reason": "monthly report"}
    answered, answer = stored.call(create_grant, body | members, **more)
    assert answered == status, answer
    return str(answer["grant"]["id"])


def decide(stored: StoredSystem, browser: Browser, grant_id: str, button: str = "approve", **changes: Any) -> None:
    """Have a reviewer decide on the page."""
    form = browser.form_of(grant_id, button, **changes)
    answer = browser.send("POST", f"/reviews/{grant_id}", form)
    assert answer.status == 303, answer.text


def run_flows(stored: StoredSystem) -> dict[str, str]:
    """Run all flows. Return the ids of their grants by name, and the ids of calls and suspensions."""
    ids: dict[str, str] = {}
    for flow in FLOWS:
        ids |= flow(stored)
        stored.system.now += 1
    return ids


def allowed(stored: StoredSystem) -> dict[str, str]:
    active = request(stored, [READ], 201, idempotency_key="active", members={"ticket": "OPS-12"})
    assert stored.call(create_credentials, grant_id=active)[0] == 200
    again = request(stored, [READ], 201, idempotency_key="active", members={"ticket": "OPS-12"})
    assert again == active
    body = {"target": "analytics-prod", "permissions": [READ], "duration_seconds": 900, "reason": "monthly report"}
    assert stored.call(preview_decision, body)[0] == 200
    forbidden = body | {"permissions": [{"actions": ["iam:CreateUser"], "resources": ["*"]}]}
    assert stored.call(create_grant, forbidden)[0] == 403
    once = stored.system.call(create_grant, body, token=stored.token(iss=minting.SPENT))
    assert once[0] == 201, once
    profiled = [{"actions": ["s3:GetObject"], "resources": ["arn:aws:s3:::state/*"]}]
    members = {"access_profile": "open"}
    return {
        "active": active,
        "spent token": once[1]["grant"]["id"],
        "of an access profile": request(stored, profiled, 201, members=members),
    }


def under_review(stored: StoredSystem) -> dict[str, str]:
    pending = request(stored, write_to("pending"), 202, idempotency_key="pending")
    assert request(stored, write_to("pending"), 202) == pending
    assert stored.call(read_grant, grant_id=pending, prefer="wait=1")[0] == 200
    notified(stored, pending)
    escalating = [{"actions": ["lambda:CreateFunction"], "resources": [FUNCTION]}]
    return {
        "pending": pending,
        "not started": request(stored, write_to("not-started"), 202),
        "escalating": request(stored, escalating, 202),
    }


def notified(stored: StoredSystem, grant_id: str) -> None:
    """Do what the workflow does first, up to its wait."""
    step = check_schedule({"grant_id": grant_id, "since": 0}, stored.ports)
    event = {name: step[name] for name in ("grant_id", "due", "since")}
    assert notify(event | {"token": TASK_TOKEN}, stored.ports)["state"] == "pending"


def reviewed(stored: StoredSystem) -> dict[str, str]:
    alice = stored.browser("alice")
    approved, rejected = (request(stored, write_to(key), 202) for key in ("approved", "rejected"))
    decide(stored, alice, approved)
    decide(stored, alice, rejected, "reject", comment="not this one")
    repeated = request(stored, write_to("rejected"), 202, members={"changed": "a copy is kept"})
    restored = write_to("archived", "s3:RestoreObject")
    repeatable = request(stored, restored, 202)
    decide(stored, alice, repeatable)
    assert stored.call(create_credentials, grant_id=repeatable)[0] == 200
    again = request(stored, restored, 201)
    once = request(stored, write_to("once", "s3:RestoreObject"), 202)
    decide(stored, alice, once, "approve_selected", this_time_only="yes")
    names = {"approved": approved, "rejected": rejected, "repeated": repeated, "repeatable": repeatable}
    return names | {"again": again, "this time only": once}


def delegated(stored: StoredSystem) -> dict[str, str]:
    bob, alice, carol = (stored.browser(name) for name in ("bob", "alice", "carol"))
    page = bob.send("GET", "/reviews/out-of-office").text
    form = next(each for each in page.split("<form")[1:] if 'name="change" value="set"' in each)
    until = {"until": "2026-12-01T12:00", "delegate.pair": "staff.carol"}
    empty = form.replace('id="from"', 'value=""').replace('id="until"', 'value=""')
    filled = fields_of(empty) | {"change": "set", "from": ""} | until
    assert bob.send("POST", "/reviews/out-of-office", filled).status == 303
    tag = "s3:PutObjectTagging"
    for_bob, half, narrowed = (request(stored, write_to(key, tag), 202) for key in ("for-bob", "half", "narrowed"))
    decide(stored, alice, for_bob)
    decide(stored, carol, for_bob)
    decide(stored, alice, half)
    decide(stored, alice, narrowed, "approve_selected", seconds="600")
    restarted = request(stored, write_to("restarted"), 202)
    configured = stored.ports.policies
    stored.ports.policies = policies_of(Policies(POLICIES + PAIR_TOO, stored.config.policies.schema, "v2"))
    form = alice.form_of(restarted)
    assert alice.send("POST", f"/reviews/{restarted}", form).status == 409
    stored.ports.policies = configured
    names = {"by a delegate": for_bob, "one vote of two": half, "narrowed": narrowed}
    return names | {"review restarted": restarted}


def by_break_glass(stored: StoredSystem) -> dict[str, str]:
    gina, alice = stored.browser("gina"), stored.browser("alice")
    followed_up = request(stored, write_to("followed-up"), 202)
    smash(stored, gina, followed_up)
    form = {"token": token_of(alice), "judgement": "confirm", "comment": "it was needed"}
    assert alice.send("POST", f"/reviews/{followed_up}/follow-up", form).status == 303
    outstanding = request(stored, write_to("outstanding"), 202)
    smash(stored, gina, outstanding)
    return {"followed up": followed_up, "follow-up due": outstanding}


def smash(stored: StoredSystem, browser: Browser, grant_id: str) -> None:
    """Have a person use break-glass."""
    form = {"token": token_of(browser), "content": content_hash(stored.grant(grant_id)), "reason": "the site is down"}
    answer = browser.decide(f"/reviews/{grant_id}/break-glass", form)
    assert answer.status == 303, answer.text


def token_of(browser: Browser) -> str:
    return browser.send("GET", "/reviews").text.split('name="token" value="')[1].split('"')[0]


def ended(stored: StoredSystem) -> dict[str, str]:
    released, revoked, suspended = (request(stored, [READ], 201) for _ in range(3))
    for _ in range(2):
        assert stored.call(release_grant, grant_id=released)[0] == 200
    assert stored.call(revoke_grant, REASON, grant_id=revoked, token=stored.operator())[0] == 200
    other = request(stored, [READ], 201, token=stored.token(sub=SUSPENDED))
    asked = {"kind": "agent", "name": f"corp.{SUSPENDED}", **REASON}
    status, answer = stored.call(suspend, asked, token=stored.operator())
    assert status == 201, answer
    stored.system.measure()
    names = {"released": released, "revoked": revoked, "to be revoked": suspended, "suspended": other}
    return names | {"suspension": answer["suspension"]["id"]}


def gateway(stored: StoredSystem) -> dict[str, str]:
    deletions = [each for key in "abcd" for each in write_to(key, "s3:DeleteObject")]
    grant_id = request(stored, [*write_to("a"), *deletions], 201, members={"way": "gateway"})
    made(stored, grant_id, PUT, "put", 200)
    alice, rejected = stored.browser("alice"), made(stored, grant_id, DELETE_D, "delete d", 202)["grant"]["id"]
    decide(stored, alice, rejected, "reject", comment="keep it")
    calls = ((DELETE, "delete a"), (DELETE_B, "delete b"), (DELETE_C, "delete c"))
    answers = [made(stored, grant_id, *call, 202) for call in calls]
    sent, approved, pending = (answer["grant"]["id"] for answer in answers)
    for each in (sent, approved):
        decide(stored, alice, each)
    made(stored, grant_id, DELETE, "delete a", 200)
    secret = [{"actions": ["secretsmanager:GetSecretValue"], "resources": [SECRET]}]
    revealing = request(stored, secret, 201, members={"way": "gateway", "reveal": True})
    names = {"sent call": sent, "approved call": approved, "pending call": pending, "rejected call": rejected}
    return {"gateway": grant_id, "revealing": revealing} | names


def made(stored: StoredSystem, grant_id: str, call: Any, key: str, status: int) -> Any:
    """Return the answer to a call through the gateway."""
    answered, answer = stored.call(create_call, {"grant": grant_id, **call}, idempotency_key=key)
    assert answered == status, answer
    return answer


def seen_by_cloudtrail(stored: StoredSystem) -> dict[str, str]:
    grant_id = request(stored, [READ], 201)
    at = stored.system.now
    principal = "corp.reader-agent"
    issue = assume_role_event(1, at=at, session=grant_id, source_identity=principal)
    call = call_event(2, at=at + 1, who=identity(grant_id, source_identity=principal))
    stored.system.now += 60
    assert not receive(delivered([*map(forwarded_event, (issue, call))]), stored.ports)["batchItemFailures"]
    return {"seen by CloudTrail": grant_id}


def silent_trail(stored: StoredSystem) -> dict[str, str]:
    watches, at = stored.ports.trail_watches, stored.system.now
    for target in (BROKER, "analytics-prod"):
        watches.note(target, at - GAP_SECONDS - 1)
    assert record_gaps(stored.ports) == {"trail_gaps": 2}
    watches.note(BROKER, at)
    assert record_gaps(stored.ports) == {"trail_gaps": 1}
    return {}


def reconciled(stored: StoredSystem) -> dict[str, str]:
    reconcile(stored.ports)
    return {}


def on_behalf(stored: StoredSystem) -> dict[str, str]:
    body = {"target": "analytics-prod", "permissions": [READ], "duration_seconds": 900, "reason": "monthly report"}
    status, answer, _ = stored.system.call(create_grant, body, token=stored.token(act={"sub": "alice"}))
    assert status == 201, answer
    return {"on behalf of a person": answer["grant"]["id"]}


FLOWS: tuple[Callable[[StoredSystem], dict[str, str]], ...] = (
    allowed,
    under_review,
    reviewed,
    delegated,
    by_break_glass,
    ended,
    gateway,
    seen_by_cloudtrail,
    silent_trail,
    reconciled,
    on_behalf,
)
