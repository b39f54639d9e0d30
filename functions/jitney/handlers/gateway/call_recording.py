"""A gateway call as its records and its reviewers see it (rows GW 5 and GW 7)."""

from typing import Any

from jitney.core.access.credentials import Credentials
from jitney.core.access.request import names_of
from jitney.core.access.reviewed_call import ReviewedCall
from jitney.core.gateway.aws_answer import AwsAnswer, MaskedAnswer
from jitney.core.gateway.call_records import AnswerFacts, RecordedCall, call_record
from jitney.core.gateway.shown_parameters import canonical_parameters, parameters_mac
from jitney.core.records.audit import AuditRecord, Outcome
from jitney.handlers.gateway.call_checks import GatewayCall
from jitney.handlers.gateway.call_parameters import parameters_of


def recorded_call(gateway_call: GatewayCall, credentials: Credentials | None) -> RecordedCall:
    """Return the call as its records show it."""
    ports, modelled, owner = gateway_call.authenticated.ports, gateway_call.modelled, gateway_call.grant.owner_key
    operation, names = modelled.operation.name, names_of(gateway_call.needs.permissions)
    exact, shown = parameters_of(modelled, gateway_call.call_request.direct, owner, ports)
    return RecordedCall(
        service=modelled.service,
        operation=operation,
        region=modelled.region,
        parameters=shown,
        parameters_mac=parameters_mac(ports.mask_keys.of(owner), modelled.service, operation, modelled.region, exact),
        mac_key=ports.mask_keys.id,
        actions=names.actions,
        resources=names.resources,
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
