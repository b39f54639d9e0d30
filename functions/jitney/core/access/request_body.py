"""From an untrusted body to an `AccessRequest`, or a problem that says everything that is wrong with it.

Secrets are masked before anything else sees what was sent. Two things are judged as they were sent: how long a text is,
as a mask may be longer; and calls, whose parameters say what they need: what comes of them is masked.
"""

import json
import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from typing import Any

from jitney.core import strict_json
from jitney.core.access.fields import FieldErrors
from jitney.core.access.request import AccessRequest, ExplainedAction, Permission, permissions_of
from jitney.core.config import Limits, Target
from jitney.core.masking.generic_masker import UNTAGGED, GenericMasker
from jitney.core.masking.mask_tags import MASK
from jitney.core.masking.text import cannot_hold_secret
from jitney.core.problems import Problem

MEMBERS = ("target", "permissions", "calls", "duration_seconds", "reason", "ticket")
MAX_CALLS = 20
MAX_PERMISSIONS = 50
MAX_NAMES = 200
MAX_ARN = 1024
MAX_REASON = 500
MAX_TICKET = 100

_ACTION = re.compile(r"[A-Za-z0-9-]{1,64}:[A-Za-z0-9*?]{1,128}", re.ASCII)
# Printable ASCII. IAM would take U+00A0 to U+00FF too, but Unicode has several spellings of those characters and S3
# compares bytes, so that the reviewer could read one key and IAM match another.
_ARN = re.compile(r"arn:[a-z-]+:[a-z0-9-]+:[a-z0-9*?-]*:[^:]*:[\x21-\x7e][\x20-\x7e]*", re.ASCII)


CallExplainer = Callable[[Sequence[Any], Target], tuple[ExplainedAction, ...]]
"""What the calls of a request need on its target. Raises Problem."""


def parse_request(
    body: bytes, targets: Mapping[str, Target], limits: Limits, explain: CallExplainer, mask: GenericMasker
) -> AccessRequest:
    """The access request in `body` (JSON, the members of the architecture's example), without its secrets.

    `explain` is called only when the body has `calls` instead of `permissions`. Raises what it and `mask` raise, and
    Problem body_too_large, body_malformed, target_unknown, account_mismatch, or request_invalid with every fault as
    {pointer, detail, fix} in `errors`. No text of a problem holds a secret either.
    """
    sent = _object(body, limits)
    shown = sent if cannot_hold_secret(body.decode()) else _masked(sent, mask)
    faults = FieldErrors()
    faults.unknown_members(shown, MEMBERS, "")
    faults.text(sent.get("reason"), "/reason", MAX_REASON, required=True)
    faults.text(sent.get("ticket"), "/ticket", MAX_TICKET, required=False)
    _check_calls(shown, faults)
    request = AccessRequest(
        target=faults.text(shown.get("target"), "/target", 64, required=True),
        permissions=() if "calls" in shown else _permissions(shown.get("permissions"), faults),
        duration_seconds=faults.whole_number(
            shown.get("duration_seconds"), "/duration_seconds", limits.min_duration_seconds, limits.max_duration_seconds
        ),
        reason=shown.get("reason", ""),
        ticket=shown.get("ticket") or "",
        body=body if shown is sent else json.dumps(shown, sort_keys=True).encode(),
    )
    if shown is not sent and request.permissions:
        _check_unmasked(_permissions(sent["permissions"], FieldErrors()), request.permissions, faults)
    _refuse(faults)
    target = _target(request.target, targets)
    if "calls" in shown:
        request = _with_permissions(request, _explained(sent["calls"], shown["calls"], target, explain), mask)
    _check_accounts(request, target)
    return request


def parse_revocation(body: bytes, limits: Limits) -> str:
    """The reason in a revocation's body, {"reason": ...}, as it was sent. Raises Problem as `parse_request`."""
    sent = _object(body, limits)
    faults = FieldErrors()
    faults.unknown_members(UNTAGGED.data(sent), ("reason",), "")
    reason = faults.text(sent.get("reason"), "/reason", MAX_REASON, required=True)
    _refuse(faults)
    return reason


def _masked(sent: dict[str, Any], mask: GenericMasker) -> dict[str, Any]:
    """What was sent without its secrets; itself when there are none. The reason and the ticket are prose."""
    shown: dict[str, Any] = mask.data(sent)
    prose = {name: mask.text(text) for name in ("reason", "ticket") if isinstance(text := shown.get(name), str)}
    return shown if all(shown[name] == text for name, text in prose.items()) else shown | prose


def _refuse(faults: FieldErrors) -> None:
    if faults.found:
        first = faults.found[0]
        raise Problem(
            "request_invalid",
            f"{first.pointer or '/'}: {first.detail}",
            first.fix,
            {"errors": [fault.body() for fault in faults.found[:20]]},
        )


_NAMES_SECRET = (
    "An action or a resource holds what looks like a secret: it would stand in records and policies.",
    "Write a wildcard for that part, or name the resource otherwise.",
)


def _check_unmasked(sent: tuple[Permission, ...], shown: tuple[Permission, ...], faults: FieldErrors) -> None:
    """Masked, a permission would be another one."""
    for index, (one, other) in enumerate(zip(sent, shown, strict=True)):
        if one != other:
            faults.add(f"/permissions/{index}", *_NAMES_SECRET)


def _check_calls(shown: Mapping[str, Any], faults: FieldErrors) -> None:
    """The member `calls` stands instead of `permissions`."""
    if "calls" not in shown:
        return
    if "permissions" in shown:
        faults.add("/calls", "There are both permissions and calls.", "Ask with one of them.")
    faults.items(shown["calls"], "/calls", MAX_CALLS)


