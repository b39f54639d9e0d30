"""Shared by the tests of reviews: votes with the real store, executions and their histories."""

import json
import uuid
from collections.abc import Callable
from dataclasses import replace
from typing import Any

import httpx

from jitney import resources
from jitney.adapters.approval_workflow import ApprovalWorkflow, TaskTokens
from jitney.adapters.clock import new_id, now
from jitney.adapters.grant_items import grant_update
from jitney.adapters.out_of_office import OutOfOfficeStore
from jitney.adapters.record_items import record_in
from jitney.adapters.store import Store
from jitney.adapters.suspension_item import SuspensionStore
from jitney.core.access.grant import Grant, VoteVerdict
from jitney.core.actions import ActionTable
from jitney.core.config import load
from jitney.core.identity.principal import Principal
from jitney.core.policy.cedar import PolicySet
from jitney.core.records import audit
from jitney.core.records.audit import AuditEvent, Origin, Outcome
from jitney.core.review.content import content_hash
from jitney.core.review.selection import NarrowedApproval
from jitney.handlers.review.ballots import Ballot
from jitney.handlers.runtime.ports import Ports
from tests.handlers.seen_votes import vote
from tests.running_systems import until
from tests.system.conftest import Api, request_body
from tests.system.test_records import configuration_of

MAX_TRANSITIONS = 8
"""The most transitions of a request that is sent and approved."""


