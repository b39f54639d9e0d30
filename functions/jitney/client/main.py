"""The `jitney` program. Frequent commands of SDKs and scripts run without the parser, which takes 100 ms to load."""

import os
import sys

from jitney import __version__


def main() -> None:
    """Run the command line of this process. It ends without an error when the reader of its output has ended."""
    try:
        _run(sys.argv[1:])
        sys.stdout.flush()
    except BrokenPipeError:
        # Python would write to the pipe once more at its end. https://docs.python.org/3/library/signal.html
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        raise SystemExit(1) from None


def _run(words: list[str]) -> None:
    if words == ["--version"]:
        sys.stdout.write(f"jitney {__version__}\n")
        return
    if words[:1] == ["credentials"]:
        from jitney.client import credential_process

        options = credential_process.parse(words[1:])
        if options is not None:
            try:
                credential_process.print_credentials(options)
            except KeyboardInterrupt:
                raise SystemExit(130) from None
            return
    from jitney.client.cli import COMMANDS, build_app

    build_app(words[:1] if words and words[0] in COMMANDS else COMMANDS)()
