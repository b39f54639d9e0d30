"""Output of `jitney doctor`."""

from collections.abc import Sequence

from rich.text import Text

from jitney.client.doctor.findings import Finding, Verdict
from jitney.client.terminal.screen import Screen
from jitney.core.printable import strip_control_characters

_STYLES = {Verdict.OK: "green", Verdict.WARNING: "bold yellow", Verdict.FAULT: "bold red"}


class DoctorScreen(Screen):
    """Shows findings."""

    def findings(self, findings: Sequence[Finding]) -> None:
        """Print one line for each finding, and the next step below a fault or warning."""
        width = max(len(each.check) for each in findings)
        for each in findings:
            text = strip_control_characters(each.text)
            named = f"  {each.check:{width}}  "
            self.out.print(Text.assemble((f"{each.verdict.value:7}", _STYLES[each.verdict]), (named, "dim"), text))
            if each.fix:
                self.out.print(Text(f"{'':{11 + width}}Fix: {strip_control_characters(each.fix)}"))
