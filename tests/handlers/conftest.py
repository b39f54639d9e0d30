import itertools
import json
import random
from collections.abc import Callable
from dataclasses import dataclass, field, replace
from functools import cache
from http import HTTPStatus
from pathlib import Path
from types import MappingProxyType
from typing import Any

import pytest

from jitney import resources
from jitney.core.config import Config, Policies, ReviewerGroup
from jitney.core.policy.cedar import PolicySet
from jitney.core.records.refusal_counts import RefusalCounts
from jitney.core.target_config import Target
from jitney.handlers.denial_measurements import measure_denial
from jitney.handlers.runtime.edge import Route, answer
from jitney.handlers.runtime.ports import Ports
from jitney.handlers.runtime.templates import environment
from tests.core.identity import minting
from tests.fakes import (
    ACTIONS,
    ROLE_ARN,
    MemoryCanary,
    MemoryFollowUps,
    MemoryGrantHistory,
    MemoryMails,
    MemoryMaskKeys,
    MemoryMeasurementStarts,
    MemoryOutOfOffice,
    MemoryReviews,
    MemoryRolePolicies,
    MemorySentMessages,
    MemorySessions,
    MemoryStore,
    MemorySuspensions,
    MemoryTargetChecks,
    MemoryTaskAnswers,
    MemoryTaskTokens,
    MemoryTrailHeartbeat,
    MemoryTrailWatches,
)
from tests.handlers.listed_problems import check_listed

ROOT = Path(__file__).resolve().parents[2]
# As in a warm function: these never change, and building them for each test took half of the tests' time.
TEMPLATES = environment(resources.PAGES)
policies_of = cache(PolicySet.load)

POLICIES = """
@id("read") @advice("Readers read for half an hour.")
permit (principal in Jitney::Group::"corp/data-readers", action in Jitney::Action::"ReadOnly",
        resource in Jitney::Target::"analytics-prod")
when { context.durationSeconds <= 1800 }
when { resource.wildcard || !resource.wildcard };
@id("read-once")
permit (principal in Jitney::Group::"once/data-readers", action in Jitney::Action::"ReadOnly", resource)
unless { resource.wildcard };
@id("write") @approval("owners")
permit (principal in Jitney::Group::"corp/data-readers", action == Jitney::Action::"Write", resource)
when { context.approvals.contains("owners") }
unless { resource.wildcard };
@id("never-secret") @advice("Salaries are never granted.")
forbid (principal, action, resource) when { resource.arn like "arn:aws:s3:::reports/secret/*" };
"""


def configuration(policies: str = POLICIES) -> Config:
    schema = resources.SCHEMA.read_text(encoding="utf-8")
    return replace(
        minting.config(),
        targets={
            "analytics-prod": Target(
                "analytics-prod", "444455556666", ROLE_ARN, "external", "eu-west-1", 3600, MappingProxyType({})
            )
        },
        reviewers={"owners": ReviewerGroup(("corp.alice",))},
        operators=("corp/security",),
        policies=Policies(policies, schema, "v1"),
        digest="0123456789abcdef" * 2,
    )


REQUEST_BODY: dict[str, Any] = {
    "target": "analytics-prod",
    "permissions": [{"actions": ["s3:GetObject"], "resources": ["arn:aws:s3:::reports/2026/*"]}],
    "duration_seconds": 300,
    "reason": "monthly report",
}
WRITE = [{"actions": ["s3:PutObject"], "resources": ["arn:aws:s3:::reports/2026/q3.csv"]}]


