"""The gauges at the end of a run of the reconciler: what does not deny, and what waits for people (row OPS 1)."""

import json
from dataclasses import replace

import pytest

from jitney.core.access.break_glass import BreakGlassUse, FollowUp, FollowUpVerdict
from jitney.core.problems import Problem
from jitney.core.records import gauges
from jitney.handlers.reconciler import reconcile
from jitney.handlers.releases import release_grant
from tests.fakes import GRANT, ROLE_ARN
from tests.handlers.conftest import System
from tests.handlers.test_ballots import pending
from tests.handlers.test_ending import asked, end_as, targets_are
from tests.identities import identity

ALL_CLEAR = {
    gauges.ROLES_NOT_DENYING: 0,
    gauges.PENDING_REVIEWS: 0,
    gauges.OLDEST_PENDING: 0,
    gauges.OVERDUE_FOLLOW_UPS: 0,
}


def lines(printed: str) -> list[dict[str, object]]:
    return [json.loads(line) for line in printed.splitlines() if line.startswith("{")]


def run(system: System, capsys: pytest.CaptureFixture[str], *, fails: bool = False) -> dict[str, object]:
    """Run the reconciler and return the gauges that it wrote."""
    capsys.readouterr()
    if fails:
        with pytest.raises(RuntimeError):
            reconcile(system.ports)
    else:
        reconcile(system.ports)
    found = {name: each[name] for each in lines(capsys.readouterr().out) for name in ALL_CLEAR if name in each}
    return {name: value[-1] if isinstance(value, list) else value for name, value in found.items()}


def test_ops_01_a_run_writes_every_gauge_also_if_it_is_zero(system: System, capsys):
    assert run(system, capsys) == ALL_CLEAR


def test_ops_01_only_a_run_without_a_failure_counts(system: System, capsys):
    reconcile(system.ports)
    assert "ReconcilerRuns" in capsys.readouterr().out
    system.role_policies.refusals, system.role_policies.refusal = 10_000, "AccessDenied"
    end_as(system, asked(system), "revoked")
    capsys.readouterr()
    with pytest.raises(RuntimeError):
        reconcile(system.ports)
    assert "ReconcilerRuns" not in capsys.readouterr().out


def test_end_07_a_role_does_not_deny_until_iam_accepts_its_document(system: System, capsys):
    system.role_policies.refusals, system.role_policies.refusal = 10_000, "AccessDenied"
    end_as(system, asked(system), "revoked")
    assert run(system, capsys, fails=True)[gauges.ROLES_NOT_DENYING] == 1
    assert run(system, capsys, fails=True)[gauges.ROLES_NOT_DENYING] == 1
    system.role_policies.refusals = 0
    assert run(system, capsys)[gauges.ROLES_NOT_DENYING] == 0


def test_end_07_a_role_without_a_target_does_not_deny_what_ended_later(system: System, capsys):
    grant_id = asked(system)
    reconcile(system.ports)
    targets_are(system, alias="other", role_arn=f"{ROLE_ARN}-other")
    assert run(system, capsys)[gauges.ROLES_NOT_DENYING] == 0
    end_as(system, grant_id, "revoked")
    assert run(system, capsys)[gauges.ROLES_NOT_DENYING] == 1
    system.now = system.store.grants[grant_id].expires_at + 3600
    assert run(system, capsys)[gauges.ROLES_NOT_DENYING] == 0


def test_end_07_removed_roles_that_cannot_be_listed_count_as_one(system: System, capsys, monkeypatch):
    def unread(_: object) -> frozenset[str]:
        raise Problem("unavailable", "No answer.", "Try again.")

    monkeypatch.setattr(system.store.deny_list, "known_roles", unread)
    assert run(system, capsys, fails=True)[gauges.ROLES_NOT_DENYING] == 1


def test_end_07_the_log_has_the_code_of_aws_for_a_role_that_does_not_deny(system: System, caplog):
    system.call(release_grant, grant_id=asked(system))
    system.role_policies.documents.clear()
    system.role_policies.refusals, system.role_policies.refusal = 10_000, "AccessDenied"
    with pytest.raises(RuntimeError):
        reconcile(system.ports)
    (line,) = (each for each in caplog.records if each.msg == "role does not deny")
    assert (line.target, line.role) == ("analytics-prod", ROLE_ARN)
    assert (line.code, line.aws_code) == ("revocation_incomplete", "AccessDenied")
    assert line.detail == "IAM of the target's account refused the deny document (AccessDenied)."


@pytest.mark.parametrize("refusal", ["Throttling", "AccessDenied"])
def test_end_07_the_log_has_the_code_of_aws_for_a_revocation_and_the_answer_has_not(
    system: System, caplog, refusal: str
):
    grant_id = asked(system)
    system.role_policies.refusals, system.role_policies.refusal = 10_000, refusal
    body = end_as(system, grant_id, "revoked")[1]
    (line,) = (each for each in caplog.records if each.msg == "revocation incomplete")
    assert (line.target, line.role, line.aws_code) == ("analytics-prod", ROLE_ARN, refusal)
    assert "aws_code" not in body


def test_rev_13_only_open_reviews_wait(system: System, capsys):
    first = pending(system)
    system.now += 600
    second = replace(first, id="g-second", created_at=system.now, expires_at=system.now + 3600)
    system.store.grants[second.id] = second
    system.reviews.started.append(second.id)
    waiting = run(system, capsys)
    assert (waiting[gauges.PENDING_REVIEWS], waiting[gauges.OLDEST_PENDING]) == (2, 600)
    system.now = first.expires_at
    waiting = run(system, capsys)
    assert (waiting[gauges.PENDING_REVIEWS], waiting[gauges.OLDEST_PENDING]) == (1, system.now - first.created_at - 600)


def test_ops_01_requests_that_cannot_be_read_are_not_counted_as_none(system: System, capsys, monkeypatch):
    def unread(*_: object) -> object:
        raise Problem("unavailable", "No answer.", "Try again.")

    pending(system)
    monkeypatch.setattr(system.store, "grants_in_state", unread)
    assert run(system, capsys, fails=True).keys() == {gauges.ROLES_NOT_DENYING, gauges.OVERDUE_FOLLOW_UPS}


def test_rev_08_a_follow_up_review_is_overdue_after_its_time_until_it_is_done(system: System, capsys):
    use = BreakGlassUse(identity("corp.gina"), "down", "content", system.now - 60, system.now)
    used = replace(GRANT, break_glass=use)
    system.store.grants[GRANT.id] = used
    system.store.outstanding |= {"HUMAN#corp.gina": GRANT.id, GRANT.unit_key: GRANT.id}
    assert run(system, capsys)[gauges.OVERDUE_FOLLOW_UPS] == 0
    system.now += 1
    assert run(system, capsys)[gauges.OVERDUE_FOLLOW_UPS] == 1
    done = FollowUp(identity("corp.alice"), FollowUpVerdict.CONFIRM, "fine", system.now)
    system.store.grants[GRANT.id] = replace(used, follow_up=done)
    assert run(system, capsys)[gauges.OVERDUE_FOLLOW_UPS] == 0  # its items may be gone a moment later
