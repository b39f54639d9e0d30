"""What changed after the restored moment, and the restored state table does not know (row OPS 2)."""

import json
import re
from collections.abc import Iterator
from dataclasses import replace
from datetime import UTC, datetime
from typing import Any

import pytest

from jitney.adapters.deny_list import DenyList
from jitney.adapters.out_of_office import write_of
from jitney.adapters.past_verdicts import put_approval, put_end_of_approvals
from jitney.adapters.record_items import record_attribute, record_in
from jitney.client.problems import Invalid
from jitney.client.restore.recorded_suspensions import RECORD_SECONDS
from jitney.client.restore.restored_suspensions import BY, LOCK_SECONDS, RestoredSuspensions, lock_seconds
from jitney.client.restore.restored_tables import RestoredTables
from jitney.core.access.grant import Grant, GrantEnd, State
from jitney.core.access.request_body import MAX_REASON
from jitney.core.access.suspension_entry import Suspension
from jitney.core.access.suspensions import Suspensions
from jitney.core.masking.masked_comment import MaskedComment
from jitney.core.review.out_of_office import OutOfOffice, OutOfOfficeEntries
from jitney.core.times import iso
from jitney.handlers.suspensions import lift, list_suspensions, suspend
from tests.fakes import GRANT
from tests.handlers.review_browser import Browser
from tests.identities import identity
from tests.upgrade.flows import REASON
from tests.upgrade.stored_system import StoredSystem, Tables, stored_system
from tests.upgrade.test_restore import PLAN, restored


class AfterTheMoment:
    """What changed after the restored moment: suspensions, a sign-out, an ended delegation, and a token that was used.

    `after` is the system over the restored tables. The earlier state table is there as `earlier`.
    """

    def __init__(self, before: StoredSystem) -> None:
        browser = before.browser("alice")
        page = browser.send("GET", "/reviews").text
        self.cookies = dict(browser.cookies)
        entry = OutOfOffice(
            "a-1", identity("staff.alice"), before.system.now, before.system.now + 86400, (("pair", identity(CAROL)),)
        )
        write(before, None, entry)
        before.system.now += 10
        self.restore_point = before.dump()
        before.system.now += 10
        form = {"token": re.search(r'name="token" value="([^"]+)"', page)[1]}  # type: ignore[index]
        assert browser.send("POST", "/reviews/sign-out", form).status == 200
        write(before, entry, None)
        other = before.token(sub="carla", groups=["security"])
        for body in (OLGA, TARGET):
            status, answer = before.call(suspend, body, token=before.token(sub="carla", groups=["security"]))
            assert status == 201, answer
        self.used = other
        assert before.call(list_suspensions, token=other)[0] == 200
        self.lost = before.dump()
        self.now = before.system.now + 60

    def restored(self, after: StoredSystem) -> StoredSystem:
        """Return the system over the restored table, not prepared yet."""
        after.system.now = self.now
        after.begin_ids_at(2_000_000)
        after.load({"state": self.restore_point["state"], "audit": self.lost["audit"]})
        state = after.client.describe_table(TableName="state")["Table"]
        members = ("KeySchema", "AttributeDefinitions")
        indexes = [{name: each[name] for name in ("IndexName", "KeySchema", "Projection")}
                   for each in state["GlobalSecondaryIndexes"]]  # fmt: skip
        more = {name: state[name] for name in members} | {"GlobalSecondaryIndexes": indexes}
        after.client.create_table(TableName="earlier", BillingMode="PAY_PER_REQUEST", **more)
        after.load({"earlier": self.lost["state"]})
        return after


CAROL = "staff.carol"
OLGA = {"kind": "agent", "name": "corp.olga", "reason": "her key leaked", "unseen": True}
TARGET = {"kind": "target", "name": "analytics-prod", "reason": "we restore the tables"}


def write(stored: StoredSystem, before: OutOfOffice | None, after: OutOfOffice | None) -> None:
    stored.client.transact_write_items(TransactItems=[write_of("state", before, after)])


@pytest.fixture(scope="module")
def later() -> AfterTheMoment:
    with stored_system() as before:
        return AfterTheMoment(before)


@pytest.fixture
def unprepared(later: AfterTheMoment) -> Iterator[StoredSystem]:
    with stored_system(encrypted=True) as stored:
        yield later.restored(stored)


