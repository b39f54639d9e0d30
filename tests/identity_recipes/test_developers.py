"""The entries in docs/identity/developers.md load, and name agent and human of a developer's token (row ID 10)."""

import tomllib
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import pytest
import yaml
from markdown_it import MarkdownIt

from jitney.client.inputs.connection_options import ConnectionOptions
from jitney.client.inputs.settings import read_settings
from jitney.client.tokens.token_sources import login_settings
from jitney.configuration.load import load_configuration
from jitney.core import config
from jitney.core.identity.principal import Principal
from jitney.core.identity.providers import google, okta
from jitney.core.identity.refusal import Refusal
from jitney.core.identity.requester import requester_name
from jitney.core.identity.source_identity import source_identity
from tests.configuration.test_load import slack, valid, write_policies
from tests.core.identity.minting import NOW
from tests.identity_recipes.pages import BROKER, PAGES, principal_at
from tests.identity_recipes.samples import OID, TENANT

BLOCKS = MarkdownIt().parse((PAGES / "developers.md").read_text("utf-8"))
ENTRIES = [yaml.safe_load(each.content)["issuers"] for each in BLOCKS if each.info == "yaml"]
SETTINGS = [tomllib.loads(each.content) for each in BLOCKS if each.info == "toml"]
UUID = "0c2f1d3e-4a5b-4c6d-8e7f-901234567890"
TIMES = {"iat": NOW - 100, "exp": NOW + 3500}
ENTRA: dict[str, Any] = {
    "ver": "2.0",
    "azp": "00001111-aaaa-2222-bbbb-3333cccc4444",
    "azpacr": "0",
    "scp": "request",
    "oid": OID,
    "tid": TENANT,
    "sub": "pairwise",
}
# By provider: claims of a developer's token, the agent, and the human's subject.
TOKENS: dict[str, tuple[dict[str, Any], str, str]] = {
    "generic": ({"azp": "jitney-cli", "sub": UUID, "preferred_username": "ada", "typ": "Bearer"}, "jitney-cli", UUID),
    "okta": (
        {name: value for name, value in okta.SAMPLE.items() if name != "groups"} | {"scp": ["jitney.request"]},
        "0oabskvc6442nkvQO0h7",
        "00u5t60iloOHN9pBi0h7",
    ),
    "entra": (ENTRA, f"app:{ENTRA['azp']}@{TENANT}", f"{OID}@{TENANT}"),
    "google": (
        {**google.SAMPLE, "azp": "5678123498765.apps.googleusercontent.com"},
        "5678123498765.apps.googleusercontent.com",
        str(google.SAMPLE["sub"]),
    ),
}


def compiled(issuers: dict[str, Any]) -> config.Config:
    """Return the configuration of a block. Its person reviews, and signs in with `people`."""
    person = f"people/{TOKENS[issuers['people']['provider']][2]}"
    reviewers = {"data-owners": {"members": [person], "channel": "#data"}}
    document = valid() | {"issuers": issuers, "reviewers": reviewers, "slack": slack()}
    with TemporaryDirectory() as name:
        folder = Path(name)
        write_policies(folder / "policies", '@id("a") permit (principal, action, resource);')
        (folder / "jitney.yaml").write_text(yaml.safe_dump(document, sort_keys=False))
        return config.load(load_configuration(folder / "jitney.yaml", BROKER, local=False).json)


def principal(at: int, **changes: Any) -> Principal:
    issuers = ENTRIES[at]
    entry = issuers["developers"]
    claims = TOKENS[entry["provider"]][0] | TIMES | {"iss": entry["issuer"], "aud": entry["audiences"][0]} | changes
    return principal_at(compiled(issuers), claims)


@pytest.mark.parametrize("at", range(4), ids=TOKENS)
def test_id_10_a_developers_token_names_the_agent_and_the_human(at: int):
    found, (_, agent, human) = principal(at), TOKENS[ENTRIES[at]["developers"]["provider"]]
    assert (found.issuer_name, found.kind, found.subject) == ("developers", "agent", agent)
    assert found.human
    assert found.human.name == source_identity("people", ENTRIES[at]["people"]["issuer"], human)


# By entry: the claim that names another developer.
OTHERS = [{"sub": f"1{UUID[1:]}"}, {"uid": "00u6t60iloOHN9pBi0h7"}, {"oid": f"1{OID[1:]}"}, {"sub": "1"}]


@pytest.mark.parametrize(("at", "claims"), [*enumerate(OTHERS)], ids=TOKENS)
def test_rev_12_two_developers_do_not_share_the_limits_of_their_client(at: int, claims: dict[str, Any]):
    one, two = principal(at), principal(at, **claims)
    assert one.source_identity == two.source_identity
    assert one.unit_key != two.unit_key


@pytest.mark.parametrize("at", range(4), ids=TOKENS)
def test_id_12_a_developers_agent_is_named_by_its_client(at: int):
    found, (_, agent, _) = principal(at), TOKENS[ENTRIES[at]["developers"]["provider"]]
    client = agent.removeprefix("app:").partition("@")[0]
    assert client in requester_name(found.issuer_name, found.subject, found.facts).partition(" · ")[0]


@pytest.mark.parametrize("at", range(4), ids=TOKENS)
def test_id_10_another_client_gets_no_token_for_a_developers_agent(at: int):
    name = "cid" if ENTRIES[at]["developers"]["provider"] == "okta" else "azp"
    audience = {"aud": "another"} if ENTRIES[at]["developers"]["provider"] == "google" else {}
    with pytest.raises(Refusal):
        principal(at, **{name: "another"}, **audience)


# Tokens that the developers' client got for itself. The subject of a service account of Keycloak has a person's form.
MACHINES: dict[str, dict[str, Any]] = {
    "Keycloak": {"preferred_username": "service-account-jitney-cli", "clientHost": "192.0.2.1"},
    "Auth0": {"preferred_username": None, "gty": "client-credentials"},
}


@pytest.mark.parametrize("marks", MACHINES.values(), ids=MACHINES)
def test_id_10_a_clients_own_token_names_no_human(marks: dict[str, Any]):
    with pytest.raises(Refusal) as refused:
        principal(list(TOKENS).index("generic"), **marks)
    assert (refused.value.code, "is a client" in refused.value.detail) == ("token_human", True)


@pytest.mark.parametrize("at", range(4), ids=TOKENS)
def test_the_developers_settings_fit_the_entry(at: int, tmp_path: Path):
    secret = tmp_path / "google-client"
    secret.write_text("public")
    path = tmp_path / "jitney" / "config.toml"
    path.parent.mkdir()
    block = [each.content for each in BLOCKS if each.info == "toml"][at]
    path.write_text(block.replace("/home/me/.config/jitney/google-client", str(secret)))
    settings = read_settings(ConnectionOptions(), {"XDG_CONFIG_HOME": str(tmp_path)})
    found, entry = login_settings(settings), ENTRIES[at]["developers"]
    assert (found.issuer, found.kind) == (entry["issuer"], entry["token"])
    assert [found.client_id] == entry.get("clients", entry["audiences"])
    assert "openid" in found.scope
