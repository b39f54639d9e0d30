"""Suspensions with the handlers as they are over in-memory adapters: what stops, what ends, and what is on record."""

import json
from dataclasses import replace
from typing import Any

import pytest

from jitney.adapters.transactions import StaleWrite
from jitney.core.access.deny_document import CLOCK_SKEW_SECONDS, IN_FLIGHT_SECONDS
from jitney.core.access.grant import Grant, State, VoteVerdict
from jitney.core.access.suspension_entry import Suspension, SuspensionKind, SuspensionRequest
from jitney.core.access.suspension_names import SuspendedName, seen_name
from jitney.core.access.suspensions import LIFTED_SECONDS, MOST_SUSPENSIONS, Suspensions
from jitney.core.policy.cedar import PolicySet
from jitney.core.problems import Problem
from jitney.core.review.break_glass import activated_by_break_glass
from jitney.core.review.content import content_hash
from jitney.core.review.grant_under_review import GrantUnderReview
from jitney.core.review.notices import Notice
from jitney.core.review.out_of_office import OutOfOffice
from jitney.core.review.recipients import recipients
from jitney.core.target_config import TargetRole
from jitney.core.times import iso
from jitney.handlers import reconciler
from jitney.handlers.credentials import create_credentials
from jitney.handlers.decisions import preview_decision
from jitney.handlers.denial_measurements import measure_denial
from jitney.handlers.ending import suspended_grants
from jitney.handlers.ending.suspension_measurements import MEASURED_WITHIN_SECONDS, MOST_TARGETS
from jitney.handlers.grant_reads import list_grants
from jitney.handlers.grants import create_grant
from jitney.handlers.held_reads import read_grant
from jitney.handlers.reconciler import reconcile
from jitney.handlers.releases import release_grant
from jitney.handlers.review_checks import check_reviews
from jitney.handlers.review_notices import notify
from jitney.handlers.revocations import revoke_grant
from jitney.handlers.suspensions import MOST_MILLISECONDS, lift, list_suspensions, suspend
from jitney.handlers.target_checks import check_target
from tests.core.identity import minting
from tests.core.masking.planted import SECRET_KEY
from tests.fakes import ROLE_ARN, MemoryRolePolicies, MemoryRolePolicy
from tests.handlers.conftest import REQUEST_BODY, WRITE, System
from tests.handlers.review_browser import Browser, ReviewSystem, review_system
from tests.handlers.seen_votes import vote
from tests.handlers.test_ballots import ballot, person
from tests.handlers.test_break_glass import GROUPS, SETTINGS, smash
from tests.handlers.test_ending import end_as, mine, targets_are
from tests.identities import identity

REASON = "a key of the build farm leaked"
AGENT = {"kind": "agent", "name": "corp.reader-agent"}
COVERED = [
    AGENT,
    {"kind": "unit", "name": "corp.reader-agent"},
    {"kind": "issuer", "name": "corp", "including_caller": True},
    {"kind": "target", "name": "analytics-prod"},
]
"""Suspensions that stop the corporate agent's requests."""
by_kind = pytest.mark.parametrize("asked", COVERED, ids=[each["kind"] for each in COVERED])


def operator(system: System, **claims: Any) -> str:
    times = {"iat": system.now, "exp": system.now + 300}
    return minting.token(**{"sub": "carol", "groups": ["security"], **times, **claims})


def fresh(system: System, **claims: Any) -> str:
    return minting.token(iat=system.now, exp=system.now + 300, **claims)


def suspended(system: System, asked: dict[str, Any], *, status: int = 201, **claims: Any) -> dict[str, Any]:
    answered, body, _ = system.call(suspend, {"reason": REASON, **asked}, token=operator(system, **claims))
    assert answered == status, body
    return dict(body)


def lifted(system: System, suspension_id: str, **claims: Any) -> tuple[int, dict[str, Any]]:
    answer = system.call(lift, {"reason": "rotated"}, grant_id=suspension_id, token=operator(system, **claims))
    return answer[:2]


def other_operator() -> dict[str, Any]:
    """Claims of an operator of another issuer than the corporate one."""
    return {"iss": minting.OTHER, "key": "rsa-other"}


def opened(system: System, **members: Any) -> str:
    status, body, _ = system.call(create_grant, REQUEST_BODY | members, token=fresh(system))
    assert status in (201, 202), body
    return str(body["grant"]["id"])


def stale(*_: Any, **__: Any) -> None:
    raise StaleWrite


def test_end_08_suspensions_that_keep_changing_are_a_conflict_and_nothing_is_written(
    system: System, monkeypatch: pytest.MonkeyPatch
):
    in_force = suspended(system, AGENT | {"unseen": True})["suspension"]["id"]
    before, records = system.store.suspensions, len(system.records())
    monkeypatch.setattr(system.store, "change_suspensions", stale)
    assert suspended(system, {"kind": "target", "name": "analytics-prod"}, status=409)["code"] == "suspension_conflict"
    status, body = lifted(system, in_force)
    assert (status, body["code"]) == (409, "suspension_conflict")
    assert (system.store.suspensions, len(system.records())) == (before, records)


@pytest.mark.parametrize("ahead", [0, 5, 60])
def test_end_08_a_grant_from_after_a_suspension_is_active_although_clocks_differ(system: System, ahead: int):
    """The clock of the function that lifts the suspension is ahead of that of the function that opens the grant."""
    suspension_id = suspended(system, {**AGENT, "unseen": True})["suspension"]["id"]
    system.now += 3600 + ahead
    assert lifted(system, suspension_id)[0] == 200
    system.now -= ahead
    status, body, _ = system.call(create_grant, REQUEST_BODY, token=fresh(system))
    assert (status, system.call(create_credentials, grant_id=body["grant"]["id"], token=fresh(system))[0]) == (201, 200)
    reconcile(system.ports)
    assert system.store.grants[body["grant"]["id"]].state is State.ACTIVE


def test_end_08_who_got_the_suspended_name_later_loses_earlier_grants_and_no_later_ones(system: System):
    """Deny documents deny the name. So its earlier grants end, and requests of its present holder continue."""
    earlier = opened(system)
    suspension = a_suspension(system, issuer="https://earlier.example")
    system.store.suspensions = Suspensions("v", (suspension,))
    system.now += IN_FLIGHT_SECONDS - 1
    in_flight = opened(system)
    system.now += 1
    later = opened(system)
    found = [system.call(create_credentials, grant_id=each, token=fresh(system))[0] for each in (earlier, later)]
    assert found == [410, 200]
    reconcile(system.ports)
    grants = system.store.grants
    assert [grants[each].state for each in (earlier, in_flight, later)] == [State.REVOKED, State.REVOKED, State.ACTIVE]
    ends = [ended.at for each in (earlier, in_flight) if (ended := grants[each].ending)]
    assert ends == [suspension.since, grants[in_flight].created_at]  # no grant ends before it began


class TestNothingIsIssued:
    @by_kind
    def test_end_08_a_request_is_refused_with_what_to_do_and_without_the_operators_reason(self, system, asked):
        opened(system)  # so that the agent is known
        suspension = suspended(system, asked)["suspension"]
        issued = len(system.sessions.asked)
        status, body, _ = system.call(create_grant, REQUEST_BODY, token=fresh(system))
        assert (status, body["code"]) == (403, "suspended")
        members = {"id": suspension["id"], "kind": asked["kind"], "name": asked["name"]}
        assert (body["suspension"], suspension["id"] in body["fix"]) == (members, True)
        assert REASON not in json.dumps(body)
        assert len(system.sessions.asked) == issued

    @by_kind
    def test_end_08_a_dry_run_says_suspended(self, system, asked):
        opened(system)
        suspended(system, asked)
        status, body, _ = system.call(preview_decision, REQUEST_BODY, token=fresh(system))
        assert (status, body["code"]) == (403, "suspended")

    @by_kind
    def test_end_08_a_renewal_is_refused(self, system, asked):
        grant_id = opened(system)
        suspended(system, asked)
        issued = len(system.sessions.asked)
        status, body, _ = system.call(create_credentials, grant_id=grant_id, token=fresh(system))
        assert (status, body["code"]) == ((410, "grant_revoked") if asked["kind"] == "target" else (403, "suspended"))
        assert REASON not in json.dumps(body)
        assert len(system.sessions.asked) == issued

    def test_end_08_a_repeated_post_gets_no_credentials(self, system):
        first = system.call(create_grant, REQUEST_BODY, token=fresh(system), Idempotency_Key="k")
        assert first[0] == 201
        suspended(system, {"kind": "target", "name": "analytics-prod"})
        assert (
            system.call(create_grant, REQUEST_BODY, token=fresh(system), Idempotency_Key="k")[1]["code"] == "suspended"
        )

    def test_end_08_the_human_stops_every_agent_that_acts_for_them_and_no_other(self, system):
        opened(system)
        for_alice = fresh(system, act={"sub": "alice"})
        assert system.call(create_grant, REQUEST_BODY, token=for_alice)[0] == 201
        suspended(system, {"kind": "human", "name": "people.alice"})
        assert system.call(create_grant, REQUEST_BODY, token=for_alice)[1]["code"] == "suspended"
        assert system.call(create_grant, REQUEST_BODY, token=fresh(system, act={"sub": "bob"}))[0] == 201
        assert system.call(create_grant, REQUEST_BODY, token=fresh(system))[0] == 201

    def test_end_08_an_issuer_of_people_stops_agents_that_act_for_them(self, system):
        suspended(system, {"kind": "issuer", "name": "people"})
        for_alice = fresh(system, act={"sub": "alice"})
        assert system.call(create_grant, REQUEST_BODY, token=for_alice)[1]["code"] == "suspended"
        assert system.call(create_grant, REQUEST_BODY, token=fresh(system))[0] == 201

    def test_end_08_an_issuer_whose_name_begins_alike_goes_on(self, system):
        issuers = {**system.config.issuers, "cor": minting.issuer("cor", "https://cor.example.com")}
        system.ports.__dict__["config"] = replace(system.config, issuers=issuers)
        suspended(system, {"kind": "issuer", "name": "cor"})
        assert system.call(create_grant, REQUEST_BODY, token=fresh(system))[0] == 201

    def test_end_08_without_its_suspensions_jitney_issues_nothing(self, system):
        system.ports.suspensions.broken = True
        status, body, _ = system.call(create_grant, REQUEST_BODY)
        assert (status, body["code"]) == (503, "unavailable")
        assert not system.sessions.asked

    def test_a_suspended_agent_may_still_see_and_release_its_grants(self, system):
        grant_id, other = opened(system), opened(system)
        system.store.suspensions = Suspensions("v", (a_suspension(system),))  # not carried out yet
        _, body, _ = system.call(list_grants, token=fresh(system))
        assert {each["state"] for each in body["grants"]} == {"revoked"}
        assert system.call(read_grant, grant_id=grant_id, token=fresh(system))[1]["grant"]["state"] == "revoked"
        assert system.call(release_grant, grant_id=other, token=fresh(system))[0] == 200

    @pytest.mark.parametrize("route", [suspend, list_suspensions, lift, revoke_grant, check_target, check_reviews])
    def test_end_08_a_suspended_operator_may_do_nothing(self, system, route):
        system.store.suspensions = Suspensions("v", (a_suspension(system, name="corp.carol"),))
        status, body, _ = system.call(route, {"reason": "x"}, token=operator(system), grant_id="g-aaaaaaaaaaaaaa")
        assert (status, body["code"]) == (403, "suspended")


