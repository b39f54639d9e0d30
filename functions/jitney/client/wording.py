"""The sentences and command lines that people and models read."""

import json
import re
import shlex
import unicodedata
from collections.abc import Iterator, Sequence
from dataclasses import replace
from datetime import UTC, datetime

from jitney.client.durations import format_duration
from jitney.client.grant_request import ApiPermission, GrantRequest, aws_cli_calls
from jitney.client.responses import ApiGrant, ApiReason, ApiReview, ApiRisk, GrantResponse

# "5m" stays 5m for this many seconds after it was asked for.
_ROUNDING_SECONDS = 2
_VERDICTS = {"approve": "approved", "reject": "rejected"}
# Stands for the action while sentences are compared.
_ANY = "\0"


def strip_control_characters(text: object) -> str:
    """The text with control, format and surrogate characters as U+FFFD: it cannot steer a terminal or turn a line."""
    return "".join(
        "\N{REPLACEMENT CHARACTER}" if unicodedata.category(sign) in {"Cc", "Cf", "Cs"} else sign for sign in str(text)
    )


def who(any_of: Sequence[Sequence[str]]) -> str:
    """The reviewer groups in words: `a and b, or c`."""
    return strip_control_characters(", or ".join(" and ".join(groups) for groups in any_of)) or "nobody"


def moment(iso: str | None, now: float, asked: int = 0) -> str:
    """The time in UTC and how far it is from `now` (epoch seconds): "12:05:00 UTC (in 5m)".

    `asked` is the distance in seconds that was asked for, told as it is while that is as good as true.
    """
    if not iso:
        return "-"
    try:
        then = datetime.fromisoformat(iso).astimezone(UTC)
    except ValueError:
        return strip_control_characters(iso)
    seconds = round(then.timestamp() - now)
    seconds = asked if abs(seconds - asked) <= _ROUNDING_SECONDS and asked else seconds
    day = "" if then.date() == datetime.fromtimestamp(now, UTC).date() else f"{then:%Y-%m-%d} "
    amount = f"{abs(seconds) // 86_400}d" if abs(seconds) >= 172_800 else format_duration(abs(seconds))
    distance = (f"in {amount}" if seconds > 0 else f"{amount} ago") if seconds else "now"
    return f"{day}{then:%H:%M:%S} UTC ({distance})"


def relevant_time(grant: ApiGrant, now: float) -> tuple[str, str]:
    """The time that matters in the grant's state, and its name."""
    name, iso = {
        "active": ("until", grant.expires_at),
        "pending": ("decide by", grant.expires_at),
        "expired": ("ended", grant.expires_at),
    }.get(grant.state, ("asked at", grant.created_at))
    return name, moment(iso, now, grant.duration_seconds if grant.state == "active" else 0)


def review_status(review: ApiReview) -> str:
    """Who was asked about a request, who has approved, and whom it went to because nobody answered; "" for nobody."""
    stages = [
        f"{told} {', '.join(groups)}"
        for told, groups in (("approved by", review.approved), ("escalated to", review.escalated_to))
        if groups
    ]
    more = f" ({'; '.join(stages)})" if stages else ""
    return strip_control_characters(f"{who(review.any_of)}{more}") if review.any_of else ""


def pending(answer: GrantResponse, now: float) -> str:
    """What a pending grant waits for, in one line."""
    review = answer.review or ApiReview(())
    by = f" by {review_status(review)}" if review.any_of else ""
    return f"{answer.grant.id} is under review{by} until {moment(review.expires_at or answer.grant.expires_at, now)}"


def votes(grant: ApiGrant) -> Iterator[tuple[str, str]]:
    """Rows that tell what each reviewer said, and to whom they lent their voice."""
    for vote in grant.votes:
        stands_in = f" (for {', '.join(vote.delegate_for)}, away)" if vote.delegate_for else ""
        comment = f": {vote.comment}" if vote.comment else ""
        yield _VERDICTS.get(vote.verdict, vote.verdict), f"by {vote.human}{stands_in}{comment}"


def narrowed_approval_lines(asked_for: ApiGrant, grant: ApiGrant) -> list[str]:
    """Lines that tell whom an active grant was approved by, if that is for less than `asked_for`; none otherwise."""
    shorter = grant.duration_seconds < asked_for.duration_seconds
    narrower = grant.permissions != asked_for.permissions
    if grant.state != "active" or not (shorter or narrower):
        return []
    people = ", ".join(vote.human for vote in grant.votes if vote.verdict == "approve") or "the reviewers"
    now = [allows(permission) for permission in grant.permissions] if narrower else []
    now += [f"for {format_duration(grant.duration_seconds)}"] if shorter else []
    return [strip_control_characters(f"approved by {people}, for less than you asked: {'; '.join(now)}")]


