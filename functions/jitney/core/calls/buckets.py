"""The action and ARNs for an S3 action on a path that names a directory bucket or an access point."""

import re
from typing import NamedTuple

from jitney.core.calls.call import AwsLocation
from jitney.core.calls.options import invalid_call
from jitney.core.calls.s3_transforms import BUCKET_ALIASES, DIRECTORY_BUCKET
from jitney.core.calls.values import wrong_account

ACCESS_POINT_PATH = re.compile(r"(arn:[\w-]+:s3:[a-z0-9-]*:\d{12}:accesspoint/[\w.-]+)(?:/(.*))?", re.ASCII | re.DOTALL)
"""An access point's ARN, and the key after it."""

_OF_BUCKETS = frozenset({"s3:CreateBucket", "s3:DeleteBucket", "s3:TagResource"})
"""Actions that work on directory buckets but not on access points.

Other actions on a directory bucket need a session with it.
"""

_SESSION = "a directory bucket's objects are reached in a session, which has no permissions for single objects"


class BucketNeed(NamedTuple):
    """An action on the ARNs of a bucket, an access point or objects in them, and why it is needed."""

    action: str
    resources: tuple[str, ...]
    why: str


def of_bucket(action: str, path: str, why: str, place: AwsLocation) -> BucketNeed:
    """Return what the S3 `action` needs on `path`: "bucket" or "bucket/key", where an access point's ARN may be first.

    Raises Problem call_invalid for an alias, or for an action that access points do not have. Raises account_mismatch.
    """
    if point := ACCESS_POINT_PATH.fullmatch(path):
        if action in _OF_BUCKETS:
            raise invalid_call("An access point is not a bucket.", "Name the bucket.")
        if point[1].split(":")[4] != place.account:
            raise wrong_account(point[1], place)
        return BucketNeed(action, (f"{point[1]}/object/{point[2]}" if point[2] else point[1],), why)
    bucket = path.partition("/")[0]
    if bucket.endswith(BUCKET_ALIASES):
        raise invalid_call(
            f"{bucket[:70]!a} is an alias, which does not contain the access point's name.",
            "Write the access point's ARN.",
        )
    if bucket.endswith(DIRECTORY_BUCKET):
        arn = f"arn:{place.partition}:s3express:{place.region}:{place.account}:bucket/{bucket}"
        if action in _OF_BUCKETS:
            return BucketNeed(action.replace("s3:", "s3express:", 1), (arn,), why)
        return BucketNeed("s3express:CreateSession", (arn,), f"{why}; {_SESSION}")
    return BucketNeed(action, (f"arn:{place.partition}:s3:::{path}",), why)
