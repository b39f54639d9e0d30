"""The `jitney` program. Frequent commands of SDKs and scripts run without the parser, which takes 100 ms to load."""

import sys

from jitney import __version__


def main() -> None:
    """Run the command line of this process."""
    words = sys.argv[1:]
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
    from jitney.client.cli import app

    app()
