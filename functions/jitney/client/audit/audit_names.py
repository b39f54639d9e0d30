"""Converts what auditors type to the names in records: resources, agents, people and grants.

An unknown name is a problem.
"""

import difflib
import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from typing import Any, Protocol

from jitney.client.problems import Invalid
from jitney.core.bounded_comparisons import may_meet

_TITLE = "The name is unknown"
_S3_URI = re.compile(r"s3://(?P<name>[a-z0-9][a-z0-9.-]{1,62}(?:/.*)?)", re.DOTALL)
_BUCKET = re.compile(r"[a-z0-9][a-z0-9.-]{1,62}(?:/.*)?", re.DOTALL)
_SUGGESTED = 3
ANY_RESOURCE = "*"
"""The pattern for everything. A record of "*" does not make a name known."""

AGENTS = """
SELECT principal AS name, MAX(subject) AS subject,
       MAX(COALESCE(json_extract_scalar(detail, '$.requester.name'), '')) AS title
FROM unique_records
WHERE principal <> '' AND dt >= ?
GROUP BY principal
"""
HUMANS = "SELECT DISTINCT human AS name FROM unique_records WHERE human <> '' AND dt >= ?"
PEOPLE = """
SELECT DISTINCT name
FROM (
    SELECT COALESCE(json_extract_scalar(detail, '$.by'), principal) AS name
    FROM unique_records
    WHERE event IN ('vote', 'break_glass', 'follow_up', 'revocation', 'suspension', 'out_of_office') AND dt >= ?
) AS decided
WHERE name <> ''
"""
GRANTS = "SELECT DISTINCT grant_id AS name FROM unique_records WHERE grant_id <> '' AND dt >= ?"
RESOURCES = """
SELECT DISTINCT resource AS name
FROM (
    SELECT resource FROM unique_records CROSS JOIN UNNEST(resources) AS listed (resource) WHERE dt >= ?
    UNION ALL
    SELECT resource FROM unique_calls CROSS JOIN UNNEST(resources) AS listed (resource) WHERE dt >= ?
) AS named
"""


class Source(Protocol):
    """Runs SQL, as `jitney.client.audit.athena.Athena`."""

    @property
    def partition(self) -> str:
        """The partition in the recorded ARNs."""

    def run(self, sql: str, parameters: Sequence[str] = ()) -> Any:
        """Return the result, whose `records()` are its rows."""


def resource_arn(text: str, partition: str) -> str:
    """Return the ARN for an ARN, for `s3://bucket/key`, or for a bucket's name with or without a key."""
    if found := _S3_URI.fullmatch(text):
        return f"arn:{partition}:s3:::{found['name'].rstrip('/')}"
    if ":" not in text and _BUCKET.fullmatch(text):
        return f"arn:{partition}:s3:::{text.rstrip('/')}"
    return text


def concerns(resource: str, named: Iterable[str]) -> bool:
    """Return whether one of the ARNs may be `resource` or something below it. The ARNs may have wildcards."""
    wanted = (resource, f"{resource}/*")
    return any(may_meet(each, arn) for arn in named for each in wanted)


@dataclass(frozen=True, slots=True)
class KnownNames:
    """The names in the records and calls since a day."""

    source: Source
    since: date

    def agent(self, text: str) -> str:
        """Return the principal of an agent by its principal, subject or name, or by the last part of its principal.

        Raises Invalid for an unknown or ambiguous name.
        """
        rows = self._rows(AGENTS)
        if text in {row["name"] for row in rows}:
            return text
        found = sorted({str(row["name"]) for row in rows if text in _short_names(row)})
        if found:
            return _only("agent", text, found)
        short = {name: str(row["name"]) for row in rows for name in _short_names(row)}
        raise self._unknown("agent", text, short)

    def human(self, text: str) -> str:
        """Return the source identity of a person. `text` may lack the issuer.

        Raises Invalid for an unknown or ambiguous name.
        """
        return self._one("human", text, HUMANS)

    def person(self, text: str) -> str:
        """Return the source identity of a person who decided something, as `human` does."""
        return self._one("person", text, PEOPLE)

    def grant(self, text: str) -> str:
        """Return the grant's id. Raises Invalid if no record names it."""
        return self._one("grant", text, GRANTS)

    def close_grants(self, text: str) -> list[str]:
        """Return the ids of grants that are similar to `text`, the closest first."""
        return difflib.get_close_matches(text, [str(row["name"]) for row in self._rows(GRANTS)], n=_SUGGESTED)

    def resource(self, arn: str) -> str:
        """Return the ARN. Raises Invalid unless a record or a call names it, or has a pattern for it other than "*"."""
        day = self.since.isoformat()
        named = [str(row["name"]) for row in self.source.run(RESOURCES, (day, day)).records()]
        if concerns(arn, (each for each in named if each != ANY_RESOURCE)):
            return arn
        bucket = arn.partition("/")[0]
        buckets = {each.partition("/")[0] for each in named if ":s3:::" in each}
        if ":s3:::" in arn and bucket not in buckets:
            uris = {each: f"s3://{each.partition(':s3:::')[2]}" for each in buckets}
            raise self._unknown("resource", arn, uris, bucket)
        raise self._unknown("resource", arn, {each: each for each in named})

    def _one(self, kind: str, text: str, sql: str) -> str:
        names = sorted(str(row["name"]) for row in self._rows(sql))
        found = [each for each in names if each == text] or [each for each in names if each.partition(".")[2] == text]
        if found:
            return _only(kind, text, found)
        raise self._unknown(kind, text, {each: each for each in names})

    def _rows(self, sql: str) -> list[Mapping[str, Any]]:
        return list(self.source.run(sql, (self.since.isoformat(),)).records())

    def _unknown(self, kind: str, text: str, known: Mapping[str, str], near: str = "") -> Invalid:
        close = difflib.get_close_matches(near or text, known, n=_SUGGESTED, cutoff=0.6)
        alternatives = list(dict.fromkeys(known[each] for each in close))
        fix = (
            f"Did you mean {' or '.join(alternatives)}?"
            if alternatives
            else "Correct the name, or include earlier days with --since."
        )
        detail = f"No record since {self.since} names {kind} {text[:120]!r}."
        return Invalid(f"{kind}_unknown", _TITLE, detail, fix, {"alternatives": alternatives})


def _only(kind: str, text: str, found: Sequence[str]) -> str:
    """Return the only name in `found`. Raises Invalid if there are several."""
    if len(found) == 1:
        return found[0]
    detail = f"{text[:60]!r} may be {', '.join(found)}."
    raise Invalid(f"{kind}_ambiguous", _TITLE, detail, f"Name one of them, such as {found[0]}.")


def _short_names(row: Mapping[str, Any]) -> set[str]:
    principal = str(row["name"])
    names = {principal, principal.partition(".")[2], str(row["subject"] or ""), str(row["title"] or "")}
    return (names | {str(row["subject"] or "").rpartition(":")[2], str(row["title"] or "").partition(" (")[0]}) - {""}
