"""Row REV 17: people review in a terminal, with their own token, through the checks of the pages."""

import json
from collections.abc import Callable
from dataclasses import replace
from typing import Any

import pytest

from jitney.core.access.grant import Grant, State
from jitney.core.access.request import Permission
from jitney.core.identity.claims import check_undelegated
from jitney.core.identity.refusal import Refusal
from jitney.core.identity.signature import SignedClaims
from jitney.core.issuer_config import ClaimRules
from jitney.core.review.content import content_hash
from jitney.handlers.grant_reads import list_grants
from jitney.handlers.grants import create_grant
from jitney.handlers.review.terminal_votes import vote_from_terminal
from jitney.handlers.review_reads import list_reviews, show_review
from jitney.handlers.revocations import revoke_grant
from jitney.handlers.runtime.edge import Route
from tests.core.identity import minting
from tests.core.masking.planted import SECRET_KEY
from tests.handlers.conftest import WRITE
from tests.handlers.review_browser import STAFF, TWIN, Browser, ReviewSystem, review_system
from tests.handlers.test_matrix import APPROVED, UNKNOWN, WHO, Cell, cells, prepared_request
from tests.handlers.test_review_pages import PUT, TWO, pending, stored
from tests.handlers.test_suspensions import suspend_person

AUDIENCE = "jitney-review"
CELLS = list(cells("| who in a terminal |"))


@pytest.fixture
def desk() -> ReviewSystem:
    return terminal_desk()


def terminal_desk() -> ReviewSystem:
    """A desk whose people have tokens for reviews, and whose developers have agents at the same issuer."""
    desk = review_system()
    staff = replace(desk.system.ports.config.issuers["staff"], subject_pattern="[a-z]+")
    common = {"identity_name": "staff", "audiences": (AUDIENCE,), "for_reviews": True, "max_age_seconds": 900}
    terminal = replace(staff, name="terminal", web=None, **common)
    twin = replace(terminal, name="twin-terminal", identity_name="twin", issuer=TWIN)
    access = replace(terminal, name="terminal-access", audiences=("review-api",), clients=("tui",), token="access")
    developers = replace(
        staff,
        name="developers",
        subject_pattern="",
        audiences=("jitney",),
        clients=("jitney-cli",),
        token="access",
        kind="agent",
        web=None,
        human_claim="sub",
        human_issuer=minting.HUMANS._replace(identity_name="staff", issuer=STAFF),
        claims=ClaimRules(subject=("client_id",)),
    )
    added = {each.name: each for each in (staff, terminal, twin, access, developers)}
    issuers = {**desk.system.ports.config.issuers, **added}
    desk.system.ports.config = replace(desk.system.ports.config, issuers=issuers)
    return desk


def own_token(desk: ReviewSystem, name: str = "alice", **claims: Any) -> str:
    """A person's own ID token for reviews. Each call is another token."""
    desk.secrets += 1
    return desk.id_token(name, None, **{"aud": AUDIENCE, "jti": f"t{desk.secrets}", "azp": None} | claims)


def call(desk: ReviewSystem, route: Route, grant: Any, token: str, **body: Any) -> tuple[int, dict[str, Any]]:
    grant_id = grant.id if isinstance(grant, Grant) else str(grant or "")
    status, answer, _ = desk.system.call(route, body or None, token=token, grant_id=grant_id)
    return status, answer


def approve(desk: ReviewSystem, grant: Grant, token: str, **members: Any) -> tuple[int, dict[str, Any]]:
    """The answer to an approval, after its second step if it has one."""
    body = {"verdict": "approve", "content": content_hash(grant)} | members
    status, answer = call(desk, vote_from_terminal, grant, token, **body)
    if answer.get("code") != "confirmation_required":
        return status, answer
    confirmed = body | {"confirmed": answer["review"]["content"]}
    return call(desk, vote_from_terminal, grant, token, **confirmed)


def untouched(desk: ReviewSystem, grant: Grant) -> bool:
    return stored(desk, grant) == grant


