"""The exit codes of `jitney`, in one table: `jitney --help` and docs/agent-reference.md show it."""

from typing import NamedTuple

INTERRUPTED = 130
"""128 plus the number of SIGINT, as shells report it."""


class ExitCode(NamedTuple):
    """A code, what it means, and what to do."""

    code: int
    meaning: str
    next_step: str = ""


EXIT_CODES = (
    ExitCode(0, "done"),
    ExitCode(1, "any other failure, or a check found a fault", "read the message"),
    ExitCode(2, "the request, an option, a file or a setting is not valid", "read the fix"),
    ExitCode(
        3,
        "policy denied the request, a reviewer rejected it, or access was revoked or suspended",
        "request less, or ask the person who decided",
    ),
    ExitCode(4, "the request is under review", "wait, for example with `--wait`"),
    ExitCode(5, "there is no token, or the broker does not accept it", "check the token's source: `jitney doctor`"),
    ExitCode(6, "the broker, the identity provider or AWS did not answer as it should", "try again later"),
    ExitCode(
        7, "the grant has ended, does not exist, or is not yours", "check the id, or make a new request"
    ),
    ExitCode(INTERRUPTED, "interrupted", "`jitney grants list` shows what was granted"),
)  # fmt: skip


def in_one_paragraph() -> str:
    """Return the table for the help text."""
    codes = ", ".join(f"{each.code} {each.meaning}" for each in EXIT_CODES)
    return f"Exit codes: {codes}. `jitney run` exits with its command's own code."
