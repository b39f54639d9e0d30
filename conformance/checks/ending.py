"""How grants end: revocation in two Regions, the end of a short grant, suspension, and drift reversal of the target."""

import json
import time
from typing import Any

import httpx
from botocore.exceptions import ClientError

from conformance.check import CheckFailedError, Observation
from conformance.checks.grants import DENIED, code_of, expect, waited
from conformance.checks.scoping import document, temporary_role
from conformance.configuration import KEY, MADE, ROLE_NAME
from conformance.system import ConformanceSystem, new_agent, session_keys

DENY_POLICY = "JitneyRevocations"
PAUSE_SECONDS, MOST_SECONDS = 0.1, 120.0
AWS_WATCHED_SECONDS, AWS_SHORT_SECONDS = 10.0, 20
"""Long enough for AWS. In the emulator the check waits less, because nothing propagates there."""
SETTLED_SECONDS = 2.0
"""The Deny of a grant's end and the end of its keys may be a second apart. After this time, both have begun."""
REWRITTEN_SECONDS = 420.0


def revoke(system: ConformanceSystem, grant_id: str) -> None:
    """Revoke the grant as an operator."""
    body = {"reason": "conformance"}
    expect(system.send("POST", f"/v1/grants/{grant_id}/revocation", system.identities.operator(), body), 200)


def kill(system: ConformanceSystem) -> Observation:
    """Return the seconds from the revocation to AWS's denial in each Region, and whether AWS allowed a call later."""
    issued = system.opened(new_agent(), ("dynamodb:ListTables",), ("*",))
    keys = session_keys(issued["credentials"])
    regions = (system.region, system.second_region)
    clients = {region: system.client("dynamodb", keys, region) for region in regions}
    for region, client in clients.items():
        if code := code_of(client.list_tables):
            raise CheckFailedError(f"the session is denied in {region} before the revocation: {code}")
    began = time.monotonic()
    revoke(system, issued["grant"]["id"])
    watched = AWS_WATCHED_SECONDS if system.on_aws else 1.0
    answered, denied, later = time.monotonic() - began, dict[str, float](), dict.fromkeys(regions, 0)
    while time.monotonic() < began + MOST_SECONDS:
        for region, client in clients.items():
            code = code_of(client.list_tables)  # "" if AWS allows the call; it may also throttle it
            if code in DENIED:
                denied.setdefault(region, time.monotonic() - began)
            later[region] += region in denied and not code
        if len(denied) == len(regions) and time.monotonic() > began + max(denied.values()) + watched:
            break
        time.sleep(PAUSE_SECONDS)
    facts = {"denied_in": len(denied), "allowed_again": any(later.values())}
    if len(denied) < len(regions):
        raise CheckFailedError(
            f"after {MOST_SECONDS:.0f} s the session still works in {set(regions) - set(denied)}", facts
        )
    if facts["allowed_again"]:
        raise CheckFailedError(f"AWS allows calls after the first denial: {later}", facts)
    times = {region: round(seconds, 2) for region, seconds in denied.items()}
    return Observation(facts, {"answered_seconds": round(answered, 2), "denied_seconds": times})


def short_grant(system: ConformanceSystem) -> Observation:
    """Return the error with which AWS answers the keys of a short grant after its end, and how long they worked."""
    seconds = AWS_SHORT_SECONDS if system.on_aws else 8
    issued = system.read_grant(new_agent(), duration_seconds=seconds)
    s3 = system.client("s3", session_keys(issued["credentials"]))

    def read() -> str:
        return code_of(lambda: s3.get_object(Bucket=system.bucket, Key=KEY))

    if code := read():
        raise CheckFailedError(f"AWS denies the keys of a new grant: {code}")
    began = time.monotonic()
    code = waited(read, "the end of the keys", seconds + 60, PAUSE_SECONDS)
    worked = time.monotonic() - began
    time.sleep(SETTLED_SECONDS)
    facts = {"answer_after_the_end": read()}
    for each in (code, facts["answer_after_the_end"]):
        if each not in DENIED | {"ExpiredToken"}:
            raise CheckFailedError(f"AWS answers {each or 'without an error'} after the end", facts)
    return Observation(facts, {"worked_seconds": round(worked, 1)})


def suspension(system: ConformanceSystem) -> Observation:
    """Return the answers to a suspension of an agent and to its lifting, a DELETE whose body has the reason."""
    grant = system.read_grant(new_agent())["grant"]
    body = {"kind": "agent", "name": grant["principal"], "reason": "conformance"}

    def made() -> Any:
        answer = system.send("POST", "/v1/suspensions", system.identities.operator(), body)
        return answer.status_code != httpx.codes.ACCEPTED and expect(answer, 201)["suspension"]

    path = f"/v1/suspensions/{waited(made, 'the whole suspension')['id']}"
    lifted = system.send("DELETE", path, system.identities.operator(), {"reason": "conformance"})
    return Observation({"lifted": bool(expect(lifted, 200)["suspension"]["lifted_at"])})


def missing_role(system: ConformanceSystem) -> Observation:
    """Return the errors with which IAM answers the revoker's calls for a role that does not exist."""
    role, resource = f"{MADE}missing", f"arn:{system.partition}:iam::{system.account}:role/jitney/{MADE}missing"
    bounded = {
        "StringEquals": {"iam:PermissionsBoundary": f"arn:{system.partition}:iam::{system.account}:policy/{MADE}bounds"}
    }
    reads = {"Effect": "Allow", "Action": "iam:GetRolePolicy", "Resource": resource}
    writes = {"Effect": "Allow", "Action": "iam:PutRolePolicy", "Resource": resource, "Condition": bounded}
    everything = document({"Effect": "Allow", "Action": ["iam:*", "s3:GetObject"], "Resource": "*"})
    with temporary_role(system, reads, writes) as assume:
        iam = system.client("iam", session_keys(assume(everything)))
        policy = {"RoleName": role, "PolicyName": DENY_POLICY}
        written = {**policy, "PolicyDocument": json.dumps(everything)}
        facts = {
            "read": code_of(lambda: iam.get_role_policy(**policy)),
            "write": code_of(lambda: iam.put_role_policy(**written)),
        }
    if not {*facts.values()} <= {"AccessDenied", "NoSuchEntity"}:
        raise CheckFailedError(f"IAM answers {facts} for a role that does not exist", facts)
    return Observation(facts)


def revert_drift(system: ConformanceSystem) -> Observation:
    """Return whether drift reversal deletes the deny document, and how long until the broker writes it again."""
    if system.revert_drift is None:
        raise CheckFailedError("this place cannot reverse drift")
    issued = system.read_grant(new_agent())
    s3 = system.client("s3", session_keys(issued["credentials"]))
    revoke(system, issued["grant"]["id"])

    def denied() -> bool:
        return code_of(lambda: s3.get_object(Bucket=system.bucket, Key=KEY)) in DENIED

    waited(denied, "the denial")
    system.revert_drift()
    gone, began = not _deny_document(system), time.monotonic()
    waited(lambda: _deny_document(system), "the next deny document", REWRITTEN_SECONDS, 2.0)
    rewritten = time.monotonic() - began
    waited(denied, "the denial after drift reversal")
    return Observation({"deletes_the_deny_document": gone}, {"rewritten_seconds": round(rewritten)})


def _deny_document(system: ConformanceSystem) -> Any:
    try:
        return system.client("iam").get_role_policy(RoleName=ROLE_NAME, PolicyName=DENY_POLICY)["PolicyDocument"]
    except ClientError as error:
        if error.response["Error"]["Code"] == "NoSuchEntity":
            return None
        raise
