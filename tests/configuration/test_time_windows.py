"""`time_windows` in jitney.yaml: each problem with its fix, and names in policies and cases (rows POL 1, POL 2)."""

from datetime import UTC, datetime
from typing import Any

import pytest
import yaml

from jitney.core.time_window_config import TimeWindow, WeeklyHours
from tests.configuration.test_load import changed, compiled, problems, valid, write_policies

__all__ = ["compiled"]
HOURS = {"opens": "08:00", "closes": "18:00"}
PERIOD = {"opens": "2026-12-18T18:00", "closes": "2027-01-04T08:00"}
EACH_DAY = (0, 1, 2, 3, 4, 5, 6)


def window(**members: Any) -> dict[str, Any]:
    """Return `time_windows` with one window in Berlin. None removes a member."""
    found = {"time_zone": "Europe/Berlin", "weekly": [dict(HOURS)], **members}
    return {"it": {name: value for name, value in found.items() if value is not None}}


def weekly(**members: Any) -> dict[str, Any]:
    return window(weekly=[{**HOURS, **members}])


def period(**members: Any) -> dict[str, Any]:
    return window(periods=[{**PERIOD, **members}])


ZONE, OPENS, CLOSES = "it.time_zone", "it.weekly.0.opens", "it.weekly.0.closes"
REFUSED: list[tuple[Any, str, str, str]] = [
    # The windows, the path of the problem in them, what is wrong, and the fix.
    (window(time_zone=None), ZONE, "it is missing", "write time_zone:"),
    (window(time_zone="berlin"), ZONE, 'no time zone "berlin"', "did you mean Europe/Berlin?"),
    (window(time_zone="new york"), ZONE, 'no time zone "new york"', "did you mean America/New_York?"),
    (window(time_zone="Mars"), ZONE, 'no time zone "Mars"', "such as Europe/Berlin"),
    *(
        (window(time_zone=name), ZONE, f'no time zone "{name}"', "")
        # They are on this machine, but not in the package that is deployed, or they lead out of its folder.
        for name in ("localtime", "posix/Europe/Rome", "right/UTC", "../../etc/passwd", "/etc/localtime", "zone.tab")
    ),
    (window(timezone="UTC"), "it.timezone", "no such key", "did you mean time_zone?"),
    (window(weekly=[]), "it", "the window never opens", "weekly hours or periods"),
    (window(weekly=None), "it", "the window never opens", "weekly hours or periods"),
    (window(weekly={"opens": "08:00"}), "it.weekly", "not a list", "[a, b]"),
    (window(weekly=[dict(HOURS) for _ in range(21)]), "it.weekly", "at most 20", "jitney.yaml"),
    (window(periods=[dict(PERIOD) for _ in range(101)]), "it.periods", "at most 100", "jitney.yaml"),
    (weekly(days=[]), "it.weekly.0.days", "empty", "at least one"),
    (weekly(days=["monday", "monday"]), "it.weekly.0.days", '"monday" is listed twice', "once"),
    (weekly(days=["Monday"]), "it.weekly.0.days.0", '"Monday" is not a day', "monday or tuesday"),
    (weekly(opens="8:00"), OPENS, '"8:00" is no time of day', '"08:00"'),
    (weekly(opens="24:00"), OPENS, '"24:00" is no time of day', '"08:00"'),
    (weekly(opens="08:60"), OPENS, '"08:60" is no time of day', '"08:00"'),
    (weekly(opens="\u0660\u0668:00"), OPENS, "is no time of day", '"08:00"'),
    (weekly(opens=480), OPENS, '"480" is no time of day', '"08:00"'),
    (weekly(closes="24:01"), CLOSES, '"24:01" is no time of day', '"08:00"'),
    (weekly(closes="18:00:00"), CLOSES, '"18:00:00" is no time of day', '"08:00"'),
    (weekly(closes="08:00"), "it.weekly.0", "open and close at 08:00, which would be a whole day", "leave both out"),
    (weekly(opens="00:00", closes="00:00"), "it.weekly.0", "which would be a whole day", "leave both out"),
    (
        window(periods=[PERIOD, {"opens": "2026-03-29T02:10", "closes": "2026-03-29T03:00"}]),
        "it",
        "the clocks of Europe/Berlin skip the whole period that opens at 2026-03-29T02:10:00",
        "times that these clocks show",
    ),
    (period(closes="2026-12-18T18:00"), "it.periods.0", "closes before it opens", "the earlier time as opens"),
    (period(closes="2026-12-18T17:59"), "it.periods.0", "closes before it opens", "the earlier time as opens"),
    *(
        (period(opens=time), "it.periods.0.opens", f'"{time}" is no date with a time', "such as 2026-12-18T18:00")
        for time in ("2026-12-18", "2026-12-18T18:00:00", "2026-12-18T18:00Z", "2026-02-30T18:00", "0000-01-01T00:00")
    ),
    ({"Business Hours": window()["it"]}, "Business Hours", "cannot be used", "lower-case letters"),
    ({f"w{number}": window()["it"] for number in range(21)}, "", "at most 20", "jitney.yaml"),
]


