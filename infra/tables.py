"""The three DynamoDB tables, the key that encrypts stored data, and the key for the tags of masked values."""

from aws_cdk import RemovalPolicy
from aws_cdk import aws_dynamodb as dynamodb
from aws_cdk import aws_kms as kms
from constructs import Construct

from infra.acknowledge import acknowledge
from infra.keys import encryption_key
from jitney.configuration.broker_settings import RestoredTableSettings
from jitney.core.call_lookup import CALL_INDEX, CALL_INDEX_ATTRIBUTES

PRINCIPALS = "by_principal"
"""The index of the grants of one principal."""
OPEN_GRANTS_INDEX = "open_by_role"
"""The index of the grants on a target's roles whose end is not recorded, by their end time."""


class Tables(Construct):
    """`state` holds grants, replay keys and idempotency keys.

    `audit` holds the records and publishes them as a stream. `answers` holds masked answers of the gateway for minutes.
    No copy of them is kept longer: `answers` has no backup and no stream. With `restored`, `state` and `audit` are
    tables outside the stack. The stack's own tables are then removed from the stack, but not deleted. Another
    `mask_key` makes another key of mask tags, and the earlier one stays in KMS, outside the stack.
    """

    def __init__(
        self, scope: Construct, construct_id: str, *, mask_key: int, restored: RestoredTableSettings | None = None
    ) -> None:
        super().__init__(scope, construct_id)
        self.key = encryption_key(
            self,
            "Key",
            name="jitney",
            purpose="grants and audit records at rest",
            removal_policy=RemovalPolicy.RETAIN_ON_UPDATE_OR_DELETE,
        )
        # Tags under this key show that two masked values are equal. KMS cannot rotate it, and no tag outlives it.
        added = "" if mask_key == 1 else f"{mask_key}"
        self.mask_key = kms.Key(
            self,
            f"MaskKey{added}",
            alias=f"alias/jitney-masks{added}",
            description="Jitney: the tags of masked values",
            key_spec=kms.KeySpec.HMAC_256,
            key_usage=kms.KeyUsage.GENERATE_VERIFY_MAC,
            removal_policy=RemovalPolicy.RETAIN_ON_UPDATE_OR_DELETE,
        )
        self.state: dynamodb.ITable = self._restored("State", restored.state_table) if restored else self._state()
        self.audit: dynamodb.ITable = (
            self._restored("Audit", restored.audit_table, restored.audit_stream_arn) if restored else self._audit()
        )
        self.answers = self._table("Answers", kept=False)
        acknowledge(self.answers, "It holds answers for minutes, and no backup may keep them longer.", "DDB3")

    def _state(self) -> dynamodb.TableV2:
        state = self._table("State")
        _add_index(state, PRINCIPALS, ("gsi_pk", "gsi_sk"), dynamodb.ProjectionType.ALL)
        _add_index(state, OPEN_GRANTS_INDEX, ("open_role", "open_until"), dynamodb.ProjectionType.ALL)
        return state

    def _audit(self) -> dynamodb.TableV2:
        audit = self._table("Audit", stream=dynamodb.StreamViewType.NEW_IMAGE)
        # Only the first record of a call has these attributes, so that other records cost nothing here.
        _add_index(audit, CALL_INDEX, CALL_INDEX_ATTRIBUTES, dynamodb.ProjectionType.KEYS_ONLY)
        return audit

    def _restored(self, construct_id: str, name: str, stream_arn: str | None = None) -> dynamodb.ITable:
        return dynamodb.TableV2.from_table_attributes(
            self, construct_id, table_name=name, table_stream_arn=stream_arn, encryption_key=self.key
        )

    @property
    def outputs(self) -> dict[str, str]:
        """The stack's outputs for commands and people."""
        return {"StateTable": self.state.table_name, "AuditTable": self.audit.table_name}

    @property
    def resources(self) -> dict[str, list[str]]:
        """The ARNs of the resources, by their names in permissions."""
        return {
            "state": [self.state.table_arn],
            "state_index": [f"{self.state.table_arn}/index/{PRINCIPALS}"],
            "open_index": [f"{self.state.table_arn}/index/{OPEN_GRANTS_INDEX}"],
            "audit": [self.audit.table_arn],
            "audit_index": [f"{self.audit.table_arn}/index/{CALL_INDEX}"],
            "answers": [self.answers.table_arn],
            "audit_stream": [self.audit.table_stream_arn or ""],
            "key": [self.key.key_arn],
            "mask_key": [self.mask_key.key_arn],
        }

    @property
    def environment(self) -> dict[str, str]:
        """The environment variables for the functions."""
        return {
            "JITNEY_STATE_TABLE": self.state.table_name,
            "JITNEY_AUDIT_TABLE": self.audit.table_name,
            "JITNEY_ANSWERS_TABLE": self.answers.table_name,
            "JITNEY_MASK_KEY": self.mask_key.key_arn,
        }

    def _table(
        self, construct_id: str, *, stream: dynamodb.StreamViewType | None = None, kept: bool = True
    ) -> dynamodb.TableV2:
        """Return a table.

        If it is not `kept`, it has one item for each `pk`, has no backup, and is deleted with the stack.
        """
        return dynamodb.TableV2(
            self,
            construct_id,
            partition_key=_text("pk"),
            sort_key=_text("sk") if kept else None,
            billing=dynamodb.Billing.on_demand(),
            encryption=dynamodb.TableEncryptionV2.customer_managed_key(self.key),
            point_in_time_recovery_specification=dynamodb.PointInTimeRecoverySpecification(
                point_in_time_recovery_enabled=kept
            ),
            time_to_live_attribute="expires",
            dynamo_stream=stream,
            deletion_protection=kept,
            # DynamoDB refuses to delete a protected table, so even the rollback of a first deployment must not try.
            removal_policy=RemovalPolicy.RETAIN if kept else RemovalPolicy.DESTROY,
        )


def _text(name: str) -> dynamodb.Attribute:
    return dynamodb.Attribute(name=name, type=dynamodb.AttributeType.STRING)


def _add_index(table: dynamodb.TableV2, name: str, keys: tuple[str, str], projection: dynamodb.ProjectionType) -> None:
    """Add an index of all items that have both its partition key and its sort key."""
    partition, sort = map(_text, keys)
    table.add_global_secondary_index(
        index_name=name, partition_key=partition, sort_key=sort, projection_type=projection
    )
