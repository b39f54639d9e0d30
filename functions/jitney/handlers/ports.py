"""The ports that handlers reach the world through, each built from the function's environment when first used.

A handler names the ports that it needs, and a cold start imports and builds just those. Tests hand in fakes of the same
shape.
"""

import gc
import os
from collections.abc import Sequence
from functools import cached_property
from typing import TYPE_CHECKING, Any

import boto3

from jitney.adapters.aws_clients import DEFAULT_CONFIG, ONE_ATTEMPT, SHORT_TIMEOUT
from jitney.core.access.request import ExplainedAction
from jitney.core.access.request_body import CallExplainer
from jitney.core.actions import ActionTable
from jitney.core.config import Target
from jitney.core.identity.signature import KeySource
from jitney.core.masking.generic_masker import GenericMasker
from jitney.core.masking.mask_tags import MaskTags
from jitney.core.policy.cedar import PolicySet
from jitney.core.refusal_counts import RefusalCounts
from jitney.handlers.record_ports import RecordPorts
from jitney.handlers.review_ports import ReviewPorts
from jitney.handlers.trail_ports import TrailPorts
from jitney.resources import ACTIONS, OPERATIONS, PAGES

if TYPE_CHECKING:
    from jinja2 import Environment
    from types_boto3_iam import IAMClient

    from jitney.adapters.canary import Canary
    from jitney.adapters.deny_list import DenyList
    from jitney.adapters.mask_keys import MaskKeys
    from jitney.adapters.role_policies import RolePolicies
    from jitney.adapters.sessions import Sessions
    from jitney.adapters.store import Store
    from jitney.adapters.target_checks import TargetChecks


class Ports(ReviewPorts, RecordPorts, TrailPorts):
    """Everything that a handler may need; a port that is given by name is used instead of being built."""

    @cached_property
    def policies(self) -> PolicySet:
        """The configured policies, parsed and validated."""
        return PolicySet.load(self.config.policies)

    @cached_property
    def actions(self) -> ActionTable:
        """The action table in the bundle."""
        return ActionTable.load(ACTIONS.read_bytes())

    @cached_property
    def explainer(self) -> CallExplainer:
        """What explains calls: its code and table are read when the first request with calls comes."""
        from jitney.core.calls.explainer import explainer
        from jitney.core.calls.operations import OperationTable

        return explainer(OperationTable.load(OPERATIONS.read_bytes()))

    def explain_calls(self, calls: Sequence[Any], target: Target) -> tuple[ExplainedAction, ...]:
        """What the calls of a request need on its target. Raises Problem."""
        return self.explainer(calls, target)

    @cached_property
    def keys(self) -> KeySource:
        """The issuers' keys."""
        from jitney.adapters.issuer_keys import IssuerKeys

        return IssuerKeys(local=self.config.local)

    @cached_property
    def refusals(self) -> RefusalCounts:
        """The counts of callers that this process refused."""
        return RefusalCounts()

    @cached_property
    def store(self) -> "Store":
        """The state and audit tables."""
        from jitney.adapters.store import Store

        client = boto3.client("dynamodb", config=DEFAULT_CONFIG)
        return Store(client, os.environ["JITNEY_STATE_TABLE"], os.environ["JITNEY_AUDIT_TABLE"])

    @cached_property
    def sessions(self) -> "Sessions":
        """STS."""
        from jitney.adapters.session_clients import shared_client
        from jitney.adapters.sessions import Sessions

        return Sessions(boto3.client("sts", config=DEFAULT_CONFIG), shared_client("sts", ONE_ATTEMPT), self.now)

    @cached_property
    def mask_keys(self) -> "MaskKeys":
        """The keys of masks' tags: nothing is built or asked before there is something to mask."""
        from jitney.adapters.mask_keys import MaskKeys

        return MaskKeys(lambda: boto3.client("kms", config=SHORT_TIMEOUT), os.environ["JITNEY_MASK_KEY"])

    def mask_request(self, owner: str) -> GenericMasker:
        """Masks what the owner of grants asks for. Masking raises Problem unavailable where there is no tag."""
        return GenericMasker(MaskTags(lambda: self.mask_keys.of(owner)))

    def mask_comment(self, owner: str) -> GenericMasker:
        """Masks what people write about an owner's grants, without tags where there are none.

        Nothing shall keep a reviewer from voting, or an operator from taking a grant back.
        """
        return GenericMasker(MaskTags(lambda: self.mask_keys.key_or_none(owner)))

    @cached_property
    def deny_list(self) -> "DenyList":
        """The deny lists in the state table."""
        from jitney.adapters.deny_list import DenyList

        return DenyList(boto3.client("dynamodb", config=DEFAULT_CONFIG), os.environ["JITNEY_STATE_TABLE"])

    @cached_property
    def role_policies(self) -> "RolePolicies":
        """The deny documents in IAM of the targets' accounts."""
        from jitney.adapters.role_policies import RolePolicies

        sts = boto3.client("sts", config=DEFAULT_CONFIG)
        return RolePolicies(sts, _iam_client)

    @cached_property
    def canary(self) -> "Canary":
        """The call that shows whether a session is denied."""
        from jitney.adapters.canary import Canary

        return Canary(_sts_client)

    @cached_property
    def target_checks(self) -> "TargetChecks":
        """STS, and IAM of the targets' accounts, for checks."""
        from jitney.adapters.target_checks import TargetChecks

        return TargetChecks(boto3.client("sts", config=DEFAULT_CONFIG), _iam_client)

    @cached_property
    def templates(self) -> "Environment":
        """The pages' templates in the bundle."""
        from jitney.handlers.templates import environment

        return environment(PAGES)


def build_ports(needs: tuple[str, ...]) -> Ports:
    """The ports of a function, at the end of its module: in AWS with those that it `needs` built.

    Ends what `handlers` began: garbage is collected again from here on, but not among what the cold start made.
    https://docs.python.org/3/library/gc.html#gc.freeze
    """
    ports = Ports()
    if "AWS_LAMBDA_FUNCTION_NAME" in os.environ:
        ports.build(needs)
    gc.freeze()
    gc.enable()
    return ports


def _iam_client(key_id: str, secret: str, token: str) -> "IAMClient":
    return boto3.client(
        "iam",
        config=ONE_ATTEMPT,
        aws_access_key_id=key_id,
        aws_secret_access_key=secret,
        aws_session_token=token,
    )


def _sts_client(key_id: str, secret: str, token: str) -> Any:
    return boto3.client(
        "sts",
        config=ONE_ATTEMPT,
        aws_access_key_id=key_id,
        aws_secret_access_key=secret,
        aws_session_token=token,
    )
