"""Tokens of Kubernetes, GitLab, AWS, Azure and Google Cloud, from doubles of their services on real sockets."""

import contextlib
import socket
import threading
import time
from collections.abc import Iterator
from dataclasses import replace
from http.client import HTTPResponse
from pathlib import Path
from urllib.parse import parse_qs

import pytest

from jitney.client.problems import ClientProblem, Invalid, Unauthenticated, Unavailable
from jitney.client.tokens import Token, TokenSource
from jitney.client.tokens.aws import AwsIdentity, aws_identity
from jitney.client.tokens.azure import AzureIdentity, app_service
from jitney.client.tokens.google import GoogleIdentity
from jitney.client.tokens.kubernetes import KubernetesToken
from jitney.client.tokens.metadata_service import LINK_LOCAL, MetadataService
from jitney.client.tokens.variable import VariableToken
from tests.client.fake_broker import FakeBroker
from tests.client.tokens_double import jwt

IMDS = "/metadata/identity/oauth2/token?api-version=2018-02-01&resource=api%3A%2F%2Fjitney"
DAY = 86_400
"""Tokens made while tests are collected must outlast the run."""
TOKEN = jwt(ends_in=DAY)
GCP = "/computeMetadata/v1/instance/service-accounts/default/identity?audience=jitney&format=full"


def refusal(source: TokenSource, kind: type[ClientProblem] = Unauthenticated) -> ClientProblem:
    with pytest.raises(kind) as refused:
        source.fetch()
    assert refused.value.fix
    return refused.value


