"""A stored state of each kind under a changed configuration: no function fails, and no grant gives more access (OPS 2).

Each change of `jitney.yaml` is deployed while every kind of item is stored. After each of them, pages and reports
open, notices are sent, the reconciler's run succeeds, and an operator revokes and suspends. No function calls what its
role does not allow. The table says what still gives access.
"""

from collections.abc import Callable, Iterator
from dataclasses import replace
from typing import Any

import pytest

from jitney.core.access.grant import State
from jitney.core.config import Config
from jitney.core.issuer_config import ClaimRules
from jitney.handlers.credentials import create_credentials
from jitney.handlers.gateway_calls import create_call
from jitney.handlers.grant_reads import list_grants
from jitney.handlers.reconciler import reconcile
from jitney.handlers.review_notices import notify
from jitney.handlers.review_schedule import check_schedule
from jitney.handlers.revocations import revoke_grant
from jitney.handlers.suspensions import suspend
from tests.core.identity import minting
from tests.examples import sample
from tests.fakes import ROLE_ARN
from tests.handlers.conftest import policies_of
from tests.handlers.review_browser import Browser
from tests.identities import renamed_reviewers
from tests.upgrade.corpora import Corpus
from tests.upgrade.flows import DELETE_B, PUT, REASON
from tests.upgrade.stored_system import StoredSystem, stored_system
from tests.upgrade.table_permissions import TablePermissionCheck

Change = Callable[[Config], Config]
PLAIN, VOTED, DELEGATED, USED = "active", "approved", "by a delegate", "follow-up due"
PROFILE, WRITES, APPROVED_CALL = "of an access profile", "a call", "the approved call"
EACH = frozenset({PLAIN, VOTED, DELEGATED, USED, PROFILE, WRITES, APPROVED_CALL})
OTHERS = "https://new.example.com"
OTHER_PLACE = {"account": "777788889999", "role_arn": ROLE_ARN.replace("444455556666", "777788889999")}


def issuer(name: str, **members: Any) -> Change:
    return lambda old: replace(old, issuers={**old.issuers, name: replace(old.issuers[name], **members)})


def target(**members: Any) -> Change:
    return lambda old: replace(old, targets={each.alias: replace(each, **members) for each in old.targets.values()})


def group(name: str, **members: Any) -> Change:
    return lambda old: replace(old, reviewers={**old.reviewers, name: old.reviewers[name]._replace(**members)})


def limits(**members: Any) -> Change:
    return lambda old: replace(old, limits=replace(old.limits, **members))


def policy(text: str) -> Change:
    def changed(old: Config) -> Config:
        return replace(old, policies=replace(old.policies, text=old.policies.text + text, version="v2"))

    return changed


def without_issuer(old: Config) -> Config:
    return replace(old, issuers={name: each for name, each in old.issuers.items() if name != "corp"})


def renamed_people(old: Config) -> Config:
    """The people's names begin with another alias, in the reviewer groups, too."""
    crew = renamed_reviewers(old.reviewers, "staff", "crew")
    return replace(issuer("staff", identity_name="crew")(old), reviewers=crew)


def renamed_target(old: Config) -> Config:
    (only,) = old.targets.values()
    return replace(old, targets={"analytics-live": replace(only, alias="analytics-live")})


def swapped_targets(old: Config) -> Config:
    (only,) = old.targets.values()
    swapped = replace(only, **OTHER_PLACE), replace(only, alias="other")
    return replace(old, targets={each.alias: each for each in swapped})


def without_group(old: Config) -> Config:
    return replace(old, reviewers={"pair": old.reviewers["pair"]})


CHANGES: dict[str, tuple[Change, frozenset[str]]] = {
    "an issuer is removed": (without_issuer, frozenset()),
    "an issuer has another name": (issuer("corp", identity_name="acme"), frozenset()),
    "an alias belongs to another issuer": (issuer("corp", issuer=OTHERS), frozenset()),
    "another audience": (issuer("corp", audiences=("other",)), frozenset()),
    "other claims of the subject": (issuer("corp", claims=ClaimRules(subject=("team",))), frozenset()),
    "other claims of the unit": (issuer("corp", claims=ClaimRules(unit=("team",))), EACH),
    "an owner approved": (issuer("corp", owners={"*": ("staff.alice",)}), EACH - {VOTED, DELEGATED, APPROVED_CALL}),
    "people have other names": (renamed_people, EACH - {USED}),
    "people's alias belongs to others": (issuer("staff", issuer=OTHERS), frozenset({PLAIN, PROFILE, WRITES})),
    "no sign-in": (issuer("staff", web=None), EACH),
    "a target is renamed": (renamed_target, frozenset()),
    "a target is in another account": (target(**OTHER_PLACE), frozenset()),
    "a target is in another Region": (target(region="us-east-1"), frozenset()),
    "two targets swap their aliases": (swapped_targets, frozenset()),
    "a target has more roles": (target(roles=3), EACH),
    "grants of a target are shorter": (target(max_duration_seconds=100), frozenset()),
    "a target has no profiles": (target(access_profiles={}), EACH - {PROFILE}),
    "a group is removed": (without_group, EACH - {VOTED, USED, APPROVED_CALL}),
    "a group needs more approvals": (group("owners", approvals=2), EACH - {VOTED, APPROVED_CALL}),
    "a voter leaves the group": (group("owners", members=("staff.gina",)), EACH - {APPROVED_CALL}),
    "a member is no delegate any more": (group("pair", delegates=()), EACH - {DELEGATED}),
    "no operators but one": (lambda old: replace(old, operators=("other/security",)), EACH),
    "no Slack": (lambda old: replace(old, slack=None), EACH),
    "no break-glass": (lambda old: replace(old, break_glass=None), EACH - {USED}),
    "shorter limits": (limits(max_duration_seconds=100, max_pairs=1, review_seconds=60), frozenset()),
    "policies forbid": (policy('@id("no") forbid (principal, action, resource);'), frozenset()),
}
"""Each change, and what still gives access after it."""


