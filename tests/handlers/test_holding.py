"""POL 5, attacked: halves of a way to gain permissions in several requests, at once, for others, released, renewed."""

import threading
from collections.abc import Iterable
from concurrent.futures import ThreadPoolExecutor
from contextlib import nullcontext
from dataclasses import replace
from typing import Any

import pytest

from jitney.core.access.document_times import IN_FORCE_SECONDS
from jitney.core.access.grant import Grant, State
from jitney.core.access.grant_list import MAX_CHARACTERS, MAX_ENTRIES, GrantList, ListedGrant
from jitney.core.problems import Problem
from jitney.handlers.credentials import create_credentials
from jitney.handlers.decisions import preview_decision
from jitney.handlers.grants import create_grant
from jitney.handlers.reconciler import reconcile
from jitney.handlers.releases import release_grant
from tests.core.identity import minting
from tests.handlers.conftest import REQUEST_BODY, System, configuration

STACK = "arn:aws:cloudformation:eu-west-1:444455556666:stack/reports/1"
POLICIES = """
@id("all") permit (principal, action, resource) when { resource.wildcard || !resource.wildcard };
@id("review") @approval("owners") forbid (principal, action, resource)
when { context.action == "ec2:StopInstances" } unless { context.approvals.contains("owners") };
@id("never-escalation") forbid (principal, action, resource)
when { context.risks.contains("EscalationCombination") };
"""


def asking(action: str, resource: str = STACK, **more: Any) -> dict[str, Any]:
    return REQUEST_BODY | {"permissions": [{"actions": [action], "resources": [resource]}], **more}


MAKE, EXECUTE = asking("cloudformation:CreateChangeSet"), asking("cloudformation:ExecuteChangeSet")


@pytest.fixture
def system() -> System:
    config = configuration(POLICIES)
    there = config.targets["analytics-prod"]
    same = replace(there, alias="same-account", role_arn=f"{there.role_arn}-2")
    elsewhere = replace(there, alias="elsewhere", account="777788889999", role_arn=f"{there.role_arn}-3")
    targets = {target.alias: target for target in (there, same, elsewhere)}
    return System(config=replace(config, targets=targets))


def of_identities(system: System) -> list[GrantList]:
    """The lists of grants that could be combined."""
    return [each for key, each in system.store.lists.items() if key.startswith("ACTIVE_GRANTS#")]


def test_pol_05_the_second_half_is_denied_and_names_ones_own_grant(system: System):
    first = system.call(create_grant, MAKE)[1]["grant"]["id"]
    status, body, _ = system.call(create_grant, EXECUTE)
    assert (status, body["code"]) == (403, "denied")
    assert (
        f"cloudformation:CreateChangeSet (held by grant {first}) with cloudformation:ExecuteChangeSet" in body["detail"]
    )
    assert body["risks"][0]["grants"] == [first]
    assert system.records()[-1]["policies"] == ["never-escalation"]
    assert first in system.records()[-1]["detail"]


def test_pol_05_simultaneous_halves_are_decided_one_after_the_other(system: System):
    """The other half is requested and granted while the first is being decided."""
    between: list[Any] = []
    read = system.store.grant_lists

    def grant_lists(keys: Iterable[str]) -> dict[str, GrantList]:
        found = read(keys)
        if not between:
            between.append(None)
            between[0] = system.call(create_grant, EXECUTE)[0]
        return found

    system.store.grant_lists = grant_lists  # type: ignore[method-assign]
    assert system.call(create_grant, MAKE)[0] == 403
    assert between == [201]


def test_pol_05_of_many_halves_at_once_only_one_kind_is_granted(system: System):
    bodies = [MAKE, EXECUTE] * 4
    together = threading.Barrier(len(bodies))

    def ask(body: dict[str, Any]) -> int:
        together.wait()
        return system.call(create_grant, body)[0]

    with ThreadPoolExecutor(len(bodies)) as pool:
        answers = list(pool.map(ask, bodies))
    granted = {
        body["permissions"][0]["actions"][0] for body, status in zip(bodies, answers, strict=True) if status == 201
    }
    assert len(granted) == 1
    assert set(answers) <= {201, 403, 409}


