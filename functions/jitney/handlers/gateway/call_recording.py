"""A gateway call as its records and its reviewers see it (rows GW 5 and GW 7)."""

from typing import Any

from jitney.core.access.credentials import Credentials
from jitney.core.access.reviewed_call import ReviewedCall
from jitney.core.gateway.aws_answer import AwsAnswer, MaskedAnswer
from jitney.core.gateway.call_records import AnswerFacts, RecordedCall, call_record
from jitney.core.gateway.shown_parameters import canonical_parameters, parameters_mac, shown_parameters
from jitney.core.gateway.tickets import is_upload
from jitney.core.masking.aws_masker import AwsMasker, CallDirection
from jitney.core.masking.mask_tags import TextMaskTags
from jitney.core.records.audit import AuditRecord, Outcome
from jitney.handlers.gateway.call_checks import GatewayCall

_DIRECT = "the agent sends the call to S3 itself, and the answer is not masked"
"""The value of the member `direct`, which marks a ticket among the parameters in records and reviews.

S3 has no parameter of this name.
"""


def recorded_call(gateway_call: GatewayCall, credentials: Credentials | None) -> RecordedCall:
    """Return the call as its records show it."""
    ports, modelled, owner = gateway_call.authenticated.ports, gateway_call.modelled, gateway_call.grant.owner_key
    operation, exact = modelled.operation.name, modelled.parameters
    masker = AwsMasker(ports.masks, TextMaskTags(lambda: ports.mask_keys.of(owner)))
    masked = masker.call(modelled.service, operation, CallDirection.INPUT, exact).value
    if gateway_call.call_request.direct:
        # `direct` is shown and hashed. So the approval of a call that the gateway sends does not cover a ticket for
        # that call.
        direct = {"direct": _DIRECT} | ({"Body": gateway_call.call_request.direct} if is_upload(operation) else {})
        exact, masked = {**exact, **direct}, {**masked, **direct}
    return RecordedCall(
        service=modelled.service,
        operation=operation,
        region=modelled.region,
        parameters=shown_parameters(exact, masked),
        parameters_mac=parameters_mac(ports.mask_keys.of(owner), modelled.service, operation, modelled.region, exact),
        mac_key=ports.mask_keys.id,
        actions=tuple(sorted({name for each in gateway_call.needs.permissions for name in each.actions})),
        resources=tuple(sorted({arn for each in gateway_call.needs.permissions for arn in each.resources})),
        access_key_id=credentials.access_key_id if credentials else "",
        ticket=gateway_call.call_request.direct is not None,
        grant_approvals=gateway_call.grant_approvals,
    )


def reviewed_call_of(gateway_call: GatewayCall) -> ReviewedCall:
    """Return the call as its reviewers see it."""
    shown = recorded_call(gateway_call, None)
    return ReviewedCall(
        gateway_call.grant.id,
        shown.service,
        shown.operation,
        shown.region,
        canonical_parameters(shown.parameters),
        shown.parameters_mac,
        shown.mac_key,
    )


def record_of(gateway_call: GatewayCall, shown: RecordedCall, outcome: Outcome, **more: Any) -> AuditRecord:
    """Return a record of the call. `more` are other arguments of `call_record`."""
    return call_record(
        gateway_call.grant, shown, outcome, gateway_call.authenticated.origin, gateway_call.authenticated.now, **more
    )


def answer_facts(answer: AwsAnswer, masked: MaskedAnswer) -> AnswerFacts:
    """Return the facts about AWS's answer that records have."""
    return AnswerFacts(answer.status, answer.request_id, len(answer.body), masked.masked)
