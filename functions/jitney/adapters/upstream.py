"""Sends a gateway call to AWS: signed, once, and only to AWS's own endpoint.

No redirect is followed, no proxy is used, and nothing is sent again. If there was no connection, the call did not run.
If the answer is incomplete, the call may have run (row GW 6).
"""

from typing import TYPE_CHECKING

from botocore.auth import S3SigV4Auth, SigV4Auth
from botocore.awsrequest import AWSRequest
from botocore.credentials import Credentials as SigningKeys
from urllib3 import PoolManager, Timeout
from urllib3.exceptions import ConnectTimeoutError, HTTPError, NameResolutionError, NewConnectionError

from jitney.adapters.aws_models import AwsEndpoint
from jitney.adapters.timed_http.timed_connections import timed_pool
from jitney.core.access.credentials import Credentials
from jitney.core.gateway.aws_answer import AwsAnswer
from jitney.core.problems import Problem

if TYPE_CHECKING:
    from urllib3.response import BaseHTTPResponse

CONNECT_SECONDS = 3
CALL_SECONDS = 20
"""The time limit of a whole call. API Gateway gives the function 29 s, in which it also has to record and mask."""
MAX_ANSWER_BYTES = 5_500_000
"""The limit of an answer. A Lambda function can answer with 6,291,556 bytes; the rest is for the envelope."""
_CHUNK_BYTES = 1_048_576

# With these signatures, a path is signed as it is sent. With others, it is encoded once more for the signature.
_S3_SIGNED = frozenset({"s3", "s3v4"})
_BODILESS = frozenset({204, 304})
_LENGTHS = frozenset({"content-length", "transfer-encoding"})
_NOT_CONNECTED = (NewConnectionError, NameResolutionError, ConnectTimeoutError)


class Upstream:
    """Sends requests."""

    def __init__(self, pool: PoolManager | None = None) -> None:
        self._pool = pool or timed_pool()

    def send(
        self,
        request: AWSRequest,
        endpoint: AwsEndpoint,
        signature_version: str,
        credentials: Credentials,
        seconds: int = CALL_SECONDS,
    ) -> AwsAnswer:
        """Sign `request` with `credentials`, send it, and return the answer, even if it is an error or a redirect.

        AWS has `seconds` to answer. Raises Problem upstream_unreached if AWS received nothing. Raises call_may_have_run
        if the answer is missing or cut. Raises answer_unmaskable if it has more than `MAX_ANSWER_BYTES`.
        """
        keys = SigningKeys(credentials.access_key_id, credentials.secret_access_key, credentials.session_token)
        signer = S3SigV4Auth if signature_version in _S3_SIGNED else SigV4Auth
        signer(keys, endpoint.signing_name, endpoint.signing_region).add_auth(request)
        sent = request.prepare()
        length = sent.headers.get("Content-Length")
        body = sent.body if isinstance(sent.body, bytes) else str(sent.body or "").encode()
        if length is not None and int(length) != len(body):
            # Otherwise the rest of the body would be read as another request on the same connection (CWE-444).
            raise ValueError("the body has another length than its header says")
        try:
            answer = self._pool.urlopen(
                sent.method,
                sent.url,
                body=body,
                headers=dict(sent.headers.items()),
                redirect=False,
                retries=False,
                timeout=Timeout(connect=CONNECT_SECONDS, total=seconds),
                preload_content=False,
                decode_content=False,
            )
        except _NOT_CONNECTED as error:
            detail = "AWS could not be reached, so the call did not run."
            raise Problem("upstream_unreached", detail, "Try again in a few seconds.") from error
        except HTTPError as error:
            raise _may_have_run() from error
        try:
            has_body = answer.status not in _BODILESS and sent.method != "HEAD"
            if has_body and not _LENGTHS.intersection(map(str.lower, answer.headers)):
                # Only a length shows that the body is whole (RFC 9112 section 8). S3 answers HeadBucket without one.
                raise _may_have_run()
            received = self._body(answer)
        except HTTPError as error:
            raise _may_have_run() from error
        finally:
            answer.close()  # a connection whose answer was read to its end is in the pool again
        return AwsAnswer(answer.status, dict(answer.headers), received)

    @staticmethod
    def _body(answer: "BaseHTTPResponse") -> bytes:
        """Return the whole body. Raises HTTPError if it is incomplete or late, and the problems of `send`."""
        chunks: list[bytes] = []
        size = 0
        # urllib3 copies a piece that is shorter than the amount that it should read.
        amount = min(answer.length_remaining or _CHUNK_BYTES, _CHUNK_BYTES)
        while chunk := answer.read(amount):
            chunks.append(chunk)
            size += len(chunk)
            if size > MAX_ANSWER_BYTES:
                detail = f"The call ran. Its answer has more than {MAX_ANSWER_BYTES} bytes, which cannot be masked."
                raise Problem("answer_unmaskable", detail, "Ask for less in one call, such as a page or a range.")
        return b"".join(chunks)


def _may_have_run() -> Problem:
    detail = "AWS received the call, but its answer did not arrive completely. The call may have run."
    return Problem("call_may_have_run", detail, "Read the state of the resource before you decide to call again.")
