"""The sources of tokens, one by one."""

import base64
import json
import shlex
import subprocess
import sys
import time
from pathlib import Path
from typing import Any
from urllib.parse import parse_qs

import pytest

from jitney.client.problems import ClientProblem, Unauthenticated, Unavailable
from jitney.client.tokens import Token, TokenSource, checked_jwt, issuer_and_subject
from jitney.client.tokens.client_credentials import ClientCredentials
from jitney.client.tokens.command import CommandToken
from jitney.client.tokens.file import FileToken
from jitney.client.tokens.github_actions import GitHubActions
from tests.client.fake_broker import FakeBroker
from tests.running_systems import until

SECRET = "canary client+secret"


def refusal(source: TokenSource, kind: type[ClientProblem] = Unauthenticated) -> str:
    with pytest.raises(kind) as refused:
        source.fetch()
    return refused.value.detail


def printing(code: str) -> CommandToken:
    return CommandToken((sys.executable, "-c", code))


def test_a_file_is_read_each_time(tmp_path: Path):
    path = tmp_path / "token"
    source = FileToken(path)
    path.write_text("\none.two.three \n")
    assert source.fetch().value == "one.two.three"
    path.write_text("four")
    assert source.fetch().value == "four"


@pytest.mark.parametrize("content", [b"", b" \n", b"two words", b"two\nlines", b"Bearer x", "tökén".encode(), b"\xff"])
def test_a_file_without_one_bare_token_is_refused_by_name_and_not_by_content(tmp_path: Path, content: bytes):
    path = tmp_path / "token"
    path.write_bytes(content)
    said = refusal(FileToken(path))
    assert str(path) in said
    assert not content.strip() or content.decode("latin-1") not in said


def test_an_empty_file_needs_another_fix_than_a_prefix(tmp_path: Path):
    path = tmp_path / "token"
    path.write_text("\n")
    with pytest.raises(Unauthenticated) as refused:
        FileToken(path).fetch()
    assert "jitney doctor" in refused.value.fix


def test_a_missing_file_is_a_problem(tmp_path: Path):
    assert "No such file" in refusal(FileToken(tmp_path / "none"))


def test_a_command_prints_the_token():
    assert printing("print('one.two.three')").fetch().value == "one.two.three"


def test_a_command_is_not_a_shell_line():
    assert CommandToken((sys.executable, "-c", "import sys; print(sys.argv[1][2:-1])", "$(id)")).fetch().value == "id"


@pytest.mark.parametrize(
    ("source", "said"),
    [
        (printing("import sys; print('printed-9f0c'); sys.exit(3)"), "failed with exit code 3"),
        (printing("import os; print('printed-9f0c', flush=True); os.kill(os.getpid(), 9)"), "was ended by signal 9"),
        (printing("pass"), "is empty"),
        (printing("print('printed-9f0c one')"), "holds something else than one token"),
        (CommandToken(("/does/not/exist",)), "cannot be started: No such file"),
    ],
)
def test_a_failed_command_is_named_without_its_output(source: CommandToken, said: str):
    detail = refusal(source)
    assert said in detail
    assert "printed-9f0c" not in detail


@pytest.mark.parametrize(
    "code",
    [
        "import time; print('canary', flush=True); time.sleep(60)",
        "import os, time; print('canary', flush=True); os.close(1); os.close(2); time.sleep(60)",
        "import time\nwhile True: print('canary', flush=True); time.sleep(0.01)",
    ],
)
def test_a_command_that_hangs_is_ended(monkeypatch: pytest.MonkeyPatch, code: str):
    monkeypatch.setattr("jitney.client.tokens.command._SECONDS", 0.5)
    detail = refusal(printing(code))
    assert "did not end within" in detail
    assert "canary" not in detail


def test_cli_06_the_processes_of_a_command_that_is_ended_end_with_it(monkeypatch: pytest.MonkeyPatch, tmp_path: Path):
    """As a shell script around a login tool, in an endpoint without a terminal."""
    monkeypatch.setattr("jitney.client.tokens.command.in_foreground", lambda: False)
    script = f"sleep 600 > /dev/null & echo $! > {shlex.quote(str(tmp_path / 'number'))}; yes"
    assert "printed more than" in refusal(CommandToken(("sh", "-c", script)))
    words = ["ps", "-o", "stat=", "-p", (tmp_path / "number").read_text().strip()]
    assert until(lambda: subprocess.run(words, capture_output=True, text=True, check=False).stdout[:1] in ("", "Z"))


def test_cli_06_a_command_that_prints_without_end_fills_no_memory():
    detail = refusal(printing("import sys\nwhile True: sys.stdout.write('canary' * 10_000)"))
    assert "printed more than 1000000 bytes" in detail
    assert "canary" not in detail


