"""Which token source is taken, and why: named, by a setting, or found on this machine."""

from pathlib import Path

import pytest

from jitney.client.inputs.connection_options import ConnectionOptions
from jitney.client.inputs.setting_names import ConnectionSettings, SettingLevel
from jitney.client.inputs.settings import connect, read_settings
from jitney.client.login.reviewer_sign_in import review_settings
from jitney.client.problems import ClientProblem, Invalid
from jitney.client.tokens import token_sources
from jitney.client.tokens.aws import AwsIdentity
from jitney.client.tokens.azure import AzureIdentity, app_service
from jitney.client.tokens.file import FileToken
from jitney.client.tokens.google import GoogleIdentity
from jitney.client.tokens.kubernetes import KubernetesToken
from jitney.client.tokens.token_choice import ChosenSource, choose
from jitney.client.tokens.token_sources import SOURCES
from jitney.client.tokens.variable import VariableToken

GITHUB = {"ACTIONS_ID_TOKEN_REQUEST_URL": "https://runner/?v=2", "ACTIONS_ID_TOKEN_REQUEST_TOKEN": "canary"}
LAMBDA = {"AWS_LAMBDA_FUNCTION_NAME": "reader", "AWS_REGION": "eu-west-1"}
APP_SERVICE = {"IDENTITY_ENDPOINT": "http://127.0.0.1:1/msi", "IDENTITY_HEADER": "canary"}
DMI = {"sys_vendor": "Amazon EC2", "chassis_asset_tag": "7783-7084-3265-9085-8269-3286-77"} | {
    "product_name": "Google Compute Engine"
}


