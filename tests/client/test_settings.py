"""Which setting wins, and the message when one is missing or wrong."""

from pathlib import Path

import pytest

from jitney.client.inputs.connection_options import ConnectionOptions, xdg
from jitney.client.inputs.setting_names import SETTINGS
from jitney.client.inputs.settings import connect, read_settings
from jitney.client.problems import ClientProblem, Invalid, Unauthenticated
from jitney.client.tokens import TokenSource
from jitney.client.tokens.client_credentials import ClientCredentials
from jitney.client.tokens.command import CommandToken
from jitney.client.tokens.file import FileToken
from jitney.client.tokens.github_actions import GitHubActions

API = {"JITNEY_API_URL": "http://127.0.0.1:1"}
CLIENT = {
    "JITNEY_TOKEN_URL": "http://127.0.0.1:2/token",
    "JITNEY_CLIENT_ID": "reader",
    "JITNEY_CLIENT_SECRET": "canary",
}
GITHUB = {"ACTIONS_ID_TOKEN_REQUEST_URL": "https://runner/?v=2", "ACTIONS_ID_TOKEN_REQUEST_TOKEN": "canary"}


def source(environment: dict[str, str], options: ConnectionOptions = ConnectionOptions()) -> TokenSource:  # noqa: B008
    with connect(options, API | environment) as broker:
        return broker._auth._source


def refusal(environment: dict[str, str], options: ConnectionOptions = ConnectionOptions()) -> ClientProblem:  # noqa: B008
    with pytest.raises(ClientProblem) as refused:
        connect(options, environment)
    return refused.value


def test_cli_07_without_a_home_folder_the_environment_can_hold_all_settings(
    homeless: None, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
):
    own = tmp_path / "~" / ".config" / "jitney"
    own.mkdir(parents=True)
    (own / "config.toml").write_text('[token]\ncommand = "of a stranger"\n')
    monkeypatch.chdir(tmp_path)
    assert source({"JITNEY_TOKEN_FILE": "/run/token"}) == FileToken(Path("/run/token"))
    assert refusal(API).code == "token_source_missing"
    assert refusal(API | {"JITNEY_SETTINGS_FILE": "~/mine.toml"}).code == "home_unknown"


@pytest.fixture
def config(tmp_path: Path) -> Path:
    (tmp_path / "jitney").mkdir()
    return tmp_path / "jitney" / "config.toml"


@pytest.mark.parametrize(
    ("environment", "expected"),
    [
        ({"JITNEY_TOKEN_FILE": "/run/token"}, FileToken(Path("/run/token"))),
        ({"JITNEY_TOKEN_COMMAND": "login --for 'my agent'"}, CommandToken(("login", "--for", "my agent"))),
        (CLIENT, ClientCredentials("http://127.0.0.1:2/token", "reader", "canary", {})),
        (
            CLIENT | {"JITNEY_TOKEN_SCOPE": "s", "JITNEY_TOKEN_RESOURCE": "urn:r", "JITNEY_TOKEN_AUDIENCE": "a"},
            ClientCredentials(
                "http://127.0.0.1:2/token", "reader", "canary", {"scope": "s", "resource": "urn:r", "audience": "a"}
            ),
        ),
        (GITHUB, GitHubActions("https://runner/?v=2", "canary", "jitney")),
        (GITHUB | {"JITNEY_TOKEN_AUDIENCE": "other"}, GitHubActions("https://runner/?v=2", "canary", "other")),
        (GITHUB | {"JITNEY_TOKEN_FILE": "/run/token"}, FileToken(Path("/run/token"))),
    ],
)
def test_the_environment_names_the_source(home: Path, environment: dict[str, str], expected: TokenSource):
    assert source(environment) == expected


