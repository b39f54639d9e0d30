"""Today's code over what each released version stored: no open grant is lost, and no ended one revives (row OPS 2)."""

import json
import re
from collections import defaultdict
from dataclasses import fields
from html import unescape

import pytest

from infra.function_specs import SPECS
from jitney.adapters.grant_items import UnreadableGrant, grant_of
from jitney.core.access.grant import Grant, State
from jitney.core.identity.session import hash_session_id
from jitney.handlers.credentials import create_credentials
from jitney.handlers.decisions import preview_decision
from jitney.handlers.grant_reads import list_grants
from jitney.handlers.grants import create_grant
from jitney.handlers.held_reads import read_grant
from jitney.handlers.pages.visits import SESSION
from jitney.handlers.reconciler import reconcile
from jitney.handlers.releases import release_grant
from jitney.handlers.review_notices import notify
from jitney.handlers.review_schedule import check_schedule
from jitney.handlers.revocations import revoke_grant
from jitney.handlers.suspensions import lift, list_suspensions
from tests.fakes import ROLE_ARN
from tests.handlers.review_browser import Browser
from tests.upgrade.corpora import COMMAND, FOLDER, Corpus, current_version, new_corpus, shapes, text_in
from tests.upgrade.flows import (
    DELETE,
    DELETE_B,
    DELETE_C,
    DELETE_D,
    PUT,
    READ,
    REASON,
    SUSPENDED,
    TASK_TOKEN,
    decide,
    made,
    smash,
    token_of,
    write_to,
)
from tests.upgrade.stored_system import Item, StoredSystem, stored_item, stored_system

SHORT_LIVED = {"SLACK#*"}
"""Items that no corpus has, because they protect for minutes: a signed click of Slack cannot be repeated."""


def grant_items(corpus: Corpus) -> list[Item]:
    return [item for item in corpus.tables["state"] if item["pk"]["S"].startswith("GRANT#")]


def test_ops_02_every_grant_is_read_in_the_state_in_which_it_was_stored(corpus: Corpus):
    read, unreadable = {}, {}
    for item in grant_items(corpus):
        try:
            grant = grant_of(stored_item(item))
        except UnreadableGrant as error:
            unreadable[error.grant_id] = error.why
        else:
            assert grant
            read[grant.id] = str(grant.state)
    assert not unreadable
    assert {name: read[corpus.ids[name]] for name in corpus.states} == corpus.states


def test_ops_02_the_agent_lists_shows_and_renews_them(upgraded: StoredSystem, corpus: Corpus):
    for_alice, others = corpus.ids["on behalf of a person"], {corpus.ids["suspended"], corpus.ids["spent token"]}
    own = {corpus.ids[name] for name in corpus.states} - {for_alice, *others}
    listed = upgraded.call(list_grants)[1]["grants"]
    assert {each["id"]: each["state"] for each in listed} == {each: upgraded.grant(each).state for each in own}
    for each in own:
        assert upgraded.call(read_grant, grant_id=each)[0] == 200
    for name in ("active", "approved", "by a delegate", "followed up", "of an access profile", "follow-up due"):
        status, answer = upgraded.call(create_credentials, grant_id=corpus.ids[name])
        assert (name, status) == (name, 200), answer
    renewed = upgraded.system.call(create_credentials, grant_id=for_alice, token=upgraded.token(act={"sub": "alice"}))
    assert renewed[0] == 200, renewed


@pytest.mark.parametrize(("name", "voter"), [("pending", "alice"), ("not started", "gina"), ("repeated", "alice"),
                                             ("escalating", "alice"), ("one vote of two", "bob"),
                                             ("narrowed", "carol")])  # fmt: skip
