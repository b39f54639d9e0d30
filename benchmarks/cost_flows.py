"""What each operation of Jitney uses. The deployed handlers run over moto, and a meter counts."""

import importlib
import json
from collections.abc import Callable, Mapping
from dataclasses import replace
from itertools import count
from pathlib import Path
from typing import Any

import boto3

from benchmarks.counted_system import SECONDS, SENDER, CountedSystem, counted_system, counted_with_trail
from benchmarks.metering import Meter, Usage
from benchmarks.synthesized import Template
from benchmarks.trail_flows import joined_call, session_start
from jitney.adapters.grant_items import item_of

WORKFLOW = Path("infra/approval.asl.json")
STATES_OF_A_REVIEW = ("Look", "ChooseNotification", "NotifyAndWait", "Look", "ChooseNotification", "NotifyDecision")
"""The states of a workflow whose request is approved before the first reminder."""
TRANSITION_LOG_BYTES = 1_600
"""What Step Functions logs of one transition: four events without data."""
OWNERS = ("staff.alice", "staff.bob")
"""The reviewers of the sample configuration's group."""

_module = importlib.import_module


def flows(template: Template) -> dict[str, Usage]:
    """Return what one of each operation uses, by the operations' names in `benchmarks.cost`."""
    return {
        "grant": _grant(template),
        "session_start": session_start(template),
        "release": _release(template),
        "review_by_mail": _review_by_mail(template),
        "review_in_slack": _review_in_slack(template),
        "gateway_read": gateway_call(template, "read").usage,
        "gateway_write": gateway_call(template, "write").usage,
        "joined_call": joined_call(template),
        "refused": _refused(template),
    }


def _grant(template: Template) -> Usage:
    """A request that is allowed, its credentials, and its end by expiry."""
    reconcile = _module("jitney.handlers.reconciler").reconcile
    with counted_with_trail(template) as counted:
        counted.create_target_role()
        for _ in range(2):
            counted.start()
            counted.open_grant()
            counted.publish()
            counted.system.now += SECONDS + 61
            counted.more_than_idle("reconciler", reconcile)
            counted.publish()
        return counted.finish()


def idle_reconciler(template: Template) -> Usage:
    """Return what a run of the reconciler uses that finds nothing to do, with one target."""
    with counted_with_trail(template) as counted:
        counted.create_target_role()
        reconcile = _module("jitney.handlers.reconciler").reconcile
        return counted.more_than_idle("reconciler", reconcile)


def _release(template: Template) -> Usage:
    """A release of a grant with credentials, beyond the releases of a minute that are measured."""
    release = _module("jitney.handlers.releases").release_grant
    with counted_with_trail(template) as counted:
        counted.create_target_role()
        for _ in range(counted.ports.config.limits.measured_releases_per_minute + 2):
            opened = counted.open_grant()
            counted.publish()
            counted.start()
            counted.call("releases", release, grant_id=opened)
            counted.publish()
        return counted.finish()


def _review(counted: CountedSystem, vote: Callable[[Any], None]) -> Usage:
    """A request, its notices, the vote of one reviewer, and the notice of the decision."""
    conftest = _module("tests.handlers.conftest")
    schedule = _module("jitney.handlers.review_schedule").check_schedule
    notify = _module("jitney.handlers.review_notices").notify
    for quarter in ("first quarter", "later quarter"):  # an equal request would get the approved grant
        counted.start()
        body = conftest.REQUEST_BODY | {"permissions": conftest.WRITE, "duration_seconds": SECONDS, "reason": quarter}
        grant_id = counted.call("grants", _module("jitney.handlers.grants").create_grant, body)["grant"]["id"]
        counted.publish()
        due = counted.run("review_schedule", schedule, {"grant_id": grant_id, "since": 0})
        counted.run("review_notices", notify, {**due, "retries": 0, "token": "t" * 600})
        counted.publish()
        vote(counted.ports.store.grant(grant_id))
        counted.publish()
        decided = counted.run("review_schedule", schedule, {"grant_id": grant_id, "since": due["since"]})
        if decided["state"] != "active":
            raise SystemExit(f"the request is {decided['state']}")
        last = {"grant_id": grant_id, "due": decided["due"], "retries": 0, "answer_token": "t" * 600}
        counted.run("review_notices", notify, last)
        counted.publish()
        counted.meter.add(_workflow())
    return counted.finish()


