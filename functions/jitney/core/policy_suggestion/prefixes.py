"""Finds prefixes of ARNs below which many resources were used."""

import re
from collections.abc import Collection, Iterator, Mapping

# "table/" and "log-group:/" name a type of resource, not a place in it. In S3, the first segment names a bucket.
_TYPE_ALONE = re.compile(r"[^/:]+(?:/|:/?)", re.ASCII)


def wide_prefixes(arns: Collection[str], least: int) -> Mapping[str, tuple[str, ...]]:
    """Return the longest prefixes that at least `least` of the ARNs share, each with these ARNs.

    A prefix ends with "/". An ARN counts for one prefix, the longest one that has enough.
    """
    below: dict[str, set[str]] = {}
    for arn in arns:
        for prefix in _prefixes(arn):
            below.setdefault(prefix, set()).add(arn)
    left, found = set(arns), dict[str, tuple[str, ...]]()
    for prefix in sorted(below, key=lambda each: (-each.count("/"), each)):
        under = below[prefix] & left
        if len(under) >= least:
            found[prefix] = tuple(sorted(under))
            left -= under
    return found


def _prefixes(arn: str) -> Iterator[str]:
    """Yield the beginnings of an ARN that end with "/" and are shorter than the ARN."""
    parts = arn.split(":", 5)
    if len(parts) < 6:  # "*"
        return
    start = len(arn) - len(parts[5])
    for place in range(start, len(arn) - 1):
        prefix = arn[: place + 1]
        if arn[place] == "/" and (parts[2] == "s3" or not _TYPE_ALONE.fullmatch(prefix[start:])):
            yield prefix
