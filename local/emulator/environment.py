"""An execution environment of a function: a process with the unpacked bundle, which serves one event at a time."""

import contextlib
import fcntl
import io
import json
import os
import re
import select
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
import threading
import time
import zipfile
from pathlib import Path
from typing import Any

from ministack.core import lambda_runtime

from jitney.handlers.runtime.building import LOCAL_UPSTREAM
from local.processes import LOCK_VARIABLE
from local.timeouts import Countdown

RUNTIME = Path(__file__).with_name("runtime.py")
API_ADDRESS = re.compile(r"https://([a-z0-9]+)\.execute-api\.[a-z0-9-]+\.amazonaws\.com/")
PAYLOAD_LIMIT = 6_291_556
"""The most bytes of a synchronous answer (https://docs.aws.amazon.com/lambda/latest/dg/gettingstarted-limits.html)."""


class ExecutionEnvironment:
    """A worker of ministack's pool. Its interface is that of `ministack.core.lambda_runtime.Worker`.

    Differences from ministack's worker: The interpreter has no site-packages and inherits no variables. The environment
    survives a handler's exception. The log is complete when the answer arrives, so nothing waits for it.
    """

    def __init__(self, func_name: str, config: dict[str, Any], code_zip: bytes) -> None:
        self.func_name = func_name
        self.config = config
        self.code_zip = code_zip
        self.in_use = False
        self.last_used = time.time()
        self._lock = threading.Lock()
        self._proc: subprocess.Popen[bytes] | None = None
        self._log: io.BufferedRandom | None = None
        self._channel: socket.socket | None = None
        self._answers: io.BufferedReader | None = None

    def invoke(self, event: Any, request_id: str, trace: str | None = None) -> dict[str, Any]:
        """Run one event. `body` is the result, or Lambda's error object if `error` is true. `log` is the output."""
        with self._lock:
            outcome = self._ask(event, request_id, trace)
            if outcome.get("ended"):
                self._end()
            return {**outcome, "log": self._read_log()}

    def _ask(self, event: Any, request_id: str, trace: str | None) -> dict[str, Any]:
        if self._proc is None or self._proc.poll() is not None:
            started = self._spawn()
            if "error" in started:
                return {"body": started["error"], "error": True, "ended": True}
        timeout = float(self.config.get("Timeout", 3))
        call = {
            "event": event,
            "request_id": request_id,
            "deadline": time.time() + timeout,
            "trace": trace,
            "function_arn": self.config["FunctionArn"],
        }
        try:
            message = self._exchange(json.dumps(call), Countdown(timeout))
        except TimeoutError:
            return _failure("Sandbox.Timedout", f"Task timed out after {timeout:.2f} seconds")
        except (OSError, ValueError):
            return _failure("Runtime.ExitError", f"RequestId: {request_id} Error: Runtime exited")
        if "error" in message:
            return {"body": message["error"], "error": True}
        if len(message["result"].encode()) > PAYLOAD_LIMIT:
            kind = "Function.ResponseSizeTooLarge"
            sentence = f"Response payload size exceeded maximum allowed payload size ({PAYLOAD_LIMIT} bytes)."
            return {"body": {"errorType": kind, "errorMessage": sentence}, "error": True}
        return {"body": json.loads(message["result"])}

    def _exchange(self, line: str, countdown: Countdown) -> dict[str, Any]:
        """Send `line` ("" sends nothing) and return the answer, which the process sends in one piece.

        Raises TimeoutError, or ValueError if the process has ended.
        """
        channel, answers = self._channel, self._answers
        if channel is None or answers is None:
            message = "there is no process"
            raise ValueError(message)
        if line:
            channel.sendall(line.encode() + b"\n")
        ready = select.poll()  # select() takes no descriptor above 1,023
        ready.register(channel, select.POLLIN)
        while (left := countdown.left()) > 0:
            if ready.poll(1000 * min(1.0, left)):
                answer: dict[str, Any] = json.loads(answers.readline())
                return answer
        raise TimeoutError

    def _spawn(self) -> dict[str, Any]:
        """Start the process, wait up to 10 s for its init phase, and return its first message."""
        task_root = unpacked(self.config["CodeSha256"], self.code_zip)
        self._channel, theirs = socket.socketpair()
        self._answers = self._channel.makefile("rb")
        self._log = tempfile.TemporaryFile()  # noqa: SIM115 - lives as long as the process
        # The process appends, so that the log can be emptied between invocations. `tempfile` ignores a mode "a".
        fcntl.fcntl(self._log, fcntl.F_SETFL, os.O_APPEND)
        lock = os.environ.get(LOCK_VARIABLE)
        with theirs:
            interpreter = getattr(sys, "_base_executable", sys.executable)
            self._proc = subprocess.Popen(
                [interpreter, "-I", "-S", "-B", RUNTIME, str(theirs.fileno()), task_root, self.config["Handler"]],
                cwd=task_root,
                env=variables(self.config, task_root),
                stdin=subprocess.DEVNULL,
                stdout=self._log,
                stderr=self._log,
                pass_fds=(theirs.fileno(), *([int(lock)] if lock else [])),
            )
        try:
            return self._exchange("", Countdown(10.0))
        except (OSError, ValueError):
            return {"error": _failure("Runtime.ExitError", "Error: Runtime exited during its init phase")["body"]}

    def _read_log(self) -> str:
        if self._log is None:
            return ""
        self._log.seek(0)
        text = self._log.read().decode("utf-8", "replace")
        self._log.truncate(0)
        return text

    def _end(self) -> None:
        if self._proc is not None and self._proc.poll() is None:
            self._proc.send_signal(signal.SIGKILL)
            self._proc.wait()
        self._proc = None
        self._discard_tmpdir()

    def _discard_tmpdir(self) -> None:
        """Close the worker's connections. The unpacked bundle stays, because it is shared."""
        for held in (self._answers, self._channel):
            if held is not None:
                held.close()
        self._answers = self._channel = None

    def kill(self) -> None:
        """End the process, and close its log once no event needs it."""
        lambda_runtime.kill_workers([self])
        with self._lock:
            if self._log is not None:
                self._log.close()
                self._log = None