@pytest.fixture(autouse=True)
def machine(home: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A machine of no cloud, and no pod."""
    folder = tmp_path / "machine"
    folder.mkdir()
    monkeypatch.setattr(token_sources, "MACHINE", folder)
    monkeypatch.setattr("jitney.client.tokens.kubernetes.MOUNTED", folder / "token")
    return folder


def chosen(environment: dict[str, str], options: ConnectionOptions = ConnectionOptions()) -> ChosenSource:  # noqa: B008
    return choose(read_settings(options, environment))


def refusal(environment: dict[str, str]) -> ClientProblem:
    with pytest.raises(ClientProblem) as refused:
        chosen(environment)
    return refused.value


@pytest.mark.parametrize(
    ("environment", "expected"),
    [
        ({"JITNEY_TOKEN": "x"}, ChosenSource("variable", "JITNEY_TOKEN is set", VariableToken("x"))),
        (LAMBDA, ChosenSource("aws", "AWS_LAMBDA_FUNCTION_NAME is set", AwsIdentity("jitney", "eu-west-1"))),
        (
            APP_SERVICE,
            ChosenSource(
                "azure",
                "IDENTITY_ENDPOINT and IDENTITY_HEADER are set",
                app_service("api://jitney", "", "http://127.0.0.1:1/msi", "canary"),
            ),
        ),
        ({"K_SERVICE": "reader"}, ChosenSource("google", "K_SERVICE is set", GoogleIdentity("jitney"))),
        (LAMBDA | {"JITNEY_TOKEN_FILE": "/t"}, ChosenSource("file", "JITNEY_TOKEN_FILE is set", FileToken(Path("/t")))),
    ],
)
def test_dx_a_source_is_found_and_says_why(environment: dict[str, str], expected: ChosenSource):
    assert chosen(environment) == expected


@pytest.mark.parametrize(
    ("file", "name", "source"),
    [
        ("sys_vendor", "aws", AwsIdentity("jitney", "eu-west-1")),
        ("chassis_asset_tag", "azure", AzureIdentity("api://jitney")),
        ("product_name", "google", GoogleIdentity("jitney")),
    ],
)
def test_dx_a_machine_of_a_cloud_is_found_without_the_network(machine: Path, file: str, name: str, source: object):
    (machine / file).write_text(f"{DMI[file]}\n")
    assert chosen({"AWS_REGION": "eu-west-1"}) == (name, f"{machine / file} is {DMI[file]}", source)
    (machine / file).write_text("LENOVO\n")
    assert refusal({}).code == "token_source_missing"


def test_dx_a_job_without_the_permission_for_tokens_does_not_get_the_identity_of_its_runner(machine: Path):
    for file, content in DMI.items():  # GitHub's own runners are virtual machines in Azure
        (machine / file).write_text(content)
    problem = refusal({"GITHUB_ACTIONS": "true", "AWS_REGION": "eu-west-1"})
    assert (problem.code, problem.exit_code) == ("token_refused", 5)
    assert problem.detail == "ACTIONS_ID_TOKEN_REQUEST_URL and ACTIONS_ID_TOKEN_REQUEST_TOKEN are not set."
    job = GITHUB | {"GITHUB_ACTIONS": "true"}
    assert chosen(job)[:2] == ("github-actions", "GITHUB_ACTIONS is true")
    assert chosen(job | {"JITNEY_TOKEN_SOURCE": "google"}).name == "google"


def test_a_pods_token_is_found(machine: Path):
    (machine / "token").touch()
    assert refusal({}).code == "token_source_missing"
    found = chosen({"KUBERNETES_SERVICE_HOST": "10.0.0.1"})
    assert found[:2] == ("kubernetes", f"{machine / 'token'} exists")
    assert isinstance(found.source, KubernetesToken)


def test_dx_the_order_of_the_sources_is_the_tables(machine: Path):
    """Where several are found, the first of the table is taken."""
    (machine / "token").touch()
    everything = {
        "github-actions": GITHUB,
        "kubernetes": {"KUBERNETES_SERVICE_HOST": "10.0.0.1"},
        "spiffe": {"SPIFFE_ENDPOINT_SOCKET": "tcp://127.0.0.1:1"},
        "aws": LAMBDA,
        "azure": APP_SERVICE,
        "google": {"K_SERVICE": "reader"},
    }
    found = []
    while everything:
        found.append(chosen({name: value for each in everything.values() for name, value in each.items()}).name)
        del everything[found[-1]]
    assert found == [name for name in SOURCES if name in found]
    assert len(found) == 6


def test_dx_a_named_source_wins_over_what_is_set_and_found():
    named = {"JITNEY_TOKEN_SOURCE": "google", "JITNEY_TOKEN_FILE": "/t", "JITNEY_TOKEN_COMMAND": "x"}
    assert chosen(GITHUB | named) == ("google", "JITNEY_TOKEN_SOURCE is set", GoogleIdentity("jitney"))
    option = ConnectionOptions(token_file="/option")
    assert chosen(named, option) == ("file", "--token-file is given", FileToken(Path("/option")))


def test_a_source_can_be_named_in_the_file(home: Path):
    path = home / ".config" / "jitney" / "config.toml"
    path.parent.mkdir(parents=True)
    path.write_text('[token]\nsource = "google"\naudience = "https://jitney.example.com"\n')
    assert chosen(GITHUB) == ("google", f"token.source is in {path}", GoogleIdentity("https://jitney.example.com"))


@pytest.mark.parametrize(
    ("environment", "code", "said"),
    [
        ({"JITNEY_TOKEN_SOURCE": "gogle"}, "setting_invalid", "Did you mean google?"),
        ({"JITNEY_TOKEN_SOURCE": "?"}, "setting_invalid", f"Sources are {', '.join(SOURCES)}."),
        ({"JITNEY_TOKEN_SOURCE": "file"}, "setting_missing", "Set JITNEY_TOKEN_FILE, or file under [token] in"),
        ({"JITNEY_TOKEN_SOURCE": "variable"}, "setting_missing", "Set JITNEY_TOKEN."),
        ({"JITNEY_TOKEN": "x", "JITNEY_TOKEN_FILE": "/t"}, "token_source_ambiguous", "JITNEY_TOKEN_SOURCE"),
        ({"JITNEY_TOKEN_SOURCE": "github-actions"}, "token_refused", "id-token: write"),
        ({"GITHUB_ACTIONS": "true"}, "token_refused", "id-token: write"),
        (GITHUB | {"ACTIONS_ID_TOKEN_REQUEST_URL": "http://runner/"}, "url_invalid", "https://"),
        (LAMBDA | {"AWS_REGION": ""}, "setting_missing", "AWS_REGION"),
    ],
)
def test_dx_a_chosen_source_that_lacks_something_is_an_error(environment: dict[str, str], code: str, said: str):
    """The next source is not tried, because it would give another identity."""
    problem = refusal({"K_SERVICE": "reader"} | environment)
    assert problem.code == code
    assert said in problem.fix


@pytest.mark.parametrize(
    ("environment", "said"),
    [
        ({"KUBERNETES_SERVICE_HOST": "10.0.0.1"}, "In this pod, project a serviceAccountToken to /var/run/secrets/"),
        ({"GITLAB_CI": "true"}, "In this job, declare JITNEY_TOKEN under id_tokens. Set one of these"),
        ({"CIRCLECI": "true"}, 'set JITNEY_TOKEN="$CIRCLE_OIDC_TOKEN_V2"'),
        ({"BITBUCKET_BUILD_NUMBER": "7"}, 'oidc: true, and JITNEY_TOKEN="$BITBUCKET_STEP_OIDC_TOKEN"'),
        ({"BUILDKITE": "true"}, "JITNEY_TOKEN_COMMAND to `buildkite-agent oidc request-token`"),
        (
            {"CIRCLECI": "true", "JITNEY_GRANT_ID": "g-2"},
            "`jitney run` passes no token to its command, and the lines of `jitney serve` hide AWS roles. Set one",
        ),
        ({"CIRCLECI": ""}, "Set one of these"),
    ],
)
def test_dx_without_a_source_the_place_says_what_is_missing(environment: dict[str, str], said: str):
    problem = refusal(environment)
    assert problem.code == "token_source_missing"
    assert problem.fix.startswith(said) or said in problem.fix.partition("Set one of these")[0]


def test_aws_is_not_found_in_the_environment_of_a_grant(machine: Path):
    (machine / "sys_vendor").write_text(DMI["sys_vendor"])
    assert refusal(LAMBDA | {"JITNEY_GRANT_ID": "g-abcdefghijklm2"}).code == "token_source_missing"
    assert refusal({"AWS_EC2_METADATA_DISABLED": "true"}).code == "token_source_missing"


def test_a_missing_package_of_a_source_is_named(monkeypatch: pytest.MonkeyPatch):
    import sys

    monkeypatch.setitem(sys.modules, "botocore.session", None)
    monkeypatch.delitem(sys.modules, "jitney.client.tokens.aws", raising=False)
    with pytest.raises(Invalid, match="botocore") as refused:
        chosen(LAMBDA)
    assert "[sdk]" in refused.value.fix


def test_verbose_says_which_source_was_taken(capsys: pytest.CaptureFixture[str]):
    environment = {"JITNEY_API_URL": "http://127.0.0.1:1", "JITNEY_TOKEN": "canary"}
    connect(ConnectionOptions(), environment)
    assert capsys.readouterr().err == ""
    connect(ConnectionOptions(verbose=True), environment)
    assert capsys.readouterr().err == "jitney: token source variable: JITNEY_TOKEN is set\n"


def test_verbose_writes_no_control_characters_of_a_path(capsys: pytest.CaptureFixture[str], tmp_path: Path):
    path = tmp_path / "\x1b[31mconfig.toml"
    path.write_text('[token]\nfile = "token"\n', encoding="utf-8")
    connect(ConnectionOptions(verbose=True, settings_file=str(path)), {"JITNEY_API_URL": "http://127.0.0.1:1"})
    said = capsys.readouterr().err
    assert said.startswith("jitney: token source file: ")
    assert said.strip().isprintable()


OWN = {"review_client_id": "review", "review_issuer": "https://idp.example.com"}


@pytest.mark.parametrize(
    ("values", "missing"),
    [
        ({"review_client_id": "review"}, "JITNEY_REVIEW_ISSUER"),
        ({"review_issuer": OWN["review_issuer"]}, "JITNEY_REVIEW_CLIENT_ID"),
        ({**OWN, "token_issuer": OWN["review_issuer"], "client_id": "review"}, "separate client"),
    ],
)
def test_rev_17_a_sign_in_for_reviews_has_an_issuer_and_a_client_of_its_own(values: dict[str, str], missing: str):
    def settings(given: dict[str, str]) -> ConnectionSettings:
        return ConnectionSettings((SettingLevel(given, lambda _: "set"),), {}, Path("config.toml"))

    assert review_settings(settings(OWN)).client_id == "review"
    with pytest.raises(Invalid) as refused:
        review_settings(settings(values))
    assert missing in f"{refused.value.detail} {refused.value.fix}"
