"""`import jitney` and the running system: a report read in both ways, and a grant that an operator revokes."""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from botocore.exceptions import ClientError

import jitney
from local.agent_shell import variables
from tests.system.conftest import Api

REPORT = {"Bucket": "reports", "Key": "2026/q3.csv"}
OTHER = {"Bucket": "reports", "Key": "2026/q4.csv"}
CALLS: list[Any] = [("s3", "GetObject", REPORT)]
# A revocation writes the deny document of the sample role.
pytestmark = pytest.mark.xdist_group("deny-document")


@pytest.fixture(params=["reader-agent", "gateway-agent"])
def agent(request: pytest.FixtureRequest, stack: dict[str, Any], tmp_path: Path) -> Iterator[str]:
    """Give this process the environment of an agent. Return its name."""
    with pytest.MonkeyPatch.context() as patch:
        for name, value in (variables(stack, request.param) | {"HOME": str(tmp_path)}).items():
            patch.setenv(name, value)
        yield request.param


def way_of(agent: str) -> str:
    return "gateway" if agent == "gateway-agent" else "credentials"


def read_many_times(s3: Any) -> None:
    for _ in range(100):
        s3.get_object(**REPORT)


def test_end_01_a_program_reads_a_report_until_its_grant_is_revoked(agent: str, api: Api):
    with jitney.grant("analytics-prod", calls=CALLS, reason="monthly report", way=way_of(agent)) as session:
        s3 = session.client("s3")
        assert s3.get_object(**REPORT)["Body"].read()
        path = f"/v1/grants/{session.grant.id}/revocation"
        assert api("POST", path, {"reason": "the laptop was stolen"}, agent="incident-bot").status_code == 200
        with pytest.raises(jitney.Revoked, match="the laptop was stolen"):
            read_many_times(s3)


def test_cli_06_a_program_has_access_to_its_calls_only_and_until_the_end_of_the_block(agent: str, api: Api):
    with jitney.grant("analytics-prod", calls=CALLS, reason="monthly report", way=way_of(agent)) as session:
        path = f"/v1/grants/{session.grant.id}"
        assert api("GET", path, agent=agent).json()["grant"]["state"] == "active"
        with pytest.raises((ClientError, jitney.Denied)) as refused:
            session.client("s3").get_object(**OTHER)
    assert api("GET", path, agent=agent).json()["grant"]["state"] == "released"
    if agent == "gateway-agent":
        assert "2026/q4.csv" in str(refused.value.extras["smallest_request"])
    else:
        assert refused.value.response["Error"]["Code"] == "AccessDenied"
