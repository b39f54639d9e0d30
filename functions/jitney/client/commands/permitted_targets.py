"""`jitney targets`: what the caller could request, on each target."""

import difflib
from dataclasses import replace

from jitney.client.api.permitted_targets import ApiPermittedTargets
from jitney.client.inputs import options
from jitney.client.inputs.grouping import grouped
from jitney.client.problems import Invalid
from jitney.client.terminal.command_result import exit_on_problem, print_result, screen


@grouped
def targets(
    target: options.Target = None,
    *,
    as_json: options.AsJson = False,
    connection: options.Connection,
) -> None:
    """Show what you could request, and who would review it. Requests nothing. With TARGET, only this target is shown.

    Example: jitney targets analytics-prod
    """
    with exit_on_problem("targets", as_json=as_json):
        with connection.broker() as broker:
            found = broker.targets()
        shown = _only(found, target) if target else found
        print_result(shown.document(), lambda: screen().targets(shown), as_json=as_json)


def _only(found: ApiPermittedTargets, alias: str) -> ApiPermittedTargets:
    """Return only the target with this alias. Raises Invalid for an unknown alias, and names similar ones."""
    kept = tuple(each for each in found.targets if each.target == alias)
    if kept:
        return replace(found, targets=kept)
    known = [each.target for each in found.targets]
    close = difflib.get_close_matches(alias, known, n=3)
    fix = f"Did you mean {' or '.join(close)}?" if close else f"Your targets are {', '.join(known)}." if known else ""
    detail = f"There is no target {alias!r} on which policies permit you anything."
    raise Invalid("target_unknown", "The target does not exist for you", detail, fix or found.fix)
