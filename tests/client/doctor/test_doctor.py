"""`jitney doctor`: each fault is found, named and comes with the next step."""

import base64
import json
import re
import resource
import socket
import time
import tomllib
from pathlib import Path
from types import SimpleNamespace

import pytest
from botocore.configloader import raw_config_parse
from botocore.exceptions import ConfigParseError

from tests.cli import invoke
from tests.client.fake_broker import FakeBroker, problem

ENDED = 1_700_000_000


def jwt(**claims: object) -> str:
    def part(value: object) -> str:
        return base64.urlsafe_b64encode(json.dumps(value).encode()).decode().rstrip("=")

    given = {"iss": "https://idp.example.com", "aud": "jitney", "exp": time.time() + 3600} | claims
    return f"{part({'alg': 'RS256'})}.{part(given)}.c2ln"


@pytest.fixture
def healthy(connected: FakeBroker, home: Path) -> FakeBroker:
    (home / "token").write_text(jwt())
    connected.say("GET", "/v1/health", 200, {"status": "ok", "version": "abc"})
    targets = [{"target": "analytics-prod", "account": "444455556666", "regions": [], "max_seconds": 3600}]
    caller = {"principal": "local.reader-agent", "groups": [], "human": None, "claims": {}}
    rest = {"suspended": False, "access": [], "access_profiles": []}
    connected.say("GET", "/v1/targets", 200, {"caller": caller, "targets": [each | rest for each in targets]})
    return connected


def checks(expected: int) -> dict[str, dict[str, str]]:
    """Run the command both ways, and return the last finding of each check from its JSON."""
    result = invoke(["doctor", "--json"])
    assert not isinstance(result.exception, Exception)
    document = json.loads(result.stdout)
    assert result.exit_code == expected, result.output
    assert document["healthy"] == (expected == 0)
    shown = invoke(["doctor"])
    assert shown.exit_code == expected
    for each in document["checks"]:
        assert bool(each["fix"]) == (each["verdict"] != "ok")
        assert each["check"] in shown.stdout
        assert each["fix"] in shown.stdout
    return {each["check"]: each for each in document["checks"]}


def verdict(check: str, expected: int) -> tuple[str, str]:
    found = checks(expected)[check]
    return found["verdict"], found["text"]


def test_cli_07_a_machine_in_order_has_no_fault_and_no_warning(healthy: FakeBroker):
    found = checks(0)
    assert {each["verdict"] for each in found.values()} == {"ok"}
    assert found["token"]["text"].startswith("issued by https://idp.example.com for jitney; it ends in ")
    assert found["token source"]["text"] == "file: JITNEY_TOKEN_FILE is set"
    assert found["access"]["text"] == "you are local.reader-agent, and can request access to 1 target"


@pytest.mark.parametrize(
    ("claims", "expected", "said"),
    [
        ({"exp": ENDED}, "fault", "it ended"),
        ({"nbf": 9_999_999_999}, "fault", "not valid yet"),
        ({"ends_in": 50}, "warning", "it ends in"),
        ({"exp": "soon"}, "warning", "not a JWT with an end"),
        ({"exp": float("inf")}, "warning", "not a JWT with an end"),
        ({"exp": float("nan")}, "warning", "not a JWT with an end"),
        ({"aud": ["a", "b"]}, "ok", "for a, b"),
        ({"aud": 5}, "ok", "for 5"),
        ({"aud": None}, "ok", "for ?"),
    ],
)
def test_cli_07_the_token_is_read(healthy: FakeBroker, home: Path, claims: dict, expected: str, said: str):
    times = {"exp": time.time() + claims["ends_in"]} if "ends_in" in claims else {}
    (home / "token").write_text(jwt(**claims | times))
    graveness, text = verdict("token", expected == "fault")
    assert (graveness, said in text) == (expected, True)


def test_cli_01_the_token_is_never_shown(healthy: FakeBroker, home: Path):
    result = invoke(["doctor", "--json"])
    assert (home / "token").read_text() not in result.output


def test_cli_07_a_missing_token_and_a_refused_one_are_distinct(
    healthy: FakeBroker, home: Path, monkeypatch: pytest.MonkeyPatch
):
    refusing = FakeBroker()
    refusing.say("GET", "/v1/health", 200, {"status": "ok", "version": "abc"})
    refusing.say("GET", "/v1/targets", 401, problem("token_invalid"))
    monkeypatch.setenv("JITNEY_API_URL", refusing.url)
    assert verdict("access", 1) == ("fault", "the broker refuses the token: The detail of token_invalid.")
    (home / "token").unlink()
    found = checks(1)
    assert found["token"]["verdict"] == "fault"
    assert "access" not in found
    refusing.close()


