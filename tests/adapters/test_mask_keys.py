"""The keys of masks' tags from KMS (row MASK 4)."""

from typing import Any

import boto3
import pytest
from botocore.exceptions import ConnectTimeoutError
from moto import mock_aws

from jitney.adapters import mask_keys
from jitney.adapters.mask_keys import MaskKeys
from jitney.core.problems import Problem


class Kms:
    """KMS's part: a MAC for each message, or no answer."""

    def __init__(self) -> None:
        self.asked: list[dict[str, Any]] = []
        self.broken = False

    def generate_mac(self, **asked: Any) -> dict[str, Any]:
        self.asked.append(asked)
        if self.broken:
            raise ConnectTimeoutError(endpoint_url="kms")
        return {"Mac": asked["Message"][-16:].rjust(32, b"0")}


@pytest.fixture
def kms() -> Kms:
    return Kms()


@pytest.fixture
def keys(kms: Kms) -> MaskKeys:
    return MaskKeys(lambda: kms, "key-1")  # type: ignore[arg-type, return-value]


def test_each_owner_has_a_key_that_is_requested_once(keys: MaskKeys, kms: Kms):
    first = keys.of("corp.a#")
    assert keys.of("corp.a#") == first
    assert keys.of("corp.b#") != first
    assert [each["Message"].partition(b"\0")[2] for each in kms.asked] == [b"corp.a#", b"corp.b#"]
    assert {(each["KeyId"], each["MacAlgorithm"]) for each in kms.asked} == {("key-1", "HMAC_SHA_256")}


def test_only_so_many_are_kept_and_those_in_use_longest(keys: MaskKeys, kms: Kms, monkeypatch):
    monkeypatch.setattr(mask_keys, "MAX_CACHED_KEYS", 2)
    for owner in ("a", "b", "a", "c", "a", "b"):
        keys.of(owner)
    assert [each["Message"].partition(b"\0")[2] for each in kms.asked] == [b"a", b"b", b"c", b"b"]


def test_without_kms_there_is_no_key_and_the_next_time_it_is_asked_again(keys: MaskKeys, kms: Kms):
    kms.broken = True
    with pytest.raises(Problem) as problem:
        keys.of("a")
    assert (problem.value.code, problem.value.status) == ("unavailable", 503)
    assert keys.key_or_none("a") is None
    kms.broken = False
    assert keys.key_or_none("a") == keys.of("a")


def test_nothing_is_connected_to_before_the_first_key():
    def connect() -> Any:
        raise AssertionError

    MaskKeys(connect, "key-1")


def test_kms_takes_what_is_asked():
    with mock_aws():
        client = boto3.client("kms", "eu-west-1", aws_access_key_id="a", aws_secret_access_key="b")
        made = client.create_key(KeySpec="HMAC_256", KeyUsage="GENERATE_VERIFY_MAC")["KeyMetadata"]["KeyId"]
        keys = MaskKeys(lambda: client, made)
        assert len(keys.of("corp.a#")) == 32
        assert keys.of("corp.a#") != keys.of("corp.b#")
