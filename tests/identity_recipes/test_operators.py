"""The entry in docs/operators.md loads, and makes a person on the command line an operator (row END 8)."""

from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import pytest
import yaml
from markdown_it import MarkdownIt

from jitney.configuration.load import load_configuration
from jitney.core import config
from jitney.core.identity.refusal import Refusal
from tests.configuration.test_load import valid, write_policies
from tests.core.identity.minting import NOW
from tests.identity_recipes.pages import BROKER, PAGES, PEOPLE, principal_at

PAGE = PAGES.parent / "operators.md"
(BLOCK,) = [each.content for each in MarkdownIt().parse(PAGE.read_text("utf-8")) if each.info == "yaml"]


def compiled() -> config.Config:
    """Return the configuration of the block, after the entry with which people sign in to the pages."""
    document = valid() | yaml.safe_load(BLOCK)
    same = {"jwks_uri": document["issuers"]["oncall"]["jwks_uri"], "subject_pattern": "[a-z]+"}
    document["issuers"] = {"people": PEOPLE | same} | document["issuers"]
    with TemporaryDirectory() as name:
        folder = Path(name)
        write_policies(folder / "policies", '@id("a") permit (principal, action, resource);')
        (folder / "jitney.yaml").write_text(yaml.safe_dump(document, sort_keys=False))
        return config.load(load_configuration(folder / "jitney.yaml", BROKER, local=False).json)


def claims(**changes: Any) -> dict[str, Any]:
    token = {"iss": "https://login.example.com", "aud": "jitney-oncall", "azp": "jitney-oncall", "sub": "olga"}
    return {**token, "groups": ["security"], "iat": NOW - 100, "exp": NOW + 3500, "typ": "Bearer", **changes}


def test_end_08_an_operator_of_the_command_line_is_a_person_in_the_group_of_the_entry():
    settings = compiled()
    found = principal_at(settings, claims())
    assert (found.kind, found.human, found.source_identity) == ("human", None, "people.olga")
    assert found.groups & set(settings.operators) == {"oncall/security"}


def test_end_08_another_clients_token_makes_no_operator():
    with pytest.raises(Refusal) as refused:
        principal_at(compiled(), claims(azp="jitney-cli"))
    assert refused.value.code == "token_not_admitted"
