"""Lambda: functions run from their bundle, as the Python runtime runs them."""

from typing import Any

from ministack.core import lambda_runtime
from ministack.services import lambda_svc

from local.emulator import executions
from local.emulator.environment import ExecutionEnvironment
from local.emulator.gaps.replacement import replaces


def own_interpreter() -> None:
    """AWS runs a Python function in its own interpreter, with only the bundle, the standard library and its variables.

    It reports an exception by the exception's name, and keeps the process for the next event.

    ministack adds its own site-packages and variables, and names every exception Runtime.HandlerError. It starts a new
    process after each exception, and waits 50 ms for a log that may not come.
    https://docs.aws.amazon.com/lambda/latest/dg/lambda-runtime-environment.html
    """

    @replaces(lambda_runtime, "_worker_class_for")
    def worker_class_for(choose: Any, config: dict[str, Any]) -> Any:
        return ExecutionEnvironment if _is_python(config) else choose(config)

    @replaces(lambda_svc, "_execute_function_warm")
    def execute_function_warm(execute: Any, function: dict[str, Any], event: Any, request_id: str) -> Any:
        config = function.get("config") or function
        if not _is_python(config) or not function.get("code_zip"):
            return execute(function, event, request_id)
        version = config.get("Version", "$LATEST")
        worker, _ = lambda_runtime.acquire_worker(config["FunctionName"], config, function["code_zip"], version)
        try:
            return worker.invoke(event, request_id, lambda_svc._xray_trace_id_for_invocation(config))
        finally:
            lambda_runtime.release_worker(worker)
            _end_surplus()


def _end_surplus() -> None:
    """End the processes that have been idle longest. Otherwise each function would keep its processes."""
    with lambda_runtime._lock:
        pools = lambda_runtime._workers.values()
        ended = executions.surplus(each for pool in pools for each in pool)
        for pool in pools:
            pool[:] = [each for each in pool if each not in ended]
    lambda_runtime.kill_workers(ended)


def _is_python(config: dict[str, Any]) -> bool:
    return str(config.get("Runtime", "")).startswith("python")