def test_pol_05_a_request_that_is_never_current_ends_in_a_conflict(system: System):
    read = system.store.grant_lists
    others = (ListedGrant(f"g-{number}", "o", "u", minting.NOW + 900, "a", ("iam:PassRole",)) for number in range(99))

    def grant_lists(keys: Iterable[str]) -> dict[str, GrantList]:
        found = read(keys)
        system.store.lists |= {key: each.with_entry(next(others)) for key, each in found.items()}
        return found

    system.store.grant_lists = grant_lists  # type: ignore[method-assign]
    status, body, _ = system.call(create_grant, MAKE)
    assert (status, body["code"], system.sessions.asked) == (409, "grant_conflict", [])
    assert system.outcomes()[-1] == ("request", "refused", "grant_conflict")


def test_pol_05_two_targets_of_one_account_combine_and_two_accounts_do_not(system: System):
    assert system.call(create_grant, MAKE)[0] == 201
    assert system.call(create_grant, EXECUTE | {"target": "same-account"})[0] == 403
    elsewhere = asking("cloudformation:ExecuteChangeSet", STACK.replace("444455556666", "777788889999"))
    assert system.call(create_grant, elsewhere | {"target": "elsewhere"})[0] == 201


@pytest.mark.parametrize(
    ("first", "second", "status"),
    [
        ({}, {"sub": "another-agent"}, 201),
        ({"act": {"sub": "alice"}}, {"act": {"sub": "bob"}}, 403),  # one agent, which may use both
        ({"act": {"sub": "alice"}}, {}, 403),
        ({"act": {"sub": "alice"}}, {"act": {"sub": "alice"}, "sub": "another-agent"}, 403),  # one human, through two
        ({"act": {"sub": "alice"}}, {"act": {"sub": "bob"}, "sub": "another-agent"}, 201),
    ],
)
def test_pol_05_the_grants_of_one_agent_or_one_human_count_together(system: System, first, second, status):
    system.call(create_grant, MAKE, token=minting.token(**first))
    answered, body, _ = system.call(create_grant, EXECUTE, token=minting.token(**second))
    assert answered == status
    if status == 403:
        assert ("CreateChangeSet" in str(body)) is (first == second)


def test_pol_07_another_agents_grant_is_not_named(system: System):
    theirs = system.call(create_grant, MAKE, token=minting.token(act={"sub": "alice"}))[1]["grant"]["id"]
    body = system.call(create_grant, EXECUTE, token=minting.token(act={"sub": "alice"}, sub="another-agent"))[1]
    assert body["code"] == "denied"
    assert theirs not in str(body)
    assert "CreateChangeSet" not in str(body)


def test_pol_05_the_end_of_a_grant_frees_its_half(system: System):
    system.call(create_grant, MAKE)
    system.now += 299
    assert system.call(create_grant, EXECUTE, token=minting.token(exp=system.now + 900))[0] == 403
    system.now += 1
    assert system.call(create_grant, EXECUTE, token=minting.token(exp=system.now + 900))[0] == 201


@pytest.mark.parametrize(("denied_at", "status"), [(1, 201), (None, 403)])
def test_pol_05_a_released_half_counts_until_its_session_was_seen_to_be_denied(system: System, denied_at, status):
    first = system.call(create_grant, MAKE)[1]["grant"]["id"]
    system.canary.denied_at = denied_at
    assert system.call(release_grant, grant_id=first)[0] == 200
    assert system.call(create_grant, EXECUTE)[0] == 403
    system.measure()
    assert system.call(create_grant, EXECUTE)[0] == status