def _workflow() -> Mapping[str, float]:
    """Return what an execution of the workflow uses. Raises KeyError for a state that the definition lacks."""
    states = json.loads(WORKFLOW.read_text("utf-8"))["States"]
    taken = len([states[name] for name in STATES_OF_A_REVIEW])
    return {"workflow_transition": taken, "trace": 1, "log_gb": taken * TRANSITION_LOG_BYTES / 1e9}


def _owners() -> Any:
    return {"owners": _module("jitney.core.config").ReviewerGroup(OWNERS, channel="#owners")}


def _review_by_mail(template: Template) -> Usage:
    """Two reviewers each get a mail, and one of them opens the page and votes."""
    browsing = _module("tests.handlers.review_browser")
    emails = {name: f"{name.partition('.')[2]}@example.com" for name in OWNERS}
    with counted_system(template, lambda: browsing.review_system(reviewers=_owners(), emails=emails)) as counted:
        browser = browsing.Browser(counted.whole)
        browser.sign_in("alice")

        def send(function: str, verb: str, path: str, form: Any = None) -> Any:
            with counted.meter.counting(), counted.meter.request(function) as answered:
                answer = browser.send(verb, path, form)
                answered(answer.text)
            return answer

        def vote(grant: Any) -> None:
            path = f"/reviews/{grant.id}"
            forms = _module("tests.reviewer_browser")
            answer = send("votes", "POST", path, forms.ballot(send("reviews", "GET", path).text, "approve"))
            if form := forms.second_step_of(answer.text):
                answer = send("votes", "POST", path, form)
            if answer.status != 303:
                raise SystemExit(f"the vote was answered {answer.status}")
            send("reviews", "GET", path)

        usage = _review(counted, vote)
        if usage["mail"] != 2 * len(OWNERS):
            raise SystemExit(f"{usage['mail']} mails were sent from {SENDER}")
        return usage


def _review_in_slack(template: Template) -> Usage:
    """One message in the group's channel asks its two reviewers. One of them presses Approve."""
    workspace = _module("tests.handlers.slack_workspace")
    with counted_system(template, lambda: workspace.SlackSystem(groups=_owners())) as counted:
        office = counted.whole
        office.slack = counted.ports.slack = _Waiting(office.slack, counted)
        counted.ports.mail_sender = None

        def vote(grant: Any) -> None:
            with counted.meter.counting(), counted.meter.request("slack_interactions") as answered:
                status, answer = office.send(office.press(grant, "approve"))
                answered(json.dumps(answer))
            if status != 200:
                raise SystemExit(f"Slack's request was answered {status}")

        return _review(counted, vote)


class _Waiting:
    """Slack in memory, with the time of each call."""

    def __init__(self, slack: Any, counted: CountedSystem) -> None:
        self._slack, self._counted = slack, counted

    def __getattr__(self, name: str) -> Any:
        found = getattr(self._slack, name)
        if callable(found):
            self._counted.meter.wait("slack")
        return found


def gateway_call(template: Template, kind: str) -> Meter:
    """Return the meter of one warm call through the gateway: a "read" or a "write". Its grant exists already."""
    gateway = _module("tests.handlers.gateway")
    call = {"read": gateway.GET, "write": gateway.PUT}[kind]

    def build() -> Any:
        """Return an agent whose grant is in the table, where the deployed adapters find it."""
        made, numbers = gateway.Gateway(duration_seconds=2 * SECONDS), count()
        usual = {"read": gateway.OK, "write": gateway.DONE}[kind]

        def answer() -> Any:
            """Return AWS's answer. Each has an id of its own, from which the id of a read is made."""
            return replace(usual, headers={**usual.headers, "x-amz-request-id": f"4F2B{next(numbers)}"})

        made.upstream.answer = answer
        item = item_of(made.system.store.grants[made.grant_id])
        boto3.client("dynamodb").put_item(TableName="state", Item=item)
        return made

    with counted_system(template, build) as counted:
        for _ in range(2):
            counted.start()
            with counted.meter.counting(), counted.meter.request("gateway_calls") as answered:
                counted.meter.wait("upstream")
                status, answer = counted.whole.post(call)
                answered(json.dumps(answer))
            if status != 200:
                raise SystemExit(f"the gateway answered {answer}")
            counted.publish()
        counted.finish()
        return counted.meter


def _refused(template: Template) -> Usage:
    """A request without a token. Of a minute's refusals, the first and every doubled count are recorded."""
    with counted_with_trail(template) as counted:
        for _ in range(3):
            counted.start()
            counted.refuse("grants", _module("jitney.handlers.grants").create_grant)
            counted.publish()
        return counted.finish()
