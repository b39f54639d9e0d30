"""The tools of `jitney mcp`, in both revisions of the protocol."""

import json
import threading
from datetime import datetime
from pathlib import Path
from typing import Any

import anyio
import pytest
from jsonschema import Draft202012Validator
from mcp import Client
from mcp.shared.exceptions import MCPError
from mcp.types import ElicitResult

from jitney.client.api.broker import Broker
from jitney.client.api.grant_request import GrantRequest
from jitney.client.api.responses import GrantResponse
from jitney.client.mcp import opened_grants, problem_results
from jitney.client.mcp.arguments import CallArguments
from jitney.client.mcp.call_tools import call_key
from jitney.client.mcp.opened_grants import OpenedGrants
from jitney.client.mcp.tool_table import TOOLS
from jitney.client.mcp.worker_threads import CancellableWait, WaitCancelledError
from jitney.client.problems import Unavailable
from tests.client.fake_broker import (
    CREDENTIALS,
    GRANT_ID,
    PERMISSIONS,
    REVIEW,
    SECRET,
    SESSION,
    FakeBroker,
    grant,
    problem,
    vote,
)
from tests.client.mcp.conftest import ACCESS, CALL_ID, GET_OBJECT, Agent, FixedToken, answer, text_of

GRANT = f"/v1/grants/{GRANT_ID}"
ACTIVE = {"grant": grant(way="gateway")}
PENDING = {"grant": grant("pending", way="gateway", expires_at=REVIEW["expires_at"]), "review": REVIEW}
AT_RETRY = "epeat the tool call with the same arguments at retry_at or later. If the task cannot wait, inform the user."
CHILD_ID = "g-childchildchi2"
UNDER_REVIEW = {"call_id": CALL_ID, "grant": PENDING["grant"] | {"id": CHILD_ID, "call": None}, "review": REVIEW}
ALLOWED = {"effect": "allow", "reasons": [], "permissions": PERMISSIONS, "ways": {"gateway": "allow"}}
READ_ONLY = {"list_targets", "explain", "wait", "read_answer", "my_grants"}
TARGETS: dict[str, Any] = {
    "caller": {"principal": "local.reader-agent", "groups": [], "human": None, "claims": {}},
    "targets": [
        {
            "target": "analytics-prod",
            "account": "444455556666",
            "regions": ["eu-west-1"],
            "max_seconds": 3600,
            "suspended": False,
            "access": [],
            "access_profiles": [],
        }
    ],
}


def test_cli_02_tools_say_what_they_do_and_never_to_hide_it(agent: Agent):
    async def scenario(client: Client) -> Any:
        return await client.list_tools(), client.instructions

    listed, instructions = agent.use(scenario)
    tools = {tool.name: tool for tool in listed.tools}
    assert set(tools) == set(TOOLS)
    for name, tool in tools.items():
        Draft202012Validator.check_schema(tool.input_schema)
        Draft202012Validator.check_schema(tool.output_schema)
        assert tool.input_schema["additionalProperties"] is False
        assert tool.annotations.read_only_hint == (name in READ_ONLY)
        assert tool.annotations.destructive_hint == (name in {"call", "release"})
        assert tool.annotations.open_world_hint == (name == "call")
        assert tool.annotations.idempotent_hint == (name != "request")
    words = (json.dumps([tool.model_dump_json() for tool in listed.tools]) + (instructions or "")).lower()
    assert not [each for each in ("do not mention", "do not inform", "hide", "secretly") if each in words]


def test_cli_05_targets_are_listed_and_are_a_resource(agent: Agent):
    agent.broker.say("GET", "/v1/targets", 200, TARGETS)

    async def scenario(client: Client) -> Any:
        listed = await agent.tool(client, "list_targets")
        (resource,) = (await client.list_resources()).resources
        return listed, await client.read_resource(str(resource.uri))

    listed, read = agent.use(scenario)
    assert listed.structured_content["targets"][0]["target"] == "analytics-prod"
    assert json.loads(read.contents[0].text)["caller"] == TARGETS["caller"]


