"""Row POL 1: policies can name time windows, and see all that are open during a grant."""

from collections.abc import Mapping
from datetime import UTC, datetime, timedelta
from itertools import pairwise
from typing import Any
from zoneinfo import ZoneInfo

import cedarpy
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from jitney.core.access.decision import Decision, Effect
from jitney.core.access.request import AccessRequest, Permission, Way
from jitney.core.policy.decide import MAX_SEARCH_EVALUATIONS, decide
from jitney.core.policy.local_times import epoch_seconds
from jitney.core.policy.time_windows import DAYS_AHEAD, WindowTimes
from jitney.core.time_window_config import TimeWindow, WeeklyHours
from tests.core.policy.conftest import agent
from tests.cpu_time import within_cpu_seconds
from tests.examples import examples
from tests.guards import PACKAGE

WORKDAYS = (0, 1, 2, 3, 4)
BERLIN, NEW_YORK = "Europe/Berlin", "America/New_York"
HOURS = TimeWindow(BERLIN, (WeeklyHours(WORKDAYS, 8 * 60, 18 * 60),), ())
NIGHTS = TimeWindow(NEW_YORK, (WeeklyHours((4,), 22 * 60, 6 * 60),), ())
ALWAYS = TimeWindow("UTC", (WeeklyHours(tuple(range(7)), 0, 24 * 60),), ())


def at(text: str) -> int:
    return int(datetime.fromisoformat(text).replace(tzinfo=UTC).timestamp())


FREEZE = TimeWindow("UTC", (), ((at("2026-12-03T16:00"), at("2026-12-03T20:00")),))
WINDOWS = {"hours": HOURS, "freeze": FREEZE}

SCOPE = "principal, action, resource"
IN_HOURS = f'@id("hours") permit ({SCOPE}) when {{ context.timeWindows.contains("hours") }};'
FROZEN = f"""@id("all") permit ({SCOPE});
@id("freeze") @advice("Wait for the end of the freeze.")
forbid ({SCOPE}) when {{ context.timeWindows.contains("freeze") }};"""
REVIEWED = f"""@id("all") permit ({SCOPE});
@id("late") @approval("owners") forbid ({SCOPE})
unless {{ context.timeWindows.contains("hours") || context.approvals.contains("owners") }};"""
PUT = Permission(("s3:PutObject",), ("arn:aws:s3:::b/a",))
GROUPS = ("owners",)


@pytest.mark.parametrize(
    ("window", "opens", "closes"),
    [
        (HOURS, "2026-12-01T07:00", "2026-12-01T17:00"),
        (HOURS, "2026-07-01T06:00", "2026-07-01T16:00"),  # summer time
        (NIGHTS, "2026-12-05T03:00", "2026-12-05T11:00"),  # begins on Friday in New York, and ends on Saturday
        (FREEZE, "2026-12-03T16:00", "2026-12-03T20:00"),
        (HOURS._replace(periods=FREEZE.periods), "2026-12-03T07:00", "2026-12-03T20:00"),  # hours and a period
        # The clocks go back in these hours, so they last an hour longer.
        (TimeWindow(BERLIN, (WeeklyHours((6,), 60, 5 * 60),), ()), "2026-10-24T23:00", "2026-10-25T04:00"),
        # 02:30 does not exist on that day: the clocks go forward at 02:00, and show 03:00.
        (TimeWindow(BERLIN, (WeeklyHours((6,), 150, 5 * 60),), ()), "2026-03-29T01:00", "2026-03-29T03:00"),
        (TimeWindow(BERLIN, (WeeklyHours((6,), 150, 195),), ()), "2026-03-29T01:00", "2026-03-29T01:15"),
        # The clocks show 02:30 twice on that day.
        (TimeWindow(BERLIN, (WeeklyHours((6,), 150, 195),), ()), "2026-10-25T00:30", "2026-10-25T02:15"),
        (
            TimeWindow("Asia/Kathmandu", (WeeklyHours((2,), 8 * 60, 18 * 60),), ()),
            "2026-07-01T02:15",
            "2026-07-01T12:15",
        ),
        # Half an hour is skipped, and begins twice.
        (TimeWindow("Australia/Lord_Howe", (WeeklyHours((6,), 135, 160),), ()), "2026-10-03T15:30", "2026-10-03T15:40"),
        (TimeWindow("Australia/Lord_Howe", (WeeklyHours((6,), 105, 130),), ()), "2026-04-04T14:45", "2026-04-04T15:40"),
        # A whole day is skipped: Friday, 30 December.
        (TimeWindow("Pacific/Apia", (WeeklyHours((4,), 720, 600),), ()), "2011-12-30T10:00", "2011-12-30T20:00"),
        # Exactly 24 hours, over midnight.
        (TimeWindow("UTC", (WeeklyHours((1,), 720, 720),), ()), "2026-12-01T12:00", "2026-12-02T12:00"),
    ],
)
def test_pol_01_a_window_is_open_from_its_first_second_to_before_its_last(window: TimeWindow, opens: str, closes: str):
    expected = {at(opens) - 1: (), at(opens): ("it",), at(closes) - 1: ("it",), at(closes): ()}
    found = {now: WindowTimes.at({"it": window}, now).during(0, frozenset({"it"}))[0] for now in expected}
    assert found == expected


