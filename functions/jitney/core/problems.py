"""The answers with which Jitney refuses or reports a failure (RFC 9457 problem details).

Every problem has a stable code from `PROBLEMS`; tests compare it with the OpenAPI document. A `Problem` never carries a
token, a credential or an exception's text.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, NamedTuple, TypedDict

TYPE_BASE = "https://jitney.dev/problems/"


class ProblemKind(NamedTuple):
    """One kind of problem: its HTTP status and its title."""

    status: int
    title: str


PROBLEMS: Mapping[str, ProblemKind] = {
    # Authentication. Token codes say what was wrong, but never what Jitney would accept.
    "token_missing": ProblemKind(401, "The token is missing"),
    "token_malformed": ProblemKind(401, "The token is not a well-formed signed JWT"),
    "token_issuer_unknown": ProblemKind(401, "The token's issuer is not configured"),
    "token_algorithm": ProblemKind(401, "The token's algorithm is not accepted from this issuer"),
    "token_header": ProblemKind(401, "The token's header has a member that is not accepted"),
    "token_key": ProblemKind(401, "No key of the issuer matches the token"),
    "token_signature": ProblemKind(401, "The token's signature does not verify"),
    "token_claims": ProblemKind(401, "A required claim is missing or of the wrong type"),
    "token_audience": ProblemKind(401, "The token is not meant for Jitney"),
    "token_expired": ProblemKind(401, "The token has expired"),
    "token_not_yet_valid": ProblemKind(401, "The token is not valid yet"),
    "token_too_old": ProblemKind(401, "The token was issued too long ago"),
    "token_kind": ProblemKind(401, "The token is not of the kind that is configured for its issuer"),
    "token_not_admitted": ProblemKind(401, "The token's bearer is not listed for its issuer"),
    "token_subject": ProblemKind(401, "The token's subject cannot be an identity"),
    "token_human": ProblemKind(401, "The person behind the token cannot be resolved"),
    "token_groups": ProblemKind(401, "The token's groups are malformed or incomplete"),
    "token_replayed": ProblemKind(401, "The token was used before"),
    "dpop_proof_invalid": ProblemKind(401, "The proof of possession of the token's key is not valid"),
    "keys_unavailable": ProblemKind(503, "The issuer's keys cannot be fetched"),
    # The reviewers' pages.
    "sign_in_required": ProblemKind(401, "You are not signed in"),
    "sign_in_invalid": ProblemKind(400, "The sign-in cannot be finished"),
    "sign_in_refused": ProblemKind(403, "The identity provider did not sign you in"),
    "form_token_invalid": ProblemKind(403, "The form does not come from this session's page"),
    # Slack.
    "slack_signature_invalid": ProblemKind(401, "The request is not signed by Slack, or is too old"),
    "slack_workspace_unknown": ProblemKind(403, "The Slack workspace is not the configured one"),
    "slack_user_unknown": ProblemKind(403, "The Slack user is not a configured reviewer"),
    # The request.
    "body_too_large": ProblemKind(413, "The request body is too large"),
    "body_malformed": ProblemKind(400, "The request body is not valid JSON"),
    "request_invalid": ProblemKind(400, "The request is not valid"),
    "target_unknown": ProblemKind(400, "The target does not exist"),
    "access_profile_unknown": ProblemKind(400, "The target has no such access profile"),
    "account_mismatch": ProblemKind(400, "A resource is not in the target's account"),
    "action_unknown": ProblemKind(400, "An action does not exist"),
    "call_invalid": ProblemKind(400, "A call is not a valid AWS call"),
    "answer_unmaskable": ProblemKind(502, "A call ran, but its answer cannot be passed on"),
    "call_in_progress": ProblemKind(409, "The same call is being sent"),
    "call_already_made": ProblemKind(409, "The call was made before and is not sent again"),
    "call_budget_used": ProblemKind(403, "The call would exceed a limit of its grant"),
    "call_may_have_run": ProblemKind(502, "A call may have run, but its answer is missing"),
    "upstream_unreached": ProblemKind(503, "AWS could not be reached, so a call did not run"),
    "call_unsupported": ProblemKind(400, "The gateway does not support the call"),
    "call_too_large": ProblemKind(413, "A call is too large for the gateway"),
    "call_outside_grant": ProblemKind(403, "The grant does not cover the call"),
    "credentials_grant": ProblemKind(409, "The grant is for credentials, not for the gateway"),
    "address_mismatch": ProblemKind(403, "The call does not come from the address of its grant"),
    "operation_unknown": ProblemKind(400, "A service or operation is unknown"),
    "policy_too_large": ProblemKind(400, "The session policy is too large"),
    "idempotency_mismatch": ProblemKind(422, "The idempotency key was used with another request"),
    "rate_limited": ProblemKind(429, "Too many requests"),
    "too_many_pending": ProblemKind(429, "Too many requests are under review"),
    "too_many_grants": ProblemKind(429, "Too many grants were opened"),
    "too_many_reviews": ProblemKind(429, "Too many reviews were started"),
    "request_blocked": ProblemKind(403, "The web application firewall blocked the request"),
    # Decisions.
    "denied": ProblemKind(403, "The request is denied by policy"),
    "rejected_before": ProblemKind(403, "Reviewers rejected an equal request or call before"),
    "not_operator": ProblemKind(403, "Only an operator may do this"),
    "not_reviewer": ProblemKind(403, "Only a reviewer of the request may do this"),
    "break_glass_not_allowed": ProblemKind(403, "You are not permitted to use break-glass"),
    "follow_up_due": ProblemKind(409, "An earlier use of break-glass still needs its follow-up review"),
    "suspended": ProblemKind(403, "An operator suspended the caller or the target"),
    "human_required": ProblemKind(403, "Only a person may do this"),
    "own_request": ProblemKind(403, "You cannot decide about your own request"),
    "confirmation_required": ProblemKind(409, "The approval has to be confirmed"),
    "not_narrower": ProblemKind(400, "The request cannot be narrowed like this"),
    "selection_denied": ProblemKind(403, "Policies deny the approval"),
    "review_changed": ProblemKind(409, "The request changed after the reviewer opened it"),
    "review_ended": ProblemKind(409, "The review has ended"),
    "out_of_office_conflict": ProblemKind(409, "Your out-of-office period changed after the page was loaded"),
    "grant_not_found": ProblemKind(404, "The grant does not exist"),
    "call_not_found": ProblemKind(404, "The call does not exist"),
    "suspension_name_unknown": ProblemKind(404, "There is nothing with this name to suspend"),
    "suspension_not_found": ProblemKind(404, "The suspension does not exist"),
    "suspension_conflict": ProblemKind(409, "The suspensions changed at the same time"),
    "suspension_locked": ProblemKind(409, "The suspension cannot be lifted yet"),
    "suspensions_full": ProblemKind(409, "There are too many suspensions"),
    "self_suspension": ProblemKind(409, "The suspension would stop the operator who makes it"),
    "route_not_found": ProblemKind(404, "The route does not exist"),
    "access_profile_changed": ProblemKind(409, "The access profile changed after the request"),
    "gateway_grant": ProblemKind(409, "The grant is for calls through the gateway only"),
    "grant_pending": ProblemKind(409, "The grant is still under review"),
    "grant_conflict": ProblemKind(409, "The grant changed at the same time"),
    "grant_released": ProblemKind(409, "The grant was released"),
    "grant_revoked": ProblemKind(410, "The grant was revoked"),
    "grant_rejected": ProblemKind(410, "The grant was rejected"),
    "grant_ended": ProblemKind(410, "The grant has ended"),
    # Failures.
    "issue_refused": ProblemKind(502, "AWS refused to issue the credentials"),
    "access_profile_missing": ProblemKind(502, "The target's account lacks the access profile's policy"),
    "issue_throttled": ProblemKind(503, "AWS throttles requests for credentials"),
    "revocation_incomplete": ProblemKind(503, "The grant has ended, but its credentials are not denied yet"),
    "grant_unreadable": ProblemKind(503, "This version of Jitney cannot read the grant"),
    "item_unreadable": ProblemKind(503, "This version of Jitney cannot read an item of its tables"),
    "store_busy": ProblemKind(503, "Too many requests change the same item"),
    "unavailable": ProblemKind(503, "A service that Jitney needs did not answer"),
    "internal": ProblemKind(500, "Jitney failed"),
}


class ProblemMembers(TypedDict, total=False):
    """The members that only problems of some codes have. docs/openapi.yaml describes each."""

    access_profile: Mapping[str, Any]
    allowed_subset: Sequence[Mapping[str, Any]]
    alternatives: Sequence[str]
    aws_request_id: str
    aws_status: int
    budget: Mapping[str, Any]
    call_id: str
    claim: str
    errors: Sequence[Mapping[str, Any]]
    exceeded: str
    expected: Sequence[str]
    explanation: Sequence[Mapping[str, Any]]
    grant: Mapping[str, Any]
    grant_id: str
    largest: Sequence[Mapping[str, Any]]
    limit: int
    limit_bytes: int
    longest_seconds: int
    missing: Sequence[Any]
    not_before: str
    packed_policy_size: Mapping[str, Any]
    parameter: str
    pending: Sequence[str]
    pointer: str
    policy_arn: str
    policy_version: str
    reasons: Sequence[Mapping[str, Any]]
    rejection: Mapping[str, Any]
    retry_at: str
    review: Mapping[str, Any]
    risks: Sequence[Mapping[str, Any]]
    session_policy_size: Mapping[str, Any]
    smallest_request: Mapping[str, Any]
    split: Sequence[Mapping[str, Any]]
    suspension: Mapping[str, Any]
    unit: str
    ways: Mapping[str, str]


@dataclass(eq=False)
class Problem(Exception):
    """A refusal: what is wrong (`detail`), what to do about it (`fix`), and machine-readable `extras`.

    `code` is a key of `PROBLEMS`. `detail` and `fix` are sentences for a person or a model. `aws_code` is AWS's own
    error code, or "" if AWS did not answer. It is for the log only, and never in an answer.
    """

    code: str
    detail: str
    fix: str
    extras: ProblemMembers = field(default_factory=ProblemMembers)
    headers: Mapping[str, str] = field(default_factory=dict)
    aws_code: str = ""

    @property
    def status(self) -> int:
        """The HTTP status of this kind of problem."""
        return PROBLEMS[self.code].status

    def body(self) -> dict[str, Any]:
        """Return the problem+json members (RFC 9457 section 3.1), with `code` and `fix` as extension members."""
        kind = PROBLEMS[self.code]
        return {
            "type": TYPE_BASE + self.code,
            "title": kind.title,
            "status": kind.status,
            "code": self.code,
            "detail": self.detail,
            "fix": self.fix,
            **self.extras,
        }
