"""Recognizes answers that say that AWS did not run a call because of throttling (row GW 6)."""

# The codes that botocore's standard retries treat as throttling (botocore.retries.standard.ThrottledRetryableChecker).
# Two are left out. TransactionInProgressException is about an earlier call with the same token, which may run. Lambda
# answers EC2ThrottledException with 502, after it began to start the function.
THROTTLING_CODES = frozenset(
    {
        "BandwidthLimitExceeded",
        "LimitExceededException",
        "PriorRequestNotComplete",
        "ProvisionedThroughputExceededException",
        "RequestLimitExceeded",
        "RequestThrottled",
        "RequestThrottledException",
        "SlowDown",
        "Throttling",
        "ThrottlingException",
        "ThrottledException",
        "TooManyRequestsException",
    }
)
TOO_MANY_REQUESTS = 429
STATUSES_WITH_CODE = frozenset({400, 403, 409, 429, 503, 509})
"""S3 also answers 200 and then an error in the body. Such a call had begun, so its code does not count."""


def may_be_throttled(status: int) -> bool:
    """Return whether the error code of an answer with this status has to be read."""
    return status in STATUSES_WITH_CODE


def was_throttled(status: int, code: str) -> bool:
    """Return whether AWS refused the call before running any of it. `code` is AWS's error code, or ""."""
    return status == TOO_MANY_REQUESTS or (may_be_throttled(status) and code in THROTTLING_CODES)
