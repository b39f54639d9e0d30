"""POL 5, attacked at DynamoDB: two halves of a privilege escalation are requested at the same time."""

import threading
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest

from jitney.adapters import clock
from jitney.adapters.store import Store
from jitney.handlers.grants import create_grant
from tests.core.identity import minting
from tests.handlers.conftest import REQUEST_BODY, System, configuration
from tests.identities import identity
from tests.system.conftest import Api, request_body
from tests.system.test_roles import session_of

# They widen the trust of the functions' roles in turn, as the tests of roles do.
pytestmark = pytest.mark.xdist_group("roles")

STACK = "arn:aws:cloudformation:eu-west-1:444455556666:stack/reports/1"
HALVES = ("cloudformation:CreateChangeSet", "cloudformation:ExecuteChangeSet")
POLICIES = """
@id("all") permit (principal, action, resource) when { resource.wildcard || !resource.wildcard };
@id("never-escalation") forbid (principal, action, resource)
when { context.risks.contains("EscalationCombination") };
"""
ROUNDS = 40


def asking(action: str) -> dict[str, Any]:
    return REQUEST_BODY | {"permissions": [{"actions": [action], "resources": [STACK]}]}


def test_pol_05_of_two_halves_at_once_one_is_granted_and_the_other_is_denied(aws, stack, clients):
    """The handler of POST /v1/grants runs under its function's role, with policies that allow each half alone."""
    with session_of("jitney-grants", aws, stack, clients) as session:
        store = Store(session("dynamodb"), stack["tables"]["state"], stack["tables"]["audit"])
        # The time as it is: what ended in the past is deleted from the tables (DynamoDB's TTL).
        system = System(config=configuration(POLICIES), now=clock.now())
        system.ports.store, system.ports.new_id = store, clock.new_id

        def ask(agent: str, action: str, together: threading.Barrier) -> tuple[int, str]:
            token = minting.token(sub=agent, iat=system.now, exp=system.now + 300)
            together.wait()
            status, body, _ = system.call(create_grant, asking(action), token=token)
            return status, body.get("code", "")

        with ThreadPoolExecutor(len(HALVES)) as pool:
            for number in range(ROUNDS):
                agent, together = f"{clock.new_id('a')}-{number}", threading.Barrier(len(HALVES))
                answers = list(pool.map(lambda action: ask(agent, action, together), HALVES))  # noqa: B023
                assert sorted(answers) == [(201, ""), (403, "denied")]
                (held,) = store.grant_lists([f"ACTIVE_GRANTS#{identity(f'corp.{agent}').digest}"]).values()
                assert [len(entry.actions) for entry in held.entries] == [1]


def test_pol_05_the_deployed_policies_deny_an_escalation_and_say_which(api: Api):
    body = request_body(permissions=[{"actions": list(HALVES), "resources": [STACK]}])
    answer = api("POST", "/v1/grants", body)
    assert (answer.status_code, answer.json()["code"]) == (403, "denied")
    assert f"{HALVES[0]} with {HALVES[1]} lets its holder act as a role" in answer.json()["detail"]
    dry = api("POST", "/v1/decisions", body).json()
    assert (dry["effect"], dry["risks"][0]["risk"]) == ("deny", "EscalationCombination")


def test_pol_05_what_could_be_combined_is_read_under_the_deployed_roles(api: Api):
    """Only one half is requested.

    It is denied because no policy permits it, not because held actions cannot be read.
    """
    body = request_body(permissions=[{"actions": [HALVES[0]], "resources": [STACK]}])
    for path, status in (("/v1/grants", 403), ("/v1/decisions", 200)):
        answer = api("POST", path, body)
        assert answer.status_code == status, answer.text
        assert [reason["policy"] for reason in answer.json()["reasons"]] == ["builtin:no-permit"]
