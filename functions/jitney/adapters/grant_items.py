"""A grant as an item of the state table. IAM limits which role may write each attribute.

- `terms`: what was requested and approved, the end time, and the votes. Credentials depend on the terms. They are
  written when the grant is created and at each vote. No other role may write them (`infra.function_specs`).
- `lifecycle`: the state of the grant and its changes.
- `ending`: how it was released or revoked.
- `follow_up`: the verdict of a follow-up review. Only functions that revoke may write it.
- `call_sent`: when the one call of the grant was sent. Only the function that sends calls may write it.
- `unissued`: exists from the approval until the first issue of credentials. Until then nothing has to be revoked.
- `records`: the number of audit records, for conditions.
- `gsi_pk` and `gsi_sk`: list a principal's grants.
- `open_role`: the first role of the grant's target, and whether the grant is pending. `open_until`: the grant's end
  time, padded. Both serve the index `open_by_role`, and exist until the grant's end is on record.
- `role_arn` and `unit`: the grant's own role, and the accountable unit, which never change. `expires`: DynamoDB's TTL,
  the grant's end time and `GRANT_RETENTION_SECONDS`.
- `version`: the version of this form. A version that does not know the form does not change the grant.

`terms`, `lifecycle`, `ending` and `follow_up` are JSON. `terms` omits fields that have their default value. It is
compressed, because DynamoDB bills each kB of an item. In form 1, `terms` is complete and uncompressed. Every version
keeps the names and forms of the other attributes. So each version can revoke a grant that it cannot read
(`adapters.unreadable_grants`).
"""

import json
from collections.abc import Callable
from dataclasses import MISSING, asdict, fields
from typing import Any, TypeVar

from jitney.adapters.table_reads import Item, item_key
from jitney.core.access.break_glass import BreakGlassUse, FollowUp, FollowUpVerdict
from jitney.core.access.conditions import Condition
from jitney.core.access.earlier_approvals import EarlierApproval
from jitney.core.access.grant import (
    GRANT_RETENTION_SECONDS,
    OPEN_STATES,
    Grant,
    GrantEnd,
    State,
    Vote,
    VoteVerdict,
)
from jitney.core.access.rejections import RepeatedRequest
from jitney.core.access.request import Permission, RequestedAccess, Way
from jitney.core.access.reviewed_call import ReviewedCall
from jitney.core.access.stored_state import with_derived_state
from jitney.core.access_profile import GrantedProfile
from jitney.core.compressed_text import compress_text, decompress_text
from jitney.core.delegation import Delegation
from jitney.core.identity.principal import IdentityFact
from jitney.core.records.chain_numbers import UNKNOWN_RECORDS, records_in
from jitney.core.stored_identity import Identity, identity_of
from jitney.core.stored_types import listed, with_types
from jitney.core.target_roles import first_role

T = TypeVar("T")

VERSION = 2
"""The newest form of an item that this version reads. It writes this form, too. Items without a version have form 1."""


def _members(value: Any) -> dict[str, Any]:
    """Return the members of a data class.

    The encoder calls this again for nested data classes, so nothing is copied.
    """
    if isinstance(value, Identity):
        return value.stored()
    return {name: getattr(value, name) for name in value.__slots__}


_COMPACT = json.JSONEncoder(separators=(",", ":"), default=_members)
_LIFECYCLE = ("state", "chain_head", "cut_off_at")
_APART = ("records", "ending", "follow_up", "unissued", "used_at")
_TERMS = tuple(each.name for each in fields(Grant) if each.name not in (*_LIFECYCLE, *_APART))
_DEFAULTS = {each.name: each.default for each in fields(Grant) if each.name in _TERMS and each.default is not MISSING}


class UnreadableGrant(Exception):
    """An item of a grant that this version cannot read. `item` is the item, `why` the name of the error."""

    def __init__(self, item: Item, why: str) -> None:
        super().__init__(why)
        self.item = item
        self.why = why

    @property
    def grant_id(self) -> str:
        """The id of the grant."""
        return grant_id_of(self.item)

    @property
    def is_open(self) -> bool:
        """Whether the grant is in the index of open grants. An end removes it there, in every version."""
        return "open_role" in self.item


def grant_id_of(item: Item) -> str:
    """Return the id of an item's grant."""
    key: str = item["pk"]["S"]
    return key.removeprefix("GRANT#")


