"""Votes of reviewers who saw what their approval grants. tests/handlers/test_review_steps.py has the other ones."""

from jitney.core.access.grant import Grant
from jitney.handlers.review import ballots
from jitney.handlers.review.ballots import Ballot
from jitney.handlers.runtime.ports import Ports


def vote(ballot: Ballot, ports: Ports) -> Grant:
    """Vote, and return the changed grant."""
    return ballots.vote(ballot, ports, may_grant=True)