@given(st.integers(at("2026-01-01"), at("2027-12-31")), st.integers(1, 43_200))
def test_pol_01_the_windows_during_a_grant_are_those_of_each_minute(now: int, seconds: int):
    zone = ZoneInfo(BERLIN)

    def open_at(time: int) -> tuple[str, ...]:
        there = datetime.fromtimestamp(time, zone)
        hours = there.weekday() in WORKDAYS and 8 <= there.hour < 18
        freeze = FREEZE.periods[0][0] <= time < FREEZE.periods[0][1]
        return tuple(name for name, is_open in (("freeze", freeze), ("hours", hours)) if is_open)

    minutes = [now, *range(now - now % 60 + 60, now + seconds, 60)]
    expected = tuple(dict.fromkeys(map(open_at, minutes)))
    assert WindowTimes.at(WINDOWS, now).during(seconds, frozenset(WINDOWS)) == expected


@given(st.integers(at("2026-01-01"), at("2027-12-31")))
def test_pol_01_changes_are_known_for_a_month_and_each_differs_from_the_one_before(now: int):
    changes = WindowTimes.at({**WINDOWS, "nights": NIGHTS, "always": ALWAYS}, now).changes
    assert changes[0][0] <= now
    assert all(before[0] < after[0] and before[1] != after[1] for before, after in pairwise(changes))
    assert changes[-1][0] > now + (DAYS_AHEAD - 5) * 86_400
    assert all("always" in names for _, names in changes)


def test_pol_01_changes_of_all_windows_that_a_configuration_can_have_are_found_in_little_time():
    """`WindowTimes.at` compared each change with each span, which took 8 s in the first decision of each day."""
    now = at("2026-12-01")

    def window(number: int) -> TimeWindow:
        starts = [(place * 67 + number * 3) % 1440 for place in range(20)]
        periods = tuple((now + each * 1000 + number, now + each * 1000 + 500 + number) for each in range(100))
        return TimeWindow(
            BERLIN, tuple(WeeklyHours(tuple(range(7)), each, min(each + 31, 1440)) for each in starts), periods
        )

    windows = {f"w{number}": window(number) for number in range(20)}
    with within_cpu_seconds(2):
        assert len(WindowTimes.at(windows, now).changes) > 4000


