"""SQS: standard queues are fair to message groups. EventBridge sends each event in the group that it names."""

from collections import Counter
from typing import Any

from ministack.services import eventbridge, sqs

from local.emulator.gaps.replacement import replaces

type Message = dict[str, Any]


def fair_queues() -> None:
    """AWS delivers messages of a group with few messages in flight before messages of a group with many.

    It takes a JSON path in a target's MessageGroupId from the event. ministack delivers in the order of arrival and
    gives messages from EventBridge no group.
    https://docs.aws.amazon.com/AWSSimpleQueueService/latest/SQSDeveloperGuide/sqs-fair-queues.html
    """

    @replaces(eventbridge, "_invoke_target")
    def invoke_target(invoke: Any, target: Any, event: Any, rule: dict[str, Any], view: Any = None) -> None:
        group = (target.get("SqsParameters") or {}).get("MessageGroupId", "")
        if group.startswith("$."):
            view = view or eventbridge._pattern_event_view(event)
            found = _at(view.event_with_detail(), group)
            target = {**target, "SqsParameters": {"MessageGroupId": found}}
        invoke(target, event, rule, view)

    @replaces(eventbridge, "_dispatch_to_sqs")
    def dispatch_to_sqs(dispatch: Any, spec: Any, payload: Any, sqs_parameters: Any = None) -> None:
        dispatch(spec, payload, sqs_parameters)
        queue, group = sqs._queue_by_arn(str(spec)), (sqs_parameters or {}).get("MessageGroupId")
        for each in reversed(queue["messages"] if queue and group else ()):
            if each["body"] == payload and not each.get("group_id"):
                each["group_id"] = group
                break

    @replaces(sqs, "_collect_msgs")
    def collect_messages(collect: Any, queue: Any, most: int, visibility_timeout: int) -> list[Message]:
        fair = queue if queue["is_fifo"] else {**queue, "messages": _in_fair_order(queue["messages"])}
        collected: list[Message] = collect(fair, most, visibility_timeout)
        return collected


def _in_fair_order(messages: list[Message]) -> list[Message]:
    """Return the messages in turns: one of each group, those in flight first, then the next of each group."""
    seen: Counter[str] = Counter()
    turns = []
    for each in sorted(messages, key=lambda message: message.get("receipt_handle") is None):
        turns.append((seen[_group(each)], each))
        seen[_group(each)] += 1
    return [message for _, message in sorted(turns, key=lambda turn: turn[0])]


def _group(message: Message) -> str:
    """Return the message's group. A message without a group is its own group."""
    return str(message.get("group_id") or message["id"])


def _at(event: Any, path: str) -> str:
    for part in path.removeprefix("$.").split("."):
        event = event[part]
    return str(event)
