"""What a change of the configuration does to stored grants, votes and suspensions, for `jitney policy diff`. Pure.

Only changes of issuers, targets, reviewer groups, break-glass and time windows are listed. Policies are compared by
their decisions.
"""

from collections.abc import Iterable, Iterator
from typing import NamedTuple

from jitney.core.config import Config, ReviewerGroup
from jitney.core.issuer_config import Issuer
from jitney.core.target_config import Target
from jitney.core.target_roles import first_role

_REFUSED = "renewals, calls and approvals of its grants are refused"
_MOVED = "another account, Region or role"
_NOT_COUNTED = "no longer count for pending requests, for calls through the gateway, or as earlier approvals"


class AffectedState(NamedTuple):
    """A part of the configuration that changed, and the effect on what is stored."""

    part: str
    effect: str


def affected_state(old: Config, new: Config) -> list[AffectedState]:
    """Return the changes between two configurations that affect stored grants, votes or suspensions."""
    parts = _issuers, _targets, _groups, _break_glass, _time_windows
    return [change for part in parts for change in part(old, new)]


def _issuers(old: Config, new: Config) -> Iterator[AffectedState]:
    for alias, before in old.issuers.items():
        part, after = f"issuer {alias}", new.issuers.get(alias)
        votes = "" if new.entries(before.issuer) else ", votes and break-glass of its people do not count"
        if after is not None and after.issuer != before.issuer:
            others = "and others get the names of agents and people"
            yield AffectedState(part, f"the alias belongs to another issuer: {_REFUSED}{votes}, {others}")
        elif entries := new.entries(before.issuer):
            yield from _names(part, before, entries[0])
            if after is not None:
                yield from _claims(part, before, after)
            elif entries[0].identity_name == before.identity_name:
                yield AffectedState(part, "removed: requests that came through this entry cannot be approved")
        else:
            yield AffectedState(part, f"removed: {_REFUSED}{votes}, and issued credentials work until the grants end")


def _names(part: str, before: Issuer, after: Issuer) -> Iterator[AffectedState]:
    if before.identity_name != after.identity_name:
        names = f"names begin with {after.identity_name}. instead of {before.identity_name}."
        yield AffectedState(part, f"{names}: {_REFUSED}, also of grants on behalf of its people")


def _claims(part: str, before: Issuer, after: Issuer) -> Iterator[AffectedState]:
    if (before.provider, before.claims.subject) != (after.provider, after.claims.subject):
        yield AffectedState(part, "other subjects: agents lose their grants, and suspensions of them stop nothing")
    if (before.provider, before.claims.unit) != (after.provider, after.claims.unit):
        yield AffectedState(part, "other units: suspensions of units stop nothing, and quotas count from zero")
    if (before.human_claim, before.human_issuer) != (after.human_claim, after.human_issuer):
        yield AffectedState(part, "other humans: agents lose their grants on behalf of people")


def _targets(old: Config, new: Config) -> Iterator[AffectedState]:
    for alias, before in old.targets.items():
        part, after = f"target {alias}", new.targets.get(alias)
        if after is not None and _longest(after, new) < _longest(before, old):
            shorter = f"at most {_longest(after, new)} s instead of {_longest(before, old)} s"
            yield AffectedState(part, f"{shorter}: renewals and calls of longer grants are denied")
        other = new.target_with(before.role_arn)
        revoked = "" if other else ", and Jitney cannot deny issued credentials"
        if after is None:
            happened = f"renamed to {other.alias}" if other else "removed"
            yield AffectedState(part, f"{happened}: {_REFUSED}{revoked}")
        elif _place(before) != _place(after):
            happened = f"its role belongs to {other.alias}" if other and other.alias != alias else _MOVED
            yield AffectedState(part, f"{happened}: {_REFUSED}{revoked}")
        else:
            if after.roles < before.roles:
                yield AffectedState(part, f"fewer roles: {_REFUSED} on the removed roles")
            yield from _profiles(part, before, after)


