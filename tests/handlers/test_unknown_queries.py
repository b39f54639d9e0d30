"""Members of the query that a route does not have: nothing is done as if they were not there."""

import json

import pytest

from jitney.handlers.grant_reads import list_grants
from jitney.handlers.grants import create_grant
from jitney.handlers.review.bulk_rejections import reject_many_from_terminal
from jitney.handlers.review.terminal_votes import vote_from_terminal
from jitney.handlers.review_reads import list_reviews, show_review
from tests.core.identity import minting
from tests.handlers.api_app import handlers, with_ports
from tests.handlers.conftest import REQUEST_BODY, System
from tests.handlers.test_review_pages import pending
from tests.handlers.test_terminal_reviews import own_token, terminal_desk

FOR_REVIEWS = {("GET", "/v1/reviews"), ("GET", "/v1/reviews/{id}"), ("POST", "/v1/reviews/{id}/votes"),
               ("POST", "/v1/reviews/rejections")}  # fmt: skip
ROUTES = [each for each in handlers() if each[1].startswith("/v1/") and each != ("GET", "/v1/health")]


@pytest.mark.parametrize("route", [each for each in ROUTES if each not in FOR_REVIEWS], ids=" ".join)
def test_a_route_refuses_a_query_that_it_does_not_have(system: System, route: tuple[str, str]):
    event = {
        "httpMethod": route[0],
        "resource": route[1],
        "headers": {"Authorization": f"Bearer {minting.token()}", "Idempotency-Key": "k"},
        "pathParameters": {"id": "g-aaaaaaaaaaaaaa", "alias": "analytics-prod"},
        "queryStringParameters": {"dry_run": "true"},
        "body": json.dumps(REQUEST_BODY),
    }
    with with_ports(system.ports):
        answer = handlers()[route](event, None)
    problem = json.loads(answer["body"])
    assert (problem["code"], problem["parameter"]) == ("request_invalid", "dry_run"), problem
    assert not system.store.grants


@pytest.mark.parametrize("route", [list_reviews, show_review, vote_from_terminal, reject_many_from_terminal])
def test_a_route_for_reviews_refuses_a_query(route):
    desk = terminal_desk()
    grant = pending(desk)
    status, problem, _ = desk.system.call(route, token=own_token(desk), grant_id=grant.id, query={"verbose": "1"})
    assert (status, problem["code"], problem["parameter"]) == (400, "request_invalid", "verbose")


def test_the_fix_names_the_members_that_the_query_can_have(system: System):
    problem = system.call(list_grants, query={"cursor": "", "state": "active"})[1]
    assert problem["detail"] == "The query has the member 'state', which does not exist."
    assert problem["fix"] == "Remove it. The query can have cursor."
    assert [each["code"] for each in system.records()] == ["request_invalid"]


def test_an_unproven_caller_learns_nothing_about_queries(system: System):
    assert system.call(list_grants, query={"state": "active"}, token="x")[1]["code"] == "token_malformed"


def test_a_refused_query_does_not_use_up_the_token(system: System):
    token = minting.token(iss=minting.SPENT)
    assert system.call(create_grant, REQUEST_BODY, query={"dry_run": "1"}, token=token)[0] == 400
    assert system.call(create_grant, REQUEST_BODY, token=token)[1]["code"] == "denied"


@pytest.mark.parametrize("key", ["", " ", "x" * 256, "a\tb"])
def test_an_unusable_idempotency_key_is_not_taken_for_none(system: System, key: str):
    status, problem, _ = system.call(create_grant, REQUEST_BODY, Idempotency_Key=key)
    assert (status, problem["code"], problem["parameter"]) == (400, "request_invalid", "Idempotency-Key")
    assert not system.store.grants
