"""The buckets: audit records, the seals over them, query results, and access logs."""

from collections.abc import Mapping, Sequence
from typing import Any, cast

from aws_cdk import Duration, RemovalPolicy
from aws_cdk import aws_kms as kms
from aws_cdk import aws_s3 as s3
from constructs import Construct

from infra.replication import Replication
from jitney.configuration.broker_settings import ReplicationSettings

KEEP_SEALS = Duration.days(400)
"""How long a seal is kept: as long as the audit table keeps a call (`adapters.trail`).

Not even the account's root user can shorten this time.
"""


def private_bucket(
    scope: Construct,
    construct_id: str,
    key: kms.IKey | None,
    *,
    lock: s3.ObjectLockRetention | None,
    lifecycle_rules: Sequence[s3.LifecycleRule] = (),
    **more: Any,
) -> s3.Bucket:
    """Return a versioned bucket that remains when the stack is deleted, encrypted with `key` or a key of S3.

    Its policy remains, too. Its owner owns all objects. `lock` is the default retention. `more` are other properties of
    the bucket.
    """
    removal_policy = RemovalPolicy.RETAIN_ON_UPDATE_OR_DELETE
    bucket = s3.Bucket(
        scope,
        construct_id,
        encryption=s3.BucketEncryption.KMS if key else s3.BucketEncryption.S3_MANAGED,
        encryption_key=key,
        bucket_key_enabled=True if key else None,
        block_public_access=s3.BlockPublicAccess.BLOCK_ALL,
        object_ownership=s3.ObjectOwnership.BUCKET_OWNER_ENFORCED,
        versioned=True,
        lifecycle_rules=[s3.LifecycleRule(abort_incomplete_multipart_upload_after=Duration.days(7)), *lifecycle_rules],
        object_lock_default_retention=lock,
        removal_policy=removal_policy,
        **more,
    )
    if bucket.policy:
        bucket.policy.apply_removal_policy(removal_policy)
    return bucket


class Buckets(Construct):
    """The buckets `records`, `results` (of Athena), `logs` (of the API and of the other buckets), and `seals`.

    `seals` keeps each seal for at least `KEEP_SEALS`. It is encrypted with S3's own key, so that seals stay readable if
    the records' key is lost. `tls_only` is false in a local system, where AWS answers over plain HTTP on loopback.
    With `replication`, S3 replicates `records` and `seals` to the operator's buckets. S3 sends an event about each new
    object in `records` to the default event bus.
    """

    def __init__(
        self,
        scope: Construct,
        construct_id: str,
        *,
        key: kms.IKey,
        tls_only: bool,
        replication: ReplicationSettings | None = None,
    ) -> None:
        super().__init__(scope, construct_id)
        self._tls_only = tls_only
        # S3 delivers access logs to buckets under its own key only (S3 User Guide, "Enabling server access logging").
        self.logs = self._bucket("Logs", None, expires_days=400)
        self.records = self._bucket("Records", key, log_prefix="s3/records/")
        # S3 itself sends an event about each new object to the default event bus (docs/siem.md). CDK's own property of
        # the same name deploys a function for it.
        cast(
            "s3.CfnBucket", self.records.node.default_child
        ).notification_configuration = s3.CfnBucket.NotificationConfigurationProperty(
            event_bridge_configuration=s3.CfnBucket.EventBridgeConfigurationProperty(event_bridge_enabled=True)
        )
        self.results = self._bucket("Results", key, log_prefix="s3/results/", expires_days=30)
        self.seals = self._bucket(
            "Seals", None, log_prefix="s3/seals/", lock=s3.ObjectLockRetention.compliance(KEEP_SEALS)
        )
        self.replicas: Mapping[str, Mapping[str, str]] = {}
        """The buckets of each replication, for alarms, by what it replicates."""
        if replication:
            made = Replication(self, "Replication", to=replication, records=self.records, seals=self.seals, key=key)
            self.replicas = made.replicas

    @property
    def outputs(self) -> dict[str, str]:
        """The stack's outputs for commands and people."""
        return {
            "RecordsBucket": self.records.bucket_name,
            "SealsBucket": self.seals.bucket_name,
            "ResultsBucket": self.results.bucket_name,
        }

    def _bucket(
        self,
        construct_id: str,
        key: kms.IKey | None,
        *,
        log_prefix: str | None = None,
        expires_days: int | None = None,
        lock: s3.ObjectLockRetention | None = None,
    ) -> s3.Bucket:
        rules = []
        if expires_days:
            age = Duration.days(expires_days)
            rules.append(s3.LifecycleRule(expiration=age, noncurrent_version_expiration=Duration.days(7)))
        return private_bucket(
            self,
            construct_id,
            key,
            lock=lock,
            enforce_ssl=self._tls_only,
            lifecycle_rules=rules,
            server_access_logs_bucket=self.logs if log_prefix else None,
            server_access_logs_prefix=log_prefix,
        )
