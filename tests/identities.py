"""The identities of agents and people whose names the tests' configurations give."""

from jitney.core.stored_identity import Identity, identity_of
from tests.core.identity import minting

STAFF = "https://staff.example.com"
ISSUERS = {"corp": minting.CORP, "other": minting.OTHER, "people": minting.PEOPLE, "staff": STAFF}


def identity(name: str) -> Identity:
    """The agent or person with a source identity such as "corp.alice"."""
    alias = name.partition(".")[0]
    return identity_of(name, ISSUERS.get(alias, alias))
