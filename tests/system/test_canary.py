"""No planted secret is written, logged, shown or sent (rows AUD 7, MASK 4, 5), end to end.

Every place gets a different secret, so that a finding shows where it came from. Each secret has a mark beside it, and
some secrets bypass the masker. Both prove that the search finds what is there.
"""

import base64
import json
import re
import time
import urllib.parse
import uuid
from collections.abc import Callable, Iterator

import httpx
import pytest

from tests.reviewer_browser import Person, ballot
from tests.running_systems import PATIENCE, until
from tests.system.conftest import Api, other_words, request_body
from tests.system.test_records import Published, chain_of
from tests.system.test_slack import Workspace
from tests.system.written import everything_written

# With the other tests of reviews: they count what a person leaves in the tables.
pytestmark = pytest.mark.xdist_group("reviews")
WRITE = [{"actions": ["s3:PutObject"], "resources": ["arn:aws:s3:::reports/2026/canary.csv"]}]

FORMS: tuple[Callable[[str], str], ...] = (
    lambda secret: f"password={secret}",
    lambda secret: f"postgres://app:{secret}@db.internal/app",
    lambda secret: base64.b64encode(f"api_key={secret}".encode()).decode(),
    lambda secret: f"aws x --auth-token {secret} --y",
    lambda secret: f"eyJhbGciOiJIUzI1NiJ9.eyJ{secret}{secret}.{secret}{secret}",
    lambda secret: f"IQoJb3JpZ2lu{secret * 8}",
)


class Canaries:
    """Makes secrets. Each has a mark beside it that is no secret."""

    def __init__(self) -> None:
        self.planted: dict[str, tuple[str, tuple[str, ...]]] = {}

    def __call__(self, place: str) -> str:
        """Return a sentence with a new secret for `place`, in one of its forms."""
        mark, secret = f"mark{uuid.uuid4().hex[:12]}", f"Cn{uuid.uuid4().hex[:18]}"
        text = FORMS[len(self.planted) % len(FORMS)](secret)
        self.planted[place] = (mark, (secret[:12], text))
        return f"{mark} {text}"

    def found(self, text: str) -> set[str]:
        """Return the places whose secret is in `text`, as it was planted or by its first half."""
        read = {text, urllib.parse.unquote_plus(text), text.replace("\\", "")}
        return {
            place for place, (_, forms) in self.planted.items() if any(form in each for form in forms for each in read)
        }

    def marked(self, text: str) -> set[str]:
        """Return the places whose mark is in `text`."""
        return {place for place, (mark, _) in self.planted.items() if mark in text}


@pytest.fixture
def canary() -> Canaries:
    return Canaries()


def plant_in_requests(api: Api, canary: Canaries) -> Iterator[httpx.Response]:
    """Plant secrets in all texts that a stranger, or an agent with its token, can put into requests."""
    for name in ("Idempotency-Key", "User-Agent", "X-Forwarded-For", "Cookie", "Referer", "X-Amzn-Trace-Id", "X-Any"):
        yield api("POST", "/v1/grants", request_body(), **{name: canary(f"header {name}")})
    for kind in ("Bearer", "Basic"):
        yield api("POST", "/v1/grants", request_body(), agent="", Authorization=f"{kind} {canary(f'{kind} token')}")
    for member in ("reason", "target", "duration_seconds", "ticket", "changed", "any", "permissions"):
        yield api("POST", "/v1/grants", request_body(**{member: canary(f"member {member}")}))
    for shape, body in (
        ("name", {canary("member's name"): 1}),
        ("action", {"permissions": [{"actions": [canary("action")], "resources": ["*"]}]}),
        ("resource", {"permissions": [{"actions": ["s3:GetObject"], "resources": [canary("resource")]}]}),
        (
            "arn",
            {
                "permissions": [
                    {"actions": ["s3:GetObject"], "resources": [f"arn:aws:s3:::reports/{canary('resource ARN')}"]}
                ]
            },
        ),
    ):
        for route in ("/v1/grants", "/v1/decisions"):
            yield api("POST", route, request_body(**body), X_Shape=shape)
    yield api("POST", "/v1/grants", canary("body that is no JSON").encode())
    calls = (
        canary("call"),
        f"aws s3 cp s3://reports/2026/a {canary('word of a call')}",
        f"aws secretsmanager put-secret-value --secret-id db --secret-string '{canary('value of a call')}'",
        {"service": canary("service"), "operation": "GetObject"},
        {"service": "s3", "operation": canary("operation")},
        {"service": "s3", "operation": "GetObject", "parameters": {canary("parameter's name"): "a"}},
        {"service": "s3", "operation": "GetObject", "parameters": {"Bucket": "b", "Key": canary("key")}},
    )
    for call in calls:
        body = {name: value for name, value in request_body().items() if name != "permissions"} | {"calls": [call]}
        for route in ("/v1/grants", "/v1/decisions"):
            yield api("POST", route, body)
    quoted = urllib.parse.quote
    yield api("GET", f"/v1/grants/{quoted(canary('path'), safe='')}")
    yield api("GET", f"/v1/grants?cursor={quoted(canary('query'))}")
    yield api("DELETE", f"/v1/grants/{quoted(canary('path of a release'), safe='')}")
    yield api("POST", f"/v1/targets/{quoted(canary('target alias'), safe='')}/check", {}, agent="incident-bot")


