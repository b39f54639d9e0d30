"""SDKs' own retries find the first attempt, and refusals are not retried (row GW 6)."""

import threading
import time
from collections.abc import Callable, Mapping
from dataclasses import replace
from typing import Any

import pytest
from botocore.exceptions import ClientError, ConnectionClosedError, EndpointConnectionError, ReadTimeoutError

from jitney import resources
from jitney.client.api.responses import GrantResponse
from jitney.client.gateway.call_answers import CallAnswer, CallUnderReview
from jitney.client.problems import ClientProblem, Denied, Invalid, Unavailable
from jitney.core.calls.call import AwsLocation
from jitney.core.calls.call_needs import explain_call
from jitney.core.calls.operations import OperationTable
from jitney.core.calls.parser import read_object
from jitney.core.gateway.inside_grant import require_inside
from jitney.core.problems import Problem
from tests.client.fake_broker import REVIEW, grant
from tests.client.gateway.aws_behind import CALL_ID
from tests.client.gateway.conftest import Served
from tests.fakes import ACTIONS, GRANT

ANSWER = CallAnswer(CALL_ID, 200, {"content-type": "application/x-amz-json-1.0"}, b"{}")
OPERATIONS = OperationTable.load(resources.OPERATIONS.read_bytes())
CHILD = "g-bcdefghijklmn3"
ITEM = {"TableName": "t", "Item": {"id": {"S": "1"}}}


def keys(served: Served) -> set[str]:
    return {key for _, key in served.broker.calls}


def once(*outcomes: Any) -> Callable[[Mapping[str, Any], str], Any]:
    """Return what `AwsBehindBroker.instead` takes: raises or answers the outcomes in turn, the last one always."""
    left = list(outcomes)

    def instead(_call: Mapping[str, Any], _key: str) -> Any:
        outcome = left.pop(0) if len(left) > 1 else left[0]
        if isinstance(outcome, Exception):
            raise outcome
        return outcome

    return instead


def problem(kind: type[ClientProblem], code: str, **extras: Any) -> ClientProblem:
    return kind(code, "Title", f"Detail of {code}.", f"Fix of {code}.", extras)


@pytest.mark.parametrize("mode", ["legacy", "standard", "adaptive"])
@pytest.mark.parametrize("code", ["no_response", "unavailable", "rate_limited", "upstream_unreached"])
def test_gw_06_attempts_of_one_call_have_one_key(served: Served, mode: str, code: str):
    served.broker.instead = once(problem(Unavailable, code), ANSWER)
    client = served.client("dynamodb", retries={"mode": mode, "max_attempts": 3})
    answer = client.put_item(**ITEM)
    assert answer["ResponseMetadata"]["RetryAttempts"] == 1
    assert (len(served.broker.calls), len(keys(served))) == (2, 1)
    client.put_item(**ITEM)
    assert len(keys(served)) == 2


def test_gw_06_an_answer_that_the_sdk_does_not_wait_for_is_found_by_its_next_attempt(served: Served):
    began, go_on = threading.Event(), threading.Event()

    def slow(_call: Mapping[str, Any], _key: str) -> CallAnswer:
        if not began.is_set():
            began.set()
            go_on.wait(20)
        return ANSWER

    served.broker.instead = slow
    client = served.client("dynamodb", read_timeout=1, retries={"mode": "standard", "max_attempts": 3})
    threading.Timer(2.5, go_on.set).start()
    client.put_item(**ITEM)
    assert len(keys(served)) == 1
    assert len(served.broker.calls) >= 2


