"""The story in six chapters: asking, with a command too, a person's decision, ends of grants, the audit, its proof."""

import signal
import sys

from rich.markup import escape

from local.demo import asking, auditing, calling, ending, reviewing, verification
from local.demo.runner import DemoRun, DemoStepFailedError, chapter, console, demo_run, title
from local.progress import Progress
from local.system import StartupError


def main() -> int:
    """Play the demo; 0 when everything was as told, 130 when it was interrupted."""
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(128 + signal.SIGTERM))
    title("[bold]Jitney[/]: AWS access for AI agents, for the moment they need it, and no longer")
    try:
        with demo_run() as stage:
            play(stage)
    except DemoStepFailedError as broken:
        console.print("\n[red]Not as told:[/]", escape(str(broken)))
        return 1
    except (StartupError, ValueError) as problem:
        Progress().fail(str(problem))
        return 1
    except KeyboardInterrupt:
        Progress().fail("interrupted; what had been started is ended")
        return 130
    return 0


def play(stage: DemoRun) -> None:
    """All chapters. Raises NotAsTold at the first step that does not go as it is told."""
    chapter("An agent asks for access")
    lent = asking.play(stage)
    chapter("A command asks by itself")
    called = calling.play(stage)
    chapter("A person decides")
    reviewed_id = reviewing.play(stage)
    chapter("Grants end")
    ending.play(stage, called.grant, lent)
    chapter("Afterwards")
    asked = {lent.grant["id"], called.grant["id"], called.pending_id, reviewed_id}
    auditing.play(stage, lent.grant["created_at"], asked, reviewed_id, called.grant["id"])
    chapter("The records are proven")
    verification.play(stage, called.grant["id"])
    last = (
        "The system stays up; make down ends it."
        if stage.stays_up
        else "Everything is stopped again. To keep it: make up"
    )
    console.print(f"\n[bold green]Done.[/] {last}")


if __name__ == "__main__":
    sys.exit(main())
