"""Writes text into the comments of Cedar policies.

Records hold text of agents and of their providers. A comment is one line without invisible characters, so no text can
end its comment.
"""

from jitney.core.review.safe_text import cut

MOST_COMMENT = 200
"""The limit of characters of one text in a comment."""


def comment(text: str) -> str:
    """Return a text as one line of comment. Invisible characters are shown as their code points."""
    return f"// {cut(text, 2 * MOST_COMMENT)}"


def quoted(text: str) -> str:
    """Return an agent's own text for a comment: cut, and in quotation marks."""
    shown = cut(text, MOST_COMMENT).replace('"', "'")
    return f'"{shown}"'