def unanswered(*_: Any, **__: Any) -> Any:
    raise Problem("unavailable", "The store did not answer as it should.", "Try again in a moment.")


def changing(*_: Any, **__: Any) -> bool:
    """End no grant, as while others keep changing it."""
    raise Problem("grant_conflict", "The grant kept changing during this call.", "Repeat the call.")


def a_suspension(system: System, **members: Any) -> Suspension:
    values = {"kind": SuspensionKind.AGENT, "name": "corp.reader-agent", "since": system.now, "by": "corp.carol"}
    named = {"id": "s-aaaaaaaaaaaaaa", "reason": REASON, **values, **members}
    is_target = named["kind"] is SuspensionKind.TARGET
    issuer = "" if is_target else system.ports.config.identity_of(named["name"]).issuer
    return Suspension(**{"issuer": issuer, **named})


class TestWhatWasGranted:
    @by_kind
    def test_end_08_active_grants_are_revoked_and_pending_ones_end_each_on_record(self, system, asked):
        active, pending = opened(system), opened(system, permissions=WRITE)
        body = suspended(system, asked)
        assert (body["complete"], body["grants_ended"], body["targets_denied"]) == (True, 2, ["analytics-prod"])
        for grant_id in (active, pending):
            grant = system.store.grants[grant_id]
            assert (grant.state, grant.ending.by) == (State.REVOKED, "corp.carol")
            assert body["suspension"]["id"] in grant.ending.reason
            assert REASON not in grant.ending.reason
        assert system.reviews.resumed == [pending]
        ends = [each for each in system.records() if each["event"] == "revocation"]
        assert {(each["grant_id"], each["code"]) for each in ends} == {(active, "suspended"), (pending, "suspended")}
        assert {json.loads(each["detail"])["suspension"] for each in ends} == {body["suspension"]["id"]}
        assert not [each for each in ends if REASON in json.dumps(each)]

    def test_end_08_the_record_of_an_end_says_when_the_suspension_ended_the_grant(self, system):
        opened(system)
        system.store.suspensions = system.store.suspensions.with_new(a_suspension(system))
        began = iso(system.now)
        system.now += 240
        assert reconcile(system.ports)["suspended"] == 1
        (end,) = [each for each in system.records() if each["event"] == "revocation"]
        assert (json.loads(end["detail"])["ended_at"], end["time"]) == (began, iso(system.now))

    def test_end_08_grants_of_others_go_on(self, system):
        others = mine(system, 3, principal="corp.other", unit="corp.other", subject="other")
        opened(system)
        suspended(system, AGENT)
        assert {system.store.grants[each].state for each in others} == {State.ACTIVE}

    def test_end_08_one_write_stops_500_grants_of_an_issuer(self, system):
        """After the first write, every grant has ended, even if the function then stops."""
        ids = mine(system, 500, issuer="https://token.actions.githubusercontent.com", issuer_name="github",
                   principal="github.run", unit="github.repo", human=None)  # fmt: skip
        system.role_policies.during = stopped_after_the_first_write = Interrupted()
        with pytest.raises(Interrupted):
            raise_through(system, {"kind": "issuer", "name": "github"})
        assert stopped_after_the_first_write.reached
        assert [each for each in system.store.log if each in ("save", "change_suspensions")] == ["change_suspensions"]
        suspensions = system.store.suspensions
        assert {suspensions.applied(system.store.grants[each]).state for each in ids} == {State.REVOKED}

    def test_end_08_500_grants_end_with_one_document_and_the_time_is_on_record(self, system):
        ids = mine(system, 500, issuer_name="github", principal="github.run", unit="github.repo")
        system.role_policies.during = lambda: system.pause(0.25)
        body = suspended(system, {"kind": "issuer", "name": "github"})
        assert (body["grants_ended"], body["written_after_milliseconds"]) == (500, 250)
        assert body["targets_measured"] == ["analytics-prod"]
        assert system.role_policies.writes == 1
        assert {system.store.grants[each].state for each in ids} == {State.REVOKED}
        assert not system.store.deny_list.listed
        record = system.records()[-1]
        assert (record["event"], record["outcome"]) == ("suspension", "revoked")
        detail = json.loads(record["detail"])
        assert (detail["written_after_milliseconds"], detail["grants_ended"]) == (250, 500)
        assert detail["targets_measured"] == ["analytics-prod"]

    def test_end_08_a_call_without_time_for_all_says_so_and_a_repeat_completes_it(self, system):
        mine(system, 40, issuer_name="github", principal="github.run", unit="github.repo")
        save = system.store.save

        def slow(*arguments: Any, **named: Any) -> None:
            system.pause(MOST_MILLISECONDS / 30 / 1000)
            save(*arguments, **named)

        system.store.save = slow
        asked = {"kind": "issuer", "name": "github", "reason": REASON}
        status, first, headers = system.call(suspend, asked, token=operator(system))
        assert (status, first["complete"], headers["Retry-After"]) == (202, False, "1")
        assert 0 < first["grants_ended"] < 40
        (failed,) = [each for each in system.records() if each["outcome"] == "failed"]
        named = {"suspension": first["suspension"]["id"], "kind": "issuer", "name": "github"}
        assert failed["code"] == "suspension_incomplete"
        assert named.items() <= json.loads(failed["detail"]).items()  # `jitney restore` reads them
        status, second, _ = system.call(suspend, asked, token=operator(system))
        assert (status, second["complete"]) == (201, True)
        assert first["grants_ended"] + second["grants_ended"] == 40
        assert second["suspension"]["id"] == first["suspension"]["id"]
        assert system.role_policies.writes == 1

    def test_end_08_a_call_without_time_reads_no_further_role_and_is_incomplete(self, system, monkeypatch):
        """With many roles, the function would end without an answer."""
        opened(system)
        target = system.config.targets["analytics-prod"]
        others = [replace(target, alias=f"t{each}", role_arn=f"{ROLE_ARN}-{each}") for each in range(40)]
        config = replace(system.config, targets={each.alias: each for each in (target, *others)})
        system.ports.__dict__["config"] = config
        began, read = system.milliseconds, system.store.deny_list.deny_entries

        def slow(*arguments: Any) -> Any:
            if system.role_policies.writes == len(config.targets):
                system.pause(MOST_MILLISECONDS / 10 / 1000)
            return read(*arguments)

        monkeypatch.setattr(system.store.deny_list, "deny_entries", slow)
        body = suspended(system, {"kind": "issuer", "name": "github"}, status=202)
        assert (len(body["targets_denied"]), body["targets_failed"]) == (41, {})
        assert system.milliseconds - began < MOST_MILLISECONDS * 1.2
        assert system.store.suspensions.entries[0].completed_at is None

    def test_end_08_the_reconciler_does_what_the_call_left(self, system):
        ids = mine(system, 5, issuer_name="github", principal="github.run", unit="github.repo")
        entry = a_suspension(system, kind=SuspensionKind.ISSUER, name="github")
        system.store.suspensions = Suspensions("v", (entry,))
        assert reconcile(system.ports)["suspended"] == 5
        assert {system.store.grants[each].state for each in ids} == {State.REVOKED}
        assert "github.*" in system.role_policies.documents[ROLE_ARN]
        assert reconcile(system.ports)["suspended"] == 0

    def test_end_08_the_reconciler_records_once_that_the_suspension_is_complete(self, system):
        opened(system)
        system.role_policies.refusals, system.role_policies.refusal = 99, "AccessDenied"
        status, body, _ = system.call(suspend, {**AGENT, "reason": REASON}, token=operator(system))
        assert (status, body["suspension"]["completed_at"]) == (202, None)
        with pytest.raises(RuntimeError):
            reconcile(system.ports)
        assert system.store.suspensions.entries[0].completed_at is None
        system.role_policies.refusals = 0
        system.now += 300
        for _ in range(2):
            reconcile(system.ports)
        outcomes = [each["outcome"] for each in system.records() if each["event"] == "suspension"]
        assert outcomes == ["set", "failed", "revoked"]
        detail = json.loads(next(each for each in system.records() if each["outcome"] == "revoked" and
                                 each["event"] == "suspension")["detail"])  # fmt: skip
        assert (detail["suspension"], detail["targets_denied"]) == (body["suspension"]["id"], ["analytics-prod"])
        _, listed, _ = system.call(list_suspensions, token=operator(system))
        assert listed["suspensions"][0]["completed_at"] == iso(system.now)

    def test_end_08_a_suspension_that_begins_during_a_run_is_not_completed_by_it(self, system):
        opened(system)
        send = system.ports.trail_heartbeat.send

        def after_the_repair(target: Any) -> None:
            system.role_policies.refusals, system.role_policies.refusal = 99, "AccessDenied"
            assert system.call(suspend, {**AGENT, "reason": REASON}, token=operator(system))[0] == 202
            system.role_policies.refusals, system.ports.trail_heartbeat.send = 0, send
            send(target)

        system.ports.trail_heartbeat.send = after_the_repair
        assert reconcile(system.ports)["completed"] == 0
        assert system.store.suspensions.entries[0].completed_at is None
        assert reconcile(system.ports)["completed"] == 1
        assert AGENT["name"] in system.role_policies.documents[ROLE_ARN]

    @pytest.mark.parametrize("failing", ["known_roles", "lease", "acquire"])
    def test_end_08_a_suspension_is_incomplete_if_a_step_for_all_targets_failed(self, system, failing):
        opened(system)
        system.store.suspensions = Suspensions("v", (a_suspension(system),))
        works = getattr(system.ports.deny_list, failing)
        setattr(system.ports.deny_list, failing, unanswered)
        with pytest.raises(RuntimeError):
            reconcile(system.ports)
        assert system.store.suspensions.entries[0].completed_at is None
        setattr(system.ports.deny_list, failing, works)
        assert reconcile(system.ports)["completed"] == 1

    def test_end_08_a_suspension_is_incomplete_while_another_writer_has_the_document(self, system, monkeypatch):
        opened(system)
        system.store.suspensions = Suspensions("v", (a_suspension(system),))
        with monkeypatch.context() as patched:
            patched.setattr(reconciler, "repair_deny_document", lambda *_: None)
            assert reconcile(system.ports)["completed"] == 0
        assert reconcile(system.ports)["completed"] == 1

    def test_end_08_a_role_without_a_target_keeps_the_suspension_incomplete_until_its_sessions_end(self, system):
        grant_id = opened(system)
        reconcile(system.ports)
        targets_are(system, alias="other", role_arn=f"{ROLE_ARN}-other")
        status, body, _ = system.call(suspend, {**AGENT, "reason": REASON}, token=operator(system))
        assert (status, body["targets_failed"]) == (202, {ROLE_ARN: "no_target"})
        assert system.store.grants[grant_id].state is State.REVOKED
        done = reconcile(system.ports)
        assert (done["without_target"], done["completed"]) == (1, 0)
        system.now = system.store.grants[grant_id].expires_at + CLOCK_SKEW_SECONDS
        assert reconcile(system.ports)["completed"] == 1

    def test_end_08_a_role_whose_document_is_not_written_keeps_the_suspension_of_any_agent_incomplete(self, system):
        """The document that lacks the end of another agent's grant may also lack the suspended name."""
        grant_id = opened(system)
        reconcile(system.ports)
        targets_are(system, alias="other", role_arn=f"{ROLE_ARN}-other")
        asked = {"kind": "agent", "name": "corp.other-agent", "unseen": True}
        assert suspended(system, asked)["complete"]
        system.call(revoke_grant, {"reason": REASON}, grant_id=grant_id, token=operator(system))
        assert system.store.grants[grant_id].state is State.REVOKED
        body = suspended(system, asked | {"name": "corp.third-agent"}, status=202)
        assert body["targets_failed"] == {ROLE_ARN: "no_target"}
        assert suspended(system, {"kind": "target", "name": "other"})["complete"]

    def test_end_08_a_role_without_a_target_does_not_concern_the_suspension_of_a_target(self, system):
        opened(system)
        reconcile(system.ports)
        targets_are(system, alias="other", role_arn=f"{ROLE_ARN}-other")
        suspended(system, AGENT, status=202)
        assert suspended(system, {"kind": "target", "name": "other"})["complete"]
        entries = [replace(each, completed_at=None) for each in system.store.suspensions.entries]
        system.store.suspensions = Suspensions("v", tuple(entries))
        assert reconcile(system.ports)["completed"] == 1
        assert [each.kind for each in system.store.suspensions.entries if each.completed_at] == ["target"]

    def test_end_08_a_suspension_that_a_restore_renewed_during_a_run_is_not_completed_by_it(self, system):
        opened(system)
        system.store.suspensions = Suspensions("v", (a_suspension(system),))
        send = system.ports.trail_heartbeat.send

        def after_the_repair(target: Any) -> None:
            renewed = replace(system.store.suspensions.entries[0], since=system.now + 1)
            system.store.suspensions = Suspensions("w", (renewed,))
            send(target)

        system.ports.trail_heartbeat.send = after_the_repair
        reconcile(system.ports)
        assert system.store.suspensions.entries[0].completed_at is None

    def test_end_08_a_suspension_is_incomplete_while_a_grant_keeps_changing(self, system, monkeypatch):
        opened(system)
        system.store.suspensions = Suspensions("v", (a_suspension(system),))
        with monkeypatch.context() as patched:
            patched.setattr(suspended_grants, "end_suspended_grant", changing)
            assert reconcile(system.ports)["completed"] == 0
        assert reconcile(system.ports)["completed"] == 1

    def test_end_08_an_end_that_cannot_be_stored_fails_the_run(self, system, monkeypatch):
        opened(system)
        system.store.suspensions = Suspensions("v", (a_suspension(system),))
        with monkeypatch.context() as patched:
            patched.setattr(suspended_grants, "end_suspended_grant", unanswered)
            with pytest.raises(RuntimeError, match="analytics-prod"):
                reconcile(system.ports)
        assert reconcile(system.ports)["completed"] == 1

    def test_end_08_a_complete_suspension_is_recorded_once_however_often_it_is_repeated(self, system):
        opened(system)
        first, second = suspended(system, AGENT), suspended(system, AGENT)
        assert first["suspension"]["completed_at"] == second["suspension"]["completed_at"] == iso(system.now)
        outcomes = [each["outcome"] for each in system.records() if each["event"] == "suspension"]
        assert outcomes == ["set", "revoked"]

    def test_end_08_the_reason_of_another_operator_is_on_record(self, system):
        opened(system)
        first = suspended(system, AGENT)
        again = suspended(system, AGENT | {"reason": "it copied data out"}, sub="dora")
        assert (first["already_in_force"], again["already_in_force"]) == (False, True)
        assert again["suspension"] == first["suspension"]
        acts = [each for each in system.records() if (each["event"], each["outcome"]) == ("suspension", "set")]
        assert [each["reason"] for each in acts] == [REASON, "it copied data out"]
        assert acts[0]["principal"] == first["suspension"]["by"] != acts[1]["principal"]
        assert json.loads(acts[1]["detail"])["suspension"] == first["suspension"]["id"]

    def test_end_08_repeated_calls_of_another_operator_have_one_record(self, system):
        opened(system)
        system.role_policies.refusals, system.role_policies.refusal = 99, "AccessDenied"
        suspended(system, AGENT, status=202)
        again = AGENT | {"reason": "it copied data out"}
        for _ in range(3):
            suspended(system, again, sub="dora", status=202)
        system.role_policies.refusals = 0
        suspended(system, again, sub="dora")
        acts = [each for each in system.records() if (each["event"], each["outcome"]) == ("suspension", "set")]
        assert [each["reason"] for each in acts] == [REASON, "it copied data out"]

    def test_end_08_a_target_whose_iam_hangs_does_not_keep_others_from_their_turn(self, system):
        target = system.config.targets["analytics-prod"]
        others = [replace(target, alias=f"t{each}", role_arn=f"{ROLE_ARN}-{each}") for each in range(9)]
        config = replace(system.config, targets={each.alias: each for each in (target, *others)})
        system.ports.__dict__["config"] = config
        write = system.role_policies.of

        def hanging(role: TargetRole) -> Any:
            if role.target.alias in ("analytics-prod", "t0", "t1"):
                system.pause(MOST_MILLISECONDS / 2 / 1000)
                raise Problem("unavailable", "IAM did not answer.", "Try again.")
            return write(role)

        system.ports.role_policies.of = hanging
        asked = {"kind": "issuer", "name": "github", "reason": REASON}
        _, first, _ = system.call(suspend, asked, token=operator(system))
        assert set(first["targets_failed"].values()) <= {"unavailable", "not_tried"}
        for _ in range(40):
            _, body, _ = system.call(suspend, asked, token=operator(system))
            system.pause(1.003)
            if len(body["targets_failed"]) == 3:
                break
        assert {alias for alias, text in system.role_policies.documents.items() if text} >= {
            each.role_arn for each in others[2:]
        }

    def test_end_07_a_target_stays_suspended_under_another_alias(self, system):
        grant_id = opened(system)
        suspended(system, {"kind": "target", "name": "analytics-prod"})
        document = system.role_policies.documents[ROLE_ARN]
        targets_are(system, alias="analytics")
        reconcile(system.ports)
        assert system.role_policies.documents[ROLE_ARN] == document != ""
        assert system.store.grants[grant_id].state is State.REVOKED
        status, body, _ = system.call(create_grant, REQUEST_BODY | {"target": "analytics"}, token=fresh(system))
        assert (status, body["code"]) == (403, "suspended")

    def test_end_07_a_target_that_was_suspended_under_the_alias_of_another_stays_suspended(self, system):
        """An operator suspends the alias again after it got another role, and both targets are renamed later."""
        target, asked = system.config.targets["analytics-prod"], {"kind": "target", "name": "analytics-prod"}
        first = suspended(system, asked)
        targets_are(system, role_arn=f"{ROLE_ARN}-other")
        second = suspended(system, asked)
        assert (second["already_in_force"], second["suspension"]["role"]) == (False, f"{ROLE_ARN}-other")
        assert suspended(system, asked)["suspension"]["id"] == second["suspension"]["id"] != first["suspension"]["id"]
        renamed = replace(target, alias="one"), replace(target, alias="two", role_arn=f"{ROLE_ARN}-other")
        system.ports.__dict__["config"] = replace(system.config, targets={each.alias: each for each in renamed})
        for alias in ("one", "two"):
            status, body, _ = system.call(create_grant, REQUEST_BODY | {"target": alias}, token=fresh(system))
            assert (status, body["code"]) == (403, "suspended"), alias

    def test_end_08_a_grant_that_was_being_made_meanwhile_ends_too(self, system):
        """A request read the suspensions before the write, and wrote its grant after."""
        system.ports.suspensions.meanwhile = lambda: suspend_meanwhile(system)
        grant_id = opened(system)
        assert system.store.grants[grant_id].state is State.ACTIVE
        assert system.store.suspensions.applied(system.store.grants[grant_id]).state is State.REVOKED
        status, body, _ = system.call(create_credentials, grant_id=grant_id, token=fresh(system))
        assert (status, body["code"]) == (403, "suspended")
        assert reconcile(system.ports)["suspended"] == 1

    def test_end_08_a_target_whose_iam_fails_is_named_and_nothing_is_issued_all_the_same(self, system):
        grant_id = opened(system)
        system.role_policies.refusals, system.role_policies.refusal = 99, "AccessDenied"
        status, body, _ = system.call(suspend, {**AGENT, "reason": REASON}, token=operator(system))
        assert (status, body["complete"]) == (202, False)
        assert body["targets_failed"] == {"analytics-prod": "revocation_incomplete"}
        assert system.store.grants[grant_id].state is State.REVOKED
        assert system.call(create_grant, REQUEST_BODY, token=fresh(system))[1]["code"] == "suspended"

    @by_kind
    def test_end_08_a_suspension_that_its_target_never_denied_is_incomplete_after_the_target_is_removed(
        self, system, asked
    ):
        """An account was closed, or a person broke its revoker, and its target is removed within the hour."""
        grant_id = opened(system)
        assert system.call(create_credentials, grant_id=grant_id, token=fresh(system))[0] == 200
        reconcile(system.ports)
        system.role_policies.refusals, system.role_policies.refusal = 99, "AccessDenied"
        suspended(system, asked, status=202)
        config = system.ports.config
        system.ports.__dict__["config"] = replace(config, targets={})
        assert reconcile(system.ports)["without_target"] == 1
        assert system.store.suspensions.entries[0].completed_at is None
        system.now = system.store.grants[grant_id].expires_at + 61
        assert reconcile(system.ports)["completed"] == 1

    @by_kind
    def test_end_08_nor_is_it_complete_if_the_reconciler_wrote_the_ends(self, system, asked, monkeypatch):
        grant_id = opened(system)
        assert system.call(create_credentials, grant_id=grant_id, token=fresh(system))[0] == 200
        reconcile(system.ports)
        system.role_policies.refusals, system.role_policies.refusal = 99, "AccessDenied"
        with monkeypatch.context() as patched:
            patched.setattr(suspended_grants, "end_suspended_grant", changing)
            suspended(system, asked, status=202)
        with pytest.raises(RuntimeError, match="analytics-prod"):
            reconcile(system.ports)
        assert system.store.grants[grant_id].state is State.REVOKED
        system.ports.__dict__["config"] = replace(system.ports.config, targets={})
        assert reconcile(system.ports)["without_target"] == 1
        assert system.store.suspensions.entries[0].completed_at is None
        system.now = system.store.grants[grant_id].expires_at + 61
        assert reconcile(system.ports)["completed"] == 1

    @by_kind
    def test_end_08_the_reconciler_lists_no_grant_that_its_roles_document_denies_already(
        self, system, asked, monkeypatch
    ):
        grant_id = opened(system)
        assert system.call(create_credentials, grant_id=grant_id, token=fresh(system))[0] == 200
        with monkeypatch.context() as patched:
            patched.setattr(suspended_grants, "end_suspended_grant", changing)
            patched.setattr("jitney.handlers.suspensions.end_suspended_grant", changing)
            suspended(system, asked, status=202)
        assert reconcile(system.ports)["suspended"] == 1
        assert system.ports.deny_list.deny_entries(ROLE_ARN, system.now) == []
        assert system.store.suspensions.entries[0].completed_at is not None

    @by_kind
    def test_end_08_a_suspension_is_denied_once_iam_answers_again(self, system, asked):
        grant_id = opened(system)
        assert system.call(create_credentials, grant_id=grant_id, token=fresh(system))[0] == 200
        system.role_policies.refusals, system.role_policies.refusal = 99, "AccessDenied"
        suspended(system, asked, status=202)
        system.role_policies.refusals = 0
        assert reconcile(system.ports)["completed"] == 1
        assert grant_id in system.role_policies.denies(ROLE_ARN)


