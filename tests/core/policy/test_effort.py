"""The cost of a decision is bounded for every request. It is counted in pattern steps and policy evaluations."""

import json
from itertools import combinations, permutations

import cedarpy
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from jitney.core import arn_formats
from jitney.core.access.decision import Effect
from jitney.core.patterns import MAX_REQUEST_STEPS, MAX_STEPS, Budget, Pattern, PatternTooComplex, wildcard_pattern
from jitney.core.policy import cedar, evaluation
from jitney.core.policy.decide import MAX_SEARCH_EVALUATIONS
from jitney.core.problems import Problem
from tests.examples import examples

ANY = "(principal, action, resource)"
PERMIT = f'@id("all") permit {ANY} when {{ resource.wildcard || !resource.wildcard }};'
FORBIDS = "".join(
    f'@id("no-{number}") forbid {ANY} when {{ resource.arn like "arn:aws:s3:::{key}" }};'
    for number, key in enumerate(("*a*b*", "*b*a*b*c*", "*/secret/*"))
)
NAME = "abcdefghij"


@pytest.fixture
def counted(monkeypatch):
    """Count `steps` and `questions`. Fail the test when there are too many."""
    done = {"steps": 0, "questions": 0}
    step, leads_on, ask_policies = Pattern.step, Pattern.leads_on, cedarpy.is_authorized_batch

    def count(what, number, most):
        done[what] += number
        assert done[what] <= most

    def counted_step(pattern, positions, character):
        count("steps", 1, MAX_REQUEST_STEPS + MAX_STEPS)
        return step(pattern, positions, character)

    def counted_leads(pattern, positions):
        for character in leads_on(pattern, positions):
            count("steps", 1, MAX_REQUEST_STEPS + MAX_STEPS)
            yield character

    def counted_policies(requests, *rest):
        count("questions", len(requests), MAX_SEARCH_EVALUATIONS)
        return ask_policies(requests, *rest)

    monkeypatch.setattr(Pattern, "step", counted_step)
    monkeypatch.setattr(Pattern, "leads_on", counted_leads)
    monkeypatch.setattr(cedarpy, "is_authorized_batch", counted_policies)
    return done


@pytest.fixture
def answer(ask, load, counted):
    """Return a decision's effect, or its problem's code and sentence. `forget` starts with empty caches."""
    policy_set = load(PERMIT + FORBIDS)

    def answered(*permissions, forget=True):
        nonlocal policy_set
        if forget:
            arn_formats.format_meets.cache_clear()
            policy_set = load(PERMIT + FORBIDS)
        counted.update(steps=0, questions=0)
        try:
            return ask(policy_set, *permissions).effect
        except Problem as problem:
            return problem.code, problem.detail

    return answered


def ec2_of_many_formats(actions):
    first = {kind.arn_format: action.name for action in actions.of_service("ec2") for kind in action.resource_types}
    return list(dict.fromkeys(first.values()))[:75]


def wild(between, number):
    return "*".join(["?" * between, "aaa"] * 3) + f"*{number}"


def cases(word):
    """Return many spellings of one name."""
    return ["".join(c.upper() if n >> i & 1 else c for i, c in enumerate(word.lower())) for n in range(200)]


SHAPES = {
    "many formats, slow ARNs": lambda ec2: (
        ec2,
        [*(f"arn:aws:ec2:{wild(40, n)}:444455556666:zz/x" for n in range(50)), "*"],
    ),
    "many formats, ARNs that are not slow enough": lambda ec2: (
        ec2,
        [*(f"arn:aws:ec2:{wild(4, n)}:444455556666:zz/x" for n in range(50)), "*"],
    ),
    "one action, many ARNs": lambda _: (["s3:GetObject"], [f"arn:aws:s3:::{wild(30, n)}" for n in range(200)]),
    "one action, many half-slow ARNs": lambda _: (["s3:GetObject"], [f"arn:aws:s3:::{wild(6, n)}" for n in range(200)]),
    "only stars": lambda _: (["s3:GetObject"], ["arn:aws:s3:::" + "*" * stars for stars in range(1, 201)]),
    "patterns of names": lambda _: (
        [f"ec2:*e*{''.join(letters)}*" for letters in list(permutations(NAME, 3))[:200]],
        ["*"],
    ),
    "long literals": lambda ec2: (
        ec2[:60],
        [*(f"arn:aws:ec2:eu-west-1:444455556666:instance/{'a' * 900}{n}" for n in range(60)), "*"],
    ),
    "an action of many types in many spellings": lambda _: (
        [f"ec2:{name}" for name in cases("CreateTags")],
        [*(f"arn:aws:ec2:*x*y*:444455556666:*zz{n}" for n in range(19)), "*"],
    ),
}


@pytest.mark.parametrize("shape", SHAPES.values(), ids=SHAPES)
def test_pol_03_no_request_exceeds_its_steps(answer, actions, shape):
    permission = tuple(map(tuple, shape(ec2_of_many_formats(actions))))
    cold = answer(permission)
    assert answer(permission, forget=False) == cold


