"""Sample data in a target's account: objects that the sample agents may read, and objects that they may not read."""

import contextlib
import json
from collections.abc import Mapping

import boto3

from local.deploy.publishing import make_bucket

BUCKET, TABLE, SECRET = "reports", "orders", "reports/warehouse"
PASSWORD = "correct-horse-battery-staple-1200"  # noqa: S105 - sample data
OBJECTS: Mapping[str, str] = {
    "2025/q4.csv": "region,revenue\nnorth,900\nsouth,1100\n",
    "2026/q3.csv": "region,revenue\nnorth,1200\nsouth,1350\n",
    "2026/q4.csv": "region,revenue\nnorth,1400\nsouth,1280\n",
    "secret/salaries.csv": "name,salary\nalice,1\nbob,2\n",
}
ORDERS: tuple[Mapping[str, str], ...] = (
    {"id": "o-1001", "customer": "c-7", "state": "shipped"},
    {"id": "o-1002", "customer": "c-9", "state": "paid"},
    {"id": "o-1003", "customer": "c-7", "state": "open"},
)


def verify(session: boto3.Session, endpoint: str, sender: str) -> None:
    """Verify the domain of the address `sender` in SES, in the account of `session`."""
    ses = session.client("sesv2", endpoint_url=endpoint)
    with contextlib.suppress(ses.exceptions.AlreadyExistsException):
        ses.create_email_identity(EmailIdentity=sender.rpartition("@")[2])


def plant(session: boto3.Session, endpoint: str) -> None:
    """Make the bucket `reports`, the table `orders` and the secret `reports/warehouse` in the account of `session`."""
    s3 = session.client("s3", endpoint_url=endpoint)
    make_bucket(s3, BUCKET, session.region_name)
    for key, text in OBJECTS.items():
        s3.put_object(Bucket=BUCKET, Key=key, Body=text.encode(), ContentType="text/csv")
    dynamodb = session.client("dynamodb", endpoint_url=endpoint)
    dynamodb.create_table(
        TableName=TABLE,
        KeySchema=[{"AttributeName": "id", "KeyType": "HASH"}],
        AttributeDefinitions=[{"AttributeName": "id", "AttributeType": "S"}],
        BillingMode="PAY_PER_REQUEST",
    )
    for order in ORDERS:
        dynamodb.put_item(TableName=TABLE, Item={name: {"S": value} for name, value in order.items()})
    secret = json.dumps({"username": "reports", "password": PASSWORD})
    session.client("secretsmanager", endpoint_url=endpoint).create_secret(Name=SECRET, SecretString=secret)
