import logging
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from datetime import UTC, datetime
from typing import Any

import pytest
from botocore.exceptions import ClientError, EndpointConnectionError

from jitney.adapters.sessions import SCOPING_UNAVAILABLE_SECONDS, Sessions
from jitney.core.access.credentials import SessionRequest, session_request
from jitney.core.access.session_policy import compile_policy
from jitney.core.problems import Problem
from tests.fakes import ACTIONS, GRANT, NOW

SHORT = GRANT  # of 300 s
LONG = replace(GRANT, expires_at=NOW + 900)


def credentials(name: str, expires_at: int) -> dict[str, Any]:
    """Return credentials whose parts all contain the session's name."""
    expiration = datetime.fromtimestamp(expires_at, UTC)
    parts = {"AccessKeyId": f"ASIA-{name}", "SecretAccessKey": f"{name}-secret", "SessionToken": f"{name}-token"}
    return {"Credentials": {**parts, "Expiration": expiration}}


def error(code: str, message: str = "canary") -> ClientError:
    return ClientError({"Error": {"Code": code, "Message": message}}, "AnOperation")


class Sts:
    """STS with a clock. It has sessions of 900 s and scopes them down. `errors` are by the number of the call."""

    def __init__(self, *, assuming: dict[int, Exception] | None = None, scoping: Any = None) -> None:
        self.now = NOW
        self.assumed: list[dict[str, Any]] = []
        self.scoped: list[dict[str, Any]] = []
        self.keys: list[tuple[str, str, str]] = []
        self._assuming = assuming or {}
        self.scoping: Exception | None = scoping
        self.sessions = Sessions(self, self.of_keys, lambda: self.now)

    @contextmanager
    def of_keys(self, *keys: str) -> Iterator["Sts"]:
        self.keys.append(keys)
        yield self

    def assume_role(self, **parameters: Any) -> dict[str, Any]:
        self.assumed.append(parameters)
        if problem := self._assuming.get(len(self.assumed)):
            raise problem
        made = credentials(f"assumed{len(self.assumed)}", self.now + parameters["DurationSeconds"])
        return made | {"PackedPolicySize": 61}

    def get_scoped_credentials(self, **parameters: Any) -> dict[str, Any]:
        self.scoped.append(parameters)
        if self.scoping:
            raise self.scoping
        return credentials("scoped", self.now + parameters["DurationSeconds"])


def asked(grant: Any = SHORT, now: int = NOW) -> SessionRequest:
    return session_request(grant, compile_policy(grant.permissions, grant.expires_at, ACTIONS), "external", now)


@pytest.mark.parametrize(("sts_ahead", "expires_at"), [(0, NOW + 900), (-100, NOW + 800), (100, NOW + 900)])
def test_sts_04_the_expiration_is_the_true_one(sts_ahead: int, expires_at: int):
    sts = Sts()
    sts.now += sts_ahead
    assert sts.sessions.issue(asked(LONG)).expires_at == expires_at


def test_sts_04_the_expiration_of_what_was_scoped_is_the_true_one():
    sts = Sts()
    sts.get_scoped_credentials = lambda **_: credentials("scoped", NOW + 299)
    assert sts.sessions.issue(asked()).expires_at == NOW + 299
    sts.get_scoped_credentials = lambda **_: credentials("scoped", NOW + 301)
    assert sts.sessions.issue(asked()).expires_at == NOW + 300


def test_sts_03_one_call_names_grant_principal_tags_and_policy():
    sts = Sts()
    sts.sessions.issue(asked(LONG))
    (call,) = sts.assumed
    assert call["RoleSessionName"] == GRANT.id
    assert call["SourceIdentity"] == GRANT.principal
    assert call["ExternalId"] == "external"
    assert {"Key": "grant", "Value": GRANT.id} in call["Tags"]
    assert "DateGreaterThan" in call["Policy"]
    assert sts.scoped == []