def _failure(kind: str, message: str) -> dict[str, Any]:
    return {"body": {"errorType": kind, "errorMessage": message}, "error": True, "ended": True}


def variables(config: dict[str, Any], task_root: Path) -> dict[str, str]:
    """Return a function's variables: AWS's, its own, and the emulator's address.

    This process's variables are not inherited.

    https://docs.aws.amazon.com/lambda/latest/dg/configuration-envvars.html
    """
    name, region = config["FunctionName"], config["FunctionArn"].split(":")[3]
    logging = config.get("LoggingConfig") or {}
    own = config.get("Environment", {}).get("Variables", {})
    endpoint = f"http://127.0.0.1:{os.environ['GATEWAY_PORT']}"
    chosen = {
        "AWS_ENDPOINT_URL": endpoint,
        LOCAL_UPSTREAM: os.environ[LOCAL_UPSTREAM],
        **{
            key: reachable(str(value), endpoint)
            for key, value in own.items()
            if key not in lambda_runtime._RESERVED_RUNTIME_ENV_VARS
        },
        "AWS_REGION": region,
        "AWS_DEFAULT_REGION": region,
        "AWS_EXECUTION_ENV": f"AWS_Lambda_{config['Runtime']}",
        "AWS_LAMBDA_FUNCTION_NAME": name,
        "AWS_LAMBDA_FUNCTION_VERSION": config.get("Version", "$LATEST"),
        "AWS_LAMBDA_FUNCTION_MEMORY_SIZE": str(config.get("MemorySize", 128)),
        "AWS_LAMBDA_INITIALIZATION_TYPE": "on-demand",
        "AWS_LAMBDA_LOG_GROUP_NAME": logging.get("LogGroup") or f"/aws/lambda/{name}",
        "AWS_LAMBDA_LOG_STREAM_NAME": f"{time.strftime('%Y/%m/%d')}/[$LATEST]{os.urandom(16).hex()}",
        "LAMBDA_TASK_ROOT": str(task_root),
        "_HANDLER": config["Handler"],
        "LANG": "en_US.UTF-8",
        "TZ": ":UTC",
        "PATH": "/usr/local/bin:/usr/bin:/bin",
        **lambda_runtime.execution_credentials(config),
    }
    if logging.get("LogFormat") == "JSON":
        chosen["AWS_LAMBDA_LOG_FORMAT"] = "JSON"
        chosen["AWS_LAMBDA_LOG_LEVEL"] = logging.get("ApplicationLogLevel", "INFO")
    return chosen


def reachable(value: str, endpoint: str) -> str:
    """Return a variable's value with APIs' addresses in AWS replaced by their addresses in the emulator."""
    return API_ADDRESS.sub(rf"{endpoint}/_aws/execute-api/\1/", value)


_unpacking = threading.Lock()


def unpacked(digest: str, code_zip: bytes) -> Path:
    """Return the folder of the bundle's files. All functions with this bundle share it. `digest` names it."""
    folder = Path(os.environ["JITNEY_CODE_CACHE"]) / digest.replace("/", "_").replace("+", "-").rstrip("=")
    with _unpacking:
        if folder.exists():
            os.utime(folder)
        else:
            folder.parent.mkdir(parents=True, exist_ok=True)
            _forget_old(folder.parent)
            fresh = Path(tempfile.mkdtemp(dir=folder.parent))
            with zipfile.ZipFile(io.BytesIO(code_zip)) as bundle:
                bundle.extractall(fresh)
            with contextlib.suppress(OSError):  # another system of this checkout was faster
                fresh.rename(folder)
            shutil.rmtree(fresh, ignore_errors=True)
    return folder


def _forget_old(cache: Path) -> None:
    """Remove bundles that no function has used for a day."""
    for folder in cache.iterdir():
        if time.time() - folder.stat().st_mtime > 86_400:
            shutil.rmtree(folder, ignore_errors=True)
