"""A token for the caller's own AWS identity, by sts:GetWebIdentityToken.

botocore signs the call with the keys of the Lambda function, container, machine or pod, or with the keys in the
environment. No profile is read: one of them may use Jitney, which would then need a token again.
https://docs.aws.amazon.com/STS/latest/APIReference/API_GetWebIdentityToken.html
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from botocore.config import Config
from botocore.credentials import create_credential_resolver
from botocore.exceptions import BotoCoreError, ClientError, NoCredentialsError
from botocore.parsers import ResponseParserError
from botocore.session import Session

from jitney.adapters.aws_clients import may_pass
from jitney.client.problems import Invalid, Unauthenticated, Unavailable
from jitney.client.tokens import Token, checked_jwt, checked_token

_PROVIDERS = frozenset({"env", "assume-role-with-web-identity", "container-role", "iam-role"})
_SECONDS = 900
_WHERE = "sts:GetWebIdentityToken"
_REGIONS = ("AWS_REGION", "AWS_DEFAULT_REGION")


@dataclass(frozen=True, slots=True)
class AwsIdentity:
    """Tokens of the caller's role or user for `audience`, from STS in `region`.

    `endpoint` is another address of STS, or "". `algorithm` is an algorithm that the issuer's entry lists.
    """

    audience: str
    region: str
    endpoint: str = ""
    algorithm: str = field(default="ES384")

    def fetch(self) -> Token:
        """Return a new token. Raises Unauthenticated when AWS refuses, Unavailable when it does not answer."""
        session = _session()
        # The last option, which the type stubs lack, keeps AWS_ENDPOINT_URL out of this call. It may name a gateway.
        options: dict[str, Any] = {"connect_timeout": 5, "read_timeout": 10, "ignore_configured_endpoint_urls": True}
        try:
            sts: Any = session.create_client(
                "sts", self.region, endpoint_url=self.endpoint or None, config=Config(**options)
            )
            answer = sts.get_web_identity_token(
                Audience=[self.audience], SigningAlgorithm=self.algorithm, DurationSeconds=_SECONDS
            )
        except ClientError as error:
            raise _refused(error) from error
        except NoCredentialsError as error:
            detail = f"{_WHERE} cannot be signed: there are no AWS keys."
            fix = "Give this function, container, pod or machine a role. Keys of a profile are not used."
            raise Unauthenticated("token_refused", "AWS gave no token", detail, fix) from error
        except (ResponseParserError, KeyError):  # the text may quote the answer, which may hold a token
            detail = f"{_WHERE} got an answer that is not one of STS."
            raise Unavailable("issuer_unavailable", "AWS gave no token", detail, "Try again later.") from None
        except BotoCoreError as error:
            detail = f"{_WHERE} failed: {error}"
            raise Unavailable("issuer_unavailable", "AWS gave no token", detail, _fix()) from error
        value = checked_token(answer["WebIdentityToken"], _WHERE)
        return checked_jwt(value, _WHERE, self.audience, "Check this machine's clock.")


def aws_identity(audience: str, environment: Mapping[str, str]) -> AwsIdentity:
    """Return the source for the Region in the environment.

    Raises Invalid without a Region, and where the keys in the environment are those of a grant.
    """
    if "JITNEY_GRANT_ID" in environment:
        detail = "The AWS keys in this environment belong to the grant in JITNEY_GRANT_ID, not to an identity."
        fix = "Use a shell without the lines of `jitney serve`, outside of `jitney run`. Or name another source."
        raise Invalid("aws_keys_of_grant", "The AWS keys are a grant's", detail, fix)
    region = next((environment[name] for name in _REGIONS if environment.get(name)), "")
    if not region:
        detail = f"{_WHERE} needs a Region: its global endpoint does not have the operation."
        raise Invalid("setting_missing", "A setting is missing", detail, "Set AWS_REGION.")
    return AwsIdentity(audience, region)


def _session() -> Session:
    # botocore reads no profile and no file, and no variable of the environment that names one.
    nothing: dict[str, Any] = dict.fromkeys(("profile", "settings_file", "credentials_file"), (None, [], None, None))
    session = Session(session_vars=nothing)
    resolver = create_credential_resolver(session)
    resolver.providers = [each for each in resolver.providers if each.METHOD in _PROVIDERS]
    session.register_component("credential_provider", resolver)
    return session


def _refused(error: ClientError) -> Unauthenticated | Unavailable:
    answer = error.response.get("Error", {})
    detail = f"{_WHERE}: {answer.get('Code', 'unknown')} {answer.get('Message', '')}".rstrip(". ") + "."
    if may_pass(error):
        return Unavailable("issuer_unavailable", "AWS gave no token", detail, "Try again later.")
    return Unauthenticated("token_refused", "AWS gave no token", detail, _fix())


def _fix() -> str:
    return (
        "Allow sts:GetWebIdentityToken to this role, and enable it for the account:"
        " `aws iam enable-outbound-web-identity-federation`."
    )
