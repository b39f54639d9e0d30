"""boto3 sessions whose calls use an open grant."""

import os
import re
from typing import Any

import boto3
import botocore.session
from botocore.awsrequest import AWSResponse
from botocore.credentials import CredentialResolver
from botocore.tokens import TokenProviderChain

from jitney.client.api.responses import ApiGrant
from jitney.sdk.gateway_calls import GatewayCalls
from jitney.sdk.grant_credentials import GrantProvider
from jitney.sdk.open_grant import KeptHere, OpenGrant
from jitney.sdk.review_waits import ReviewWait

_REFUSED = frozenset({400, 401, 403})
_ABOUT_ACCESS = re.compile(
    r"AccessDenied|Unauthorized|Expired|Forbidden|403|Invalid.*Token|InvalidAccessKey|Unrecognized"
)
PLACEHOLDER = "jitney-gateway"
"""Placeholder keys that sign the requests of gateway sessions. No server receives these requests."""


class SessionOfGrant(KeptHere):
    """The common part of the sessions of boto3 and aioboto3. botocore's session is passed on to their base class."""

    def __init__(self, opened: OpenGrant, botocore_session: Any) -> None:
        super().__init__(botocore_session=botocore_session)  # type: ignore[call-arg]
        self._opened = opened

    def __repr__(self) -> str:
        """Return the type and the id of the grant."""
        return f"{type(self).__name__}({self._opened!r})"

    @property
    def grant(self) -> ApiGrant:
        """The grant in use: its id, target, permissions and times."""
        return self._opened.latest


class GrantSession(SessionOfGrant, boto3.Session):
    """A boto3 session whose clients and resources use a grant. It ends with the grant, and cannot be pickled."""


class RefusedCalls:
    """Finds out whether AWS refused a call because the grant has ended."""

    def __init__(self, opened: OpenGrant) -> None:
        self._opened = opened

    def explain(self, http_response: AWSResponse, parsed: dict[str, Any], **_: Any) -> None:
        """If AWS refuses because the grant ended, raise Revoked or GrantEnded with the reason.

        Do nothing for other errors.
        """
        if is_about_access(http_response, parsed) and (problem := self._opened.why_refused()):
            raise problem


def opened_session(opened: OpenGrant, waits: ReviewWait) -> GrantSession:
    """Return a session for an open grant. With the way "gateway", it has no AWS key."""
    session = botocore.session.Session()
    provider = CredentialResolver([GrantProvider(opened)])
    use_grant(opened, session, provider, RefusedCalls(opened), GatewayCalls(opened, waits))
    return GrantSession(opened, session)


def use_grant(opened: OpenGrant, session: Any, provider: Any, refused: RefusedCalls, calls: GatewayCalls) -> None:
    """Let the clients of a session of botocore use an open grant, in the grant's way and Region, and nothing else."""
    events = session.get_component("event_emitter")
    session.register_component("token_provider", TokenProviderChain([]))
    events.register_first("choose-signer", sign_with_keys)
    if opened.latest.way == "gateway":
        session.set_credentials(PLACEHOLDER, PLACEHOLDER)
        calls.attach(events)
    else:
        session.register_component("credential_provider", provider)
        events.register_last("after-call", refused.explain)
    if session.get_config_variable("region") is None and opened.latest.region:
        session.set_config_variable("region", opened.latest.region)


def sign_with_keys(signing_name: str, signature_version: str, **_: Any) -> str | None:
    """Return the signature version that uses keys, if the environment has a bearer token for the service; else None.

    The variable of the token has botocore's name for the service, such as AWS_BEARER_TOKEN_BEDROCK.
    """
    if f"AWS_BEARER_TOKEN_{re.sub('[- ]', '_', signing_name).upper()}" not in os.environ:
        return None
    return "v4" if signature_version == "bearer" else signature_version


def is_about_access(answer: AWSResponse, parsed: dict[str, Any]) -> bool:
    """Return whether the answer can mean that a session's keys do not work any more."""
    code = str(parsed.get("Error", {}).get("Code", ""))
    return answer.status_code in _REFUSED and bool(_ABOUT_ACCESS.search(code))
