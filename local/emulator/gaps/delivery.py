"""Firehose: streams write under their own role."""

from contextvars import ContextVar
from typing import Any

from ministack.services import firehose

from local.emulator.gaps import roles
from local.emulator.gaps.replacement import replaces

_role: ContextVar[tuple[str, str] | None] = ContextVar("role", default=None)


def delivery_uses_the_role() -> None:
    """AWS writes to the bucket under the destination's role. Without s3:PutObject, the records are not delivered.

    https://docs.aws.amazon.com/firehose/latest/dev/controlling-access.html
    """

    @replaces(firehose, "_deliver_to_s3")
    def deliver_to_s3(deliver: Any, stream: dict[str, Any], destination: dict[str, Any], *more: Any) -> None:
        token = _role.set((destination["config"].get("RoleARN", ""), stream["name"]))
        try:
            deliver(stream, destination, *more)
        finally:
            _role.reset(token)

    @replaces(firehose, "_put_s3_object")
    def put_s3_object(put: Any, bucket: str, key: str, *more: Any) -> Any:
        under = _role.get()
        if under and (refusal := roles.denied(under[0], "s3:PutObject", f"arn:aws:s3:::{bucket}/{key}", under[1])):
            raise PermissionError(refusal)
        return put(bucket, key, *more)
