"""Signing in to the reviewers' pages, attacked: other browsers' answers, other tokens, old and copied cookies."""

import base64
import hashlib
import re
from dataclasses import replace
from typing import Any

import pytest

from jitney.core.identity.session import IDLE_SECONDS, MAX_SESSION_SECONDS, SKEW_SECONDS, Session, session_of_view
from jitney.core.identity.sign_in import SIGN_IN_SECONDS, sign_in_of_cookie
from jitney.core.issuer_config import ClaimRules, PeopleIssuer
from jitney.core.problems import Problem
from jitney.handlers.suspensions import lift, suspend
from tests.core.identity import minting
from tests.handlers.review_browser import HOST, STAFF, TWIN, WEB, Browser, ReviewSystem, review_system

GRANT = "g-aaaaaaaaaaaaaa"


@pytest.fixture
def desk() -> ReviewSystem:
    return review_system()


@pytest.fixture
def browser(desk: ReviewSystem) -> Browser:
    return Browser(desk)


def events(desk: ReviewSystem) -> list[tuple[str, str, str]]:
    return desk.system.outcomes()


@pytest.mark.parametrize("page", [GRANT, f"{GRANT}/report", "overview", "out-of-office"])
def test_rev_01_who_is_not_signed_in_is_sent_to_the_provider_and_back_to_what_was_wanted(browser: Browser, page: str):
    assert browser.send("GET", f"/reviews/{page}").location == f"/live/reviews/sign-in?to={page}"
    back = browser.sign_in("alice", to=page)
    assert (back.status, back.location) == (303, f"/live/reviews/{page}")
    assert browser.send("GET", "/reviews").status == 200


@pytest.mark.parametrize("page", ["", "sign-out", "/evil.example", "..", f"{GRANT}/revocation", f"{GRANT}x", "x/"])
def test_rev_01_no_other_page_opens_after_a_sign_in(browser: Browser, page: str):
    assert browser.sign_in("alice", to=page).location == "/live/reviews"
    assert Browser(browser.desk).send("GET", "/reviews/rejections").location == "/live/reviews/sign-in"


def test_the_provider_is_asked_as_openid_connect_and_pkce_want_it(browser: Browser, desk: ReviewSystem):
    begun = browser.send("GET", "/reviews/sign-in")
    assert begun.location.startswith(f"{STAFF}/auth?")
    asked = browser.begin()
    assert {name: asked[name] for name in ("response_type", "client_id", "scope", "code_challenge_method")} == {
        "response_type": "code",
        "client_id": "web",
        "scope": "openid groups",
        "code_challenge_method": "S256",
    }
    assert asked["redirect_uri"] == f"https://{HOST}/live/reviews/callback"
    browser.sign_in("alice")
    ((_, verifier, redirect_uri),) = desk.provider.asked
    challenge = base64.urlsafe_b64encode(hashlib.sha256(verifier.encode()).digest()).rstrip(b"=").decode()
    assert redirect_uri == asked["redirect_uri"]
    assert len(verifier) >= 43
    assert challenge != asked["code_challenge"]  # that one was of another beginning


def test_cookies_are_for_this_host_alone_and_no_script(browser: Browser):
    browser.begin()
    cookies = [*browser.send("GET", "/reviews/sign-in").cookies, *browser.sign_in("alice").cookies]
    for cookie in cookies:
        name, *attributes = cookie.split("; ")
        assert name.startswith("__Host-jitney")
        assert {"Path=/", "HttpOnly", "SameSite=Lax", "Secure"} <= set(attributes)
        assert not [each for each in attributes if each.startswith("Domain")]


def test_only_on_ones_own_machine_is_there_a_cookie_without_secure():
    desk = review_system(local=True)
    (cookie,) = Browser(desk).send("GET", "/reviews/sign-in", scheme="http").cookies
    assert cookie.startswith("jitney-sign-in=")
    assert "Secure" not in cookie


