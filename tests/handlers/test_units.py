"""A repository's many subjects, attacked: its limits, lists and debts are those of one accountable unit (REV 12)."""

from collections import Counter
from dataclasses import replace
from typing import Any

import pytest

from jitney.core.access.document_times import IN_FORCE_SECONDS
from jitney.core.access.grant import State, Vote, VoteVerdict
from jitney.core.break_glass_config import BreakGlassConfig
from jitney.core.channel_config import MailConfig
from jitney.core.config import ReviewerGroup
from jitney.core.identity.providers.github_actions import SAMPLE
from jitney.core.issuer_config import ClaimRules
from jitney.core.review.content import content_hash
from jitney.core.review.notices import Notice
from jitney.core.review.schedule import NEVER_CHECKED
from jitney.handlers.credentials import create_credentials
from jitney.handlers.decisions import preview_decision
from jitney.handlers.grants import create_grant
from jitney.handlers.notifying.notifications import notify_reviewers
from jitney.handlers.reconciler import reconcile
from jitney.handlers.releases import release_grant
from jitney.handlers.review.review_sheet import build_sheet
from tests.core.identity import minting
from tests.fakes import MemoryMails
from tests.handlers.conftest import REQUEST_BODY, WRITE, System, configuration
from tests.handlers.review_browser import Browser, ReviewSystem, with_staff
from tests.handlers.test_holding import EXECUTE, MAKE
from tests.handlers.test_holding import POLICIES as COMBINATIONS
from tests.handlers.test_request_list import listed
from tests.identities import identity

SIBLINGS = 300
REQUESTS = 100
"""The requests of one repository: ten times its limit of pending ones."""
POLICIES = """
@id("read") permit (principal, action in Jitney::Action::"ReadOnly", resource);
@id("write") @approval("owners") permit (principal, action == Jitney::Action::"Write", resource)
when { context.approvals.contains("owners") };
"""
OWN_REPOSITORIES = ClaimRules(require={"repository_owner_id": ("583231",)})
EMAILS = {"staff.alice": "alice@example.com", "staff.gina": "gina@example.com"}
UNIT = "github.repository=583231-1296269"
STOP = {"actions": ["ec2:StopInstances"], "resources": ["arn:aws:ec2:eu-west-1:444455556666:instance/i-1"]}
MAKE_REVIEWED = MAKE | {"permissions": [*MAKE["permissions"], STOP]}
READ = [{"actions": ["s3:GetObject"], "resources": ["arn:aws:s3:::reports/2026/q3.csv"]}]


def job(ref: str, repository: str = "1296269", **claims: Any) -> str:
    """A job's token. Who pushes to the repository chooses the ref."""
    given = {"ref": f"refs/heads/{ref}", "environment": None, "repository_id": repository, "jti": f"{repository}-{ref}"}
    return minting.token(head={"typ": "JWT"}, groups=None, **{**SAMPLE, **given, **claims})


HONEST = job("main", "1")  # sorts before the others


def with_jobs(policies: str = POLICIES, **changes: Any) -> Any:
    """The configuration with jobs of every repository of one owner, and with people who sign in."""
    config = with_staff(configuration(policies))
    github = replace(config.issuers["github"], replay="reuse", claims=OWN_REPOSITORIES)
    owners = {"owners": ReviewerGroup(("staff.alice", "staff.gina"))}
    return replace(
        config,
        issuers={**config.issuers, "github": github},
        reviewers=owners,
        emails=EMAILS,
        mail=MailConfig("jitney@example.com"),
        **changes,
    )


@pytest.fixture
def desk() -> ReviewSystem:
    return ReviewSystem(System(config=with_jobs(), mails=MemoryMails()))


@pytest.fixture
def system(desk: ReviewSystem) -> System:
    return desk.system


def ask(system: System, token: str, reason: str = "report", permissions: Any = WRITE) -> tuple[int, dict[str, Any]]:
    body = REQUEST_BODY | {"reason": reason, "permissions": permissions}
    status, answer, _ = system.call(create_grant, body, token=token)
    return status, answer


