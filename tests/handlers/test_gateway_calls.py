"""POST /v1/calls: what is checked before anything is sent, what is sent, and what is on record."""

import json
from collections.abc import Callable
from dataclasses import replace
from typing import Any

import pytest

from jitney.adapters.upstream import CALL_SECONDS, CONNECT_SECONDS
from jitney.core.config import ReviewerGroup
from jitney.core.gateway.aws_answer import AwsAnswer
from jitney.core.gateway.held_answers import MOST_WAIT_SECONDS
from jitney.core.policy.cedar import PolicySet
from jitney.core.problems import Problem
from jitney.handlers.gateway_calls import create_call
from jitney.handlers.grants import create_grant
from jitney.handlers.releases import release_grant
from jitney.handlers.revocations import revoke_grant
from tests.core.identity import minting
from tests.handlers.conftest import REQUEST_BODY, configuration
from tests.handlers.gateway import DELETE, DONE, GET, OK, PUT, REQUEST_ID, SECRET, SECRET_ARN, Gateway, failing
from tests.handlers.seen_votes import vote
from tests.handlers.test_ballots import ballot

RECEIVE = {
    "service": "sqs",
    "operation": "ReceiveMessage",
    "parameters": {"QueueUrl": "https://sqs.eu-west-1.amazonaws.com/444455556666/jobs"},
}
SALARIES = {"service": "s3", "operation": "GetObject", "parameters": {"Bucket": "reports", "Key": "salaries/2026"}}


@pytest.fixture
def gateway() -> Gateway:
    return Gateway()


def test_gw_01_a_read_is_answered_as_aws_answers_it(gateway: Gateway) -> None:
    status, answer = gateway.post(GET)
    assert (status, answer["status"], answer["body"], answer["body_encoding"]) == (200, 200, "42", "text")
    assert (answer["request_id"], answer["masked"], answer["grant_id"]) == (REQUEST_ID, [], gateway.grant_id)
    ((request, endpoint),) = gateway.upstream.sent
    assert (request.method, endpoint.signing_name) == ("GET", "s3")
    assert request.url == "https://s3.eu-west-1.amazonaws.com/reports/2026/a"


def test_gw_01_reads_share_a_session_and_each_change_has_its_own(gateway: Gateway) -> None:
    for call in (GET, GET, PUT, PUT):
        assert gateway.post(call)[0] == 200
    names = [each.name for each in gateway.system.sessions.asked]
    suffix = gateway.grant_id
    assert names[0] == f"c-reads-{suffix}"
    assert len(names) == 3
    assert all(name.startswith("c-") and name.endswith(suffix) for name in names[1:])
    assert names[1] != names[2]
    policy = json.loads(gateway.system.sessions.asked[1].policy.text)
    allowed = [each for each in policy["Statement"] if each["Effect"] == "Allow"]
    assert allowed == [{"Effect": "Allow", "Action": "s3:PutObject", "Resource": "arn:aws:s3:::reports/2026/a"}]


@pytest.mark.parametrize("sealed", [False, True])
def test_sts_09_the_sessions_of_calls_are_sealed_if_the_target_is(gateway: Gateway, sealed: bool) -> None:
    """A resource policy could otherwise give the gateway's session more than the grant has."""
    config = gateway.system.ports.config
    target = replace(config.targets["analytics-prod"], sealed=sealed)
    gateway.system.ports.config = replace(config, targets={"analytics-prod": target})
    assert [gateway.post(call)[0] for call in (GET, PUT)] == [200, 200]
    for each in gateway.system.sessions.asked:
        statements = json.loads(each.policy.text)["Statement"]
        assert any("NotAction" in one for one in statements if one["Effect"] == "Deny") == sealed, each.name


WHOLE = ["arn:aws:s3:::reports/2026/*", "arn:aws:s3:::reports/salaries/*"]


@pytest.mark.parametrize(
    ("forbidden", "unless", "allowed"),
    [
        ("", "", WHOLE),
        ('context.action == "s3:PutObject"', "", WHOLE),
        ('resource.arn like "*salaries*"', "", "arn:aws:s3:::reports/2026/a"),
        (
            'resource.arn like "*salaries*"',
            'unless { context.approvals.contains("owners") }',
            "arn:aws:s3:::reports/2026/a",
        ),
    ],
)
def test_gw_04_reads_share_a_session_only_if_policies_allow_each_call_all_of_it(
    forbidden: str, unless: str, allowed: str | list[str]
) -> None:
    """Otherwise a parameter that Jitney reads in another way than AWS could avoid what policies say about calls."""
    permit = """@id("all") permit (principal, action, resource)
        when { context.way == "gateway" && [true, false].contains(resource.wildcard) };"""
    when = f'when {{ context.call.hasTag("operation") && {forbidden} }}'
    forbid = f'@id("some") forbid (principal, action, resource) {when} {unless};' if forbidden else ""
    granted = [{"actions": ["s3:GetObject", "s3:PutObject"], "resources": WHOLE}]
    gateway = Gateway(permit + forbid, permissions=granted)
    assert [gateway.post(GET)[0] for _ in range(2)] == [200, 200]
    (asked,) = gateway.system.sessions.asked
    assert json.loads(asked.policy.text)["Statement"][0]["Resource"] == allowed


OF_ACCOUNT = "eu-west-1:444455556666"