def in_force(stored: StoredSystem) -> dict[str, Suspension]:
    return {each.title: each for each in stored.ports.suspensions.current().in_force}


@pytest.mark.parametrize("earlier", ["earlier", ""])
def test_ops_02_suspensions_made_after_the_moment_are_copied(
    unprepared: StoredSystem, later: AfterTheMoment, earlier: str
):
    """They come from the earlier state table, or from the records if it is lost."""
    restore = restored(unprepared, earlier=earlier)
    restore.prepare(PLAN)
    assert restore.summary.copied == ("agent corp.olga",)
    found, lost = in_force(unprepared), Suspensions.read("", text_of_suspensions(later.lost))
    assert found.keys() == {"agent corp.olga", "target analytics-prod"}
    for title, each in found.items():
        (earlier,) = [one for one in lost.entries if one.title == title]
        assert (each.id, each.by, each.reason) == (earlier.id, earlier.by, earlier.reason)
        assert each.not_before == unprepared.system.now + LOCK_SECONDS
    assert found["target analytics-prod"].since == unprepared.system.now
    status, problem = unprepared.call(list_suspensions, token=unprepared.operator())
    assert (status, problem["code"]) == (403, "suspended")
    assert suspensions_on_record(unprepared) == {"analytics-prod", "corp.olga"}


def text_of_suspensions(tables: Tables) -> str:
    (item,) = [each for each in tables["state"] if each["pk"]["S"] == "SUSPENSIONS"]
    return str(item["entries"]["S"])


def suspensions_on_record(stored: StoredSystem) -> set[str]:
    """Return the names of what the restore suspended, from its records."""
    texts = [json.loads(record_in(item)) for item in stored.client.scan(TableName="audit")["Items"]]
    found = [each for each in texts if each["event"] == "suspension" and each["principal"] == BY]
    return {json.loads(each["detail"])["name"] for each in found}


@pytest.mark.parametrize("earlier", ["earlier", ""])
def test_ops_02_a_suspension_that_was_lifted_since_the_restore_is_not_copied_again(
    unprepared: StoredSystem, earlier: str
):
    restored(unprepared, earlier=earlier).prepare(PLAN)
    unprepared.system.now += LOCK_SECONDS
    carla = unprepared.token(sub="carla", groups=["security"])
    for each in in_force(unprepared).values():
        carla = unprepared.token(sub="carla", groups=["security"])
        assert unprepared.call(lift, REASON, grant_id=each.id, token=carla)[0] == 200
    again = restored(unprepared, earlier=earlier)
    again.prepare(PLAN)
    assert again.summary.copied == ()
    assert [each.by for each in in_force(unprepared).values()] == [BY]


def test_ops_02_no_suspension_of_the_restored_table_can_be_lifted_while_earlier_tokens_are_valid(
    unprepared: StoredSystem, later: AfterTheMoment
):
    """A single-use token that was used after the moment passes once more."""
    restored(unprepared).prepare(PLAN)
    first = in_force(unprepared)["target analytics-prod"].not_before
    assert first
    tokens = [later.used, unprepared.token(sub="carla", groups=["security"])]
    for each, token in zip(in_force(unprepared).values(), tokens, strict=True):
        assert unprepared.call(lift, REASON, grant_id=each.id, token=token)[1]["code"] == "suspension_locked"
    unprepared.system.now += 600
    restored(unprepared).prepare(PLAN)
    assert in_force(unprepared)["target analytics-prod"].not_before == first + 600
    restored(unprepared).prepare(PLAN._replace(lock_seconds=10))
    assert in_force(unprepared)["target analytics-prod"].not_before == first + 600


@pytest.mark.parametrize(("longest", "seconds"), [(3600, 4500), (4400, 4500), (4441, 4501), (86400, 86460)])
def test_ops_02_suspensions_are_locked_as_long_as_the_oldest_token_of_an_issuer(longest: int, seconds: int):
    assert lock_seconds(longest) == seconds


