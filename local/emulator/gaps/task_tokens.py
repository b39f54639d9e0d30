"""Step Functions: task tokens, the callers that may use one, and the answer to a token for which no task waits."""

import base64
import hashlib
import hmac
import json
import os
import secrets
from collections.abc import Callable
from typing import Any

from ministack.core import iam_actions
from ministack.core.responses import get_account_id
from ministack.services import stepfunctions as states

from local.emulator.gaps.replacement import replaces
from local.emulator.gaps.running import Running

KEY = secrets.token_bytes(32)
LENGTH = 640
"""The length of a token in characters. AWS's tokens have up to 2048."""

type Members = dict[str, Any]
type Answer = tuple[str, Members]

_open: dict[str, "TaskToken"] = {}


class TaskToken:
    """A token for which a task waits. Its text is signed, and names the state machine and the execution."""

    def __init__(self, execution: Running) -> None:
        content = {"machine": execution.record["stateMachineArn"], "execution": execution.record["executionArn"]}
        plain = json.dumps(content).encode()
        body = plain + b"\n" + os.urandom(max(32, LENGTH * 3 // 4 - len(plain) - 33))
        self.text = base64.b64encode(hmac.digest(KEY, body, "sha256") + body).decode()
        self.execution = execution
        self.answer: Answer | None = None

    def outcome(self) -> Any:
        """Return the result in the answer. Raises ministack's _ExecutionError if the answer was a failure."""
        kind, data = self.answer or ("", {})
        if kind == "SendTaskFailure":
            raise states._ExecutionError(data.get("error", "States.TaskFailed"), data.get("cause", ""))
        return json.loads(data["output"])

    def open(self) -> None:
        """Mark that the task has started to wait."""
        _open[_digest(self.text)] = self

    def close(self) -> None:
        """Mark that later answers are too late."""
        _open.pop(_digest(self.text), None)


def _digest(text: str) -> str:
    return hashlib.sha256(text.encode()).hexdigest()


def _content(text: Any) -> Members | None:
    """Return the content of a token; None if this emulator did not issue it."""
    try:
        raw = base64.b64decode(str(text), validate=True)
    except ValueError:
        return None
    if not hmac.compare_digest(hmac.digest(KEY, raw[32:], "sha256"), raw[:32]):
        return None
    content: Members = json.loads(raw[32:].partition(b"\n")[0])
    return content


def task_token_answers() -> None:
    """AWS accepts one answer to a token: from the token's account, and only while its task waits.

    It refuses other texts as InvalidToken, a token whose task has ended as TaskTimedOut, and a token of an unknown
    execution as TaskDoesNotExist. A result must be JSON.
    https://docs.aws.amazon.com/step-functions/latest/apireference/API_SendTaskSuccess.html
    """
    states._send_task_success = _answering("SendTaskSuccess")
    states._send_task_failure = _answering("SendTaskFailure")


def _answering(kind: str) -> Callable[[Members], Any]:
    def send(data: Members) -> Any:
        text = data.get("taskToken", "")
        content = _content(text)
        if content is None or content["machine"].split(":")[4] != get_account_id():
            return states.error_response_json("InvalidToken", "Invalid Token: 'Invalid token'", 400)
        if kind == "SendTaskSuccess" and not _is_json(data.get("output")):
            return states.error_response_json("InvalidOutput", "Invalid Output: 'The output is not JSON'", 400)
        if content["execution"] not in states._executions:
            return states.error_response_json("TaskDoesNotExist", "Task does not exist", 400)
        if _taken(_open.get(_digest(text)), kind, data):
            return states.json_response({})
        sentence = "Task Timed Out: 'Provided task does not exist anymore'"
        return states.error_response_json("TaskTimedOut", sentence, 400)

    return send


def _taken(token: TaskToken | None, kind: str, data: Members) -> bool:
    """Return whether the token's task was still waiting for this answer."""
    if token is None:
        return False
    with token.execution.changed:
        running = token.execution.record["status"] == "RUNNING"
        if not running or _digest(token.text) not in _open:
            return False
        token.answer = (kind, data)
        token.close()
        token.execution.changed.notify_all()
    return True


def _is_json(text: Any) -> bool:
    try:
        json.loads(text)
    except (TypeError, ValueError):
        return False
    return True


def task_token_permissions() -> None:
    """AWS checks whether the caller may answer for the state machine of the token's task.

    https://docs.aws.amazon.com/service-authorization/latest/reference/list_awsstepfunctions.html
    """

    @replaces(iam_actions, "extract_resource_arn")
    def extract_resource_arn(
        arn_of: Any, service: str, method: str, path: str, headers: Any, body: bytes, *more: Any
    ) -> Any:
        if service == "states" and (text := iam_actions._safe_json_field(body, "taskToken")):
            content = _content(text)
            return content["machine"] if content else "*"
        return arn_of(service, method, path, headers, body, *more)
