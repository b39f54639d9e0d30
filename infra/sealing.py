"""Seals, which show changes of records: their signing key, and the policies on the key and on the bucket of seals."""

from typing import cast

from aws_cdk import RemovalPolicy, Stack
from aws_cdk import aws_iam as iam
from aws_cdk import aws_kms as kms
from aws_cdk import aws_s3 as s3
from constructs import Construct

from infra.acknowledge import acknowledge
from infra.broker_function import BrokerFunction
from infra.buckets import Buckets
from jitney.configuration.arns import ROLE_PATH, role_name
from jitney.core.integrity.seals import FOLDER, KEYS_FOLDER


class Sealing(Construct):
    """The key and the policies. Only the function `sealer` can sign with the key and add to the bucket of seals.

    `number` is that of the key. Another number makes another key, and the earlier one stays in KMS, outside the stack.
    """

    def __init__(self, scope: Construct, construct_id: str, *, buckets: Buckets, key: kms.IKey, number: int) -> None:
        super().__init__(scope, construct_id)
        self._records, self._seals, self._records_key = buckets.records, buckets.seals, key
        added = "" if number == 1 else f"{number}"
        self.key = kms.Key(
            self,
            f"Key{added}",
            alias=f"alias/jitney-seals{added}",
            description="Jitney: signs the seals over audit records",
            key_spec=kms.KeySpec.ECC_NIST_P256,
            key_usage=kms.KeyUsage.SIGN_VERIFY,
            removal_policy=RemovalPolicy.RETAIN_ON_UPDATE_OR_DELETE,
        )
        self.key.add_to_resource_policy(_deny("OnlySealingSigns", ["kms:Sign"], ["*"], self._others))
        self._written = [self._seals.arn_for_objects(f"{folder}*") for folder in (FOLDER, KEYS_FOLDER)]
        everything = self._seals.arn_for_objects("*")
        taken = ["s3:BypassGovernanceRetention", "s3:DeleteObject", "s3:DeleteObjectVersion", "s3:PutObjectRetention"]
        add_only = {"Null": {"s3:if-none-match": "true"}}
        for statement in (
            _deny("OnlySealingAdds", ["s3:PutObject"], [everything], self._others),
            # https://docs.aws.amazon.com/AmazonS3/latest/userguide/conditional-writes-enforce.html
            _deny("AddedNotReplaced", ["s3:PutObject"], [everything], add_only),
            _deny("NothingIsTakenAway", taken, [everything], {}),
        ):
            self._seals.add_to_resource_policy(statement)

    @property
    def resources(self) -> dict[str, list[str]]:
        """The ARNs of the resources, by their names in permissions."""
        seals, keys = self._written
        return {
            "records_bucket": [self._records.bucket_arn],
            "records_key": [self._records_key.key_arn],
            "records_objects": [self._records.arn_for_objects("records/*")],
            "seals_bucket": [self._seals.bucket_arn],
            "seals_objects": [seals],
            "seal_keys_objects": [keys],
            "seal_key": [self.key.key_arn],
        }

    @property
    def environment(self) -> dict[str, str]:
        """The names of the resources, for the function."""
        return {
            "JITNEY_RECORDS_BUCKET": self._records.bucket_name,
            "JITNEY_SEALS_BUCKET": self._seals.bucket_name,
            "JITNEY_SEAL_KEY_ARN": self.key.key_arn,
        }

    @property
    def _others(self) -> dict[str, dict[str, str]]:
        """Return the condition for every principal except the function's role."""
        stack = Stack.of(self)
        role = f"arn:{stack.partition}:iam::{stack.account}:role{ROLE_PATH}{role_name('sealer', stack.region)}"
        return {"ArnNotEquals": {"aws:PrincipalArn": role}}

    def acknowledge(self, *functions: BrokerFunction) -> None:
        """Accept cdk-nag's findings on the wildcards in the functions' permissions."""
        for each in functions:
            acknowledge(each, "It reads or adds objects of new names under fixed prefixes.", *self._folders())

    def _folders(self) -> list[str]:
        pairs = ((self._records, "records/"), (self._seals, FOLDER), (self._seals, KEYS_FOLDER))
        names = [Stack.of(self).get_logical_id(cast("s3.CfnBucket", each.node.default_child)) for each, _ in pairs]
        return [f"IAM5[Resource::<{name}.Arn>/{folder}*]" for name, (_, folder) in zip(names, pairs, strict=True)]


def _deny(
    sid: str, actions: list[str], resources: list[str], conditions: dict[str, dict[str, str]]
) -> iam.PolicyStatement:
    return iam.PolicyStatement(
        sid=sid,
        effect=iam.Effect.DENY,
        principals=[iam.AnyPrincipal()],
        actions=actions,
        resources=resources,
        conditions=conditions,
    )
