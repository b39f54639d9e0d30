"""DynamoDB: one contract test for each gap, named after the function that closes it."""

import time
from typing import Any

import pytest

from tests.local.gaps.contracts import Emulator, refused, role

pytestmark = pytest.mark.slow

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


def test_moments_of_restores(emulator: Emulator) -> None:
    table(emulator)
    dynamodb = emulator.root("dynamodb")
    recovery = {"PointInTimeRecoveryEnabled": True}
    restore = {"SourceTableName": "items", "TargetTableName": "earlier"}
    refused(
        "PointInTimeRecoveryUnavailableException",
        dynamodb.restore_table_to_point_in_time,
        **restore,
        UseLatestRestorableTime=True,
    )
    dynamodb.update_continuous_backups(TableName="items", PointInTimeRecoverySpecification=recovery)
    for key in ("changed", "deleted", "kept"):
        dynamodb.put_item(**put(key))
    time.sleep(0.01)
    moment = time.time()
    time.sleep(0.01)
    dynamodb.put_item(**put("added"))
    for value in ("1", "2"):
        dynamodb.update_item(
            TableName="items",
            Key={"pk": {"S": "changed"}},
            UpdateExpression="SET #owner = :value",
            ExpressionAttributeNames={"#owner": "owner"},
            ExpressionAttributeValues={":value": {"S": value}},
        )
    dynamodb.transact_write_items(
        TransactItems=[{"Delete": {"TableName": "items", "Key": {"pk": {"S": "deleted"}}}}, {"Put": put("kept")}]
    )
    dynamodb.restore_table_to_point_in_time(**restore, RestoreDateTime=moment)
    found = {each["pk"]["S"]: each["owner"]["S"] for each in dynamodb.scan(TableName="earlier")["Items"]}
    assert found == {key: f"o-{key}" for key in ("changed", "deleted", "kept")}
    indexed = {"IndexName": "by_owner", "KeyConditionExpression": "#owner = :value"}
    names, values = {"#owner": "owner"}, {":value": {"S": "o-changed"}}
    query = {**indexed, "ExpressionAttributeNames": names, "ExpressionAttributeValues": values}
    assert dynamodb.query(TableName="earlier", **query)["Count"] == 1
    restored = dynamodb.describe_table(TableName="earlier")["Table"]["RestoreSummary"]
    source = dynamodb.describe_table(TableName="items")["Table"]["TableArn"]
    assert (restored["SourceTableArn"], restored["RestoreInProgress"]) == (source, False)
    assert int(restored["RestoreDateTime"].timestamp()) == int(moment)
    period = dynamodb.describe_continuous_backups(TableName="items")["ContinuousBackupsDescription"]
    earliest = period["PointInTimeRecoveryDescription"]["EarliestRestorableDateTime"].timestamp()
    for wrong in (earliest - 60, time.time() + 60):
        again = restore | {"TargetTableName": "another", "RestoreDateTime": wrong}
        refused("InvalidRestoreTimeException", dynamodb.restore_table_to_point_in_time, **again)


def limited(emulator: Emulator, name: str, *patterns: str) -> Any:
    """Return a client that may use items with matching partition keys, and make no request without a key."""
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


def test_leading_keys_of_a_batch_are_those_of_all_its_items(emulator: Emulator) -> None:
    table(emulator)
    mine = limited(emulator, "mine", "a-*")
    batches = {
        names: {"items": {"Keys": [{"pk": {"S": name}} for name in names]}}
        for names in (("a-1", "a-2"), ("a-1", "b-1"))
    }
    mine.batch_get_item(RequestItems=batches["a-1", "a-2"])
    refused("AccessDeniedException", mine.batch_get_item, RequestItems=batches["a-1", "b-1"])


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


