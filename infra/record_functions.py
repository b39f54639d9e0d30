"""The functions that join, publish and seal records and calls. Part of `infra.function_specs`."""

from infra.grant_permissions import MASK
from infra.permissions import CALL_CHAINS, GRANT_CHAINS, OTHER_CHAINS, READ_TABLES, Allow, on_state, write_records
from infra.spec import FunctionSpec
from infra.state_items import GRANT_ITEMS, TRAIL_ITEMS
from jitney.core.integrity.seals import SEAL_INTERVAL_SECONDS

CORRELATOR = "correlator"
# SendMessage is for keys whose calls need a new verdict later.
_READ_QUEUE = ("sqs:ReceiveMessage", "sqs:DeleteMessage", "sqs:GetQueueAttributes", "sqs:SendMessage")
ACCESS_KEY_CHAINS = ("k-*",)
"""The chains of the calls with one access key (jitney.adapters.trail)."""

RECORD_SPECS = (
    FunctionSpec(
        "publisher",
        "Publishes audit records and calls to Firehose",
        memory_mb=512,
        timeout_seconds=60,
        allows=(
            Allow("audit_stream", ("dynamodb:DescribeStream", "dynamodb:GetRecords", "dynamodb:GetShardIterator")),
            # Listing streams cannot be limited to one (Service Authorization Reference, Amazon DynamoDB).
            Allow("any", ("dynamodb:ListStreams",)),
            READ_TABLES,
            Allow("records_stream", ("firehose:PutRecordBatch",)),
            Allow("calls_stream", ("firehose:PutRecordBatch",)),
            Allow("dead_letters", ("sqs:SendMessage",)),
        ),
    ),
    FunctionSpec(
        CORRELATOR,
        "Joins CloudTrail events to grants",
        timeout_seconds=60,
        allows=(
            on_state("GetItem", items=GRANT_ITEMS),
            on_state("UpdateItem", items=TRAIL_ITEMS),
            Allow("audit", ("dynamodb:Query",), (*ACCESS_KEY_CHAINS, CALL_CHAINS)),
            Allow("audit", ("dynamodb:BatchGetItem",), ACCESS_KEY_CHAINS),
            Allow("audit_index", ("dynamodb:Query",), (GRANT_CHAINS,)),
            *write_records(*ACCESS_KEY_CHAINS, OTHER_CHAINS),
            Allow("trail_queue", _READ_QUEUE),
            MASK,
        ),
        variables=("JITNEY_ISSUING_ROLES",),
    ),
    FunctionSpec(
        "sealer",
        "Seals the records that arrived in S3",
        timeout_seconds=900,
        every_seconds=SEAL_INTERVAL_SECONDS,
        retries=2,
        allows=(
            Allow("records_bucket", ("s3:ListBucket",)),
            Allow("records_objects", ("s3:GetObject",)),
            Allow("records_key", ("kms:Decrypt",)),
            # Under the bucket's policy it can add objects. It cannot delete or overwrite one, or shorten its retention.
            Allow("seals_bucket", ("s3:ListBucket",)),
            Allow("seals_objects", ("s3:GetObject", "s3:PutObject")),
            Allow("seal_keys_objects", ("s3:PutObject",)),
            Allow("seal_key", ("kms:GetPublicKey", "kms:Sign")),
        ),
    ),
)
