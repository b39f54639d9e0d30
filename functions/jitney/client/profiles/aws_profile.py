"""A profile in the AWS configuration file that gets its credentials from `jitney credentials`."""

import os
import re
import shlex
import stat
import sys
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import suppress
from pathlib import Path

from jitney.client.api.responses import REGION
from jitney.client.file_replacement import real_path, replace_file
from jitney.client.inputs.setting_files import read_setting_file
from jitney.client.problems import Invalid
from jitney.client.profiles.aws_config_sections import (
    SECTION,
    file_lines,
    file_paths,
    heading_words,
    headings_of,
    indent_of,
    possible_settings,
    setting_in,
)

_NAME = re.compile(r"[\w.@+/-]{1,128}", re.ASCII)
# Bytes of an argument that are not UTF-8 come as surrogates.
_UNWRITABLE = re.compile(r"[\x00-\x1f\x7f\ud800-\udfff]")
# With one of these in the profile, the SDKs take their credentials from it or refuse the profile.
_COMPETING = frozenset(
    {
        "role_arn",
        "source_profile",
        "credential_source",
        "web_identity_token_file",
        "aws_access_key_id",
        "login_session",
    }
)


def command_line(words: Sequence[str]) -> str:
    """Return the words quoted for `credential_process`: for shlex (botocore) and for `sh -c` (other SDKs).

    Raises Invalid for text that is not UTF-8, and for control characters, because a line break would end the setting.
    """
    for word in words:
        if _UNWRITABLE.search(word):
            detail = f"{word!r} holds a control character, or is not UTF-8."
            raise _invalid(detail, "Remove that character.")
    # Some SDKs cut a value at a space before # or ; (AWS shared configuration file format, comments). Two quotes after
    # the space prevent that. A shell ignores them, because the space is always inside single quotes here.
    return re.sub(r" ([#;])", r" ''\1", shlex.join(words))


def section_name(name: str) -> str:
    """Return the section's name: `profile NAME`, or `default` for the default profile.

    Raises Invalid for unusual names.
    """
    if not _NAME.fullmatch(name):
        detail = f"{name!r} is not a profile name."
        raise _invalid(detail, "Use letters, digits and . @ + / _ -.")
    return name if name == "default" else f"profile {name}"


def checked_region(text: str) -> str:
    """Return the Region's name. Raises Invalid for other texts.

    A line break, for example, would begin another setting.
    """
    if not REGION.fullmatch(text):
        detail = f"{text!r} is not a Region."
        raise _invalid(detail, "Give --region one like eu-west-1.")
    return text


def stanza(name: str, settings: Mapping[str, str]) -> str:
    """Return the whole section as text to paste."""
    return "".join([f"[{section_name(name)}]\n", *(f"{key} = {value}\n" for key, value in settings.items())])


def merged(text: str, name: str, settings: Mapping[str, str]) -> str:
    """Return the configuration file `text` with the section's `settings` set, and otherwise unchanged.

    Raises Invalid when the section names another source of credentials, or when SDKs may read another section.
    """
    lines = file_lines(text)
    bounds = _section_bounds(lines, section_name(name))
    for index, heading in headings_of(text, name):
        if not bounds or index != bounds[0]:
            detail = f"The file has the section [{heading}], which some SDKs read as the profile {name}."
            raise _in_use(detail, "Choose another name, or remove that section.")
    if bounds is None:
        gap = "" if not text else "\n" if text.endswith("\n") else "\n\n"
        return text + gap + stanza(name, settings)
    start, end = bounds
    inside = lines[start + 1 : end]
    # A parser takes a line with more indentation than the setting before it as a continuation of that setting.
    indent = next((indent_of(line) for line in inside if not _is_comment(line)), "")
    heading = lines[start] if lines[start].endswith("\n") else lines[start] + "\n"
    ours = (f"{indent}{key} = {value}\n" for key, value in settings.items())
    return "".join([*lines[:start], heading, *ours, *_without(inside, name, settings), *lines[end:]])


def without_section(text: str, section: str) -> str:
    """Return the configuration file `text` without the section, and otherwise unchanged."""
    lines = file_lines(text)
    start, end = _section_bounds(lines, section) or (0, 0)
    return "".join(lines[:start] + lines[end:])


def own_words(section: Mapping[str, str]) -> list[str]:
    """Return the command of a profile that starts `jitney credentials`; [] for other profiles."""
    try:
        words = shlex.split(section.get("credential_process", ""))
    except ValueError:
        return []
    return words if words[1:2] == ["credentials"] and Path(words[0]).name == "jitney" else []


def lacks_region(section: Mapping[str, str], environment: Mapping[str, str]) -> bool:
    """Return whether neither the profile's section nor the environment names a Region."""
    return not (section.get("region") or environment.get("AWS_REGION") or environment.get("AWS_DEFAULT_REGION"))


def region_fix(name: str) -> str:
    """Return how a profile gets the Region that targets and most AWS calls need."""
    return f"Set the Region of its target: `aws configure set region REGION --profile {name}`."


def written_settings(path: Path, name: str) -> dict[str, str]:
    """Return the settings of the profile in the file at `path`, which can be read."""
    return _settings(path.read_bytes().decode("utf-8"), section_name(name))