def test_options_win_over_the_environment_and_that_over_the_file(home: Path, config: Path):
    config.write_text('api = "http://127.0.0.1:3"\n[token]\ncommand = "from-file"\n')
    environment = {"XDG_CONFIG_HOME": str(config.parent.parent)}
    with connect(ConnectionOptions(), environment) as broker:
        assert broker.api_url == "http://127.0.0.1:3"
        assert broker._auth._source == CommandToken(("from-file",))
    assert source(environment | {"JITNEY_TOKEN_FILE": "/env"}) == FileToken(Path("/env"))
    options = ConnectionOptions(api="http://127.0.0.1:4", token_command="option")
    with connect(options, API | environment | {"JITNEY_TOKEN_FILE": "/env"}) as broker:
        assert broker.api_url == "http://127.0.0.1:4"
        assert broker._auth._source == CommandToken(("option",))


def test_the_secret_may_lie_in_a_file_of_its_own(home: Path, config: Path, tmp_path: Path):
    (tmp_path / "secret").write_text("canary\n")
    config.write_text(
        f'[token]\nurl = "http://127.0.0.1:2/token"\nclient_id = "reader"\nclient_secret_file = "{tmp_path}/secret"\n'
    )
    expected = ClientCredentials("http://127.0.0.1:2/token", "reader", "canary", {})
    assert source({"XDG_CONFIG_HOME": str(tmp_path)}) == expected


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ('api = "x', "config.toml: cannot be read"),
        ('token = "x"', "token is not a setting"),
        ("api = 1", "api is not a setting, or its value is not a string"),
        ('[token]\nclient_secret = "canary"', "token.client_secret is not a setting"),
        ('[token]\nfile = "a"\n[tokens]\nx = 1', "tokens is not a setting"),
        ('[token]\nfile = "a"\ncommand = "b"', "JITNEY_TOKEN_FILE and JITNEY_TOKEN_COMMAND are both set"),
    ],
)
def test_an_invalid_file_is_named_without_its_content(home: Path, config: Path, text: str, said: str):
    config.write_text(text)
    problem = refusal(API | {"XDG_CONFIG_HOME": str(config.parent.parent)})
    assert problem.exit_code == 2
    assert said in problem.detail
    assert "canary" not in problem.detail


@pytest.mark.parametrize(
    ("environment", "kind", "said"),
    [
        ({}, Invalid, "The broker's address is not set."),
        (API, Unauthenticated, "The source of the token is not set."),
        (API | {"JITNEY_TOKEN_FILE": "a", "JITNEY_TOKEN_URL": "b"}, Invalid, "JITNEY_TOKEN_FILE and JITNEY_TOKEN_URL"),
        (API | {"JITNEY_TOKEN_COMMAND": "a 'b"}, Invalid, "JITNEY_TOKEN_COMMAND has unbalanced quotes"),
        (API | {"JITNEY_TOKEN_COMMAND": " "}, Invalid, "JITNEY_TOKEN_COMMAND is empty"),
        (API | {"JITNEY_TOKEN_URL": "https://idp/token"}, Invalid, "JITNEY_CLIENT_ID is missing"),
        (API | CLIENT | {"JITNEY_CLIENT_SECRET": ""}, Invalid, "JITNEY_CLIENT_SECRET is missing"),
        (
            API | CLIENT | {"JITNEY_TOKEN_URL": "http://idp.example.com/token"},
            Invalid,
            "a token would cross the network",
        ),
        (
            API | CLIENT | {"JITNEY_CLIENT_SECRET": "", "JITNEY_CLIENT_SECRET_FILE": "/does/not/exist"},
            Invalid,
            "JITNEY_CLIENT_SECRET_FILE cannot be read: No such file",
        ),
    ],
)
def test_what_is_missing_is_named(home: Path, environment: dict[str, str], kind: type[ClientProblem], said: str):
    problem = refusal(environment)
    assert type(problem) is kind
    assert said in problem.detail
    assert problem.fix


