"""Reads decided requests from published records, with everything that their decision saw (row POL 14).

A record without one of the inputs is not replayable, and the reason is given. Nothing is guessed.
"""

import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import lru_cache
from typing import Any, NamedTuple

from jitney.core.access.request import AccessRequest, Permission, Way
from jitney.core.access_profile import GrantedProfile
from jitney.core.identity.principal import Principal
from jitney.core.masking.mask_tags import MASK
from jitney.core.policy.decision_inputs import MEMBER, DecisionInputs, UnreadableInputs
from jitney.core.records.audit import AuditEvent
from jitney.core.report.published_lines import (
    Line,
    PublishedRecord,
    are_damaged,
    parse_record,
    written_permissions,
)
from jitney.core.stored_identity import identity_of

DECIDED = frozenset({AuditEvent.REQUEST, AuditEvent.PREVIEW})
"""The events whose records are about a decision on a request. A preview is a dry run."""
MOST_REMEMBERED = 20_000
"""The size of the cache of parsed details, about 2 kB each. An agent that repeats its request repeats its detail."""


class NotReplayable(ValueError):
    """A record whose request cannot be decided again. The message says why, after "because"."""


class _Detail(NamedTuple):
    """The request in a record's `detail`."""

    permissions: tuple[Permission, ...]
    inputs: DecisionInputs
    way: Way
    reveal: bool
    access_profile: GrantedProfile | None
    action_table: str


@dataclass(frozen=True, slots=True)
class RecordedRequest:
    """A request that was decided: what the decision saw, and the answer.

    `chain` and `seq` are the record's position. `time` is in epoch seconds.
    """

    chain: str
    seq: int
    time: int
    grant_id: str
    principal: Principal
    request: AccessRequest
    account: str
    inputs: DecisionInputs
    policies: tuple[str, ...]
    action_table: str


def is_decision(record: PublishedRecord, *, dry_runs: bool) -> bool:
    """Return whether a record is about the decision on a request. Dry runs count only with `dry_runs`.

    A record names policies only if they decided: the record of an earlier refusal does not. Failed issues do not count.
    """
    if record.event not in DECIDED or (record.event == AuditEvent.PREVIEW and not dry_runs):
        return False
    return bool(record.policies) and record.outcome != "failed"


@dataclass(slots=True)
class DecisionLines:
    """Finds decisions among the lines of published records, which come one by one and in any order.

    A record that was published twice is found once. `unreadable` counts lines.
    """

    dry_runs: bool = False
    unreadable: int = 0
    _seen: set[tuple[str, int]] = field(default_factory=set)

    def decision_in(self, line: Line) -> PublishedRecord | None:
        """Return the record of a decision that was not found before; None for any other line."""
        record = parse_record(line)
        if record is None:
            self.unreadable += 1
            return None
        if not is_decision(record, dry_runs=self.dry_runs) or (record.chain, record.seq) in self._seen:
            return None
        self._seen.add((record.chain, record.seq))
        return record


def recorded_request(record: PublishedRecord) -> RecordedRequest:
    """Return the request in a record for which `is_decision` is true. Raises NotReplayable."""
    detail = _read(record.detail)
    return RecordedRequest(
        chain=record.chain,
        seq=record.seq,
        time=record.time,
        grant_id=record.grant_id,
        principal=_principal(record, detail.inputs),
        request=AccessRequest(
            target=record.target,
            permissions=detail.permissions,
            duration_seconds=record.duration_seconds,
            reason="",
            ticket="",
            access_profile=detail.access_profile,
            way=detail.way,
            reveal=detail.reveal,
        ),
        account=record.account,
        inputs=detail.inputs,
        policies=record.policies,
        action_table=detail.action_table,
    )


def _principal(record: PublishedRecord, inputs: DecisionInputs) -> Principal:
    """Return the requester, without what the record lacks and policies do not see, such as its display name."""
    return Principal(
        issuer=record.issuer,
        issuer_name="",
        subject=record.subject,
        kind=inputs.kind,
        groups=inputs.groups,
        display="",
        source_identity=record.principal,
        unit=record.unit,
        human=identity_of(record.human, "") if record.human else None,  # policies see its name alone
        tags=inputs.claims,
    )


@lru_cache(maxsize=MOST_REMEMBERED)
def _read(text: str) -> _Detail:
    """Return the request in the text of a `detail`. Raises NotReplayable."""
    try:
        detail = json.loads(text)
    except (ValueError, RecursionError) as error:
        raise NotReplayable("the record's detail is damaged") from error
    if not isinstance(detail, dict):
        raise NotReplayable("the record's detail is damaged")
    if "call" in detail:
        raise NotReplayable("it is about one call through the gateway")
    try:
        inputs = DecisionInputs.read(detail)
    except UnreadableInputs as error:
        raise NotReplayable(str(error)) from error
    if MASK.search(json.dumps([detail.get("permissions"), detail[MEMBER]])):
        raise NotReplayable("a value that the decision saw is masked in the record")
    permissions = written_permissions(detail)
    if not permissions or are_damaged(detail):
        raise NotReplayable("the record's permissions are damaged")
    way, reveal, table = detail.get("way"), detail.get("reveal"), detail.get("action_table")
    if way not in set(Way) or type(reveal) is not bool or not isinstance(table, str):
        raise NotReplayable("the record's detail is damaged")
    return _Detail(permissions, inputs, Way(way), reveal, _profile(detail), table)


def _profile(detail: Mapping[str, Any]) -> GrantedProfile | None:
    match detail.get("access_profile"):
        case None:
            return None
        case {"name": str(name), "content": str(content)}:
            return GrantedProfile(name, content)
    raise NotReplayable("the record's access profile is damaged")