def test_dx_explain_is_a_dry_run_with_what_would_pass(agent: Agent):
    denied = ALLOWED | {"effect": "deny", "allowed_subset": PERMISSIONS, "longest_seconds": 60}
    agent.broker.say("POST", "/v1/decisions", 200, denied | {"ways": {"gateway": "allow"}})
    calls = [{"service": "s3", "operation": "GetObject", "parameters": {"Bucket": "b"}, "region": "eu-west-1"}]
    result = agent.call("explain", {"target": "analytics-prod", "commands": ["aws s3 ls"], "calls": calls})
    (asked,) = agent.broker.asked
    assert asked.json["calls"] == ["aws s3 ls", *calls]
    assert asked.json["way"] == "gateway"
    (other,) = result.structured_content["would_pass"]
    assert (other["duration_seconds"], other["permissions"], "calls" in other) == (60, PERMISSIONS, False)


def test_dx_a_request_opens_a_gateway_grant_and_says_the_next_step(agent: Agent):
    agent.broker.say("POST", "/v1/grants", 201, ACTIVE)
    result = agent.call("request", ACCESS | {"duration_seconds": 300, "ticket": "OPS-1"})
    asked = agent.broker.calls("POST", "/v1/grants")[0].json
    assert asked == {
        "target": "analytics-prod",
        "calls": ACCESS["commands"],
        "duration_seconds": 300,
        "reason": "monthly report",
        "way": "gateway",
        "ticket": "OPS-1",
    }
    assert result.structured_content["grant"]["id"] == GRANT_ID
    assert "Use the tool call" in result.structured_content["next"]
    assert json.loads(text_of(result)) == result.structured_content


def test_cli_06_grants_are_released_when_the_server_ends(agent: Agent):
    agent.broker.say("POST", "/v1/grants", 201, ACTIVE)
    agent.call("request", ACCESS)
    assert len(agent.broker.calls("DELETE", GRANT)) == 1


def test_cli_06_a_released_grant_is_not_released_again(agent: Agent):
    agent.broker.say("POST", "/v1/grants", 201, ACTIVE)

    async def scenario(client: Client) -> Any:
        await agent.tool(client, "request", ACCESS)
        return await agent.tool(client, "release", {"grant": GRANT_ID})

    assert agent.use(scenario).structured_content["grant"]["state"] == "released"
    assert len(agent.broker.calls("DELETE", GRANT)) == 1


def test_cli_06_a_grant_that_ended_before_the_server_is_not_released(broker: FakeBroker):
    broker.say("POST", "/v1/grants", 201, ACTIVE)
    end = datetime.fromisoformat(ACTIVE["grant"]["expires_at"]).timestamp()
    for now, released in ((end + 1, 0), (end - 1, 1)):
        opened = OpenedGrants(Broker(broker.url, FixedToken()), clock=lambda now=now: now)
        opened.request(GrantRequest("analytics-prod", (), 60, "r"))
        opened.release_all(1.0)
        assert len(broker.calls("DELETE", GRANT)) == released


def test_cli_06_a_server_that_ends_opens_no_grant(broker: FakeBroker):
    opened = OpenedGrants(Broker(broker.url, FixedToken()))
    opened.release_all(1.0)
    with pytest.raises(Unavailable, match="requests no more grants"):
        opened.request(GrantRequest("analytics-prod", (), 60, "r"))
    assert not broker.asked


def test_cli_06_a_grant_that_arrives_after_the_end_of_the_server_is_released(broker: FakeBroker):
    class Slow(Broker):
        def request(self, *_: Any, **__: Any) -> GrantResponse:
            opened.release_all(0.01)
            return GrantResponse.read(ACTIVE)

        def release(self, grant_id: str) -> GrantResponse:
            released.append(grant_id)
            arrived.set()
            return GrantResponse.read(ACTIVE)

    released, arrived = list[str](), threading.Event()
    opened = OpenedGrants(Slow(broker.url, FixedToken()))
    with pytest.raises(Unavailable, match="requests no more grants"):
        opened.request(GrantRequest("analytics-prod", (), 60, "r"))
    assert arrived.wait(10)  # no later call releases it
    assert released == [GRANT_ID]


