"""What sts:GetScopedCredentials does. Jitney ends grants of less than 15 minutes with it."""

import json
import time
import uuid
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from typing import Any

from conformance.check import CheckFailedError, Observation
from conformance.checks.grants import DENIED, code_of, waited
from conformance.configuration import KEY, MADE, OTHER_KEY
from conformance.system import ConformanceSystem, session_keys

AWS_SECONDS = 15
SCOPE = "sts:GetScopedCredentials"
EXPECTED: Mapping[str, Any] = {
    "same_session": True,
    "inside_the_scope": "allowed",
    "outside_the_scope": "denied",
    "outside_the_session": "denied",
    "scoped_again": "denied",
    "without_an_allow": "denied",
    "after_the_end": "ExpiredToken",
}
"""What Jitney assumes. The emulator does this too, because it was written from the same assumption."""


def scoped_credentials(system: ConformanceSystem) -> Observation:
    """Return what scoped credentials can do, whose session they are, and when they end."""
    seconds = AWS_SECONDS if system.on_aws else 4
    with temporary_role(system) as assume:
        parent = assume(_policy(system, KEY, OTHER_KEY, SCOPE))
        sts = system.client("sts", session_keys(parent))
        scope = json.dumps(_policy(system, KEY, "third/c.csv"))
        scoped = sts.get_scoped_credentials(Policy=scope, DurationSeconds=seconds)["Credentials"]
        ends = scoped["Expiration"].timestamp() - time.time()
        keys = session_keys(scoped)
        s3, own = system.client("s3", keys), system.client("sts", keys)
        plain = system.client("sts", session_keys(assume(_policy(system, KEY))))

        def read(key: str) -> str:
            return code_of(lambda: s3.get_object(Bucket=system.bucket, Key=key))

        def again(client: Any) -> str:
            return code_of(lambda: client.get_scoped_credentials(Policy=scope, DurationSeconds=seconds))

        codes = {
            "inside_the_scope": read(KEY),
            "outside_the_scope": read(OTHER_KEY),
            "outside_the_session": read("third/c.csv"),
            "scoped_again": again(own),
            "without_an_allow": again(plain),
        }
        same = own.get_caller_identity()["Arn"] == sts.get_caller_identity()["Arn"]
        facts = {
            "same_session": same,
            **{name: "denied" if code in DENIED else code or "allowed" for name, code in codes.items()},
            "after_the_end": waited(lambda: read(KEY), "the end of the scoped credentials", seconds + 60, 0.5),
        }
    if facts != EXPECTED or ends > seconds + 1:
        differs = {name: value for name, value in facts.items() if value != EXPECTED[name]}
        raise CheckFailedError(f"STS does not answer as expected: {differs}; its keys end after {ends:.0f} s", facts)
    return Observation(facts, {"ends_after_seconds": round(ends)})


@contextmanager
def temporary_role(system: ConformanceSystem, *further: Mapping[str, Any]) -> Iterator[Any]:
    """Yield a function that starts a session of a role with a session policy. The role is deleted afterwards.

    Its policy has the statements in `further`, too.
    """
    iam, name = system.client("iam"), f"{MADE}{uuid.uuid4().hex[:8]}"
    principal = {"AWS": f"arn:{system.partition}:iam::{system.account}:root"}
    trust = {"Effect": "Allow", "Principal": principal, "Action": "sts:AssumeRole"}
    everything = {"Effect": "Allow", "Action": ["s3:GetObject", SCOPE], "Resource": "*"}
    arn = iam.create_role(RoleName=name, AssumeRolePolicyDocument=json.dumps(document(trust)))["Role"]["Arn"]
    iam.put_role_policy(RoleName=name, PolicyName="all", PolicyDocument=json.dumps(document(everything, *further)))

    def assumed(policy: Mapping[str, Any]) -> dict[str, Any]:
        sts = system.client("sts")
        call = {"RoleArn": arn, "RoleSessionName": "conformance", "Policy": json.dumps(policy)}

        def ready() -> dict[str, Any] | None:
            # A new role cannot be assumed for some seconds.
            return None if code_of(lambda: sts.assume_role(**call)) in DENIED else sts.assume_role(**call)

        return dict(waited(ready, "the role's first session")["Credentials"])

    try:
        waited(lambda: _reads(system, assumed), "the role's permissions")
        yield assumed
    finally:
        iam.delete_role_policy(RoleName=name, PolicyName="all")
        iam.delete_role(RoleName=name)


def _reads(system: ConformanceSystem, assumed: Any) -> bool:
    s3 = system.client("s3", session_keys(assumed(_policy(system, KEY))))
    return not code_of(lambda: s3.get_object(Bucket=system.bucket, Key=KEY))


def _policy(system: ConformanceSystem, *names: str) -> dict[str, Any]:
    """Return a session policy that allows reading the keys in `names`, and SCOPE if it is in `names`."""
    resources = [system.object_arn(name) for name in names if name != SCOPE]
    statements = [{"Effect": "Allow", "Action": "s3:GetObject", "Resource": resources}]
    if SCOPE in names:
        statements.append({"Effect": "Allow", "Action": SCOPE, "Resource": "*"})
    return document(*statements)


def document(*statements: Mapping[str, Any]) -> dict[str, Any]:
    """Return a policy document."""
    return {"Version": "2012-10-17", "Statement": list(statements)}