@pytest.mark.parametrize("is_written", [True, False])
def test_pol_05_without_a_measurement_a_released_half_counts_until_a_document_with_it_is_in_force(
    system: System, is_written: bool
):
    first = system.call(create_grant, MAKE | {"duration_seconds": 900})[1]["grant"]["id"]
    system.role_policies.refusals = 0 if is_written else 10_000
    assert system.call(release_grant, grant_id=first)[0] == (200 if is_written else 503)

    def asks() -> int:
        return system.call(create_grant, EXECUTE, token=minting.token(iat=system.now, exp=system.now + 900))[0]

    assert asks() == 403
    system.now += IN_FORCE_SECONDS
    with nullcontext() if is_written else pytest.raises(RuntimeError):
        reconcile(system.ports)
    assert asks() == 403  # the document may not be in force yet
    system.now += IN_FORCE_SECONDS
    assert asks() == (201 if is_written else 403)


def test_pol_08_nothing_is_granted_while_the_times_of_documents_cannot_be_read(system: System):
    first = system.call(create_grant, MAKE)[1]["grant"]["id"]
    system.call(release_grant, grant_id=first)
    system.store.deny_list.document_times = _unavailable  # type: ignore[method-assign]
    assert system.call(create_grant, EXECUTE)[1]["code"] == "unavailable"


def test_pol_05_a_half_under_review_counts(system: System):
    instance = "arn:aws:ec2:eu-west-1:444455556666:instance/i-1"
    assert system.call(create_grant, asking("ec2:StopInstances", instance))[0] == 202
    assert system.call(create_grant, asking("ec2:StartInstances", instance))[0] == 201
    assert system.call(create_grant, asking("ec2:ModifyInstanceAttribute", instance))[0] == 403


def test_pol_05_a_renewal_is_decided_over_the_entries_before_its_own(system: System):
    first = system.call(create_grant, MAKE)[1]["grant"]["id"]
    (listed,) = of_identities(system)
    escalating = ("cloudformation:ExecuteChangeSet",)
    later = ListedGrant("g-cccccccccccccc", "o", "u", system.now + 900, "444455556666", escalating)
    # One that came later was decided on with this in view.
    system.store.lists[listed.key] = listed.with_entry(later)
    assert system.call(create_credentials, grant_id=first)[0] == 200
    system.store.lists[listed.key] = listed._replace(entries=(later, *listed.entries))
    assert system.call(create_credentials, grant_id=first)[1]["code"] == "denied"


def test_pol_05_a_half_that_was_approved_is_decided_over_what_was_held_when_it_is_issued(system: System):
    instance = "arn:aws:ec2:eu-west-1:444455556666:instance/i-1"
    for action in ("ec2:StartInstances", "ec2:ModifyInstanceAttribute"):
        system.call(create_grant, asking(action, instance))
    (listed,) = of_identities(system)
    pending = system.call(create_grant, asking("ec2:StopInstances", instance))
    assert pending[1]["code"] == "denied"
    # Had it been let into review by older policies, the approval would not open it now.
    grant = replace(
        system.store.grants[listed.version],
        id="g-dddddddddddddd",
        permissions=(replace(system.store.grants[listed.version].permissions[0], actions=("ec2:StopInstances",)),),
        state=State.ACTIVE,
        approvals=("owners",),
    )
    system.store.grants[grant.id] = grant
    assert system.call(create_credentials, grant_id=grant.id)[1]["code"] == "denied"


def test_pol_05_a_dry_run_says_the_same_and_enters_nothing(system: System):
    assert system.call(preview_decision, MAKE)[1]["effect"] == "allow"
    assert system.store.lists == {}
    first = system.call(create_grant, MAKE)[1]["grant"]["id"]
    body = system.call(preview_decision, EXECUTE)[1]
    assert body["effect"] == "deny"
    risk, *_ = body["risks"]
    assert (risk["risk"], risk["grants"]) == ("EscalationCombination", [first])
    assert "lets its holder act as a role that a resource of cloudformation has" in risk["sentence"]


@pytest.mark.parametrize("route", [create_grant, preview_decision])
def test_pol_08_nothing_is_granted_while_the_other_grants_cannot_be_read(system: System, route):
    for broken in (_unreadable, _unavailable):
        system.store.grant_lists = broken  # type: ignore[method-assign]
        assert system.call(route, MAKE)[0] in (500, 503)
    assert (system.sessions.asked, system.store.grants) == ([], {})