def test_cli_06_a_release_that_hangs_does_not_hold_up_the_end(capsys: pytest.CaptureFixture[str]):
    answered = threading.Event()

    class Hanging(Broker):
        def request(self, *_: Any, **__: Any) -> GrantResponse:
            return GrantResponse.read(ACTIVE)

        def release(self, grant_id: str) -> GrantResponse:
            answered.wait(60)
            return GrantResponse.read(ACTIVE)

    opened = OpenedGrants(Hanging("http://127.0.0.1:9", FixedToken()))
    opened.request(GrantRequest("analytics-prod", (), 60, "r"))
    opened.release_all(0.05)
    assert not answered.is_set()
    assert f"{GRANT_ID} was not released in time" in capsys.readouterr().err
    answered.set()


def test_cli_06_a_grant_that_another_process_opened_is_left(agent: Agent):
    agent.broker.say("POST", "/v1/grants", 202, PENDING | {"repeats": True})
    assert agent.call("request", ACCESS).structured_content["existing"] is True
    assert not agent.broker.calls("DELETE", GRANT)


def test_dx_an_equal_request_gets_the_same_grant(agent: Agent):
    agent.broker.say("POST", "/v1/grants", 201, ACTIVE)
    agent.broker.say("GET", GRANT, 200, ACTIVE)

    async def scenario(client: Client) -> Any:
        async with anyio.create_task_group() as tasks:
            for _ in range(3):
                tasks.start_soon(agent.tool, client, "request", ACCESS)
        return await agent.tool(client, "request", ACCESS)

    assert agent.use(scenario).structured_content["existing"] is True
    assert len(agent.broker.calls("POST", "/v1/grants")) == 1


@pytest.mark.parametrize("state", ["released", "rejected", "expired", "about to expire"])
def test_dx_a_grant_that_has_ended_answers_no_request(agent: Agent, state: str, monkeypatch: pytest.MonkeyPatch):
    ends = state.startswith("about")
    monkeypatch.setattr(opened_grants, "_LEAST_SECONDS", 1e10 if ends else 30.0)
    agent.broker.say("POST", "/v1/grants", 201, ACTIVE)
    agent.broker.say("GET", GRANT, 200, {"grant": grant("active" if ends else state)})

    async def scenario(client: Client) -> None:
        await agent.tool(client, "request", ACCESS)
        await agent.tool(client, "request", ACCESS)

    agent.use(scenario)
    assert len(agent.broker.calls("POST", "/v1/grants")) == 2


def test_cli_03_a_pending_review_is_a_normal_result(agent: Agent):
    agent.broker.say("POST", "/v1/grants", 202, PENDING)
    result = agent.call("request", ACCESS)
    assert not result.is_error
    assert result.structured_content["review"]["any_of"] == [["data-owners"]]
    assert result.structured_content["review"]["decide_by"] == REVIEW["expires_at"]
    assert result.structured_content["review"]["reviewers"] == REVIEW["reviewers"]
    assert result.structured_content["review"]["url"] == REVIEW["review_url"]
    assert "Then use wait" in result.structured_content["next"]


def test_cli_01_no_credential_is_in_a_result(agent: Agent):
    agent.broker.say("POST", "/v1/grants", 201, {"grant": grant(), "credentials": CREDENTIALS})
    result = agent.call("request", ACCESS, way="credentials")
    assert "jitney run --grant" in result.structured_content["next"]
    assert not [each for each in (SECRET, SESSION, "ASIACANARYKEYID") if each in result.model_dump_json()]
    assert "way" not in agent.broker.asked[0].json


def test_dx_a_denial_has_the_problems_members_and_what_would_pass(agent: Agent):
    extras = {"allowed_subset": PERMISSIONS, "longest_seconds": 60, "reasons": [{"policy": "p", "sentence": "No."}]}
    agent.broker.say("POST", "/v1/grants", 403, problem("denied", **extras))
    agent.broker.say("POST", "/v1/grants", 403, problem("denied", **extras, retry_at="2026-12-01T18:00:00Z"))
    result = agent.call("request", ACCESS)
    document = result.structured_content
    assert result.is_error is True
    assert document["problem"]["code"] == "denied"
    assert document["problem"]["reasons"] == extras["reasons"]
    assert [each.get("duration_seconds") for each in document["would_pass"]] == [60]
    passing = "Use the tool request with the arguments in would_pass, if that is enough. Otherwise "
    assert document["next"] == f"{passing}inform the user."
    assert agent.call("request", ACCESS).structured_content["next"] == f"{passing}r{AT_RETRY}"


