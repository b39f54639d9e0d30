"""Items that this version cannot read, such as those of a newer version after a rollback: a problem names them."""

import json
from collections.abc import Callable
from typing import Any

import pytest

from jitney.adapters.call_store import CallStore
from jitney.adapters.deny_list import MOST_CLOCK_SKEW_SECONDS, DenyList
from jitney.adapters.store import Store
from jitney.adapters.suspension_item import SuspensionStore
from jitney.adapters.table_reads import item_key
from jitney.adapters.trail import Trail
from jitney.core.access.deny_document import UNKNOWN_UNIT, DenyEntry
from jitney.core.access.write_lease import ATTRIBUTES, WriteLease
from jitney.core.problems import Problem
from jitney.core.trail.call import CloudTrailCall, call_from_json, call_to_json
from jitney.core.trail.event import KeyIssuance
from tests.adapters.test_store import client  # noqa: F401 - a fixture
from tests.fakes import NOW, ROLE_ARN

LATER = {"expires": {"N": str(NOW + 900)}}
Case = tuple[dict[str, Any], dict[str, Any], str, Callable[[Any], Any], str]


def calls(client: Any) -> CallStore:  # noqa: F811
    return CallStore(client, "state", "audit", "answers", SuspensionStore(client, "state"))


CASES: dict[str, Case] = {
    "grants": (
        item_key("PENDING#unit", "PENDING"),
        {"version": {"S": "g-1"}},
        "entries",
        lambda aws: Store(aws, "state", "audit").grant_lists(["PENDING#unit"]),
        "the grants",
    ),
    "rejections": (
        item_key(f"REJECTED#unit#{ROLE_ARN}", f"{NOW:012d}#g-1"),
        {},
        "rejection",
        lambda aws: Store(aws, "state", "audit").rejections("unit", ROLE_ARN, None, NOW),
        "the rejections",
    ),
    "calls": (
        item_key("CALL_KEY#owner#key", "CALL_KEY"),
        LATER,
        "call",
        lambda aws: calls(aws).attempt("owner", "key", NOW),
        "the earlier call",
    ),
    "times of documents": (
        item_key(f"ROLE#{ROLE_ARN}", "LEASE"),
        {},
        "last_acquired",
        lambda aws: DenyList(aws, "state").document_times([ROLE_ARN]),
        "the lease",
    ),
    "origins of keys": (
        item_key("k-1-A", "ISSUE"),
        {},
        "issue",
        lambda aws: Trail(aws, "state").issue("1", "A", NOW),
        "the origin of an access key",
    ),
    "waiting calls": (
        item_key("k-1-A", "CALL#e"),
        {"since": {"S": "1"}},
        "call",
        lambda aws: list(Trail(aws, "state").waiting("1", "A", include_explained=False)),
        "a call of CloudTrail",
    ),
    "explained calls": (
        item_key("k-1-A", "EXPLAINED#e"),
        {},
        "line",
        lambda aws: list(Trail(aws, "state").waiting("1", "A", include_explained=True)),
        "a call of CloudTrail",
    ),
}
"""The key of an item, its readable attributes, the other attribute, a read of the item, and how it is named."""
CALL = CloudTrailCall(
    *("e", NOW, "1", "", ROLE_ARN, "g-1", "A", "", "", "s3", "GetObject", (), (), True),
    *("", "", "", "", "", "", "", 0, 0, ""),
)
ISSUE = KeyIssuance("1", ROLE_ARN, "g-1", "A", "corp.agent", "AROA", "", NOW)
ENTRY = {"ended_at": {"N": str(NOW)}, "denied_unit": {"S": "unit"}, "by_operator": {"BOOL": False}}
OTHER_FORMS: tuple[dict[str, Any], ...] = (
    {"S": '[{"later": 1}]'},
    {"S": '{"later": 1}'},
    {"S": "[[1]]"},
    {"S": "["},
    {"L": []},
)


@pytest.mark.parametrize("form", OTHER_FORMS, ids=str)
@pytest.mark.parametrize("case", CASES.values(), ids=CASES)
def test_ops_02_an_item_that_cannot_be_read_is_named(
    client: Any,  # noqa: F811
    caplog: pytest.LogCaptureFixture,
    case: Case,
    form: dict[str, Any],
):
    key, members, attribute, read, name = case
    client.put_item(TableName="state", Item=key | members | {attribute: form})
    with pytest.raises(Problem) as refused:
        read(client)
    assert (refused.value.status, refused.value.code) == (503, "item_unreadable")
    assert f"cannot read {name}" in refused.value.detail
    assert [each.message for each in caplog.records] == ["unreadable item"]


@pytest.mark.parametrize(
    ("attribute", "form"),
    [
        (attribute, form)
        for attribute in ENTRY
        for form in (None, *OTHER_FORMS)
        if attribute != "denied_unit" or not form or "S" not in form  # any text may be a unit
    ],
)
def test_end_06_the_key_of_a_deny_entry_says_enough_to_deny_its_grant(
    client: Any,  # noqa: F811
    caplog: pytest.LogCaptureFixture,
    attribute: str,
    form: dict[str, Any] | None,
):
    """One entry of another version does not keep a role's document from being written."""
    other = {name: value for name, value in ENTRY.items() if name != attribute} | ({attribute: form} if form else {})
    for number, members in enumerate((ENTRY, other)):
        key = item_key(f"ROLE#{ROLE_ARN}", f"DENY#{NOW + 900:012d}#g-{number}")
        client.put_item(TableName="state", Item=key | members)
    assert DenyList(client, "state").deny_entries(ROLE_ARN, NOW) == [
        DenyEntry("g-0", NOW, NOW + 900, "unit"),
        DenyEntry("g-1", NOW, NOW + 900, UNKNOWN_UNIT, unwritten=True),
    ]
    assert [each.message for each in caplog.records] == ["unreadable deny entry"]