@pytest.mark.parametrize(
    ("environment", "title", "fix"),
    [
        ({}, "No API address", 'Set JITNEY_API_URL, give --api, or write api = "https://…" into {}.'),
        (
            API | CLIENT | {"JITNEY_CLIENT_ID": ""},
            "A setting is missing",
            "Set JITNEY_CLIENT_ID, or client_id under [token] in {}.",
        ),
        (
            API | CLIENT | {"JITNEY_CLIENT_SECRET": ""},
            "A setting is missing",
            "Set JITNEY_CLIENT_SECRET, JITNEY_CLIENT_SECRET_FILE, or client_secret_file under [token] in {}.",
        ),
    ],
)
def test_what_is_missing_can_be_set_where_the_fix_says(home: Path, environment: dict[str, str], title: str, fix: str):
    problem = refusal(environment)
    assert (problem.title, problem.fix) == (title, fix.format(home / ".config/jitney/config.toml"))


def test_two_sources_as_options_are_ambiguous(home: Path):
    assert refusal(API, ConnectionOptions(token_file="a", token_command="b")).code == "token_source_ambiguous"


def test_a_relative_xdg_folder_is_ignored_as_its_specification_says(home: Path):
    assert xdg({"XDG_STATE_HOME": "state"}, "XDG_STATE_HOME", ".local/state") == home / ".local/state/jitney"


def test_no_secret_is_a_setting_of_the_file():
    assert [name for name, (_, place) in SETTINGS.items() if place is None] == [
        "settings_file",
        "token",
        "client_secret",
        "review_client_secret",
    ]


@pytest.mark.parametrize("secret", ["canary\nx", "cän\u2019ary", "two canaries"])
def test_a_runners_secret_that_is_no_token_is_refused_without_it(home: Path, secret: str):
    problem = refusal(API | GITHUB | {"ACTIONS_ID_TOKEN_REQUEST_TOKEN": secret})
    assert (problem.code, problem.exit_code) == ("token_unusable", 5)
    assert problem.detail == "ACTIONS_ID_TOKEN_REQUEST_TOKEN holds something else than one token."


def test_a_runners_secret_may_end_with_a_line_break(home: Path):
    assert source(GITHUB | {"ACTIONS_ID_TOKEN_REQUEST_TOKEN": "canary\n"}) == source(GITHUB)


def test_a_configuration_file_that_cannot_be_reached_is_refused_like_one_that_cannot_be_read(tmp_path: Path):
    assert refusal({"XDG_CONFIG_HOME": str(tmp_path / ("x" * 300))}).code == "config_invalid"


@pytest.mark.parametrize(
    ("text", "fix"),
    [
        ('apy = "https://a"', "Did you mean api?"),
        ('[token]\ncommad = "x"', "Did you mean token.command?"),
        ('colour = "red"', "Settings are api, token.source, token.file"),
    ],
)
def test_a_misspelt_setting_in_the_file_has_a_suggestion(config: Path, text: str, fix: str):
    config.write_text(text)
    assert refusal({"XDG_CONFIG_HOME": str(config.parents[1])}).fix.startswith(fix)


def test_a_misspelt_variable_has_a_suggestion(home: Path):
    assert refusal({"JITNEY_API_ULR": "https://a"}).fix.startswith(
        "JITNEY_API_ULR is set: did you mean JITNEY_API_URL?"
    )
    missing = refusal(API | {"JITNEY_TOKN_FILE": "/run/token"}).fix
    assert missing.startswith("JITNEY_TOKN_FILE is set: did you mean JITNEY_TOKEN_FILE? Set one of")
    assert "did you mean" not in refusal({"JITNEY_LOCAL_DIR": "x"}).fix


def test_dx_another_file_of_settings_can_be_named_and_must_exist(home: Path):
    other = home / "own.toml"
    other.write_text('api = "https://other.example.com"\n')
    default = home / ".config" / "jitney" / "config.toml"
    default.parent.mkdir(parents=True)
    default.write_text('api = "https://default.example.com"\n')
    for options, environment in (
        (ConnectionOptions(settings_file=str(other)), {"JITNEY_SETTINGS_FILE": "/nowhere"}),
        (ConnectionOptions(), {"JITNEY_SETTINGS_FILE": str(other)}),
    ):
        assert read_settings(options, environment).values["api"] == "https://other.example.com"
    with pytest.raises(Invalid, match="/nowhere: does not exist"):
        read_settings(ConnectionOptions(), {"JITNEY_SETTINGS_FILE": "/nowhere"})
