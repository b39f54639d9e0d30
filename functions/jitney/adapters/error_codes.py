"""Reads the error code in an answer of AWS, with botocore's parsers."""

from functools import lru_cache

from botocore.awsrequest import HeadersDict
from botocore.parsers import ResponseParser, ResponseParserError, create_parser

from jitney.core.gateway.aws_answer import AwsAnswer
from jitney.core.gateway.throttling import may_be_throttled, was_throttled


def is_throttled(answer: AwsAnswer, protocol: str) -> bool:
    """Return whether AWS throttled the call. Such a call did not run."""
    code = error_code(answer, protocol) if may_be_throttled(answer.status) else ""
    return was_throttled(answer.status, code)


def error_code(answer: AwsAnswer, protocol: str) -> str:
    """Return AWS's error code, such as "ThrottlingException", or "" for an error that cannot be read."""
    received = {"status_code": answer.status, "headers": HeadersDict(answer.headers), "body": answer.body}
    try:
        parsed = _parser(protocol).parse(received, None)  # type: ignore[arg-type]
    except (ResponseParserError, ValueError, LookupError, AttributeError, TypeError):
        return ""  # then the call may have run
    return str(parsed.get("Error", {}).get("Code", ""))


@lru_cache(maxsize=16)
def _parser(protocol: str) -> ResponseParser:
    made: ResponseParser = create_parser(protocol)
    return made
