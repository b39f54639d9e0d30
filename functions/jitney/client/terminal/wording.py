"""The sentences and command lines that people and models read."""

import json
import shlex
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace
from datetime import UTC, datetime

from jitney.client.api.api_object import ApiConditions
from jitney.client.api.explanations import ApiPossibleAction
from jitney.client.api.grant_members import ApiOutlivingEffect, ApiReview
from jitney.client.api.grant_request import ApiPermission, GrantRequest, aws_cli_calls
from jitney.client.api.responses import ApiGrant, ApiReason, ApiRisk
from jitney.client.terminal.durations import format_duration
from jitney.core.access.conditions import conditions_in_words as core_words
from jitney.core.access.conditions import conditions_of
from jitney.core.access.reviewed_call import ReviewedCall
from jitney.core.access.way_wording import way_in_words
from jitney.core.identity.requester import MOST_VALUE, escape_name, shorten_name
from jitney.core.printable import strip_control_characters
from jitney.core.review.call_wording import all_parameters
from jitney.core.times import utc_date

# The time left is shown as the requested duration when the two differ by at most this many seconds.
_ROUNDING_SECONDS = 2
_VERDICTS = {"approve": "approved", "reject": "rejected"}
# Stands for the action in a reason's `template`.
_ACTION = "{action}"


def who(any_of: Sequence[Sequence[str]]) -> str:
    """Return the reviewer groups as a phrase: `a and b, or c`."""
    return strip_control_characters(", or ".join(" and ".join(groups) for groups in any_of)) or "no reviewer"


def moment(iso: str | None, now: float, requested: int = 0) -> str:
    """Return the time in UTC and its distance from `now` (epoch seconds): "12:05:00 UTC (in 5m)".

    `requested` is the requested distance in seconds. It is shown instead of the actual distance if both are nearly the
    same.
    """
    if not iso:
        return "-"
    try:
        then = datetime.fromisoformat(iso).astimezone(UTC)
    except (ValueError, OverflowError):
        return strip_control_characters(iso)
    seconds = round(then.timestamp() - now)
    seconds = requested if requested and abs(seconds - requested) <= _ROUNDING_SECONDS else seconds
    day = "" if then.date() == utc_date(now) else f"{then:%Y-%m-%d} "
    amount = f"{abs(seconds) // 86_400}d" if abs(seconds) >= 172_800 else format_duration(abs(seconds))
    distance = (f"in {amount}" if seconds > 0 else f"{amount} ago") if seconds else "now"
    return f"{day}{then:%H:%M:%S} UTC ({distance})"


def relevant_time(grant: ApiGrant, now: float) -> tuple[str, str]:
    """Return the time that matters in the grant's state, with a label."""
    name, iso = {
        "active": ("until", grant.expires_at),
        "pending": ("decide by", grant.expires_at),
        "expired": ("ended", grant.expires_at),
    }.get(grant.state, ("created", grant.created_at))
    return name, moment(iso, now, grant.duration_seconds if grant.state == "active" else 0)


def review_status(review: ApiReview) -> str:
    """Return the reviewers of a request and the groups that approved or were escalated to; "" without reviewers."""
    stages = [
        f"{stage} {', '.join(groups)}"
        for stage, groups in (("approved by", review.approved), ("escalated to", review.escalated_to))
        if groups
    ]
    more = f" ({'; '.join(stages)})" if stages else ""
    return strip_control_characters(f"{who(review.any_of)}{more}") if review.any_of else ""


def profile_rows(grant: ApiGrant) -> Iterator[tuple[str, str]]:
    """Yield the access profile of a grant: its name, and the hash of what it allows."""
    if grant.access_profile:
        yield "profile", f"{grant.access_profile.name}, content {grant.access_profile.content}"


def way_rows(grant: ApiGrant) -> Iterator[tuple[str, str]]:
    """Yield how the grant is used, if not with credentials."""
    yield "way", way_in_words(grant.way, reveal=grant.reveal)


def call_rows(grant: ApiGrant) -> Iterator[tuple[str, str]]:
    """Yield the one call that the grant covers, with each of its parameters."""
    if grant.call is None:
        return
    parent, service, operation, region = (
        str(grant.call.get(each, "")) for each in ("grant", "service", "operation", "region")
    )
    parameters = json.dumps(grant.call.get("parameters", {}))
    call = ReviewedCall(parent, service, operation, region, parameters, parameters_mac="", mac_key="")
    yield "one call", f"{call.title}, made in grant {call.grant_id}"
    yield from (("", f"{name}: {value}") for name, value in all_parameters(call))


