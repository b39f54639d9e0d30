"""What S3's operations need when `Bucket` is a directory bucket, an access point or an alias, not a bucket's name.

https://docs.aws.amazon.com/AmazonS3/latest/userguide/s3-express-security-iam.html
https://docs.aws.amazon.com/AmazonS3/latest/userguide/access-points-policies.html
"""

from typing import Any

from jitney.core.actions import ActionTable

_BUCKET = "arn:${Partition}:s3:::${Bucket}"
_OBJECT = f"{_BUCKET}/"
_DIRECTORY = "arn:${Partition}:s3express:${Region}:${Account}:bucket/${Bucket|directory_bucket}"
_ACCESS_POINT = "arn:${Partition}:s3:${Bucket|access_point}"
_SESSIONS = frozenset({"ListObjectsV2", "ListMultipartUploads", "DeleteObjects", "HeadBucket", "CreateSession"})
"""The operations on a directory bucket that are authorized by a session, in addition to those on its objects."""

_IN_SESSION = "a directory bucket's objects are reached in a session, which has no permissions for single objects"
_NOT_OF_DIRECTORY = "Use an operation that directory buckets have, or name a general purpose bucket."
_NOT_OF_ACCESS_POINT = "Name the bucket, because access points do not have this operation."
_BY_ARN = "Write the access point's ARN, because its alias does not contain its name."

type Variant = list[Any]
"""[condition, needs, what to do instead if there are no needs]."""


def variants(operation: str, needs: list[list[Any]], actions: ActionTable) -> list[Variant]:
    """Return the needs of an operation by the kind of its `Bucket`. `needs` are those for a bucket's name."""
    return [
        ["Bucket|directory_bucket", _of_directory(operation, needs, actions), _NOT_OF_DIRECTORY],
        ["Bucket|access_point", _of_access_point(needs, actions), _NOT_OF_ACCESS_POINT],
        ["Bucket|alias", [], _BY_ARN],
    ]


def _of_directory(operation: str, needs: list[list[Any]], actions: ActionTable) -> list[list[Any]]:
    own, types, *_ = needs[0]
    if operation in _SESSIONS or _on_objects(types):
        return [["s3express:CreateSession", [[1, _DIRECTORY]], "", _IN_SESSION]]
    same = f"s3express:{own.partition(':')[2]}"
    return [[same, [[1, _DIRECTORY]], "", "the bucket is a directory bucket"]] if actions.get(same) else []


def _on_objects(types: Any) -> bool:
    return any(template.startswith(_OBJECT) for _, *templates in types or () for template in templates)


def _of_access_point(needs: list[list[Any]], actions: ActionTable) -> list[list[Any]]:
    """Return the needs on the access point instead of the bucket; [] if one cannot be for an access point."""
    found = []
    for action, types, when, why in needs:
        templates = [[required, *map(_through_access_point, arns)] for required, *arns in types or ()]
        if templates != list(types or ()) and not _has_access_points(action, actions):
            return []
        found.append([action, templates if types != 0 else 0, when, why])
    return found


def _through_access_point(template: str) -> str:
    if template.startswith(_OBJECT):
        return template.replace(_OBJECT, f"{_ACCESS_POINT}/object/", 1)
    return _ACCESS_POINT if template == _BUCKET else template


def _has_access_points(action: str, actions: ActionTable) -> bool:
    known = actions.get(action)
    return known is not None and any(kind.name.startswith("accesspoint") for kind in known.resource_types)