class TestTimes:
    """How long AWS takes to deny. Another function measures it with a canary session of a grant that has ended."""

    @by_kind
    def test_end_08_the_canary_is_a_session_of_an_ended_grant_and_can_do_nothing_that_was_granted(self, system, asked):
        others = mine(system, 3, principal="other.agent", unit="other.agent", target="other", issuer_name="other")
        grant_id = opened(system)
        issued = len(system.sessions.asked)
        assert suspended(system, asked)["targets_measured"] == ["analytics-prod"]
        assert len(system.sessions.asked) == issued  # the answer waits for no session
        system.measure()
        canary = system.sessions.asked[-1]
        assert (canary.name, dict(canary.tags)["grant"]) == (f"g-canary-{grant_id[2:]}", grant_id)
        assert not {f"g-canary-{each[2:]}" for each in others} & {each.name for each in system.sessions.asked}
        allow, deny = canary.policy.document()["Statement"]
        assert (allow["Action"], deny["Effect"]) == ("sts:GetAccessKeyInfo", "Deny")

    def test_end_08_the_time_counts_from_the_call_and_is_on_record_with_the_suspension(self, system):
        grant_id = opened(system)
        system.role_policies.during = lambda: system.pause(0.25)
        system.canary.denied_at = 2
        body = suspended(system, AGENT)
        system.measure()
        record = system.records()[-1]
        assert (record["event"], record["outcome"], record["grant_id"]) == ("canary", "denied", grant_id)
        detail = json.loads(record["detail"])
        assert (detail["denied_after_milliseconds"], detail["suspension"]) == (2250, body["suspension"]["id"])
        assert system.store.grants[grant_id].ending.denied_after_milliseconds == 2250

    def test_end_08_it_starts_after_the_document_and_the_grants_own_end_and_before_the_other_ends(self, system):
        mine(system, 5)
        seen = []
        start = system.measurements.start

        def starting(*arguments: Any, **named: Any) -> None:
            ended = sum(1 for each in system.store.grants.values() if each.state is State.REVOKED)
            seen.append((system.role_policies.writes, ended))
            start(*arguments, **named)

        system.measurements.start = starting
        assert suspended(system, {**AGENT, "unseen": True})["grants_ended"] == 5
        assert seen == [(1, 1)]

    def test_end_08_a_denial_that_was_not_seen_is_on_record_as_that(self, system):
        opened(system)
        system.canary.denied_at = None
        suspended(system, AGENT)
        system.measure()
        assert system.outcomes()[-1] == ("canary", "failed", "")
        assert json.loads(system.records()[-1]["detail"])["denied_after_milliseconds"] is None

    def test_end_08_a_measurement_that_does_not_start_stops_nothing(self, system):
        grant_id = opened(system)
        system.measurements.problem = Problem("unavailable", "Lambda did not answer.", "Try again.")
        body = suspended(system, AGENT)
        assert (body["complete"], body["grants_ended"], body["targets_measured"]) == (True, 1, [])
        assert system.store.grants[grant_id].state is State.REVOKED

    def test_end_08_a_measurement_that_starts_late_is_left_out(self, system):
        """The document denies only sessions that were started before or shortly after the suspension."""
        opened(system)
        suspended(system, AGENT)
        (event,) = system.measurements.events
        issued = len(system.sessions.asked)
        system.now += MEASURED_WITHIN_SECONDS + 1
        system.measure()
        assert (len(system.sessions.asked), system.records()[-1]["event"]) == (issued, "suspension")
        system.now -= 1
        assert measure_denial(event, system.ports)

    def test_end_08_one_grant_is_measured_on_each_of_a_limited_number_of_targets(self, system):
        target = system.config.targets["analytics-prod"]
        aliases = [f"target-{number:02}" for number in range(MOST_TARGETS + 2)]
        targets = {each: replace(target, alias=each, role_arn=f"{ROLE_ARN}-{each}") for each in aliases}
        system.ports.__dict__["config"] = replace(system.config, targets=targets)
        for each in aliases:
            made = mine(system, 2, target=each, role_arn=f"{ROLE_ARN}-{each}")
            system.store.grants |= {f"{name}{each}": replace(system.store.grants[name], id=f"{name}{each}")
                                    for name in made}  # fmt: skip
        body = suspended(system, {**AGENT, "unseen": True})
        assert body["targets_measured"] == aliases[:MOST_TARGETS]
        assert len(system.measurements.events) == MOST_TARGETS

    @pytest.mark.parametrize("why", ["nothing ended", "nothing issued", "role", "failed", "late", "slow"])
    def test_end_08_nothing_is_measured_without(self, system, why):
        other = {"principal": "corp.other", "unit": "corp.other", "subject": "other"}
        ids = mine(system, 1, unissued=why == "nothing issued", **(other if why == "nothing ended" else {}))
        if why == "role":
            targets_are(system, canary=False)
        elif why == "failed":
            system.role_policies.refusals, system.role_policies.refusal = 99, "AccessDenied"
        elif why == "late":
            entry = a_suspension(system, since=system.now - MEASURED_WITHIN_SECONDS)
            system.store.suspensions = Suspensions("v", (entry,))
        elif why == "slow":
            system.role_policies.during = lambda: system.pause(MOST_MILLISECONDS / 1000)
        _, body, _ = system.call(suspend, {**AGENT, "reason": REASON, "unseen": True}, token=operator(system))
        assert body["targets_measured"] == []
        assert not system.measurements.events
        ended = why not in ("nothing ended", "slow")
        assert (system.store.grants[ids[0]].state is State.REVOKED) is ended


