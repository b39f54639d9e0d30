"""A token in a file that another program keeps fresh, such as a projected Kubernetes service-account token."""

from dataclasses import dataclass
from pathlib import Path

from jitney.client.problems import Unauthenticated
from jitney.client.tokens import Token, checked_token


@dataclass(frozen=True, slots=True)
class FileToken:
    """The token in the file at `path`, read each time because it may have been rotated."""

    path: Path

    def fetch(self) -> Token:
        """The token in the file. Raises Unauthenticated when the file cannot be read or holds no token."""
        try:
            text = self.path.read_text("utf-8")
        except (OSError, UnicodeDecodeError) as error:
            why = getattr(error, "strerror", None) or "it is not text"
            detail = f"The token file {self.path} cannot be read: {why}."
            raise Unauthenticated(
                "token_unusable", "No usable token", detail, "Check the path and its permissions."
            ) from error
        return Token(checked_token(text, f"The token file {self.path}"))