@pytest.mark.parametrize(
    ("action", "granted", "parameters", "allowed"),
    [
        ("cloudformation:DescribeChangeSet", "stack/*", {"StackName": "a", "ChangeSetName": "c"}, "stack/*"),
        (
            "cloudformation:DescribeChangeSet",
            "stack/*",
            {"StackName": "a", "ChangeSetName": f"arn:aws:cloudformation:{OF_ACCOUNT}:changeSet/c/1"},
            "stack/a/*",
        ),
        (
            "kinesis:GetRecords",
            "stream/*",
            {"StreamARN": f"arn:aws:kinesis:{OF_ACCOUNT}:stream/a", "ShardIterator": "AAAA"},
            "stream/a",
        ),
        (
            "cloudtrail:GetQueryResults",
            "eventdatastore/*",
            {"EventDataStore": f"arn:aws:cloudtrail:{OF_ACCOUNT}:eventdatastore/a-1", "QueryId": "0" * 36},
            "eventdatastore/a-1",
        ),
    ],
)
def test_gw_04_a_read_that_may_reach_another_resource_has_a_session_for_what_was_decided(
    action: str, granted: str, parameters: dict[str, Any], allowed: str
) -> None:
    """An id, or an ARN beside a name, may be of another resource. Then IAM denies the call."""
    service, _, operation = action.partition(":")
    permit = """@id("read") permit (principal, action in Jitney::Action::"ReadOnly", resource)
        when { [true, false].contains(resource.wildcard) };"""
    arns = f"arn:aws:{service}:{OF_ACCOUNT}:"
    gateway = Gateway(permit, permissions=[{"actions": [action], "resources": [arns + granted]}])
    status, answer = gateway.post({"service": service, "operation": operation, "parameters": parameters})
    assert status == 200, answer
    (asked,) = gateway.system.sessions.asked
    assert json.loads(asked.policy.text)["Statement"][0]["Resource"] == arns + allowed


def test_gw_01_an_answer_never_has_the_credentials_of_its_session(gateway: Gateway) -> None:
    for call in (GET, PUT):
        _, answer = gateway.post(call)
        text = json.dumps(answer) + json.dumps(gateway.records())
        for credentials in gateway.upstream.signed_with:
            assert credentials.secret_access_key not in text
            assert credentials.session_token not in text


def test_gw_07_a_read_has_one_record_and_a_change_two(gateway: Gateway) -> None:
    gateway.post(GET)
    gateway.post(PUT)
    assert gateway.entries() == [("call", "answered", ""), ("call", "sent", ""), ("call", "answered", "")]
    read, sent, answered = gateway.records()
    assert read["detail"]["call"]["parameters"] == GET["parameters"]
    assert sent["chain"] == answered["chain"] != read["chain"]
    assert answered["prev"] == sent["hash"]
    assert answered["detail"]["call"]["aws_request_id"] == REQUEST_ID
    body = sent["detail"]["call"]["parameters"]["Body"]
    assert body.startswith("[2 bytes, SHA-256 ")


def test_gw_07_a_change_is_on_record_before_it_is_sent(gateway: Gateway) -> None:
    seen: list[list[tuple[str, str, str]]] = []

    def answer() -> AwsAnswer:
        seen.append(gateway.entries())
        return DONE

    gateway.upstream.answer = answer
    gateway.post(PUT)
    assert seen == [[("call", "sent", "")]]


@pytest.mark.parametrize("call", [PUT, SECRET, RECEIVE])
def test_gw_07_nothing_is_sent_without_its_record(gateway: Gateway, call: dict[str, Any]) -> None:
    gateway.calls.failing.add("begin")
    status, _ = gateway.post(call)
    assert (status, gateway.upstream.sent) == (503, [])


def test_gw_07_no_answer_leaves_without_its_record(gateway: Gateway) -> None:
    gateway.calls.failing.add("finish")
    for call in (GET, PUT):
        status, answer = gateway.post(call)
        assert status == 503
        assert "42" not in json.dumps(answer)


REFUSED: dict[str, tuple[dict[str, Any], int, str]] = {
    "outside the grant": ({**GET, "parameters": {"Bucket": "reports", "Key": "2025/a"}}, 403, "call_outside_grant"),
    "another region": (
        {"service": "sqs", "operation": "ReceiveMessage", "region": "eu-north-1", "parameters": RECEIVE["parameters"]},
        403,
        "call_outside_grant",
    ),
    "an unknown member": ({**GET, "parameters": {**GET["parameters"], "Acl": "x"}}, 400, "call_invalid"),
    "a missing parameter": ({**GET, "parameters": {"Bucket": "reports"}}, 400, "call_invalid"),
    "an unknown operation": ({**GET, "operation": "GetObjct"}, 400, "operation_unknown"),
    "an unknown service": ({**GET, "service": "s4"}, 400, "operation_unknown"),
    "a region that is a host": ({**GET, "region": "evil.example.com/"}, 400, "call_invalid"),
    "credentials of another role": (
        {
            "service": "sts",
            "operation": "AssumeRole",
            "parameters": {"RoleArn": "arn:aws:iam::444455556666:role/x", "RoleSessionName": "y"},
        },
        400,
        "call_unsupported",
    ),
    "a wait that ends after the gateway's own": (
        {**RECEIVE, "parameters": {**RECEIVE["parameters"], "WaitTimeSeconds": 16}},
        400,
        "call_invalid",
    ),
    "an operation whose answer AWS holds": (
        {
            "service": "stepfunctions",
            "operation": "GetActivityTask",
            "parameters": {"activityArn": "arn:aws:states:eu-west-1:444455556666:activity:jobs"},
        },
        400,
        "call_unsupported",
    ),
    "a policy that forbids the call": (SALARIES, 403, "denied"),
    "a member of the body": ({**GET, "endpoint_url": "https://evil.example.com"}, 400, "request_invalid"),
}


