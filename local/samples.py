"""What the sample target account has in it: a bucket with reports, and a table with orders."""

from collections.abc import Mapping

from local.emulator.clients import client

BUCKET = "reports"
OBJECTS: Mapping[str, str] = {
    "2026/q3.csv": "region,revenue\nnorth,120\nsouth,95\n",
    "2026/q4.csv": "region,revenue\nnorth,131\nsouth,99\n",
    "2025/q4.csv": "region,revenue\nnorth,101\nsouth,90\n",
    "secret/salaries.csv": "name,salary\nalice,1\n",
}
TABLE = "orders"
ORDERS = (("1", "north", 120), ("2", "south", 95), ("3", "south", 12))


def seed(endpoint: str, account: str, region: str) -> None:
    """Make the samples in the account `account` of the emulator."""
    s3 = client("s3", endpoint, account, region)
    s3.create_bucket(Bucket=BUCKET, CreateBucketConfiguration={"LocationConstraint": region})
    for key, text in OBJECTS.items():
        s3.put_object(Bucket=BUCKET, Key=key, Body=text.encode())
    dynamodb = client("dynamodb", endpoint, account, region)
    dynamodb.create_table(
        TableName=TABLE,
        KeySchema=[{"AttributeName": "id", "KeyType": "HASH"}],
        AttributeDefinitions=[{"AttributeName": "id", "AttributeType": "S"}],
        BillingMode="PAY_PER_REQUEST",
    )
    for number, area, amount in ORDERS:
        item = {"id": {"S": number}, "region": {"S": area}, "amount": {"N": str(amount)}}
        dynamodb.put_item(TableName=TABLE, Item=item)
