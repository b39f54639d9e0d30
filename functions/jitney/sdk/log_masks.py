"""Keeps session tokens out of botocore's logs, which quote whole requests at the level DEBUG."""

import logging
import re

_LOGGERS = ("botocore.auth", "botocore.endpoint", "botocore.httpsession", "aiobotocore.endpoint")
_TOKEN = re.compile(r"(x-amz-security-token['\"]?[:=]\s*b?['\"]?)[^\s'\"&]+", re.IGNORECASE)


class _TokenMask(logging.Filter):
    """Masks the session token in a log record. botocore does not log secret keys."""

    def filter(self, record: logging.LogRecord) -> bool:
        message = record.getMessage()
        masked = _TOKEN.sub(r"\1***", message)
        if masked != message:
            record.msg, record.args = masked, ()
        return True


_MASK = _TokenMask()


def mask_tokens() -> None:
    """Mask session tokens in botocore's logs from now on. Repeats change nothing."""
    for name in _LOGGERS:
        logging.getLogger(name).addFilter(_MASK)
