"""SQS: the permissions for messages that are sent, deleted or changed in batches."""

from typing import Any

from ministack.core import iam_actions

from local.emulator.gaps.replacement import replaces


def batches_by_their_messages() -> None:
    """AWS requires sqs:SendMessage to send a batch. There is no separate permission for batches.

    https://docs.aws.amazon.com/AWSSimpleQueueService/latest/SQSDeveloperGuide/sqs-api-permissions-reference.html
    """

    @replaces(iam_actions, "extract_iam_action")
    def extracted(extract: Any, *asked: Any) -> str | None:
        action: str | None = extract(*asked)
        return action.removesuffix("Batch") if action and action.startswith("sqs:") else action
