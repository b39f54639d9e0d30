"""Creates AWS clients, with short timeouts and few retries. Failures become problems.

botocore creates them, without boto3. Importing boto3 as well, with one client, takes a tenth more CPU time, because its
S3 transfers import multiprocessing. No function uses these transfers or boto3's resources.
"""

from collections.abc import Iterator
from contextlib import contextmanager
from functools import cache
from http import HTTPStatus
from typing import Any

from botocore.config import Config
from botocore.exceptions import BotoCoreError, ClientError
from botocore.parsers import ResponseParserError
from botocore.session import Session, get_session

from jitney.core.gateway.throttling import was_throttled
from jitney.core.problems import Problem

DEFAULT_CONFIG = Config(
    connect_timeout=1,
    read_timeout=3,
    retries={"mode": "standard", "total_max_attempts": 3},
    tcp_keepalive=True,
)
"""Three attempts.

Even if all three hang, the attempts and their pauses end within a function's 15 s (infra.function_specs).
"""

UNCHECKED_PARAMETERS = DEFAULT_CONFIG.merge(Config(parameter_validation=False))
"""For DynamoDB, which checks each request itself. botocore's check takes a quarter of the processor time of a write.

Do not use it for a service whose parameters form the path: S3 treats a request with an empty key as a request for the
bucket.
"""

ONE_ATTEMPT = Config(connect_timeout=1, read_timeout=4, retries={"mode": "standard", "total_max_attempts": 1})
"""One attempt of at most 5 s, for requests that must not be repeated late or twice, such as mail.

The attempt needs a new connection: AWS may have closed an idle one, and only a second attempt would succeed then.
"""

SHORT_TIMEOUT = Config(connect_timeout=1, read_timeout=1, retries={"mode": "standard", "total_max_attempts": 2})
"""At most 4 s, for a call that has to be short."""

LARGE_OBJECTS = Config(connect_timeout=1, read_timeout=20, retries={"mode": "standard", "total_max_attempts": 3})
"""For objects of megabytes, where no caller waits for the answer."""


@cache
def _own_session() -> Session:
    """Return the session with the function's own credentials."""
    return get_session()


def aws_client(service: str, config: Config = DEFAULT_CONFIG, *session_keys: str, region: str | None = None) -> Any:
    """Return an AWS client with the function's own credentials, or with a session's key id, secret and token.

    `region` is the function's own by default. Raises ValueError for an incomplete key: for a missing one, botocore
    would use the function's own credentials.
    """
    if not all(session_keys):
        raise ValueError("a session's key id, secret or token is missing")
    key_id, secret, token = session_keys or (None, None, None)
    return _own_session().create_client(
        service,
        region_name=region,
        config=config,
        aws_access_key_id=key_id,
        aws_secret_access_key=secret,
        aws_session_token=token,
    )


NO_ANSWER = (BotoCoreError, ResponseParserError)
"""The errors of botocore when AWS did not answer, or when another server answered, such as a proxy."""


def answered_by_other(error: ClientError) -> bool:
    """Return whether a front end or a proxy failed, and answered instead of the service, which may still run the call.

    botocore's code for such an answer is the status, such as "504".
    """
    return _status_of(error) >= HTTPStatus.INTERNAL_SERVER_ERROR and error.response["Error"]["Code"].isdecimal()


def may_pass(error: ClientError) -> bool:
    """Return whether the same call may succeed in a moment: AWS throttled it, or failed itself (5xx).

    IAM and STS answer 400 to a call that they throttle.
    """
    status = _status_of(error)
    return status >= HTTPStatus.INTERNAL_SERVER_ERROR or was_throttled(status, error.response["Error"]["Code"])


def _status_of(error: ClientError) -> int:
    return error.response.get("ResponseMetadata", {}).get("HTTPStatusCode", 0)


@contextmanager
def aws_errors_as_unavailable(part: str) -> Iterator[None]:
    """Raise Problem unavailable when an AWS call fails. Without an answer, access is denied (POL 8)."""
    try:
        yield
    except (ClientError, *NO_ANSWER) as error:
        raise unavailable(part, error) from error


def unavailable(part: str, error: Exception) -> Problem:
    """Return the problem for a call of AWS that failed with `error`, with AWS's code if AWS answered."""
    code = error.response["Error"]["Code"] if isinstance(error, ClientError) else ""
    return Problem("unavailable", f"{part} did not answer as it should.", "Try again in a moment.", aws_code=code)
