"""The heartbeats of CloudTrail: sent with each run of the reconciler, and counted when they arrive (row OPS 1)."""

import pytest

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
