"""DynamoDB: one contract test a gap, named after the function that closes it."""

from typing import Any

from tests.local.gaps.contracts import Emulator, refused, role

TEXT = {"AttributeType": "S"}


def table(emulator: Emulator) -> None:
    emulator.root("dynamodb").create_table(
        TableName="items",
        BillingMode="PAY_PER_REQUEST",
        AttributeDefinitions=[{"AttributeName": name, **TEXT} for name in ("pk", "owner")],
        KeySchema=[{"AttributeName": "pk", "KeyType": "HASH"}],
        GlobalSecondaryIndexes=[
            {
                "IndexName": "by_owner",
                "KeySchema": [{"AttributeName": "owner", "KeyType": "HASH"}],
                "Projection": {"ProjectionType": "ALL"},
            }
        ],
    )


def limited(emulator: Emulator, name: str, *patterns: str) -> Any:
    """A client that may use the items whose partition keys match, and no request that names none."""
    key = "dynamodb:LeadingKeys"
    statement = {
        "Effect": "Allow",
        "Action": "dynamodb:*",
        "Resource": "*",
        "Condition": {"ForAllValues:StringLike": {key: list(patterns)}, "Null": {key: "false"}},
    }
    arn = role(emulator, name, {"Statement": statement})
    keys = emulator.root("sts").assume_role(RoleArn=arn, RoleSessionName="session")["Credentials"]
    return emulator.session("dynamodb", keys)


def put(key: str) -> dict[str, Any]:
    return {"TableName": "items", "Item": {"pk": {"S": key}, "owner": {"S": f"o-{key}"}}}


def test_leading_keys(emulator: Emulator) -> None:
    table(emulator)
    mine = limited(emulator, "mine", "a-*")
    mine.put_item(**put("a-1"))
    refused("AccessDeniedException", mine.put_item, **put("b-1"))
    mine.get_item(TableName="items", Key={"pk": {"S": "a-1"}})
    refused("AccessDeniedException", mine.get_item, TableName="items", Key={"pk": {"S": "b-1"}})
    query = {"TableName": "items", "KeyConditionExpression": "#key = :key", "ExpressionAttributeNames": {"#key": "pk"}}
    mine.query(**query, ExpressionAttributeValues={":key": {"S": "a-1"}})
    refused("AccessDeniedException", mine.query, **query, ExpressionAttributeValues={":key": {"S": "b-1"}})
    refused("AccessDeniedException", mine.scan, TableName="items")


def test_leading_keys_of_an_index_are_its_own(emulator: Emulator) -> None:
    table(emulator)
    mine = limited(emulator, "mine", "o-*")
    query = {"TableName": "items", "IndexName": "by_owner", "KeyConditionExpression": "owner = :key"}
    mine.query(**query, ExpressionAttributeValues={":key": {"S": "o-1"}})
    refused("AccessDeniedException", mine.query, **query, ExpressionAttributeValues={":key": {"S": "a-1"}})


def test_leading_keys_of_each_item_in_a_transaction(emulator: Emulator) -> None:
    table(emulator)
    mine = limited(emulator, "mine", "a-*")
    transact = mine.transact_write_items
    transact(TransactItems=[{"Put": put("a-1")}, {"Put": put("a-2")}])
    refused("AccessDeniedException", transact, TransactItems=[{"Put": put("a-1")}, {"Put": put("b-1")}])
    refused("AccessDeniedException", transact, TransactItems=[{"Put": put("b-1")}, {"Put": put("a-1")}])
    delete = {"TableName": "items", "Key": {"pk": {"S": "b-1"}}}
    refused("AccessDeniedException", transact, TransactItems=[{"Put": put("a-1")}, {"Delete": delete}])
