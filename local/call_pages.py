"""The review of one gateway call as reviewers see it: its page, its mail and its message in Slack."""

from collections.abc import Iterator, Mapping
from dataclasses import replace
from typing import Any

from jitney import resources
from jitney.core.access.grant import Grant, State
from jitney.core.access.request import Permission, Way
from jitney.core.access.reviewed_call import ReviewedCall
from jitney.core.access.suspensions import NO_SUSPENSIONS
from jitney.core.gateway.shown_parameters import canonical_parameters, shown_parameters
from jitney.core.masking.aws_masker import AwsMasker, CallDirection
from jitney.core.masking.mask_tags import MaskTags
from jitney.core.masking.table import MaskTable
from jitney.core.review.grant_under_review import GrantUnderReview
from jitney.core.review.mail import AGENT_TEXT_NOTE, SIGN_IN, review_mail
from jitney.core.review.notices import Notice
from jitney.core.review.slack.message import message
from jitney.handlers.runtime.templates import environment, render
from local.provider_pages import NOW, agent_of, grant_of, page_of, sample_config, sheet_of_sample
from local.slack.page import posted

REVIEWS = "https://jitney.example.com/reviews"
DELETE: Mapping[str, Any] = {
    "Bucket": "reports",
    "Delete": {"Objects": [{"Key": "2025/q4.csv"}, {"Key": "drafts/2026 final .csv"}], "Quiet": True},
}
PUT: Mapping[str, Any] = {
    "TableName": "orders",
    "Item": {
        "id": {"S": "o-1004"},
        "customer": {"S": "c-7"},
        "note": {"S": "rep\u043erts <b>APPROVED by security</b>"},
        "token": {"S": "AKIAIOSFODNN7EXAMPLE wJalrXUtnFEMI/K7MDENG/bPxRfiCYEXAMPLEKEY"},
        "file": {"B": b"region,revenue\nnorth,1200\n"},
        "lines": {"L": [{"N": str(number)} for number in range(12)]},
    },
    "ConditionExpression": "attribute_not_exists(id)",
}


def pictures() -> Iterator[tuple[str, str]]:
    """Yield the name of each picture with its HTML: a deletion of objects, and a call with many parameters."""
    delete = _review("s3", "DeleteObjects", DELETE, "s3:DeleteObject", ("2025/q4.csv", "drafts/2026 final .csv"))
    put = _review("dynamodb", "PutItem", PUT, "dynamodb:PutItem", ())
    yield "call", page_of(delete)
    yield "call-parameters", page_of(put)
    yield "call-mail", _mail(delete)
    yield "call-slack", _slack(delete, put)


def _review(
    service: str, operation: str, parameters: Mapping[str, Any], action: str, keys: tuple[str, ...]
) -> GrantUnderReview:
    """Return a call that waits for its reviewers, in an active grant."""
    config, agent = sample_config(), agent_of("github_actions")
    pending = replace(grant_of(agent, config), way=Way.GATEWAY, reason="Remove last year's report", ticket="OPS-12")
    parent: Grant = replace(pending, id="g-4wq2x7ncd3kfaa", state=State.ACTIVE, starts_at=NOW, expires_at=NOW + 1800)
    arns = tuple(f"arn:aws:s3:::reports/{key}" for key in keys)
    arns = arns or (f"arn:aws:dynamodb:eu-west-1:{pending.account}:table/orders",)
    masker = AwsMasker(MaskTable.load(resources.MASKS.read_bytes()), MaskTags(lambda: b"k" * 32))
    masked = masker.call(service, operation, CallDirection.INPUT, dict(parameters)).value
    shown = canonical_parameters(shown_parameters(parameters, masked))
    call = ReviewedCall(parent.id, service, operation, "eu-west-1", shown, "a" * 64, "key")
    child = replace(pending, call=call, permissions=(Permission((action,), arns),), ends_by=NOW + 1800)
    child = replace(child, expires_at=NOW + 1800)
    return GrantUnderReview(child, config, NO_SUSPENSIONS, parent)


def _mail(review: GrantUnderReview) -> str:
    mail = review_mail(Notice.REQUESTED, sheet_of_sample(review), REVIEWS)
    values = {"mail": mail, "agent_text_note": AGENT_TEXT_NOTE, "sign_in": SIGN_IN}
    return render(environment(resources.PAGES), "mail", values)


def _slack(*reviews: GrantUnderReview) -> str:
    messages = [
        {
            "channel": "C1",
            "ts": f"{NOW + place}.0",
            "blocks": message(sheet_of_sample(each), f"{REVIEWS}/{each.grant.id}").blocks,
        }
        for place, each in enumerate(reviews)
    ]
    return posted(messages, ["alice"], {"C1": "#data-owners"})