def where(grant: ApiGrant) -> str:
    """The grant's target, with its account and Region as far as they are known."""
    known = ", ".join(part for part in (grant.account, grant.region) if part)
    return strip_control_characters(f"{grant.target} ({known})" if known else grant.target)


def allows(permission: ApiPermission) -> str:
    """The permission in one line."""
    return strip_control_characters(f"{', '.join(permission.actions)} on {', '.join(permission.resources)}")


def reason_line(reason: ApiReason) -> str:
    """The reason in one line: the sentence, after the pair unless it names it itself, and which policy says so."""
    unnamed = [part for part in (reason.action, reason.resource) if part not in reason.sentence]
    pair = f"{reason.action} on {reason.resource}: " if unnamed else ""
    return strip_control_characters(f"{pair}{reason.sentence} ({reason.policy})")


def risk_line(risk: ApiRisk) -> str:
    """The risk in one line: the sentence, its name, and where it is described."""
    source = f", {risk.source}" if risk.source else ""
    return strip_control_characters(f"{risk.sentence} ({risk.risk}{source})")


def reason_lines(reasons: Sequence[ApiReason]) -> list[str]:
    """The reasons in lines; those that one policy has for several actions on one resource are one line."""
    groups: dict[tuple[str, str, str], list[ApiReason]] = {}
    for reason in reasons:
        groups.setdefault((reason.policy, reason.resource, _without_action(reason)), []).append(reason)
    return [_together(sentence, group) for (_, _, sentence), group in groups.items()]


def _without_action(reason: ApiReason) -> str:
    """The sentence with `_ANY` for the action and the level in brackets after it."""
    named = rf"{re.escape(reason.action)}(?!\w)(?: \([\w ]+\))?"
    return re.sub(named, _ANY, reason.sentence) if reason.action else reason.sentence


def _together(sentence: str, group: Sequence[ApiReason]) -> str:
    first, actions = group[0], list(dict.fromkeys(reason.action for reason in group))
    if len(actions) == 1:
        return reason_line(first)
    names = ", ".join(actions)
    if _ANY not in sentence:
        return reason_line(replace(first, action=names))
    said = sentence.replace(_ANY, f"any of these {len(actions)}").rstrip(".")
    said = f"{said[:1].upper()}{said[1:]}" if first.resource in said else f"on {first.resource}: {said}"
    return strip_control_characters(f"{said}: {names} ({first.policy})")


def arguments(ask: GrantRequest, permissions: str = "", *, told: bool = False) -> list[str]:
    """The ask as arguments of `jitney request`.

    The permissions are left to `--permissions`, with the file of that name, or "-" when there are several; calls that
    are `told` by the command itself, as by that of `jitney run`, are left out.
    """
    words = [ask.target]
    if ask.calls:
        words += [] if told else [word for call in ask.calls for word in ("--call", call)]
    elif len(ask.permissions) == 1 and not permissions:
        words += [word for action in ask.permissions[0].actions for word in ("--action", action)]
        words += [word for resource in ask.permissions[0].resources for word in ("--resource", resource)]
    else:
        words += ["--permissions", permissions or "-"]
    words += ["--for", format_duration(ask.duration_seconds), "--reason", ask.reason]
    return words + (["--ticket", ask.ticket] if ask.ticket else [])


def paste(verb: str, ask: GrantRequest, tail: Sequence[str] = ()) -> list[str]:
    """The lines to paste into a shell to ask for this; `tail` is what follows the options, as `-- aws s3 ls`."""
    line = shlex.join(["jitney", verb, *arguments(ask, told=ask.calls == aws_cli_calls(tail[1:])), *tail])
    if len(ask.permissions) == 1 or ask.calls:
        return [strip_control_characters(line)]
    document = json.dumps([permission.document() for permission in ask.permissions])
    return [strip_control_characters(f"{line} <<'JSON'"), document, "JSON"]


def alternatives(ask: GrantRequest, subset: tuple[ApiPermission, ...], longest_seconds: int) -> list[GrantRequest]:
    """What policy says would pass instead: as asked for a shorter time, and part of the permissions."""
    shorter = [replace(ask, duration_seconds=longest_seconds)] if 0 < longest_seconds < ask.duration_seconds else []
    return shorter + ([replace(ask, permissions=subset, calls=())] if subset and subset != ask.permissions else [])


def revocation_rows(grant: ApiGrant, now: float) -> Iterator[tuple[str, str]]:
    """Rows that tell how a grant was taken back, and how fast; or that its role was cut off."""
    if grant.ending:
        why = f": {grant.ending.reason}" if grant.ending.reason else ""
        yield "ended", f"{moment(grant.ending.at, now)} by {grant.ending.by}{why}"
        if grant.ending.denied_after_milliseconds is not None:
            yield "refused", f"by AWS {grant.ending.denied_after_milliseconds / 1000:.2f} s after the call"
    if grant.cut_off_at:
        yield "cut off", f"credentials from before {moment(grant.cut_off_at, now)} work no longer; get new ones"