@pytest.mark.parametrize("case", REFUSED)
def test_gw_03_a_refused_call_is_never_sent(gateway: Gateway, case: str) -> None:
    call, status, code = REFUSED[case]
    answered = gateway.post(call)
    assert (answered[0], answered[1]["code"]) == (status, code)
    assert gateway.upstream.sent == []
    assert gateway.system.sessions.asked == []


def test_gw_11_a_call_may_wait_for_messages_as_long_as_the_gateway_does(gateway: Gateway) -> None:
    call = {**RECEIVE, "parameters": {**RECEIVE["parameters"], "WaitTimeSeconds": MOST_WAIT_SECONDS}}
    assert gateway.post(call)[0] == 200
    assert CALL_SECONDS - MOST_WAIT_SECONDS > CONNECT_SECONDS
    status, refused = gateway.post({**call, "parameters": {**call["parameters"], "WaitTimeSeconds": 20}})
    assert (status, refused["fix"]) == (400, "Set WaitTimeSeconds to at most 15, and repeat the call.")


def test_gw_03_a_call_outside_the_grant_is_on_record(gateway: Gateway) -> None:
    gateway.post({**GET, "parameters": {"Bucket": "reports", "Key": "2025/a"}})
    (record,) = gateway.records()
    assert (record["event"], record["outcome"], record["code"]) == ("call", "refused", "call_outside_grant")
    assert record["grant_id"] == gateway.grant_id


@pytest.mark.parametrize(
    ("call", "resource"),
    [
        ({**DELETE, "parameters": {"Bucket": "reports", "Key": "2025/a"}}, "arn:aws:s3:::reports/2025/a"),
        (SALARIES, "arn:aws:s3:::reports/salaries/2026"),
    ],
    ids=["outside the grant", "denied by policy"],
)
def test_aud_04_the_record_of_a_call_that_is_not_sent_says_what_it_would_have_done(
    gateway: Gateway, call: dict[str, Any], resource: str
) -> None:
    gateway.post(call)
    (record,) = gateway.records()
    assert (record["actions"], record["resources"]) == ([f"s3:{call['operation']}"], [resource])
    assert record["detail"]["call"]["parameters"] == call["parameters"]


def test_mask_05_the_record_of_a_call_that_is_not_sent_has_no_secret(gateway: Gateway) -> None:
    secret = "hunter2-Zx9Qm4"
    tagging = {"Bucket": "reports", "Key": "2025/a", "Body": "NDI=", "Tagging": f"password={secret}"}
    assert gateway.post({**PUT, "parameters": tagging})[1]["code"] == "call_outside_grant"
    (record,) = gateway.records()
    assert secret not in json.dumps(record)
    assert record["detail"]["call"]["parameters"]["Body"].startswith("[2 bytes, SHA-256 ")


def test_gw_12_a_call_needs_an_idempotency_key(gateway: Gateway) -> None:
    status, answer, _ = gateway.system.call(create_call, {"grant": gateway.grant_id, **GET})
    assert (status, answer["code"]) == (400, "request_invalid")
    assert "Idempotency-Key" in answer["detail"]


def test_gw_01_a_grant_for_credentials_makes_no_calls(gateway: Gateway) -> None:
    body = {**REQUEST_BODY, "permissions": [{"actions": ["s3:GetObject"], "resources": ["arn:aws:s3:::reports/a"]}]}
    _, answer, _ = gateway.system.call(create_grant, body)
    status, refused = gateway.post(GET, grant=answer["grant"]["id"])
    assert (status, refused["code"], gateway.upstream.sent) == (409, "credentials_grant", [])


def test_gw_01_the_grant_of_another_agent_makes_no_calls(gateway: Gateway) -> None:
    body = {"grant": gateway.grant_id, **GET}
    other = minting.token(sub="other-agent")
    status, answer, _ = gateway.system.call(create_call, body, token=other, idempotency_key="k")
    assert (status, answer["code"], gateway.upstream.sent) == (404, "grant_not_found", [])


def test_gw_10_a_released_grant_makes_no_more_calls(gateway: Gateway) -> None:
    assert gateway.post(GET)[0] == 200
    gateway.system.call(release_grant, grant_id=gateway.grant_id)
    status, answer = gateway.post(GET)
    assert (status, answer["code"], len(gateway.upstream.sent)) == (409, "grant_released", 1)


def test_gw_06_a_repeat_gets_the_first_answer_and_is_not_sent_again(gateway: Gateway) -> None:
    first, again = gateway.post(PUT, "k"), gateway.post(PUT, "k")
    assert first == again
    assert len(gateway.upstream.sent) == 1


def test_gw_06_an_error_of_aws_travels_unchanged_and_is_kept(gateway: Gateway) -> None:
    error = b"<Error><Code>InternalError</Code><Message>Try again.</Message></Error>"
    gateway.upstream.answer = lambda: AwsAnswer(500, {"content-type": "application/xml"}, error)
    first, again = gateway.post(PUT, "k"), gateway.post(PUT, "k")
    assert (first[1]["status"], first[1]["body"]) == (500, error.decode())
    assert (again, len(gateway.upstream.sent)) == (first, 1)


