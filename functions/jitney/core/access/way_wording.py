"""The way of a grant in words, for reviewers and agents."""

from jitney.core.access.request import Way


def way_in_words(way: str, *, reveal: bool) -> str:
    """Return how a gateway grant is used, and "" for credentials, which need no mention."""
    if way != Way.GATEWAY:
        return ""
    return f"gateway: Jitney makes the calls, with sensitive values {'revealed' if reveal else 'masked'} in answers"
