"""Lambda: one contract test for each gap, named after the function that closes it."""

import time

import pytest

from jitney.handlers.runtime.building import LOCAL_UPSTREAM
from tests.local.gaps.contracts import EVERYTHING, TIMEOUT, Emulator, function, invoke

pytestmark = pytest.mark.slow


def test_own_interpreter(emulator: Emulator) -> None:
    """Only the bundle, the standard library, the function's own variables and the gateway's upstream are there."""
    function(emulator, "looks", "handler", Environment={"Variables": {"OWN": "yes"}})
    seen = invoke(emulator, "looks", {"modules": ["json", "index", "pytest", "aws_cdk", "boto3"]})
    assert seen.get("found") == ["json", "index"]
    assert not [folder for folder in seen["path"] if "site-packages" in folder]
    assert seen["variables"]["OWN"] == "yes"
    assert seen["variables"]["AWS_LAMBDA_FUNCTION_NAME"] == "looks"
    allowed = ("AWS_", "LAMBDA_", "_HANDLER", "OWN", "LANG", "TZ", "PATH", "LC_CTYPE", LOCAL_UPSTREAM)
    assert not [name for name in seen["variables"] if not name.startswith(allowed)]
    assert 0 < seen["left"] <= 1000 * TIMEOUT


def test_own_interpreter_knows_an_api_by_its_address_in_the_emulator(emulator: Emulator) -> None:
    address = "https://ab12cd.execute-api.eu-west-1.amazonaws.com/live/reviews"
    function(
        emulator, "links", "handler", Environment={"Variables": {"LINK": address, "OTHER": "https://example.com/"}}
    )
    seen = invoke(emulator, "links", {"modules": []})["variables"]
    assert seen["LINK"] == f"{emulator.endpoint}/_aws/execute-api/ab12cd/live/reviews"
    assert seen["OTHER"] == "https://example.com/"


def test_own_interpreter_names_an_exception_and_lives_on(emulator: Emulator) -> None:
    source = EVERYTHING + "\ndef both(event, context):\n    return failing(event, context) if event else os.getpid()\n"
    function(emulator, "fails", "both", source)
    process = invoke(emulator, "fails", None)
    failure = invoke(emulator, "fails", {"fail": True})
    assert (failure["errorType"], failure["errorMessage"]) == ("OutOfMilk", "none left")
    assert invoke(emulator, "fails", None) == process


def test_own_interpreter_is_quick_when_warm(emulator: Emulator) -> None:
    function(emulator, "quick", "handler", "def handler(event, context):\n    return event\n")
    invoke(emulator, "quick", 0)

    def seconds() -> float:
        start = time.perf_counter()
        assert invoke(emulator, "quick", 1) == 1
        return time.perf_counter() - start

    emulator.until(lambda: seconds() < 0.04)  # on a busy machine too: a function that pauses is never as quick
