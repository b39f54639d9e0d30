"""`jitney policy suggest`: the narrowest policies that cover what was used."""

import time
from pathlib import Path
from typing import Annotated

import typer

from jitney.client.audit.record_lines import RecordSource
from jitney.client.commands.audit_options import Records, Since, Stack, Until, chosen_days
from jitney.client.commands.policy_replay import Config, Folder, policy_screen
from jitney.client.inputs import options
from jitney.client.inputs.optional import load_extra
from jitney.client.problems import ClientProblem
from jitney.client.terminal.command_result import exit_on_problem, print_result

Agent = Annotated[str, typer.Option(metavar="NAME", help="An agent, as records name it: local.agent-7.")]
Group = Annotated[str, typer.Option(metavar="NAME", help="A group, as policies name it: local/readers.")]
Unit = Annotated[str, typer.Option(metavar="NAME", help="An accountable unit, such as a repository.")]
Calls = Annotated[
    Path | None,
    typer.Option(metavar="DIR", help="With --folder: a copy of the calls, `aws s3 sync s3://BUCKET/calls DIR`."),
]
Least = Annotated[
    int,
    typer.Option(
        "--generalize-after", metavar="NUMBER", min=2, help="Permit a prefix if this many resources below it were used."
    ),
]
Out = Annotated[
    Path | None,
    typer.Option("--out", metavar="DIR", help="Write the policies and tests.yaml to an empty folder."),
]


def suggest_policies(
    *,
    agent: Agent = "",
    group: Group = "",
    unit: Unit = "",
    since: Since = None,
    until: Until = None,
    folder: Folder = None,
    calls: Calls = None,
    records: Records = "",
    stack: Stack = None,
    generalize_after: Least = 20,
    out: Out = None,
    config: Config = None,
    as_json: options.AsJson = False,
) -> None:
    """Suggest the narrowest policies that cover what was used.

    Reads the records of a requester's grants and the calls that CloudTrail shows. Prints permits for what was used, and
    decides each used request again under them. Requests that your present policies review stay under review. Exits with
    1 if a used permission is not permitted, or if no policy follows from the grants.

    Example: jitney policy suggest --agent local.agent-7 --since 30d --folder records --calls calls
    """
    with exit_on_problem("policy suggest", as_json=as_json):
        suggestions = load_extra("jitney.client.policy.policy_suggestions", "policy", "No policy was suggested")
        screen = policy_screen()
        scope = suggestions.scope_of(agent, group, unit)
        source = RecordSource(folder, records, stack, *chosen_days(since, until))
        seen = source._replace(folder=calls) if calls else None if folder else source
        chosen = suggestions.SuggestionOptions(scope, source, seen, generalize_after)
        with screen.progress() as progress:
            result = suggestions.suggest(chosen, config, int(time.time()), progress)
        if out:
            suggestions.write_folder(result, out)
        rows = suggestions.rows(result)
        print_result(
            suggestions.document(result), lambda: screen.suggested(result.policies, rows, out), as_json=as_json
        )
        if not result.complete:
            raise typer.Exit(ClientProblem.exit_code)
