import re
from collections.abc import Iterable
from dataclasses import replace
from itertools import product
from pathlib import Path
from random import Random
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from jitney.adapters.grant_items import grant_of, item_of
from jitney.core.access.conditions import (
    KEYS,
    Condition,
    Conditions,
    closest_keys,
    condition_block,
    conditions_in_words,
    conditions_of,
    conditions_view,
    covers_conditions,
    key_of,
    negated_blocks,
)
from jitney.core.access.request import Permission, permissions_view
from jitney.core.access.request_split import split
from jitney.core.access.requested_scope import STEPS
from jitney.core.access.session_policy import compile_policy
from jitney.core.access.statements import Statement, compact_request, regrouped
from jitney.core.patterns import Budget, Pattern, wildcard_pattern
from tests.core.access.condition_semantics import holds
from tests.core.access.random_requests import CALLS, conditions, some
from tests.examples import examples
from tests.fakes import ACTIONS, GRANT, NOW

ROOT = Path(__file__).parents[3]
RANDOM = st.integers(0, 2**32 - 1).map(Random)
BUCKET = ("arn:aws:s3:::b",)
BELOW_A = conditions_of({"s3:prefix": ["a/*"]})


def below(*prefixes: str) -> Conditions:
    return conditions_of({"s3:prefix": prefixes})


def statements(*permissions: Permission) -> list[dict[str, object]]:
    document = compile_policy(permissions, NOW, ACTIONS).document()
    return [{**each} for each in document["Statement"] if each["Effect"] == "Allow"]


def test_sts_01_a_condition_is_compiled_with_its_operator():
    assert statements(Permission(("s3:ListBucket",), BUCKET, BELOW_A)) == [
        {
            "Effect": "Allow",
            "Action": "s3:ListBucket",
            "Resource": "arn:aws:s3:::b",
            "Condition": {"StringLike": {"s3:prefix": "a/*"}},
        }
    ]


def test_pol_10_a_missing_key_never_satisfies_a_condition():
    leading = conditions_of({"dynamodb:LeadingKeys": ["alice"]})
    assert condition_block(leading) == {
        "ForAllValues:StringLike": {"dynamodb:LeadingKeys": "alice"},
        "Null": {"dynamodb:LeadingKeys": "false"},
    }
    for kind in KEYS.values():
        key = f"{kind.name}x" if kind.is_family else kind.name
        assert not holds(condition_block(conditions_of({key: ["1"]})), {})


def test_pol_12_statements_with_different_conditions_are_not_merged():
    found = statements(
        Permission(("s3:ListBucket",), BUCKET, BELOW_A),
        Permission(("s3:ListBucketVersions",), BUCKET, below("b/*")),
        Permission(("s3:GetObject",), ("arn:aws:s3:::b/a/*",)),
    )
    assert [(each["Action"], each.get("Condition")) for each in found] == [
        ("s3:GetObject", None),
        ("s3:ListBucket", {"StringLike": {"s3:prefix": "a/*"}}),
        ("s3:ListBucketVersions", {"StringLike": {"s3:prefix": "b/*"}}),
    ]


@pytest.mark.parametrize(
    "wider", [(), below("a/*", "z"), below("*")], ids=["unconditional", "more values", "wider pattern"]
)
def test_pol_12_a_weaker_condition_covers_a_stricter_one(wider: Conditions):
    stricter = Permission(("s3:ListBucket",), BUCKET, below("a/b/*"))
    assert statements(Permission(("s3:ListBucket",), BUCKET, wider), stricter) == statements(
        Permission(("s3:ListBucket",), BUCKET, wider)
    )
    assert len(statements(Permission(("s3:ListBucket",), BUCKET, below("c")), stricter)) == 2


@settings(max_examples=examples(300))
@given(random=RANDOM)
def test_pol_12_covering_conditions_are_no_stricter(random: Random):
    outer, inner = conditions(random), conditions(random)
    if covers_conditions(outer, inner, Budget(STEPS)):
        assert all(holds(condition_block(outer), call) for call in CALLS if holds(condition_block(inner), call))


@settings(max_examples=examples(300))
@given(random=RANDOM)
def test_sts_09_a_negated_condition_holds_exactly_where_the_condition_does_not(random: Random):
    found = conditions(random)
    for call in CALLS:
        negated = any(holds(block, call) for block in negated_blocks(found))
        assert negated != holds(condition_block(found), call)


