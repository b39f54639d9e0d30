"""The broker's errors, in terms of the options on the command line."""

import pytest

from jitney.client.api.grant_request import ApiPermission, GrantRequest
from jitney.client.api.problem_members import ApiBounds, ApiFault
from jitney.client.terminal.faults import detail_in_options, fault_and_fix

ONE = ApiPermission(("s3:GetObject", "s3 GetObject"), ("arn:aws:s3:::reports/*", "reports"))
ASK = GrantRequest("analytics-prod", (ONE,), 7200, "x" * 600, "OPS 12")
SEVERAL = GrantRequest("analytics-prod", (ONE, ONE), 2, "report")
COPY = "aws s3 cp s3://reports/2026/q3.csv 'a dir'"
CALLED = GrantRequest("analytics-prod", (), 300, "report", calls=(COPY,))
CALLS = GrantRequest("analytics-prod", (), 300, "report", calls=("aws s3 ls", COPY, "aws " + "x" * 100))
BOUNDS = ApiBounds(5, 3600)


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
        (ASK, "/permissions/0/conditions/aws:ResourceTag~1env/0", "--condition aws:ResourceTag/env"),
        (ASK, "/permissions/0/conditions", "--condition"),
        (SEVERAL, "/permissions/1/conditions/s3:prefix", "--permissions, permissions[1].conditions s3:prefix"),
        (ASK, "/later", "/later"),
        (CALLED, "/calls", COPY),
        (CALLED, "/calls/0", COPY),
        (CALLS, "/calls", "--call"),
        (CALLS, "/calls/1", f"--call 2 of 3, {COPY}"),
        (CALLS, "/calls/2", f"--call 3 of 3, aws {'x' * 75}…"),
        (CALLED, "/calls/1", "/calls/1"),
        (ASK, "/calls/0", "/calls/0"),
    ],
)
def test_a_place_in_the_body_is_the_option_and_its_value(ask: GrantRequest, pointer: str, place: str):
    fault = ApiFault(pointer, "It is wrong.", "Write another.")
    assert fault_and_fix(fault, ask) == (f"{place}: It is wrong.", "Write another.")


@pytest.mark.parametrize("ask", [CALLED, None])
def test_an_error_without_a_place_is_shown_alone(ask: GrantRequest | None):
    assert fault_and_fix(ApiFault("", "It is wrong.", "Fix."), ask) == ("It is wrong.", "Fix.")


@pytest.mark.parametrize(("ask", "said"), [(ASK, "--for 2h is too long."), (SEVERAL, "--for 2s is too short.")])
def test_a_duration_out_of_bounds_is_shown_as_durations_are_written(ask: GrantRequest, said: str):
    fault = ApiFault("/duration_seconds", "It is out of range.", "Another.", BOUNDS)
    assert fault_and_fix(fault, ask) == (said, "Give 5s to 1h.")


@pytest.mark.parametrize(
    ("ask", "pointer", "said"),
    [
        (CALLED, "/calls/0", f"{COPY}: Option --x does not exist."),
        (CALLS, "/calls/0", "--call 1 of 3, aws s3 ls: Option --x does not exist."),
        (CALLED, "/calls/9", "/calls/9: Option --x does not exist."),
        (None, "/calls/0", "/calls/0: Option --x does not exist."),
    ],
)
def test_a_problem_with_a_call_names_the_command(ask: GrantRequest | None, pointer: str, said: str):
    detail = f"{pointer}: Option --x does not exist."
    assert detail_in_options(detail, pointer, ask) == said
    assert detail_in_options("Option --x does not exist.", pointer, ask) == "Option --x does not exist."
    assert detail_in_options("Option --x does not exist.", "", ask) == "Option --x does not exist."


@pytest.mark.parametrize(("pointer", "place"), [("/reason", "--reason"), ("/name", "NAME"), ("/other", "/other")])
def test_cli_07_without_a_request_the_options_of_operators_are_named(pointer: str, place: str):
    assert fault_and_fix(ApiFault(pointer, "It is empty.", "Write."), None) == (
        f"{place}: It is empty.", "Write.",
    )  # fmt: skip