def test_an_answer_to_another_browsers_sign_in_signs_no_one_in(desk: ReviewSystem, browser: Browser):
    attacker = Browser(desk)
    asked = attacker.begin()
    desk.provider.tokens["attackers"] = desk.id_token("mallory", asked["nonce"])
    browser.begin()  # whether the victim has begun one of their own, or not
    for victim in (browser, Browser(desk)):
        answer = victim.send("GET", f"/reviews/callback?code=attackers&state={asked['state']}")
        assert (answer.status, "sign_in_invalid" in answer.text) == (400, True)
    assert not desk.sessions.kept
    assert desk.provider.asked == []
    assert events(desk) == []


def test_a_sign_in_takes_ten_minutes_at_most(desk: ReviewSystem, browser: Browser):
    asked = browser.begin()
    desk.system.now += SIGN_IN_SECONDS
    desk.provider.tokens["late"] = desk.id_token("alice", asked["nonce"])
    answer = browser.send("GET", f"/reviews/callback?code=late&state={asked['state']}")
    assert (answer.status, "longer than 10 minutes" in answer.text) == (400, True)


WRONG: dict[str, dict[str, Any]] = {
    "another sign-in's token": {"nonce": "another"},
    "no nonce": {"nonce": None},
    "for another client": {"aud": "other"},
    "for several clients": {"aud": ["web", "other"]},
    "of another issuer of ours": {"iss": minting.LONE, "aud": "jitney"},
    "of other people, whose client has the same name": {"iss": TWIN},
    "of the agents' issuer": {"iss": minting.CORP, "aud": "jitney"},
    "of an unknown issuer": {"iss": "https://evil.example"},
    "expired": {"exp": minting.NOW - 60, "iat": minting.NOW - 120},
    "an access token": {"scope": "openid", "nonce": None},
    "of a machine": {"sub": "web", "azp": "web"},
    "acting for another person": {"act": {"sub": "robot"}},
}


@pytest.mark.parametrize("claims", WRONG.values(), ids=WRONG)
def test_id_04_only_an_id_token_for_this_very_sign_in_signs_in(
    desk: ReviewSystem, browser: Browser, claims: dict[str, Any]
):
    answer = browser.sign_in("alice", **claims)
    assert answer.status in (401, 403)
    assert not desk.sessions.kept
    assert [event for event, outcome, _ in events(desk) if (event, outcome) == ("refusal", "refused")]


def test_rev_05_a_token_on_behalf_of_another_person_does_not_sign_in(desk: ReviewSystem, browser: Browser):
    people = PeopleIssuer("staff", STAFF, "generic", "[a-z]+")
    entry = replace(desk.system.config.issuers["staff"], human_claim="sponsor", human_issuer=people)
    config = replace(desk.system.config, issuers={**desk.system.config.issuers, "staff": entry})
    desk.system.ports.__dict__["config"] = config
    assert browser.sign_in("robot", sponsor="alice").status == 401
    assert browser.sign_in("alice").status == 303


def test_a_token_that_another_party_signed_signs_no_one_in(desk: ReviewSystem, browser: Browser):
    asked = browser.begin()
    claims = {"iss": STAFF, "sub": "alice", "aud": "web", "nonce": asked["nonce"], "jti": None, "groups": []}
    desk.provider.tokens["forged"] = minting.token("rsa-other", {"kid": "rsa", "typ": "JWT"}, **claims)
    assert browser.send("GET", f"/reviews/callback?code=forged&state={asked['state']}").status == 401
    assert not desk.sessions.kept


def test_another_providers_answer_is_not_taken_for_ours(desk: ReviewSystem, browser: Browser):
    asked = browser.begin()
    query = f"code=a-code&state={asked['state']}&iss=https://evil.example"  # mix-up, RFC 9207
    assert browser.send("GET", f"/reviews/callback?{query}").status == 400
    assert desk.provider.asked == []


def test_a_refusal_of_the_provider_is_shown_and_on_record(desk: ReviewSystem, browser: Browser):
    asked = browser.begin()
    answer = browser.send("GET", f"/reviews/callback?error=access_denied&state={asked['state']}")
    assert (answer.status, "did not sign you in" in answer.text) == (403, True)
    assert events(desk) == [("refusal", "refused", "sign_in_refused")]


