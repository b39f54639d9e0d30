"""AWS tokens from sts:GetWebIdentityToken (outbound identity federation).

The issuer belongs to one account. The identity is `sub`, the ARN of the requesting role or user. Groups are
"account:ID" and "org:ID". No rule can name principal_tags or request_tags, because the caller may have chosen them. Set
`algorithms` to what the workloads request from STS: RS256 or ES384. (AWS IAM User Guide, "Understanding token claims".)

All users of a permission set of IAM Identity Center share one role, so `sub` would be one agent. These tokens are
refused. https://docs.aws.amazon.com/singlesignon/latest/userguide/referencingpermissionsets.html
"""

import re
from collections.abc import Mapping
from typing import Any

from jitney.core.identity.providers.known_claims import Form, KnownClaims, like
from jitney.core.identity.providers.provider import object_claim, text_claim, workload_provider
from jitney.core.identity.refusal import Refusal
from jitney.core.identity.signature import SignedClaims
from jitney.core.issuer_config import Issuer

SAMPLE: Mapping[str, Any] = {
    "iss": "https://a1b2c3d4-0000-4000-8000-000000000000.tokens.sts.global.api.aws",
    "aud": "jitney",
    "sub": "arn:aws:iam::123456789012:role/DataProcessingRole",
    "iat": 1_700_000_000,
    "exp": 1_700_000_900,
    "jti": "xyz123-def456-ghi789-jkl012",
    "https://sts.amazonaws.com/": {
        "aws_account": "123456789012",
        "source_region": "us-east-1",
        "org_id": "o-abc1234567",
        "principal_tags": {"team": "data-engineering"},
        "lambda_source_function_arn": "arn:aws:lambda:us-east-1:123456789012:function:process-data",
    },
}
"""The claims of a Lambda function's role."""

_NAMESPACE = "https://sts.amazonaws.com/"
_ACCOUNT = r"arn:aws[a-z-]*:iam::([0-9]{12}):"
_OF_PERMISSION_SETS = r"role/(?:aws-reserved/sso\.amazonaws\.com/|(?:.+/)?AWSReservedSSO_)"  # with its path or without
_AGENT = rf"{_ACCOUNT}(?!{_OF_PERMISSION_SETS})(?:role|user)/.+"
_EXAMPLE = "arn:aws:iam::123456789012:role/DataProcessingRole"
_IAM_PRINCIPAL = re.compile(rf"{_ACCOUNT}((?:role|user)/.+)")
_SESSION_CLAIMS = (
    "aws_account", "ec2_instance_source_private_ipv4", "ec2_instance_source_vpc", "ec2_role_delivery",
    "ec2_source_instance_arn", "federated_provider", "glue_credential_issuing_service", "identity_store_arn",
    "identity_store_user_id", "lambda_source_function_arn", "org_id", "original_session_exp", "ou_path", "principal_id",
    "source_region",
)  # fmt: skip
KNOWN = KnownClaims(
    names=("sub", "jti", *(f"{_NAMESPACE}.{name}" for name in _SESSION_CLAIMS)),
    forms={
        "sub": like(_EXAMPLE, _AGENT),
        f"{_NAMESPACE}.aws_account": Form("[0-9*?]{1,12}", "the 12 digits of an account"),
        f"{_NAMESPACE}.org_id": like("o-abc1234567", "o-[a-z0-9]{10,32}"),
    },
    units=("sub", f"{_NAMESPACE}.aws_account", f"{_NAMESPACE}.org_id"),
    subject=_AGENT,
    example=_EXAMPLE,
    parts=("{sub}", f"arn:*:iam::{{{_NAMESPACE}.aws_account}}:*"),
)


def _subject(claims: SignedClaims, _: Issuer) -> str:
    arn = _IAM_PRINCIPAL.fullmatch(claims["sub"])
    if arn is None or arn[1] != text_claim(object_claim(claims, _NAMESPACE), "aws_account"):
        raise Refusal(
            "token_subject",
            "The claim sub is not the ARN of a role or user in the token's own account.",
            "Call sts:GetWebIdentityToken for the token as an IAM role or user.",
        )
    if re.match(_OF_PERMISSION_SETS, arn[2]):
        raise Refusal(
            "token_subject",
            "The role of a permission set is shared by all its users, so it identifies no agent.",
            "Get the token with a role for this agent alone, or sign in with `jitney login`.",
        )
    return arn[0]


def _groups(claims: SignedClaims, _: Issuer) -> frozenset[str]:
    about = object_claim(claims, _NAMESPACE)
    names = {f"account:{text_claim(about, 'aws_account')}"}
    return frozenset(names | {f"org:{text_claim(about, 'org_id')}"} if "org_id" in about else names)


PROVIDER = workload_provider(
    subject=_subject,
    groups=_groups,
    fact_sources=(
        ("Role or user", "sub"),
        ("Lambda function", f"{_NAMESPACE}.lambda_source_function_arn"),
        ("EC2 instance", f"{_NAMESPACE}.ec2_source_instance_arn"),
        ("Account", f"{_NAMESPACE}.aws_account"),
    ),
    known=KNOWN,
    group_claims={"account": f"{_NAMESPACE}.aws_account", "org": f"{_NAMESPACE}.org_id"},
)