def hostile(number: int, values: int) -> Conditions:
    """Return a condition whose values take long to compare with those of another number."""
    return below(*(f"*{number:02d}a{'ab' * 60}*{each:02d}{'ab' * 60}*{'a' * 60}*" for each in range(values)))


@pytest.fixture
def steps(monkeypatch: pytest.MonkeyPatch) -> list[int]:
    """Count the steps of patterns."""
    done = [0]
    step = Pattern.step

    def counted(pattern: Pattern, positions: int, character: str) -> int:
        done[0] += 1
        return step(pattern, positions, character)

    monkeypatch.setattr(Pattern, "step", counted)
    return done


def test_pol_12_comparing_hostile_conditions_is_bounded(steps: list[int]):
    wanted = [Permission(("s3:ListBucket",), BUCKET, hostile(number, 20)) for number in range(12)]
    whole = compact_request(wanted, ACTIONS)
    assert [each.conditions for each in whole.statements] == [each.conditions for each in wanted]
    assert 0 < steps[0] <= 2 * STEPS


def test_pol_12_many_sets_of_conditions_share_one_budget(steps: list[int]):
    def arns(number: int) -> tuple[str, ...]:
        return tuple(f"arn:aws:s3:::{'ab' * 9}*{'ab' * 9}{number:02d}*{'b' * 9}{each}*" for each in range(9))

    values = [f"b{number}" for number in range(40)]
    wanted = [Permission(("s3:ListBucket",), arns(number), below("a", value)) for number, value in enumerate(values)]
    compact_request([*wanted, Permission(("s3:ListBucket",), arns(99), below("a", *values))], ACTIONS)
    assert 0 < steps[0] <= 2 * STEPS


def test_pol_12_conditions_that_take_too_long_to_compare_are_not_covered():
    inner, outer = below("a/b"), below("a/*")
    assert covers_conditions(outer, inner, Budget(100))
    assert not covers_conditions(outer, inner, Budget(0))


def test_pol_12_a_grant_keeps_its_conditions_in_the_table():
    limited = Permission(("s3:ListBucket",), BUCKET, conditions_of({"s3:prefix": ["a/*", "b"], "s3:max-keys": ["9"]}))
    stored = replace(GRANT, permissions=(limited, Permission(("s3:GetObject",), ("arn:aws:s3:::b/a/*",))))
    assert grant_of(item_of(stored)) == stored
    assert permissions_view(stored.permissions)[0]["conditions"] == {"s3:max-keys": ["9"], "s3:prefix": ["a/*", "b"]}


@pytest.mark.parametrize(
    ("key", "values"),
    [
        ("s3:prefx", ["a"]),
        ("S3:Prefix", ["a"]),
        ("aws:ResourceTag/", ["a"]),
        ("aws:ResourceTag/${x}", ["a"]),
        ("aws:SourceIp", ["10.0.0.0/8"]),
        ("s3:prefix", []),
        ("s3:prefix", ["${aws:username}"]),
        ("s3:prefix", ["\u00e9"]),
        ("s3:prefix", ["a\n"]),
        ("s3:prefix", ["a" * 513]),
        ("s3:prefix", ["*a?" * 2 + "*"]),
        ("s3:max-keys", ["ten"]),
        ("s3:max-keys", ["1", "2"]),
        ("s3:max-keys", ["01"]),
    ],
)
def test_pol_12_what_is_not_supported_is_no_condition(key: str, values: list[str]):
    with pytest.raises(ValueError, match="condition"):
        conditions_of({key: values})


def test_pol_12_a_condition_has_one_form():
    assert conditions_of({"s3:prefix": ["b", "a", "b"]}) == (Condition("s3:prefix", ("a", "b")),)
    with pytest.raises(ValueError, match="sorted"):
        Condition("s3:prefix", ("b", "a"))
    with pytest.raises(ValueError, match="repeated"):
        conditions_of({"aws:ResourceTag/env": ["a"], "aws:ResourceTag/Env": ["a"]})


def test_pol_12_a_near_miss_has_alternatives():
    assert closest_keys("s3:prefx")[0] == "s3:prefix"
    assert closest_keys("AWS:resourcetag/env") == ("aws:ResourceTag/env",)
    assert key_of("aws:ResourceTag/env") == KEYS["aws:ResourceTag/"]
    assert closest_keys("nonsense") == ()