def flood(system: System, count: int = REQUESTS) -> list[tuple[int, dict[str, Any]]]:
    """A request for review from each of `count` subjects of one repository."""
    return [ask(system, job(f"made-up-{number}")) for number in range(count)]


def test_rev_12_the_refs_of_a_repository_share_one_limit_of_pending_requests(system: System):
    most = system.config.limits.max_pending
    answers = flood(system)
    assert Counter(status for status, _ in answers) == {202: most, 429: REQUESTS - most}
    refused = answers[most][1]
    assert (refused["code"], refused["unit"]) == ("too_many_pending", UNIT)
    assert refused["pending"] == []  # none of them is the caller's own
    assert len(system.reviews.started) == most


def test_rev_12_no_flood_of_siblings_keeps_an_honest_agents_request_from_a_reviewer(desk: ReviewSystem):
    alone = ReviewSystem(System(config=with_jobs(), mails=MemoryMails()))
    for each in (alone, desk):
        if each is desk:
            flood(desk.system)
        status, body = ask(each.system, HONEST)
        assert status == 202, body
        shown = listed(each)
        assert body["grant"]["id"] in shown["Waiting for you"]
        assert shown["notice"] == []


def test_rev_12_a_share_of_a_long_list_is_a_units(desk: ReviewSystem, monkeypatch: pytest.MonkeyPatch):
    """Siblings in many small portions, as requests that earlier limits let in."""
    mine = ask(desk.system, HONEST)[1]["grant"]["id"]
    pending = desk.system.store.grants[mine]
    siblings = [
        replace(pending, id=f"g-sibling{number:07d}".translate(str.maketrans("0123456789", "abcdefghij")),
                principal=f"github.{number}", unit=UNIT, expires_at=pending.expires_at - 1)
        for number in range(SIBLINGS)
    ]  # fmt: skip
    desk.system.store.grants = {each.id: each for each in siblings} | desk.system.store.grants
    monkeypatch.setattr("jitney.handlers.pages.request_list.MOST_LISTED", 5)
    shown = listed(desk)["Waiting for you"]
    assert (mine in shown, len(shown)) == (True, 5)


@pytest.mark.parametrize("route", [preview_decision, create_grant])
def test_pol_09_the_refs_of_a_repository_share_one_quota_and_take_nothing_from_others(system: System, route: Any):
    most = system.config.limits.ungranted_requests_per_minute
    denied = REQUEST_BODY | {"permissions": [{"actions": ["iam:CreateUser"], "resources": ["*"]}]}
    answers = [system.call(route, denied, token=job(f"made-up-{number}")) for number in range(most + 20)]
    over = [body for status, body, _ in answers if status == 429]
    assert (len(over), {body["code"] for body in over}) == (20, {"rate_limited"})
    assert over[0]["unit"] == UNIT
    assert UNIT in over[0]["detail"]
    status, body, _ = system.call(route, denied, token=HONEST)
    assert body.get("code") != "rate_limited"
    assert status == (200 if route is preview_decision else 403)


def test_rev_12_repeats_of_pending_requests_share_one_quota(system: System):
    """Each repeat writes a record. A unit has some pending requests to repeat, each of them as often as it likes."""
    most = system.config.limits.ungranted_requests_per_minute
    tokens = [job(f"made-up-{number}") for number in range(2)]
    assert [ask(system, token)[0] for token in tokens] == [202, 202]
    answers = [ask(system, tokens[number % 2])[0] for number in range(most + 10)]
    assert Counter(answers) == {202: most, 429: 10}
    assert ask(system, HONEST)[0] == 202
    assert ask(system, HONEST)[0] == 202


def test_rev_12_a_sibling_does_not_join_a_request_that_it_could_not_collect(system: System):
    first, second = ask(system, job("a")), ask(system, job("b"))
    assert [status for status, _ in (first, second)] == [202, 202]
    assert first[1]["grant"]["id"] != second[1]["grant"]["id"]


