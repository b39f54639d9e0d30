"""Output of `jitney init`."""

from collections.abc import Sequence

from rich.text import Text

from jitney.client.setup.clients import AgentClient
from jitney.client.setup.file_changes import FileChange
from jitney.client.terminal.screen import Screen
from jitney.core.printable import strip_control_characters

_STYLES = {"+": "green", "-": "red", "@": "cyan"}


class SetupScreen(Screen):
    """Shows changes of clients' files."""

    def file_change(self, client: str, change: FileChange) -> None:
        """Print the change as a diff, or why there is none."""
        if change.note:
            self.note(f"jitney: {client}, {change.file.path}: {change.note}.")
        for line in change.diff():
            style = "bold" if line.startswith(("+++", "---")) else _STYLES.get(line[:1], "")
            self.out.print(Text(strip_control_characters(line.replace("\t", "    ")), style=style))

    def clients_set_up(self, clients: Sequence[AgentClient], changes: Sequence[FileChange], *, removed: bool) -> None:
        """Print what was done, and the next step in each client."""
        for client, change in zip(clients, changes, strict=True):
            if change.changes:
                done = "Removed from" if removed else "Set up"
                self.note(f"{done} {client.title}: {change.file.path}")
                if not removed:
                    name = change.file.place[0].removeprefix("profile ")
                    self.note(f"  Next: {client.next_step.replace('NAME', name)}.")
