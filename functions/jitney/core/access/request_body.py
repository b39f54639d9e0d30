"""Parses an untrusted body into an `AccessRequest`, or reports all of its errors.

Secrets are masked first. Two checks need the unmasked body. Texts are measured unmasked, because a mask may be longer.
Calls are read unmasked, because their parameters determine what they need. The resulting permissions are masked.
"""

import json
from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from typing import Any, NamedTuple

from jitney.core.access.body_object import read_object
from jitney.core.access.credential_seconds import read_credential_seconds
from jitney.core.access.fields import FieldErrors
from jitney.core.access.permission_fields import check_resource, read_permissions
from jitney.core.access.profile_request import with_profile
from jitney.core.access.request import AccessRequest, ExplainedAction, Permission, Way, permissions_of
from jitney.core.access.suspension_entry import SuspensionKind, SuspensionRequest
from jitney.core.config import Limits
from jitney.core.masking.generic_masker import UNTAGGED, GenericMasker
from jitney.core.masking.mask_tags import MASK
from jitney.core.masking.text import cannot_hold_secret
from jitney.core.patterns import wildcard_pattern
from jitney.core.problems import Problem
from jitney.core.target_config import Target

MEMBERS = (
    *("target", "permissions", "calls", "access_profile", "way", "reveal"),
    *("duration_seconds", "credential_seconds", "reason", "ticket", "changed"),
)
MAX_CALLS = 20
MAX_REASON = 500
MAX_TICKET = 100
MAX_NAME = 255

_SOURCES = {"permissions", "calls", "access_profile"}
"""What the requested permissions come from."""


CallExplainer = Callable[[Sequence[Any], Target], tuple[ExplainedAction, ...]]
"""Returns what the calls of a request need on its target. Raises Problem."""


def parse_request(
    body: bytes, targets: Mapping[str, Target], limits: Limits, explain: CallExplainer, mask: GenericMasker
) -> AccessRequest:
    """Return the access request in `body`, without its secrets.

    `explain` is called only when the body has `calls` instead of `permissions`.

    Raises Problem body_too_large, body_malformed, target_unknown, account_mismatch or ProfileMismatch. Raises Problem
    request_invalid with other errors in `errors`, each as {pointer, detail, fix}. Problems of `explain` and `mask` are
    raised too. The text of every problem is masked.
    """
    sent = read_object(body, limits)
    shown = sent if cannot_hold_secret(body.decode()) else _masked(sent, mask)
    faults = FieldErrors()
    faults.unknown_members(shown, MEMBERS, "")
    faults.text(sent.get("reason"), "/reason", MAX_REASON, required=True)
    faults.text(sent.get("ticket"), "/ticket", MAX_TICKET, required=False)
    faults.text(sent.get("changed"), "/changed", MAX_REASON, required=False)
    if not _SOURCES & shown.keys():
        detail = "The request has none of permissions, calls and access_profile."
        faults.add("/permissions", detail, "Add permissions or calls.", missing=True)
    _check_calls(shown, faults)
    profile = _profile_name(shown, faults)
    requested = read_way(shown, faults)
    request = AccessRequest(
        target=faults.text(shown.get("target"), "/target", 64, required=True),
        permissions=read_permissions(shown["permissions"], faults) if faults.present(shown, "permissions") else (),
        duration_seconds=faults.whole_number(
            shown.get("duration_seconds"), "/duration_seconds", limits.min_duration_seconds, limits.max_duration_seconds
        ),
        reason=shown.get("reason", ""),
        ticket=shown.get("ticket") or "",
        changed=shown.get("changed") or "",
        body=body if shown is sent else json.dumps(shown, sort_keys=True).encode(),
        way=requested.way,
        reveal=requested.reveal,
        credential_seconds=read_credential_seconds(shown, limits, faults),
    )
    if shown is not sent and request.permissions:
        _check_unmasked(read_permissions(sent["permissions"], FieldErrors()), request.permissions, faults)
    faults.refuse()
    target = _target(request.target, targets)
    _check_ticket(request.ticket, target)
    if "calls" in shown:
        request = _with_permissions(request, _explained(sent["calls"], shown["calls"], target, explain), mask)
    if profile:
        request = with_profile(request, profile, target)
    _check_accounts(request, target)
    return request


