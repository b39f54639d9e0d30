"""Rejected requests and calls for one target, kept for a day: of a person, or of a unit if no person is named.

In the state table: `pk` REJECTED#<rejection key>#<the target's first role>, and for a call also #<the call's digest>.
`sk` is the rejection's time and grant. The vote's transaction writes the item (`jitney.adapters.store`), for
every channel. `expires` is DynamoDB's TTL.
"""

import json
from dataclasses import asdict
from typing import Any

from jitney.core.access.conditions import Condition
from jitney.core.access.grant import Grant, State, VoteVerdict
from jitney.core.access.rejections import REJECTION_SECONDS, Rejection
from jitney.core.access.request import Permission
from jitney.core.access.reviewed_call import ReviewedCall
from jitney.core.identity.principal import rejection_key
from jitney.core.target_roles import first_role

Item = dict[str, Any]


def put_rejection(table: str, before: Grant, after: Grant) -> list[Item]:
    """Return the transaction items that store a rejection; [] unless the change rejects the request."""
    vote = next((each for each in after.votes if each.verdict is VoteVerdict.REJECT), None)
    if vote is None or after.state is not State.REJECTED or before.state is State.REJECTED:
        return []
    said = {"grant_id": after.id, "by": vote.human.name, "at": vote.at, "comment": vote.comment}
    said |= {"permissions": [asdict(each) for each in after.permissions]}
    said |= {"changed": after.repeated.changed} if after.repeated else {}
    item = {
        "pk": {"S": key(rejection_key(after.unit_key, after.human), after.role_arn, after.call)},
        "sk": {"S": f"{vote.at:012d}#{after.id}"},
        "rejection": {"S": json.dumps(said, separators=(",", ":"))},
        "expires": {"N": str(vote.at + REJECTION_SECONDS)},
    }
    return [{"Put": {"TableName": table, "Item": item}}]


def query(table: str, owner: str, role_arn: str, call: ReviewedCall | None, now: int) -> dict[str, Any]:
    """Return the arguments of the query for the rejections that still count at `now`, the newest first."""
    return {
        "TableName": table,
        "KeyConditionExpression": "pk = :key AND sk > :since",
        "ExpressionAttributeValues": {
            ":key": {"S": key(owner, role_arn, call)},
            ":since": {"S": f"{now - REJECTION_SECONDS:012d}"},
        },
        "ScanIndexForward": False,
        "ConsistentRead": True,
    }


def rejection_of(item: Item) -> Rejection:
    """Return the rejection in an item. Raises KeyError, TypeError or ValueError for another item."""
    members = json.loads(item["rejection"]["S"])
    return Rejection(**members | {"permissions": tuple(map(_permission_of, members["permissions"]))})


def _permission_of(members: dict[str, Any]) -> Permission:
    conditions = tuple(Condition(each["key"], tuple(each["values"])) for each in members["conditions"])
    return Permission(tuple(members["actions"]), tuple(members["resources"]), conditions)


def key(owner: str, role_arn: str, call: ReviewedCall | None) -> str:
    """Return the partition key of the rejected requests for a role's target, or of the rejected calls equal to `call`.

    `owner` is a `rejection_key`.
    """
    of_target = f"REJECTED#{owner}#{first_role(role_arn)}"
    return f"{of_target}#{call.digest}" if call else of_target
