"""The flows that tests.system.test_faults lets meet each fault of AWS: how each begins, and what it leaves."""

from collections.abc import Callable, Mapping
from typing import Any, NamedTuple

import httpx

from tests.system import fault_acts as acts
from tests.system import fault_checks as checks
from tests.system.conftest import Own
from tests.system.fault_acts import Act

NEVER_RESUMED = frozenset({"SendTaskSuccess", "GetItem"})
"""The operations that resume a workflow. The decision does not depend on them, and the reconciler resumes it later."""
UPSTREAM = "* /pond/called/*"
"""The gateway's call of AWS itself."""
UNKNOWN = (
    (UPSTREAM, 0, "*"),  # AWS's error is passed on as its answer
    ("TransactWriteItems", 0, "answers lost"),  # the call is on record as sent, and was not
    ("TransactWriteItems", 1, "refused"),  # the call was sent, and its outcome is not on record
    ("TransactWriteItems", 1, "a proxy's page"),
)
"""The faults after which the gateway cannot know whether AWS ran the call. It is then not sent again.

Each is an operation, how many such calls came before it, and a pattern of faults. See docs/gateway-repeats.md.
"""


def nothing_more(_: Act, __: Mapping[str, Any]) -> list[str]:
    """Check nothing more."""
    return []


class Flow(NamedTuple):
    """One flow: how it begins, the call that its caller repeats, and what it must have left.

    `once` are the events of the grant that are on record exactly once. `workflow` is the status of the grant's
    workflow, "" for a grant without one, and `notices` are what the reviewer got from it. `also` checks the rest.

    After a fault of `unknown`, the caller may get `call_may_have_run`.

    After a fault of an operation in `unresumed`, the reconciler may have to resume the workflow.

    `tried` are the operations that meet faults, as patterns. `make test-all` tries those of `briefly` only, and leaves
    a flow without them to `make faults`.
    """

    begin: Callable[[Own], Act]
    attempt: Callable[[Act], httpx.Response]
    once: tuple[str, ...]
    state: str
    workflow: str = ""
    notices: tuple[str, ...] = ()
    also: Callable[[Act, Mapping[str, Any]], list[str]] = nothing_more
    unknown: tuple[tuple[str, int, str], ...] = ()
    unresumed: frozenset[str] = NEVER_RESUMED
    tried: tuple[str, ...] = ("*",)
    briefly: tuple[str, ...] = ()


