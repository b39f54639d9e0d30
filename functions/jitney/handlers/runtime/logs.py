"""The functions' log: one JSON object a line, with secrets masked, from any logger (row AUD 7).

Each line names the grant that the function works on, as `grant_id`: `about_grant` and `note_grant` set it.
"""

import json
import logging
import os
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from typing import Any

from aws_lambda_powertools import Logger
from aws_lambda_powertools.logging.formatter import LambdaPowertoolsFormatter

from jitney.core.masking.generic_masker import UNTAGGED
from jitney.core.masking.text import cannot_hold_secret

logging.logThreads = logging.logProcesses = logging.logMultiprocessing = False
"""Members of a log record that no line shows. https://docs.python.org/3/howto/logging.html#optimization"""
_grant_id = ContextVar("grant_id", default="")
_LINE = json.JSONEncoder(default=str, separators=(",", ":"), ensure_ascii=False)


@contextmanager
def about_grant(grant_id: str = "") -> Iterator[None]:
    """Make log lines in the block name the grant. After a `note_grant` in the block, they name that grant.

    Lines after the block name the previous grant again.
    """
    before = _grant_id.set(grant_id)
    try:
        yield
    finally:
        _grant_id.reset(before)


def note_grant(grant_id: str) -> None:
    """Make the following lines name the grant, until the innermost `about_grant` ends."""
    _grant_id.set(grant_id)


def _parsed(message: Any) -> Any:
    """Return the value of a message that is a JSON object or list, or else the message itself."""
    return json.loads(message) if str(message).startswith(("{", "[")) else message


class MaskingFormatter(LambdaPowertoolsFormatter):
    """Formats a log record with its exception and extra members, masked."""

    def __init__(self) -> None:
        super().__init__(json_serializer=_LINE.encode, json_deserializer=_parsed)

    def serialize(self, log: Any) -> str:
        """Return the line. A value without a JSON form is masked as its text."""
        if grant_id := _grant_id.get():
            log.setdefault("grant_id", grant_id)
        line = super().serialize(log)
        if cannot_hold_secret(line):
            return line
        message = json.loads(line)
        masked = UNTAGGED.data(message)
        return line if masked is message else super().serialize(masked)


def mask_all() -> None:
    """Mask the lines of every logger of this process, such as botocore's and urllib3's."""
    logging.basicConfig(stream=sys.stdout)  # unless the Lambda runtime has added a handler
    for handler in logging.getLogger().handlers:
        handler.setFormatter(MaskingFormatter())


if "AWS_LAMBDA_FUNCTION_NAME" in os.environ:
    mask_all()

logger = Logger(service="jitney", log_uncaught_exceptions=False, logger_formatter=MaskingFormatter())