def votes(grant: ApiGrant) -> Iterator[tuple[str, str]]:
    """Yield one row for each vote: the vote, the reviewer, a delegate's out-of-office members, and the comment.

    Each earlier approval that counts for the grant has a row, too.
    """
    for each in grant.earlier_approvals:
        yield "approved", f"before, by {who([each.groups])}, for grant {each.grant}"
    for vote in grant.votes:
        delegation = f" (delegate for {', '.join(vote.delegate_for)})" if vote.delegate_for else ""
        comment = f": {vote.comment}" if vote.comment else ""
        yield _VERDICTS.get(vote.verdict, vote.verdict), f"by {vote.human}{delegation}{comment}"


def requester_rows(grant: ApiGrant) -> Iterator[tuple[str, str]]:
    """Yield rows about the requester: its short name, its provider's facts, and its names in logs and policies."""
    yield "requester", grant.requester
    for fact in grant.facts:
        yield "", f"{escape_name(fact.label)}: {shorten_name(fact.value, MOST_VALUE)}"
    if grant.facts:
        yield "subject", shorten_name(grant.subject, MOST_VALUE)
    yield "for", grant.human or ""
    if grant.unit != grant.principal:
        yield "unit", grant.unit
    yield "identity", grant.principal


def narrowed_approval_lines(requested: ApiGrant, grant: ApiGrant) -> list[str]:
    """Return who approved an active grant, and what, in lines; [] unless it is narrower than `requested`."""
    shorter = grant.duration_seconds < requested.duration_seconds
    narrower = grant.permissions != requested.permissions
    if grant.state != "active" or not (shorter or narrower):
        return []
    people = ", ".join(vote.human for vote in grant.votes if vote.verdict == "approve") or "the reviewers"
    now = [allows(permission) for permission in grant.permissions] if narrower else []
    now += [f"for {format_duration(grant.duration_seconds)}"] if shorter else []
    return [strip_control_characters(f"approved by {people}, narrower than requested: {'; '.join(now)}")]


def where(grant: ApiGrant) -> str:
    """Return the grant's target, with its account and Region if known."""
    known = ", ".join(part for part in (grant.account, grant.region) if part)
    return strip_control_characters(f"{grant.target} ({known})" if known else grant.target)


def allows(permission: ApiPermission) -> str:
    """Return the permission in one line."""
    limits = " and ".join(conditions_in_words(permission.conditions))
    only = f", only if {limits}" if limits else ""
    return strip_control_characters(f"{', '.join(permission.actions)} on {', '.join(permission.resources)}{only}")


def conditions_in_words(conditions: ApiConditions) -> tuple[str, ...]:
    """Return each condition as words that follow "if". A key that this client does not know is shown without a verb.

    Such a key is quoted, because the agent chooses parts of it.
    """
    try:
        return core_words(conditions_of(dict(conditions)))
    except ValueError:
        return tuple(f"{json.dumps(key)}: {', '.join(map(json.dumps, values))}" for key, values in conditions)


def reason_line(reason: ApiReason) -> str:
    """Return the reason in one line: action and resource (unless the sentence names them), sentence and policy."""
    unnamed = [part for part in (reason.action, reason.resource) if part not in reason.sentence]
    pair = f"{reason.action} on {reason.resource}: " if unnamed else ""
    return strip_control_characters(f"{pair}{reason.sentence} ({reason.policy})")


def outliving_rows(effect: ApiOutlivingEffect) -> Iterator[tuple[str, str]]:
    """Yield rows for what outlives a grant, whether CloudTrail shows its use, and what a person can do about it."""
    yield "outlives", effect.sentence
    if effect.used:
        yield "", f"CloudTrail shows use of {', '.join(effect.used)}."
    yield "left to do", effect.left_to_do


def risk_line(risk: ApiRisk) -> str:
    """Return the risk in one line: its level, the sentence, its name, and its source."""
    source = f", {risk.source}" if risk.source else ""
    return strip_control_characters(f"{risk.level}: {risk.sentence} ({risk.risk}{source})")


def possible_lines(possible: Sequence[ApiPossibleAction]) -> list[str]:
    """Return the actions that a call may need as lines. Actions with the same reason share one line."""
    by_reason: dict[str, list[str]] = {}
    for each in possible:
        by_reason.setdefault(each.why, []).append(each.action)
    return [f"{', '.join(actions)} ({why})" for why, actions in by_reason.items()]


def reason_lines(reasons: Sequence[ApiReason]) -> list[str]:
    """Return the reasons as lines. Reasons that differ only in the action share one line."""
    groups: dict[tuple[str, str, str], list[ApiReason]] = {}
    for reason in reasons:
        groups.setdefault((reason.policy, reason.resource, reason.template or reason.sentence), []).append(reason)
    return [_together(group) for group in groups.values()]


