"""The places of masks in a value, as records and answers list them."""

from typing import TypeAlias

MOST_OF_PATH = 120
"""How many characters of a path are listed."""

Path: TypeAlias = "tuple[Path, str | int] | None"
"""The place of a value: the path of its holder, and its name or its index there. None is the whole value."""


def path_text(path: Path) -> str:
    """Return a path as text: "Users[2].Tags[0].Value"; "body" for the whole value, the body of an answer.

    The value chooses the names. So a long path is cut, and what UTF-8 cannot hold is escaped: records hold paths.
    """
    parts: list[str | int] = []
    while path is not None:
        path, part = path
        parts.append(part)
    written = "".join(f"[{part}]" if isinstance(part, int) else f".{part}" for part in reversed(parts))
    shown = written.removeprefix(".").encode("utf-8", "backslashreplace").decode()
    return (shown if len(shown) <= MOST_OF_PATH else f"{shown[: MOST_OF_PATH - 3]}...") or "body"