def test_dx_explain_says_when_a_request_would_pass(agent: Agent):
    denied = ALLOWED | {"effect": "deny", "ways": {"gateway": "deny"}, "retry_at": "2026-12-01T18:00:00Z"}
    agent.broker.say("POST", "/v1/decisions", 200, denied)
    document = agent.call("explain", {"target": "analytics-prod", "commands": ["aws s3 ls"]}).structured_content
    assert document["retry_at"] == "2026-12-01T18:00:00Z"
    assert document["next"].endswith("The same request would pass from retry_at on.")


def test_dx_a_denial_in_a_time_window_says_when_to_repeat_the_tool_call(agent: Agent):
    agent.broker.say("POST", "/v1/grants", 403, problem("denied", retry_at="2026-12-01T18:00:00Z"))
    agent.broker.say("POST", "/v1/grants", 403, problem("denied"))
    document = agent.call("request", ACCESS).structured_content
    assert (document["problem"]["retry_at"], document["next"]) == ("2026-12-01T18:00:00Z", f"R{AT_RETRY}")
    assert agent.call("request", ACCESS).structured_content["next"] == "The fix of denied."


def test_rev_14_a_rejected_request_is_repeated_only_with_what_changed(agent: Agent):
    rejection = {"grant": GRANT_ID, "by": "people.alice", "comment": "Not today."}
    agent.broker.say("POST", "/v1/grants", 403, problem("rejected_before", rejection=rejection))
    agent.broker.say("POST", "/v1/grants", 201, ACTIVE)

    async def scenario(client: Client) -> Any:
        refused = await agent.tool(client, "request", ACCESS)
        return refused, await agent.tool(client, "request", ACCESS | {"changed": "It is tomorrow."})

    refused, granted = agent.use(scenario)
    assert refused.structured_content["problem"]["rejection"] == rejection
    assert "say it in `changed`" in refused.structured_content["next"]
    assert not granted.is_error
    assert agent.broker.calls("POST", "/v1/grants")[1].json["changed"] == "It is tomorrow."


@pytest.mark.parametrize(
    ("changed", "words"),
    [
        ({"commands": []}, "The arguments name no access"),
        ({"permissions": PERMISSIONS}, "The arguments name no access"),
        ({"grant": "x"}, "/grant: Extra inputs"),
        ({"duration_seconds": "5m"}, "/duration_seconds"),
        ({"duration_seconds": "true"}, "/duration_seconds"),
        ({"permissions": '[{"actions": NaN}]'}, "/permissions: Input should be a valid list"),
        ({"permissions": "[" * 100_000}, "/permissions: Input should be a valid list"),
        (
            {"calls": ["aws s3 ls"]},
            "/calls/0: it is not an object. Command lines are for the argument commands",
        ),
        ({"target": None}, "/target: Field required"),
        ({"reason": f"a{chr(0x202E)}b"}, "/reason: it has characters that a reviewer would not see: U+202E"),
        ({"commands": [f"aws s3 ls {chr(27)}[2J"]}, "/commands/0: it has characters"),
        ({"ticket": chr(0)}, "/ticket: it has characters"),
        ({"target": "../../v1"}, "/target"),
        ({"commands": ["a"] * 21}, "/commands"),
    ],
)
def test_dx_arguments_that_are_not_valid_reach_no_broker(agent: Agent, changed: dict[str, Any], words: str):
    result = agent.call("request", ACCESS | changed)
    assert result.is_error is True
    assert words in result.structured_content["problem"]["detail"]
    assert not agent.broker.asked


def test_dx_null_counts_as_left_out_and_a_text_as_the_json_that_it_holds(agent: Agent):
    agent.broker.say("POST", "/v1/grants", 201, ACTIVE)
    given = {
        "permissions": [json.dumps({"actions": ["s3:GetObject"], "resources": ["arn:aws:s3:::reports/*"]})],
        "calls": "[]",
        "commands": None,
        "duration_seconds": "300",
        "ticket": "17",
    }
    result = agent.call("request", {"target": "analytics-prod", "reason": "[1]"} | given)
    assert not result.is_error, result.structured_content
    (asked,) = agent.broker.calls("POST", "/v1/grants")
    assert asked.json["permissions"] == [{"actions": ["s3:GetObject"], "resources": ["arn:aws:s3:::reports/*"]}]
    assert (asked.json["duration_seconds"], asked.json["ticket"], asked.json["reason"]) == (300, "17", "[1]")


