"""Problems as Python exceptions: their words, and their copies in other processes."""

import pickle

import pytest

from jitney.client import problems
from jitney.client.api import polling
from jitney.client.api.grant_request import ApiPermission, GrantRequest
from jitney.client.api.responses import GrantResponse
from tests.client.fake_broker import ended, grant, vote

REQUEST = GrantRequest("analytics-prod", (ApiPermission(("s3:GetObject",), ("*",)),), 300, "monthly report")


def test_cli_03_a_problem_in_a_traceback_has_the_next_step():
    problem = problems.Denied("denied", "Denied", "No policy permits it.", "Ask for less.")
    assert str(problem) == "Denied: No policy permits it.\nAsk for less."
    assert str(problems.Denied("denied", "Denied", "No policy permits it.")) == "Denied: No policy permits it."


REJECTED = {"grant": grant("rejected", votes=[vote("reject", "too wide"), vote("approve", "fine", "people.bob")])}


def test_cli_03_a_problem_from_a_worker_process_keeps_its_members():
    problem = problems.Rejected("grant_rejected", "Rejected", "Alice said no.", "Ask her.", {"grant": {"id": "g-1"}})
    problem.request = REQUEST
    copy = pickle.loads(pickle.dumps(problem))  # noqa: S301 - our own bytes
    assert type(copy) is problems.Rejected
    assert (copy.document(), str(copy), copy.request) == (problem.document(), str(problem), REQUEST)


@pytest.mark.parametrize(
    ("document", "kind", "words", "fix"),
    [
        (ended("revoked", "key leaked"), problems.Revoked, "is revoked: key leaked.", "Talk to reader-agent before"),
        (ended("released"), problems.GrantEnded, "is released.", "You released this grant; make a new request."),
        (
            {"grant": grant("expired")},
            problems.GrantEnded,
            "is expired.",
            "Make a new request; state how long you need.",
        ),
        ({"grant": grant("failed")}, problems.GrantEnded, " failed.", "Make a new request. If it fails too, ask"),
        (REJECTED, problems.Rejected, "is rejected: too wide.", "Request less, or talk to people.alice; then"),
        (
            {"grant": grant("rejected")},
            problems.Rejected,
            "is rejected.",
            "Request less, or talk to the reviewers;",
        ),
    ],
)
def test_cli_03_an_ended_grant_says_why_and_what_to_do(
    document: dict, kind: type[problems.ClientProblem], words: str, fix: str
):
    problem = polling.ended_problem(GrantResponse.read(document).grant)
    assert type(problem) is kind
    assert words in problem.detail
    assert problem.fix.startswith(fix)
