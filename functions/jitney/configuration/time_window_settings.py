"""The model of `time_windows` in `jitney.yaml`: weekly hours and single periods, in a time zone."""

import re
from contextlib import suppress
from datetime import datetime
from functools import cache
from importlib.resources import files
from typing import Annotated, Any, Self
from zoneinfo import ZoneInfo

from pydantic import AfterValidator, BeforeValidator, Field, model_validator

from jitney.configuration.values import Alias, SettingsModel, one_of, refused, unique
from jitney.core.policy.local_times import epoch_seconds

DAYS = ("monday", "tuesday", "wednesday", "thursday", "friday", "saturday", "sunday")
MOST_WINDOWS = 20
_CLOCK = re.compile(r"([01][0-9]|2[0-3]):[0-5][0-9]", re.ASCII)
_END_OF_DAY = "24:00"
_TIME = re.compile(r"[0-9]{4}-[0-9]{2}-[0-9]{2}[T ][0-9]{2}:[0-9]{2}", re.ASCII)


@cache
def _time_zones() -> frozenset[str]:
    """Return the time zones of the package that is deployed. The machine can have others, such as `localtime`."""
    return frozenset(files("tzdata").joinpath("zones").read_text("ascii").split())


def _time_zone(name: str) -> str:
    if name not in _time_zones():
        raise refused(f'there is no time zone "{name}"', _time_zone_fix(name))
    return name


def _time_zone_fix(name: str) -> str:
    """Return the fix: zones with a similar name, or an example."""
    cities = {each.rpartition("/")[2].casefold(): each for each in sorted(_time_zones())}
    meant = cities.get(name.rpartition("/")[2].replace(" ", "_").casefold())
    return f"did you mean {meant}?" if meant else "write a name such as Europe/Berlin, America/New_York or UTC"


def _clock(text: str) -> str:
    """Accept a time of day such as 08:00."""
    if not _CLOCK.fullmatch(text):
        raise refused(f'"{text}" is no time of day', 'write hours and minutes in quotation marks, such as "08:00"')
    return text


def _closing_clock(text: str) -> str:
    """Accept a time of day, or the end of the day."""
    return text if text == _END_OF_DAY else _clock(text)


def _minutes(clock: str) -> int:
    """Return the minutes after midnight of a time of day."""
    hours, minutes = map(int, clock.split(":"))
    return 60 * hours + minutes


def _local_time(value: Any) -> datetime:
    """Accept a date with a time of day, such as 2026-12-18T18:00."""
    text = str(value)
    with suppress(ValueError):
        if _TIME.fullmatch(text):
            return datetime.fromisoformat(text)
    raise refused(f'"{text}" is no date with a time', "write it in the window's time zone, such as 2026-12-18T18:00")


LocalTime = Annotated[datetime, BeforeValidator(_local_time)]
Day = Annotated[str, one_of(DAYS, "a day")]


class WeeklyHoursSettings(SettingsModel):
    """Hours on some days of each week. If `closes` is not after `opens`, they end on the next day."""

    days: Annotated[tuple[Day, ...], Field(min_length=1), AfterValidator(unique)] = DAYS
    opens: Annotated[str, AfterValidator(_clock)] = "00:00"
    closes: Annotated[str, AfterValidator(_closing_clock)] = _END_OF_DAY

    @model_validator(mode="after")
    def _closes_at_another_time(self) -> Self:
        if self.opens == self.closes:
            wrong = f"the hours open and close at {self.opens}, which would be a whole day"
            raise refused(wrong, "write two different times, or leave both out for whole days")
        return self


class PeriodSettings(SettingsModel):
    """One period, in the window's time zone."""

    opens: LocalTime
    closes: LocalTime

    @model_validator(mode="after")
    def _in_order(self) -> Self:
        if self.closes <= self.opens:
            raise refused("the period closes before it opens", "write the earlier time as opens")
        return self


class TimeWindowSettings(SettingsModel):
    """A time window, which is open in its weekly hours and in its periods."""

    time_zone: Annotated[str, AfterValidator(_time_zone)]
    weekly: Annotated[tuple[WeeklyHoursSettings, ...], Field(max_length=20)] = ()
    periods: Annotated[tuple[PeriodSettings, ...], Field(max_length=100)] = ()

    @model_validator(mode="after")
    def _opens(self) -> Self:
        if not self.weekly and not self.periods:
            raise refused("the window never opens", "give it weekly hours or periods")
        zone = ZoneInfo(self.time_zone)
        for each in self.periods:
            if epoch_seconds(each.opens, zone) == epoch_seconds(each.closes, zone):
                wrong = f"the clocks of {self.time_zone} skip the whole period that opens at {each.opens.isoformat()}"
                raise refused(wrong, "write times that these clocks show")
        return self

    def compiled(self) -> dict[str, Any]:
        """Return the members of `jitney.core.time_window_config.TimeWindow`."""
        zone = ZoneInfo(self.time_zone)
        return {
            "time_zone": self.time_zone,
            "weekly": [
                {
                    "days": [DAYS.index(day) for day in each.days],
                    "opens": _minutes(each.opens),
                    "closes": _minutes(each.closes),
                }
                for each in self.weekly
            ],
            "periods": [[epoch_seconds(time, zone) for time in (each.opens, each.closes)] for each in self.periods],
        }


TimeWindows = Annotated[dict[Alias, TimeWindowSettings], Field(max_length=MOST_WINDOWS)]
