"""Parameters made from AWS's models, with seeds, and the requests that botocore's own clients send for them."""

import base64
import random
from functools import cache
from typing import Any
from urllib.parse import urlsplit

import botocore.session
from botocore.awsrequest import AWSPreparedRequest, AWSRequest, AWSResponse
from botocore.client import BaseClient
from botocore.config import Config
from botocore.model import OperationModel, Shape

from jitney.client.gateway.received import ReceivedRequest
from jitney.client.gateway.signature import PlaceholderKeys

KEYS = PlaceholderKeys("JITNEYAAAAAAAAAAAAAAAA", "jitney-placeholder-secret")
ENDPOINT = "http://127.0.0.1:8443"
REGION = "eu-west-1"
DEPTH = 4
TEXTS = ("a", "plain-1", 'a b"c', "x/y+z=%41&?#", "grüße ☃", "key,1", " two  spaces ", "<tag>&amp;", "a:b;c", "'~*()'")
IN_HEADERS = ("a", "plain-1", 'a"b', "x/y+z=%41&?#", "key,1", "a  b", "<tag>&amp;", "a:b;c")
BUCKETS = {"Bucket", "bucket"}
ENCODED_AGAIN = {"UserData"}
"""What botocore's client changes between its caller and the serializer."""


class Generator:
    """Makes parameters of a shape. The same seed makes the same ones."""

    def __init__(self, seed: str, protocol: str, *, only_required: bool = False) -> None:
        self._random = random.Random(seed)
        self._forms = protocol in ("query", "ec2")
        self._only_required = only_required

    def value(self, shape: Shape, depth: int = 0, name: str = "") -> Any:
        """Return JSON parameters for `shape`."""
        if shape.metadata.get("document") or shape.serialization.get("jsonvalue"):
            return {"any": ["JSON", 1, {"x": None}]}
        return getattr(self, f"_{shape.type_name}", self._scalar)(shape, depth, name)

    def _structure(self, shape: Any, depth: int, _name: str) -> dict[str, Any]:
        names = [name for name in shape.members if name not in ENCODED_AGAIN]
        if shape.metadata.get("union"):
            names = [self._random.choice(names)]
        elif self._only_required or depth >= DEPTH:
            names = list(shape.required_members) or ((leaves(shape) or names)[:1] if 0 < depth < 3 * DEPTH else [])
        else:
            names = [name for name in names if name in shape.required_members or self._random.random() < 0.7]
        read = {name: self.value(shape.members[name], depth + 1, name) for name in names}
        if depth or not self._forms:
            read = read or self._some_leaf(shape, depth)
        return {
            name: each for name, each in read.items() if each not in ({}, []) or not self._drops(shape.members[name])
        }

    def _some_leaf(self, shape: Any, depth: int) -> dict[str, Any]:
        names = leaves(shape)[:1] if depth else []
        return {name: self.value(shape.members[name], depth + 1, name) for name in names}

    def _drops(self, shape: Shape) -> bool:
        return self._forms or shape.serialization.get("location") in ("querystring", "header", "headers")

    def _list(self, shape: Any, depth: int, name: str) -> list[Any]:
        count = self._random.choice((1, 1, 2, 3)) if depth < 3 * DEPTH else 0
        items = [self.value(shape.member, depth + 1, name) for _ in range(count)]
        if shape.serialization.get("location") == "header":
            items = [
                self._random.choice(IN_HEADERS) if isinstance(each, str) and not shape.member.enum else each
                for each in items
            ]
        return [each for each in items if each not in ({}, []) or not self._forms]

    def _map(self, shape: Any, depth: int, name: str) -> dict[str, Any]:
        if depth >= 3 * DEPTH:
            return {}
        location = shape.serialization.get("location")
        keys = shape.key.enum or ("key-1", "key-2")
        if not location and not shape.key.enum:
            keys = TEXTS
        picked = self._random.sample(list(keys), min(len(keys), 1 if self._only_required else 2))
        made = {key: self.value(shape.value, depth + 1, name) for key in picked}
        if location == "headers":
            made = {key: self._random.choice(IN_HEADERS) for key in made}
        return {key: each for key, each in made.items() if each not in ({}, []) or not self._forms}

    def _string(self, shape: Any, _depth: int, name: str) -> str:
        location = shape.serialization.get("location")
        if shape.enum:
            return str(self._random.choice(shape.enum))
        if shape.name == "Expires":
            return "Tue, 24 Nov 2026 12:05:00 GMT"
        if name in BUCKETS or shape.serialization.get("hostLabel"):
            return "bucket-1"
        if name == "AccountId":
            return "444455556666"
        texts = IN_HEADERS if location in ("header", "headers") else TEXTS
        text = self._random.choice(texts)
        return text.ljust(max(shape.metadata.get("min", 0), 1), "0")

    def _scalar(self, shape: Any, _depth: int, _name: str) -> Any:
        pick = self._random.choice
        if shape.type_name == "timestamp":
            return pick(("2026-11-24T12:05:00Z", "1999-01-01T00:00:00Z"))
        return {
            "character": "c",
            "blob": base64.b64encode(pick((b"bytes \xff", b"x", b"{}"))).decode(),
            "integer": pick((0, 7, -1, 2**31 - 1)),
            "long": pick((0, 2**40, -(2**53) - 1)),
            "float": pick((1.5, 0.25, 3.0)),
            "double": pick((-2.25, 1e-7, 1e22, 0.1)),
            "boolean": pick((True, False)),
        }[shape.type_name]


