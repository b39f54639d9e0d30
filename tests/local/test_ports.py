"""Ports: the requested ports, else the ports of the last start, else free ports."""

import socket
from dataclasses import replace
from pathlib import Path

import pytest

from local import ports
from local.settings import PORT_VARIABLES, from_environment
from tests import running_systems


@pytest.fixture
def taken():
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        listener.listen()
        yield listener.getsockname()[1]


def test_ports_stay_the_same_from_one_time_to_the_next(tmp_path: Path):
    first = ports.choose({}, tmp_path / "ports.json")
    assert len(set(first.values())) == len(PORT_VARIABLES)
    assert ports.choose({}, tmp_path / "ports.json") == first


def test_a_remembered_port_that_is_taken_is_replaced(tmp_path: Path, taken: int):
    memory = tmp_path / "ports.json"
    memory.write_text(f'{{"emulator": {taken}}}', encoding="ascii")
    assert ports.choose({}, memory)["emulator"] != taken


def test_a_requested_port_is_used_or_refused(tmp_path: Path, taken: int):
    free = ports.choose({}, tmp_path / "ports.json")["slack"]
    assert ports.choose({"identity": free}, tmp_path / "ports.json")["identity"] == free
    with pytest.raises(OSError, match=f"port {taken} \\(JITNEY_IDP_PORT\\) is in use"):
        ports.choose({"identity": taken}, tmp_path / "ports.json")


def test_no_port_is_chosen_or_remembered_that_an_outgoing_connection_may_be_given(tmp_path: Path):
    """Otherwise, an outgoing connection could use a port on which a process listens later."""
    memory, lowest = tmp_path / "ports.json", int(ports._KERNELS.read_text(encoding="ascii").split()[0])
    kept, requested = (ports._any_free(range(start, start + 1000), {}) for start in (lowest - 1000, lowest))
    memory.write_text(f'{{"emulator": {lowest}, "slack": {kept}}}', encoding="ascii")
    chosen = ports.choose({}, memory)
    assert max(chosen.values()) < lowest
    assert chosen["slack"] == kept
    assert ports.choose({"slack": requested}, memory)["slack"] == requested


def test_of_two_runs_at_once_in_a_checkout_the_second_remembers_ports_of_its_own(tmp_path: Path):
    settings = replace(from_environment({}), state=tmp_path / "run", cache=tmp_path / "cache")
    remembered = [running_systems._remembered_ports(settings, "ports.json") for _ in range(2)]
    assert remembered == [tmp_path / "cache" / "ports.json", tmp_path / "run" / "ports.json"]


def test_a_spoilt_memory_is_forgotten(tmp_path: Path):
    (tmp_path / "ports.json").write_text("{", encoding="ascii")
    assert set(ports.choose({}, tmp_path / "ports.json")) == set(PORT_VARIABLES)