FLOWS: Mapping[str, Flow] = {
    "request": Flow(acts.new_agent, acts.request, ("request",), "active", briefly=("*",)),
    "credentials": Flow(acts.with_credentials, acts.renew, ("request",), "active", also=checks.live_keys),
    "release": Flow(
        acts.with_long_credentials,
        acts.release,
        ("request", "release"),
        "released",
        also=checks.dead_keys,
        briefly=("*",),
    ),
    "revocation": Flow(
        acts.with_long_credentials, acts.revoke, ("request", "revocation"), "revoked", also=checks.dead_keys
    ),
    "request for review": Flow(
        acts.new_agent,
        acts.request_review,
        ("request",),
        "pending",
        workflow="RUNNING",
        notices=("requested",),
        also=checks.one_request_to_review,
    ),
    "approval": Flow(
        acts.to_approve,
        acts.vote,
        ("request", "vote"),
        "active",
        workflow="SUCCEEDED",
        notices=("requested", "decided"),
        also=checks.credentials_after_approval,
        briefly=("TransactWriteItems", "SendTaskSuccess"),
    ),
    "first approval of two": Flow(
        acts.to_approve_with_another,
        acts.vote,
        ("request", "vote"),
        "pending",
        workflow="RUNNING",
        notices=("requested",),
        also=checks.one_vote,
    ),
    "narrowed approval": Flow(
        acts.to_narrow,
        acts.vote_or_reread,
        ("request", "vote"),
        "pending",
        workflow="RUNNING",
        notices=("requested", "narrowed"),
        also=checks.narrowed_once,
        unresumed=NEVER_RESUMED | {"TransactWriteItems"},  # a repeat finds the request narrowed
        tried=("TransactWriteItems", "SendTaskSuccess"),  # a message that is not sent is followed by a reminder
    ),
    "approval by a delegate": Flow(
        acts.to_approve_as_delegate,
        acts.vote,
        ("request", "vote"),
        "active",
        workflow="SUCCEEDED",
        notices=("requested", "decided"),
        also=checks.approved_by_a_delegate,
        tried=("TransactWriteItems", "GetItem", "Query"),  # the rest is that of an approval
    ),
    "out of office": Flow(
        acts.to_set_out_of_office,
        acts.change_out_of_office,
        ("request",),
        "pending",
        workflow="RUNNING",
        notices=("requested",),
        also=checks.set_once,
    ),
    "end of out of office": Flow(
        acts.to_end_out_of_office,
        acts.change_out_of_office,
        ("request",),
        "pending",
        workflow="RUNNING",
        notices=("requested",),
        also=checks.ended_once,
    ),
    "rejection": Flow(
        acts.to_reject,
        acts.vote,
        ("request", "vote"),
        "rejected",
        workflow="SUCCEEDED",
        notices=("requested", "decided"),
        also=checks.no_credentials,
    ),
    "rejection in Slack": Flow(
        acts.to_reject_in_slack,
        acts.reject_in_slack,
        ("request", "vote"),
        "rejected",
        workflow="SUCCEEDED",
        notices=("requested", "decided"),
        also=checks.no_credentials,
        tried=("TransactWriteItems", "SendTaskSuccess", "GetItem"),  # the rest is that of a rejection
    ),
    "break-glass": Flow(
        acts.to_break_glass,
        acts.break_glass,
        ("request", "break_glass"),
        "active",
        workflow="RUNNING",
        notices=("requested", "break_glass_used"),
        also=checks.follow_up_due,
    ),
    "follow-up review": Flow(
        acts.to_follow_up,
        acts.follow_up,
        ("request", "break_glass", "issue", "follow_up"),
        "active",
        workflow="SUCCEEDED",
        notices=("requested", "break_glass_used", "decided"),
        also=checks.followed_up,
    ),
    "objection to break-glass": Flow(
        acts.to_object,
        acts.follow_up,
        ("request", "break_glass", "issue", "revocation", "follow_up"),
        "revoked",
        workflow="SUCCEEDED",
        notices=("requested", "break_glass_used", "decided"),
        also=checks.objected,
    ),
    "request approved before": Flow(
        acts.approved_before, acts.request_as_before, ("request",), "active", also=checks.approved_before
    ),
    "revocation of an earlier approval": Flow(
        acts.approved_before,
        acts.revoke,
        ("request", "vote", "issue", "revocation"),
        "revoked",
        also=checks.reviewed_again,
    ),
    "request with a bound token": Flow(acts.with_key, acts.request_with_proof, ("request",), "active"),
    "withdrawal": Flow(
        acts.under_review,
        acts.release,
        ("request", "release"),
        "released",
        workflow="SUCCEEDED",
        notices=("requested", "decided"),
        also=checks.no_credentials,
    ),
    "gateway read": Flow(acts.through_gateway, acts.read_object, ("request",), "active", also=checks.read_recorded),
    "gateway write": Flow(
        acts.to_write,
        acts.write_object,
        ("request",),
        "active",
        also=checks.written_once,
        unknown=UNKNOWN,
        briefly=("TransactWriteItems", UPSTREAM),
    ),
    "gateway write with its request": Flow(
        acts.with_versions,
        acts.write_object,
        ("request",),
        "active",
        also=checks.written_once,
        # The first write to the store is that of the request.
        unknown=tuple((name, skip + (name != UPSTREAM), fault) for name, skip, fault in UNKNOWN),
    ),
    "review of a call": Flow(
        acts.to_delete,
        acts.delete_object,
        ("request",),
        "pending",
        workflow="RUNNING",
        notices=("requested",),
        also=checks.not_deleted,
    ),
    "reviewed call": Flow(
        acts.to_delete_approved,
        acts.delete_object,
        ("request", "vote", "use"),
        "used",
        workflow="SUCCEEDED",
        notices=("requested", "decided"),
        also=checks.deleted_once,
        unknown=UNKNOWN,
    ),
    "rejection of a call": Flow(
        acts.to_reject_call,
        acts.vote,
        ("request", "vote"),
        "rejected",
        workflow="SUCCEEDED",
        notices=("requested", "decided"),
        also=checks.call_rejected,
    ),
    "withdrawal of a call": Flow(
        acts.with_call_under_review,
        acts.withdraw_call,
        ("request", "release"),
        "released",
        workflow="SUCCEEDED",
        notices=("requested", "decided"),
        also=checks.withdrawn_once,
    ),
    "suspension": Flow(acts.to_suspend, acts.suspend, ("request", "revocation"), "revoked", also=checks.suspended_once),
    "suspension under review": Flow(
        acts.to_suspend_under_review,
        acts.suspend,
        ("request", "revocation"),
        "revoked",
        workflow="SUCCEEDED",
        notices=("requested", "decided"),
        also=checks.in_force_once,
        unresumed=NEVER_RESUMED | {"TransactWriteItems"},  # a repeat finds no open grant
        tried=("TransactWriteItems", "SendTaskSuccess"),  # the rest is that of the flow before
    ),
    "lifting": Flow(acts.to_lift, acts.lift, ("request", "revocation"), "revoked", also=checks.lifted_once),
}
