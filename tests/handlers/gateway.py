"""POST /v1/calls over in-memory adapters. AWS is a table of answers, and counts what it receives."""

import itertools
import json
from collections.abc import Callable
from dataclasses import dataclass, field
from functools import cache
from typing import Any

from jitney import resources
from jitney.adapters.aws_calls import AwsCalls
from jitney.adapters.aws_models import AwsModels
from jitney.core.access.credentials import Credentials
from jitney.core.calls.explainer import explainer
from jitney.core.calls.operations import OperationTable
from jitney.core.gateway.answer_masking import AnswerMasker
from jitney.core.gateway.aws_answer import AwsAnswer
from jitney.core.masking.table import MaskTable
from jitney.core.problems import Problem
from jitney.handlers.gateway.call_sessions import ReadSessions
from jitney.handlers.gateway_calls import create_call
from jitney.handlers.grants import create_grant
from tests.fakes import MemoryCallStore
from tests.handlers.conftest import System, configuration

POLICIES = """
@id("read") permit (principal, action in Jitney::Action::"ReadOnly", resource);
@id("change") permit (principal, action in Jitney::Action::"Mutating", resource)
when { context.way == "gateway" && !(["s3:DeleteObject"].contains(context.action)) };
@id("delete") permit (principal, action in Jitney::Action::"Mutating", resource)
when { context.action == "s3:DeleteObject" && context.way == "gateway" }
when { if context.call.hasTag("operation") then context.approvals.contains("owners") else true };
@id("secrets") permit (principal, action == Jitney::Action::"ReadSecret", resource)
when { context.way == "gateway" && (context.reveal || !context.reveal) };
@id("never") @advice("Salaries stay private.")
forbid (principal, action, resource) when { resource.arn like "arn:aws:s3:::reports/salaries/*" }
unless { context.call.hasTag("operation") == false };
"""
REQUEST_ID = "4F2B"
OK = AwsAnswer(200, {"x-amz-request-id": REQUEST_ID, "content-type": "text/plain"}, b"42")
DONE = AwsAnswer(200, {"x-amz-request-id": REQUEST_ID, "content-length": "0"}, b"")
GET = {"service": "s3", "operation": "GetObject", "parameters": {"Bucket": "reports", "Key": "2026/a"}}
PUT = {"service": "s3", "operation": "PutObject", "parameters": {"Bucket": "reports", "Key": "2026/a", "Body": "NDI="}}
DELETE = {"service": "s3", "operation": "DeleteObject", "parameters": {"Bucket": "reports", "Key": "2026/a"}}
SECRET_ARN = "arn:aws:secretsmanager:eu-west-1:444455556666:secret:db-AbCdEf"
SECRET = {"service": "secretsmanager", "operation": "GetSecretValue", "parameters": {"SecretId": SECRET_ARN}}
ACTIONS_OF_GRANT = [
    {"actions": ["s3:GetObject", "s3:PutObject", "s3:DeleteObject"], "resources": ["arn:aws:s3:::reports/2026/a"]},
    {"actions": ["s3:GetObject"], "resources": ["arn:aws:s3:::reports/salaries/2026"]},
    {"actions": ["secretsmanager:GetSecretValue"], "resources": [SECRET_ARN]},
    {"actions": ["sqs:ReceiveMessage"], "resources": ["arn:aws:sqs:eu-west-1:444455556666:jobs"]},
]

explain = cache(lambda: explainer(OperationTable.load(resources.OPERATIONS.read_bytes())))
models = cache(lambda: AwsModels.load(resources.MODELS.read_bytes()))
masks = cache(lambda: MaskTable.load(resources.MASKS.read_bytes()))


@dataclass
class MemoryUpstream:
    """`jitney.adapters.upstream.Upstream` in memory.

    `answer` returns AWS's answer or raises a Problem. Without it, S3 answers a GET with "42", and else with nothing.
    """

    answer: Callable[[], AwsAnswer] | None = None
    sent: list[Any] = field(default_factory=list)
    signed_with: list[Credentials] = field(default_factory=list)
    seconds: list[int] = field(default_factory=list)

    def send(self, request: Any, endpoint: Any, _version: str, credentials: Credentials, seconds: int) -> AwsAnswer:
        self.sent.append((request, endpoint))
        self.seconds.append(seconds)
        self.signed_with.append(credentials)
        usual = OK if request.method == "GET" else DONE
        return self.answer() if self.answer else usual


def add_gateway(system: System, upstream: MemoryUpstream) -> MemoryCallStore:
    """Give the system what the gateway's calls need. Return the store of calls."""
    calls = MemoryCallStore(system.store)
    system.ports.__dict__.update(
        call_store=calls,
        explainer=explain(),
        masks=masks(),
        aws_calls=AwsCalls(models(), upstream),  # type: ignore[arg-type]
        answer_masker=AnswerMasker(masks()),
        read_sessions=ReadSessions(),
    )
    return calls


class Gateway:
    """An agent with a grant for the gateway."""

    def __init__(self, policies: str = POLICIES, **grant: Any) -> None:
        self.system = System(config=configuration(policies))
        self.upstream = MemoryUpstream()
        self.calls = add_gateway(self.system, self.upstream)
        self.keys = map(str, itertools.count())
        body = {
            "target": "analytics-prod",
            "permissions": ACTIONS_OF_GRANT,
            "duration_seconds": 600,
            "reason": "monthly report",
            "way": "gateway",
            **grant,
        }
        status, answer, _ = self.system.call(create_grant, body)
        assert status == 201, answer
        self.grant_id = answer["grant"]["id"]
        self.before = len(self.system.store.links)

    def post(self, call: dict[str, Any], key: str = "", **more: Any) -> tuple[int, dict[str, Any]]:
        """Status and body of POST /v1/calls in the grant, with a new key unless one is given."""
        body = {"grant": self.grant_id, **call, **more}
        return self.system.call(create_call, body, idempotency_key=key or f"key-{next(self.keys)}")[:2]

    def records(self) -> list[dict[str, Any]]:
        """Return the records since the grant was opened, with their parsed detail."""
        found = [json.loads(link.text) for link in self.system.store.links[self.before :]]
        return [{**each, "detail": json.loads(each["detail"])} for each in found]

    def entries(self) -> list[tuple[str, str, str]]:
        """Return the event, outcome and code of each record since the grant was opened."""
        return [(each["event"], each["outcome"], each["code"]) for each in self.records()]


def failing(code: str) -> Callable[[], AwsAnswer]:
    """Return what raises a problem instead of AWS's answer."""

    def answer() -> AwsAnswer:
        raise Problem(code, "AWS failed.", "Try again.")

    return answer