def suspend_meanwhile(system: System) -> None:
    if not system.store.suspensions.entries:
        system.store.suspensions = Suspensions("v", (a_suspension(system),))


class Interrupted(BaseException):
    """A function that is stopped in the middle of its first call of IAM."""

    reached = False

    def __call__(self) -> None:
        self.reached = True
        raise self


def raise_through(system: System, asked: dict[str, Any]) -> None:
    system.call(suspend, {"reason": REASON, **asked}, token=operator(system))


UNSEEN_PERSON = {"kind": "human", "name": "corp.olga", "unseen": True}


class TestLifting:
    def test_end_08_needs_a_reason_and_both_are_on_record(self, system):
        opened(system)
        suspension_id = suspended(system, AGENT)["suspension"]["id"]
        status, body, _ = system.call(lift, {}, grant_id=suspension_id, token=operator(system))
        assert (status, body["code"]) == (400, "request_invalid")
        assert system.call(create_grant, REQUEST_BODY, token=fresh(system))[1]["code"] == "suspended"
        system.now += 60
        status, body = lifted(system, suspension_id)
        assert (status, body["suspension"]["lifted_by"]) == (200, "corp.carol")
        found = [each for each in system.records() if each["event"] == "suspension"]
        assert [(each["outcome"], each["reason"]) for each in found] == [
            ("set", REASON),
            ("revoked", ""),
            ("ended", "rotated"),
        ]
        assert {each["principal"] for each in found} == {"corp.carol"}

    def test_ops_02_a_locked_suspension_stays_until_its_time_and_the_refusal_says_it(self, system):
        opened(system)
        suspension_id = suspended(system, AGENT)["suspension"]["id"]
        until = system.now + 4500
        system.store.suspensions = system.store.suspensions.locked_until(until)
        system.now = until - 1
        status, body = lifted(system, suspension_id)
        assert (status, body["code"], body["not_before"]) == (409, "suspension_locked", iso(until))
        assert iso(until) in body["detail"]
        assert system.call(create_grant, REQUEST_BODY, token=fresh(system))[1]["code"] == "suspended"
        system.now = until
        assert lifted(system, suspension_id)[0] == 200
        assert lifted(system, suspension_id)[0] == 200

    @by_kind
    def test_end_08_afterwards_requests_are_decided_again_and_ended_grants_stay_ended(self, system, asked):
        active = opened(system)
        suspension_id = suspended(system, asked)["suspension"]["id"]
        system.now += 60
        others = other_operator() if asked["kind"] == "issuer" else {}
        targets_operators(system)
        assert lifted(system, suspension_id, **others)[0] == 200
        again = opened(system)
        assert system.call(create_credentials, grant_id=again, token=fresh(system))[0] == 200
        status, body, _ = system.call(create_credentials, grant_id=active, token=fresh(system))
        assert (status, body["code"]) == (410, "grant_revoked")

    @by_kind
    def test_end_08_a_revocation_after_a_suspension_keeps_its_end(self, system: System, asked: dict[str, Any]):
        grant_id = opened(system)
        suspended(system, asked)
        end = system.store.grants[grant_id].ending
        system.now += 5
        operators = other_operator() if asked["kind"] == "issuer" else {}
        targets_operators(system)
        body, token = {"reason": REASON}, operator(system, **operators)
        assert system.call(revoke_grant, body, grant_id=grant_id, token=token)[0] == 200
        assert (system.store.grants[grant_id].ending, system.store.deny_list.listed) == (end, {})

    @by_kind
    def test_end_08_a_suspended_grant_on_a_role_without_a_target_is_denied_when_it_is_revoked_again(
        self, system: System, asked: dict[str, Any]
    ):
        """No document has the suspension then. Its deny entry is written once the role has a target again."""
        grant_id = opened(system)
        assert system.call(create_credentials, grant_id=grant_id, token=fresh(system))[0] == 200
        suspended(system, asked)
        operators = other_operator() if asked["kind"] == "issuer" else {}
        targets_operators(system)
        system.ports.__dict__["config"] = replace(system.ports.config, targets={})
        request, token = {"reason": REASON}, operator(system, **operators)
        status, body, _ = system.call(revoke_grant, request, grant_id=grant_id, token=token)
        assert (status, body["code"]) == (503, "revocation_incomplete")
        assert "No target has the role" in body["detail"]
        assert set(system.store.deny_list.listed[ROLE_ARN]) == {grant_id}

    def test_end_08_a_grant_whose_end_was_not_written_stays_ended_after_lifting(self, system):
        active, pending = opened(system), opened(system, permissions=WRITE)
        system.store.suspensions = Suspensions("v", (a_suspension(system),))
        system.now += 60
        assert lifted(system, "s-aaaaaaaaaaaaaa")[0] == 200
        assert system.call(create_credentials, grant_id=active, token=fresh(system))[1]["code"] == "grant_revoked"
        assert opened(system, permissions=WRITE) != pending  # it is not joined to the dead one
        with pytest.raises(Problem, match="revoked"):
            vote(ballot(system.store.grants[pending]), system.ports)
        assert reconcile(system.ports)["suspended"] == 2

    @pytest.mark.parametrize(
        ("route", "asked"),
        [
            (lift, {"reason": REASON}),
            (suspend, {**UNSEEN_PERSON, "including_caller": True, "reason": REASON}),
        ],
        ids=["lift", "suspend"],
    )
    def test_end_08_an_operator_who_is_suspended_during_the_call_changes_nothing(self, system, route, asked):
        opened(system)
        first = a_suspension(system)
        rogue = a_suspension(system, id="s-bbbbbbbbbbbbbb", kind=SuspensionKind.HUMAN, name="corp.carol")
        system.store.suspensions = Suspensions("v", (first,))

        def meanwhile() -> None:
            system.store.suspensions = Suspensions("w", (first, rogue))

        system.ports.suspensions.meanwhile = meanwhile  # after the read that authenticates
        status, body, _ = system.call(route, asked, grant_id=first.id, token=operator(system))
        assert (status, body["code"]) == (403, "suspended")
        assert system.store.suspensions.entries == (first, rogue)

    def test_a_repeat_changes_nothing_and_an_unknown_id_is_an_error_with_the_known_ones(self, system):
        opened(system)
        suspension_id = suspended(system, AGENT)["suspension"]["id"]
        status, body = lifted(system, "s-nowhere")
        assert (status, body["code"], body["alternatives"]) == (404, "suspension_not_found", [suspension_id])
        first = lifted(system, suspension_id)
        records = len(system.records())
        assert lifted(system, suspension_id) == first
        assert len(system.records()) == records

    def test_a_lifted_suspension_is_forgotten_after_the_longest_review(self, system):
        opened(system)
        lifted(system, suspended(system, AGENT)["suspension"]["id"])
        system.now += LIFTED_SECONDS
        opened(system)
        suspended(system, AGENT)
        assert [each.in_force for each in system.store.suspensions.entries] == [True]

    def test_aud_01_a_lifted_suspension_is_forgotten_although_operators_change_no_other(self, system):
        """Its item has the names of the suspended person and of both operators."""
        opened(system)
        suspended(system, {"kind": "unit", "name": "corp.reader-agent"})
        lifted(system, suspended(system, AGENT)["suspension"]["id"])
        before = system.store.suspensions
        system.now += LIFTED_SECONDS - 1
        reconcile(system.ports)
        assert system.store.suspensions == before
        system.now += 1
        records = len(system.records())
        reconcile(system.ports)
        assert [each.in_force for each in system.store.suspensions.entries] == [True]
        assert (system.store.suspensions.version != before.version, len(system.records())) == (True, records)


