"""The bucket whose objects the checks read."""

from contextlib import suppress
from typing import Any

from conformance.checks.grants import CONTENT
from conformance.configuration import KEY, OTHER_KEY


def plant(s3: Any, bucket: str, region: str) -> None:
    """Create the bucket if it is missing, and its objects."""
    place = {} if region == "us-east-1" else {"CreateBucketConfiguration": {"LocationConstraint": region}}
    # An earlier run's bucket stays. Another account's bucket refuses the objects below.
    with suppress(s3.exceptions.BucketAlreadyOwnedByYou, s3.exceptions.BucketAlreadyExists):
        s3.create_bucket(Bucket=bucket, **place)
    for key in (KEY, OTHER_KEY):
        s3.put_object(Bucket=bucket, Key=key, Body=CONTENT)


def uproot(s3: Any, bucket: str) -> None:
    """Delete the bucket, if it exists, with its objects."""
    try:
        for page in s3.get_paginator("list_objects_v2").paginate(Bucket=bucket):
            for each in page.get("Contents", []):
                s3.delete_object(Bucket=bucket, Key=each["Key"])
        s3.delete_bucket(Bucket=bucket)
    except s3.exceptions.NoSuchBucket:
        return
