"""Break-glass with the pages as they are over in-memory adapters: used, attacked, and looked at afterwards (REV 8)."""

import json
import threading
from dataclasses import replace
from typing import Any

import pytest

from jitney.core.access.break_glass import FollowUpVerdict
from jitney.core.access.grant import Grant, State, VoteVerdict
from jitney.core.access.request import permissions_view
from jitney.core.access.write_lease import LEASE_SECONDS
from jitney.core.break_glass_config import BreakGlassConfig
from jitney.core.config import ReviewerGroup
from jitney.core.problems import Problem
from jitney.core.review.content import content_hash
from jitney.core.review.out_of_office import OutOfOffice
from jitney.handlers.credentials import create_credentials
from jitney.handlers.grants import create_grant
from jitney.handlers.reconciler import reconcile
from jitney.handlers.review_notices import notify
from jitney.handlers.review_schedule import check_schedule
from tests.core.identity import minting
from tests.core.masking.planted import SECRET_KEY
from tests.handlers.conftest import POLICIES, REQUEST_BODY, WRITE, System, configuration
from tests.handlers.review_browser import STAFF, Answer, Browser, ReviewSystem, review_system, with_staff
from tests.handlers.seen_votes import vote
from tests.handlers.test_ballots import ballot, person
from tests.identities import identity

SETTINGS = BreakGlassConfig(
    people=("staff.gina",), groups=("staff/on-call",), targets=("analytics-prod",), notify=("staff.olga",),
    max_duration_seconds=120, follow_up_seconds=3600, own_requests=False,
)  # fmt: skip
GROUPS = {
    "owners": ReviewerGroup(("staff.alice", "staff.bob", "staff.gina"), approvals=2, notify=("staff.alice",),
                            escalates_to="late", escalates_after_seconds=900, delegates=("staff.carol",)),
    "late": ReviewerGroup(("staff.lea",)),
}  # fmt: skip
TOKEN = "AQCEAAAAKgAAAAMAAAAAAAAAAcanary-task-token"


@pytest.fixture
def desk() -> ReviewSystem:
    return review_system(reviewers=GROUPS, break_glass=SETTINGS)


def signed_in(desk: ReviewSystem, name: str, *groups: str) -> Browser:
    browser = Browser(desk)
    browser.sign_in(name, groups=list(groups))
    return browser


def pending(desk: ReviewSystem, token: str | None = None, **members: Any) -> Grant:
    status, body, _ = desk.system.call(create_grant, REQUEST_BODY | {"permissions": WRITE} | members, token=token)
    assert status == 202, body
    return desk.system.store.grants[body["grant"]["id"]]


def stored(desk: ReviewSystem, grant: Grant) -> Grant:
    return desk.system.store.grants[grant.id]


def token_of(browser: Browser) -> str:
    return browser.send("GET", "/reviews").text.split('name="token" value="')[1].split('"')[0]


def smash(browser: Browser, grant: Grant, **changes: Any) -> Answer:
    form = {"token": token_of(browser), "content": content_hash(grant), "reason": "the site is down"}
    return browser.decide(f"/reviews/{grant.id}/break-glass", form | changes)


def judge(browser: Browser, grant: Grant, judgement: str, **changes: Any) -> Answer:
    form = {"token": token_of(browser), "judgement": judgement, "comment": "looked at it"}
    return browser.send("POST", f"/reviews/{grant.id}/follow-up", form | changes)


def code(answer: Answer) -> str:
    return answer.text.split("Code: <code>")[1].split("<")[0] if answer.status != 303 else "303"


def issues(desk: ReviewSystem, grant: Grant) -> int:
    token = minting.token(iat=desk.system.now, exp=desk.system.now + 300)
    return desk.system.call(create_credentials, grant_id=grant.id, token=token)[0]


@pytest.mark.parametrize(("longest", "status"), [(300, 201), (120, 202)])
def test_rev_12_a_repeated_request_gets_what_break_glass_granted_in_full(longest: int, status: int):
    settings = SETTINGS._replace(max_duration_seconds=longest)
    desk = review_system(reviewers=GROUPS, break_glass=settings)
    grant = pending(desk)
    assert smash(signed_in(desk, "gina"), grant).status == 303
    again, body, _ = desk.system.call(create_grant, REQUEST_BODY | {"permissions": WRITE})
    assert (again, body["grant"]["id"] == grant.id) == (status, status == 201)


