"""Placeholder keys of one run, and the check that a request is signed with them (row GW 13).

The keys are random, do not look like AWS keys, and are useless elsewhere. Only the child gets them, in its environment.
So no other process of this machine can use the agent's authority through the endpoint.
"""

import base64
import hmac
import re
import secrets
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import UTC, datetime
from hashlib import sha256
from typing import NamedTuple, Self

from botocore.auth import S3SigV4Auth, SigV4Auth
from botocore.awsrequest import AWSRequest
from botocore.compat import HTTPHeaders
from botocore.credentials import Credentials

from jitney.client.gateway.received import ReceivedRequest
from jitney.client.gateway.wire_values import unsupported_call
from jitney.client.problems import ClientProblem, Unauthenticated

MAX_SKEW_SECONDS = 300
"""The largest difference between the signature's time and the clock. Both times are from this machine."""

# Of these services, a path is signed as it is sent. Elsewhere it is encoded once more for the signature.
_S3_SIGNED = frozenset({"s3", "s3express", "s3-object-lambda", "s3-outposts"})
_AUTHORIZATION = re.compile(
    r"AWS4-HMAC-SHA256 Credential=(?P<key>[^/,\s]+)/\d{8}/(?P<region>[a-z0-9-]+)/(?P<name>[a-z0-9-]+)"
    r"/aws4_request, ?SignedHeaders=(?P<headers>[a-z0-9;_.-]+), ?Signature=(?P<signature>[0-9a-f]{64})",
    re.ASCII,
)
_NOT_OF_THE_BODY = frozenset({"UNSIGNED-PAYLOAD"})
_STREAMING = "STREAMING-"


@dataclass(frozen=True, slots=True)
class PlaceholderKeys:
    """An access key id and its secret, for one run of the endpoint."""

    access_key_id: str
    secret: str = field(repr=False)

    @classmethod
    def new(cls) -> Self:
        """Return random keys."""
        random = base64.b32encode(secrets.token_bytes(10)).decode("ascii")
        return cls(f"JITNEY{random}", f"jitney-placeholder-{secrets.token_urlsafe(32)}")


class SigningScope(NamedTuple):
    """What a signature is for: the service's name in signatures, and the Region."""

    signing_name: str
    region: str


class SignatureCheck:
    """Checks requests against the keys. `clock` gives epoch seconds."""

    def __init__(self, keys: PlaceholderKeys, clock: Callable[[], float]) -> None:
        self._keys = keys
        self._clock = clock

    def scope(self, request: ReceivedRequest) -> SigningScope:
        """Return the scope of the request's signature, after checking everything except the signature. Needs no body.

        Raises Invalid for a way of signing that the endpoint does not support. Raises Unauthenticated for another key.
        """
        found = self._parts(request)
        if not hmac.compare_digest(found["key"].encode(), self._keys.access_key_id.encode()):
            raise _refused("The request is signed with another access key than the one of this run.")
        stamp = request.headers.get("x-amz-date", "")
        if "host" not in found["headers"].split(";"):
            raise _refused("The signature does not cover the header host.")
        if abs(self._clock() - _epoch_seconds(stamp)) > MAX_SKEW_SECONDS:
            raise _refused(f"The signature's time is not within {MAX_SKEW_SECONDS} seconds of this machine's clock.")
        return SigningScope(found["name"], found["region"])

    @staticmethod
    def claimed_name(request: ReceivedRequest) -> str:
        """Return the signing name in an unverified signature, or "". It is used only to choose the form of an error."""
        found = _AUTHORIZATION.fullmatch(request.headers.get("authorization", ""))
        return found["name"] if found else ""

    def verify(self, request: ReceivedRequest) -> None:
        """Raise Unauthenticated unless the keys made the signature over this request and its body."""
        found = self._parts(request)
        stated = request.headers.get("x-amz-content-sha256")
        hashed = sha256(request.body).hexdigest()
        if stated and not (stated == hashed or stated in _NOT_OF_THE_BODY or stated.startswith(_STREAMING)):
            raise _refused("The body does not match the signed hash.")
        signed = found["headers"].split(";")
        if uncovered := sorted(n for n in request.headers if n.startswith("x-amz-") and n not in signed):
            raise _refused(f"The signature does not cover the header {uncovered[0]}.")
        computed = self._signature(request, found, signed, stated or hashed)
        if not hmac.compare_digest(computed.encode(), found["signature"].encode()):
            raise _refused("The signature does not match this run's key.")

    def _signature(self, request: ReceivedRequest, found: "re.Match[str]", signed: list[str], payload: str) -> str:
        signer = (_S3Recomputed if found["name"] in _S3_SIGNED else _Recomputed)(
            Credentials(self._keys.access_key_id, self._keys.secret), found["name"], found["region"]
        )
        query = f"?{request.query}" if request.query else ""
        headers = {name: request.headers[name] for name in signed if name in request.headers}
        again = AWSRequest(request.method, f"http://{request.headers['host']}{request.path}{query}", headers)
        again.context |= {"timestamp": request.headers["x-amz-date"], "payload": payload}
        return str(signer.signature(signer.string_to_sign(again, signer.canonical_request(again)), again))

    @staticmethod
    def _parts(request: ReceivedRequest) -> "re.Match[str]":
        given = request.headers.get("authorization", "")
        if found := _AUTHORIZATION.fullmatch(given):
            return found
        raise _unsupported_signature(given, request.query)


class _SignedHeaders(SigV4Auth):
    """Signs exactly the headers that it is given, and the payload's hash that the context holds."""

    def headers_to_sign(self, request: AWSRequest) -> HTTPHeaders:
        headers = HTTPHeaders()
        for name, value in request.headers.items():
            headers[name.lower()] = value
        return headers

    def payload(self, request: AWSRequest) -> str:
        return str(request.context["payload"])


class _Recomputed(_SignedHeaders):
    """The signature of all services except S3."""


class _S3Recomputed(_SignedHeaders, S3SigV4Auth):
    """The signature of S3, which takes the path as it is."""


_PRESIGNED = ("X-Amz-Signature=", "X-Amz-Credential=", "AWSAccessKeyId=")
"""Parameters of presigned URLs. For another endpoint than AWS's, boto3 presigns with version 2, which has the last."""
_OTHER_SIGNATURES = {
    "AWS4-ECDSA-P256-SHA256": "signatures of version 4A (several Regions)",
    "Bearer": "bearer tokens",
    "AWS": "signatures of version 2",
}


def _unsupported_signature(given: str, query: str) -> ClientProblem:
    kind = _OTHER_SIGNATURES.get(given.partition(" ")[0])
    if any(name in query for name in _PRESIGNED):
        kind = "presigned URLs, because SDKs make them without a call"
    if kind:
        return unsupported_call(f"The gateway does not accept {kind}.")
    return _refused("The request is not signed with the access key of this run (AWS Signature Version 4).")


def _refused(detail: str) -> Unauthenticated:
    fix = "Use the keys and the endpoint from the environment that this run gave to its command."
    return Unauthenticated("signature_invalid", "The signature is not accepted", detail, fix)


def _epoch_seconds(stamp: str) -> float:
    try:
        return datetime.strptime(stamp, "%Y%m%dT%H%M%SZ").replace(tzinfo=UTC).timestamp()
    except ValueError:
        return float("-inf")