def test_rev_17_a_person_lists_shows_and_approves_with_one_token(desk: ReviewSystem):
    grant, token = pending(desk), own_token(desk)
    status, listed = call(desk, list_reviews, "", token)
    (entry,) = listed["waiting_for_you"]
    assert (status, listed["reviewer"], entry["id"]) == (200, "staff.alice", grant.id)
    assert (entry["urgency"], entry["reason"]) == ("Decide within 1 hour", "monthly report")
    shown = call(desk, show_review, grant, token)[1]["review"]
    assert (shown["may_vote"], shown["second_step"], shown["content"]) == (True, True, content_hash(grant))
    status, answer = approve(desk, grant, token, comment="fine")
    assert (status, answer["review"]["state"]) == (200, "active")
    after = stored(desk, grant)
    assert (after.state, after.permissions) == (State.ACTIVE, grant.permissions)
    vote = after.votes[0]
    assert (vote.human.name, vote.via, vote.comment) == ("staff.alice", "terminal", "fine")
    record = desk.system.records()[-1]
    assert (record["event"], record["outcome"], '"via":"terminal"' in record["detail"]) == ("vote", "approved", True)


def test_rev_17_the_terminal_shows_the_words_of_the_page(desk: ReviewSystem):
    grant = pending(desk, TWO)
    alice = Browser(desk)
    alice.sign_in("alice")
    page = alice.send("GET", f"/reviews/{grant.id}").text
    shown = call(desk, show_review, grant, own_token(desk))[1]["review"]
    for words in (shown["sentence"], shown["harm"]["label"], shown["harm"]["sentence"], shown["before"]):
        assert words in page
    assert [each["action"] for each in shown["actions"]][:2] == ["s3:PutObject", "s3:DeleteObject"]
    assert shown["harm"]["level"] == "severe"
    for each in shown["actions"]:
        assert all(f"on <code>{arn}</code>" in page for arn in each["resources"])


def test_rev_17_hostile_text_of_an_agent_cannot_move_the_cursor(desk: ReviewSystem):
    hostile = "ok\u202eevil approve"
    grant = replace(pending(desk), reason=hostile + "\x1b[2J")
    desk.system.store.grants[grant.id] = grant
    token = own_token(desk)
    for text in (json.dumps(call(desk, show_review, grant, token)[1], ensure_ascii=False),
                 json.dumps(call(desk, list_reviews, "", token)[1], ensure_ascii=False)):  # fmt: skip
        assert "\\u001b" not in text
        assert "\u202e" not in text
        assert "evil" in text


# None of these tokens may review. Each differs from a person's own token by its claims.
ATTACKS: dict[str, tuple[Callable[[ReviewSystem], str], str]] = {
    "an empty token": (lambda _: "", "token_malformed"),
    "an agent's token": (lambda _: minting.token(), "token_audience"),
    "the token of an agent on behalf of a reviewer": (
        lambda _: minting.token(act={"sub": "alice"}),
        "token_audience",
    ),
    "a developer's agent at the people's issuer": (
        lambda desk: access_token(desk, aud="jitney", client_id="jitney-cli"),
        "token_audience",
    ),
    "the ID token of a browser's sign-in": (lambda desk: own_token(desk, aud="web"), "token_audience"),
    "two audiences": (lambda desk: own_token(desk, aud=[AUDIENCE, "web"]), "token_audience"),
    "delegated, with an actor": (lambda desk: own_token(desk, act={"sub": "reader-agent"}), "token_kind"),
    "an empty actor": (lambda desk: own_token(desk, act={}), "token_kind"),
    "from another client": (lambda desk: own_token(desk, azp="portal"), "token_kind"),
    "from two clients": (lambda desk: own_token(desk, azp=AUDIENCE, client_id="agent"), "token_kind"),
    "an access token for the client": (lambda desk: access_token(desk, aud=AUDIENCE), "token_kind"),
    "an access token of another client": (
        lambda desk: access_token(desk, aud="review-api", client_id="agent"),
        "token_not_admitted",
    ),
    "an access token with an actor": (
        lambda desk: access_token(desk, aud="review-api", client_id="tui", act={"sub": "agent"}),
        "token_kind",
    ),
    "older than the limit": (
        lambda desk: own_token(desk, iat=desk.system.now - 931, exp=desk.system.now + 900),
        "token_too_old",
    ),
    "expired": (lambda desk: own_token(desk, exp=desk.system.now - 31), "token_expired"),
    "signed by another": (lambda desk: own_token(desk)[:-8] + "AAAAAAAA", "token_signature"),
}


