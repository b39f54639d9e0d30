"""AWS's formats of ARNs, such as "arn:${Partition}:s3:::${BucketName}", compared with requested resources."""

import re
from collections.abc import Callable
from functools import lru_cache

from jitney.core.patterns import (
    MAX_STEPS,
    Budget,
    Pattern,
    Wildcard,
    compile_pattern,
    has_wildcard,
    patterns_intersect,
    wildcard_pattern,
)

# Variables of ARN formats whose values never hold "/". Otherwise a bucket's format would match its objects, and a
# table's format its indexes. https://docs.aws.amazon.com/AmazonS3/latest/userguide/bucketnamingrules.html
_NAMES = frozenset({"BucketName", "TableName"})
_SEGMENTS = frozenset({"Partition", "Region", "Account", "AccountId"})
_VARIABLE = re.compile(r"\$\{(\w+)\}|\*")


@lru_cache(maxsize=4096)
def format_meets(arn_format: str, resource: str) -> tuple[bool, int]:
    """Return whether `resource` can match an ARN of the format, and how many steps the comparison costs.

    A cached answer costs the same.
    """
    pattern, budget = format_pattern(arn_format), Budget(MAX_STEPS)
    if has_wildcard(resource):
        fits = patterns_intersect(wildcard_pattern(resource), pattern, budget)
    else:
        fits = pattern.matches(resource, budget)
    return fits, 1 + MAX_STEPS - budget.left


@lru_cache(maxsize=4096)
def covers_format(arn_format: str, resource: str) -> tuple[bool, int]:
    """Return whether `resource` covers all names in the format, and how many steps the comparison costs."""
    budget = Budget(MAX_STEPS)
    covers = wildcard_pattern(resource).covers_any_name(_named(arn_format), budget)
    return covers, 1 + MAX_STEPS - budget.left


@lru_cache(maxsize=1024)
def format_pattern(arn_format: str) -> Pattern:
    """Return the pattern of an ARN format such as "arn:${Partition}:s3:::${BucketName}"."""
    return compile_pattern(_parts(arn_format, _wild))


@lru_cache(maxsize=1024)
def _named(arn_format: str) -> tuple[str | Wildcard, ...]:
    """Return the parts of a format. A variable that identifies a resource within an account is a NAME or a RUN.

    Other variables are SEGMENTs. If no variable identifies a resource, the Region does, as a RUN.
    """
    parts = _parts(arn_format, _wild)
    if any(part in (Wildcard.RUN, Wildcard.NAME) for part in parts):
        return parts
    return _parts(arn_format, lambda variable: Wildcard.RUN if variable == "Region" else Wildcard.SEGMENT)


def _parts(arn_format: str, wild: Callable[[str | None], Wildcard]) -> tuple[str | Wildcard, ...]:
    """Return the literal texts and variables of a format in sequence."""
    parts: list[str | Wildcard] = []
    end = 0
    for match in _VARIABLE.finditer(arn_format):
        parts += [arn_format[end : match.start()], wild(match[1])]
        end = match.end()
    return (*parts, arn_format[end:])


def _wild(variable: str | None) -> Wildcard:
    if variable in _NAMES:
        return Wildcard.NAME
    return Wildcard.SEGMENT if variable in _SEGMENTS else Wildcard.RUN
