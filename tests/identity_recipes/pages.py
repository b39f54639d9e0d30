"""The entries in docs/identity, compiled as a deployment compiles them, and tokens that are checked against them."""

import re
from collections.abc import Mapping
from functools import cache
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import yaml
from markdown_it import MarkdownIt

from jitney.configuration.load import load_configuration
from jitney.core import config
from jitney.core.identity.authenticate import authenticate
from jitney.core.identity.principal import Principal
from tests.configuration.test_load import valid, write_policies
from tests.core.identity.minting import NOW, KnownKeys, jwk, jwks, sign

PAGES = Path(__file__).resolve().parents[2] / "docs" / "identity"
BROKER = {"CDK_DEFAULT_ACCOUNT": "999911112222", "CDK_DEFAULT_REGION": "eu-central-1"}
PEOPLE = valid()["issuers"]["corp"] | {"issuer": "https://login.example.com", "kind": "human", "token": "id"}


def blocks(page: str) -> list[str]:
    """Return the blocks of a page that are entries of issuers."""
    tokens = MarkdownIt().parse((PAGES / page).read_text("utf-8"))
    return [each.content for each in tokens if each.info == "yaml" and re.match(r"issuers:\n", each.content)]


def compiled(block: str) -> config.Config:
    """Return the configuration of a block with the sections that every configuration needs."""
    issuers = yaml.safe_load(block)["issuers"] | {"people": PEOPLE}
    with TemporaryDirectory() as name:
        folder = Path(name)
        write_policies(folder / "policies", '@id("a") permit (principal, action, resource);')
        (folder / "jitney.yaml").write_text(yaml.safe_dump(valid() | {"issuers": issuers}))
        return config.load(load_configuration(folder / "jitney.yaml", BROKER, local=False).json)


@cache
def page_config(page: str, at: int = 0) -> config.Config:
    """Return the configuration of the block at a position of a page."""
    return compiled(blocks(page)[at])


def config_of(alias: str) -> config.Config:
    """Return the first configuration in the pages that has an entry of this alias."""
    found = (page_config(path.name, at) for path in sorted(PAGES.glob("*.md")) for at in range(len(blocks(path.name))))
    return next(each for each in found if alias in each.issuers)


def principal_at(settings: config.Config, claims: Mapping[str, Any], **head: Any) -> Principal:
    """Return the principal of a token with these claims and header, signed by its issuer. Raises Refusal."""
    algorithm = head.pop("alg", "RS256")
    key = {"ES384": "ec384", "ES256": "ec256"}.get(algorithm, "rsa")
    header = changed_claims({"alg": algorithm, "kid": key, "typ": "JWT"}, head)
    sets = {entry.issuer: jwks(jwk("rsa"), jwk("ec256"), jwk("ec384")) for entry in settings.issuers.values()}
    return authenticate(f"Bearer {sign(header, claims, key)}", settings, KnownKeys(sets), NOW).principal


def changed_claims(claims: Mapping[str, Any], changes: Mapping[str, Any]) -> dict[str, Any]:
    """Return the claims, or the members of a header, with the changes; one that is None removes its claim."""
    return {name: value for name, value in {**claims, **changes}.items() if value is not None}
