"""Release, revocation and the deny document, with the handlers as they are over in-memory adapters."""

import json
import threading
import time
from collections.abc import Callable
from dataclasses import replace
from typing import Any

import pytest

from jitney.core.access.deny_document import IN_FLIGHT_SECONDS, ROLE_POLICY_LIMIT, DenyEntry
from jitney.core.access.grant import State
from jitney.core.access.id_ranges import SETTLED_SECONDS, dated_id
from jitney.core.access.request import Permission
from jitney.core.access.write_lease import LEASE_SECONDS
from jitney.core.problems import Problem
from jitney.core.records import audit
from jitney.core.records.audit import AuditEvent, Origin, Outcome
from jitney.core.times import iso
from jitney.handlers.credentials import create_credentials
from jitney.handlers.ending import grant_ends
from jitney.handlers.grants import create_grant
from jitney.handlers.reconciler import (
    EXPIRY_GRACE_SECONDS,
    UNWRITTEN_SECONDS,
    WORKFLOW_START_SECONDS,
    reconcile,
)
from jitney.handlers.releases import release_grant
from jitney.handlers.revocations import revoke_grant
from tests.core.identity import minting
from tests.core.report.recorded_grants import call
from tests.fakes import GRANT, PENDING, ROLE_ARN, MemoryCanary, MemoryRolePolicies
from tests.handlers.conftest import REQUEST_BODY, WRITE, System, configuration
from tests.identities import identity

REASON = {"reason": "the laptop was stolen"}


def operator() -> str:
    return minting.token(sub="carol", groups=["security"])


def fresh(system: System) -> str:
    return minting.token(iat=system.now, exp=system.now + 300)


def asked(system: System, **members: Any) -> str:
    status, body, _ = system.call(create_grant, REQUEST_BODY | members)
    assert status in (201, 202)
    return str(body["grant"]["id"])


def mine(system: System, count: int, **members: Any) -> list[str]:
    """So many active grants of the corporate agent, without asking for each."""
    ids = [f"g-{number:014d}".translate(str.maketrans("0189", "abcd")) for number in range(count)]
    own = {"issuer": "https://idp.corp.example.com", "principal": "corp.reader-agent", "unit": "corp.reader-agent"}
    own |= {"created_at": system.now, "starts_at": system.now, "expires_at": system.now + 900}
    system.store.grants |= {grant_id: replace(GRANT, id=grant_id, **own | members) for grant_id in ids}
    return ids


def targets_are(system: System, **changes: Any) -> None:
    """Configure one target, which is the usual one but for `changes`."""
    target = replace(system.config.targets["analytics-prod"], **changes)
    system.ports.__dict__["config"] = replace(system.config, targets={target.alias: target})


def renamed(system: System) -> None:
    targets_are(system, alias="analytics")


def removed(system: System) -> None:
    """Another role is what is left."""
    targets_are(system, alias="other", role_arn=f"{ROLE_ARN}-other")


def end_as(system: System, grant_id: str, state: str, **claims: int) -> Any:
    if state == "released":
        return system.call(release_grant, grant_id=grant_id, token=minting.token(**claims))
    token = minting.token(sub="carol", groups=["security"], **claims)
    return system.call(revoke_grant, REASON, grant_id=grant_id, token=token)


def measured(system: System, grant_id: str) -> int | None:
    """Run the measurements that were started. Return what is stored of the grant's."""
    system.measure()
    return system.store.grants[grant_id].ending.denied_after_milliseconds


def cut_off(system: System, grant_id: str) -> None:
    """Write to the grant as the reconciler does."""
    before = system.store.grants[grant_id]
    after = replace(before, cut_off_at=system.now)
    link = audit.next_chained_record(
        audit.grant_record(AuditEvent.CUT_OFF, Outcome.CUT_OFF, after, Origin(), system.now), before
    )
    system.store.save(before, audit.with_chain_head(after, link), link, now=system.now)


SHELL = (Permission(("ssm:StartSession",), ("arn:aws:ec2:eu-west-1:444455556666:instance/i-1",)),)