def test_rev_08_a_configured_person_takes_a_request_for_a_reason_and_for_a_shorter_time(desk: ReviewSystem):
    grant, gina = pending(desk), signed_in(desk, "gina")
    assert "Use break-glass" in gina.send("GET", f"/reviews/{grant.id}").text
    assert smash(gina, grant).status == 303
    taken = stored(desk, grant)
    assert (taken.state, taken.duration_seconds) == (State.ACTIVE, 120)
    assert (taken.starts_at, taken.expires_at) == (desk.system.now, desk.system.now + 120)
    assert (taken.permissions, taken.votes, taken.approvals) == (grant.permissions, (), ())
    assert desk.system.reviews.resumed == [grant.id]
    record = desk.system.records()[-1]
    assert (record["event"], record["outcome"], record["source_ip"]) == ("break_glass", "approved", "198.51.100.7")
    detail = json.loads(record["detail"])
    assert (detail["by"], detail["reason"], detail["requested_seconds"]) == ("staff.gina", "the site is down", 300)
    assert detail["permissions"] == permissions_view(grant.permissions)
    assert issues(desk, grant) == 200
    shown = gina.send("GET", f"/reviews/{grant.id}").text
    assert "staff.gina used break-glass at" in shown
    assert "<h2>Follow-up review</h2>" not in shown


def test_rev_08_a_group_of_the_token_is_as_good_as_a_name(desk: ReviewSystem):
    grant, zoe = pending(desk), signed_in(desk, "zoe", "on-call")
    text = zoe.send("GET", f"/reviews/{grant.id}").text
    assert "Its reviewers (staff.alice, staff.bob, staff.gina) have had it for <time" in text
    assert smash(zoe, grant).status == 303


REFUSED = {
    "a reviewer": ("alice", (), {}, "break_glass_not_allowed"),
    "an operator": ("olga", ("security",), {}, "break_glass_not_allowed"),
    "anybody": ("frank", (), {}, "break_glass_not_allowed"),
    "no reason": ("gina", (), {"reason": " \u200b "}, "request_invalid"),
    "not what was shown": ("gina", (), {"content": "0" * 64}, "review_changed"),
    "another site's form": ("gina", (), {"token": "x"}, "form_token_invalid"),
}


@pytest.mark.parametrize(("name", "groups", "changes", "expected"), REFUSED.values(), ids=REFUSED)
def test_rev_08_others_and_other_forms_are_refused(
    desk: ReviewSystem, name: str, groups: Any, changes: Any, expected: str
):
    grant = pending(desk)
    changes = {each: value.replace("\u200b", "") for each, value in changes.items()}
    assert code(smash(signed_in(desk, name, *groups), grant, **changes)) == expected
    assert stored(desk, grant) == grant
    assert desk.system.outcomes()[-1][1:] == ("refused", expected)


def test_rev_08_break_glass_issues_nothing_once_its_person_is_removed(desk: ReviewSystem):
    desk.system.ports.config = replace(desk.system.config, break_glass=SETTINGS._replace(groups=()))
    grant = pending(desk)
    assert smash(signed_in(desk, "gina"), grant).status == 303
    assert issues(desk, grant) == 200
    others = SETTINGS._replace(people=("staff.zoe",), groups=())
    desk.system.ports.config = replace(desk.system.config, break_glass=others)
    assert issues(desk, grant) == 403
    # Their groups are not known when credentials are issued.
    desk.system.ports.config = replace(desk.system.config, break_glass=others._replace(groups=("staff/on-call",)))
    assert issues(desk, grant) == 200