def targets_operators(system: System) -> None:
    config = replace(system.ports.config, operators=("corp/security", "other/security"))
    system.ports.__dict__["config"] = config


def failing_on(role: str) -> Any:
    """Return what writes no end of a grant on this role, because the store does not answer."""

    def written(role_arn: str, *others: Any) -> tuple[int, bool]:
        if role_arn == role:
            raise Problem("unavailable", "The store did not answer.", "Try again.")
        return suspended_grants.end_suspended_grants(role_arn, *others)

    return written


class TestNames:
    @pytest.mark.parametrize(
        ("asked", "suggested"),
        [
            ({"kind": "agent", "name": "corp.reader-agnet"}, "corp.reader-agent"),
            ({"kind": "agent", "name": "reader-agent"}, "corp.reader-agent"),
            ({"kind": "unit", "name": "reader"}, "corp.reader-agent"),
            ({"kind": "human", "name": "corp.alise"}, "corp.alice"),
            ({"kind": "issuer", "name": "crop"}, "corp"),
            ({"kind": "target", "name": "analytics"}, "analytics-prod"),
        ],
        ids=str,
    )
    def test_aud_10_an_unknown_name_is_an_error_with_suggestions(self, system, asked, suggested):
        opened(system)
        status, body, _ = system.call(suspend, {**asked, "reason": REASON}, token=operator(system))
        assert (status, body["code"]) == (404, "suspension_name_unknown")
        assert suggested in body["alternatives"]
        assert suggested in body["fix"]
        assert not system.store.suspensions.entries

    def test_an_agent_that_made_no_request_can_be_suspended_by_its_exact_name(self, system):
        asked = {"kind": "agent", "name": "github.never-seen", "reason": REASON}
        status, body, _ = system.call(suspend, asked, token=operator(system))
        assert (status, "no open grant has it, send `unseen` as true" in body["fix"]) == (404, True)
        assert system.call(suspend, asked | {"unseen": True}, token=operator(system))[0] == 201

    @pytest.mark.parametrize("name", ["nowhere.agent", "github", "github.*", "github.a b", "agent"])
    def test_no_name_outside_the_configured_issuers_and_no_wildcard_is_accepted(self, system, name):
        asked = {"kind": "agent", "name": name, "reason": REASON, "unseen": True}
        assert system.call(suspend, asked, token=operator(system))[1]["code"] == "suspension_name_unknown"

    @pytest.mark.parametrize("kind", ["issuer", "target"])
    def test_aud_10_no_issuer_or_target_without_a_configuration_is_accepted_unseen(self, system, kind):
        asked = {"kind": kind, "name": "github.never-seen", "reason": REASON, "unseen": True}
        status, body, _ = system.call(suspend, asked, token=operator(system))
        assert (status, body["code"]) == (404, "suspension_name_unknown")
        assert f"Use a name that jitney.yaml has under {kind}s" in body["fix"]
        assert not system.store.suspensions.entries

    def test_an_agent_whose_grants_have_ended_is_known(self, system):
        system.call(release_grant, grant_id=opened(system), token=fresh(system))
        suspended(system, AGENT)

    def test_end_08_a_person_is_suspended_by_the_name_with_which_they_sign_in_only(self, system):
        people = replace(system.config.issuers["other"], kind="human", human_issuer=minting.HUMANS)
        config = replace(system.config, issuers={**system.config.issuers, "other": people})
        _, body, _ = system.call(create_grant, REQUEST_BODY, token=fresh(system, act={"sub": "alice"}))
        own = replace(
            system.store.grants[body["grant"]["id"]],
            issuer=minting.OTHER,
            issuer_name="other",
            subject="alice",
            principal="other.alice",
        )
        with pytest.raises(Problem) as unknown:
            seen_name(SuspensionRequest(SuspensionKind.HUMAN, "other.alice", REASON), config, [own])
        assert "people.alice" in unknown.value.extras["alternatives"]
        agent = seen_name(SuspensionRequest(SuspensionKind.AGENT, "other.alice", REASON), config, [own])
        assert agent == SuspendedName("other.alice", issuer=minting.OTHER)

    def test_a_person_is_named_as_in_jitney_yaml_too(self, system):
        config = replace(system.config, subjects={"people.alice": ("people", "alice")})
        system.ports.__dict__["config"] = config
        body = suspended(system, {"kind": "human", "name": "people/alice"})
        assert body["suspension"]["name"] == "people.alice"

    @pytest.mark.parametrize("alias", ["", "robots"])
    def test_end_08_an_issuer_that_was_removed_or_renamed_is_suspended_while_it_has_grants(self, system, alias):
        grant_id = opened(system)
        removed = system.config.issuers["corp"]
        issuers = {name: each for name, each in system.config.issuers.items() if name != "corp"}
        issuers |= {alias: replace(removed, name=alias, identity_name=alias)} if alias else {}
        system.ports.__dict__["config"] = replace(system.config, issuers=issuers, operators=("other/security",))
        body = suspended(system, {"kind": "issuer", "name": "corp"}, **other_operator())
        assert body["grants_ended"] == 1
        assert system.store.grants[grant_id].state is State.REVOKED
        assert "corp.*" in system.role_policies.documents[ROLE_ARN]

    def test_end_08_the_earlier_name_of_an_issuers_agent_is_suspended_and_its_grant_is_not_renewed(self, system):
        grant_id = opened(system)
        renamed = replace(system.config.issuers["corp"], name="robots", identity_name="robots")
        issuers = {**system.config.issuers, "robots": renamed}
        del issuers["corp"]
        config = replace(system.config, issuers=issuers, operators=("other/security",))
        text = config.policies.text.replace('"corp/', '"robots/')
        system.ports.__dict__["config"] = config
        system.ports.__dict__["policies"] = PolicySet.load(replace(config.policies, text=text))
        status, body, _ = system.call(create_credentials, grant_id=grant_id, token=fresh(system))
        assert (status, body["code"], body["fix"]) == (410, "grant_ended", "Make a new request.")
        assert system.store.grants[grant_id].state is State.ACTIVE
        suspended(system, {"kind": "issuer", "name": "corp"}, **other_operator())
        status, body, _ = system.call(create_credentials, grant_id=grant_id, token=fresh(system))
        assert (status, body["code"]) == (403, "suspended")

    @pytest.mark.parametrize("fails", [False, True])
    def test_end_08_grants_of_the_alias_on_a_role_that_another_target_has_now_are_denied_there(self, system, fails):
        """Two targets swapped their aliases. The operator may mean the earlier target or the present one."""
        grant_id, waiting = opened(system), opened(system, permissions=WRITE, reason="publish")
        target = system.config.targets["analytics-prod"]
        swapped = replace(target, role_arn=f"{ROLE_ARN}-other"), replace(target, alias="other")
        config = replace(system.config, targets={each.alias: each for each in swapped})
        system.ports.__dict__["config"] = config
        asked = {"kind": "target", "name": "analytics-prod"}
        if fails:
            system.role_policies.refusals, system.role_policies.refusal = 10**6, "AccessDenied"
            body = suspended(system, asked, status=202)
            assert body["targets_failed"].keys() == {"analytics-prod", "other"}
            system.role_policies.refusals = 0
            suspended(system, asked)
        else:
            assert suspended(system, asked)["grants_ended"] == 2
        assert {system.store.grants[each].state for each in (grant_id, waiting)} == {State.REVOKED}
        assert system.role_policies.denies(ROLE_ARN) == {grant_id}

    def test_end_08_a_role_that_another_target_has_now_and_that_fails_keeps_the_suspension_incomplete(
        self, system, monkeypatch
    ):
        grant_id = opened(system)
        target = system.config.targets["analytics-prod"]
        swapped = replace(target, role_arn=f"{ROLE_ARN}-other"), replace(target, alias="other")
        system.ports.__dict__["config"] = replace(system.config, targets={each.alias: each for each in swapped})
        iam, refusing = system.role_policies, MemoryRolePolicies(refusals=10**6, refusal="AccessDenied")
        with monkeypatch.context() as patch:
            patch.setattr(iam, "of", lambda role: MemoryRolePolicy(refusing if role.arn == ROLE_ARN else iam, role.arn))
            body = suspended(system, {"kind": "target", "name": "analytics-prod"}, status=202)
            assert body["targets_failed"].keys() == {"other"}
            with pytest.raises(RuntimeError, match="other"):
                reconcile(system.ports)
        assert system.store.suspensions.entries[0].completed_at is None
        assert reconcile(system.ports)["completed"] == 1
        assert iam.denies(ROLE_ARN) == {grant_id}

    @pytest.mark.parametrize("first", ["renamed", "suspended"])
    def test_end_08_an_issuer_is_suspended_under_its_earlier_and_its_present_name(self, system, first):
        """Another entry of the issuer is the first one now, so the issuer's agents have other names."""
        grant_id, waiting = opened(system), opened(system, permissions=WRITE, reason="publish")
        issuers = system.config.issuers
        corp = replace(issuers["corp"], identity_name="acme")
        acme = replace(corp, name="acme", audiences=("acme",))
        config = replace(system.config, issuers={**issuers, "acme": acme, "corp": corp}, operators=("other/security",))
        operators = replace(system.config, operators=("other/security",))
        system.ports.__dict__["config"] = config if first == "renamed" else operators
        asked = {"kind": "issuer", "name": "corp"}
        body = suspended(system, asked, **other_operator())
        system.ports.__dict__["config"] = config
        assert body["suspension"]["issuer"] == minting.CORP
        assert body["targets_measured"] == ([] if first == "renamed" else ["analytics-prod"])
        assert (body["grants_ended"], body["suspension"]["name"]) == (2, "acme" if first == "renamed" else "corp")
        assert {system.store.grants[each].state for each in (grant_id, waiting)} == {State.REVOKED}
        denied = system.role_policies.documents[ROLE_ARN]
        assert grant_id in denied if first == "renamed" else "corp.*" in denied
        status, problem, _ = system.call(create_grant, REQUEST_BODY, token=fresh(system))
        assert (status, problem["code"]) == (403, "suspended")
        assert suspended(system, asked, **other_operator())["grants_ended"] == 0
        assert reconcile(system.ports)["suspended"] == 0

    @pytest.mark.parametrize("first", ["renamed", "suspended"])
    def test_end_08_agents_of_a_suspended_issuers_people_stay_suspended_under_another_name(self, system, first):
        _, before, _ = system.call(create_grant, REQUEST_BODY, token=fresh(system, act={"sub": "bob"}))
        issuers = system.config.issuers
        staff = replace(issuers["people"], name="staff", identity_name="staff")
        corp = replace(issuers["corp"], human_issuer=issuers["corp"].human_issuer._replace(identity_name="staff"))
        kept = {name: each for name, each in issuers.items() if name != "people"}
        renamed = replace(system.config, issuers=kept | {"staff": staff, "corp": corp})
        system.ports.__dict__["config"] = renamed if first == "renamed" else system.config
        body = suspended(system, {"kind": "issuer", "name": "staff" if first == "renamed" else "people"})
        system.ports.__dict__["config"] = renamed
        assert body["grants_ended"] == 1
        denied = before["grant"]["id"] if first == "renamed" else "people.*"
        assert denied in system.role_policies.documents[ROLE_ARN]
        status, problem, _ = system.call(create_grant, REQUEST_BODY, token=fresh(system, act={"sub": "alice"}))
        assert (status, problem["code"]) == (403, "suspended")
        assert system.call(create_grant, REQUEST_BODY, token=fresh(system))[0] == 201

    def test_end_08_a_suspension_that_could_not_look_at_all_other_targets_is_not_complete(self, system, monkeypatch):
        opened(system)
        target = system.config.targets["analytics-prod"]
        swapped = replace(target, role_arn=f"{ROLE_ARN}-other"), replace(target, alias="other")
        system.ports.__dict__["config"] = replace(system.config, targets={each.alias: each for each in swapped})
        monkeypatch.setattr("jitney.handlers.ending.suspended_grants.MOVED_MILLISECONDS", 0)
        body = suspended(system, {"kind": "target", "name": "analytics-prod"}, status=202)
        assert (body["complete"], body["targets_failed"]) == (False, {})

    def test_end_08_a_target_that_was_removed_is_suspended_while_it_has_grants(self, system):
        grant_id = opened(system)
        waiting = opened(system, permissions=WRITE, reason="publish")
        reconcile(system.ports)
        targets_are(system, alias="other", role_arn=f"{ROLE_ARN}-other")
        asked = {"kind": "target", "name": "analytics-prod"}
        body = suspended(system, asked, status=202)
        assert (body["suspension"]["role"], body["targets_failed"]) == (ROLE_ARN, {ROLE_ARN: "no_target"})
        assert body["grants_ended"] == 2
        for ended in (grant_id, waiting):
            assert system.store.grants[ended].state is State.REVOKED
            assert [each["code"] for each in system.records() if each["grant_id"] == ended][-1] == "suspended"
        status, problem, _ = system.call(create_credentials, grant_id=grant_id, token=fresh(system))
        assert (status, problem["code"]) == (410, "grant_revoked")
        assert suspended(system, asked, status=202)["grants_ended"] == 0  # repeated, although no grant is open
        assert len(system.store.suspensions.entries) == 1
        assert reconcile(system.ports)["completed"] == 0
        system.now = system.store.grants[grant_id].expires_at + CLOCK_SKEW_SECONDS
        assert reconcile(system.ports)["completed"] == 1

    @pytest.mark.parametrize("operator", ["", "corp.carol"])
    def test_end_08_each_record_of_a_suspended_target_names_it(self, system, operator: str):
        opened(system)
        system.role_policies.refusals, system.role_policies.refusal = 99, "AccessDenied"
        asked = {"kind": "target", "name": "analytics-prod"}
        suspended(system, asked, status=202)
        system.role_policies.refusals = 0
        assert suspended(system, asked)["complete"] if operator else reconcile(system.ports)["completed"] == 1
        records = [each for each in system.records() if each["event"] == "suspension"]
        assert {each["outcome"] for each in records} == {"set", "failed", "revoked"}
        assert [each["principal"] for each in records if each["outcome"] == "revoked"] == [operator]
        assert {each["target"] for each in records} == {"analytics-prod"}

    @pytest.mark.parametrize("unreadable", [False, True])
    def test_end_08_a_target_whose_alias_got_another_role_is_incomplete_while_its_earlier_grants_work(
        self, system, unreadable
    ):
        grant_id = opened(system)
        reconcile(system.ports)
        targets_are(system, role_arn=f"{ROLE_ARN}-other")
        asked = {"kind": "target", "name": "analytics-prod"}
        body = suspended(system, asked, status=202)
        assert (body["grants_ended"], body["targets_failed"]) == (1, {ROLE_ARN: "no_target"})
        assert system.store.grants[grant_id].state is State.REVOKED
        assert suspended(system, asked, status=202)["grants_ended"] == 0
        expires_at = system.store.grants[grant_id].expires_at
        if unreadable:
            del system.store.grants[grant_id]
        assert suspended(system, asked, status=202)["targets_failed"] == {ROLE_ARN: "no_target"}
        assert reconcile(system.ports)["completed"] == 0
        system.now = expires_at + CLOCK_SKEW_SECONDS
        assert reconcile(system.ports)["completed"] == 1

    def test_end_08_ends_that_cannot_be_written_on_a_targets_earlier_role_keep_its_suspension_incomplete(
        self, system, monkeypatch
    ):
        opened(system)
        reconcile(system.ports)
        targets_are(system, role_arn=f"{ROLE_ARN}-other")
        begun = Suspension("s-1", SuspensionKind.TARGET, "analytics-prod", system.now, "corp.carol", "", role="other")
        system.store.suspensions = system.store.suspensions.with_new(begun)
        with monkeypatch.context() as patch:
            patch.setattr(reconciler, "end_suspended_grants", failing_on(ROLE_ARN))
            with pytest.raises(RuntimeError, match=ROLE_ARN):
                reconcile(system.ports)
        assert system.store.suspensions.entries[0].completed_at is None

    def test_end_08_a_removed_targets_grants_keep_no_suspension_of_another_target_incomplete(self, system):
        grant_id = opened(system)
        reconcile(system.ports)
        targets_are(system, alias="other", role_arn=f"{ROLE_ARN}-other")
        assert end_as(system, grant_id, "revoked")[0] == 503
        body = suspended(system, {"kind": "target", "name": "other"}, status=201)
        assert body["targets_failed"] == {}
        assert system.store.suspensions.entries[0].completed_at == system.now

    def test_aud_10_the_earlier_alias_of_a_target_names_the_present_one(self, system):
        opened(system)
        targets_are(system, alias="live")
        asked = {"kind": "target", "name": "analytics-prod", "reason": REASON}
        status, body, _ = system.call(suspend, asked, token=operator(system))
        assert (status, body["alternatives"]) == (404, ["live"])
        assert not system.store.suspensions.entries

    def test_end_08_a_call_is_repeated_although_the_grants_that_had_its_name_have_ended(self, system):
        opened(system)
        asked = {"kind": "unit", "name": "corp.reader-agent"}
        system.role_policies.refusals, system.role_policies.refusal = 99, "AccessDenied"
        assert suspended(system, asked, status=202)["grants_ended"] == 1
        system.role_policies.refusals = 0
        assert suspended(system, asked)["complete"]

    def test_an_entry_of_an_issuer_stands_for_the_issuer(self, system):
        entry = replace(system.config.issuers["github"], name="github-staging")
        config = replace(system.config, issuers={**system.config.issuers, entry.name: entry})
        system.ports.__dict__["config"] = config
        assert suspended(system, {"kind": "issuer", "name": "github-staging"})["suspension"]["name"] == "github"

    @pytest.mark.parametrize(
        "change",
        [
            {"kind": "team"},
            {"kind": 1},
            {"name": ""},
            {"reason": ""},
            {"reason": None},
            {"unseen": "yes"},
            {"who": "x"},
        ],
        ids=str,
    )
    def test_a_malformed_body_is_refused(self, system, change):
        asked = {**AGENT, "reason": REASON, **change}
        status, body, _ = system.call(suspend, asked, token=operator(system))
        assert (status, body["code"]) == (400, "request_invalid")


