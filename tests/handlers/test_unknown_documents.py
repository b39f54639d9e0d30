"""END 3: a state table that is new or out of use does not replace another table's deny document silently."""

import json
from collections.abc import Callable
from dataclasses import replace
from typing import Any

import pytest

from jitney.adapters.role_policies import PolicyRefused
from jitney.core.access.credentials import MAX_STS_SESSION_SECONDS
from jitney.core.access.deny_document import IN_FLIGHT_SECONDS, DenyEntry, denies_more
from jitney.core.access.suspension_entry import Suspension, SuspensionKind
from jitney.core.access.suspensions import Suspensions
from jitney.core.access.write_lease import LEASE_SECONDS, MOST_DIGESTS, WriteLease
from jitney.core.problems import Problem
from jitney.core.times import iso
from jitney.handlers.ending.deny_documents import TIMEOUT_MILLISECONDS, UNKNOWN, UNUSED_SECONDS
from jitney.handlers.grants import create_grant
from jitney.handlers.reconciler import reconcile
from jitney.handlers.suspensions import suspend
from tests.core.identity import minting
from tests.fakes import ROLE_ARN, MemoryDenyList, MemoryRolePolicy
from tests.handlers.conftest import REQUEST_BODY, System
from tests.handlers.test_ending import end_as, fresh

REVOKED = {
    "Effect": "Deny",
    "Action": "*",
    "Resource": "*",
    "Condition": {"StringEquals": {"aws:PrincipalTag/grant": ["g-revokedearlier"]}},
}
OF_ANOTHER_TABLE = json.dumps({"Version": "2012-10-17", "Statement": [REVOKED]}, separators=(",", ":"))


def run_the_reconciler(system: System) -> None:
    assert reconcile(system.ports)["repaired"] == 1


def requested(system: System) -> str:
    """Return a new grant."""
    status, body, _ = system.call(create_grant, REQUEST_BODY, token=fresh(system))
    assert status == 201
    return str(body["grant"]["id"])


def revoked(system: System, grant_id: str) -> int:
    """Revoke a grant. Return the status."""
    return int(end_as(system, grant_id, "revoked", iat=system.now, exp=system.now + 300)[0])


def revoke_a_grant(system: System) -> None:
    grant_id = requested(system)
    assert revoked(system, grant_id) == 200
    assert grant_id in str(system.role_policies.documents[ROLE_ARN]) or cut_offs(system)


WRITERS = [run_the_reconciler, revoke_a_grant]


def cut_offs(system: System) -> list[str | None]:
    """Return the times until which the document in IAM denies every session of the role."""
    text = system.role_policies.documents[ROLE_ARN]
    conditions = [each["Condition"] for each in json.loads(text)["Statement"]] if text else []
    return [
        each["DateLessThanEquals"]["aws:TokenIssueTime"] for each in conditions if [*each] == ["DateLessThanEquals"]
    ]


@pytest.fixture
def system(system_with: Callable[..., System]) -> System:
    """Return a system over an empty table, whose role denies what another table knew."""
    system = system_with()
    system.role_policies.documents[ROLE_ARN] = OF_ANOTHER_TABLE
    return system


@pytest.mark.parametrize("write", WRITERS)
def test_end_03_an_empty_table_denies_all_sessions_before_it_replaces_another_tables_document(
    system: System,
    write: Callable[[System], None],
    capsys: pytest.CaptureFixture[str],
    caplog: pytest.LogCaptureFixture,
):
    moment = system.now + IN_FLIGHT_SECONDS
    write(system)
    assert cut_offs(system) == [iso(moment)]
    (record,) = [each for each in system.records() if each["event"] == "cut_off"]
    assert (record["code"], json.loads(record["detail"])) == (
        UNKNOWN,
        {"role": ROLE_ARN, "until": iso(moment), "units": []},
    )
    assert capsys.readouterr().out.count('"UndeniedRevocations":[1') == 1
    (line,) = [each for each in caplog.records if each.msg == "deny document of another table"]
    assert "jitney restore" in line.__dict__["fix"]
    for seconds in (300, 600, MAX_STS_SESSION_SECONDS - 1000):
        system.now += seconds
        reconcile(system.ports)
        assert cut_offs(system) == [iso(moment)]
    system.now = moment + MAX_STS_SESSION_SECONDS
    reconcile(system.ports)
    assert cut_offs(system) == []
    assert len([each for each in system.records() if each["code"] == UNKNOWN]) == 1


