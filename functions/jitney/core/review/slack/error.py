"""What Slack did not do."""


class SlackError(Exception):
    """Slack did not do it; `code` says why in a word that can be on record: Slack's own, where it has one."""

    def __init__(self, code: str) -> None:
        super().__init__(code)
        self.code = code