def _profiles(part: str, before: Target, after: Target) -> Iterator[AffectedState]:
    for name, profile in before.access_profiles.items():
        now = after.access_profiles.get(name)
        if now is None or now.content != profile.content:
            happened = "changed" if now else "removed"
            yield AffectedState(part, f"access profile {name} {happened}: {_REFUSED}")


def _longest(target: Target, config: Config) -> int:
    return min(target.max_duration_seconds, config.limits.max_duration_seconds)


def _place(target: Target) -> tuple[str, str]:
    return first_role(target.role_arn), target.region


def _groups(old: Config, new: Config) -> Iterator[AffectedState]:
    for name, before in old.reviewers.items():
        part, after = f"group {name}", new.reviewers.get(name)
        if after is None:
            yield AffectedState(
                part, "removed: requests that wait for it cannot be approved, and its earlier votes do not count"
            )
            continue
        if after.approvals < before.approvals:
            fewer = f"{before.approvals} to {after.approvals} approvals"
            yield AffectedState(part, f"{fewer}: the next vote on a pending request can complete its review")
        elif after.approvals > before.approvals:
            more = f"{before.approvals} to {after.approvals} approvals"
            yield AffectedState(part, f"{more}: renewals and calls of grants with fewer approvals are refused")
        yield from _people(part, before, after, old, new)
        yield from _escalation(part, before, after)


def _escalation(part: str, before: ReviewerGroup, after: ReviewerGroup) -> Iterator[AffectedState]:
    others, seconds = before.escalates_to, after.escalates_after_seconds
    if others not in ("", after.escalates_to):
        yield AffectedState(part, f"no longer escalates to {others}: votes of that group for this one {_NOT_COUNTED}")
    elif others and seconds > before.escalates_after_seconds:
        yield AffectedState(
            part, f"escalates to {others} after {seconds} s: earlier votes of that group {_NOT_COUNTED}"
        )


def _people(
    part: str, before: ReviewerGroup, after: ReviewerGroup, old: Config, new: Config
) -> Iterator[AffectedState]:
    if members := _gone(before.members, after.members, old, new):
        yield AffectedState(part, f"loses {members}: their votes {_NOT_COUNTED}")
    if delegates := _gone(before.delegates, after.delegates, old, new):
        lost = "their votes as delegates no longer count, also for renewals"
        yield AffectedState(part, f"loses {delegates} as delegate: {lost}")


def _gone(before: Iterable[str], after: Iterable[str], old: Config, new: Config) -> str:
    """Return the names of the people who are no longer listed. Another name of the same person is no change."""
    left = {new.identity_of(each) for each in after}
    return ", ".join(each for each in before if old.identity_of(each) not in left)


def _break_glass(old: Config, new: Config) -> Iterator[AffectedState]:
    before, after = old.break_glass, new.break_glass
    refused = "renewals and calls of its grants are refused, and follow-up reviews stay due"
    if before is None:
        return
    if after is None:
        yield AffectedState("break-glass", f"removed: {refused}")
        return
    if targets := [each for each in before.targets if each not in after.targets]:
        yield AffectedState("break-glass", f"loses target {', '.join(targets)}: {refused}")
    if not after.groups and (people := _gone(before.people, after.people, old, new)):
        yield AffectedState("break-glass", f"loses {people}: {refused}")
    if after.max_duration_seconds < before.max_duration_seconds:
        shorter = f"at most {after.max_duration_seconds} s instead of {before.max_duration_seconds} s"
        yield AffectedState("break-glass", f"{shorter}: renewals and calls of longer grants are refused")
    if before.own_requests and not after.own_requests:
        yield AffectedState("break-glass", f"no longer for own requests: {refused}")


def _time_windows(old: Config, new: Config) -> Iterator[AffectedState]:
    for name, before in old.time_windows.items():
        if name in new.time_windows and new.time_windows[name] != before:
            effect = "other times: policies that name it decide otherwise then, also about renewals and calls of grants"
            yield AffectedState(f"time window {name}", effect)
