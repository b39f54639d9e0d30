"""The demo's chapters in order, and its exit codes."""

import signal
import sys

from rich.markup import escape

from local.demo import auditing, calling, ending, gateway, requesting, reviewing, verification
from local.demo.runner import DemoRun, DemoStepFailedError, chapter, console, demo_run, title
from local.progress import Progress
from local.system import StartupError


def main() -> int:
    """Run the demo. Return 0 when every check held, 1 when one failed, and 130 when it was interrupted."""
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(128 + signal.SIGTERM))
    title("[bold]Jitney[/]: AWS access for AI agents, for the moment they need it, and no longer")
    try:
        with demo_run() as run:
            play(run)
    except DemoStepFailedError as failure:
        console.print(f"\n[red]{escape(str(failure))}[/]")
        return 1
    except (StartupError, ValueError) as problem:
        Progress().fail(str(problem))
        return 1
    except KeyboardInterrupt:
        Progress().fail("interrupted; everything the demo started is stopped")
        return 130
    return 0


def play(run: DemoRun) -> None:
    """Run all chapters. Raises DemoStepFailedError at the first check that fails."""
    chapter("An agent requests access")
    requested = requesting.play(run)
    chapter("A command requests access by itself")
    command = calling.play(run)
    chapter("A person decides")
    reviewed_id = reviewing.play(run)
    chapter("Grants end")
    expired_id = ending.play(run, command.grant)
    chapter("An agent calls AWS without any key")
    gateway_id = gateway.play(run)
    chapter("An auditor reads the records")
    grant_ids = {requested["id"], command.grant["id"], command.pending_id, reviewed_id, expired_id, gateway_id}
    auditing.play(run, requested["created_at"], grant_ids, reviewed_id, command.grant["id"])
    chapter("An auditor verifies the records")
    verification.play(run, command.grant["id"])
    last = (
        "The system is still up. To stop it: make down"
        if run.stays_up
        else "The system is stopped. To start it and keep it: make up"
    )
    console.print(f"\n[bold green]Done.[/] {last}")


if __name__ == "__main__":
    sys.exit(main())