def test_cli_06_a_command_does_not_read_what_is_piped_into_this_program():
    """It would take the messages of an MCP client, or the input of the command of `jitney run`."""
    program = (
        "import sys; from jitney.client.tokens.command import CommandToken; "
        "child = 'import sys; print(f\"read{len(sys.stdin.read())}\")'; "
        "print(CommandToken((sys.executable, '-c', child)).fetch().value, sys.stdin.read())"
    )
    done = subprocess.run([sys.executable, "-c", program], input="data", capture_output=True, text=True, check=True)
    assert done.stdout == "read0 data\n"


def test_client_credentials_are_sent_as_rfc_6749_says(broker: FakeBroker):
    broker.say("POST", "/token", 200, {"access_token": "one.two.three", "token_type": "Bearer", "expires_in": 300})
    parameters = {"scope": "grants:ask", "resource": "urn:jitney"}
    token = ClientCredentials(f"{broker.url}/token", "reader:agent", SECRET, parameters).fetch()
    assert (token.value, token.lifetime_seconds) == ("one.two.three", 300)
    asked = broker.asked[0]
    basic = asked.headers["Authorization"].removeprefix("Basic ")
    assert base64.b64decode(basic) == b"reader%3Aagent:canary+client%2Bsecret"
    form = {name: values[0] for name, values in parse_qs(asked.body.decode()).items()}
    assert form == {"grant_type": "client_credentials", **parameters}


@pytest.mark.parametrize(
    ("status", "body", "kind", "said"),
    [
        (
            401,
            {"error": "invalid_client", "error_description": "no such client"},
            Unauthenticated,
            "401 invalid_client: no such client.",
        ),
        (
            400,
            {"error": "invalid_scope", "error_description": "AADSTS70011: Wrong.\r\nTrace ID: 1."},
            Unauthenticated,
            "400 invalid_scope: AADSTS70011: Wrong. Trace ID: 1.",
        ),
        (400, {"error": "invalid_target"}, Unauthenticated, "400 invalid_target."),
        (400, b"<html>", Unauthenticated, "HTTP 400."),
        (400, {"access_token": "x"}, Unauthenticated, "HTTP 400."),
        (200, {"token_type": "Bearer"}, Unauthenticated, "HTTP 200."),
        (200, {"access_token": ["x"]}, Unauthenticated, "HTTP 200."),
        (200, {"access_token": "two words"}, Unauthenticated, "something else"),
        (200, [], Unauthenticated, "HTTP 200."),
        (302, b"", Unauthenticated, "HTTP 302."),
        (500, b"", Unavailable, "HTTP 500."),
        (503, b"", Unavailable, "HTTP 503."),
        (429, b"", Unavailable, "HTTP 429."),
    ],
)
def test_a_refusing_token_endpoint_is_named_without_the_secret(
    broker: FakeBroker, status: int, body: object, kind: type[ClientProblem], said: str
):
    broker.say("POST", "/token", status, body)
    detail = refusal(ClientCredentials(f"{broker.url}/token", "reader", SECRET), kind)
    assert said in detail
    assert not detail.endswith("..")
    assert "printed-9f0c" not in detail
    assert len(broker.asked) == 1


@pytest.mark.parametrize(("error", "explained"), [("invalid_client", True), ("invalid_target", False)])
def test_a_secret_of_an_earlier_local_system_is_explained(broker: FakeBroker, error: str, explained: bool):
    broker.say("POST", "/token", 401, {"error": error})
    with pytest.raises(Unauthenticated) as refused:
        ClientCredentials(f"{broker.url}/token", "reader", SECRET).fetch()
    fix = "`make up` makes new secrets each time: load the agent's .env file again."
    assert (fix in refused.value.fix) is explained


@pytest.mark.parametrize("lifetime", ["300", float("inf"), float("nan"), 10**400], ids=["text", "inf", "nan", "large"])
def test_a_lifetime_that_is_no_number_of_seconds_is_ignored(broker: FakeBroker, lifetime: Any):
    broker.say("POST", "/token", 200, {"access_token": "x", "expires_in": lifetime})
    assert ClientCredentials(f"{broker.url}/token", "reader", SECRET).fetch().lifetime_seconds is None


@pytest.mark.parametrize("end", [float("inf"), float("nan"), 10**400, -(10**400)], ids=["inf", "nan", "late", "early"])
def test_an_end_that_is_no_time_is_ignored(end: Any):
    assert checked_jwt(jwt({"aud": "jitney", "exp": end}), "The token", "jitney", "").lifetime_seconds is None