@pytest.mark.parametrize("write", WRITERS)
def test_end_03_a_table_that_was_out_of_use_denies_all_sessions(system: System, write: Callable[[System], None]):
    """A table that was restored without `jitney restore` has a lease of an earlier time."""
    system.role_policies.documents.pop(ROLE_ARN)
    assert revoked(system, requested(system)) == 200
    system.now += UNUSED_SECONDS + 1
    system.role_policies.documents[ROLE_ARN] = OF_ANOTHER_TABLE
    moment = system.now + IN_FLIGHT_SECONDS
    write(system)
    assert cut_offs(system) == [iso(moment)]


@pytest.mark.parametrize("write", WRITERS)
def test_end_03_a_table_out_of_use_replaces_its_own_document_as_ever(system: System, write: Callable[[System], None]):
    system.role_policies.documents.pop(ROLE_ARN)
    assert revoked(system, requested(system)) == 200
    own = system.role_policies.documents[ROLE_ARN]
    system.now += 1000  # the entry has ended, and the reconciler has not run
    write(system)
    assert system.role_policies.documents[ROLE_ARN] != own
    assert not cut_offs(system)


@pytest.mark.parametrize("write", WRITERS)
def test_end_03_functions_of_an_earlier_deployment_that_still_write_are_noticed(
    system: System, write: Callable[[System], None]
):
    write(system)
    system.now += 200
    later = OF_ANOTHER_TABLE.replace("g-revokedearlier", "g-revokedmeantime")
    system.role_policies.documents[ROLE_ARN] = later
    moment = system.now + IN_FLIGHT_SECONDS
    write(system)
    assert cut_offs(system) == [iso(moment)]
    system.now = moment + UNUSED_SECONDS - 300
    reconcile(system.ports)
    system.now += 300
    system.role_policies.documents[ROLE_ARN] = later  # a table in use repairs what a person changed
    run_the_reconciler(system)
    assert cut_offs(system) == [iso(moment)]


def test_end_03_a_document_whose_write_was_not_answered_is_the_tables_own(
    system: System, monkeypatch: pytest.MonkeyPatch
):
    """IAM took the role's first document, but its answer was lost. So the table does not know of it."""
    system.role_policies.documents.pop(ROLE_ARN)
    grant_id = requested(system)
    complete = MemoryDenyList.complete
    monkeypatch.setattr(MemoryDenyList, "complete", lost)
    assert revoked(system, grant_id) == 503
    monkeypatch.setattr(MemoryDenyList, "complete", complete)
    assert system.role_policies.denies(ROLE_ARN) == {grant_id}
    system.now += 30
    assert revoked(system, requested(system)) == 200
    assert not cut_offs(system)


def lost(*_: Any) -> bool:
    raise Problem("unavailable", "The deny list did not answer.", "Try again in a moment.")


def test_end_03_a_target_that_a_restore_suspended_raises_no_alarm(
    system: System, capsys: pytest.CaptureFixture[str], caplog: pytest.LogCaptureFixture
):
    token = minting.token(sub="carol", groups=["security"])
    body = {"kind": "target", "name": "analytics-prod", "reason": "the tables were restored"}
    assert system.call(suspend, body, token=token)[0] == 201
    assert len(cut_offs(system)) == 1
    assert "UndeniedRevocations" not in capsys.readouterr().out
    assert "deny document of another table" not in caplog.messages