@given(st.lists(st.tuples(st.integers(0, 1439), st.integers(1, 1440)), min_size=1, max_size=4), st.integers(0, 13))
def test_pol_01_a_window_is_open_in_any_of_its_hours(hours: list[tuple[int, int]], place: int):
    weekly = tuple(WeeklyHours((number,), *each) for number, each in enumerate(hours))
    start = at("2026-11-30")  # a Monday
    minutes = {
        number * 1440 + minute
        for number, (opens, closes) in enumerate(hours)
        for minute in range(opens, closes if closes > opens else closes + 1440)
    }
    now = start + place * 10_000
    window = {"it": TimeWindow("UTC", weekly, ())}
    found = [WindowTimes.at(window, now + 60 * each).during(0, frozenset(window)) for each in range(720)]
    assert found == [(("it",),) if ((now - start) // 60 + each) % 10_080 in minutes else ((),) for each in range(720)]


@given(
    st.sampled_from([BERLIN, NEW_YORK, "Australia/Lord_Howe", "Pacific/Apia", "Asia/Kathmandu", "Africa/Casablanca"]),
    st.datetimes(datetime(1940, 1, 1), datetime(2040, 1, 1)),  # noqa: DTZ001 - local times
    st.integers(0, 100_000),
)
def test_pol_01_a_later_local_time_is_never_an_earlier_moment(name: str, local: datetime, minutes: int):
    zone = ZoneInfo(name)
    moments = [epoch_seconds(each, zone) for each in (local, local + timedelta(minutes=minutes))]
    assert moments == sorted(moments)


class Asked:
    def __init__(self, load: Any, actions: Any, target: Any, limits: Any) -> None:
        self._load, self._target, self._rest = load, target, (actions, limits)

    def __call__(
        self,
        policies: str,
        now: str,
        seconds: int = 300,
        *,
        ends_at: str = "",
        approvals: tuple[str, ...] = (),
        operation: str = "",
        permission: Permission = PUT,
        among: Mapping[str, TimeWindow] = WINDOWS,
    ) -> Decision:
        way = Way.GATEWAY if operation else Way.CREDENTIALS
        request = AccessRequest("analytics-prod", (permission,), seconds, "reason", "", way=way, operation=operation)
        windows = WindowTimes.at(among, at(now), at(ends_at) if ends_at else None)
        rest = (self._target, self._load(policies), *self._rest, GROUPS, approvals)
        return decide(agent(), request, *rest, windows=windows)


@pytest.fixture
def asked(load, actions, target, limits) -> Asked:
    return Asked(load, actions, target, limits)


@pytest.mark.parametrize(
    ("policies", "now", "seconds", "effect", "longest", "permitted_from"),
    [
        (IN_HOURS, "2026-12-01T07:00", 300, "allow", 0, ""),
        (IN_HOURS, "2026-12-01T16:55", 300, "allow", 0, ""),
        (IN_HOURS, "2026-12-01T16:55:01", 300, "deny", 239, "2026-12-02T07:00"),
        (IN_HOURS, "2026-12-01T16:59:30", 300, "deny", 0, "2026-12-02T07:00"),
        (IN_HOURS, "2026-12-01T06:59:59", 300, "deny", 0, "2026-12-01T07:00"),
        (IN_HOURS, "2026-12-04T17:00", 300, "deny", 0, "2026-12-07T07:00"),  # over the weekend
        (FROZEN, "2026-12-03T15:55", 300, "allow", 0, ""),
        (FROZEN, "2026-12-03T15:55:01", 300, "deny", 239, "2026-12-03T20:00"),
        (FROZEN, "2026-12-03T18:00", 300, "deny", 0, "2026-12-03T20:00"),
        (FROZEN, "2026-12-03T19:59:59", 300, "deny", 0, "2026-12-03T20:00"),
        (FROZEN, "2026-12-03T20:00", 300, "allow", 0, ""),
        (REVIEWED, "2026-12-01T12:00", 300, "allow", 0, ""),
        (REVIEWED, "2026-12-01T16:58", 300, "review", 0, ""),
        (REVIEWED, "2026-12-01T20:00", 300, "review", 0, ""),
    ],
)
def test_pol_01_a_grant_needs_a_permit_in_each_window_that_it_meets(
    asked: Asked, policies: str, now: str, seconds: int, effect: str, longest: int, permitted_from: str
):
    decision = asked(policies, now, seconds)
    found = decision.effect, decision.longest_seconds, decision.permitted_from
    assert found == (effect, longest, at(permitted_from) if permitted_from else None)


def test_pol_01_a_suggested_duration_passes_for_a_minute(asked: Asked):
    longest = asked(FROZEN, "2026-12-03T15:30:00", 3600).longest_seconds
    assert [asked(FROZEN, f"2026-12-03T15:{each}", longest).effect for each in ("30:00", "31:00", "31:01")] == [
        "allow", "allow", "deny",
    ]  # fmt: skip


def once(opens: int, closes: int) -> TimeWindow:
    return TimeWindow("UTC", (), ((opens, closes),))


def test_pol_07_the_end_of_a_year_end_freeze_is_known_on_its_first_day(asked: Asked):
    among = {"hours": HOURS, "freeze": once(at("2026-12-18T17:00"), at("2027-01-04T07:00"))}
    assert asked(FROZEN, "2026-12-18T17:00", among=among).permitted_from == at("2027-01-04T07:00")


@pytest.mark.parametrize("time", ["2026-12-01T00:00", "2026-12-01T23:59"])
def test_pol_07_a_denial_looks_exactly_thirty_days_ahead(asked: Asked, time: str):
    start, long = at(time) + 30 * 86_400, 43_200
    assert asked(IN_HOURS, time, among={"hours": once(start, start + long)}).permitted_from == start
    assert asked(IN_HOURS, time, among={"hours": once(start + 1, start + long)}).permitted_from is None


@pytest.mark.parametrize("time", ["2026-12-01T00:00", "2026-12-01T23:59"])
def test_pol_07_a_denial_names_no_time_from_which_the_request_lasts_into_a_window(asked: Asked, time: str):
    """The changes of windows were known for too few days to see the freeze."""
    policies, start = f"{IN_HOURS}\n{FROZEN.partition(';')[2]}", at(time) + 30 * 86_400
    among = {"hours": once(start, start + 43_200), "freeze": once(start + 3000, start + 3600)}
    assert asked(policies, time, 3000, among=among).permitted_from == start
    assert asked(policies, time, 3001, among=among).permitted_from is None


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture], max_examples=examples(50))
@given(st.integers(0, 10_080), st.integers(300, 3600), st.sampled_from([IN_HOURS, FROZEN]))
def test_pol_07_a_request_passes_at_the_time_that_its_denial_names(
    asked: Asked, minute: int, seconds: int, policies: str
):
    def decided(moment: int) -> Decision:
        return asked(policies, datetime.fromtimestamp(moment, UTC).isoformat()[:19], seconds)

    now = at("2026-11-30") + 60 * minute
    first = decided(now)
    if first.effect is Effect.DENY:
        assert first.permitted_from
        assert [decided(first.permitted_from + each).effect for each in (-1, 0)] == [Effect.DENY, Effect.ALLOW]


