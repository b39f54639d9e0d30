"""The table of ports: every row builds what `Ports` declares, and a cold start imports no other adapter."""

import json
import os
import subprocess
import sys
from collections.abc import Callable, Mapping
from dataclasses import replace

import pytest

from jitney.core.channel_config import MailConfig, SlackConfig
from jitney.handlers.runtime.building import PORTS
from jitney.handlers.runtime.ports import Ports
from tests.adapters.answering_server import forgetting_server
from tests.handlers.conftest import ROOT, configuration

ENVIRONMENT = {
    "AWS_DEFAULT_REGION": "eu-west-1",
    "JITNEY_APPROVAL_ARN": "arn:aws:states:eu-west-1:111122223333:stateMachine:approval",
    "JITNEY_AUDIT_TABLE": "audit",
    "JITNEY_CALLS_STREAM": "calls",
    "JITNEY_ISSUING_ROLES": "AROAEXAMPLE=grants",
    "JITNEY_MASK_KEY": "alias/mask",
    "JITNEY_MEASURING_FUNCTION": "jitney-denial-measurements",
    "JITNEY_RECORDS_BUCKET": "records",
    "JITNEY_RECORDS_STREAM": "records",
    "JITNEY_REVIEWS_URL": "https://jitney.example.com/reviews",
    "JITNEY_SEALS_BUCKET": "seals",
    "JITNEY_SEAL_KEY_ARN": "arn:aws:kms:eu-west-1:111122223333:key/seal",
    "JITNEY_STATE_TABLE": "state",
    "JITNEY_ANSWERS_TABLE": "answers",
    "JITNEY_TRAIL_QUEUE": "https://sqs.eu-west-1.amazonaws.com/111122223333/trail",
}
SECRET = "arn:aws:secretsmanager:eu-west-1:111122223333:secret:slack"
CONFIG = replace(
    configuration(),
    shadow_policies=configuration().policies,
    mail=MailConfig("jitney@example.com"),
    slack=SlackConfig(SECRET, SECRET, "T0000000", "https://slack.com/api/"),
)


def test_every_declared_port_has_one_row():
    assert Ports.__annotations__.keys() == PORTS.keys()


@pytest.mark.parametrize("name", [name for name in PORTS if name != "config"])
def test_each_row_builds_what_is_declared(name: str, monkeypatch: pytest.MonkeyPatch):
    for variable, value in ENVIRONMENT.items():
        monkeypatch.setenv(variable, value)
    port = getattr(Ports(config=CONFIG), name)
    declared = Ports.__annotations__[name]
    if name == "dynamodb":
        assert port.meta.service_model.service_name == "dynamodb"
    elif isinstance(declared, str) and declared not in ("ActionsOf", "ImplicitActions"):
        assert type(port).__name__ == declared.removesuffix(" | None")
    elif isinstance(declared, type):
        assert type(port) is declared or declared.__name__ == "KeySource"
    else:
        assert isinstance(
            port, next((kind for kind in (Mapping, frozenset) if kind.__name__ in str(declared)), Callable)
        )


def test_the_adapters_of_the_tables_share_one_client(monkeypatch: pytest.MonkeyPatch):
    for variable, value in ENVIRONMENT.items():
        monkeypatch.setenv(variable, value)
    ports = Ports(config=CONFIG)
    assert ports.store._client is ports.suspensions._client is ports.web_sessions._client is ports.dynamodb


def test_a_given_port_is_used_and_an_unknown_one_is_refused():
    assert Ports(now=7).now == 7
    with pytest.raises(AttributeError):
        _ = Ports().clock  # type: ignore[attr-defined]


def test_a_cold_start_imports_the_adapters_of_its_ports_alone():
    """It imports zoneinfo only for a time window with weekly hours, because that takes 6 ms."""
    program = (
        "import json, sys; import jitney.handlers.grants as grants; ports = grants.Ports();"
        "ports.build(tuple({*grants.NEEDS} - {'config', 'policies', 'shadow_policies', 'keys'}));"
        "print(json.dumps([name for name in sys.modules if name.startswith('jitney.adapters.') or name == 'zoneinfo']))"
    )
    environment = os.environ | ENVIRONMENT | {"PYTHONPATH": str(ROOT / "functions")}
    run = subprocess.run([sys.executable, "-c", program], env=environment, capture_output=True, text=True, check=True)
    imported = {name.removeprefix("jitney.adapters.") for name in json.loads(run.stdout)}
    of_the_store = {"deny_list", "follow_ups", "grant_items", "grant_lists", "out_of_office"}
    of_the_store |= {
        "table_reads",
        "first_writes",
        "past_verdicts",
        "record_items",
        "suspension_item",
        "transactions",
        "unreadable_grants",
        "vote_history",
    }
    assert imported <= {"aws_clients", "clock", "session_clients", "sessions", "store"} | of_the_store


def test_sts_08_sessions_are_scoped_on_a_connection_that_sts_closed_meanwhile(monkeypatch: pytest.MonkeyPatch):
    """A function is frozen between its events. Its next call of STS finds out that the connection is gone."""
    body = b"<GetCallerIdentityResponse><GetCallerIdentityResult/></GetCallerIdentityResponse>"
    answer = b"HTTP/1.1 200 OK\r\nContent-Type: text/xml\r\nContent-Length: %d\r\n\r\n" % len(body) + body
    for variable, value in ENVIRONMENT.items():
        monkeypatch.setenv(variable, value)
    with forgetting_server(answer) as server:
        monkeypatch.setenv("AWS_ENDPOINT_URL_STS", server.url)
        lend = Ports(config=CONFIG).sessions._lend
        for _ in range(3):
            with lend("ASIAONE", "s", "t") as client:
                client.get_caller_identity()
    assert len(server.requests) == 3