class TestOutliving:
    @pytest.mark.parametrize("state", ["released", "revoked"])
    def test_end_05_the_answer_and_the_record_say_what_is_left_to_do(self, system: System, state: str):
        (grant_id,) = mine(system, 1, permissions=SHELL)
        used = call(1, operation="StartSession", service="ssm", actions=("ssm:StartSession",))
        system.ports.grant_history.called[grant_id] = [used]
        status, body, _ = end_as(system, grant_id, state)
        assert status == 200
        (effect,) = body["outlives"]
        assert (effect["effect"], effect["used"]) == ("shell_session", ["ssm:StartSession"])
        assert "aws ssm terminate-session --session-id ID" in effect["left_to_do"]
        ended = json.loads(system.store.links[0].text)
        assert json.loads(ended["detail"])["outlives"] == [effect | {"used": None}]

    def test_end_05_a_failed_call_is_no_use(self, system: System):
        (grant_id,) = mine(system, 1, permissions=SHELL)
        denied = call(1, operation="StartSession", actions=("ssm:StartSession",), error_code="AccessDenied")
        system.ports.grant_history.called[grant_id] = [denied]
        assert end_as(system, grant_id, "revoked")[1]["outlives"][0]["used"] == []

    def test_end_05_a_revocation_does_not_wait_for_the_calls(self, system: System):
        (grant_id,) = mine(system, 1, permissions=SHELL)
        system.ports.grant_history.failing = True
        status, body, _ = end_as(system, grant_id, "revoked")
        assert (status, body["outlives"][0]["used"]) == (200, None)
        assert system.role_policies.denies(ROLE_ARN) == {grant_id}

    def test_end_05_nothing_is_read_for_a_grant_that_nothing_outlives(self, system: System):
        system.ports.grant_history.failing = True
        grant_id = asked(system)
        assert end_as(system, grant_id, "released")[1]["outlives"] == []

    def test_end_05_an_expiry_is_recorded_with_what_is_left_to_do(self, system: System):
        mine(system, 1, permissions=SHELL)
        system.now += 900 + EXPIRY_GRACE_SECONDS + 1
        reconcile(system.ports)
        expiry = next(each for link in system.store.links if (each := json.loads(link.text))["event"] == "expiry")
        assert json.loads(expiry["detail"])["outlives"][0]["effect"] == "shell_session"