def test_pol_09_a_denial_does_not_evaluate_all_the_windows_of_a_month(asked: Asked, monkeypatch: pytest.MonkeyPatch):
    """Now all windows are closed. Tomorrow, the set of open ones changes each minute. It cost 60 times as much."""
    now, names = at("2026-12-01"), [f"w{number}" for number in range(10)]
    minutes = {
        name: [each for each in range(1024) if (each ^ each >> 1) >> place & 1] for place, name in enumerate(names)
    }
    among = {
        name: TimeWindow("UTC", (), tuple((now + 86_400 + 60 * each, now + 86_460 + 60 * each) for each in found))
        for name, found in minutes.items()
    }
    arns = tuple(f"arn:aws:s3:::b/{number}" for number in range(40))
    forbids = "".join(f'@id("n{n}") forbid ({SCOPE}) when {{ resource.arn == "{arn}" }};' for n, arn in enumerate(arns))
    named = "".join(f'@id("{n}") permit ({SCOPE}) when {{ context.timeWindows.contains("{n}") }};' for n in names)
    evaluated, ask = [], cedarpy.is_authorized_batch
    monkeypatch.setattr(
        cedarpy, "is_authorized_batch", lambda each, *rest: evaluated.append(len(each)) or ask(each, *rest)
    )
    decision = asked(forbids + named, "2026-12-01", 3600, permission=Permission(("s3:PutObject",), arns), among=among)
    assert (decision.effect, decision.permitted_from) == (Effect.DENY, None)
    assert sum(evaluated) <= 1.1 * MAX_SEARCH_EVALUATIONS


