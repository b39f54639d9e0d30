"""`jitney policy explain`: why policies answer a request as they do."""

from collections.abc import Sequence
from typing import Annotated, Any

import typer

from jitney.client.audit.record_lines import RecordSource
from jitney.client.commands.audit_options import Records, Stack
from jitney.client.commands.policy_replay import Config, Folder, policy_screen
from jitney.client.inputs import options
from jitney.client.inputs.optional import load_extra
from jitney.client.inputs.request_options import invalid, seconds, values_by_key
from jitney.client.terminal.command_result import exit_on_problem, print_result


def _repeated(name: str, metavar: str, help: str) -> Any:  # noqa: A002 - typer's own name
    return typer.Option(name, metavar=metavar, help=f"{help} Repeatable.")


CaseName = Annotated[str, typer.Option("--case", metavar="NAME", help="A case of the tests.yaml beside the policies.")]
Grant = Annotated[str, typer.Option("--grant", metavar="ID", help="A recorded grant; needs --folder or a bucket.")]
Actions = Annotated[list[str] | None, _repeated("--action", "ACTION", "An action, such as s3:GetObject.")]
Resources = Annotated[list[str] | None, _repeated("--resource", "ARN", "An ARN, may hold * and ?.")]
Groups = Annotated[list[str] | None, _repeated("--group", "ISSUER/GROUP", "A group of the requester.")]
Claims = Annotated[list[str] | None, _repeated("--claim", "NAME=VALUE", "A claim of the requester.")]
Conditions = Annotated[list[str] | None, _repeated("--condition", "KEY=VALUE", "A condition of the request.")]
Approvals = Annotated[list[str] | None, _repeated("--approval", "GROUP", "A reviewer group that has approved.")]
Earlier = Annotated[
    list[str] | None, _repeated("--earlier-approval", "GROUP", "A group that approved the same access before.")
]
TimeWindows = Annotated[
    list[str] | None, _repeated("--time-window", "NAME", "A time window of jitney.yaml that is open.")
]
Held = Annotated[list[str] | None, _repeated("--held", "ACTION", "An action of another grant that the agent has.")]
Duration = Annotated[str, typer.Option("--for", metavar="DURATION", help="How long: 90s, 5m, 1h30m.")]
Human = Annotated[str, typer.Option(metavar="ID", help="The person that the agent acts for, as a source identity.")]
Kind = Annotated[str, typer.Option(metavar="KIND", help="agent or human.")]
Way = Annotated[str, typer.Option(metavar="WAY", help="credentials or gateway.")]
Reveal = Annotated[bool, typer.Option("--reveal", help="With the gateway: sensitive values are not masked.")]

_OF_A_REQUEST = frozenset(
    {
        "action", "resource", "group", "claim", "condition", "approval", "earlier_approval", "time_window", "held",
        "duration", "human", "kind", "way", "reveal",
    }
)  # fmt: skip
"""The options that describe the request for TARGET. A case and a recorded grant have their own request."""


def explain_decision(
    context: typer.Context,
    target: options.Target = None,
    *,
    case: CaseName = "",
    grant: Grant = "",
    action: Actions = None,
    resource: Resources = None,
    group: Groups = None,
    claim: Claims = None,
    condition: Conditions = None,
    approval: Approvals = None,
    earlier_approval: Earlier = None,
    time_window: TimeWindows = None,
    held: Held = None,
    duration: Duration = "5m",
    human: Human = "",
    kind: Kind = "agent",
    way: Way = "credentials",
    reveal: Reveal = False,
    folder: Folder = None,
    records: Records = "",
    stack: Stack = None,
    config: Config = None,
    as_json: options.AsJson = False,
) -> None:
    """Explain a decision by the text of the policies that decide.

    The request is a case of tests.yaml, the request of a recorded grant, or TARGET with the options. The
    configuration's policies decide about it.

    Example: jitney policy explain analytics-prod --action s3:GetObject --resource 'arn:aws:s3:::reports/*'
    """
    with exit_on_problem("policy explain", as_json=as_json):
        if sum(map(bool, (case, grant, target))) != 1:
            raise invalid("Not exactly one request is named.", "Give --case, --grant, or TARGET.")
        if not target and (unused := _of_a_request(context)):
            fix = "Leave them out, or give TARGET instead."
            raise invalid(f"With --case or --grant, these do nothing: {', '.join(unused)}.", fix)
        explanation = load_extra("jitney.client.policy.policy_explanation", "policy", "The decision was not explained")
        screen = policy_screen()
        if case:
            result = explanation.explain_case(config, case)
        elif grant:
            recorded = explanation.ExplainedGrant(grant, RecordSource(folder, records, stack))
            with screen.progress() as progress:
                result = explanation.explain_grant(config, recorded, progress)
        else:
            lists = {"actions": action, "resources": resource, "groups": group, "approvals": approval}
            lists |= {"earlier_approvals": earlier_approval, "time_windows": time_window}
            members: dict[str, Any] = {name: given or [] for name, given in lists.items()}
            members |= {"target": target, "other_grant_actions": held or [], "human": human or None, "kind": kind}
            members |= {"seconds": seconds("--for", duration), "way": way, "reveal": "true" if reveal else "false"}
            members |= {"claims": _claims(claim or ()), "conditions": values_by_key(condition or ())}
            result = explanation.explain_request(config, members)
        rows, deciding = explanation.rows(result), explanation.deciding(result)
        print_result(result, lambda: screen.explained(result, rows, deciding), as_json=as_json)


def _of_a_request(context: typer.Context) -> list[str]:
    """Return the options on the command line that describe a request."""
    described = {str(each.name): each.opts[0] for each in context.command.params if each.name in _OF_A_REQUEST}
    sources = {name: context.get_parameter_source(name) for name in described}
    return [described[name] for name, source in sources.items() if source and source.name == "COMMANDLINE"]


def _claims(written: Sequence[str]) -> dict[str, str]:
    split = [each.partition("=") for each in written]
    if wrong := [name for name, equals, _ in split if not equals]:
        raise invalid(f"{wrong[0]!r} is not a claim.", f"Write it as NAME=VALUE: --claim {wrong[0]}=VALUE")
    return {name: value for name, _, value in split}
