"""How commands use a terminal: screens, wording, the display of waits, and exit codes."""