def access_token(desk: ReviewSystem, **claims: Any) -> str:
    now = desk.system.now
    whole = {"iss": STAFF, "sub": "alice", "iat": now, "exp": now + 60, "azp": None, "groups": [], "jti": "a"}
    return minting.token(**whole | claims)


@pytest.mark.parametrize("attack", ATTACKS, ids=ATTACKS)
def test_rev_17_no_other_token_lists_shows_or_votes(desk: ReviewSystem, attack: str):
    forged, code = ATTACKS[attack]
    grant, token = pending(desk), forged(desk)
    content = content_hash(grant)
    vote = {"verdict": "approve", "content": content, "confirmed": content}
    for route, body in ((list_reviews, {}), (show_review, {}), (vote_from_terminal, vote)):
        status, answer = call(desk, route, grant, token, **body)
        assert (status, answer["code"]) == (401, code)
        assert "review" not in answer
    assert untouched(desk, grant)
    # The same vote with a person's own token passes, so the token alone was at fault.
    assert call(desk, vote_from_terminal, grant, own_token(desk), **vote)[0] == 200


@pytest.mark.parametrize(
    ("claims", "refused"),
    [({}, False), ({"azp": "web"}, False), ({"act": {}}, True), ({"azp": "agent"}, True), ({"cid": "agent"}, True)],
)
def test_rev_17_no_delegated_token_reviews_at_any_provider(claims: dict[str, Any], refused: bool):
    """Some providers also refuse an actor by themselves."""
    entry = minting.issuer("staff", STAFF, kind="human", token="id", audiences=("web",), for_reviews=True)
    try:
        check_undelegated(SignedClaims({"sub": "alice", **claims}), entry)
    except Refusal as refusal:
        assert (refusal.code, refused) == ("token_kind", True)
    else:
        assert not refused


def test_rev_05_an_entry_for_reviews_of_agents_reviews_nothing(desk: ReviewSystem):
    """The configuration refuses such an entry."""
    grant, issuers = pending(desk), desk.system.ports.config.issuers
    agents = {**issuers, "terminal": replace(issuers["terminal"], kind="agent")}
    desk.system.ports.config = replace(desk.system.ports.config, issuers=agents)
    status, answer = approve(desk, grant, own_token(desk))
    assert (status, answer["code"]) == (401, "token_audience")
    assert untouched(desk, grant)


def test_rev_17_an_access_token_of_a_named_client_reviews(desk: ReviewSystem):
    grant = pending(desk)
    assert approve(desk, grant, access_token(desk, aud="review-api", client_id="tui"))[0] == 200


def test_rev_17_people_of_another_issuer_are_other_people(desk: ReviewSystem):
    grant = pending(desk)
    status, answer = approve(desk, grant, own_token(desk, iss=TWIN))
    assert (status, answer["code"]) == (403, "not_reviewer")
    assert untouched(desk, grant)


@pytest.mark.parametrize("route", [create_grant, list_grants, revoke_grant])
def test_rev_17_a_token_for_reviews_opens_nothing_else(desk: ReviewSystem, route: Route):
    grant = pending(desk)
    status, answer = call(desk, route, grant, own_token(desk, groups=["security"]), reason="taken")
    assert (status, answer["code"]) == (401, "token_audience")
    assert untouched(desk, grant)