def test_github_actions_gives_the_jobs_token_for_the_audience(broker: FakeBroker):
    path = "/oidc?api-version=2&audience=jitney"
    value = jwt({"aud": "jitney"})
    broker.say("GET", path, 200, {"value": value})
    source = GitHubActions(f"{broker.url}/oidc?api-version=2", "canary-request-token", "jitney")
    assert source.fetch() == Token(value, for_one_call=True)
    assert broker.asked[0].headers["Authorization"] == "Bearer canary-request-token"


@pytest.mark.parametrize(
    ("claims", "code"), [({"aud": "wiki"}, "token_audience"), ({"aud": "jitney", "exp": 1}, "token_expired")]
)
def test_id_03_a_token_of_github_that_is_not_for_the_broker_is_not_sent(
    broker: FakeBroker, claims: dict[str, object], code: str
):
    broker.say("GET", "/oidc?audience=jitney", 200, {"value": jwt(claims)})
    with pytest.raises(Unauthenticated) as refused:
        GitHubActions(f"{broker.url}/oidc", "canary-request-token", "jitney").fetch()
    assert refused.value.code == code


@pytest.mark.parametrize("status", [404, 405])
def test_a_wrong_address_of_the_token_endpoint_is_not_blamed_on_the_client(broker: FakeBroker, status: int):
    broker.say("POST", "/token", status, b"")
    with pytest.raises(Unauthenticated) as refused:
        ClientCredentials(f"{broker.url}/token", "id", SECRET).fetch()
    assert refused.value.fix == "Check the token endpoint's address."


@pytest.mark.parametrize(("status", "body"), [(403, b""), (403, {"value": "x"}), (200, {"value": None}), (200, {})])
def test_github_actions_without_the_permission_is_a_problem(broker: FakeBroker, status: int, body: object):
    broker.say("GET", "/oidc?audience=jitney", status, body)
    said = refusal(GitHubActions(f"{broker.url}/oidc", "canary-request-token", "jitney"))
    assert f"HTTP {status}" in said
    assert "canary" not in said


@pytest.mark.parametrize("status", [500, 501])
def test_github_actions_without_an_answer_now_is_not_blamed_on_the_job(broker: FakeBroker, status: int):
    broker.say("GET", "/oidc?audience=jitney", status, b"")
    detail = refusal(GitHubActions(f"{broker.url}/oidc", "canary-request-token", "jitney"), Unavailable)
    assert f"HTTP {status}" in detail


@pytest.mark.parametrize("source", [ClientCredentials("u", "id", SECRET), GitHubActions("u", SECRET, "jitney")])
def test_a_source_does_not_show_its_secret(source: TokenSource):
    assert SECRET not in repr(source)


def jwt(payload: object) -> str:
    middle = base64.urlsafe_b64encode(json.dumps(payload).encode()).decode().rstrip("=")
    return f"e30.{middle}.signature"


def test_a_jwt_names_its_issuer_and_subject():
    claims = {"iss": "https://idp.example.com", "sub": "reader-agent", "exp": int(time.time())}
    assert json.loads(issuer_and_subject(jwt(claims))) == ["https://idp.example.com", "reader-agent"]


def test_id_10_two_agents_of_one_person_are_two_identities():
    """Endpoints are shared by identity, and neither agent may get the other's keys."""
    claims = {"iss": "https://idp.example.com", "sub": "alice"}
    for name in ("azp", "appid", "client_id", "cid", "act"):
        one, two = ({"sub": each} if name == "act" else each for each in ("one", "two"))
        assert issuer_and_subject(jwt(claims | {name: one})) != issuer_and_subject(jwt(claims | {name: two}))


def test_id_10_a_person_and_an_actor_for_them_are_two_identities_and_a_renewed_token_is_the_same():
    claims = {"iss": "https://idp.example.com", "sub": "alice", "act": {"sub": "one", "act": {"sub": "two"}}}
    assert issuer_and_subject(jwt(claims)) != issuer_and_subject(jwt({**claims, "act": {"sub": "one"}}))
    assert issuer_and_subject(jwt(claims)) != issuer_and_subject(jwt({"iss": claims["iss"], "sub": "alice"}))
    assert issuer_and_subject(jwt(claims | {"exp": 1, "jti": "a"})) == issuer_and_subject(jwt(claims | {"exp": 2}))


@pytest.mark.parametrize(
    "token", ["opaque", "a.b.c", "..", jwt({"sub": "x"}), jwt(["iss"]), jwt("iss"), "a.é.c", "e30.////.x"]
)
def test_other_tokens_do_not(token: str):
    assert issuer_and_subject(token) == ""
