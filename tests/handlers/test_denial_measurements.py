"""When AWS denies an ended grant is measured after the answer, in few calls and two Regions (END 1, END 6)."""

import json
from typing import Any

import pytest

from infra.ending_functions import MEASURING
from infra.function_specs import SPECS
from jitney.adapters.aws_clients import ONE_ATTEMPT
from jitney.core.access.deny_document import IN_FLIGHT_SECONDS
from jitney.core.access.grant import State
from jitney.core.problems import Problem
from jitney.core.times import iso
from jitney.handlers.denial_measurements import MOST_REGIONS, PAUSES_SECONDS, measure_denial
from jitney.handlers.ending.denial_times import CANARY_POLICY_SECONDS, LATE_MILLISECONDS
from jitney.handlers.ending.suspension_measurements import MEASURED_WITHIN_SECONDS
from jitney.handlers.releases import release_grant
from tests.handlers.conftest import System
from tests.handlers.test_ending import asked, cut_off, end_as, measured, mine, targets_are

ISSUE_SECONDS = 15
"""The longest issue of a canary's session (adapters.aws_clients.DEFAULT_CONFIG)."""
HOME, OTHER = "eu-west-1", "us-east-1"


def released(system: System) -> str:
    (grant_id,) = mine(system, 1)
    assert system.call(release_grant, grant_id=grant_id)[0] == 200
    return grant_id


def last_detail(system: System) -> dict[str, Any]:
    detail: dict[str, Any] = json.loads(system.records()[-1]["detail"])
    return detail


@pytest.mark.parametrize(
    ("denied_at", "denied", "allowed"),
    [(1, 1000, None), (2, 2000, 1000), (5, 8000, 6000), (6, 16_000, 8000), (7, None, 16_000)],
)
def test_end_01_the_time_is_between_two_calls_and_there_are_six_at_most(
    system: System, denied_at: int, denied: int | None, allowed: int | None
):
    grant_id = released(system)
    system.canary.denied_at = denied_at
    assert measured(system, grant_id) == denied
    assert system.canary.calls == min(denied_at, 6)
    assert len(system.sessions.asked) == 1
    assert last_detail(system) == {
        "denied_after_milliseconds": denied,
        "denials_milliseconds": {HOME: denied},
        "allowed_milliseconds": {HOME: allowed},
        "written_at": iso(system.now),
    }
    assert system.outcomes()[-1] == ("canary", "failed" if denied is None else "denied", "")


def test_end_01_the_policy_of_a_measurement_denies_nothing_while_it_lasts(system: System):
    """Otherwise its own end would be taken for the denial."""
    measured(system, released(system))
    (session,) = system.sessions.asked
    ends = session.policy.document()["Statement"][-1]["Condition"]["DateGreaterThan"]["aws:CurrentTime"]
    assert ends == iso(system.now + CANARY_POLICY_SECONDS)
    assert sum(PAUSES_SECONDS) + ISSUE_SECONDS < CANARY_POLICY_SECONDS


def test_end_01_the_time_counts_from_the_request_and_not_from_the_measurement(system: System):
    grant_id = released(system)
    system.pause(3.25)  # IAM's write, and the function's cold start
    assert measured(system, grant_id) == 4250


@pytest.mark.parametrize(("in_other", "denied"), [(1, 2000), (4, 6000), (None, None)])
def test_end_01_a_target_in_two_regions_is_measured_in_both_and_the_later_counts(
    system: System, in_other: int | None, denied: int | None
):
    targets_are(system, other_regions=(OTHER, "eu-central-1"))
    grant_id = released(system)
    system.canary.later = {HOME: 2, OTHER: in_other}
    assert measured(system, grant_id) == denied
    assert last_detail(system)["denials_milliseconds"] == {
        HOME: 2000,
        OTHER: {1: 1000, 4: 6000, None: None}[in_other],
    }
    assert dict(system.canary.calls_in) == {HOME: 2, OTHER: in_other or 6}
    assert len(system.sessions.asked) == 1


def test_sts_02_the_canary_can_do_nothing_that_was_granted(system: System):
    grant_id = released(system)
    system.measure()
    (canary,) = system.sessions.asked
    assert (canary.name, dict(canary.tags)["grant"]) == (f"g-canary-{grant_id[2:]}", grant_id)
    assert canary.scopable is None  # the denial would refuse it, and nothing could be measured
    allow, deny = canary.policy.document()["Statement"]
    assert (allow["Action"], deny["Effect"]) == ("sts:GetAccessKeyInfo", "Deny")


