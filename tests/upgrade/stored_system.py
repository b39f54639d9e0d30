"""The handlers over real tables in moto: what they write is what DynamoDB holds."""

import base64
import itertools
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from typing import Any

from moto import mock_aws

from jitney.adapters.approval_workflow import TaskTokens
from jitney.adapters.aws_calls import AwsCalls
from jitney.adapters.call_store import CallStore
from jitney.adapters.deny_list import DenyList
from jitney.adapters.follow_ups import FollowUps
from jitney.adapters.grant_history import GrantHistory
from jitney.adapters.message_locations import MessageLocations
from jitney.adapters.out_of_office import OutOfOfficeStore
from jitney.adapters.sent_messages import SentMessages
from jitney.adapters.store import Store
from jitney.adapters.suspension_item import SuspensionStore
from jitney.adapters.trail import Trail
from jitney.adapters.trail_watch import TrailWatches
from jitney.adapters.vote_history import VoteHistory
from jitney.adapters.web_sessions import WebSessions
from jitney.core.access.grant import Grant
from jitney.core.access.request import Permission
from jitney.core.call_lookup import CALL_INDEX
from jitney.core.channel_config import SlackConfig
from jitney.core.config import BreakGlassConfig, Config, ReviewerGroup
from jitney.core.gateway.answer_masking import AnswerMasker
from jitney.core.issuer_config import ClaimRules
from jitney.handlers.gateway.call_sessions import ReadSessions
from tests.adapters.test_store import INDEX, KEYS, OPEN_INDEX
from tests.cloudtrail_events import GRANT_SCOPE, ISSUERS, MemoryQueue
from tests.core.identity import minting
from tests.fakes import NOW, MemorySlack, MemorySlackSecret
from tests.handlers.conftest import System, configuration
from tests.handlers.gateway import MemoryUpstream, explain, masks, models
from tests.handlers.review_browser import Browser, ReviewSystem, with_staff
from tests.handlers.test_access_profiles import profile
from tests.moto_clients import moto_client

Item = dict[str, Any]
Tables = dict[str, list[Item]]
"""The items of each table, sorted by key, in DynamoDB's JSON. Bytes are base64."""

TABLES = ("state", "audit", "answers")
POLICIES = """
@id("read") permit (principal, action in Jitney::Action::"ReadOnly", resource) when {
    resource.wildcard || !resource.wildcard };
@id("write") @approval("owners") permit (principal, action == Jitney::Action::"Write", resource)
when { context.way == "credentials" && context.approvals.contains("owners") };
@id("again") @approval("owners") permit (principal, action == Jitney::Action::"Write", resource)
when { context.way == "credentials" && context.action == "s3:RestoreObject" }
when { context.approvals.contains("owners") || context.earlierApprovals.contains("owners") };
@id("change") permit (principal, action == Jitney::Action::"Write", resource)
when { context.way == "gateway" && context.action == "s3:PutObject" };
@id("delete") permit (principal, action == Jitney::Action::"Write", resource)
when { context.way == "gateway" && context.action == "s3:DeleteObject" }
when { if context.call.hasTag("operation") then context.approvals.contains("owners") else true };
@id("reveal") permit (principal, action == Jitney::Action::"ReadSecret", resource)
when { context.way == "gateway" && (context.reveal || !context.reveal) };
@id("tag") @approval("pair") permit (principal, action == Jitney::Action::"Tagging", resource)
when { context.approvals.contains("pair") };
"""
GROUPS = {
    "owners": ReviewerGroup(("staff.alice", "staff.gina"), channel="#owners"),
    "pair": ReviewerGroup(("staff.alice", "staff.bob"), approvals=2, delegates=("staff.carol",), channel="#others"),
}
PROFILE = profile("open", Permission(("s3:GetObject", "s3:ListBucket"), ("arn:aws:s3:::state", "arn:aws:s3:::state/*")))
BREAK_GLASS = BreakGlassConfig(
    people=("staff.gina",), groups=(), targets=("analytics-prod",), notify=(),
    max_duration_seconds=300, follow_up_seconds=3600, own_requests=False,
)  # fmt: skip


def stored_configuration() -> Config:
    """Return the configuration under which the corpus was written."""
    config = with_staff(configuration(POLICIES))
    corp = replace(
        config.issuers["corp"],
        owners={"reader-agent": ("staff.olaf",)},
        claims=ClaimRules(tags={"team": "string"}, facts={"Team": "team"}),
    )
    target = replace(config.targets["analytics-prod"], bind_to_caller=True, access_profiles={"open": PROFILE})
    return replace(
        config,
        issuers=config.issuers | {"corp": corp},
        targets={"analytics-prod": target},
        reviewers=GROUPS,
        break_glass=BREAK_GLASS,
        slack=SlackConfig("arn:of:the:token", "arn:of:the:secret", "T0HOME", "https://slack.example.com/api/"),
        operators=("corp/security", "staff/security"),
    )


_BATCH = 25  # the most items that BatchWriteItem accepts


