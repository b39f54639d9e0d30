"""The functions on the way of records and calls: what joins, publishes and seals them. Part of `infra.function_specs`."""

from infra.permissions import KEY_TO_READ, KEY_TO_WRITE, Allow
from infra.spec import FunctionSpec

CORRELATOR = "correlator"
_READ_STREAM = ("dynamodb:DescribeStream", "dynamodb:GetRecords", "dynamodb:GetShardIterator")
# The last is for what has to be looked at again.
_READ_QUEUE = ("sqs:ReceiveMessage", "sqs:DeleteMessage", "sqs:GetQueueAttributes", "sqs:SendMessage")
ACCESS_KEY_CHAINS = ("k-*",)  # the calls with an access key (jitney.adapters.trail)

RECORD_SPECS = (
    FunctionSpec(
        "publisher",
        "Sends audit records and calls on to Firehose",
        (
            Allow("audit_stream", _READ_STREAM),
            # Listing streams cannot be limited to one (Service Authorization Reference, Amazon DynamoDB).
            Allow("any", ("dynamodb:ListStreams",)),
            Allow("key", KEY_TO_READ),
            Allow("records_stream", ("firehose:PutRecordBatch",)),
            Allow("calls_stream", ("firehose:PutRecordBatch",)),
            Allow("dead_letters", ("sqs:SendMessage",)),
        ),
        ("JITNEY_RECORDS_STREAM", "JITNEY_CALLS_STREAM"),
        memory_mb=512,
        timeout_seconds=60,
    ),
    FunctionSpec(
        CORRELATOR,
        "Joins CloudTrail's events to grants",
        (
            Allow("state", ("dynamodb:GetItem",), ("GRANT#*",)),
            Allow("audit", ("dynamodb:Query",), ACCESS_KEY_CHAINS),
            Allow("audit", ("dynamodb:PutItem",), (*ACCESS_KEY_CHAINS, "r-*")),
            Allow("key", KEY_TO_WRITE),
            Allow("trail_queue", _READ_QUEUE),
            Allow("mask_key", ("kms:GenerateMac",)),
        ),
        ("JITNEY_STATE_TABLE", "JITNEY_AUDIT_TABLE", "JITNEY_MASK_KEY", "JITNEY_TRAIL_QUEUE", "JITNEY_ISSUING_ROLES"),
        timeout_seconds=60,
    ),
    FunctionSpec(
        "sealer",
        "Seals what records came to S3",
        (
            Allow("records_bucket", ("s3:ListBucket",)),
            Allow("records_objects", ("s3:GetObject",)),
            Allow("records_key", ("kms:Decrypt",)),
            # To add, under the bucket's policy: nothing here takes away, writes over or shortens what is kept.
            Allow("seals_bucket", ("s3:ListBucket",)),
            Allow("seals_objects", ("s3:GetObject", "s3:PutObject")),
            Allow("seal_keys_objects", ("s3:PutObject",)),
            Allow("seal_key", ("kms:GetPublicKey", "kms:Sign")),
        ),
        ("JITNEY_RECORDS_BUCKET", "JITNEY_SEALS_BUCKET", "JITNEY_SEAL_KEY_ARN"),
        timeout_seconds=900,
    ),
)
