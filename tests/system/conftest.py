import json
import re
import uuid
from collections.abc import Callable, Iterator
from functools import partial
from typing import Any, NamedTuple

import httpx
import pytest
from jsonschema import Draft202012Validator
from referencing import Registry, Resource
from referencing.jsonschema import DRAFT202012

from tests.openapi_file import CLOSED
from tests.running_systems import PATIENCE, Clients, root_keys, shared, start_stack
from tests.system import own_system

REGISTRY: Registry[Any] = Registry().with_resource(
    "api", Resource.from_contents(CLOSED, default_specification=DRAFT202012)
)


class Api:
    """The deployed API. Every answer is checked against docs/openapi.yaml."""

    def __init__(self, url: str, client: httpx.Client, token: Callable[[str], str]) -> None:
        self.url = url.rstrip("/")
        self.client = client
        self.token = token

    def __call__(self, verb: str, path: str, body: Any = None, *, agent: str = "reader-agent", **headers: str):
        headers = {name.replace("_", "-"): value for name, value in headers.items()}
        if agent:
            headers = {"Authorization": f"Bearer {self.token(agent)}", **headers}
        content = body if body is None or isinstance(body, bytes) else json.dumps(body).encode()
        answer = self.client.request(verb, self.url + path, content=content, headers=headers)
        conforms(verb, path, answer)
        return answer

    def ask(self, *, agent: str = "reader-agent", **members: Any) -> dict[str, Any]:
        """Return a new grant and its credentials. Fails unless it is allowed."""
        answer = self("POST", "/v1/grants", request_body(**members), agent=agent)
        assert answer.status_code == 201, answer.text
        return answer.json()


def conforms(verb: str, path: str, answer: httpx.Response) -> None:
    """Check an answer against the OpenAPI file: its status is listed, and its body conforms to the schema."""
    plain = path.split("?", maxsplit=1)[0]
    (template,) = [plain] if plain in CLOSED["paths"] else (each for each in CLOSED["paths"] if _is_of(plain, each))
    responses = CLOSED["paths"][template][verb.lower()]["responses"]
    assert str(answer.status_code) in responses, f"{answer.status_code} is not in the OpenAPI file: {answer.text}"
    response = responses[str(answer.status_code)]
    place = f"#/paths/{_escaped(template)}/{verb.lower()}/responses/{answer.status_code}"
    if "$ref" in response:
        place = response["$ref"]
        response = CLOSED["components"]["responses"][place.rpartition("/")[2]]
    media = answer.headers["content-type"].partition(";")[0]
    assert media in response["content"], answer.text
    for name in ("location", "retry-after", "preference-applied"):
        assert name not in answer.headers or name in {each.lower() for each in response.get("headers", ())}
    if media.endswith("json"):
        schema = {"$ref": f"api{place}/content/{_escaped(media)}/schema"}
        Draft202012Validator(schema, registry=REGISTRY).validate(answer.json())


def _escaped(name: str) -> str:
    """Return a name as part of a JSON pointer in a URI (RFC 6901 section 6)."""
    return name.replace("/", "~1").replace("{", "%7B").replace("}", "%7D").replace("+", "%2B")


def request_body(**members: Any) -> dict[str, Any]:
    """Return the body of a request for access that the sample policies allow, with changed members.

    `changed` lets it pass although reviewers rejected another test's request. A test that rejects such a request says
    something else (`other_words`), because these words would then be refused.
    """
    return {
        "target": "analytics-prod",
        "permissions": [{"actions": ["s3:GetObject"], "resources": ["arn:aws:s3:::reports/2026/*"]}],
        "duration_seconds": 900,
        "reason": "monthly report",
        "changed": "it is another test's request",
        **members,
    }


def other_words() -> str:
    """Return words for `changed` that no other request has."""
    return f"it is request {uuid.uuid4()}"


def _is_of(path: str, template: str) -> bool:
    pattern = re.sub(r"\\{\w+\\}", "[^/]+", re.escape(template))
    return re.fullmatch(pattern, path) is not None


@pytest.fixture(scope="session")
def api(stack: dict[str, Any], token: Callable[[str], str]) -> Iterator[Api]:
    with httpx.Client(timeout=PATIENCE, trust_env=False) as client:
        yield Api(stack["api_url"], client, token)


class Own(NamedTuple):
    """The system of tests.system.own_system. `aws` makes clients with an account's root credentials."""

    stack: dict[str, Any]
    issuer: str
    api: Api
    clients: Clients

    def aws(self, service: str, account: str = "") -> Any:
        return self.clients(service, root_keys(account or self.stack["account"]))


@pytest.fixture(scope="session")
def own() -> Iterator[Own]:
    """Yield the system for tests of own_system.GROUP only, because its issuer is in the first such process."""
    with own_system.serving_keys() as issuer, httpx.Client(timeout=PATIENCE, trust_env=False) as http:
        stack = shared("own", lambda settings: start_stack(settings, own_system.configured(settings, issuer)))
        clients = Clients(stack["aws_endpoint"], stack["region"])
        made = Own(stack, issuer, Api(stack["api_url"], http, partial(own_system.token, issuer)), clients)
        for bucket, account in own_system.ACCOUNTS.items():
            s3 = made.aws("s3", account)
            s3.create_bucket(Bucket=bucket, CreateBucketConfiguration={"LocationConstraint": "eu-west-1"})
            s3.put_object(Bucket=bucket, Key="raw/a.csv", Body=b"a,b\n")
        yield made
        clients.close()