def test_ops_02_reviewers_find_and_approve_pending_requests(
    upgraded: StoredSystem, corpus: Corpus, name: str, voter: str
):
    grant_id, browser = corpus.ids[name], upgraded.browser(voter)
    assert grant_id in browser.send("GET", "/reviews").text
    decide(upgraded, browser, grant_id)
    assert upgraded.grant(grant_id).state is State.ACTIVE
    assert upgraded.call(create_credentials, grant_id=grant_id)[0] == 200


def test_ops_02_a_workflow_that_began_before_goes_on(upgraded: StoredSystem, corpus: Corpus):
    upgraded.slack.posted = defaultdict(list)  # the message was posted before
    grant_id = corpus.ids["pending"]
    step = {"grant_id": grant_id, "since": corpus.now}
    assert check_schedule(step, upgraded.ports)["due"] == "nothing"
    decide(upgraded, upgraded.browser("alice"), grant_id)
    assert upgraded.system.reviews.resumed == [grant_id]
    kept = upgraded.ports.task_tokens.of(grant_id)
    assert kept
    assert kept[0] == TASK_TOKEN
    decided = check_schedule(step, upgraded.ports)
    assert decided["due"] == "decided"
    assert notify({"grant_id": grant_id, "due": "decided"}, upgraded.ports)["state"] == "active"
    assert len(upgraded.slack.replies) == 1


def test_ops_02_open_grants_are_revoked_and_released(upgraded: StoredSystem, corpus: Corpus):
    for name in ("active", "to be revoked", "gateway", "follow-up due", "pending", "of an access profile"):
        status, answer = upgraded.call(revoke_grant, REASON, grant_id=corpus.ids[name], token=upgraded.operator())
        assert (name, status, answer["grant"]["state"]) == (name, 200, "revoked")
    assert upgraded.call(release_grant, grant_id=corpus.ids["approved"])[0] == 200
    denied = {corpus.ids[name] for name in ("active", "to be revoked", "gateway", "of an access profile")}
    before = {corpus.ids["released"], corpus.ids["revoked"]}
    assert denied | before <= upgraded.system.role_policies.denies(ROLE_ARN)


def test_ops_02_what_ended_before_stays_ended_and_denied(upgraded: StoredSystem, corpus: Corpus):
    upgraded.system.role_policies.documents[ROLE_ARN] = ""
    assert reconcile(upgraded.ports)["repaired"] == 1
    assert upgraded.system.role_policies.denies(ROLE_ARN) == {corpus.ids["released"], corpus.ids["revoked"]}
    assert f"corp.{SUSPENDED}" in upgraded.system.role_policies.documents[ROLE_ARN]
    codes = {
        name: upgraded.call(create_credentials, grant_id=corpus.ids[name])[1]["code"]
        for name in ("released", "revoked", "rejected")
    }
    assert codes == {"released": "grant_released", "revoked": "grant_revoked", "rejected": "grant_rejected"}


def test_ops_02_the_reconciler_records_every_missing_end(upgraded: StoredSystem, corpus: Corpus):
    upgraded.system.now += 24 * 3600
    assert reconcile(upgraded.ports)["expired"] == sum(
        state in ("active", "pending") for state in corpus.states.values()
    )
    ended = {name: str(upgraded.grant(corpus.ids[name]).state) for name in corpus.states}
    expected = {name: "expired" if state in ("active", "pending") else state for name, state in corpus.states.items()}
    assert ended == expected


def test_ops_02_every_grant_has_its_report(upgraded: StoredSystem, corpus: Corpus):
    security = upgraded.browser("olga", "security")
    for name in corpus.states:
        answer = security.send("GET", f"/reviews/{corpus.ids[name]}/report")
        assert (name, answer.status) == (name, 200)
    text = security.send("GET", f"/reviews/{corpus.ids['seen by CloudTrail']}/report").text
    assert "s3:GetObject" in unescape(re.sub("<[^>]+>", " ", text))
    text = security.send("GET", f"/reviews/{corpus.ids['gateway']}/report").text
    assert "PutObject" in text