@pytest.mark.parametrize("to", ["//evil.example", "https://evil.example", "../../x", "g-AAAAAAAAAAAAAA", f"{GRANT}/x"])
def test_no_visitor_is_sent_elsewhere_after_signing_in(browser: Browser, to: str):
    assert browser.sign_in("alice", to=to).location == "/live/reviews"


def test_a_session_that_was_put_into_the_browser_before_is_not_the_one_that_signs_in(
    desk: ReviewSystem, browser: Browser
):
    attacker = Browser(desk)
    attacker.sign_in("mallory")
    browser.cookies |= attacker.cookies
    browser.sign_in("alice")
    assert browser.cookies["__Host-jitney"] != attacker.cookies["__Host-jitney"]
    assert attacker.send("GET", "/reviews").status == 303
    assert "alice" in browser.send("GET", "/reviews").text


def test_a_session_ends_after_eight_hours_however_much_it_is_used(desk: ReviewSystem, browser: Browser):
    browser.sign_in("alice")
    began = desk.system.now
    while desk.system.now < began + MAX_SESSION_SECONDS - 1800:
        desk.system.now += 1800
        assert browser.send("GET", "/reviews").status == 200
    desk.system.now = began + MAX_SESSION_SECONDS
    assert browser.send("GET", "/reviews").status == 303


def test_a_session_that_is_not_used_ends_and_an_old_cookie_is_worth_nothing(desk: ReviewSystem, browser: Browser):
    browser.sign_in("alice")
    old = dict(browser.cookies)
    desk.system.now += IDLE_SECONDS - 1
    assert browser.send("GET", "/reviews").status == 200
    desk.system.now += IDLE_SECONDS - 1
    assert browser.send("GET", "/reviews").status == 200
    assert Browser(desk, old).send("GET", "/reviews").status == 303


def test_rev_01_no_cookie_of_a_later_time_is_accepted(desk: ReviewSystem, browser: Browser):
    """A cookie from before a clock was set back does not last longer than another one."""
    browser.sign_in("alice")
    session, now = kept_session(desk), desk.system.now
    ours, latest = "a" * 43, now + SKEW_SECONDS
    assert not session.accepts_cookie(f"{session.cookie(ours, now)}.", now)
    accepted = [session.accepts_cookie(session.cookie(ours, seen), now) for seen in (now, latest, latest + 1)]
    assert accepted == [True, True, False]
    assert sign_in_of_cookie(f"{ours}.{latest}.", now)
    with pytest.raises(Problem, match="longer than 10 minutes"):
        sign_in_of_cookie(f"{ours}.{latest + 1}.", now)


def kept_session(desk: ReviewSystem) -> Session:
    (view,) = desk.sessions.kept.values()
    session = session_of_view(view, desk.system.config)
    assert session
    return session


def test_rev_05_no_session_outlives_the_kind_of_its_issuer(desk: ReviewSystem, browser: Browser):
    browser.sign_in("alice")
    (view,) = desk.sessions.kept.values()
    entry = replace(desk.system.config.issuers["staff"], kind="agent")
    config = replace(desk.system.config, issuers={**desk.system.config.issuers, "staff": entry})
    assert session_of_view(view, desk.system.config)
    assert session_of_view(view, config) is None


FOREIGN = [
    "theme=a",
    'prefs={"dark":true}',
    "name=Zoë",
    "version=1",
    "path=/",
    "a b",
    "",
    "=",
    'q="a; b',
    "x__Host-jitney=x",
]
"""What other hosts of the same domain may set: browsers send all of it along."""


@pytest.mark.parametrize("foreign", FOREIGN)
def test_rev_01_no_cookie_of_another_host_ends_or_spoils_a_session(desk: ReviewSystem, browser: Browser, foreign: str):
    asked = browser.begin()
    desk.provider.tokens["a-code"] = desk.id_token("alice", asked["nonce"])
    (name, value), *_ = browser.cookies.items()
    around = {"Cookie": f"{foreign}; {name}={value};\t{foreign}"}
    assert browser.send("GET", f"/reviews/callback?code=a-code&state={asked['state']}", headers=around).status == 303
    around = {"Cookie": f"{foreign}; __Host-jitney={browser.cookies['__Host-jitney']}; {foreign}"}
    assert browser.send("GET", "/reviews", headers=around).status == 200