def plant_with_people(api: Api, alice: Person, canary: Canaries) -> Iterator[httpx.Response]:
    """Plant secrets in what reviewers and operators write, in forms and links, and in the identity provider's
    answers.
    """
    denied = request_body(permissions=[{"actions": ["iam:*"], "resources": ["*"]}], reason=canary("reason of a denial"))
    yield api("POST", "/v1/grants", denied)
    for verdict in ("approve", "reject"):
        wanted = request_body(permissions=WRITE, reason=canary(f"reason of what they {verdict}"), changed=other_words())
        pending = api("POST", "/v1/grants", wanted, agent="writer-agent")
        grant_id = pending.json()["grant"]["id"]
        page = alice.get(f"/{grant_id}")
        fields = ballot(page.text, "approve_selected")
        for name in ("verdict", "content", "seconds", "action", "token"):
            yield alice.post(f"/{grant_id}", fields | {name: canary(f"form {name}, {verdict}")})
        yield from (pending, page)
        yield alice.vote(grant_id, verdict, comment=canary(f"comment to {verdict}"))
        yield alice.get(f"/{grant_id}")
        yield api("GET", f"/v1/grants/{grant_id}", agent="writer-agent")
        yield api("POST", f"/v1/grants/{grant_id}/credentials", agent="writer-agent")
        form = {"token": alice.token(), "reason": canary(f"reason on the page, {verdict}")}
        yield alice.post(f"/{grant_id}/revocation", form)
    body = {"reason": canary("reason of a revocation")}
    granted = api.ask()["grant"]["id"]
    yield api("POST", f"/v1/grants/{granted}/revocation", body, agent="incident-bot")
    yield api("POST", f"/v1/grants/{granted}/credentials")
    yield from plant_in_suspensions(api, canary)
    for name in ("code", "state", "error", "error_description", "iss"):
        yield alice.http.get(f"{alice.url}/callback", params={name: canary(f"callback {name}")})
    yield alice.http.get(f"{alice.url}/sign-in", params={"to": canary("where to after signing in")})
    yield alice.http.get(f"{alice.url}/{urllib.parse.quote(canary('path of a page'), safe='')}")
    said = json.dumps({"type": "block_actions", "user": {"id": canary("Slack's user")}})
    url = alice.url.removesuffix("/reviews") + "/slack/interactions"
    headers = {"X-Slack-Signature": canary("Slack's signature"), "X-Slack-Request-Timestamp": str(int(time.time()))}
    yield httpx.post(url, data={"payload": said}, headers=headers, trust_env=False, timeout=PATIENCE)