def test_ops_02_keys_and_rejections_still_count(upgraded: StoredSystem, corpus: Corpus):
    body = {"target": "analytics-prod", "permissions": [READ], "duration_seconds": 900, "reason": "monthly report"}
    again = upgraded.call(create_grant, body | {"ticket": "OPS-12"}, idempotency_key="active")
    assert (again[0], again[1]["grant"]["id"]) == (201, corpus.ids["active"])
    assert upgraded.call(create_grant, body, idempotency_key="active")[1]["code"] == "idempotency_mismatch"
    joined = upgraded.call(create_grant, body | {"permissions": write_to("pending")})
    assert (joined[0], joined[1]["grant"]["id"]) == (202, corpus.ids["pending"])
    refused = upgraded.call(create_grant, body | {"permissions": write_to("rejected")})
    assert refused[1]["code"] == "rejected_before"
    assert made(upgraded, corpus.ids["gateway"], DELETE_D, "again", 403)["code"] == "rejected_before"
    assert upgraded.call(preview_decision, body)[0] == 200


def test_ops_02_suspensions_still_hold_and_can_be_lifted(upgraded: StoredSystem, corpus: Corpus):
    body = {"target": "analytics-prod", "permissions": [READ], "duration_seconds": 900, "reason": "monthly report"}
    suspended, operator = upgraded.token(sub=SUSPENDED), upgraded.operator()
    assert upgraded.call(create_grant, body, token=suspended)[1]["code"] == "suspended"
    (listed,) = upgraded.call(list_suspensions, token=operator)[1]["suspensions"]
    assert listed["id"] == corpus.ids["suspension"]
    assert upgraded.call(lift, REASON, grant_id=listed["id"], token=operator)[0] == 200
    assert upgraded.call(create_grant, body, token=suspended)[0] == 201


def test_ops_02_an_outstanding_follow_up_review_blocks_break_glass_until_it_is_done(
    upgraded: StoredSystem, corpus: Corpus
):
    gina, alice = upgraded.browser("gina"), upgraded.browser("alice")
    with pytest.raises(AssertionError, match="follow_up"):
        smash(upgraded, gina, corpus.ids["pending"])
    form = {"token": token_of(alice), "judgement": "confirm", "comment": "it was needed"}
    assert alice.send("POST", f"/reviews/{corpus.ids['follow-up due']}/follow-up", form).status == 303
    smash(upgraded, gina, corpus.ids["pending"])
    assert upgraded.grant(corpus.ids["pending"]).state is State.ACTIVE


def test_ops_02_people_stay_signed_in_and_out_of_office(upgraded: StoredSystem, corpus: Corpus):
    stored = {item["pk"]["S"] for item in corpus.tables["state"]}
    session = next(each for each in map("{:043d}".format, range(99)) if f"SESSION#{hash_session_id(each)}" in stored)
    found = upgraded.ports.web_sessions.of(session, upgraded.config)
    browser = Browser(upgraded.desk, {f"__Host-{SESSION}": found.cookie(session, upgraded.system.now)})
    assert "Signed in as" in browser.send("GET", "/reviews").text
    assert "staff.carol is your delegate" in upgraded.browser("bob").send("GET", "/reviews/out-of-office").text


def test_ops_02_calls_of_the_gateway_keep_their_answers_and_approvals(upgraded: StoredSystem, corpus: Corpus):
    grant_id = corpus.ids["gateway"]
    made(upgraded, grant_id, PUT, "put", 200)
    made(upgraded, grant_id, DELETE, "delete a", 200)
    assert not upgraded.upstream.sent
    made(upgraded, grant_id, DELETE_B, "delete b", 200)
    made(upgraded, grant_id, DELETE_B, "delete b", 200)
    assert [request.method for request, _ in upgraded.upstream.sent] == ["DELETE"]
    waiting = made(upgraded, grant_id, DELETE_C, "delete c", 202)
    assert waiting["grant"]["id"] == corpus.ids["pending call"]
    decide(upgraded, upgraded.browser("alice"), corpus.ids["pending call"])
    made(upgraded, grant_id, DELETE_C, "delete c", 200)


