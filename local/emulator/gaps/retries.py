"""Step Functions: how often a failed state is retried, and after which delay."""

import random
from collections.abc import Callable
from typing import Any

from ministack.services import stepfunctions as states

from local.emulator.gaps import running
from local.emulator.gaps.replacement import replaces

type Members = dict[str, Any]


class Retries:
    """The retries that a state has left."""

    def __init__(self, retriers: list[Members]) -> None:
        self.retriers = retriers
        self.used: dict[int, int] = {}

    def delay(self, error: str) -> float | None:
        """Return the seconds until the next try after `error`; None if there is none."""
        retrier, index = states._find_matching_retrier(self.retriers, error, self.used)
        if retrier is None:
            return None
        times = self.used.get(index, 0)
        self.used[index] = times + 1
        seconds = retrier.get("IntervalSeconds", 1) * retrier.get("BackoffRate", 2.0) ** times
        seconds = min(seconds, retrier.get("MaxDelaySeconds", seconds)) * states._SFN_WAIT_SCALE
        return random.uniform(0, seconds) if retrier.get("JitterStrategy") == "FULL" else seconds  # noqa: S311


def retry_delays() -> None:
    """AWS waits as BackoffRate says, at most MaxDelaySeconds.

    With JitterStrategy FULL, it may wait any shorter time.

    States.ALL does not match States.Runtime.
    https://docs.aws.amazon.com/step-functions/latest/dg/concepts-error-handling.html
    """
    running.follow()

    @replaces(states, "_error_matches")
    def error_matches(matches: Any, names: list[str], error: str) -> bool:
        if error in {"States.Runtime", "States.DataLimitExceeded"}:
            return error in names
        return bool(matches(names, error))

    states._with_retry_and_catch = with_retry_and_catch


def with_retry_and_catch(state: Members, given: Any, ctx: Members, attempt: Callable[[], Any]) -> Any:
    """Return the result of a state or of its Catch. Raises ministack's _ExecutionError if both fail."""
    entered, left = ctx["State"], Retries(state.get("Retry", []))
    while True:
        ctx["State"] = {**entered, "RetryCount": sum(left.used.values())}
        try:
            return attempt()
        except running.EndedError:
            raise
        except states._ExecutionError as problem:
            delay = left.delay(problem.error)
            if delay is None:
                return _caught(state, given, ctx, problem)
            running.here().wait(delay)


def _caught(state: Members, given: Any, ctx: Members, problem: Any) -> Any:
    catcher = states._find_matching_catcher(state.get("Catch", []), problem.error)
    if catcher is None:
        raise problem
    told = {"Error": str(problem.error), "Cause": problem.cause}
    language = states._state_query_language(state, ctx)
    return states._apply_catcher(catcher, given, ctx, language, told), catcher["Next"]
