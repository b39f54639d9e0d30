"""What the commands print: screens, wording, waits and exit codes."""
