"""The broker's sessions against the emulator's STS: both ends of a short grant, together and one by one."""

from contextlib import AbstractContextManager, nullcontext
from dataclasses import replace
from typing import Any, NamedTuple

import pytest

from jitney.adapters.clock import now
from jitney.adapters.sessions import Sessions
from jitney.core.access.credentials import session_request
from jitney.core.access.session_policy import compile_policy
from tests.fakes import ACTIONS, GRANT
from tests.local.gaps.contracts import Emulator, refused, role
from tests.running_systems import arriving

OBJECTS = {"Effect": "Allow", "Action": ["s3:GetObject", "s3:PutObject"], "Resource": "*"}
SCOPING = {"Effect": "Allow", "Action": "sts:GetScopedCredentials", "Resource": "*"}
SECONDS = 30


class Issued(NamedTuple):
    """A grant of 30 seconds: its start, the object that it may read, the keys it got, and the keys in between.

    STS counts from the request. By `ended`, STS has ended what it ends.
    """

    began: int
    ended: int
    reads: dict[str, str]
    keys: dict[str, str]
    between: dict[str, str]


def issue(emulator: Emulator, *statements: Any, deny_after: int = SECONDS) -> Issued:
    """Issue credentials on a role with these statements. The Deny of their policy may be set to a later time."""
    reads = {"Bucket": f"reports-{emulator.account}", "Key": "2026/q3.csv"}
    s3 = emulator.root("s3")
    s3.create_bucket(Bucket=reads["Bucket"], CreateBucketConfiguration={"LocationConstraint": "eu-west-1"})
    s3.put_object(**reads, Body=b"value")
    permissions = (replace(GRANT.permissions[0], resources=(f"arn:aws:s3:::{reads['Bucket']}/2026/*",)),)
    arn, began, between = role(emulator, "target", {"Statement": statements}), now(), {}
    grant = replace(GRANT, role_arn=arn, permissions=permissions, expires_at=began + SECONDS)
    policy = compile_policy(permissions, began + deny_after, ACTIONS)

    def lend(*keys: str) -> AbstractContextManager[Any]:
        between.update(zip(("access_key_id", "secret_access_key", "session_token"), keys, strict=True))
        return nullcontext(emulator.session("sts", between))

    issued = Sessions(emulator.root("sts"), lend, now).issue(session_request(grant, policy, "external", began))
    assert issued.expires_at <= began + SECONDS
    return Issued(began, now() + SECONDS + 1, reads, issued.view(), between)


def works_until_its_end(emulator: Emulator, keys: dict[str, str], issued: Issued, code: str) -> str:
    """Assert that `keys` work at 20 seconds, and are refused with `code` at 31 seconds or STS's end.

    Return the message.
    """
    s3 = emulator.session("s3", keys)
    with arriving(s3, issued.began + 20):
        assert s3.get_object(**issued.reads)["Body"].read() == b"value"
    with arriving(s3, issued.ended if code == "ExpiredToken" else issued.began + 31):
        return refused(code, s3.get_object, **issued.reads)


def test_end_04_sts_ends_what_was_scoped_down_before_any_policy_is_asked(closed_emulator: Emulator) -> None:
    issued = issue(closed_emulator, OBJECTS, SCOPING)
    works_until_its_end(closed_emulator, issued.keys, issued, "ExpiredToken")


def test_end_04_the_expiry_alone_ends_it(closed_emulator: Emulator) -> None:
    issued = issue(closed_emulator, OBJECTS, SCOPING, deny_after=3600)
    works_until_its_end(closed_emulator, issued.keys, issued, "ExpiredToken")


def test_end_04_the_deny_alone_ends_it_where_sts_does_not_scope_down(closed_emulator: Emulator) -> None:
    issued = issue(closed_emulator, OBJECTS)
    message = works_until_its_end(closed_emulator, issued.keys, issued, "AccessDenied")
    assert "explicit deny in a session policy" in message
    assert issued.keys["access_key_id"] != issued.between["access_key_id"]


def test_end_04_the_session_in_between_ends_with_the_grant_as_well(closed_emulator: Emulator) -> None:
    issued = issue(closed_emulator, OBJECTS, SCOPING)
    message = works_until_its_end(closed_emulator, issued.between, issued, "AccessDenied")
    assert "explicit deny in a session policy" in message
    sts = closed_emulator.session("sts", issued.between)
    with arriving(sts, issued.began + 31):
        refused("AccessDenied", sts.get_scoped_credentials, DurationSeconds=60)


@pytest.mark.parametrize("scoping", [[SCOPING], []], ids=["scoped down", "plain"])
def test_sts_01_what_is_handed_out_does_what_was_granted_and_no_more(
    closed_emulator: Emulator, scoping: list[Any]
) -> None:
    issued = issue(closed_emulator, OBJECTS, *scoping)
    s3, sts = (closed_emulator.session(service, issued.keys) for service in ("s3", "sts"))
    assert s3.get_object(**issued.reads)["Body"].read() == b"value"
    refused("AccessDenied", s3.get_object, **{**issued.reads, "Key": "2025/q4.csv"})
    refused("AccessDenied", s3.put_object, **issued.reads)
    refused("AccessDenied", sts.get_scoped_credentials, DurationSeconds=1)