def test_pol_07_a_denial_knows_from_when_on_policies_permit_the_request(asked: Asked):
    decision = asked(FROZEN, "2026-12-03T18:00")
    assert decision.reasons[0].sentence == (
        "s3:PutObject (Write) on arn:aws:s3:::b/a is forbidden. Wait for the end of the freeze."
    )
    assert decision.permitted_from == at("2026-12-03T20:00")
    assert (decision.permits_some, decision.would_permit) == (False, True)


def test_pol_01_a_grant_that_has_begun_is_decided_up_to_its_own_end(asked: Asked):
    now, end = "2026-12-03T15:50", "2026-12-03T16:00"
    assert asked(FROZEN, now, 3600).effect is Effect.DENY
    assert asked(FROZEN, now, 3600, ends_at=end).effect is Effect.ALLOW
    assert asked(FROZEN, now, 3600, ends_at="2026-12-03T16:00:01").effect is Effect.DENY
    assert asked(FROZEN, "2026-12-03T16:00", 3600, ends_at=end).effect is Effect.DENY


def test_pol_01_a_call_is_decided_at_its_own_time(asked: Asked):
    effects = [
        asked(FROZEN, f"2026-12-03T{time}", 3600, operation="s3:PutObject").effect
        for time in ("15:59:59", "16:00", "19:59:59", "20:00")
    ]
    assert effects == ["allow", "deny", "deny", "allow"]


def test_pol_01_an_approval_replaces_no_window_that_a_permit_requires(asked: Asked):
    assert asked(IN_HOURS, "2026-12-01T20:00", approvals=GROUPS).effect is Effect.DENY
    assert asked(REVIEWED, "2026-12-01T20:00", approvals=GROUPS).effect is Effect.ALLOW


def test_pol_02_no_decision_is_made_without_the_time_windows(load, actions, target, limits):
    request = AccessRequest("analytics-prod", (PUT,), 300, "reason", "")
    undecided: Any = decide
    with pytest.raises(TypeError, match="windows"):
        undecided(agent(), request, target, load(FROZEN), actions, limits, GROUPS)
    broker = (PACKAGE / "handlers").rglob("*.py")
    assert [path for path in broker if "WindowTimes.always" in path.read_text("utf-8")] == []


def test_pol_01_windows_that_no_policy_names_change_nothing(asked: Asked):
    silent = f'@id("all") permit ({SCOPE}) when {{ context.durationSeconds <= 600 }};'
    decision = asked(silent, "2026-12-03T15:50", 3600)
    assert (decision.effect, decision.longest_seconds, decision.permitted_from) == (Effect.DENY, 600, None)


@pytest.mark.parametrize(
    ("condition", "wrong"),
    [
        ('context.timeWindows == ["hours"]', "other than with .contains()"),
        ("context.timeWindows.contains(context.target)", "other than with .contains()"),
    ],
)
def test_pol_02_other_uses_of_time_windows_are_refused(load, condition: str, wrong: str):
    with pytest.raises(ValueError, match=wrong.replace("(", r"\(").replace(")", r"\)").replace(".", r"\.")):
        load(f'@id("other") permit ({SCOPE}) when {{ {condition} }};')
