"""The view for a SIEM: each event conforms to OCSF's schema of API Activity (ocsf.json is a part of it)."""

import ipaddress
import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from jitney.core.trail.join import Purpose
from tests.infra.test_queries import NOW, Lake

SCHEMA = json.loads(Path(__file__).with_name("ocsf.json").read_text(encoding="utf-8"))
TYPES: dict[str, type] = {"integer_t": int, "long_t": int, "timestamp_t": int, "boolean_t": bool}
CALL = {"region": "eu-west-1", "session": "g-1", "role_arn": "arn:aws:iam::444455556666:role/r", "request_id": "q"}


def faults(value: dict[str, Any], schema: dict[str, Any], profiles: list[str], where: str = "") -> Iterator[str]:
    """Yield where an object does not conform to its schema."""
    known = schema["attributes"]
    for name, rule in known.items():
        if rule.get("required") and name not in value and rule.get("profile") in (None, *profiles):
            yield f"{where}{name} is missing"
    if not any(name in value for name in schema.get("at_least_one", value)):
        yield f"{where} has none of {schema['at_least_one']}"
    for name, each in value.items():
        rule = known.get(name)
        if rule is None or rule.get("profile") not in (None, *profiles):
            yield f"{where}{name} is not known"
        elif rule.get("array") != (True if isinstance(each, list) else None):
            yield f"{where}{name} should{'' if rule.get('array') else ' not'} be a list"
        else:
            for one in each if isinstance(each, list) else [each]:
                yield from _faults_of(one, rule, profiles, f"{where}{name}.")


def _faults_of(value: Any, rule: dict[str, Any], profiles: list[str], where: str) -> Iterator[str]:
    if rule["type"] in SCHEMA["objects"]:
        yield from faults(value, SCHEMA["objects"][rule["type"]], profiles, where)
    elif rule["type"] == "ip_t":
        ipaddress.ip_address(value)
    elif type(value) is not (dict if rule["type"] == "object" else TYPES.get(rule["type"], str)):
        yield f"{where} is {value!r}, no {rule['type']}"
    elif "enum" in rule and value not in rule["enum"]:
        yield f"{where} is {value!r}, none of {rule['enum']}"


@pytest.fixture
def lake(tmp_path: Path) -> Lake:
    return Lake(tmp_path)


def events(lake: Lake) -> list[dict[str, Any]]:
    return [json.loads(row["event"]) for row in lake.ask("siem_events")]


def test_aud_05_schema_violations_of_an_event_are_found(lake: Lake):
    lake.call(1, **CALL, source_ip="192.0.2.1")
    (event,) = events(lake)
    broken = [
        {name: each for name, each in event.items() if name != "actor"},
        {name: each for name, each in event.items() if name != "cloud"},
        event | {"actor": {}},
        event | {"time": "now"},
        event | {"activity_id": 7},
        event | {"unknown": 1},
        event | {"resources": {"uid": "a"}},
        event | {"api": {"operation": ["a"]}},
    ]
    assert all(list(faults(each, SCHEMA["class"], ["cloud"])) for each in broken)


@pytest.mark.parametrize(
    ("members", "said"),
    [
        ({}, {"activity_id": 2, "activity_name": "Read", "severity_id": 1, "status_id": 1, "type_uid": 600302}),
        ({"error_code": "AccessDenied"}, {"severity_id": 2, "severity": "Low", "status_id": 2, "status": "Failure"}),
        ({"error_code": "AccessDenied", "purpose": Purpose.CANARY}, {"severity_id": 1, "severity": "Informational"}),
        ({"bypass": ["after_the_end"], "purpose": Purpose.CANARY}, {"severity_id": 4, "severity": "High"}),
        ({"bypass": ["unknown_grant"]}, {"severity_id": 4, "severity": "High", "status_id": 1}),
        ({"read_only": False, "operation": "CreateUser"}, {"activity_id": 1, "type_uid": 600301}),
        ({"read_only": False, "operation": "PutObject"}, {"activity_id": 3}),
        ({"read_only": False, "operation": "DeleteObject"}, {"activity_id": 4}),
        ({"read_only": False, "operation": "Invoke"}, {"activity_id": 99, "activity_name": "Invoke"}),
        ({"source_ip": "athena.amazonaws.com"}, {"src_endpoint": {"svc_name": "athena.amazonaws.com"}}),
        ({"source_ip": "AWS Internal"}, {"src_endpoint": {"svc_name": "AWS Internal"}}),
        ({"source_ip": "2001:db8::1"}, {"src_endpoint": {"ip": "2001:db8::1"}}),
        ({"resources": ()}, {"resources": []}),
        ({"resources": ('a",', '","b"}]\\')}, {"resources": [{"uid": 'a",'}, {"uid": '","b"}]\\'}]}),
    ],
)
def test_aud_05_events_conform_to_the_schema(lake: Lake, members: dict[str, Any], said: dict[str, Any]):
    lake.call(1, human="corp.h", times=2, **CALL | {"source_ip": "192.0.2.1"} | members)
    (event,) = events(lake)
    assert list(faults(event, SCHEMA["class"], event["metadata"]["profiles"])) == []
    assert event["metadata"]["version"] == SCHEMA["version"]
    assert event["time"] == int(NOW.timestamp()) * 1000
    assert {name: event[name] for name in said} == said
    assert event["unmapped"]["grant_id"] == "g-1"
    assert event["unmapped"]["human"] == "corp.h"
    assert event["unmapped"]["reasons"] == members.get("bypass", [])


def test_aud_05_the_actor_of_a_manual_session_is_the_session_name(lake: Lake):
    lake.call(1, bypass=["unknown_session_name"], **CALL | {"session": "mallory"}, source_identity="", source_ip="::1")
    (event,) = events(lake)
    assert (event["actor"]["user"]["uid"], event["unmapped"]["verdict"]) == ("mallory", "bypass")


@pytest.mark.parametrize("purpose", Purpose)
def test_aud_05_the_brokers_own_calls_are_distinguished_from_the_agents(lake: Lake, purpose: Purpose):
    lake.call(1, **CALL, purpose=purpose, invoked_by="athena.amazonaws.com", call_id="c-1", source_ip="192.0.2.1")
    (event,) = events(lake)
    assert (event["unmapped"]["purpose"], event["unmapped"]["call_id"]) == (purpose, "c-1")
    assert event["actor"]["invoked_by"] == "athena.amazonaws.com"


def test_aud_05_the_event_of_a_later_verdict_is_later_processed_and_has_the_same_uid(lake: Lake):
    lake.call(1, **CALL, bypass=["key_not_issued"], judged=1800, source_ip="192.0.2.1")
    (first,) = events(lake)
    lake.call(1, **CALL, judged=4000, source_ip="192.0.2.1")
    (last,) = events(lake)
    assert [each["unmapped"]["verdict"] for each in (first, last)] == ["bypass", "explained"]
    assert first["metadata"]["uid"] == last["metadata"]["uid"]
    assert last["metadata"]["processed_time"] - last["time"] == 4_000_000
    assert last["metadata"]["processed_time"] > first["metadata"]["processed_time"]
    assert last["metadata"]["correlation_uid"] == "g-1"