def test_rev_12_the_people_of_one_agent_do_not_share_a_limit(system: System):
    """An agent cannot choose whose token it gets."""
    config = with_jobs(limits=replace(system.config.limits, max_pending=1))
    many = System(config=config)
    answers = [
        many.call(
            create_grant, REQUEST_BODY | {"permissions": WRITE, "reason": reason}, token=minting.token(act=human)
        )[0]
        for human in ({"sub": "alice"}, {"sub": "bob"})
        for reason in ("one", "two")
    ]
    assert answers == [202, 429, 202, 429]


def test_rev_12_no_subject_shares_the_limits_of_a_unit_by_its_name(system: System):
    """An agent named as the unit of others would use up their limits."""
    github = system.config.issuers["github"]
    named = replace(github, provider="generic", token="access", claims=ClaimRules())
    named = replace(named, name="named", audiences=("named",))
    config = replace(system.config, issuers={**system.config.issuers, "named": named})
    together = System(config=replace(config, limits=replace(config.limits, max_pending=1)))
    imposter = minting.token(
        head={"typ": "at+jwt"}, iss=github.issuer, sub="repository=583231-1", aud="named", client_id="portal"
    )
    assert ask(together, imposter)[0] == 202
    assert ask(together, imposter, "another")[0] == 429
    assert ask(together, HONEST)[0] == 202


def test_end_01_an_honest_agents_release_is_as_if_it_were_alone(system: System):
    """There is room for a few entries. Every subject has one."""
    target = replace(system.config.targets["analytics-prod"], deny_room=2000)
    system.ports.config = replace(system.config, targets={target.alias: target})
    kept = system.store.grants[ask(system, HONEST, permissions=READ)[1]["grant"]["id"]]
    given = ask(system, HONEST, permissions=READ)[1]["grant"]["id"]
    for number in range(SIBLINGS):
        token = job(f"made-up-{number}")
        grant = ask(system, token, permissions=READ)[1]["grant"]["id"]
        assert system.call(release_grant, grant_id=grant, token=token)[0] == 200
    assert system.call(release_grant, grant_id=given, token=HONEST)[0] == 200
    assert given in str(system.role_policies.documents)
    assert system.store.deny_list.leases[kept.role_arn].cut_offs.until(kept.principal) is None


def test_rev_06_an_honest_agents_mail_is_as_if_it_were_alone(system: System):
    mailed = []
    for each in (System(config=system.config, mails=MemoryMails()), system):
        if each is system:
            flood(system)
        grant = each.store.grants[ask(each, HONEST)[1]["grant"]["id"]]
        for started in each.reviews.started:
            notify_reviewers(
                Notice.REQUESTED, build_sheet(each.store.grants[started], each.ports), NEVER_CHECKED, each.ports
            )
        sent = [(to, message.subject) for message, to in each.mails.sent if grant.id in message.text]
        mailed.append(sent)
        assert len(each.mails.sent) <= 2 * (each.config.limits.max_pending + 1)
    assert mailed[0] == mailed[1]
    assert [to for to, _ in mailed[0]] == ["alice@example.com", "gina@example.com"]


@pytest.mark.parametrize("judged", [False, True])
def test_rev_08_a_break_glass_debt_is_the_whole_units(judged: bool):
    settings = BreakGlassConfig(("staff.gina", "staff.zoe"), (), ("analytics-prod",), (), 120, 3600, own_requests=False)
    desk = ReviewSystem(System(config=with_jobs(break_glass=settings)))

    def smash(name: str, token: str) -> str:
        grant = desk.system.store.grants[ask(desk.system, token)[1]["grant"]["id"]]
        browser = Browser(desk)
        browser.sign_in(name)
        form_token = browser.send("GET", "/reviews").text.split('name="token" value="')[1].split('"')[0]
        form = {"token": form_token, "content": content_hash(grant), "reason": "the site is down"}
        answer = browser.decide(f"/reviews/{grant.id}/break-glass", form)
        return "303" if answer.status == 303 else answer.text.split("Code: <code>")[1].split("<")[0]

    assert smash("gina", job("made-up-1")) == "303"
    if judged:
        desk.system.store.outstanding.clear()
        assert smash("zoe", job("made-up-2")) == "303"
    else:
        assert smash("zoe", job("made-up-2")) == "follow_up_due"
        assert smash("zoe", HONEST) == "303"