def require_own_credentials(environment: Mapping[str, str], name: str) -> None:
    """Raise Invalid if the credentials file has credentials for the profile, because SDKs prefer these."""
    try:
        paths = file_paths(environment.get("AWS_SHARED_CREDENTIALS_FILE", ""), "~/.aws/credentials")
    except Invalid:  # without a home folder, SDKs find no file either
        return
    for path in paths:
        text = ""
        with suppress(OSError, UnicodeDecodeError):
            text = path.read_bytes().decode("utf-8-sig")
        if headings_of(text, name) and gives_credentials(path, name):
            detail = f"{path} has credentials for the profile {name}, and SDKs prefer these."
            raise _in_use(detail, f"Choose another name, or remove [{name}] from that file.")


def gives_credentials(path: Path, name: str) -> bool:
    """Return whether the profile in the file at `path` has credentials for any SDK.

    True if it cannot be read as UTF-8, or is no regular file: reading a pipe could wait for ever, and a device may have
    no end. The null device has no credentials.
    """
    try:
        if not stat.S_ISREG(path.stat().st_mode):
            return not path.samefile(os.devnull)
        text = read_setting_file(path)
    except (FileNotFoundError, NotADirectoryError):
        return False
    except OSError:
        return True
    if "\0" in text:  # the AWS CLI can be set to read UTF-16
        return True
    found = possible_settings(text, name)
    return bool(found & (_COMPETING | {"credential_process"})) or any(each.startswith("sso_") for each in found)


def _settings(text: str, section: str) -> dict[str, str]:
    lines = file_lines(text)
    start, end = _section_bounds(lines, section) or (0, 0)
    return {
        match[1].lower(): line.strip()[match.end() :].strip()
        for line, continues in _with_continuations(lines[start + 1 : end])
        if not continues and (match := setting_in(line))
    }


def _is_comment(line: str) -> bool:
    """Return whether the line is a comment or empty."""
    return line.strip()[:1] in {"", "#", ";"}


def _with_continuations(lines: Iterable[str]) -> Iterator[tuple[str, bool]]:
    """Yield each line of a section, and whether it continues the setting before it, by botocore's parser."""
    widest = sys.maxsize
    for line in lines:
        continues = bool(line.strip()) and len(indent_of(line)) > widest
        if not continues and not _is_comment(line):
            widest = len(indent_of(line))
        yield line, continues


def _section_bounds(lines: Sequence[str], section: str) -> tuple[int, int] | None:
    """Return the number of the section's heading line, and that of the line after the section."""
    headings = [(index, heading_words(match[1])) for index, line in enumerate(lines) if (match := SECTION.match(line))]
    for position, (index, words) in enumerate(headings):
        if words == section.split():
            return index, headings[position + 1][0] if position + 1 < len(headings) else len(lines)
    return None


def _without(lines: Iterable[str], name: str, settings: Mapping[str, str]) -> Iterable[str]:
    """Yield the section's lines without `settings` and the lines that continue them."""
    dropping = False
    for line, continues in _with_continuations(lines):
        match = None if continues else setting_in(line)
        key = match[1].lower() if match else ""
        if key in _COMPETING or key.startswith("sso_"):
            detail = f"The profile {name} already has {key}, which competes with credential_process."
            raise _in_use(detail, "Choose another name, or remove that setting.")
        dropping = key in settings or (dropping and continues)
        if not dropping:
            yield line


def write(path: Path, name: str, settings: Mapping[str, str]) -> bool:
    """Set the profile in the file at `path`. An existing file keeps its mode and is replaced in one step.

    A new file is 0600. Return whether the profile existed before and was changed. Raises Invalid, and changes nothing,
    when the file cannot be read or written, or when the profile has other credentials.
    """
    try:
        return _set(real_path(path), name, settings)
    except UnicodeDecodeError as error:
        line = error.object.count(b"\n", 0, error.start) + 1
        detail = f"{path} is not UTF-8: line {line} holds the byte {error.object[error.start]:#04x}."
        raise _unwritable(detail, "Save it as UTF-8: the AWS CLI and SDKs read no other.") from error
    except OSError as error:
        detail = f"{path} cannot be written: {error.strerror}."
        fix = "Set AWS_CONFIG_FILE to a file that you can write, or leave out --write and paste the output."
        raise _unwritable(detail, fix) from error


def _invalid(detail: str, fix: str) -> Invalid:
    return Invalid("profile_invalid", "The profile cannot be written", detail, fix)


def _in_use(detail: str, fix: str) -> Invalid:
    return Invalid("profile_conflict", "The profile is in use", detail, fix)


def _unwritable(detail: str, fix: str) -> Invalid:
    return Invalid("profile_unwritable", "The profile cannot be written", detail, fix)


def _set(real: Path, name: str, settings: Mapping[str, str]) -> bool:
    text = ""
    with suppress(FileNotFoundError):
        text = real.read_bytes().decode("utf-8")
    from jitney.client.profiles.aws_config_syntax import broken_line  # noqa: PLC0415 - configparser costs 7 ms

    if broken := broken_line(text):
        fix = "Correct that line: the AWS CLI and boto3 refuse the whole file."
        raise _unwritable(f"{real} is not a configuration file: {broken}.", fix)
    content = merged(text, name, settings)
    known = _section_bounds(file_lines(text), section_name(name)) is not None
    real.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
    replace_file(real, content.encode("utf-8"))
    return known and content != text
