"""No hostile call of POST /v1/calls reaches AWS, and each takes bounded time and memory (row GW 12)."""

import json
import tracemalloc
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from jitney.handlers.gateway_calls import create_call
from tests.cpu_time import within_cpu_seconds
from tests.examples import examples
from tests.handlers.gateway import Gateway
from tests.handlers.hostile_calls import FAMILIES, HOSTILE, OTHER_HOSTS, PERMISSIONS, PLAIN, with_

MOST_SECONDS = 0.75
MOST_BYTES = 30
"""The most memory for each byte of a call. A call may have 5 MB. The function has more memory than that takes."""
LOADED_BYTES = 10_000_000
"""The memory of what the first call of a kind loads."""
LEAST_CASES = 150


@pytest.fixture
def gateway() -> Gateway:
    return Gateway(permissions=PERMISSIONS)


def posted(gateway: Gateway, body: str) -> tuple[int, dict[str, Any]]:
    return gateway.system.call(create_call, body.replace("GRANT", gateway.grant_id), idempotency_key="key-1")[:2]


def test_gw_12_the_corpus_has_all_families():
    assert len(HOSTILE) >= LEAST_CASES
    assert all(len([name for name in HOSTILE if name.startswith(f"{family}: ")]) >= 10 for family in FAMILIES)


@pytest.mark.parametrize("call", PLAIN)
def test_gw_12_without_the_hostile_part_each_call_is_sent(gateway: Gateway, call: str):
    status, answer = gateway.post(PLAIN[call])
    assert (status, len(gateway.upstream.sent)) == (200, 1), answer


@pytest.mark.parametrize("name", HOSTILE)
def test_gw_12_nothing_of_a_hostile_call_is_sent(gateway: Gateway, name: str):
    with within_cpu_seconds(MOST_SECONDS):
        status, answer = posted(gateway, HOSTILE[name])
    assert 400 <= status < 500, answer
    assert answer["code"] not in ("rate_limited", "internal_error")
    assert gateway.upstream.sent == []
    assert gateway.system.sessions.asked == []
    assert len(json.dumps(answer)) < 20_000


@pytest.mark.parametrize("name", [name for name in HOSTILE if name.startswith(("size: ", "text: too", "text: deep"))])
def test_gw_12_a_hostile_call_takes_bounded_memory(gateway: Gateway, name: str):
    body = HOSTILE[name]
    tracemalloc.start()
    try:
        posted(gateway, body)
        _, peak = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()
    assert peak < LOADED_BYTES + MOST_BYTES * len(body)


@pytest.mark.parametrize("url", OTHER_HOSTS)
def test_gw_02_the_host_in_a_queue_address_chooses_no_host(gateway: Gateway, url: str):
    assert posted(gateway, with_("message", QueueUrl=url))[0] == 200
    ((_, endpoint),) = gateway.upstream.sent
    assert endpoint.url == "https://sqs.eu-west-1.amazonaws.com"


ANY = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=8),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=6), inner, max_size=3),
    max_leaves=6,
)


@settings(max_examples=examples(300), deadline=None)
@given(st.sampled_from(sorted(PLAIN)), st.data())
def test_gw_12_any_value_of_a_parameter_is_sent_as_it_is_or_refused(call: str, data: Any):
    """Such a value names no other resource: a call that is sent has it as content."""
    gateway = Gateway(permissions=PERMISSIONS)
    plain = PLAIN[call]
    name = data.draw(st.sampled_from([*sorted(plain["parameters"]), "Unknown"]))
    value = data.draw(ANY)
    status, answer = posted(
        gateway, json.dumps({"grant": "GRANT", **plain, "parameters": plain["parameters"] | {name: value}})
    )
    assert status == 200 or 400 <= status < 500, answer
    assert len(gateway.upstream.sent) == (status == 200)
    if status == 200:
        assert name in ("Body", "Message", "MessageBody", "Item", "ExpressionAttributeValues", "KeyConditionExpression")
