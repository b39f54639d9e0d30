"""The checks, in the order in which they run."""

from conformance.check import Check
from conformance.checks import athena, ending, firewall, further, grants, replication, scoping, sizes

CHECKS: tuple[Check, ...] = (
    Check(
        "deployment",
        "OPS 2",
        "CloudFormation creates the stacks of the broker and of a target",
        grants.deployment,
        only_aws="The emulator creates stacks that CloudFormation refuses.",
        needs="a CDK bootstrap",
    ),
    Check(
        "target-roles",
        "STS 3",
        "IAM refuses each session of a target's role that must fail in the target check",
        grants.target_check,
        only_aws="The emulator has an IAM of its own.",
    ),
    Check(
        "grant-credentials", "STS 1", "the keys of a grant do what was granted, and nothing else", grants.credentials
    ),
    Check(
        "grant-gateway", "GW 1", "calls through the gateway work without keys, inside the grant only", grants.gateway
    ),
    Check("grant-reviewed", "REV 4", "an approval runs the workflow to its end and gives keys", grants.reviewed),
    Check(
        "kill-two-regions",
        "END 1",
        "AWS denies a revoked session in two Regions, and does not allow it again",
        ending.kill,
        only_aws="The emulator's IAM has no propagation: a change holds at once and everywhere.",
        needs="a second Region",
    ),
    Check(
        "suspension",
        "END 8",
        "API Gateway passes the body of the request that lifts a suspension, a DELETE",
        ending.suspension,
        only_aws="The emulator has an API Gateway of its own.",
    ),
    Check(
        "missing-role",
        "END 8",
        "IAM refuses to read and write the deny document of a role that was deleted, with one of two known errors",
        ending.missing_role,
        only_aws="The emulator's IAM may check permissions and the role's existence in another order.",
        needs="an IAM role for the run",
    ),
    Check(
        "short-grant",
        "STS 4",
        "the keys of a grant that lasts some seconds end with the grant",
        ending.short_grant,
        only_aws="The emulator's own code decides when scoped credentials end.",
    ),
    Check(
        "scoped-credentials",
        "STS 4",
        "sts:GetScopedCredentials returns keys of the same session that can do less and end earlier",
        scoping.scoped_credentials,
        only_aws="The emulator's GetScopedCredentials is written from the API's model.",
        needs="an IAM role for the run",
    ),
    Check(
        "packed-size",
        "STS 10",
        "STS names the packed size of session policies and tags, and accepts those up to 2,048 characters",
        sizes.packed_sizes,
        only_aws="AWS does not document how the packed size is computed.",
    ),
    Check(
        "dependent-permissions",
        "GW 3",
        "AWS allows calls with tags only if the grant has the dependent action that Jitney derives",
        further.dependent_permissions,
        only_aws="The emulator does not check dependent actions.",
    ),
    Check(
        "firewall-legitimate",
        "OPS 4",
        "the web ACL blocks none of a corpus of legitimate requests",
        firewall.legitimate,
        only_aws="The emulator has no web ACL.",
    ),
    Check(
        "firewall-too-large",
        "GW 12",
        "the web ACL refuses a body over the limit before a function runs",
        firewall.too_large,
        only_aws="The emulator has no web ACL.",
    ),
    Check(
        "athena-views",
        "AUD 5",
        "each view runs in Athena with the columns that Glue has",
        athena.views,
        only_aws="The emulator runs the SQL in DuckDB.",
    ),
    Check(
        "athena-queries",
        "AUD 5",
        "each named query runs in Athena",
        athena.queries,
        only_aws="The emulator runs the SQL in DuckDB.",
    ),
    Check(
        "cloudtrail-join",
        "AUD 3",
        "CloudTrail's event of a call arrives, and is joined to its grant",
        athena.trail,
        only_aws="The emulator writes the events itself, and delivers them at once.",
        needs="a trail for the run",
    ),
    Check("seals-verify", "AUD 2", "the records are sealed and verify", athena.seals),
    Check(
        "seals-locked",
        "AUD 2",
        "Object Lock keeps a seal for 400 days, and S3 refuses to delete it, even for an administrator",
        athena.seal_lock,
        only_aws="The emulator has an Object Lock of its own.",
    ),
    Check(
        "revert-drift",
        "END 3",
        "drift reversal of the target's stack deletes the deny document, and the reconciler writes it again",
        ending.revert_drift,
        only_aws="The emulator has no drift reversal.",
        needs="some minutes",
        runs_locally=False,
    ),
    Check(
        "replication",
        "OPS 2",
        "S3 replicates records and seals, but no deletion, to another Region, with their lock and under another key",
        replication.replication,
        only_aws="The emulator replicates nothing.",
        needs="two buckets and a key in the second Region, and some minutes",
        runs_locally=False,
    ),
)