def test_end_01_a_grant_that_cannot_be_fetched_is_measured_by_a_repeat(system: System, monkeypatch):
    def failing(*_: Any) -> Any:
        raise Problem("unavailable", "The store did not answer as it should.", "Try again in a moment.")

    event = {"grant_id": released(system), "since_milliseconds": 0, "written_at": 0}
    monkeypatch.setattr(system.store, "grant", failing)
    with pytest.raises(Problem, match="unavailable"):
        measure_denial(event, system.ports)
    assert not system.sessions.asked


@pytest.mark.parametrize("state", list(State))
def test_sts_02_no_event_starts_a_session_of_a_grant_that_has_not_to_be_denied(system: System, state: State):
    """A function that may invoke this one chooses the event."""
    (grant_id,) = mine(system, 1, state=state)
    for named in (grant_id, "g-zzzzzzzzzzzzzz"):
        event = {"grant_id": named, "since_milliseconds": 0, "written_at": 0}
        assert measure_denial(event, system.ports) == {}
    assert not system.sessions.asked
    assert not system.records()


@pytest.mark.parametrize("why", ["measured", "expired", "no target", "no canary"])
def test_end_06_nothing_is_measured_twice_late_or_in_vain(system: System, why: str):
    released(system)
    event = system.measurements.events[0]
    if why == "measured":
        system.measure()
    elif why == "expired":
        system.now += 900
    else:
        targets_are(system, **({"canary": False} if why == "no canary" else {"role_arn": "arn:aws:iam::1:role/x"}))
    before = len(system.records()), len(system.sessions.asked)
    assert measure_denial(event, system.ports) == {}
    assert (len(system.records()), len(system.sessions.asked)) == before


def test_end_01_a_canary_without_a_session_is_on_record_as_failed(system: System):
    grant_id = released(system)
    system.sessions.problem = Problem("issue_throttled", "AWS is throttling.", "Try again.")
    assert measured(system, grant_id) is None
    assert system.outcomes()[-1] == ("canary", "failed", "")
    assert system.canary.calls == system.milliseconds == 0


def test_end_01_the_time_is_stored_though_the_grant_changed_while_it_was_measured(system: System):
    grant_id = asked(system)
    end_as(system, grant_id, "released")
    system.canary.meanwhile = lambda: cut_off(system, grant_id)
    assert measured(system, grant_id) is not None
    assert system.store.grants[grant_id].cut_off_at == system.now
    assert [event for event, _, _ in system.outcomes()] == ["request", "release", "cut_off", "canary"]


def test_end_01_of_two_measurements_of_a_grant_the_first_is_kept(system: System):
    """Lambda may deliver an event twice, and both may run at once."""
    grant_id = released(system)
    event, twice = system.measurements.events[0], []

    def meanwhile() -> None:
        if not twice:
            twice.append(True)
            measure_denial(event, system.ports)
            system.pause(5)

    system.canary.meanwhile = meanwhile
    system.measure()
    assert system.store.grants[grant_id].ending.denied_after_milliseconds == 2000
    assert [each[0] for each in system.outcomes()].count("canary") == 1


def test_end_01_a_time_that_could_not_be_stored_is_logged(system: System, caplog: pytest.LogCaptureFixture):
    grant_id = released(system)
    system.canary.meanwhile = lambda: setattr(system.store, "broken", True)
    assert measured(system, grant_id) is None
    assert "time to deny not recorded" in caplog.messages


def test_end_06_a_canary_whose_calls_hang_ends_in_the_functions_time_and_before_its_own_policy():
    hang = ONE_ATTEMPT.connect_timeout + ONE_ATTEMPT.read_timeout
    last = sum(PAUSES_SECONDS) + LATE_MILLISECONDS / 1000 + hang
    assert ISSUE_SECONDS + last < SPECS[MEASURING].timeout_seconds < CANARY_POLICY_SECONDS
    assert len(PAUSES_SECONDS) == 6
    assert MOST_REGIONS == 2


def test_end_08_a_canary_of_a_suspension_has_its_session_while_that_is_still_denied():
    assert MEASURED_WITHIN_SECONDS + ISSUE_SECONDS < IN_FLIGHT_SECONDS


def test_end_06_calls_that_hang_do_not_delay_the_others_beyond_the_plan(system: System):
    targets_are(system, other_regions=(OTHER,))
    grant_id = released(system)
    system.canary.denied_at = None
    system.canary.meanwhile = lambda: system.pause(5)
    assert measured(system, grant_id) is None
    assert system.milliseconds <= 1000 * (sum(PAUSES_SECONDS) + 5) + LATE_MILLISECONDS


def test_end_01_a_revocation_says_that_iam_has_it_before_it_is_measured(system: System):
    (grant_id,) = mine(system, 1)
    end_as(system, grant_id, "revoked")
    ending = system.store.grants[grant_id].ending
    assert (ending.denied_after_milliseconds, ending.written_at) == (None, system.now)