def test_gw_06_a_call_that_may_have_run_is_not_sent_again(gateway: Gateway) -> None:
    gateway.upstream.answer = failing("call_may_have_run")
    status, answer = gateway.post(PUT, "k")
    assert (status, answer["code"]) == (502, "call_may_have_run")
    gateway.upstream.answer = None
    status, answer = gateway.post(PUT, "k")
    assert (status, answer["code"], len(gateway.upstream.sent)) == (502, "call_may_have_run", 1)
    assert gateway.entries()[:2] == [("call", "sent", ""), ("call", "failed", "call_may_have_run")]


def test_gw_06_a_call_that_reached_nothing_is_sent_by_its_repeat(gateway: Gateway) -> None:
    gateway.upstream.answer = failing("upstream_unreached")
    assert gateway.post(PUT, "k")[1]["code"] == "upstream_unreached"
    gateway.upstream.answer = None
    assert gateway.post(PUT, "k")[0] == 200
    assert [each[1] for each in gateway.entries()] == ["sent", "failed", "sent", "answered"]


def test_gw_06_a_throttled_call_is_sent_by_its_repeat(gateway: Gateway) -> None:
    slow = b"<Error><Code>SlowDown</Code><Message>Reduce your request rate.</Message></Error>"
    gateway.upstream.answer = lambda: AwsAnswer(503, {"content-type": "application/xml"}, slow)
    assert gateway.post(PUT, "k")[1]["status"] == 503
    gateway.upstream.answer = None
    assert gateway.post(PUT, "k")[1]["status"] == 200
    assert [each[1] for each in gateway.entries()] == ["sent", "failed", "sent", "answered"]


def test_gw_06_a_lost_read_is_sent_again_at_once(gateway: Gateway) -> None:
    answers = [failing("call_may_have_run"), lambda: OK]

    def answer() -> AwsAnswer:
        return answers.pop(0)()

    gateway.upstream.answer = answer
    status, answered = gateway.post(GET)
    assert (status, answered["status"]) == (200, 200)
    # CloudTrail may have an event of each attempt, so each is on record.
    assert gateway.entries() == [("call", "failed", "call_may_have_run"), ("call", "answered", "")]
    lost, found = (each["chain"] for each in gateway.records())
    assert (found, lost == found) == (answered["call_id"], False)


def test_gw_06_receiving_messages_counts_as_a_change(gateway: Gateway) -> None:
    gateway.upstream.answer = failing("call_may_have_run")
    gateway.post(RECEIVE)
    assert len(gateway.upstream.sent) == 1
    assert gateway.entries()[0] == ("call", "sent", "")


def test_gw_06_another_body_under_the_same_key_is_refused(gateway: Gateway) -> None:
    gateway.post(PUT, "k")
    other = {**PUT, "parameters": {**PUT["parameters"], "Body": "NDM="}}
    status, answer = gateway.post(other, "k")
    assert (status, answer["code"], len(gateway.upstream.sent)) == (422, "idempotency_mismatch", 1)


def test_gw_06_a_session_that_sts_refuses_leaves_the_call_unsent(gateway: Gateway) -> None:
    gateway.system.sessions.problem = Problem("issue_throttled", "STS is throttling.", "Try again.")
    status, answer = gateway.post(PUT, "k")
    assert (status, answer["code"], gateway.upstream.sent) == (503, "issue_throttled", [])
    gateway.system.sessions.problem = None
    assert gateway.post(PUT, "k")[0] == 200


def test_gw_05_a_secret_is_masked_unless_it_may_be_revealed(gateway: Gateway) -> None:
    secret = json.dumps({"Name": "db", "SecretString": "hunter2-hunter2"}).encode()
    answer = AwsAnswer(200, {"content-type": "application/x-amz-json-1.1"}, secret)
    gateway.upstream.answer = lambda: answer
    _, masked = gateway.post(SECRET)
    assert "hunter2" not in json.dumps(masked)
    assert masked["masked"] == ["SecretString"]
    revealing = Gateway(
        permissions=[{"actions": ["secretsmanager:GetSecretValue"], "resources": [SECRET_ARN]}], reveal=True
    )
    revealing.upstream.answer = lambda: answer
    _, revealed = revealing.post(SECRET)
    assert json.loads(revealed["body"])["SecretString"] == "hunter2-hunter2"
    assert "hunter2" not in json.dumps(revealing.records())


def test_gw_04_a_call_that_policy_reviews_waits_for_people(gateway: Gateway) -> None:
    status, answer = gateway.post(DELETE, "k")
    assert (status, gateway.upstream.sent) == (202, [])
    assert answer["call_id"].startswith("c-")


def test_gw_04_a_call_that_requests_its_own_grant_may_wait_for_people(gateway: Gateway) -> None:
    """One POST with one key begins both the grant and the review of the call."""
    body = {"target": "analytics-prod", "reason": "monthly report", **DELETE}
    first, again = (gateway.system.call(create_call, body, idempotency_key="k") for _ in range(2))
    assert (first[0], first[1]["call_id"]) == (again[0], again[1]["call_id"]) == (202, again[1]["call_id"])
    made = [each for name, each in gateway.system.store.grants.items() if name != gateway.grant_id]
    assert sorted((each.state, each.call is not None) for each in made) == [("active", False), ("pending", True)]


