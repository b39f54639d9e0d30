"""The deny list of a role in the state table, and whose turn it is to write it to IAM.

By `pk` ROLE#<role's ARN>: `sk` DENY#<grant id> is one denial, put in the transaction that ends the grant, so that
endings of different grants never meet in one item; TTL removes it. `sk` TURN counts the turns: `began` grows with each
that begins, `done` is the last that wrote the whole list. IAM cannot refuse a write that is late, so one writer at a
time has the turn, for `TURN_SECONDS`; a writer that was quicker than that cannot have been overtaken.
By `pk` ROLE#, `sk` KNOWN: `role_arns` that targets had, for what is left open when a target is taken away.
"""

import json
from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from jitney.adapters.aws_clients import aws_errors_as_unavailable
from jitney.core.access.deny_document import CutOffs, DenyEntry

if TYPE_CHECKING:
    from types_boto3_dynamodb import DynamoDBClient

LEASE_SECONDS = 20
DENY_ENTRY_RETENTION_SECONDS = 3600

Item = dict[str, Any]


@dataclass(frozen=True, slots=True)
class WriteLease:
    """Where a role's turns stand: how many began, the last that is done, what it wrote, who was cut off."""

    began: int = 0
    done: int = 0
    written: str = ""
    cut_offs: CutOffs = field(default_factory=CutOffs)


class DenyList:
    """Denials by role, and turns. Every method raises Problem unavailable when DynamoDB does not answer."""

    def __init__(self, client: "DynamoDBClient", state_table: str) -> None:
        self._client = client
        self._table = state_table

    def deny_entries(self, role_arn: str) -> list[DenyEntry]:
        """Every denial of the role that was written before this call, expired ones among them."""
        found: list[Item] = []
        start: Item = {}
        while True:
            with aws_errors_as_unavailable("The deny list"):
                answer = self._client.query(
                    TableName=self._table,
                    KeyConditionExpression="pk = :role AND begins_with(sk, :deny)",
                    ExpressionAttributeValues={":role": {"S": f"ROLE#{role_arn}"}, ":deny": {"S": "DENY#"}},
                    ConsistentRead=True,
                    **start,
                )
            found += answer["Items"]
            if "LastEvaluatedKey" not in answer:
                return [DenyEntry(**json.loads(item["denial"]["S"])) for item in found]
            start = {"ExclusiveStartKey": answer["LastEvaluatedKey"]}

    def roles(self, configured: Iterable[str]) -> frozenset[str]:
        """The ARNs of the `configured` roles, at least one, and of all with which this was called before."""
        with aws_errors_as_unavailable("The deny list"):
            answer = self._client.update_item(
                TableName=self._table,
                Key={"pk": {"S": "ROLE#"}, "sk": {"S": "KNOWN"}},
                UpdateExpression="ADD role_arns :configured",
                ExpressionAttributeValues={":configured": {"SS": sorted(configured)}},
                ReturnValues="ALL_NEW",
            )
        return frozenset(answer["Attributes"]["role_arns"]["SS"])

    def turn(self, role_arn: str) -> WriteLease:
        """Where the role's turns stand now."""
        with aws_errors_as_unavailable("The deny list"):
            answer = self._client.get_item(TableName=self._table, Key=_key(role_arn), ConsistentRead=True)
        return _lease_of(answer.get("Item", {}))

    def begin(self, role_arn: str, now: int) -> WriteLease | None:
        """The turn that this call begins, its number in `began`; None while another has it."""
        with aws_errors_as_unavailable("The deny list"):
            try:
                answer = self._client.update_item(
                    TableName=self._table,
                    Key=_key(role_arn),
                    UpdateExpression="SET busy_until = :until ADD began :one",
                    ConditionExpression="attribute_not_exists(busy_until) OR busy_until < :now",
                    ExpressionAttributeValues={
                        ":until": {"N": str(now + LEASE_SECONDS)},
                        ":now": {"N": str(now)},
                        ":one": {"N": "1"},
                    },
                    ReturnValues="ALL_NEW",
                )
            except self._client.exceptions.ConditionalCheckFailedException:
                return None
        return _lease_of(answer["Attributes"])

    def finish(self, role_arn: str, turn: WriteLease, written: str) -> bool:
        """Note that a turn has written the whole list, as `written`; False when it was overtaken and proves nothing."""
        values: Item = {":began": {"N": str(turn.began)}, ":written": {"S": written}}
        return self._end_turn(role_arn, "SET done = :began, written = :written REMOVE busy_until", values)

    def abandon(self, role_arn: str, turn: WriteLease) -> None:
        """Let another begin: this turn has written nothing, and nothing of it is on its way."""
        self._end_turn(role_arn, "REMOVE busy_until", {":began": {"N": str(turn.began)}})

    def _end_turn(self, role_arn: str, expression: str, values: Item) -> bool:
        with aws_errors_as_unavailable("The deny list"):
            try:
                self._client.update_item(
                    TableName=self._table,
                    Key=_key(role_arn),
                    UpdateExpression=expression,
                    ConditionExpression="began = :began",
                    ExpressionAttributeValues=values,
                )
            except self._client.exceptions.ConditionalCheckFailedException:
                return False
        return True


def deny_entry_update(role_arn: str, denial: DenyEntry) -> Item:
    """The update that lists a denial, for the transaction that ends its grant."""
    members = {"grant_id": denial.grant_id, "ended_at": denial.ended_at, "until": denial.until, "agent": denial.agent}
    return {
        "Key": {"pk": {"S": f"ROLE#{role_arn}"}, "sk": {"S": f"DENY#{denial.grant_id}"}},
        "UpdateExpression": "SET denial = :denial, expires = :expires",
        "ExpressionAttributeValues": {
            ":denial": {"S": json.dumps(members, separators=(",", ":"))},
            ":expires": {"N": str(denial.until + DENY_ENTRY_RETENTION_SECONDS)},
        },
    }


def cut_offs_update(role_arn: str, turn: WriteLease, cut_offs: CutOffs) -> Item:
    """The update that notes the cut-offs of a role, for the transaction that records them."""
    text = json.dumps([cut_offs.role, dict(cut_offs.agents)], separators=(",", ":"))
    return {
        "Key": _key(role_arn),
        "UpdateExpression": "SET cut_offs = :cut",
        "ConditionExpression": "began = :began",
        "ExpressionAttributeValues": {":cut": {"S": text}, ":began": {"N": str(turn.began)}},
    }


def _key(role_arn: str) -> Item:
    return {"pk": {"S": f"ROLE#{role_arn}"}, "sk": {"S": "LEASE"}}


def _lease_of(item: Item) -> WriteLease:
    return WriteLease(
        began=int(item.get("began", {"N": "0"})["N"]),
        done=int(item.get("done", {"N": "0"})["N"]),
        written=item.get("written", {"S": ""})["S"],
        cut_offs=CutOffs(*json.loads(item.get("cut_offs", {"S": "[]"})["S"])),
    )