@pytest.mark.parametrize("mode", ["legacy", "standard", "adaptive"])
@pytest.mark.parametrize(
    ("code", "kind"),
    [
        ("call_outside_grant", Denied),
        ("call_may_have_run", Unavailable),
        ("answer_unmaskable", Unavailable),
        ("call_already_made", Invalid),
        ("call_invalid", Invalid),
        ("call_unsupported", Invalid),
        ("call_too_large", Invalid),
        ("call_budget_used", Denied),
        ("grant_revoked", Denied),
        ("suspended", Denied),
        ("internal", Unavailable),
    ],
)
def test_gw_06_what_must_not_be_repeated_is_not_retried(served: Served, mode: str, code: str, kind: Any):
    served.broker.instead = once(problem(kind, code))
    name = "Jitney" + "".join(word.capitalize() for word in code.split("_"))
    for service, call in PROTOCOLS.items():
        served.broker.calls.clear()
        with pytest.raises(ClientError) as caught:
            call(served.client(service, retries={"mode": mode, "max_attempts": 4}))
        error = caught.value.response["Error"]
        assert (error["Code"], error["Message"]) == (name, f"Detail of {code}. Fix of {code}."), service
        assert len(served.broker.calls) == 1


PROTOCOLS = {
    "dynamodb": lambda client: client.put_item(**ITEM),
    "sqs": lambda client: client.send_message(QueueUrl="http://127.0.0.1/1/q", MessageBody="m"),
    "lambda": lambda client: client.delete_function(FunctionName="f"),
    "iam": lambda client: client.delete_user(UserName="u"),
    "ec2": lambda client: client.terminate_instances(InstanceIds=["i-1"]),
    "s3": lambda client: client.delete_object(Bucket="bucket-1", Key="k"),
    "route53": lambda client: client.delete_hosted_zone(Id="Z1"),
}
"""A write in each protocol."""


def test_gw_03_the_smallest_request_is_in_the_error(served: Served):
    call = {"service": "s3", "operation": "DeleteObject", "parameters": {"Bucket": "bucket-1", "Key": "k"}}
    needed = explain_call(read_object(call, OPERATIONS), AwsLocation("aws", "eu-west-1", "444455556666"))
    with pytest.raises(Problem) as refused:
        require_inside(needed, GRANT, ACTIONS)
    served.broker.instead = once(problem(Denied, refused.value.code, **refused.value.extras))
    with pytest.raises(ClientError, match=r'smallest_request: .*"s3:DeleteObject".*"arn:aws:s3:::bucket-1/k"'):
        served.client("s3").delete_object(Bucket="bucket-1", Key="k")


def test_gw_03_why_a_head_request_was_refused_is_shown_to_the_person(served: Served):
    served.broker.instead = once(problem(Denied, "call_outside_grant"))
    with pytest.raises(ClientError, match="403"):
        served.client("s3").head_object(Bucket="bucket-1", Key="k")
    assert served.notes == ["jitney: Detail of call_outside_grant. Fix of call_outside_grant."]


def test_gw_06_without_an_invocation_id_a_lost_answer_may_have_run(served: Served):
    """Another attempt of such a client would have another key."""
    served.broker.instead = once(problem(Unavailable, "no_response"))
    client = served.client("dynamodb", retries={"mode": "standard", "max_attempts": 3})
    client.meta.events.register("before-send", without_invocation)
    with pytest.raises(ClientError) as caught:
        client.put_item(**ITEM)
    assert caught.value.response["Error"]["Code"] == "JitneyCallMayHaveRun"
    assert len(served.broker.calls) == 1


def client_without_invocation(served: Served) -> Any:
    """Return a client that sends no invocation id, like object_store and minio-go."""
    client = served.client("s3", retries={"mode": "standard", "max_attempts": 3})
    client.meta.events.register("before-send", without_invocation)
    return client


@pytest.mark.parametrize("code", ["no_response", "unavailable", "store_busy"])
def test_gw_06_without_an_invocation_id_a_read_may_be_repeated(served: Served, code: str):
    served.broker.instead = once(problem(Unavailable, code), ANSWER, problem(Unavailable, code), ANSWER)
    client_without_invocation(served).get_object(Bucket="bucket-1", Key="k")
    client_without_invocation(served).head_object(Bucket="bucket-1", Key="k")
    assert (len(served.broker.calls), len(keys(served))) == (4, 4)


