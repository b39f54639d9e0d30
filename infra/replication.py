"""Replication of records and seals to the operator's buckets, in another account or Region.

The roles and the rules are here. The buckets that receive the replicas are not in this stack, because the account that
loses this stack must not lose them. `infra.replica_stack` is a template for them.

Amazon S3 User Guide, "Setting up permissions for live replication" and "Replicating encrypted objects":
https://docs.aws.amazon.com/AmazonS3/latest/userguide/setting-repl-config-perm-overview.html
https://docs.aws.amazon.com/AmazonS3/latest/userguide/replication-config-for-kms-objects.html
"""

from collections.abc import Mapping
from typing import NamedTuple, cast

from aws_cdk import Stack
from aws_cdk import aws_iam as iam
from aws_cdk import aws_kms as kms
from aws_cdk import aws_s3 as s3
from constructs import Construct

from infra.acknowledge import acknowledge
from infra.conditions import via_service
from infra.roles import service_role
from jitney.configuration.broker_settings import ReplicationSettings

ROLE = "replication"
"""The part of the role's name that `arns.role_name` completes. The policies of the operator's buckets name the role."""
_RULE = s3.CfnBucket


class _Pair(NamedTuple):
    """A bucket of the stack, and the ARN of the operator's bucket for its replicas. The name is also the rule's id."""

    name: str
    source: s3.Bucket
    replica_arn: str
    is_locked: bool


