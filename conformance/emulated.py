"""The system on this machine: the deployed template in the emulator, and an issuer in this process."""

import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from typing import Any

from conformance.configuration import ALIAS, bucket_name, write_configuration
from conformance.planting import plant
from conformance.system import ConformanceSystem
from conformance.tokens import Identities, SigningKey
from local import ports, system
from local.identity import key_set
from local.progress import Progress
from local.settings import LocalSettings

ACCOUNT, REGION, SECOND_REGION = "111122223333", "eu-west-1", "eu-central-1"


@contextmanager
def emulated_system(settings: LocalSettings, progress: Progress) -> Iterator[ConformanceSystem]:
    """Start the system for the block, and stop it afterwards. Raises system.StartupError.

    `settings.config` is ignored: the configuration is written into `settings.state`.
    """
    key = SigningKey.in_file(settings.state / "issuer.pem")
    port = ports.choose({}, settings.cache / "conformance-port.json", ("keys",))["keys"]
    with key_set.serving(key.key_set().encode(), port) as issuer:
        config = write_configuration(
            settings.state,
            account=ACCOUNT,
            region=REGION,
            second_region=SECOND_REGION,
            issuer=issuer,
            keys_url=f"{issuer}/jwks",
        )
        own = replace(settings, config=config)
        began = time.monotonic()
        try:
            stack = system.up(own, progress)
            yield _described(stack, Identities(key, issuer), time.monotonic() - began)
        finally:
            system.down(own)


def _described(stack: dict[str, Any], identities: Identities, seconds: float) -> ConformanceSystem:
    root = {"aws_access_key_id": ACCOUNT, "aws_secret_access_key": "any"}
    made = ConformanceSystem(
        on_aws=False,
        account=ACCOUNT,
        region=REGION,
        second_region=SECOND_REGION,
        api_url=stack["api_url"].rstrip("/"),
        outputs={
            "ApprovalArn": stack["approval_arn"],
            "AthenaWorkgroup": stack["athena"]["workgroup"],
            "GlueDatabase": stack["athena"]["database"],
            "RecordsBucket": stack["buckets"]["records"],
            "SealsBucket": stack["buckets"]["seals"],
            "AuditTable": stack["tables"]["audit"],
            "SealKey": stack["seal_key"],
        },
        role_arn=stack["targets"][ALIAS]["role_arn"],
        bucket=bucket_name(ACCOUNT, REGION),
        identities=identities,
        deploy_seconds={"all": round(seconds, 1)},
        environment={
            "AWS_ENDPOINT_URL": stack["aws_endpoint"],
            "AWS_DEFAULT_REGION": REGION,
            **{name.upper(): value for name, value in root.items()},
        },
        admin=root,
        endpoint=stack["aws_endpoint"],
    )
    plant(made.client("s3"), made.bucket, REGION)
    return made
