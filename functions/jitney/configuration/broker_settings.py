"""The section `broker` of `jitney.yaml`: where and how the broker is deployed."""

from typing import Literal, Self

from pydantic import Field, model_validator

from jitney.configuration.partitions import partition_in, partition_of
from jitney.configuration.values import (
    Account,
    Address,
    BucketName,
    CertificateArn,
    DomainName,
    KeyArn,
    PolicyName,
    Region,
    SecurityGroups,
    SettingsModel,
    StreamArn,
    Subnets,
    TableName,
    Tag,
    TagValue,
    VpcEndpoints,
    refused,
)

CANARY: Literal["canary"] = "canary"
MOST_CANARY_TARGETS = 34
"""With more targets, the stack and its canary deployments would have over 500 resources, CloudFormation's limit."""

# Lambda's default quota of concurrent executions of an account in a Region, which docs/deploy.md requires. With the
# largest quota, one route has 4,000 requests a second; AWS allows an account 10,000 (API Gateway Developer Guide,
# "quotas").
LAMBDA_EXECUTIONS, MOST_LAMBDA_EXECUTIONS = 1_000, 100_000


class DomainSettings(SettingsModel):
    """The API's own domain name. Its certificate is in the broker's Region. `minimum_tls` is the lowest version."""

    name: DomainName
    certificate_arn: CertificateArn
    minimum_tls: Literal["1.2", "1.3"] = "1.2"


class PrivateApiSettings(SettingsModel):
    """The VPC endpoints (of the service execute-api) through which a private API is reached. Links use the first."""

    vpc_endpoints: VpcEndpoints


class VpcSettings(SettingsModel):
    """The part of a VPC in which the functions run. It needs routes to AWS's services and to the issuers."""

    subnets: Subnets
    security_groups: SecurityGroups


class RestoredTableSettings(SettingsModel):
    """Tables that the stack uses instead of its own, after a restore. `jitney restore` prepares and prints them."""

    state_table: TableName
    audit_table: TableName
    audit_stream_arn: StreamArn

    @model_validator(mode="after")
    def _has_the_stream_of_its_audit_table(self) -> Self:
        table = self.audit_stream_arn.split("/")[1]
        if table != self.audit_table or self.state_table == self.audit_table:
            wrong = f"audit_stream_arn is of {table}, but state_table is {self.state_table}, and audit_table is "
            fix = "write all three as `jitney restore` prints them"
            raise refused(f"{wrong}{self.audit_table}", fix)
        return self

    @property
    def place(self) -> tuple[str, str]:
        """The account and the Region of the tables."""
        region, account = self.audit_stream_arn.split(":")[3:5]
        return account, region


class ReplicationSettings(SettingsModel):
    """The operator's buckets to which S3 replicates records and seals, and the key that encrypts replicas of records.

    `account` owns the buckets and the key, and all are in `region`. Replicas of seals are encrypted with S3's own key,
    as the seals are.
    """

    account: Account
    region: Region
    records_bucket: BucketName
    seals_bucket: BucketName
    key_arn: KeyArn

    @model_validator(mode="after")
    def _has_a_bucket_for_each(self) -> Self:
        if self.records_bucket == self.seals_bucket:
            wrong = "records_bucket and seals_bucket are the same bucket"
            raise refused(wrong, "name two buckets, because only the bucket of seals has Object Lock")
        return self

    @model_validator(mode="after")
    def _has_a_key_of_the_buckets(self) -> Self:
        region, account = self.key_arn.split(":")[3:5]
        if region != self.region:
            raise refused(
                f"the key is in {region}, and the buckets are in {self.region}", f"name a key in {self.region}"
            )
        if account != self.account:
            wrong = f"the key belongs to the account {account}, and replicas would be unreadable without that account"
            raise refused(wrong, f"name a key of the account {self.account}")
        return self