class TestOperators:
    @pytest.mark.parametrize("route", [suspend, list_suspensions, lift])
    def test_end_08_only_operators_suspend_list_and_lift(self, system, route):
        status, body, _ = system.call(route, {**AGENT, "reason": REASON}, grant_id="s-1")
        assert (status, body["code"]) == (403, "not_operator")
        assert not system.store.suspensions.entries

    def test_an_operator_is_warned_before_they_suspend_themselves(self, system):
        asked = {"kind": "issuer", "name": "corp", "reason": REASON}
        status, body, _ = system.call(suspend, asked, token=operator(system))
        assert (status, body["code"]) == (409, "self_suspension")
        assert not system.store.suspensions.entries
        assert system.call(suspend, asked | {"including_caller": True}, token=operator(system))[0] == 201
        assert system.call(list_suspensions, token=operator(system))[1]["code"] == "suspended"

    def test_the_list_shows_what_is_in_force_and_why(self, system):
        opened(system)
        shown = suspended(system, AGENT)["suspension"]
        assert shown["reason"] == REASON
        assert system.call(list_suspensions, token=operator(system))[1] == {"suspensions": [shown]}

    def test_aud_07_a_secret_in_a_reason_is_masked(self, system):
        opened(system)
        system.call(suspend, {**AGENT, "reason": f"leaked {SECRET_KEY}"}, token=operator(system))
        assert SECRET_KEY not in repr(system.store.suspensions) + json.dumps(system.records())
        suspension_id = system.store.suspensions.entries[0].id
        system.call(lift, {"reason": f"was {SECRET_KEY}"}, grant_id=suspension_id, token=operator(system))
        assert SECRET_KEY not in json.dumps(system.records())

    def test_aud_07_a_secret_in_a_name_is_masked_before_it_is_cut(self, system):
        name = f"{'x' * 40} {SECRET_KEY}"
        status, body, _ = system.call(suspend, {**AGENT, "name": name, "reason": REASON}, token=operator(system))
        assert (status, SECRET_KEY[:12] in json.dumps(body)) == (404, False)

    def test_two_operators_at_once_lose_nothing(self, system):
        opened(system)
        first = a_suspension(system, id="s-first", name="corp.first")

        def meanwhile() -> None:
            if system.ports.suspensions.reads == 2:  # the first read authenticates
                system.store.suspensions = Suspensions("other", (first,))

        system.ports.suspensions.reads, system.ports.suspensions.meanwhile = 0, meanwhile
        suspended(system, AGENT)
        assert [each.name for each in system.store.suspensions.entries] == ["corp.first", "corp.reader-agent"]

    def test_the_number_is_bounded_and_an_issuer_is_the_way_out(self, system):
        entries = tuple(
            a_suspension(system, id=f"s-{number}", name=f"corp.a{number}") for number in range(MOST_SUSPENSIONS)
        )
        system.store.suspensions = Suspensions("v", entries)
        opened(system)
        status, body, _ = system.call(suspend, {**AGENT, "reason": REASON}, token=operator(system))
        assert (status, body["code"]) == (409, "suspensions_full")
        assert lifted(system, "s-0")[0] == 200


