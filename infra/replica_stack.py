"""The operator's buckets for replicas of records and seals, as a template for CloudFormation.

`python -m infra.replica_stack` prints it, without a call of AWS or of a package index. Deploy it in another account
than the broker's, or in another Region. `infra.replication` has the other side.
"""

import json
import os
import sys
from collections.abc import Mapping
from pathlib import Path

from aws_cdk import Aws, CfnOutput, LegacyStackSynthesizer, RemovalPolicy, Stack
from aws_cdk import aws_iam as iam
from aws_cdk import aws_kms as kms
from aws_cdk import aws_s3 as s3
from constructs import Construct

from infra.acknowledge import acknowledge
from infra.buckets import KEEP_SEALS, private_bucket
from infra.keys import encryption_key
from infra.replication import ROLE
from infra.target_template import ROOT, synthesized
from jitney.configuration.arns import ROLE_PATH, role_name
from jitney.configuration.broker_settings import BrokerSettings
from jitney.configuration.load import load_configuration
from jitney.configuration.partitions import partition_in

NAME = "JitneyReplicas"


class ReplicaStack(Stack):
    """Two buckets and a key. The replication of one broker can add objects, and no other call from its account can.

    A condition names the role of the replication, because a principal in a policy must exist, and the role may not
    exist yet.
    """

    def __init__(self, scope: Construct, construct_id: str, *, broker: BrokerSettings) -> None:
        super().__init__(
            scope,
            construct_id,
            description="Jitney: replicas of records and seals",
            synthesizer=LegacyStackSynthesizer(),
        )
        role = f"arn:{self.partition}:iam::{broker.account}:role{ROLE_PATH}{role_name(ROLE, broker.region)}"
        # The replicas are in the broker's partition, in a Region that only CloudFormation knows.
        s3_here = partition_in(broker.region).service_names("s3", self.region)
        self._broker = iam.AccountPrincipal(broker.account)
        self._of_role = {"ArnEquals": {"aws:PrincipalArn": role}}
        key = encryption_key(
            self,
            "Key",
            name=f"jitney-replicas-{broker.account}-{broker.region}",
            purpose="replicas of audit records at rest",
            removal_policy=RemovalPolicy.RETAIN_ON_UPDATE_OR_DELETE,
        )
        key.add_to_resource_policy(
            iam.PolicyStatement(
                sid="BrokerReplicates",
                principals=[self._broker],
                actions=["kms:Decrypt", "kms:Encrypt"],
                resources=["*"],
                conditions={**self._of_role, "StringEquals": {"kms:ViaService": s3_here}},
            )
        )
        records = self._bucket("Records", key, None)
        # Replicas of seals keep the retention of their seals. The default is for an object without one.
        seals = self._bucket("Seals", None, s3.ObjectLockRetention.compliance(KEEP_SEALS))
        text = (
            f'{{ account: "{Aws.ACCOUNT_ID}", region: {Aws.REGION}, records_bucket: {records.bucket_name}, '
            f'seals_bucket: {seals.bucket_name}, key_arn: "{key.key_arn}" }}'
        )
        CfnOutput(self, "Replication", value=text, description="The value of broker.replication in jitney.yaml")

    def _bucket(self, construct_id: str, key: kms.IKey | None, lock: s3.ObjectLockRetention | None) -> s3.Bucket:
        bucket = private_bucket(self, construct_id, key, lock=lock, enforce_ssl=True)
        bucket.add_to_resource_policy(
            iam.PolicyStatement(
                sid="BrokerReplicates",
                principals=[self._broker],
                actions=["s3:ObjectOwnerOverrideToBucketOwner", "s3:ReplicateObject"],
                resources=[bucket.arn_for_objects("*")],
                conditions=self._of_role,
            )
        )
        acknowledge(bucket, "The account that owns the replicas decides how it logs access to them.", "S1")
        return bucket


def template(broker: BrokerSettings) -> str:
    """Return the template as JSON."""
    return json.dumps(json.loads(synthesized(lambda app: ReplicaStack(app, NAME, broker=broker))), indent=1)


def main(env: Mapping[str, str]) -> int:
    """Print the template for the broker of JITNEY_CONFIG (default jitney.yaml)."""
    try:
        configuration = load_configuration(Path(env.get("JITNEY_CONFIG") or ROOT / "jitney.yaml"), env, local=False)
    except ValueError as error:
        print(error, file=sys.stderr)  # noqa: T201
        return 1
    print(template(configuration.broker))  # noqa: T201
    return 0


if __name__ == "__main__":
    sys.exit(main(os.environ))
