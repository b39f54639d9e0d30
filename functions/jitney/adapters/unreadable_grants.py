"""Grants that this version cannot read, such as those that a newer version wrote before a rollback.

Such a grant is quarantined: lists leave it out, and nothing is decided, issued or called for it. It can still be
revoked, by the attributes that every version keeps (`adapters.grant_items`).
"""

import logging
from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import Any, TypeAlias

from jitney.adapters.grant_items import UnreadableGrant, grant_id_of, grant_of, text_of
from jitney.adapters.table_reads import Item
from jitney.core.access.grant import GRANT_RETENTION_SECONDS, Grant, GrantEnd, State
from jitney.core.json_object import json_object
from jitney.core.problems import Problem
from jitney.core.records.audit import METRICS_NAMESPACE, UNREADABLE_GRANTS
from jitney.core.records.chain_numbers import records_in
from jitney.core.stored_identity import identity_of
from jitney.core.stored_types import with_types
from jitney.core.times import are_times

Report: TypeAlias = Callable[[Sequence[UnreadableGrant]], None]
"""Reports the unreadable grants of one read."""
UNREADABLE_REASON = "This version of Jitney cannot read the grant."

_log = logging.getLogger(__name__)
_logged: set[str] = set()


def report_unreadable(found: Sequence[UnreadableGrant]) -> None:
    """Count the open grants among the unreadable ones for the alarm, and log each grant once in this process.

    Grants that have ended do not count. Otherwise, the owner of such a grant could keep the alarm on by reading the
    grant. The alarm rolls canary deployments back.
    """
    for each in found:
        if each.grant_id not in _logged:
            _logged.add(each.grant_id)
            _log.error("unreadable grant", extra={"grant_id": each.grant_id, "error": each.why})
    value = sum(each.is_open for each in found)
    if not value:
        return
    from aws_lambda_powertools.metrics import MetricUnit, single_metric  # noqa: PLC0415 - only when it is needed

    with single_metric(UNREADABLE_GRANTS, unit=MetricUnit.Count, value=value, namespace=METRICS_NAMESPACE) as metric:
        metric.add_dimension("service", "jitney")


def readable_grants(items: Iterable[Item], report: Report) -> list[Grant]:
    """Return the grants among the items, without those that this version cannot read. These are reported."""
    found, unreadable = list[Grant](), list[UnreadableGrant]()
    for item in items:
        try:
            if grant := grant_of(item):
                found.append(grant)
        except UnreadableGrant as error:
            unreadable.append(error)
    if unreadable:
        report(unreadable)
    return found


def readable_grant(item: Item | None, report: Report = report_unreadable) -> Grant | None:
    """Return the grant of an item, or None. Raises Problem grant_unreadable after a report."""
    try:
        return grant_of(item)
    except UnreadableGrant as error:
        report([error])
        raise _unreadable(error.grant_id) from error


def revocable_grant(item: Item) -> Grant:
    """Return the part of an unreadable grant that is needed to end it, without permissions, votes and requester.

    Raises Problem grant_unreadable when its role or end time cannot be read either.
    """
    terms, lifecycle, end = members_of(item, "terms"), members_of(item, "lifecycle"), _end_of(item)
    open_role = item.get("open_role", {}).get("S", "").removeprefix("ROLE#").removesuffix("#pending")
    # `open_role` names the target's first role. An item without `role_arn` is older than targets with several roles, so
    # its grant has that role.
    role_arn = item.get("role_arn", {}).get("S") or open_role or _text(terms, "role_arn")
    owner = item.get("gsi_pk", {}).get("S", "").removeprefix("PRINCIPAL#")
    principal, human, _ = f"{owner}##".split("#", 2)
    created = item.get("gsi_sk", {}).get("S", "").partition("#")[0]
    try:
        expires_at = int(item["expires"]["N"]) - GRANT_RETENTION_SECONDS
        created_at = int(created)
        account = role_arn.split(":")[4]
    except (LookupError, TypeError, ValueError) as error:
        raise _unreadable(grant_id_of(item)) from error
    state = State.ACTIVE if open_role else State.FAILED  # it may have credentials in both states
    return Grant(
        id=grant_id_of(item),
        state=end.state if end else state,
        issuer="",
        issuer_name="",
        subject="",
        principal=principal,
        unit=item.get("unit", {}).get("S") or _text(terms, "unit") or principal,
        human=identity_of(human, "") if human else None,
        target=_text(terms, "target"),
        account=account,
        region=_text(terms, "region"),
        role_arn=role_arn,
        permissions=(),
        duration_seconds=0,
        reason=UNREADABLE_REASON,
        ticket="",
        created_at=created_at,
        starts_at=created_at,
        expires_at=expires_at,
        policy_version="",
        records=records_in(item),
        chain_head=_text(lifecycle, "chain_head"),
        ending=end,
    )


def _end_of(item: Item) -> GrantEnd | None:
    """Return the end of an unreadable grant. One that cannot be read counts as none: the grant can be revoked again."""
    try:
        end = with_types(GrantEnd(**members_of(item, "ending")))
    except TypeError:
        return None
    return end if are_times(end.at, end.written_at) else None


def members_of(item: Item, name: str) -> dict[str, Any]:
    """Return the members of a JSON attribute, or {} if it is missing or not an object."""
    try:
        return json_object(text_of(item, name))
    except (LookupError, TypeError, ValueError):
        return {}


def _text(members: Mapping[str, Any], name: str) -> str:
    value = members.get(name)
    return value if isinstance(value, str) else ""


def _unreadable(grant_id: str) -> Problem:
    detail = f"This version of Jitney cannot read grant {grant_id}, so it neither issues nor decides anything for it."
    fix = (
        "Ask your platform engineer to deploy the version that wrote it. An operator can revoke it with "
        f"`jitney grants revoke {grant_id}`."
    )
    return Problem("grant_unreadable", detail, fix, {"grant_id": grant_id})
