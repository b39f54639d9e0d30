"""A problem of one policy, before it has a place in a file."""

from typing import NamedTuple


class PolicyProblem(NamedTuple):
    """The literal of the policy that shows the place ("" for the whole policy), what is wrong, and the fix."""

    literal: str
    wrong: str
    fix: str
