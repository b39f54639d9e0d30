"""END 6: a target with several roles. Each grant is on one of them, and its end is denied by that role alone."""

from collections.abc import Callable
from dataclasses import replace
from typing import Any

import pytest

from jitney.core.access.cut_offs import CutOffs
from jitney.core.access.grant import Grant, State
from jitney.core.problems import Problem
from jitney.core.target_roles import role_number, role_of_grant
from jitney.handlers.credentials import create_credentials
from jitney.handlers.ending.deny_documents import UNUSED_ROLE_SECONDS
from jitney.handlers.grants import create_grant
from jitney.handlers.reconciler import EXPIRY_GRACE_SECONDS, reconcile
from jitney.handlers.runtime.building import PORTS
from jitney.handlers.suspensions import suspend
from jitney.handlers.target_checks import check_target
from tests.core.identity import minting
from tests.fakes import ROLE_ARN
from tests.handlers.conftest import REQUEST_BODY, WRITE, System
from tests.handlers.test_ending import end_as, fresh, operator, targets_are
from tests.handlers.test_rejected_before import refuse

SECOND, THIRD = (role_number(ROLE_ARN, number) for number in (2, 3))
ROLES = [ROLE_ARN, SECOND, THIRD]
ENDS = pytest.mark.parametrize("state", ["released", "revoked"])


def roles_are(system: System, count: int) -> None:
    targets_are(system, roles=count)


def on_role(system: System, role: str) -> str:
    """Return an active grant on the role, which the agent requested."""
    for _ in range(60):
        status, body, _ = system.call(create_grant, REQUEST_BODY, token=fresh(system))
        assert status == 201
        grant_id = str(body["grant"]["id"])
        if system.store.grants[grant_id].role_arn == role:
            return grant_id
    raise AssertionError(f"no grant on {role}")


def suspended(system: System) -> tuple[int, dict[str, Any]]:
    asked = {"kind": "agent", "name": "corp.reader-agent", "reason": "its key leaked"}
    token = minting.token(sub="carol", groups=["security"], iat=system.now, exp=system.now + 300)
    return system.call(suspend, asked, token=token)[:2]


def refuse_on(
    system: System, refused: str, *, unread: bool = False, refusal: str = "AccessDenied"
) -> Callable[[Any], Any]:
    """Have IAM refuse to write the document of one role. Return what answers for every role, as before."""
    write = system.role_policies.of
    refusing = replace(system.role_policies, refusals=9999, refusal=refusal, unread=unread)
    system.ports.role_policies.of = lambda role: refusing.of(role) if role.arn == refused else write(role)
    return write


def denies_agent(system: System, role: str) -> bool:
    return "corp.reader-agent" in system.role_policies.documents.get(role, "")


@pytest.fixture
def system(system_with: Callable[..., System]) -> System:
    made = system_with()
    roles_are(made, 3)
    return made


