import hashlib
import json
from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from jitney.core.masking.generic_masker import UNTAGGED
from jitney.core.records import audit
from jitney.core.records.audit import GENESIS_HASH, AuditEvent, AuditRecord, Outcome
from jitney.core.records.record_texts import canonical
from tests.fakes import GRANT, NOW

RECORD = AuditRecord(NOW, AuditEvent.REQUEST, Outcome.ALLOWED, reason="größer", detail={"b": 1, "a": [True, None]})


def test_aud_02_a_record_holds_the_hash_of_its_other_members():
    members = json.loads(audit.chain_record(RECORD, "g-x", 3, "ab" * 32).text)
    digest = members.pop("hash")
    assert digest == hashlib.sha256(canonical(members).encode()).hexdigest()
    assert (members["chain"], members["seq"], members["prev"]) == ("g-x", 3, "ab" * 32)


@given(st.sampled_from(["reason", "code", "principal"]), st.text(min_size=1))
def test_aud_02_changing_any_member_changes_the_hash(name: str, value: str):
    changed = replace(RECORD, **{name: value})
    assert (audit.chain_record(changed, "g-x").hash == audit.chain_record(RECORD, "g-x").hash) == (changed == RECORD)


def test_aud_02_the_records_of_a_grant_form_a_chain():
    first = audit.next_chained_record(
        audit.grant_record(AuditEvent.REQUEST, Outcome.ALLOWED, GRANT, audit.Origin(), NOW), GRANT
    )
    grant = audit.with_chain_head(GRANT, first)
    second = audit.next_chained_record(
        audit.grant_record(AuditEvent.ISSUE, Outcome.ALLOWED, grant, audit.Origin(), NOW), grant
    )
    assert (first.chain, first.seq, json.loads(first.text)["prev"]) == (GRANT.id, 0, GENESIS_HASH)
    assert (second.chain, second.seq, json.loads(second.text)["prev"]) == (GRANT.id, 1, first.hash)


def test_aud_01_a_record_of_a_grant_says_who_what_when_and_why():
    record = audit.grant_record(AuditEvent.ISSUE, Outcome.ALLOWED, GRANT, audit.Origin("198.51.100.7", "req-1"), NOW)
    members = json.loads(audit.chain_record(record, GRANT.id).text)
    kept = {name: members[name] for name in ("grant_id", "principal", "time", "reason", "source_ip", "policy_version")}
    assert kept == {
        "grant_id": GRANT.id,
        "principal": GRANT.principal,
        "time": "2026-11-24T12:00:00Z",
        "reason": "monthly report",
        "source_ip": "198.51.100.7",
        "policy_version": "v1",
    }


def test_aud_07_an_unmasked_secret_is_masked_in_the_record():
    said = "use token=Xy12345678ab"
    record = replace(RECORD, reason=said, ticket=said, detail={"calls": [said], "password": "hunter2000"})
    text = audit.chain_record(record, "g-x").text
    assert "Xy12345678ab" not in text
    assert "hunter2000" not in text
    assert text.count("[masked credential]") == 4


@pytest.mark.parametrize(
    "said",
    [
        "monthly report",
        '"way":"credentials"',
        '"way":"credentials"=aV3kQ9xT7mZ2pL8w',
        '{"way":"credentials","value":"aV3kQ9xT7mZ2pL8w"}',
        "credentials: aV3kQ9xT7mZ2pL8w",
        "credentials=aV3kQ9xT7mZ2pL8w",
        "way:credentials token=aV3kQ9xT7mZ2pL8w",
    ],
)
def test_aud_07_the_way_of_a_request_hides_no_secret(said: str):
    """The quick check skips the member `way` of the detail alone. Its result is that of the whole masker."""
    way = {"way": "credentials"}
    for texts in (
        {"reason": said, "ticket": "", "detail": way},
        {"reason": "", "ticket": said, "detail": way},
        {"reason": "", "ticket": "", "detail": way | {"calls": [said]}},
        {"reason": "", "ticket": "", "detail": way | {"said": way | {"password": said}}},
        {"reason": "", "ticket": "", "detail": {"password": "credentials", "way": said}},
    ):
        members = json.loads(audit.chain_record(replace(RECORD, **texts), "g-x").text)
        masked = UNTAGGED.data(texts)
        assert [members["reason"], members["ticket"], json.loads(members["detail"])] == [*masked.values()]
        assert "aV3kQ9xT7mZ2pL8w" not in repr(members)


def test_mask_04_a_mask_keeps_its_tag():
    record = replace(RECORD, reason="use token=[masked credential 3f9a2c]")
    assert json.loads(audit.chain_record(record, "g-x").text)["reason"] == record.reason
