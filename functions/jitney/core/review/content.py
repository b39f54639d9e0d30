"""The hash that a vote names, of everything that reviewers decide about (row REV 3). Pure."""

import hashlib

from jitney.core.access.grant import Grant
from jitney.core.access.request import permissions_view
from jitney.core.records.record_texts import canonical


def content_hash(grant: Grant) -> str:
    """Return the hash of everything that reviewers decide about: SHA-256, in hexadecimal, of canonical JSON.

    A vote holds the hash of what its voter saw, and counts only for a grant with the same hash.
    """
    return hashlib.sha256(
        canonical(
            {
                "agent_owners": [each.stored() for each in grant.agent_owners],
                "id": grant.id,
                "issuer": grant.issuer,
                "issuer_name": grant.issuer_name,
                "subject": grant.subject,
                "principal": grant.principal,
                "unit": grant.unit,
                "facts": grant.facts,
                "groups": grant.groups,
                "tags": grant.tags,
                "human": grant.human and grant.human.stored(),
                "target": grant.target,
                "role_arn": grant.role_arn,
                "permissions": permissions_view(grant.permissions),
                "access_profile": grant.access_profile,
                "way": grant.way,
                "reveal": grant.reveal,
                "bound_address": grant.bound_address,
                "duration_seconds": grant.duration_seconds,
                "ends_by": grant.ends_by,
                "reason": grant.reason,
                "ticket": grant.ticket,
                "policy_version": grant.policy_version,
                "reviews": grant.reviews,
                "call": grant.call,
                "repeated": grant.repeated,
                # Only if set, so that votes that an earlier version stored still match.
                **({"counts_again": grant.counts_again} if grant.counts_again else {}),
                **({"this_time_only": grant.this_time_only} if grant.this_time_only else {}),
                **({"earlier_approvals": grant.earlier_approvals} if grant.earlier_approvals else {}),
            }
        ).encode()
    ).hexdigest()