class TestShorterThanStsTakes:
    """Row END 4: if a grant is shorter than STS's shortest session, STS also ends its credentials."""

    def test_end_04_the_session_is_scoped_down_with_its_own_keys_to_the_grant_alone_and_what_is_left(self):
        sts, request = Sts(), asked()
        sts.now += 2
        issued = sts.sessions.issue(request)
        (between,), (scoped,) = sts.assumed, sts.scoped
        assert (between["Policy"], between["DurationSeconds"]) == (request.scopable.text, 900)
        assert scoped == {"Policy": request.policy.text, "DurationSeconds": 298}
        assert sts.keys == [("ASIA-assumed1", "assumed1-secret", "assumed1-token")]
        assert (issued.access_key_id, issued.secret_access_key) == ("ASIA-scoped", "scoped-secret")
        assert (issued.session_token, issued.expires_at) == ("scoped-token", NOW + 300)

    @pytest.mark.parametrize(
        "code",
        ["AccessDenied", "InvalidAction", "UnknownOperationException", "Throttling", "PackedPolicyTooLarge", "Other"],
    )
    def test_sts_02_what_may_be_scoped_down_never_leaves_when_sts_says_no(self, code: str):
        sts, request = Sts(scoping=error(code)), asked()
        issued = sts.sessions.issue(request)
        assert (issued.access_key_id, issued.expires_at) == ("ASIA-assumed2", NOW + 300)
        assert sts.assumed[-1]["Policy"] == request.policy.text
        assert "GetScopedCredentials" not in sts.assumed[-1]["Policy"]

    @pytest.mark.parametrize("code", ["AccessDenied", "InvalidAction", "UnknownOperationException"])
    def test_a_role_without_it_is_not_asked_again_for_a_while(self, code: str):
        sts = Sts(scoping=error(code))
        for _ in range(3):
            sts.sessions.issue(asked())
        assert (len(sts.scoped), len(sts.assumed)) == (1, 4)
        other = asked()._replace(role_arn="arn:aws:iam::444455556666:role/jitney/other")
        sts.sessions.issue(other)
        assert len(sts.scoped) == 2
        sts.now += SCOPING_UNAVAILABLE_SECONDS
        sts.scoping = None
        later = replace(GRANT, expires_at=sts.now + 30)
        assert sts.sessions.issue(asked(later, sts.now)).access_key_id == "ASIA-scoped"

    @pytest.mark.parametrize("code", ["Throttling", "PackedPolicyTooLarge", "InternalFailure"])
    def test_what_may_pass_is_asked_again(self, code: str):
        sts = Sts(scoping=error(code))
        sts.sessions.issue(asked())
        sts.scoping = None
        assert sts.sessions.issue(asked()).access_key_id == "ASIA-scoped"

    def test_a_policy_that_is_packed_too_large_with_scoping_goes_without(self):
        sts, request = Sts(assuming={1: error("PackedPolicyTooLarge")}), asked()
        assert sts.sessions.issue(request).access_key_id == "ASIA-assumed2"
        assert (sts.assumed[-1]["Policy"], sts.scoped) == (request.policy.text, [])

    def test_sts_08_a_role_that_cannot_be_assumed_is_not_tried_with_another_policy(self):
        sts = Sts(assuming={1: error("AccessDenied")})
        with pytest.raises(Problem):
            sts.sessions.issue(asked())
        assert (len(sts.assumed), sts.scoped) == (1, [])

    def test_a_grant_that_ended_meanwhile_is_not_scoped_and_says_nothing_of_the_role(self):
        sts, request = Sts(), asked()
        sts.now = NOW + 300
        assert sts.sessions.issue(request).expires_at == NOW + 300
        assert (sts.scoped, sts.assumed[-1]["Policy"]) == ([], request.policy.text)

    def test_sts_08_no_answer_is_a_problem_and_hands_nothing_out(self):
        sts = Sts(scoping=EndpointConnectionError(endpoint_url="https://sts"))
        with pytest.raises(Problem) as raised:
            sts.sessions.issue(asked())
        assert raised.value.code == "unavailable"
        assert len(sts.assumed) == 1

    def test_sts_05_no_part_of_any_session_is_logged_or_in_a_problem(self, caplog):
        caplog.set_level(logging.DEBUG)
        for scoping in (None, error("AccessDenied"), EndpointConnectionError(endpoint_url="https://sts")):
            try:
                shown = repr(Sts(scoping=scoping).sessions.issue(asked()))
            except Problem as problem:
                shown = str(problem.body())
            shown += str([vars(each) for each in caplog.records])
            assert not [part for part in ("-secret", "-token", "canary", "ASIA-assumed1") if part in shown]
        assert "sessions not scoped" in caplog.text