def _unreadable(keys: Iterable[str]) -> dict[str, GrantList]:
    return {key: GrantList.read(key, "g-x", "nonsense") for key in keys}


def _unavailable(_keys: Iterable[str]) -> dict[str, GrantList]:
    raise Problem("unavailable", "The store did not answer as it should.", "Try again in a moment.")


def test_pol_05_a_full_list_is_a_refusal(system: System):
    full = ListedGrant("g-x", "o" * MAX_CHARACTERS, "u", system.now + 900, "a")
    system.call(create_grant, MAKE)
    (key,) = system.store.lists
    system.store.lists[key] = system.store.lists[key].with_entry(full)
    status, body, headers = system.call(create_grant, MAKE)
    assert (status, body["code"], headers["Retry-After"]) == (429, "rate_limited", "60")


def test_pol_05_one_full_list_of_several_is_a_refusal(system: System):
    """That of the agent's owner is full, because of the owner's other agents."""
    corp = replace(system.config.issuers["corp"], owners={"reader-agent": ("corp.alice",)})
    system.ports.config = replace(system.ports.config, issuers={**system.config.issuers, "corp": corp})
    assert system.call(create_grant, MAKE)[0] == 201
    full = ListedGrant("g-x", "o" * MAX_CHARACTERS, "another", system.now + 900, "a")
    before = dict(system.store.lists)
    codes = []
    for key, listed in before.items():
        system.store.lists |= before | {key: listed.with_entry(full)}
        codes.append(system.call(create_grant, MAKE)[1]["code"])
    assert codes == ["rate_limited"] * 2


def test_pol_05_a_decision_reads_all_holders_at_once_and_only_them(system: System):
    for number in range(30):
        assert system.call(create_grant, MAKE | {"reason": f"{number}"})[0] == 201
    start = asking("ec2:StartInstances", "arn:aws:ec2:eu-west-1:444455556666:instance/i-1")
    assert system.call(create_grant, start)[0] == 201
    read: list[list[str]] = []
    grants_by_id = system.store.grants_by_id

    def counting(grant_ids: Any) -> dict[str, Grant]:
        read.append(list(grant_ids))
        return grants_by_id(read[-1])

    system.store.grants_by_id = counting  # type: ignore[method-assign]
    system.store.log.clear()
    assert system.call(preview_decision, EXECUTE)[1]["effect"] == "deny"
    assert [len(each) for each in read] == [30]
    assert "grant" not in system.store.log


def test_pol_05_a_list_with_more_grants_than_a_decision_can_read_is_a_refusal(system: System):
    system.call(create_grant, MAKE)
    (key,) = system.store.lists
    entry = ListedGrant("g-x", "o", "u", system.now + 900, "777788889999", ("iam:PassRole",))
    system.store.lists[key] = system.store.lists[key]._replace(entries=(entry,) * (MAX_ENTRIES - 1))
    assert system.call(create_grant, MAKE)[0] == 201
    assert system.call(create_grant, MAKE)[1]["code"] == "rate_limited"


def test_a_harmless_request_reads_nothing_and_enters_nothing(system: System):
    assert system.call(create_grant)[0] == 400
    system.store.log.clear()
    assert system.call(create_grant, asking("s3:GetObject", "arn:aws:s3:::reports/x"))[0] == 201
    assert system.store.log == ["create_grant"]
    assert system.store.lists == {}
    assert system.call(create_grant, MAKE)[0] == 201
    assert system.store.log == ["create_grant", "grant_lists", "create_grant"]


def test_pol_09_the_same_post_again_is_the_same_grant(system: System):
    first = system.call(create_grant, MAKE, Idempotency_Key="k")[1]["grant"]["id"]
    status, body, _ = system.call(create_grant, MAKE, Idempotency_Key="k")
    assert (status, body["grant"]["id"]) == (201, first)
    assert [entry.grant_id for each in system.store.lists.values() for entry in each.entries] == [first]
