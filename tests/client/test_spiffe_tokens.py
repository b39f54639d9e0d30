"""The token of the SPIFFE Workload API, from a double of the agent that speaks gRPC on a Unix socket."""

import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import grpc
import pytest
from spiffe._proto import workload_pb2, workload_pb2_grpc

from jitney.client.problems import ClientProblem, Invalid, Unauthenticated, Unavailable
from jitney.client.tokens.spiffe import SpiffeToken, checked_socket
from tests.client.tokens_double import jwt

ID = "spiffe://example.org/ns/agents/reader"


class Agent(workload_pb2_grpc.SpiffeWorkloadAPIServicer):
    """A SPIRE agent that knows one workload. `answer` gives its tokens for the audiences."""

    def __init__(self) -> None:
        self.answer: Callable[[list[str]], list[str]] = lambda audiences: [jwt(audiences, sub=ID)]
        self.metadata: dict[str, Any] = {}

    def FetchJWTSVID(self, request: Any, context: grpc.ServicerContext) -> Any:  # noqa: N802 - the protocol's name
        self.metadata = {each.key: each.value for each in context.invocation_metadata()}
        try:
            svids = self.answer(list(request.audience))
        except PermissionError:
            context.abort(grpc.StatusCode.PERMISSION_DENIED, "no identity issued")
        return workload_pb2.JWTSVIDResponse(svids=[workload_pb2.JWTSVID(spiffe_id=ID, svid=each) for each in svids])


@pytest.fixture
def agent(tmp_path: Path) -> Iterator[Agent]:
    served = Agent()
    server = grpc.server(ThreadPoolExecutor(2))
    workload_pb2_grpc.add_SpiffeWorkloadAPIServicer_to_server(served, server)
    server.add_insecure_port(f"unix://{tmp_path}/api.sock")
    server.start()
    yield served
    server.stop(0).wait()


def source(tmp_path: Path, seconds: float = 30) -> SpiffeToken:
    return SpiffeToken("jitney", f"unix://{tmp_path}/api.sock", seconds)


def refused(token: SpiffeToken, kind: type[ClientProblem]) -> ClientProblem:
    with pytest.raises(kind) as found:
        token.fetch()
    assert found.value.fix
    return found.value


def test_the_agent_gives_a_token_for_the_audience(agent: Agent, tmp_path: Path):
    token = source(tmp_path).fetch()
    assert token.value.count(".") == 2
    assert 0 < (token.lifetime_seconds or 0) <= 300
    assert agent.metadata["workload.spiffe.io"] == "true"  # the header that the specification requires


def no_identity(_: list[str]) -> list[str]:
    raise PermissionError


@pytest.mark.parametrize(
    ("answer", "said"),
    [
        (no_identity, "no identity issued"),
        (lambda _: [], "is empty"),
        (lambda _: [jwt("wiki", sub=ID)], "audience"),
        (lambda audience: [jwt(audience, sub=ID, ends_in=-120)], "expired"),
        (lambda _: ["garbage-canary"], "Error fetching JWT SVID"),
        (lambda audience: [jwt(audience, sub="reader")], "SPIFFE"),
    ],
)
def test_an_agent_without_a_token_for_the_broker_is_a_problem(
    agent: Agent, tmp_path: Path, answer: Callable[[list[str]], list[str]], said: str
):
    agent.answer = answer
    problem = refused(source(tmp_path), Unauthenticated)
    assert said in problem.detail
    assert "canary" not in f"{problem.detail}{problem.fix}"


def test_a_slow_agent_is_given_up(agent: Agent, tmp_path: Path):
    def slow(audience: list[str]) -> list[str]:
        time.sleep(1)
        return [jwt(audience, sub=ID)]

    agent.answer = slow
    assert "DEADLINE_EXCEEDED" in refused(source(tmp_path, 0.1), Unavailable).detail


def test_a_socket_that_is_not_there_is_a_problem(tmp_path: Path):
    assert refused(source(tmp_path), Invalid).code == "setting_invalid"


@pytest.mark.parametrize(
    "address", ["tcp://[::1", "tcp://10.0.0.1:8081", "https://spire.example.com", "", "/run/api.sock"]
)
def test_cli_01_a_workload_api_on_the_network_is_not_asked(address: str):
    with pytest.raises(Invalid, match="neither a Unix socket nor on this machine"):
        checked_socket(address)
    assert checked_socket("unix:///run/spire/api.sock")
    assert checked_socket("tcp://127.0.0.1:8081")
