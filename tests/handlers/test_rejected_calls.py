"""REV 17 for calls: for a day after a rejection, an equal call is reviewed only if the agent says what changed."""

import json
from dataclasses import replace
from typing import Any

import pytest

from jitney.core.access.grant import Grant, VoteVerdict
from jitney.core.access.rejections import REJECTION_SECONDS
from jitney.core.access.request_body import MAX_REASON
from jitney.handlers.gateway_calls import create_call
from jitney.handlers.grants import create_grant
from tests.core.identity import minting
from tests.handlers.gateway import ACTIONS_OF_GRANT, DELETE, SECRET_ARN, Gateway
from tests.handlers.seen_votes import vote
from tests.handlers.test_ballots import ballot

OTHER = DELETE | {"parameters": {"Bucket": "reports", "Key": "2026/b"}}
BOTH = [{"actions": ["s3:DeleteObject"], "resources": ["arn:aws:s3:::reports/2026/a", "arn:aws:s3:::reports/2026/b"]}]


def child(gateway: Gateway, answer: dict[str, Any]) -> Grant:
    return gateway.system.store.grants[answer["grant"]["id"]]


def reject(gateway: Gateway, call: dict[str, Any] = DELETE, **more: Any) -> None:
    status, answer = gateway.post(call, **more)
    assert status == 202, answer
    vote(
        ballot(child(gateway, answer), verdict=VoteVerdict.REJECT, comment="Ask the owner first."), gateway.system.ports
    )


@pytest.fixture
def gateway() -> Gateway:
    """An agent whose delete was rejected."""
    gateway = Gateway(permissions=BOTH)
    reject(gateway)
    return gateway


def test_rev_17_a_rejected_call_is_refused_under_another_key_with_the_reviewers_words(gateway: Gateway):
    asked = list(gateway.system.reviews.started)
    status, answer = gateway.post(DELETE)
    assert (status, answer["code"], answer["rejection"]["comment"]) == (403, "rejected_before", "Ask the owner first.")
    assert "Ask the owner first." in answer["detail"]
    assert (gateway.system.reviews.started, gateway.upstream.sent) == (asked, [])
    assert gateway.entries()[-1] == ("call", "refused", "rejected_before")


def test_rev_17_a_call_with_other_parameters_is_reviewed(gateway: Gateway):
    assert gateway.post(OTHER)[0] == 202


def test_rev_17_a_rejected_call_is_refused_in_another_grant_and_from_another_agent_of_the_person():
    gateway = Gateway(permissions=BOTH)
    acting = {"act": {"sub": "carol"}}
    body = {"target": "analytics-prod", "permissions": ACTIONS_OF_GRANT, "duration_seconds": 600, "way": "gateway"}
    codes = []
    for claims in (acting, acting, {**acting, "sub": "writer-agent"}, {}):
        token = minting.token(**claims)
        _, opened, _ = gateway.system.call(create_grant, body | {"reason": f"part {len(codes)}"}, token=token)
        call = {"grant": opened["grant"]["id"], **DELETE}
        status, answer, _ = gateway.system.call(create_call, call, token=token, idempotency_key=f"k-{len(codes)}")
        codes.append(answer.get("code", status))
        if len(codes) == 1:
            vote(ballot(child(gateway, answer), verdict=VoteVerdict.REJECT, comment="No."), gateway.system.ports)
    assert codes == [202, "rejected_before", "rejected_before", 202]


def test_rev_17_the_words_of_a_command_do_not_bring_a_rejected_call_to_reviewers_again(gateway: Gateway):
    """`jitney run --gateway --changed TEXT` sends the same words with each call."""
    words = "The owner agreed. password=hunter2hunter2"
    gateway.system.now += 1
    reject(gateway, changed=words)
    status, answer = gateway.post(DELETE, changed=words)
    assert (status, answer["code"]) == (403, "rejected_before")
    reject(gateway, changed="She wrote so in OPS-12.")
    assert gateway.post(DELETE, changed=words)[1]["code"] == "rejected_before"
    assert gateway.post(DELETE, changed="He wrote so, too.")[0] == 202


