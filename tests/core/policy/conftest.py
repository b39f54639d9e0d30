from pathlib import Path

import pytest

from jitney import resources
from jitney.core.access.request import AccessRequest, Permission
from jitney.core.actions import ActionTable
from jitney.core.config import Limits, Policies
from jitney.core.identity.principal import Principal
from jitney.core.policy.cedar import PolicySet
from jitney.core.policy.decide import decide
from jitney.core.policy.time_windows import WindowTimes
from jitney.core.target_config import Target

ROOT = Path(__file__).parents[3]
NO_WINDOWS = WindowTimes.always()
"""No time window is open, at any time."""


@pytest.fixture(scope="session")
def actions():
    return ActionTable.load(resources.ACTIONS.read_bytes())


@pytest.fixture(scope="session")
def schema():
    return resources.SCHEMA.read_text("utf-8")


@pytest.fixture(scope="session")
def target():
    return Target(
        alias="analytics-prod",
        account="444455556666",
        role_arn="arn:aws:iam::444455556666:role/jitney/jitney-target-analytics-prod",
        external_id="x",
        region="eu-west-1",
        max_duration_seconds=3600,
        tags={"env": "prod"},
    )


@pytest.fixture(scope="session")
def limits():
    return Limits(
        min_duration_seconds=60,
        max_duration_seconds=3600,
        max_body_bytes=65536,
        max_pairs=200,
        review_seconds=3600,
        ungranted_requests_per_minute=30,
    )


@pytest.fixture
def load(schema):
    return lambda text: PolicySet.load(Policies(text, schema, "v1"))


def agent(*groups, human=None, tags=(), name="reader-agent", kind="agent"):
    return Principal(
        issuer="https://idp.example.com",
        issuer_name="corp",
        subject=name,
        kind=kind,
        groups=frozenset(groups),
        display="reader",
        source_identity=f"corp.{name}",
        unit=f"corp.{name}",
        human=human,
        tags=tags,
    )


def words(names):
    return tuple(names.split()) if isinstance(names, str) else names


@pytest.fixture
def ask(load, actions, target, limits):
    """Decide a request under Cedar text. It has one permission, or several as (actions, resources)."""

    def decided(
        policies,
        *permissions,
        groups=("corp/readers",),
        seconds=300,
        reviewers=(),
        approvals=(),
        human=None,
        held_actions=lambda _actions: (),
        tags=(),
        name="reader-agent",
        kind="agent",
        target=target,
        **options,
    ):
        wanted = tuple(Permission(words(names), words(arns)) for names, arns in permissions)
        request = AccessRequest("analytics-prod", wanted, seconds, "a test", "")
        policy_set = load(policies) if isinstance(policies, str) else policies
        who = agent(*groups, human=human, tags=tags, name=name, kind=kind)
        return decide(
            who,
            request,
            target,
            policy_set,
            actions,
            limits,
            reviewers,
            approvals,
            held_actions,
            windows=NO_WINDOWS,
            **options,
        )

    return decided
