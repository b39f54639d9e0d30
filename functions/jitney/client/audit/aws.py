"""Problems of calls to AWS: the sign-in is missing or refused, or AWS does not answer."""

from collections.abc import Callable, Generator
from contextlib import contextmanager
from typing import Any

import boto3
from botocore.config import Config
from botocore.exceptions import BotoCoreError, ClientError, HTTPClientError, ParamValidationError
from botocore.exceptions import ConnectionError as NotConnected

from jitney.adapters.aws_clients import may_pass
from jitney.client.problems import ClientProblem, Invalid, Unavailable

SIGN_IN = "Sign in to AWS as for the AWS CLI (AWS_PROFILE, `aws sso login` or AWS_* variables), and set a Region."
AGAIN = "Run the same command again: repeating it is safe."
_KEYS_REFUSED = frozenset(
    {
        "AuthFailure",
        "ExpiredToken",
        "ExpiredTokenException",
        "InvalidAccessKeyId",
        "InvalidClientTokenId",
        "InvalidSignatureException",
        "InvalidToken",
        "SignatureDoesNotMatch",
        "UnrecognizedClientException",
    }
)
"""Codes with which AWS's services refuse the keys of a call: unknown, expired, or with another secret."""


def aws_clients(title: str, *services: str, at_once: int = 10, region: str | None = None) -> tuple[Any, ...]:
    """Return clients with the environment's AWS credentials, each for `at_once` requests at the same time.

    Raises the problem with `title` if none can be made, for example because the profile is unknown.
    """
    config = Config(max_pool_connections=at_once, retries={"mode": "standard", "total_max_attempts": 5})
    try:
        session: Any = boto3.session.Session()  # the types of boto3 want a literal name of the service
        return tuple(session.client(each, config=config, region_name=region) for each in services)
    except (BotoCoreError, ValueError) as error:  # ValueError: an endpoint that is no URL
        raise unusable(error, title) from error


@contextmanager
def explaining(title: str, refused: Callable[[ClientError], ClientProblem]) -> Generator[None]:
    """Raise boto3's errors in the block as problems with `title`.

    `refused` is the problem for an answer of AWS, unless AWS was only busy. boto3 has repeated such calls before.
    """
    try:
        yield
    except ClientError as error:
        raise (busy(title, str(error)) if may_pass(error) else refused(error)) from error
    except BotoCoreError as error:
        raise unusable(error, title) from error


def busy(title: str, detail: str) -> Unavailable:
    """Return the problem for a failure of AWS that passes."""
    return Unavailable("aws_busy", title, detail, "Try again in a minute.")


def unusable(error: Exception, title: str) -> ClientProblem:
    """Return the problem for an error that boto3 raises without AWS's answer: credentials, Region or network."""
    if isinstance(error, NotConnected | HTTPClientError):
        fix = "Check the network, the proxy and AWS_ENDPOINT_URL, then try again."
        return Unavailable("aws_unreachable", title, f"AWS did not answer: {error}", fix)
    if isinstance(error, ParamValidationError):  # its text has several lines
        fix = "Correct the names of the bucket, queue or table in the options and in JITNEY_* variables."
        return Invalid("aws_client_failed", title, f"AWS cannot be called: {' '.join(str(error).split())}", fix)
    return Invalid("aws_client_failed", title, f"AWS cannot be called: {error}", SIGN_IN)


def code_of(error: ClientError | BotoCoreError) -> str:
    """Return AWS's code for an error, or the error's kind if AWS did not answer."""
    return str(error.response["Error"].get("Code")) if isinstance(error, ClientError) else type(error).__name__


def fix_of(code: str, otherwise: str) -> str:
    """Return the fix for an error of AWS with this code: a new sign-in if AWS refused the keys, or `otherwise`."""
    return SIGN_IN if code in _KEYS_REFUSED else otherwise