@pytest.mark.parametrize(
    "own",
    [
        {"human": identity("staff.gina")},
        {"principal": "staff.gina", "issuer": STAFF},
        {"agent_owners": (identity("staff.gina"),)},
    ],
)
def test_rev_08_no_requester_uses_break_glass_for_themselves(desk: ReviewSystem, own: Any):
    grant = replace(pending(desk), **own)
    desk.system.store.grants[grant.id] = grant
    gina = signed_in(desk, "gina")
    assert "Use break-glass" not in gina.send("GET", f"/reviews/{grant.id}").text
    assert code(smash(gina, grant)) == "own_request"
    assert stored(desk, grant) == grant


def own_the_agent(desk: ReviewSystem, *people: str) -> None:
    """From now on these people own the agent that asks."""
    config = desk.system.ports.config
    issuers = {**config.issuers, "corp": replace(config.issuers["corp"], owners={"reader-agent": people})}
    desk.system.ports.config = replace(config, issuers=issuers)


def test_id_10_a_present_owner_uses_no_break_glass_and_reviews_none(desk: ReviewSystem):
    grant = pending(desk)
    own_the_agent(desk, "staff.gina")
    gina = signed_in(desk, "gina")
    assert "Use break-glass" not in gina.send("GET", f"/reviews/{grant.id}").text
    assert code(smash(gina, grant)) == "own_request"
    own_the_agent(desk, "staff.bob")
    assert smash(gina, grant).status == 303
    assert issues(desk, grant) == 200
    assert code(judge(signed_in(desk, "bob"), grant, "confirm")) == "not_reviewer"
    own_the_agent(desk, "staff.gina")
    assert issues(desk, grant) == 403
    assert code(judge(signed_in(desk, "alice"), grant, "confirm")) == "303"


def test_id_10_a_reviewer_who_is_a_present_owner_sees_no_vote_and_can_revoke(desk: ReviewSystem):
    grant = pending(desk)
    own_the_agent(desk, "staff.alice")
    shown = signed_in(desk, "alice").send("GET", f"/reviews/{grant.id}").text
    assert ('value="approve"' in shown, 'value="reject"' in shown, "Revoke access" in shown) == (False, False, True)
    shown = signed_in(desk, "bob").send("GET", f"/reviews/{grant.id}").text
    assert 'value="approve"' in shown
    assert "staff.alice" not in shown


def test_rev_08_for_themselves_only_where_the_configuration_says_so_and_others_look_at_it():
    desk = review_system(reviewers=GROUPS, break_glass=SETTINGS._replace(own_requests=True))
    grant = replace(pending(desk), human=identity("staff.gina"))
    desk.system.store.grants[grant.id] = grant
    gina = signed_in(desk, "gina")
    assert smash(gina, grant).status == 303
    assert code(judge(gina, grant, "confirm")) == "own_request"
    assert code(judge(signed_in(desk, "alice"), grant, "confirm")) == "303"


def test_rev_08_an_agents_token_breaks_no_glass_and_looks_at_none(desk: ReviewSystem):
    grant = pending(desk)
    headers = {"Authorization": f"Bearer {minting.token()}"}
    form = {"token": "x", "content": content_hash(grant), "reason": "urgent", "judgement": "confirm", "comment": "x"}
    for path in ("break-glass", "follow-up"):
        answer = Browser(desk).send("POST", f"/reviews/{grant.id}/{path}", form, headers)
        assert (answer.status, code(answer)) == (401, "sign_in_required")
    assert stored(desk, grant) == grant


def test_rev_08_without_configuration_no_one_can(desk: ReviewSystem):
    grant = pending(desk)
    for settings in (None, SETTINGS._replace(targets=("other",)), SETTINGS._replace(people=(), groups=())):
        desk.system.ports.config = replace(desk.system.config, break_glass=settings)
        assert code(smash(signed_in(desk, "gina"), grant)) == "break_glass_not_allowed"


FORBIDS = {
    "a forbid": '@id("frozen") forbid (principal, action == Jitney::Action::"Write", resource);',
    "a forbid of break-glass": '@id("frozen") forbid (principal, action, resource)'
    ' when { context.approvals.contains("break-glass") };',
}