def test_gw_01_a_call_may_request_its_own_grant(gateway: Gateway) -> None:
    body = {"target": "analytics-prod", "reason": "monthly report", **PUT}
    first = gateway.system.call(create_call, body, idempotency_key="k")
    assert (first[0], first[1]["status"]) == (200, 200)
    assert first[1]["grant_id"] != gateway.grant_id
    again = gateway.system.call(create_call, body, idempotency_key="k")
    assert (again[1], len(gateway.upstream.sent)) == (first[1], 1)


def test_gw_01_a_call_that_requests_its_own_grant_names_a_ticket_where_the_target_needs_one(gateway: Gateway) -> None:
    config = gateway.system.ports.config
    targets = {alias: replace(each, ticket_patterns=("OPS-*",)) for alias, each in config.targets.items()}
    gateway.system.ports.config = replace(config, targets=targets)
    body = {"target": "analytics-prod", "reason": "monthly report", **PUT}
    status, answer, _ = gateway.system.call(create_call, body, idempotency_key="k")
    assert (status, [each["pointer"] for each in answer["errors"]]) == (400, ["/ticket"])
    assert not gateway.upstream.sent
    assert gateway.system.call(create_call, body | {"ticket": "OPS-12"}, idempotency_key="l")[0] == 200
    assert gateway.post(PUT)[0] == 200  # in a grant from before


@pytest.mark.parametrize(("longest", "lasts"), [(3600, 900), (600, 600)])
def test_gw_01_a_call_requests_its_own_grant_for_fifteen_minutes_at_most(gateway: Gateway, longest: int, lasts: int):
    config = gateway.system.ports.config
    gateway.system.ports.config = replace(config, limits=replace(config.limits, max_duration_seconds=longest))
    body = {"target": "analytics-prod", "reason": "monthly report", **PUT}
    made = gateway.system.store.grants[gateway.system.call(create_call, body, idempotency_key="k")[1]["grant_id"]]
    assert made.duration_seconds == lasts


def released(gateway: Gateway, grant_id: str) -> None:
    assert gateway.system.call(release_grant, {}, grant_id=grant_id)[0] == 200


IDENTITY = {"service": "sts", "operation": "GetCallerIdentity", "parameters": {}}


@pytest.mark.parametrize("call", [IDENTITY, GET], ids=["no permission", "a permission"])
def test_pol_07_a_call_in_a_grant_that_is_longer_than_the_target_now_allows_is_denied(call: dict[str, Any]):
    """An agent must not make Jitney fail, because failures roll back the deployment that shortened it."""
    gateway = Gateway()
    config = gateway.system.ports.config
    target = replace(config.targets["analytics-prod"], max_duration_seconds=300)
    gateway.system.ports.config = replace(config, targets={"analytics-prod": target})
    status, problem = gateway.post(call)
    assert (status, problem["code"], problem["reasons"][0]["policy"]) == (403, "denied", "builtin:duration")
    assert not problem["longest_seconds"]
    assert problem["fix"] == "Request a grant of a shorter duration, and make the call in it."


def test_pol_07_no_part_of_a_denied_call_is_suggested():
    """Policies permit the write. But a call cannot be made in part."""
    parameters = {"Bucket": "reports", "Key": "2026/a", "CopySource": "reports/salaries/2026"}
    status, problem = Gateway().post({"service": "s3", "operation": "CopyObject", "parameters": parameters})
    assert (status, problem["code"], problem["reasons"][0]["policy"]) == (403, "denied", "never")
    assert (problem["allowed_subset"], problem["longest_seconds"]) == ([], 0)
    assert problem["fix"] == "Make a different call, or ask your platform engineer for a policy that permits this one."


def denied(gateway: Gateway, _grant_id: str) -> None:
    gateway.system.ports.policies = PolicySet.load(
        configuration('@id("none") forbid (principal, action, resource);').policies
    )


def over_quota(gateway: Gateway, _grant_id: str) -> None:
    config = gateway.system.ports.config
    gateway.system.ports.config = replace(config, limits=replace(config.limits, grants_per_hour=1))


@pytest.mark.parametrize("then", [released, denied, over_quota])
def test_gw_06_a_repeated_call_that_requested_its_own_grant_gets_its_answer(
    gateway: Gateway, then: Callable[[Gateway, str], None]
) -> None:
    """Another answer than that of the first POST would look as if the call had not run."""
    body = {"target": "analytics-prod", "reason": "monthly report", **PUT}
    first = gateway.system.call(create_call, body, idempotency_key="k")[1]
    then(gateway, first["grant_id"])
    assert gateway.system.call(create_call, body, idempotency_key="k")[:2] == (200, first)
    status, other, _ = gateway.system.call(create_call, body | {"reason": "another"}, idempotency_key="k")
    assert (status, other["code"]) == (422, "idempotency_mismatch")
    assert len(gateway.upstream.sent) == 1


def expired(gateway: Gateway, grant_id: str) -> None:
    gateway.system.now = gateway.system.store.grants[grant_id].expires_at + 1


def revoked(gateway: Gateway, grant_id: str) -> None:
    operator = minting.token(sub="carol", groups=["security"])
    ended = gateway.system.call(revoke_grant, {"reason": "stop"}, grant_id=grant_id, token=operator)
    assert ended[0] == 200


