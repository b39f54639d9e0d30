"""The small files of text that a user names: settings, tokens, secrets, permissions."""

import errno
from pathlib import Path

from jitney.client.problems import Invalid

MOST_BYTES = 1_000_000
BYTE_ORDER_MARK = "\ufeff"


def user_path(text: str) -> Path:
    """Return the path that a user wrote, with the home folder for ~. Raises Invalid if that folder is not known.

    In a container, the user may have neither an entry in the list of users nor HOME.
    """
    try:
        return Path(text).expanduser()
    except RuntimeError as error:
        detail = f"{text} needs a home folder, and this system knows none."
        raise Invalid("home_unknown", "No home folder", detail, "Set HOME, or write the whole path.") from error


def absolute_path(path: Path) -> Path:
    """Return the path from the root. Raises Invalid for a relative path if the working folder was removed."""
    try:
        return path.absolute()
    except FileNotFoundError as error:
        detail = f"{path} is in the working folder, which was removed."
        raise Invalid("folder_removed", "No working folder", detail, "Go to a folder that exists.") from error


def read_setting_file(path: Path) -> str:
    """Return the text of the file, without the byte order mark that some editors put before it.

    Raises OSError, with its reason in `strerror`, also for a file that has more than `MOST_BYTES` or is not UTF-8. The
    limit protects the memory if the path is wrong, such as that of a device or a disk image.
    """
    with path.open("rb") as file:
        content = file.read(MOST_BYTES + 1)
    if len(content) > MOST_BYTES:
        raise OSError(errno.EFBIG, f"it has more than {MOST_BYTES} bytes", str(path))
    try:
        return content.decode("utf-8").removeprefix(BYTE_ORDER_MARK)
    except UnicodeDecodeError as error:
        raise OSError(errno.EILSEQ, "it is not UTF-8 text", str(path)) from error
