"""The heartbeats of CloudTrail: sent with each run of the reconciler, and counted when they arrive (row OPS 1)."""

from dataclasses import replace

import pytest

from jitney.core.trail.gaps import GAP_SECONDS, TrailGap, TrailWatch
from jitney.core.trail.heartbeat import BROKER as HOME
from jitney.handlers.reconciler import reconcile
from tests.cloudtrail_events import ACCOUNT, BROKER, assume_role_event, forwarded_event
from tests.core.trail.test_heartbeat import revoker_assumed, revoker_called
from tests.fakes import GRANT, NOW
from tests.handlers.conftest import System
from tests.handlers.test_correlator import Correlator
from tests.infra.alarm_states import metrics_in


def test_ops_01_each_run_sends_one_to_each_target(system: System):
    reconcile(system.ports)
    reconcile(system.ports)
    assert system.trail_heartbeat.sent == ["analytics-prod"] * 2


def test_ops_01_one_that_was_not_sent_stops_nothing_and_is_logged(system: System, caplog: pytest.LogCaptureFixture):
    system.trail_heartbeat.silent = True
    assert reconcile(system.ports)["expired"] == 0
    (line,) = [each for each in caplog.records if each.msg == "trail heartbeat not sent"]
    assert (vars(line)["target"], vars(line)["code"]) == ("analytics-prod", "unavailable")


def test_ops_01_it_is_sent_though_the_tables_do_not_answer(system: System):
    """Silence of CloudTrail is one fault, and tables that do not answer are another."""
    system.ports.__dict__["store"] = system.ports.__dict__["deny_list"] = None
    with pytest.raises(RuntimeError):
        reconcile(system.ports)
    assert system.trail_heartbeat.sent == ["analytics-prod"]


def test_ops_01_arrived_ones_are_counted_for_their_account_and_give_no_call(capsys: pytest.CaptureFixture[str]):
    correlator = Correlator(GRANT)
    home = forwarded_event(revoker_assumed(), account=BROKER)
    assert correlator.receive(home, forwarded_event(revoker_called()), forwarded_event(revoker_called())) == []
    counted = {
        (name, dimensions): values for (_, name, dimensions), values in metrics_in(capsys.readouterr().out).items()
    }
    service = ("service", "jitney")
    assert counted == {
        ("TrailHeartbeats", frozenset({service})): [1.0],
        ("TargetTrailHeartbeats", frozenset({service, ("target", "analytics-prod")})): [1.0, 1.0],
    }
    assert correlator.table.items == {}


def test_ops_01_arrived_ones_are_noted_for_the_record_of_gaps():
    correlator = Correlator(GRANT)
    correlator.receive(forwarded_event(revoker_assumed(), account=BROKER), forwarded_event(revoker_called()))
    assert correlator.trail_watches.watches() == {
        HOME: TrailWatch(HOME, NOW),
        "analytics-prod": TrailWatch("analytics-prod", NOW),
    }


def test_ops_01_the_reconciler_records_when_events_stop_and_arrive_again(system: System):
    for _ in range(2):
        assert reconcile(system.ports)["trail_gaps"] == 0
    assert {each.target for each in system.trail_watches.watches().values()} == {HOME, "analytics-prod"}
    first_seen = system.now
    system.now += GAP_SECONDS + 1
    system.trail_watches.note(HOME, system.now - 1)
    assert reconcile(system.ports)["trail_gaps"] == 1
    assert reconcile(system.ports)["trail_gaps"] == 0
    system.trail_watches.note("analytics-prod", system.now)
    assert reconcile(system.ports)["trail_gaps"] == 1
    assert system.outcomes() == [("trail_gap", "set", ""), ("trail_gap", "ended", "")]
    assert {each["target"] for each in system.records()} == {"analytics-prod"}
    watch = system.trail_watches.watches()["analytics-prod"]
    assert watch
    assert watch.gaps == (TrailGap("analytics-prod", first_seen, system.now),)


def test_ops_01_a_heartbeat_that_arrives_during_the_run_prevents_a_record(system: System):
    reconcile(system.ports)
    system.now += GAP_SECONDS + 1
    system.trail_watches.meanwhile = lambda: system.trail_watches.note("analytics-prod", system.now - 60)
    system.trail_watches.note(HOME, system.now - 1)
    assert reconcile(system.ports)["trail_gaps"] == 0
    assert system.outcomes() == []


def test_ops_02_a_watch_that_cannot_be_read_fails_the_run_and_stops_no_other(
    system: System, caplog: pytest.LogCaptureFixture
):
    system.trail_watches.found = {HOME: None, "analytics-prod": TrailWatch("analytics-prod", system.now)}
    system.now += GAP_SECONDS + 1
    with pytest.raises(RuntimeError, match=r"^not reconciled: the gaps of CloudTrail$"):
        reconcile(system.ports)
    assert [each["target"] for each in system.records()] == ["analytics-prod"]
    assert system.trail_watches.found[HOME] is None
    assert [vars(each)["target"] for each in caplog.records if each.msg == "trail gap not recorded"] == [HOME]


@pytest.mark.parametrize(("ahead", "fails"), [(300, False), (301, True)])
def test_ops_01_a_heartbeat_from_the_future_does_not_hide_gaps(system: System, ahead: int, fails: bool):
    """An administrator of the broker's account could write it."""
    system.trail_watches.found = {"analytics-prod": TrailWatch("analytics-prod", system.now + ahead)}
    if not fails:
        assert reconcile(system.ports)["trail_gaps"] == 0
        return
    with pytest.raises(RuntimeError, match=r"^not reconciled: the gaps of CloudTrail$"):
        reconcile(system.ports)


def test_aud_04_a_gap_begins_when_a_target_is_removed_because_its_credentials_may_still_work(system: System):
    reconcile(system.ports)
    removed_at = system.now
    system.ports.__dict__["config"] = replace(system.ports.config, targets={})
    system.now += GAP_SECONDS + 1
    system.trail_watches.note(HOME, system.now - 1)
    assert reconcile(system.ports)["trail_gaps"] == 1
    watch = system.trail_watches.watches()["analytics-prod"]
    assert watch
    assert watch.gaps == (TrailGap("analytics-prod", removed_at),)


def test_ops_01_a_forged_one_is_refused_and_does_not_count(capsys: pytest.CaptureFixture[str]):
    """Only AWS can use its sources, and a grant's session is not the revoker's."""
    correlator = Correlator(GRANT)
    correlator.receive(
        forwarded_event(revoker_called(), source="mine.sts"),
        forwarded_event(revoker_called(), account="999988887777"),
        forwarded_event(assume_role_event(1), account=ACCOUNT),
    )
    assert "Heartbeat" not in capsys.readouterr().out


def test_ops_01_a_backfill_does_not_end_the_silence(capsys: pytest.CaptureFixture[str]):
    correlator = Correlator(GRANT)
    correlator.now = NOW + 7200
    home = forwarded_event(revoker_assumed(), account=BROKER)
    assert correlator.receive(home, forwarded_event(revoker_called())) == []
    assert "Heartbeat" not in capsys.readouterr().out
