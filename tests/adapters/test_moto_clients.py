"""The short ways of tests.moto_clients change nothing that moto answers."""

import pytest
from botocore.exceptions import ClientError
from moto import mock_aws

from tests.moto_clients import moto_client

TABLES = ("one", "two")


@pytest.fixture
def client():
    with mock_aws():
        made = moto_client("dynamodb")
        for table in TABLES:
            made.create_table(
                TableName=table,
                AttributeDefinitions=[{"AttributeName": "pk", "AttributeType": "S"}],
                KeySchema=[{"AttributeName": "pk", "KeyType": "HASH"}],
                BillingMode="PAY_PER_REQUEST",
            )
            made.put_item(TableName=table, Item={"pk": {"S": "a"}, "numbers": {"L": [{"N": "1"}]}})
        yield made


def test_a_cancelled_transaction_leaves_each_table_as_it_was(client):
    before = [client.scan(TableName=table)["Items"] for table in TABLES]
    key, other = {"pk": {"S": "a"}}, {"pk": {"S": "b"}}
    change = {"UpdateExpression": "SET numbers[0] = :n", "ExpressionAttributeValues": {":n": {"N": "2"}}}
    writes = [
        *({"Update": {"TableName": table, "Key": key, **change}} for table in TABLES),
        *({"Put": {"TableName": table, "Item": other}} for table in TABLES),
    ]
    refused = {"Put": {"TableName": "one", "Item": {"pk": {"S": "c"}}, "ConditionExpression": "attribute_exists(pk)"}}
    with pytest.raises(ClientError, match="ConditionalCheckFailed"):
        client.transact_write_items(TransactItems=[*writes, refused])
    assert [client.scan(TableName=table)["Items"] for table in TABLES] == before
    client.transact_write_items(TransactItems=writes)
    after = [client.scan(TableName=table)["Items"] for table in TABLES]
    assert [len(items) for items in after] == [2, 2]
    with pytest.raises(ClientError, match="ConditionalCheckFailed"):
        client.transact_write_items(TransactItems=[{"Delete": {"TableName": "one", "Key": other}}, refused])
    assert [client.scan(TableName=table)["Items"] for table in TABLES] == after


def test_a_value_of_each_type_is_read_as_it_was_written(client):
    item = {
        "pk": {"S": "x"}, "n": {"N": "1"}, "b": {"B": b"1"}, "yes": {"BOOL": True}, "no": {"BOOL": False},
        "null": {"NULL": True}, "list": {"L": [{"S": ""}, {"L": []}]}, "map": {"M": {"S": {"M": {"N": {"N": "2"}}}}},
        "texts": {"SS": ["S"]}, "numbers": {"NS": ["1"]}, "bytes": {"BS": [b"2"]},
    }  # fmt: skip
    client.put_item(TableName="one", Item=item)
    assert client.get_item(TableName="one", Key={"pk": {"S": "x"}})["Item"] == item
