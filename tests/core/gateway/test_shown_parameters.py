"""What reviewers and records see of a call's parameters, and the keyed hash of these."""

import hashlib
import json
from datetime import UTC, datetime, timedelta, timezone
from decimal import Decimal
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from jitney import resources
from jitney.core.gateway.shown_parameters import canonical_parameters, parameters_mac, shown_parameters
from jitney.core.masking.aws_masker import AwsMasker, CallDirection
from jitney.core.masking.mask_tags import MASK, TextMaskTags
from jitney.core.masking.table import MaskTable

KEY = b"k" * 32
MASKER = AwsMasker(MaskTable.load(resources.MASKS.read_bytes()), TextMaskTags(lambda: KEY))
NOON = datetime(2026, 11, 24, 12, tzinfo=UTC)
PEM = "-----BEGIN RSA PRIVATE KEY-----\nMIIEowIBAAKCAQEAx\n-----END RSA PRIVATE KEY-----\n"


def shown(service: str, operation: str, parameters: dict[str, Any]) -> dict[str, Any]:
    return shown_parameters(parameters, MASKER.call(service, operation, CallDirection.INPUT, parameters).value)


def mac(parameters: dict[str, Any], key: bytes = KEY, call: tuple[str, str, str] = ("s3", "PutObject", "eu-west-1")):
    return parameters_mac(key, *call, parameters)


def test_rev_16_a_body_is_shown_by_its_length_and_hash():
    body = b"\x00\x01 hello"
    found = shown("s3", "PutObject", {"Bucket": "reports", "Key": "a", "Body": body})
    digest = hashlib.sha256(body).hexdigest()
    assert found == {"Bucket": "reports", "Key": "a", "Body": f"[8 bytes, SHA-256 {digest}]"}


def test_rev_16_a_hash_of_a_secret_is_not_shown():
    body = f"user=alice\n{PEM}".encode()
    found = shown("s3", "PutObject", {"Bucket": "reports", "Key": "a", "Body": body})
    assert found["Body"] == f"[{len(body)} bytes with a masked secret]"
    found = shown("secretsmanager", "PutSecretValue", {"SecretId": "a", "SecretBinary": b"hunter2"})
    assert "SHA-256" not in found["SecretBinary"]
    assert hashlib.sha256(b"hunter2").hexdigest() not in json.dumps(found)


def test_rev_16_secrets_are_masked_and_all_else_is_whole():
    long = "x" * 20_000
    found = shown("secretsmanager", "PutSecretValue", {"SecretId": long, "SecretString": "hunter2"})
    assert found["SecretId"] == long
    assert found["SecretString"].startswith("[masked credential ")


def test_rev_16_no_masked_value_looks_like_another_value():
    options = {"Phase1LifetimeSeconds": 28_800, "EnableTunnelLifecycleControl": True, "PreSharedKey": "a"}
    found = shown("ec2", "ModifyVpnTunnelOptions", {"VpnConnectionId": "vpn-1", "TunnelOptions": options})
    assert found["VpnConnectionId"] == "vpn-1"
    assert all(MASK.fullmatch(each) for each in found["TunnelOptions"].values())
    for value in (0, False, 0.0, 1.5, Decimal(0), NOON):
        assert MASK.fullmatch(TextMaskTags(lambda: KEY).masked(value, "sensitive"))
    assert TextMaskTags().masked(7, "sensitive") == "[masked sensitive]"
    assert TextMaskTags().masked(None, "sensitive") is None
    assert TextMaskTags().masked(b"a", "credential") == b"[masked credential]"


def test_rev_16_times_and_nested_values_are_json():
    parameters = {"a": [{"b": NOON.astimezone(timezone(timedelta(hours=2)))}, b"x"], "n": 1, "t": True, "f": 0.5}
    found = shown_parameters(parameters, parameters)
    assert found["a"][0] == {"b": "2026-11-24T12:00:00+00:00"}
    assert found["a"][1].startswith("[1 byte, SHA-256 ")
    assert canonical_parameters(found).startswith('{"a":[{"b":"2026-11-24T12:00:00+00:00"}')


DIFFERENT: dict[str, Any] = {
    "a text": "1",
    "a number": 1,
    "a fraction": 1.5,
    "true": True,
    "a body": b"1",
    "a body's text": f"[1 byte, SHA-256 {hashlib.sha256(b'1').hexdigest()}]",
    "a list like a body": ["body", hashlib.sha256(b"1").hexdigest(), 1],
    "a list": ["1"],
    "a nested list": [["1"]],
    "a list with its kind": ["list", "1"],
    "a time": NOON,
    "a time's text": "2026-11-24T12:00:00+00:00",
    "a later time": NOON + timedelta(microseconds=1),
    "a list like a time": ["time", "2026-11-24T12:00:00+00:00"],
    "an object": {"1": "1"},
    "an empty object": {},
    "an empty list": [],
    "an empty text": "",
    "a body of the same hash's start": b"2",
}


def test_rev_16_no_two_values_share_a_hash():
    assert len({mac({"Value": value}) for value in DIFFERENT.values()}) == len(DIFFERENT)


def test_rev_16_the_hash_is_of_the_call_and_the_key():
    calls = [("s3", "PutObject", "eu-west-1"), ("s3", "PutObject", "eu-west-2"), ("s3", "GetObject", "eu-west-1")]
    calls.append(("s3control", "PutObject", "eu-west-1"))
    assert len({mac({}, call=call) for call in calls}) == len(calls)
    assert mac({}) != mac({}, key=b"j" * 32)
    assert mac({"a": 1, "b": 2}) == mac({"b": 2, "a": 1})


JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text() | st.binary(),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(), inner, max_size=3),
    max_leaves=8,
)


@given(JSON, JSON)
def test_rev_16_equal_hashes_mean_equal_parameters(one: Any, other: Any):
    same = repr(_ordered(one)) == repr(_ordered(other))
    assert (mac({"Value": one}) == mac({"Value": other})) is same


def _ordered(value: Any) -> Any:
    if isinstance(value, dict):
        return {name: _ordered(value[name]) for name in sorted(value)}
    return [_ordered(each) for each in value] if isinstance(value, list) else value


@pytest.mark.parametrize("value", [float("nan"), float("inf")])
def test_rev_16_what_json_cannot_hold_has_no_hash(value: float):
    with pytest.raises(ValueError, match="not JSON compliant"):
        mac({"Value": value})