@pytest.mark.parametrize("policy", FORBIDS.values(), ids=FORBIDS)
def test_rev_08_what_policy_forbids_stays_forbidden(desk: ReviewSystem, policy: str):
    grant = pending(desk)
    changed = replace(with_staff(configuration(POLICIES + policy)), reviewers=GROUPS, break_glass=SETTINGS)
    later = ReviewSystem(System(config=changed, store=desk.system.store))
    answer = smash(signed_in(later, "gina"), grant)
    assert (code(answer), "frozen" in answer.text) == ("denied", True)
    assert stored(desk, grant) == grant
    assert not desk.system.store.outstanding


def test_rev_08_a_forbid_of_break_glass_is_none_of_an_ordinary_review():
    policies = POLICIES + FORBIDS["a forbid of break-glass"]
    changed = replace(with_staff(configuration(policies)), reviewers=GROUPS, break_glass=SETTINGS)
    desk = ReviewSystem(System(config=changed))
    grant = pending(desk)
    for name in ("alice", "bob"):
        after = vote(replace(ballot(grant), voter=person(name, "staff")), desk.system.ports)
    assert (after.state, issues(desk, grant)) == (State.ACTIVE, 200)


def test_rev_08_a_policy_that_forbids_now_is_asked_at_issue(desk: ReviewSystem):
    grant = pending(desk)
    smash(signed_in(desk, "gina"), grant)
    policies = POLICIES + FORBIDS["a forbid of break-glass"]
    changed = replace(with_staff(configuration(policies)), reviewers=GROUPS, break_glass=SETTINGS)
    later = ReviewSystem(System(config=changed, store=desk.system.store))
    assert issues(later, grant) == 403


FORGED = {
    "other permissions": lambda grant: replace(grant, ticket="other"),
    "longer": lambda grant: replace(grant, duration_seconds=300),
    "of themselves": lambda grant: replace(grant, break_glass=replace(grant.break_glass, human=grant.agent)),
    "none": lambda grant: replace(grant, break_glass=None),
}


@pytest.mark.parametrize("forge", FORGED.values(), ids=FORGED)
def test_rev_08_what_is_issued_is_what_break_glass_was_used_for(desk: ReviewSystem, forge: Any):
    grant = pending(desk)
    smash(signed_in(desk, "gina"), grant)
    assert issues(desk, grant) == 200
    desk.system.store.grants[grant.id] = forge(stored(desk, grant))
    assert issues(desk, grant) == 403


def test_rev_08_a_cap_or_a_target_that_was_taken_out_since_counts_at_issue(desk: ReviewSystem):
    grant = pending(desk)
    smash(signed_in(desk, "gina"), grant)
    for settings in (None, SETTINGS._replace(targets=()), SETTINGS._replace(max_duration_seconds=119)):
        desk.system.ports.config = replace(desk.system.config, break_glass=settings)
        assert issues(desk, grant) == 403


def test_rev_08_neither_the_person_nor_the_agent_again_before_the_follow_up(desk: ReviewSystem):
    first, same_agent = pending(desk), pending(desk, reason="another")
    another = pending(desk, token=minting.token(sub="other-agent"), reason="third")
    gina, zoe, bob = signed_in(desk, "gina"), signed_in(desk, "zoe", "on-call"), signed_in(desk, "bob")
    assert code(smash(gina, first)) == "303"
    assert code(smash(gina, another)) == "follow_up_due"
    assert code(smash(zoe, same_agent)) == "follow_up_due"
    assert code(judge(bob, first, "confirm")) == "303"
    assert not desk.system.store.outstanding
    assert code(smash(gina, another)) == "303"
    assert code(smash(zoe, same_agent)) == "303"


