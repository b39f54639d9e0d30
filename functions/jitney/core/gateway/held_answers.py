"""Calls whose answers AWS holds for longer than the gateway waits (row GW 11).

Without this check, such a call would end as call_may_have_run, and a message that it received would stay hidden.
"""

from collections.abc import Mapping
from typing import Any

from jitney.core.problems import Problem

MOST_WAIT_SECONDS = 15
"""AWS has 20 seconds to answer (`adapters.upstream`). The rest is for the connection and the answer's way."""
_WAIT = "WaitTimeSeconds"
"""The parameter for the wait, of SQS, Kinesis and the Redshift Data API."""
_HELD = frozenset({("stepfunctions", "GetActivityTask")})
"""Operations without such a parameter that AWS answers after up to a minute.

https://docs.aws.amazon.com/step-functions/latest/apireference/API_GetActivityTask.html
"""


def require_prompt_answer(service: str, operation: str, parameters: Mapping[str, Any]) -> None:
    """Raise Problem for a call whose answer AWS may hold for too long.

    It is call_invalid if another value of a parameter mends that, otherwise call_unsupported.
    """
    if (service, operation) in _HELD:
        detail = f"The gateway does not support {operation} of {service}: AWS holds its answer for up to a minute."
        fix = "Request credentials for it instead: send a grant request with this call in calls."
        raise Problem("call_unsupported", detail, fix)
    if (seconds := parameters.get(_WAIT, 0)) > MOST_WAIT_SECONDS:
        detail = (
            f"/parameters/{_WAIT}: AWS may wait {seconds} seconds before it answers, which is too long for the gateway."
        )
        raise Problem("call_invalid", detail, f"Set {_WAIT} to at most {MOST_WAIT_SECONDS}, and repeat the call.")
