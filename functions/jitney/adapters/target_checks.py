"""Makes the calls of a target check and returns AWS's answers. The sessions never leave this module."""

from collections.abc import Callable, Iterable, Mapping
from concurrent.futures import ThreadPoolExecutor
from typing import TYPE_CHECKING, Any

from botocore.exceptions import ClientError

from jitney.adapters.aws_clients import NO_ANSWER, may_pass
from jitney.core.access.denial_reasons import organization_denial
from jitney.core.access.target_check import ALLOWED, NOT_TRIED, Attempt, AttemptResult
from jitney.core.problems import Problem

if TYPE_CHECKING:
    from types_boto3_iam import IAMClient
    from types_boto3_sts import STSClient

AT_ONCE = 4
"""How many attempts run at once.

A target with ten roles has 160 attempts of one or two calls, and the function has 15 seconds.
"""


class TargetChecks:
    """Makes the calls of a check, `at_once` at a time. It neither keeps nor returns credentials."""

    def __init__(
        self, sts: "STSClient", client_of: Callable[[str, str, str], "IAMClient"], at_once: int = AT_ONCE
    ) -> None:
        self._sts = sts
        self._client_of = client_of
        self._at_once = at_once

    def run(self, attempts: Iterable[Attempt]) -> tuple[AttemptResult, ...]:
        """Return the answer to each attempt: ALLOWED, an error code, or NOT_TRIED when no session was issued.

        Raises Problem unavailable when AWS does not answer or throttles.
        """
        tried = tuple(attempts)
        with ThreadPoolExecutor(self._at_once) as pool:
            return tuple(pool.map(self._result, tried))

    def _result(self, attempt: Attempt) -> AttemptResult:
        issued: dict[str, Any] = {}
        answer, denial = _answer_of(lambda: issued.update(self._sts.assume_role(**attempt.assume)["Credentials"]))
        if attempt.then is None:
            return AttemptResult(attempt, answer, denial)
        if answer != ALLOWED:
            return AttemptResult(attempt, NOT_TRIED, denial)
        operation, parameters = attempt.then
        client = self._client_of(issued["AccessKeyId"], issued["SecretAccessKey"], issued["SessionToken"])
        try:
            return AttemptResult(attempt, *_answer_of(lambda: _call(client, operation, parameters)))
        finally:
            client.close()


def _call(client: "IAMClient", operation: str, parameters: Mapping[str, str]) -> None:
    getattr(client, operation)(**parameters)


def _answer_of(call: Callable[[], None]) -> tuple[str, str]:
    """Return AWS's answer to the call, and which policy of the organization denied it, if any."""
    try:
        call()
    except ClientError as error:
        if may_pass(error):
            raise _unavailable() from error
        return error.response["Error"]["Code"], organization_denial(error.response["Error"].get("Message", ""))
    except NO_ANSWER as error:
        raise _unavailable() from error
    return ALLOWED, ""


def _unavailable() -> Problem:
    return Problem("unavailable", "AWS did not answer as it should.", "Check the target again in a moment.")
