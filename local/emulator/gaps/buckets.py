"""S3: condition keys of writes."""

from typing import Any

from ministack.core import iam_actions

_CONDITIONAL = ("if-none-match", "if-match")


def conditional_writes_in_conditions() -> None:
    """AWS offers If-None-Match and If-Match of a write as condition keys, so that policies can require them.

    https://docs.aws.amazon.com/AmazonS3/latest/userguide/conditional-writes-enforce.html
    """
    context_of = iam_actions.s3_service_context

    def s3_service_context(action: str, query: Any, path: str = "", headers: Any = None) -> dict[str, Any]:
        context: dict[str, Any] = context_of(action, query, path, headers)
        if action != "s3:PutObject":
            return context
        given = {f"s3:{name}": value for name in _CONDITIONAL if (value := (headers or {}).get(name))}
        return {**context, **given}

    iam_actions.s3_service_context = s3_service_context