class Review:
    """The reviews of one local system. `client` makes AWS clients for what happens in this process."""

    def __init__(self, api: Api, stack: dict[str, Any], client: Callable[[str], Any]) -> None:
        self.api = api
        self.stack = stack
        self.states = client("stepfunctions")
        self.client = client
        self._config = load(configuration_of(client))
        dynamodb, tables = client("dynamodb"), stack["tables"]
        self.store = Store(dynamodb, tables["state"], tables["audit"])
        self.tokens = TaskTokens(dynamodb, tables["state"])
        self._absences = OutOfOfficeStore(dynamodb, tables["state"])
        self._suspensions = SuspensionStore(dynamodb, tables["state"])
        self._reviews = ApprovalWorkflow(self.states, stack["approval_arn"], self.tokens)

    def ports(self, moment: Callable[[], int] = now, store: Any = None, more_policies: str = "") -> Ports:
        """Return handlers' ports over the running system, with a clock. Store and policies may be given."""
        policies = self._config.policies
        text = policies.text + more_policies
        return Ports(
            config=self._config,
            policies=PolicySet.load(replace(policies, text=text, version=policies.version + more_policies)),
            actions=ActionTable.load(resources.ACTIONS.read_bytes()),
            store=store or self.store,
            approval_workflow=self._reviews,
            out_of_office=self._absences,
            suspensions=self._suspensions,
            now=moment,
            new_id=new_id,
        )

    def ask(self, **members: Any) -> str:
        """Return the id of a new grant under review. No other request equals it."""
        key = f"arn:aws:s3:::reports/2026/{uuid.uuid4()}.csv"
        permissions = [{"actions": ["s3:PutObject"], "resources": [key]}]
        answer = self.api("POST", "/v1/grants", request_body(permissions=permissions, **members), agent="writer-agent")
        assert answer.status_code == 202, answer.text
        return str(answer.json()["grant"]["id"])

    def open(self, **changes: Any) -> Grant:
        """Return a new pending grant as the API writes it, with `changes`. It has no workflow yet."""
        other = self.ask()
        grant = replace(self.grant(other), id=new_id("g"), records=0, chain_head="", **changes)
        self.release(other)
        record = audit.grant_record(AuditEvent.REQUEST, Outcome.REVIEW, grant, Origin(), now())
        first = audit.next_chained_record(record, grant)
        opened = audit.with_chain_head(grant, first)
        self.store.create_grant(opened, first, now=now())
        return opened

    def start(self, grant: Grant, since: Any = 0) -> str:
        """Start its workflow, as the API does except for `since`. Return its id."""
        given = json.dumps({"grant_id": grant.id, "since": since})
        self.states.start_execution(stateMachineArn=self.stack["approval_arn"], name=grant.id, input=given)
        return grant.id

    def grant(self, grant_id: str) -> Grant:
        """Return the stored grant."""
        found = self.store.grant(grant_id)
        assert found
        return found

    def shown(self, grant_id: str) -> dict[str, Any]:
        """Return the grant as its agent sees it."""
        return dict(self.api("GET", f"/v1/grants/{grant_id}", agent="writer-agent").json()["grant"])

    def release(self, grant_id: str) -> httpx.Response:
        """Release the grant as its agent."""
        return self.api("DELETE", f"/v1/grants/{grant_id}", agent="writer-agent")

    def vote(
        self,
        grant_id: str,
        verdict: VoteVerdict = VoteVerdict.APPROVE,
        name: str = "alice",
        narrowing: NarrowedApproval | None = None,
        **ports: Any,
    ) -> Grant:
        """Return the grant after a reviewer's vote. Raises Problem."""
        groups = self._config.reviewers.values()
        (person,) = {each for group in groups for each in group.members if each.endswith(f".{name}")}
        alias = person.removesuffix(f".{name}")
        (issuer,) = (each.issuer for each in self._config.issuers.values() if each.name == alias)
        voter = Principal(issuer, alias, name, "human", frozenset(), name, person, person)
        content = content_hash(self.grant(grant_id))
        return vote(Ballot(grant_id, voter, verdict, content, "", "web", Origin(), narrowing), self.ports(**ports))

    def come_due(self, grant_id: str, after: int) -> None:
        """Let everything that is due `after` seconds of a review be due in two.

        Stored times are moved; no time passes.

        Reviewers must already have been notified of what was due before, and the workflow must be waiting.
        """
        token, before = self.waiting(grant_id), self.grant(grant_id)
        earlier = before.created_at + after - (now() + 2)
        moved = replace(before, created_at=before.created_at - earlier, expires_at=before.expires_at - earlier)
        self.client("dynamodb").update_item(**grant_update(self.stack["tables"]["state"], before, moved))
        self.states.send_task_success(taskToken=token, output="{}")

    def execution(self, grant_id: str) -> dict[str, Any]:
        """Return the workflow of a grant."""
        return dict(self.states.describe_execution(executionArn=self.arn(grant_id)))

    def arn(self, grant_id: str) -> str:
        """Return the ARN of a grant's workflow."""
        return f"{self.stack['approval_arn'].replace(':stateMachine:', ':execution:')}:{grant_id}"

    def ended(self, grant_id: str) -> dict[str, Any]:
        """Return the workflow once it has ended."""
        return dict(until(lambda: (one := self.execution(grant_id))["status"] != "RUNNING" and one))

    def waiting(self, grant_id: str) -> str:
        """Return the token with which a grant's workflow waits, once reviewers were notified."""
        until(lambda: self.history(grant_id)[-1]["type"] == "TaskSubmitted")
        return str((self.tokens.of(grant_id) or ("",))[0])

    def history(self, grant_id: str) -> list[dict[str, Any]]:
        """Return the events of a grant's workflow."""
        pages = self.states.get_paginator("get_execution_history").paginate(executionArn=self.arn(grant_id))
        return [event for page in pages for event in page["events"]]

    def states_entered(self, grant_id: str) -> list[str]:
        """Return the states of a workflow in order: its transitions, without the states' retries."""
        entered = (each.get("stateEnteredEventDetails") for each in self.history(grant_id))
        return [each["name"] for each in entered if each]

    def records(self, grant_id: str) -> list[dict[str, Any]]:
        """Return the records of a grant in order."""
        items = self.client("dynamodb").query(
            TableName=self.stack["tables"]["audit"],
            KeyConditionExpression="pk = :chain",
            ExpressionAttributeValues={":chain": {"S": grant_id}},
            ConsistentRead=True,
        )["Items"]
        return [json.loads(record_in(item)) for item in items]

    def events(self, grant_id: str) -> list[str]:
        """Return the events of a grant's records in order."""
        return [each["event"] for each in self.records(grant_id)]

    def notices(self, grant_id: str) -> list[str]:
        """Return the notifications that the workflow sent, in order. Failed ones are left out."""
        due: list[str] = []
        for event in self.history(grant_id):
            if event["type"] == "TaskScheduled":
                due.append(json.loads(event["taskScheduledEventDetails"]["parameters"])["Payload"].get("due", ""))
            elif event["type"] == "TaskFailed":
                due.pop()
        return [each for each in due if each not in {"", "nothing"}]