class BrokerSettings(SettingsModel):
    """Where the broker is deployed. The target roles trust the roles of its functions.

    `tags` are the tags of the broker's resources. The targets' roles do not get them, because policies can see the tags
    of these roles. `lambda_executions` is the account's quota of concurrent executions. The limits of requests and of
    gateway calls grow with it. `deployment` says whether a new version of a function serves a tenth of the requests
    first (`infra.canary`). `permissions_boundary` is a policy of each account: the boundary of all roles except those
    for grants. Alarms name their runbooks below `runbooks_url`. `seal_key` and `mask_key` are the numbers of the keys
    that sign seals and make mask tags: another number makes a new key.
    """

    account: Account
    region: Region
    tags: dict[Tag, TagValue] = Field(default_factory=dict)
    lambda_executions: int = Field(default=LAMBDA_EXECUTIONS, ge=LAMBDA_EXECUTIONS, le=MOST_LAMBDA_EXECUTIONS)
    deployment: Literal["canary", "all_at_once"] = CANARY
    permissions_boundary: PolicyName | None = None
    restored_tables: RestoredTableSettings | None = None
    domain: DomainSettings | None = None
    private_api: PrivateApiSettings | None = None
    vpc: VpcSettings | None = None
    replication: ReplicationSettings | None = None
    runbooks_url: Address | None = None
    seal_key: int = Field(default=1, ge=1, le=99)
    mask_key: int = Field(default=1, ge=1, le=99)

    @model_validator(mode="after")
    def _has_its_certificate_here(self) -> Self:
        if self.domain and self.domain.certificate_arn.split(":")[3] != self.region:
            raise refused("the certificate is in another Region", f"name a certificate in {self.region}")
        if self.domain and self.domain.certificate_arn.split(":")[4] != self.account:
            raise refused("the certificate is in another account", f"name a certificate of {self.account}")
        return self

    @model_validator(mode="after")
    def _has_its_tls_versions(self) -> Self:
        if self.domain and self.domain.minimum_tls == "1.3" and not partition_in(self.region).tls_policies:
            raise refused(f"API Gateway cannot refuse TLS 1.2 in {self.region}", 'write minimum_tls: "1.2"')
        return self

    @model_validator(mode="after")
    def _restores_here(self) -> Self:
        if self.restored_tables and self.restored_tables.place != (self.account, self.region):
            wrong = f"the restored tables are in account and Region {' '.join(self.restored_tables.place)}"
            raise refused(wrong, f"leave restored_tables out: this broker is in {self.account} {self.region}")
        return self

    @model_validator(mode="after")
    def _has_tags_of_its_own(self) -> Self:
        if taken := [tag for tag in self.tags if tag.lower().startswith("aws:")]:
            raise refused(f"AWS reserves tags such as {taken[0]}", "give the tag another name")
        return self

    @model_validator(mode="after")
    def _replicates_elsewhere(self) -> Self:
        to = self.replication
        if to and (to.account, to.region) == (self.account, self.region):
            fix = "name buckets in another account, or at least in another Region"
            wrong = "the replicas are in the broker's own account and Region, and would be lost with the originals"
            raise refused(wrong, fix)
        if to and partition_of(to.region) != partition_of(self.region):
            wrong = f"S3 replicates within a partition, and {to.region} and {self.region} are in different ones"
            raise refused(wrong, f"name buckets in a Region of {partition_of(self.region)}")
        return self

    @property
    def has_canary(self) -> bool:
        """Whether a new version of a function serves a tenth of the requests first."""
        return self.deployment == CANARY

    def local(self, *, restored: bool) -> Self:
        """Return the settings for a local system, which has none of `_ONLY_IN_AWS`.

        `restored` says whether its emulator has the restored tables.
        """
        kept = self.restored_tables if restored else None
        return self.model_copy(update=dict.fromkeys(_ONLY_IN_AWS) | {"restored_tables": kept})


_ONLY_IN_AWS = ("domain", "permissions_boundary", "private_api", "vpc", "replication")