def test_ops_02_sign_outs_and_ended_delegations_stay(unprepared: StoredSystem, later: AfterTheMoment):
    thief = Browser(unprepared.desk)
    thief.cookies = dict(later.cookies)
    assert unprepared.ports.out_of_office.all().readable
    restore = restored(unprepared)
    restore.prepare(PLAN)
    assert thief.send("GET", "/reviews").status != 200
    assert unprepared.ports.out_of_office.all() == OutOfOfficeEntries(())
    assert (restore.summary.sessions_ended, restore.summary.delegations_ended) == (1, 1)
    again = restored(unprepared)
    again.prepare(PLAN)
    assert (again.summary.sessions_ended, again.summary.delegations_ended) == (0, 0)


def approved_before(stored: StoredSystem) -> Grant:
    """Store an approval that counts again, of a grant that had ended at the restored moment. Return the grant."""
    at = stored.system.now - 3600
    grant = replace(
        GRANT,
        counts_again=True,
        starts_at=at,
        state=State.RELEASED,
        ending=GrantEnd(at + 60, "corp.olga", MaskedComment("")),
    )
    pending = replace(grant, state=State.PENDING)
    stored.client.transact_write_items(TransactItems=put_approval("state", pending, grant))
    return grant


def counting(stored: StoredSystem, grant: Grant) -> tuple[str, ...]:
    return stored.ports.store.counting_approvals(grant.owner_key, grant.role_arn, stored.system.now)


def test_ops_02_an_approval_that_a_person_revoked_after_the_moment_does_not_count_again(unprepared: StoredSystem):
    """Its end is lost, and no open grant of the restored table ends it."""
    grant = approved_before(unprepared)
    assert counting(unprepared, grant) == (grant.id,)
    restore = restored(unprepared)
    restore.prepare(PLAN)
    assert counting(unprepared, grant) == ()
    assert restore.summary.approvals_ended == 1


def test_ops_02_an_end_of_approvals_that_the_table_has_stays(unprepared: StoredSystem):
    """Otherwise a command that is killed before it has deleted all approvals would let some count again."""
    grant = approved_before(unprepared)
    ending = GrantEnd(unprepared.system.now - 60, "corp.olga", MaskedComment("wrong"))
    revoked = replace(grant, state=State.REVOKED, ending=ending)
    unprepared.client.transact_write_items(TransactItems=put_end_of_approvals("state", grant, revoked))
    restored(unprepared).prepare(PLAN)
    approved_before(unprepared)
    assert counting(unprepared, grant) == ()


def test_ops_02_every_record_of_the_restore_passes_the_stream(
    unprepared: StoredSystem, monkeypatch: pytest.MonkeyPatch
):
    streamed = list[bool]()
    write = RestoredSuspensions._write

    def watched(*given: Any) -> None:
        audit = unprepared.client.describe_table(TableName="audit")["Table"]
        streamed.append("LatestStreamArn" in audit)
        write(*given)

    monkeypatch.setattr(RestoredSuspensions, "_write", watched)
    restored(unprepared).prepare(PLAN)
    assert streamed == [True, True]


@pytest.mark.parametrize(
    "text",
    ["[]", "1", "{", '{"event":"suspension"}', '{"event":"suspension","outcome":"set","detail":"{}"}',
     pytest.param("[" * 100_000, id="deep"),
     '{"event":"suspension","outcome":"ended","detail":"[]","time":"x","principal":"p","reason":"r"}'],
)  # fmt: skip
def test_ops_02_a_record_that_no_operator_made_does_not_stop_the_restore(unprepared: StoredSystem, text: str):
    key = {"pk": {"S": "r-forged"}, "sk": {"S": "0"}}
    unprepared.client.put_item(TableName="audit", Item=key | record_attribute(text))
    restore = restored(unprepared)
    restore.prepare(PLAN)
    assert restore.summary.copied == ("agent corp.olga",)
    assert (restore.summary.unreadable, restore.summary.complete) == (("r-forged 0",), False)


@pytest.mark.parametrize(
    "record",
    [
        {"outcome": "extended"},
        {"kind": "fleet"},
        {"time": "tomorrow"},
    ],
    ids=str,
)
def test_ops_02_a_suspension_in_a_form_of_another_version_is_not_lost_silently(
    unprepared: StoredSystem, record: dict[str, str]
):
    forge(unprepared, 1, record.pop("outcome", "set"), **record)
    restore = restored(unprepared)
    restore.prepare(PLAN)
    assert (restore.summary.unreadable, restore.summary.complete) == (("r-forged1 0",), False)