def test_rev_17_a_captured_token_votes_at_most_once(desk: ReviewSystem):
    first, second, token = pending(desk), pending(desk, reason="another"), own_token(desk)
    assert approve(desk, first, token)[0] == 200
    for verdict in ("approve", "reject"):
        body = {"verdict": verdict, "content": content_hash(second), "confirmed": content_hash(second), "comment": "x"}
        status, answer = call(desk, vote_from_terminal, second, token, **body)
        assert (status, answer["code"]) == (401, "token_replayed")
        assert answer["fix"].startswith("Sign in again")
    assert untouched(desk, second)
    assert call(desk, show_review, second, token)[0] == 200  # it still reads
    desk.system.now += 900 + 31
    assert call(desk, show_review, second, token)[1]["code"] in ("token_expired", "token_too_old")


def test_rev_17_an_approval_that_could_do_harm_names_what_is_granted(desk: ReviewSystem):
    grant, token = pending(desk, TWO), own_token(desk)
    body = {"verdict": "approve", "content": content_hash(grant), "actions": ["0", "2"], "duration_seconds": 60}
    for confirmed in ("", content_hash(grant), "0" * 64):  # neither nothing, nor the whole request, nor another text
        status, answer = call(desk, vote_from_terminal, grant, token, **body, confirmed=confirmed)
        assert (status, answer["code"]) == (409, "confirmation_required")
        shown = answer["review"]
        assert " may write s3 reports/a and reports/b in analytics-prod for 1 minute" in shown["sentence"]
        assert (shown["state"], shown["status"], shown["comments"]) == ("pending", "Pending", [])
        assert shown["not_granted"][:1] == ["s3:DeleteObject"]
        # It was not compared with what the agent had before, and does not say so.
        assert (shown["before"], {each["name"] for each in shown["details"]} & {"New access"}) == ("", set())
        assert not [each for each in shown["actions"] if each["new"]]
    assert untouched(desk, grant)
    assert not [each for each in desk.system.outcomes() if each[0] == "vote"]
    status, answer = call(desk, vote_from_terminal, grant, token, **body, confirmed=answer["review"]["content"])
    assert (status, answer["review"]["duration_seconds"]) == (200, 60)
    kept = {action for each in stored(desk, grant).permissions for action in each.actions}
    assert kept == {"s3:PutObject", "s3:AbortMultipartUpload"}


def test_rev_17_a_confirmation_of_something_else_grants_nothing_of_any_harm(desk: ReviewSystem):
    grant = replace(pending(desk), permissions=(Permission(("s3:GetObject",), ("arn:aws:s3:::reports/a",)),))
    desk.system.store.grants[grant.id] = grant
    token, seen = own_token(desk), content_hash(grant)
    body = {"verdict": "approve", "content": seen, "duration_seconds": 60}
    for confirmed in (seen, "0" * 64):
        status, answer = call(desk, vote_from_terminal, grant, token, **body, confirmed=confirmed)
        assert (status, answer["code"]) == (409, "confirmation_required")
        assert "another hash than `confirmed`" in answer["detail"]
        assert untouched(desk, grant)
    status, answer = call(desk, vote_from_terminal, grant, token, **body, confirmed=answer["review"]["content"])
    assert (status, answer["review"]["duration_seconds"]) == (200, 60)


def test_rev_17_one_resource_can_be_approved_alone(desk: ReviewSystem):
    grant = pending(desk)
    assert approve(desk, grant, own_token(desk), resources=["0.1"])[0] == 200
    assert stored(desk, grant).permissions == (Permission(("s3:PutObject",), ("arn:aws:s3:::reports/b",)),)


def test_rev_17_a_vote_counts_for_what_was_shown(desk: ReviewSystem):
    grant = pending(desk)
    seen = content_hash(grant)
    changed = replace(grant, duration_seconds=200)
    desk.system.store.grants[grant.id] = changed
    body = {"verdict": "approve", "content": seen, "confirmed": seen}
    status, answer = call(desk, vote_from_terminal, grant, own_token(desk), **body)
    assert (status, answer["code"]) == (409, "review_changed")
    assert untouched(desk, changed)