def configured(stored: StoredSystem, config: Config) -> None:
    config = replace(config, operators=(*config.operators, "other/security"))
    stored.ports.__dict__.update(config=config, policies=policies_of(config.policies))


def operator(stored: StoredSystem) -> str:
    """Return the token of an operator of another issuer than the agents'."""
    return stored.token(key="rsa-other", iss=minting.OTHER, sub="opal", groups=["security"])


def usable(stored: StoredSystem, corpus: Corpus, calls: TablePermissionCheck) -> Iterator[str]:
    """Yield what still gives access: the grants with credentials, and two calls."""
    for name in (PLAIN, VOTED, DELEGATED, USED, PROFILE):
        with calls.of("credentials"):
            status = answered(stored.call(create_credentials, grant_id=corpus.ids[name]))
        if status == 200:
            yield name
    for name, call, key in ((WRITES, PUT, "another put"), (APPROVED_CALL, DELETE_B, "delete b")):
        body = {"grant": corpus.ids["gateway"], **call}
        with calls.of("gateway_calls"):
            status = answered(stored.call(create_call, body, idempotency_key=key))
        if status == 200:
            yield name


def answered(answer: tuple[int, Any]) -> int:
    """Return the status of an answer that is no failure of Jitney."""
    status, body = answer
    assert status < 500 or body["code"] == "revocation_incomplete", body
    return status


def noticed(stored: StoredSystem, grant_id: str, now: int, calls: TablePermissionCheck) -> None:
    """Send the notice that is due."""
    with calls.of("review_schedule"):
        due = check_schedule({"grant_id": grant_id, "since": now}, stored.ports)["due"]
    event = {"grant_id": grant_id, "due": due, "since": now, "answer_token": "a-token"}
    with calls.of("review_notices"):
        assert notify(event, stored.ports).keys() <= {"grant_id", "state", "error"}


def revoked(stored: StoredSystem, grant_id: str, calls: TablePermissionCheck) -> None:
    with calls.of("revocations"):
        answered(stored.call(revoke_grant, REASON, grant_id=grant_id, token=operator(stored)))
    assert stored.grant(grant_id).state is State.REVOKED


def check_everything(
    stored: StoredSystem, corpus: Corpus, security: Browser, calls: TablePermissionCheck, still: frozenset[str]
) -> None:
    """Check that only `still` gives access, that each function works, and that an operator ends all access."""
    assert set(usable(stored, corpus, calls)) == still
    with calls.of("grant_reads"):
        answered(stored.call(list_grants))
    with calls.of("overview"):
        opened = security.send("GET", "/reviews/overview").status
    for name in ("pending", USED, "pending call"):
        path = f"/reviews/{corpus.ids[name]}"
        with calls.of("reviews"):
            statuses = {security.send("GET", path).status, security.send("GET", f"{path}/report").status}
        assert statuses == {opened}
    for name in ("not started", "one vote of two", "pending call"):
        noticed(stored, corpus.ids[name], corpus.now, calls)
    with calls.of("reconciler"):
        reconcile(stored.ports)
    for name in (VOTED, "pending", "pending call"):
        revoked(stored, corpus.ids[name], calls)
    with calls.of("suspensions"):
        body = {"kind": "target", "name": next(iter(stored.ports.config.targets)), **REASON}
        assert answered(stored.call(suspend, body, token=operator(stored))) in (201, 202)
    assert not set(usable(stored, corpus, calls))
    assert (calls.refused, calls.checked > 100) == ([], True)


@pytest.mark.parametrize("change", sample(list(CHANGES)))
def test_ops_02_after_a_changed_configuration_no_function_fails_and_no_grant_gives_more(corpus: Corpus, change: str):
    changed, still = CHANGES[change]
    with stored_system() as stored:
        corpus.restored(stored)
        security, calls = stored.browser("olga", "security"), TablePermissionCheck(stored.client)
        configured(stored, changed(stored.config))
        check_everything(stored, corpus, security, calls, still)