def test_pol_03_the_steps_of_all_permissions_count_together(answer):
    names = ["s3:GetObject"] * 50
    slow = [tuple(f"arn:aws:s3:::{wild(5, f'{part}/{n}')}" for n in range(4)) for part in range(50)]
    assert answer((names[:1], slow[0])) is Effect.DENY
    assert answer(*zip([[name] for name in names], slow, strict=True))[0] == "request_invalid"


pieces = st.lists(st.sampled_from(["*", "?", "?" * 20, "a", "aaa", "ab*", ":", "/", "secret"]), min_size=1, max_size=24)


@settings(max_examples=examples(15), suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow])
@given(st.lists(pieces.map("".join), min_size=1, max_size=40, unique=True), st.integers(1, 60))
def test_pol_03_no_shape_of_patterns_exceeds_the_steps(answer, actions, shapes, count):
    s3 = ("s3:GetObject s3:ListBucket", [f"arn:aws:s3:::{shape}" for shape in shapes])
    names = ec2_of_many_formats(actions)[:count]
    ec2 = (names, [*(f"arn:aws:ec2:{shape}:444455556666:{shape}" for shape in shapes), "*"])
    for permission in (s3, ec2):
        cold = answer(permission)
        assert answer(permission, forget=False) == cold


def test_pol_03_remembered_witnesses_cost_their_steps_again(load, monkeypatch):
    """The answer does not depend on earlier requests. The memory is bounded, and holds nothing that was too complex."""
    monkeypatch.setattr(cedar, "MAX_REMEMBERED_PATTERNS", 2)
    policy_set, asked = load(PERMIT + FORBIDS), wildcard_pattern("arn:aws:s3:::reports/*x?y*")
    first, again = Budget(MAX_STEPS), Budget(MAX_STEPS)
    found = policy_set.witnesses(asked, first)
    assert policy_set.witnesses(wildcard_pattern("arn:aws:s3:::reports/*x?y*"), again) is found
    assert 0 < first.left == again.left < MAX_STEPS
    spent = MAX_STEPS - first.left
    for remembering in (policy_set, load(PERMIT + FORBIDS)):
        with pytest.raises(PatternTooComplex):
            remembering.witnesses(asked, Budget(spent - 1))
        assert dict(remembering.witnesses(asked, Budget(spent))) == found
    for number in range(3):
        policy_set.witnesses(wildcard_pattern(f"arn:aws:s3:::{number}/*"), Budget(MAX_STEPS))
    assert policy_set.witnesses(asked, Budget(MAX_STEPS)) is not found


@pytest.mark.parametrize(
    ("permission", "most"),
    [
        (("s3:GetObject", "arn:aws:s3:::reports/2026/q3.csv"), 500),
        (("s3:GetObject s3:ListBucket", "arn:aws:s3:::reports/2026/* arn:aws:s3:::reports"), 5_000),
        (("s3:GetObject", " ".join(f"arn:aws:s3:::reports/2026/{n:03}.csv" for n in range(200))), 50_000),
        (("s3:GetObject", " ".join(f"arn:aws:s3:::reports/2026/{n:03}/*" for n in range(200))), 250_000),
        (("s3:*", "arn:aws:s3:::reports/2026/*"), 20_000),
    ],
)
def test_realistic_requests_are_far_below_the_bound(ask, counted, permission, most):
    policy = f'@id("no") forbid {ANY} when {{ resource.arn like "arn:aws:s3:::reports/secret/*" }};'
    assert ask(PERMIT + policy, permission).effect is Effect.ALLOW
    assert counted["steps"] <= most


def test_pol_08_the_number_of_evaluations_is_bounded(ask, counted):
    """Any four of seven groups suffice for 200 pairs. A full search would evaluate 200 pairs 99 times."""
    groups = [f"g{number}" for number in range(7)]
    any_four = " || ".join(f"context.approvals.containsAll({json.dumps(four)})" for four in combinations(groups, 4))
    policy = f'@id("four") permit {ANY} when {{ {any_four} }};'
    many = ask(policy, ("s3:PutObject", [f"arn:aws:s3:::b/{n}" for n in range(200)]), reviewers=groups)
    assert (many.effect, many.reviews) == (Effect.REVIEW, (frozenset(groups),))
    counted["questions"] = 0
    one = ask(policy, ("s3:PutObject", "arn:aws:s3:::b/x"), reviewers=groups)
    assert {len(reviews) for reviews in one.reviews} == {4}


def test_requests_that_look_the_same_to_policies_are_evaluated_once(ask, load, counted, monkeypatch):
    """The cache is bounded. Beyond its bound, answers are evaluated again."""
    monkeypatch.setattr(evaluation, "MAX_REMEMBERED", 3)
    policy_set = load(PERMIT + FORBIDS)

    def asked(arn, seconds=300):
        counted["questions"] = 0
        assert ask(policy_set, ("s3:GetObject", f"arn:aws:s3:::{arn}"), seconds=seconds).effect is Effect.ALLOW
        return counted["questions"]

    assert [asked(arn) for arn in ("b/x", "b/y", "c/z")] == [1, 0, 0]
    assert [asked("b/x", seconds) for seconds in (301, 302, 303, 304)] == [1, 1, 1, 1]
    assert asked("b/x") == 1