class TestRelease:
    def test_end_01_a_release_denies_the_live_credentials_and_does_not_wait_for_the_measurement(self, system: System):
        grant_id = asked(system)
        status, body, _ = system.call(release_grant, grant_id=grant_id)
        assert (status, body["grant"]["state"]) == (200, "released")
        assert system.role_policies.denies(ROLE_ARN) == {grant_id}
        assert body["grant"]["ending"]["denied_after_milliseconds"] is None
        assert body["grant"]["ending"]["by"] == "corp.reader-agent"
        assert system.canary.calls == system.milliseconds == 0
        event = {"grant_id": grant_id, "since_milliseconds": 1000 * system.now, "written_at": system.now}
        assert system.measurements.events == [event]

    def test_end_01_a_role_without_a_canary_is_denied_and_not_measured(self, system: System):
        target = replace(system.config.targets["analytics-prod"], canary=False)
        system.ports.__dict__["config"] = replace(system.config, targets={"analytics-prod": target})
        grant_id = asked(system)
        system.canary.denied_at = 1  # it could never make the call
        status, body, _ = system.call(release_grant, grant_id=grant_id)
        assert (status, body["grant"]["ending"]["denied_after_milliseconds"]) == (200, None)
        assert system.role_policies.denies(ROLE_ARN) == {grant_id}
        assert not system.measurements.events
        assert [event for event, _, _ in system.outcomes()] == ["request", "release"]

    def test_aud_01_its_record_is_written_with_it(self, system: System):
        system.call(release_grant, grant_id=asked(system))
        system.measure()
        assert system.outcomes() == [
            ("request", "allowed", ""),
            ("release", "released", ""),
            ("canary", "denied", ""),
        ]
        records = system.records()
        assert [record["prev"] for record in records[1:]] == [record["hash"] for record in records[:-1]]

    def test_end_02_only_that_grant_dies(self, system: System):
        kept, released = asked(system), asked(system)
        system.call(release_grant, grant_id=released)
        assert system.role_policies.denies(ROLE_ARN) == {released}
        assert system.call(create_credentials, grant_id=kept)[0] == 200

    def test_sts_07_a_released_grant_gives_no_credentials(self, system: System):
        grant_id = asked(system)
        system.call(release_grant, grant_id=grant_id)
        status, body, _ = system.call(create_credentials, grant_id=grant_id)
        assert (status, body["code"]) == (409, "grant_released")

    def test_a_repeat_changes_nothing(self, system: System):
        grant_id = asked(system)
        first = system.call(release_grant, grant_id=grant_id)
        writes, records = system.role_policies.writes, len(system.records())
        assert system.call(release_grant, grant_id=grant_id)[1] == first[1]
        assert (system.role_policies.writes, len(system.records())) == (writes, records)

    def test_a_pending_grant_is_released_without_a_denial(self, system: System):
        grant_id = asked(system, permissions=WRITE)
        assert system.call(release_grant, grant_id=grant_id)[1]["grant"]["state"] == "released"
        assert system.role_policies.writes == 0
        assert not system.sessions.asked

    def test_what_has_ended_by_itself_stays_as_it_is(self, system: System):
        grant_id = asked(system)
        system.now += 300
        status, body, _ = system.call(release_grant, grant_id=grant_id, token=fresh(system))
        assert (status, body["grant"]["state"]) == (200, "expired")
        assert system.role_policies.writes == 0

    def test_a_failed_grant_may_have_live_credentials_of_an_earlier_issue(self, system: System):
        (grant_id,) = mine(system, 1, state=State.FAILED)
        assert system.call(release_grant, grant_id=grant_id)[1]["grant"]["state"] == "released"
        assert system.role_policies.denies(ROLE_ARN) == {grant_id}

    def test_a_grant_of_another_caller_is_not_released(self, system: System):
        grant_id = asked(system)
        assert system.call(release_grant, grant_id=grant_id, token=minting.token(sub="other"))[0] == 404
        assert system.store.grants[grant_id].state is State.ACTIVE

    @pytest.mark.parametrize("state", ["released", "revoked"])
    def test_end_06_an_approved_grant_is_denied_only_if_credentials_were_issued(self, system: System, state: str):
        waiting, fetched = mine(system, 2, unissued=True)
        assert system.call(create_credentials, grant_id=fetched)[0] == 200
        assert not system.store.grants[fetched].unissued
        system.sessions.asked.clear()
        for grant_id in (waiting, fetched):
            status, body, _ = end_as(system, grant_id, state)
            assert (status, body["grant"]["state"]) == (200, state)
        assert set(system.store.deny_list.listed[ROLE_ARN]) == {fetched}
        assert system.role_policies.denies(ROLE_ARN) == {fetched}
        assert [each["grant_id"] for each in system.measurements.events] == [fetched]
        assert not system.sessions.asked
        assert system.call(create_credentials, grant_id=waiting)[0] in (409, 410)

    def test_end_06_so_many_revocations_by_others_than_operators_are_measured_in_a_minute(self, system: System):
        system.canary.denied_at = 1
        most = system.config.limits.measured_releases_per_minute
        released, *ids, last = mine(system, most + 4)
        for each in ids:
            system.store.grants[each] = replace(system.store.grants[each], human=identity("people.frank"))
        assert system.call(release_grant, grant_id=released)[0] == 200
        for each in ids:
            token = minting.token(iss=minting.PEOPLE, sub="frank")
            assert system.call(revoke_grant, REASON, grant_id=each, token=token)[0] == 200
        started = [each["grant_id"] for each in system.measurements.events]
        assert started == [released, *ids[:most]]
        assert system.role_policies.denies(ROLE_ARN) == {released, *ids}
        assert system.call(revoke_grant, REASON, grant_id=last, token=operator())[0] == 200
        assert system.measurements.events[-1]["grant_id"] == last

    def test_end_06_so_many_releases_of_a_unit_are_measured_in_a_minute_and_every_revocation(self, system: System):
        system.canary.denied_at = 1
        *ids, last = mine(system, system.config.limits.measured_releases_per_minute + 3)
        for each in ids:
            assert system.call(release_grant, grant_id=each)[0] == 200
        started = [each["grant_id"] for each in system.measurements.events]
        assert started == ids[: system.config.limits.measured_releases_per_minute]
        assert system.role_policies.denies(ROLE_ARN) == set(ids)
        assert system.call(revoke_grant, REASON, grant_id=last, token=operator())[0] == 200
        assert system.measurements.events[-1]["grant_id"] == last
        (other,) = mine(system, 1, unit="corp.another", state=State.ACTIVE, ending=None)
        assert system.call(release_grant, grant_id=other)[0] == 200
        assert system.measurements.events[-1]["grant_id"] == other

    @pytest.mark.parametrize("state", ["released", "revoked"])
    def test_end_06_an_end_is_complete_although_no_measurement_starts(
        self, system: System, state: str, caplog: pytest.LogCaptureFixture
    ):
        grant_id = asked(system)
        system.measurements.problem = Problem("unavailable", "Lambda did not answer.", "Try again.")
        status, body, _ = end_as(system, grant_id, state)
        assert (status, body["grant"]["state"]) == (200, state)
        assert system.role_policies.denies(ROLE_ARN) == {grant_id}
        assert "time to deny not measured" in caplog.messages


