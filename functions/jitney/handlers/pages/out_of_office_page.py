"""GET /reviews/out-of-office: a reviewer's out-of-office dates, their delegates, and their own delegations."""

from jitney.adapters.table_reads import unreadable_item
from jitney.core.review.out_of_office import (
    LONGEST_DAYS,
    DelegateOptions,
    OutOfOffice,
    OutOfOfficeEntries,
    delegate_options,
    is_valid_delegate,
    with_delegates,
)
from jitney.core.stored_identity import Identity
from jitney.handlers.pages.viewers import redirect_to_sign_in
from jitney.handlers.pages.visits import Page, Visit
from jitney.handlers.runtime.ports import Ports


def out_of_office_of(human: Identity, ports: Ports) -> OutOfOffice | None:
    """Return the stored out-of-office period of a person. It may be over. Raises Problem item_unreadable."""
    return _own(ports.out_of_office.all(), human)


def _own(stored: OutOfOfficeEntries, human: Identity) -> OutOfOffice | None:
    if human.digest in stored.unreadable:
        raise unreadable_item("your out-of-office entry")
    return stored.of(human)


def show_out_of_office(visit: Visit) -> Page:
    """Return 200 with the signed-in person's out-of-office period and the form to change it.

    Raises Problem item_unreadable.
    """
    if visit.session is None:
        return redirect_to_sign_in(visit)
    human, groups = visit.principal.source_identity, visit.ports.config.reviewers
    stored = visit.ports.out_of_office.all()
    own = _own(stored, visit.principal.identity)
    current_groups = with_delegates(visit.ports.config, stored, visit.now)
    options = delegate_options(human, groups)

    def is_chosen(option: DelegateOptions, name: str) -> bool:
        return own is not None and (option.group, visit.ports.config.identity_of(name)) in own.delegates

    values = {
        "out_of_office": own if own and own.ends_at > visit.now else None,
        "shown_id": own.id if own else "",
        "delegate_options": options,
        "chosen": [(option.group, each) for option in options for each in option.delegates if is_chosen(option, each)],
        "valid": [
            (group, delegate)
            for group, delegate in (own.delegates if own else ())
            if is_valid_delegate(visit.principal.identity, group, delegate, visit.ports.config)
        ],
        "delegations": [
            delegation
            for name in sorted(current_groups)
            for delegate, delegation in current_groups[name].active_delegations
            if delegate == human
        ],
        "longest_days": LONGEST_DAYS,
    }
    return Page(200, "out_of_office", values)
