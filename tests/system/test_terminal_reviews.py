"""Row REV 17 on the deployed system: a person's own token lists, shows and votes, under the functions' own roles."""

import threading
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import pytest

from jitney.client.api.broker import Broker
from jitney.client.login.code_flow import sign_in_with_browser
from jitney.client.login.login_settings import LoginSettings
from jitney.client.login.provider_metadata import discover
from jitney.client.problems import ClientProblem
from jitney.client.tokens import Token
from tests.client.login.person import Person
from tests.running_systems import PATIENCE
from tests.system.conftest import Api, conforms, request_body

pytestmark = pytest.mark.xdist_group("reviews")
WRITE = [
    {"actions": ["s3:PutObject"], "resources": ["arn:aws:s3:::reports/terminal/a", "arn:aws:s3:::reports/terminal/b"]}
]


@dataclass
class Fixed:
    """The source of one token."""

    value: str

    def fetch(self) -> Token:
        return Token(self.value, 600)


def signed_in(stack: dict[str, Any], name: str) -> str:
    """Return an ID token for reviews, after the person signed in as `jitney login --review` has them do."""
    what = LoginSettings(stack["people"]["issuer"], stack["review_client"]["client_id"], "openid", "id")
    visits: list[threading.Thread] = []

    def open_it(address: str) -> None:
        visits.append(threading.Thread(target=Person(stack, name).open, args=(address,)))
        visits[0].start()

    found = sign_in_with_browser(what, discover(what.issuer), open_it, PATIENCE)
    visits[0].join()
    return found.token


@pytest.fixture
def pending(api: Api) -> str:
    answer = api("POST", "/v1/grants", request_body(permissions=WRITE), agent="writer-agent")
    assert answer.status_code == 202, answer.text
    return str(answer.json()["grant"]["id"])


def test_rev_17_a_person_reviews_in_a_terminal(
    api: Api, stack: dict[str, Any], pending: str, token: Callable[[str], str]
):
    own = signed_in(stack, "bob")
    bob = Broker(stack["api_url"], Fixed(own))
    for path in ("/v1/reviews", f"/v1/reviews/{pending}"):
        answer = api.client.get(api.url + path, headers={"Authorization": f"Bearer {own}"})
        assert answer.status_code == 200, answer.text
        conforms("GET", path, answer)
    assert pending in {each.id for each in bob.reviews().sections["waiting_for_you"]}
    shown = bob.review(pending)
    body = {"verdict": "approve", "content": shown.content, "resources": ["0.1"], "comment": "one of them"}
    with pytest.raises(ClientProblem) as step:
        bob.vote(pending, body)
    assert step.value.code == "confirmation_required"
    confirmed = body | {"confirmed": step.value.extras["review"]["content"]}
    # An agent's token does not vote, even with the right hashes.
    with pytest.raises(ClientProblem) as refused:
        Broker(stack["api_url"], Fixed(token("writer-agent"))).vote(pending, confirmed)
    assert refused.value.code == "token_audience"
    assert bob.vote(pending, confirmed).state == "active"
    with pytest.raises(ClientProblem) as replayed:
        bob.vote(pending, {"verdict": "reject", "content": shown.content, "comment": "again"})
    assert replayed.value.code == "token_replayed"
    granted = api("GET", f"/v1/grants/{pending}", agent="writer-agent").json()["grant"]
    assert granted["permissions"][0]["resources"] == ["arn:aws:s3:::reports/terminal/b"]
    with pytest.raises(ClientProblem) as elsewhere:
        bob.grants()
    assert elsewhere.value.code == "token_audience"