def test_dx_the_parameters_of_a_call_may_be_json_and_their_members_stay_as_they_are(agent: Agent):
    agent.broker.say("POST", "/v1/calls", 200, answer("x"))
    result = agent.call("call", GET_OBJECT | {"parameters": '{"Bucket": "reports", "Key": "[1]"}'})
    assert not result.is_error, result.structured_content
    assert agent.broker.calls("POST", "/v1/calls")[0].json["parameters"] == {"Bucket": "reports", "Key": "[1]"}


def test_dx_a_wrong_argument_gets_its_description_and_a_large_call_the_other_way(agent: Agent):
    wrong = agent.call("request", ACCESS | {"target": "analytics_prod"}).structured_content
    assert wrong["next"].endswith("target: The target's alias, from list_targets.")
    agent.broker.say("POST", "/v1/calls", 413, problem("call_too_large"))
    assert "jitney run --gateway" in agent.call("call", GET_OBJECT).structured_content["next"]


def test_dx_an_argument_that_does_not_exist_gets_the_names_of_those_that_do(agent: Agent):
    result = agent.call("request", {"target": "analytics-prod", "actions": ["s3:GetObject"], "reason": "report"})
    fix = result.structured_content["next"]
    assert "Its arguments are target, " in fix
    assert ", permissions" in fix


@pytest.mark.parametrize(
    ("code", "words"), [("too_many_pending", "tool release"), ("too_many_grants", "tool my_grants")]
)
def test_rev_12_a_limit_that_is_reached_names_the_tool_that_helps(agent: Agent, code: str, words: str):
    agent.broker.say("POST", "/v1/grants", 429, problem(code), Retry_After="60")
    result = agent.call("request", ACCESS)
    assert words in result.structured_content["next"]


def test_dx_credentials_are_not_revealed(agent: Agent):
    result = agent.call("request", ACCESS | {"reveal": True}, way="credentials")
    assert result.structured_content["problem"]["code"] == "reveal_unavailable"
    assert not agent.broker.asked


def test_dx_an_unknown_tool_is_an_error_of_the_protocol(agent: Agent):
    async def scenario(client: Client) -> None:
        with pytest.raises(MCPError, match=r"There is no such tool\. The tools are list_targets, explain"):
            await agent.tool(client, "requets")

    agent.use(scenario)


def test_dx_a_missing_reason_is_a_question_to_the_person(agent: Agent):
    agent.broker.say("POST", "/v1/grants", 201, ACTIVE)
    asked = []

    async def person(_context: Any, params: Any) -> ElicitResult:
        asked.append(params.message)
        return ElicitResult(action="accept", content={"reason": "the person's reason"})

    given = {name: value for name, value in ACCESS.items() if name != "reason"}
    result = agent.call("request", given, elicitation_callback=person)
    assert not result.is_error, result
    assert agent.broker.calls("POST", "/v1/grants")[0].json["reason"] == "the person's reason"
    assert asked == ["An agent requests AWS access to analytics-prod. What is the access for?"]


@pytest.mark.parametrize("does", ["decline", "cancel", "cannot"])
def test_dx_a_reason_that_the_person_does_not_give_is_a_problem(agent: Agent, does: str):
    async def person(_context: Any, _params: Any) -> ElicitResult:
        return ElicitResult(action=does)

    options = {} if does == "cannot" else {"elicitation_callback": person}
    result = agent.call("request", ACCESS | {"reason": " "}, **options)
    assert result.structured_content["problem"]["code"] == "reason_missing"
    assert not agent.broker.asked


