"""The AWS configuration file: adds and removes a profile's section, and changes nothing else."""

from collections.abc import Mapping, Sequence
from configparser import Error, RawConfigParser
from typing import Any

from jitney.client.profiles import aws_profile
from jitney.client.setup.insertions import Insertion


class ProfileText:
    """The text of an AWS configuration file. A place is the name of one section."""

    def __init__(self, text: str) -> None:
        """Read the text as botocore does. Raises ValueError when it cannot be read."""
        self._text = text
        self._parser = RawConfigParser(default_section="")
        try:
            self._parser.read_string(text)
        except Error as error:
            raise ValueError(str(error)) from error

    def entry(self, place: Sequence[str]) -> Any:
        """Return the section's settings; None without the section."""
        return dict(self._parser[place[0]]) if place[0] in self._parser else None

    def insertions(self, place: Sequence[str], entry: Mapping[str, Any]) -> list[Insertion]:
        """Return the insertions that add the section, which must not exist."""
        merged = aws_profile.merged(self._text, place[0].removeprefix("profile "), entry)
        return [Insertion(len(self._text), merged[len(self._text) :])]

    def without(self, place: Sequence[str]) -> str:
        """Return the text without the section, which must exist."""
        return aws_profile.without_section(self._text, place[0])
