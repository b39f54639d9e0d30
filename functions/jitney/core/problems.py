"""What Jitney answers when it does not do what was asked (RFC 9457 problem details).

Every refusal has a stable code from `PROBLEMS`; the table is the documentation that the OpenAPI file and the
tests are held against. A `Problem` never carries a token, a credential or an exception's text.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, NamedTuple

TYPE_BASE = "https://jitney.dev/problems/"


class ProblemKind(NamedTuple):
    """One kind of problem: the HTTP status and the title shared by all its instances."""

    status: int
    title: str


PROBLEMS: Mapping[str, ProblemKind] = {
    # Who asks. Token codes say what was wrong without saying what would have been right for another token.
    "token_missing": ProblemKind(401, "No bearer token"),
    "token_malformed": ProblemKind(401, "The token is not a well-formed signed JWT"),
    "token_issuer_unknown": ProblemKind(401, "The token's issuer is not configured"),
    "token_algorithm": ProblemKind(401, "The token's algorithm is not accepted from this issuer"),
    "token_header": ProblemKind(401, "The token's header asks for something that is not accepted"),
    "token_key": ProblemKind(401, "No key of the issuer fits the token"),
    "token_signature": ProblemKind(401, "The token's signature does not verify"),
    "token_claims": ProblemKind(401, "A required claim is missing or of the wrong type"),
    "token_audience": ProblemKind(401, "The token is not meant for Jitney"),
    "token_expired": ProblemKind(401, "The token has expired"),
    "token_not_yet_valid": ProblemKind(401, "The token is not valid yet"),
    "token_too_old": ProblemKind(401, "The token was issued too long ago"),
    "token_kind": ProblemKind(401, "This is another kind of token than the issuer's entry expects"),
    "token_not_admitted": ProblemKind(401, "The token's bearer is not one that the issuer's entry admits"),
    "token_subject": ProblemKind(401, "The token's subject cannot be an identity"),
    "token_groups": ProblemKind(401, "The token's groups cannot be trusted as complete"),
    "token_replayed": ProblemKind(401, "The token was used before"),
    "keys_unavailable": ProblemKind(503, "The issuer's keys cannot be fetched"),
    # Who looks at the reviewers' pages.
    "sign_in_required": ProblemKind(401, "Nobody is signed in"),
    "sign_in_invalid": ProblemKind(400, "The sign-in cannot be finished"),
    "sign_in_refused": ProblemKind(403, "The identity provider signed nobody in"),
    "form_token_invalid": ProblemKind(403, "The form does not come from this session's page"),
    # Who presses buttons in Slack.
    "slack_signature_invalid": ProblemKind(401, "The request is not signed by Slack, or is too old"),
    "slack_workspace_unknown": ProblemKind(403, "Only the configured Slack workspace reviews"),
    "slack_user_unknown": ProblemKind(403, "The Slack user is nobody who is configured"),
    # What is asked.
    "body_too_large": ProblemKind(413, "The request body is too large"),
    "body_malformed": ProblemKind(400, "The request body is not valid JSON"),
    "request_invalid": ProblemKind(400, "The request is not valid"),
    "target_unknown": ProblemKind(400, "There is no such target"),
    "account_mismatch": ProblemKind(400, "A resource lies in another account than the target"),
    "action_unknown": ProblemKind(400, "An action is not known"),
    "call_invalid": ProblemKind(400, "A call cannot be read as a call of AWS"),
    "operation_unknown": ProblemKind(400, "A service or operation is not known"),
    "policy_too_large": ProblemKind(400, "The session policy would not fit"),
    "idempotency_mismatch": ProblemKind(422, "The idempotency key was used with another request"),
    "rate_limited": ProblemKind(429, "Too many requests"),
    "too_many_pending": ProblemKind(429, "Too many requests are under review"),
    "request_blocked": ProblemKind(403, "The web application firewall blocked the request"),
    # What was decided.
    "denied": ProblemKind(403, "The request is denied by policy"),
    "not_operator": ProblemKind(403, "Only an operator may do this"),
    "not_reviewer": ProblemKind(403, "Only a reviewer of the request may do this"),
    "break_glass_not_allowed": ProblemKind(403, "Only who is configured for it may break the glass"),
    "follow_up_due": ProblemKind(409, "Somebody has to look at an earlier use of break-glass first"),
    "human_required": ProblemKind(403, "Only a person may do this"),
    "own_request": ProblemKind(403, "Nobody decides about their own request"),
    "not_narrower": ProblemKind(400, "A reviewer may approve less, not more"),
    "review_changed": ProblemKind(409, "The request is not what the reviewer saw"),
    "review_ended": ProblemKind(409, "The review has ended"),
    "out_of_office_conflict": ProblemKind(409, "The absence is not what the page showed"),
    "grant_not_found": ProblemKind(404, "There is no such grant"),
    "route_not_found": ProblemKind(404, "There is no such route"),
    "grant_pending": ProblemKind(409, "The grant is still under review"),
    "grant_conflict": ProblemKind(409, "The grant changed at the same time"),
    "grant_released": ProblemKind(409, "The grant was released"),
    "grant_revoked": ProblemKind(410, "The grant was revoked"),
    "grant_rejected": ProblemKind(410, "The grant was rejected"),
    "grant_ended": ProblemKind(410, "The grant has ended"),
    # What failed.
    "issue_refused": ProblemKind(502, "AWS refused to issue the credentials"),
    "issue_throttled": ProblemKind(503, "AWS is throttling the issue of credentials"),
    "revocation_incomplete": ProblemKind(503, "The grant has ended, but its live credentials are not denied yet"),
    "unavailable": ProblemKind(503, "A part that Jitney needs did not answer"),
    "internal": ProblemKind(500, "Jitney failed"),
}


@dataclass(eq=False)
class Problem(Exception):
    """A refusal: what is wrong (`detail`), what to do about it (`fix`), and machine-readable `extras`.

    `code` is a key of `PROBLEMS`; `detail` and `fix` are sentences for a person or a model.
    """

    code: str
    detail: str
    fix: str
    extras: Mapping[str, Any] = field(default_factory=dict)
    headers: Mapping[str, str] = field(default_factory=dict)

    @property
    def status(self) -> int:
        """The HTTP status of this kind of problem."""
        return PROBLEMS[self.code].status

    def body(self) -> dict[str, Any]:
        """The problem+json members (RFC 9457 section 3.1), with `code` and `fix` as extension members."""
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