def _explained(
    calls: list[Any], shown: list[Any], target: Target, explain: CallExplainer
) -> tuple[ExplainedAction, ...]:
    """What the calls need. A problem with calls that hold secrets is told of the calls as they are `shown`."""
    try:
        return explain(calls, target)
    except Problem as problem:
        if shown is calls or shown == calls:
            raise
        code = problem.code
    explain([_one_word(call) for call in shown], target)
    detail = "A call cannot be read at what looks like a secret."
    raise Problem(code, detail, "Leave the secret out: what a call needs follows from the names of its resources.")


def _one_word(call: Any) -> Any:
    """The call with masks that a command line takes for one word."""
    return MASK.sub(lambda found: found[0].replace(" ", "-"), call) if isinstance(call, str) else call


def _with_permissions(
    request: AccessRequest, explained: tuple[ExplainedAction, ...], mask: GenericMasker
) -> AccessRequest:
    """The request for what its calls need, held to what may be asked with permissions."""
    permissions = permissions_of(explained)
    faults = FieldErrors()
    arns = [arn for permission in permissions for arn in permission.resources]
    for arn, shown in zip(arns, mask.data(arns), strict=True):
        if arn == shown:
            _check_resource(arn, "/calls", faults)
        else:
            faults.add("/calls", *_NAMES_SECRET)
    _refuse(faults)
    calls = mask.data([each.call for each in explained])
    explained = tuple(each._replace(call=call) for each, call in zip(explained, calls, strict=True))
    return replace(request, permissions=permissions, explanation=explained)


def _object(body: bytes, limits: Limits) -> dict[str, Any]:
    if len(body) > limits.max_body_bytes:
        raise Problem(
            "body_too_large",
            f"The body has {len(body)} bytes; at most {limits.max_body_bytes} are read.",
            "Ask for fewer actions and resources, or in several requests.",
        )
    try:
        raw = strict_json.loads(body)
    except ValueError as error:
        fix = "Send one JSON object in UTF-8, each member once, without NaN or Infinity."
        raise Problem("body_malformed", "The body is not well-formed JSON.", fix) from error
    if not isinstance(raw, dict):
        raise Problem("body_malformed", "The body is JSON, but not an object.", "Send one JSON object.")
    return raw


def _permissions(value: Any, faults: FieldErrors) -> tuple[Permission, ...]:
    return tuple(
        _permission(item, f"/permissions/{index}", faults)
        for index, item in enumerate(faults.items(value, "/permissions", MAX_PERMISSIONS))
    )


def _permission(value: Any, pointer: str, faults: FieldErrors) -> Permission:
    if not isinstance(value, dict):
        faults.add(pointer, "An object is needed here.", 'Write {"actions": [...], "resources": [...]}.')
        return Permission((), ())
    faults.unknown_members(value, ("actions", "resources"), pointer)
    return Permission(
        _names(value.get("actions"), f"{pointer}/actions", faults, _check_action),
        _names(value.get("resources"), f"{pointer}/resources", faults, _check_resource),
    )


def _names(value: Any, pointer: str, faults: FieldErrors, check: Any) -> tuple[str, ...]:
    names = faults.items(value, pointer, MAX_NAMES)
    for index, name in enumerate(names):
        check(name, f"{pointer}/{index}", faults)
    return tuple(dict.fromkeys(name for name in names if isinstance(name, str)))


def _check_action(name: Any, pointer: str, faults: FieldErrors) -> None:
    if not isinstance(name, str) or not _ACTION.fullmatch(name):
        faults.add(pointer, "This is not an action.", 'Write "service:Name" in ASCII, such as "s3:GetObject".')


def _check_resource(arn: Any, pointer: str, faults: FieldErrors) -> None:
    if arn == "*":
        return
    if not is_arn(arn):
        faults.add(
            pointer,
            "This is not an ARN that a session policy can name.",
            f'Write an ARN of at most {MAX_ARN} printable ASCII characters, such as "arn:aws:s3:::bucket/key", or "*".',
        )
    elif "${" in arn:
        # IAM would expand it as a policy variable: the decision would be taken on one name and the session policy
        # hold another. https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_policies_variables.html
        faults.add(pointer, "The ARN holds ${, which IAM reads as a policy variable.", "Write the name itself.")


def is_arn(arn: Any) -> bool:
    """Whether it is an ARN, with or without wildcards, that a session policy can name."""
    return isinstance(arn, str) and len(arn) <= MAX_ARN and bool(_ARN.fullmatch(arn))


def _target(alias: str, targets: Mapping[str, Target]) -> Target:
    target = targets.get(alias)
    if target is None:
        # No nearest name: whoever may use no target shall not learn what targets there are.
        fix = "Ask your platform engineer for the alias of the target."
        raise Problem("target_unknown", f"There is no target {alias[:64]!a}.", fix)
    return target


def _check_accounts(request: AccessRequest, target: Target) -> None:
    partition = target.role_arn.split(":", 2)[1]
    for arn in {arn for permission in request.permissions for arn in permission.resources if arn != "*"}:
        _, of_partition, _, _, account, _ = arn.split(":", 5)
        # "" is how ARNs without an account are written (S3), "aws" what AWS itself owns (managed policies).
        if of_partition != partition or account not in ("", "aws", target.account):
            raise Problem(
                "account_mismatch",
                f"{arn[:200]!a} lies outside the target's account or partition.",
                "Name resources of the target's own account, without wildcards in the account, or another target.",
            )
