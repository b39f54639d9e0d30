"""Signs a request that the agent sends to S3 itself. The signing session is for this call only (row GW 9)."""

from botocore.auth import S3SigV4Auth
from botocore.awsrequest import AWSRequest
from botocore.credentials import Credentials as SigningKeys

from jitney.adapters.aws_models import AwsEndpoint
from jitney.core.access.credentials import Credentials
from jitney.core.gateway.tickets import DirectBody, Ticket

_SENT_BY_CLIENTS = frozenset({"host"})
"""A header that each HTTP client derives from the URL."""


class _BoundBodyAuth(S3SigV4Auth):
    """Signs the hash of a body that the signer does not have. S3 refuses any other body."""

    def __init__(self, keys: SigningKeys, endpoint: AwsEndpoint, content_sha256: str) -> None:
        super().__init__(keys, endpoint.signing_name, endpoint.signing_region)
        self._content_sha256 = content_sha256

    def payload(self, request: AWSRequest) -> str:  # noqa: ARG002
        """Return the hash that replaces the body in the signature."""
        return self._content_sha256


def signed_ticket(request: AWSRequest, endpoint: AwsEndpoint, body: DirectBody, credentials: Credentials) -> Ticket:
    """Return the ticket for `request`, which has no body.

    The signing session's policy denies the request after the ticket's end.
    """
    keys = SigningKeys(credentials.access_key_id, credentials.secret_access_key, credentials.session_token)
    if request.method == "PUT":
        request.headers["Content-Length"] = str(body.content_length)
    _BoundBodyAuth(keys, endpoint, body.content_sha256).add_auth(request)
    headers = {name: value for name, value in request.headers.items() if name.lower() not in _SENT_BY_CLIENTS}
    return Ticket(str(request.method), str(request.prepare().url), headers, credentials.expires_at)