@pytest.fixture
def reads(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """Return the roles whose documents are read from IAM, one for each read."""
    found = list[str]()
    read = MemoryRolePolicy.read

    def counted(policy: MemoryRolePolicy) -> dict[str, Any] | None:
        found.append(policy.role_arn)
        return read(policy)

    monkeypatch.setattr(MemoryRolePolicy, "read", counted)
    return found


def test_end_03_a_table_in_use_does_not_read_iam_to_revoke(system: System, reads: list[str]):
    system.role_policies.documents.pop(ROLE_ARN)
    reconcile(system.ports)
    reads.clear()
    revoke_a_grant(system)
    system.now += 300
    revoke_a_grant(system)
    assert not reads


def test_end_03_a_table_in_use_does_not_read_iam_after_a_full_document_cut_the_role_off(
    system: System, reads: list[str]
):
    system.role_policies.documents.pop(ROLE_ARN)
    reconcile(system.ports)
    crowd = [DenyEntry(f"g-{number:014}", system.now, system.now + 900, f"a.{number:060}") for number in range(600)]
    system.store.deny_list.listed[ROLE_ARN] = {each.grant_id: each for each in crowd}
    moment = system.now + IN_FLIGHT_SECONDS
    revoke_a_grant(system)
    assert cut_offs(system) == [iso(moment)]
    reads.clear()
    for _ in range(4):
        system.now += IN_FLIGHT_SECONDS + 100
        revoke_a_grant(system)
    assert not reads
    assert cut_offs(system) == [iso(moment)]


def after_an_unknown_document(system: System) -> list[str | None]:
    """Deny all sessions because of another table's document. Return the cut-offs, at a time when IAM is read again."""
    run_the_reconciler(system)
    system.now += IN_FLIGHT_SECONDS + 1
    return cut_offs(system)


@pytest.mark.parametrize("age", [1, 2, 3])
def test_end_03_an_earlier_document_of_the_table_is_its_own(system: System, monkeypatch: pytest.MonkeyPatch, age: int):
    """IAM answers with what it had some seconds ago. The statement of a suspension has changed since."""
    before = after_an_unknown_document(system)
    had = list[str]()
    for number in range(3):
        suspend_an_agent(system, f"corp.agent-{number}")
        had.append(system.role_policies.documents[ROLE_ARN])
        system.now += 1
    stale = had[-age]
    monkeypatch.setattr(MemoryRolePolicy, "read", lambda _: json.loads(stale))
    revoke_a_grant(system)
    assert cut_offs(system) == before


def suspend_an_agent(system: System, name: str) -> None:
    body = {"kind": "agent", "name": name, "reason": "its key leaked", "unseen": True}
    token = minting.token(sub="carol", groups=["security"], iat=system.now, exp=system.now + 300)
    assert system.call(suspend, body, token=token)[0] in (201, 202)


def test_end_03_a_document_whose_completion_was_lost_is_the_tables_own(system: System, monkeypatch: pytest.MonkeyPatch):
    before = after_an_unknown_document(system)
    grant_id = requested(system)
    with monkeypatch.context() as patch:
        patch.setattr(MemoryDenyList, "complete", lost)
        suspend_an_agent(system, "corp.one")
        assert "corp.one" in str(system.role_policies.documents[ROLE_ARN])
    system.now += LEASE_SECONDS + 1
    suspend_an_agent(system, "corp.two")
    assert revoked(system, grant_id) == 200
    assert cut_offs(system) == before


def test_end_03_an_entry_of_the_table_that_has_ended_makes_no_document_unknown(
    system: System, monkeypatch: pytest.MonkeyPatch
):
    before = after_an_unknown_document(system)
    revoke_a_grant(system)
    stale = json.loads(system.role_policies.documents[ROLE_ARN])
    monkeypatch.setattr(MemoryRolePolicy, "read", lambda _: stale)
    system.now += 400  # the grant's credentials have ended
    for _ in range(MOST_DIGESTS + 1):
        revoke_a_grant(system)
    assert cut_offs(system) == before


def test_end_03_a_writer_that_ends_after_the_record_of_the_cut_off_has_raised_the_alarm(
    system: System, capsys: pytest.CaptureFixture[str]
):
    """The next writer finds the cut-off, and does not compare the documents again."""
    grant_id, cut_off = requested(system), system.store.cut_off

    def cut_off_and_end(*args: Any, **members: Any) -> None:
        cut_off(*args, **members)
        raise SystemExit

    system.store.cut_off = cut_off_and_end  # type: ignore[method-assign]
    with pytest.raises(SystemExit):
        revoked(system, grant_id)
    system.now += LEASE_SECONDS + 1
    assert revoked(system, grant_id) == 200
    assert capsys.readouterr().out.count('"UndeniedRevocations":[1') == 1


def test_end_03_a_writer_that_was_overtaken_before_its_write_writes_nothing(
    system: System, monkeypatch: pytest.MonkeyPatch
):
    """It has read a document of another table, and the next writer already has the lease."""
    grant_id, announce, overtaken = requested(system), MemoryDenyList.announce, list[int]()

    def late(deny_list: MemoryDenyList, role_arn: str, lease: WriteLease, digest: str) -> bool:
        if not overtaken:
            overtaken.append(system.role_policies.writes)
            system.now += LEASE_SECONDS + 1
            assert deny_list.acquire(role_arn, system.now)
            assert not announce(deny_list, role_arn, lease, digest)
            deny_list.leased_until.pop(role_arn)  # the other writer has ended
            return False
        overtaken.append(system.role_policies.writes)
        return announce(deny_list, role_arn, lease, digest)

    monkeypatch.setattr(MemoryDenyList, "announce", late)
    assert revoked(system, grant_id) == 200
    assert overtaken == [0, 0]


def test_end_03_a_write_after_a_slow_read_of_iam_ends_before_its_function(
    system: System, monkeypatch: pytest.MonkeyPatch
):
    """The function has 15 s. It waits for a lease almost until its last attempt, then IAM takes 5 s to answer."""
    grant_id = requested(system)
    deny_list = system.store.deny_list
    deny_list.leased_until[ROLE_ARN] = system.now + LEASE_SECONDS
    read, pause, began = MemoryRolePolicy.read, system.pause, list[int]()

    def waited(seconds: float) -> None:
        pause(seconds)
        if system.milliseconds >= TIMEOUT_MILLISECONDS - 200:
            deny_list.leased_until.pop(ROLE_ARN, None)

    def slowly(policy: MemoryRolePolicy) -> dict[str, Any] | None:
        pause(5)
        return read(policy)

    system.ports.__dict__["pause"] = waited
    system.role_policies.during = lambda: began.append(system.milliseconds)
    with monkeypatch.context() as patch:
        patch.setattr(MemoryRolePolicy, "read", slowly)
        assert revoked(system, grant_id) == 503
    assert not began
    assert ROLE_ARN not in deny_list.leased_until
    assert revoked(system, grant_id) == 200


def test_end_03_a_target_that_is_suspended_under_an_earlier_alias_raises_no_alarm(
    system: System, capsys: pytest.CaptureFixture[str], caplog: pytest.LogCaptureFixture
):
    target = system.config.targets["analytics-prod"]
    suspension = Suspension("s-1", SuspensionKind.TARGET, "before", system.now, "corp.carol", "why", role=ROLE_ARN)
    system.store.suspensions = Suspensions("s-1", (suspension,))
    assert system.ports.suspensions.current().in_force[0].covers_target(target.alias, target.role_arn)
    run_the_reconciler(system)
    assert len([each for each in system.records() if each["code"] == UNKNOWN]) == 1
    assert "UndeniedRevocations" not in capsys.readouterr().out
    assert "deny document of another table" not in caplog.messages


def test_end_03_without_an_answer_of_iam_nothing_is_replaced_and_the_lease_is_free(
    system: System, monkeypatch: pytest.MonkeyPatch
):
    def unanswered(_: object) -> None:
        raise PolicyRefused("", transient=True)

    grant_id = requested(system)
    with monkeypatch.context() as patch:
        patch.setattr(MemoryRolePolicy, "read", unanswered)
        assert revoked(system, grant_id) == 503
        assert system.role_policies.documents[ROLE_ARN] == OF_ANOTHER_TABLE
    assert revoked(system, grant_id) == 200
    assert len(cut_offs(system)) == 1


def test_end_03_a_clock_that_was_ahead_does_not_make_a_table_look_used(system: System):
    times = system.ports.deny_list.lease(ROLE_ARN).document_times._replace(last=system.now + 86_400)
    system.ports.deny_list.leases[ROLE_ARN] = replace(system.ports.deny_list.lease(ROLE_ARN), document_times=times)
    run_the_reconciler(system)
    assert len(cut_offs(system)) == 1


def denial(**condition: Any) -> dict[str, Any]:
    return REVOKED | {"Condition": condition}


NAMED = denial(StringEquals={"aws:PrincipalTag/grant": ["g-a", "g-b"]})
CUT = denial(DateLessThanEquals={"aws:TokenIssueTime": "2026-11-29T02:00:00Z"})


@pytest.mark.parametrize(
    ("present", "own", "more"),
    [
        ([], [NAMED], False),
        ([NAMED], [NAMED, CUT], False),
        ([denial(StringEquals={"aws:PrincipalTag/grant": ["g-b"]})], [CUT, NAMED], False),
        ([denial(StringEquals={"aws:PrincipalTag/grant": ["g-b", "g-a"]})], [NAMED], False),
        ([NAMED], [], True),
        ([NAMED], [CUT], True),
        ([NAMED, CUT], [NAMED], True),
        ([denial(StringEquals={"aws:PrincipalTag/grant": ["g-c"]})], [NAMED], True),
        ([denial(StringEquals={"aws:PrincipalTag/unit": ["g-a"]})], [NAMED], True),
        (CUT, [NAMED], True),
        (NAMED, [NAMED], False),
        ({"Effect": "Deny", "Action": "*", "Resource": "*"}, [NAMED, CUT], True),
    ],
)
def test_end_03_a_document_denies_more_if_a_session_would_be_denied_no_longer(present: Any, own: Any, more: bool):
    text = json.dumps({"Version": "2012-10-17", "Statement": own}) if own else ""
    assert denies_more({"Version": "2012-10-17", "Statement": present}, text) is more