@pytest.fixture
def desk() -> ReviewSystem:
    return review_system(reviewers=GROUPS, break_glass=SETTINGS)


def suspend_person(desk: ReviewSystem, name: str, **members: Any) -> None:
    entry = a_suspension(desk.system, **{"kind": SuspensionKind.HUMAN, "name": name, **members})
    desk.system.store.suspensions = Suspensions(f"v-{name}", (*desk.system.store.suspensions.entries, entry))


def pending_of(desk: ReviewSystem) -> Grant:
    return desk.system.store.grants[opened(desk.system, permissions=WRITE)]


def cast(desk: ReviewSystem, grant: Grant, name: str, **more: Any) -> Grant:
    """The grant after a vote of `name`, who saw it as it is now."""
    given = ballot(desk.system.store.grants[grant.id], **more)
    return vote(replace(given, voter=person(name, "staff")), desk.system.ports)


PEOPLE = [
    {"kind": SuspensionKind.HUMAN, "name": "staff.alice"},
    {"kind": SuspensionKind.ISSUER, "name": "staff"},
    {"kind": SuspensionKind.UNIT, "name": "staff.alice"},
]
by_person = pytest.mark.parametrize("members", PEOPLE, ids=[str(each["kind"]) for each in PEOPLE])


class TestReviewers:
    @by_person
    def test_end_08_a_suspended_person_cannot_sign_in(self, desk, members):
        suspend_person(desk, **members)
        browser = Browser(desk)
        answer = browser.sign_in("alice")
        assert (answer.status, "Code: <code>suspended" in answer.text) == (403, True)
        assert REASON not in answer.text
        assert not desk.sessions.kept
        refused = desk.system.records()[-1]
        assert (refused["code"], refused["principal"]) == ("suspended", "staff.alice")

    @by_person
    @pytest.mark.parametrize("path", ["/reviews", "/reviews/{id}", "/reviews/{id}/report", "/reviews/out-of-office"])
    def test_end_08_a_session_that_was_open_shows_nothing(self, desk, members, path):
        grant, browser = pending_of(desk), Browser(desk)
        browser.sign_in("alice")
        suspend_person(desk, **members)
        answer = browser.send("GET", path.format(id=grant.id))
        assert (answer.status, "Code: <code>suspended" in answer.text) == (403, True)
        assert "analytics-prod" not in answer.text

    @by_person
    @pytest.mark.parametrize("path", ["", "/revocation", "/break-glass", "/follow-up"])
    def test_end_08_a_session_that_was_open_decides_nothing(self, desk, members, path):
        grant, browser = pending_of(desk), Browser(desk)
        browser.sign_in("alice")
        form = browser.form_of(grant.id) | {"reason": "x", "comment": "x", "judgement": "confirm"}
        suspend_person(desk, **members)
        answer = browser.send("POST", f"/reviews/{grant.id}{path}", form)
        assert (answer.status, "Code: <code>suspended" in answer.text) == (403, True)
        assert desk.system.store.grants[grant.id] == grant
        assert desk.system.outcomes()[-1] == ("refusal", "refused", "suspended")

    @by_person
    def test_end_08_a_suspended_person_cannot_vote_on_any_channel(self, desk, members):
        grant = pending_of(desk)
        suspend_person(desk, **members)
        with pytest.raises(Problem) as refused:
            cast(desk, grant, "alice", via="slack")
        assert refused.value.code == "suspended"
        assert desk.system.outcomes()[-1] == ("vote", "refused", "suspended")

    @by_person
    def test_end_08_an_earlier_vote_does_not_count_any_more(self, desk, members):
        grant = pending_of(desk)
        cast(desk, grant, "alice")
        suspend_person(desk, **members | {"name": "staff.alice", "kind": SuspensionKind.HUMAN})
        after = cast(desk, grant, "bob")
        assert (after.state, after.approvals) == (State.PENDING, ())
        last = cast(desk, grant, "gina")
        assert last.state is State.ACTIVE

    def test_end_08_an_earlier_vote_counts_again_once_the_suspension_is_lifted(self, desk):
        grant = pending_of(desk)
        cast(desk, grant, "alice")
        suspend_person(desk, "staff.alice")
        desk.system.now += 60
        before = desk.system.store.suspensions
        desk.system.store.suspensions = before.with_lifted(before.entries[0], "corp.carol", desk.system.now)
        assert cast(desk, grant, "bob").state is State.ACTIVE

    def test_end_08_credentials_are_not_renewed_on_a_suspended_persons_approval(self, desk):
        grant = pending_of(desk)
        for name in ("alice", "bob"):
            cast(desk, grant, name)
        assert desk.system.call(create_credentials, grant_id=grant.id, token=fresh(desk.system))[0] == 200
        suspend_person(desk, "staff.alice")
        status, body, _ = desk.system.call(create_credentials, grant_id=grant.id, token=fresh(desk.system))
        assert (status, body["code"]) == (403, "denied")

    def test_end_08_nor_on_their_use_of_break_glass(self, desk):
        grant, browser = pending_of(desk), Browser(desk)
        browser.sign_in("gina")
        assert smash(browser, grant).status == 303
        assert desk.system.call(create_credentials, grant_id=grant.id, token=fresh(desk.system))[0] == 200
        suspend_person(desk, "staff.gina")
        assert desk.system.call(create_credentials, grant_id=grant.id, token=fresh(desk.system))[0] == 403

    @pytest.mark.parametrize("suspended", ["staff.carol", "staff.alice"], ids=["delegate", "delegator"])
    def test_end_08_a_delegation_ends_with_either_person(self, desk, suspended):
        grant, now = pending_of(desk), desk.system.now
        desk.system.store.away["staff.alice"] = OutOfOffice(
            "a-1", identity("staff.alice"), now, now + 600, (("owners", identity("staff.carol")),)
        )
        suspend_person(desk, suspended)
        with pytest.raises(Problem) as refused:
            cast(desk, grant, "carol")
        assert refused.value.code == ("suspended" if suspended == "staff.carol" else "not_reviewer")

    @pytest.mark.parametrize("verdict", VoteVerdict)
    def test_end_08_no_vote_decides_about_a_suspended_agent(self, desk, verdict):
        grant = pending_of(desk)
        suspend_person(desk, "corp.reader-agent", kind=SuspensionKind.AGENT)
        with pytest.raises(Problem) as refused:
            cast(desk, grant, "alice", verdict=verdict)
        assert refused.value.code == "review_ended"
        assert desk.system.store.grants[grant.id] == grant

    def test_end_08_break_glass_does_not_help_a_suspended_agent(self, desk):
        grant, browser = pending_of(desk), Browser(desk)
        browser.sign_in("gina")
        suspend_person(desk, "analytics-prod", kind=SuspensionKind.TARGET)
        answer = smash(browser, grant)
        assert (answer.status, "review_ended" in answer.text) == (409, True)
        assert desk.system.store.grants[grant.id] == grant

    def test_end_08_the_pages_show_what_is_suspended_and_why_to_operators(self, desk):
        grant = pending_of(desk)
        reviewer, olga = Browser(desk), Browser(desk)
        reviewer.sign_in("alice")
        olga.sign_in("olga", groups=["security"])
        assert "Suspended" not in reviewer.send("GET", "/reviews").text
        suspend_person(desk, "corp.reader-agent", kind=SuspensionKind.AGENT)
        for browser in (reviewer, olga):
            page = browser.send("GET", "/reviews").text
            assert "agent corp.reader-agent" in page
            assert grant.id not in page
            shown = browser.send("GET", f"/reviews/{grant.id}").text
            assert "agent corp.reader-agent was suspended" in shown
            assert 'value="approve"' not in shown
        assert REASON not in reviewer.send("GET", "/reviews").text
        assert REASON in olga.send("GET", "/reviews").text

    def test_end_08_the_list_of_own_votes_shows_the_grant_as_revoked(self, desk):
        grant, browser = pending_of(desk), Browser(desk)
        browser.sign_in("alice")
        for name in ("alice", "bob"):
            cast(desk, grant, name)
        state = '<span class="state active">Active</span>', '<span class="state stopped">Revoked</span>'
        assert [each in browser.send("GET", "/reviews").text for each in state] == [True, False]
        suspend_person(desk, "corp.reader-agent", kind=SuspensionKind.AGENT)
        assert [each in browser.send("GET", "/reviews").text for each in state] == [False, True]

    def test_end_08_an_approval_for_a_suspended_delegator_renews_nothing(self, desk):
        grant, now = pending_of(desk), desk.system.now
        away = OutOfOffice("a-1", identity("staff.alice"), now, now + 600, (("owners", identity("staff.carol")),))
        desk.system.store.away["staff.alice"] = away
        for name in ("carol", "bob"):
            cast(desk, grant, name)
        assert desk.system.call(create_credentials, grant_id=grant.id, token=fresh(desk.system))[0] == 200
        suspend_person(desk, "staff.alice")
        status, body, _ = desk.system.call(create_credentials, grant_id=grant.id, token=fresh(desk.system))
        assert (status, body["code"]) == (403, "denied")

    def test_end_08_a_request_that_only_suspended_people_could_approve_fails_and_does_not_wait(self):
        desk = review_system(reviewers=GROUPS)
        grant = pending_of(desk)
        suspend_person(desk, "staff.alice")
        event = {"grant_id": grant.id, "due": Notice.REQUESTED, "since": desk.system.now, "token": "a-task-token"}
        notify(event, desk.system.ports)
        suspend_person(desk, "staff.lea")
        suspend_person(desk, "staff.bob")
        assert notify(event, desk.system.ports)["error"] == "TooFewReviewers"

    def test_end_08_break_glass_of_a_suspended_person_is_refused_by_its_own_check_too(self, desk):
        """The pages refuse the person before. The check does not depend on that."""
        grant, who = pending_of(desk), person("gina", "staff")
        suspend_person(desk, "staff.gina")
        review = GrantUnderReview(grant, desk.system.config, desk.system.store.suspensions)
        with pytest.raises(Problem) as refused:
            activated_by_break_glass(review, who, "down", content_hash(grant), (), desk.system.now)
        assert refused.value.code == "suspended"

    @pytest.mark.parametrize("notice", [Notice.REQUESTED, Notice.DECIDED, Notice.BREAK_GLASS])
    def test_end_08_a_suspended_person_is_notified_of_nothing(self, desk, notice):
        grant = pending_of(desk)
        cast(desk, grant, "alice")
        if notice is Notice.BREAK_GLASS:
            gina = Browser(desk)
            gina.sign_in("gina")
            smash(gina, grant)
        stored, config = desk.system.store.grants[grant.id], desk.system.config

        def notified() -> set[str]:
            review = GrantUnderReview(stored, config, desk.system.store.suspensions)
            return set(recipients(notice, review, config.reviewers, desk.system.now))

        before = notified()
        for name in ("staff.alice", "staff.olga", "staff.gina"):
            suspend_person(desk, name)
        assert notified() == before - {"staff.alice", "staff.olga", "staff.gina"}
        assert notified() < before or notice is Notice.REQUESTED
