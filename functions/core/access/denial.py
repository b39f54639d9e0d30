"""The deny document of a target role: an inline policy that makes the live credentials of ended grants fail.

IAM asks it at each request, so that it reaches credentials that are out already. A grant is named by its session tag:
`aws:PrincipalTag/grant` is on every session (the trust policy demands it), hits that grant's sessions alone, and its
19 characters make the shortest entries (`aws:userid` takes 21).
https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_policies_condition-keys.html#condition-keys-principaltag
"""

import json
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any

from core.access.credentials import LONGEST_SECONDS
from core.access.grant import Grant
from core.times import iso

POLICY_NAME = "JitneyRevocations"
LIMIT = 10_240
"""Characters of a role's inline policies together, white space not counted (IAM User Guide, IAM and STS quotas)."""
CLOCKS_SECONDS = 60
"""How far the broker's clock and AWS's may be apart; a denial outlasts its grant by as much."""
SETTLE_SECONDS = 60
"""How long after the end of a grant an issue that was on its way can still be made: the function's 15 s, and clocks."""


@dataclass(frozen=True, slots=True, order=True)
class Denial:
    """A grant whose credentials are to fail: it ended at `ended_at`, its last session is over at `until`."""

    grant_id: str
    ended_at: int
    until: int


@dataclass(frozen=True, slots=True)
class DenyDocument:
    """The document as the text for IAM, "" for none. `cut_off_at`: whatever was issued until then fails as well."""

    text: str
    cut_off_at: int | None


def denial(grant: Grant, now: int) -> Denial:
    """The denial of a grant that ends at `now`; the session policy itself denies everything after the grant's end."""
    return Denial(grant.id, now, grant.expires_at + CLOCKS_SECONDS)


def compose(denials: Iterable[Denial], cut_off_at: int | None, now: int, room: int) -> DenyDocument:
    """The document that denies exactly the unexpired `denials`, in at most `room` characters.

    Where they do not fit, the whole role is cut off: sessions issued up to shortly after `now` fail, other grants'
    among them, and the list starts anew. `cut_off_at` is an earlier such moment; it counts as long as sessions last.
    """
    live = sorted(each for each in denials if each.until > now)
    cut = cut_off_at if cut_off_at is not None and now < cut_off_at + LONGEST_SECONDS else None
    text = _text(live, cut)
    if len(text) > room:
        cut = now + SETTLE_SECONDS
        text = _text(live, cut)
    return DenyDocument(text, cut)


def _text(live: list[Denial], cut: int | None) -> str:
    names = [each.grant_id for each in live if cut is None or each.ended_at + SETTLE_SECONDS > cut]
    conditions: list[dict[str, Any]] = [{"StringEquals": {"aws:PrincipalTag/grant": names}}] if names else []
    if cut is not None:
        conditions.append({"DateLessThanEquals": {"aws:TokenIssueTime": iso(cut)}})
    if not conditions:
        return ""
    statements = [{"Effect": "Deny", "Action": "*", "Resource": "*", "Condition": each} for each in conditions]
    return json.dumps({"Version": "2012-10-17", "Statement": statements}, separators=(",", ":"))