class RequestedWay(NamedTuple):
    """The way of a request, and whether its answers reveal sensitive values."""

    way: Way
    reveal: bool


def read_way(body: Mapping[str, Any], faults: FieldErrors) -> RequestedWay:
    """Return `way` and `reveal` of a body, and the defaults for absent members. Add the errors to `faults`."""
    way, reveal = body.get("way", Way.CREDENTIALS), faults.flag(body.get("reveal", False), "/reveal")
    ways = [str(each) for each in Way]
    if not isinstance(way, str) or way not in ways:
        faults.add("/way", "The value is not a way.", f"Use one of {', '.join(ways)}.", alternatives=ways)
        way = Way.CREDENTIALS
    elif reveal and way != Way.GATEWAY:
        detail = "Only the gateway masks answers, so there is nothing to reveal with credentials."
        faults.add("/reveal", detail, 'Add "way": "gateway", or leave reveal out.')
    if way == Way.GATEWAY and "access_profile" in body:
        detail = "Access profiles are for tools that hold credentials. The gateway needs none."
        faults.add("/access_profile", detail, "Request the permissions of the calls, or leave way out.")
    return RequestedWay(Way(way), reveal)


def _profile_name(shown: Mapping[str, Any], faults: FieldErrors) -> str:
    """Return the name of the requested access profile, or "" for none."""
    present = faults.present(shown, "access_profile")
    return faults.text(shown["access_profile"], "/access_profile", MAX_NAME, required=True) if present else ""


def parse_reason(body: bytes, limits: Limits) -> str:
    """Return the unmasked reason in an operator's body, {"reason": ...}.

    Raises Problem body_too_large, body_malformed or request_invalid.
    """
    sent = read_object(body, limits)
    faults = FieldErrors()
    faults.unknown_members(UNTAGGED.data(sent), ("reason",), "")
    reason = faults.text(sent.get("reason"), "/reason", MAX_REASON, required=True)
    faults.refuse()
    return reason


def parse_suspension(body: bytes, limits: Limits) -> SuspensionRequest:
    """Return the suspension in a body, with its reason unmasked. Raises the problems of `parse_reason`."""
    sent = read_object(body, limits)
    faults = FieldErrors()
    faults.unknown_members(UNTAGGED.data(sent), SuspensionRequest._fields, "")
    kind = faults.text(sent.get("kind"), "/kind", MAX_NAME, required=True)
    if kind and kind not in set(SuspensionKind):
        kinds = [str(each) for each in SuspensionKind]
        faults.add("/kind", f"{kind!a} is not a kind.", f"Use one of {', '.join(kinds)}.", alternatives=kinds)
    name = faults.text(sent.get("name"), "/name", MAX_NAME, required=True)
    reason = faults.text(sent.get("reason"), "/reason", MAX_REASON, required=True)
    flags = {name: faults.flag(sent.get(name, False), f"/{name}") for name in ("unseen", "including_caller")}
    faults.refuse()
    return SuspensionRequest(SuspensionKind(kind), name, reason, **flags)


_PROSE = ("reason", "ticket", "changed")


def _masked(sent: dict[str, Any], mask: GenericMasker) -> dict[str, Any]:
    """Return the body without its secrets, or the same object if it has none. Texts for people are masked as prose."""
    shown: dict[str, Any] = mask.data(sent)
    prose = {name: mask.text(text) for name in _PROSE if isinstance(text := shown.get(name), str)}
    return shown if all(shown[name] == text for name, text in prose.items()) else shown | prose


_NAMES_SECRET = (
    "An action, a resource or a condition appears to hold a secret, which would be stored in records and policies.",
    "Replace that part with a wildcard, or name the resource in another way.",
)


def _check_unmasked(sent: tuple[Permission, ...], shown: tuple[Permission, ...], faults: FieldErrors) -> None:
    """Add an error for each permission that masking would change."""
    for index, (one, other) in enumerate(zip(sent, shown, strict=True)):
        if one != other:
            faults.add(f"/permissions/{index}", *_NAMES_SECRET)


