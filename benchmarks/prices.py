"""What AWS charges: list prices in US dollars in us-east-1, without free tiers and discounts. The only such file."""

from collections.abc import Mapping
from typing import NamedTuple

AS_OF = "2025-11-01"
"""The day of the prices. AWS's pages have today's."""
_PAGE = "https://aws.amazon.com/{}/pricing/"


class Price(NamedTuple):
    """The price of one unit: what the unit is, how many units AWS sells for so many dollars, and the page."""

    unit: str
    dollars: float
    for_units: float
    product: str

    @property
    def each(self) -> float:
        """The dollars for one unit."""
        return self.dollars / self.for_units

    @property
    def page(self) -> str:
        """The address of AWS's price page."""
        return _PAGE.format(self.product)


MILLION = 1e6
PRICES: Mapping[str, Price] = {
    "alarm": Price("alarm and month", 0.10, 1, "cloudwatch"),
    "api_request": Price("request of a REST API", 3.50, MILLION, "api-gateway"),
    "athena_tb": Price("TB read by Athena", 5.00, 1, "athena"),
    "config_item": Price("change of a resource that AWS Config records continuously", 0.003, 1, "config"),
    "dashboard": Price("dashboard and month", 3.00, 1, "cloudwatch"),
    "data_event": Price("data event of CloudTrail", 0.10, 100_000, "cloudtrail"),
    "event_forwarded": Price("event sent to another account's bus", 1.00, MILLION, "eventbridge"),
    "firehose_gb": Price("GB ingested, each record in steps of 5 kB", 0.029, 1, "firehose"),
    "firehose_partitioned_gb": Price("GB partitioned dynamically", 0.020, 1, "firehose"),
    "kms_asymmetric_request": Price("request with a key for signatures", 0.15, 10_000, "kms"),
    "kms_key": Price("key and month", 1.00, 1, "kms"),
    "kms_rotation": Price("month after the first or second rotation of a key", 1.00, 1, "kms"),
    "kms_request": Price("request with a symmetric or HMAC key", 0.03, 10_000, "kms"),
    "lambda_gb_second": Price("GB-second on ARM", 0.0000133334, 1, "lambda"),
    "lambda_request": Price("invocation", 0.20, MILLION, "lambda"),
    "log_gb": Price("GB of logs ingested", 0.50, 1, "cloudwatch"),
    "log_gb_month": Price("GB of logs stored for a month, compressed to a fifth", 0.03 * 0.2, 1, "cloudwatch"),
    "mail": Price("mail to one recipient", 0.10, 1_000, "ses"),
    "metric": Price("custom metric and month", 0.30, 1, "cloudwatch"),
    "read_unit": Price("read request unit of DynamoDB on demand", 0.125, MILLION, "dynamodb/on-demand"),
    "s3_get": Price("GET request of S3", 0.0004, 1_000, "s3"),
    "s3_gb_month": Price("GB in S3 Standard for a month", 0.023, 1, "s3"),
    "s3_put": Price("PUT or LIST request of S3", 0.005, 1_000, "s3"),
    "secret": Price("secret and month", 0.40, 1, "secrets-manager"),
    "secret_request": Price("request of Secrets Manager", 0.05, 10_000, "secrets-manager"),
    "snapshot_gb_second": Price("GB-second of a snapshot of a Python function", 0.0000015046, 1, "lambda"),
    "snapshot_restored_gb": Price("GB restored from a snapshot of a Python function", 0.0001397998, 1, "lambda"),
    "sqs_request": Price("request of a standard queue", 0.40, MILLION, "sqs"),
    "sqs_group_request": Price("request of a standard queue about a message with a group", 0.50, MILLION, "sqs"),
    "table_backup_gb_month": Price(
        "GB of a table with point-in-time recovery, for a month", 0.20, 1, "dynamodb/on-demand"
    ),
    "table_gb_month": Price("GB of a table or an index for a month", 0.25, 1, "dynamodb/on-demand"),
    "trace": Price("trace of X-Ray", 5.00, MILLION, "xray"),
    "transfer_gb": Price("GB of answers to the internet", 0.09, 1, "ec2/on-demand"),
    "waf_acl": Price("web ACL and month", 5.00, 1, "waf"),
    "waf_request": Price("request inspected by the web ACL", 0.60, MILLION, "waf"),
    "waf_rule": Price("rule or managed rule group, and month", 1.00, 1, "waf"),
    "workflow_transition": Price("state transition of a Standard workflow", 0.025, 1_000, "step-functions"),
    "write_unit": Price("write request unit of DynamoDB on demand", 0.625, MILLION, "dynamodb/on-demand"),
}


def dollars(name: str, count: float) -> float:
    """Return what so many units cost. Raises LookupError for a unit without a price."""
    if name not in PRICES:
        raise LookupError(f"benchmarks/prices.py has no price for {name!r}. Add it, with its unit and page.")
    return PRICES[name].each * count
