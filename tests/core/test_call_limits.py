"""The limits of calls, as policies write them (row GW 4)."""

import pytest

from jitney.core.call_limits import NO_CALL_LIMITS, CallLimits, narrowest, written_limits


def test_gw_04_a_policy_writes_limits_by_name():
    assert written_limits("items_deleted=20") == NO_CALL_LIMITS._replace(items_deleted=20)
    assert written_limits(" calls = 5,bytes_out=1000 ") == NO_CALL_LIMITS._replace(calls=5, bytes_out=1000)


@pytest.mark.parametrize(
    "text",
    [
        "",
        "calls",
        "calls=",
        "calls=0",
        "calls=-1",
        "calls=1.5",
        "calls=1,calls=2",
        "dollars=1",
        "calls=1;",
        "_asdict=1",
    ],
)
def test_gw_04_any_other_form_is_refused(text: str):
    with pytest.raises(ValueError, match="not a limit"):
        written_limits(text)


def test_gw_04_the_lowest_limit_of_each_kind_counts_and_none_lifts_another():
    target = CallLimits(calls=100, items_deleted=0, calls_per_minute=10)
    assert target.within(NO_CALL_LIMITS) == target
    assert target.within(written_limits("calls=200, items_deleted=3")) == target._replace(items_deleted=3)
    assert target.within(written_limits("calls=5")).calls == 5
    assert narrowest([written_limits("calls=5"), written_limits("calls=3, bytes_out=9")]) == NO_CALL_LIMITS._replace(
        calls=3, bytes_out=9
    )
    assert narrowest([]) == NO_CALL_LIMITS