def plant_in_suspensions(api: Api, canary: Canaries) -> Iterator[httpx.Response]:
    """Plant secrets in what operators write when they suspend and lift."""
    unseen = {"kind": "agent", "name": f"local.never-{uuid.uuid4().hex[:8]}", "unseen": True}
    for member in ("kind", "name", "reason", "unseen", "any"):
        body = {**unseen, "reason": "tried", member: canary(f"suspension's {member}")}
        yield api("POST", "/v1/suspensions", body, agent="incident-bot")
    (made,) = (
        each
        for each in api("GET", "/v1/suspensions", agent="incident-bot").json()["suspensions"]
        if each["name"] == unseen["name"]
    )
    body = {"reason": canary("reason of lifting")}
    yield api("DELETE", f"/v1/suspensions/{made['id']}", body, agent="incident-bot")
    path = urllib.parse.quote(canary("path of a suspension"), safe="")
    yield api("DELETE", f"/v1/suspensions/{path}", {"reason": "tried"}, agent="incident-bot")


def plant_in_slack(api: Api, workspace: Workspace, canary: Canaries) -> Iterator[str]:
    """Plant secrets in what reviewers write into Slack's modals. Return what the workspace got as an answer."""
    for action in ("reject", "approve_selected"):
        wanted = request_body(permissions=WRITE, reason=canary(f"reason, {action} in Slack"), changed=other_words())
        pending = api("POST", "/v1/grants", wanted, agent="writer-agent").json()["grant"]["id"]
        modal = workspace.press(workspace.asked(pending), action)["modal"]
        answer = (
            workspace.send(modal, {"seconds": canary(f"seconds, {action} in Slack")})
            if action == "approve_selected"
            else None
        )
        values = {"comment": canary(f"comment, {action} in Slack"), "seconds": "120"}
        yield json.dumps([answer, workspace.send(modal, values)])
        yield api("GET", f"/v1/grants/{pending}", agent="writer-agent").text


ON_RECORD = {
    "reason, reject in Slack",
    "comment, reject in Slack",
    "member reason",
    "member ticket",
    "reason of a denial",
    "reason of what they approve",
    "reason of what they reject",
    "comment to approve",
    "comment to reject",
    "reason on the page, approve",
    "reason of a revocation",
    "suspension's reason",
    "reason of lifting",
}


def keys_and_tokens(api: Api, token: str) -> list[str]:
    """Return what an agent sends and gets that is secret: its token, and the keys of a grant."""
    issued = api("POST", "/v1/grants", request_body(), Authorization=f"Bearer {token}").json()["credentials"]
    api("POST", "/v1/grants", request_body(), Authorization=f"Bearer {token[:-4]}AAAA")
    return [token, token.split(".")[2], issued["secret_access_key"], issued["session_token"]]


def test_aud_07_no_planted_secret_is_written_shown_or_sent(
    api: Api, aws, stack, token: Callable[[str], str], person: Callable[[str], Person], canary: Canaries
):
    began, secrets = time.time(), keys_and_tokens(api, token("reader-agent"))
    alice = person("alice")
    alice.sign_in()
    answers = [*plant_in_requests(api, canary), *plant_with_people(api, alice, canary)]
    with httpx.Client(timeout=PATIENCE, trust_env=False) as client:
        in_slack = "\n".join(plant_in_slack(api, Workspace(stack, client), canary))
    assert len(canary.planted) > 50
    assert not [each.text for each in answers if each.status_code == httpx.codes.INTERNAL_SERVER_ERROR]
    shown = "\n".join(f"{each.headers}{each.text}" for each in answers)
    assert canary.found(shown + in_slack) == set()

    last = api.ask(reason=canary("the last reason"))["grant"]["id"]
    published = Published(aws("s3"), stack["buckets"]["records"])
    until(lambda: any(last in line for line in published.lines()))
    written = "\n".join(everything_written(aws, stack, began))
    assert canary.found(written) == set()
    assert [secret for secret in secrets if secret in written] == []
    assert canary.marked(written) >= ON_RECORD
    # Of what is decided at once, Slack is not asked any more: who decides there was.
    expected = {"mailbox_url": "reason of what they reject", "slack_url": "reason, reject in Slack"}
    with httpx.Client(timeout=PATIENCE, trust_env=False) as client:
        for where, place in expected.items():
            address = f"{stack[where]}/messages"
            until(lambda at=address, place=place: place in canary.marked(client.get(at).text))


