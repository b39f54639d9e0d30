"""The functions' log: one JSON object a line, and no secret in any, whoever writes it (row AUD 7)."""

import json
import logging
import os
import sys
from typing import Any

from aws_lambda_powertools import Logger
from aws_lambda_powertools.logging.formatter import LambdaPowertoolsFormatter

from jitney.core.masking.generic_masker import UNTAGGED
from jitney.core.masking.text import cannot_hold_secret


class MaskingFormatter(LambdaPowertoolsFormatter):
    """Formats a log record, its exception and what it is given besides, masked."""

    def serialize(self, log: Any) -> str:
        """The line: what has no form in JSON is looked into as the text that it becomes."""
        line = super().serialize(log)
        if cannot_hold_secret(line):
            return line
        said = json.loads(line)
        masked = UNTAGGED.data(said)
        return line if masked is said else super().serialize(masked)


def mask_all() -> None:
    """Have every logger of this process write masked lines: the adapters', botocore's, urllib3's."""
    logging.basicConfig(stream=sys.stdout)  # where the Lambda runtime has not put a handler of its own
    for handler in logging.getLogger().handlers:
        handler.setFormatter(MaskingFormatter())


if "AWS_LAMBDA_FUNCTION_NAME" in os.environ:
    mask_all()

logger = Logger(service="jitney", log_uncaught_exceptions=False, logger_formatter=MaskingFormatter())