@pytest.mark.parametrize(
    ("form", "then", "expected"),
    [
        ("grant", released, (200, "")),
        ("grant", expired, (200, "")),
        ("grant", revoked, (410, "grant_revoked")),
        ("target", released, (200, "")),
        ("target", expired, (409, "call_already_made")),  # its grant lasts as long as the answer is kept
        ("target", revoked, (410, "grant_revoked")),
    ],
)
def test_gw_06_a_repeat_gets_its_answer_after_the_end_of_its_grant_but_not_after_a_revocation(
    gateway: Gateway, form: str, then: Callable[[Gateway, str], None], expected: tuple[int, str]
) -> None:
    own = {"grant": gateway.grant_id} if form == "grant" else {"target": "analytics-prod", "reason": "monthly report"}
    gateway.system.now += 10
    _, first, _ = gateway.system.call(create_call, own | PUT, idempotency_key="k")
    then(gateway, first["grant_id"])
    token = minting.token(iat=gateway.system.now, exp=gateway.system.now + 300)
    status, again, _ = gateway.system.call(create_call, own | PUT, idempotency_key="k", token=token)
    assert (status, again.get("code", "")) == expected
    assert status != 200 or again == first
    assert len(gateway.upstream.sent) == 1


def test_gw_01_the_grant_of_one_call_covers_this_call_only(gateway: Gateway) -> None:
    body = {"target": "analytics-prod", "reason": "monthly report", **PUT}
    _, answer, _ = gateway.system.call(create_call, body, idempotency_key="k")
    status, refused = gateway.post(GET, grant=answer["grant_id"])
    assert (status, refused["code"]) == (403, "call_outside_grant")


def test_gw_05_an_answer_that_lambda_cannot_carry_says_that_the_call_ran(gateway: Gateway) -> None:
    gateway.upstream.answer = lambda: AwsAnswer(200, {"content-type": "application/octet-stream"}, b"\xff" * 5_000_000)
    status, answer = gateway.post(GET)
    assert (status, answer["code"]) == (502, "answer_unmaskable")
    assert "The call ran." in answer["detail"]
    assert gateway.entries() == [("call", "failed", "answer_unmaskable")]


KEY = "arn:aws:kms:eu-west-1:444455556666:key/11112222-3333-4444-5555-666677778888"
OF_KEY = [
    {"actions": ["s3:GetObject", "s3:PutObject"], "resources": ["arn:aws:s3:::reports/2026/a"]},
    {"actions": ["kms:Decrypt", "kms:GenerateDataKey"], "resources": [KEY]},
]
KEY_BY_CALL = """
@id("all") permit (principal, action, resource) when { context.way == "gateway" };
@id("keys") forbid (principal, action, resource) when { context.action like "kms:*" }
when { if context.call.hasTag("operation") then !context.approvals.contains("owners") else false };
"""


@pytest.mark.parametrize("call", [GET, PUT], ids=["a read", "a change"])
def test_gw_04_a_call_uses_only_what_policies_permit_for_it(call: dict[str, Any]) -> None:
    for policies, permitted in ((KEY_BY_CALL, False), (KEY_BY_CALL.partition('@id("keys")')[0], True)):
        gateway = Gateway(policies, permissions=OF_KEY)
        assert gateway.post(call)[0] == 200
        asked = gateway.system.sessions.asked[-1]
        assert (KEY in asked.policy.text) is permitted
        assert asked.name.startswith("c-reads-") is (call is GET)


def test_gw_04_a_read_without_a_permission_of_its_grant_has_a_session_for_what_it_needs() -> None:
    """It stays a read: it has one record and may be repeated. Reads that need the same share the session."""
    gateway = Gateway(KEY_BY_CALL, permissions=OF_KEY)
    assert [gateway.post(GET)[0] for _ in range(2)] == [200, 200]
    assert gateway.entries() == [("call", "answered", ""), ("call", "answered", "")]
    (asked,) = gateway.system.sessions.asked
    (allowed,) = (each for each in json.loads(asked.policy.text)["Statement"] if each["Effect"] == "Allow")
    assert (allowed["Action"], allowed["Resource"]) == ("s3:GetObject", "arn:aws:s3:::reports/2026/a")


IN_OWN_ACCOUNT = """
@id("all") permit (principal, action, resource)
when { context.way == "gateway" && (resource.wildcard || !resource.wildcard) };
@id("others") forbid (principal, action, resource)
when { context.call.hasTag("operation") && resource.account == "999999999999" };
"""


def test_gw_04_no_call_names_another_account_in_a_parameter() -> None:
    """Policies would decide about the repository r of the target's account, and AWS would answer about another one."""
    gateway = Gateway(IN_OWN_ACCOUNT, permissions=[{"actions": ["ecr:ListImages"], "resources": ["*"]}])
    call = {"service": "ecr", "operation": "ListImages"}
    status, problem = gateway.post({**call, "parameters": {"repositoryName": "r", "registryId": "999999999999"}})
    assert (status, problem.get("code"), gateway.upstream.sent) == (400, "account_mismatch", [])
    assert gateway.post({**call, "parameters": {"repositoryName": "r", "registryId": "444455556666"}})[0] == 200


NO_SALARIES = """
@id("all") permit (principal, action, resource)
when { context.way == "gateway" && (resource.wildcard || !resource.wildcard) };
@id("salaries") forbid (principal, action, resource)
when { context.call.hasTag("operation") && resource.arn like "*:parameter/a/salaries" };
"""


