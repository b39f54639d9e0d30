"""The Python API against the contract's answers."""

import json
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import pytest

from jitney.client.api.broker import Broker
from jitney.client.api.grant_request import ApiPermission, GrantRequest
from jitney.client.problems import (
    ClientProblem,
    Denied,
    GrantEnded,
    Invalid,
    Rejected,
    ReviewPending,
    Revoked,
    Unauthenticated,
    Unavailable,
)
from jitney.client.tokens import Token
from tests.client.fake_broker import (
    CREDENTIALS,
    GRANT_ID,
    PERMISSIONS,
    PERMITTED_TARGET,
    REVIEW,
    FakeBroker,
    grant,
    issued,
    permitted,
    problem,
    under_review,
)

ASK = GrantRequest(
    "analytics-prod", (ApiPermission(("s3:GetObject",), ("arn:aws:s3:::reports/2026/*",)),), 300, "monthly report"
)
GRANT, CREDENTIALS_OF = f"/v1/grants/{GRANT_ID}", f"/v1/grants/{GRANT_ID}/credentials"


@dataclass
class Fixed:
    value: str = "canary.bearer.token"

    def fetch(self) -> Token:
        return Token(self.value)


@pytest.fixture
def client(broker: FakeBroker) -> Iterator[Broker]:
    with Broker(f"{broker.url}/", Fixed(), sleep=lambda _: None) as client:
        yield client


def test_a_request_is_sent_with_the_token_and_a_key_of_its_own(broker: FakeBroker, client: Broker):
    broker.say("POST", "/v1/grants", 201, issued())
    client.request(ASK)
    client.request(ASK)
    first, second = broker.asked
    assert first.headers["Authorization"] == "Bearer canary.bearer.token"
    assert first.headers["Idempotency-Key"] != second.headers["Idempotency-Key"]
    assert first.json == ASK.document()
    assert "ticket" not in first.json


def test_an_issued_answer_holds_the_credentials_and_hides_them(broker: FakeBroker, client: Broker):
    broker.say("POST", "/v1/grants", 201, issued(role_arn="arn:aws:iam::444455556666:role/jitney/x"))
    answer = client.request(ASK)
    assert answer.credentials is not None
    assert answer.credentials.secret_access_key == CREDENTIALS["secret_access_key"]
    assert answer.credentials.expiration == CREDENTIALS["expiration"]
    assert answer.grant.permissions == ASK.permissions
    assert "canary" not in repr(answer)
    assert "credentials" not in answer.document()


def test_cli_05_permitted_targets_are_read_as_the_api_shows_them(broker: FakeBroker, client: Broker):
    body = permitted(PERMITTED_TARGET | {"later": 1})
    broker.say("GET", "/v1/targets", 200, body)
    targets = client.targets()
    (target,) = targets.targets
    assert (target.access[0].reviews, target.access_profiles[0].reviews) == ((), (("data-owners",),))
    assert json.loads(json.dumps(targets.document())) == permitted(PERMITTED_TARGET)


@pytest.mark.parametrize("missing", ["caller", "targets"])
def test_cli_05_permitted_targets_without_a_member_are_not_understood(broker: FakeBroker, client: Broker, missing: str):
    body = permitted(PERMITTED_TARGET)
    broker.say("GET", "/v1/targets", 200, {name: body[name] for name in body if name != missing})
    with pytest.raises(Unavailable) as raised:
        client.targets()
    assert raised.value.code == "response_invalid"


def test_a_pending_answer_holds_the_review_and_when_to_ask_again(broker: FakeBroker, client: Broker):
    broker.say("POST", "/v1/grants", 202, under_review(), Retry_After="7")
    answer = client.request(ASK)
    assert (answer.grant.state, answer.credentials, answer.retry_seconds) == ("pending", None, 7)
    assert answer.review is not None
    assert answer.review.any_of == (("data-owners",),)


def test_grants_come_a_page_at_a_time(broker: FakeBroker, client: Broker):
    pending = grant("pending", id="g-bbbbbbbbbbbbbb", review=REVIEW)
    broker.say("GET", "/v1/grants", 200, {"grants": [grant(), pending], "next": "000000000001#g-x"})
    broker.say("GET", "/v1/grants?cursor=000000000001%23g-x", 200, {"grants": [], "next": None})
    page = client.grants()
    assert [each.grant.id for each in page.grants] == [GRANT_ID, "g-bbbbbbbbbbbbbb"]
    assert [each.review and each.review.review_url for each in page.grants] == [None, REVIEW["review_url"]]
    assert page.next is not None
    assert client.grants(page.next).grants == ()


def test_a_grant_is_read_and_its_credentials_are_renewed(broker: FakeBroker, client: Broker):
    broker.say("GET", GRANT, 200, {"grant": grant("pending")})
    broker.say("POST", CREDENTIALS_OF, 200, issued())
    assert client.grant(GRANT_ID).grant.state == "pending"
    assert client.credentials(GRANT_ID).credentials.access_key_id == CREDENTIALS["access_key_id"]
    assert broker.asked[1].body == b""


