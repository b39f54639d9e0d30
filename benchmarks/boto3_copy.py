"""Adds boto3 to a copy of the bundle, which has only botocore. Benchmarks compare a function with and without it."""

import shutil
from pathlib import Path

import boto3
import s3transfer


def add_boto3(folder: Path) -> None:
    """Copy boto3 and its S3 transfers into `folder`, with their byte code."""
    for package in (boto3, s3transfer):
        place = Path(package.__path__[0])
        shutil.copytree(place, folder / place.name)
