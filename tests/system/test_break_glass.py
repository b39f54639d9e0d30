"""Break-glass in the deployed system: the functions' roles, the workflow and the pages together (REV 8)."""

from collections.abc import Callable, Iterator
from typing import Any

import pytest

from jitney.core.review.content import content_hash
from tests.reviewer_browser import Person
from tests.running_systems import until
from tests.system.conftest import Api
from tests.system.review_system import Review
from tests.system.test_workflow import review  # noqa: F401 - a fixture

# With the other tests of people: see tests/system/test_reviews.py.
pytestmark = pytest.mark.xdist_group("reviews")


@pytest.fixture
def carol(person: Callable[[str], Person]) -> Person:
    made = person("carol")
    made.sign_in()
    return made


@pytest.fixture
def bob(person: Callable[[str], Person]) -> Person:
    made = person("bob")
    made.sign_in()
    return made


@pytest.fixture
def taken(review: Review, carol: Person, bob: Person) -> Iterator[str]:  # noqa: F811
    """Yield a request that was granted by break-glass.

    Its follow-up review is done when the test ends, at the latest.
    """
    grant_id = review.ask(duration_seconds=1800)
    review.waiting(grant_id)
    form = {"token": carol.token(), "content": content_hash(review.grant(grant_id)), "reason": "the site is down"}
    answer = carol.confirm(f"/{grant_id}/break-glass", form)
    assert answer.status_code == 303, answer.text
    yield grant_id
    if review.grant(grant_id).awaits_follow_up:
        assert judge(bob, grant_id, "confirm").status_code == 303


def judge(who: Person, grant_id: str, judgement: str) -> Any:
    form = {"token": who.token(), "judgement": judgement, "comment": "looked at it"}
    return who.post(f"/{grant_id}/follow-up", form)


def notified(review: Review, grant_id: str, notice: str) -> Any:  # noqa: F811
    return until(lambda: notice in review.notices(grant_id))


def test_rev_08_all_are_notified_and_the_workflow_waits_until_the_follow_up(
    api: Api,
    review: Review,  # noqa: F811
    carol: Person,
    bob: Person,
    taken: str,
):
    notified(review, taken, "break_glass_used")
    issued = api("POST", f"/v1/grants/{taken}/credentials", {}, agent="writer-agent")
    assert (issued.status_code, issued.json()["grant"]["duration_seconds"]) == (200, 900)
    assert issued.json()["grant"]["break_glass"]["by"] == "people.carol"
    assert review.execution(taken)["status"] == "RUNNING"
    other = review.ask()
    form = {"token": carol.token(), "content": content_hash(review.grant(other)), "reason": "this too"}
    again = carol.post(f"/{other}/break-glass", form)
    assert (again.status_code, "follow_up_due" in again.text) == (409, True)
    assert (judge(carol, taken, "confirm").status_code, review.grant(taken).awaits_follow_up) == (403, True)
    assert "Follow-up reviews" in bob.get().text
    assert judge(bob, taken, "confirm").status_code == 303
    assert review.ended(taken)["status"] == "SUCCEEDED"
    assert review.notices(taken) == ["requested", "break_glass_used", "decided"]
    shown = review.shown(taken)
    assert (shown["state"], shown["break_glass"]["follow_up"]["by"]) == ("active", "people.bob")
    assert "Follow-up reviews" not in bob.get().text
    events = [event for event in review.events(taken) if event != "notice"]
    assert events == ["request", "break_glass", "issue", "follow_up"]
    review.release(other)


def test_rev_08_an_objection_makes_the_credentials_stop_working(
    api: Api,
    review: Review,  # noqa: F811
    bob: Person,
    taken: str,
    agent_session: Callable[..., Any],
):
    issued = api("POST", f"/v1/grants/{taken}/credentials", {}, agent="writer-agent").json()
    (permission,) = issued["grant"]["permissions"]
    bucket, _, key = permission["resources"][0].removeprefix("arn:aws:s3:::").partition("/")
    s3 = agent_session(issued["credentials"])("s3")
    s3.put_object(Bucket=bucket, Key=key, Body=b"x")
    assert judge(bob, taken, "object").status_code == 303
    with pytest.raises(s3.exceptions.ClientError, match="AccessDenied"):
        s3.put_object(Bucket=bucket, Key=key, Body=b"y")
    assert review.shown(taken)["ending"]["by"] == "people.bob"
    assert api("POST", f"/v1/grants/{taken}/credentials", {}, agent="writer-agent").status_code == 410
