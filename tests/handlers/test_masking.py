"""What agents and people write is masked before it is written, logged, shown or sent (rows MASK 4, 5; AUD 7)."""

import json
import re
from typing import Any

import pytest

from jitney.core.access.grant import VoteVerdict
from jitney.core.access.request_body import MAX_REASON
from jitney.handlers.decisions import preview_decision
from jitney.handlers.grants import create_grant
from jitney.handlers.revocations import revoke_grant
from jitney.handlers.target_checks import check_target
from tests.core.identity import minting
from tests.handlers.conftest import REQUEST_BODY, WRITE, System
from tests.handlers.seen_votes import vote
from tests.handlers.test_ballots import ballot

SECRET = "Xy12345678ab"
SAID = f"with password={SECRET}"
MASKED = re.compile(r"with password=\[masked credential ([0-9a-f]{6})\]")
UNTAGGED = "with password=[masked credential]"
OPERATOR = {"groups": ["security"], "sub": "sam"}


def written(system: System, *answers: Any) -> str:
    return repr([answers, system.records(), system.store.grants, system.store.taken, system.store.lists])


@pytest.mark.parametrize(
    "permissions", [REQUEST_BODY["permissions"], WRITE, [{"actions": ["iam:*"], "resources": ["*"]}]]
)
@pytest.mark.parametrize("route", [create_grant, preview_decision])
def test_mask_05_a_secret_in_a_reason_is_nowhere(system: System, capsys, permissions: Any, route: Any):
    asked = REQUEST_BODY | {"permissions": permissions, "reason": SAID, "ticket": SAID}
    answers = [system.call(route, asked, Idempotency_Key="k") for _ in range(2)]
    assert SECRET not in written(system, answers) + "".join(capsys.readouterr())
    assert {MASKED.fullmatch(each["reason"]) is not None for each in system.records()} == {True}
    tags = {tag for each in system.records() for tag in MASKED.findall(each["reason"] + each["ticket"])}
    assert len(tags) == 1


def test_mask_04_a_repeated_request_with_a_secret_is_the_same_and_with_another_is_not(system: System):
    first, again = (system.call(create_grant, REQUEST_BODY | {"reason": SAID}, Idempotency_Key="k") for _ in range(2))
    assert first[1]["grant"]["id"] == again[1]["grant"]["id"]
    other = SAID.replace(SECRET, SECRET[::-1])
    status, problem, _ = system.call(create_grant, REQUEST_BODY | {"reason": other}, Idempotency_Key="k")
    assert (status, problem["code"]) == (422, "idempotency_mismatch")


def test_rev_12_equal_requests_with_a_secret_are_joined(system: System):
    asked = REQUEST_BODY | {"permissions": WRITE, "reason": SAID}
    assert system.call(create_grant, asked)[1]["grant"]["id"] == system.call(create_grant, asked)[1]["grant"]["id"]


def test_mask_04_tags_of_different_owners_differ(system: System):
    asked = REQUEST_BODY | {"reason": SAID}
    reasons = [
        system.call(create_grant, asked, token=minting.token(sub=sub))[1]["grant"]["reason"]
        for sub in ("reader-agent", "other-agent")
    ]
    assert len({*reasons}) == 2


def test_mask_04_without_the_key_a_request_that_holds_a_secret_is_to_be_asked_again(system: System):
    system.mask_keys.broken = True
    status, problem, headers = system.call(create_grant, REQUEST_BODY | {"reason": SAID})
    assert (status, problem["code"]) == (503, "unavailable")
    assert int(headers["Retry-After"]) > 0
    assert SECRET not in written(system, problem)
    assert system.outcomes() == [("request", "refused", "unavailable")]
    assert system.call(create_grant, REQUEST_BODY)[0] == 201
    assert len(system.mask_keys.asked) == 1


@pytest.mark.parametrize("broken", [False, True])
def test_mask_05_a_secret_in_a_comment_is_nowhere_and_does_not_stop_the_vote(system: System, broken: bool):
    status, body, _ = system.call(create_grant, REQUEST_BODY | {"permissions": WRITE, "reason": SAID})
    assert status == 202
    system.mask_keys.broken = broken
    grant = vote(
        ballot(system.store.grants[body["grant"]["id"]], verdict=VoteVerdict.REJECT, comment=SAID), system.ports
    )
    assert SECRET not in written(system, grant)
    said = grant.votes[0].comment
    assert said == (UNTAGGED if broken else grant.reason)
    assert json.loads(system.records()[-1]["detail"])["comment"] == said


def test_rev_10_a_comment_is_cut_and_shows_what_is_invisible(system: System):
    _, body, _ = system.call(create_grant, REQUEST_BODY | {"permissions": WRITE})
    comment = f"too{chr(0x200B)}\nwide{'.' * 1000}"
    voted = vote(
        ballot(system.store.grants[body["grant"]["id"]], verdict=VoteVerdict.REJECT, comment=comment), system.ports
    )
    shown = voted.votes[0].comment
    assert shown.startswith("too[U+200B] wide.")
    assert len(shown) <= MAX_REASON


@pytest.mark.parametrize("broken", [False, True])
def test_mask_05_a_secret_in_a_revocations_reason_is_nowhere_and_the_grant_ends(system: System, broken: bool):
    _, body, _ = system.call(create_grant, REQUEST_BODY | {"reason": SAID})
    system.mask_keys.broken = broken
    status, answer, _ = system.call(
        revoke_grant, {"reason": SAID}, grant_id=body["grant"]["id"], token=minting.token(**OPERATOR)
    )
    assert status == 200
    assert SECRET not in written(system, answer)
    assert answer["grant"]["ending"]["reason"] == (UNTAGGED if broken else body["grant"]["reason"])


def test_mask_05_a_problem_quotes_no_secret(system: System):
    status, problem, _ = system.call(check_target, alias=SAID, token=minting.token(**OPERATOR))
    assert (status, problem["code"]) == (400, "target_unknown")
    assert SECRET not in json.dumps(problem)


def test_mask_05_a_secret_in_a_path_a_member_or_a_token_is_nowhere(system: System):
    answers = [
        system.call(revoke_grant, {f"password={SECRET}": 1, "reason": "r"}, grant_id=grant_id, token=token)
        for grant_id in ("g-aaaaaaaaaaaaaa", f"password={SECRET}")
        for token in (minting.token(**OPERATOR), f"password={SECRET}")
    ]
    assert {status for status, _, _ in answers} <= {400, 401, 404}
    assert SECRET not in written(system, answers)
