"""S3: the names of objects in policies, and condition keys of writes and of buckets' owners."""

from typing import Any

from ministack.core import iam_actions, iam_evaluator
from ministack.services import s3

from local.emulator.gaps.replacement import replaces

_CONDITIONAL = ("if-none-match", "if-match")


def objects_by_their_whole_names() -> None:
    """IAM compares the whole name of an object, also one with a slash at its end, or with two slashes in a row.

    https://docs.aws.amazon.com/AmazonS3/latest/userguide/object-keys.html
    """

    @replaces(iam_actions, "extract_resource_arn")
    def extract_resource_arn(arn_of: Any, service: str, method: str, path: str, *more: Any) -> Any:
        bucket, _, key = path.removeprefix("/").partition("/")
        if service == "s3" and key:
            return f"arn:aws:s3:::{bucket}/{key}"
        return arn_of(service, method, path, *more)


def conditional_writes_in_conditions() -> None:
    """AWS offers If-None-Match and If-Match of a write as condition keys, so that policies can require them.

    https://docs.aws.amazon.com/AmazonS3/latest/userguide/conditional-writes-enforce.html
    """

    @replaces(iam_actions, "s3_service_context")
    def s3_service_context(
        context_of: Any, action: str, query: Any, path: str = "", headers: Any = None
    ) -> dict[str, Any]:
        context: dict[str, Any] = context_of(action, query, path, headers)
        if action != "s3:PutObject":
            return context
        given = {f"s3:{name}": value for name in _CONDITIONAL if (value := (headers or {}).get(name))}
        return {**context, **given}


def owners_in_conditions() -> None:
    """AWS sets aws:ResourceAccount to the account that owns the bucket. The bucket's ARN has no account.

    https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_policies_condition-keys.html#condition-keys-resourceaccount
    """
    prefix = "arn:aws:s3:::"

    @replaces(iam_evaluator, "_resolve_condition_key")
    def resolve_condition_key(resolve: Any, key: str, context: Any) -> Any:
        arn = str(context.resource_arn)
        if key.lower() not in ("aws:resourceaccount", "s3:resourceaccount") or not arn.startswith(prefix):
            return resolve(key, context)
        bucket = arn.removeprefix(prefix).partition("/")[0]
        return s3._bucket_owner_account(bucket) or resolve(key, context)
