"""Verdicts of reviewers that count for later requests: rejections for a day, and approvals for 30 days.

In the state table, the transaction of a vote or a revocation writes the items (`jitney.adapters.store`):

- `pk` REJECTED#<rejection key>#<the target's first role> for a rejected request or call of a person, or of a unit if no
  person is named. For a call, the key also has #<the call's digest>. `rejection` is JSON.
- `pk` APPROVED#<owner key>#<the target's first role> for a grant whose approval counts again. The grant says the rest.
  An item with `revoked` ends all earlier approvals. A person or a suspension revoked such a grant, or a grant that
  needed no review because of its approval.

`sk` is the verdict's time and grant. `expires` is DynamoDB's TTL.
"""

import json
from collections.abc import Iterable
from dataclasses import asdict
from itertools import takewhile
from typing import Any

from jitney.adapters.grant_items import permissions_of
from jitney.adapters.table_reads import Item, item_key, readable
from jitney.core.access.earlier_approvals import HISTORY_SECONDS
from jitney.core.access.ended_approvals import ends_approvals
from jitney.core.access.grant import Grant, State, VoteVerdict
from jitney.core.access.rejections import REJECTION_SECONDS, Rejection
from jitney.core.access.reviewed_call import ReviewedCall
from jitney.core.identity.principal import rejection_key
from jitney.core.stored_types import with_types
from jitney.core.target_roles import first_role

APPROVAL_PREFIX = "APPROVED#"
"""The prefix of `pk` of approvals, and of their ends."""
MOST_APPROVALS = 25
"""The newest approvals for one target that are read. A request that only older ones cover is reviewed again."""


def put_rejection(table: str, before: Grant, after: Grant) -> list[Item]:
    """Return the transaction items that store a rejection; [] unless the change rejects the request.

    It holds all that the agent requested, also what a reviewer left out before.
    """
    vote = next((each for each in after.votes_since(before) if each.verdict is VoteVerdict.REJECT), None)
    if vote is None:
        return []
    said = {"grant_id": after.id, "by": vote.human.name, "at": vote.at, "comment": vote.comment}
    said |= {"permissions": [asdict(each) for each in (after.requested or after).permissions]}
    said |= {"changed": after.repeated.changed} if after.repeated else {}
    item = {
        **item_key(
            key(rejection_key(after.unit_key, after.human), after.role_arn, after.call), f"{vote.at:012d}#{after.id}"
        ),
        "rejection": {"S": json.dumps(said, separators=(",", ":"))},
        "expires": {"N": str(vote.at + REJECTION_SECONDS)},
    }
    return [{"Put": {"TableName": table, "Item": item}}]


def put_approval(table: str, before: Grant, after: Grant) -> list[Item]:
    """Return the transaction items that store an approval; [] unless the change is an approval that counts again."""
    if not after.counts_again or after.starts_at is None or before.state is not State.PENDING:
        return []
    item = {
        **item_key(_approval_key(after.owner_key, after.role_arn), f"{after.starts_at:012d}#{after.id}"),
        "expires": {"N": str(after.starts_at + HISTORY_SECONDS)},
    }
    return [{"Put": {"TableName": table, "Item": item}}]


def put_end_of_approvals(table: str, before: Grant, after: Grant) -> list[Item]:
    """Return the transaction items of a revocation that ends earlier approvals; [] for any other change.

    It ends those of the same second too: "~" sorts behind "#".
    """
    revokes = after.state is State.REVOKED and before.state is not State.REVOKED
    if not revokes or after.ending is None or not ends_approvals(after):
        return []
    item = {
        **item_key(_approval_key(after.owner_key, after.role_arn), f"{after.ending.at:012d}~{after.id}"),
        "revoked": {"BOOL": True},
        "expires": {"N": str(after.ending.at + HISTORY_SECONDS)},
    }
    return [{"Put": {"TableName": table, "Item": item}}]


def rejections_query(table: str, owner: str, role_arn: str, call: ReviewedCall | None, now: int) -> dict[str, Any]:
    """Return the arguments of the query for the rejections that still count at `now`, the newest first."""
    return _query(table, key(owner, role_arn, call), now - REJECTION_SECONDS)


def approvals_query(table: str, owner: str, role_arn: str, now: int) -> dict[str, Any]:
    """Return the arguments of the query for the newest approvals that still count at `now`, the newest first."""
    return _query(table, _approval_key(owner, role_arn), now - HISTORY_SECONDS) | {"Limit": MOST_APPROVALS}


def _query(table: str, partition: str, since: int) -> dict[str, Any]:
    return {
        "TableName": table,
        "KeyConditionExpression": "pk = :key AND sk > :since",
        "ExpressionAttributeValues": {":key": {"S": partition}, ":since": {"S": f"{since:012d}"}},
        "ScanIndexForward": False,
        "ConsistentRead": True,
    }


def approved_grant_ids(items: Iterable[Item]) -> tuple[str, ...]:
    """Return the ids of the grants in items of approvals, the newest first, since the last revocation."""
    since = takewhile(lambda item: "revoked" not in item, items)
    return tuple(str(item["sk"]["S"]).partition("#")[2] for item in since)


@readable("the rejections that this request is decided with")
def rejection_of(item: Item) -> Rejection:
    """Return the rejection in an item. Raises Problem item_unreadable as `readable`."""
    members = json.loads(item["rejection"]["S"])
    return with_types(Rejection(**members | {"permissions": permissions_of(members["permissions"])}))


def key(owner: str, role_arn: str, call: ReviewedCall | None) -> str:
    """Return the partition key of the rejected requests for a role's target, or of the rejected calls equal to `call`.

    `owner` is a `rejection_key`.
    """
    of_target = f"REJECTED#{owner}#{first_role(role_arn)}"
    return f"{of_target}#{call.digest}" if call else of_target


def _approval_key(owner: str, role_arn: str) -> str:
    return f"{APPROVAL_PREFIX}{owner}#{first_role(role_arn)}"