WITHIN = [
    "theme=a {}",
    "theme=a\t{}",
    "theme=a,{}",
    'theme="a {}',
    "theme=a={}",
    "{}=a; theme=b",
    "x{}",
    "{}; {}",
    "; ={}",
]
"""A header in which our cookie is a part of another host's, or is there twice."""


@pytest.mark.parametrize("within", WITHIN)
def test_rev_01_no_cookie_of_another_host_contains_ours(desk: ReviewSystem, browser: Browser, within: str):
    attacker = Browser(desk)
    asked = attacker.begin()
    begun = f"__Host-jitney-sign-in={attacker.cookies['__Host-jitney-sign-in']}"
    desk.provider.tokens["attackers"] = desk.id_token("mallory", asked["nonce"])
    answer = browser.send(
        "GET",
        f"/reviews/callback?code=attackers&state={asked['state']}",
        headers={"Cookie": within.replace("{}", begun)},
    )
    assert (answer.status, "sign_in_invalid" in answer.text) == (400, True)
    attacker.sign_in("mallory")
    planted = within.replace("{}", f"__Host-jitney={attacker.cookies['__Host-jitney']}")
    assert browser.send("GET", "/reviews", headers={"Cookie": planted}).status == 303


def test_a_cookie_cannot_be_made_to_look_newer(desk: ReviewSystem, browser: Browser):
    browser.sign_in("alice")
    session_id, seen, proof = browser.cookies["__Host-jitney"].split(".")
    desk.system.now += IDLE_SECONDS
    forged = {"__Host-jitney": f"{session_id}.{int(seen) + IDLE_SECONDS}.{proof}"}
    assert Browser(desk, forged).send("GET", "/reviews").status == 303


def test_the_store_has_no_session_id(desk: ReviewSystem, browser: Browser):
    browser.sign_in("alice")
    session_id = browser.cookies["__Host-jitney"].split(".")[0]
    assert session_id not in str(desk.sessions.kept)


def test_signing_out_ends_the_session_for_every_holder_of_its_cookie(desk: ReviewSystem, browser: Browser):
    browser.sign_in("alice")
    copied = Browser(desk, dict(browser.cookies))
    text = browser.send("GET", "/reviews").text
    token = text.split('name="token" value="')[1].partition('"')[0]
    assert browser.send("POST", "/reviews/sign-out", {"token": token}).status == 200
    assert browser.cookies == {}
    assert copied.send("GET", "/reviews").status == 303


def test_rev_01_a_new_sign_in_ends_the_session_before_it_in_the_same_browser(desk: ReviewSystem, browser: Browser):
    browser.sign_in("alice")
    copied, elsewhere = Browser(desk, dict(browser.cookies)), Browser(desk)
    elsewhere.sign_in("alice")
    browser.sign_in("alice")
    assert copied.send("GET", "/reviews").status == 303
    assert [each.send("GET", "/reviews").status for each in (browser, elsewhere)] == [200, 200]