def test_cli_03_a_wait_reports_progress_and_what_was_approved(agent: Agent):
    narrower = [{"actions": ["s3:GetObject"], "resources": ["arn:aws:s3:::reports/2026/q3.csv"]}]
    decided = {"grant": grant(way="gateway", permissions=narrower, votes=[vote("approve", "one file")])}
    for body in (PENDING, PENDING, decided):
        agent.broker.say("GET", GRANT, 200, body, Retry_After="1")
    progress = []

    async def note(seconds: float, at_most: float | None, words: str | None) -> None:
        progress.append((seconds, at_most, words))

    async def scenario(client: Client) -> Any:
        return await agent.tool(client, "wait", {"grant": GRANT_ID}, progress_callback=note)

    document = agent.use(scenario).structured_content
    assert document["grant"]["state"] == "active"
    assert document["notes"][0].startswith("approved by people.alice, narrower than requested")
    assert [at_most for _, at_most, _ in progress] == [50.0] * len(progress)
    assert "is under review by data-owners" in progress[0][2]
    assert progress[-1][2] == "active"


def test_cli_03_a_wait_offers_the_page_of_the_review_once(agent: Agent):
    for body in (*[PENDING] * 6, ACTIVE):
        agent.broker.say("GET", GRANT, 200, body, Retry_After="1")
    offered = []

    async def person(_context: Any, params: Any) -> ElicitResult:
        offered.append((params.mode, params.url))
        return ElicitResult(action="decline")

    async def scenario(client: Client) -> Any:
        first = await agent.tool(client, "wait", {"grant": GRANT_ID, "at_most_seconds": 1})
        await agent.tool(client, "wait", {"grant": GRANT_ID, "at_most_seconds": 1})
        return first

    first = agent.use(scenario, elicitation_callback=person)
    assert first.structured_content["grant"]["state"] == "pending"
    assert offered == [("url", REVIEW["review_url"])]


def test_cli_03_a_page_that_the_person_leaves_open_does_not_hold_up_the_wait(broker: FakeBroker):
    """Clients of 2026-07-28 answer the offer before the wait begins."""
    agent = Agent(broker, "legacy")
    for body in (PENDING, ACTIVE):
        broker.say("GET", GRANT, 200, body, Retry_After="1")

    async def person(_context: Any, _params: Any) -> ElicitResult:
        await anyio.sleep_forever()
        raise AssertionError

    result = agent.call("wait", {"grant": GRANT_ID}, elicitation_callback=person)
    assert result.structured_content["grant"]["state"] == "active"


def test_dx_a_wait_for_a_grant_that_is_lost_is_a_problem(agent: Agent):
    agent.broker.say("GET", GRANT, 200, PENDING)
    agent.broker.say("GET", GRANT, 403, problem("suspended"))
    result = agent.call("wait", {"grant": GRANT_ID, "at_most_seconds": 30})
    assert result.is_error is True
    assert result.structured_content["problem"]["code"] == "suspended"


def test_cli_03_a_wait_ends_in_time_with_the_review_still_open(agent: Agent):
    agent.broker.say("GET", GRANT, 200, PENDING, Retry_After="1")
    result = agent.call("wait", {"grant": GRANT_ID, "at_most_seconds": 1})
    assert not result.is_error
    assert result.structured_content["grant"]["state"] == "pending"


def test_cli_03_a_cancelled_wait_ends_and_leaves_the_request(agent: Agent):
    agent.broker.say("GET", GRANT, 200, PENDING, Retry_After="1")
    agent.broker.say("POST", "/v1/grants", 202, PENDING)

    async def scenario(client: Client) -> int:
        await agent.tool(client, "request", ACCESS)
        with anyio.move_on_after(0.3):
            await agent.tool(client, "wait", {"grant": GRANT_ID, "at_most_seconds": 600})
        await anyio.sleep(0.2)
        polls = len(agent.broker.calls("GET", GRANT))
        await anyio.sleep(1.5)
        assert not agent.broker.calls("DELETE", GRANT)
        return len(agent.broker.calls("GET", GRANT)) - polls

    assert agent.use(scenario) == 0
    assert agent.broker.calls("DELETE", GRANT), "the end of the server withdraws the request"


def test_cli_03_a_wait_that_was_cancelled_neither_reports_nor_sleeps():
    """Its thread may be between two polls when the client cancels it."""
    cancelled = threading.Event()
    cancelled.set()
    pending = GrantResponse.read(PENDING)
    wait = CancellableWait(Broker("https://jitney.invalid", FixedToken()), pending, never_reported, cancelled)
    for step in (lambda: wait._progress(pending, None), lambda: wait._sleep(600)):
        with pytest.raises(WaitCancelledError):
            step()


