"""The objects of published records in S3, in one folder for each day."""

from collections.abc import Iterator
from datetime import date, timedelta
from typing import TYPE_CHECKING

from jitney.adapters.aws_clients import aws_errors_as_unavailable
from jitney.core.integrity.contents import Contents, read_contents
from jitney.core.integrity.object_names import day_of

if TYPE_CHECKING:
    from types_boto3_s3 import S3Client

FOLDER = "records/"


class PublishedRecords:
    """Lists and reads the objects. Every method raises Problem unavailable if S3 does not answer."""

    def __init__(self, client: "S3Client", bucket: str) -> None:
        self._client = client
        self._bucket = bucket

    def keys(self, first: date | None, last: date) -> list[str]:
        """Return the keys of all objects from day `first`, or from the beginning if it is None, to day `last`."""
        days = (last - first).days if first else 0
        folders = [f"{FOLDER}dt={first + timedelta(days=each)}/" for each in range(days + 1)] if first else [FOLDER]
        found = (key for folder in folders for key in self._listed(folder))
        return [key for key in found if (day_of(key) or last) <= last]

    def contents(self, key: str) -> Contents:
        """Return the contents of an object."""
        with aws_errors_as_unavailable("The records' bucket"):
            return read_contents(self._client.get_object(Bucket=self._bucket, Key=key)["Body"].read())

    def _listed(self, folder: str) -> Iterator[str]:
        with aws_errors_as_unavailable("The records' bucket"):
            pages = self._client.get_paginator("list_objects_v2").paginate(Bucket=self._bucket, Prefix=folder)
            yield from [each["Key"] for page in pages for each in page.get("Contents", [])]