SECRETS = """
@id("request") permit (principal, action, resource) when { context.way == "gateway" }
when { if context.call.hasTag("operation") then context.approvals.contains("owners") else true };
"""
PUT_SECRET = {
    "service": "secretsmanager",
    "operation": "PutSecretValue",
    "parameters": {"SecretId": SECRET_ARN, "SecretString": "hunter2hunter2", "ClientRequestToken": "1" * 32},
}


def test_rev_17_the_token_that_sdks_add_to_each_call_makes_no_other_call():
    """botocore and the AWS CLI write a new one for each call of 1,500 operations."""
    gateway = Gateway(SECRETS, permissions=[{"actions": ["secretsmanager:PutSecretValue"], "resources": [SECRET_ARN]}])
    reject(gateway, PUT_SECRET)
    again = {**PUT_SECRET["parameters"], "ClientRequestToken": "2" * 32}
    assert gateway.post(PUT_SECRET, parameters=again)[1].get("code") == "rejected_before"
    assert gateway.post(PUT_SECRET, parameters={**again, "VersionStages": ["other"]})[0] == 202


def test_rev_17_a_masked_value_is_equal_for_another_agent_of_the_person():
    """The masks of two agents have tags under different keys."""
    gateway = Gateway(SECRETS, permissions=[{"actions": ["secretsmanager:PutSecretValue"], "resources": [SECRET_ARN]}])
    permissions = [{"actions": ["secretsmanager:PutSecretValue"], "resources": [SECRET_ARN]}]
    body = {"target": "analytics-prod", "permissions": permissions, "duration_seconds": 600, "way": "gateway"}
    codes = []
    for agent in ("reader-agent", "writer-agent"):
        token = minting.token(sub=agent, act={"sub": "carol"})
        _, opened, _ = gateway.system.call(create_grant, body | {"reason": agent}, token=token)
        call = {"grant": opened["grant"]["id"], **PUT_SECRET}
        status, answer, _ = gateway.system.call(create_call, call, token=token, idempotency_key=agent)
        codes.append(answer.get("code", status))
        if status == 202:
            vote(ballot(child(gateway, answer), verdict=VoteVerdict.REJECT, comment="No."), gateway.system.ports)
    assert codes == [202, "rejected_before"]


def test_rev_17_a_day_later_the_call_is_reviewed_again():
    gateway = Gateway(permissions=BOTH)
    limits = replace(gateway.system.ports.config.limits, max_duration_seconds=2 * REJECTION_SECONDS)
    gateway.system.ports.config = replace(gateway.system.ports.config, limits=limits)
    reject(gateway)
    grant = gateway.system.store.grants[gateway.grant_id]
    gateway.system.store.grants[grant.id] = replace(grant, expires_at=grant.expires_at + REJECTION_SECONDS)
    gateway.system.now += REJECTION_SECONDS
    token = minting.token(iat=gateway.system.now, exp=gateway.system.now + 300)
    call = {"grant": gateway.grant_id, **DELETE}
    assert gateway.system.call(create_call, call, token=token, idempotency_key="later")[0] == 202


def test_rev_17_masks_do_not_lengthen_the_words_that_reviewers_read(gateway: Gateway):
    words = "password=hunter2x " * (MAX_REASON // 18)
    status, answer = gateway.post(DELETE, "again", changed=words)
    assert status == 202
    shown = answer["grant"]["repeated"]["changed"]
    assert (len(shown) <= MAX_REASON, "hunter2x" in shown) == (True, False)


def test_rev_17_a_call_that_says_what_changed_is_reviewed_beside_the_rejection(gateway: Gateway):
    secret = "password=hunter2hunter2"
    status, answer = gateway.post(DELETE, "k", changed=f"The owner agreed. {secret}")
    assert (status, answer["grant"]["repeated"]["comment"]) == (202, "Ask the owner first.")
    opened = child(gateway, answer)
    assert opened.repeated
    assert opened.repeated.changed.startswith("The owner agreed.")
    (record,) = [each for each in gateway.records() if each["grant_id"] == opened.id]
    assert record["detail"]["repeated"]["changed"] == opened.repeated.changed
    assert "hunter2" not in json.dumps([opened.view(), record])
    vote(ballot(opened), gateway.system.ports)
    assert gateway.post(DELETE, "k", changed=f"The owner agreed. {secret}")[0] == 200
    assert gateway.post(DELETE)[1]["code"] == "rejected_before"
