"""Half a million calls, decided as AWS documents it, against what was requested (rows STS 1, STS 9)."""

import json
from collections.abc import Callable
from random import Random
from typing import Any

import pytest

from jitney.core.access import action_wildcards, conditions, sealed_policy, session_policy, statements
from jitney.core.access.requested_scope import RequestedScope
from tests.core.access import exactness
from tests.core.access.exactness import Wrong, examine, random_case
from tests.examples import examples

CHUNKS, CASES = 4, 190
"""Each chunk has CASES random requests."""
PROBES = 500_000


@pytest.mark.parametrize("chunk", range(CHUNKS))
def test_sts_01_aws_allows_exactly_what_was_requested(chunk: int):
    allowed = denied = 0
    found: list[tuple[int, Wrong]] = []
    for seed in range(chunk * CASES, chunk * CASES + examples(CASES)):
        if one := random_case(seed):
            more_allowed, more_denied, wrong = examine(one, Random(seed))
            allowed, denied = allowed + more_allowed, denied + more_denied
            found += [(seed, each) for each in wrong]
    assert found == []
    assert allowed + denied >= (PROBES // CHUNKS if examples(CASES) == CASES else 5_000)
    assert allowed > denied // 20


# Planted bugs: the probes must find each.

type Patch = Callable[[pytest.MonkeyPatch], object]


def in_boundary(was: str, becomes: str) -> Patch:
    """Change the text of the target's denials."""
    text = json.dumps(exactness.BOUNDARY)
    assert was in text
    return lambda patch: patch.setattr(exactness, "BOUNDARY", json.loads(text.replace(was, becomes)))


def without_null(limits: conditions.Conditions) -> dict[str, Any]:
    return {name: keys for name, keys in conditions.condition_block(limits).items() if name != "Null"}


def whole_services(names: tuple[str, ...], _: object) -> dict[str, tuple[str, ...]]:
    return {f"{names[0].partition(':')[0]}:*": names}


def first_block(limits: conditions.Conditions) -> tuple[Any, ...]:
    return conditions.negated_blocks(limits)[:1]


def other_actions(names: tuple[str, ...], granted: Any) -> dict[str, Any]:
    return {"NotAction": names}


def only_lists(sealing: Any) -> Any:
    return lambda given: sealing(given)[:1]


def only_resources(sealing: Any) -> Any:
    return lambda given: sealing(given)[1:]


SEALS = session_policy.sealing_statements
PLANTED: dict[str, tuple[bool, Patch]] = {
    "statements are merged without the type test": (
        True,
        lambda patch: patch.setattr(RequestedScope, "adds", lambda *_: False),
    ),
    "a covered resource is lost": (
        False,
        lambda patch: patch.setattr(RequestedScope, "widest", lambda _, arns: arns[1:]),
    ),
    "conditions are lost": (True, lambda patch: patch.setattr(statements, "condition_block", lambda _: {})),
    "a call without the key passes": (True, lambda patch: patch.setattr(statements, "condition_block", without_null)),
    "a stricter condition counts as covered": (
        False,
        lambda patch: patch.setattr(statements, "covers_conditions", lambda *_: True),
    ),
    "a wildcard matches the whole service": (
        True,
        lambda patch: patch.setattr(action_wildcards, "_patterns", whole_services),
    ),
    "the end is lost": (True, lambda patch: patch.setattr(session_policy, "end_denials", lambda *_: [])),
    "the seal names no actions": (
        True,
        lambda patch: patch.setattr(session_policy, "sealing_statements", only_resources(SEALS)),
    ),
    "the seal names no resources": (
        True,
        lambda patch: patch.setattr(session_policy, "sealing_statements", only_lists(SEALS)),
    ),
    "the seal denies the others": (False, lambda patch: patch.setattr(sealed_policy, "_only", other_actions)),
    "the seal has no conditions": (
        True,
        lambda patch: patch.setattr(sealed_policy, "negated_blocks", lambda _: [{}][1:]),
    ),
    "the seal has one condition": (True, lambda patch: patch.setattr(sealed_policy, "negated_blocks", first_block)),
    "the seal joins what differs twice": (
        True,
        lambda patch: patch.setattr(
            sealed_policy, "_differ_in_one", lambda one, other: [c.key for c in one] == [c.key for c in other]
        ),
    ),
    "the seal keeps the smaller number": (
        False,
        lambda patch: patch.setattr(sealed_policy, "max", min, raising=False),
    ),
    "a call without an account is denied": (
        False,
        in_boundary('"Null": {"aws:ResourceAccount": "false"}', '"Null": {}'),
    ),
    "other accounts are not denied": (True, in_boundary(f'["{exactness.ACCOUNT}", ', f'["{exactness.STRANGER}", ')),
    "the own account is denied": (False, in_boundary(f'["{exactness.ACCOUNT}", ', "[")),
    "what was removed from a profile stays": (True, lambda patch: patch.setattr(exactness, "removals", lambda *_: [])),
    "other Regions are not denied": (True, in_boundary('"eu-west-3"', '"us-east-1"')),
    "owners of images do not count": (False, in_boundary('"ec2:Owner": "amazon"', '"ec2:Owner": "self"')),
    "what AWS owns is denied": (False, in_boundary("arn:aws:ssm:*::parameter/*", "arn:aws:ssm:*::parameters")),
    "every object is AWS's": (True, in_boundary("arn:aws:ssm:*::parameter/*", "arn:aws:s3:::*")),
}


FOUND_BY = {
    "statements are merged without the type test": 15,
    "conditions are lost": 8,
    "a call without the key passes": 18,
    "a wildcard matches the whole service": 64,
    "the seal denies the others": 38,
    "what was removed from a profile stays": 62,
    "other Regions are not denied": 8,
    "what AWS owns is denied": 39,
}
"""The seeds that are tried first, so that no long search is needed. Any other seed may find the bug, too."""


@pytest.mark.slow
@pytest.mark.parametrize("name", PLANTED)
def test_a_planted_bug_is_found_by_probes(name: str, monkeypatch: pytest.MonkeyPatch):
    wider, plant = PLANTED[name]
    plant(monkeypatch)
    cases = ((seed, one) for seed in (FOUND_BY.get(name, 0), *range(200)) if (one := random_case(seed)))
    assert any(each.wider == wider for seed, one in cases for each in examine(one, Random(seed))[2])
