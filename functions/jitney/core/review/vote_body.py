"""Reads the body of a vote from a terminal (row REV 17). Pure."""

from collections.abc import Mapping
from typing import Any, NamedTuple

from jitney.core.access.body_object import read_object
from jitney.core.access.fields import FieldErrors
from jitney.core.access.grant import Grant, VoteVerdict
from jitney.core.access.request_body import MAX_REASON
from jitney.core.config import Limits
from jitney.core.review.covered_access import resources_by_action
from jitney.core.review.selection import NarrowedApproval, narrowed_approval, selected_permissions

_HASH, _MOST_BOXES, _MOST_DIGITS = 64, 1000, 12
MEMBERS = ("verdict", "content", "confirmed", "comment", "actions", "resources", "duration_seconds", "this_time_only")


class VoteBody(NamedTuple):
    """A vote as a terminal sends it.

    `content` is the hash of the request that the person saw, `confirmed` the hash of what is granted, "" for none.
    `actions` and `resources` are positions on the sheet, None for all: "2" is an action, "2.0" its first resource.
    `duration_seconds` is None for the requested duration. An approval for `this_time_only` does not count for the same
    request again.
    """

    verdict: VoteVerdict
    content: str
    confirmed: str
    comment: str
    actions: tuple[str, ...] | None
    resources: tuple[str, ...] | None
    duration_seconds: int | None
    this_time_only: bool

    def narrowing(self, grant: Grant) -> NarrowedApproval | None:
        """Return the part of the grant that the person approves, or None for all of it."""
        if (self.actions, self.resources, self.duration_seconds, self.this_time_only) == (None, None, None, False):
            return None
        lines = list(enumerate(resources_by_action(grant).values()))
        actions = [str(line) for line, _ in lines] if self.actions is None else self.actions
        every = [f"{line}.{place}" for line, arns in lines for place in range(len(arns))]
        permissions = selected_permissions(grant, actions, every if self.resources is None else self.resources)
        seconds = grant.duration_seconds if self.duration_seconds is None else self.duration_seconds
        return narrowed_approval(grant, permissions, str(seconds), this_time_only=self.this_time_only)


def parse_vote(body: bytes, limits: Limits) -> VoteBody:
    """Return the vote in a JSON body, with its comment unmasked. Raises the problems of `parse_request`."""
    sent = read_object(body, limits)
    faults = FieldErrors()
    faults.unknown_members(sent, MEMBERS, "")
    verdict = faults.text(sent.get("verdict"), "/verdict", _HASH, required=True)
    verdicts = [str(each) for each in VoteVerdict]
    if verdict and verdict not in verdicts:
        faults.add("/verdict", f"{verdict!a} is not a verdict.", f"Use {' or '.join(verdicts)}.", alternatives=verdicts)
    content = faults.text(sent.get("content"), "/content", _HASH, required=True)
    confirmed = faults.text(sent.get("confirmed"), "/confirmed", _HASH, required=False)
    comment = faults.text(sent.get("comment"), "/comment", MAX_REASON, required=False)
    actions, resources = (_boxes(sent, name, faults) for name in ("actions", "resources"))
    seconds = None
    if faults.present(sent, "duration_seconds"):
        seconds = faults.whole_number(sent["duration_seconds"], "/duration_seconds", 1, limits.max_duration_seconds)
    once = faults.flag(sent.get("this_time_only", False), "/this_time_only")
    if verdict == VoteVerdict.REJECT and (actions, resources, seconds, once) != (None, None, None, False):
        faults.add("/verdict", "A rejection covers the whole request.", "Leave the selection out.")
    faults.refuse()
    return VoteBody(VoteVerdict(verdict), content, confirmed, comment, actions, resources, seconds, once)


def _boxes(sent: Mapping[str, Any], name: str, faults: FieldErrors) -> tuple[str, ...] | None:
    if not faults.present(sent, name):
        return None
    given = faults.items(sent[name], f"/{name}", _MOST_BOXES)
    return tuple(faults.text(each, f"/{name}/{place}", _MOST_DIGITS, required=True) for place, each in enumerate(given))
