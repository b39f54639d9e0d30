"""A background endpoint gives its keys to the identity that it was started for, and to no other."""

import base64
import json
from collections.abc import Iterator, Mapping
from pathlib import Path

import pytest

from jitney.client.api.grant_request import ApiPermission, GrantRequest
from jitney.client.background.need import PROFILE, EndpointNeed, shell_identity
from jitney.client.inputs.connection_options import ConnectionOptions
from jitney.client.inputs.setting_names import IDENTITY_VARIABLES, SETTINGS, ConnectionSettings
from jitney.client.problems import ClientProblem
from jitney.client.tokens.token_sources import SOURCES

REQUEST = GrantRequest("analytics-prod", (ApiPermission(("s3:GetObject",), ("*",)),), 300, "report")
NEED = EndpointNeed(PROFILE, REQUEST, ConnectionOptions(api="http://127.0.0.1:1", token_file="token"))


def token_of(subject: str) -> str:
    claims = base64.urlsafe_b64encode(json.dumps({"iss": "https://i.example", "sub": subject}).encode()).decode()
    return f"e30.{claims.rstrip('=')}.c2ln"


@pytest.mark.parametrize("name", IDENTITY_VARIABLES)
def test_cli_01_the_endpoint_of_another_variable_of_the_identity_is_another_one(name: str):
    assert NEED.key({name: "a"}) != NEED.key({name: "b"})


@pytest.mark.parametrize("name", SETTINGS)
def test_cli_01_the_endpoint_of_another_setting_is_another_one(name: str):
    """Except for what reviewers use, and for the client's secret: each process can read an endpoint's name."""
    variable = SETTINGS[name][0]
    left_out = name == "client_secret" or name.startswith("review_")
    assert (NEED.key({variable: "a"}) == NEED.key({variable: "b"})) is left_out


def test_cli_01_a_relative_token_file_of_another_folder_is_another_endpoint(tmp_path: Path, monkeypatch):
    keys = set()
    for name in ("one", "two"):
        (tmp_path / name).mkdir()
        monkeypatch.chdir(tmp_path / name)
        keys.add(NEED.key({}))
    assert len(keys) == 2


def test_cli_01_a_token_file_that_names_another_holder_is_another_endpoint(tmp_path: Path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    file, keys = tmp_path / "token", []
    for subject in ("agent-a", "agent-a", "agent-b"):
        file.write_text(token_of(subject))
        keys.append(NEED.key({}))
    assert keys[0] == keys[1] != keys[2]


SERVED = {
    "AWS_CONTAINER_CREDENTIALS_FULL_URI": "http://127.0.0.1:4711/.jitney/credentials",
    "AWS_EC2_METADATA_DISABLED": "true",
    "JITNEY_GRANT_ID": "g-abcdefghijklm2",
}
IN_LAMBDA = {"AWS_LAMBDA_FUNCTION_NAME": "f"}
"""What the lines of `jitney serve` set, of the variables that can name an identity."""


@pytest.mark.parametrize("before", [{}, {"AWS_REGION": "eu-west-1"}, {"AWS_ACCESS_KEY_ID": "a", "AWS_ROLE_ARN": "b"}])
def test_cli_04_a_shell_with_the_lines_of_serve_has_the_identity_of_before(before: dict[str, str]):
    assert NEED.key({**SERVED, **shell_identity(before)}) == NEED.key(before)
    assert NEED.key({**SERVED, "AWS_REGION": "eu-west-3", **shell_identity(before)}) == NEED.key(before)
    assert NEED.key({**SERVED, **IN_LAMBDA, **shell_identity(before)}) == NEED.key({**before, **IN_LAMBDA})


@pytest.mark.parametrize(
    "after",
    [
        {"AWS_ACCESS_KEY_ID": "a"},
        {"AWS_WEB_IDENTITY_TOKEN_FILE": "a"},
        {"AWS_CONTAINER_CREDENTIALS_RELATIVE_URI": "/a"},
        {"AWS_CONTAINER_CREDENTIALS_FULL_URI": "http://169.254.170.23/v1/credentials"},
        {"AWS_EC2_METADATA_DISABLED": ""},
        {"JITNEY_GRANT_ID": ""},
    ],
)
def test_cli_04_a_variable_that_is_set_after_the_lines_names_another_identity(after: dict[str, str]):
    served = {**SERVED, **shell_identity({"AWS_REGION": "eu-west-1"})}
    assert NEED.key({**served, **after}) == NEED.key({**SERVED, **after}) != NEED.key(served)


class Recorded(Mapping[str, str]):
    """An environment that has every variable, and notes the names that are read."""

    def __init__(self) -> None:
        self.read: set[str] = set()

    def __getitem__(self, name: str) -> str:
        self.read.add(name)
        return "http://127.0.0.1:1/x"

    def __contains__(self, name: object) -> bool:
        self.read.add(str(name))
        return False

    def __iter__(self) -> Iterator[str]:
        return iter(())

    def __len__(self) -> int:
        return 0


@pytest.mark.parametrize("name", SOURCES)
def test_cli_01_each_variable_that_a_source_reads_distinguishes_endpoints(name: str):
    environment = Recorded()
    settings = ConnectionSettings((), environment, Path("/dev/null"))
    for act in (SOURCES[name].found, SOURCES[name].build):
        try:
            act(settings)
        except ClientProblem:
            continue
    assert environment.read <= {*IDENTITY_VARIABLES, *(variable for variable, _ in SETTINGS.values())}