@pytest.mark.parametrize(
    "grant_id", ["", "g-", "../../v1/health", f"{GRANT_ID}/credentials", GRANT_ID + "\n", GRANT_ID.upper()]
)
def test_only_a_grant_id_gets_into_a_path(broker: FakeBroker, client: Broker, grant_id: str):
    for ask in (client.grant, client.credentials):
        with pytest.raises(Invalid, match="not a grant id"):
            ask(grant_id)
    assert not broker.asked


@pytest.mark.parametrize("text", ["", "..", "../v1/health", "s-aaaaaaaaaaaaaa/x", "prod/check", "a b", "prod\n"])
def test_only_the_id_of_a_suspension_and_an_alias_get_into_a_path(broker: FakeBroker, client: Broker, text: str):
    with pytest.raises(Invalid, match="is not a suspension id"):
        client.lift_suspension(text, "over")
    with pytest.raises(Invalid, match="is not an alias"):
        client.check_target(text)
    assert not broker.asked


@pytest.mark.parametrize(
    ("status", "code", "kind"),
    [
        (400, "request_invalid", Invalid),
        (413, "body_too_large", Invalid),
        (422, "idempotency_mismatch", Invalid),
        (401, "token_expired", Unauthenticated),
        (403, "denied", Denied),
        (404, "grant_not_found", GrantEnded),
        (409, "grant_pending", ReviewPending),
        (409, "grant_released", GrantEnded),
        (410, "grant_ended", GrantEnded),
        (410, "grant_rejected", Rejected),
        (410, "grant_revoked", Revoked),
        (409, "grant_conflict", Unavailable),
        (429, "rate_limited", Unavailable),
        (500, "internal", Unavailable),
        (502, "issue_refused", Unavailable),
        (503, "keys_unavailable", Unavailable),
        (418, "of_a_later_version", Invalid),
    ],
)
def test_a_problem_of_the_broker_becomes_its_class_and_keeps_its_words(
    broker: FakeBroker, client: Broker, status: int, code: str, kind: type[ClientProblem]
):
    body = problem(code, status=status, policy_version="abc")
    broker.say("POST", "/v1/grants", status, body, Retry_After="60")
    with pytest.raises(ClientProblem) as refused:
        client.request(ASK)
    assert type(refused.value) is kind
    assert refused.value.document() == body | {"retry_seconds": 60}
    assert refused.value.request == ASK


def test_gw_06_a_refused_repeat_of_a_lost_call_says_so(broker: FakeBroker, client: Broker):
    broker.hang_up("POST", "/v1/calls")
    broker.say("POST", "/v1/calls", 429, problem("rate_limited", status=429), Retry_After="60")
    with pytest.raises(Unavailable) as refused:
        client.call({}, "once")
    assert refused.value.extras["repeated"] is True


@pytest.mark.parametrize(
    ("status", "body"),
    [
        (403, {"message": "Missing Authentication Token"}),
        (403, b"<html>"),
        (500, {"message": "Internal server error"}),
        (200, b"<html>welcome</html>"),
        (200, []),
        (200, {"grant": {}}),
        (200, {"grant": None}),
        (200, {"grant": {"id": GRANT_ID}, "credentials": None}),
    ],
)
def test_an_answer_of_another_server_is_recognised(broker: FakeBroker, client: Broker, status: int, body: Any):
    broker.say("GET", GRANT, status, body)
    with pytest.raises(Unavailable) as refused:
        client.grant(GRANT_ID)
    assert refused.value.code == "response_invalid"
    assert refused.value.detail.startswith(f"{broker.url}{GRANT} answered HTTP {status}")
    assert refused.value.fix.startswith("Try again later." if status >= 500 else "Check")


@pytest.mark.parametrize("status", [403, 404])
def test_a_wrong_address_of_the_api_is_named(broker: FakeBroker, client: Broker, status: int):
    broker.say("GET", "/v1/grants?cursor=abc", status, {"message": "Missing Authentication Token"})
    with pytest.raises(Unavailable) as refused:
        client.grants("abc")
    asked = f"{broker.url}/v1/grants"
    assert refused.value.detail == f"{asked} answered HTTP {status}, and that is not one of Jitney's answers."
    assert f"HTTP {status}" in refused.value.detail


def test_credentials_that_are_missing_are_not_an_answer(broker: FakeBroker, client: Broker):
    broker.say("POST", CREDENTIALS_OF, 200, {"grant": grant()})
    with pytest.raises(Unavailable):
        client.credentials(GRANT_ID)


def test_a_redirect_names_its_address(broker: FakeBroker, client: Broker):
    broker.say("GET", "/v1/grants", 308, b"", Location="https://elsewhere.example.com/")
    with pytest.raises(Invalid, match=r"https://elsewhere\.example\.com/"):
        client.grants()


def test_a_dry_run_keeps_the_session_policy(broker: FakeBroker, client: Broker):
    decision = {"effect": "deny", "reasons": [], "permissions": PERMISSIONS}
    broker.say("POST", "/v1/decisions", 200, decision)
    assert client.decision(ASK).effect == "deny"


def test_a_later_brokers_members_are_dropped(broker: FakeBroker, client: Broker):
    broker.say("GET", GRANT, 200, {"grant": grant(used=["s3:GetObject"]), "more": 1})
    assert "used" not in client.grant(GRANT_ID).document()["grant"]


def test_the_address_must_be_safe():
    with pytest.raises(Invalid):
        Broker("http://api.example.com", Fixed())