def text_of(item: Item, name: str) -> str:
    """Return the text of an attribute, compressed or not; "" for compressed bytes that cannot be read.

    Raises KeyError for a missing attribute, or one of another type.
    """
    value = item[name]
    return decompress_text(value["B"]) if "B" in value else str(value["S"])


def grant_key(grant_id: str) -> Item:
    """Return the key of a grant's item."""
    return item_key(f"GRANT#{grant_id}", "GRANT")


def owner_key(owner: str) -> str:
    """Return the partition key of an owner's grants in the index `by_principal`."""
    return f"PRINCIPAL#{owner}"


def start_after(owner: str, after: str) -> Item:
    """Return the position after the grant with the sort key `after`, within the owner's own list only."""
    return {"gsi_pk": {"S": owner_key(owner)}, "gsi_sk": {"S": after}} | grant_key(after.partition("#")[2])


def open_role_key(role_arn: str, state: State) -> str:
    """Return the partition key of open grants in a state, in the index `open_by_role`.

    The grants on all roles of a target have the same keys. So a change of the number of roles hides no grant. Pending
    grants have a key of their own, so they are found without reading the active grants, which may be many.
    """
    key = f"ROLE#{first_role(role_arn)}"
    return f"{key}#pending" if state is State.PENDING else key


def item_of(grant: Grant) -> Item:
    """Return the item of a grant."""
    return _item_without_terms(grant) | {"terms": _terms_attribute(_terms_of(grant))}


def _item_without_terms(grant: Grant) -> Item:
    item = grant_key(grant.id) | {
        "gsi_pk": {"S": owner_key(grant.owner_key)},
        "gsi_sk": {"S": f"{grant.created_at:012d}#{grant.id}"},
        "lifecycle": {"S": _json({name: getattr(grant, name) for name in _LIFECYCLE})},
        "records": {"N": str(grant.records)},
        "role_arn": {"S": grant.role_arn},
        "unit": {"S": grant.unit},
        "version": {"N": str(VERSION)},
        "expires": {"N": str(grant.expires_at + GRANT_RETENTION_SECONDS)},
    }
    if grant.ending:
        item["ending"] = {"S": _json(asdict(grant.ending))}
    if grant.unissued:
        item["unissued"] = {"BOOL": True}
    if grant.used_at is not None:
        item["call_sent"] = {"N": str(grant.used_at)}
    if grant.follow_up:
        item["follow_up"] = {"S": _json(grant.follow_up)}
    if grant.state in OPEN_STATES:
        item |= {
            "open_role": {"S": open_role_key(grant.role_arn, grant.state)},
            "open_until": {"S": f"{grant.expires_at:012d}"},
        }
    return item


def _terms_attribute(terms: dict[str, Any]) -> Item:
    return {"B": compress_text(_json(terms))}


def grant_update(table: str, before: Grant, after: Grant, stored: Item | None = None) -> Item:
    """Return the part of a transaction that changes a grant, unless the grant changed since it was read.

    The update names only the attributes that change, so it needs no permission for the others. `stored` is the item of
    a grant with UNKNOWN_RECORDS.
    """
    was, item = _item_without_terms(before), _item_without_terms(after)
    changed = {name: value for name, value in item.items() if was.get(name) != value}
    terms = _terms_of(after)
    if terms != _terms_of(before):  # most changes keep the terms, which take longest to write
        changed["terms"] = _terms_attribute(terms)
    gone = [name for name in was if name not in item]
    remove = f" REMOVE {', '.join(gone)}" if gone else ""
    had = was["records"] if stored is None else stored.get("records")
    values = {f":{name}": value for name, value in changed.items()} | ({":had": had} if had else {})
    return {
        "TableName": table,
        "Key": grant_key(after.id),
        "UpdateExpression": "SET " + ", ".join(f"{name} = :{name}" for name in changed) + remove,
        "ConditionExpression": "records = :had" if had else "attribute_exists(pk) AND attribute_not_exists(records)",
        "ExpressionAttributeValues": values,
    }


def grant_of(item: Item | None) -> Grant | None:
    """Return the grant of an item, with its state checked against its terms. Return None for an item without terms.

    Raises UnreadableGrant for an item of a newer version, with unknown members, or with members of another type.
    """
    if item is None or "terms" not in item:
        return None
    try:
        if int(item.get("version", {"N": "1"})["N"]) > VERSION:
            raise UnreadableGrant(item, "NewerVersion")
        if records_in(item) == UNKNOWN_RECORDS:
            raise UnreadableGrant(item, "UnknownRecords")
        return _parsed(item)
    except (AttributeError, LookupError, TypeError, ValueError) as error:
        raise UnreadableGrant(item, type(error).__name__) from error