def test_pol_05_the_refs_of_a_repository_hold_an_escalation_together():
    system = System(config=with_jobs(COMBINATIONS))
    assert system.call(create_grant, MAKE, token=job("one"))[0] == 201
    status, body, _ = system.call(create_grant, EXECUTE, token=job("two"))
    assert (status, body["code"]) == (403, "denied")
    assert body["risks"][0]["grants"] == []  # another agent's grant is not named
    assert system.call(create_grant, EXECUTE, token=HONEST)[0] == 201


def owned(**owners: tuple[str, ...]) -> System:
    """A system whose agents of the corporate issuer have these owners."""
    config = with_jobs(COMBINATIONS)
    system = System(config=config)
    own(system, **owners)
    return system


def own(system: System, **owners: tuple[str, ...]) -> None:
    """Deploy other owners."""
    corp = replace(system.config.issuers["corp"], owners={name.replace("_", "-"): who for name, who in owners.items()})
    system.ports.config = replace(system.config, issuers={**system.config.issuers, "corp": corp})


A, B = minting.token(sub="agent-a"), minting.token(sub="agent-b")


@pytest.mark.parametrize(
    ("owners_a", "owners_b", "status"),
    [
        (("people.alice",), ("people.alice",), 403),
        (("people.bob", "people.alice"), ("people.alice", "people.carol"), 403),
        (("people.alice",), ("people.bob",), 201),
    ],
)
def test_pol_05_two_agents_of_one_owner_hold_an_escalation_together(owners_a: Any, owners_b: Any, status: int):
    system = owned(agent_a=owners_a, agent_b=owners_b)
    assert system.call(create_grant, MAKE, token=A)[0] == 201
    assert system.call(create_grant, EXECUTE, token=B)[0] == status


def test_pol_05_an_owners_agent_and_an_agent_that_acts_for_them_hold_an_escalation_together():
    system = owned(agent_a=("people.alice",))
    assert system.call(create_grant, MAKE, token=A)[0] == 201
    assert system.call(create_grant, EXECUTE, token=minting.token(sub="agent-b", act={"sub": "bob"}))[0] == 201
    assert system.call(create_grant, EXECUTE, token=minting.token(sub="agent-c", act={"sub": "alice"}))[0] == 403


def test_pol_05_a_request_of_an_owner_counts_with_their_agents_grants():
    system = owned(agent_a=("people.alice",))
    assert system.call(create_grant, MAKE, token=A)[0] == 201
    person = minting.token(iss=minting.PEOPLE, sub="alice", groups=[])
    assert system.call(create_grant, EXECUTE, token=person)[0] == 403
    other = minting.token(iss=minting.PEOPLE, sub="bob", groups=[])
    assert system.call(create_grant, EXECUTE, token=other)[0] == 201


def test_pol_05_a_grant_counts_for_an_owner_that_is_configured_later():
    system = owned()
    assert system.call(create_grant, MAKE, token=A)[0] == 201
    own(system, agent_a=("people.alice",), agent_b=("people.alice",))
    assert system.call(create_grant, EXECUTE, token=B)[0] == 403


def test_pol_05_a_grant_still_counts_for_its_owner_at_the_request():
    """Else an owner hands the agent over between the halves."""
    system = owned(agent_a=("people.alice",), agent_b=("people.alice",))
    assert system.call(create_grant, MAKE, token=A)[0] == 201
    own(system, agent_a=("people.bob",), agent_b=("people.alice",))
    assert system.call(create_grant, EXECUTE, token=B)[0] == 403