async def never_reported(_latest: GrantResponse) -> None:
    pytest.fail("the client cancelled the wait")


def test_gw_09_a_ticket_is_no_answer_to_a_tool_call(agent: Agent):
    ticket = {"method": "GET", "url": "https://s3.invalid/k", "headers": {}, "expires_at": "2099-11-24T12:05:00Z"}
    agent.broker.say("POST", "/v1/calls", 200, {"call_id": CALL_ID, "grant_id": GRANT_ID, "ticket": ticket})
    assert agent.call("call", GET_OBJECT).is_error
    assert "s3.invalid" not in "".join(agent.seen)


def test_gw_06_a_repeated_tool_call_is_one_call(agent: Agent):
    agent.broker.say("POST", "/v1/calls", 200, answer())

    async def scenario(client: Client) -> list[bool]:
        results = [await agent.tool(client, "call", GET_OBJECT) for _ in range(2)]
        await agent.tool(client, "call", GET_OBJECT | {"again": 1})
        return [each.structured_content["repeated"] for each in results]

    assert agent.use(scenario) == [False, True]
    first, second, third = (each.headers["Idempotency-Key"] for each in agent.broker.calls("POST", "/v1/calls"))
    assert first == second != third
    assert agent.broker.asked[0].json == GET_OBJECT
    assert agent.broker.asked[2].json == GET_OBJECT


def test_gw_06_the_key_of_a_call_depends_on_each_argument():
    changed = [
        {"service": "s3control"},
        {"operation": "HeadObject"},
        {"parameters": {"Bucket": "b", "Key": "k2"}},
        {"region": "eu-west-2"},
        {"grant": CHILD_ID},
        {"again": 1},
        {"changed": "The owner agreed."},
    ]
    keys = {call_key(CallArguments.model_validate(GET_OBJECT | each)) for each in ({}, *changed)}
    assert len(keys) == len(changed) + 1
    other_order = GET_OBJECT | {"parameters": {"Key": "k", "Bucket": "b"}}
    assert call_key(CallArguments.model_validate(other_order)) in keys


def test_cli_03_a_call_under_review_says_how_to_go_on(agent: Agent):
    agent.broker.say("POST", "/v1/calls", 202, UNDER_REVIEW)
    agent.broker.say("POST", "/v1/calls", 200, answer("", 204))
    approved = UNDER_REVIEW["grant"] | {"state": "active", "call": {"grant": GRANT_ID, "service": "s3"}}
    agent.broker.say("GET", f"/v1/grants/{CHILD_ID}", 200, {"grant": approved})

    async def scenario(client: Client) -> Any:
        pending = await agent.tool(client, "call", GET_OBJECT)
        waited = await agent.tool(client, "wait", {"grant": pending.structured_content["grant"]["id"]})
        return pending, waited, await agent.tool(client, "call", GET_OBJECT)

    pending, waited, made = agent.use(scenario)
    assert not pending.is_error
    assert pending.structured_content["under_review"] is True
    assert "repeat the call unchanged" in pending.structured_content["next"]
    assert "Repeat the tool call with the same arguments" in waited.structured_content["next"]
    assert made.structured_content["status"] == 204


@pytest.mark.parametrize(
    ("code", "status", "words"),
    [
        ("call_already_made", 409, "add 1 to `again`"),
        ("idempotency_mismatch", 422, "add 1 to `again`"),
        ("call_may_have_run", 502, "Read the state"),
        ("call_in_progress", 409, "Repeat the tool call"),
        ("grant_released", 409, "Use the tool request"),
        ("suspended", 403, "The fix of suspended."),
    ],
)
def test_dx_a_call_that_fails_says_what_to_do(agent: Agent, code: str, status: int, words: str):
    agent.broker.say("POST", "/v1/calls", status, problem(code))
    result = agent.call("call", GET_OBJECT)
    assert result.is_error is True
    assert result.structured_content["problem"]["code"] == code
    assert words in result.structured_content["next"]


