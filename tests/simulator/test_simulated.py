"""Session policies of random requests, evaluated by an independent simulator of IAM (row STS 1)."""

import json
import re
from collections.abc import Callable, Iterator
from contextlib import suppress
from dataclasses import replace
from random import Random
from typing import Any

import pytest

from jitney.core.access.conditions import Conditions
from jitney.core.access.profile_policy import compile_profile, content_of, profile_document
from jitney.core.access.request import AccessRequest, Permission, permissions_view
from jitney.core.access.requested_scope import RequestedScope
from jitney.core.access.session_policy import SessionPolicyOptions, compile_policy
from jitney.core.access.statements import Statement, by_resources, compact_request, regrouped, with_statement
from jitney.core.access_profile import AccessProfile
from jitney.core.patterns import MAX_REQUEST_STEPS, Budget
from jitney.core.policy.pairs import Pair, pairs_of, permissions_of
from jitney.core.problems import Problem
from jitney.core.times import iso
from tests.core.access.arn_languages import asked_of
from tests.core.access.random_requests import permissions, resource
from tests.examples import examples
from tests.fakes import ACTIONS, NOW
from tests.simulator.simulator import Case, simulate

pytestmark = pytest.mark.xdist_group("simulator")

REQUESTS = examples(600)
BEFORE, AFTER = iso(NOW - 1), iso(NOW + 1)
FILLED = {"*": ("", "x", "x/y"), "?": ("z",)}

NAMED = re.compile(r"\\\$\\\{(?:BucketName|TableName)\\\}")
OTHER = re.compile(r"\\\$\\\{\w+\\\}")

type Asked = tuple[tuple[Permission, ...], Case]
type Wrong = list[tuple[str, str, bool]]


def made_up(seed: int) -> Asked | None:
    random = Random(seed)
    wanted = permissions(random, ACTIONS, ACTIONS.services())
    try:
        policy = compile_policy(wanted, NOW, ACTIONS, SessionPolicyOptions(sealed=seed % 2 == 1))
    except (ValueError, Problem):
        return None
    return wanted, Case(policy.document(), BEFORE, calls(random, wanted))


def calls(random: Random, wanted: tuple[Permission, ...]) -> list[tuple[str, str]]:
    """Return calls of each requested action and its neighbours in the table, on requested resources, near them and
    elsewhere.
    """
    asked = asked_of(wanted)
    arns = [arn for resources in asked.values() for arn in sorted(resources) if arn != "*"]
    found = []
    for name in with_neighbours(asked):
        action = ACTIONS.get(name)
        assert action
        kinds = [kind.arn_format for kind in action.resource_types]
        found += [(name, filled(random, random.choice(arns))) for _ in range(6 if arns and kinds else 0)]
        found += [(name, resource(random, random.choice(kinds), wild=False)) for _ in range(4 if kinds else 0)]
        found += [] if kinds else [(name, "*")]
    return list(dict.fromkeys(found))


def with_neighbours(asked: dict[str, Any]) -> list[str]:
    found = []
    for name in asked:
        names = [action.name for action in ACTIONS.of_service(name.partition(":")[0])]
        at = names.index(name)
        found += names[max(at - 1, 0) : at + 2]
    return list(dict.fromkeys(found))


def filled(random: Random, arn: str) -> str:
    return "".join(random.choice(FILLED.get(character, (character,))) for character in arn)


def matches(pattern: str, arn: str) -> bool:
    return bool(re.fullmatch(re.escape(pattern).replace(r"\*", ".*").replace(r"\?", "."), arn))


def exists(name: str, arn: str) -> bool:
    """Return whether such a resource can exist. To the simulator, names of buckets and tables may contain a "/"."""
    action = ACTIONS.get(name)
    assert action
    formats = [
        NAMED.sub(r"[^:/]+", re.sub(r"\\\*", ".*", re.escape(kind.arn_format))) for kind in action.resource_types
    ]
    return arn == "*" or any(re.fullmatch(OTHER.sub(r".*", each), arn) for each in formats)


def wrong(asked: list[Asked]) -> tuple[int, int, Wrong]:
    """Return how many calls were allowed and denied as requested, and the calls that were not (True: too wide)."""
    allowed = denied = 0
    found: Wrong = []
    for (wanted, case), answers in zip(asked, simulate([case for _, case in asked]), strict=True):
        resources = asked_of(wanted)
        for (name, arn), answer in zip(case.calls, answers, strict=True):
            expected = any(matches(pattern, arn) for pattern in resources.get(name, ()))
            if answer is not None and answer != expected and exists(name, arn):
                found.append((name, arn, answer))
            allowed += answer is True and expected
            denied += answer is False and not expected
    return allowed, denied, found


@pytest.fixture(scope="module")
def asked() -> list[Asked]:
    return [each for seed in range(REQUESTS) if (each := made_up(seed))]


def test_sts_01_an_independent_simulator_finds_nothing_wider_and_nothing_narrower(asked: list[Asked]):
    assert len(asked) >= examples(500)
    allowed, denied, found = wrong(asked)
    assert found == []
    assert allowed >= examples(2000)
    assert denied >= examples(5000)