def test_pol_12_words_say_each_value():
    assert conditions_in_words(
        conditions_of(
            {"s3:prefix": ["a/*", ""], "s3:max-keys": ["9"], "kms:ViaService": ["s3.eu-west-1.amazonaws.com"]}
        )
    ) == (
        'kms:ViaService is "s3.eu-west-1.amazonaws.com"',
        "s3:max-keys is at most 9",
        's3:prefix matches "" or "a/*"',
    )
    assert conditions_in_words(
        conditions_of({"aws:RequestTag/team is ops and env": ["x"], "kms:EncryptionContext:a:b": ["c"]})
    ) == ('aws:RequestTag "team is ops and env" is "x"', 'kms:EncryptionContext "a:b" is "c"')
    assert conditions_view(BELOW_A) == {"s3:prefix": ["a/*"]}


def test_pol_12_words_say_of_a_condition_that_limits_nothing_that_it_does_not():
    assert conditions_in_words(
        conditions_of({"s3:prefix": ["2026/a", "**"], "ec2:InstanceType": ["*"], "aws:RequestTag/team": ["*"]})
    ) == ('aws:RequestTag "team" is "*"', "ec2:InstanceType has any value", "s3:prefix has any value")


ARNS = ("arn:aws:s3:::b", "arn:aws:s3:::other", "arn:aws:s3:::b/a", "arn:aws:s3:::other/a")
LISTING = ("s3:ListBucket", "s3:ListBucketVersions")


def drawn(random: Random) -> tuple[Permission, ...]:
    """Draw permissions. Several have the same actions and resources under other conditions."""
    lists = (
        Permission(
            tuple(some(random, LISTING, 2)), tuple(some(random, (*ARNS[:2], "arn:aws:s3:::*"), 2)), conditions(random)
        )
        for _ in range(random.randint(1, 4))
    )
    reads = Permission(("s3:GetObject",), tuple(some(random, (*ARNS[2:], "arn:aws:s3:::b/*"), 2)))
    return (*lists, reads)


def allowed(many: Iterable[Permission | Statement], action: str, arn: str, call: Any) -> bool:
    return any(
        action in each.actions
        and holds(condition_block(each.conditions), call)
        and any(wildcard_pattern(outer).matches(arn) for outer in each.resources)
        for each in many
    )


@settings(max_examples=examples(200))
@given(random=RANDOM)
def test_pol_12_compacting_and_splitting_keep_the_meaning_of_conditions(random: Random):
    wanted = drawn(random)
    whole = compact_request(wanted, ACTIONS)
    room = random.choice([250, 400, 800])
    parts = [each for part in split(whole, lambda many: sum(one.size for one in many) <= room) for each in part]
    by_actions = regrouped(whole, 100_000)
    for action, arn, call in product((*LISTING, "s3:GetObject"), ARNS, CALLS):
        if ("/" in arn) == (action == "s3:GetObject"):
            expected = allowed(wanted, action, arn, call)
            assert allowed(whole.statements, action, arn, call) == expected
            assert allowed(by_actions, action, arn, call) == expected
            assert not parts or allowed(parts, action, arn, call) == expected


def test_pol_12_the_page_lists_each_key_with_its_operator():
    page = (ROOT / "docs" / "conditions.md").read_text("utf-8")
    listed = dict(re.findall(r"^\| `([a-zA-Z0-9]+:[^`]+)` \| `([^`]+)`", page, re.MULTILINE))
    assert listed == {f"{name}KEY" if kind.is_family else name: str(kind.operator) for name, kind in KEYS.items()}


@pytest.mark.parametrize(
    ("key", "outer", "inner", "covered"),
    [
        ("aws:ResourceTag/team", "data", "data", True),
        ("aws:ResourceTag/team", "*", "data", False),
        ("aws:RequestTag/team", "dat?", "data", False),
        ("ec2:InstanceType", "t3.*", "t3.micro", True),
        ("ec2:InstanceType", "t3.micro", "t3.*", False),
        ("ec2:VolumeSize", "10", "10", True),
        ("ec2:VolumeSize", "10", "11", False),
    ],
)
def test_pol_12_only_operators_with_patterns_have_wildcards(key: str, outer: str, inner: str, *, covered: bool):
    both = [conditions_of({key: [value]}) for value in (outer, inner)]
    assert covers_conditions(*both, Budget(STEPS)) is covered
