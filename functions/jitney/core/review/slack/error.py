"""The error of a call to Slack."""


class SlackError(Exception):
    """Slack refused a call. `code` is a word for the record: Slack's own error code, if Slack gave one."""

    def __init__(self, code: str) -> None:
        super().__init__(code)
        self.code = code