def _parsed(item: Item) -> Grant:
    terms = {**_DEFAULT_TERMS, **json.loads(text_of(item, "terms"))}
    lifecycle = json.loads(item["lifecycle"]["S"])
    parsed = {
        "state": State(lifecycle["state"]),
        "records": records_in(item),
        "ending": GrantEnd(**json.loads(item["ending"]["S"])) if "ending" in item else None,
        "permissions": permissions_of(terms["permissions"]),
        "reviews": tuple(map(listed, listed(terms["reviews"]))),
        "approvals": listed(terms["approvals"]),
        "groups": listed(terms["groups"]),
        "agent_owners": tuple(identity_of(**each) for each in listed(terms["agent_owners"])),
        "human": _if_set(lambda human: identity_of(**human), terms["human"]),
        "facts": tuple(IdentityFact(*listed(each)) for each in listed(terms["facts"])),
        "tags": tuple(
            (name, tuple(value) if isinstance(value, list) else value) for name, value in listed(terms["tags"])
        ),
        "votes": tuple(map(_vote_of, listed(terms["votes"]))),
        "access_profile": _if_set(lambda profile: GrantedProfile(*listed(profile)), terms["access_profile"]),
        "break_glass": _if_set(_break_glass_use_of, terms["break_glass"]),
        "follow_up": _follow_up_of(json.loads(item["follow_up"]["S"])) if "follow_up" in item else None,
        "unissued": "unissued" in item,
        "way": Way(terms["way"]),
        "call": _if_set(lambda call: ReviewedCall(*listed(call)), terms["call"]),
        "repeated": _if_set(lambda repeated: RepeatedRequest(*listed(repeated)), terms["repeated"]),
        "requested": _if_set(_requested_of, terms["requested"]),
        "earlier_approvals": tuple(
            EarlierApproval(grant_id, listed(groups), at) for grant_id, groups, at in listed(terms["earlier_approvals"])
        ),
        "used_at": int(item["call_sent"]["N"]) if "call_sent" in item else None,
    }
    return with_derived_state(with_types(Grant(**terms | {name: lifecycle[name] for name in _LIFECYCLE} | parsed)))


def permissions_of(stored: Any) -> tuple[Permission, ...]:
    """Return permissions from their form in JSON. Raises TypeError or LookupError for another form."""
    return tuple(map(_permission_of, listed(stored)))


def _permission_of(members: dict[str, Any]) -> Permission:
    conditions = (Condition(each["key"], listed(each["values"])) for each in listed(members["conditions"]))
    return Permission(listed(members["actions"]), listed(members["resources"]), tuple(conditions))


def _if_set(read: Callable[[Any], T], stored: Any) -> T | None:
    """Return what `read` returns for a stored value, or None for null."""
    return None if stored is None else read(stored)


def _requested_of(members: list[Any]) -> RequestedAccess:
    permissions, seconds = members
    return RequestedAccess(permissions_of(permissions), seconds)


def _vote_of(members: dict[str, Any]) -> Vote:
    delegations = tuple(
        Delegation(**each | {"delegator": identity_of(**each["delegator"])})
        for each in listed(members.get("delegations", []))
    )
    groups = _if_set(listed, members.get("groups"))
    human, verdict = identity_of(**members["human"]), VoteVerdict(members["verdict"])
    return Vote(**members | {"human": human, "verdict": verdict, "delegations": delegations, "groups": groups})


def _break_glass_use_of(members: dict[str, Any]) -> BreakGlassUse:
    notified = tuple(identity_of(**each) for each in listed(members["notified"]))
    return BreakGlassUse(**members | {"human": identity_of(**members["human"]), "notified": notified})


def _follow_up_of(members: dict[str, Any]) -> FollowUp:
    human, judgement = identity_of(**members["human"]), FollowUpVerdict(members["judgement"])
    return FollowUp(**members | {"human": human, "judgement": judgement})


def _terms_of(grant: Grant) -> dict[str, Any]:
    terms = {name: getattr(grant, name) for name in _TERMS}
    return {name: value for name, value in terms.items() if name not in _DEFAULTS or value != _DEFAULTS[name]}


def _json(members: Any) -> str:
    return _COMPACT.encode(members)


_DEFAULT_TERMS = json.loads(_json(_DEFAULTS))