@pytest.mark.parametrize("record", [{"S": "a later form"}, {"B": b"a later form"}], ids=str)
def test_ops_02_a_record_in_a_later_form_may_be_of_a_suspension(unprepared: StoredSystem, record: dict[str, Any]):
    key = {"pk": {"S": "r-later"}, "sk": {"S": "000000"}}
    unprepared.client.put_item(TableName="audit", Item=key | {"record": record})
    restore = restored(unprepared)
    restore.prepare(PLAN)
    assert (restore.summary.unreadable, restore.summary.complete) == (("r-later 000000",), False)


def forge(stored: StoredSystem, number: int, outcome: str, **more: Any) -> None:
    """Write a record as any function can. The suspension is of an agent that no operator suspended."""
    detail = {"suspension": f"s-forged{number}", "kind": "agent", "name": f"corp.forged-{number}"}
    detail |= {name: more.pop(name) for name in (*detail, "issuer") if name in more}
    record = {"event": "suspension", "outcome": outcome, "time": iso(stored.system.now), "principal": "corp.carla"}
    record |= {"reason": "r"} | more | {"detail": json.dumps(detail)}
    key = {"pk": {"S": f"r-forged{number}"}, "sk": {"S": "0"}}
    stored.client.put_item(TableName="audit", Item=key | record_attribute(json.dumps(record)))


def olgas_suspension(later: AfterTheMoment) -> Suspension:
    found = Suspensions.read("", text_of_suspensions(later.lost)).entries
    return next(each for each in found if each.name == OLGA["name"])


def test_ops_02_a_recorded_end_removes_no_suspension_and_is_listed(unprepared: StoredSystem, later: AfterTheMoment):
    olga = olgas_suspension(later)
    forge(unprepared, 1, "ended", suspension=olga.id, name=olga.name)
    restore = restored(unprepared)
    restore.prepare(PLAN)
    assert "agent corp.olga" in in_force(unprepared)
    assert restore.summary.copied == ("agent corp.olga",)
    (listed,) = restore.summary.lifted_on_record
    assert listed.startswith(f"agent corp.olga ({olga.id}, by {olga.by}, ")
    assert restore.summary.complete


@pytest.mark.parametrize("earlier", [0, 1000])
def test_ops_02_a_record_with_the_id_of_another_suspension_hides_none(
    unprepared: StoredSystem, later: AfterTheMoment, earlier: int
):
    olga = olgas_suspension(later)
    forge(unprepared, 1, "set", suspension=olga.id, time=iso(olga.since - earlier))
    for _ in range(2):
        restored(unprepared).prepare(PLAN)
        assert in_force(unprepared).keys() == {"agent corp.olga", "agent corp.forged-1", "target analytics-prod"}


def test_ops_02_forged_suspensions_stop_no_step_and_leave_room_for_operators(
    unprepared: StoredSystem, later: AfterTheMoment, monkeypatch: pytest.MonkeyPatch
):
    most = 40
    for module in ("core.access.suspensions", "client.restore.restored_suspensions"):
        monkeypatch.setattr(f"jitney.{module}.MOST_SUSPENSIONS", most)
    for number in range(most + 20):
        forge(unprepared, number, "set")
    restore = restored(unprepared)
    restore.prepare(PLAN)
    assert (restore.summary.sessions_ended, restore.summary.delegations_ended) == (1, 1)
    assert "target analytics-prod" in in_force(unprepared)
    assert len(in_force(unprepared)) == most * 9 // 10
    assert len(restore.summary.copied) + len(restore.summary.not_copied) == most + 21
    assert not restore.summary.complete


def test_ops_02_a_table_without_room_is_reported(
    unprepared: StoredSystem, later: AfterTheMoment, monkeypatch: pytest.MonkeyPatch
):
    """The earlier table is trusted, so no room is left. But its suspensions do not fit into the restored one."""
    monkeypatch.setattr("jitney.core.access.suspensions.MOST_SUSPENSIONS", 1)
    restore = restored(unprepared, earlier="earlier")
    restore.prepare(PLAN)
    assert [each.partition(" (")[0] for each in restore.summary.not_copied] == ["agent corp.olga"]


