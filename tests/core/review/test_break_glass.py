"""Who may use break-glass: a configured person who signed in, on a configured target (REV 8)."""

from dataclasses import replace

import pytest

from jitney.core.access.break_glass import BreakGlassUse
from jitney.core.break_glass_config import BreakGlassConfig
from jitney.core.config import ReviewerGroup
from jitney.core.identity.principal import Principal
from jitney.core.review.break_glass import may_break_glass, may_follow_up
from tests.core.review.samples import under_review
from tests.core.review.test_votes import person
from tests.fakes import NOW, PENDING
from tests.identities import identity

SETTINGS = BreakGlassConfig(("corp.gina",), ("corp/on-call",), ("analytics-prod",), (), 900, 3600, own_requests=False)
GINA = person("gina")
ON_CALL = replace(person("olga"), groups=frozenset({"corp/on-call"}))


@pytest.mark.parametrize(
    ("who", "target", "allowed"),
    [
        (GINA, "analytics-prod", True),
        (ON_CALL, "analytics-prod", True),
        (GINA, "analytics-dev", False),
        (person("olga"), "analytics-prod", False),
        (replace(GINA, kind="agent"), "analytics-prod", False),
        (replace(ON_CALL, kind="agent"), "analytics-prod", False),
        (replace(GINA, human=identity("corp.olga")), "analytics-prod", False),
    ],
    ids=["person", "group", "another target", "another person", "agent", "agent in the group", "on behalf"],
)
def test_rev_08_only_configured_people_may_use_break_glass(who: Principal, target: str, *, allowed: bool):
    assert may_break_glass(who, target, SETTINGS) is allowed
    assert not may_break_glass(who, target, None)


USED = replace(
    PENDING,
    human=identity("corp.harriet"),
    break_glass=BreakGlassUse(identity("corp.gina"), "down", "content", NOW, NOW + 3600, ()),
)


@pytest.mark.parametrize("operator", [True, False])
@pytest.mark.parametrize(("name", "allowed"), [("alice", True), ("gina", False), ("harriet", False)])
def test_rev_08_no_one_who_is_involved_follows_up_not_even_as_an_operator(name: str, *, allowed: bool, operator: bool):
    groups = {"owners": ReviewerGroup(("corp.alice", "corp.gina", "corp.harriet"))}
    assert may_follow_up(f"corp.{name}", under_review(USED), groups, operator=operator) is allowed
    assert not may_follow_up(f"corp.{name}", under_review(PENDING), groups, operator=operator)
