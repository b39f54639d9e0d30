"""STS: sts:GetScopedCredentials of November 2026, which ministack lacks."""

import json
import re
import time
from collections.abc import Iterator, Mapping
from typing import Any
from urllib.parse import parse_qs

from ministack.core import iam_evaluator
from ministack.core.responses import json_response
from ministack.core.router import extract_access_key_id
from ministack.services import sts

from local.emulator import clock
from local.emulator.gaps.replacement import replaces
from local.emulator.gaps.sts import DETECTED, Answer, invalid

ACTION = "GetScopedCredentials"
MOST_POLICIES = 3
LONGEST_SECONDS = 129_600
LARGEST_TOKEN = 4096
POLICY = re.compile(r"[\t\n\r\x20-\xff]+")
DESCRIPTION = re.compile(r"[\t\n\r\x20-\x7e\xa1-\xff]{2,256}")
KEPT_SECONDS = 3600


def scoped_credentials() -> None:
    """AWS gives a session further credentials. These can do less or end earlier, and never do more.

    Source: botocore 1.44.7, sts/2011-06-15, GetScopedCredentials. AWS documents no resource for this call. In the
    emulator, the calling session must be allowed to call it, which is the stricter interpretation.
    """
    _policies_limit_it()

    @replaces(sts, "handle_request")
    async def handle_request(handle: Any, method: str, path: str, headers: Any, body: bytes, query: Any) -> Any:
        values = _values(headers, body, query)
        if values.get("Action") != ACTION:
            return await handle(method, path, headers, body, query)
        return _scoped(values, extract_access_key_id(headers, query), as_json="amz-json" in str(headers))


def expired_sessions() -> None:
    """AWS answers ExpiredToken for every ended session. ministack forgets the session and reports an unknown key.

    https://docs.aws.amazon.com/STS/latest/APIReference/CommonErrors.html
    """

    def evict() -> None:
        ended = time.time() - KEPT_SECONDS
        # A copy, because other threads start sessions meanwhile.
        for key, session in list(sts._sessions.items()):
            if session.get("Expiration", ended) < ended:
                sts._sessions.pop(key, None)

    sts._evict_expired_sessions = evict


def _policies_limit_it() -> None:
    """Each scope-down policy is another limit: all of them must allow a call."""

    @replaces(iam_evaluator, "_session_policy_limits")
    def session_policy_limits(limits_of: Any, session: Any, account: str) -> list[Any]:
        scoping = [[iam_evaluator.parse_policy_document(text)] for text in session.get("ScopePolicies", ())]
        return [*limits_of(session, account), *scoping]


def _values(headers: Mapping[str, str], body: bytes, query: Mapping[str, Any]) -> dict[str, str]:
    """Return the members of a call in either STS protocol."""
    if headers.get("x-amz-target", "").endswith(f".{ACTION}"):
        return {"Action": ACTION, **{name: str(value) for name, value in json.loads(body or b"{}").items()}}
    form = {**query, **parse_qs(body.decode("utf-8", "replace"), keep_blank_values=True)}
    return {name: value[0] if isinstance(value, list) else str(value) for name, value in form.items()}


def _scoped(values: Mapping[str, str], access_key: str, *, as_json: bool) -> Answer:
    parent = sts._sessions.get(access_key)
    if parent is None:
        return _denied(f"Cannot call {ACTION} with IAM user or root credentials")
    if problem := next(_problems(values), None):
        return invalid(problem)
    policy = values.get("Policy")
    _, malformed = sts._session_policies({"Policy": [policy or ""]})
    if malformed:
        refusal: Answer = malformed
        return refusal
    policies = (*parent.get("ScopePolicies", ()), *((policy,) if policy else ()))
    if len(policies) > MOST_POLICIES:
        return _denied(f"A session has at most {MOST_POLICIES} scope-down policies")
    ends = int(parent["Expiration"])
    if "DurationSeconds" in values:
        asked = int(clock.now()) + int(values["DurationSeconds"])
        if asked > ends:
            message = "The requested DurationSeconds exceeds the remaining lifetime of the calling session."
            return _error("InsufficientSessionLifetime", message)
        ends = asked
    token = sts._gen_session_token().ljust(int(values.get("MinimumSessionTokenSize", 0)), "0")
    issued = {
        "AccessKeyId": sts._gen_session_access_key(),
        "SecretAccessKey": sts._gen_secret(),
        "SessionToken": token,
        "Expiration": ends,
    }
    # The same session: its ARN, id, tags, policies and start. A denial of older sessions must match it.
    sts.register_session(
        issued["AccessKeyId"], {**parent, **issued, "ScopePolicies": policies, "SourceAccessKeyId": access_key}
    )
    answer = {
        "Credentials": issued,
        "SessionInfo": {"ScopedSessionId": parent["UserId"], "Arn": parent["Arn"]},
        "SessionTokenUtilization": 100 * len(token) // LARGEST_TOKEN,
        "SessionTokenSize": len(token),
        "ScopedPoliciesCount": len(policies),
        **({"SourceIdentity": parent["SourceIdentity"]} if parent.get("SourceIdentity") else {}),
    }
    return json_response(answer) if as_json else _xml(answer)


def _problems(values: Mapping[str, str]) -> Iterator[str]:
    if not {"Policy", "DurationSeconds"} & values.keys():
        yield "At least one of Policy and DurationSeconds must be specified"
    ranges = {"DurationSeconds": (1, LONGEST_SECONDS), "MinimumSessionTokenSize": (0, LARGEST_TOKEN)}
    for name, (least, most) in ranges.items():
        value = values.get(name, str(least))
        if not value.isdecimal() or not least <= int(value) <= most:
            rule = f"have value greater than or equal to {least} and less than or equal to {most}"
            yield f"{DETECTED} Value '{value}' at '{_member(name)}' failed to satisfy constraint: Member must {rule}"
    for name, pattern in {"Policy": POLICY, "ScopedSessionDescription": DESCRIPTION}.items():
        if name in values and not pattern.fullmatch(values[name]):
            rule = f"satisfy regular expression pattern: {pattern.pattern}"
            yield f"{DETECTED} Value at '{_member(name)}' failed to satisfy constraint: Member must {rule}"


def _member(name: str) -> str:
    return name[0].lower() + name[1:]


def _denied(message: str) -> Answer:
    return _error("AccessDenied", message, 403)


def _error(code: str, message: str, status: int = 400) -> Answer:
    answer: Answer = sts._error(status, code, message, ns="sts")
    return answer


def _xml(answer: Mapping[str, Any]) -> Answer:
    credentials = {**answer["Credentials"], "Expiration": _iso(answer["Credentials"]["Expiration"])}
    told = {**answer, "Credentials": credentials}
    result: Answer = sts._xml(200, f"{ACTION}Response", f"<{ACTION}Result>{_members(told)}</{ACTION}Result>", ns="sts")
    return result


def _members(values: Mapping[str, Any]) -> str:
    inner = {
        name: _members(value) if isinstance(value, dict) else sts.escape(str(value)) for name, value in values.items()
    }
    return "".join(f"<{name}>{text}</{name}>" for name, text in inner.items())


def _iso(seconds: int) -> str:
    return time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime(seconds))
