"""STS: checks of AssumeRole calls that AWS makes and ministack does not."""

import dataclasses
import re
from collections.abc import Callable, Iterator
from typing import Any

from ministack.core import iam_actions, iam_evaluator
from ministack.core.responses import get_region
from ministack.core.router import extract_access_key_id
from ministack.services import iam, sts

from local.emulator.gaps import assume_role
from local.emulator.gaps.assume_role import AssumeRoleCall
from local.emulator.gaps.replacement import replaces

type Answer = tuple[int, dict[str, Any], bytes]
type Check = Callable[[AssumeRoleCall, dict[str, Any]], Answer | None]

NAME = re.compile(r"[\w+=,.@-]*", re.ASCII)
EXTERNAL_ID = re.compile(r"[\w+=,.@:/-]*", re.ASCII)
# \p{L}\p{Z}\p{N}_.:/=+\-@ of the API reference; Python's \s would let line breaks in.
TAG = re.compile(r"[\w \u00a0\u1680\u2000-\u200a\u2028\u2029\u202f\u205f\u3000.:/=+@-]*")
DETECTED = "1 validation error detected:"


def _before_assume_role(check: Check) -> None:
    """Call `check` before ministack sees an AssumeRole call.

    If `check` returns an answer, the call is refused with that answer.
    """

    @replaces(sts, "handle_request")
    async def handle_request(handle: Any, method: str, path: str, headers: Any, body: bytes, query: Any) -> Any:
        call = assume_role.parse(headers, body, query)
        token = assume_role.current.set(call)
        try:
            refusal = check(call, sts._caller_identity(headers, query)) if call else None
            return refusal or await handle(method, path, headers, body, query)
        finally:
            assume_role.current.reset(token)


def invalid(message: str) -> Answer:
    """Return STS's answer to invalid parameters."""
    answer: Answer = sts._error(400, "ValidationError", sts.escape(message), ns="sts")
    return answer


def _denied(caller: dict[str, Any], action: str, role_arn: str) -> Answer:
    message = f"User: {caller['userArn']} is not authorized to perform: {action} on resource: {role_arn}"
    answer: Answer = sts._error(403, "AccessDenied", message, ns="sts")
    return answer


def request_parameters() -> None:
    """AWS refuses parameters outside of the documented lengths and patterns, and more than 50 session tags.

    https://docs.aws.amazon.com/STS/latest/APIReference/API_AssumeRole.html
    """
    _before_assume_role(lambda call, _caller: next((invalid(problem) for problem in _problems(call)), None))


def _problems(call: AssumeRoleCall) -> Iterator[str]:
    texts = (
        ("roleSessionName", call.session_name, 2, 64, NAME),
        ("externalId", call.external_id, 2, 1224, EXTERNAL_ID),
        ("sourceIdentity", call.source_identity, 2, 256, NAME),
        *(("tags.member.key", key, 1, 128, TAG) for key, _ in call.tags),
        *(("tags.member.value", value, 0, 256, TAG) for _, value in call.tags),
        *(("transitiveTagKeys.member", key, 1, 128, TAG) for key in call.transitive_tag_keys),
    )
    for name, text, shortest, longest, pattern in texts:
        if text is not None and not (shortest <= len(text) <= longest and pattern.fullmatch(text)):
            rule = f"have length from {shortest} to {longest} and satisfy regular expression pattern: {pattern.pattern}"
            yield f"{DETECTED} Value '{text}' at '{name}' failed to satisfy constraint: Member must {rule}"
    for name, count in (("tags", len(call.tags)), ("transitiveTagKeys", len(call.transitive_tag_keys))):
        if count > 50:
            rule = "Member must have length less than or equal to 50"
            yield f"{DETECTED} Value at '{name}' failed to satisfy constraint: {rule}"
    if (call.source_identity or "").lower().startswith("aws:"):
        yield "SourceIdentity must not start with the reserved prefix aws:"


def session_duration() -> None:
    """AWS accepts 900 s up to the role's MaxSessionDuration. A caller that is a role's session gets at most 3,600 s.

    https://docs.aws.amazon.com/IAM/latest/UserGuide/id_roles_manage-assume.html
    """
    _before_assume_role(_duration_refusal)


def _duration_refusal(call: AssumeRoleCall, caller: dict[str, Any]) -> Answer | None:
    if call.duration_seconds is None:
        return None
    seconds = int(call.duration_seconds)
    if not 900 <= seconds <= 43200:
        return invalid(
            f"{DETECTED} Value '{seconds}' at 'durationSeconds' failed to satisfy constraint: "
            "Member must have value greater than or equal to 900 and less than or equal to 43200"
        )
    account, _, name = call.role_arn.partition("::")[2].partition(":")
    role = iam._roles.get_scoped(account, None, name.rsplit("/", 1)[-1]) or {}
    if seconds > int(role.get("MaxSessionDuration", 43200)):
        return invalid("The requested DurationSeconds exceeds the MaxSessionDuration set for this role.")
    if seconds > 3600 and isinstance(caller, dict) and caller["principalType"] == "AssumedRole":
        return invalid(
            "The requested DurationSeconds exceeds the 1 hour session limit for roles assumed by role chaining"
        )
    return None