def test_rev_08_two_at_once_by_one_person_are_one(desk: ReviewSystem):
    """Twenty times: of two requests of different agents one is taken, the other is refused."""
    for number in range(20):
        desk.system.store.lists.clear()
        grants = [pending(desk, token=minting.token(sub=name), reason=f"{number}") for name in ("one", "two")]
        gina, start, codes = signed_in(desk, "gina"), threading.Barrier(2), []
        token = token_of(gina)
        paths = [f"/reviews/{each.id}/break-glass" for each in grants]
        first = [{"token": token, "content": content_hash(each), "reason": "down"} for each in grants]
        forms = [gina.confirmed(*each) for each in zip(paths, first, strict=True)]

        def take(path: str, form: Any, gina: Any = gina, start: Any = start, codes: Any = codes) -> None:
            start.wait()
            codes.append(code(gina.send("POST", path, form)))

        threads = [threading.Thread(target=take, args=each) for each in zip(paths, forms, strict=True)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        assert sorted(codes) == ["303", "follow_up_due"]
        taken = next(each for each in grants if stored(desk, each).break_glass)
        assert judge(signed_in(desk, "alice"), taken, "confirm").status == 303


def test_rev_08_a_repeat_by_the_same_person_only_resumes_the_workflow(desk: ReviewSystem):
    """The answer to the first one may be lost, and its function may fail before it resumes the workflow."""
    grant, gina = pending(desk), signed_in(desk, "gina")
    assert smash(gina, grant).status == 303
    taken, records = stored(desk, grant), desk.system.records()
    desk.system.now += 1
    assert smash(gina, grant, confirmed=content_hash(taken)).status == 303
    assert (stored(desk, grant), desk.system.records()) == (taken, records)
    assert desk.system.reviews.resumed == [grant.id] * 2
    assert code(smash(signed_in(desk, "zoe", "on-call"), taken)) == "review_ended"
    desk.system.ports.config = replace(desk.system.config, break_glass=SETTINGS._replace(people=()))
    assert code(smash(gina, grant)) == "break_glass_not_allowed"


def test_rev_08_another_person_does_the_follow_up_once(desk: ReviewSystem):
    grant = pending(desk)
    smash(signed_in(desk, "gina"), grant)
    alice, bob = signed_in(desk, "alice"), signed_in(desk, "bob")
    assert "Follow-up reviews" in alice.send("GET", "/reviews").text
    shown = alice.send("GET", f"/reviews/{grant.id}").text
    assert "<h2>Follow-up review</h2>" in shown
    assert "<strong>The access goes on until <time" in shown
    assert "To stop it now, object or revoke it." in shown
    assert "A revocation leaves the review open." in shown
    assert code(judge(alice, grant, "confirm")) == "303"
    done = stored(desk, grant)
    assert (done.state, done.follow_up.human.name, done.follow_up.judgement) == (
        State.ACTIVE, "staff.alice", FollowUpVerdict.CONFIRM,
    )  # fmt: skip
    assert desk.system.outcomes()[-1] == ("follow_up", "confirmed", "")
    assert code(judge(alice, grant, "confirm")) == "303"
    assert code(judge(bob, grant, "object")) == "review_ended"
    assert stored(desk, grant) == done
    assert "Follow-up reviews" not in alice.send("GET", "/reviews").text
    assert issues(desk, grant) == 200


def test_rev_08_an_objection_revokes_it(desk: ReviewSystem):
    grant = pending(desk)
    smash(signed_in(desk, "gina"), grant)
    assert issues(desk, grant) == 200
    assert code(judge(signed_in(desk, "lea"), grant, "object", comment="no outage")) == "303"
    after = stored(desk, grant)
    assert (after.state, after.ending.by) == (State.REVOKED, "staff.lea")
    assert after.ending.reason == "objected to break-glass: no outage"
    assert grant.id in desk.system.role_policies.denies(grant.role_arn)
    assert issues(desk, grant) == 410
    assert [each[:2] for each in desk.system.outcomes() if each[0] in ("revocation", "follow_up")] == [
        ("revocation", "revoked"), ("follow_up", "objected"),
    ]  # fmt: skip


def test_rev_08_what_ended_meanwhile_is_looked_at_all_the_same(desk: ReviewSystem):
    grant = pending(desk)
    smash(signed_in(desk, "gina"), grant)
    desk.system.now += 7200  # it has ended, and so has the time to look at it
    bob = signed_in(desk, "bob")
    assert "was due by" in bob.send("GET", f"/reviews/{grant.id}").text
    assert code(judge(bob, grant, "object")) == "303"
    assert (stored(desk, grant).ending, desk.system.store.outstanding) == (None, {})
    reconcile(desk.system.ports)
    assert [each[:2] for each in desk.system.outcomes()][-2:] == [("follow_up", "objected"), ("expiry", "expired")]


def test_rev_08_an_objection_that_could_not_be_carried_out_can_be_made_again(desk: ReviewSystem):
    grant = pending(desk)
    smash(signed_in(desk, "gina"), grant)
    assert issues(desk, grant) == 200
    bob = signed_in(desk, "bob")
    desk.system.role_policies.lost = 99
    assert judge(bob, grant, "object").status == 503
    assert stored(desk, grant).awaits_follow_up
    desk.system.role_policies.lost = 0
    desk.system.now += LEASE_SECONDS + 1
    assert code(judge(bob, grant, "object")) == "303"
    assert grant.id in desk.system.role_policies.denies(grant.role_arn)


def test_rev_08_an_objection_holds_after_its_target_was_renamed(desk: ReviewSystem):
    grant = pending(desk)
    smash(signed_in(desk, "gina"), grant)
    assert issues(desk, grant) == 200
    target = replace(desk.system.config.targets["analytics-prod"], alias="analytics")
    desk.system.ports.config = replace(desk.system.config, targets={"analytics": target})
    assert code(judge(signed_in(desk, "bob"), grant, "object")) == "303"
    assert grant.id in desk.system.role_policies.denies(grant.role_arn)


@pytest.mark.parametrize(
    ("name", "groups", "expected"),
    [
        ("gina", ("security", "on-call"), "own_request"),
        ("harriet", (), "not_reviewer"),
        ("frank", (), "not_reviewer"),
        ("zoe", ("on-call",), "not_reviewer"),
        ("carol", (), "not_reviewer"),
        ("carol", ("security",), "not_reviewer"),
        ("olga", ("security",), "303"),
        ("lea", (), "303"),
    ],
)
def test_rev_08_who_may_look_at_it(desk: ReviewSystem, name: str, groups: Any, expected: str):
    """The agent asks for harriet; carol is the delegate of gina only, who used break-glass."""
    now = desk.system.now
    desk.system.store.away["staff.gina"] = OutOfOffice(
        "a-1", identity("staff.gina"), now, now + 60, (("owners", identity("staff.carol")),)
    )
    grant = replace(pending(desk), human=identity("staff.harriet"))
    desk.system.store.grants[grant.id] = grant
    smash(signed_in(desk, "gina"), grant)
    assert code(judge(signed_in(desk, name, *groups), grant, "confirm")) == expected


@pytest.mark.parametrize("changes", [{"judgement": "maybe"}, {"judgement": ""}, {"comment": ""}, {"token": "x"}])
def test_rev_08_what_is_said_afterwards_is_said_in_words(desk: ReviewSystem, changes: Any):
    grant = pending(desk)
    smash(signed_in(desk, "gina"), grant)
    before = stored(desk, grant)
    form = {"judgement": "confirm"} | changes
    answer = judge(signed_in(desk, "bob"), grant, form.pop("judgement"), **form)
    assert answer.status in (400, 403)
    assert stored(desk, grant) == before


def test_rev_08_there_is_no_follow_up_without_break_glass(desk: ReviewSystem):
    grant = pending(desk)
    assert code(judge(signed_in(desk, "alice"), grant, "confirm")) == "review_ended"
    for path in ("break-glass", "follow-up"):
        browser = signed_in(desk, "gina")
        answer = browser.send("POST", f"/reviews/g-zzzzzzzzzzzzzz/{path}", {"token": token_of(browser)})
        assert code(answer) == "grant_not_found"


def test_rev_08_a_rejected_request_cannot_be_taken(desk: ReviewSystem):
    grant = pending(desk)
    vote(replace(ballot(grant, verdict=VoteVerdict.REJECT), voter=person("alice", "staff")), desk.system.ports)
    assert code(smash(signed_in(desk, "gina"), stored(desk, grant))) == "review_ended"


def test_rev_08_all_are_notified_at_once_then_reminded_until_the_follow_up(desk: ReviewSystem):
    ports = desk.system.ports
    grant = pending(desk)
    looked = check_schedule({"grant_id": grant.id, "since": 0}, ports)
    smash(signed_in(desk, "gina"), grant)
    assert notify(looked | {"token": TOKEN}, ports)["error"] == "ReviewEnded"  # its wait is over
    looked = check_schedule(looked, ports)
    assert (looked["due"], looked["wait_seconds"]) == ("break_glass_used", 600)
    notify(looked | {"token": TOKEN}, ports)
    detail = json.loads(desk.system.records()[-1]["detail"])
    assert detail["notice"] == "break_glass_used"
    looked = check_schedule(looked, ports)
    assert looked["due"] == "nothing"  # in the very second
    desk.system.now += 600
    looked = check_schedule(looked, ports)
    assert (looked["due"], looked["wait_seconds"]) == ("follow_up_due", 1200)
    desk.system.now += 3000
    assert check_schedule(looked, ports)["due"] == "decided"
    notify({"grant_id": grant.id, "due": "decided"}, ports)
    assert json.loads(desk.system.records()[-1]["detail"])["notice"] == "follow_up_due"


def test_rev_08_all_are_notified_although_the_workflow_could_not_be_resumed(desk: ReviewSystem):
    """The reconciler resumes it. Otherwise the reviewers would learn of break-glass with the next reminder."""
    ports, grant = desk.system.ports, pending(desk)
    looked = check_schedule({"grant_id": grant.id, "since": 0}, ports)
    notify(looked | {"token": TOKEN}, ports)
    gina = signed_in(desk, "gina")
    desk.system.reviews.problem = Problem("unavailable", "no", "later")
    assert smash(gina, grant).status == 303
    desk.system.reviews.problem = None
    assert reconcile(ports)["resumed"] == 1
    looked = check_schedule(looked, ports)
    assert looked["due"] == "break_glass_used"
    notify(looked | {"token": TOKEN}, ports)
    assert reconcile(ports)["resumed"] == 0


@pytest.mark.parametrize("behind", [0, 1, 5])
def test_rev_08_all_are_notified_although_a_clock_is_behind(desk: ReviewSystem, behind: int):
    """The clock of the function that serves break-glass, compared with that of the workflow's functions."""
    grant, ports = pending(desk), desk.system.ports
    looked = check_schedule({"grant_id": grant.id, "since": 0}, ports)
    gina = signed_in(desk, "gina")
    desk.system.now -= behind
    assert smash(gina, grant).status == 303
    desk.system.now += behind
    assert notify(looked | {"token": TOKEN}, ports)["error"] == "ReviewEnded"
    assert check_schedule(looked, ports)["due"] == "break_glass_used"


def test_rev_08_the_follow_up_resumes_the_workflow_which_notifies_of_it(desk: ReviewSystem):
    ports = desk.system.ports
    grant = pending(desk)
    smash(signed_in(desk, "gina"), grant)
    looked = check_schedule({"grant_id": grant.id, "since": 0}, ports)
    judge(signed_in(desk, "alice"), grant, "confirm")
    assert desk.system.reviews.resumed == [grant.id, grant.id]
    assert notify(looked | {"token": TOKEN}, ports)["error"] == "ReviewEnded"
    assert check_schedule(looked, ports)["due"] == "decided"
    notify({"grant_id": grant.id, "due": "decided"}, ports)
    assert json.loads(desk.system.records()[-1]["detail"])["notice"] == "decided"


def test_rev_08_a_reason_holds_no_secret_and_is_cut(desk: ReviewSystem):
    grant = pending(desk)
    smash(signed_in(desk, "gina"), grant, reason=f"down, aws_secret_access_key = {SECRET_KEY} " + "x" * 5000)
    reason = stored(desk, grant).break_glass.reason
    assert (SECRET_KEY in reason, len(reason) <= 500) == (False, True)


def test_rev_08_a_workflow_that_cannot_be_resumed_delays_nothing(desk: ReviewSystem):
    grant = pending(desk)
    desk.system.reviews.problem = Problem("unavailable", "", "")
    assert code(smash(signed_in(desk, "gina"), grant)) == "303"
    assert stored(desk, grant).state is State.ACTIVE