def test_end_08_no_session_outlasts_a_suspension_of_an_hour(desk: ReviewSystem, browser: Browser):
    def as_operator(route: Any, **more: Any) -> dict[str, Any]:
        token = desk.id_token("olga", None, aud="web", groups=["security"])
        status, answer, _ = desk.system.call(route, token=token, **more)
        assert status in (200, 201)
        return answer

    browser.sign_in("alice")
    for minutes, after in ((30, 200), (60, 303)):
        body = {"kind": "human", "name": "staff.alice", "reason": "left"}
        suspension = as_operator(suspend, body=body)["suspension"]["id"]
        for _ in range(minutes // 20):
            assert browser.send("GET", "/reviews").status == 403
            desk.system.now += 1200
        as_operator(lift, body={"reason": "disabled"}, grant_id=suspension)
        assert browser.send("GET", "/reviews").status == after


def test_end_08_the_page_of_a_suspended_person_offers_no_sign_in(desk: ReviewSystem, browser: Browser):
    """A new sign-in would lead to the same page."""
    token = desk.id_token("olga", None, aud="web", groups=["security"])
    body = {"kind": "human", "name": "staff.alice", "reason": "left", "unseen": True}
    status, answer, _ = desk.system.call(suspend, body, token=token)
    assert status == 201
    page = browser.sign_in("alice")
    assert (page.status, "Code: <code>suspended</code>" in page.text) == (403, True)
    assert "<h1>Suspended by an operator</h1>" in page.text
    assert answer["suspension"]["id"] in page.text
    assert '<a class="button"' not in page.text


def test_no_session_outlives_its_issuers_place_in_the_configuration(desk: ReviewSystem, browser: Browser):
    browser.sign_in("alice")
    others = {name: entry for name, entry in desk.system.config.issuers.items() if name != "staff"}
    desk.system.ports.__dict__["config"] = replace(desk.system.config, issuers=others)
    assert browser.send("GET", "/reviews").status == 303
    answer = browser.send("GET", "/reviews/sign-in")
    assert (answer.status, "People cannot sign in" in answer.text) == (404, True)


ENTRY_CHANGES: dict[str, dict[str, Any]] = {
    "issuer": {"issuer": "https://new.example.com"},
    "client": {"web": WEB._replace(client_id="new")},
    "groups from the configuration": {"subject_groups": {}},
    "claim with groups": {"groups_claim": "roles"},
    "required claims": {"claims": ClaimRules(require={"email_verified": ("true",)})},
    "keys": {"key_set": "{}"},
}


def with_entry(desk: ReviewSystem, **change: Any) -> None:
    entry = replace(desk.system.config.issuers["staff"], **change)
    config = replace(desk.system.config, issuers={**desk.system.config.issuers, "staff": entry})
    desk.system.ports.__dict__["config"] = config


@pytest.mark.parametrize("change", ENTRY_CHANGES.values(), ids=ENTRY_CHANGES)
def test_rev_01_no_session_outlives_the_settings_that_admitted_its_person(
    desk: ReviewSystem, browser: Browser, change: dict[str, Any]
):
    with_entry(desk, subject_groups={"alice": ("security",)})
    browser.sign_in("alice")
    assert browser.send("GET", "/reviews/overview").status == 200
    with_entry(desk, **{"subject_groups": {"alice": ("security",)}, **change})
    assert browser.send("GET", "/reviews/overview").status == 303


def test_rev_01_a_session_outlives_a_change_of_other_peoples_groups(desk: ReviewSystem, browser: Browser):
    browser.sign_in("alice")
    with_entry(desk, subject_groups={"bob": ("security",)}, owners={"robot": ("staff.bob",)})
    assert browser.send("GET", "/reviews").status == 200


def test_rev_01_a_session_that_does_not_say_what_admitted_its_person_is_over(desk: ReviewSystem, browser: Browser):
    browser.sign_in("alice")
    (view,) = desk.sessions.kept.values()
    del view["admission"]  # as they were stored before
    assert browser.send("GET", "/reviews").status == 303


def test_every_answer_keeps_itself_to_itself(browser: Browser):
    browser.sign_in("alice")
    answer = browser.send("GET", "/reviews")
    headers, policy = answer.headers, answer.headers["Content-Security-Policy"]
    assert policy.startswith("default-src 'none'; style-src 'sha256-")
    (script,) = re.findall(r"<script>(.*?)</script>", answer.text, re.DOTALL)
    digest = base64.b64encode(hashlib.sha256(script.encode()).digest()).decode()
    assert [each for each in policy.split("; ") if each.startswith("script-src")] == [f"script-src 'sha256-{digest}'"]
    assert "unsafe" not in policy
    assert {"form-action 'self'", "frame-ancestors 'none'", "base-uri 'none'"} <= set(policy.split("; "))
    assert (headers["Cache-Control"], headers["X-Frame-Options"]) == ("no-store", "DENY")
    assert headers["Referrer-Policy"] == "same-origin"
    assert headers["X-Content-Type-Options"] == "nosniff"
    assert headers["Cross-Origin-Opener-Policy"] == "same-origin"
    assert headers["Strict-Transport-Security"] == "max-age=31536000"