@pytest.mark.parametrize("selector", ["", ":3", ":new"])
def test_gw_04_the_version_of_a_parameter_is_no_other_parameter(selector: str) -> None:
    permissions = [{"actions": ["ssm:GetParameter"], "resources": ["arn:aws:ssm:eu-west-1:444455556666:parameter/a/*"]}]
    gateway = Gateway(NO_SALARIES, permissions=permissions)
    call = {"service": "ssm", "operation": "GetParameter"}
    status, problem = gateway.post({**call, "parameters": {"Name": f"/a/salaries{selector}"}})
    assert (status, problem.get("code"), gateway.upstream.sent) == (403, "denied", [])
    assert gateway.post({**call, "parameters": {"Name": f"/a/user{selector}"}})[0] == 200


def test_gw_04_a_table_in_capitals_is_no_other_table() -> None:
    named = "arn:aws:glue:eu-west-1:444455556666:"
    resources = [f"{named}{each}" for each in ("catalog", "database/*", "table/*")]
    policies = NO_SALARIES.replace("*:parameter/a/salaries", "*:table/staff/salaries")
    gateway = Gateway(policies, permissions=[{"actions": ["glue:GetTable"], "resources": resources}])
    call = {"service": "glue", "operation": "GetTable"}
    for database, table in (("staff", "salaries"), ("staff", "Salaries"), ("STAFF", "salaries")):
        status, problem = gateway.post({**call, "parameters": {"DatabaseName": database, "Name": table}})
        assert (status, problem.get("code"), gateway.upstream.sent) == (403, "denied", [])


PUT_BY_OWNERS = """
@id("all") permit (principal, action, resource) when { context.way == "gateway" };
@id("puts") @approval("owners") forbid (principal, action, resource)
when { context.action == "s3:PutObject" && context.call.hasTag("operation") }
unless { context.approvals.contains("owners") };
@id("keys") @approval("GROUP") forbid (principal, action, resource)
when { context.action like "kms:*" && context.call.hasTag("operation") } unless { context.approvals.contains("GROUP") };
"""


@pytest.mark.parametrize(("group", "permitted"), [("owners", True), ("security", False)])
def test_gw_04_an_approved_call_uses_only_what_its_own_reviewers_could_approve(group: str, permitted: bool) -> None:
    """Owners approved the call. Security would have to approve a use of the key, and was not asked."""
    gateway = Gateway(PUT_BY_OWNERS.replace("GROUP", group), permissions=OF_KEY)
    ports = gateway.system.ports
    ports.config = replace(ports.config, reviewers=ports.config.reviewers | {"security": ReviewerGroup(("corp.bob",))})
    assert gateway.post(PUT, "k")[0] == 202
    call = next(each for each in gateway.system.store.grants.values() if each.call)
    assert call.reviews == (("owners",),)
    vote(ballot(call), ports)
    assert gateway.post(PUT, "k")[0] == 200
    asked = gateway.system.sessions.asked[-1]
    assert ("s3:PutObject" in asked.policy.text, KEY in asked.policy.text) == (True, permitted)


LIMITED_KEYS = """
@id("objects") permit (principal, action, resource) when { context.way == "gateway" && context.action like "s3:*" };
@id("keys") @call_limits("calls=1") permit (principal, action, resource)
when { context.way == "gateway" && context.action like "kms:*" };
@id("a-key") @call_limits("calls=2") permit (principal, action, resource)
when { context.way == "gateway" && context.action like "kms:*" && context.service == "kms" };
"""
DENIED_KEYS = """
@id("no-keys") forbid (principal, action, resource)
when { context.action like "kms:*" && context.call.hasTag("operation") };
"""


@pytest.mark.parametrize("call", [GET, PUT])
def test_gw_12_the_limits_of_what_a_call_may_use_in_addition_count_for_the_call(call: dict[str, Any]) -> None:
    """Otherwise an agent could use a key as often as it likes by calls that may need the key."""
    gateway = Gateway(LIMITED_KEYS, permissions=OF_KEY)
    assert gateway.post(call)[0] == 200
    status, problem = gateway.post(call)
    assert (status, problem["code"], problem["budget"]["calls"]["limit"]) == (403, "call_budget_used", 1)
    without = Gateway(LIMITED_KEYS + DENIED_KEYS, permissions=OF_KEY)
    assert [without.post(call)[0] for _ in range(3)] == [200, 200, 200]


READ_FURTHER = """
@id("all") permit (principal, action, resource)
when { context.way == "gateway" && [true, false].contains(resource.wildcard) };
@id("never") forbid (principal, action, resource)
when { context.action == "logs:Unmask"
    || resource.arn like "arn:aws:rds:*:db:prod-*" || resource.arn like "arn:aws:s3:::*/salaries/*" }
unless { context.call.hasTag("operation") == false };
"""
LOG_GROUP = "arn:aws:logs:eu-west-1:444455556666:log-group:app:*"
OF_READS = [
    {"actions": ["cloudformation:ValidateTemplate"], "resources": ["*"]},
    {"actions": ["logs:FilterLogEvents", "logs:Unmask"], "resources": [LOG_GROUP]},
    {"actions": ["rds:DownloadDBLogFilePortion"], "resources": ["arn:aws:rds:eu-west-1:444455556666:db:*"]},
    {"actions": ["s3:GetObject"], "resources": ["arn:aws:s3:::reports/salaries/a"]},
]