@dataclass
class StoredSystem:
    """A system whose state is in tables. It begins at `now` with empty tables.

    If they are `encrypted`, it is with Jitney's key.
    """

    now: int = NOW
    encrypted: bool = False
    config: Config = field(default_factory=stored_configuration)

    def __post_init__(self) -> None:
        self.client, self.kms = moto_client("dynamodb"), moto_client("kms")
        _create_tables(self.client, _new_key(self.kms) if self.encrypted else "")
        self.system = System(now=self.now, config=self.config)
        self.desk = ReviewSystem(self.system)
        self.slack = MemorySlack()
        self.upstream = MemoryUpstream()
        client, state, audit = self.client, "state", "audit"
        suspensions = SuspensionStore(client, state)
        self.system.ports.__dict__.update(
            store=Store(client, state, audit),
            call_store=CallStore(client, state, audit, "answers", suspensions),
            suspensions=suspensions,
            deny_list=DenyList(client, state),
            out_of_office=OutOfOfficeStore(client, state),
            follow_ups=FollowUps(client, state),
            sent_messages=SentMessages(client, state),
            message_locations=MessageLocations(client, state),
            task_tokens=TaskTokens(client, state),
            vote_history=VoteHistory(client, state),
            web_sessions=WebSessions(client, state),
            grant_history=GrantHistory(client, audit),
            trail=Trail(client, audit),
            trail_queue=MemoryQueue(),
            trail_watches=TrailWatches(client, state, audit),
            grant_scope=GRANT_SCOPE,
            issuing_roles=ISSUERS,
            slack=self.slack,
            slack_signing_secret=MemorySlackSecret(),
            explainer=explain(),
            masks=masks(),
            aws_calls=AwsCalls(models(), self.upstream),  # type: ignore[arg-type]
            answer_masker=AnswerMasker(masks()),
            read_sessions=ReadSessions(),
        )

    @property
    def ports(self) -> Any:
        return self.system.ports

    def grant(self, grant_id: str) -> Grant:
        found = self.ports.store.grant(grant_id)
        assert found
        return found

    def token(self, **claims: Any) -> str:
        """Return a token of the corporate agent that is valid now."""
        return minting.token(iat=self.system.now, exp=self.system.now + 300, **{"team": "reports", **claims})

    def operator(self) -> str:
        return self.token(sub="olga", groups=["security"])

    def call(self, route: Any, body: Any = None, **more: Any) -> tuple[int, Any]:
        """Return status and body of one call of the corporate agent, unless another `token` is given."""
        return self.system.call(route, body, **{"token": self.token(), **more})[:2]

    def browser(self, name: str, *groups: str) -> Browser:
        """Return the browser of a person who has signed in."""
        browser = Browser(self.desk)
        assert browser.sign_in(name, groups=list(groups)).status == 303
        return browser

    def begin_ids_at(self, number: int) -> None:
        """Give new ids and secrets other values than those that are stored."""
        numbers, letters = itertools.count(number), str.maketrans("0123456789", "abcdefghij")
        self.ports.new_id = lambda prefix: f"{prefix}-{next(numbers):014d}".translate(letters)
        self.desk.secrets = number

    def dump(self) -> Tables:
        """Return all items of all tables."""
        return {table: sorted(map(_shown, self._scan(table)), key=_place) for table in TABLES}

    def load(self, tables: Tables) -> None:
        """Write the items of a dump."""
        for table, items in tables.items():
            for batch in itertools.batched(items, _BATCH, strict=False):
                puts = [{"PutRequest": {"Item": stored_item(item)}} for item in batch]
                assert not self.client.batch_write_item(RequestItems={table: puts})["UnprocessedItems"]

    def _scan(self, table: str) -> Iterator[Item]:
        for page in self.client.get_paginator("scan").paginate(TableName=table):
            yield from page["Items"]


@contextmanager
def stored_system(now: int = NOW, *, encrypted: bool = False) -> Iterator[StoredSystem]:
    """Yield a system over empty tables."""
    with mock_aws():
        yield StoredSystem(now, encrypted)


def _new_key(kms: Any) -> str:
    """Create Jitney's key. Return its ARN."""
    # For a symmetric key, moto generates an RSA key, which takes 0.1 s.
    key = kms.create_key(KeySpec="ECC_NIST_P256", KeyUsage="SIGN_VERIFY")["KeyMetadata"]
    kms.create_alias(AliasName="alias/jitney", TargetKeyId=key["KeyId"])
    return str(key["Arn"])


def _create_tables(client: Any, key: str) -> None:
    text = ("pk", "sk", "gsi_pk", "gsi_sk", "open_role", "open_until")
    calls = {
        "IndexName": CALL_INDEX,
        "KeySchema": [
            {"AttributeName": "call_of", "KeyType": "HASH"},
            {"AttributeName": "call_at", "KeyType": "RANGE"},
        ],
        "Projection": {"ProjectionType": "KEYS_ONLY"},
    }
    one_key = {"KeySchema": KEYS["KeySchema"][:1]}
    for table, names, more in (
        ("state", text, KEYS | {"GlobalSecondaryIndexes": [INDEX, OPEN_INDEX]}),
        ("audit", ("pk", "sk", "call_of", "call_at"), KEYS | {"GlobalSecondaryIndexes": [calls]}),
        ("answers", ("pk",), one_key),
    ):
        client.create_table(
            TableName=table,
            AttributeDefinitions=[{"AttributeName": name, "AttributeType": "S"} for name in names],
            BillingMode="PAY_PER_REQUEST",
            **({"SSESpecification": {"Enabled": True, "SSEType": "KMS", "KMSMasterKeyId": key}} if key else {}),
            **more,
        )


def _place(item: Item) -> tuple[str, str]:
    return item["pk"]["S"], item.get("sk", {"S": ""})["S"]


def _shown(item: Item) -> Item:
    """Return the item as JSON holds it."""
    return {name: _with_bytes(value, lambda data: base64.b64encode(data).decode()) for name, value in item.items()}


def stored_item(item: Item) -> Item:
    """Return the item as boto3 gives it."""
    return {name: _with_bytes(value, base64.b64decode) for name, value in item.items()}


def _with_bytes(value: Item, change: Any) -> Item:
    return {kind: change(held) if kind == "B" else held for kind, held in value.items()}
