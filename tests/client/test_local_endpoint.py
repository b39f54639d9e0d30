"""The container credentials endpoint: who gets credentials from it, and what SDKs show of its problems."""

import http.client
import json
import os
import socket
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import botocore.session
import pytest
from botocore.exceptions import CredentialRetrievalError
from botocore.utils import ContainerMetadataFetcher

from jitney.client.credentials.container_credentials import (
    CREDENTIALS_PATH,
    HIDDEN_SOURCES,
    ContainerCredentials,
    EndpointToken,
    container_variables,
    shell_variables,
)
from jitney.client.gateway.http_server import LoopbackServer
from jitney.client.problems import ClientProblem, Denied, GrantEnded, Invalid, Unauthenticated, Unavailable
from jitney.client.processes.child import container_environment, overrides_credentials, overriding_variables
from tests.client.test_held_grant import MemoryBroker, held


@dataclass
class Endpoint:
    """A running endpoint, its token and its broker."""

    port: int
    token: EndpointToken
    broker: MemoryBroker

    def ask(self, method: str = "GET", path: str = CREDENTIALS_PATH, body: bytes | None = None, **headers: str) -> Any:
        """Return the status and the JSON of an answer. `headers` override the good ones."""
        good = {"Host": f"127.0.0.1:{self.port}", "Authorization": self.token.text}
        connection = http.client.HTTPConnection("127.0.0.1", self.port)
        connection.request(method, path, body, {name: value for name, value in {**good, **headers}.items() if value})
        answer = connection.getresponse()
        content = answer.read()
        connection.close()
        return answer.status, json.loads(content)


@pytest.fixture
def endpoint() -> Iterator[Endpoint]:
    broker, token = MemoryBroker(), EndpointToken()
    grant = held(broker)
    server = LoopbackServer(lambda port: ContainerCredentials(port, token, grant))
    server.start()
    try:
        yield Endpoint(server.port, token, broker)
    finally:
        server.close()


def test_cli_04_it_answers_as_aws_documents_it(endpoint: Endpoint):
    status, document = endpoint.ask()
    assert (status, set(document)) == (200, {"AccessKeyId", "SecretAccessKey", "Token", "Expiration"})
    assert document["Expiration"].endswith("Z")
    assert endpoint.ask(Host=f"localhost:{endpoint.port}")[0] == 200


ATTACKS = {
    "no token": {"Authorization": ""},
    "another token": {"Authorization": EndpointToken().text},
    "the token as a scheme": {"Authorization": "Bearer x"},
    "not ASCII": {"Authorization": "\xe9" * 43},
}


@pytest.mark.parametrize("attack", ATTACKS)
def test_gw_13_another_process_without_the_token_gets_nothing(endpoint: Endpoint, attack: str):
    status, document = endpoint.ask(**ATTACKS[attack])
    assert (status, document["Code"]) == (401, "JitneyTokenInvalid")
    assert endpoint.broker.log == []


@pytest.mark.parametrize("cut", [0, 1, 42])
def test_gw_13_a_part_of_the_token_is_another_token(endpoint: Endpoint, cut: int):
    assert endpoint.ask(Authorization=endpoint.token.text[:cut] or "x")[0] == 401
    assert endpoint.ask(Authorization=endpoint.token.text + "x")[0] == 401


@pytest.mark.parametrize(
    "host",
    ["evil.example.com", "evil.example.com:{port}", "127.0.0.1", "127.0.0.1:1", "[::1]:{port}", "0.0.0.0:{port}"],
)
def test_gw_13_a_web_page_that_rebinds_its_name_gets_nothing_even_with_the_token(endpoint: Endpoint, host: str):
    status, document = endpoint.ask(Host=host.format(port=endpoint.port))
    assert (status, document["Code"], endpoint.broker.log) == (403, "JitneyHostInvalid", [])


