"""The broker's faults, told by the options that people gave."""

import pytest

from client.asking import Ask, Permission
from client.faults import fault_and_fix

ONE = Permission(("s3:GetObject", "s3 GetObject"), ("arn:aws:s3:::reports/*", "reports"))
ASK = Ask("analytics-prod", (ONE,), 7200, "x" * 600, "OPS 12")
SEVERAL = Ask("analytics-prod", (ONE, ONE), 2, "report")
RANGE = "Use a number from 5 to 3600."


@pytest.mark.parametrize(
    ("ask", "pointer", "place"),
    [
        (ASK, "/target", "TARGET analytics-prod"),
        (ASK, "/ticket", "--ticket 'OPS 12'"),
        (ASK, "/reason", f"--reason '{'x' * 59}…'"),
        (ASK, "/duration_seconds", "--for 2h"),
        (ASK, "/permissions", "--permissions"),
        (ASK, "/permissions/0/actions", "--action"),
        (ASK, "/permissions/0/actions/1", "--action 's3 GetObject'"),
        (ASK, "/permissions/0/resources/1", "--resource reports"),
        (SEVERAL, "/permissions/1/actions/1", "--permissions, permissions[1].actions[1] 's3 GetObject'"),
        (SEVERAL, "/permissions/1/resources", "--permissions, permissions[1].resources"),
        (ASK, "/permissions/7/actions/1", "/permissions/7/actions/1"),
        (ASK, "/permissions/0/actions/9", "/permissions/0/actions/9"),
        (ASK, "/later", "/later"),
    ],
)
def test_a_place_in_the_body_is_the_option_and_its_value(ask: Ask, pointer: str, place: str):
    fault = {"pointer": pointer, "detail": "It is wrong.", "fix": "Write another."}
    assert fault_and_fix(fault, ask) == (f"{place}: It is wrong.", "Write another.")


@pytest.mark.parametrize(("ask", "said"), [(ASK, "--for 2h is too long."), (SEVERAL, "--for 2s is too short.")])
def test_a_duration_out_of_range_is_told_as_durations_are_written(ask: Ask, said: str):
    fault = {"pointer": "/duration_seconds", "detail": "It is out of range.", "fix": RANGE}
    assert fault_and_fix(fault, ask) == (said, "Give 5s to 1h.")