@pytest.mark.parametrize(
    ("key", "until"),
    [
        (f"DENY#{NOW + 900:012d}#g-1", NOW + 900),
        (f"DENY#{NOW + 900:012d}#g-1#2", NOW + 900),
        (f"DENY#{NOW + 900:012d}#2#g-1", NOW + 900),
        (f"DENY#{NOW + 900:012d}x#g-1", 10**11),
        (f"DENY#{NOW + 900:012d}#", None),
        (f"DENY#{NOW + 900:012d}#${{aws:username", None),
        (f"DENY#{NOW + 900:012d}#g-{'1' * 33}", None),
    ],
)
def test_end_06_no_key_of_a_deny_entry_prevents_a_deny_document(
    client: Any,  # noqa: F811
    key: str,
    until: int | None,
):
    """The id is the only part of an entry that IAM gets."""
    client.put_item(TableName="state", Item=item_key(f"ROLE#{ROLE_ARN}", key) | ENTRY)
    denied = DenyList(client, "state")
    assert denied.denied_ids(ROLE_ARN, NOW, 9) == (["g-1"] if until else [])
    assert denied.deny_entries(ROLE_ARN, NOW) == ([DenyEntry("g-1", NOW, until, "unit")] if until else [])


def test_end_06_an_entry_of_the_far_future_cuts_off_no_more_than_a_clock_ahead(client: Any):  # noqa: F811
    key = item_key(f"ROLE#{ROLE_ARN}", f"DENY#{NOW + 900:012d}#g-1")
    client.put_item(TableName="state", Item=key | ENTRY | {"ended_at": {"N": "9" * 30}})
    (entry,) = DenyList(client, "state").deny_entries(ROLE_ARN, NOW)
    assert entry.ended_at == NOW + MOST_CLOCK_SKEW_SECONDS


@pytest.mark.parametrize(
    "forged",
    [
        *({name: form} for name in ATTRIBUTES for form in ({"BOOL": True}, {"N": "9" * 30}, {"S": '{"later": 1}'})
          if (name, form) != ("document_digest", {"S": '{"later": 1}'})),
        {"last_acquired": {"N": "1.5"}, "busy_until": {"S": "later"}},
        {"cut_offs": {"S": "[1e99, {}]"}},
        {"cut_offs": {"S": '[null, {"unit": -1}]'}},
    ],
    ids=str,
)  # fmt: skip
def test_end_03_no_forged_lease_prevents_a_deny_document(client: Any, forged: dict[str, Any]):  # noqa: F811
    """The next writer then compares the document in IAM with the list."""
    denied = DenyList(client, "state")
    first = denied.acquire(ROLE_ARN, NOW)
    assert first
    assert denied.complete(ROLE_ARN, first, "digest")
    item = item_key(f"ROLE#{ROLE_ARN}", "LEASE")
    before = client.get_item(TableName="state", Key=item)["Item"]
    client.put_item(TableName="state", Item=before | forged)
    replaced = denied.lease(ROLE_ARN)
    assert replaced == WriteLease(last_acquired=replaced.last_acquired)
    assert denied.lease(ROLE_ARN) == replaced
    assert not denied.complete(ROLE_ARN, first, "late")
    again = denied.acquire(ROLE_ARN, NOW)
    assert again
    assert denied.complete(ROLE_ARN, again, "again")
    assert denied.lease(ROLE_ARN).document_digest == "again"


@pytest.mark.parametrize(
    "forged",
    [{"role_arn": None}, {"session": 1}, {"issuer_role_id": ["AROA"]}, {"at": "1"}, {"at": True}, {"disputed": 0}],
    ids=str,
)
def test_aud_03_an_origin_with_a_member_of_another_type_explains_no_call(
    client: Any,  # noqa: F811
    forged: dict[str, Any],
):
    def known(issue: KeyIssuance) -> KeyIssuance | None:
        item = item_key("k-1-A", "ISSUE") | {"issue": {"S": json.dumps(issue)}}
        client.put_item(TableName="state", Item=item)
        return Trail(client, "state").issue("1", "A", NOW)

    assert known(ISSUE) == ISSUE
    with pytest.raises(Problem, match="cannot read the origin of an access key"):
        known(ISSUE._replace(**forged))


@pytest.mark.parametrize("forged", [{"time": "1"}, {"session": None}, {"actions": "s3:*"}, {"read_only": 1}], ids=str)
def test_aud_03_a_stored_call_with_a_member_of_another_type_gets_no_verdict(forged: dict[str, Any]):
    assert call_from_json(call_to_json(CALL)) == CALL
    with pytest.raises(TypeError):
        call_from_json(json.dumps(json.loads(call_to_json(CALL)) | forged))