def leaves(shape: Any) -> list[str]:
    return [name for name, each in shape.members.items() if each.type_name not in ("structure", "list", "map")]


@cache
def client(service: str, endpoint: str, **options: Any) -> BaseClient:
    """Return botocore's client, which sends nothing: each call ends with the request that it would send."""
    session = botocore.session.Session()
    session.set_credentials(KEYS.access_key_id, KEYS.secret)
    config = Config(
        parameter_validation=False,
        retries={"total_max_attempts": 1},
        inject_host_prefix=False,
        **options,
    )
    made = session.create_client(service, REGION, endpoint_url=endpoint, config=config)
    made.meta.events.register_first("before-send", _stop)
    return made


class Sent(Exception):
    def __init__(self, request: AWSPreparedRequest) -> None:
        super().__init__()
        self.request = request


def _stop(request: Any, **_: Any) -> AWSResponse:
    raise Sent(request)


def sent(
    service: str, operation: str, parameters: dict[str, Any], endpoint: str = ENDPOINT, **options: Any
) -> AWSPreparedRequest:
    """Return the signed request that botocore's client sends."""
    try:
        client(service, endpoint, **options)._make_api_call(operation, parameters)
    except Sent as caught:
        return caught.request
    raise AssertionError("nothing was sent")


def received(request: AWSPreparedRequest) -> ReceivedRequest:
    """Return the request as the endpoint receives it."""
    url = urlsplit(request.url)
    headers = {name.lower(): text(value) for name, value in request.headers.items()}
    return ReceivedRequest(request.method, url.path, url.query, {"host": url.netloc} | headers, content(request))


def content(request: Any) -> bytes:
    body = request.body
    if hasattr(body, "read"):
        body.seek(0)
        body = body.read()
    return (body.encode() if isinstance(body, str) else body) or b""


def text(value: Any) -> str:
    return value if isinstance(value, str) else value.decode("latin-1")


def parts(request: Any, compared: frozenset[str]) -> dict[str, Any]:
    """Return what a request says, apart from host, signature and what names the client."""
    prepared = request.prepare() if isinstance(request, AWSRequest) else request
    url = urlsplit(prepared.url)
    headers = {name.lower(): text(value) for name, value in prepared.headers.items()}
    return {
        "method": prepared.method,
        "path": url.path,
        "query": sorted(url.query.split("&")),
        "body": content(prepared),
        "headers": {name: value for name, value in headers.items() if name in compared},
    }


def filled(operation: OperationModel, parameters: dict[str, Any], token: str) -> dict[str, Any]:
    return dict.fromkeys(operation.idempotent_members, token) | parameters