def source_identity() -> None:
    """AWS keeps the SourceIdentity in the session and in every session chained from it, and it cannot be changed.

    Conditions see it as sts:SourceIdentity in the trust policy, and as aws:SourceIdentity after that. The trust policy
    must allow sts:SetSourceIdentity, even if the caller's session has a source identity already.
    https://docs.aws.amazon.com/IAM/latest/UserGuide/id_credentials_temp_control-access_monitor.html
    """
    _before_assume_role(_source_identity_refusal)
    _trust_policies_see_it()
    _sessions_keep_it()
    _put_it_into_answers()


def _source_identity_refusal(call: AssumeRoleCall, caller: dict[str, Any]) -> Answer | None:
    inherited = _inherited(caller)
    if inherited and call.source_identity not in {None, inherited}:
        return _denied(caller, "sts:SetSourceIdentity", call.role_arn)
    return None


def _inherited(caller: Any) -> str | None:
    session = sts._sessions.get(caller["accessKey"]) if isinstance(caller, dict) else None
    identity: str | None = (session or {}).get("SourceIdentity")
    return identity


def _trust_policies_see_it() -> None:

    @replaces(iam_evaluator, "evaluate_trust_policy")
    def evaluate_trust_policy(evaluate: Any, document: Any, caller_arn: str, context: Any = None) -> bool:
        call = assume_role.current.get()
        if call is None or context is None:
            return bool(evaluate(document, caller_arn, context))
        identity = call.source_identity or context.principal_keys.get("aws:sourceidentity")
        if identity:
            context.service_context["sts:sourceidentity"] = identity
        context.service_context["sts:transitivetagkeys"] = list(call.transitive_tag_keys) or None
        if not evaluate(document, caller_arn, context):
            return False
        if not identity or context.action != "sts:AssumeRole":
            return True
        setting = dataclasses.replace(context, action="sts:SetSourceIdentity")
        return bool(evaluate(document, caller_arn, setting))


def _sessions_keep_it() -> None:
    keys = iam_evaluator._principal_keys

    @replaces(sts, "register_session")
    def register_session(register: Any, access_key: str, session: dict[str, Any]) -> None:
        call = assume_role.current.get()
        source = sts._sessions.get(session.get("SourceAccessKeyId", ""), {})
        session["SourceIdentity"] = (call.source_identity if call else None) or source.get("SourceIdentity")
        register(access_key, session)

    def principal_keys(credential: Any) -> dict[str, Any]:
        found: dict[str, Any] = keys(credential)
        session = sts._sessions.get(credential.access_key_id) or {}
        if session.get("SourceIdentity"):
            found["aws:sourceidentity"] = session["SourceIdentity"]
        return found

    sts._principal_keys = iam_evaluator._principal_keys = principal_keys


def _put_it_into_answers() -> None:

    @replaces(sts, "handle_request")
    async def handle_request(handle: Any, method: str, path: str, headers: Any, body: bytes, query: Any) -> Any:
        status, answer_headers, answer = await handle(method, path, headers, body, query)
        call = assume_role.parse(headers, body, query)
        identity = call and (call.source_identity or _inherited(sts._caller_identity(headers, query)))
        if identity and status == 200:
            member = f"<SourceIdentity>{identity}</SourceIdentity></AssumeRoleResult>".encode()
            answer = answer.replace(b"</AssumeRoleResult>", member)
        return status, answer_headers, answer


def callers_permissions() -> None:
    """AWS requires sts:TagSession and sts:SetSourceIdentity in the caller's own policies if the new session has them.

    https://docs.aws.amazon.com/IAM/latest/UserGuide/id_session-tags.html
    https://docs.aws.amazon.com/IAM/latest/UserGuide/id_credentials_temp_control-access_monitor.html
    """
    _conditions_see_the_call()

    @replaces(sts, "handle_request")
    async def handle_request(handle: Any, method: str, path: str, headers: Any, body: bytes, query: Any) -> Any:
        if call := assume_role.parse(headers, body, query):
            key = extract_access_key_id(headers, query)
            context = iam_actions.request_tag_context("sts", "sts:AssumeRole", body, query)
            for action in _extra_actions(call, sts._caller_identity(headers, query)):
                denied = iam_evaluator.enforce(key, action, "sts", get_region(), call.role_arn, context)
                if denied is not None:
                    return _denied(sts._caller_identity(headers, query), action, call.role_arn)
        return await handle(method, path, headers, body, query)


def _extra_actions(call: AssumeRoleCall, caller: Any) -> Iterator[str]:
    if call.tags:
        yield "sts:TagSession"
    if call.source_identity or _inherited(caller):
        yield "sts:SetSourceIdentity"


def _conditions_see_the_call() -> None:

    @replaces(iam_actions, "request_tag_context")
    def request_tag_context(context_of: Any, service: str, action: str, body: bytes, query: Any) -> Any:
        context = context_of(service, action, body, query)
        call = assume_role.parse({}, body, query) if action == "sts:AssumeRole" else None
        if call is None:
            return context
        keys = {
            "sts:ExternalId": call.external_id,
            "sts:RoleSessionName": call.session_name,
            "sts:SourceIdentity": call.source_identity,
        }
        return {**context, **{key: value for key, value in keys.items() if value is not None}}
