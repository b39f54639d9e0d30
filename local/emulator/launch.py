"""The emulator's process: its command and its environment."""

import http
import os
import sys
import urllib.request
from collections.abc import Mapping

from jitney.handlers.runtime.building import LOCAL_UPSTREAM
from local.emulator import executions
from local.processes import Process
from local.settings import ACCOUNT, REGION, ROOT, LocalSettings

NAME = "emulator"
OPEN_GAPS = "JITNEY_OPEN_GAPS"
"""The variable that names the gaps to leave open, separated by commas, for `make gaps`."""


def process(settings: LocalSettings, port: int, *, gaps_closed: bool = True) -> Process:
    """Return the emulator's process on 127.0.0.1:`port`.

    Without `gaps_closed`, it is the bare ministack, for contract tests.
    """
    module = "local.emulator" if gaps_closed else "local.emulator.bare"
    return Process(NAME, (sys.executable, "-m", module), environment(settings, port), ROOT)


def environment(settings: LocalSettings, port: int) -> Mapping[str, str]:
    """Return the emulator's whole environment. It has none of the user's AWS settings or credentials.

    An account's id is its root access key, with any secret. So the emulator listens on loopback only.
    """
    scratch = settings.run / NAME
    return {
        "PATH": "/usr/bin:/bin",
        "LANG": "C.UTF-8",
        "TMPDIR": str(scratch),
        "HOME": str(scratch),
        "PYTHONDONTWRITEBYTECODE": "1",
        "BIND_HOST": "127.0.0.1",
        "MINISTACK_HOST": "127.0.0.1",
        "GATEWAY_PORT": str(port),
        "MINISTACK_ACCOUNT_ID": ACCOUNT,
        "MINISTACK_REGION": REGION,
        "AUTH": "true",
        "CLOUDTRAIL_RECORDING": "1",
        "CLOUDTRAIL_MAX_EVENTS": "100",  # of LookupEvents, which nothing calls; an event may hold an item of 400 kB
        "DOCKER_HOST": "unix:///nonexistent",  # with Docker, ministack would end the containers of other checkouts
        "IOT_MTLS_ENABLED": "0",
        "SFTP_ENABLED": "0",
        "ATHENA_ENGINE": "duckdb",
        "S3_DATA_DIR": str(scratch / "s3"),
        "STATE_DIR": str(scratch / "state"),
        "JITNEY_CODE_CACHE": str(settings.cache / "code"),
        "LAMBDA_WARM_TTL_SECONDS": "60",  # after a burst, each of its requests has left a process
        executions.VARIABLE: str(executions.most_executions(executions.memory_megabytes())),
        "LOG_LEVEL": "WARNING",
        OPEN_GAPS: os.environ.get(OPEN_GAPS, ""),
        LOCAL_UPSTREAM: settings.upstream or f"http://127.0.0.1:{port}",
    }


def answers(endpoint: str) -> bool:
    """Return whether the emulator at `endpoint` answers."""
    try:
        with urllib.request.urlopen(f"{endpoint}/_ministack/health", timeout=2) as answer:  # noqa: S310 - loopback
            return bool(answer.status == http.HTTPStatus.OK)
    except OSError:
        return False
