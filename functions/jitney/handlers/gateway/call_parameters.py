"""The parameters of a call: the exact ones, and those that records and reviewers show (row GW 7)."""

from collections.abc import Mapping
from typing import Any, NamedTuple

from jitney.adapters.aws_calls import ModelledCall
from jitney.core.gateway.shown_parameters import shown_parameters
from jitney.core.gateway.tickets import DirectBody, is_upload
from jitney.core.masking.aws_masker import AwsMasker, CallDirection
from jitney.core.masking.mask_tags import TextMaskTags
from jitney.handlers.runtime.ports import Ports

_DIRECT = "the agent sends the call to S3 itself, and the answer is not masked"
"""The value of the member `direct`, which marks a ticket among the parameters in records and reviews.

S3 has no parameter of this name.
"""


class CallParameters(NamedTuple):
    """The `exact` parameters, which are hashed, and the `shown` ones: secrets masked, bodies by their hash."""

    exact: Mapping[str, Any]
    shown: Mapping[str, Any]


def parameters_of(modelled: ModelledCall, direct: DirectBody | None, owner_key: str, ports: Ports) -> CallParameters:
    """Return the parameters of a call. `direct` is the body of a ticket. Masks have the tags of the owner."""
    operation, exact = modelled.operation.name, modelled.parameters
    masker = AwsMasker(ports.masks, TextMaskTags(lambda: ports.mask_keys.of(owner_key)))
    masked = masker.call(modelled.service, operation, CallDirection.INPUT, exact).value
    if direct:
        # `direct` is shown and hashed. So the approval of a call that the gateway sends does not cover a ticket for
        # that call.
        ticket = {"direct": _DIRECT} | ({"Body": direct} if is_upload(operation) else {})
        exact, masked = {**exact, **ticket}, {**masked, **ticket}
    return CallParameters(exact, shown_parameters(exact, masked))