@dataclass
class System:
    """The handlers over in-memory adapters, with a clock that the test sets."""

    now: int = minting.NOW
    store: MemoryStore = field(default_factory=MemoryStore)
    sessions: MemorySessions = field(default_factory=MemorySessions)
    reviews: MemoryReviews = field(default_factory=MemoryReviews)
    task_tokens: MemoryTaskTokens = field(default_factory=MemoryTaskTokens)
    task_answers: MemoryTaskAnswers = field(default_factory=MemoryTaskAnswers)
    role_policies: MemoryRolePolicies = field(default_factory=MemoryRolePolicies)
    trail_heartbeat: MemoryTrailHeartbeat = field(default_factory=MemoryTrailHeartbeat)
    canary: MemoryCanary = field(default_factory=MemoryCanary)
    measurements: MemoryMeasurementStarts = field(default_factory=MemoryMeasurementStarts)
    target_checks: MemoryTargetChecks = field(default_factory=MemoryTargetChecks)
    mask_keys: MemoryMaskKeys = field(default_factory=MemoryMaskKeys)
    sent_messages: MemorySentMessages = field(default_factory=MemorySentMessages)
    mails: MemoryMails | None = None
    config: Config = field(default_factory=configuration)
    milliseconds: int = 0

    def __post_init__(self) -> None:
        self.trail_watches = MemoryTrailWatches(self.store)
        numbers = itertools.count()
        letters = str.maketrans("0123456789", "abcdefghij")
        self.ports = Ports(
            config=self.config,
            policies=policies_of(self.config.policies),
            actions=ACTIONS,
            keys=minting.KnownKeys(minting.key_sets()),
            store=self.store,
            sessions=self.sessions,
            approval_workflow=self.reviews,
            task_tokens=self.task_tokens,
            task_answers=self.task_answers,
            deny_list=self.store.deny_list,
            suspensions=MemorySuspensions(self.store),
            out_of_office=MemoryOutOfOffice(self.store),
            follow_ups=MemoryFollowUps(self.store),
            role_policies=self.role_policies,
            trail_heartbeat=self.trail_heartbeat,
            trail_watches=self.trail_watches,
            canary=self.canary,
            measurement_starts=self.measurements,
            target_checks=self.target_checks,
            mask_keys=self.mask_keys,
            grant_history=MemoryGrantHistory(self.store),
            sent_messages=self.sent_messages,
            mail_sender=self.mails,
            templates=TEMPLATES,
            reviews_url="https://jitney.example.com/live/reviews",
            stopwatch=lambda: self.milliseconds,
            pause=self.pause,
            pause_up_to=self.pause,
            random_below=random.Random(1).randrange,
            refusals=RefusalCounts(),
            now=lambda: self.now,
            now_milliseconds=lambda: 1000 * self.now + self.milliseconds,
            new_id=lambda prefix: f"{prefix}-{next(numbers):014d}".translate(letters),
        )

    def pause(self, seconds: float) -> None:
        """Time passes, and nothing waits."""
        self.milliseconds += round(seconds * 1000)

    def call(
        self,
        route: Route,
        body: Any = None,
        *,
        token: str | None = None,
        grant_id: str = "",
        alias: str = "",
        query: dict[str, str] | None = None,
        **headers: str,
    ) -> tuple[int, dict[str, Any], dict[str, str]]:
        """Status, JSON body and headers of one call; the token is the corporate agent's unless one is given."""
        proven = minting.token() if token is None else token
        event = {
            "httpMethod": "POST",
            "resource": "/v1/test",
            "headers": {"Authorization": f"Bearer {proven}", **{k.replace("_", "-"): v for k, v in headers.items()}},
            "pathParameters": {name: value for name, value in (("id", grant_id), ("alias", alias)) if value} or None,
            "queryStringParameters": query,
            "body": body if body is None or isinstance(body, str) else json.dumps(body),
            "isBase64Encoded": False,
            "requestContext": {
                "requestId": "req-1",
                "identity": {"sourceIp": "198.51.100.7"},
                "domainName": "jitney.example.com",
                "path": "/live/v1/test",
            },
        }
        answered = answer(route, event, self.ports)
        status, sent = answered["statusCode"], json.loads(answered["body"])
        if status >= HTTPStatus.BAD_REQUEST:
            check_listed(sent)
        return status, sent, answered["headers"]

    def measure(self) -> None:
        """Run the measurements that were started."""
        events, self.measurements.events = self.measurements.events, []
        for each in events:
            measure_denial(json.loads(json.dumps(each)), self.ports)

    def records(self) -> list[dict[str, Any]]:
        return [json.loads(link.text) for link in self.store.links]

    def outcomes(self) -> list[tuple[str, str, str]]:
        return [(each["event"], each["outcome"], each["code"]) for each in self.records()]


@pytest.fixture
def system() -> System:
    return System()


@pytest.fixture
def system_with() -> Callable[..., System]:
    return System