@pytest.mark.slow
def test_sts_01_the_simulator_finds_nothing_wider_and_nothing_narrower_in_statements_grouped_by_actions(
    asked: list[Asked],
):
    """Jitney groups by actions only if a request is too large otherwise. This test groups small requests, too."""
    regrouped_ones, other = [], 0
    for wanted, case in asked[:300]:
        whole = compact_request(wanted, ACTIONS)
        statements = regrouped(whole, 100_000)
        other += statements != whole.statements
        policy = {"Version": "2012-10-17", "Statement": [each.body() for each in statements]}
        regrouped_ones.append((wanted, replace(case, policy=policy)))
    assert other >= 60
    allowed, denied, found = wrong(regrouped_ones)
    assert found == []
    assert min(allowed, denied) >= 1000


def existing(drawn: tuple[Permission, ...]) -> Iterator[Pair]:
    """Yield the pairs of action and resource that can exist, as in a configured profile."""
    for name, arn in dict.fromkeys((name, arn) for each in drawn for name in each.actions for arn in each.resources):
        request = AccessRequest("t", (Permission((name,), (arn,)),), 1, "", "")
        with suppress(Problem):
            yield from pairs_of(request, ACTIONS, 3000, Budget(MAX_REQUEST_STEPS))


def profiled(seed: int) -> Asked | None:
    """Return a part of a random access profile, as AWS evaluates it: the union of all session policies' statements."""
    random = Random(seed)
    pairs = list(existing(permissions(random, ACTIONS, ACTIONS.services())))
    whole = permissions_of(pairs)
    try:
        managed = profile_document(whole, ACTIONS, SessionPolicyOptions(sealed=seed % 2 == 1))
        kept = permissions_of([pair for pair in pairs if random.random() < 0.6] or pairs[:1])
        profile = AccessProfile(tuple(permissions_view(whole)), content_of(managed), "arn")
        inline = compile_profile(profile, kept, NOW, SessionPolicyOptions()).document()
    except (ValueError, Problem):
        return None
    together = [*json.loads(managed)["Statement"], *inline["Statement"]]
    return kept, Case({"Version": "2012-10-17", "Statement": together}, BEFORE, calls(random, whole))


@pytest.mark.slow
def test_sts_01_the_simulator_finds_nothing_wider_and_nothing_narrower_in_narrowed_profiles():
    asked = [each for seed in range(REQUESTS // 2) if (each := profiled(seed))]
    assert len(asked) >= 200
    allowed, denied, found = wrong(asked)
    assert found == []
    assert allowed >= 500
    assert denied >= 2000


def test_sts_04_and_nothing_allowed_after_the_end(asked: list[Asked]):
    late = [replace(case, now=AFTER, calls=case.calls[:4]) for _, case in asked]
    assert not any(answer for answers in simulate(late) for answer in answers)


def test_a_network_binding_denies_every_other_address():
    wanted = (Permission(("s3:GetObject",), ("arn:aws:s3:::b/*",)),)
    policy = compile_policy(wanted, NOW, ACTIONS, SessionPolicyOptions(source_ip="203.0.113.0/24")).document()
    case = Case(policy, BEFORE, [("s3:GetObject", "arn:aws:s3:::b/x")])
    assert simulate([case, replace(case, source_ip="203.0.114.7")]) == [[True], [False]]


# Planted bugs: the simulator must find each.


class Careless(RequestedScope):
    """Statements are merged without checking what that adds."""

    def adds(self, action: str, resource: str, conditions: Conditions = ()) -> bool:
        return False


def one_action_too_wide(each: Asked) -> dict[str, Any]:
    """Return a policy with a wildcard that matches more than was requested."""
    body = json.loads(json.dumps(each[1].policy))
    names = body["Statement"][0]["Action"]
    name = names if isinstance(names, str) else names[0]
    body["Statement"][0]["Action"] = [*([names] if isinstance(names, str) else names), f"{name[:-1]}*"]
    return body


def merged_without_the_type_test(each: Asked) -> dict[str, Any]:
    merged: tuple[Statement, ...] = ()
    for statement in by_resources(compact_request(each[0], ACTIONS).requested):
        merged = with_statement(merged, statement, Careless({}, {}))
    return {"Version": "2012-10-17", "Statement": [statement.body() for statement in merged]}


def one_resource_lost(each: Asked) -> dict[str, Any]:
    body = json.loads(json.dumps(each[1].policy))
    arns = body["Statement"][0]["Resource"]
    body["Statement"][0]["Resource"] = arns[1:] if isinstance(arns, list) else "arn:aws:s3:::none"
    return body


PLANTED = [(one_action_too_wide, True), (merged_without_the_type_test, True), (one_resource_lost, False)]


@pytest.mark.slow
@pytest.mark.parametrize(("plant", "wider"), PLANTED, ids=[plant.__name__ for plant, _ in PLANTED])
def test_a_planted_bug_is_caught(asked: list[Asked], plant: Callable[[Asked], dict[str, Any]], wider: bool):
    unsealed = [each for each in asked if "NotAction" not in str(each[1].policy)][:80]
    _, _, found = wrong([(each[0], replace(each[1], policy=plant(each))) for each in unsealed])
    assert {answer for _, _, answer in found} == {wider}
    assert len(found) >= 3


def test_a_dropped_end_is_caught(asked: list[Asked]):
    endless = [
        replace(case, now=AFTER, policy={**case.policy, "Statement": case.policy["Statement"][:1]})
        for _, case in asked[:50]
    ]
    assert any(answer for answers in simulate(endless) for answer in answers)