class TestPresentRoles:
    def test_end_06_grants_are_on_all_roles_and_their_sessions_too(self, system: System):
        for role in ROLES:
            on_role(system, role)
        assert {each.role_arn for each in system.sessions.asked} == {*ROLES}
        for grant_id, grant in system.store.grants.items():
            assert grant.role_arn == role_of_grant(grant_id, ROLE_ARN, 3)

    @ENDS
    def test_end_06_an_end_is_denied_by_the_grants_role_alone(self, system: System, state: str):
        grants = {role: on_role(system, role) for role in ROLES}
        for number, (role, grant_id) in enumerate(grants.items(), 1):
            assert end_as(system, grant_id, state)[0] == 200
            assert system.role_policies.denies(role) == {grant_id}
            assert len(system.role_policies.documents) == number

    def test_end_01_the_denial_is_measured_in_a_session_of_the_grants_role(self, system: System):
        grant_id = on_role(system, THIRD)
        assert end_as(system, grant_id, "revoked")[0] == 200
        system.measure()
        canary = system.sessions.asked[-1]
        assert (canary.name, canary.role_arn) == (f"g-canary-{grant_id[2:]}", THIRD)
        assert system.store.grants[grant_id].ending.denied_after_milliseconds is not None

    def test_end_08_a_suspension_is_denied_by_every_role(self, system: System):
        on_role(system, SECOND)
        status, body = suspended(system)
        assert (status, body["targets_denied"]) == (201, ["analytics-prod"])
        assert all(denies_agent(system, role) for role in ROLES)

    def test_end_08_a_target_with_a_role_that_does_not_deny_has_failed(self, system: System):
        on_role(system, SECOND)
        refuse_on(system, SECOND)
        status, body = suspended(system)
        assert (status, body["targets_failed"]) == (202, {"analytics-prod": "revocation_incomplete"})

    def test_end_08_a_present_role_that_is_gone_from_aws_has_failed(self, system: System):
        on_role(system, SECOND)
        write = system.role_policies.of
        gone = replace(system.role_policies, refusals=99, refusal="NoSuchEntity")
        system.ports.role_policies.of = lambda role: gone.of(role) if role.arn == SECOND else write(role)
        assert suspended(system)[0] == 202

    def test_end_08_a_suspended_target_is_suspended_on_all_its_roles(self, system: System):
        grant_id = on_role(system, THIRD)
        token = minting.token(sub="carol", groups=["security"], iat=system.now, exp=system.now + 300)
        asked = {"kind": "target", "name": "analytics-prod", "reason": "its key leaked"}
        targets_are(system, alias="analytics", roles=3)
        asked["name"] = "analytics"  # the grant is from before, with another alias
        assert system.call(suspend, asked, token=token)[0] == 201
        assert system.store.grants[grant_id].state is State.REVOKED

    def test_end_03_the_reconciler_repairs_the_document_of_each_role(self, system: System):
        for role in ROLES:
            assert end_as(system, on_role(system, role), "released")[0] == 200
        system.role_policies.documents.clear()
        assert reconcile(system.ports)["repaired"] == 3
        assert all(system.role_policies.denies(role) for role in ROLES)
        assert system.store.deny_list.known == {*ROLES}

    def test_rev_12_what_reviewers_rejected_on_one_role_is_refused_on_all(self, system: System):
        assert system.call(create_grant, REQUEST_BODY | {"permissions": WRITE})[0] == 202
        grant = next(each for each in system.store.grants.values() if each.state is State.PENDING)
        refuse(system, grant.id)
        answers = [
            system.call(create_grant, REQUEST_BODY | {"permissions": WRITE}, token=fresh(system)) for _ in 3 * ROLES
        ]
        assert {(status, body["code"]) for status, body, _ in answers} == {(403, "rejected_before")}

    def test_end_04_an_unrecorded_end_on_any_role_is_recorded_once(self, system: System):
        ids = [on_role(system, role) for role in ROLES]
        system.now += 300 + EXPIRY_GRACE_SECONDS
        assert reconcile(system.ports)["expired"] == len(system.store.grants)
        assert {system.store.grants[each].state for each in ids} == {State.EXPIRED}
        assert reconcile(system.ports)["expired"] == 0

    def test_end_02_a_cut_off_of_one_role_marks_its_grants_alone(self, system: System):
        ids = {role: on_role(system, role) for role in ROLES}
        deny_list = system.store.deny_list
        deny_list.leases[SECOND] = replace(deny_list.lease(SECOND), cut_offs=CutOffs(system.now + 60))
        reconcile(system.ports)
        marked = {each.role_arn for each in system.store.grants.values() if each.cut_off_at}
        assert marked == {SECOND}
        assert system.store.grants[ids[SECOND]].cut_off_at == system.now + 60

    def test_a_check_tries_each_role(self, system: System):
        _, body, _ = system.call(check_target, alias="analytics-prod", token=operator())
        names = {each["name"] for each in body["attempts"]}
        for number in ("", "2", "3"):
            assert {f"role{number}", f"role{number}_no_external_id", f"role{number}_changes_itself"} <= names
            assert {f"revoker_reads{number}", f"revoker_writes{number}", f"revoker_attaches{number}"} <= names
        tried = {each.assume["RoleArn"] for each in system.target_checks.tried}
        assert {*ROLES} <= tried
        assert len(names) == len(body["attempts"])