@pytest.mark.parametrize(
    ("service", "operation", "parameters", "code"),
    [
        ("logs", "FilterLogEvents", {"logGroupName": "app", "unmask": False}, None),
        ("logs", "FilterLogEvents", {"logGroupName": "app", "unmask": True}, "denied"),
        ("rds", "DownloadDBLogFilePortion", {"DBInstanceIdentifier": "test", "LogFileName": "l"}, None),
        ("rds", "DownloadDBLogFilePortion", {"DBInstanceIdentifier": "PROD-db", "LogFileName": "l"}, "denied"),
        *(
            ("cloudformation", "ValidateTemplate", {"TemplateURL": f"https://reports.s3.amazonaws.com/{key}"}, code)
            for key, code in (("salaries/a", "denied"), ("salaries%2Fa", "call_invalid"))
        ),
    ],
)
def test_gw_04_a_read_uses_only_what_policies_permit_for_it(
    service: str, operation: str, parameters: dict[str, Any], code: str | None
) -> None:
    gateway = Gateway(READ_FURTHER, permissions=OF_READS)
    _, answer = gateway.post({"service": service, "operation": operation, "parameters": parameters})
    assert (answer.get("code"), len(gateway.upstream.sent)) == (code, 0 if code else 1)


def test_gw_07_a_call_whose_resources_do_not_fit_into_a_record_is_not_sent() -> None:
    gateway = Gateway()
    status, answer = gateway.post({**GET, "parameters": {"Bucket": "reports", "Key": "a" * 100_000}})
    assert (status, answer["code"], gateway.upstream.sent) == (413, "call_too_large", [])
    assert len(json.dumps(answer)) < 2_000


ITEM = {"service": "dynamodb", "operation": "GetItem", "parameters": {"TableName": "orders", "Key": {"id": {"S": "a"}}}}
HOSTILE_NAMES = {
    "a lone surrogate": ("\ud800password",),
    "long names": tuple(f"{number}{'n' * 60_000}password" for number in range(20)),
    "many names": tuple("\U0001f600" + "\\" * 200 + f"{number}_password" for number in range(1_000)),
}


@pytest.mark.parametrize("names", HOSTILE_NAMES.values(), ids=HOSTILE_NAMES)
def test_gw_07_an_answer_cannot_keep_its_call_from_being_recorded(names: tuple[str, ...]) -> None:
    held = {"actions": ["dynamodb:GetItem"], "resources": ["arn:aws:dynamodb:eu-west-1:444455556666:table/orders"]}
    gateway = Gateway(permissions=[held])
    body = json.dumps({"Item": {name: {"S": "hunter2000"} for name in names}}).encode()
    gateway.upstream.answer = lambda: AwsAnswer(200, {"x-amzn-requestid": REQUEST_ID}, body)
    status, answer = gateway.post(ITEM)
    assert (status, "hunter2000" in answer["body"]) == (200, False)
    assert gateway.entries() == [("call", "answered", "")]
    assert len(gateway.system.store.links[-1].text.encode()) < 200_000


@pytest.mark.parametrize("call", [GET, DELETE], ids=["a read", "a change"])
def test_gw_07_a_resource_named_by_a_secret_is_in_no_record(call: dict[str, Any]) -> None:
    policies = '@id("all") permit (principal, action, resource) when { resource.wildcard || !resource.wildcard };'
    held = {"actions": ["s3:GetObject", "s3:DeleteObject"], "resources": ["arn:aws:s3:::reports/2026/*"]}
    gateway = Gateway(policies, permissions=[held])
    status, answer = gateway.post({**call, "parameters": {"Bucket": "reports", "Key": "2026/password=hunter2000"}})
    assert (status, answer["code"], gateway.upstream.sent) == (400, "call_invalid", [])
    assert "hunter2000" not in json.dumps([answer, gateway.records()])


def test_gw_07_a_large_answer_that_comes_late_is_on_record_instead_of_masked(gateway: Gateway) -> None:
    """Else the function would be ended while it masks, and the call would have no record."""

    def answer() -> AwsAnswer:
        gateway.system.now += 18
        return AwsAnswer(200, {"content-type": "text/plain"}, b"a" * 4_000_000)

    gateway.upstream.answer = answer
    status, refused = gateway.post(GET)
    assert (status, refused["code"]) == (502, "answer_unmaskable")
    assert "too late" in refused["detail"]
    assert gateway.entries() == [("call", "failed", "answer_unmaskable")]


def test_gw_07_a_slow_start_leaves_aws_less_time(gateway: Gateway, monkeypatch: pytest.MonkeyPatch) -> None:
    gateway.post(GET)
    explain = gateway.system.ports.explainer

    def slowly(seconds: int) -> None:
        def explained(calls: Any, target: Any) -> Any:
            gateway.system.now += seconds
            return explain(calls, target)

        monkeypatch.setattr(gateway.system.ports, "explainer", explained)

    slowly(10)
    assert gateway.post(GET)[0] == 200
    assert gateway.upstream.seconds == [20, 13]
    slowly(23)
    status, refused = gateway.post(PUT, "k")
    assert (status, refused["code"], len(gateway.upstream.sent)) == (503, "upstream_unreached", 2)
    monkeypatch.setattr(gateway.system.ports, "explainer", explain)
    assert gateway.post(PUT, "k")[0] == 200