@pytest.mark.parametrize("code", ["unavailable", "store_busy"])
def test_gw_06_without_an_invocation_id_a_write_that_may_have_run_is_not_repeated(served: Served, code: str):
    served.broker.instead = once(problem(Unavailable, code))
    with pytest.raises(ClientError, match=f"Detail of {code}"):
        client_without_invocation(served).delete_object(Bucket="bucket-1", Key="k")
    assert len(served.broker.calls) == 1


@pytest.mark.parametrize("code", ["rate_limited", "upstream_unreached", "grant_conflict", "keys_unavailable"])
def test_gw_06_without_an_invocation_id_a_call_that_did_not_run_may_be_repeated(served: Served, code: str):
    served.broker.instead = once(problem(Unavailable, code), replace(ANSWER, status=204, body=b""))
    client_without_invocation(served).delete_object(Bucket="bucket-1", Key="k")
    assert (len(served.broker.calls), len(keys(served))) == (2, 2)


@pytest.mark.parametrize("code", ["rate_limited", "upstream_unreached", "grant_conflict", "keys_unavailable"])
@pytest.mark.parametrize("before", [[], [problem(Invalid, "call_in_progress", retry_seconds=1)]])
def test_gw_06_without_an_invocation_id_a_refused_repeat_of_jitney_does_not_show_that_a_write_did_not_run(
    served: Served, code: str, before: list[ClientProblem]
):
    """The answer to the endpoint's own first attempt was lost, so the call may have run."""
    extras = {} if before else {"repeated": True}
    served.broker.instead = once(*before, problem(Unavailable, code, **extras))
    with pytest.raises(ClientError, match="may have run"):
        client_without_invocation(served).delete_object(Bucket="bucket-1", Key="k")
    assert len(served.broker.calls) == len(before) + 1
    served.broker.instead = once(problem(Unavailable, code, repeated=True), ANSWER)
    client_without_invocation(served).get_object(Bucket="bucket-1", Key="k")


def test_gw_06_without_an_invocation_id_a_call_whose_grant_was_refused_may_be_repeated(served: Served):
    """Jitney repeated the request of the grant, and sent no call."""
    outcomes: list[Any] = [problem(Unavailable, "rate_limited", repeated=True), "g-aaaaaaaaaaaaa2"]

    def next_grant() -> str:
        outcome = outcomes.pop(0)
        if isinstance(outcome, Exception):
            raise outcome
        return str(outcome)

    served.grants.next = next_grant
    served.broker.instead = once(replace(ANSWER, status=204, body=b""))
    client_without_invocation(served).delete_object(Bucket="bucket-1", Key="k")
    assert len(served.broker.calls) == 1


def without_invocation(request: Any, **_: Any) -> None:
    del request.headers["amz-sdk-invocation-id"]


def under_review(**members: Any) -> CallUnderReview:
    child = {"grant": grant("pending", id=CHILD), "review": REVIEW | members}
    return CallUnderReview(CALL_ID, GrantResponse.read(child), 1)


def test_gw_04_a_call_under_review_waits_and_is_repeated_with_its_key(served: Served):
    served.broker.instead = once(under_review(), under_review(), under_review(escalated_to=["security"]), ANSWER)
    served.client("dynamodb").put_item(**ITEM)
    assert (len(served.broker.calls), len(keys(served))) == (4, 1)
    first, second = served.notes
    assert first.startswith(f"jitney: dynamodb PutItem ({CALL_ID}) is under review by data-owners")
    assert "escalated to security" in second


def test_cli_03_the_decision_about_a_call_ends_its_wait_at_once(served: Served):
    served.broker.instead = once(replace(under_review(), retry_seconds=60), ANSWER)
    served.broker.decided = lambda _: GrantResponse.read({"grant": grant("active", id=CHILD)})
    served.client("dynamodb", read_timeout=20).put_item(**ITEM)
    assert (served.broker.looks, len(served.broker.calls), len(keys(served))) == ([(CHILD, 10)], 2, 1)