@pytest.mark.parametrize(
    ("method", "path"),
    [("POST", CREDENTIALS_PATH), ("GET", "/"), ("GET", CREDENTIALS_PATH + "/x"), ("HEAD", "/latest")],
)
def test_gw_13_it_has_one_path_only(endpoint: Endpoint, method: str, path: str):
    connection = http.client.HTTPConnection("127.0.0.1", endpoint.port)
    connection.request(method, path, headers={"Authorization": endpoint.token.text})
    assert connection.getresponse().status == 404
    connection.close()
    assert endpoint.broker.log == []


def test_gw_12_a_request_with_a_body_is_refused(endpoint: Endpoint):
    assert endpoint.ask(body=b"x" * 100)[0] == 400
    assert endpoint.broker.log == []


def test_gw_13_each_run_has_its_own_token_and_shows_it_in_no_repr():
    tokens = [EndpointToken() for _ in range(20)]
    assert len({each.text for each in tokens}) == 20
    assert min(len(each.text) for each in tokens) >= 43
    assert tokens[0].text not in repr(tokens[0])


def test_gw_13_it_listens_on_loopback_only(endpoint: Endpoint):
    for _, _, _, _, address in socket.getaddrinfo(socket.gethostname(), endpoint.port, socket.AF_INET):
        if not str(address[0]).startswith("127."):
            with pytest.raises(OSError):  # noqa: PT011 - refused or unreachable
                socket.create_connection(address, timeout=2)


@pytest.mark.skipif(os.geteuid() != 0, reason="only root can be another user")
def test_gw_13_another_user_cannot_read_the_token_from_the_environment_of_a_process():
    environment = {**os.environ, "AWS_CONTAINER_AUTHORIZATION_TOKEN": "canary-token"}
    with subprocess.Popen([sys.executable, "-c", "input()"], stdin=subprocess.PIPE, env=environment) as process:
        reading = f"import os; os.setuid(65534); open('/proc/{process.pid}/environ', 'rb').read()"
        done = subprocess.run([sys.executable, "-c", reading], capture_output=True, text=True, check=False)
        process.communicate(b"\n")
    assert "PermissionError" in done.stderr


STATUSES = [
    (Invalid, 400), (Unauthenticated, 401), (Denied, 403), (GrantEnded, 410), (Unavailable, 503),
]  # fmt: skip


@pytest.mark.parametrize(("kind", "status"), STATUSES)
def test_cli_03_a_problem_has_the_status_of_its_kind(endpoint: Endpoint, kind: type[ClientProblem], status: int):
    endpoint.broker.problem = kind("some_code", "Title", "What happened.", "What to do.")
    document = {"Code": "JitneySomeCode", "Message": "What happened. What to do."}
    assert endpoint.ask() == (status, document)


@pytest.fixture
def sdk(endpoint: Endpoint, home: Path, monkeypatch: pytest.MonkeyPatch) -> botocore.session.Session:
    """A session of botocore in the environment of the endpoint."""
    for name, value in shell_variables(endpoint.port, endpoint.token, "eu-west-1").items():
        monkeypatch.setenv(name, value)
    monkeypatch.setattr(ContainerMetadataFetcher, "SLEEP_TIME", 0)
    return botocore.session.Session()


def test_cli_04_twenty_reads_by_botocore_take_one_key(endpoint: Endpoint, sdk: botocore.session.Session):
    keys = sdk.get_credentials()
    assert {keys.get_frozen_credentials().access_key for _ in range(20)} == {"key-0"}
    assert endpoint.broker.log == ["request"]


def test_cli_03_botocore_shows_a_pending_review_with_what_to_do(endpoint: Endpoint, sdk: botocore.session.Session):
    endpoint.broker.pending = True
    with pytest.raises(CredentialRetrievalError, match=r"non 200 response 409[\s\S]*JitneyGrantPending[\s\S]*is under"):
        sdk.get_credentials()
    assert endpoint.broker.log.count("request") == 1


