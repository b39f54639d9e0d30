"""What a reviewer leaves of a request, as a form says it: the checked actions and resources (row REV 7). Pure."""

from collections.abc import Collection

from jitney.core.access.grant import Grant
from jitney.core.access.request import Permission
from jitney.core.review.sheet import resources_by_action


def selected_permissions(grant: Grant, actions: Collection[str], resources: Collection[str]) -> tuple[Permission, ...]:
    """The permissions whose boxes are checked: the grant's own when all are, () when none is.

    Boxes are named by their places on the sheet, "2" for an action and "2.0" for its first resource: nothing that a
    browser sends back is read as an action or a resource.
    """
    reach = resources_by_action(grant)
    kept = {
        action: tuple(arn for place, arn in enumerate(arns) if f"{line}.{place}" in resources)
        for line, (action, arns) in enumerate(reach.items())
        if str(line) in actions
    }
    if kept == reach:
        return grant.permissions
    together: dict[tuple[str, ...], list[str]] = {}
    for action, arns in kept.items():
        if arns:
            together.setdefault(arns, []).append(action)
    return tuple(Permission(tuple(names), arns) for arns, names in together.items())
