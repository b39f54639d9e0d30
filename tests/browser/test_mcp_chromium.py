"""An MCP client of the official SDK does the whole task, and a person approves in Chromium, in both revisions."""

import base64
import uuid
from collections.abc import Callable
from pathlib import Path
from typing import Any

import anyio
import pytest

from local.browser import chromium, sign_in
from tests.browser.needs_chromium import NEEDS_CHROMIUM
from tests.browser.test_pages import approve as press_approve
from tests.running_systems import PATIENCE
from tests.system.test_mcp import ACCOUNT, REVISION, Server, approved, use

pytestmark = [
    pytest.mark.xdist_group("deny-document"),  # releases change the deny document of the one sample role
    NEEDS_CHROMIUM,
]
SECRET = f"hunter{uuid.uuid4().hex}"
REPORT = f"region,revenue\nnorth,1200\n# password={SECRET}\n"


def in_chromium(stack: dict[str, Any], name: str) -> Callable[[str], None]:
    """Return how a person approves at the page of an address, in Chromium."""

    def approve(url: str) -> None:
        with chromium(PATIENCE) as browser:
            page = browser.new_page()
            sign_in(page, url, stack["humans"][name])
            press_approve(page)
            page.wait_for_selector(f"text=Approved by people.{name}")

    return approve


@pytest.mark.slow
@REVISION
def test_cli_03_an_agent_requests_waits_calls_and_releases(
    stack: dict[str, Any], aws: Callable[..., Any], tmp_path: Path, mode: str
):
    server, key = Server(stack, "writer-agent", tmp_path), f"2026/{uuid.uuid4()}.csv"
    get, put = (
        {"service": "s3", "operation": operation, "parameters": {"Bucket": "reports", "Key": key}}
        for operation in ("GetObject", "PutObject")
    )
    body = base64.b64encode(REPORT.encode()).decode()
    access = {"target": "analytics-prod", "calls": [put, get], "duration_seconds": 900}

    async def main() -> None:
        async with server.client(mode) as client:
            listed = await use(client, "list_targets")
            assert "analytics-prod" in [each["target"] for each in listed["targets"]]
            assert (await use(client, "explain", **access))["effect"] == "review"
            pending = await use(client, "request", reason="publish the report", changed="a new file", **access)
            assert pending["grant"]["state"] == "pending"
            active = await approved(client, in_chromium(stack, "alice"), pending)
            assert active["grant"]["state"] == "active"
            grant_id = str(active["grant"]["id"])
            call = put | {"parameters": {**put["parameters"], "Body": body}}
            made = [await use(client, "call", grant=grant_id, **call) for _ in range(2)]
            assert [(each["status"], each["repeated"]) for each in made] == [(200, False), (200, True)]
            assert made[0]["call_id"] == made[1]["call_id"]
            read = await use(client, "call", grant=grant_id, **get)
            assert (read["status"], read["untrusted"], "north,1200" in read["data"]) == (200, True, True)
            assert read["masked"]
            other = await client.call_tool("call", {"grant": grant_id, **put, "operation": "DeleteObject"})
            assert other.structured_content["problem"]["code"] == "call_outside_grant"
            assert (await use(client, "release", grant=grant_id))["grant"]["state"] == "released"
            refused = await client.call_tool("call", {"grant": grant_id, **call, "again": 1})
            assert refused.structured_content["problem"]["code"] == "grant_released"

    anyio.run(main)
    assert aws("s3", ACCOUNT).get_object(Bucket="reports", Key=key)["Body"].read() == REPORT.encode()
    server.check_transcript(SECRET)
