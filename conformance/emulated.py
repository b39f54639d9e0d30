"""The system on this machine: the deployed template in the emulator, and an issuer in this process."""

import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from threading import Thread
from typing import Any

from conformance.configuration import ALIAS, bucket_name, write_configuration
from conformance.planting import plant
from conformance.system import ConformanceSystem
from conformance.tokens import Identities, SigningKey
from local import ports, system
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
    with _serving(key, port) as issuer:
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


@contextmanager
def _serving(key: SigningKey, port: int) -> Iterator[str]:
    """Serve the key set during the block. Yield the issuer's address."""
    body = key.key_set().encode()

    class _Keys(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            self.send_response(200)
            self.send_header("Content-Type", "application/json")
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

        def log_message(self, format: str, *args: Any) -> None:  # noqa: A002 - the base class's name
            """Log errors only."""

    with ThreadingHTTPServer(("127.0.0.1", port), _Keys) as server:
        Thread(target=server.serve_forever, daemon=True).start()
        yield f"http://127.0.0.1:{server.server_port}"
        server.shutdown()
