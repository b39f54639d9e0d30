"""Transforms for S3. They find resources such as a directory bucket, an access point, or a location of results."""

import re
from collections.abc import Iterable, Mapping
from typing import Any

from jitney.core.calls.call import AwsLocation
from jitney.core.calls.escapes import escaped, unescaped
from jitney.core.calls.values import Transform, each_string, items_at, members_at, strings_in, wrong_account

DIRECTORY_BUCKET = "--x-s3"
"""The end of a directory bucket's name."""

BUCKET_ALIASES = ("-s3alias", "--ol-s3")
"""The ends of the aliases of access points. An alias does not contain the access point's whole name."""

_ACCESS_POINT = re.compile(r"arn:[\w-]+:s3:([a-z0-9-]*:(\d{12}):accesspoint/[\w.-]+)", re.ASCII)
_S3_URL = re.compile(r"s3://([a-z0-9.-]+)/?(.*)", re.ASCII)
_BUCKET_URL = re.compile(
    r"https://([a-z0-9.-]+)\.s3[.-](?:[a-z0-9-]+\.)?amazonaws\.com(?:\.cn)?/([\w!/.'()-]+)", re.ASCII
)
_PATH_URL = re.compile(r"https://s3[.-](?:[a-z0-9-]+\.)?amazonaws\.com(?:\.cn)?/([a-z0-9.-]+)/([\w!/.'()-]+)", re.ASCII)
_DOTS = frozenset({".", ".."})
_VERSION = "?versionId="
_SPACE = re.compile(r"\s")


def _copy_source(value: Any, _place: AwsLocation) -> Iterable[str]:
    if isinstance(value, dict):
        bucket, key = value.get("Bucket"), value.get("Key")
        return [f"{bucket}/{key}"] if isinstance(bucket, str) and isinstance(key, str) else []
    source = _versioned(strings_in(value)[0])[0] if strings_in(value) else ""
    # S3 may read a plus sign as a space, so the copy then needs both objects. SDKs escape the sign.
    named = dict.fromkeys(each.removeprefix("/") for each in (unescaped(source), unescaped(source.replace("+", " "))))
    return [each for each in named if "/" in each and not each.startswith("arn:")]


def escaped_copy_source(source: str) -> str:
    """Return CopySource as S3 receives it, for a value of an AWS CLI command. The AWS CLI escapes the object."""
    copied, version = _versioned(source)
    return escaped(copied, kept="/") + (f"{_VERSION}{version}" if version else "")


def _copied_version(value: Any, _place: AwsLocation) -> Iterable[str]:
    """Return the version of the copied object; [] when it is the newest one."""
    if isinstance(value, dict):
        return members_at(value, "VersionId")
    return [version for source in strings_in(value) if (version := _versioned(source)[1])]


def _versioned(source: str) -> tuple[str, str]:
    """Return the object of a copy and its version, "" for the newest one, in linear time.

    As in botocore, the version follows the first `?versionId=` that has no space after it. Everything else belongs to
    the key, and is escaped like it.
    """
    spaces = [found.end() for found in _SPACE.finditer(source)]
    at = source.find(_VERSION, spaces[-1] if spaces else 0)
    version = source[at + len(_VERSION) :] if at >= 0 else ""
    return (source[:at], version) if version else (source, "")


def _deleted(*, versions: bool) -> Transform:
    """Return a transform that finds the keys of deleted versions or of deleted objects."""

    def transform(value: Any, _place: AwsLocation) -> Iterable[str]:
        objects = [each for each in items_at(value, "Objects") if isinstance(each, dict)]
        return list(members_at([each for each in objects if ("VersionId" in each) is versions], "Key"))

    return transform


def _access_point(value: Any, place: AwsLocation) -> Iterable[str]:
    """Yield the part of an access point's ARN after the service. The Region of a multi-Region access point is empty."""
    for name in strings_in(value):
        if found := _ACCESS_POINT.fullmatch(name):
            if found[2] != place.account:
                raise wrong_account(name, place)
            yield found[1]


def _locations(value: Any) -> Iterable[tuple[str, str]]:
    found = (_S3_URL.fullmatch(url) for url in members_at(value, "OutputLocation"))
    return [(each[1], each[2].strip("/")) for each in found if each]


def _output_bucket(value: Any, _place: AwsLocation) -> Iterable[str]:
    """Return the bucket of results."""
    return [bucket for bucket, _ in _locations(value)]


def _output_prefix(value: Any, _place: AwsLocation) -> Iterable[str]:
    """Return the part before the names of results: the bucket, and the prefix if there is one."""
    return [f"{bucket}/{prefix}/" if prefix else f"{bucket}/" for bucket, prefix in _locations(value)]


def _code_object(value: Any, _place: AwsLocation) -> Iterable[str]:
    """Yield the S3 object with a function's code."""
    buckets, keys = members_at(value, "S3Bucket"), members_at(value, "S3Key")
    return [f"{bucket}/{key}" for bucket in buckets[:1] for key in keys[:1]]


def _code_version(value: Any, place: AwsLocation) -> Iterable[str]:
    """Yield the S3 object with a function's code, if the call names a version of it."""
    return _code_object(value, place) if members_at(value, "S3ObjectVersion") else []


def _template_object(value: Any, _place: AwsLocation) -> Iterable[str]:
    """Yield the S3 object that a template's address names. HTTP clients may remove "." and ".." from addresses."""
    for url in strings_in(value):
        found = _BUCKET_URL.fullmatch(url) or _PATH_URL.fullmatch(url)
        if found and not _DOTS.intersection(found[2].split("/")):
            yield f"{found[1]}/{found[2]}"


S3_TRANSFORMS: Mapping[str, Transform] = {
    "copy_source": _copy_source,
    "copied_version": _copied_version,
    "object_keys": _deleted(versions=False),
    "object_versions": _deleted(versions=True),
    "directory_bucket": each_string(lambda name: name if name.endswith(DIRECTORY_BUCKET) else None),
    "access_point": _access_point,
    "alias": each_string(lambda name: name if name.endswith(BUCKET_ALIASES) else None),
    "output_bucket": _output_bucket,
    "output_prefix": _output_prefix,
    "code_object": _code_object,
    "code_version": _code_version,
    "template_object": _template_object,
}