class TestChangedNumber:
    """The target has fewer roles than when the grant was opened."""

    @pytest.fixture
    def grant(self, system: System) -> Grant:
        grant_id = on_role(system, THIRD)
        reconcile(system.ports)
        roles_are(system, 1)
        return system.store.grants[grant_id]

    @ENDS
    def test_end_06_its_end_is_denied_by_the_role_that_it_is_on(self, system: System, grant: Grant, state: str):
        assert end_as(system, grant.id, state)[0] == 200
        assert system.role_policies.denies(THIRD) == {grant.id}
        assert ROLE_ARN not in system.role_policies.documents
        sessions = len(system.sessions.asked)
        system.measure()
        assert len(system.sessions.asked) == sessions

    def test_end_06_it_gets_no_new_credentials(self, system: System, grant: Grant):
        status, body, _ = system.call(create_credentials, grant_id=grant.id)
        assert (status, body["code"]) == (400, "target_unknown")
        assert "new request" in body["fix"]

    def test_end_06_the_grant_of_a_removed_target_gets_no_new_credentials(self, system: System, grant: Grant):
        targets_are(system, alias="other", role_arn=f"{ROLE_ARN}-other")
        status, body, _ = system.call(create_credentials, grant_id=grant.id)
        assert (status, body["code"]) == (400, "target_unknown")

    def test_end_06_new_grants_are_on_the_present_roles(self, system: System, grant: Grant):
        for _ in range(8):
            system.call(create_grant, REQUEST_BODY)
        later = [each for each in system.store.grants.values() if each.id > grant.id]
        assert {each.role_arn for each in later} == {ROLE_ARN}

    def test_end_06_an_open_grant_is_where_it_was_after_the_number_grew(self, system: System):
        grant_id = on_role(system, ROLE_ARN)
        roles_are(system, 10)
        assert role_of_grant(grant_id, ROLE_ARN, 10) != ROLE_ARN
        assert system.call(create_credentials, grant_id=grant_id)[0] == 200
        assert end_as(system, grant_id, "released")[0] == 200
        assert system.role_policies.denies(ROLE_ARN) == {grant_id}

    def test_end_08_a_suspension_is_denied_by_the_role_before_the_grants_end_is_on_record(
        self, system: System, grant: Grant
    ):
        status, _ = suspended(system)
        assert (status, system.store.grants[grant.id].state) == (201, State.REVOKED)
        assert denies_agent(system, THIRD)

    def test_end_08_no_session_of_a_removed_role_is_measured(self, system: System, grant: Grant):
        system.store.grants = {grant.id: grant}
        status, body = suspended(system)
        assert (status, body["grants_ended"], body["targets_measured"]) == (201, 1, [])

    @pytest.mark.parametrize("open_grants", [True, False])
    def test_end_08_the_suspension_is_incomplete_until_the_removed_role_denies(
        self, system: System, grant: Grant, open_grants: bool
    ):
        if not open_grants:  # a renewal failed for good, and the credentials from before it still work
            system.store.grants[grant.id] = replace(grant, state=State.FAILED)
        write = refuse_on(system, THIRD)
        status, body = suspended(system)
        assert (status, body["targets_failed"]) == (202, {"analytics-prod": "revocation_incomplete"})
        system.ports.role_policies.of = write
        assert suspended(system)[0] == 201
        assert denies_agent(system, THIRD)

    def test_end_08_the_reconciler_denies_on_a_removed_role_without_open_grants(self, system: System, grant: Grant):
        system.store.grants[grant.id] = replace(grant, state=State.FAILED)
        write = refuse_on(system, THIRD)
        suspended(system)
        system.ports.role_policies.of = write
        reconcile(system.ports)
        assert denies_agent(system, THIRD)
        assert system.store.suspensions.entries[0].completed_at == system.now

    def test_end_08_a_removed_role_that_fails_keeps_the_suspension_incomplete(self, system: System, grant: Grant):
        refuse_on(system, THIRD)
        suspended(system)
        with pytest.raises(RuntimeError, match=THIRD):
            reconcile(system.ports)
        assert system.store.suspensions.entries[0].completed_at is None

    def test_end_08_a_removed_role_that_is_gone_from_aws_keeps_no_suspension_open(self, system: System, grant: Grant):
        write = system.role_policies.of
        gone = replace(system.role_policies, refusals=99, refusal="NoSuchEntity")
        system.ports.role_policies.of = lambda role: gone.of(role) if role.arn == THIRD else write(role)
        assert suspended(system)[0] == 201
        reconcile(system.ports)

    @pytest.mark.parametrize("unread", [True, False])
    def test_end_08_a_removed_role_that_aws_refuses_to_name_is_denied_until_its_sessions_are_over(
        self, system: System, grant: Grant, unread: bool
    ):
        """IAM looks up a role's boundary before it says that there is no such role (docs/targets.md)."""
        refuse_on(system, THIRD, unread=unread)
        system.now += UNUSED_ROLE_SECONDS
        assert suspended(system)[0] == 202
        with pytest.raises(RuntimeError, match=THIRD):
            reconcile(system.ports)
        system.now += 1
        assert suspended(system)[0] == 201
        reconcile(system.ports)
        assert suspended(system)[0] == 201

    @pytest.mark.parametrize("code", ["Throttling", "ServiceFailure", ""])
    def test_end_08_another_refusal_never_counts_as_a_role_without_sessions(
        self, system: System, grant: Grant, code: str
    ):
        refuse_on(system, THIRD, unread=True, refusal=code)
        system.now += UNUSED_ROLE_SECONDS + 1
        assert suspended(system)[0] == 202
        with pytest.raises(RuntimeError, match=THIRD):
            reconcile(system.ports)

    def test_end_08_a_present_role_must_deny_however_long_it_was_unused(self, system: System, grant: Grant):
        refuse_on(system, ROLE_ARN, unread=True)
        system.now += UNUSED_ROLE_SECONDS + 1
        assert suspended(system)[0] == 202
        with pytest.raises(RuntimeError, match="analytics-prod"):
            reconcile(system.ports)

    def test_end_08_a_table_that_never_wrote_the_roles_document_does_not_know_that_it_is_unused(
        self, system: System, grant: Grant
    ):
        refuse_on(system, THIRD, unread=True)
        del system.store.deny_list.leases[THIRD]
        system.now += UNUSED_ROLE_SECONDS + 1
        assert suspended(system)[0] == 202

    def test_end_03_a_role_whose_document_cannot_be_read_is_free_for_the_next_writer(self, system: System):
        write = refuse_on(system, ROLE_ARN, unread=True)
        with pytest.raises(RuntimeError, match="analytics-prod"):
            reconcile(system.ports)
        system.ports.role_policies.of = write
        assert reconcile(system.ports)["unfinished"] == 0

    def test_end_03_the_reconciler_keeps_its_document_until_that_is_empty(self, system: System, grant: Grant):
        assert end_as(system, grant.id, "revoked")[0] == 200
        system.role_policies.documents.clear()
        assert reconcile(system.ports)["repaired"] == 1
        assert system.role_policies.denies(THIRD) == {grant.id}
        system.now += 300 + EXPIRY_GRACE_SECONDS
        done = reconcile(system.ports)
        assert (done["repaired"], system.role_policies.documents[THIRD]) == (1, "")
        writes = system.role_policies.writes
        turns = system.store.deny_list.lease(THIRD).last_acquired
        assert reconcile(system.ports)["repaired"] == 0
        assert (system.role_policies.writes, system.store.deny_list.lease(THIRD).last_acquired) == (writes, turns)

    def test_end_03_a_removed_role_that_fails_is_noticed_and_stops_nothing_else(self, system: System, grant: Grant):
        assert end_as(system, grant.id, "revoked")[0] == 200
        assert end_as(system, on_role(system, ROLE_ARN), "revoked")[0] == 200
        system.role_policies.documents.clear()
        entries = system.store.deny_list.deny_entries

        def failing(role_arn: str, now: int) -> Any:
            if role_arn == SECOND:
                raise Problem("unavailable", "DynamoDB did not answer.", "Try again.")
            return entries(role_arn, now)

        system.ports.deny_list.deny_entries = failing
        with pytest.raises(RuntimeError, match=SECOND):
            reconcile(system.ports)
        assert system.role_policies.denies(THIRD) == {grant.id}

    def test_aud_03_calls_with_the_role_are_still_the_targets(self, system: System, grant: Grant):
        assert PORTS["target_roles"](system.ports)[THIRD] == grant.account
        assert PORTS["target_aliases"](system.ports)[THIRD] == "analytics-prod"
        targets_are(system, sealed=True)
        assert THIRD in PORTS["sealed_roles"](system.ports)


def test_end_04_a_removed_target_is_reported_by_each_of_its_roles(system: System, caplog: pytest.LogCaptureFixture):
    ids = {role: on_role(system, role) for role in ROLES}
    reconcile(system.ports)
    targets_are(system, alias="other", role_arn=f"{ROLE_ARN}-other")
    caplog.clear()
    done = reconcile(system.ports)
    assert done["without_target"] == len(system.store.grants)
    said = {each.role: each.active for each in caplog.records if hasattr(each, "active")}
    assert said.keys() == {*ROLES}
    assert all(ids[role] in said[role] for role in ROLES)
