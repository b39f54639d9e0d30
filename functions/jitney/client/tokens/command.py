"""A token that a command prints, such as a company's own login tool."""

import subprocess
from dataclasses import dataclass

from jitney.client.problems import Unauthenticated
from jitney.client.tokens import Token, checked_token

_SECONDS = 60


@dataclass(frozen=True, slots=True)
class CommandToken:
    """The token that `argv` prints on standard output. No shell runs it, and its standard error is passed on."""

    argv: tuple[str, ...]

    def fetch(self) -> Token:
        """The printed token.

        Raises Unauthenticated when the command fails, takes longer than a minute, or prints no token.
        """
        try:
            done = subprocess.run(self.argv, stdout=subprocess.PIPE, timeout=_SECONDS, check=True)
        except OSError as error:
            raise self._failed(f"cannot be started: {error.strerror}") from error
        except subprocess.TimeoutExpired:
            # The exception holds the output so far, which may be a token: it is dropped here.
            raise self._failed(f"printed no token within {_SECONDS} seconds") from None
        except subprocess.CalledProcessError as error:
            raise self._failed(f"failed with exit code {error.returncode}") from None
        return Token(checked_token(done.stdout.decode("utf-8", "replace"), f"The token command {self.argv[0]}"))

    def _failed(self, what: str) -> Unauthenticated:
        detail = f"The token command {self.argv[0]} {what}."
        return Unauthenticated("token_unusable", "No usable token", detail, "Run the command by hand to see why.")