def test_a_command_gets_the_endpoint_and_no_other_source_of_credentials(home: Path, endpoint: Endpoint):
    grant = held(endpoint.broker).grant()
    before = {
        "HOME": str(home), "AWS_ACCESS_KEY_ID": "AKIAIOSFODNN7EXAMPLE", "AWS_SECRET_ACCESS_KEY": "s",
        "AWS_SESSION_TOKEN": "t", "AWS_PROFILE": "p", "AWS_REGION": "us-east-1", "JITNEY_CLIENT_SECRET": "c",
    }  # fmt: skip
    variables = container_variables(endpoint.port, endpoint.token)
    found = container_environment(before, variables, grant)
    regions = dict.fromkeys(("AWS_REGION", "AWS_DEFAULT_REGION"), "us-east-1")
    assert found == {"HOME": str(home), "JITNEY_GRANT_ID": grant.id} | regions | variables
    names = ["AWS_ACCESS_KEY_ID", "AWS_PROFILE", "AWS_SECRET_ACCESS_KEY", "AWS_SESSION_TOKEN"]
    assert overriding_variables(before, variables) == names


OLD_KEYS = "AWSAccessKeyId=AKIAIOSFODNN7EXAMPLE\nAWSSecretKey=s\n"
BOTO = "[Credentials]\naws_access_key_id = AKIAIOSFODNN7EXAMPLE\naws_secret_access_key = s\n"
LOGIN = "[default]\nlogin_session = arn:aws:iam::444455556666:user/dev\n"


@pytest.mark.parametrize(
    ("name", "content", "variable"),
    [
        ("keys", OLD_KEYS, "AWS_CREDENTIAL_FILE"),
        ("boto", BOTO, "BOTO_CONFIG"),
        (".boto", BOTO, ""),
        (".aws/credentials", BOTO.replace("Credentials", "default"), ""),
        (".aws/config", LOGIN, ""),
    ],
)
def test_cli_04_botocore_uses_the_endpoint_before_each_file_of_keys(
    home: Path, endpoint: Endpoint, name: str, content: str, variable: str
):
    """A command would use a person's keys, and nothing would show it."""
    path = home / name
    path.parent.mkdir(exist_ok=True)
    path.write_text(content)
    before = os.environ | ({variable: str(path)} if variable else {})
    variables = container_variables(endpoint.port, endpoint.token) | HIDDEN_SOURCES
    found = container_environment(before, variables, held(endpoint.broker).grant())
    code = "import botocore.session; print(botocore.session.Session().get_credentials().method)"
    done = subprocess.run([sys.executable, "-c", code], env=found, capture_output=True, text=True, check=False)
    assert done.stdout == "container-role\n", done.stderr


@pytest.mark.parametrize(
    "name",
    # Go reads the first two, Ruby all of them.
    ["AWS_ACCESS_KEY", "AWS_SECRET_KEY", "AMAZON_ACCESS_KEY_ID", "AMAZON_SECRET_ACCESS_KEY", "AMAZON_SESSION_TOKEN"],
)
def test_cli_04_other_names_of_keys_are_removed(home: Path, endpoint: Endpoint, name: str):
    grant = held(endpoint.broker).grant()
    assert name not in container_environment({name: "x"}, {}, grant)
    assert overriding_variables({name: "x"}, {}) == [name]
    assert overrides_credentials(name)


def test_cli_04_a_shell_gets_the_names_of_its_variables_alone():
    names = ["AWS_BEARER_TOKEN_BEDROCK", "AWS_BEARER_TOKEN_;id", "AWS_BEARER_TOKEN_$(id)", "AWS_BEARER_TOKEN_ä"]
    assert overriding_variables(dict.fromkeys(names, "x"), {}) == names[:1]