@pytest.fixture
def no_pauses(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("jitney.client.tokens.metadata_service._PAUSES_SECONDS", (0.0, 0.0))


def azure(broker: FakeBroker, client: str = "") -> AzureIdentity:
    return AzureIdentity("api://jitney", client, MetadataService("Azure", broker.url))


def google(broker: FakeBroker) -> GoogleIdentity:
    return GoogleIdentity("jitney", MetadataService("Google Cloud", broker.url))


# Files and variables.


def test_kubernetes_reads_the_projected_token_each_time(tmp_path: Path):
    path = tmp_path / "token"
    source = KubernetesToken("jitney", path)
    for token in (jwt(["jitney"]), jwt(["jitney"], jti="renewed")):
        path.write_text(token)
        assert source.fetch().value == token
    assert 0 < (source.fetch().lifetime_seconds or 0) <= 300


@pytest.mark.parametrize(
    ("content", "code"),
    [
        (jwt("https://kubernetes.default.svc", ends_in=DAY), "token_audience"),
        (jwt(["https://kubernetes.default.svc"], ends_in=DAY), "token_audience"),
        ("opaque-token", "token_audience"),
        (jwt(ends_in=-120), "token_expired"),
        ("two words", "token_unusable"),
    ],
)
def test_id_03_a_token_that_is_not_for_the_broker_is_not_sent(tmp_path: Path, content: str, code: str):
    path = tmp_path / "token"
    path.write_text(content)
    problem = refusal(KubernetesToken("jitney", path))
    assert problem.code == code
    assert content not in f"{problem.detail}{problem.fix}"


def test_a_pod_without_the_token_is_a_problem(tmp_path: Path):
    assert "No such file" in refusal(KubernetesToken("jitney", tmp_path / "none")).detail


def test_gitlab_passes_the_token_in_a_variable():
    assert VariableToken(f"{TOKEN}\n").fetch().value == TOKEN
    assert VariableToken("opaque").fetch() == Token("opaque")


@pytest.mark.parametrize(
    ("source", "code"),
    [
        (VariableToken(jwt("vault", ends_in=DAY), "jitney"), "token_audience"),
        (VariableToken(jwt(ends_in=-120)), "token_expired"),
        (VariableToken("Bearer x"), "token_unusable"),
    ],
)
def test_a_variable_with_another_token_is_a_problem(source: VariableToken, code: str):
    assert refusal(source).code == code
    assert source.text not in repr(source)


# Azure.


def test_an_end_of_azures_that_is_no_time_is_ignored(broker: FakeBroker):
    broker.say("GET", IMDS, 200, {"access_token": "opaque", "expires_on": "9" * 5000})
    assert azure(broker).fetch() == Token("opaque")


def test_azure_gives_the_machines_token(broker: FakeBroker):
    value = jwt("api://jitney")
    broker.say("GET", IMDS, 200, {"access_token": value, "expires_on": "99", "resource": "api://jitney"})
    token = azure(broker).fetch()
    assert token.value == value
    assert 0 < (token.lifetime_seconds or 0) <= 300
    assert broker.asked[0].headers["Metadata"] == "true"


def test_azure_names_the_identity_where_there_are_several(broker: FakeBroker):
    broker.say("GET", f"{IMDS}&client_id=ebdab26b", 200, {"access_token": "opaque", "expires_on": "4102444800"})
    assert azure(broker, "ebdab26b").fetch().lifetime_seconds


def test_azure_app_service_wants_its_own_header(broker: FakeBroker):
    path = "/msi/token?api-version=2019-08-01&resource=api%3A%2F%2Fjitney"
    broker.say("GET", path, 200, {"access_token": "opaque"})
    source = app_service("api://jitney", "", f"{broker.url}/msi/token", "canary-header")
    assert source.fetch() == Token("opaque")
    assert broker.asked[0].headers["X-IDENTITY-HEADER"] == "canary-header"
    assert "Metadata" not in broker.asked[0].headers
    assert "canary-header" not in repr(source)


@pytest.mark.parametrize(
    ("status", "body", "kind", "said"),
    [
        (400, {"error": "invalid_request", "error_description": "Identity not found"}, Unauthenticated, "not found"),
        (400, b"Required metadata header not specified", Unauthenticated, "HTTP 400."),
        (200, b"<html>", Unauthenticated, "HTTP 200."),
        (200, {"access_token": ["x"]}, Unauthenticated, "HTTP 200."),
        (200, {"access_token": "two words"}, Unauthenticated, "something else"),
        (200, {"access_token": "x", "resource": "https://management.azure.com"}, Unauthenticated, "instead of api:"),
        (200, {"access_token": jwt("api://jitney", ends_in=-120)}, Unauthenticated, "expired"),
        (302, b"", Unauthenticated, "HTTP 302."),
        (403, {"access_token": "x"}, Unauthenticated, "HTTP 403."),
        (429, b"", Unavailable, "HTTP 429."),
        (500, b"", Unavailable, "HTTP 500."),
    ],
)
def test_azure_that_gives_no_token_is_a_problem(
    broker: FakeBroker, no_pauses: None, status: int, body: object, kind: type[ClientProblem], said: str
):
    broker.say("GET", IMDS, status, body)
    assert said in refusal(azure(broker), kind).detail
    assert len(broker.asked) == (3 if kind is Unavailable else 1)


def test_a_metadata_service_with_a_large_answer_leaves_no_socket_open(broker: FakeBroker, answers: list[HTTPResponse]):
    broker.say("GET", IMDS, 200, b"[" * 1_000_000)
    refusal(azure(broker), Unauthenticated)
    assert [each.isclosed() for each in answers] == [True]


def test_azure_that_is_busy_is_asked_again(broker: FakeBroker, no_pauses: None):
    broker.say("GET", IMDS, 429, b"")
    broker.say("GET", IMDS, 200, {"access_token": "opaque"})
    assert azure(broker).fetch().value == "opaque"


# Google Cloud.


def test_google_gives_the_service_accounts_token(broker: FakeBroker):
    broker.say("GET", GCP, 200, TOKEN.encode(), Metadata_Flavor="Google")
    assert google(broker).fetch().value == TOKEN
    assert broker.asked[0].headers["Metadata-Flavor"] == "Google"


@pytest.mark.parametrize(
    ("status", "body", "headers", "kind", "said"),
    [
        (200, TOKEN, {}, Unavailable, "is not Google's"),
        (200, jwt("other", ends_in=DAY), {"Metadata_Flavor": "Google"}, Unauthenticated, "audience jitney"),
        (200, jwt(ends_in=-120), {"Metadata_Flavor": "Google"}, Unauthenticated, "expired"),
        (200, "\xff\x00", {"Metadata_Flavor": "Google"}, Unauthenticated, "something else"),
        (200, "", {"Metadata_Flavor": "Google"}, Unauthenticated, "is empty"),
        (404, "", {"Metadata_Flavor": "Google"}, Unauthenticated, "HTTP 404"),
        (429, "", {"Metadata_Flavor": "Google"}, Unavailable, "HTTP 429"),
        (503, "", {"Metadata_Flavor": "Google"}, Unavailable, "HTTP 503"),
    ],
)
def test_google_that_gives_no_token_is_a_problem(
    broker: FakeBroker,
    no_pauses: None,
    status: int,
    body: str,
    headers: dict[str, str],
    kind: type[ClientProblem],
    said: str,
):
    broker.say("GET", GCP, status, body.encode("latin-1"), **headers)
    assert said in refusal(google(broker), kind).detail


# The metadata services' network.


@pytest.fixture
def silent() -> Iterator[str]:
    """An address that accepts connections and never answers."""
    with socket.create_server(("127.0.0.1", 0)) as listening:
        yield f"http://127.0.0.1:{listening.getsockname()[1]}"


@pytest.mark.parametrize("source", [azure, google])
def test_a_slow_metadata_service_is_given_up(silent: str, source):
    fake = FakeBroker()
    fake.close()
    built = source(fake)
    assert "did not answer" in refusal(built, Unavailable).detail
    slow = replace(built, service=MetadataService("this cloud", silent, 0.1))
    assert "did not answer: timed out" in refusal(slow, Unavailable).detail


def test_cli_07_a_metadata_service_that_drips_is_given_up():
    with socket.create_server(("127.0.0.1", 0)) as listening:

        def answer() -> None:
            accepted, _ = listening.accept()
            with accepted, contextlib.suppress(OSError):
                while accepted.send(b"HTTP/1.1 100 Continue\r\n\r\n"):
                    time.sleep(0.01)

        thread = threading.Thread(target=answer)
        thread.start()
        service = MetadataService("this cloud", f"http://127.0.0.1:{listening.getsockname()[1]}", 0.2)
        said = refusal(GoogleIdentity("jitney", service), Unavailable).detail
        assert "timed out" in said or "did not end in time" in said
        thread.join()


def test_what_is_no_http_is_a_problem():
    with socket.create_server(("127.0.0.1", 0)) as listening:

        def answer() -> None:
            accepted, _ = listening.accept()
            accepted.sendall(b"\x00\x01garbage\r\n\r\n")
            accepted.close()

        thread = threading.Thread(target=answer)
        thread.start()
        service = MetadataService("this cloud", f"http://127.0.0.1:{listening.getsockname()[1]}")
        assert "did not answer" in refusal(GoogleIdentity("jitney", service), Unavailable).detail
        thread.join()


@pytest.mark.parametrize(
    "address", ["http://10.0.0.1", "http://metadata.google.internal", "https://169.254.169.254", "http://[fe80::1%a]x"]
)
def test_cli_01_a_metadata_service_elsewhere_is_not_asked(address: str):
    """The secret header of App Service, and the request for a token, would cross the network."""
    try:
        source = app_service("api://jitney", "", f"{address}/msi", "canary-header")
    except ValueError:
        return
    assert refusal(source, Invalid).code == "url_invalid"


def test_cli_01_no_proxy_sees_a_request_to_a_metadata_service(
    broker: FakeBroker, silent: str, monkeypatch: pytest.MonkeyPatch
):
    for name in ("http_proxy", "HTTP_PROXY", "https_proxy", "all_proxy"):
        monkeypatch.setenv(name, silent)
    monkeypatch.delenv("no_proxy", raising=False)
    broker.say("GET", GCP, 200, TOKEN.encode(), Metadata_Flavor="Google")
    assert google(broker).fetch().value == TOKEN


def test_the_clouds_sources_ask_the_link_local_address():
    assert {AzureIdentity("r").service.address, GoogleIdentity("a").service.address} == {LINK_LOCAL}
    assert LINK_LOCAL == "http://169.254.169.254"


# AWS.


def web_identity(token: str) -> bytes:
    return (
        '<GetWebIdentityTokenResponse xmlns="https://sts.amazonaws.com/doc/2011-06-15/"><GetWebIdentityTokenResult>'
        f"<WebIdentityToken>{token}</WebIdentityToken><Expiration>2099-11-24T12:05:00Z</Expiration>"
        "</GetWebIdentityTokenResult></GetWebIdentityTokenResponse>"
    ).encode()


@pytest.fixture
def aws_keys(home: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("AWS_ACCESS_KEY_ID", "AKIACANARY")
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", "canary-secret")
    monkeypatch.setenv("AWS_SESSION_TOKEN", "canary-session")


def test_aws_signs_the_call_with_the_callers_identity(broker: FakeBroker, aws_keys: None):
    broker.say("POST", "/", 200, web_identity(TOKEN), Content_Type="text/xml")
    token = AwsIdentity("jitney", "eu-west-1", broker.url).fetch()
    assert token.value == TOKEN
    assert 0 < (token.lifetime_seconds or 0) <= DAY
    form = {name: values[0] for name, values in parse_qs(broker.asked[0].body.decode()).items()}
    assert form == {
        "Action": "GetWebIdentityToken",
        "Version": "2011-06-15",
        "Audience.member.1": "jitney",
        "SigningAlgorithm": "ES384",
        "DurationSeconds": "900",
    }
    headers = {name.lower(): value for name, value in broker.asked[0].headers.items()}
    assert "Credential=AKIACANARY/" in headers["authorization"]
    assert "/eu-west-1/sts/aws4_request" in headers["authorization"]
    assert headers["x-amz-security-token"] == "canary-session"


def aws_error(code: str) -> bytes:
    return f"<ErrorResponse><Error><Code>{code}</Code><Message>not now</Message></Error></ErrorResponse>".encode()


@pytest.mark.parametrize(
    ("status", "body", "kind", "said"),
    [
        (403, aws_error("AccessDenied"), Unauthenticated, "AccessDenied not now."),
        (400, aws_error("OutboundWebIdentityFederationDisabled"), Unauthenticated, "FederationDisabled"),
        (200, web_identity(jwt("other", ends_in=DAY)), Unauthenticated, "audience jitney"),
        (200, web_identity(jwt(ends_in=-120)), Unauthenticated, "expired"),
        (200, web_identity("two words"), Unauthenticated, "something else"),
        (200, b"<canary", Unavailable, "not one of STS"),
        (200, b"<GetWebIdentityTokenResponse/>", Unavailable, "not one of STS"),
        (500, aws_error("InternalFailure"), Unavailable, "InternalFailure"),
        (400, aws_error("Throttling"), Unavailable, "Throttling not now."),
    ],
)
def test_aws_that_gives_no_token_is_a_problem(
    broker: FakeBroker,
    aws_keys: None,
    monkeypatch: pytest.MonkeyPatch,
    status: int,
    body: bytes,
    kind: type[ClientProblem],
    said: str,
):
    monkeypatch.setattr("time.sleep", lambda _: None)  # between botocore's attempts
    broker.say("POST", "/", status, body, Content_Type="text/xml")
    problem = refusal(AwsIdentity("jitney", "eu-west-1", broker.url), kind)
    assert said in problem.detail
    assert "canary" not in f"{problem.detail}{problem.fix}"


def test_dx_a_profile_of_jitney_is_not_used_for_keys(
    broker: FakeBroker, home: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
):
    """The AWS CLI passes AWS_PROFILE to `jitney credentials`, which would run itself again without end."""
    ran = tmp_path / "ran"
    (home / ".aws").mkdir()
    profile = f"[default]\ncredential_process = touch {ran}\n[profile reports]\ncredential_process = touch {ran}\n"
    (home / ".aws" / "config").write_text(profile)
    (home / ".aws" / "credentials").write_text("[default]\naws_access_key_id = a\naws_secret_access_key = b\n")
    monkeypatch.setenv("AWS_PROFILE", "reports")
    monkeypatch.setenv("AWS_CONFIG_FILE", str(home / ".aws" / "config"))
    monkeypatch.setenv("AWS_EC2_METADATA_DISABLED", "true")
    problem = refusal(AwsIdentity("jitney", "eu-west-1", broker.url))
    assert "there are no AWS keys" in problem.detail
    assert not ran.exists()
    assert broker.asked == []


def test_dx_the_keys_of_a_grant_are_no_identity():
    with pytest.raises(Invalid, match="belong to the grant"):
        aws_identity("jitney", {"JITNEY_GRANT_ID": "g-abcdefghijklm2", "AWS_REGION": "eu-west-1"})


def test_aws_needs_a_region():
    with pytest.raises(Invalid, match="needs a Region"):
        aws_identity("jitney", {})
    assert aws_identity("jitney", {"AWS_DEFAULT_REGION": "eu-west-1"}) == AwsIdentity("jitney", "eu-west-1")