FAILURES = {
    "AccessDenied": (502, "issue_refused"),
    "PackedPolicyTooLarge": (400, "policy_too_large"),
    "PackedPolicyTooLargeException": (400, "policy_too_large"),
    "MalformedPolicyDocument": (502, "issue_refused"),
    "MalformedPolicyDocumentException": (502, "issue_refused"),
    "RegionDisabledException": (502, "issue_refused"),
    "Throttling": (503, "issue_throttled"),
    "ThrottlingException": (503, "issue_throttled"),
    "InternalFailure": (503, "unavailable"),
}


@pytest.mark.parametrize("grant", [SHORT, LONG], ids=["short", "long"])
@pytest.mark.parametrize("code", FAILURES)
def test_sts_08_each_failure_has_its_problem_and_names_the_role_in_the_log(
    code: str, grant: Any, caplog: pytest.LogCaptureFixture
):
    sts = Sts(assuming={1: error(code), 2: error(code)})
    with pytest.raises(Problem) as raised:
        sts.sessions.issue(asked(grant))
    assert (raised.value.status, raised.value.code) == FAILURES[code]
    assert "canary" not in str(raised.value.body()) + caplog.text
    assert sts.scoped == []
    logged = [(each["msg"], each["role"], each["aws_code"]) for each in map(vars, caplog.records)]
    refused = ("session refused", asked(grant).role_arn, code.removesuffix("Exception"))
    assert logged == ([] if raised.value.code == "policy_too_large" else [refused])


@pytest.mark.parametrize("grant", [SHORT, LONG], ids=["short", "long"])
def test_sts_08_a_denial_by_the_organization_names_policy_and_action(grant: Any):
    """The trust policy is right, so a platform engineer must not look for the fault there."""
    user = "arn:aws:sts::111122223333:assumed-role/jitney-grants/canary"
    denied = f"User: {user} is not authorized to perform: sts:TagSession on resource: x with an explicit deny in a"
    sts = Sts(assuming={1: error("AccessDenied", f"{denied} service control policy")})
    with pytest.raises(Problem) as raised:
        sts.sessions.issue(asked(grant))
    assert raised.value.code == "issue_refused"
    assert raised.value.detail == "A service control policy denies sts:TagSession, so AWS refused the session."
    assert "platform engineer" in raised.value.fix
    assert "canary" not in str(raised.value.body())


def test_sts_08_a_message_that_repeats_the_requests_own_text_names_no_policy():
    text = "not authorized to perform: s3:GetObject with an explicit deny in a service control policy"
    sts = Sts(assuming={1: error("MalformedPolicyDocument", f"Resource {text} must be in ARN format")})
    with pytest.raises(Problem) as raised:
        sts.sessions.issue(asked())
    assert raised.value.detail == "STS does not accept the session policy of these permissions."


def test_sts_08_an_unreachable_sts_is_a_problem(caplog: pytest.LogCaptureFixture):
    sts = Sts(assuming={1: EndpointConnectionError(endpoint_url="https://sts")})
    with pytest.raises(Problem) as raised:
        sts.sessions.issue(asked())
    assert raised.value.code == "unavailable"
    assert [vars(each)["aws_code"] for each in caplog.records] == ["EndpointConnectionError"]


