"""The problems of an AWS sign-in that is missing or refused, and of AWS that does not answer."""

from collections.abc import Generator
from contextlib import contextmanager

from botocore.exceptions import BotoCoreError, HTTPClientError
from botocore.exceptions import ConnectionError as NotConnected

from jitney.client.problems import ClientProblem, Invalid, Unavailable

SIGN_IN = "Sign in to AWS as for the AWS CLI, with a Region: AWS_PROFILE, `aws sso login`, or AWS_* variables."
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


@contextmanager
def making_clients(title: str) -> Generator[None]:
    """Raise what boto3 raises when it makes a client, such as for an unknown profile, as a problem with this title."""
    try:
        yield
    except (BotoCoreError, ValueError) as error:  # ValueError: an endpoint that is no URL
        raise unusable(error, title) from error


def unusable(error: Exception, title: str) -> ClientProblem:
    """Return the problem for boto3's `error` that no service of AWS answered: credentials, Region or network."""
    if isinstance(error, NotConnected | HTTPClientError):
        fix = "Check the network, the proxy and AWS_ENDPOINT_URL, then try again."
        return Unavailable("aws_unreachable", title, f"AWS did not answer: {error}", fix)
    return Invalid("aws_client_failed", title, f"AWS cannot be called: {error}", SIGN_IN)


def fix_of(code: str | None, otherwise: str) -> str:
    """Return the fix for an error of AWS with this code: a new sign-in if AWS refused the keys, or `otherwise`."""
    return SIGN_IN if code in _KEYS_REFUSED else otherwise