def test_cli_07_a_token_command_runs_once(healthy: FakeBroker, home: Path, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.delenv("JITNEY_TOKEN_FILE")
    monkeypatch.setenv("JITNEY_TOKEN_COMMAND", f"sh -c 'echo >>{home}/runs; cat {home}/token'")
    result = invoke(["doctor", "--json"])
    assert result.exit_code == 0, result.output
    assert (home / "runs").read_text() == "\n"


@pytest.mark.parametrize(("seconds", "expected"), [(0, "ok"), (-60, "warning"), (60, "warning"), (4000, "fault")])
def test_cli_07_the_clock_is_compared_with_the_brokers(
    healthy: FakeBroker, monkeypatch: pytest.MonkeyPatch, seconds: int, expected: str
):
    now = time.time()
    monkeypatch.setattr("jitney.client.commands.doctor.time", SimpleNamespace(time=lambda: now + seconds))
    graveness, text = verdict("clock", expected == "fault" or seconds > 3600)
    assert graveness == expected
    assert ("ahead" in text, "behind" in text) == (seconds > 0, seconds < 0)


def test_cli_07_an_answer_without_a_date_is_a_warning(healthy: FakeBroker, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr("http.server.BaseHTTPRequestHandler.date_time_string", lambda *_: "yesterday")
    assert verdict("clock", 0)[0] == "warning"


def free_port() -> int:
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        return int(listener.getsockname()[1])


@pytest.mark.parametrize(
    ("address", "check", "said"),
    [
        ("", "settings", "is not set"),
        ("http://jitney.example.com", "settings", "neither https nor http"),
        ("https://nowhere.invalid", "dns", "nowhere.invalid has no address"),
        ("http://127.0.0.1:{free}", "endpoint", "there is no connection to 127.0.0.1"),
        ("https://127.0.0.1:{port}", "endpoint", "there is no connection to 127.0.0.1"),
        ("{url}/wrong-stage", "endpoint", "which is not a broker's answer"),
    ],
)
def test_cli_07_each_fault_of_the_address_is_named(
    healthy: FakeBroker, monkeypatch: pytest.MonkeyPatch, address: str, check: str, said: str
):
    port = healthy.url.rpartition(":")[2]
    monkeypatch.setenv("JITNEY_API_URL", address.format(free=free_port(), port=port, url=healthy.url))
    healthy.say("GET", "/wrong-stage/v1/health", 403, {"message": "Missing Authentication Token"})
    graveness, text = verdict(check, 1)
    assert (graveness, said in text) == ("fault", True), text


def test_cli_07_an_unusable_proxy_is_a_fault(healthy: FakeBroker, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setenv("JITNEY_API_URL", "https://jitney.example.com")
    monkeypatch.setenv("https_proxy", "socks5://proxy.example.com")
    assert verdict("proxy", 1) == ("fault", "The proxy for jitney.example.com is of the kind socks5://.")


def test_cli_07_a_proxy_for_loopback_is_a_warning(healthy: FakeBroker, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setenv("HTTP_PROXY", "http://proxy.example.com")
    assert verdict("proxy variables", 0)[0] == "warning"
    monkeypatch.setenv("NO_PROXY", "localhost, 127.0.0.1")
    assert verdict("proxy variables", 0)[0] == "ok"


@pytest.mark.parametrize(
    "name", ["AWS_ACCESS_KEY_ID", "AWS_WEB_IDENTITY_TOKEN_FILE", "AWS_ROLE_ARN", "AWS_BEARER_TOKEN_BEDROCK"]
)
def test_cli_07_variables_that_override_a_profile_are_named(
    healthy: FakeBroker, monkeypatch: pytest.MonkeyPatch, name: str
):
    monkeypatch.setenv(name, "canary")
    found = checks(0)["aws variables"]
    assert (found["verdict"], found["fix"]) == ("warning", f"unset {name}")
    assert "canary" not in found["text"]
    monkeypatch.setenv("JITNEY_GRANT_ID", "g-abcdefghijklm2")
    assert verdict("aws variables", 0)[0] == "ok"


@pytest.mark.parametrize("name", ["AWS_ENDPOINT_URL", "AWS_CONTAINER_CREDENTIALS_FULL_URI"])
def test_cli_07_a_stale_local_endpoint_is_a_fault(healthy: FakeBroker, monkeypatch: pytest.MonkeyPatch, name: str):
    monkeypatch.setenv(name, f"http://127.0.0.1:{free_port()}/credentials")
    found = checks(1)["local endpoint"]
    assert (found["verdict"], name in found["text"], "jitney serve" in found["fix"]) == ("fault", True, True)
    monkeypatch.setenv(name, healthy.url)
    assert verdict("local endpoint", 0)[0] == "ok"


@pytest.mark.parametrize("name", ["AWS_ENDPOINT_URL", "AWS_CONTAINER_CREDENTIALS_FULL_URI"])
def test_cli_07_an_address_that_is_none_is_no_local_endpoint(
    healthy: FakeBroker, monkeypatch: pytest.MonkeyPatch, name: str
):
    monkeypatch.setenv(name, "http://[127.0.0.1")
    assert "local endpoint" not in checks(0)


def test_cli_07_without_a_home_folder_the_other_checks_are_made(healthy: FakeBroker, homeless: None):
    assert verdict("aws profiles", 1) == ("ok", "none uses Jitney")
    assert verdict("state folder", 1)[0] == "fault"
    assert verdict("access", 1)[0] == "ok"


def test_cli_07_profiles_are_checked(healthy: FakeBroker, home: Path, monkeypatch: pytest.MonkeyPatch):
    for name in ("AWS_REGION", "AWS_DEFAULT_REGION"):
        monkeypatch.delenv(name, raising=False)
    folder = home / ".aws"
    folder.mkdir()
    config = folder / "config"
    config.write_text("[profile q3]\ncredential_process = /nowhere/jitney credentials analytics-prod\n")
    assert verdict("aws profiles", 1) == ("fault", "q3 starts /nowhere/jitney, which does not exist")
    program = home / "jitney"
    program.write_text("#!/bin/sh\n")
    program.chmod(0o755)
    config.write_text(config.read_text().replace("/nowhere/jitney", str(program)))
    assert verdict("aws profiles", 0) == ("warning", "q3 uses Jitney, and has no Region")
    config.write_text(config.read_text() + "region = eu-west-1\n")
    assert verdict("aws profiles", 0) == ("ok", "q3 uses Jitney")
    for other in ("aws_access_key_id = canary", "role_arn = a"):
        (folder / "credentials").write_text(f"[q3]\n{other}\n")
        assert verdict("aws profiles", 0)[0] == "warning"
    (folder / "credentials").unlink()
    config.write_text(config.read_text() + "[profile  q3]\n")
    assert verdict("aws profiles", 0)[0] == "warning"
    for text in ("region = nowhere\n", "[profile a]\n[profile a]\n", "[profile a]\nregion = x\nregion = y\n"):
        config.write_text(text)
        assert verdict("aws profiles", 1)[0] == "fault"
        with pytest.raises(ConfigParseError):
            raw_config_parse(str(config))
    config.unlink()
    config.mkdir()
    assert verdict("aws profiles", 1) == ("fault", f"{config} cannot be read: Is a directory")


def test_cli_07_a_folder_that_others_can_read_is_a_warning(healthy: FakeBroker, home: Path):
    folder = home / ".local" / "state" / "jitney"
    folder.mkdir(mode=0o700, parents=True)
    (folder / "abc").touch(0o600)
    assert verdict("state folder", 0)[0] == "ok"
    (folder / "abc").chmod(0o644)
    found = checks(0)["state folder"]
    assert (found["verdict"], found["fix"]) == ("warning", f"chmod -R go= {folder}")


def test_cli_07_a_state_folder_that_is_none_is_a_fault(healthy: FakeBroker, home: Path):
    (home / ".local" / "state").mkdir(parents=True)
    (home / ".local" / "state" / "jitney").touch()
    found = checks(1)["state folder"]
    assert (found["verdict"], "cannot be read" in found["text"]) == ("fault", True)


def test_cli_07_a_state_folder_on_a_full_disk_is_a_fault(healthy: FakeBroker, home: Path):
    before = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (0, before[1]))
    try:
        found = checks(1)["state folder"]
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, before)
    assert (found["verdict"], "cannot be written" in found["text"]) == ("fault", True)
    assert found["fix"].startswith("Free space")


def test_cli_07_each_extra_is_there_or_not(healthy: FakeBroker, monkeypatch: pytest.MonkeyPatch):
    wanted = ['boto3>=1 ; extra == "audit"', 'cryptography>=45 ; extra == "audit"', "boto3>=1; extra == 'sdk'", "rich"]
    monkeypatch.setattr("jitney.client.doctor.machine_checks.requires", lambda _: wanted)
    assert verdict("extras", 0) == ("ok", "installed: audit, sdk")
    wanted[0] = 'no-such-package[x]>=1 ; extra == "audit"'
    assert verdict("extras", 0) == ("ok", "installed: sdk; not installed: audit")


def test_cli_07_the_extras_are_the_packages(healthy: FakeBroker):
    root = Path(__file__).parents[3]
    declared = tomllib.loads((root / "pyproject.toml").read_text())["project"]["optional-dependencies"]
    text = verdict("extras", 0)[1]
    assert all(re.search(rf"\b{extra}\b", text) for extra in declared)


def test_cli_07_doctor_makes_no_request_but_reads(healthy: FakeBroker, home: Path):
    before = sorted(home.iterdir())
    checks(0)
    assert {(each.method, each.path) for each in healthy.asked} == {("GET", "/v1/health"), ("GET", "/v1/targets")}
    assert sorted(home.iterdir()) == before