def test_ops_02_a_suspension_whose_name_is_masked_is_listed(unprepared: StoredSystem):
    forge(unprepared, 1, "set", name="corp.[masked credential]")
    restore = restored(unprepared)
    restore.prepare(PLAN)
    assert restore.summary.masked == (
        f"agent corp.[masked credential] (s-forged1, by corp.carla, {iso(unprepared.system.now)}: r)",
    )
    assert restore.summary.copied == ("agent corp.olga",)
    assert not restore.summary.complete


@pytest.mark.parametrize(
    "more",
    [
        {"name": "corp.\ud800"},
        {"name": "n" * 65},
        {"name": "[masked credential]" + "n" * 256},
        {"name": ""},
        {"name": "*"},
        {"name": "corp.${aws:username"},
        {"name": "corp.forged\n"},
        {"name": ["corp.forged"]},
        {"suspension": ""},
        {"suspension": "s" * 256},
    ],
    ids=lambda more: ascii(more)[:40],
)
def test_ops_02_a_forged_suspension_that_cannot_be_real_is_left_out(unprepared: StoredSystem, more: dict[str, Any]):
    """Otherwise IAM could refuse the deny documents, because a name in them is no valid pattern."""
    forge(unprepared, 1, "set", **more)
    restore = restored(unprepared)
    restore.prepare(PLAN)
    assert in_force(unprepared).keys() == {"agent corp.olga", "target analytics-prod"}
    assert restore.summary.unreadable == ("r-forged1 0",)


def test_ops_02_a_forged_suspension_denies_nothing_of_the_future_and_has_a_short_reason(unprepared: StoredSystem):
    forge(unprepared, 1, "set", time="2999-01-01T00:00:00Z", reason="r" * 300_000)
    restored(unprepared).prepare(PLAN)
    found = in_force(unprepared)["agent corp.forged-1"]
    assert (found.since, len(found.reason)) == (unprepared.system.now, MAX_REASON)


@pytest.mark.parametrize("more", [{}, {"issuer": "i" * 256}, {"issuer": "https://[masked credential]"}])
def test_ops_02_a_suspension_whose_record_has_no_whole_issuer_stops_its_name(
    unprepared: StoredSystem, more: dict[str, str]
):
    forge(unprepared, 1, "set", **more)
    restored(unprepared).prepare(PLAN)
    assert in_force(unprepared)["agent corp.forged-1"].covers_person(identity("corp.forged-1"))


def test_ops_02_what_was_lifted_before_the_moment_is_not_copied(
    unprepared: StoredSystem, later: AfterTheMoment, monkeypatch: pytest.MonkeyPatch
):
    """DynamoDB says to which moment it restored a table. A suspension from before is in the table, or was lifted."""
    olga = olgas_suspension(later)
    describe = RestoredTables._table

    def described(tables: RestoredTables, name: str) -> dict[str, Any]:
        moment = datetime.fromtimestamp(olga.since, UTC)
        return describe(tables, name) | {"RestoreSummary": {"RestoreDateTime": moment, "RestoreInProgress": False}}

    monkeypatch.setattr(RestoredTables, "_table", described)
    forge(unprepared, 1, "set", time=iso(olga.since - RECORD_SECONDS - 1))
    forge(unprepared, 2, "set", time=iso(olga.since - RECORD_SECONDS))
    restore = restored(unprepared)
    restore.prepare(PLAN)
    assert restore.summary.copied == ("agent corp.forged-2", "agent corp.olga")


def test_ops_02_roles_that_targets_had_after_the_moment_are_known(unprepared: StoredSystem):
    DenyList(unprepared.client, "earlier").known_roles(["role:added-and-removed"])
    before = unprepared.ports.deny_list.seen_roles()
    restored(unprepared, earlier="earlier").prepare(PLAN)
    assert unprepared.ports.deny_list.seen_roles() == before | {"role:added-and-removed"}


def test_ops_02_an_earlier_table_without_roles_is_no_problem(unprepared: StoredSystem):
    restored(unprepared, earlier="earlier").prepare(PLAN)


def test_ops_02_the_restored_table_is_not_accepted_as_the_earlier_one(unprepared: StoredSystem):
    with pytest.raises(Invalid, match="state is named as the restored table and as the earlier one") as refused:
        restored(unprepared, earlier="state").prepare(PLAN)
    assert "the table that Jitney used before the restore" in refused.value.fix
    assert not in_force(unprepared)
