"""The identities of agents and people whose names the tests' configurations give."""

from collections.abc import Mapping

from jitney.core.config import ReviewerGroup
from jitney.core.stored_identity import Identity, identity_of
from tests.core.identity import minting

STAFF = "https://staff.example.com"
ISSUERS = {"corp": minting.CORP, "other": minting.OTHER, "people": minting.PEOPLE, "staff": STAFF}


def identity(name: str) -> Identity:
    """The agent or person with a source identity such as "corp.alice"."""
    alias = name.partition(".")[0]
    return identity_of(name, ISSUERS.get(alias, alias))


def renamed_reviewers(groups: Mapping[str, ReviewerGroup], old: str, new: str) -> dict[str, ReviewerGroup]:
    """The groups with names of people that begin with the alias `new` in place of `old`."""

    def renamed(people: tuple[str, ...]) -> tuple[str, ...]:
        return tuple(person.replace(f"{old}.", f"{new}.") for person in people)

    return {
        name: each._replace(members=renamed(each.members), delegates=renamed(each.delegates))
        for name, each in groups.items()
    }
