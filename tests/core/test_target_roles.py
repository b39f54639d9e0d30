"""END 6: the roles of a target, and the one that a grant is on."""

from collections import Counter
from dataclasses import replace

import pytest

from jitney.core.access.decision import Decision, Effect
from jitney.core.access.new_grant import open_grant
from jitney.core.config import Config
from jitney.core.identity.principal import Principal
from jitney.core.target_config import Target
from jitney.core.target_roles import MOST_ROLES, first_role, further_roles, role_number, role_of_grant, roles_of
from tests.fakes import GRANT, ROLE_ARN
from tests.handlers.conftest import configuration

AGENT = Principal("https://idp", "ci", "job", "agent", frozenset(), "job", "ci.job", "ci.repository=1", None, ())
IDS = [f"g-{number:014d}" for number in range(3000)]


def config(roles: int) -> Config:
    known = configuration()
    return replace(known, targets={alias: replace(each, roles=roles) for alias, each in known.targets.items()})


def target(roles: int) -> Target:
    return config(roles).targets["analytics-prod"]


def test_end_06_one_role_has_the_name_of_the_target_and_every_grant():
    assert target(1).role_arns == (ROLE_ARN,)
    assert {role_of_grant(each, ROLE_ARN, 1) for each in IDS} == {ROLE_ARN}


@pytest.mark.parametrize("count", [2, 3, MOST_ROLES])
def test_end_06_each_of_several_roles_has_an_equal_part_of_the_grants(count):
    found = Counter(role_of_grant(each, ROLE_ARN, count) for each in IDS)
    assert found.keys() == set(target(count).role_arns)
    assert len(found) == count
    assert max(found.values()) < 1.25 * len(IDS) / count


def test_end_06_a_grant_id_gives_the_same_role_each_time():
    """The grants of an earlier version are where it put them."""
    assert [role_of_grant("g-k3v7q2m5x4tbca", "a", count) for count in (2, 3, 10)] == ["a.role2", "a", "a.role8"]


def test_end_06_a_new_grant_is_on_a_role_of_its_target_and_keeps_it():
    request = GRANT.as_request()
    decision = Decision(Effect.ALLOW, (), GRANT.permissions, "v1", "table")

    def opened(grant_id: str, roles: int) -> str:
        return open_grant(grant_id, AGENT, request, target(roles), decision, 10**10, 10**9).role_arn

    assert {opened(each, 3) for each in IDS[:100]} == set(target(3).role_arns)
    assert {opened(each, 1) for each in IDS[:100]} == {ROLE_ARN}


@pytest.mark.parametrize("name", ["a", "a.role", "a.role1", "a.role01", "a.role11", "a.role2x", "arole2", "a.Role2"])
def test_a_name_without_an_added_number_is_its_own(name):
    assert first_role(name) == name


@pytest.mark.parametrize("number", range(1, MOST_ROLES + 1))
def test_each_role_leads_to_the_first_and_to_its_target(number):
    role = role_number(ROLE_ARN, number)
    assert first_role(role) == ROLE_ARN
    assert config(1).target_with(role) == target(1)
    assert role in target(1).all_role_arns


def test_further_roles_are_all_but_the_first_and_no_other_targets():
    pattern = further_roles("a")
    assert pattern.endswith("*")
    assert all(each.startswith(pattern[:-1]) for each in roles_of("a", MOST_ROLES)[1:])
    assert not "a".startswith(pattern[:-1])
    assert not "ab".startswith(pattern[:-1])