MINE = {"TableName": "items", "Key": {"pk": {"S": "a-1"}}}
VALUE = {"ExpressionAttributeValues": {":v": {"S": "x"}}}
ALLOWED: dict[str, dict[str, Any]] = {
    "set": {"UpdateExpression": "SET lifecycle = :v", **VALUE},
    "by another name": {"UpdateExpression": "SET #n = :v", "ExpressionAttributeNames": {"#n": "lifecycle"}, **VALUE},
    "a part": {"UpdateExpression": "REMOVE lifecycle.terms[0]"},
    "functions": {"UpdateExpression": "SET lifecycle = if_not_exists(lifecycle, :v)", **VALUE},
    "a condition": {
        "UpdateExpression": "SET lifecycle = :v",
        "ConditionExpression": "attribute_not_exists(lifecycle)"
        " OR NOT (lifecycle IN (:v) AND lifecycle BETWEEN :v AND :v)",
        **VALUE,
    },
}
REFUSED: dict[str, dict[str, Any]] = {
    "set": {"UpdateExpression": "SET lifecycle = :v, terms = :v", **VALUE},
    "by another name": {
        "UpdateExpression": "SET #lifecycle = :v",
        "ExpressionAttributeNames": {"#lifecycle": "terms"},
        **VALUE,
    },
    "a part": {"UpdateExpression": "REMOVE terms.lifecycle[0]"},
    "removed": {"UpdateExpression": "SET lifecycle = :v REMOVE terms", **VALUE},
    "added": {"UpdateExpression": "ADD terms :v", **VALUE},
    "deleted": {"UpdateExpression": "DELETE terms :v", **VALUE},
    "functions": {"UpdateExpression": "SET lifecycle = if_not_exists(terms, :v)", **VALUE},
    "a condition": {
        "UpdateExpression": "SET lifecycle = :v",
        "ConditionExpression": "lifecycle = :v OR size(terms) > :v",
        **VALUE,
    },
}
BEFORE_EXPRESSIONS: dict[str, dict[str, Any]] = {
    "set": {"AttributeUpdates": {"terms": {"Value": {"S": "x"}, "Action": "PUT"}}},
    "a condition": {
        "AttributeUpdates": {"lifecycle": {"Value": {"S": "x"}, "Action": "PUT"}},
        "Expected": {"terms": {"Value": {"S": "x"}}},
    },
}


def changing(emulator: Emulator, *attributes: str) -> Any:
    """Return a client that may use these attributes, and make no request without attributes."""
    key = "dynamodb:Attributes"
    statement = {
        "Effect": "Allow",
        "Action": "dynamodb:*",
        "Resource": "*",
        "Condition": {"ForAllValues:StringEquals": {key: list(attributes)}, "Null": {key: "false"}},
    }
    arn = role(emulator, f"changing-{len(attributes)}", {"Statement": statement})
    keys = emulator.root("sts").assume_role(RoleArn=arn, RoleSessionName="session")["Credentials"]
    return emulator.session("dynamodb", keys)


def test_attributes(emulator: Emulator) -> None:
    table(emulator)
    emulator.root("dynamodb").put_item(TableName="items", Item={**MINE["Key"], "lifecycle": {"S": "x"}})
    mine = changing(emulator, "pk", "lifecycle")
    mine.update_item(**MINE, **ALLOWED["set"])
    for forbidden in (*REFUSED.values(), *BEFORE_EXPRESSIONS.values()):
        refused("AccessDeniedException", mine.update_item, **MINE, **forbidden)
    # The key counts, too.
    refused("AccessDeniedException", changing(emulator, "lifecycle").update_item, **MINE, **ALLOWED["set"])
    refused("AccessDeniedException", mine.put_item, TableName="items", Item={**MINE["Key"], "terms": {"S": "x"}})
    refused("AccessDeniedException", mine.get_item, **MINE, ProjectionExpression="lifecycle, terms")
    mine.get_item(**MINE, ProjectionExpression="lifecycle")
    refused("AccessDeniedException", mine.scan, TableName="items")


@pytest.mark.parametrize("name", ALLOWED)
def test_attributes_that_are_only_spelt_alike(name: str, emulator: Emulator) -> None:
    table(emulator)
    part = {"lifecycle": {"M": {"terms": {"L": [{"S": "x"}]}}}} if name == "a part" else {}
    emulator.root("dynamodb").put_item(TableName="items", Item={**MINE["Key"], **part})
    changing(emulator, "pk", "lifecycle").update_item(**MINE, **ALLOWED[name])


def test_attributes_of_each_item_in_a_transaction(emulator: Emulator) -> None:
    table(emulator)
    mine = changing(emulator, "pk", "lifecycle")
    other = {"TableName": "items", "Key": {"pk": {"S": "a-2"}}}
    own = {"Update": {**other, **ALLOWED["set"]}}
    mine.transact_write_items(TransactItems=[own, {"Update": {**MINE, **ALLOWED["set"]}}])
    for forbidden in REFUSED.values():
        both = [own, {"Update": {**MINE, **forbidden}}]
        for items in (both, both[::-1]):
            refused("AccessDeniedException", mine.transact_write_items, TransactItems=items)
    put = {"Put": {"TableName": "items", "Item": {**MINE["Key"], "terms": {"S": "x"}}}}
    refused("AccessDeniedException", mine.transact_write_items, TransactItems=[own, put])