TRIAL = "g-trial-aaaaaaaaaaaaaa"


def test_sts_10_a_trial_returns_the_packed_size_and_nothing_else():
    sts = Sts()
    assert sts.sessions.packed_size(asked(LONG)._replace(name=TRIAL)) == 61
    (call,) = sts.assumed
    assert call["RoleSessionName"] == TRIAL
    assert (sts.scoped, sts.keys) == ([], [])


@pytest.mark.parametrize("use", ["issue", "packed_size"])
@pytest.mark.parametrize(
    ("message", "percent", "words"),
    [
        ("Packed policy consumes 112% of allotted space, please use smaller policy.", 112, "to 112 % of what it"),
        ("Packed size of session tags consumes 104 % of allotted space.", 104, "to 104 % of what it"),
        ("canary", None, "to more than what it"),
    ],
)
def test_sts_10_a_packed_policy_that_is_too_large_is_answered_with_both_sizes(
    use: str, message: str, percent: int | None, words: str
):
    sts, request = Sts(assuming={1: error("PackedPolicyTooLarge", message)}), asked(LONG)
    with pytest.raises(Problem) as raised:
        getattr(sts.sessions, use)(request)
    body = raised.value.body()
    assert (body["code"], body["packed_policy_size"]) == ("policy_too_large", {"percent": percent, "limit": 100})
    assert body["session_policy_size"] == {"characters": request.policy.size, "limit": 2048}
    assert words in body["detail"]
    assert f"{request.policy.size} of 2048 characters" in body["detail"]
    assert "canary" not in str(body)


@pytest.mark.parametrize("code", FAILURES)
def test_sts_10_a_failed_trial_has_the_problems_of_an_issue(code: str):
    with pytest.raises(Problem) as raised:
        Sts(assuming={1: error(code)}).sessions.packed_size(asked(LONG))
    assert (raised.value.status, raised.value.code) == FAILURES[code]


# Access profiles: a managed policy beside the inline one.

ARN = "arn:aws:iam::444455556666:policy/jitney/jitney-profile-analytics-prod.deploy.0123456789abcdef"


def asked_with_profile(grant: Any) -> SessionRequest:
    request = asked(grant)
    return session_request(grant, request.policy._replace(managed_arns=(ARN,)), "external", NOW)


@pytest.mark.parametrize("grant", [SHORT, LONG], ids=["short", "long"])
def test_pol_15_a_profile_takes_one_call_with_the_managed_policy_and_the_inline_one(grant: Any):
    sts = Sts()
    sts.sessions.issue(asked_with_profile(grant))
    (call,) = sts.assumed
    assert call["PolicyArns"] == [{"arn": ARN}]
    assert "DateGreaterThan" in call["Policy"]
    assert sts.scoped == []


def test_pol_15_a_grant_without_a_profile_passes_no_managed_policy():
    sts = Sts()
    sts.sessions.issue(asked(LONG))
    assert "PolicyArns" not in sts.assumed[0]


@pytest.mark.parametrize("code", ["ValidationError", "NoSuchEntity", "MalformedPolicyDocumentException"])
def test_pol_15_a_managed_policy_that_does_not_exist_is_a_problem_for_the_operator(code: str):
    sts = Sts(assuming={1: error(code)})
    with pytest.raises(Problem) as raised:
        sts.sessions.issue(asked_with_profile(LONG))
    assert raised.value.code == "access_profile_missing"
    assert raised.value.extras == {"policy_arn": ARN}
    assert "deploy the target's stack" in raised.value.fix


@pytest.mark.parametrize(("code", "problem"), [("AccessDenied", "issue_refused"), ("Throttling", "issue_throttled")])
def test_pol_15_other_refusals_of_a_profile_stay_what_they_are(code: str, problem: str):
    sts = Sts(assuming={1: error(code)})
    with pytest.raises(Problem) as raised:
        sts.sessions.issue(asked_with_profile(LONG))
    assert raised.value.code == problem
