"""END 6: 20 releases a second on one target cut no agent off, in the simulation that `make bench` prints."""

from benchmarks.release_rates import AIM, TRAFFIC, Traffic, roles_for_aim, simulated
from jitney.core.access.deny_document import ROLE_POLICY_LIMIT

NAMED_OPEN_GRANTS = ROLE_POLICY_LIMIT // len('"g-aaaaaaaaaaaaaa",')
"""As many open grants as a document could name."""
KEYS = Traffic(900, 30)
MIXED = Traffic(900, 30, gateway=0.4, tickets=0.1)


def test_end_06_twenty_releases_a_second_cut_no_agent_off():
    found = simulated(MIXED, 20, where_needed=True)
    assert not found.is_cut_off
    assert found.releases > 15_000
    assert 0.55 < found.entries / found.releases < 0.65


def test_end_06_more_open_grants_are_read_than_a_document_could_name():
    """The newest of them are in no range, so they need no exception."""
    assert simulated(MIXED, 20, where_needed=True, most_open=NAMED_OPEN_GRANTS).is_cut_off


def test_end_06_with_two_roles_twenty_releases_of_keys_a_second_cut_no_agent_off():
    assert simulated(KEYS, AIM).is_cut_off
    assert not simulated(KEYS, AIM, roles=2).is_cut_off
    assert not simulated(KEYS, AIM, roles=2, seed=2).is_cut_off


def test_end_06_with_five_roles_keys_are_held_for_two_minutes():
    assert roles_for_aim(TRAFFIC["900 s, held 120 s, credentials"]) == 5