@pytest.mark.parametrize(("windows", "path", "wrong", "fix"), REFUSED, ids=[f"{row[0]}"[:70] for row in REFUSED])
def test_pol_01_each_problem_of_a_time_window_has_its_place_and_its_fix(compiled, windows, path, wrong, fix):
    found = problems(compiled, changed(("time_windows", windows)))
    assert list(found) == ["time_windows" + (path and f".{path}")]
    ((said, how),) = found.values()
    assert wrong in said
    assert fix in how


def utc(text: str) -> int:
    return int(datetime.fromisoformat(text).replace(tzinfo=UTC).timestamp())


@pytest.mark.parametrize(
    ("written", "read"),
    [
        (window(), ((WeeklyHours(EACH_DAY, 480, 1080),), ())),
        (window(weekly=[{"days": ["sunday"]}]), ((WeeklyHours((6,), 0, 1440),), ())),
        (window(weekly=[{"opens": "22:00"}]), ((WeeklyHours(EACH_DAY, 1320, 1440),), ())),
        (window(weekly=[{"opens": "22:00", "closes": "00:00"}]), ((WeeklyHours(EACH_DAY, 1320, 0),), ())),
        (window(weekly=[{"days": ["friday", "monday"], **HOURS}]), ((WeeklyHours((4, 0), 480, 1080),), ())),
        (window(weekly=[], periods=[PERIOD]), ((), ((utc("2026-12-18T17:00"), utc("2027-01-04T07:00")),))),
        (
            # The clocks skip 02:30 on that day.
            window(weekly=[], periods=[{"opens": "2026-03-29 02:30", "closes": "2026-03-29 03:15"}]),
            ((), ((utc("2026-03-29T01:00"), utc("2026-03-29T01:15")),)),
        ),
        (
            window(time_zone="UTC", weekly=[], periods=[{"opens": "0001-01-01T00:00", "closes": "9999-12-31T23:59"}]),
            ((), ((utc("0001-01-01T00:00"), utc("9999-12-31T23:59")),)),
        ),
    ],
)
def test_pol_01_times_of_windows_reach_the_functions(compiled, written, read):
    loaded = compiled(changed(("time_windows", written))).time_windows
    assert loaded == {"it": TimeWindow(written["it"]["time_zone"], *read)}


def test_pol_01_a_time_of_day_needs_no_quotation_marks(compiled):
    """YAML 1.1 has numbers such as 18:00, which is 1080."""
    text = "time_windows: {it: {time_zone: UTC, weekly: [{opens: 18:00, closes: 20:26}]}}"
    loaded = compiled(f"{yaml.safe_dump(valid())}{text}\n")
    assert loaded.time_windows["it"].weekly == (WeeklyHours(EACH_DAY, 1080, 1226),)


def naming(name: str) -> str:
    return f'@id("a") permit (principal, action, resource) when {{ context.timeWindows.contains("{name}") }};'


@pytest.mark.parametrize("key", ["policies", "shadow_policies"])
@pytest.mark.parametrize(
    ("windows", "fix"),
    [
        ({}, "add its: { time_zone: ..., weekly: [...] } to time_windows"),
        (window(), 'did you mean "it"? or add its: {'),
    ],
)
def test_pol_02_a_policy_names_only_windows_of_the_file(compiled, tmp_path, key, windows, fix):
    write_policies(tmp_path / "own", naming("its"))
    found = problems(compiled, changed((key, "own"), ("time_windows", windows)))
    (((said, how),),) = (found.values(),)
    assert said.endswith('names time window "its", which is not in time_windows')
    assert fix in how
    (tmp_path / "own" / "a.cedar").write_text(naming("it"))
    assert compiled(changed((key, "own"), ("time_windows", window()))).time_windows
