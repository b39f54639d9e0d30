"""No log line of any logger holds a secret, nor does the error that a failed function returns (AUD 7)."""

import io
import json
import logging
import os
import re
import subprocess
import sys
from contextlib import redirect_stdout
from pathlib import Path
from typing import Any

import pytest

from jitney.core.problems import Problem
from jitney.handlers.review_notices import ReviewEnded
from jitney.handlers.runtime.edge import event_handler
from jitney.handlers.runtime.logs import MaskingFormatter

SECRET = "Xy12345678ab"
SAID = f"password={SECRET}"
FUNCTIONS = Path(__file__).parents[2] / "functions"


def line(*said: Any, **more: Any) -> dict[str, Any]:
    """What the formatter makes of one record of the standard library's."""
    error = ValueError(SAID)
    record = logging.LogRecord("any", logging.INFO, __file__, 1, said[0], said[1:], (ValueError, error, None))
    record.__dict__.update(more)
    return json.loads(MaskingFormatter().format(record))


def test_aud_07_messages_arguments_members_and_exceptions_are_masked():
    class Quoting:
        def __str__(self) -> str:
            return SAID

    logged = line(f"{SAID} %s", SAID, deep={"a": [SAID, 1], "secret": SECRET}, other=Quoting(), plain="s3:GetObject")
    assert SECRET not in json.dumps(logged)
    assert logged["message"] == "password=[masked credential] password=[masked credential]"
    assert logged["plain"] == "s3:GetObject"
    assert logged["exception"].endswith("ValueError: password=[masked credential]")


LOGGING = f"""
import logging
from jitney.handlers.runtime.logs import logger
logging.getLogger("adapters.any").warning("with %s", "{SAID}")
logging.getLogger("botocore").error("{SAID}")
logger.info("{SAID}")
"""


def test_aud_07_in_aws_all_loggers_are_masked_and_nothing_is_said_twice():
    environment = {"AWS_LAMBDA_FUNCTION_NAME": "f", "PYTHONPATH": str(FUNCTIONS), "PATH": os.environ["PATH"]}
    run = subprocess.run([sys.executable, "-c", LOGGING], env=environment, capture_output=True, text=True, check=True)
    assert [json.loads(each)["message"].count("[masked credential]") for each in run.stdout.splitlines()] == [1, 1, 1]
    assert SECRET not in run.stdout + run.stderr


def test_only_one_place_makes_loggers():
    made = [path.name for path in FUNCTIONS.rglob("*.py") if re.search(r"\bLogger\(", path.read_text())]
    assert made == ["logs.py"]


@pytest.mark.parametrize("error", [ReviewEnded(), Problem("unavailable", SAID, SAID), ValueError(SAID)])
def test_aud_07_who_calls_a_function_that_fails_learns_the_errors_name_alone(error: Exception):
    def fail(_event: Any, _ports: Any) -> None:
        raise error

    log = io.StringIO()
    with pytest.raises(Exception, match="see the log") as raised, redirect_stdout(log):
        event_handler(fail, ())({}, None)
    assert type(raised.value).__name__ == type(error).__name__
    assert raised.value.__cause__ is None
    assert raised.value.__suppress_context__
    assert SECRET not in str(raised.value) + log.getvalue()
