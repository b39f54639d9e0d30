"""The deny document that a role needs, from its deny list and the suspensions in force (END 3)."""

import hashlib
from functools import partial

from jitney.core.access.deny_document import (
    MOST_OPEN_GRANTS,
    DenyDocument,
    compose_deny_document,
    most_names,
    short_deny_document,
)
from jitney.core.access.suspension_denials import suspension_denials
from jitney.core.access.write_lease import WriteLease
from jitney.core.target_config import TargetRole
from jitney.handlers.runtime.ports import Ports


def required_document(lease: WriteLease, role: TargetRole, ports: Ports) -> DenyDocument:
    """Return the document of the whole list and of the suspensions.

    Most documents only name grants, so only the ids in the list are read. The rest of the entries is read if a cut-off
    exists or may be needed. The role's open grants are read only if the document would cut off a unit.
    """
    now, room = ports.now(), role.target.deny_room
    standing = suspension_denials(ports.suspensions.current(), role.target, now)
    if lease.cut_offs.at(now).last is None:
        ids = ports.deny_list.denied_ids(role.arn, now, most_names(room))
        if ids is not None and (short := short_deny_document(ids, room, standing)):
            return short
    compose = partial(
        compose_deny_document,
        ports.deny_list.deny_entries(role.arn, now),
        lease.cut_offs,
        now,
        room,
        standing=standing,
    )
    document = compose()
    if document.cut_offs.since(lease.cut_offs).last is None:
        return document
    return compose(open_grants=ports.store.open_grant_ids(role.arn, now, MOST_OPEN_GRANTS))


def denies(role: TargetRole, ports: Ports) -> bool:
    """Return whether the role's document denies something, or has to deny something."""
    now = ports.now()
    if ports.deny_list.denied_ids(role.arn, now, 1) != []:
        return True
    if suspension_denials(ports.suspensions.current(), role.target, now):
        return True
    return ports.deny_list.lease(role.arn).document_digest not in ("", document_digest(""))


def is_in_iam(role: TargetRole, ports: Ports) -> bool:
    """Return whether the last document that IAM accepted is the one that the role needs now."""
    lease = ports.deny_list.lease(role.arn)
    return lease.document_digest == document_digest(required_document(lease, role, ports).text)


def document_digest(text: str) -> str:
    """Return the digest by which a lease names a document. "" is the text of none."""
    return hashlib.sha256(text.encode()).hexdigest()
