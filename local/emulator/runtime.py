"""The program of a function's own process. It loads the handler from the bundle and answers one event at a time.

It is started as `python -I -S runtime.py CHANNEL TASK_ROOT HANDLER`, without site-packages. So a module that is not in
the bundle is missing, as in AWS. Events and answers are JSON lines on the file descriptor CHANNEL. Standard output and
error are the function's log. Errors have the form of awslambdaric's
(https://docs.aws.amazon.com/lambda/latest/dg/python-exceptions.html).
"""

import importlib
import json
import os
import sys
import time
import traceback
from collections.abc import Callable
from typing import Any

type Handler = Callable[[Any, "Context"], Any]


class Context:
    """The second argument of a handler (https://docs.aws.amazon.com/lambda/latest/dg/python-context.html)."""

    identity = None
    client_context = None

    def __init__(self, call: dict[str, Any]) -> None:
        self.function_name = os.environ["AWS_LAMBDA_FUNCTION_NAME"]
        self.function_version = os.environ["AWS_LAMBDA_FUNCTION_VERSION"]
        self.memory_limit_in_mb = os.environ["AWS_LAMBDA_FUNCTION_MEMORY_SIZE"]
        self.log_group_name = os.environ["AWS_LAMBDA_LOG_GROUP_NAME"]
        self.log_stream_name = os.environ["AWS_LAMBDA_LOG_STREAM_NAME"]
        self.invoked_function_arn = call["function_arn"]
        self.aws_request_id = call["request_id"]
        self._deadline = call["deadline"]

    def get_remaining_time_in_millis(self) -> int:
        """Return how many milliseconds are left until Lambda ends the invocation, at least 0."""
        return max(0, int((self._deadline - time.time()) * 1000))


def load(name: str) -> Handler:
    """Return the handler called `module.function`. Raises what the module raises on import."""
    module, _, function = name.rpartition(".")
    handler: Handler = getattr(importlib.import_module(module.replace("/", ".")), function)
    return handler


def error(problem: Exception, kind: str = "") -> dict[str, Any]:
    """Return the error as Lambda reports it, and write it to the log."""
    kind = kind or type(problem).__name__
    trace = traceback.format_tb(problem.__traceback__)
    sys.stderr.write(f"[ERROR] {kind}: {problem}\nTraceback (most recent call last):\n{''.join(trace)}")
    return {"errorMessage": str(problem), "errorType": kind, "stackTrace": trace}


def answer(handler: Handler, call: dict[str, Any]) -> dict[str, Any]:
    """Return what the handler returned or raised, as a JSON member `result` or `error`."""
    if call["trace"]:
        os.environ["_X_AMZN_TRACE_ID"] = call["trace"]
    try:
        result = handler(call["event"], Context(call))
    except Exception as problem:  # noqa: BLE001 - AWS catches every exception of a handler
        return {"error": error(problem)}
    try:
        return {"result": json.dumps(result)}
    except (TypeError, ValueError) as problem:
        return {"error": error(problem, "Runtime.MarshalError")}


def main(channel: int, task_root: str, name: str) -> None:
    """Serve events from `channel` until the other end closes it."""
    sys.path.insert(0, task_root)
    with os.fdopen(os.dup(channel), "w") as answers, os.fdopen(channel) as events:

        def send(message: dict[str, Any]) -> None:
            sys.stdout.flush()
            sys.stderr.flush()
            answers.write(json.dumps(message) + "\n")
            answers.flush()

        try:
            handler = load(name)
        except Exception as problem:  # noqa: BLE001 - any exception of the import fails the init phase
            missing = isinstance(problem, ImportError)
            send({"error": error(problem, "Runtime.ImportModuleError" if missing else "")})
            return
        send({"result": "null"})
        for line in events:
            send(answer(handler, json.loads(line)))


if __name__ == "__main__":
    main(int(sys.argv[1]), sys.argv[2], sys.argv[3])