def test_pol_05_no_unit_fills_the_list_of_an_owner_whose_other_agents_ask(monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr("jitney.handlers.caller.other_grants.MAX_ENTRIES_OF_UNIT", 3)
    system = owned(agent_a=("people.alice",), agent_b=("people.alice",))
    assert [system.call(create_grant, MAKE, token=A)[0] for _ in range(3)] == [201] * 3
    status, body, _ = system.call(create_grant, MAKE, token=A)
    assert (status, body["code"], body["detail"].split()[0]) == (429, "rate_limited", "corp.agent-a")
    assert system.call(create_grant, MAKE, token=B)[0] == 201
    system.now += 300
    again = minting.token(sub="agent-a", iat=system.now, exp=system.now + 300)
    assert system.call(create_grant, MAKE, token=again)[0] == 201


@pytest.mark.parametrize("asked", [MAKE, MAKE_REVIEWED], ids=["active", "under review"])
def test_pol_05_ended_grants_take_no_place_that_another_grant_needs(monkeypatch: pytest.MonkeyPatch, asked: Any):
    """A grant under review keeps its place for an hour, and one of a week's review for a week."""
    monkeypatch.setattr("jitney.handlers.caller.other_grants.MAX_ENTRIES_OF_UNIT", 3)
    system = owned()
    for _ in range(8):
        token = minting.token(sub="agent-a", iat=system.now, exp=system.now + 300)
        status, body, _ = system.call(create_grant, asked | {"duration_seconds": 3600}, token=token)
        assert status in (201, 202), body
        assert system.call(release_grant, grant_id=body["grant"]["id"], token=token)[0] == 200
        system.now += 2 * IN_FORCE_SECONDS
        reconcile(system.ports)  # its document shows that IAM denies the ended grants
        system.now += IN_FORCE_SECONDS


def test_pol_05_a_released_grant_keeps_its_place_until_it_is_denied(monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr("jitney.handlers.caller.other_grants.MAX_ENTRIES_OF_UNIT", 3)
    system = owned()
    for _ in range(3):
        grant_id = system.call(create_grant, MAKE, token=A)[1]["grant"]["id"]
        assert system.call(release_grant, grant_id=grant_id, token=A)[0] == 200
    assert system.call(create_grant, MAKE, token=A)[1]["code"] == "rate_limited"


def test_pol_05_the_refs_of_a_repository_share_their_part_of_a_list(monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr("jitney.handlers.caller.other_grants.MAX_ENTRIES_OF_UNIT", 3)
    system = System(config=with_jobs(COMBINATIONS))
    answers = [system.call(create_grant, MAKE, token=job(f"made-up-{number}"))[0] for number in range(5)]
    assert answers == [201] * 3 + [429] * 2
    assert system.call(create_grant, MAKE, token=HONEST)[0] == 201


def test_pol_05_a_renewal_is_not_decided_over_a_later_grant_of_the_same_owner():
    """The later one was decided with this in view."""
    system = owned(agent_a=("people.alice",), agent_b=("people.alice",))
    first = system.call(create_grant, MAKE, token=A)[1]["grant"]["id"]
    assert system.call(create_grant, MAKE, token=B)[0] == 201
    later = next(grant for grant in system.store.grants.values() if grant.id != first)
    for key, each in system.store.lists.items():  # as if policy had allowed the other half
        renamed = tuple(
            entry._replace(actions=("cloudformation:ExecuteChangeSet",)) if entry.grant_id == later.id else entry
            for entry in each.entries
        )
        system.store.lists[key] = each._replace(entries=renamed)
    assert system.call(create_credentials, grant_id=first, token=A)[0] == 200


def test_aud_03_records_name_the_accountable_unit(system: System):
    ask(system, HONEST)
    system.call(preview_decision, token=HONEST)  # without a body
    (request, refused) = system.records()
    assert (request["event"], request["unit"]) == ("request", "github.repository=583231-1")
    assert (refused["outcome"], refused["unit"]) == ("refused", "github.repository=583231-1")
    assert request["principal"].startswith("github.repo-583231-1")


def test_rev_17_another_agent_of_the_unit_cannot_repeat_a_rejected_request(system: System):
    grant = system.store.grants[ask(system, job("one"))[1]["grant"]["id"]]
    given = Vote(identity("staff.alice"), VoteVerdict.REJECT, "", "No.", system.now, "web")
    system.store.grants[grant.id] = replace(grant.move(State.REJECTED), votes=(given,))
    status, answer = ask(system, job("two"))
    assert (status, answer["code"], answer["rejection"]["grant"]) == (403, "rejected_before", grant.id)
    assert ask(system, job("two", "2"))[0] == 202  # another unit
