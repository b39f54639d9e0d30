"""The type of a format in which a text has a secret."""

from typing import NamedTuple


class SecretFormat(NamedTuple):
    """The format of a kind of secret. `needle` is `offset` characters after the start of each match of `pattern`.

    If the pattern has groups, the last group that matched is the secret. Unless it is `loose`, the needle of a match is
    in a long word. A match contains `mark`, or `mark` with a tab instead of a space. It is searched before the needle.

    With `folded`, the needle is in lower case and matches any case. With `before`, this pattern must match in the 400
    characters that end at the needle. With `tail`, a pattern of reversed text, the secret begins with what `tail`
    matches before the match. No pattern matches a NUL, because texts are joined with NULs and searched together.
    """

    needle: str
    pattern: str
    offset: int = 0
    folded: bool = False
    loose: bool = False
    mark: str = ""
    before: str = ""
    tail: str = ""
