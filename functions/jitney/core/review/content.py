"""What a vote covers: a hash over the exact grant (row REV 3)."""

import hashlib

from jitney.core.access.grant import Grant, permissions_view
from jitney.core.audit import canonical


def content_hash(grant: Grant) -> str:
    """SHA-256, in hexadecimal, of the canonical JSON of all that reviewers decide about.

    A vote holds the hash of what its voter saw, and counts only for a grant that still has it. Whoever asks, in which
    groups, for whom; what on which role; for how long, why, under which policies and by whose review: anything else is
    another grant, and needs another review. Who owns the agent is in it where somebody does: what was voted on before
    there were owners stays as it was.
    """
    return hashlib.sha256(
        canonical(
            ({"agent_owners": grant.agent_owners} if grant.agent_owners else {})
            | {
                "id": grant.id,
                "issuer": grant.issuer,
                "issuer_name": grant.issuer_name,
                "subject": grant.subject,
                "principal": grant.principal,
                "groups": grant.groups,
                "human": grant.human,
                "target": grant.target,
                "role_arn": grant.role_arn,
                "permissions": permissions_view(grant.permissions),
                "duration_seconds": grant.duration_seconds,
                "reason": grant.reason,
                "ticket": grant.ticket,
                "policy_version": grant.policy_version,
                "reviews": grant.reviews,
            }
        ).encode()
    ).hexdigest()
