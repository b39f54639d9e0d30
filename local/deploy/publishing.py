"""Publishes assets as the CDK CLI does, into the bucket that `cdk bootstrap` would create."""

import io
import zipfile
from pathlib import Path
from typing import Any

import boto3
from botocore.exceptions import ClientError

from local.deploy.assembly import Stack

# https://docs.aws.amazon.com/cdk/v2/guide/bootstrapping-env.html
VERSION_PARAMETER, VERSION = "/cdk-bootstrap/hnb659fds/version", "30"


def bootstrap(session: boto3.Session, endpoint: str, stack: Stack) -> None:
    """Create what `cdk bootstrap` creates for a stack: the version parameter and the buckets for assets."""
    ssm = session.client("ssm", endpoint_url=endpoint)
    ssm.put_parameter(Name=VERSION_PARAMETER, Value=VERSION, Type="String", Overwrite=True)
    s3 = session.client("s3", endpoint_url=endpoint)
    for bucket in {destination["bucketName"] for destination in _destinations(stack)}:
        try:
            make_bucket(s3, bucket, stack.region)
        except ClientError as refusal:
            if refusal.response["Error"]["Code"] != "BucketAlreadyOwnedByYou":
                raise


def make_bucket(s3: Any, name: str, region: str) -> None:
    """Create a bucket in `region`. S3 refuses us-east-1 as a location (API_CreateBucket)."""
    elsewhere = {"CreateBucketConfiguration": {"LocationConstraint": region}} if region != "us-east-1" else {}
    s3.create_bucket(Bucket=name, **elsewhere)


def publish(session: boto3.Session, endpoint: str, stack: Stack) -> str:
    """Upload the stack's assets and return the URL of its template."""
    s3 = session.client("s3", endpoint_url=endpoint)
    template = ""
    for asset in stack.assets.values():
        source = stack.folder / asset["source"]["path"]
        body = _zipped(source) if asset["source"]["packaging"] == "zip" else source.read_bytes()
        for destination in asset["destinations"].values():
            s3.put_object(Bucket=destination["bucketName"], Key=destination["objectKey"], Body=body)
            if asset["source"]["path"] == stack.template:
                template = f"{endpoint}/{destination['bucketName']}/{destination['objectKey']}"
    return template


def _destinations(stack: Stack) -> list[dict[str, Any]]:
    return [destination for asset in stack.assets.values() for destination in asset["destinations"].values()]


def _zipped(folder: Path) -> bytes:
    """Return the folder's files as an uncompressed zip, because compression only costs time on one machine."""
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w") as archive:
        for path in sorted(path for path in folder.rglob("*") if path.is_file()):
            archive.write(path, path.relative_to(folder))
    return buffer.getvalue()