@pytest.mark.parametrize("code", ["grant_released", "grant_ended", "grant_rejected"])
def test_dx_a_call_whose_review_ended_is_made_again_in_its_grant(agent: Agent, code: str):
    child = UNDER_REVIEW["grant"] | {"state": "released", "call": {"id": CALL_ID, "grant": GRANT_ID}}
    fix = "Make the call with a new Idempotency-Key. It is then reviewed again."
    agent.broker.say("POST", "/v1/calls", 409, problem(code, fix=fix, grant=child))
    found = agent.call("call", GET_OBJECT).structured_content
    assert found["next"] == "Make the call with 1 added to `again`. It is then reviewed again."
    assert found["problem"]["fix"] == found["next"]


@pytest.mark.parametrize(
    ("index", "place"), [(0, "/commands/0"), (1, "/commands/1"), (2, "/calls/0"), (12, "/calls/10")]
)
def test_dx_a_wrong_command_or_call_is_named_by_its_place_in_the_arguments(agent: Agent, index: int, place: str):
    pointer = f"/calls/{index}"
    members = {"detail": f"{pointer}: It is wrong.", "pointer": pointer, "errors": [{"pointer": f"{pointer}/region"}]}
    agent.broker.say("POST", "/v1/decisions", 400, problem("call_invalid", **members))
    call = {"service": "s3", "operation": "GetObject"}
    asked = {"target": "analytics-prod", "commands": ["aws s3 ls", "aws s3 ls"], "calls": [call] * 11}
    found = agent.call("explain", asked).structured_content["problem"]
    assert (found["detail"], found["pointer"]) == (f"{place}: It is wrong.", place)
    assert found["errors"][0]["pointer"] == f"{place}/region"
    agent.broker.say("POST", "/v1/decisions", 400, problem("call_invalid", **members))
    alone = agent.call("explain", asked | {"commands": []}).structured_content["problem"]
    assert alone["pointer"] == pointer


def test_dx_an_unknown_target_names_the_tool_that_lists_them(agent: Agent):
    fix = "List your targets with GET /v1/targets (jitney targets), or ask your platform engineer for the alias."
    agent.broker.say("POST", "/v1/grants", 404, problem("target_unknown", fix=fix))
    step = agent.call("request", ACCESS).structured_content["next"]
    assert step == "List your targets with the tool list_targets, or ask your platform engineer for the alias."


def test_dx_the_words_that_a_fix_gets_for_tools_occur_in_the_brokers_fixes():
    broker = Path(problem_results.__file__).parents[2]
    sources = [path.read_text("utf-8") for room in ("core", "handlers") for path in (broker / room).rglob("*.py")]
    assert all(any(words in source for source in sources) for words, _ in problem_results._IN_TOOLS)


def test_dx_a_call_outside_its_grant_names_the_request_that_it_needs(agent: Agent):
    smallest = {"target": "analytics-prod", "way": "gateway", "reveal": True, "permissions": PERMISSIONS}
    agent.broker.say("POST", "/v1/calls", 403, problem("call_outside_grant", smallest_request=smallest))
    document = agent.call("call", GET_OBJECT).structured_content
    assert document["would_pass"] == [{"target": "analytics-prod", "permissions": PERMISSIONS, "reveal": True}]
    agent.broker.say("POST", "/v1/grants", 201, ACTIVE)
    assert not agent.call("request", document["would_pass"][0] | {"reason": "r"}).is_error


def test_dx_an_outage_of_the_broker_is_a_result(agent: Agent):
    agent.broker.say("GET", "/v1/grants", 502, b"<html>")
    result = agent.call("my_grants")
    assert result.is_error is True
    assert result.structured_content["problem"]["code"] == "response_invalid"


def test_dx_grants_are_listed_by_pages(agent: Agent):
    listed = [grant(way="gateway"), grant("pending", review=REVIEW)]
    agent.broker.say("GET", "/v1/grants", 200, {"grants": listed, "next": "c2"})
    agent.broker.say("GET", "/v1/grants?cursor=c2", 200, {"grants": [], "next": None})
    page = agent.call("my_grants").structured_content
    assert (page["grants"][0]["id"], page["next_cursor"]) == (GRANT_ID, "c2")
    assert [each.get("review", {}).get("url") for each in page["grants"]] == [None, REVIEW["review_url"]]
    assert agent.call("my_grants", {"cursor": "c2"}).structured_content["grants"] == []