BAD: dict[str, tuple[dict[str, Any], str]] = {
    "no verdict": ({"verdict": None}, "request_invalid"),
    "another verdict": ({"verdict": "break-glass"}, "request_invalid"),
    "no content": ({"content": None}, "request_invalid"),
    "an unknown member": ({"yes": True}, "request_invalid"),
    "no box": ({"actions": []}, "request_invalid"),
    "null for the boxes, which is not all of them": ({"actions": None}, "request_invalid"),
    "null for the resources": ({"resources": None}, "request_invalid"),
    "null for the duration": ({"duration_seconds": None}, "request_invalid"),
    "an unknown box": ({"actions": ["7"]}, "not_narrower"),
    "a box that is a name": ({"actions": ["s3:*"]}, "not_narrower"),
    "a longer duration": ({"duration_seconds": 301}, "not_narrower"),
    "no duration": ({"duration_seconds": 0}, "request_invalid"),
    "a rejection without a comment": ({"verdict": "reject"}, "request_invalid"),
    "a rejection of a part": ({"verdict": "reject", "comment": "no", "actions": ["0"]}, "request_invalid"),
}


@pytest.mark.parametrize("bad", BAD, ids=BAD)
def test_rev_17_a_vote_that_is_not_clear_is_refused(desk: ReviewSystem, bad: str):
    change, code = BAD[bad]
    grant, token = pending(desk), own_token(desk)
    content = content_hash(grant)
    body = {"verdict": "approve", "content": content, "confirmed": content} | change
    status, answer = call(desk, vote_from_terminal, grant, token, **body)
    assert (status, answer["code"]) == (400, code)
    assert untouched(desk, grant)
    assert approve(desk, grant, token)[0] == 200  # the token has not voted


def test_rev_17_a_comment_is_masked(desk: ReviewSystem):
    grant = pending(desk, PUT)
    body = {"verdict": "reject", "content": content_hash(grant), "comment": f"do not use {SECRET_KEY}"}
    assert call(desk, vote_from_terminal, grant, own_token(desk), **body)[0] == 200
    assert stored(desk, grant).state is State.REJECTED
    assert SECRET_KEY not in str(desk.system.records())
    assert SECRET_KEY not in str(stored(desk, grant).votes)


def test_rev_17_a_suspended_person_cannot_review(desk: ReviewSystem):
    grant = pending(desk)
    suspend_person(desk, "staff.alice")
    for route in (list_reviews, show_review, vote_from_terminal):
        status, answer = call(desk, route, grant, own_token(desk))
        assert (status, answer["code"]) == (403, "suspended")


def test_the_table_of_terminals_is_complete():
    assert {cell.who for cell in CELLS} == set(WHO) - {"a signed-out visitor", "an agent with its token"}
    assert len(CELLS) == len({cell[:3] for cell in CELLS})


@pytest.mark.parametrize("cell", CELLS, ids=[" / ".join(cell[:3]) for cell in CELLS])
def test_rev_17_who_may_do_what(cell: Cell):
    desk = terminal_desk()
    grant = prepared_request(desk, cell)
    person = WHO[cell.who]
    assert person
    token = own_token(desk, person[0], groups=list(person[1]))
    before = dict(desk.system.store.grants)
    content = content_hash(grant) if grant else "0" * 64
    body = {"verdict": cell.column.split()[-1], "content": content, "confirmed": content, "comment": "no"}
    if cell.column == "GET":
        status, answer = call(desk, show_review, grant or UNKNOWN, token)
    else:
        status, answer = call(desk, vote_from_terminal, grant or UNKNOWN, token, **body)
    code = answer.get("code", "")
    assert f"{status} {code}".strip() == cell.expected
    if cell.column == "GET" or cell.expected != "200":
        assert desk.system.store.grants == before
    assert cell.state not in APPROVED or desk.system.store.grants == before


def test_rev_17_a_flood_is_cut_fairly_and_says_so(desk: ReviewSystem, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr("jitney.handlers.pages.request_list.MOST_LISTED", 1)
    pending(desk, WRITE), pending(desk, WRITE, reason="another")
    listed = call(desk, list_reviews, "", own_token(desk))[1]
    assert (len(listed["waiting_for_you"]), listed["incomplete"]) == (1, ["pending"])