def _check_calls(shown: Mapping[str, Any], faults: FieldErrors) -> None:
    """Check the form of `calls`. Add an error when the body has both `calls` and `permissions`."""
    if not faults.present(shown, "calls"):
        return
    if shown.get("permissions") is not None:
        faults.add("/calls", "The request has both permissions and calls.", "Send only one of them.")
    faults.items(shown["calls"], "/calls", MAX_CALLS)


def _explained(
    calls: list[Any], shown: list[Any], target: Target, explain: CallExplainer
) -> tuple[ExplainedAction, ...]:
    """Return what the calls need. If calls contain secrets, problems quote the masked calls, `shown`."""
    try:
        return explain(calls, target)
    except Problem as problem:
        if shown == calls:
            raise
        code = problem.code
    explain([_one_word(call) for call in shown], target)
    detail = "A call cannot be parsed at a value that appears to be a secret."
    raise Problem(code, detail, "Remove the secret. Only the names of its resources determine what a call needs.")


def _one_word(call: Any) -> Any:
    """Return the call with each mask as one word, so that its command line splits as before."""
    return MASK.sub(lambda found: found[0].replace(" ", "-"), call) if isinstance(call, str) else call


def _with_permissions(
    request: AccessRequest, explained: tuple[ExplainedAction, ...], mask: GenericMasker
) -> AccessRequest:
    """Return the request with the permissions that its calls need. They are checked like requested permissions."""
    permissions = permissions_of(explained)
    faults = FieldErrors()
    arns = [arn for permission in permissions for arn in permission.resources]
    for arn, shown in zip(arns, mask.data(arns), strict=True):
        if arn == shown:
            check_resource(arn, "/calls", faults)
        else:
            faults.add("/calls", *_NAMES_SECRET)
    values = [value for each in permissions for condition in each.conditions for value in condition.values]
    if mask.data(values) != values:
        faults.add("/calls", *_NAMES_SECRET)
    faults.refuse()
    calls = mask.data([each.call for each in explained])
    explained = tuple(each._replace(call=call) for each, call in zip(explained, calls, strict=True))
    return replace(request, permissions=permissions, explanation=explained)


def _target(alias: str, targets: Mapping[str, Target]) -> Target:
    target = targets.get(alias)
    if target is None:
        # No suggestion: a caller without access to a target must not learn its name (handlers.caller.similar_targets).
        fix = "List your targets with GET /v1/targets (jitney targets), or ask your platform engineer for the alias."
        raise Problem("target_unknown", f"Target {alias[:64]!a} does not exist.", fix)
    return target


def _check_ticket(ticket: str, target: Target) -> None:
    patterns = target.ticket_patterns
    if not patterns or any(wildcard_pattern(each).matches(ticket) for each in patterns):
        return
    faults = FieldErrors()
    fix = f"Name the ticket of this work. It must match {' or '.join(patterns)}."
    if ticket:
        faults.add("/ticket", f"Target {target.alias} does not accept this ticket.", fix, alternatives=patterns)
    else:
        detail = f"A request for target {target.alias} needs a ticket."
        faults.add("/ticket", detail, fix, alternatives=patterns, missing=True)
    faults.refuse()


def _check_accounts(request: AccessRequest, target: Target) -> None:
    partition = target.role_arn.split(":", 2)[1]
    fix = "Name resources of the target's account, without wildcards in the account id, or use another target."
    faults = FieldErrors()
    for index, permission in enumerate(request.permissions):
        # Permissions that calls need are not in the body.
        pointer = "" if request.explanation else f"/permissions/{index}/resources"
        for arn in permission.resources:
            _, of_partition, _, _, account, _ = ("", partition, "", "", "", "") if arn == "*" else arn.split(":", 5)
            # ARNs in S3 have the account "", and AWS's own managed policies have "aws".
            if of_partition != partition or account not in ("", "aws", target.account):
                faults.add(pointer, f"Resource {arn[:200]!a} is not in the target's account and partition.", fix)
    faults.refuse("account_mismatch")