def test_aud_07_the_names_of_chains_which_seals_list_contain_no_person(corpus: Corpus):
    chains = {item["pk"]["S"] for item in corpus.tables["audit"] if "record" in item}
    assert len(chains) > len(corpus.states)
    assert [each for each in chains if not re.fullmatch(r"[cgr]-[a-z0-9]{14,24}", each)] == []


def test_ops_02_a_corpus_has_every_kind_of_item_and_every_member_of_a_grant(corpus: Corpus):
    if corpus.version != current_version():
        pytest.skip("what a later version added is not in it")
    kinds = {item["pk"]["S"].partition("#")[0] for item in corpus.tables["state"]}
    items = {
        each for spec in SPECS.values() for allow in spec.allows if allow.resource == "state" for each in allow.items
    }
    assert {each for each in items - SHORT_LIVED if each.partition("#")[0] not in kinds} == set()
    members: set[str] = set()
    for item in grant_items(corpus):
        members |= set(item) | set(json.loads(text_in(item["terms"]) or "")) | set(json.loads(item["lifecycle"]["S"]))
    assert {each.name for each in fields(Grant)} - members == {"used_at"}, "it is in the attribute call_sent"
    assert "call_sent" in members


FLOWS_SECONDS, DAY = 600, 86_400
KEPT = {
    **dict.fromkeys(("c", "g", "k", "r"), 100 * DAY),  # records, and CloudTrail's keys and calls
    **dict.fromkeys(("GRANT", "FOLLOW_UP"), 90 * DAY),
    **dict.fromkeys(("APPROVED", "VOTES"), 30 * DAY),
    **dict.fromkeys(("REVIEW", "SENT", "MESSAGE"), 9 * DAY),
    **dict.fromkeys(("BUDGET", "CALL_KEY", "IDEMPOTENCY", "REJECTED"), DAY),
    **dict.fromkeys(("ROLE", "SUSPENSIONS", "TRAIL"), None),
    "OUT_OF_OFFICE": 7 * DAY,
    "SESSION": 8 * 3600,
    "ACTIVE_GRANTS": 3600,
    "PENDING": 3600,
}
"""How long DynamoDB keeps each kind of item, from its flow on; None for those that no time deletes."""


def test_ops_02_no_item_is_deleted_as_long_as_it_counts():
    with stored_system() as stored:
        today = new_corpus(stored)
    found: dict[str, list[int | None]] = {}
    for item in (*today.tables["state"], *today.tables["audit"]):
        kind = item["pk"]["S"].partition("#")[0]
        kept = int(item["expires"]["N"]) - today.now if "expires" in item else None
        place, _, key = item["sk"].get("S", "").partition("#")
        if place == "DENY":  # until the session that it denies is over
            assert item["expires"] == {"N": str(int(key.partition("#")[0]))}
        if item.get("sk") != {"S": "QUOTA"} and kind != "REPLAY":  # they count for an hour at most, or as the token
            found.setdefault(kind if kind.isupper() else kind[0], []).append(kept)
    assert found.keys() == KEPT.keys()
    for kind, least in KEPT.items():
        if least is None:
            assert None in found[kind], kind
        else:
            assert all(each is not None and each >= least - FLOWS_SECONDS for each in found[kind]), (kind, found[kind])


def test_ops_02_the_corpus_of_this_version_is_what_this_version_stores():
    version = current_version()
    assert (FOLDER / f"{version}.json").exists(), f"Version {version} has no corpus. Run `{COMMAND}`."
    committed = Corpus(**json.loads((FOLDER / f"{version}.json").read_text(encoding="utf-8")))
    with stored_system() as stored:
        today = new_corpus(stored)
    assert shapes(today.tables) == shapes(committed.tables)
    assert today.states == committed.states
