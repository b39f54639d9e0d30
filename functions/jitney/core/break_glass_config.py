"""The configuration of break-glass. Part of `jitney.core.config`."""

from typing import NamedTuple

BREAK_GLASS_APPROVAL = "break-glass"
"""The approval that policies see when break-glass is used. No group can have this name."""


class BreakGlassConfig(NamedTuple):
    """Who may use break-glass, for which targets, and for how long at most (seconds).

    `people` are source identities; `groups` are token groups ("issuer alias/group"). `notify` are notified in addition
    to all reviewers. The follow-up review is due within `follow_up_seconds`. `own_requests` allows people to use it for
    their own requests.
    """

    people: tuple[str, ...]
    groups: tuple[str, ...]
    targets: tuple[str, ...]
    notify: tuple[str, ...]
    max_duration_seconds: int
    follow_up_seconds: int
    own_requests: bool
