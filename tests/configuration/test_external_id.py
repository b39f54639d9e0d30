"""External ids: one for each target, and not configurable."""

import re

from hypothesis import assume, given
from hypothesis import strategies as st

from jitney.configuration.external_id import external_id
from jitney.configuration.settings import TargetSettings

VALUES = {"account": "444455556666", "role_name": "jitney-target", "region": "eu-west-1", "managed_policy": "a"}
ALIASES = st.from_regex(r"[a-z][a-z0-9-]{0,39}", fullmatch=True)
ACCOUNTS = st.from_regex(r"[0-9]{12}", fullmatch=True)
ROLES = st.from_regex(r"[A-Za-z0-9_+=,.@-]{1,64}", fullmatch=True)
TARGETS = st.tuples(ALIASES, ACCOUNTS, ROLES, ACCOUNTS)


def made(alias, account, role_name, broker_account):
    return external_id(
        alias, TargetSettings.model_validate(VALUES | {"account": account, "role_name": role_name}), broker_account
    )


def test_the_external_id_never_changes_once_roles_trust_it():
    made_then = made("analytics-prod", "444455556666", "jitney-target-analytics-prod", "111122223333")
    assert made_then == "jitney-a9808f2b371a5dff8a7d9929c0516d91"


@given(TARGETS)
def test_sts_accepts_the_external_id(target):
    assert re.fullmatch(r"jitney-[0-9a-f]{32}", made(*target))


@given(TARGETS, TARGETS)
def test_another_alias_account_role_or_broker_has_another_external_id(one, other):
    assume(one != other)
    assert made(*one) != made(*other)


def test_other_changes_of_a_target_keep_its_external_id():
    target = TargetSettings.model_validate(VALUES)
    changed = TargetSettings.model_validate(
        VALUES | {"tags": {"a": "b"}, "max_duration_seconds": 60, "region": "us-east-1"}
    )
    assert external_id("a", target, "111122223333") == external_id("a", changed, "111122223333")
    gov = TargetSettings.model_validate(VALUES | {"region": "us-gov-west-1"})
    assert external_id("a", target, "111122223333") != external_id("a", gov, "111122223333")
