"""A token in a file that another program keeps fresh, such as a projected Kubernetes service-account token."""

from dataclasses import dataclass
from pathlib import Path

from jitney.client.inputs.setting_files import read_setting_file
from jitney.client.problems import Unauthenticated
from jitney.client.tokens import Token, checked_token


@dataclass(frozen=True, slots=True)
class FileToken:
    """The token in the file at `path`. `fetch` reads it again, because it may have been rotated."""

    path: Path

    def fetch(self) -> Token:
        """The token in the file. Raises Unauthenticated when the file cannot be read or holds no token."""
        try:
            text = read_setting_file(self.path)
        except OSError as error:
            detail = f"The token file {self.path} cannot be read: {error.strerror}."
            raise Unauthenticated(
                "token_unusable", "No usable token", detail, "Check the path and its permissions."
            ) from error
        return Token(checked_token(text, f"The token file {self.path}"))
