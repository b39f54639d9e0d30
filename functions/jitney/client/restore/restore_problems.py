"""The problems of `jitney restore` when AWS refuses a request."""

from collections.abc import Iterator, Mapping
from contextlib import contextmanager

from botocore.exceptions import BotoCoreError, ClientError

from jitney.client.audit.aws import AGAIN, fix_of, unusable
from jitney.client.problems import Unavailable
from jitney.client.restore.restored_forms import TITLE
from jitney.core.problems import Problem

_MISSING = f"Check its name, and that AWS_REGION and your credentials are the broker's. {AGAIN}"
_DENIED = f"Use credentials with the permissions that docs/restore.md lists. {AGAIN}"
_FIXES: Mapping[str, str] = {
    "AccessDeniedException": _DENIED,
    "NotFoundException": _MISSING,  # of KMS
    "ResourceNotFoundException": _MISSING,
}
"""The fix for each of AWS's codes for which AGAIN alone would not help."""


@contextmanager
def available(what: str) -> Iterator[None]:
    """Raise the problem if AWS cannot be called, or refuses a request. `what` says what the requests are about.

    Unavailable is also raised for an item of `what` that this version cannot read.
    """
    try:
        yield
    except (BotoCoreError, ClientError, Problem) as error:
        if isinstance(error, Problem) and error.code == "item_unreadable":
            detail = f"{error.detail} The item is in {what}."
            raise Unavailable(error.code, TITLE, detail, "Use the version of `jitney` that wrote it.") from error
        # The adapters raise a Problem, whose cause says what AWS answered.
        why = (error.__cause__ or error) if isinstance(error, Problem) else error
        if isinstance(why, BotoCoreError):
            raise unusable(why, TITLE) from error
        code = why.response["Error"]["Code"] if isinstance(why, ClientError) else ""
        fix = fix_of(code, _FIXES.get(code, AGAIN))
        raise Unavailable("aws_refused", TITLE, f"AWS refused a request about {what}: {why}", fix) from error