def send_about_nothing(sqs, queue: str, said: str) -> None:
    """Send into a queue whose consumers get it after the search. They find no call and no record for it."""
    long_ago = {f"approximateArrivalOf{which}Record": "2020-01-01T00:00:00Z" for which in ("First", "Last")}
    unknown = {"account": "000000000000", "access_key_id": "none"}
    body = json.dumps({"judge_calls": unknown, "DDBStreamBatchInfo": long_ago, "said": said})
    url = sqs.get_queue_url(QueueName=queue)["QueueUrl"]
    sqs.send_message(QueueUrl=url, MessageBody=body, DelaySeconds=900)


def test_what_is_searched_would_show_a_secret_that_got_there(aws, stack, canary: Canaries):
    """The search that finds nothing above does find a secret in every place that it searches."""
    began = time.time()
    item = {"pk": {"S": "CANARY#control"}, "sk": {"S": "CANARY"}}
    table, bucket, group = stack["tables"]["state"], stack["buckets"]["athena_results"], "/aws/lambda/jitney-health"
    aws("dynamodb").put_item(TableName=table, Item=item | {"said": {"S": canary("table")}})
    for key, place in (("again", "written over"), ("again", "bucket"), ("gone", "deleted")):
        aws("s3").put_object(Bucket=bucket, Key=f"control/{key}", Body=canary(place).encode())
    aws("s3").delete_object(Bucket=bucket, Key="control/gone")
    for queue in ("trail_queue", "trail_dead_letters", "dead_letters"):
        send_about_nothing(aws("sqs"), re.split("[/:]", stack[queue])[-1], canary(queue))
    aws("logs").create_log_stream(logGroupName=group, logStreamName="canary")
    event = {"timestamp": int(time.time() * 1000), "message": canary("log")}
    aws("logs").put_log_events(logGroupName=group, logStreamName="canary", logEvents=[event])
    dimensions = [{"Name": "said", "Value": canary("metric")}]
    aws("cloudwatch").put_metric_data(
        Namespace="Canary", MetricData=[{"MetricName": "control", "Value": 1, "Dimensions": dimensions}]
    )
    said = httpx.post(
        f"{stack['slack_url']}/api/chat.postMessage",
        json={"channel": "data-reviews", "text": canary("Slack message")},
        headers={"Authorization": f"Bearer {stack['slack_token']}"},
        trust_env=False,
        timeout=PATIENCE,
    )
    assert said.json()["ok"], said.text
    mail = {"Subject": {"Data": "control"}, "Body": {"Text": {"Data": canary("mail")}}}
    aws("ses").verify_email_identity(EmailAddress="jitney@example.com")
    aws("ses").send_email(Source="jitney@example.com", Destination={"ToAddresses": ["alice@example.com"]}, Message=mail)
    try:
        assert canary.found("\n".join(everything_written(aws, stack, began))) == set(canary.planted)
    finally:
        aws("dynamodb").delete_item(TableName=table, Key=item)
        for each in aws("s3").get_paginator("list_object_versions").paginate(Bucket=bucket, Prefix="control/"):
            for version in (*each.get("Versions", ()), *each.get("DeleteMarkers", ())):
                aws("s3").delete_object(Bucket=bucket, Key=version["Key"], VersionId=version["VersionId"])
        aws("logs").delete_log_stream(logGroupName=group, logStreamName="canary")


def test_mask_04_a_secret_has_the_same_tag_in_the_whole_grant_and_another_for_another_agent(api: Api, aws, stack):
    said = "with password=Cn5Xy12345678ab"
    key, body = str(uuid.uuid4()), request_body(reason=said, ticket=said)
    first = api("POST", "/v1/grants", body, Idempotency_Key=key).json()["grant"]
    again = api("POST", "/v1/grants", body, Idempotency_Key=key).json()["grant"]
    assert again["id"] == first["id"]
    assert first["reason"] == first["ticket"]
    assert first["reason"].startswith("with password=[masked credential ")
    (record, *_) = until(lambda: chain_of(aws, stack, first["id"]))
    assert record["reason"] == first["reason"]
    other = api("POST", "/v1/grants", request_body(reason=said, permissions=WRITE), agent="writer-agent").json()[
        "grant"
    ]
    assert other["reason"].startswith("with password=[masked credential ")
    assert other["reason"] != first["reason"]
    api("DELETE", f"/v1/grants/{other['id']}", agent="writer-agent")
