"""Finds the AWS configuration file and the settings of a profile in it, as any SDK may find them."""

import io
import os
import re
import shlex
from collections.abc import Mapping
from pathlib import Path

from jitney.client.inputs.setting_files import user_path

SECTION = re.compile(r"\s*\[([^\]]*)\]")
_PLAIN = re.compile(r"\[[^\]#;]*\](\s+[#;].*)?\s*", re.DOTALL)
_SETTING = re.compile(r"([\w.-]+)\s*[=:]")


def config_path(environment: Mapping[str, str]) -> Path:
    """Return the path of the AWS configuration file, as the AWS CLI and boto3 find it."""
    return config_paths(environment)[0]


def config_paths(environment: Mapping[str, str]) -> list[Path]:
    """Return each path at which an SDK looks for the AWS configuration file, beginning with that of the AWS CLI."""
    return file_paths(environment.get("AWS_CONFIG_FILE", ""), "~/.aws/config")


def file_paths(named: str, default: str) -> list[Path]:
    """Return the path with ~ and variables expanded, as the AWS CLI does, and as it is, because some SDKs do not."""
    return [user_path(os.path.expandvars(named or default)), *([Path(named)] if named else [])]


def file_lines(text: str) -> list[str]:
    """Return the lines of a file with their ends."""
    return io.StringIO(text, newline="").readlines()  # str.splitlines would cut at U+2028 too


def possible_settings(text: str, name: str) -> set[str]:
    """Return the settings of the profile as any parser may read them.

    Parsers differ about indented lines, about headings, and about repeated sections.
    """
    found: set[str] = set()
    inside = False
    for line in file_lines(text):
        if heading := SECTION.match(line):
            # An indented heading can be part of a value. Some SDKs ignore one with other text around its end.
            doubtful = indent_of(line) or not _PLAIN.fullmatch(line)
            inside = _may_name(heading[1], name) or (inside and bool(doubtful))
        elif inside and (match := setting_in(line)):
            found.add(match[1].lower())
    return found


def headings_of(text: str, name: str) -> list[tuple[int, str]]:
    """Return the line number and the words of each heading that a parser may read as that of the profile."""
    found = ((index, match[1].strip()) for index, line in enumerate(file_lines(text)) if (match := SECTION.match(line)))
    return [(index, heading) for index, heading in found if _may_name(heading, name) and heading != "DEFAULT"]


def _may_name(heading: str, name: str) -> bool:
    """Return whether any parser reads the heading as that of the profile.

    botocore accepts any first word that begins with "profile", and adds [DEFAULT] to each profile. The SDK for
    JavaScript accepts a dot after "profile". The SDKs for Go and JavaScript accept white space that is not ASCII.
    """
    for words in (heading_words(heading), heading.replace("profile.", "profile ", 1).split()):
        if words in (["DEFAULT"], [name]) or (len(words) == 2 and words[0].startswith("profile") and words[1] == name):
            return True
    return False


def setting_in(line: str) -> re.Match[str] | None:
    """Return the match of a setting's name and its = or : in the stripped line; None for another line."""
    return _SETTING.match(line.strip())


def indent_of(line: str) -> str:
    """Return the white space at the beginning of the line."""
    return line[: len(line) - len(line.lstrip())]


def heading_words(heading: str) -> list[str]:
    """Return the words of a heading without quotes, as botocore reads them."""
    try:
        return shlex.split(heading)
    except ValueError:
        return heading.split()
