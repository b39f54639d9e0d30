"""AUD 2: a record has one text. Another text with the same hash could be read in two ways."""

import json
from collections.abc import Callable

import pytest

from jitney.core.integrity.contents import read_record
from jitney.core.integrity.findings import VerificationResult
from jitney.core.records.audit import AuditEvent, AuditRecord, Outcome, chain_record
from jitney.core.records.record_texts import hashed_text
from tests.core.integrity.world import chain, key_of, world_of
from tests.fakes import NOW

GENUINE = chain("g-a", 1)[0].text.encode()

OTHER_TEXTS: dict[str, Callable[[bytes], bytes]] = {
    "a member twice": lambda line: b'{"reason":"harmless",' + line[1:],
    "the hash twice": lambda line: b'{"hash":"' + b"0" * 64 + b'",' + line[1:],
    "white space": lambda line: line[:-1] + b" }",
    "a carriage return": lambda line: line + b"\r",
    "another order": lambda line: json.dumps(
        dict(reversed(json.loads(line).items())), separators=(",", ":"), ensure_ascii=False
    ).encode(),
    "another spelling": lambda line: line.replace(b'"reason 0"', b'"reason\\u00200"'),
    "another encoding": lambda line: line.decode().encode("utf-16-be"),
}


def test_aud_02_the_genuine_text_of_a_record_is_intact():
    record = read_record(GENUINE)
    assert record
    assert record.intact


@pytest.mark.parametrize("name", OTHER_TEXTS)
def test_aud_02_another_text_with_the_hash_of_a_record_is_not_intact(name: str):
    line = OTHER_TEXTS[name](GENUINE)
    assert json.loads(line) == json.loads(GENUINE)
    record = read_record(line)
    assert record is None or not record.intact


@pytest.mark.parametrize("name", [name for name in OTHER_TEXTS if name != "another encoding"])
def test_aud_02_an_object_with_another_text_of_a_record_is_broken(name: str):
    world = world_of([[chain("g-b", 1)]])
    world.write(key_of(1), [OTHER_TEXTS[name](GENUINE)])
    world.seal()
    findings = world.verify()
    assert findings.verdict is VerificationResult.BROKEN
    assert [each.object for each in findings.breaks] == [key_of(1)]


def test_aud_02_a_record_from_before_the_digest_of_the_configuration_is_intact():
    record = AuditRecord(NOW, AuditEvent.REQUEST, Outcome.ALLOWED, configuration="a" * 32)
    members = json.loads(chain_record(record, "g-x").text)
    assert members.pop("configuration") == "a" * 32
    members.pop("hash")
    text, digest = hashed_text(members)
    found = read_record(text.encode())
    assert found
    assert (found.intact, found.hash) == (True, digest)
    other = read_record(text.replace('"count":1', '"configuration":"","count":1').encode())
    assert other
    assert not other.intact  # so that a digest cannot be added to it, or removed from a later one