class TestRevocation:
    def test_sts_07_the_agent_sees_who_revoked_it_and_why(self, system: System):
        grant_id = asked(system)
        system.call(revoke_grant, REASON, grant_id=grant_id, token=operator())
        body = system.call(create_credentials, grant_id=grant_id)[1]
        assert body["detail"] == f"Grant {grant_id} was revoked by corp.carol: the laptop was stolen."

    def test_end_01_an_operator_revokes_any_grant(self, system: System):
        grant_id = asked(system)
        status, body, _ = system.call(revoke_grant, REASON, grant_id=grant_id, token=operator())
        assert (status, body["grant"]["state"]) == (200, "revoked")
        assert body["grant"]["ending"]["reason"] == REASON["reason"]
        assert system.role_policies.denies(ROLE_ARN) == {grant_id}
        (record,) = (each for each in system.records() if each["event"] == "revocation")
        assert record["principal"] == "corp.reader-agent"
        assert '"by":"corp.carol"' in record["detail"]
        assert system.call(create_credentials, grant_id=grant_id)[0] == 410

    def test_a_pending_request_can_be_revoked(self, system: System):
        grant_id = asked(system, permissions=WRITE)
        body = system.call(revoke_grant, REASON, grant_id=grant_id, token=operator())[1]
        assert body["grant"]["state"] == "revoked"

    @pytest.mark.parametrize("operators", [("corp/security",), ()])
    def test_no_other_caller_may_revoke_and_no_operator_group_allows_none(
        self, system_with: Callable[..., System], operators
    ):
        system = system_with(config=replace(configuration(), operators=operators))
        grant_id = asked(system)
        token = minting.token() if operators else operator()
        for known in (grant_id, "g-zzzzzzzzzzzzzz"):  # who may not learns of no grant either
            status, body, _ = system.call(revoke_grant, REASON, grant_id=known, token=token)
            assert (status, body["code"]) == (403, "not_operator")
        assert system.store.grants[grant_id].state is State.ACTIVE

    def test_a_group_of_another_issuer_does_not_count(self, system: System):
        token = minting.token("rsa-other", iss=minting.OTHER, groups=["security"])
        assert system.call(revoke_grant, REASON, grant_id=asked(system), token=token)[0] == 403

    @pytest.mark.parametrize("body", [None, {}, {"reason": " "}, {"reason": "x", "more": 1}, {"reason": "x" * 501}])
    def test_it_needs_a_reason(self, system: System, body: Any):
        status, answer, _ = system.call(revoke_grant, body, grant_id=asked(system), token=operator())
        assert (status, answer["code"] in {"request_invalid", "body_malformed"}) == (400, True)

    def test_an_unknown_grant_is_not_found(self, system: System):
        assert system.call(revoke_grant, REASON, grant_id="g-zzzzzzzzzzzzzz", token=operator())[0] == 404