def _together(group: Sequence[ApiReason]) -> str:
    first, actions = group[0], list(dict.fromkeys(reason.action for reason in group))
    if len(actions) == 1:
        return reason_line(first)
    names = ", ".join(actions)
    if _ACTION not in first.template:
        return reason_line(replace(first, action=names))
    sentence = first.template.replace(_ACTION, f"any of these {len(actions)}", 1).rstrip(".")
    named = first.resource in sentence
    line = f"{sentence[:1].upper()}{sentence[1:]}" if named else f"on {first.resource}: {sentence}"
    return strip_control_characters(f"{line}: {names} ({first.policy})")


def arguments(request: GrantRequest, permissions: str = "", *, from_command: bool = False) -> list[str]:
    """Return the request as arguments of `jitney request`.

    Several permissions become `--permissions`, with the file `permissions` or "-". Calls are left out with
    `from_command`, because `jitney run` derives them from its command.
    """
    words = [request.target]
    if request.access_profile:
        words += ["--access-profile", request.access_profile]
    if request.calls:
        words += [] if from_command else [word for call in request.calls for word in ("--call", call)]
    elif len(request.permissions) == 1 and not permissions:
        words += [word for action in request.permissions[0].actions for word in ("--action", action)]
        words += [word for resource in request.permissions[0].resources for word in ("--resource", resource)]
        limits = [f"{key}={value}" for key, values in request.permissions[0].conditions for value in values]
        words += [word for limit in limits for word in ("--condition", limit)]
    elif request.permissions:
        words += ["--permissions", permissions or "-"]
    words += ["--way", request.way] if request.way != "credentials" else []
    words += ["--reveal"] if request.reveal else []
    words += ["--for", format_duration(request.duration_seconds), "--reason", request.reason]
    words += ["--changed", request.changed] if request.changed else []
    return words + (["--ticket", request.ticket] if request.ticket else [])


def paste(verb: str, request: GrantRequest, tail: Sequence[str] = ()) -> list[str]:
    """Return the lines to paste into a shell for this request. `tail` follows the options, such as `-- aws s3 ls`."""
    from_command = request.calls == aws_cli_calls(tail[1:])
    line = shlex.join(["jitney", verb, *arguments(request, from_command=from_command), *tail])
    if len(request.permissions) <= 1 or request.calls:
        return [strip_control_characters(line)]
    document = json.dumps([permission.document() for permission in request.permissions])
    return [strip_control_characters(f"{line} <<'JSON'"), document, "JSON"]


def way_line(ways: Mapping[str, str]) -> str:
    """Return how policies answer in each way: "denied with credentials, allowed through the gateway"; "" if unknown."""
    return ", ".join(f"{_ANSWERS.get(effect, effect)} {_WAYS.get(way, way)}" for way, effect in ways.items())


_ANSWERS = {"allow": "allowed", "review": "allowed after a review", "deny": "denied"}
_WAYS = {"credentials": "with credentials", "gateway": "through the gateway"}


def permitted_later(retry_at: str | None, now: float) -> list[str]:
    """Return from when on policies permit the whole request, as a line; [] if no such time is known."""
    return [f"Policies permit the whole request from {moment(retry_at, now)} on."] if retry_at else []


def end_rows(grant: ApiGrant, now: float) -> Iterator[tuple[str, str]]:
    """Yield rows about a grant's end.

    They say why it ends early, how it ended or why it failed, how soon AWS denied it, and whether it was cut off.
    """
    if grant.ends_by and grant.state in ("pending", "active") and not grant.call:
        yield "token", f"ends {moment(grant.ends_by, now)}, and the grant ends with it"
    if grant.state == "failed":
        yield "why", "it could not be reviewed or issued, or policy denied it"
        yield "next", "make a new request; if it fails too, ask your platform engineer"
    if grant.ending:
        why = f": {grant.ending.reason}" if grant.ending.reason else ""
        yield "ended", f"{moment(grant.ending.at, now)} by {grant.ending.by}{why}"
        if grant.ending.denied_after_milliseconds is not None:
            yield "refused", f"by AWS {grant.ending.denied_after_milliseconds / 1000:.2f} s later"
        elif grant.ending.written_at:
            yield "denied", f"by IAM since {moment(grant.ending.written_at, now)}"
    if grant.cut_off_at:
        yield "cut off", f"credentials from before {moment(grant.cut_off_at, now)} no longer work; get new ones"