class Replication(Construct):
    """The replication of both buckets: new objects at once, existing and failed ones by a job of S3 Batch Operations.

    S3 does not replicate the deletion of a version, and these rules replicate no delete markers. So what was once
    replicated cannot be removed from here. Each role can be used by S3 only, and can read no replica.
    """

    def __init__(
        self,
        scope: Construct,
        construct_id: str,
        *,
        to: ReplicationSettings,
        records: s3.Bucket,
        seals: s3.Bucket,
        key: kms.IKey,
    ) -> None:
        super().__init__(scope, construct_id)
        self._to, self._key, self._stack = to, key, Stack.of(self)
        partition = self._stack.partition
        self._pairs = (
            _Pair("records", records, f"arn:{partition}:s3:::{to.records_bucket}", is_locked=False),
            _Pair("seals", seals, f"arn:{partition}:s3:::{to.seals_bucket}", is_locked=True),
        )
        where = "to the operator's buckets"
        role = service_role(self, "Role", "s3", ROLE, f"replicates new records and seals {where}", [])
        # A bucket names its role, and the role's policy names the bucket. So the policy is a resource of its own.
        iam.Policy(self, "Policy", document=iam.PolicyDocument(statements=self._replicates()), roles=[role])
        purpose = f"replicates existing records and seals {where}"
        service_role(self, "JobRole", "batchoperations.s3", f"{ROLE}-jobs", purpose, self._starts())
        for pair in self._pairs:
            bucket = cast("s3.CfnBucket", pair.source.node.default_child)
            bucket.replication_configuration = s3.CfnBucket.ReplicationConfigurationProperty(
                role=role.role_arn, rules=[self._rule(pair)]
            )
        acknowledge(self, "S3 replicates objects of new names.", *self._findings())

    @property
    def replicas(self) -> dict[str, Mapping[str, str]]:
        """The names of both buckets of each rule, by its id, for alarms."""
        return {
            each.name: {"source_bucket": each.source.bucket_name, "replica_bucket": each.replica_arn.split(":")[-1]}
            for each in self._pairs
        }

    @property
    def _crosses_accounts(self) -> bool:
        return self._to.account != self._stack.account

    def _rule(self, pair: _Pair) -> s3.CfnBucket.ReplicationRuleProperty:
        """Return the rule for all objects. Their replicas belong to the account that owns the bucket."""
        enabled = "Enabled"
        is_encrypted = pair.source.encryption_key is not None
        return _RULE.ReplicationRuleProperty(
            id=pair.name,
            priority=1,
            status=enabled,
            filter=_RULE.ReplicationRuleFilterProperty(prefix=""),
            delete_marker_replication=_RULE.DeleteMarkerReplicationProperty(status="Disabled"),
            # Without these criteria, S3 skips objects that are encrypted with a key of KMS, and reports no failure.
            source_selection_criteria=_RULE.SourceSelectionCriteriaProperty(
                sse_kms_encrypted_objects=_RULE.SseKmsEncryptedObjectsProperty(status=enabled)
            )
            if is_encrypted
            else None,
            destination=_RULE.ReplicationDestinationProperty(
                bucket=pair.replica_arn,
                account=self._to.account if self._crosses_accounts else None,
                access_control_translation=_RULE.AccessControlTranslationProperty(owner="Destination")
                if self._crosses_accounts
                else None,
                encryption_configuration=_RULE.EncryptionConfigurationProperty(replica_kms_key_id=self._to.key_arn)
                if is_encrypted
                else None,
                metrics=_RULE.MetricsProperty(status=enabled),
            ),
        )

    def _replicates(self) -> list[iam.PolicyStatement]:
        """Return what the role allows S3. S3 deletes nothing, and adds no tags, because no object has any."""
        writes = ["s3:ReplicateObject", *(["s3:ObjectOwnerOverrideToBucketOwner"] if self._crosses_accounts else [])]
        reads = ["s3:GetObjectVersionForReplication", "s3:GetObjectVersionAcl"]
        locks = ["s3:GetObjectRetention", "s3:GetObjectLegalHold"]
        statements = [
            iam.PolicyStatement(
                actions=["s3:GetReplicationConfiguration", "s3:ListBucket"],
                resources=[each.source.bucket_arn for each in self._pairs],
            )
        ]
        for each in self._pairs:
            source = each.source.arn_for_objects("*")
            statements += [
                iam.PolicyStatement(actions=[*reads, *(locks if each.is_locked else [])], resources=[source]),
                iam.PolicyStatement(actions=writes, resources=[f"{each.replica_arn}/*"]),
            ]
        records = self._pairs[0]
        return [
            *statements,
            self._uses_key(["kms:Decrypt"], self._key.key_arn, self._stack.region, records.source.bucket_arn),
            # With an S3 Bucket Key, S3 also decrypts that key, to verify it. The role cannot read the replicas.
            self._uses_key(["kms:Decrypt", "kms:Encrypt"], self._to.key_arn, self._to.region, records.replica_arn),
        ]

    def _uses_key(self, actions: list[str], key_arn: str, region: str, bucket_arn: str) -> iam.PolicyStatement:
        """Return the statement that lets S3 use a key in that Region, for objects of one bucket.

        The encryption context is the bucket for objects with an S3 Bucket Key, and otherwise the object.
        """
        context = {"kms:EncryptionContext:aws:s3:arn": [bucket_arn, f"{bucket_arn}/*"]}
        conditions = {"StringEquals": via_service("s3", region), "StringLike": context}
        return iam.PolicyStatement(actions=actions, resources=[key_arn], conditions=conditions)

    def _starts(self) -> list[iam.PolicyStatement]:
        """Return what the role allows a job of S3 Batch Operations: to list objects and replicate them by the rules.

        https://docs.aws.amazon.com/AmazonS3/latest/userguide/s3-batch-replication-policies.html
        """
        return [
            iam.PolicyStatement(
                actions=["s3:InitiateReplication"],
                resources=[each.source.arn_for_objects("*") for each in self._pairs],
            ),
            iam.PolicyStatement(
                actions=["s3:GetReplicationConfiguration", "s3:PutInventoryConfiguration"],
                resources=[each.source.bucket_arn for each in self._pairs],
            ),
        ]

    def _findings(self) -> list[str]:
        """Return cdk-nag's findings on the objects of any name."""
        ids = [self._stack.get_logical_id(cast("s3.CfnBucket", each.source.node.default_child)) for each in self._pairs]
        sources = [f"IAM5[Resource::<{name}.Arn>/*]" for name in ids]
        return [*sources, *(f"IAM5[Resource::{each.replica_arn}/*]" for each in self._pairs)]