class TestWriting:
    def test_end_03_a_refused_write_is_tried_again(self, system: System):
        system.role_policies.refusals = 3
        assert system.call(release_grant, grant_id=asked(system))[0] == 200
        assert system.role_policies.writes == 1

    def test_end_03_a_failed_write_is_reported_and_a_repeat_continues(self, system: System):
        grant_id = asked(system)
        system.role_policies.refusals = 10_000
        status, body, headers = system.call(release_grant, grant_id=grant_id)
        assert (status, body["code"], body["grant"]["state"]) == (503, "revocation_incomplete", "released")
        assert headers["Retry-After"]
        assert system.call(create_credentials, grant_id=grant_id)[0] == 409  # no new ones all the same
        system.role_policies.refusals = 0
        assert system.call(release_grant, grant_id=grant_id)[0] == 200
        assert system.role_policies.denies(ROLE_ARN) == {grant_id}

    @pytest.mark.parametrize(("state", "alarms"), [("revoked", 1), ("released", 0)])
    def test_end_07_a_revocation_that_is_not_denied_raises_an_alarm_and_no_release_does(
        self, system: System, state: str, alarms: int, capsys: pytest.CaptureFixture[str]
    ):
        grant_id = asked(system)
        system.role_policies.refusals, system.role_policies.refusal = 10_000, "AccessDenied"
        capsys.readouterr()
        assert end_as(system, grant_id, state)[1]["code"] == "revocation_incomplete"
        assert capsys.readouterr().out.count('"UndeniedRevocations":[1') == alarms

    def test_end_03_a_permanent_refusal_is_reported_at_once(self, system: System):
        system.role_policies.refusals, system.role_policies.refusal = 10_000, "AccessDenied"
        status, body, _ = system.call(release_grant, grant_id=asked(system))
        assert (status, body["code"], system.milliseconds) == (503, "revocation_incomplete", 0)
        assert "AccessDenied" in body["detail"]

    def test_end_03_a_write_without_an_answer_keeps_its_lease_until_it_can_no_longer_arrive(self, system: System):
        grant_id = asked(system)
        system.role_policies.lost = 1
        assert system.call(release_grant, grant_id=grant_id)[1]["code"] == "unavailable"
        assert system.call(release_grant, grant_id=grant_id)[1]["code"] == "revocation_incomplete"
        system.now += LEASE_SECONDS + 1
        assert system.call(release_grant, grant_id=grant_id)[0] == 200
        assert system.role_policies.denies(ROLE_ARN) == {grant_id}

    @pytest.mark.parametrize(("read_milliseconds", "status", "writes"), [(11_900, 200, 1), (12_100, 503, 0)])
    def test_end_07_a_slow_read_stops_the_write_only_when_the_lease_could_end_first(
        self, system: System, read_milliseconds: int, status: int, writes: int
    ):
        read = system.store.deny_list.deny_entries

        def slowly(role_arn: str, now: int) -> list[DenyEntry]:
            system.pause(read_milliseconds / 1000)
            return read(role_arn, now)

        system.store.deny_list.deny_entries = slowly  # type: ignore[method-assign]
        assert system.call(release_grant, grant_id=asked(system))[0] == status
        assert system.role_policies.writes == writes

    def test_end_03_a_writer_that_was_overtaken_proves_nothing(self, system: System):
        first, second = mine(system, 2)
        entered = [False]

        def overtaken() -> None:
            if not entered[0]:
                entered[0] = True
                system.now += LEASE_SECONDS + 1
                assert system.call(release_grant, grant_id=second)[0] == 200

        system.role_policies.during = overtaken
        assert system.call(release_grant, grant_id=first)[0] == 200
        assert system.role_policies.denies(ROLE_ARN) == {first, second}

    def test_end_03_a_turn_that_began_before_ones_denial_was_listed_proves_nothing(self, system: System):
        first, second = mine(system, 2)
        waits, denied = threading.Event(), set[str]()

        def release_second() -> None:
            system.call(release_grant, grant_id=second)
            denied.update(system.role_policies.denies(ROLE_ARN))

        thread = threading.Thread(target=release_second)

        def meanwhile() -> None:  # the list has been read, and is not written yet
            system.role_policies.during = None
            thread.start()
            assert waits.wait(300)

        def pause(_seconds: float) -> None:
            waits.set()
            time.sleep(0.001)

        system.ports.__dict__.update(pause=pause, stopwatch=lambda: time.monotonic_ns() // 1_000_000)
        system.role_policies.during = meanwhile
        assert system.call(release_grant, grant_id=first)[0] == 200
        thread.join()
        assert denied == {first, second}

    def test_end_03_of_200_at_once_none_is_lost_and_none_too_many(self, system: System):
        ids = mine(system, 250)
        ended, kept = ids[:200], set(ids[200:])
        # A tenth of the time counts, so that a slow machine does not end a wait.
        system.ports.__dict__.update(pause=time.sleep, stopwatch=lambda: time.monotonic_ns() // 10_000_000)
        system.role_policies.during = lambda: time.sleep(0.02)  # IAM takes its time, and others come meanwhile
        answers: list[int] = []

        def end_grant_of(number: int, grant_id: str) -> None:
            route, token, body = (release_grant, None, None) if number % 2 else (revoke_grant, operator(), REASON)
            answers.append(system.call(route, body, grant_id=grant_id, token=token)[0])

        threads = [threading.Thread(target=end_grant_of, args=each) for each in enumerate(ended)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        assert answers == [200] * 200
        assert system.role_policies.denies(ROLE_ARN) == set(ended)
        assert not system.role_policies.denies(ROLE_ARN) & kept
        assert {system.store.grants[grant_id].state for grant_id in kept} == {State.ACTIVE}
        assert len([each for each in system.outcomes() if each[0] in ("release", "revocation")]) == 200
        assert system.role_policies.writes < 100


class TestOtherTargets:
    """What becomes of grants whose target was renamed in jitney.yaml, or is no longer there."""

    @pytest.mark.parametrize("state", ["released", "revoked"])
    def test_end_01_a_grant_is_revoked_although_its_target_has_another_alias_now(self, system: System, state: str):
        grant_id = asked(system)
        renamed(system)
        status, body, _ = end_as(system, grant_id, state)
        assert (status, body["grant"]["state"]) == (200, state)
        assert system.role_policies.denies(ROLE_ARN) == {grant_id}
        assert measured(system, grant_id) is not None
        assert system.call(create_credentials, grant_id=grant_id)[0] in (409, 410)

    @pytest.mark.parametrize("state", ["released", "revoked"])
    def test_end_01_a_revocation_without_a_target_says_until_when_the_credentials_work(
        self, system: System, state: str
    ):
        grant_id = asked(system)
        removed(system)
        for _ in range(2):
            status, body, _ = end_as(system, grant_id, state)
            assert (status, body["code"], body["grant"]["state"]) == (503, "revocation_incomplete", state)
            assert ROLE_ARN in body["detail"]
            assert iso(minting.NOW + 300) in body["detail"]
            assert "by hand" in body["fix"]
        system.now += 300
        assert end_as(system, grant_id, state, iat=system.now, exp=system.now + 300)[0] == 200

    def test_end_01_a_role_that_has_a_target_again_is_denied(self, system: System):
        grant_id, before = asked(system), system.config
        removed(system)
        end_as(system, grant_id, "revoked")
        system.ports.__dict__["config"] = before
        assert reconcile(system.ports)["repaired"] == 1
        assert system.role_policies.denies(ROLE_ARN) == {grant_id}

    def test_end_04_ends_on_a_role_without_a_target_are_recorded(self, system: System):
        grant_id = asked(system)
        reconcile(system.ports)
        removed(system)
        system.now += 300 + EXPIRY_GRACE_SECONDS
        assert [reconcile(system.ports)["expired"] for _ in range(2)] == [1, 0]
        assert system.store.grants[grant_id].state is State.EXPIRED

    def test_end_04_a_grant_that_cannot_be_denied_is_logged_until_it_ends(
        self, system: System, caplog: pytest.LogCaptureFixture
    ):
        active, revoked = asked(system), asked(system)
        assert reconcile(system.ports)["without_target"] == 0
        removed(system)
        end_as(system, revoked, "revoked")
        assert reconcile(system.ports)["without_target"] == 2
        (line,) = [each for each in caplog.records if each.msg == "live grants of a role without a target"]
        assert (line.role, line.active, line.ended) == (ROLE_ARN, [active], [revoked])
        system.now += 1000
        assert reconcile(system.ports)["without_target"] == 0

    def test_rev_13_a_request_for_a_role_without_a_target_is_closed_when_no_workflow_runs(self, system: System):
        grant_id = asked(system, permissions=WRITE)
        reconcile(system.ports)
        removed(system)
        system.reviews.gone.add(grant_id)
        system.now += WORKFLOW_START_SECONDS + 1
        assert reconcile(system.ports)["lost"] == 1
        assert system.store.grants[grant_id].state is State.FAILED


def test_end_06_a_unit_opens_so_many_grants_an_hour_and_others_are_as_if_alone(system: System):
    limits = replace(system.config.limits, grants_per_hour=3)
    system.ports.__dict__["config"] = replace(system.config, limits=limits)
    for _ in range(3):
        assert system.call(release_grant, grant_id=asked(system))[0] == 200
    status, body, headers = system.call(create_grant, REQUEST_BODY)
    left = 3600 - system.now % 3600
    assert (status, body["code"], body["limit"], body["unit"]) == (429, "too_many_grants", 3, "corp.reader-agent")
    assert "`jitney serve`" in body["fix"]
    assert (headers["Retry-After"], body["retry_at"]) == (str(left), iso(system.now + left))
    assert system.outcomes()[-1] == ("request", "refused", "too_many_grants")
    assert len(system.store.grants) == 3
    assert asked(system, permissions=WRITE)  # a review has a limit of its own
    other = minting.token(sub="other-agent", groups=["data-readers"])
    assert system.call(create_grant, REQUEST_BODY, token=other)[0] == 201
    system.now += left
    assert system.call(create_grant, REQUEST_BODY, token=fresh(system))[0] == 201


class TestOverflow:
    OTHER = "g-zzzzzzzzzzzzzz"

    def full(self, system: System) -> list[str]:
        """More ended grants than the document holds, and one active."""
        self.of_another_agent(system)
        ids = mine(system, 600)
        for grant_id in ids[:-1]:
            assert system.call(release_grant, grant_id=grant_id)[0] == 200
        return ids

    def test_end_02_on_overflow_the_role_is_cut_off_and_every_affected_grant_says_so(self, system: System):
        system.canary.denied_at = 1
        ids = self.full(system)
        text = system.role_policies.documents[ROLE_ARN]
        assert len(text) <= ROLE_POLICY_LIMIT
        assert "aws:TokenIssueTime" in text
        assert [each for each in system.outcomes() if each[0] == "cut_off"] == [
            ("cut_off", "cut_off", "deny_document_full")
        ]
        assert json.loads(self.cut_off_record(system)["detail"]) == {
            "role": ROLE_ARN,
            "until": iso(minting.NOW + IN_FLIGHT_SECONDS),
            "units": ["corp.reader-agent"],
        }
        assert reconcile(system.ports)["cut_off"] == 1
        concerned = system.store.grants[ids[-1]]
        assert concerned.state is State.ACTIVE
        assert concerned.view()["cut_off_at"] == iso(minting.NOW + IN_FLIGHT_SECONDS)
        assert system.records()[-1]["grant_id"] == ids[-1]
        assert reconcile(system.ports)["cut_off"] == 0
        assert system.store.grants[self.OTHER].cut_off_at is None
        status, body, _ = system.call(create_credentials, grant_id=ids[-1])
        assert (status, bool(body["credentials"])) == (200, True)

    def test_end_02_too_many_units_cut_off_the_whole_role_on_record(self, system: System):
        system.canary.denied_at = 1
        self.of_another_agent(system)
        crowd = [DenyEntry(f"g-{number:014}", system.now, system.now + 900, f"a.{number:060}") for number in range(600)]
        system.store.deny_list.listed[ROLE_ARN] = {each.grant_id: each for each in crowd}
        assert system.call(release_grant, grant_id=asked(system))[0] == 200
        assert json.loads(self.cut_off_record(system)["detail"])["units"] == []
        assert reconcile(system.ports)["cut_off"] == 1
        assert system.store.grants[self.OTHER].cut_off_at == minting.NOW + IN_FLIGHT_SECONDS

    def of_another_agent(self, system: System) -> None:
        times = {"created_at": system.now, "starts_at": system.now, "expires_at": system.now + 900}
        system.store.grants[self.OTHER] = replace(GRANT, id=self.OTHER, **times)

    def test_end_06_a_flood_that_ranges_hold_ends_no_open_grant(self, system: System):
        """More ended grants than the document can name, of one unit, with open ones of the same moment."""
        system.canary.denied_at = 1
        ids = [dated_id(each, system.now) for each in mine(system, 700)]
        grants = list(system.store.grants.values())
        system.store.grants = {name: replace(each, id=name) for name, each in zip(ids, grants, strict=True)}
        system.now += SETTLED_SECONDS + 4
        ended, kept = ids[:-20], set(ids[-20:])
        for each in ended[:-1]:
            system.store.grants[each] = replace(system.store.grants[each], state=State.RELEASED)
        entries = [DenyEntry(each, system.now, system.now + 900, "corp.reader-agent") for each in ended[:-1]]
        system.store.deny_list.listed[ROLE_ARN] = {each.grant_id: each for each in entries}
        assert system.call(release_grant, grant_id=ended[-1], token=fresh(system))[0] == 200
        assert [each for each in system.outcomes() if each[0] == "cut_off"] == []
        (statement,) = json.loads(system.role_policies.documents[ROLE_ARN])["Statement"]
        assert set(statement["Condition"]["StringNotEquals"]["aws:PrincipalTag/grant"]) == kept
        assert reconcile(system.ports)["cut_off"] == 0

    def test_end_07_an_operators_revocation_fits_into_a_document_that_agents_filled(self, system: System):
        system.canary.denied_at = 1
        ids = mine(system, 600)
        for grant_id in ids:
            if len(system.role_policies.documents.get(ROLE_ARN, "")) > ROLE_POLICY_LIMIT * 9 // 10 - 19:
                break
            assert system.call(release_grant, grant_id=grant_id)[0] == 200
        assert system.call(revoke_grant, REASON, grant_id=ids[-1], token=operator())[0] == 200
        assert ids[-1] in system.role_policies.denies(ROLE_ARN)
        assert "TokenIssueTime" not in system.role_policies.documents[ROLE_ARN]
        assert system.call(release_grant, grant_id=ids[-2])[0] == 200
        assert "TokenIssueTime" in system.role_policies.documents[ROLE_ARN]

    def cut_off_record(self, system: System) -> dict[str, Any]:
        (record,) = [each for each in system.records() if each["event"] == "cut_off" and not each["grant_id"]]
        return record


class TestReconciler:
    def test_end_04_an_unrecorded_end_is_recorded_once(self, system: System):
        system.store.grants |= {GRANT.id: GRANT, PENDING.id: PENDING}
        system.reviews.started = [PENDING.id]
        system.now = GRANT.expires_at + EXPIRY_GRACE_SECONDS
        assert [reconcile(system.ports)["expired"] for _ in range(2)] == [1, 0]
        assert system.outcomes() == [("expiry", "expired", "")]
        assert system.store.grants[GRANT.id].state is State.EXPIRED
        assert system.store.grants[PENDING.id].state is State.PENDING

    def test_end_02_what_is_over_is_pruned_and_an_empty_document_goes(self, system: System):
        asked(system)
        system.call(release_grant, grant_id=asked(system))
        assert system.role_policies.documents[ROLE_ARN]
        system.now += 1000
        assert reconcile(system.ports)["repaired"] == 1
        assert system.role_policies.documents[ROLE_ARN] == ""
        assert reconcile(system.ports)["repaired"] == 0

    def test_end_03_a_changed_document_is_repaired(self, system: System):
        grant_id = asked(system)
        system.call(release_grant, grant_id=grant_id)
        system.role_policies.documents[ROLE_ARN] = ""
        assert reconcile(system.ports)["repaired"] == 1
        assert system.role_policies.denies(ROLE_ARN) == {grant_id}

    def test_end_03_a_document_that_a_drift_reversal_deleted_is_whole_again_after_the_next_run(self, system: System):
        released, revoked, kept = (asked(system) for _ in range(3))
        assert system.call(release_grant, grant_id=released)[0] == 200
        assert end_as(system, revoked, "revoked")[0] == 200
        before = system.role_policies.documents.pop(ROLE_ARN)
        assert [reconcile(system.ports)["repaired"] for _ in range(2)] == [1, 0]
        assert system.role_policies.documents[ROLE_ARN] == before
        assert system.role_policies.denies(ROLE_ARN) == {released, revoked}
        assert kept not in before

    def test_end_03_an_end_whose_writer_died_is_written(self, system: System):
        grant_id = asked(system)
        system.role_policies.refusals = 10_000
        system.call(release_grant, grant_id=grant_id)
        system.role_policies.refusals = 0
        reconcile(system.ports)
        assert system.role_policies.denies(ROLE_ARN) == {grant_id}

    @pytest.mark.parametrize("state", ["released", "revoked"])
    def test_end_01_a_denial_that_iam_did_not_take_is_on_record_until_it_did(self, system: System, state: str):
        grant_id = asked(system)
        system.role_policies.refusals = 10_000
        status, body, _ = end_as(system, grant_id, state)
        assert (status, body["grant"]["state"], body["grant"]["ending"]["written_at"]) == (503, state, None)
        system.now += UNWRITTEN_SECONDS + 1
        with pytest.raises(RuntimeError):
            reconcile(system.ports)
        assert system.outcomes()[-1] == ("deny_entry", "failed", "revocation_incomplete")
        system.role_policies.refusals = 0
        for _ in range(2):
            reconcile(system.ports)
        assert [each[:2] for each in system.outcomes()[-2:]] == [("deny_entry", "failed"), ("deny_entry", "set")]
        assert json.loads(system.records()[-1]["detail"]) == {"written_at": iso(system.now)}
        assert system.store.grants[grant_id].ending.written_at == system.now

    def test_end_01_a_revocation_whose_function_died_is_recorded_as_written_by_the_reconciler(
        self, system: System, monkeypatch: pytest.MonkeyPatch
    ):
        grant_id = asked(system)
        with monkeypatch.context() as dying:
            dying.setattr(grant_ends, "write_deny_document", lambda *_: 1 / 0)
            assert end_as(system, grant_id, "revoked")[0] == 500
        reconcile(system.ports)
        assert system.outcomes()[-1][0] == "revocation"  # the function may still be at it
        system.now += UNWRITTEN_SECONDS + 1
        for _ in range(2):
            reconcile(system.ports)
        assert system.role_policies.denies(ROLE_ARN) == {grant_id}
        assert [each[0] for each in system.outcomes()].count("deny_entry") == 1
        assert system.outcomes()[-1] == ("deny_entry", "set", "")

    @pytest.mark.parametrize(("canary", "last"), [(True, ("canary", "denied", "")), (False, ("deny_entry", "set", ""))])
    def test_end_01_each_revocation_has_a_record_of_when_iam_had_it(
        self, system: System, canary: bool, last: tuple[str, str, str]
    ):
        targets_are(system, canary=canary)
        system.canary.denied_at = 1
        grant_id = asked(system)
        _, body, _ = end_as(system, grant_id, "revoked")
        assert body["grant"]["ending"]["written_at"] == iso(system.now)
        assert system.outcomes()[-1] == ("deny_entry", "set", "")
        system.measure()
        assert system.outcomes()[-1] == last
        assert json.loads(system.records()[-1]["detail"])["written_at"] == iso(system.now)
        system.now += UNWRITTEN_SECONDS + 1
        reconcile(system.ports)
        assert system.outcomes()[-1] == last

    def test_end_03_a_lease_that_no_writer_completes_is_no_success(self, system: System):
        grant_id = asked(system)
        system.call(release_grant, grant_id=grant_id)
        system.role_policies.documents[ROLE_ARN] = ""
        system.store.deny_list.leased_until[ROLE_ARN] = system.now + LEASE_SECONDS
        with pytest.raises(RuntimeError, match="analytics-prod"):
            reconcile(system.ports)
        system.store.deny_list.leased_until[ROLE_ARN] = system.now + 86_400  # of a clock that is a day ahead
        assert reconcile(system.ports)["repaired"] == 1
        assert system.role_policies.denies(ROLE_ARN) == {grant_id}

    def test_end_03_a_repair_leaves_the_document_to_writers_that_complete_theirs(self, system: System):
        asked(system)
        deny_list = system.store.deny_list
        deny_list.leased_until[ROLE_ARN] = system.now + LEASE_SECONDS
        pause = system.pause

        def others_write(seconds: float) -> None:
            pause(seconds)
            lease = deny_list.lease(ROLE_ARN)
            deny_list.leases[ROLE_ARN] = replace(lease, last_completed=lease.last_completed + 1)

        system.ports.__dict__["pause"] = others_write
        assert reconcile(system.ports)["repaired"] == 0

    def test_end_03_a_repair_that_iam_refuses_is_no_success(self, system: System):
        system.call(release_grant, grant_id=asked(system))
        system.role_policies.documents[ROLE_ARN] = ""
        system.role_policies.refusals = 1
        with pytest.raises(RuntimeError, match="analytics-prod"):
            reconcile(system.ports)

    def test_one_targets_failure_is_noticed_and_leaves_the_others_in_order(self, system_with: Callable[..., System]):
        config = configuration()
        other = replace(config.targets["analytics-prod"], alias="other", role_arn=ROLE_ARN + "-other")
        system = system_with(
            config=replace(config, targets={**config.targets, "other": other}),
            canary=MemoryCanary(),
            role_policies=MemoryRolePolicies(),
        )
        system.store.grants |= {PENDING.id: replace(GRANT, id=PENDING.id, role_arn=other.role_arn)}
        system.call(release_grant, grant_id=asked(system))
        system.role_policies.documents.clear()
        system.role_policies.lost = 1
        system.now = GRANT.expires_at + EXPIRY_GRACE_SECONDS
        for grant_id, denial in system.store.deny_list.listed[ROLE_ARN].items():
            system.store.deny_list.listed[ROLE_ARN][grant_id] = denial._replace(until=system.now + 1)
        with pytest.raises(RuntimeError, match="analytics-prod"):
            reconcile(system.ports)
        assert system.store.grants[PENDING.id].state is State.EXPIRED