@pytest.mark.parametrize(
    ("config", "hidden"),
    [
        ("[default]\nregion = eu-west-1\ns3 =\n  max_concurrent_requests = 2\n[profile x]\nrole_arn = a\n", False),
        ("[default]\naws_access_key_id = A\n", True),
        ("[profile default]\ncredential_process = x\n", True),
        ("[default]\n  aws_access_key_id = A\n  aws_secret_access_key = B\n", True),
        ("\ufeff[default]\naws_access_key_id = A\n", True),
        ("[DEFAULT]\naws_access_key_id = A\n[default]\nregion = eu-west-1\n", True),
        ("[default]\nregion = eu-west-1\n[x]\n[default]\naws_access_key_id = A\n", True),
        ("[default]\nsso_session = s\n", True),
        ("[default]\nlogin_session = arn:aws:iam::444455556666:user/dev\n", True),
        # Readings of one SDK: botocore, JavaScript, Go, JavaScript, Go, botocore and Go, the AWS CLI 2.
        ("[profiles default]\naws_access_key_id = A\n", True),
        ("[profile.default]\naws_access_key_id = A\n", True),
        ("[default\u00a0]\naws_access_key_id = A\n", True),
        ("[profile\u00a0default]\naws_access_key_id = A\n", True),
        ("[default]\n[x # mine]\naws_access_key_id = A\n", True),
        ("[default]\n[x]#mine\naws_access_key_id = A\n", True),
        ("[default]\n[profile x] # mine\naws_access_key_id = A\n", False),
        ("[default]\naws_access_\u212aey_id = A\n", True),
        ("[default]\naws_access_key_id = A\n".encode("utf-16-le"), True),
        ("[sso-session default]\nsso_start_url = https://example.com\n[sso-session x]\nsso_region = a\n", False),
        ("[profile my-default]\naws_access_key_id = A\n", False),
        ("[other]\n", False),
        (None, False),
        (b"\xff", True),
    ],
)
def test_the_configuration_file_is_hidden_if_its_default_profile_has_credentials(
    home: Path, endpoint: Endpoint, config: str | bytes | None, hidden: bool
):
    if config is not None:
        (home / ".aws").mkdir()
        (home / ".aws/config").write_bytes(config if isinstance(config, bytes) else config.encode())
    found = container_environment({}, {}, held(endpoint.broker).grant())
    assert (found.get("AWS_CONFIG_FILE") == os.devnull) is hidden


@pytest.mark.parametrize(
    ("named", "file"),
    # botocore replaces variables in the path. Go replaces nothing in it.
    [("$HOME/own/settings", "own/settings"), ("${HOME}/own/settings", "own/settings"), ("~/own", "~/own")],
)
def test_cli_04_a_configuration_file_is_found_as_each_sdk_finds_it(
    home: Path, endpoint: Endpoint, monkeypatch: pytest.MonkeyPatch, named: str, file: str
):
    monkeypatch.chdir(home)
    (home / file).parent.mkdir()
    (home / file).write_text("[default]\naws_access_key_id = A\naws_secret_access_key = s\n")
    found = container_environment({"AWS_CONFIG_FILE": named}, {}, held(endpoint.broker).grant())
    assert found["AWS_CONFIG_FILE"] == os.devnull


@pytest.mark.parametrize("name", ["HTTP_PROXY", "http_proxy", "ALL_PROXY"])
def test_cli_04_no_proxy_gets_the_token_of_the_endpoint(endpoint: Endpoint, name: str):
    """The library object_store of Rust sends each request to a proxy, also one to 127.0.0.1."""
    grant = held(endpoint.broker).grant()
    before = {name: "http://proxy.example.com:3128", "NO_PROXY": "internal,localhost"}
    found = container_environment(before, {}, grant)
    assert (found["NO_PROXY"], found["no_proxy"]) == ("internal,127.0.0.1,localhost",) * 2
    assert "NO_PROXY" not in container_environment({"HTTPS_PROXY": "http://proxy.example.com:3128"}, {}, grant)


@pytest.mark.parametrize("name", ["MINIO_ACCESS_KEY", "MINIO_SECRET_KEY", "MINIO_ROOT_USER", "MINIO_ROOT_PASSWORD"])
def test_cli_04_keys_that_restic_prefers_to_the_endpoint_are_removed(endpoint: Endpoint, name: str):
    """Its library, minio-go, reads these and the credentials of the MinIO Client before it asks the endpoint."""
    found = container_environment({name: "x"}, HIDDEN_SOURCES, held(endpoint.broker).grant())
    assert (found.get(name), found["MINIO_SHARED_CREDENTIALS_FILE"]) == (None, os.devnull)
    assert overriding_variables({name: "x"}, {}) == [name]