def test_gw_06_attempts_at_one_call_name_one_grant_and_the_next_call_names_the_next_grant(served: Served):
    """For another grant, the broker would take the attempt for another call with a used key."""
    served.broker.instead = once(problem(Unavailable, "no_response"), ANSWER)
    grants = iter(["g-aaaaaaaaaaaaa2", "g-bbbbbbbbbbbbb2"])
    served.grants.next = lambda: next(grants)
    client = served.client("dynamodb", retries={"mode": "standard", "max_attempts": 3})
    client.put_item(**ITEM)
    client.put_item(**ITEM)
    named = [call["grant"] for call, _ in served.broker.calls]
    assert named == ["g-aaaaaaaaaaaaa2", "g-aaaaaaaaaaaaa2", "g-bbbbbbbbbbbbb2"]


def test_gw_04_a_rejected_call_ends_with_the_reviewers_decision(served: Served):
    served.broker.instead = once(under_review(), problem(Denied, "grant_rejected"))
    with pytest.raises(ClientError) as caught:
        served.client("dynamodb").put_item(**ITEM)
    assert caught.value.response["Error"]["Code"] == "JitneyGrantRejected"


def test_gw_06_a_call_whose_program_has_left_is_not_sent_after_its_approval(served: Served):
    """Else a delete would run although its program believes that it failed."""
    served.broker.instead = once(under_review())
    client = served.client("dynamodb", read_timeout=1, retries={"total_max_attempts": 1})
    with pytest.raises(ReadTimeoutError):
        client.put_item(**ITEM)
    client.close()
    time.sleep(1)
    made = len(served.broker.calls)
    served.broker.instead = once(ANSWER)
    time.sleep(1)
    assert len(served.broker.calls) == made


def test_gw_06_a_call_that_another_attempt_is_sending_is_waited_for(served: Served):
    in_progress = problem(Invalid, "call_in_progress", retry_seconds=1)
    served.broker.instead = once(in_progress, in_progress, ANSWER)
    served.client("dynamodb").put_item(**ITEM)
    assert (len(served.broker.calls), len(keys(served))) == (3, 1)


def test_gw_12_a_failure_of_the_endpoint_itself_is_not_retried(served: Served):
    served.broker.instead = once(RuntimeError("secret text"))
    with pytest.raises(ClientError) as caught:
        served.client("dynamodb", retries={"mode": "standard"}).put_item(**ITEM)
    assert caught.value.response["Error"]["Code"] == "JitneyEndpointFailed"
    assert (len(served.broker.calls), served.notes) == (1, ["jitney: the endpoint failed: RuntimeError"])


def test_gw_12_a_body_that_is_too_large_is_refused_and_the_connection_goes_on(served: Served):
    s3 = served.client("s3", retries={"total_max_attempts": 1})
    tables = served.client("dynamodb", retries={"total_max_attempts": 1})
    for size in (4_999_900, 5_000_001, 20_000_000):
        with pytest.raises(ClientError) as caught:
            tables.put_item(TableName="t", Item={"id": {"S": "x" * size}})
        assert caught.value.response["Error"]["Code"] == "JitneyCallTooLarge"
    assert served.broker.calls == []
    assert s3.list_buckets()["Buckets"] == []


def test_gw_12_many_connections_at_once_are_served(served: Served):
    client = served.client("dynamodb", max_pool_connections=40)
    served.broker.instead = once(ANSWER)
    failures: list[BaseException] = []

    def call() -> None:
        try:
            client.put_item(**ITEM)
        except (ClientError, ConnectionClosedError, EndpointConnectionError) as error:
            failures.append(error)

    threads = [threading.Thread(target=call) for _ in range(40)]
    for each in threads:
        each.start()
    for each in threads:
        each.join()
    assert failures == []
    assert len(keys(served)) == 40
