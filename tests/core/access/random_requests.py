"""Random requests from the action table: actions of a few services, with resources that overlap, cover or miss."""

import re
from collections.abc import Sequence
from random import Random

from jitney.core.access.conditions import KEYS, Conditions, Operator, conditions_of
from jitney.core.access.request import Permission
from jitney.core.actions import ActionTable

KNOWN = {"Partition": ("aws",), "Region": ("eu-west-1", "*", "us-*"), "Account": ("444455556666",)}
NAMES = ("a", "ab", "a/b", "b", "q-1", "a*", "*", "?b", "a/*", "*b")
PLAIN = tuple(name for name in NAMES if not set(name) & {"*", "?"})

PREFIXES = ("", "a", "a/", "a/b", "ab", "b/c", "*", "a*", "a/*", "?b", "a/?", "*b")
NUMBERS = ("0", "1", "9", "10", "1000")
CONTEXT_VALUES = ("", "a", "a/", "a/b", "a/b/c", "ab", "b", "zb", "b/c", "*")
CALLS: tuple[dict[str, str | tuple[str, ...]], ...] = (
    {},
    *({"s3:prefix": prefix} for prefix in CONTEXT_VALUES),
    *({"s3:prefix": prefix, "s3:max-keys": most} for prefix in ("a/b", "b") for most in ("0", "9", "11")),
    *({"s3:prefix": prefix, "s3:delimiter": "/"} for prefix in ("a/b", "b")),
    *({"dynamodb:LeadingKeys": keys} for keys in (("a",), ("a", "b"), ("a/b", "zb"), ("*",))),
    *({"aws:ResourceTag/env": value} for value in ("a", "A", "", "a*")),
    *({"aws:resourcetag/ENV": value, "s3:prefix": "a/b"} for value in ("a", "b")),
)
"""Contexts of calls, with which conditions are probed."""


def conditions(random: Random, keys: Sequence[str] = ("s3:prefix", "s3:max-keys", "s3:delimiter")) -> Conditions:
    """Draw none to two conditions. Often they are none, or of the keys that the calls above have."""
    if random.random() < 0.1:
        keys = ("dynamodb:LeadingKeys", "aws:ResourceTag/env", "kms:ViaService")
    chosen = random.sample(keys, random.choice([0, 1, 1, 1, 2]))
    return conditions_of({key: condition_values(random, key) for key in chosen})


def condition_values(random: Random, key: str) -> list[str]:
    """Draw the values of one condition."""
    operator = next(each.operator for each in KEYS.values() if key.startswith(each.name))
    if operator is Operator.AT_MOST:
        return [random.choice(NUMBERS)]
    return some(random, PREFIXES, 3)


def resource(random: Random, arn_format: str, *, wild: bool = True) -> str:
    """Draw an ARN of the format. If it may be `wild`, it sometimes has wildcards."""

    def value(match: re.Match[str]) -> str:
        among = KNOWN.get(match[1] or "", NAMES if wild and random.random() < 0.4 else PLAIN)
        return random.choice([each for each in among if wild or "*" not in each])

    return re.sub(r"\$\{(\w+)\}|\*", value, arn_format)


def permissions(random: Random, table: ActionTable, services: tuple[str, ...]) -> tuple[Permission, ...]:
    """Draw one to four permissions. Their actions and resources belong to the same one to three services."""
    chosen = random.sample(services, random.randint(1, min(3, len(services))))
    actions = [action for each in chosen for action in some(random, table.of_service(each), 6)]
    formats = sorted({kind.arn_format for action in actions for kind in action.resource_types})
    chosen = [random.choice(formats) for _ in range(8)] if formats else []
    resources = ["*", *dict.fromkeys(resource(random, arn_format) for arn_format in chosen)]
    return tuple(
        Permission(
            tuple(action.name for action in some(random, actions, 5)),
            tuple(some(random, resources[random.random() < 0.9 :] or ["*"], 5)),
        )
        for _ in range(random.randint(1, 4))
    )


def some[T](random: Random, among: Sequence[T], most: int) -> list[T]:
    """Draw one to `most` different ones of `among`."""
    return random.sample(among, random.randint(1, min(most, len(among))))
